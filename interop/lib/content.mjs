// What the messages contain: both sides make it from a seed and compare checksums, so that no content crosses the control channel.
// The same three functions stand in agents/common.py and agents/pion/main.go. Runs in Node and in browsers.

/** Prime, so that the repetition meets no fragment or buffer size: two fragments that change places change the checksum. */
const PERIOD = 4099;

/** What text is made of: one to four bytes each in UTF-8. */
const ALPHABET = [..."abcdefghijklmnopqrstuvwxyz\néж€語🚀"];

const encoder = new TextEncoder();

function randomBytes(seed) {
  const bytes = new Uint8Array(PERIOD);
  let x = (Math.imul(seed, 2654435761) ^ 0x5bd1e995) >>> 0 || 1;
  for (let i = 0; i < PERIOD; i++) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    bytes[i] = x >>> 24;
  }
  return bytes;
}

function repeat(block, size) {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at += block.length) {
    bytes.set(at + block.length > size ? block.subarray(0, size - at) : block, at);
  }
  return bytes;
}

/** `size` bytes that follow from `seed`. */
export function binaryContent(seed, size) {
  return repeat(randomBytes(seed), size);
}

/** Text that follows from `seed`, in UTF-8 exactly `size` bytes long. */
export function textContent(seed, size) {
  const letters = Array.from(randomBytes(seed), (b) => ALPHABET[b & 31]).join("");
  const bytes = repeat(encoder.encode(letters), size);
  let cut = size;
  // Back to the start of the last character where that one was cut in two; the rest is filled up.
  if (cut > 0 && !isWhole(bytes)) {
    do cut--;
    while ((bytes[cut] & 0xc0) === 0x80);
  }
  return bytes.fill(0x78, cut);
}

function isWhole(bytes) {
  let start = bytes.length - 1;
  while ((bytes[start] & 0xc0) === 0x80) start--;
  const first = bytes[start];
  const length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  return start + length === bytes.length;
}

const table = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let k = 0; k < 8; k++) n = n & 1 ? (n >>> 1) ^ 0xedb88320 : n >>> 1;
  return n;
});

/** CRC-32 (ISO-HDLC, as in zlib). */
export function crc32(bytes) {
  let crc = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) crc = table[(crc ^ bytes[i]) & 255] ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

/** How a message is written in events: `t` for text or `b` for binary, its size in bytes, its checksum. */
export function digest(kind, bytes) {
  return `${kind === "text" ? "t" : "b"}:${bytes.length}:${crc32(bytes).toString(16)}`;
}

/** The digest of the message that `{ kind, size, seed }` describes. */
export function expected({ kind, size, seed }) {
  return digest(kind, kind === "text" ? textContent(seed, size) : binaryContent(seed, size));
}
