// The virtual clock: a binary heap of entries ordered by time, then by insertion. It runs in two ways: synchronously, for
// machines that are plain calls, and asynchronously, where every microtask is drained after every entry, so that code
// with promises (whole peer connections) runs as it would in an event loop, and the same way each time.
import type { Cancellable } from "#src/util/net.js";

class Entry implements Cancellable {
  readonly time: number;
  readonly order: number;
  readonly callback: (now: number) => void;
  private readonly owner: Scheduler;
  /** Place in the heap; -1 when it has run or was cancelled. */
  index = -1;

  constructor(owner: Scheduler, time: number, order: number, callback: (now: number) => void) {
    this.owner = owner;
    this.time = time;
    this.order = order;
    this.callback = callback;
  }

  get pending(): boolean {
    return this.index >= 0;
  }

  cancel(): void {
    this.owner.remove(this);
  }
}

export type { Entry };

/** Immediates queued together: Node drains all microtasks between two of them without going through its event loop. */
const BATCH = 64;
/** Entries at one and the same virtual instant after which the simulation is considered to be stuck. */
const LIVELOCK = 1_000_000;

export class Scheduler {
  private readonly heap: Entry[] = [];
  private inserted = 0;
  private running = false;
  private sameInstant = 0;
  /** Virtual monotonic milliseconds. */
  now = 0;
  /** Entries run so far. */
  steps = 0;

  /** Entries that are waiting. */
  get pending(): number {
    return this.heap.length;
  }

  /** Time of the next entry, Infinity if there is none. */
  get next(): number {
    return this.heap[0]?.time ?? Number.POSITIVE_INFINITY;
  }

  /** Calls back at `time`, or now if that has passed; after everything already waiting for that instant. */
  at(time: number, callback: (now: number) => void): Entry {
    if (Number.isNaN(time)) throw new RangeError("virtual time is not a number");
    const entry = new Entry(this, Math.max(time, this.now), this.inserted++, callback);
    const heap = this.heap;
    entry.index = heap.length;
    heap.push(entry);
    this.up(entry);
    return entry;
  }

  after(delay: number, callback: (now: number) => void): Entry {
    return this.at(this.now + Math.max(0, delay), callback);
  }

  /** A task of the virtual event loop: runs at the current time, after what is already queued. */
  queueTask(callback: () => void): Entry {
    return this.at(this.now, callback);
  }

  /** Takes an entry out; does nothing if it has run. Entry.cancel() is the public way. */
  remove(entry: Entry): void {
    const at = entry.index;
    if (at < 0) return;
    entry.index = -1;
    const last = this.heap.pop()!;
    if (last === entry) return;
    this.heap[at] = last;
    last.index = at;
    this.up(last);
    this.down(last);
  }

  // ---- synchronous driver ------------------------------------------------------------------------------------------

  /** Runs every entry up to `duration` milliseconds from now, without draining microtasks, and sets the clock there. */
  runSync(duration: number): void {
    const end = this.now + duration;
    this.enter();
    try {
      while (this.next <= end) this.step();
      this.now = end;
    } finally {
      this.running = false;
    }
  }

  /** As `runUntil`, without draining microtasks. */
  runUntilSync(predicate: () => boolean, timeout: number): void {
    const end = this.now + timeout;
    this.enter();
    try {
      while (!predicate()) {
        if (this.next > end) throw this.expired(timeout);
        this.step();
      }
    } finally {
      this.running = false;
    }
  }

  // ---- asynchronous driver -----------------------------------------------------------------------------------------

  /** Runs every entry up to `duration` milliseconds from now, and sets the clock there. */
  async run(duration: number): Promise<void> {
    const end = this.now + duration;
    await this.pump(() => this.next > end);
    this.now = end;
  }

  /**
   * Runs until `predicate` holds; it is asked before the first entry and after each one with its microtasks. Rejects if
   * it does not come true within `timeout` virtual milliseconds, or if nothing is left to run.
   */
  async runUntil(predicate: () => boolean, timeout: number): Promise<void> {
    const end = this.now + timeout;
    let met = false;
    await this.pump(() => {
      met = predicate();
      return met || this.next > end;
    });
    if (!met) throw this.expired(timeout);
  }

  /** Runs until nothing is left. Rejects if that takes more than `limit` virtual milliseconds. */
  async runUntilIdle(limit: number): Promise<void> {
    const end = this.now + limit;
    await this.pump(() => this.next > end);
    if (this.pending > 0) throw new Error(`not idle after ${limit} virtual ms: ${this.pending} entries wait`);
  }

  /** Runs until `promise` is settled and gives its value (or rejects as it does). */
  async settle<T>(promise: Promise<T>, timeout: number): Promise<T> {
    let settled = false;
    const mark = (): void => {
      settled = true;
    };
    promise.then(mark, mark);
    await this.runUntil(() => settled, timeout);
    return await promise;
  }

  private expired(timeout: number): Error {
    const idle = this.pending === 0 ? ", and nothing is left to run" : "";
    return new Error(`not met within ${timeout} virtual ms (now ${this.now.toFixed(3)})${idle}`);
  }

  private enter(): void {
    if (this.running) throw new Error("the scheduler is running already");
    this.running = true;
    this.sameInstant = 0;
  }

  private pump(done: () => boolean): Promise<void> {
    this.enter();
    return new Promise((resolve, reject) => {
      let finished = false;
      const turn = (): void => {
        if (finished) return;
        try {
          finished = done();
          if (finished) {
            this.running = false;
            resolve();
          } else this.step();
        } catch (error) {
          finished = true;
          this.running = false;
          reject(error);
        }
      };
      const batch = (): void => {
        if (finished) return;
        for (let i = 0; i < BATCH; i++) setImmediate(turn);
        setImmediate(batch);
      };
      batch();
    });
  }

  private step(): void {
    const entry = this.heap[0]!;
    this.remove(entry);
    if (entry.time > this.now) {
      this.now = entry.time;
      this.sameInstant = 0;
    } else if (++this.sameInstant > LIVELOCK) {
      throw new Error(`${LIVELOCK} entries at virtual time ${this.now}: something loops without time passing`);
    }
    this.steps++;
    entry.callback(this.now);
  }

  // ---- heap --------------------------------------------------------------------------------------------------------

  private up(entry: Entry): void {
    const heap = this.heap;
    let at = entry.index;
    while (at > 0) {
      const parentAt = (at - 1) >> 1;
      const parent = heap[parentAt]!;
      if (before(parent, entry)) break;
      heap[at] = parent;
      parent.index = at;
      at = parentAt;
    }
    heap[at] = entry;
    entry.index = at;
  }

  private down(entry: Entry): void {
    const heap = this.heap;
    let at = entry.index;
    for (;;) {
      let childAt = 2 * at + 1;
      if (childAt >= heap.length) break;
      if (childAt + 1 < heap.length && before(heap[childAt + 1]!, heap[childAt]!)) childAt++;
      const child = heap[childAt]!;
      if (before(entry, child)) break;
      heap[at] = child;
      child.index = at;
      at = childAt;
    }
    heap[at] = entry;
    entry.index = at;
  }
}

function before(a: Entry, b: Entry): boolean {
  return a.time < b.time || (a.time === b.time && a.order < b.order);
}
