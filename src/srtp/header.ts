// What SRTP needs to know of an RTP header (RFC 3550 §5.1), and the rewriting of Cryptex (RFC 9335), which encrypts
// CSRCs and header extensions too and says so in the extension's "defined by profile" field.

const ONE_BYTE = 0xbede;
const TWO_BYTE = 0x1000;
const CRYPTEX_ONE_BYTE = 0xc0de;
const CRYPTEX_TWO_BYTE = 0xc2de;

export const FIXED_HEADER_LENGTH = 12;
/** What Cryptex may add to a packet: an empty extension, if there are CSRCs only (RFC 9335 §5.1). */
export const CRYPTEX_OVERHEAD = 4;

/** Length of the header with CSRCs and extension; 0 if these `length` bytes are no RTP packet. */
export function rtpHeaderLength(packet: Uint8Array, length: number): number {
  if (length < FIXED_HEADER_LENGTH || packet[0]! >> 6 !== 2) return 0;
  let header = FIXED_HEADER_LENGTH + 4 * (packet[0]! & 15);
  if ((packet[0]! & 0x10) !== 0) {
    if (header + 4 > length) return 0;
    header += 4 + 4 * ((packet[header + 2]! << 8) | packet[header + 3]!);
  }
  return header > length ? 0 : header;
}

/** Where the header's extension begins, if it has one. */
export function extensionOffset(packet: Uint8Array): number {
  return FIXED_HEADER_LENGTH + 4 * (packet[0]! & 15);
}

function extensionProfile(packet: Uint8Array): number {
  const at = extensionOffset(packet);
  return (packet[0]! & 0x10) === 0 ? 0 : (packet[at]! << 8) | packet[at + 1]!;
}

/**
 * Marks a packet as Cryptex's (RFC 9335 §5.1), if it has CSRCs or an extension; a packet with CSRCs only gets an empty
 * extension, for which there must be room. Returns the packet's length, negated if it was not marked.
 */
export function markCryptex(packet: Uint8Array, length: number): number {
  const at = extensionOffset(packet);
  if ((packet[0]! & 0x10) === 0) {
    if (at === FIXED_HEADER_LENGTH) return -length;
    packet.copyWithin(at + 4, at, length);
    packet[0]! |= 0x10;
    packet[at] = ONE_BYTE >> 8;
    packet[at + 1] = ONE_BYTE & 0xff;
    packet[at + 2] = 0;
    packet[at + 3] = 0;
    length += 4;
  }
  const profile = extensionProfile(packet);
  if (profile !== ONE_BYTE && profile !== TWO_BYTE) return -length;
  const marked = profile === ONE_BYTE ? CRYPTEX_ONE_BYTE : CRYPTEX_TWO_BYTE;
  packet[at] = marked >> 8;
  packet[at + 1] = marked & 0xff;
  return length;
}

/** Whether the packet is marked as Cryptex's (RFC 9335 §5.2). */
export function isCryptex(packet: Uint8Array): boolean {
  const profile = extensionProfile(packet);
  return profile === CRYPTEX_ONE_BYTE || profile === CRYPTEX_TWO_BYTE;
}

/** Takes the mark away again. */
export function unmarkCryptex(packet: Uint8Array): void {
  const at = extensionOffset(packet);
  const profile = extensionProfile(packet) === CRYPTEX_ONE_BYTE ? ONE_BYTE : TWO_BYTE;
  packet[at] = profile >> 8;
  packet[at + 1] = profile & 0xff;
}
