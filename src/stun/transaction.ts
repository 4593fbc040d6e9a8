// STUN client transactions over any transport (RFC 8489 §6.2): retransmission, matching of responses, timeout. What is
// asked, by whom and with which credentials is the business of the owner, who also checks integrity before `settle`.
import { LateMap } from "../util/late-map.js";

/** When a request is sent again, and when it is given up (RFC 8489 §6.2.1). */
export interface StunSchedule {
  /** Milliseconds to the first retransmission; doubles each time. */
  readonly rto: number;
  /** Rc: how often the request is sent in all. 1 on a reliable transport. */
  readonly rc: number;
  /** How long to wait after the last request: Rm times the RTO of the RFC, here in milliseconds. */
  readonly lastWait: number;
  /** The doubling stops here, if given. */
  readonly maxInterval?: number | undefined;
}

/** The RFC's own values: seven requests, 39.5 seconds. */
export const STUN_OVER_UDP: StunSchedule = { rto: 500, rc: 7, lastWait: 8000 };
/** Ti of RFC 8489 §6.2.2. */
export const STUN_OVER_TCP: StunSchedule = { rto: 500, rc: 1, lastWait: 39500 };

/** The whole time a schedule waits for an answer, in milliseconds. */
export function scheduleLength({ rto, rc, lastWait, maxInterval = Infinity }: StunSchedule): number {
  let total = 0;
  let interval = Math.min(rto, maxInterval);
  for (let i = 1; i < rc; i++) {
    total += interval;
    interval = Math.min(interval * 2, maxInterval);
  }
  return total + lastWait;
}

const NOTHING = new Uint8Array(0);

/** One request under way; `context` is the owner's. */
export class StunTransaction<T> {
  readonly id: Uint8Array;
  readonly context: T;
  readonly schedule: StunSchedule;
  readonly startedAt: number;
  /** The time of the latest transmission, and how many there were. */
  sentAt: number;
  transmissions = 0;
  deadline: number;
  /** @internal Nothing once it is not sent any more. */
  bytes: Uint8Array;
  /** @internal */
  interval: number;

  constructor(id: Uint8Array, bytes: Uint8Array, context: T, schedule: StunSchedule, now: number) {
    this.id = id;
    this.bytes = bytes;
    this.context = context;
    this.schedule = schedule;
    this.startedAt = now;
    this.sentAt = now;
    this.deadline = now;
    this.interval = Math.min(schedule.rto, schedule.maxInterval ?? Infinity);
  }
}

export interface StunTransactionsHost<T> {
  /** Sends one request (again). The bytes are a copy that belongs to the callee. */
  transmit(bytes: Uint8Array, transaction: StunTransaction<T>, now: number): void;
  /** Nobody answered; the transaction is gone. */
  onTimeout(transaction: StunTransaction<T>, now: number): void;
}

/** The transactions of one owner. Ids are 12 random bytes, so their first 48 bits make a good key. */
export class StunTransactions<T> {
  private readonly host: StunTransactionsHost<T>;
  private readonly byKey = new LateMap<number, StunTransaction<T>>();
  private earliest = Infinity;

  constructor(host: StunTransactionsHost<T>) {
    this.host = host;
  }

  get size(): number {
    return this.byKey.size;
  }

  /** A lower bound of the next timeout that is exact after each handleTimeout; Infinity when nothing is under way. */
  get deadline(): number {
    return this.byKey.size === 0 ? Infinity : this.earliest;
  }

  values(): IterableIterator<StunTransaction<T>> {
    return this.byKey.values();
  }

  /** Sends the request `bytes`, whose transaction id is `id`, at once. */
  start(id: Uint8Array, bytes: Uint8Array, context: T, schedule: StunSchedule, now: number): StunTransaction<T> {
    const transaction = new StunTransaction(id, bytes, context, schedule, now);
    this.byKey.set(keyOf(id), transaction);
    this.send(transaction, now);
    return transaction;
  }

  /** The transaction that a response with this id answers, left in place. */
  find(id: Uint8Array): StunTransaction<T> | undefined {
    const found = this.byKey.get(keyOf(id));
    if (found === undefined) return undefined;
    for (let i = 6; i < 12; i++) if (found.id[i] !== id[i]) return undefined;
    return found;
  }

  /** Ends a transaction: it was answered, or nobody wants to know any more. */
  settle(transaction: StunTransaction<T>): void {
    const key = keyOf(transaction.id);
    if (this.byKey.get(key) === transaction) this.byKey.delete(key);
  }

  /** Sends no more requests, but still waits for an answer to those sent. */
  stopSending(transaction: StunTransaction<T>): void {
    transaction.transmissions = transaction.schedule.rc;
    transaction.bytes = NOTHING;
    transaction.deadline = transaction.sentAt + transaction.schedule.lastWait;
    this.note(transaction.deadline);
  }

  /** Brings the next retransmission forward to `at`, and begins the doubling anew. */
  expedite(transaction: StunTransaction<T>, at: number): void {
    if (transaction.transmissions >= transaction.schedule.rc || at >= transaction.deadline) return;
    transaction.deadline = at;
    transaction.interval = Math.min(transaction.schedule.rto, transaction.schedule.maxInterval ?? Infinity);
    this.note(at);
  }

  handleTimeout(now: number): void {
    if (now < this.deadline) return;
    this.earliest = Infinity;
    for (const transaction of [...this.byKey.values()]) {
      if (transaction.deadline > now) this.note(transaction.deadline);
      else if (transaction.transmissions < transaction.schedule.rc) this.send(transaction, now);
      else {
        this.settle(transaction);
        this.host.onTimeout(transaction, now);
      }
    }
  }

  clear(): void {
    this.byKey.clear();
    this.earliest = Infinity;
  }

  private send(transaction: StunTransaction<T>, now: number): void {
    const { schedule } = transaction;
    transaction.transmissions++;
    transaction.sentAt = now;
    if (transaction.transmissions >= schedule.rc) transaction.deadline = now + schedule.lastWait;
    else {
      transaction.deadline = now + transaction.interval;
      transaction.interval = Math.min(transaction.interval * 2, schedule.maxInterval ?? Infinity);
    }
    this.note(transaction.deadline);
    // What is sent for the last time need not be kept.
    const { bytes } = transaction;
    const isLast = transaction.transmissions >= schedule.rc;
    if (isLast) transaction.bytes = NOTHING;
    this.host.transmit(isLast ? bytes : bytes.slice(), transaction, now);
  }

  private note(deadline: number): void {
    if (deadline < this.earliest) this.earliest = deadline;
  }
}

function keyOf(id: Uint8Array): number {
  const low = ((id[2]! << 24) | (id[3]! << 16) | (id[4]! << 8) | id[5]!) >>> 0;
  return ((id[0]! << 8) | id[1]!) * 0x1_0000_0000 + low;
}
