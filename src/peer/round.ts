// The round of one transport: input, process, flush, deadline. Machines are never entered from their own callbacks:
// what a callback asks for is done when the round ends. One platform timer serves all machines of the transport.
//
// The round is also the boundary of faults: whatever the platform calls (timer, microtask, socket) enters through here,
// and an exception of a machine, which can only be a bug of ours, ends this one transport instead of the process.

import { microtask } from "../util/microtask.js";
import type { Cancellable } from "../util/net.js";
import type { Platform } from "./platform.js";

export interface RoundOwner {
  /** Lets every machine do what is pending; returns true while something new came up. */
  settle(now: number): boolean;
  /** The earliest deadline of the machines. */
  deadline(): number;
  handleTimeout(now: number): void;
  /** What came is to be answered at once, without waiting for what else the same wake-up of the event loop brings. */
  readonly isHasty: boolean;
  /** A machine threw: nothing of the transport can be trusted any more. Called once; the round is closed. */
  handleFault(error: unknown): void;
}

/** Passes of one round after which we stop: more would be two machines talking to each other for ever. */
const MAX_PASSES = 64;
const NOTHING = (): void => {};

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
    try {
      this.enter();
      // The timer is not re-armed when a deadline moves away: it may have nothing to do.
      if (now >= this.owner.deadline()) this.owner.handleTimeout(now);
      this.leave(now);
    } catch (error) {
      this.fault(error);
    }
  };
  private readonly onFlush = (): void => {
    this.flushQueued = false;
    this.run(this.platform.now(), NOTHING);
  };

  constructor(platform: Platform, owner: RoundOwner) {
    this.platform = platform;
    this.owner = owner;
  }

  /** Nothing is entered any more. */
  get isClosed(): boolean {
    return this.closed;
  }

  /** See RoundOwner. */
  get isHasty(): boolean {
    return this.owner.isHasty;
  }

  /** Whether a round is under way. */
  get isOpen(): boolean {
    return this.depth > 0;
  }

  /** Does something of the machines' as a round, or as a part of the one under way. */
  run(now: number, action: (now: number) => void): void {
    if (this.closed) return;
    try {
      this.enter();
      action(now);
      this.leave(now);
    } catch (error) {
      this.fault(error);
    }
  }

  /** To be left again; whoever enters by itself hands what it catches to `fault`. */
  enter(): void {
    this.depth++;
  }

  /** A machine threw. */
  fault(error: unknown): void {
    if (this.closed) return;
    this.close();
    this.owner.handleFault(error);
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
    microtask(this.onFlush);
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
