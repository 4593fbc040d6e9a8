// A flow as a download over TCP Reno is one (RFC 5681, in packets): it fills the queue of the bottleneck until that loses, halves, and
// begins again. For tests of what is left to a flow that looks at delays. No bytes, no handshake, no delayed acknowledgements.
import type { Scheduler } from "#test/sim/scheduler.js";

const INITIAL_WINDOW = 10;
const DUPLICATES = 3;
const MIN_TIMEOUT = 300;

export interface RenoPath {
  readonly scheduler: Scheduler;
  /** One packet there; `arrived` is called if it does. */
  forward(arrived: () => void): void;
  /** An acknowledgement back. */
  back(arrived: () => void): void;
}

export class Reno {
  /** Packets that arrived for the first time. */
  delivered = 0;
  private readonly path: RenoPath;
  private readonly stop: number;
  private window = INITIAL_WINDOW;
  private threshold = Number.POSITIVE_INFINITY;
  /** Sender: the first packet not acknowledged, the next to send. */
  private unacknowledged = 0;
  private next = 0;
  private duplicates = 0;
  /** Until this one is acknowledged, a loss has been answered already. */
  private recover = -1;
  private progress = 0;
  /** Receiver: the first one missing, and those beyond it. */
  private expected = 0;
  private readonly beyond = new Set<number>();

  constructor(path: RenoPath, start: number, stop: number) {
    this.path = path;
    this.stop = stop;
    path.scheduler.at(start, () => {
      this.fill();
      this.watch();
    });
  }

  private fill(): void {
    if (this.path.scheduler.now >= this.stop) return;
    // During recovery each duplicate says that a packet has left the network.
    const window = this.window + (this.recover >= 0 ? this.duplicates : 0);
    while (this.next - this.unacknowledged < window) this.transmit(this.next++);
  }

  private transmit(sequence: number): void {
    this.path.forward(() => {
      if (sequence >= this.expected && !this.beyond.has(sequence)) {
        this.delivered++;
        this.beyond.add(sequence);
        while (this.beyond.delete(this.expected)) this.expected++;
      }
      const { expected } = this;
      this.path.back(() => this.acknowledge(expected));
    });
  }

  private acknowledge(expected: number): void {
    if (expected > this.unacknowledged) {
      const count = expected - this.unacknowledged;
      this.unacknowledged = expected;
      this.next = Math.max(this.next, expected);
      this.progress = this.path.scheduler.now;
      if (this.recover >= 0 && expected <= this.recover) {
        // A partial acknowledgement (RFC 6582): the next one is missing too.
        this.transmit(expected);
      } else {
        if (this.recover >= 0) this.window = this.threshold;
        this.recover = -1;
        this.window += this.window < this.threshold ? count : count / this.window;
      }
      this.duplicates = 0;
    } else if (this.next > this.unacknowledged && ++this.duplicates === DUPLICATES && this.recover < 0) {
      this.threshold = Math.max(2, this.window / 2);
      this.window = this.threshold;
      this.recover = this.next - 1;
      this.transmit(this.unacknowledged);
    }
    this.fill();
  }

  private watch(): void {
    const { scheduler } = this.path;
    if (scheduler.now >= this.stop) return;
    if (scheduler.now - this.progress > MIN_TIMEOUT + 1000 && this.next > this.unacknowledged) {
      this.threshold = Math.max(2, this.window / 2);
      this.window = 1;
      this.recover = -1;
      this.duplicates = 0;
      this.next = this.unacknowledged;
      this.progress = scheduler.now;
      this.fill();
    }
    scheduler.after(100, () => this.watch());
  }
}
