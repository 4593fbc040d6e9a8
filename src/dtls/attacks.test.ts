// What a hostile peer or path may try. Each case is one that some other stack has fallen for, or that the RFCs warn of.
import assert from "node:assert/strict";
import { test } from "node:test";
import { DtlsPair, recordsOf, Side, seeded, testCertificate } from "#test/sim/dtls-pair.js";
import { nodeCrypto } from "../node/crypto.js";
import { ByteWriter } from "../util/byte-writer.js";
import { utf8Encode } from "../util/text.js";
import { matchesFingerprint } from "./certificate.js";
import { MAX_EARLY_RECORDS, MAX_NO_RENEGOTIATION } from "./connection.js";
import { writeExtension } from "./extensions.js";
import type { FlightItem } from "./flight.js";
import { HandshakeType, parseServerHello, writeHandshake } from "./handshake.js";
import { MAX_SEQUENCE, type RecordWriter12 } from "./record12.js";

/** The inside of a connection, for peers that misbehave. */
interface Inside {
  writer: RecordWriter12;
  handshakeHost: { sendFlight(items: readonly FlightItem[], awaitsReply: boolean, now: number): void };
}
const inside = (side: Side): Inside => side.connection as unknown as Inside;

/** Lets `change` have its way with every flight that a side sends. */
function corrupt(side: Side, change: (items: readonly FlightItem[]) => readonly FlightItem[]): void {
  const { handshakeHost } = inside(side);
  const { sendFlight } = handshakeHost;
  handshakeHost.sendFlight = (items, awaitsReply, now) => sendFlight(change(items), awaitsReply, now);
}

const isMessage = (item: FlightItem, type: number): boolean => item.contentType === 22 && item.body[0] === type;

/** Leaves out the messages of a type and closes the gap in message_seq. */
function without(type: number): (items: readonly FlightItem[]) => readonly FlightItem[] {
  return (items) => {
    let gap = 0;
    return items.flatMap((item) => {
      if (isMessage(item, type)) {
        gap++;
        return [];
      }
      if (item.contentType !== 22) return [item];
      const body = item.body.slice();
      body[5]! -= gap;
      return [{ ...item, body }];
    });
  };
}

function assertRefused(pair: DtlsPair, victim: Side, alert: string, reason = "handshake-failure"): void {
  assert.equal(pair.connect(), false);
  pair.run();
  assert.equal(victim.connection.state, "failed");
  assert.equal(victim.closed!.reason, reason);
  assert.deepEqual([victim.closed!.alert!.direction, victim.closed!.alert!.name], ["sent", alert]);
  assert.deepEqual(victim.received, []);
  assert.ok(!victim.states.includes("connected"));
}

function record(type: number, epoch: number, sequence: number, body: Uint8Array): Uint8Array {
  const w = new ByteWriter().u8(type).u16(0xfefd).u16(epoch).u48(sequence);
  return w.vector(2, (v) => v.bytes(body)).finish();
}

test("a certificate that verifyPeer rejects: bad_certificate, both roles, no byte delivered", () => {
  const stranger = [testCertificate("P-256", 9)];
  const expected = [{ algorithm: "sha-256", value: "00" }];
  const verifyPeer = (chain: readonly Uint8Array[]): boolean => matchesFingerprint(nodeCrypto, chain[0]!, expected);
  const client = new DtlsPair({ verifyPeer }, { certificates: stranger });
  assertRefused(client, client.client, "bad_certificate", "certificate-rejected");
  assert.deepEqual(client.client.connection.remoteCertificates, []);
  assert.equal(client.server.closed!.reason, "alert");
  assert.equal(client.server.closed!.alert!.name, "bad_certificate");
  const server = new DtlsPair({ certificates: stranger }, { verifyPeer });
  assertRefused(server, server.server, "bad_certificate", "certificate-rejected");
  assert.equal(server.client.closed!.alert!.name, "bad_certificate");
});

test("the certificate of another, without its key", () => {
  const thief = [{ ...testCertificate("P-256", 1), privateKey: testCertificate("P-256", 2).privateKey }];
  const client = new DtlsPair({ certificates: thief });
  assertRefused(client, client.server, "decrypt_error");
  const server = new DtlsPair({}, { certificates: thief });
  assertRefused(server, server.client, "decrypt_error");
});

test("no CertificateVerify", () => {
  const pair = new DtlsPair();
  corrupt(pair.client, without(HandshakeType.certificate_verify));
  assertRefused(pair, pair.server, "unexpected_message");
});

test("no client certificate at all: an empty list, or no message", () => {
  const empty = new DtlsPair({ certificates: [] });
  assertRefused(empty, empty.server, "handshake_failure");
  const none = new DtlsPair();
  corrupt(none.client, without(HandshakeType.certificate));
  assertRefused(none, none.server, "unexpected_message");
});

test("no server certificate, or no ServerKeyExchange", () => {
  for (const type of [HandshakeType.certificate, HandshakeType.server_key_exchange]) {
    const pair = new DtlsPair();
    corrupt(pair.server, without(type));
    assertRefused(pair, pair.client, "unexpected_message");
  }
});

test("a wrong Finished, from either side", () => {
  const spoil = (items: readonly FlightItem[]): readonly FlightItem[] =>
    items.map((item) => {
      if (!isMessage(item, HandshakeType.finished)) return item;
      const body = item.body.slice();
      body[body.length - 1]! ^= 1;
      return { ...item, body };
    });
  const client = new DtlsPair();
  corrupt(client.client, spoil);
  assertRefused(client, client.server, "decrypt_error");
  const server = new DtlsPair();
  corrupt(server.server, spoil);
  server.start();
  server.run();
  assert.equal(server.client.closed!.alert!.name, "decrypt_error");
  assert.ok(!server.client.states.includes("connected"));
  const short = new DtlsPair();
  corrupt(short.client, (items) =>
    items.map((item) =>
      isMessage(item, HandshakeType.finished)
        ? { ...item, body: writeHandshake(20, item.body[5]!, new Uint8Array(0)) }
        : item,
    ),
  );
  assertRefused(short, short.server, "decrypt_error");
});

test("a Finished in the clear, and one without ChangeCipherSpec, are not taken", () => {
  const plain = new DtlsPair();
  corrupt(plain.client, (items) =>
    items.map((item) => (isMessage(item, HandshakeType.finished) ? { ...item, epoch: 0 } : item)),
  );
  const bare = new DtlsPair();
  corrupt(bare.client, (items) => items.filter((item) => item.contentType !== 20));
  const neither = new DtlsPair();
  corrupt(neither.client, (items) => items.filter((item) => !isMessage(item, HandshakeType.finished)));
  for (const pair of [plain, bare, neither]) {
    assert.equal(pair.connect(), false);
    assert.ok(!pair.server.states.includes("connected"));
    assert.equal(pair.server.closed!.reason, "timeout");
  }
});

test("messages out of order or of no known type", () => {
  const swapped = new DtlsPair();
  corrupt(swapped.server, (items) => {
    const copies = items.map((item) => ({ ...item, body: item.body.slice() }));
    if (copies.length < 3) return items;
    [copies[1]!.body[5], copies[2]!.body[5]] = [copies[2]!.body[5]!, copies[1]!.body[5]!];
    return copies;
  });
  assertRefused(swapped, swapped.client, "unexpected_message");
  for (const type of [0x63, HandshakeType.new_session_ticket, HandshakeType.client_hello]) {
    const pair = new DtlsPair();
    corrupt(pair.server, (items) => [{ ...items[0]!, body: writeHandshake(type, 0, new Uint8Array(4)) }]);
    assertRefused(pair, pair.client, "unexpected_message");
  }
});

test("application data before Finished is not delivered until the Finished is verified", () => {
  const pair = new DtlsPair();
  let finished: FlightItem | undefined;
  corrupt(pair.client, (items) => {
    if (finished !== undefined) return items;
    finished = items.find((item) => isMessage(item, HandshakeType.finished));
    return items.filter((item) => item !== finished);
  });
  pair.start();
  pair.run(() => finished !== undefined);
  inside(pair.client).writer.queue(23, utf8Encode("too early"));
  inside(pair.client).writer.flush();
  pair.run(() => pair.now > 1200);
  assert.deepEqual(pair.server.received, []);
  assert.equal(pair.server.connection.state, "connecting");
  inside(pair.client).handshakeHost.sendFlight([finished!], false, pair.now);
  pair.run(() => pair.connected);
  assert.equal(pair.connected, true);
  assert.deepEqual(pair.server.received, [utf8Encode("too early")]);
});

test("application data in the clear is never delivered", () => {
  const pair = new DtlsPair();
  const forged = record(23, 0, 1, utf8Encode("forged"));
  pair.start();
  for (let i = 0; i < 20 && !pair.connected; i++) {
    pair.inject(pair.client, forged);
    pair.inject(pair.server, forged);
    pair.step();
    pair.step();
    pair.step();
  }
  pair.run();
  assert.equal(pair.connected, true);
  pair.inject(pair.client, forged);
  pair.inject(pair.server, forged);
  pair.run();
  assert.deepEqual([pair.client.received, pair.server.received], [[], []]);
});

test("alerts in the clear do not end a handshake that goes on, nor a connection", () => {
  const pair = new DtlsPair();
  for (const body of [Uint8Array.of(2, 40), Uint8Array.of(1, 0), Uint8Array.of(2, 0), Uint8Array.of(9, 9)]) {
    for (let delay = 0; delay < 60; delay += 3) {
      pair.inject(pair.client, record(21, 0, delay, body), delay);
      pair.inject(pair.server, record(21, 0, delay, body), delay);
    }
  }
  assert.equal(pair.connect(), true);
  pair.run();
  assert.equal(pair.connected, true);
  pair.send(pair.client, Uint8Array.of(1));
  pair.run();
  assert.deepEqual(pair.server.received, [Uint8Array.of(1)]);
});

test("records of the clear, and of epochs that are not ours, are ignored once connected", () => {
  const pair = new DtlsPair();
  pair.connect();
  const sent = pair.client.sent.length + pair.server.sent.length;
  const before = [...pair.client.sent, ...pair.server.sent];
  for (const datagram of before)
    for (const part of recordsOf(datagram)) {
      for (const side of [pair.client, pair.server]) {
        pair.inject(side, part);
        const other = part.slice();
        other[4] = 2;
        pair.inject(side, other);
        const version = part.slice();
        version[1] = 3;
        pair.inject(side, version);
      }
    }
  pair.run();
  assert.equal(pair.connected, true);
  assert.equal(pair.client.sent.length + pair.server.sent.length, sent);
  assert.ok(pair.client.connection.counters.dropped.epoch > 0);
  assert.ok(pair.client.connection.counters.dropped.version > 0);
});

test("every byte of a record is protected", () => {
  for (const suite of [0xc02b, 0xcca9, 0xc02c]) {
    const pair = new DtlsPair({ cipherSuites: [suite] });
    pair.connect();
    pair.fate = () => [];
    pair.send(pair.client, utf8Encode("precious"));
    const original = pair.client.sent.at(-1)!;
    for (let i = 0; i < original.length; i++) {
      for (const bit of [1, 0x80]) {
        const tampered = original.slice();
        tampered[i]! ^= bit;
        pair.inject(pair.server, tampered);
      }
    }
    for (let length = 0; length < original.length; length++) pair.inject(pair.server, original.subarray(0, length));
    pair.run();
    assert.deepEqual(pair.server.received, []);
    assert.equal(pair.connected, true);
    pair.inject(pair.server, original);
    pair.run();
    assert.deepEqual(pair.server.received, [utf8Encode("precious")]);
  }
});

test("a tampered handshake never ends with one side believing what the other did not say", () => {
  const clean = new DtlsPair();
  clean.connect();
  const lengths = [clean.client.sent[0], clean.server.sent[0], clean.client.sent[1], clean.server.sent[1]];
  const random = seeded(7);
  let refused = 0;
  for (let flight = 0; flight < 4; flight++) {
    for (let at = Math.floor(random() * 4); at < lengths[flight]!.length; at += 4) {
      const pair = new DtlsPair({ srtpProfiles: [7, 1] }, { srtpProfiles: [7, 1] });
      pair.fate = (datagram, _from, index) => {
        if (index === flight && at < datagram.length) datagram[at]! ^= 1 << (at % 8);
        return [10];
      };
      pair.connect();
      pair.run();
      const [a, b] = [pair.client.connection, pair.server.connection];
      if (a.state === "connected" || b.state === "connected") {
        assert.deepEqual([a.state, b.state], ["connected", "connected"], `flight ${flight} byte ${at}`);
        assert.deepEqual(a.exportKeyingMaterial("x", undefined, 20), b.exportKeyingMaterial("x", undefined, 20));
        assert.deepEqual(a.remoteCertificates, [b.localCertificate!.der]);
        assert.deepEqual(b.remoteCertificates, [a.localCertificate!.der]);
        assert.equal(a.srtpProfile, 7);
      } else refused++;
    }
  }
  assert.ok(refused > 50);
});

test("a replayed record is delivered once, whenever it comes again", () => {
  const pair = new DtlsPair();
  pair.connect();
  pair.fate = () => [10, 10, 11, 500];
  for (let i = 0; i < 100; i++) pair.send(pair.client, Uint8Array.of(i));
  pair.run();
  assert.equal(pair.server.received.length, 100);
  // Twice in one batch too.
  pair.fate = () => [];
  pair.send(pair.client, Uint8Array.of(200));
  const datagram = pair.client.sent.at(-1)!;
  pair.server.connection.receive(datagram.slice(), pair.now);
  pair.server.connection.receive(datagram.slice(), pair.now);
  pair.server.connection.flush(pair.now);
  assert.equal(pair.server.received.length, 101);
  assert.ok(pair.server.connection.counters.dropped.replay >= 301);
});

test("a forged sequence number far ahead does not move the window", () => {
  const pair = new DtlsPair();
  pair.connect();
  for (const sequence of [1000, 2 ** 32, MAX_SEQUENCE]) {
    pair.inject(pair.server, record(23, 1, sequence, new Uint8Array(60)));
  }
  pair.run();
  pair.send(pair.client, Uint8Array.of(1));
  pair.run();
  assert.deepEqual(pair.server.received, [Uint8Array.of(1)]);
  assert.equal(pair.server.connection.counters.dropped.authentication, 3);
});

test("nonces are epoch and sequence number, and never repeat", () => {
  const pair = new DtlsPair();
  pair.fate = (_datagram, _from, index) => (index % 4 === 3 ? [] : [10]);
  pair.connect();
  for (let i = 0; i < 50; i++) pair.send(pair.client, Uint8Array.of(i));
  const seen = new Set<string>();
  for (const datagram of pair.client.sent) {
    for (const r of recordsOf(datagram)) {
      if (r[4] !== 1) continue;
      assert.deepEqual(r.subarray(13, 21), r.subarray(3, 11));
      assert.equal(seen.has(String(r.subarray(3, 11))), false);
      seen.add(String(r.subarray(3, 11)));
    }
  }
  assert.ok(seen.size > 50);
});

test("the connection closes before the sequence number would wrap", () => {
  const pair = new DtlsPair();
  pair.connect();
  (inside(pair.client).writer as unknown as { sequence: number }).sequence = MAX_SEQUENCE - 1;
  pair.send(pair.client, Uint8Array.of(1));
  assert.equal(pair.client.connection.state, "connected");
  assert.equal(pair.client.connection.send(Uint8Array.of(2)), true);
  assert.equal(pair.client.connection.send(Uint8Array.of(3)), false);
  pair.client.connection.flush(pair.now);
  assert.deepEqual(pair.client.closed, { reason: "sequence-exhausted", alert: undefined });
  pair.run();
  assert.deepEqual(pair.server.received, [Uint8Array.of(1), Uint8Array.of(2)]);
});

test("a fatal alert under keys ends the connection, a warning does not", () => {
  const pair = new DtlsPair();
  pair.connect();
  inside(pair.client).writer.queue(21, Uint8Array.of(1, 90));
  inside(pair.client).writer.queue(21, Uint8Array.of(1));
  inside(pair.client).writer.flush();
  pair.run();
  assert.equal(pair.connected, true);
  inside(pair.client).writer.queue(21, Uint8Array.of(2, 80));
  inside(pair.client).writer.flush();
  pair.run();
  assert.deepEqual(pair.server.closed, {
    reason: "alert",
    alert: { direction: "received", description: 80, name: "internal_error" },
  });
  assert.equal(pair.server.connection.state, "failed");
});

test("renegotiation is refused, with a warning that is not sent for ever", () => {
  const pair = new DtlsPair();
  pair.connect();
  const sent = pair.server.sent.length;
  for (let i = 0; i < 10; i++) {
    inside(pair.client).writer.queue(22, writeHandshake(HandshakeType.client_hello, 10 + i, new Uint8Array(40)));
  }
  inside(pair.client).writer.flush();
  pair.run();
  assert.equal(pair.connected, true);
  assert.equal(pair.server.sent.length - sent, MAX_NO_RENEGOTIATION);
});

test("a flood of early records is bounded, and does not stop the handshake", () => {
  const pair = new DtlsPair();
  pair.start();
  pair.run(() => pair.server.sent.length > 0);
  for (let i = 0; i < 200; i++) {
    pair.inject(pair.server, record(23, 1, i, new Uint8Array(100)));
    pair.inject(pair.server, record(22, 1, i, new Uint8Array(100)));
  }
  pair.run(() => pair.connected);
  assert.equal(pair.connected, true);
  const { dropped } = pair.server.connection.counters;
  assert.ok(dropped.early >= 400 - MAX_EARLY_RECORDS - 2);
});

test("repeating a ClientHello makes the server send little: no amplification without end", () => {
  const pair = new DtlsPair();
  pair.start();
  const hello = pair.client.sent[0]!;
  pair.fate = () => [];
  for (let i = 0; i < 5000; i++) pair.inject(pair.server, hello, i);
  pair.run(() => pair.now > 6500);
  assert.ok(pair.server.sent.length <= 1 + 16 + 8, String(pair.server.sent.length));
});

/** A hello such as browsers send today: GREASE, DTLS 1.3, a post-quantum key share, unknown extensions. */
function modernHello(versions: readonly number[]): Uint8Array {
  const w = new ByteWriter().u16(0xfefd).bytes(new Uint8Array(32).fill(5)).u8(0).u8(0);
  w.vector(2, (v) => v.u16(0x8a8a).u16(0x1301).u16(0xc02b).u16(0xc02f).u16(0xc014))
    .u8(1)
    .u8(0);
  w.vector(2, (v) => {
    writeExtension(v, 0x4a4a, () => {});
    writeExtension(v, 23, () => {});
    writeExtension(v, 0xff01, (e) => e.u8(0));
    writeExtension(v, 10, (e) => e.vector(2, (g) => g.u16(0x2a2a).u16(0x11ec).u16(29).u16(23)));
    writeExtension(v, 11, (e) => e.u8(1).u8(0));
    writeExtension(v, 35, () => {});
    writeExtension(v, 13, (e) => e.vector(2, (s) => s.u16(0x0403).u16(0x0804).u16(0x0401)));
    writeExtension(v, 14, (e) => e.vector(2, (s) => s.u16(8).u16(7).u16(1)).u8(0));
    writeExtension(v, 51, (e) => e.vector(2, (s) => s.u16(0x11ec).vector(2, (k) => k.zeros(1216))));
    writeExtension(v, 43, (e) => e.vector(1, (s) => s.bytes(Uint8Array.from(versions.flatMap((n) => [n >> 8, n])))));
    writeExtension(v, 0x9a9a, (e) => e.u8(0));
    writeExtension(v, 21, (e) => e.zeros(100));
  });
  return writeHandshake(HandshakeType.client_hello, 0, w.finish());
}

function fragmentsOf(message: Uint8Array, size: number, overlap: number): Uint8Array[] {
  const out: Uint8Array[] = [];
  const length = message.length - 12;
  for (let at = 0; at < length; at += size) {
    const start = Math.max(0, at - overlap);
    const end = Math.min(length, at + size);
    const w = new ByteWriter()
      .bytes(message.subarray(0, 6))
      .u24(start)
      .u24(end - start);
    out.push(record(22, 0, out.length, w.bytes(message.subarray(12 + start, 12 + end)).finish()));
  }
  return out;
}

function permutations<T>(list: readonly T[]): T[][] {
  if (list.length < 2) return [[...list]];
  return list.flatMap((item, i) => permutations([...list.slice(0, i), ...list.slice(i + 1)]).map((p) => [item, ...p]));
}

test("a large hello of a DTLS 1.3 client, its fragments in every order and overlapping, is answered with 1.2 at once", () => {
  const hello = modernHello([0xfafa, 0xfefc, 0xfefd]);
  for (const overlap of [0, 40]) {
    for (const order of permutations(fragmentsOf(hello, 400, overlap))) {
      const server = new Side("server", { srtpProfiles: [7] }, () => {});
      server.connection.start(0);
      for (const [i, datagram] of order.entries()) {
        assert.equal(server.sent.length, 0);
        server.connection.receive(datagram.slice(), i);
        if (i === 1) server.connection.receive(order[0]!.slice(), i);
      }
      const first = recordsOf(server.sent[0]!)[0]!;
      assert.equal(first[13], HandshakeType.server_hello);
      const answer = parseServerHello(first.subarray(13 + 12))!;
      assert.equal(answer.version, 0xfefd);
      assert.equal(answer.cipherSuite, 0xc02b);
      assert.deepEqual([...answer.extensions.types].sort(), [0xff01, 11, 14, 23].sort());
      assert.deepEqual(answer.extensions.useSrtp!.profiles, [7]);
    }
  }
});

test("a client that knows only other versions gets protocol_version", () => {
  for (const hello of [modernHello([0xfefc]), modernHello([0xfeff])]) {
    const server = new Side("server", {}, () => {});
    server.connection.start(0);
    for (const datagram of fragmentsOf(hello, 1000, 0)) server.connection.receive(datagram, 0);
    assert.equal(server.closed!.alert!.name, "protocol_version");
  }
});

test("malformed hellos are decode errors, never exceptions", () => {
  const hello = modernHello([0xfefd]);
  for (let cut = 0; cut < hello.length - 12; cut += 7) {
    const server = new Side("server", {}, () => {});
    server.connection.start(0);
    const body = hello.subarray(12, 12 + cut);
    server.connection.receive(record(22, 0, 0, writeHandshake(1, 0, body)), 0);
    if (server.connection.state === "failed") {
      assert.ok(["decode_error", "handshake_failure"].includes(server.closed!.alert!.name));
    }
  }
});

test("a ServerHello with what was not offered is refused", () => {
  const cases: [string, (body: ByteWriter) => void, string][] = [
    ["suite", (w) => w.u16(0xc013).u8(0), "illegal_parameter"],
    ["compression", (w) => w.u16(0xc02b).u8(1), "illegal_parameter"],
    [
      "extension",
      (w) =>
        w
          .u16(0xc02b)
          .u8(0)
          .vector(2, (v) => v.u16(16).u16(0)),
      "unsupported_extension",
    ],
    [
      "twice",
      (w) =>
        w
          .u16(0xc02b)
          .u8(0)
          .vector(2, (v) => v.u16(23).u16(0).u16(23).u16(0)),
      "decode_error",
    ],
    [
      "srtp",
      (w) =>
        w
          .u16(0xc02b)
          .u8(0)
          .vector(2, (v) => v.u16(14).u16(5).u16(2).u16(8).u8(0)),
      "illegal_parameter",
    ],
    [
      "renegotiation",
      (w) =>
        w
          .u16(0xc02b)
          .u8(0)
          .vector(2, (v) => v.u16(0xff01).u16(2).u8(1).u8(1)),
      "handshake_failure",
    ],
    ["no EMS", (w) => w.u16(0xc02b).u8(0), "handshake_failure"],
  ];
  for (const [name, rest, alert] of cases) {
    const pair = new DtlsPair({ srtpProfiles: [7], requireExtendedMasterSecret: name === "no EMS" });
    const body = new ByteWriter().u16(0xfefd).zeros(32).u8(0);
    rest(body);
    corrupt(pair.server, () => [
      { contentType: 22, epoch: 0, body: writeHandshake(HandshakeType.server_hello, 0, body.finish()) },
    ]);
    pair.connect();
    pair.run();
    assert.equal(pair.client.closed?.alert?.name, alert, name);
  }
  const old = new DtlsPair();
  const body = new ByteWriter().u16(0xfeff).zeros(32).u8(0).u16(0xc02b).u8(0).finish();
  corrupt(old.server, () => [{ contentType: 22, epoch: 0, body: writeHandshake(2, 0, body) }]);
  assertRefused(old, old.client, "protocol_version");
});

/** Changes the first two-byte code `from` to `to` in the client's first flight, behind the fixed part of the hello. */
function rewriteHello(pair: DtlsPair, from: number, to: number): void {
  pair.fate = (datagram, side, index) => {
    for (let i = 70; side === "client" && index === 0 && i < datagram.length - 1; i++) {
      if (datagram[i] !== from >> 8 || datagram[i + 1] !== (from & 255)) continue;
      datagram.set([to >> 8, to], i);
      break;
    }
    return [10];
  };
}

test("a server's signature scheme, group or kind of key that was not offered", () => {
  const scheme = new DtlsPair({ signatureSchemes: ["ecdsa_secp256r1_sha256"] });
  rewriteHello(scheme, 0x0403, 0x0503);
  assertRefused(scheme, scheme.client, "illegal_parameter");
  const group = new DtlsPair({ groups: ["x25519"] });
  rewriteHello(group, 29, 24);
  assertRefused(group, group.client, "illegal_parameter");
  const mixed = { ...testCertificate("P-256"), der: testCertificate("rsa").der };
  const key = new DtlsPair({}, { certificates: [mixed] });
  assertRefused(key, key.client, "illegal_parameter");
});

test("copies of datagrams made by the network cause no retransmissions", () => {
  const pair = new DtlsPair({ mtu: 300 }, { mtu: 300 }, () => [10, 10, 12, 15]);
  assert.equal(pair.connect(), true);
  pair.run();
  assert.equal(pair.client.connection.counters.retransmissions, 0);
  assert.equal(pair.server.connection.counters.retransmissions, 0);
});

test("a server that never stops asking for cookies", () => {
  const client = new Side("client", {}, () => {});
  client.connection.start(0);
  for (let seq = 0; seq < 5; seq++) {
    const body = Uint8Array.of(0xfe, 0xff, 1, seq);
    client.connection.receive(
      record(22, 0, seq, writeHandshake(HandshakeType.hello_verify_request, seq, body)),
      100 * seq,
    );
  }
  assert.equal(client.closed!.reason, "handshake-failure");
  assert.ok(client.sent.length <= 5);
});
