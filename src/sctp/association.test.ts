// The association as a whole, in virtual time: handshake, reliable transfer under loss, restart, shutdown, attacks.
import assert from "node:assert/strict";
import { test } from "node:test";
import { nodeCrypto } from "../node/crypto.js";
import { crc32cOfSctpPacket } from "../util/checksum.js";
import { COOKIE_ECHO, DATA, I_DATA, INIT, INIT_ACK, SACK } from "./chunks.js";
import type { SctpAbort } from "./options.js";
import { read32, write16, write32 } from "./packet.js";
import { MAX_ABORT_REASON } from "./parameters.js";
import { generator, numbered, numberOf, Pair } from "./testing.test.js";

function firstChunk(packet: Uint8Array): number {
  return packet[12]!;
}

function seal(packet: Uint8Array): Uint8Array {
  write32(packet, 8, 0);
  const crc = crc32cOfSctpPacket(packet);
  for (let i = 0; i < 4; i++) packet[8 + i] = crc >>> (8 * i);
  return packet;
}

test("both sides connect at once and are established after one and a half round trips", () => {
  const pair = new Pair({ delay: 50 });
  pair.connect();
  assert.ok(pair.run(2000, () => pair.ends.every((end) => end.established)));
  assert.ok(pair.now <= 1000 + 150, `took ${pair.now - 1000} ms`);
  pair.run(1500);
  for (const end of pair.ends) assert.equal(end.association.state, "established");
});

test("one side connects and the other only answers", () => {
  const pair = new Pair({ delay: 10 });
  pair.ends[0].association.connect(pair.now);
  pair.run(1100);
  for (const end of pair.ends) assert.equal(end.association.state, "established");
  assert.ok(pair.ends[0].association.stats.usesInterleaving);
  assert.ok(pair.ends[0].association.stats.usesZeroChecksum);
});

test("who has just answered an INIT sends its own only if nothing comes of that", () => {
  for (const lost of [false, true]) {
    const pair = new Pair({ delay: 10, filter: (_from, packet) => lost && firstChunk(packet) === INIT_ACK });
    pair.keepLog = true;
    const [early, late] = pair.ends;
    early.association.connect(pair.now);
    pair.run(pair.now + 11);
    late.association.connect(pair.now);
    pair.run(pair.now + 300);
    const inits = pair.log.filter(({ packet }) => firstChunk(packet) === INIT).map(({ from, at }) => [from, at]);
    assert.deepEqual(
      inits,
      lost
        ? [
            [0, 1000],
            [1, 1111],
          ]
        : [[0, 1000]],
    );
    assert.equal(late.association.state, lost ? "cookie-wait" : "established");
    assert.equal(early.association.state, late.association.state);
  }
});

test("data sent before the handshake travels with COOKIE ECHO", () => {
  const pair = new Pair({ delay: 50 });
  const { association } = pair.ends[0];
  association.send(3, 51, numbered(1, 100), {}, pair.now);
  association.connect(pair.now);
  assert.ok(pair.run(5000, () => pair.ends[1].received.length === 1));
  assert.equal(pair.now, 1150, "INIT, INIT ACK, COOKIE ECHO with DATA");
});

test("the handshake survives the loss of each of its packets", () => {
  for (const lost of [INIT, INIT_ACK, COOKIE_ECHO, 11]) {
    let dropped = 0;
    const filter = (_from: number, packet: Uint8Array): boolean => firstChunk(packet) === lost && dropped++ < 2;
    const pair = new Pair({ delay: 20, filter });
    pair.ends[0].association.send(0, 53, numbered(5, 3000), {}, pair.now);
    pair.ends[0].association.connect(pair.now);
    assert.ok(
      pair.run(10_000, () => pair.ends[1].received.length === 1),
      `chunk ${lost}`,
    );
    pair.run(pair.now + 3000);
    assert.equal(pair.ends[0].association.state, "established");
    assert.equal(pair.ends[1].received.length, 1);
  }
});

test("a handshake that nobody answers fails", () => {
  const pair = new Pair({ loss: 1 }, { maxInitRetransmits: 4 });
  pair.ends[0].association.connect(pair.now);
  pair.run(60_000);
  assert.equal(pair.ends[0].closed, "init-failed");
  assert.equal(pair.ends[0].association.deadline, Number.POSITIVE_INFINITY);
});

test("every reliable message arrives once and in order, whatever the link does", () => {
  for (let seed = 1; seed <= 24; seed++) {
    const random = generator(seed + 1000);
    const interleaving = seed % 2 === 0;
    const pair = new Pair(
      {
        seed,
        delay: 5 + random() * 60,
        jitter: random() < 0.5 ? random() * 40 : 0,
        loss: random() * 0.2,
        duplicate: random() * 0.1,
      },
      { interleaving, zeroChecksum: seed % 3 !== 0, mtu: 512 + Math.floor(random() * 1000) },
    );
    pair.connect();
    const expected: Map<string, number[]> = new Map();
    let count = 0;
    for (let round = 0; round < 40; round++) {
      for (const side of [0, 1] as const) {
        const streamId = Math.floor(random() * 4);
        const size = random() < 0.2 ? Math.floor(random() * 40_000) : Math.floor(random() * 600);
        const unordered = random() < 0.2;
        const key = `${side} ${streamId} ${unordered}`;
        const n = count++;
        if (!expected.has(key)) expected.set(key, []);
        expected.get(key)!.push(n);
        const ppid = unordered ? 53 : 51;
        assert.equal(
          pair.ends[side].association.send(streamId, ppid, numbered(n, size), { unordered }, pair.now),
          "ok",
        );
      }
      pair.run(pair.now + random() * 30);
    }
    const done = pair.run(
      pair.now + 120_000,
      () => pair.ends[0].received.length + pair.ends[1].received.length >= count,
    );
    assert.ok(done, `seed ${seed}: ${pair.ends.map((end) => end.received.length)} of ${count}`);
    pair.run(pair.now + 5000);
    for (const side of [0, 1] as const) {
      const { received } = pair.ends[1 - side]!;
      for (const unordered of [false, true]) {
        for (let streamId = 0; streamId < 4; streamId++) {
          const got = received
            .filter((m) => m.streamId === streamId && (m.ppid === 53) === unordered)
            .map((m) => numberOf(m.data));
          const sent = expected.get(`${side} ${streamId} ${unordered}`) ?? [];
          if (unordered) got.sort((a, b) => a - b);
          assert.deepEqual(got, sent, `seed ${seed}, side ${side}, stream ${streamId}`);
        }
      }
      const { stats } = pair.ends[side].association;
      assert.equal(stats.flight, 0);
      assert.equal(stats.bufferedAmount, 0);
      assert.equal(stats.unackedChunks, 0);
    }
  }
});

test("paced small messages are acknowledged at once, and nothing is repeated", () => {
  const pair = new Pair({ delay: 20 }).establish();
  const { association } = pair.ends[0];
  for (let i = 0; i < 50; i++) {
    association.send(1, 51, numbered(i, 50), {}, pair.now);
    const sent = pair.now;
    pair.run(pair.now + 100, () => pair.ends[1].received.length > i);
    assert.equal(pair.now - sent, 20);
    pair.run(pair.now + 37);
  }
  assert.equal(association.stats.chunksRetransmitted, 0);
  assert.ok(association.stats.srtt! < 45, `srtt ${association.stats.srtt}`);
});

test("a lost last packet is repaired by a probe, not by T3-rtx", () => {
  let drop = false;
  const pair = new Pair({ delay: 10, filter: (from) => from === 0 && drop }).establish();
  const { association } = pair.ends[0];
  association.send(1, 51, numbered(1, 50), {}, pair.now);
  pair.run(pair.now + 200);
  drop = true;
  association.send(1, 51, numbered(2, 50), {}, pair.now);
  pair.flush();
  drop = false;
  const sent = pair.now;
  assert.ok(pair.run(pair.now + 1000, () => pair.ends[1].received.length === 2));
  assert.ok(pair.now - sent < 80, `took ${pair.now - sent} ms`);
  assert.equal(association.stats.timeouts, 0);
});

test("bufferedAmount falls by exactly what was sent", () => {
  const pair = new Pair({ delay: 10, rate: 10, queue: 50_000 }).establish();
  const { association } = pair.ends[0];
  let total = 0;
  for (let i = 0; i < 20; i++) {
    association.send(i % 3, 53, numbered(i, 50_000), {}, pair.now);
    total += 50_000;
  }
  assert.equal(association.bufferedAmount(0) + association.bufferedAmount(1) + association.bufferedAmount(2), total);
  let reports = 0;
  const left = [0, 1, 2].map((id) => association.bufferedAmount(id));
  pair.ends[0].onDecrease = (id, bytes) => {
    reports++;
    assert.ok(bytes > 0);
    total -= bytes;
    left[id]! -= bytes;
    assert.equal(association.bufferedAmount(id), left[id]);
  };
  assert.ok(pair.run(pair.now + 20_000, () => pair.ends[1].received.length === 20));
  assert.equal(total, 0);
  assert.ok(reports > 5);
});

test("a receive window that fills up is reported and reopens", () => {
  let lost = 0;
  // The first fragment of the second message is lost several times; all behind it has to wait in the buffer.
  const filter = (from: number, packet: Uint8Array): boolean =>
    from === 0 && firstChunk(packet) === I_DATA && packet.includes(0x77) && lost++ < 6;
  const pair = new Pair({ delay: 10, filter }, { receiveBuffer: 20_000, mtu: 1188 }).establish();
  const { association } = pair.ends[0];
  const bad = new Uint8Array(900).fill(0x77);
  association.send(1, 53, bad, {}, pair.now);
  for (let i = 0; i < 100; i++) association.send(1, 53, new Uint8Array(1000).fill(1), {}, pair.now);
  pair.flush();
  assert.ok(pair.run(pair.now + 60_000, () => pair.ends[1].received.length === 101));
  assert.equal(pair.ends[1].received[0]!.data[0], 0x77);
  assert.equal(pair.ends[0].closed, undefined);
});

test("shutdown waits for the data", () => {
  const pair = new Pair({ delay: 10, loss: 0.1, seed: 5 }).establish();
  pair.ends[0].association.send(1, 53, numbered(1, 100_000), {}, pair.now);
  pair.ends[1].association.send(1, 53, numbered(2, 50_000), {}, pair.now);
  pair.ends[0].association.shutdown(pair.now);
  assert.equal(pair.ends[0].association.send(1, 53, numbered(3, 10), {}, pair.now), "closed");
  pair.run(pair.now + 30_000);
  assert.equal(pair.ends[0].closed, "shutdown");
  assert.equal(pair.ends[1].closed, "peer-shutdown");
  assert.equal(pair.ends[1].received.length, 1);
});

test("both sides shut down at once", () => {
  const pair = new Pair({ delay: 10 }).establish();
  for (const end of pair.ends) end.association.shutdown(pair.now);
  pair.run(pair.now + 5000);
  for (const end of pair.ends) assert.ok(end.closed === "shutdown" || end.closed === "peer-shutdown", end.closed);
});

test("an abort reaches the peer", () => {
  const pair = new Pair({ delay: 10 }).establish();
  pair.ends[0].association.abort(pair.now, "bye");
  pair.run(pair.now + 100);
  assert.equal(pair.ends[0].closed, "aborted");
  assert.equal(pair.ends[1].closed, "peer-abort");
  assert.deepEqual(pair.ends[1].peerAbort, { causeCode: 12, reason: "bye" });
});

test("what an ABORT says is read as far as it can be", () => {
  const cases: [causes: number[], expected: SctpAbort][] = [
    [[], { causeCode: undefined, reason: "" }],
    [[0, 12, 0, 4], { causeCode: 12, reason: "" }],
    [[0, 12, 0, 7, 0x61, 0xc3, 0xa4], { causeCode: 12, reason: "aä" }],
    // The text of other causes is not for programs.
    [[0, 13, 0, 5, 0x61, 0, 0, 0], { causeCode: 13, reason: "" }],
    // A length that is wrong.
    [[0, 12, 0, 9, 0x61, 0x62, 0x63, 0x64], { causeCode: undefined, reason: "" }],
    [[0, 12, 0x01, 0x2c, ...new Uint8Array(296).fill(0x61)], { causeCode: 12, reason: "a".repeat(MAX_ABORT_REASON) }],
  ];
  for (const [causes, expected] of cases) {
    const pair = new Pair({ delay: 10 });
    pair.keepLog = true;
    pair.establish();
    pair.ends[0].association.abort(pair.now);
    const aborted = pair.log.at(-1)!.packet;
    const packet = Uint8Array.from([...aborted.subarray(0, 16), ...causes]);
    write16(packet, 14, 4 + causes.length);
    pair.ends[1].association.receive(seal(packet), pair.now);
    assert.equal(pair.ends[1].closed, "peer-abort");
    assert.deepEqual(pair.ends[1].peerAbort, expected);
  }
});

test("an unreachable peer is given up, but not soon", () => {
  let cut = false;
  const pair = new Pair({ delay: 10, filter: () => cut }).establish();
  cut = true;
  const start = pair.now;
  pair.ends[0].association.send(1, 53, numbered(1, 10), {}, pair.now);
  pair.run(pair.now + 300_000);
  assert.equal(pair.ends[0].closed, "unreachable");
  assert.ok(pair.now - start > 30_000);
});

test("after an outage of twenty seconds the transfer goes on", () => {
  let cut = false;
  const pair = new Pair({ delay: 10, filter: () => cut }).establish();
  pair.ends[0].association.send(1, 53, numbered(1, 500_000), {}, pair.now);
  pair.run(pair.now + 15);
  cut = true;
  pair.run(pair.now + 20_000);
  cut = false;
  assert.ok(pair.run(pair.now + 15_000, () => pair.ends[1].received.length === 1));
});

test("a peer that restarts is recognised", () => {
  const pair = new Pair({ delay: 10 }).establish();
  pair.ends[0].association.send(1, 53, numbered(1, 100), {}, pair.now);
  pair.run(pair.now + 100);
  pair.make(0, {});
  pair.ends[0].association.connect(pair.now);
  pair.run(pair.now + 500);
  assert.equal(pair.ends[1].restarted, 1);
  assert.equal(pair.ends[0].association.state, "established");
  pair.ends[0].association.send(1, 53, numbered(2, 2000), {}, pair.now);
  pair.ends[1].association.send(1, 53, numbered(3, 2000), {}, pair.now);
  pair.run(pair.now + 500);
  assert.deepEqual(
    pair.ends[1].received.map((m) => numberOf(m.data)),
    [1, 2],
  );
  assert.deepEqual(
    pair.ends[0].received.map((m) => numberOf(m.data)),
    [3],
  );
});

test("packets with a wrong tag, checksum, port or length change nothing (RFC 5062)", () => {
  const pair = new Pair({ delay: 10 }, { zeroChecksum: false });
  pair.keepLog = true;
  pair.establish();
  pair.ends[0].association.send(1, 53, numbered(1, 100), {}, pair.now);
  pair.run(pair.now + 100);
  const data = pair.log.filter((p) => p.from === 0 && firstChunk(p.packet) === I_DATA).at(-1)!.packet;
  const tag = read32(data, 4);
  const before = pair.ends[1].association.stats;
  const attack = (type: number, flags: number, value: number[], wrongTag: number): void => {
    const length = 4 + value.length;
    const packet = new Uint8Array(12 + ((length + 3) & ~3));
    packet.set(data.subarray(0, 4));
    write32(packet, 4, wrongTag);
    packet[12] = type;
    packet[13] = flags;
    write16(packet, 14, length);
    packet.set(value, 16);
    pair.ends[1].association.receive(seal(packet), pair.now);
    pair.ends[1].association.flush(pair.now);
  };
  for (let type = 0; type < 256; type++) {
    for (const flags of [0, 1]) attack(type, flags, new Array(16).fill(0), (tag + 1) >>> 0);
    if (type !== INIT) attack(type, 0, new Array(28).fill(0), 0);
  }
  const broken = data.slice();
  broken[20]! ^= 1;
  pair.ends[1].association.receive(broken, pair.now);
  for (const length of [0, 1, 3, 0xffff]) {
    const packet = data.slice();
    write16(packet, 14, length);
    pair.ends[1].association.receive(seal(packet), pair.now);
  }
  const port = data.slice();
  port[1]! ^= 1;
  pair.ends[1].association.receive(seal(port), pair.now);
  const after = pair.ends[1].association.stats;
  assert.equal(after.state, "established");
  assert.equal(after.messagesReceived, before.messagesReceived);
  assert.ok(after.packetsDropped > before.packetsDropped + 100);
  pair.run(pair.now + 100);
  for (const end of pair.ends) assert.equal(end.closed, undefined);
});

test("a SACK for what was never sent is ignored", () => {
  const pair = new Pair({ delay: 10 }, { zeroChecksum: false });
  pair.keepLog = true;
  pair.establish();
  pair.ends[0].association.send(1, 53, numbered(1, 100), {}, pair.now);
  pair.run(pair.now + 100);
  const sack = pair.log
    .filter((p) => p.from === 1 && firstChunk(p.packet) === SACK)
    .at(-1)!
    .packet.slice();
  write32(sack, 16, (read32(sack, 16) + 1000) >>> 0);
  pair.ends[0].association.receive(seal(sack), pair.now);
  pair.ends[0].association.send(1, 53, numbered(2, 100), {}, pair.now);
  pair.run(pair.now + 1000);
  assert.equal(pair.ends[1].received.length, 2);
});

test("DATA of the wrong kind and DATA without data end the association", () => {
  for (const [type, size] of [
    [DATA, 4],
    [I_DATA, 0],
  ] as const) {
    const pair = new Pair({ delay: 10 }, { zeroChecksum: false });
    pair.keepLog = true;
    pair.establish();
    pair.ends[0].association.send(1, 53, numbered(1, 100), {}, pair.now);
    pair.run(pair.now + 100);
    const data = pair.log.filter((p) => p.from === 0 && firstChunk(p.packet) === I_DATA).at(-1)!.packet;
    const packet = data.slice(0, 12 + 20 + size);
    packet[12] = type;
    write16(packet, 14, packet.length - 12);
    pair.ends[1].association.receive(seal(packet), pair.now);
    assert.equal(pair.ends[1].closed, "protocol-violation");
    pair.run(pair.now + 100);
    assert.equal(pair.ends[0].closed, "peer-abort");
  }
});

test("a message above the limit is dropped and reported; the next one arrives", () => {
  for (const interleaving of [false, true]) {
    const pair = new Pair({ delay: 10 }, { interleaving }, { interleaving, maxMessageSize: 5000 }).establish();
    pair.ends[0].association.send(1, 53, numbered(1, 20_000), {}, pair.now);
    pair.ends[0].association.send(1, 53, numbered(2, 4000), {}, pair.now);
    pair.run(pair.now + 500);
    assert.equal(pair.ends[1].oversize, 1);
    assert.deepEqual(
      pair.ends[1].received.map((m) => numberOf(m.data)),
      [2],
    );
  }
});

test("the sender's limits are kept", () => {
  const pair = new Pair({}, { peerMaxMessageSize: 1000 });
  const { association } = pair.ends[0];
  assert.equal(association.send(1, 53, new Uint8Array(1001), {}, 0), "too-large");
  assert.equal(association.send(1, 53, new Uint8Array(0), {}, 0), "empty");
  assert.equal(association.send(65_535, 53, new Uint8Array(1), {}, 0), "invalid-stream");
  association.abort(0);
  assert.equal(association.send(1, 53, new Uint8Array(1), {}, 0), "closed");
});

test("a peer without extensions is served: DATA, checksums, no resets", () => {
  const pair = new Pair(
    { delay: 10, loss: 0.05, seed: 3 },
    {},
    { interleaving: false, zeroChecksum: false },
  ).establish();
  for (let i = 0; i < 20; i++) pair.ends[0].association.send(i % 2, 53, numbered(i, 5000), {}, pair.now);
  assert.ok(pair.run(pair.now + 10_000, () => pair.ends[1].received.length === 20));
  assert.equal(pair.ends[0].association.stats.usesInterleaving, false);
  assert.equal(pair.ends[0].association.stats.usesZeroChecksum, false);
});

test("the path MTU is found by probing", () => {
  const filter = (_from: number, packet: Uint8Array): boolean => packet.length > 1400;
  const pair = new Pair({ delay: 10, filter }, { mtu: 1188, maxMtu: 4000 }).establish();
  const before = pair.sent[0];
  pair.run(pair.now + 10_000);
  assert.equal(pair.sent[0], before, "idle");
  pair.ends[1].keep = false;
  for (const end = pair.now + 20_000; pair.now < end; pair.run(pair.now + 100)) {
    pair.ends[0].association.send(1, 53, numbered(1, 20_000), {}, pair.now);
  }
  pair.ends[1].keep = true;
  const { mtu } = pair.ends[0].association.stats;
  assert.ok(mtu > 1360 && mtu <= 1400, `${mtu}`);
  pair.ends[0].association.send(1, 53, numbered(1, 100_000), {}, pair.now);
  assert.ok(pair.run(pair.now + 5000, () => pair.ends[1].received.length === 1));
});

test("an idle association sends heartbeats and survives", () => {
  const pair = new Pair({ delay: 10 }, { heartbeatInterval: 5000 }).establish();
  const before = pair.sent[0];
  pair.run(pair.now + 60_000);
  assert.ok(pair.sent[0] > before + 10);
  for (const end of pair.ends) assert.equal(end.closed, undefined);
});

test("TSNs that wrap around, in windows of thousands", () => {
  for (const interleaving of [false, true]) {
    const pair = new Pair({ seed: 8, delay: 30, jitter: 5, loss: 0.02, rate: 200, queue: 1_000_000 }, { interleaving });
    for (const side of [0, 1] as const) {
      let calls = 0;
      pair.make(side, {
        interleaving,
        crypto: {
          // The tag is the first number drawn, the initial TSN the second.
          random: (length) => new Uint8Array(length).fill(calls++ === 1 ? 0xff : 0x42 + side),
          createHmac: nodeCrypto.createHmac.bind(nodeCrypto),
          equal: nodeCrypto.equal.bind(nodeCrypto),
        },
      });
    }
    pair.establish();
    for (let i = 0; i < 400; i++) pair.ends[0].association.send(i % 3, 53, numbered(i, 10_000), {}, pair.now);
    assert.ok(pair.run(pair.now + 20_000, () => pair.ends[1].received.length === 400));
    assert.deepEqual(
      pair.ends[1].received.map((m) => numberOf(m.data)).sort((a, b) => a - b),
      Array.from({ length: 400 }, (_, i) => i),
    );
  }
});

test("a flipped bit anywhere in a handshake with checksums costs no more than a retransmission", () => {
  for (let seed = 1; seed <= 30; seed++) {
    const random = generator(seed);
    let flips = 3;
    const filter = (_from: number, packet: Uint8Array): boolean => {
      if (flips > 0 && random() < 0.5) {
        flips--;
        packet[Math.floor(random() * packet.length)]! ^= 1 << Math.floor(random() * 8);
      }
      return false;
    };
    const pair = new Pair({ seed, delay: 20, filter }, { zeroChecksum: false });
    pair.ends[0].association.send(1, 53, numbered(1, 100), {}, pair.now);
    pair.connect();
    assert.ok(
      pair.run(pair.now + 10_000, () => pair.ends[1].received.length === 1),
      `seed ${seed}`,
    );
  }
});
