// Associations whose INITs travelled with the descriptions (draft-hancke-tsvwg-snap-00): no handshake, and what happens where only
// one side knows of that.
import assert from "node:assert/strict";
import { test } from "node:test";
import { nodeCrypto } from "../node/crypto.js";
import { base64Decode } from "../util/text.js";
import { COOKIE_ECHO, DATA, I_DATA, INIT, INIT_ACK, parseInit } from "./chunks.js";
import { createInit, readSignaledInit } from "./init.js";
import type { SctpOptions } from "./options.js";
import { write16, write32 } from "./packet.js";
import { generator, type LinkOptions, numbered, numberOf, Pair } from "./testing.test.js";

const HANDSHAKE = [INIT, INIT_ACK, COOKIE_ECHO, 11];

function firstChunk(packet: Uint8Array): number {
  return packet[12]!;
}

/** A pair whose ends have exchanged their INITs; `knows`: which of them use that. */
function snapPair(
  link: LinkOptions = {},
  options: [Partial<SctpOptions>, Partial<SctpOptions>] = [{}, {}],
  knows: readonly [boolean, boolean] = [true, true],
): Pair {
  const pair = new Pair(link, ...options);
  const random = generator(99);
  const crypto = { ...nodeCrypto, random: (n: number) => Uint8Array.from({ length: n }, () => random() * 256) };
  const inits = options.map((own) => createInit({ crypto, ...own })) as [Uint8Array, Uint8Array];
  for (const side of [0, 1] as const) {
    if (knows[side]) pair.make(side, options[side], { localInit: inits[side], remoteInit: inits[1 - side]! });
  }
  pair.keepLog = true;
  return pair;
}

function handshakePackets(pair: Pair): number {
  return pair.log.filter(({ packet }) => HANDSHAKE.includes(firstChunk(packet))).length;
}

test("the INIT of the draft's example is read as the draft says", () => {
  const read = readSignaledInit(base64Decode("AQAAHols3R0AUAAA/////+B5ZR3AAAAEgAgABoLA")!)!;
  assert.equal(read.init.initiateTag, 0x896cdd1d);
  assert.equal(read.init.arwnd, 0x500000);
  assert.equal(read.init.outboundStreams, 65535);
  assert.equal(read.init.inboundStreams, 65535);
  assert.equal(read.init.initialTsn, 0xe079651d);
  assert.deepEqual(
    read.accepted.map(({ type, value }) => [type, [...value]]),
    [
      [0xc000, []],
      [0x8008, [0x82, 0xc0]],
    ],
  );
});

test("what a description carries is the INIT that would be sent", () => {
  for (const options of [{}, { interleaving: false, zeroChecksum: false, maxStreams: 7, receiveBuffer: 99_999 }]) {
    const pair = new Pair({}, options);
    pair.keepLog = true;
    pair.connect();
    const packet = pair.log[0]!.packet;
    const sent = parseInit(packet, 12, packet.length - 12)!;
    const chunk = createInit({ crypto: nodeCrypto, ...options });
    const made = parseInit(chunk, 0, chunk.length)!;
    assert.notEqual(made.initiateTag, 0);
    assert.deepEqual({ ...made, initiateTag: 0, initialTsn: 0 }, { ...sent, initiateTag: 0, initialTsn: 0 });
  }
});

test("what is no INIT is none", () => {
  const good = createInit({ crypto: nodeCrypto });
  assert.ok(readSignaledInit(good));
  const padded = new Uint8Array((good.length + 3) & ~3);
  padded.set(good);
  assert.ok(readSignaledInit(padded), "the padding may be there");
  const changed = (change: (chunk: Uint8Array) => void): Uint8Array => {
    const chunk = good.slice();
    change(chunk);
    return chunk;
  };
  const bad: Record<string, Uint8Array> = {
    empty: new Uint8Array(0),
    "cut in the header": good.slice(0, 3),
    "cut in the fields": good.slice(0, 19),
    "cut in the parameters": good.slice(0, -1),
    "an INIT ACK": changed((chunk) => write16(chunk, 0, INIT_ACK << 8)),
    "a length below the fields": changed((chunk) => write16(chunk, 2, 16)),
    "a length beyond the end": changed((chunk) => write16(chunk, 2, good.length + 1)),
    "tag zero": changed((chunk) => write32(chunk, 4, 0)),
    "no streams out": changed((chunk) => write16(chunk, 12, 0)),
    "no streams in": changed((chunk) => write16(chunk, 14, 0)),
    "a parameter beyond the end": changed((chunk) => write16(chunk, 22, 500)),
    "more behind it": new Uint8Array([...padded, 0]),
    "a host name": new Uint8Array([
      ...changed((chunk) => write16(chunk, 2, 28)).subarray(0, 20),
      0,
      11,
      0,
      8,
      1,
      2,
      3,
      4,
    ]),
  };
  for (const [what, chunk] of Object.entries(bad)) assert.equal(readSignaledInit(chunk), undefined, what);
});

test("both sides are established at once, and data needs one way only", () => {
  const pair = snapPair({ delay: 50 });
  const [a, b] = pair.ends;
  for (const end of pair.ends) {
    assert.equal(end.association.state, "closed");
    assert.equal(end.association.deadline, Number.POSITIVE_INFINITY, "no timer before");
    end.association.flush(pair.now);
  }
  assert.equal(pair.log.length, 0, "nothing is sent before");
  pair.connect();
  assert.ok(a.established && b.established);
  a.association.send(1, 53, numbered(1, 3000), {}, pair.now);
  b.association.send(2, 53, numbered(2, 10), { unordered: true }, pair.now);
  assert.ok(pair.run(1050, () => a.received.length === 1 && b.received.length === 1));
  assert.equal(pair.now, 1050);
  pair.run(20_000);
  assert.equal(handshakePackets(pair), 0);
  assert.equal(a.association.stats.unackedChunks, 0);
  assert.equal(a.association.deadline > pair.now + 1000, true, "only heartbeats");
});

test("the same is negotiated as by a handshake", () => {
  const cases: [Partial<SctpOptions>, Partial<SctpOptions>][] = [
    [{}, {}],
    [{ interleaving: false }, {}],
    [{}, { zeroChecksum: false }],
    [{ maxStreams: 10 }, { maxStreams: 20, interleaving: false }],
    [{ receiveBuffer: 50_000 }, { receiveBuffer: 70_000, zeroChecksum: false }],
  ];
  for (const options of cases) {
    const shaken = new Pair({}, ...options).establish();
    const signaled = snapPair({}, options);
    signaled.connect();
    for (const side of [0, 1] as const) {
      const facts = ({ ends }: Pair): unknown => {
        const { association } = ends[side];
        const { usesInterleaving, usesZeroChecksum, rwnd } = association.stats;
        const { outboundStreams, inboundStreams } = association;
        return { usesInterleaving, usesZeroChecksum, rwnd, outboundStreams, inboundStreams };
      };
      assert.deepEqual(facts(signaled), facts(shaken));
    }
  }
});

test("a peer that is faster by a while is acknowledged once we connect", () => {
  const pair = snapPair({ delay: 5 });
  const [a, b] = pair.ends;
  a.association.connect(pair.now);
  a.association.send(0, 53, numbered(3, 500), {}, pair.now);
  pair.run(pair.now + 50);
  b.association.connect(pair.now);
  assert.ok(pair.run(3000, () => b.received.length === 1));
  assert.equal(handshakePackets(pair), 0);
});

test("the first packets may be lost, as any", () => {
  for (const lost of [1, 2, 3]) {
    let dropped = 0;
    const filter = (from: number): boolean => from === 0 && dropped++ < lost;
    const pair = snapPair({ delay: 20, filter });
    const [a, b] = pair.ends;
    for (const end of pair.ends) end.association.connect(pair.now, 40);
    a.association.send(0, 53, numbered(1, 400), {}, pair.now);
    assert.ok(pair.run(6000, () => b.received.length === 1));
    assert.ok(lost > 1 || pair.now <= 1000 + 200 + 20, `waited until ${pair.now}: not for what is known of the path`);
    b.association.send(0, 53, numbered(2, 400), {}, pair.now);
    assert.ok(pair.run(pair.now + 6000, () => a.received.length === 1));
    assert.equal(handshakePackets(pair), 0);
  }
});

test("every message arrives once and in order over a bad path", () => {
  for (let seed = 1; seed <= 8; seed++) {
    const pair = snapPair({ seed, delay: 10, jitter: 30, loss: 0.2, duplicate: 0.1 });
    pair.connect();
    for (let i = 0; i < 60; i++) {
      for (const end of pair.ends) end.association.send(0, 53, numbered(i, 10 + i * 40), {}, pair.now);
    }
    assert.ok(pair.run(pair.now + 120_000, () => pair.ends.every((end) => end.received.length === 60)));
    for (const end of pair.ends) {
      assert.deepEqual(
        end.received.map(({ data }) => numberOf(data)),
        Array.from({ length: 60 }, (_, i) => i),
      );
    }
  }
});

test("with an INIT of the peer that is none there is a handshake", () => {
  const pair = new Pair({ delay: 5 });
  pair.make(0, {}, { localInit: createInit({ crypto: nodeCrypto }), remoteInit: Uint8Array.of(1, 2, 3) });
  pair.establish();
  pair.ends[0].association.send(0, 53, numbered(1, 10), {}, pair.now);
  assert.ok(pair.run(pair.now + 1000, () => pair.ends[1].received.length === 1));
});

// Somebody between the programs has changed one of the descriptions, or one side believes that it has to make sure.
test("where only one side knows of it, the other's handshake is answered, and nothing is lost", () => {
  for (const early of [0, 1] as const) {
    for (const interleaving of [true, false]) {
      const pair = snapPair({ delay: 20 }, [{ interleaving }, { interleaving }], [true, false]);
      const [knows, shakes] = pair.ends;
      for (const n of [1, 2]) knows.association.send(0, 53, numbered(n, 2000), {}, pair.now);
      shakes.association.send(1, 53, numbered(3, 2000), {}, pair.now);
      pair.ends[early].association.connect(pair.now);
      pair.run(pair.now + 7);
      pair.ends[1 - early]!.association.connect(pair.now);
      assert.ok(pair.run(5000, () => shakes.received.length === 2 && knows.received.length === 1));
      assert.deepEqual(
        shakes.received.map(({ data }) => numberOf(data)),
        [1, 2],
      );
      pair.run(pair.now + 10_000);
      assert.equal(knows.restarted, 0);
      assert.equal(shakes.received.length, 2);
      for (const end of pair.ends) {
        assert.equal(end.association.state, "established");
        assert.equal(end.association.stats.unackedChunks, 0);
      }
    }
  }
});

test("a peer that sends the INIT of its description all the same is answered", () => {
  const pair = snapPair({ delay: 20 });
  const [a, b] = pair.ends;
  const init = createInit({ crypto: nodeCrypto });
  const other = new Pair({ delay: 20 });
  const inits = { localInit: createInit({ crypto: nodeCrypto }), remoteInit: init };
  // It has the tag and the TSN that were signaled, and no remote INIT to go by.
  other.make(0, {}, { localInit: init, remoteInit: new Uint8Array(0) });
  other.make(1, {}, inits);
  other.connect();
  other.ends[1].association.send(0, 53, numbered(1, 100), {}, other.now);
  assert.ok(other.run(5000, () => other.ends[0].received.length === 1));
  assert.equal(other.ends[1].restarted, 0);
  // After data has gone both ways, an INIT is a restart (RFC 9260 §5.2.4, action A).
  pair.connect();
  a.association.send(0, 53, numbered(1, 100), {}, pair.now);
  b.association.send(0, 53, numbered(2, 100), {}, pair.now);
  assert.ok(pair.run(5000, () => a.received.length === 1 && b.received.length === 1));
  pair.make(1, {});
  b.association.connect(pair.now);
  assert.ok(pair.run(5000, () => b.association.state === "established"));
  pair.run(pair.now + 1000);
  assert.equal(a.restarted, 1);
  b.association.send(0, 53, numbered(4, 100), {}, pair.now);
  assert.ok(pair.run(pair.now + 1000, () => a.received.length === 2));
});

test("a stray COOKIE ECHO, COOKIE ACK or INIT ACK changes nothing", () => {
  const shaken = new Pair({ delay: 1 });
  shaken.keepLog = true;
  shaken.establish();
  const pair = snapPair({ delay: 1 });
  pair.connect();
  const [a, b] = pair.ends;
  for (const { packet } of shaken.log.filter(({ packet: p }) => firstChunk(p) !== INIT)) pair.inject(0, packet.slice());
  pair.run(pair.now + 50);
  assert.equal(a.association.state, "established");
  assert.ok(
    pair.log.filter(({ from }) => from === 0).every(({ packet }) => ![INIT_ACK, 11].includes(firstChunk(packet))),
  );
  b.association.send(0, 53, numbered(1, 100), {}, pair.now);
  assert.ok(pair.run(pair.now + 1000, () => a.received.length === 1));
  assert.ok(pair.log.some(({ packet }) => [DATA, I_DATA].includes(firstChunk(packet))));
});
