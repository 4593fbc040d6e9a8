// Sending of telephone events (RFC 4733): one at a time, told again every 50 ms while it lasts, its end three times.
import { writeU16 } from "./bytes.js";

const INTERVAL = 50;
const END_REPEATS = 3;
/** -dBm0. */
const VOLUME = 10;
const END = 0x80;
/** The longest event of RTCDTMFSender is 6 s. */
export const MAX_EVENT_DURATION = 8000;
const MAX_UNITS = 0xffff;

export interface TelephoneEventHost {
  /** `payload` is valid only during the call. `timestamp`: the event's beginning. */
  sendEvent(payload: Uint8Array, marker: boolean, timestamp: number, now: number): void;
}

export class TelephoneEvents {
  /** Monotonic milliseconds; Infinity when idle. */
  deadline: number = Number.POSITIVE_INFINITY;
  private readonly host: TelephoneEventHost;
  private readonly payload = new Uint8Array(4);
  private event = 0;
  private clockRate = 0;
  private timestamp = 0;
  /** Of the event, units of the RTP timestamp. */
  private total = 0;
  /** What was told in earlier segments (RFC 4733 §2.5.1.3). */
  private before = 0;
  private start = 0;
  private marker = false;

  constructor(host: TelephoneEventHost) {
    this.host = host;
  }

  /** Begins an event of `duration` milliseconds; one that lasts ends now. */
  begin(event: number, duration: number, timestamp: number, clockRate: number, now: number): void {
    if (this.deadline < Number.POSITIVE_INFINITY) this.end(this.elapsed(now), now);
    this.event = event;
    this.clockRate = clockRate;
    this.timestamp = timestamp;
    this.total = Math.round((Math.min(MAX_EVENT_DURATION, Math.max(1, duration)) * clockRate) / 1000);
    this.before = 0;
    this.start = now;
    this.marker = true;
    this.deadline = now;
    this.handleTimeout(now);
  }

  private elapsed(now: number): number {
    return Math.min(this.total, Math.round(((now - this.start) * this.clockRate) / 1000));
  }

  handleTimeout(now: number): void {
    if (now < this.deadline) return;
    const elapsed = this.elapsed(now);
    const whole = this.start + (this.total * 1000) / this.clockRate;
    if (elapsed >= this.total || now >= whole) {
      this.end(this.total, now);
      return;
    }
    // The first packet has to say some duration: that of its interval.
    const told = Math.max(elapsed, Math.min(this.total, Math.round((INTERVAL * this.clockRate) / 1000)));
    this.segments(told, now);
    this.send(told - this.before, false, now);
    this.deadline = Math.min(whole, now + INTERVAL);
  }

  /** Ends segments that are full, so that the rest of `told` units fits one. */
  private segments(told: number, now: number): void {
    while (told - this.before > MAX_UNITS) {
      this.send(MAX_UNITS, false, now);
      this.before += MAX_UNITS;
      this.timestamp = (this.timestamp + MAX_UNITS) >>> 0;
    }
  }

  private end(told: number, now: number): void {
    this.deadline = Number.POSITIVE_INFINITY;
    this.segments(told, now);
    for (let i = 0; i < END_REPEATS; i++) this.send(told - this.before, true, now);
  }

  private send(units: number, end: boolean, now: number): void {
    const { payload } = this;
    payload[0] = this.event;
    payload[1] = (end ? END : 0) | VOLUME;
    writeU16(payload, 2, units);
    this.host.sendEvent(payload, this.marker, this.timestamp, now);
    this.marker = false;
  }
}
