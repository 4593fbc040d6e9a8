// Telephone events (RFC 4733): one DTMF digit or signal is a run of payloads with one timestamp and growing duration; the last is
// sent three times with the end bit. When to send them is the sender's business.
import { wholeFormat } from "./generic.js";
import type { PayloadFormat } from "./types.js";

const PAYLOAD_LENGTH = 4;
const END = 0x80;
/** The duration field has 16 bits: what is longer is sent in segments (RFC 4733 §2.5.1.3). */
const MAX_DURATION = 0xffff;
/** How often the last payload is sent (RFC 4733 §2.5.1.4). */
const END_PACKETS = 3;
/** Loudness of DTMF as browsers send it, in -dBm0. */
const DEFAULT_VOLUME = 10;

/** Event numbers of DTMF (RFC 4733 §3.2, table 3) by tone; lower-case letters are the same. Undefined for others. */
export function dtmfEvent(tone: string): number | undefined {
  const index = "0123456789*#ABCD".indexOf(tone.toUpperCase());
  return tone.length === 1 && index >= 0 ? index : undefined;
}

export interface TelephoneEvent {
  /** 0 to 15 are DTMF's 0–9, *, #, A–D. */
  readonly event: number;
  readonly end: boolean;
  /** In -dBm0: 0 (loudest) to 63. */
  readonly volume: number;
  /** From the packet's timestamp, in its units. */
  readonly duration: number;
}

/** The first event of a payload. */
export function parseTelephoneEvent(payload: Uint8Array): TelephoneEvent | undefined {
  if (payload.length < PAYLOAD_LENGTH) return undefined;
  return {
    event: payload[0]!,
    end: (payload[1]! & END) !== 0,
    volume: payload[1]! & 0x3f,
    duration: (payload[2]! << 8) | payload[3]!,
  };
}

export function writeTelephoneEvent({ event, end, volume, duration }: TelephoneEvent): Uint8Array {
  return Uint8Array.of(event, (end ? END : 0) | (volume & 0x3f), duration >> 8, duration);
}

/**
 * The payloads of one event, one after another. Send one each `interval`; the three end payloads may follow one another at once
 * or in the same interval. `payload` is written anew by each call of `next`.
 */
export class TelephoneEventSequence {
  readonly payload: Uint8Array = new Uint8Array(PAYLOAD_LENGTH);
  /** Set on the first payload of the event only (RFC 4733 §2.5.1.1). */
  marker = false;
  /** Add this to the timestamp at which the event began: not 0 from the second segment on. */
  timestampOffset = 0;
  /** How long the event has lasted with this payload, over all segments, in units of the timestamp. */
  elapsed = 0;
  private readonly event: number;
  private readonly volume: number;
  private readonly total: number;
  private readonly interval: number;
  private started = false;
  private ends = 0;

  /** `duration` and `interval` (50 ms are usual) in units of the timestamp. */
  constructor(event: number, duration: number, interval: number, volume: number = DEFAULT_VOLUME) {
    this.event = event & 0xff;
    this.total = Math.max(1, Math.floor(duration));
    this.interval = Math.min(Math.max(1, Math.floor(interval)), MAX_DURATION);
    this.volume = Math.min(Math.max(0, volume), 63);
  }

  /** True once `next` has made the last of the end payloads. */
  get done(): boolean {
    return this.ends === END_PACKETS;
  }

  /** Makes the next payload. False if there is none left. */
  next(): boolean {
    if (this.done) return false;
    this.marker = !this.started;
    this.started = true;
    if (this.elapsed - this.timestampOffset === MAX_DURATION && this.elapsed < this.total) {
      this.timestampOffset += MAX_DURATION;
    }
    if (this.elapsed < this.total) {
      const limit = Math.min(this.total, this.timestampOffset + MAX_DURATION);
      this.elapsed = Math.min(this.elapsed + this.interval, limit);
    }
    const end = this.elapsed === this.total;
    if (end) this.ends++;
    const duration = this.elapsed - this.timestampOffset;
    this.payload[0] = this.event;
    this.payload[1] = (end ? END : 0) | this.volume;
    this.payload[2] = duration >> 8;
    this.payload[3] = duration;
    return true;
  }
}

export const telephoneEventFormat: PayloadFormat = wholeFormat(
  "audio/telephone-event",
  () => 0,
  (payload, info) => {
    if (payload.length < PAYLOAD_LENGTH) return false;
    info.duration = (payload[2]! << 8) | payload[3]!;
    info.startOfFrame = true;
    return true;
  },
);
