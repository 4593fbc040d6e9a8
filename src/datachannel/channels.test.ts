// Data channels over two associations and a link in virtual time.
import assert from "node:assert/strict";
import { test } from "node:test";
import { nodeCrypto } from "../node/crypto.js";
import { SctpAssociation } from "../sctp/association.js";
import type { SctpOptions } from "../sctp/options.js";
import { generator } from "../sctp/testing.test.js";
import { utf8Decode, utf8Encode } from "../util/text.js";
import { type Channel, type ChannelHandler, type ChannelParameters, DataChannels } from "./channels.js";

interface Record_ {
  channel: Channel;
  events: string[];
  bytes: number;
}

interface Side {
  channels: DataChannels;
  association: SctpAssociation;
  incoming: Record_[];
  flushes: number;
}

const DEFAULTS: ChannelParameters = { label: "x", protocol: "", ordered: true, negotiated: false, priority: "low" };

class Bed {
  now = 0;
  readonly sides: Side[] = [];
  private queue: { at: number; n: number; to: number; packet: Uint8Array }[] = [];
  private n = 0;
  private readonly random: () => number;
  loss: number;

  constructor(options: Partial<SctpOptions> = {}, loss = 0, seed = 1) {
    this.loss = loss;
    this.random = generator(seed);
    for (const index of [0, 1]) {
      const side: Side = { incoming: [], flushes: 0 } as unknown as Side;
      side.channels = new DataChannels(
        {
          now: () => this.now,
          onFlushNeeded: () => side.flushes++,
          onChannel: (channel) => {
            const record = { channel, events: [] as string[], bytes: 0 };
            side.incoming.push(record);
            return handler(record);
          },
        },
        options.maxMessageSize ?? 1 << 18,
      );
      side.association = new SctpAssociation(
        { crypto: nodeCrypto, maxMessageSize: 1 << 18, peerMaxMessageSize: 1 << 18, ...options },
        side.channels.sctpHost((packet) => {
          if (this.random() < this.loss) return;
          this.queue.push({ at: this.now + 10, n: this.n++, to: 1 - index, packet: packet.slice() });
        }),
      );
      this.sides.push(side);
    }
  }

  attach(): this {
    this.sides.forEach((side, i) => {
      side.channels.attach(side.association);
      side.channels.setRole(i === 0 ? "client" : "server");
      side.association.connect(this.now);
    });
    return this;
  }

  open(side: number, parameters: Partial<ChannelParameters> = {}): Record_ {
    const record = { channel: undefined as unknown as Channel, events: [] as string[], bytes: 0 };
    record.channel = this.sides[side]!.channels.open({ ...DEFAULTS, ...parameters }, handler(record));
    return record;
  }

  run(duration: number): void {
    const until = this.now + duration;
    for (;;) {
      for (const side of this.sides) side.association.flush(this.now);
      this.queue.sort((a, b) => a.at - b.at || a.n - b.n);
      const next = Math.min(this.queue[0]?.at ?? Infinity, ...this.sides.map((side) => side.association.deadline));
      if (next > until) break;
      this.now = Math.max(this.now, next);
      while (this.queue.length > 0 && this.queue[0]!.at <= this.now) {
        const { to, packet } = this.queue.shift()!;
        this.sides[to]!.association.receive(packet, this.now);
      }
      for (const side of this.sides) {
        if (side.association.deadline <= this.now) side.association.handleTimeout(this.now);
      }
    }
    this.now = until;
  }
}

function handler(record: Record_): ChannelHandler {
  return {
    onOpen: () => record.events.push("open"),
    onMessage: (data, isText) => record.events.push(isText ? `text ${utf8Decode(data)}` : `binary ${data.length}`),
    onBufferedAmountDecrease: (bytes) => {
      record.bytes += bytes;
    },
    onClosing: () => record.events.push("closing"),
    onClosed: () => record.events.push("closed"),
    onError: (reason) => record.events.push(`error ${reason}`),
  };
}

test("a channel opened before everything gets its id, opens and carries messages at once", () => {
  const bed = new Bed();
  const record = bed.open(0, { label: "chat", protocol: "p", ordered: false, maxRetransmits: 5, priority: "high" });
  assert.equal(record.channel.id, null);
  assert.equal(record.channel.state, "connecting");
  assert.equal(record.channel.send(utf8Encode("early"), true), "not-open");
  bed.attach();
  assert.equal(record.channel.id, 0);
  bed.run(100);
  assert.deepEqual(record.events, ["open"]);
  const [incoming] = bed.sides[1]!.incoming;
  assert.deepEqual(incoming!.channel.parameters, {
    label: "chat",
    protocol: "p",
    ordered: false,
    maxRetransmits: 5,
    maxPacketLifeTime: undefined,
    priority: "high",
    negotiated: false,
    id: 0,
  });
  assert.equal(incoming!.channel.state, "open");
  assert.equal(record.channel.send(utf8Encode("hello"), true), "ok");
  assert.equal(record.channel.bufferedAmount, 5);
  assert.equal(incoming!.channel.send(new Uint8Array(100_000), false), "ok");
  bed.run(300);
  assert.deepEqual(incoming!.events, ["text hello"]);
  assert.deepEqual(record.events, ["open", "binary 100000"]);
  assert.equal(record.channel.bufferedAmount, 0);
  assert.equal(record.bytes, 5);
  assert.equal(incoming!.bytes, 100_000);
});

test("empty messages arrive empty, and do not count as buffered", () => {
  const bed = new Bed();
  const record = bed.open(0);
  bed.attach().run(100);
  assert.equal(record.channel.send(new Uint8Array(0), true), "ok");
  assert.equal(record.channel.send(new Uint8Array(0), false), "ok");
  assert.equal(record.channel.bufferedAmount, 0);
  bed.run(100);
  assert.deepEqual(bed.sides[1]!.incoming[0]!.events, ["text ", "binary 0"]);
  assert.equal(record.bytes, 0);
});

test("ids: the client takes even ones, the server odd ones, given ones are left out", () => {
  const bed = new Bed();
  bed.open(0, { negotiated: true, id: 2 });
  bed.open(1, { negotiated: true, id: 2 });
  const a = [bed.open(0), bed.open(0), bed.open(0)];
  const b = [bed.open(1), bed.open(1)];
  bed.attach().run(100);
  assert.deepEqual(
    a.map((r) => r.channel.id),
    [0, 4, 6],
  );
  assert.deepEqual(
    b.map((r) => r.channel.id),
    [1, 3],
  );
  assert.equal(bed.sides[0]!.incoming.length, 2);
  const clash = bed.open(0, { negotiated: true, id: 4 });
  assert.deepEqual(clash.events, ["error id-in-use", "closed"]);
});

test("more channels than streams: those without one fail, the others work", () => {
  const bed = new Bed({ maxStreams: 6 });
  const early = Array.from({ length: 3 }, () => bed.open(0));
  bed.open(0, { negotiated: true, id: 9 });
  bed.attach();
  const high = bed.open(0, { negotiated: true, id: 8 });
  bed.run(100);
  assert.deepEqual(high.events, ["error no-stream", "closed"]);
  assert.deepEqual(
    early.map((r) => r.events),
    [["open"], ["open"], ["open"]],
  );
  const late = bed.open(0);
  assert.deepEqual(late.events, ["error no-stream", "closed"]);
});

test("closing: what is queued arrives, both sides end, and the id is free again", () => {
  for (const loss of [0, 0.15]) {
    const bed = new Bed({}, 0, 3);
    const record = bed.open(0);
    bed.attach().run(200);
    bed.loss = loss;
    const [incoming] = bed.sides[1]!.incoming;
    record.channel.send(new Uint8Array(50_000), false);
    record.channel.send(utf8Encode("bye"), true);
    record.channel.close();
    assert.equal(record.channel.state, "closing");
    assert.equal(record.channel.send(utf8Encode("no"), true), "not-open");
    bed.run(10_000);
    assert.deepEqual(incoming!.events, ["binary 50000", "text bye", "closing", "closed"]);
    assert.deepEqual(record.events, ["open", "closed"]);
    assert.equal(record.channel.bufferedAmount, 0);
    const again = bed.open(0);
    assert.equal(again.channel.id, 0);
    again.channel.send(utf8Encode("new"), true);
    bed.run(5000);
    assert.deepEqual(bed.sides[1]!.incoming[1]!.events, ["text new"]);
  }
});

test("both sides close at once", () => {
  const bed = new Bed();
  const record = bed.open(0);
  bed.attach().run(100);
  const [incoming] = bed.sides[1]!.incoming;
  record.channel.close();
  incoming!.channel.close();
  bed.run(1000);
  assert.deepEqual(record.events, ["open", "closed"]);
  assert.deepEqual(incoming!.events, ["closed"]);
});

test("the side that is closed on discards what it had not sent", () => {
  const bed = new Bed();
  const record = bed.open(0);
  bed.attach().run(100);
  const [incoming] = bed.sides[1]!.incoming;
  record.channel.close();
  for (let i = 0; i < 100; i++) incoming!.channel.send(new Uint8Array(100_000), false);
  bed.run(3000);
  assert.equal(record.channel.state, "closed");
  assert.equal(incoming!.channel.state, "closed");
  assert.deepEqual(incoming!.events.slice(-2), ["closing", "closed"]);
});

for (const then of ["stays open", "is closed by us", "is closed by the peer"] as const) {
  test(`an id is used anew before the answer to our reset is there: the new channel ${then}`, () => {
    const bed = new Bed();
    const first = bed.open(0, { label: "first" });
    bed.attach().run(100);
    first.channel.close();
    bed.run(15);
    // What side 0 answers to the reset of side 1 is lost.
    bed.loss = 1;
    bed.run(10);
    bed.loss = 0;
    assert.deepEqual(first.events, ["open", "closed"]);
    const second = bed.open(0, { label: "second" });
    assert.equal(second.channel.id, first.channel.id);
    second.channel.send(utf8Encode("new"), true);
    bed.run(15);
    const incoming = bed.sides[1]!.incoming;
    assert.deepEqual(
      incoming.map(({ channel, events }) => [channel.parameters.label, ...events]),
      [
        ["first", "closing", "closed"],
        ["second", "text new"],
      ],
    );
    assert.equal(incoming[1]!.channel.send(utf8Encode("back"), true), "ok");
    if (then === "is closed by us") second.channel.close();
    if (then === "is closed by the peer") incoming[1]!.channel.close();
    bed.run(3000);
    const ends = then !== "stays open";
    const heard = then === "is closed by us" ? [] : ["text back"];
    const closing = then === "is closed by the peer" ? ["closing"] : [];
    assert.deepEqual(second.events, ["open", ...heard, ...closing, ...(ends ? ["closed"] : [])]);
    assert.equal(incoming[1]!.channel.state, ends ? "closed" : "open");
    assert.equal(bed.open(0).channel.id, ends ? 0 : 2);
  });
}

test("a negotiated id is used anew by one side first: its messages wait for the other's new channel", () => {
  const bed = new Bed();
  const first = [0, 1].map((side) => bed.open(side, { negotiated: true, id: 5 }));
  bed.attach().run(100);
  first[0]!.channel.close();
  bed.run(15);
  bed.loss = 1;
  bed.run(10);
  bed.loss = 0;
  assert.deepEqual(first[0]!.events, ["open", "closed"]);
  bed.open(0, { negotiated: true, id: 5 }).channel.send(utf8Encode("new"), true);
  bed.run(15);
  assert.deepEqual(first[1]!.events, ["open", "closing"]);
  bed.run(1000);
  assert.deepEqual(first[1]!.events, ["open", "closing", "closed"]);
  assert.deepEqual(bed.open(1, { negotiated: true, id: 5 }).events, ["open", "text new"]);
});

test("the peer closes a negotiated channel before we are established: it opens, delivers, closes", () => {
  const resets: number[] = [];
  const channels = new DataChannels(
    {
      now: () => 0,
      onFlushNeeded() {},
      onChannel: () => assert.fail("not negotiated"),
    },
    1000,
  );
  const host = channels.sctpHost(() => {});
  channels.attach({
    outboundStreams: 100,
    inboundStreams: 100,
    send: () => "ok",
    resetStreams: (ids) => resets.push(...ids),
    discard() {},
  });
  channels.setRole("client");
  const record = { channel: undefined as unknown as Channel, events: [] as string[], bytes: 0 };
  record.channel = channels.open({ ...DEFAULTS, negotiated: true, id: 5 }, handler(record));
  // The COOKIE ACK is lost, what follows it is not.
  host.onMessage(5, 51, utf8Encode("hello"));
  host.onStreamsReset([5]);
  assert.deepEqual(record.events, []);
  host.onEstablished();
  assert.deepEqual(record.events, ["open", "text hello", "closing"]);
  assert.deepEqual(resets, [5]);
  host.onOutgoingReset([5], true);
  assert.deepEqual(record.events.at(-1), "closed");
});

test("a reset that the peer repeats is not answered by one of ours, which it would answer in turn", () => {
  let now = 1000;
  const resets: number[] = [];
  const channels = new DataChannels(
    { now: () => now, onFlushNeeded() {}, onChannel: () => assert.fail("not negotiated") },
    1000,
  );
  const host = channels.sctpHost(() => {});
  channels.attach({
    outboundStreams: 65_535,
    inboundStreams: 65_535,
    send: () => "ok",
    resetStreams: (ids) => resets.push(...ids),
    discard() {},
  });
  channels.setRole("client");
  host.onEstablished();
  const expectReset = (ids: readonly number[], answered: boolean): void => {
    host.onStreamsReset(ids);
    assert.deepEqual(resets.splice(0), answered ? ids : []);
    if (answered) host.onOutgoingReset(ids, true);
  };
  const record = { channel: undefined as unknown as Channel, events: [] as string[], bytes: 0 };
  record.channel = channels.open({ ...DEFAULTS, negotiated: true, id: 5 }, handler(record));
  expectReset([5], true);
  assert.deepEqual(record.events, ["open", "closing", "closed"]);
  expectReset([5], false);
  // Of a channel that is the peer's alone.
  expectReset([7], true);
  expectReset([7], false);
  // It is used again, as far as we can tell: by a message, or after a while.
  host.onMessage(7, 51, utf8Encode("hello"));
  expectReset([7], true);
  now += 10_001;
  expectReset([7], true);
  expectReset([5], true);
  // What is remembered is bounded.
  expectReset(
    Array.from({ length: 3000 }, (_, i) => 100 + i),
    true,
  );
  const { resetAt } = (channels as unknown as { resets: { resetAt: Map<number, number> } }).resets;
  assert.ok(resetAt.size <= 1024, `${resetAt.size}`);
});

test("a thousand channels open and close", () => {
  const bed = new Bed({}, 0.02, 9);
  const records = Array.from({ length: 1000 }, () => bed.open(0));
  bed.attach().run(5000);
  assert.equal(bed.sides[1]!.incoming.length, 1000);
  for (const record of records) record.channel.close();
  bed.run(20_000);
  for (const record of [...records, ...bed.sides[1]!.incoming]) assert.equal(record.channel.state, "closed");
  assert.equal(bed.sides[0]!.channels.list().length, 0);
});

test("a channel closed before it opened never reaches the peer", () => {
  const bed = new Bed();
  const record = bed.open(0);
  record.channel.close();
  bed.attach().run(200);
  assert.deepEqual(record.events, ["closed"]);
  assert.equal(bed.sides[1]!.incoming.length, 0);
});

test("unordered messages wait for the ACK as ordered ones, so that none overtakes the OPEN", () => {
  for (let seed = 1; seed < 20; seed++) {
    const bed = new Bed({}, 0, seed);
    bed.attach().run(200);
    bed.loss = 0.3;
    const record = bed.open(0, { ordered: false });
    for (let i = 0; i < 20; i++) record.channel.send(utf8Encode(`${i}`), true);
    bed.run(10_000);
    assert.equal(bed.sides[1]!.incoming.length, 1, `seed ${seed}`);
    assert.equal(bed.sides[1]!.incoming[0]!.events.length, 20, `seed ${seed}`);
  }
});

test("data for a negotiated channel that opens later is kept", () => {
  const bed = new Bed();
  const first = bed.open(0, { negotiated: true, id: 10 });
  bed.attach().run(100);
  first.channel.send(utf8Encode("early"), true);
  bed.run(100);
  const second = bed.open(1, { negotiated: true, id: 10 });
  bed.run(100);
  assert.deepEqual(second.events, ["open", "text early"]);
});

test("a negotiated channel closes although the peer never made its side", () => {
  const bed = new Bed();
  const record = bed.open(0, { negotiated: true, id: 10 });
  bed.attach().run(100);
  record.channel.close();
  bed.run(1000);
  assert.deepEqual(record.events, ["open", "closed"]);
});

test("messages above the limits: the sender is told, the receiver closes the channel", () => {
  const bed = new Bed({ maxMessageSize: 10_000, peerMaxMessageSize: 20_000 });
  const record = bed.open(0);
  bed.attach().run(100);
  assert.equal(record.channel.send(new Uint8Array(20_001), false), "too-large");
  assert.equal(record.channel.send(new Uint8Array(20_000), false), "ok");
  bed.run(2000);
  assert.deepEqual(bed.sides[1]!.incoming[0]!.events, ["error oversize-message", "closed"]);
  assert.deepEqual(record.events, ["open", "closing", "closed"]);
  // Nothing lingers: the id can be used again.
  const again = bed.open(0);
  assert.equal(again.channel.id, 0);
  bed.run(200);
  assert.equal(bed.sides[1]!.incoming.length, 2);
});

test("deprecated partial messages are joined", () => {
  const bed = new Bed();
  const record = bed.open(0);
  bed.attach().run(100);
  for (const [ppid, text] of [
    [54, "a"],
    [54, "b"],
    [51, "c"],
    [51, "d"],
  ] as const) {
    bed.sides[0]!.association.send(record.channel.id!, ppid, utf8Encode(text), {}, bed.now);
  }
  bed.run(100);
  assert.deepEqual(bed.sides[1]!.incoming[0]!.events, ["text abc", "text d"]);
});

test("the end of the association closes the channels", () => {
  const bed = new Bed();
  const record = bed.open(0);
  const waiting = new Bed().open(0);
  assert.equal(waiting.channel.state, "connecting");
  bed.attach().run(100);
  bed.sides[1]!.association.abort(bed.now);
  bed.run(100);
  assert.deepEqual(record.events, ["open", "error peer-abort", "closed"]);
  assert.deepEqual(bed.open(0).events, ["error association-failed", "closed"]);
});

test("a channel that the peer has closed before it aborts ends without an error, the others with one", () => {
  const bed = new Bed();
  const [closed, open] = [bed.open(0), bed.open(0)];
  bed.attach().run(100);
  const [one, other] = bed.sides;
  other!.incoming[0]!.channel.close();
  other!.association.flush(bed.now);
  other!.association.abort(bed.now);
  bed.run(100);
  assert.equal(one!.association.state, "closed");
  assert.deepEqual(closed.events, ["open", "closing", "closed"]);
  assert.deepEqual(open.events, ["open", "error peer-abort", "closed"]);
});

test("garbage as DCEP message ends the channel, or nothing", () => {
  const bed = new Bed();
  const record = bed.open(0);
  bed.attach().run(100);
  bed.sides[0]!.association.send(40, 50, Uint8Array.of(3, 1, 2), {}, bed.now);
  bed.sides[0]!.association.send(record.channel.id!, 50, Uint8Array.of(99), {}, bed.now);
  bed.run(500);
  assert.deepEqual(bed.sides[1]!.incoming[0]!.events, ["error protocol-error", "closed"]);
  assert.equal(record.channel.state, "closed");
});
