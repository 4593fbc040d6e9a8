// What the association does with streams: partial reliability, resets, scheduling between streams, and how well it fills links.
import assert from "node:assert/strict";
import { test } from "node:test";
import { FORWARD_TSN, I_DATA, I_FORWARD_TSN, RE_CONFIG } from "./chunks.js";
import { PRIORITY_HIGH, PRIORITY_LOW, PRIORITY_VERY_LOW } from "./options.js";
import { pad4, read16, read32, write32 } from "./packet.js";
import { RECONFIG_RESPONSE } from "./parameters.js";
import { RESULT_IN_PROGRESS } from "./stream-reset.js";
import { generator, type LinkOptions, numbered, numberOf, Pair } from "./testing.test.js";

/** Where the sequence number of a RE-CONFIG response lies in a packet, or -1. */
function resetAnswerIn(packet: Uint8Array): number {
  for (let at = 12; at + 4 <= packet.length; at += pad4(read16(packet, at + 2))) {
    if (packet[at] === RE_CONFIG && read16(packet, at + 4) === RECONFIG_RESPONSE) return at + 8;
  }
  return -1;
}

for (const interleaving of [false, true]) {
  const kind = interleaving ? "I-DATA" : "DATA";

  test(`${kind}: a message without retransmissions is skipped when lost, and the next one arrives`, () => {
    let lose = false;
    const filter = (from: number, packet: Uint8Array): boolean =>
      from === 0 && lose && (packet[12] === I_DATA || packet[12] === 0);
    const pair = new Pair({ delay: 10, filter }, { interleaving });
    pair.keepLog = true;
    pair.establish();
    const { association } = pair.ends[0];
    for (const unordered of [false, true]) {
      const before = pair.ends[1].received.length;
      lose = true;
      association.send(1, 53, numbered(1, 3000), { maxRetransmits: 0, unordered }, pair.now);
      pair.flush();
      lose = false;
      association.send(1, 53, numbered(2, 3000), { maxRetransmits: 0, unordered }, pair.now);
      pair.run(pair.now + 3000);
      const got = pair.ends[1].received.slice(before).map((m) => numberOf(m.data));
      assert.deepEqual(got, [2]);
    }
    const type = interleaving ? I_FORWARD_TSN : FORWARD_TSN;
    assert.ok(pair.log.some((p) => p.from === 0 && p.packet[12] === type));
    assert.equal(association.stats.unackedChunks, 0);
  });

  test(`${kind}: a message partly sent when its lifetime ends is abandoned whole`, () => {
    const pair = new Pair({ delay: 50, rate: 1, queue: 20_000 }, { interleaving }).establish();
    const { association } = pair.ends[0];
    association.send(1, 53, numbered(1, 200_000), { lifetime: 300 }, pair.now);
    association.send(1, 53, numbered(2, 1000), {}, pair.now);
    pair.run(pair.now + 10_000);
    assert.deepEqual(
      pair.ends[1].received.map((m) => numberOf(m.data)),
      [2],
    );
    assert.equal(association.stats.bufferedAmount, 0);
    assert.equal(association.stats.unackedChunks, 0);
    assert.equal(pair.ends[0].decreased, 201_000);
  });

  test(`${kind}: limited and reliable messages together, on bad links`, () => {
    for (let seed = 1; seed <= 12; seed++) {
      const random = generator(seed);
      const pair = new Pair(
        { seed, delay: 20, jitter: random() * 30, loss: 0.02 + random() * 0.2, duplicate: 0.05 },
        { interleaving },
      ).establish();
      const { association } = pair.ends[0];
      const reliable: number[] = [];
      for (let i = 0; i < 150; i++) {
        const limited = i % 3 !== 0;
        if (!limited) reliable.push(i);
        const options = limited
          ? i % 2 === 0
            ? { maxRetransmits: i % 4, unordered: i % 5 === 0 }
            : { lifetime: 20 + (i % 7) * 30, unordered: i % 5 === 0 }
          : {};
        const size = random() < 0.3 ? 8000 : 200;
        // Mixed on one stream, and apart.
        association.send(i % 4 === 0 ? 9 : limited ? 1 : 2, 53, numbered(i, size), options, pair.now);
        pair.run(pair.now + random() * 20);
      }
      pair.run(pair.now + 60_000);
      const got = pair.ends[1].received.map((m) => numberOf(m.data));
      assert.equal(new Set(got).size, got.length, `seed ${seed}: a message twice`);
      const gotReliable = got.filter((n) => n % 3 === 0);
      assert.deepEqual(
        gotReliable.toSorted((a, b) => a - b),
        reliable,
        `seed ${seed}`,
      );
      assert.ok(got.length > 60, `seed ${seed}: ${got.length}`);
      assert.equal(association.stats.unackedChunks, 0, `seed ${seed}`);
      // Ordered messages of one stream never overtake each other.
      for (const id of [1, 2, 9]) {
        const order = pair.ends[1].received
          .filter((m) => m.streamId === id)
          .map((m) => numberOf(m.data))
          .filter((n) => n % 3 === 0 || n % 5 !== 0);
        assert.deepEqual(
          order,
          order.toSorted((a, b) => a - b),
          `seed ${seed}, stream ${id}`,
        );
      }
    }
  });

  test(`${kind}: a stream is reset after its data, and can be used again`, () => {
    for (let seed = 1; seed <= 10; seed++) {
      const pair = new Pair({ seed, delay: 20, jitter: 10, loss: 0.15 }, { interleaving }).establish();
      const { association } = pair.ends[0];
      for (let i = 0; i < 5; i++) association.send(7, 53, numbered(i, 5000), {}, pair.now);
      association.send(8, 53, numbered(50, 500), {}, pair.now);
      association.resetStreams([7]);
      association.send(7, 53, numbered(100, 200), {}, pair.now);
      association.send(8, 53, numbered(51, 500), {}, pair.now);
      const done = pair.run(
        pair.now + 30_000,
        () => pair.ends[1].received.length === 8 && pair.ends[0].outgoingResets.length === 1,
      );
      assert.ok(done, `seed ${seed}: ${pair.ends[1].received.length}`);
      assert.deepEqual(pair.ends[0].outgoingResets, [{ id: 7, ok: true }]);
      assert.deepEqual(pair.ends[1].streamsReset, [7]);
      const seven = pair.ends[1].received.filter((m) => m.streamId === 7).map((m) => numberOf(m.data));
      assert.deepEqual(seven, [0, 1, 2, 3, 4, 100]);
    }
  });
}

test("both sides reset many streams at once, under loss", () => {
  const pair = new Pair({ seed: 4, delay: 20, loss: 0.1 }).establish();
  const ids = Array.from({ length: 2000 }, (_, i) => i);
  for (const end of pair.ends) {
    for (const id of ids) end.association.send(id, 53, numbered(id, 20), {}, pair.now);
    end.association.resetStreams(ids);
  }
  assert.ok(pair.run(pair.now + 60_000, () => pair.ends.every((end) => end.outgoingResets.length === 2000)));
  pair.run(pair.now + 5000);
  for (const end of pair.ends) {
    assert.deepEqual(
      end.streamsReset.toSorted((a, b) => a - b),
      ids,
    );
    assert.ok(end.outgoingResets.every((r) => r.ok));
  }
});

test("a peer for which a reset that was once in progress stays so is asked again under a new number", () => {
  const numbers = new Set<number>();
  const filter = (from: number, packet: Uint8Array): boolean => {
    const at = from === 1 ? resetAnswerIn(packet) : -1;
    if (at < 0) return false;
    numbers.add(read32(packet, at));
    // As older dcSCTP: what was once in progress stays so.
    if (numbers.size === 1) write32(packet, at + 4, RESULT_IN_PROGRESS);
    return false;
  };
  const pair = new Pair({ delay: 10, filter }).establish();
  const { association } = pair.ends[0];
  association.send(7, 53, numbered(1, 100), {}, pair.now);
  association.resetStreams([7]);
  pair.run(pair.now + 20_000, () => pair.ends[0].outgoingResets.length > 0);
  assert.equal(pair.ends[0].closed, undefined);
  assert.deepEqual(pair.ends[0].outgoingResets, [{ id: 7, ok: true }]);
  assert.equal(numbers.size, 2);
  assert.ok(pair.now < 3000, `${pair.now}`);
});

test("being told for minutes that a reset is in progress is no sign of an unreachable peer", () => {
  let answers = 0;
  const filter = (from: number, packet: Uint8Array): boolean => {
    const at = from === 1 ? resetAnswerIn(packet) : -1;
    if (at < 0) return false;
    answers++;
    write32(packet, at + 4, RESULT_IN_PROGRESS);
    return false;
  };
  const pair = new Pair({ delay: 10, filter }, { heartbeatInterval: 0 }).establish();
  pair.ends[0].association.send(7, 53, numbered(1, 100), {}, pair.now);
  pair.ends[0].association.resetStreams([7]);
  pair.run(pair.now + 200_000);
  assert.equal(pair.ends[0].closed, undefined);
  assert.ok(answers > 100, `${answers}`);
});

test("discard drops what is queued and gives up what is under way", () => {
  const pair = new Pair({ delay: 20, rate: 1, queue: 20_000 }).establish();
  const { association } = pair.ends[0];
  association.send(1, 53, numbered(1, 500_000), {}, pair.now);
  association.send(1, 53, numbered(2, 500_000), {}, pair.now);
  pair.run(pair.now + 200);
  association.discard(1);
  assert.equal(association.bufferedAmount(1), 0);
  association.send(1, 53, numbered(3, 1000), {}, pair.now);
  pair.run(pair.now + 2000);
  assert.deepEqual(
    pair.ends[1].received.map((m) => numberOf(m.data)),
    [3],
  );
});

test("with I-DATA a large message does not hold up a small one", () => {
  const pair = new Pair({ delay: 20, rate: 20, queue: 100_000 }, { maxMessageSize: 1 << 25 }).establish();
  const { association } = pair.ends[0];
  association.send(1, 53, numbered(1, 20_000_000), { priority: PRIORITY_LOW }, pair.now);
  pair.run(pair.now + 1000);
  const sent = pair.now;
  association.send(2, 51, numbered(2, 500), { priority: PRIORITY_LOW }, pair.now);
  assert.ok(pair.run(pair.now + 3000, () => pair.ends[1].received.length === 1));
  assert.equal(numberOf(pair.ends[1].received[0]!.data), 2);
  assert.ok(pair.now - sent < 300, `${pair.now - sent}`);
});

test("streams share the path by priority", () => {
  const pair = new Pair({ delay: 20, rate: 20, queue: 100_000 }).establish();
  const { association } = pair.ends[0];
  const bytes = [0, 0, 0];
  pair.ends[0].onDecrease = (id, n) => {
    bytes[id]! += n;
  };
  for (let i = 0; i < 150; i++) {
    association.send(0, 53, new Uint8Array(50_000), { priority: PRIORITY_HIGH }, pair.now);
    association.send(1, 53, new Uint8Array(50_000), { priority: PRIORITY_LOW }, pair.now);
    association.send(2, 53, new Uint8Array(50_000), { priority: PRIORITY_VERY_LOW }, pair.now);
  }
  pair.run(pair.now + 2500);
  const ratio = bytes[0]! / bytes[1]!;
  assert.ok(ratio > 3.5 && ratio < 4.5, `high to low ${ratio}`);
  assert.ok(bytes[1]! / bytes[2]! > 1.7 && bytes[1]! / bytes[2]! < 2.3, `low to very low ${bytes[1]! / bytes[2]!}`);
});

test("without I-DATA streams take turns by message", () => {
  const pair = new Pair({ delay: 20, rate: 20, queue: 100_000 }, { interleaving: false }).establish();
  const { association } = pair.ends[0];
  for (let i = 0; i < 30; i++) association.send(i % 3, 53, numbered(i, 60_000), {}, pair.now);
  pair.run(pair.now + 5000);
  const order = pair.ends[1].received.map((m) => m.streamId);
  assert.equal(order.length, 30);
  for (let i = 3; i < 30; i++) assert.notEqual(order[i], order[i - 1], order.join());
});

/** Megabits per second of packets that arrive between `from` and `to` seconds, with the sender's queue never empty. */
function throughput(link: LinkOptions, from: number, to: number): { mbps: number; pair: Pair } {
  const pair = new Pair({ overhead: 65, ...link }).establish();
  const [a, b] = pair.ends;
  b.keep = false;
  let buffered = 0;
  a.onDecrease = (_id, bytes) => {
    buffered -= bytes;
  };
  const start = pair.now;
  let before = 0;
  while (pair.now < start + to * 1000) {
    while (buffered < 4 << 20) {
      a.association.send(1, 53, new Uint8Array(65_536), {}, pair.now);
      buffered += 65_536;
    }
    pair.run(pair.now + 10);
    if (pair.now < start + from * 1000) before = b.association.stats.bytesReceived;
  }
  return { mbps: ((b.association.stats.bytesReceived - before) * 8) / (to - from) / 1e6, pair };
}

test("a 100 Mbit/s path of 40 ms with a queue of one bandwidth-delay product is filled", () => {
  const { mbps, pair } = throughput({ rate: 100, delay: 20, queue: 500_000 }, 1, 5);
  assert.ok(mbps > 90, `${mbps}`);
  const { stats } = pair.ends[0].association;
  assert.equal(stats.timeouts, 0);
  assert.ok(stats.chunksRetransmitted < 0.01 * stats.packetsSent, `${stats.chunksRetransmitted}`);
});

test("random loss of 1 % costs little of it", () => {
  for (const seed of [1, 2, 3]) {
    const { mbps, pair } = throughput({ seed, rate: 100, delay: 20, queue: 500_000, loss: 0.01 }, 2, 5);
    assert.ok(mbps > 60, `seed ${seed}: ${mbps}`);
    assert.equal(pair.ends[0].association.stats.timeouts, 0);
  }
});

test("a path of a tenth of the queue, and one of a slow line, are filled too", () => {
  assert.ok(throughput({ rate: 100, delay: 20, queue: 50_000 }, 3, 6).mbps > 70);
  const { mbps, pair } = throughput({ rate: 1, delay: 30, queue: 20_000 }, 2, 10);
  assert.ok(mbps > 0.85, `${mbps}`);
  assert.ok(pair.ends[0].association.stats.timeouts <= 1);
});

test("reordering alone costs no throughput", () => {
  const { mbps } = throughput({ rate: 50, delay: 20, jitter: 4, queue: 300_000 }, 2, 5);
  assert.ok(mbps > 42, `${mbps}`);
});

test("a long outage of every other packet does not end in timeouts only", () => {
  let n = 0;
  const pair = new Pair({ delay: 20, filter: (from) => from === 0 && n++ % 2 === 1 });
  pair.establish();
  pair.ends[0].association.send(1, 53, numbered(1, 60_000), {}, pair.now);
  assert.ok(pair.run(pair.now + 20_000, () => pair.ends[1].received.length === 1));
});
