// The test bed of SCTP: two associations, a link with loss, delay, rate and queue in virtual time, and a seeded generator.
// Named .test so that it is built with the tests and not shipped; it holds one test, of itself.
import assert from "node:assert/strict";
import { test } from "node:test";
import { nodeCrypto } from "../node/crypto.js";
import { SctpAssociation } from "./association.js";
import type { SctpAbort, SctpCloseReason, SctpOptions, SnapInits } from "./options.js";

/** xorshift32: uniform in [0, 1). */
export function generator(seed: number): () => number {
  let x = (seed * 2654435761 + 1) >>> 0 || 1;
  return () => {
    x ^= x << 13;
    x >>>= 0;
    x ^= x >>> 17;
    x ^= x << 5;
    x >>>= 0;
    return x / 0x1_0000_0000;
  };
}

export interface LinkOptions {
  readonly seed?: number;
  /** One way, milliseconds. */
  readonly delay?: number;
  readonly jitter?: number;
  readonly loss?: number;
  readonly duplicate?: number;
  /** Megabits per second, per direction. */
  readonly rate?: number;
  /** Bytes that wait for the rate. */
  readonly queue?: number;
  /** True: this packet is lost. */
  readonly filter?: (from: number, packet: Uint8Array, now: number) => boolean;
  readonly overhead?: number;
}

export interface Received {
  readonly streamId: number;
  readonly ppid: number;
  readonly data: Uint8Array;
}

interface Flight {
  readonly at: number;
  readonly order: number;
  readonly to: number;
  readonly packet: Uint8Array;
}

export class End {
  association!: SctpAssociation;
  readonly received: Received[] = [];
  receivedBytes = 0;
  established = false;
  closed: SctpCloseReason | undefined;
  peerAbort: SctpAbort | undefined;
  readonly streamsReset: number[] = [];
  readonly outgoingResets: { id: number; ok: boolean }[] = [];
  decreased = 0;
  oversize = 0;
  restarted = 0;
  keep = true;
  onMessage: ((message: Received) => void) | undefined;
  onDecrease: ((streamId: number, bytes: number) => void) | undefined;
}

/** Two ends and the link between them. Time only moves in `run`. */
export class Pair {
  now = 1000;
  readonly ends: [End, End] = [new End(), new End()];
  readonly sent: [number, number] = [0, 0];
  readonly log: { from: number; packet: Uint8Array; at: number }[] = [];
  keepLog = false;
  link: LinkOptions;
  private heap: Flight[] = [];
  private order = 0;
  private readonly random: () => number;
  private readonly freeAt: [number, number] = [0, 0];
  dropped = 0;

  constructor(link: LinkOptions = {}, options: Partial<SctpOptions> = {}, other: Partial<SctpOptions> = options) {
    this.link = link;
    this.random = generator(link.seed ?? 1);
    this.make(0, options);
    this.make(1, other);
  }

  make(side: 0 | 1, options: Partial<SctpOptions>, snap?: SnapInits): SctpAssociation {
    const end = this.ends[side];
    const random = this.random;
    const crypto = {
      random: (length: number) => Uint8Array.from({ length }, () => random() * 256),
      createHmac: nodeCrypto.createHmac.bind(nodeCrypto),
      equal: nodeCrypto.equal.bind(nodeCrypto),
    };
    end.association = new SctpAssociation(
      { crypto, maxMessageSize: 1 << 20, peerMaxMessageSize: 0, ...options },
      {
        transmit: (packet) => this.transmit(side, packet),
        onEstablished: () => {
          end.established = true;
        },
        onMessage: (streamId, ppid, data) => {
          end.receivedBytes += data.length;
          const message = { streamId, ppid, data };
          if (end.keep) end.received.push(message);
          end.onMessage?.(message);
        },
        onStreamsReset: (ids) => end.streamsReset.push(...ids),
        onOutgoingReset: (ids, ok) => {
          for (const id of ids) end.outgoingResets.push({ id, ok });
        },
        onBufferedAmountDecrease: (id, bytes) => {
          end.decreased += bytes;
          end.onDecrease?.(id, bytes);
        },
        onOversizeMessage: () => end.oversize++,
        onRestarted: () => end.restarted++,
        onClosed: (reason, abort) => {
          assert.equal(end.closed, undefined, "closed twice");
          end.peerAbort = abort;
          end.closed = reason;
        },
      },
      snap,
    );
    return end.association;
  }

  private transmit(from: 0 | 1, packet: Uint8Array): void {
    this.sent[from]++;
    const copy = packet.slice();
    if (this.keepLog) this.log.push({ from, packet: copy, at: this.now });
    const { link, random } = this;
    if (link.filter?.(from, copy, this.now) || random() < (link.loss ?? 0)) {
      this.dropped++;
      return;
    }
    let at = this.now;
    if (link.rate !== undefined) {
      const bytes = packet.length + (link.overhead ?? 0);
      const perByte = 8 / (link.rate * 1000);
      const start = Math.max(this.now, this.freeAt[from]);
      if (link.queue !== undefined && (start - this.now) / perByte > link.queue) {
        this.dropped++;
        return;
      }
      at = start + bytes * perByte;
      this.freeAt[from] = at;
    }
    const copies = random() < (link.duplicate ?? 0) ? 2 : 1;
    for (let i = 0; i < copies; i++) {
      this.push({
        at: at + (link.delay ?? 0) + random() * (link.jitter ?? 0),
        order: this.order++,
        to: 1 - from,
        packet: i === 0 ? copy : copy.slice(),
      });
    }
  }

  /** Puts bytes on the wire towards `to`. */
  inject(to: 0 | 1, packet: Uint8Array): void {
    this.push({ at: this.now, order: this.order++, to, packet });
  }

  private before(a: Flight, b: Flight): boolean {
    return a.at < b.at || (a.at === b.at && a.order < b.order);
  }

  private push(flight: Flight): void {
    const { heap } = this;
    let i = heap.push(flight) - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!this.before(heap[i]!, heap[parent]!)) break;
      [heap[i], heap[parent]] = [heap[parent]!, heap[i]!];
      i = parent;
    }
  }

  private pop(): Flight {
    const { heap } = this;
    const top = heap[0]!;
    const last = heap.pop()!;
    if (heap.length > 0) {
      heap[0] = last;
      let i = 0;
      for (;;) {
        let least = i;
        for (const child of [2 * i + 1, 2 * i + 2]) {
          if (child < heap.length && this.before(heap[child]!, heap[least]!)) least = child;
        }
        if (least === i) break;
        [heap[i], heap[least]] = [heap[least]!, heap[i]!];
        i = least;
      }
    }
    return top;
  }

  connect(): void {
    for (const end of this.ends) end.association.connect(this.now);
  }

  flush(): void {
    for (const end of this.ends) end.association.flush(this.now);
  }

  /** Runs until `until` (absolute), or until `done` holds. Returns true if it held. */
  run(until: number, done: () => boolean = () => false): boolean {
    this.flush();
    for (let steps = 0; steps < 5_000_000; steps++) {
      if (done()) return true;
      const [a, b] = this.ends;
      const next = Math.min(
        this.heap[0]?.at ?? Number.POSITIVE_INFINITY,
        a.association.deadline,
        b.association.deadline,
      );
      if (next > until) {
        this.now = until;
        return done();
      }
      this.now = Math.max(this.now, next);
      while (this.heap.length > 0 && this.heap[0]!.at <= this.now) {
        const { to, packet } = this.pop();
        this.ends[to]!.association.receive(packet, this.now);
      }
      for (const { association } of this.ends) {
        if (association.deadline <= this.now) association.handleTimeout(this.now);
        association.flush(this.now);
      }
    }
    assert.fail(`too many steps; seed ${this.link.seed ?? 1}`);
  }

  /** Connects and waits until both ends are established. */
  establish(): this {
    this.connect();
    const ok = this.run(this.now + 60_000, () => this.ends.every((end) => end.association.state === "established"));
    assert.ok(ok, `not established; seed ${this.link.seed ?? 1}`);
    return this;
  }

  get inTransit(): number {
    return this.heap.length;
  }
}

/** A message whose bytes tell which one it is. */
export function numbered(n: number, size: number): Uint8Array {
  const out = new Uint8Array(Math.max(4, size));
  for (let i = 4; i < out.length; i++) out[i] = n * 31 + i;
  new DataView(out.buffer).setUint32(0, n);
  return out;
}

export function numberOf(data: Uint8Array): number {
  const n = new DataView(data.buffer, data.byteOffset).getUint32(0);
  for (let i = 4; i < data.length; i++) assert.equal(data[i], (n * 31 + i) & 0xff, `byte ${i} of message ${n}`);
  return n;
}

test("the generator is deterministic and fills the unit interval", () => {
  const a = generator(7);
  const b = generator(7);
  let low = 0;
  for (let i = 0; i < 1000; i++) {
    const x = a();
    assert.equal(x, b());
    assert.ok(x >= 0 && x < 1);
    if (x < 0.5) low++;
  }
  assert.ok(low > 400 && low < 600);
});
