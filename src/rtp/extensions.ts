// RTP header extensions (RFC 8285): the table of what was negotiated, finding elements of a packet by kind without allocation,
// their values, and writing them in the one-byte or the two-byte form. Elements of no known kind are skipped, as are those whose
// length is not what their kind takes.
import { readU16, readU24, readU32, writeU16, writeU24, writeU32 } from "./bytes.js";

/** Profile words of the two forms of header extensions (RFC 8285 §4.2, §4.3); the low four bits of the second are the application's. */
export const ONE_BYTE_PROFILE = 0xbede;
export const TWO_BYTE_PROFILE = 0x1000;

/** What of a packet is looked at: the extension block, right behind the contributing sources. */
export interface ExtensionBearer {
  readonly bytes: Uint8Array;
  /** Set where a view of the bytes is given away. */
  kept: boolean;
  readonly extensionProfile: number;
  readonly extensionOffset: number;
  readonly extensionLength: number;
}

/** What an extension is. Values index tables; they appear in no packet. */
export const ExtensionKind = {
  /** RFC 8843 §15. */
  mid: 1,
  /** RFC 8852 §4.1: rid. */
  rid: 2,
  /** RFC 8852 §4.2: the rid of the stream that a retransmission repairs. */
  repairedRid: 3,
  /** RFC 6464. */
  audioLevel: 4,
  /** RFC 6465: levels of the contributing sources. */
  csrcAudioLevel: 5,
  absSendTime: 6,
  /** draft-holmer-rmcat-transport-wide-cc-extensions. */
  transportSequence: 7,
  absCaptureTime: 8,
  /** 3GPP TS 26.114 §7.4.5. */
  videoOrientation: 9,
  playoutDelay: 10,
  /** AOM's RTP specification for AV1, appendix A. */
  dependencyDescriptor: 11,
  colorSpace: 12,
  /** RFC 5450. */
  transmissionOffset: 13,
  videoLayersAllocation: 14,
  videoContentType: 15,
  videoTiming: 16,
  videoFrameTrackingId: 17,
} as const;

export type ExtensionKind = (typeof ExtensionKind)[keyof typeof ExtensionKind];

const KINDS = 18;

const WEBRTC = "http://www.webrtc.org/experiments/rtp-hdrext/";

const KIND_OF_URI: ReadonlyMap<string, ExtensionKind> = new Map<string, ExtensionKind>([
  ["urn:ietf:params:rtp-hdrext:sdes:mid", ExtensionKind.mid],
  ["urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id", ExtensionKind.rid],
  ["urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id", ExtensionKind.repairedRid],
  ["urn:ietf:params:rtp-hdrext:ssrc-audio-level", ExtensionKind.audioLevel],
  ["urn:ietf:params:rtp-hdrext:csrc-audio-level", ExtensionKind.csrcAudioLevel],
  [`${WEBRTC}abs-send-time`, ExtensionKind.absSendTime],
  ["http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01", ExtensionKind.transportSequence],
  [`${WEBRTC}abs-capture-time`, ExtensionKind.absCaptureTime],
  ["urn:3gpp:video-orientation", ExtensionKind.videoOrientation],
  [`${WEBRTC}playout-delay`, ExtensionKind.playoutDelay],
  [
    "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension",
    ExtensionKind.dependencyDescriptor,
  ],
  [`${WEBRTC}color-space`, ExtensionKind.colorSpace],
  ["urn:ietf:params:rtp-hdrext:toffset", ExtensionKind.transmissionOffset],
  [`${WEBRTC}video-layers-allocation00`, ExtensionKind.videoLayersAllocation],
  [`${WEBRTC}video-content-type`, ExtensionKind.videoContentType],
  [`${WEBRTC}video-timing`, ExtensionKind.videoTiming],
  [`${WEBRTC}video-frame-tracking-id`, ExtensionKind.videoFrameTrackingId],
]);

/** Undefined if the extension is none that is read or written here. */
export function extensionKind(uri: string): ExtensionKind | undefined {
  return KIND_OF_URI.get(uri);
}

export interface HeaderExtension {
  /** 1 to 14 in the one-byte form, 1 to 255 in the two-byte form. */
  readonly id: number;
  readonly uri: string;
}

/** MID and RID tokens that are longer are not looked at: SDP's are short, and they become keys of maps. */
export const MAX_TOKEN_LENGTH = 64;

const ONE_BYTE_STOP = 15;

/**
 * What was negotiated, and a cursor on one packet: `find` locates the elements of a packet, the readers give their values. A reader
 * for what the packet has not gives undefined, or -1 where a number cannot be negative.
 */
export class HeaderExtensions {
  private readonly kinds = new Uint8Array(256);
  private readonly ids = new Uint8Array(KINDS);
  private readonly offsets = new Int32Array(KINDS);
  private readonly lengths = new Int32Array(KINDS);
  private data: Uint8Array = new Uint8Array(0);
  private located: ExtensionBearer | undefined;
  /** Bit n: the packet has kind n. */
  private present = 0;

  constructor(extensions: readonly HeaderExtension[] = []) {
    this.add(extensions);
  }

  /** Adds mappings. In a bundle an id stands for the same extension in all sections (RFC 8843 §9.1), so that one table can serve them. */
  add(extensions: readonly HeaderExtension[]): void {
    for (const { id, uri } of extensions) {
      const kind = KIND_OF_URI.get(uri);
      if (kind === undefined || !(id > 0 && id < 256)) continue;
      const before = this.kinds[id]!;
      if (before !== 0 && before !== kind) this.ids[before] = 0;
      this.kinds[id] = kind;
      this.ids[kind] = id;
    }
  }

  /** The id under which the kind is written, 0: it was not negotiated. */
  id(kind: ExtensionKind): number {
    return this.ids[kind]!;
  }

  /** Bit n: kind n was negotiated. */
  get mask(): number {
    let mask = 0;
    for (let kind = 1; kind < KINDS; kind++) if (this.ids[kind] !== 0) mask |= 1 << kind;
    return mask;
  }

  /** Bit n: the packet has kind n. */
  get presentMask(): number {
    return this.present;
  }

  /** Whether the element is this token. Allocates nothing. */
  tokenIs(kind: ExtensionKind, token: string): boolean {
    const at = this.offset(kind);
    const length = token.length;
    if (at < 0 || this.lengths[kind]! < length) return false;
    for (let i = 0; i < length; i++) if (this.data[at + i] !== token.charCodeAt(i)) return false;
    for (let i = length; i < this.lengths[kind]!; i++) if (this.data[at + i] !== 0) return false;
    return true;
  }

  /** Copies the element's data to `out[at]`. */
  copyTo(kind: ExtensionKind, out: Uint8Array, at: number): void {
    const from = this.offsets[kind]!;
    const length = this.lengths[kind]!;
    for (let i = 0; i < length; i++) out[at + i] = this.data[from + i]!;
  }

  /** Whether `find` was called for this packet last. */
  isAt(packet: ExtensionBearer): boolean {
    return this.located === packet && this.data === packet.bytes;
  }

  /** Locates the elements of `packet`; valid until the next call or until the bytes change. A malformed rest is ignored. */
  find(packet: ExtensionBearer): void {
    this.present = 0;
    this.located = packet;
    const data = packet.bytes;
    this.data = data;
    const profile = packet.extensionProfile;
    if (profile === 0) return;
    let at = packet.extensionOffset;
    const end = at + packet.extensionLength;
    const oneByte = profile === ONE_BYTE_PROFILE;
    if (!oneByte && (profile & 0xfff0) !== TWO_BYTE_PROFILE) return;
    const { kinds, offsets, lengths } = this;
    let present = 0;
    while (at < end) {
      const first = data[at]!;
      let id: number;
      let length: number;
      if (oneByte) {
        id = first >> 4;
        // Id 0 is padding only with length 0; with another it is skipped with its data (RFC 8285 §4.2).
        if (first === 0) {
          at++;
          continue;
        }
        if (id === ONE_BYTE_STOP) break;
        length = (first & 15) + 1;
        at++;
      } else {
        if (first === 0) {
          at++;
          continue;
        }
        if (at + 2 > end) break;
        id = first;
        length = data[at + 1]!;
        at += 2;
      }
      if (at + length > end) break;
      const kind = kinds[id]!;
      if (kind !== 0) {
        offsets[kind] = at;
        lengths[kind] = length;
        present |= 1 << kind;
      }
      at += length;
    }
    this.present = present;
  }

  has(kind: ExtensionKind): boolean {
    return (this.present & (1 << kind)) !== 0;
  }

  /** Where the element's data is in the packet; -1 if there is none. */
  offset(kind: ExtensionKind): number {
    return (this.present & (1 << kind)) !== 0 ? this.offsets[kind]! : -1;
  }

  length(kind: ExtensionKind): number {
    return (this.present & (1 << kind)) !== 0 ? this.lengths[kind]! : -1;
  }

  /** A view of the element's data. */
  raw(kind: ExtensionKind): Uint8Array | undefined {
    const at = this.offset(kind);
    if (at < 0) return undefined;
    if (this.located !== undefined) this.located.kept = true;
    return this.data.subarray(at, at + this.lengths[kind]!);
  }

  /** mid, rid, repaired rid. Undefined too if it is empty, too long or not ASCII. Allocates: ask only while a stream is unknown. */
  token(kind: ExtensionKind): string | undefined {
    const at = this.offset(kind);
    if (at < 0) return undefined;
    // In the two-byte form RFC 7941 §4.1.2 lets nothing pad an item, but senders end it with zeros.
    let end = at + this.lengths[kind]!;
    while (end > at && this.data[end - 1] === 0) end--;
    if (end === at || end - at > MAX_TOKEN_LENGTH) return undefined;
    let text = "";
    for (let i = at; i < end; i++) {
      const code = this.data[i]!;
      if (code < 0x21 || code > 0x7e) return undefined;
      text += String.fromCharCode(code);
    }
    return text;
  }

  private sized(kind: ExtensionKind, length: number): number {
    const at = this.offset(kind);
    return at >= 0 && this.lengths[kind] === length ? at : -1;
  }

  /** RFC 6464: voice activity in bit 7, the level in -dBov (0 loudest, 127 silence) below; -1 without. */
  audioLevel(): number {
    // The two-byte form may carry a second byte of padding (RFC 6464 §3).
    const at = this.offset(ExtensionKind.audioLevel);
    return at >= 0 && this.lengths[ExtensionKind.audioLevel]! >= 1 ? this.data[at]! : -1;
  }

  /** RFC 6465: the level of contributing source `index` in -dBov; -1 without. */
  csrcAudioLevel(index: number): number {
    const at = this.offset(ExtensionKind.csrcAudioLevel);
    return at >= 0 && index < this.lengths[ExtensionKind.csrcAudioLevel]! ? this.data[at + index]! & 127 : -1;
  }

  /** 24 bits: seconds as a 6.18 fixed-point number; -1 without. */
  absSendTime(): number {
    const at = this.sized(ExtensionKind.absSendTime, 3);
    return at < 0 ? -1 : readU24(this.data, at);
  }

  /** 16 bits, -1 without. The variant with four bytes asks for feedback besides; its first two are the number. */
  transportSequence(): number {
    const at = this.offset(ExtensionKind.transportSequence);
    if (at < 0) return -1;
    const length = this.lengths[ExtensionKind.transportSequence]!;
    return length === 2 || length === 4 ? readU16(this.data, at) : -1;
  }

  /** The capture time as NTP milliseconds since 1900; NaN without. */
  absCaptureTime(): number {
    const at = this.offset(ExtensionKind.absCaptureTime);
    if (at < 0) return Number.NaN;
    const length = this.lengths[ExtensionKind.absCaptureTime]!;
    if (length !== 8 && length !== 16) return Number.NaN;
    return (readU32(this.data, at) + readU32(this.data, at + 4) / 0x1_0000_0000) * 1000;
  }

  /** Milliseconds that the capturer's clock lacks of the sender's; NaN if the extension does not say. */
  absCaptureOffset(): number {
    const at = this.sized(ExtensionKind.absCaptureTime, 16);
    if (at < 0) return Number.NaN;
    // Signed, in 1/2^32 of a second.
    return ((readU32(this.data, at + 8) | 0) + readU32(this.data, at + 12) / 0x1_0000_0000) * 1000;
  }

  /** Byte of camera, flip and rotation bits; -1 without. */
  videoOrientation(): number {
    const at = this.sized(ExtensionKind.videoOrientation, 1);
    return at < 0 ? -1 : this.data[at]!;
  }

  /** Two numbers of 12 bits in units of 10 ms, the minimum above the maximum; -1 without. */
  playoutDelay(): number {
    const at = this.sized(ExtensionKind.playoutDelay, 3);
    return at < 0 ? -1 : readU24(this.data, at);
  }

  /** Units of the RTP timestamp, signed; NaN without. */
  transmissionOffset(): number {
    const at = this.sized(ExtensionKind.transmissionOffset, 3);
    return at < 0 ? Number.NaN : (readU24(this.data, at) << 8) >> 8;
  }
}

/**
 * Writes one header extension block. `begin`, then `put…` for each element, then `end`. The form must be chosen before: a stream
 * may mix both only if that was negotiated (extmap-allow-mixed, RFC 8285 §6). What the form cannot hold is left out.
 */
export class ExtensionWriter {
  private data: Uint8Array = new Uint8Array(0);
  private start = 0;
  private at = 0;
  private twoByte = false;

  /** `offset`: right behind the contributing sources. */
  begin(data: Uint8Array, offset: number, twoByte: boolean): void {
    this.data = data;
    this.start = offset;
    this.at = offset + 4;
    this.twoByte = twoByte;
  }

  /** Makes room for an element; gives where its data goes, -1 if the form cannot hold it. */
  put(id: number, length: number): number {
    if (this.twoByte) {
      if (length > 255) return -1;
      this.data[this.at++] = id;
      this.data[this.at++] = length;
    } else {
      if (id > 14 || length < 1 || length > 16) return -1;
      this.data[this.at++] = (id << 4) | (length - 1);
    }
    const at = this.at;
    this.at += length;
    return at;
  }

  putBytes(id: number, bytes: Uint8Array): void {
    const at = this.put(id, bytes.length);
    if (at < 0) return;
    const { data } = this;
    for (let i = 0; i < bytes.length; i++) data[at + i] = bytes[i]!;
  }

  putU8(id: number, value: number): number {
    const at = this.put(id, 1);
    if (at >= 0) this.data[at] = value;
    return at;
  }

  putU16(id: number, value: number): number {
    const at = this.put(id, 2);
    if (at >= 0) writeU16(this.data, at, value);
    return at;
  }

  putU24(id: number, value: number): number {
    const at = this.put(id, 3);
    if (at >= 0) writeU24(this.data, at, value);
    return at;
  }

  putU64(id: number, high: number, low: number): number {
    const at = this.put(id, 8);
    if (at >= 0) {
      writeU32(this.data, at, high);
      writeU32(this.data, at + 4, low);
    }
    return at;
  }

  /** Capture time as NTP, by our own clock: with an offset of zero from it. */
  putCaptureTime(id: number, seconds: number, fraction: number): number {
    const at = this.put(id, 16);
    if (at >= 0) {
      writeU32(this.data, at, seconds);
      writeU32(this.data, at + 4, fraction);
      this.data.fill(0, at + 8, at + 16);
    }
    return at;
  }

  /** Pads the block, writes its head, and gives its length: 0 if nothing was put. The caller sets the extension bit. */
  end(): number {
    const { data, start } = this;
    if (this.at === start + 4) return 0;
    while ((this.at - start) % 4 !== 0) data[this.at++] = 0;
    writeU16(data, start, this.twoByte ? TWO_BYTE_PROFILE : ONE_BYTE_PROFILE);
    writeU16(data, start + 2, (this.at - start - 4) >> 2);
    return this.at - start;
  }
}

/** 24 bits of seconds as 6.18 fixed point, from milliseconds. */
export function toAbsSendTime(milliseconds: number): number {
  return Math.floor((milliseconds % 64_000) * 262.144) & 0xff_ffff;
}

/** The token as ASCII bytes. */
export function tokenBytes(token: string): Uint8Array {
  const out = new Uint8Array(token.length);
  for (let i = 0; i < token.length; i++) out[i] = token.charCodeAt(i);
  return out;
}
