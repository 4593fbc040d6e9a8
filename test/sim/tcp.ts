// A small TCP for the simulation: connection setup and refusal, an ordered byte stream, retransmission (cumulative
// acknowledgments, fast retransmit, timeouts with backoff), slow start and congestion avoidance, FIN and RST. It is real
// enough that loss on a link turns into delay; it has no flow control, no SACK, no TIME-WAIT.
import type { StreamHandler, StreamPort } from "#src/util/net.js";
import type { Packet, Segment } from "./link.js";
import type { Entry, Scheduler } from "./scheduler.js";

/** Fits every link with an MTU of 1280 or more. */
export const SEGMENT_SIZE = 1200;
const SYN_RETRIES = 5;
const DATA_RETRIES = 8;
const MIN_RTO = 200;
const EMPTY = new Uint8Array(0);

interface Outgoing {
  readonly sequence: number;
  readonly data: Uint8Array;
  readonly fin: boolean;
  sentAt: number;
  retransmitted: boolean;
}

export interface TcpEnd {
  readonly localAddress: string;
  readonly localPort: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
}

/** What a connection needs from its host. */
export interface TcpHost {
  readonly scheduler: Scheduler;
  transmitPacket(packet: Packet): void;
  /** The connection is gone; its addresses can be used again. */
  forget(connection: TcpConnection): void;
}

export class TcpConnection implements StreamPort {
  readonly localAddress: string;
  readonly localPort: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
  /** Undefined once its owner has closed it or was told of the end, and before an accepted one is open. */
  handler: StreamHandler | undefined;
  /** Of an accepted connection: asked for a handler once it is open, as systems hand out nothing half open. */
  private readonly accepts: (() => StreamHandler | undefined) | undefined;
  private readonly host: TcpHost;
  private readonly server: boolean;
  private readonly tls: Segment["tls"];
  private state: "connecting" | "accepting" | "open" | "closed";
  private unsent: Outgoing[] = [];
  private inFlight: Outgoing[] = [];
  private written = 0;
  private acknowledged = 0;
  private received = 0;
  private readonly early = new Map<number, Segment & { readonly data: Uint8Array }>();
  private finQueued = false;
  private finAcknowledged = false;
  private finReceived = false;
  private window = 10;
  private threshold = 1 << 20;
  private duplicateAcks = 0;
  private smoothed = 0;
  private variance = 0;
  private rto = 1000;
  private retries = 0;
  private timer: Entry | undefined;
  private drain = false;

  /** `handler`: of a server a function that gives it, or nothing to refuse the connection. */
  constructor(
    host: TcpHost,
    end: TcpEnd,
    handler: StreamHandler | (() => StreamHandler | undefined),
    tls: Segment["tls"],
  ) {
    this.host = host;
    this.localAddress = end.localAddress;
    this.localPort = end.localPort;
    this.remoteAddress = end.remoteAddress;
    this.remotePort = end.remotePort;
    this.server = typeof handler === "function";
    if (typeof handler === "function") this.accepts = handler;
    else this.handler = handler;
    this.tls = tls;
    this.state = this.server ? "accepting" : "connecting";
    this.greet();
  }

  get bufferedAmount(): number {
    let sum = 0;
    for (const piece of this.unsent) sum += piece.data.length;
    return sum;
  }

  write(data: Uint8Array): void {
    if (this.finQueued || this.state === "closed") return;
    for (let at = 0; at < data.length; at += SEGMENT_SIZE) {
      this.enqueue(data.subarray(at, Math.min(data.length, at + SEGMENT_SIZE)), false);
    }
    this.flush();
  }

  /** The owner hears of the end once more (onClose), as Node tells it, and of nothing else. */
  close(): void {
    const handler = this.handler;
    if (handler === undefined) return;
    this.abandon();
    this.host.scheduler.at(this.host.scheduler.now, (now) => handler.onClose(undefined, now));
  }

  /** As close, but its owner hears nothing: a cancelled attempt. */
  abandon(): void {
    this.handler = undefined;
    if (this.state === "connecting") this.end(undefined);
    else this.finish();
  }

  /** Ends at once, as when the address was taken away: the other side hears nothing. */
  kill(reason: string): void {
    this.end(reason);
  }

  handleSegment(segment: Segment, data: Uint8Array, now: number): void {
    if (segment.kind === "rst") {
      this.end(this.state === "connecting" ? (segment.reason ?? "ECONNREFUSED") : "ECONNRESET");
      return;
    }
    if (segment.kind === "syn") {
      if (this.state === "accepting") this.greet();
      return;
    }
    if (segment.kind === "syn-ack") {
      if (this.state === "connecting") this.established(now);
      this.acknowledge();
      return;
    }
    if (this.state === "connecting") return;
    if (this.state === "accepting") {
      this.handler = this.accepts?.();
      if (this.handler === undefined) {
        this.refuse();
        return;
      }
      this.established(now);
    }
    this.handleAcknowledgment(segment.acknowledgment, data.length === 0 && !segment.fin, now);
    if (data.length === 0 && !segment.fin) return;
    const fresh = segment.sequence >= this.received;
    if (segment.sequence > this.received) {
      this.early.set(segment.sequence, { ...segment, data });
    } else if (segment.sequence === this.received) {
      this.accept(segment.fin, data, now);
      for (;;) {
        const next = this.early.get(this.received);
        if (next === undefined) break;
        this.early.delete(this.received);
        this.accept(next.fin, next.data, now);
      }
    }
    // Data for an owner who has closed is answered as a system answers it: with a reset.
    if (this.handler === undefined && fresh && data.length > 0 && !this.finReceived) this.refuse();
    else if (this.state !== "closed") this.acknowledge();
    this.checkDone();
  }

  /** True while an accepted connection is not open. */
  get isHalfOpen(): boolean {
    return this.state === "accepting";
  }

  private refuse(): void {
    this.transmit({ kind: "rst", sequence: 0, acknowledgment: 0, fin: false }, EMPTY);
    this.end(undefined);
  }

  private established(now: number): void {
    this.state = "open";
    this.retries = 0;
    this.rto = 1000;
    this.timer?.cancel();
    this.timer = undefined;
    this.handler?.onOpen(this, now);
    this.flush();
  }

  private accept(fin: boolean, data: Uint8Array, now: number): void {
    this.received += data.length + (fin ? 1 : 0);
    if (data.length > 0 && this.handler !== undefined) {
      this.handler.onData(data.slice(), now);
      if (!this.drain) {
        this.drain = true;
        this.host.scheduler.at(now, (then) => {
          this.drain = false;
          this.handler?.onDrained(then);
        });
      }
    }
    if (fin && !this.finReceived) {
      this.finReceived = true;
      const handler = this.handler;
      this.handler = undefined;
      this.finish();
      handler?.onClose(undefined, now);
    }
  }

  private finish(): void {
    if (this.finQueued || this.state === "closed") return;
    this.finQueued = true;
    this.enqueue(EMPTY, true);
    this.flush();
  }

  private enqueue(data: Uint8Array, fin: boolean): void {
    this.unsent.push({ sequence: this.written, data, fin, sentAt: 0, retransmitted: false });
    this.written += data.length + (fin ? 1 : 0);
  }

  private flush(): void {
    if (this.state !== "open") return;
    while (this.unsent.length > 0 && this.inFlight.length < Math.floor(this.window)) {
      const piece = this.unsent.shift()!;
      this.inFlight.push(piece);
      this.emit(piece);
    }
    this.arm();
  }

  private emit(piece: Outgoing): void {
    piece.sentAt = this.host.scheduler.now;
    this.transmit(
      { kind: "data", sequence: piece.sequence, acknowledgment: this.received, fin: piece.fin },
      piece.data,
    );
  }

  private acknowledge(): void {
    this.transmit({ kind: "data", sequence: this.written, acknowledgment: this.received, fin: false }, EMPTY);
  }

  private handleAcknowledgment(upTo: number, pure: boolean, now: number): void {
    if (upTo > this.acknowledged) {
      this.acknowledged = upTo;
      this.duplicateAcks = 0;
      this.retries = 0;
      while (this.inFlight.length > 0) {
        const first = this.inFlight[0]!;
        if (first.sequence + first.data.length + (first.fin ? 1 : 0) > upTo) break;
        this.inFlight.shift();
        if (!first.retransmitted) this.measure(now - first.sentAt);
        if (first.fin) this.finAcknowledged = true;
        this.window += this.window < this.threshold ? 1 : 1 / this.window;
      }
      // After going back, what waits again may have arrived the first time.
      while (this.unsent.length > 0) {
        const first = this.unsent[0]!;
        if (first.sequence + first.data.length + (first.fin ? 1 : 0) > upTo) break;
        this.unsent.shift();
        if (first.fin) this.finAcknowledged = true;
      }
      this.timer?.cancel();
      this.timer = undefined;
      this.flush();
    } else if (pure && this.inFlight.length > 0 && ++this.duplicateAcks === 3) {
      this.threshold = Math.max(2, this.window / 2);
      this.window = this.threshold;
      this.inFlight[0]!.retransmitted = true;
      this.emit(this.inFlight[0]!);
    }
  }

  private measure(rtt: number): void {
    if (this.smoothed === 0) {
      this.smoothed = rtt;
      this.variance = rtt / 2;
    } else {
      this.variance = 0.75 * this.variance + 0.25 * Math.abs(this.smoothed - rtt);
      this.smoothed = 0.875 * this.smoothed + 0.125 * rtt;
    }
    this.rto = Math.max(MIN_RTO, this.smoothed + 4 * this.variance);
  }

  private greet(): void {
    this.transmit(
      { kind: this.server ? "syn-ack" : "syn", sequence: 0, acknowledgment: 0, fin: false, tls: this.tls },
      EMPTY,
    );
    this.arm();
  }

  private arm(): void {
    const waiting = this.inFlight.length > 0 || this.state === "connecting" || this.state === "accepting";
    if (!waiting || this.timer?.pending === true) return;
    this.timer = this.host.scheduler.after(this.rto * 2 ** this.retries, () => this.expire());
  }

  private expire(): void {
    this.retries++;
    const first = this.inFlight[0];
    if (this.retries > (this.state === "open" ? DATA_RETRIES : SYN_RETRIES)) this.end("ETIMEDOUT");
    else if (this.state !== "open") this.greet();
    else if (first !== undefined) {
      this.threshold = Math.max(2, this.inFlight.length / 2);
      this.window = 1;
      this.duplicateAcks = 0;
      // Go back: all that is in flight counts as lost and follows as the window opens again.
      for (const piece of this.inFlight) piece.retransmitted = true;
      this.unsent = [...this.inFlight.slice(1), ...this.unsent];
      this.inFlight = [first];
      this.emit(first);
      this.arm();
    }
  }

  private transmit(segment: Segment, data: Uint8Array): void {
    this.host.transmitPacket({
      protocol: "tcp",
      source: this.localAddress,
      sourcePort: this.localPort,
      destination: this.remoteAddress,
      destinationPort: this.remotePort,
      data,
      segment,
    });
  }

  private checkDone(): void {
    if (this.finReceived && this.finAcknowledged) this.end(undefined);
  }

  private end(reason: string | undefined): void {
    if (this.state === "closed") return;
    this.state = "closed";
    this.timer?.cancel();
    this.inFlight = [];
    this.unsent = [];
    this.host.forget(this);
    const handler = this.handler;
    this.handler = undefined;
    handler?.onClose(reason, this.host.scheduler.now);
  }
}
