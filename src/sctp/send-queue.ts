// User messages waiting to be sent for the first time: one queue per stream, and the scheduler between streams (RFC 8831
// §6.4, RFC 8260 §3): deficit round robin weighted by priority, by fragment with I-DATA, by message without.
// Fragments that were sent are kept track of elsewhere (retransmission.ts).
import { PRIORITY_LOW, PRIORITY_VERY_LOW, type SctpHost } from "./options.js";

/** Bytes that a stream of the lowest priority may send in its turn. */
const QUANTUM = 1200;

/** One user message from `send` until all its fragments are acknowledged or given up. */
export class OutgoingMessage {
  readonly stream: OutboundStream;
  readonly ppid: number;
  data: Uint8Array;
  readonly unordered: boolean;
  /** Infinity: any number. */
  readonly maxRetransmits: number;
  /** Monotonic milliseconds; Infinity: never. */
  readonly expiresAt: number;
  /** Counts in bufferedAmount. */
  readonly counted: boolean;
  /** Bytes handed out as fragments. */
  offset = 0;
  /** SSN or MID, once the first fragment was taken. */
  sequence = 0;
  /** FSN of the next fragment. */
  fsn = 0;
  firstTsn = 0;
  lastTsn = 0;
  abandoned = false;
  next: OutgoingMessage | undefined = undefined;

  constructor(
    stream: OutboundStream,
    ppid: number,
    data: Uint8Array,
    unordered: boolean,
    maxRetransmits: number,
    expiresAt: number,
    counted: boolean,
  ) {
    this.stream = stream;
    this.ppid = ppid;
    this.data = data;
    this.unordered = unordered;
    this.maxRetransmits = maxRetransmits;
    this.expiresAt = expiresAt;
    this.counted = counted;
  }
}

export class OutboundStream {
  readonly id: number;
  head: OutgoingMessage | undefined = undefined;
  tail: OutgoingMessage | undefined = undefined;
  /** User bytes queued and not yet sent for the first time. */
  bufferedAmount = 0;
  /** Bytes that left the queue since the last report. */
  released = 0;
  weight: number = PRIORITY_LOW;
  deficit = 0;
  /** In the ring of streams with something to send. */
  active = false;
  nextActive: OutboundStream = this;
  previousActive: OutboundStream = this;
  /** A reset is wanted or under way: nothing is sent until it is over, except what was queued before (`held` after). */
  resetting = false;
  /** Messages queued after the reset was asked for. */
  held: OutgoingMessage[] | undefined = undefined;
  nextSsn = 0;
  nextMid = 0;
  nextUnorderedMid = 0;

  constructor(id: number) {
    this.id = id;
  }

  get empty(): boolean {
    return this.head === undefined;
  }
}

export class SendQueue {
  private readonly streams: Map<number, OutboundStream> = new Map();
  private recent: OutboundStream | undefined;
  /** The stream whose turn it is; undefined if none has anything to send. */
  private current: OutboundStream | undefined;
  /** Streams with `released` bytes to report. */
  private readonly dirty: OutboundStream[] = [];
  /** Without I-DATA: the message whose fragments must follow each other. */
  private unfinished: OutgoingMessage | undefined;
  interleaving = false;
  bufferedAmount = 0;
  /** Messages that expired before anything of them was sent. */
  expired = 0;

  stream(id: number): OutboundStream {
    const recent = this.recent;
    if (recent !== undefined && recent.id === id) return recent;
    let stream = this.streams.get(id);
    if (stream === undefined) {
      stream = new OutboundStream(id);
      this.streams.set(id, stream);
    }
    this.recent = stream;
    return stream;
  }

  find(id: number): OutboundStream | undefined {
    return this.streams.get(id);
  }

  get empty(): boolean {
    return this.current === undefined;
  }

  add(message: OutgoingMessage): void {
    const { stream } = message;
    if (message.counted) {
      stream.bufferedAmount += message.data.length;
      this.bufferedAmount += message.data.length;
    }
    if (stream.resetting) {
      stream.held ??= [];
      stream.held.push(message);
      return;
    }
    this.link(stream, message);
  }

  private link(stream: OutboundStream, message: OutgoingMessage): void {
    if (stream.tail === undefined) stream.head = message;
    else stream.tail.next = message;
    stream.tail = message;
    if (!stream.active) this.activate(stream);
  }

  private activate(stream: OutboundStream): void {
    stream.active = true;
    stream.deficit = this.quantum(stream);
    const current = this.current;
    if (current === undefined) {
      stream.nextActive = stream;
      stream.previousActive = stream;
      this.current = stream;
      return;
    }
    // Behind the others: just before the one whose turn it is.
    stream.previousActive = current.previousActive;
    stream.nextActive = current;
    current.previousActive.nextActive = stream;
    current.previousActive = stream;
  }

  private deactivate(stream: OutboundStream): void {
    if (!stream.active) return;
    stream.active = false;
    const next = stream.nextActive;
    if (next === stream) this.current = undefined;
    else {
      stream.previousActive.nextActive = next;
      next.previousActive = stream.previousActive;
      if (this.current === stream) this.current = next;
    }
    stream.nextActive = stream;
    stream.previousActive = stream;
  }

  private quantum(stream: OutboundStream): number {
    return (QUANTUM * stream.weight) / PRIORITY_VERY_LOW;
  }

  /** The message whose fragment goes next, or undefined. Expired messages are dropped on the way. */
  select(now: number): OutgoingMessage | undefined {
    if (this.unfinished !== undefined) return this.unfinished;
    let stream = this.current;
    while (stream !== undefined) {
      if (stream.deficit <= 0) {
        stream.deficit = Math.min(stream.deficit + this.quantum(stream), this.quantum(stream));
        stream = stream.nextActive;
        this.current = stream;
        continue;
      }
      const message = stream.head!;
      if (message.expiresAt > now || message.offset > 0) return message;
      this.expired++;
      this.removeHead(stream, message);
      stream = this.current;
    }
    return undefined;
  }

  /** Takes `bytes` of the message that `select` returned. True if that was its last fragment. */
  take(message: OutgoingMessage, bytes: number): boolean {
    const { stream } = message;
    if (message.offset === 0) this.number(message);
    message.offset += bytes;
    this.release(message, bytes);
    stream.deficit -= bytes + 20;
    if (message.offset < message.data.length) {
      if (!this.interleaving) this.unfinished = message;
      return false;
    }
    this.unlinkHead(stream, message);
    // Without interleaving a large message may have overdrawn by far; a stream owes at most one turn.
    const floor = -this.quantum(stream);
    if (stream.deficit < floor) stream.deficit = floor;
    return true;
  }

  private number(message: OutgoingMessage): void {
    const { stream } = message;
    if (this.interleaving) {
      if (message.unordered) {
        message.sequence = stream.nextUnorderedMid;
        stream.nextUnorderedMid = (stream.nextUnorderedMid + 1) >>> 0;
      } else {
        message.sequence = stream.nextMid;
        stream.nextMid = (stream.nextMid + 1) >>> 0;
      }
    } else if (!message.unordered) {
      message.sequence = stream.nextSsn;
      stream.nextSsn = (stream.nextSsn + 1) & 0xffff;
    }
  }

  private unlinkHead(stream: OutboundStream, message: OutgoingMessage): void {
    stream.head = message.next;
    message.next = undefined;
    if (stream.head === undefined) {
      stream.tail = undefined;
      this.deactivate(stream);
    }
    if (this.unfinished === message) this.unfinished = undefined;
  }

  private removeHead(stream: OutboundStream, message: OutgoingMessage): void {
    this.release(message, message.data.length - message.offset);
    this.unlinkHead(stream, message);
  }

  private release(message: OutgoingMessage, bytes: number): void {
    if (!message.counted || bytes === 0) return;
    const { stream } = message;
    stream.bufferedAmount -= bytes;
    this.bufferedAmount -= bytes;
    if (stream.released === 0) this.dirty.push(stream);
    stream.released += bytes;
  }

  /** The rest of a partly sent message is given up. True if there was a rest. */
  abandonRest(message: OutgoingMessage): boolean {
    if (message.offset >= message.data.length || message.stream.head !== message) return false;
    this.removeHead(message.stream, message);
    return true;
  }

  /** Drops what the stream has queued and not begun to send. */
  discard(stream: OutboundStream): void {
    const head = stream.head;
    let message = head !== undefined && head.offset > 0 ? head.next : head;
    if (head !== undefined && message !== head) {
      head.next = undefined;
      stream.tail = head;
    } else {
      stream.head = undefined;
      stream.tail = undefined;
      this.deactivate(stream);
    }
    for (; message !== undefined; message = message.next) this.release(message, message.data.length);
    for (const late of stream.held ?? []) this.release(late, late.data.length);
    stream.held = undefined;
  }

  /** The stream's reset is over: numbers start at zero again (if it was done), and what waited is queued. */
  endReset(stream: OutboundStream, done: boolean): void {
    stream.resetting = false;
    if (done) {
      stream.nextSsn = 0;
      stream.nextMid = 0;
      stream.nextUnorderedMid = 0;
    }
    const held = stream.held;
    stream.held = undefined;
    for (const message of held ?? []) this.link(stream, message);
    if (done && stream.empty && stream.released === 0) {
      this.streams.delete(stream.id);
      if (this.recent === stream) this.recent = undefined;
    }
  }

  /** Reports what left the queue, once per stream. */
  report(host: Pick<SctpHost, "onBufferedAmountDecrease">): void {
    if (this.dirty.length === 0) return;
    for (let i = 0; i < this.dirty.length; i++) {
      const stream = this.dirty[i]!;
      const bytes = stream.released;
      stream.released = 0;
      host.onBufferedAmountDecrease(stream.id, bytes);
    }
    this.dirty.length = 0;
  }

  /** The peer restarted: sequence numbers begin again; a message sent in part is lost. */
  restart(): void {
    for (const stream of this.streams.values()) {
      stream.nextSsn = 0;
      stream.nextMid = 0;
      stream.nextUnorderedMid = 0;
      if (stream.head !== undefined && stream.head.offset > 0) this.removeHead(stream, stream.head);
      if (stream.resetting) this.endReset(stream, true);
    }
    this.unfinished = undefined;
  }

  /** Takes over what another queue, which is given up, has not begun to send. */
  adopt(other: SendQueue): void {
    for (const from of other.streams.values()) {
      const stream = this.stream(from.id);
      stream.weight = from.weight;
      const waiting = [];
      for (let message = from.head; message !== undefined; message = message.next) waiting.push(message);
      for (const { ppid, data, unordered, maxRetransmits, expiresAt, counted, offset } of [
        ...waiting,
        ...(from.held ?? []),
      ]) {
        if (offset > 0) continue;
        this.add(new OutgoingMessage(stream, ppid, data, unordered, maxRetransmits, expiresAt, counted));
      }
    }
  }

  /** Drops everything without reports. */
  clear(): void {
    this.streams.clear();
    this.recent = undefined;
    this.current = undefined;
    this.unfinished = undefined;
    this.dirty.length = 0;
    this.bufferedAmount = 0;
  }
}
