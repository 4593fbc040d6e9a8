// Measures the round trip over an unordered channel without retransmissions: a steady stream of small datagrams, each
// echoed by Node. Channel latency is what a game would feel: it includes both event loops.
import { percentile } from "./format.js";

const INTERVAL = 100;
/** Pings that may be under way; one that has not come back by then is lost. */
const SLOTS = 64;
/** Round trips kept for the percentiles. */
const KEPT = 6000;

export class Pinger {
  readonly #channel: RTCDataChannel;
  readonly #sentAt = new Float64Array(SLOTS);
  readonly #times: number[] = [];
  #sequence = 0;
  #last: number | undefined;
  #timer: number | undefined;

  constructor(channel: RTCDataChannel) {
    this.#channel = channel;
    channel.binaryType = "arraybuffer";
    channel.addEventListener("open", () => {
      this.#timer = window.setInterval(() => this.#ping(), INTERVAL);
    });
    channel.addEventListener("close", () => window.clearInterval(this.#timer));
    channel.addEventListener("message", (event: MessageEvent<unknown>) => this.#pong(event.data));
  }

  get count(): number {
    return this.#times.length;
  }

  percentile(fraction: number): number {
    return percentile(this.#times, fraction);
  }

  /** The latest round trip in milliseconds since this was last asked, if any. */
  take(): number | undefined {
    const last = this.#last;
    this.#last = undefined;
    return last;
  }

  #ping(): void {
    if (this.#channel.readyState !== "open") return;
    const message = new Uint32Array([++this.#sequence]);
    this.#sentAt[this.#sequence % SLOTS] = performance.now();
    this.#channel.send(message);
  }

  #pong(data: unknown): void {
    if (!(data instanceof ArrayBuffer) || data.byteLength !== 4) return;
    const sequence = new Uint32Array(data)[0]!;
    if (sequence > this.#sequence || sequence <= this.#sequence - SLOTS) return;
    const milliseconds = performance.now() - this.#sentAt[sequence % SLOTS]!;
    this.#last = milliseconds;
    this.#times.push(milliseconds);
    if (this.#times.length > KEPT) this.#times.splice(0, KEPT / 2);
  }
}
