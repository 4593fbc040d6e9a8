// Text and bytes: UTF-8, hexadecimal, UUIDs, base64, ASCII helpers.

const encoder = new TextEncoder();
// ignoreBOM: a leading U+FEFF belongs to the message (the Encoding standard's "UTF-8 decode without BOM").
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const strictDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export function utf8Encode(text: string): Uint8Array<ArrayBuffer> {
  return encoder.encode(text);
}

/** Decodes UTF-8; malformed sequences become U+FFFD. */
export function utf8Decode(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

/** Decodes UTF-8, or undefined where the bytes are not valid UTF-8. */
export function utf8DecodeStrict(bytes: Uint8Array): string | undefined {
  try {
    return strictDecoder.decode(bytes);
  } catch {
    return undefined;
  }
}

const HEX = Array.from({ length: 256 }, (_, n) => n.toString(16).padStart(2, "0"));

export function hexEncode(bytes: Uint8Array, separator = ""): string {
  let out = "";
  for (let i = 0; i < bytes.length; i++) out += (i ? separator : "") + HEX[bytes[i]!]!;
  return out;
}

/** Bytes of a hexadecimal text (white space and colons are skipped), or undefined if it is not one. */
export function hexDecode(text: string): Uint8Array<ArrayBuffer> | undefined {
  const clean = text.replace(/[\s:]/g, "");
  if (clean.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(clean)) return undefined;
  const out = new Uint8Array(clean.length / 2);
  for (let i = 0; i < out.length; i++) out[i] = Number.parseInt(clean.slice(2 * i, 2 * i + 2), 16);
  return out;
}

/** A UUID (RFC 9562 §5.4: version 4) of 16 random bytes, which it changes. */
export function uuid(random: Uint8Array): string {
  random[6] = (random[6]! & 0x0f) | 0x40;
  random[8] = (random[8]! & 0x3f) | 0x80;
  return hexEncode(random).replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

const BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

export function base64Encode(bytes: Uint8Array): string {
  let out = "";
  for (let i = 0; i < bytes.length; i += 3) {
    const left = bytes.length - i;
    const n = (bytes[i]! << 16) | ((left > 1 ? bytes[i + 1]! : 0) << 8) | (left > 2 ? bytes[i + 2]! : 0);
    out += BASE64[n >>> 18]! + BASE64[(n >>> 12) & 63]!;
    out += (left > 1 ? BASE64[(n >>> 6) & 63]! : "=") + (left > 2 ? BASE64[n & 63]! : "=");
  }
  return out;
}

/** `length` characters of the ICE alphabet (RFC 8839 `ice-char`: 64 of them, 6 bits each) drawn from `random`. */
export function iceChars(length: number, random: (length: number) => Uint8Array): string {
  const bytes = random(length);
  let out = "";
  for (let i = 0; i < length; i++) out += BASE64[bytes[i]! & 63]!;
  return out;
}

/** Bytes of a base64 text (RFC 4648 §4, padding optional), or undefined if it is not one. */
export function base64Decode(text: string): Uint8Array<ArrayBuffer> | undefined {
  const clean = text.replace(/=+$/, "");
  if (clean.length % 4 === 1) return undefined;
  const out = new Uint8Array(Math.floor((clean.length * 3) / 4));
  let bits = 0;
  let held = 0;
  let at = 0;
  for (let i = 0; i < clean.length; i++) {
    const value = BASE64.indexOf(clean[i]!);
    if (value < 0) return undefined;
    bits = ((bits << 6) | value) & 0xffffff;
    held += 6;
    if (held >= 8) {
      held -= 8;
      out[at++] = bits >>> held;
    }
  }
  return out;
}
