// The header extension block of the packets that a stream sends: what each sender writes anew, what a frame brings, and what is
// passed on from the packet that is forwarded.
import { writeU16, writeU24 } from "./bytes.js";
import { ntpFraction, ntpSeconds } from "./clock.js";
import { ExtensionKind, ExtensionWriter, type HeaderExtensions, toAbsSendTime } from "./extensions.js";
import type { EncodedFrameInit } from "./types.js";

/** What is passed on as it came; the other kinds are ours to write. */
const PASSED_ON: readonly ExtensionKind[] = [
  ExtensionKind.audioLevel,
  ExtensionKind.csrcAudioLevel,
  ExtensionKind.absCaptureTime,
  ExtensionKind.videoOrientation,
  ExtensionKind.playoutDelay,
  ExtensionKind.dependencyDescriptor,
  ExtensionKind.colorSpace,
  ExtensionKind.videoLayersAllocation,
  ExtensionKind.videoContentType,
  ExtensionKind.videoTiming,
  ExtensionKind.videoFrameTrackingId,
];
const PASSED_ON_MASK: number = PASSED_ON.reduce((mask, kind) => mask | (1 << kind), 0);

/** Bytes of all that is written beside what is passed on: heads, twcc 2, send time 3, mid and rid up to 64 each. */
export const OWN_EXTENSIONS = 160;
/** The largest element of the one-byte form. */
const ONE_BYTE_MAX = 16;
/** The part of a dependency descriptor that every packet of a frame has (AV1 RTP, appendix A.8.1). */
const MANDATORY_DESCRIPTOR = 3;
const START_OF_FRAME = 0x80;
const END_OF_FRAME = 0x40;

const writer: ExtensionWriter = new ExtensionWriter();

/** Who sends, as far as extensions go. */
export interface ExtensionOwner {
  readonly extensions: HeaderExtensions;
  readonly extensionMask: number;
  readonly alwaysTwoByte: boolean;
  readonly mayMix: boolean;
  readonly mid: Uint8Array;
}

/** Writes blocks. Where the fields that depend on the moment of sending are is remembered for the last one. */
export class ExtensionBlock {
  /** Offsets of the last block's transport-wide number, send time, and dependency descriptor; -1 without. */
  transportAt = -1;
  sendTimeAt = -1;
  descriptorAt = -1;

  /** Begins at `data[at]`; `copied`: mask of what is to be passed on. Own elements are written. */
  private begin(owner: ExtensionOwner, data: Uint8Array, at: number, twoByte: boolean): void {
    const table = owner.extensions;
    writer.begin(data, at, twoByte);
    this.descriptorAt = -1;
    let id = table.id(ExtensionKind.transportSequence);
    this.transportAt = id === 0 ? -1 : writer.put(id, 2);
    id = table.id(ExtensionKind.absSendTime);
    this.sendTimeAt = id === 0 ? -1 : writer.put(id, 3);
  }

  /** `rid`: undefined if there is none or the peer knows it; `names`: the peer does not know the stream yet. */
  private names(owner: ExtensionOwner, names: boolean, rid: Uint8Array | undefined, repaired: boolean): void {
    if (!names) return;
    const table = owner.extensions;
    let id = table.id(ExtensionKind.mid);
    if (id !== 0 && owner.mid.length > 0) writer.putBytes(id, owner.mid);
    if (rid === undefined) return;
    id = table.id(repaired ? ExtensionKind.repairedRid : ExtensionKind.rid);
    if (id !== 0) writer.putBytes(id, rid);
  }

  /** For a packet that is passed on or repeated: `source` has located its extensions. Gives the length of the block. */
  forward(
    owner: ExtensionOwner,
    data: Uint8Array,
    at: number,
    source: HeaderExtensions | undefined,
    names: boolean,
    rid: Uint8Array | undefined,
    repaired: boolean,
  ): number {
    const copied = source === undefined ? 0 : source.presentMask & owner.extensionMask & PASSED_ON_MASK;
    let twoByte = owner.alwaysTwoByte;
    if (!twoByte && copied !== 0 && owner.mayMix) {
      for (let left = copied; left !== 0; left &= left - 1) {
        if (source!.length(lowest(left)) > ONE_BYTE_MAX) twoByte = true;
      }
    }
    this.begin(owner, data, at, twoByte);
    this.names(owner, names, rid, repaired);
    for (let left = copied; left !== 0; left &= left - 1) {
      const kind = lowest(left);
      const to = writer.put(owner.extensions.id(kind), source!.length(kind));
      if (to >= 0) source!.copyTo(kind, data, to);
    }
    return writer.end();
  }

  /** For a packet of a frame. `captureTime`: Unix milliseconds, NaN: not told. */
  frame(
    owner: ExtensionOwner,
    data: Uint8Array,
    at: number,
    frame: EncodedFrameInit,
    first: boolean,
    captureTime: number,
    names: boolean,
    rid: Uint8Array | undefined,
  ): number {
    const table = owner.extensions;
    const descriptor = frame.dependencyDescriptor;
    const long = descriptor !== undefined && descriptor.length > ONE_BYTE_MAX && first && owner.mayMix;
    this.begin(owner, data, at, owner.alwaysTwoByte || long);
    this.names(owner, names, rid, false);
    let id = table.id(ExtensionKind.audioLevel);
    if (id !== 0 && frame.audioLevel !== undefined) {
      writer.putU8(id, (frame.audioLevel & 127) | (frame.voiceActivity ? 0x80 : 0));
    }
    id = table.id(ExtensionKind.videoOrientation);
    if (id !== 0 && frame.rotation !== undefined) writer.putU8(id, Math.round(frame.rotation / 90) & 3);
    id = table.id(ExtensionKind.absCaptureTime);
    if (id !== 0 && first && !Number.isNaN(captureTime)) {
      writer.putCaptureTime(id, ntpSeconds(captureTime), ntpFraction(captureTime));
    }
    id = table.id(ExtensionKind.dependencyDescriptor);
    if (id !== 0 && descriptor !== undefined && descriptor.length >= MANDATORY_DESCRIPTOR) {
      const length = first ? descriptor.length : MANDATORY_DESCRIPTOR;
      const to = writer.put(id, length);
      this.descriptorAt = to;
      if (to >= 0) {
        for (let i = 0; i < length; i++) data[to + i] = descriptor[i]!;
        data[to] = (data[to]! & ~(START_OF_FRAME | END_OF_FRAME)) | (first ? START_OF_FRAME : 0);
      }
    }
    return writer.end();
  }
}

function lowest(mask: number): ExtensionKind {
  return (31 - Math.clz32(mask & -mask)) as ExtensionKind;
}

/** The packet whose dependency descriptor begins at `data[at]` is the last one of its frame. */
export function markEndOfFrame(data: Uint8Array, at: number): void {
  if (at >= 0) data[at]! |= END_OF_FRAME;
}

/** Fills what depends on the moment of sending; offsets below 0: there is none. */
export function stamp(
  data: Uint8Array,
  transportAt: number,
  transportSequence: number,
  sendTimeAt: number,
  now: number,
): void {
  if (transportAt >= 0) writeU16(data, transportAt, transportSequence);
  if (sendTimeAt >= 0) writeU24(data, sendTimeAt, toAbsSendTime(now));
}
