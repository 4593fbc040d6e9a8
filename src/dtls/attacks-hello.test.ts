// Attacks on the beginning of a handshake and on what it costs: hellos of all kinds, floods, repeats.
import assert from "node:assert/strict";
import { test } from "node:test";
import { DtlsPair, recordsOf, Side, testCertificate } from "#test/sim/dtls-pair.js";
import { ByteWriter } from "../util/byte-writer.js";
import { assertRefused, corrupt, inside, record } from "./attacks-testing.test.js";
import { MAX_EARLY_RECORDS, MAX_NO_RENEGOTIATION } from "./connection.js";
import { writeExtension } from "./extensions.js";
import { HandshakeType, parseServerHello, writeHandshake } from "./handshake.js";

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
