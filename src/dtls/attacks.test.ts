// What a hostile peer or path may try. Each case is one that some other stack has fallen for, or that the RFCs warn of.
import assert from "node:assert/strict";
import { test } from "node:test";
import { DtlsPair, recordsOf, seeded, testCertificate } from "#test/sim/dtls-pair.js";
import { nodeCrypto } from "../node/crypto.js";
import { utf8Encode } from "../util/text.js";
import { assertRefused, corrupt, inside, isMessage, record, without } from "./attacks-testing.test.js";
import { matchesFingerprint } from "./certificate.js";
import type { FlightItem } from "./flight.js";
import { HandshakeType, writeHandshake } from "./handshake.js";
import { MAX_SEQUENCE } from "./record12.js";

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

test("a server without the key of its certificate gets the client's flight and an alert, and nothing else", () => {
  const thief = [{ ...testCertificate("P-256", 1), privateKey: testCertificate("P-256", 2).privateKey }];
  const pair = new DtlsPair({}, { certificates: thief });
  const { client, server } = pair;
  pair.start();
  pair.run();
  assert.equal(client.connection.state, "failed");
  assert.deepEqual(client.states, ["connecting", "failed"]);
  assert.deepEqual(client.received, []);
  assert.equal(client.connection.send(utf8Encode("secret")), false);
  assert.throws(() => client.connection.exportKeyingMaterial("EXTRACTOR-dtls_srtp", undefined, 60));
  // ClientHello, then what answers the server's flight, in the same moment the alert, and no answer to its Finished.
  const records = client.sent.flatMap(recordsOf);
  assert.deepEqual(
    records.map((bytes) => [bytes[0], bytes[4]]),
    [
      [22, 0],
      [22, 0],
      [22, 0],
      [22, 0],
      [20, 0],
      [22, 1],
      [21, 1],
    ],
  );
  assert.equal(server.closed!.alert!.name, "decrypt_error");
});

test("a server whose certificate does not go with its suite, or has a key that is none, is refused", () => {
  const rsa = testCertificate("rsa");
  const suites = { cipherSuites: [0xc02b] };
  const server = [{ ...testCertificate("P-256", 1), der: rsa.der }];
  const wrongKind = new DtlsPair(suites, { ...suites, certificates: server });
  assertRefused(wrongKind, wrongKind.client, "illegal_parameter");
  const { der } = testCertificate("P-256", 1);
  const broken = der.slice();
  // A point that is not on the curve.
  const at = Buffer.from(der).indexOf(Buffer.from([0x03, 0x42, 0x00, 0x04]));
  broken[at + 10]! ^= 1;
  const noPoint = new DtlsPair({}, { certificates: [{ ...testCertificate("P-256", 1), der: broken }] });
  assertRefused(noPoint, noPoint.client, "bad_certificate");
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
