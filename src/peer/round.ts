// The round of one transport: input, process, flush, deadline. Machines are never entered from their own callbacks:
// what a callback asks for is done when the round ends. One platform timer serves all machines of the transport.
import type { Cancellable } from "../util/net.js";
import type { Platform } from "./platform.js";

export interface RoundOwner {
  /** Lets every machine do what is pending; returns true while something new came up. */
  settle(now: number): boolean;
  /** The earliest deadline of the machines. */
  deadline(): number;
  handleTimeout(now: number): void;
}

/** Passes of one round after which we stop: more would be two machines talking to each other for ever. */
const MAX_PASSES = 64;

export class Round {
  private readonly platform: Platform;
  private readonly owner: RoundOwner;
  private depth = 0;
  private timer: Cancellable | undefined;
  private timerAt = Number.POSITIVE_INFINITY;
  private flushQueued = false;
  private closed = false;
  private readonly onTimer = (now: number): void => {
    this.timer = undefined;
    this.timerAt = Number.POSITIVE_INFINITY;
    if (this.closed) return;
    this.enter();
    // The timer is not re-armed when a deadline moves away: it may have nothing to do.
    if (now >= this.owner.deadline()) this.owner.handleTimeout(now);
    this.leave(now);
  };
  private readonly onFlush = (): void => {
    this.flushQueued = false;
    if (this.closed) return;
    this.enter();
    this.leave(this.platform.now());
  };

  constructor(platform: Platform, owner: RoundOwner) {
    this.platform = platform;
    this.owner = owner;
  }

  /** Whether a round is under way. */
  get isOpen(): boolean {
    return this.depth > 0;
  }

  enter(): void {
    this.depth++;
  }

  leave(now: number): void {
    if (--this.depth > 0) return;
    // Held during settle too: what machines ask for there belongs to this round.
    this.depth = 1;
    for (let pass = 0; pass < MAX_PASSES && !this.closed && this.owner.settle(now); pass++);
    this.depth = 0;
    if (!this.closed) this.arm(now);
  }

  /** A command was given: ends in one flush, with whatever else the program asks for before the next microtask. */
  markDirty(): void {
    if (this.flushQueued || this.depth > 0 || this.closed) return;
    this.flushQueued = true;
    queueMicrotask(this.onFlush);
  }

  private arm(now: number): void {
    const deadline = this.owner.deadline();
    if (deadline >= this.timerAt) return;
    this.timer?.cancel();
    this.timerAt = deadline;
    this.timer = this.platform.setTimer(this.onTimer, Math.max(0, deadline - now), false);
  }

  close(): void {
    this.closed = true;
    this.timer?.cancel();
    this.timer = undefined;
  }
}
