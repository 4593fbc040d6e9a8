// Opus in RTP (RFC 7587): a payload is one Opus packet. Its TOC byte (RFC 6716 §3) tells how long it plays; the first byte
// of SILK tells whether it carries the frame before once more (in-band FEC). Not the codec.
import { wholeFormat } from "./generic.js";
import type { PayloadFormat, PayloadInfo } from "./types.js";

/** The RTP clock of Opus is always 48 kHz (RFC 7587 §4.1), whatever the sampling rate. */
export const OPUS_CLOCK_RATE = 48_000;
/** No packet plays longer than 120 ms (RFC 6716 §3.2.5, requirement R5). */
const MAX_DURATION = 5760;
/** No frame is longer (R2). */
const MAX_FRAME_LENGTH = 1275;

/** Duration of one frame by the configuration in the TOC, in 48 kHz samples (RFC 6716 §3.1, table 2). */
export function opusFrameDuration(toc: number): number {
  const config = toc >> 3;
  if (config < 12) return [480, 960, 1920, 2880][config & 3]!; // SILK
  if (config < 16) return (config & 1) === 0 ? 480 : 960; // hybrid
  return 120 << (config & 3); // CELT
}

/** How long the packet `data[offset, offset + length)` plays, in 48 kHz samples; 0 if it is no Opus packet. */
export function opusDuration(data: Uint8Array, offset: number = 0, length: number = data.length - offset): number {
  if (length === 0) return 0;
  const toc = data[offset]!;
  const code = toc & 3;
  let frames = code === 0 ? 1 : 2;
  if (code === 3) {
    if (length < 2) return 0;
    frames = data[offset + 1]! & 0x3f;
  }
  const duration = frames * opusFrameDuration(toc);
  return duration <= MAX_DURATION ? duration : 0;
}

interface FirstFrame {
  offset: number;
  length: number;
  frames: number;
}

const first: FirstFrame = { offset: 0, length: 0, frames: 0 };

/** Reads a frame length of one or two bytes (RFC 6716 §3.2.1) into `first`; false if cut off. */
function readLength(packet: Uint8Array, at: number, end: number): boolean {
  if (at >= end) return false;
  const low = packet[at]!;
  if (low < 252) {
    first.length = low;
    first.offset = at + 1;
    return true;
  }
  if (at + 1 >= end) return false;
  first.length = low + 4 * packet[at + 1]!;
  first.offset = at + 2;
  return true;
}

/** Finds the first frame; undefined if the packet breaks a rule of RFC 6716 §3.4. The object is used again. */
function findFirstFrame(packet: Uint8Array): FirstFrame | undefined {
  if (opusDuration(packet) === 0) return undefined;
  let end = packet.length;
  switch (packet[0]! & 3) {
    case 0:
      first.frames = 1;
      first.offset = 1;
      first.length = end - 1;
      break;
    case 1:
      if ((end - 1) % 2 !== 0) return undefined;
      first.frames = 2;
      first.offset = 1;
      first.length = (end - 1) / 2;
      break;
    case 2: {
      first.frames = 2;
      if (!readLength(packet, 1, end)) return undefined;
      const second = end - first.offset - first.length;
      if (second < 0 || second > MAX_FRAME_LENGTH) return undefined;
      break;
    }
    default: {
      const flags = packet[1]!;
      first.frames = flags & 0x3f;
      let at = 2;
      if ((flags & 0x40) !== 0) {
        let padding: number;
        do {
          if (at >= end) return undefined;
          padding = packet[at++]!;
          end -= padding === 255 ? 254 : padding;
        } while (padding === 255);
        if (end < at) return undefined;
      }
      if ((flags & 0x80) === 0) {
        if ((end - at) % first.frames !== 0) return undefined;
        first.offset = at;
        first.length = (end - at) / first.frames;
        break;
      }
      let total = 0;
      let length = 0;
      for (let i = 0; i < first.frames - 1; i++) {
        if (!readLength(packet, at, end)) return undefined;
        if (i === 0) length = first.length;
        total += first.length;
        at = first.offset;
      }
      const last = end - at - total;
      if (last < 0 || last > MAX_FRAME_LENGTH) return undefined;
      first.offset = at;
      first.length = first.frames === 1 ? last : length;
    }
  }
  return first.length <= MAX_FRAME_LENGTH ? first : undefined;
}

/**
 * Whether a packet carries the frame before it once more at a lower rate: the LBRR flags, which follow one voice flag for each
 * 20 ms in the first bits of a SILK frame (RFC 6716 §4.2.3 and §4.2.4).
 */
function hasLbrr(packet: Uint8Array, frame: FirstFrame): boolean {
  const toc = packet[0]!;
  if (toc >= 0x80 || frame.length === 0) return false;
  const silkFrames = Math.max(1, opusFrameDuration(toc) / 960);
  const flags = packet[frame.offset]!;
  if (((flags >> (7 - silkFrames)) & 1) !== 0) return true;
  return (toc & 4) !== 0 && ((flags >> (6 - 2 * silkFrames)) & 1) !== 0;
}

function describe(packet: Uint8Array, info: PayloadInfo): boolean {
  const frame = findFirstFrame(packet);
  // What is no Opus may be encrypted from end to end; whether it can be decoded is not decided here.
  if (frame === undefined) return true;
  // A frame of no bytes (or only a flag) is what DTX leaves; encoders send it now and then (RFC 7587 §3.1.3).
  info.silence = packet.length <= 2 || (frame.length <= 1 && frame.frames === 1);
  info.inBandFec = hasLbrr(packet, frame);
  return true;
}

/** True if `packet` is one Opus packet (RFC 6716 §3.4). */
export function isOpusPacket(packet: Uint8Array): boolean {
  return findFirstFrame(packet) !== undefined;
}

/** True if decoding `packet` can also restore the frame before it. */
export function opusHasInBandFec(packet: Uint8Array): boolean {
  const frame = findFirstFrame(packet);
  return frame !== undefined && hasLbrr(packet, frame);
}

export const opusFormat: PayloadFormat = wholeFormat("audio/opus", opusDuration, describe);
