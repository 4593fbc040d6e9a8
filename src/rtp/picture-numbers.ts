// Picture numbers of VP8 and VP9 in 15 bits. A sender may give them 7: behind 127 it goes on with 0, or with 128 in 15 bits (RFC 7741 §4.2,
// RFC 9628 §4.2). Receivers need not follow either (libwebrtc counts in 15 bits whatever there are), so that what is forwarded has 15.
import type { PayloadInfo } from "../payload/types.js";
import type { RtpPacket } from "./packet.js";

const MASK = 0x7fff;

export class PictureNumbers {
  /** Of the newest number, as they came; 0: none has come. */
  private bits = 0;
  private newest = 0;
  /** What is added to 15 bits: a multiple of 128, where the numbers had 7 before and ran over. */
  private shift = 0;
  private scratch: Uint8Array = new Uint8Array(0);

  /** Nothing has come since `restart`. */
  get isEmpty(): boolean {
    return this.bits === 0;
  }

  /** From here on another stream is counted. */
  restart(): void {
    this.bits = 0;
    this.shift = 0;
  }

  /** The number of a picture in 15 bits, which grows by one with each picture; -1 if there is none. */
  of(info: PayloadInfo): number {
    const { pictureId, pictureIdBits: bits } = info;
    if (pictureId < 0) return -1;
    if (this.bits === 0) {
      this.bits = bits;
      this.newest = pictureId;
      return pictureId;
    }
    let number = (pictureId + this.shift) & MASK;
    if (bits === 7 || this.bits === 7) {
      // By the shorter way around.
      const ahead = ((pictureId - this.newest) << 25) >> 25;
      number = (this.newest + ahead) & MASK;
    }
    if (((number - this.newest) << 17) >> 17 > 0) {
      if (bits === 15 && this.bits === 7) this.shift = (number - pictureId) & MASK;
      this.newest = number;
      this.bits = bits;
    }
    return number;
  }

  /** Gives `out`, a view of a packet whose number has 7 bits, a copy with room for 15; valid until the next call. */
  widen(out: RtpPacket, info: PayloadInfo): void {
    const { bytes, length } = out;
    if (this.scratch.length <= length) this.scratch = new Uint8Array(Math.max(2048, length + 1));
    const { scratch } = this;
    const at = out.payloadOffset + info.pictureIdOffset;
    scratch.set(bytes.subarray(0, at));
    // The first bit says that there are two bytes.
    scratch[at] = 0x80;
    scratch.set(bytes.subarray(at, length), at + 1);
    out.data = scratch;
    out.length = length + 1;
    out.payloadLength++;
  }
}
