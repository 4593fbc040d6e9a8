// The packets of a retransmission stream (RFC 4588): packets of another stream once more, or padding alone. Writes them; not here:
// which, and when.
import { writeU16, writeU32 } from "./bytes.js";
import { type ExtensionBlock, type ExtensionOwner, OWN_EXTENSIONS } from "./extension-block.js";
import { RTP_HEADER_LENGTH, type RtpPacket, setExtensionBit, writeRtpHeader } from "./packet.js";

/** Bytes of the original sequence number, with which the payload begins (RFC 4588 §4). */
export const RTX_NUMBER_LENGTH = 2;

/** RFC 3550 §5.1: 255. */
const MAX_PADDING = 224;

/** Serves all streams, one packet after the other. */
let scratch: Uint8Array<ArrayBuffer> = new Uint8Array(2048);

/** What it writes is valid until the next packet of any stream is written, as is what `block` says of it. */
export class RtxWriter {
  private readonly owner: ExtensionOwner;
  private readonly block: ExtensionBlock;
  private lastSequence: number;
  /** The peer has reported on the stream: it knows whose it is. */
  acknowledged = false;

  /** `lastSequence`: the number before the first. */
  constructor(owner: ExtensionOwner, block: ExtensionBlock, lastSequence: number) {
    this.owner = owner;
    this.block = block;
    this.lastSequence = lastSequence;
  }

  /** RFC 4588 §4: a packet that was sent with this number. */
  repeat(
    original: RtpPacket,
    sequenceNumber: number,
    ssrc: number,
    payloadType: number,
    rid: Uint8Array | undefined,
  ): Uint8Array {
    const source = this.owner.extensions;
    source.find(original);
    const most = original.length + OWN_EXTENSIONS + RTX_NUMBER_LENGTH;
    if (scratch.length < most) scratch = new Uint8Array(most);
    const data = scratch;
    const { csrcCount, timestamp, marker } = original;
    writeRtpHeader(data, marker, payloadType, this.nextSequence(), timestamp, ssrc, csrcCount);
    let end = RTP_HEADER_LENGTH;
    for (let i = 0; i < csrcCount; i++, end += 4) writeU32(data, end, original.csrc(i));
    const extension = this.block.forward(this.owner, data, end, source, !this.acknowledged, rid, true);
    if (extension > 0) setExtensionBit(data);
    end += extension;
    writeU16(data, end, sequenceNumber);
    end += RTX_NUMBER_LENGTH;
    data.set(original.payload(), end);
    return data.subarray(0, end + original.payloadLength);
  }

  /** About so many bytes that say nothing. */
  padding(
    bytes: number,
    timestamp: number,
    ssrc: number,
    payloadType: number,
    rid: Uint8Array | undefined,
  ): Uint8Array {
    const data = scratch;
    writeRtpHeader(data, false, payloadType, this.nextSequence(), timestamp, ssrc, 0);
    let end = RTP_HEADER_LENGTH;
    end += this.block.forward(this.owner, data, end, undefined, !this.acknowledged, rid, true);
    if (end > RTP_HEADER_LENGTH) setExtensionBit(data);
    const padding = Math.max(1, Math.min(bytes, MAX_PADDING));
    data.fill(0, end, end + padding);
    end += padding;
    data[end - 1] = padding;
    data[0]! |= 0x20;
    return data.subarray(0, end);
  }

  private nextSequence(): number {
    this.lastSequence = (this.lastSequence + 1) & 0xffff;
    return this.lastSequence;
  }
}
