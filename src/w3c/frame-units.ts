// Frames as transforms see them, and back: the metadata of webrtc-encoded-transform §4.1.2 from what src/rtp knows of a frame.
import type { MediaKind } from "../jsep/codec-capabilities.js";
import type { EncodedFrame, EncodedFrameInit } from "../peer/media.js";
import type { FrameUnit } from "./frame-transform.js";
import type { RTCEncodedAudioFrameMetadata, RTCEncodedVideoFrameMetadata } from "./rtc-encoded-frame.js";

/** RFC 6464 §3: -dBov; 127 is silence. */
const SILENCE = 127;

/** -dBov to a fraction of the loudest. */
export function linearLevel(level: number): number {
  return level === SILENCE ? 0 : 10 ** (-level / 20);
}

function levelOf(linear: number): number {
  if (!(linear > 0)) return SILENCE;
  return Math.min(SILENCE, Math.max(0, Math.round(-20 * Math.log10(linear))));
}

function ownBuffer(data: Uint8Array): ArrayBuffer {
  const { buffer } = data;
  return data.byteLength === buffer.byteLength && buffer instanceof ArrayBuffer ? buffer : new Uint8Array(data).buffer;
}

/** What a sender knows of a frame besides. */
export interface SentFrame {
  readonly encoding: number;
  readonly ssrc: number;
  readonly payloadType: number | undefined;
  /** Of video: counts the frames of the encoding. */
  readonly frameId: number;
}

interface SentCarried {
  readonly encoding: number;
  readonly init: Omit<EncodedFrameInit, "data">;
}

/** The bytes are copied: a transform may change them or take them away, and other senders of the track, and the program, have them too. */
export function sentUnit(kind: MediaKind, frame: EncodedFrameInit, sent: SentFrame): FrameUnit {
  const { data, ...init } = frame;
  const carried: SentCarried = { encoding: sent.encoding, init };
  const metadata: RTCEncodedVideoFrameMetadata & RTCEncodedAudioFrameMetadata = {
    synchronizationSource: sent.ssrc,
    contributingSources: [...(init.csrcs ?? [])],
    rtpTimestamp: init.timestamp >>> 0,
    mimeType: init.mimeType,
  };
  if (sent.payloadType !== undefined) metadata.payloadType = sent.payloadType;
  if (init.captureTime !== undefined) metadata.captureTime = init.captureTime;
  if (kind === "audio") {
    if (init.audioLevel !== undefined) metadata.audioLevel = linearLevel(init.audioLevel);
    return { type: undefined, data: data.slice().buffer, metadata, carried };
  }
  const { frameId } = sent;
  metadata.frameId = frameId;
  metadata.dependencies = init.keyFrame ? [] : (init.referenceDiffs ?? [1]).map((diff) => frameId - diff);
  metadata.width = init.width ?? 0;
  metadata.height = init.height ?? 0;
  metadata.spatialIndex = init.spatialIndex ?? 0;
  metadata.temporalIndex = init.temporalIndex ?? 0;
  if (init.captureTime !== undefined) metadata.timestamp = Math.round(init.captureTime * 1000);
  return { type: init.keyFrame ? "key" : "delta", data: data.slice().buffer, metadata, carried };
}

/** Which encoding a unit of a sender is of. */
export function encodingOf({ carried }: FrameUnit): number {
  return (carried as SentCarried | undefined)?.encoding ?? 0;
}

/** The frame to send, as which encoding; undefined if its metadata does not say what it is. */
export function sentFrame(unit: FrameUnit): { encoding: number; frame: EncodedFrameInit } | undefined {
  const { type, metadata, carried } = unit;
  const { encoding, init } = (carried as SentCarried | undefined) ?? { encoding: 0, init: undefined };
  const mimeType = init?.mimeType ?? metadata.mimeType;
  const timestamp = metadata.rtpTimestamp ?? init?.timestamp;
  if (mimeType === undefined || timestamp === undefined) return undefined;
  const frame = {
    ...init,
    data: new Uint8Array(unit.data),
    mimeType,
    timestamp,
    keyFrame: type !== "delta",
    csrcs: metadata.contributingSources,
    // Of a foreign frame it is by another clock.
    captureTime: init === undefined ? undefined : metadata.captureTime,
  };
  const { audioLevel } = metadata as RTCEncodedAudioFrameMetadata;
  return { encoding, frame: audioLevel === undefined ? frame : { ...frame, audioLevel: levelOf(audioLevel) } };
}

interface ReceivedCarried {
  readonly ssrc: number;
  readonly frame: Omit<EncodedFrame, "data">;
}

/** A stream that frames are received of. */
export interface ReceivedStream {
  readonly ssrc: number;
  /** Pixels, by the last key frame; 0: it did not tell. */
  readonly frameWidth: number;
  readonly frameHeight: number;
}

/** `timeOrigin`: of the monotonic clock, Unix milliseconds. */
export function receivedUnit(
  kind: MediaKind,
  received: EncodedFrame,
  stream: ReceivedStream,
  timeOrigin: number,
): FrameUnit {
  const { data, ...frame } = received;
  const { ssrc } = stream;
  const carried: ReceivedCarried = { ssrc, frame };
  const metadata: RTCEncodedVideoFrameMetadata & RTCEncodedAudioFrameMetadata = {
    synchronizationSource: ssrc,
    payloadType: frame.payloadType,
    contributingSources: [...frame.csrcs],
    rtpTimestamp: frame.timestamp,
    receiveTime: frame.receiveTime,
    mimeType: frame.mimeType,
  };
  if (frame.absoluteCaptureTime !== undefined) {
    // By the capturer's clock; the offset leads from it to the sender's.
    metadata.captureTime = frame.absoluteCaptureTime - timeOrigin;
    if (frame.captureClockOffset !== undefined) metadata.senderCaptureTimeOffset = frame.captureClockOffset;
  }
  if (kind === "audio") {
    // A signed short, of unsigned sixteen bits.
    metadata.sequenceNumber = (frame.firstSequenceNumber << 16) >> 16;
    if (frame.audioLevel !== undefined) metadata.audioLevel = linearLevel(frame.audioLevel);
    return { type: undefined, data: ownBuffer(data), metadata, carried };
  }
  metadata.dependencies = [];
  metadata.spatialIndex = frame.spatialIndex ?? 0;
  metadata.temporalIndex = frame.temporalIndex ?? 0;
  // A frame that does not tell is of the size of those before it.
  metadata.width = frame.width ?? stream.frameWidth;
  metadata.height = frame.height ?? stream.frameHeight;
  return { type: frame.keyFrame ? "key" : "delta", data: ownBuffer(data), metadata, carried };
}

/** Undefined: the frame is none that this receiver has received. */
export function receivedFrame(unit: FrameUnit): { ssrc: number; frame: EncodedFrame } | undefined {
  const carried = unit.carried as ReceivedCarried | undefined;
  if (carried === undefined) return undefined;
  const { ssrc, frame } = carried;
  const timestamp = unit.metadata.rtpTimestamp ?? frame.timestamp;
  return { ssrc, frame: { ...frame, timestamp, data: new Uint8Array(unit.data) } };
}
