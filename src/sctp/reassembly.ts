// From DATA and I-DATA chunks to messages in the right order (RFC 9260 §6.5, §6.6, §6.9; RFC 8260 §2), with FORWARD TSN
// (RFC 3758 §3.6) and stream resets (RFC 6525). Sees each TSN once: duplicates are dropped before (data-tracker.ts).
//
// Fragments of a DATA message have consecutive TSNs, those of an I-DATA message consecutive FSNs within (stream, U, MID).
// A message in progress has the fragments it already has in order as a list; the others wait in a map until their turn, so
// every fragment costs the same however large its message is.

import { LateMap } from "../util/late-map.js";
import { FLAG_B, FLAG_E, FLAG_U } from "./chunks.js";
import { FRAGMENT_OVERHEAD } from "./options.js";

/** Where complete messages go. */
export interface ReassemblySink {
  onMessage(streamId: number, ppid: number, data: Uint8Array): void;
  onOversizeMessage(streamId: number): void;
}

interface Fragment {
  readonly flags: number;
  readonly streamId: number;
  readonly sequence: number;
  readonly ppid: number;
  readonly data: Uint8Array;
}

/** A message whose first fragment has come; for I-DATA also one whose first has not. */
interface Assembly {
  readonly streamId: number;
  readonly unordered: boolean;
  /** SSN or MID. */
  readonly sequence: number;
  readonly firstTsn: number;
  ppid: number;
  /** TSN (DATA) or FSN (I-DATA) of the fragment that comes next. */
  next: number;
  fragments: Uint8Array[];
  bytes: number;
  /** What `buffered` counts for it. */
  held: number;
  oversize: boolean;
  /** I-DATA: fragments that came too early, by FSN. */
  early: Map<number, Fragment> | undefined;
}

interface Ready {
  readonly ppid: number;
  /** Undefined: it was too large and is only skipped. */
  readonly data: Uint8Array | undefined;
  readonly held: number;
}

class InboundStream {
  readonly id: number;
  /** SSN (16 bits) or MID (32 bits) of the ordered message that comes next. */
  next = 0;
  ready: Map<number, Ready> | undefined;
  /** I-DATA messages in progress by MID. */
  ordered: Map<number, Assembly> | undefined;
  unordered: Map<number, Assembly> | undefined;
  /** The one that got a fragment last. */
  recent: Assembly | undefined;

  constructor(id: number) {
    this.id = id;
  }
}

export class Reassembly {
  private readonly sink: ReassemblySink;
  private readonly maxMessageSize: number;
  private readonly streams: Map<number, InboundStream> = new Map();
  private recentStream: InboundStream | undefined;
  /** DATA messages in progress by the TSN they wait for; the most recent one is kept apart. */
  private readonly assemblies: LateMap<number, Assembly> = new LateMap();
  private recent: Assembly | undefined;
  /** DATA fragments that cannot be attached yet, by TSN. */
  private readonly orphans: LateMap<number, Fragment> = new LateMap();
  /** 0xffff with DATA (SSN), 0xffffffff with I-DATA (MID). */
  sequenceMask = 0xffff;
  /** Bytes held, overhead included. */
  buffered = 0;
  messages = 0;
  /** Messages whose sequence number was already delivered, and the like. */
  discarded = 0;

  constructor(sink: ReassemblySink, maxMessageSize: number) {
    this.sink = sink;
    this.maxMessageSize = maxMessageSize;
  }

  private stream(id: number): InboundStream {
    const recent = this.recentStream;
    if (recent !== undefined && recent.id === id) return recent;
    let stream = this.streams.get(id);
    if (stream === undefined) {
      stream = new InboundStream(id);
      this.streams.set(id, stream);
    }
    this.recentStream = stream;
    return stream;
  }

  /** One DATA chunk; `packet[start, end)` is its user data. */
  data(
    flags: number,
    tsn: number,
    streamId: number,
    ssn: number,
    ppid: number,
    packet: Uint8Array,
    start: number,
    end: number,
  ): void {
    if ((flags & (FLAG_B | FLAG_E)) === (FLAG_B | FLAG_E)) {
      this.whole(flags, streamId, ssn, ppid, packet, start, end, 0xffff);
      return;
    }
    const bytes = keep(packet, start, end);
    if ((flags & FLAG_B) !== 0) {
      const assembly: Assembly = {
        streamId,
        unordered: (flags & FLAG_U) !== 0,
        sequence: ssn,
        firstTsn: tsn,
        ppid,
        next: (tsn + 1) >>> 0,
        fragments: [],
        bytes: 0,
        held: 0,
        oversize: false,
        early: undefined,
      };
      this.append(assembly, bytes);
      this.settle(assembly);
      return;
    }
    let assembly = this.recent;
    if (assembly !== undefined && assembly.next === tsn) this.recent = undefined;
    else {
      assembly = this.assemblies.get(tsn);
      if (assembly === undefined) {
        this.orphans.set(tsn, { flags, streamId, sequence: ssn, ppid, data: bytes });
        this.buffered += bytes.length + FRAGMENT_OVERHEAD;
        return;
      }
      this.assemblies.delete(tsn);
    }
    // A fragment that names another stream breaks the message: it can never be completed, nor can this one.
    if (assembly.streamId !== streamId || assembly.unordered !== ((flags & FLAG_U) !== 0)) {
      this.drop(assembly);
      return;
    }
    this.append(assembly, bytes);
    assembly.next = (tsn + 1) >>> 0;
    if ((flags & FLAG_E) !== 0) this.complete(assembly);
    else this.settle(assembly);
  }

  /** Attaches the fragments that were waiting for this one, and files the message under what it waits for now. */
  private settle(assembly: Assembly): void {
    while (this.orphans.size > 0) {
      const orphan = this.orphans.get(assembly.next);
      if (orphan === undefined) break;
      this.orphans.delete(assembly.next);
      this.buffered -= orphan.data.length + FRAGMENT_OVERHEAD;
      if (assembly.streamId !== orphan.streamId || assembly.unordered !== ((orphan.flags & FLAG_U) !== 0)) {
        this.drop(assembly);
        return;
      }
      this.append(assembly, orphan.data);
      assembly.next = (assembly.next + 1) >>> 0;
      if ((orphan.flags & FLAG_E) !== 0) {
        this.complete(assembly);
        return;
      }
    }
    const recent = this.recent;
    if (recent !== undefined) this.assemblies.set(recent.next, recent);
    this.recent = assembly;
  }

  /** One I-DATA chunk; `fsnOrPpid` is the PPID if the B flag is set, else the FSN (RFC 8260 §2.1). */
  idata(
    flags: number,
    tsn: number,
    streamId: number,
    mid: number,
    fsnOrPpid: number,
    packet: Uint8Array,
    start: number,
    end: number,
  ): void {
    if ((flags & (FLAG_B | FLAG_E)) === (FLAG_B | FLAG_E)) {
      this.whole(flags, streamId, mid, fsnOrPpid, packet, start, end, 0xffffffff);
      return;
    }
    const stream = this.stream(streamId);
    const unordered = (flags & FLAG_U) !== 0;
    let assembly = stream.recent;
    if (assembly === undefined || assembly.sequence !== mid || assembly.unordered !== unordered) {
      // A fragment of a message that is already delivered or skipped.
      if (!unordered && ((mid - stream.next) | 0) < 0) {
        this.discarded++;
        return;
      }
      let map = unordered ? stream.unordered : stream.ordered;
      if (map === undefined) {
        map = new Map();
        if (unordered) stream.unordered = map;
        else stream.ordered = map;
      }
      assembly = map.get(mid);
      if (assembly === undefined) {
        assembly = {
          streamId,
          unordered,
          sequence: mid,
          firstTsn: tsn,
          ppid: 0,
          next: 0,
          fragments: [],
          bytes: 0,
          held: FRAGMENT_OVERHEAD,
          oversize: false,
          early: undefined,
        };
        this.buffered += FRAGMENT_OVERHEAD;
        map.set(mid, assembly);
      }
      stream.recent = assembly;
    }
    const fsn = (flags & FLAG_B) !== 0 ? 0 : fsnOrPpid;
    const bytes = keep(packet, start, end);
    if (fsn !== assembly.next) {
      // Behind `next`, or there already: two fragments with the same FSN; the first stays.
      if (((fsn - assembly.next) | 0) < 0 || assembly.early?.has(fsn)) {
        this.discarded++;
        return;
      }
      assembly.early ??= new Map();
      assembly.early.set(fsn, { flags, streamId, sequence: mid, ppid: 0, data: bytes });
      assembly.held += bytes.length + FRAGMENT_OVERHEAD;
      this.buffered += bytes.length + FRAGMENT_OVERHEAD;
      return;
    }
    if (fsn === 0) assembly.ppid = fsnOrPpid;
    this.append(assembly, bytes);
    assembly.next = (fsn + 1) >>> 0;
    let last = flags;
    while ((last & FLAG_E) === 0 && assembly.early !== undefined) {
      const early = assembly.early.get(assembly.next);
      if (early === undefined) break;
      assembly.early.delete(assembly.next);
      assembly.held -= early.data.length + FRAGMENT_OVERHEAD;
      this.buffered -= early.data.length + FRAGMENT_OVERHEAD;
      this.append(assembly, early.data);
      assembly.next = (assembly.next + 1) >>> 0;
      last = early.flags;
    }
    if ((last & FLAG_E) !== 0) {
      this.forget(stream, assembly);
      this.complete(assembly);
    }
  }

  private forget(stream: InboundStream, assembly: Assembly): void {
    (assembly.unordered ? stream.unordered : stream.ordered)?.delete(assembly.sequence);
    if (stream.recent === assembly) stream.recent = undefined;
  }

  private append(assembly: Assembly, bytes: Uint8Array): void {
    assembly.bytes += bytes.length;
    if (assembly.oversize) return;
    if (assembly.bytes > this.maxMessageSize) {
      assembly.oversize = true;
      for (const fragment of assembly.fragments) {
        assembly.held -= fragment.length + FRAGMENT_OVERHEAD;
        this.buffered -= fragment.length + FRAGMENT_OVERHEAD;
      }
      assembly.fragments = [];
      return;
    }
    assembly.fragments.push(bytes);
    assembly.held += bytes.length + FRAGMENT_OVERHEAD;
    this.buffered += bytes.length + FRAGMENT_OVERHEAD;
  }

  private drop(assembly: Assembly): void {
    this.buffered -= assembly.held;
    assembly.held = 0;
    this.discarded++;
  }

  private complete(assembly: Assembly): void {
    this.buffered -= assembly.held;
    let data: Uint8Array | undefined;
    if (!assembly.oversize) {
      data = new Uint8Array(assembly.bytes);
      let at = 0;
      for (const fragment of assembly.fragments) {
        data.set(fragment, at);
        at += fragment.length;
      }
    }
    if (assembly.unordered) this.deliver(assembly.streamId, assembly.ppid, data);
    else this.inOrder(this.stream(assembly.streamId), assembly.sequence, assembly.ppid, data, this.sequenceMask);
  }

  private whole(
    flags: number,
    streamId: number,
    sequence: number,
    ppid: number,
    packet: Uint8Array,
    start: number,
    end: number,
    mask: number,
  ): void {
    const data = end - start > this.maxMessageSize ? undefined : packet.subarray(start, end);
    if ((flags & FLAG_U) !== 0) {
      this.deliver(streamId, ppid, data);
      return;
    }
    const stream = this.stream(streamId);
    if (sequence === stream.next && stream.ready === undefined) {
      stream.next = mask === 0xffff ? (sequence + 1) & 0xffff : (sequence + 1) >>> 0;
      this.deliver(streamId, ppid, data);
      return;
    }
    this.inOrder(stream, sequence, ppid, data && keep(packet, start, end), mask);
  }

  private inOrder(
    stream: InboundStream,
    sequence: number,
    ppid: number,
    data: Uint8Array | undefined,
    mask: number,
  ): void {
    const ahead = distance(sequence, stream.next, mask);
    if (ahead < 0 || stream.ready?.has(sequence)) {
      this.discarded++;
      return;
    }
    if (ahead > 0) {
      const held = (data?.length ?? 0) + FRAGMENT_OVERHEAD;
      stream.ready ??= new Map();
      stream.ready.set(sequence, { ppid, data, held });
      this.buffered += held;
      return;
    }
    stream.next = ((sequence + 1) & mask) >>> 0;
    this.deliver(stream.id, ppid, data);
    this.drain(stream, mask);
  }

  private drain(stream: InboundStream, mask: number): void {
    while (stream.ready !== undefined) {
      const ready = stream.ready.get(stream.next);
      if (ready === undefined) break;
      this.unready(stream, stream.next, ready);
      stream.next = ((stream.next + 1) & mask) >>> 0;
      this.deliver(stream.id, ready.ppid, ready.data);
    }
  }

  private unready(stream: InboundStream, sequence: number, ready: Ready): void {
    stream.ready!.delete(sequence);
    if (stream.ready!.size === 0) stream.ready = undefined;
    this.buffered -= ready.held;
  }

  private deliver(streamId: number, ppid: number, data: Uint8Array | undefined): void {
    this.messages++;
    if (data === undefined) this.sink.onOversizeMessage(streamId);
    else this.sink.onMessage(streamId, ppid, data);
  }

  /** FORWARD TSN: forgets every incomplete DATA message that has a TSN up to `cumulativeTsn`. */
  forward(cumulativeTsn: number): void {
    const old = (tsn: number): boolean => ((cumulativeTsn - tsn) | 0) >= 0;
    for (const [tsn, orphan] of this.orphans) {
      if (!old(tsn)) continue;
      this.orphans.delete(tsn);
      this.buffered -= orphan.data.length + FRAGMENT_OVERHEAD;
    }
    for (const [next, assembly] of this.assemblies) {
      if (!old(assembly.firstTsn)) continue;
      this.assemblies.delete(next);
      this.drop(assembly);
    }
    if (this.recent !== undefined && old(this.recent.firstTsn)) {
      this.drop(this.recent);
      this.recent = undefined;
    }
  }

  /** Ordered messages of the stream up to `sequence` (SSN or MID) will not come: delivers what waited behind them. */
  skipOrdered(streamId: number, sequence: number): void {
    const mask = this.sequenceMask;
    const stream = this.stream(streamId);
    if (distance(sequence, stream.next, mask) < 0) return;
    this.discardUpTo(stream, stream.ordered, sequence);
    stream.next = ((sequence + 1) & mask) >>> 0;
    if (stream.ready !== undefined) {
      // What is complete is delivered although it is skipped over (RFC 3758 §3.6), in order.
      const passed = [...stream.ready].filter(([s]) => distance(s, sequence, mask) <= 0);
      passed.sort(([a], [b]) => distance(a, b, mask));
      for (const [s, ready] of passed) {
        this.unready(stream, s, ready);
        this.deliver(streamId, ready.ppid, ready.data);
      }
    }
    this.drain(stream, mask);
  }

  /** I-FORWARD-TSN with the U flag: unordered messages of the stream up to `mid` will not be completed. */
  skipUnordered(streamId: number, mid: number): void {
    const stream = this.stream(streamId);
    this.discardUpTo(stream, stream.unordered, mid);
  }

  private discardUpTo(stream: InboundStream, map: Map<number, Assembly> | undefined, mid: number): void {
    if (map === undefined) return;
    for (const [sequence, assembly] of map) {
      if (((mid - sequence) | 0) < 0) continue;
      this.forget(stream, assembly);
      this.drop(assembly);
    }
  }

  /** The peer reset these streams: their sequence numbers start again at zero; incomplete messages are gone. */
  resetStream(streamId: number): void {
    const stream = this.streams.get(streamId);
    if (stream === undefined) return;
    for (const [, assembly] of stream.ordered ?? []) this.drop(assembly);
    for (const [, assembly] of stream.unordered ?? []) this.drop(assembly);
    for (const [, ready] of stream.ready ?? []) this.buffered -= ready.held;
    this.streams.delete(streamId);
    if (this.recentStream === stream) this.recentStream = undefined;
  }

  /** Streams that have state. */
  streamIds(): number[] {
    return [...this.streams.keys()];
  }

  clear(): void {
    this.streams.clear();
    this.recentStream = undefined;
    this.assemblies.clear();
    this.recent = undefined;
    this.orphans.clear();
    this.buffered = 0;
  }
}

function distance(a: number, b: number, mask: number): number {
  return mask === 0xffff ? ((a - b) << 16) >> 16 : (a - b) | 0;
}

/** A view of packet[start, end) for keeping, or a copy where the view would hold much more memory than it shows. */
function keep(packet: Uint8Array, start: number, end: number): Uint8Array {
  const length = end - start;
  const part = packet.subarray(start, end);
  // Not slice(), which of a Buffer is a view as well.
  return 2 * length < packet.buffer.byteLength ? new Uint8Array(part) : part;
}
