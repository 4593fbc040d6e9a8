import type { RtpSendStream } from "./send-stream.js";
import type { RtpCodec } from "./types.js";

/** In place of a sequence number: the packet is a repeat or padding, or it repairs others. Neither is kept. */
export const REPEAT_NUMBER: number = -1;
export const REPAIR_NUMBER: number = -2;

/** A packet of a frame, a repeat or a repair packet, written but for what depends on the moment of its sending. It may wait in the pacer. */
export interface OutgoingPacket {
  readonly stream: RtpSendStream;
  data: Uint8Array;
  readonly codec: RtpCodec;
  /** Of media, or one of the numbers above. */
  readonly sequenceNumber: number;
  readonly timestamp: number;
  readonly headerLength: number;
  payloadLength: number;
  readonly transportAt: number;
  readonly sendTimeAt: number;
  /** Monotonic milliseconds at which it was made. */
  readonly queued: number;
}
