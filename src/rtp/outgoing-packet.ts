import type { RtpSendStream } from "./send-stream.js";
import type { RtpCodec } from "./types.js";

/** A packet of a frame, a repeat or padding, written but for what depends on the moment of its sending. It may wait in the pacer. */
export interface OutgoingPacket {
  readonly stream: RtpSendStream;
  readonly data: Uint8Array;
  readonly codec: RtpCodec;
  /** -1: not of the SSRC itself, or a repeat: not kept. */
  readonly sequenceNumber: number;
  readonly timestamp: number;
  readonly headerLength: number;
  readonly payloadLength: number;
  readonly transportAt: number;
  readonly sendTimeAt: number;
  /** Monotonic milliseconds at which it was made. */
  readonly queued: number;
}
