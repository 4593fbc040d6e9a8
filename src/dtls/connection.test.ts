import assert from "node:assert/strict";
import { test } from "node:test";
import { DtlsPair, seeded, testCertificate } from "#test/sim/dtls-pair.js";
import type { NamedGroup } from "../crypto/provider.js";
import { nodeCrypto } from "../node/crypto.js";
import { utf8Encode } from "../util/text.js";
import { createCertificate } from "./certificate.js";
import { CIPHER_SUITES } from "./cipher-suites.js";

const GROUPS: NamedGroup[] = ["x25519", "secp256r1", "secp384r1"];
const ALL = [testCertificate("rsa"), testCertificate("P-256")];

function assertAgree(pair: DtlsPair): void {
  const { client, server } = pair;
  const a = client.connection;
  const b = server.connection;
  assert.deepEqual(client.states, ["connecting", "connected"]);
  assert.deepEqual(server.states, ["connecting", "connected"]);
  assert.equal(a.cipherSuite!.code, b.cipherSuite!.code);
  assert.equal(a.group, b.group);
  assert.equal(a.version, "1.2");
  assert.equal(b.version, "1.2");
  assert.equal(a.extendedMasterSecret, true);
  assert.deepEqual(a.remoteCertificates, [b.localCertificate!.der]);
  assert.deepEqual(b.remoteCertificates, [a.localCertificate!.der]);
  assert.deepEqual(client.chains, [[b.localCertificate!.der]]);
  assert.deepEqual(server.chains, [[a.localCertificate!.der]]);
  const label = "EXTRACTOR-dtls_srtp";
  assert.deepEqual(a.exportKeyingMaterial(label, undefined, 60), b.exportKeyingMaterial(label, undefined, 60));
  assert.notDeepEqual(
    a.exportKeyingMaterial(label, undefined, 60),
    a.exportKeyingMaterial(label, new Uint8Array(0), 60),
  );
}

function exchange(pair: DtlsPair): void {
  const { client, server } = pair;
  pair.send(client, utf8Encode("ping"), new Uint8Array(1000).fill(7), Uint8Array.of(1));
  pair.send(server, utf8Encode("pong"));
  pair.run();
  assert.deepEqual(server.received, [utf8Encode("ping"), new Uint8Array(1000).fill(7), Uint8Array.of(1)]);
  assert.deepEqual(client.received, [utf8Encode("pong")]);
}

for (const suite of CIPHER_SUITES) {
  test(`${suite.name} with every group and client certificate`, () => {
    for (const group of GROUPS) {
      for (const kind of ["P-256", "P-384", "rsa"] as const) {
        const pair = new DtlsPair(
          { cipherSuites: [suite.code], certificates: [testCertificate(kind, 1)] },
          { groups: [group], certificates: ALL },
        );
        assert.equal(pair.connect(), true);
        assertAgree(pair);
        assert.equal(pair.client.connection.cipherSuite!.name, suite.name);
        assert.equal(pair.client.connection.group, group);
        assert.equal(pair.server.connection.localCertificate!.privateKey.algorithm.name, suite.authentication);
        assert.equal(pair.client.connection.counters.retransmissions, 0);
        exchange(pair);
        assert.equal(pair.client.connection.deadline, Number.POSITIVE_INFINITY);
        assert.equal(pair.server.connection.deadline, Number.POSITIVE_INFINITY);
      }
    }
  });
}

test("a handshake is four flights, each in one datagram at the usual MTU", () => {
  const pair = new DtlsPair();
  assert.equal(pair.connect(), true);
  assert.equal(pair.now, 1000 + 4 * 10);
  assert.equal(pair.client.sent.length + pair.server.sent.length, 4);
  for (const mtu of [300, 500, 1200]) {
    const small = new DtlsPair({ mtu, certificates: ALL }, { mtu, certificates: ALL });
    assert.equal(small.connect(), true);
    assert.equal(small.now, 1000 + 4 * 10);
    for (const datagram of [...small.client.sent, ...small.server.sent]) assert.ok(datagram.length <= mtu);
  }
});

test("connects through loss, reordering and duplication, with any MTU", () => {
  for (let seed = 1; seed <= 150; seed++) {
    const random = seeded(seed);
    const loss = random() * 0.35;
    const spread = random() * 60;
    const duplicate = random() * 0.3;
    const suite = CIPHER_SUITES[seed % CIPHER_SUITES.length]!;
    const options = {
      mtu: 300 + Math.floor(random() * 1100),
      cipherSuites: [suite.code],
      groups: [GROUPS[seed % 3]!],
      certificates: ALL,
      cookie: random() < 0.3,
    };
    const pair = new DtlsPair(options, { ...options, mtu: 300 + Math.floor(random() * 1100) });
    pair.fate = () => {
      const delays: number[] = [];
      if (random() >= loss) delays.push(5 + random() * spread);
      if (random() < duplicate) delays.push(5 + random() * 2 * spread);
      return delays;
    };
    assert.equal(pair.connect(), true, `seed ${seed}`);
    assertAgree(pair);
    const sent = Array.from({ length: 40 }, (_, i) => Uint8Array.of(i, seed));
    for (const plaintext of sent) pair.send(pair.client, plaintext);
    pair.run();
    const keys = pair.server.received.map((r) => r[0]!);
    assert.equal(new Set(keys).size, keys.length, `seed ${seed}: a record was delivered twice`);
    for (const r of pair.server.received) assert.deepEqual(r, Uint8Array.of(r[0]!, seed));
  }
});

test("any one datagram may be lost at the price of one timeout, and reordering costs nothing", () => {
  for (const mtu of [300, 1200]) {
    for (let victim = 0; victim < 14; victim++) {
      const pair = new DtlsPair({ mtu }, { mtu }, (_d, _f, index) => (index === victim ? [] : [10]));
      assert.equal(pair.connect(), true);
      assert.ok(pair.now <= 1000 + 40 + 170, `${mtu} ${victim}: ${pair.now}`);
      const swapped = new DtlsPair({ mtu }, { mtu }, (_d, _f, index) => (index === victim ? [25] : [10]));
      assert.equal(swapped.connect(), true);
      assert.ok(swapped.now <= 1000 + 40 + 15, `${mtu} ${victim}: ${swapped.now}`);
      assert.equal(swapped.client.connection.counters.retransmissions, 0);
    }
  }
});

test("data that overtakes the Finished is kept, and delivered after it", () => {
  // The server sends data right behind its last flight; the client gets the data first.
  const pair = new DtlsPair();
  pair.start();
  pair.run(() => pair.server.connection.state === "connected");
  pair.fate = () => [1];
  pair.send(pair.server, utf8Encode("early"));
  pair.step();
  assert.equal(pair.client.connection.state, "connecting");
  assert.deepEqual(pair.client.received, []);
  pair.run();
  assert.equal(pair.client.connection.state, "connected");
  assert.deepEqual(pair.client.received, [utf8Encode("early")]);
});

test("the server picks in the client's order, or in its own if told so", () => {
  const order = [0xc02c, 0xcca9, 0xc02b];
  const peer = new DtlsPair({ cipherSuites: order });
  peer.connect();
  assert.equal(peer.server.connection.cipherSuite!.code, 0xc02c);
  const local = new DtlsPair({ cipherSuites: order }, { cipherPreference: "local" });
  local.connect();
  assert.equal(local.server.connection.cipherSuite!.code, 0xc02b);
});

test("the validity of the peer's certificate is not looked at, nor is its clock: the fingerprint alone decides", () => {
  const day = 86_400_000;
  for (const [notBefore, notAfter] of [
    [0, day],
    [Date.UTC(2090, 0, 1), Date.UTC(2091, 0, 1)],
  ] as const) {
    const { privateKey } = testCertificate("P-256", 3);
    const der = createCertificate(privateKey, { notBefore, notAfter, random: nodeCrypto.random });
    const odd = { der, privateKey, notAfter };
    for (const [client, server] of [
      [[odd], ALL],
      [ALL, [odd]],
    ]) {
      const pair = new DtlsPair({ certificates: client! }, { certificates: server! });
      assert.equal(pair.connect(), true);
      assertAgree(pair);
      exchange(pair);
    }
  }
});

test("use_srtp: the server's first profile that the client offers; none in common is no failure", () => {
  const pair = new DtlsPair({ srtpProfiles: [1, 2, 7] }, { srtpProfiles: [8, 7, 1] });
  pair.connect();
  assert.equal(pair.client.connection.srtpProfile, 7);
  assert.equal(pair.server.connection.srtpProfile, 7);
  const none = new DtlsPair({ srtpProfiles: [1] }, { srtpProfiles: [8] });
  assert.equal(none.connect(), true);
  assert.equal(none.client.connection.srtpProfile, undefined);
  const silent = new DtlsPair({}, { srtpProfiles: [8] });
  assert.equal(silent.connect(), true);
  assert.equal(silent.server.connection.srtpProfile, undefined);
});

test("nothing in common is a handshake_failure on both sides", () => {
  for (const [client, server] of [
    [{ cipherSuites: [0xc02b] }, { cipherSuites: [0xc02c] }],
    [{ cipherSuites: [0xc02f] }, {}],
    [{ groups: ["x25519" as const] }, { groups: ["secp384r1" as const] }],
    [{ signatureSchemes: ["rsa_pkcs1_sha256" as const] }, {}],
  ]) {
    const pair = new DtlsPair(client, server);
    assert.equal(pair.connect(), false);
    pair.run();
    assert.deepEqual(pair.server.closed, {
      reason: "handshake-failure",
      alert: { direction: "sent", description: 40, name: "handshake_failure" },
    });
    // The alert is in the clear, so the client waits a moment before it believes it.
    assert.equal(pair.client.closed!.reason, "alert");
    assert.deepEqual(pair.client.closed!.alert, { direction: "received", description: 40, name: "handshake_failure" });
    assert.ok(pair.now < 1000 + 3000);
  }
});

test("the cookie exchange, with hellos in fragments and lost", () => {
  for (const mtu of [128, 1200]) {
    const pair = new DtlsPair({ mtu }, { cookie: true });
    assert.equal(pair.connect(), true);
    assertAgree(pair);
    assert.equal(pair.now, 1000 + 6 * 10);
    exchange(pair);
  }
  for (let victim = 0; victim < 6; victim++) {
    const pair = new DtlsPair({}, { cookie: true }, (_d, _f, index) => (index === victim ? [] : [10]));
    assert.equal(pair.connect(), true);
  }
});

test("a server asked for a cookie keeps to its cookie", () => {
  const pair = new DtlsPair({}, { cookie: true });
  let hellos = 0;
  pair.fate = (datagram, from) => {
    // Spoil the cookie of the second hello: behind header, message header, version, random, session_id.
    if (from === "client" && datagram[13] === 1 && ++hellos === 2) datagram[13 + 12 + 2 + 32 + 1 + 1]! ^= 1;
    return [10];
  };
  assert.equal(pair.connect(), true);
  assert.ok(hellos >= 3);
});

test("gives up after HANDSHAKE_TIMEOUT, with doubling timeouts", () => {
  const pair = new DtlsPair({}, {}, () => []);
  pair.start();
  const times: number[] = [];
  let count = 0;
  pair.run(() => {
    if (pair.client.sent.length > count) {
      count = pair.client.sent.length;
      times.push(pair.now - 1000);
    }
    return false;
  });
  assert.deepEqual(times, [0, 150, 450, 1050, 2250, 4650, 9450, 19050, 38250]);
  assert.deepEqual(pair.client.closed, { reason: "timeout", alert: undefined });
  assert.equal(pair.client.connection.state, "failed");
  assert.equal(pair.now, 1000 + 60_000);
});

test("close sends what is queued and close_notify; the peer answers and closes", () => {
  const pair = new DtlsPair();
  pair.connect();
  pair.client.connection.send(utf8Encode("last words"));
  pair.client.connection.close(pair.now);
  assert.equal(pair.client.connection.send(utf8Encode("x")), false);
  pair.run();
  assert.deepEqual(pair.server.received, [utf8Encode("last words")]);
  assert.deepEqual(pair.client.closed, { reason: "local", alert: undefined });
  assert.deepEqual(pair.server.closed, { reason: "close-notify", alert: undefined });
  assert.equal(pair.server.connection.state, "closed");
  pair.client.connection.close(pair.now);
});

test("records can be as long as a record may be, and not longer", () => {
  const pair = new DtlsPair();
  pair.connect();
  assert.equal(pair.client.connection.send(new Uint8Array(16385)), false);
  assert.equal(pair.client.connection.maxPlaintext(1200), 1200 - 37);
  pair.send(pair.client, new Uint8Array(16384).fill(3), new Uint8Array(pair.client.connection.maxPlaintext(1200)));
  pair.run();
  assert.deepEqual(
    pair.server.received.map((r) => r.length),
    [16384, 1200 - 37],
  );
  assert.equal(pair.client.sent.at(-1)!.length, 1200);
});

test("more records than a batch holds are sent and delivered in order", () => {
  const pair = new DtlsPair();
  pair.connect();
  const sent = Array.from({ length: 300 }, (_, i) => Uint8Array.of(i >> 8, i));
  for (const plaintext of sent) pair.client.connection.send(plaintext);
  pair.client.connection.flush(pair.now);
  for (const datagram of pair.client.sent.slice(-300)) pair.server.connection.receive(datagram.slice(), pair.now);
  pair.server.connection.flush(pair.now);
  assert.deepEqual(pair.server.received, sent);
});

test("datagrams before start are kept", () => {
  const pair = new DtlsPair();
  pair.client.connection.start(pair.now);
  pair.step(1100);
  assert.equal(pair.server.connection.state, "new");
  pair.server.connection.start(pair.now);
  pair.run(() => pair.connected);
  assert.equal(pair.client.connection.counters.retransmissions, 0);
  assert.equal(pair.connected, true);
});

test("without extended master secret it still connects, unless required", () => {
  // Turn the type of the client's extension into an unknown one.
  const strip = (datagram: Uint8Array, from: string) => {
    for (let i = 25; from === "client" && datagram[13] === 1 && i < datagram.length - 3; i++) {
      if (datagram[i] === 0 && datagram[i + 1] === 23 && datagram[i + 2] === 0 && datagram[i + 3] === 0) {
        datagram[i] = 0xfa;
        datagram[i + 1] = 0xfa;
        break;
      }
    }
    return [10];
  };
  const required = new DtlsPair({}, { requireExtendedMasterSecret: true }, strip);
  assert.equal(required.connect(), false);
  assert.equal(required.server.closed!.alert!.name, "handshake_failure");
});

test("both sides say how long a record they take, and neither sends longer ones", () => {
  const pair = new DtlsPair();
  assert.equal(pair.connect(), true);
  assert.equal(pair.client.connection.recordSizeLimit, 16384);
  assert.equal(pair.server.connection.recordSizeLimit, 16384);
  assert.equal(pair.client.connection.send(new Uint8Array(16385)), false);
  pair.send(pair.client, new Uint8Array(16384).fill(3));
  pair.run();
  assert.deepEqual(pair.server.received, [new Uint8Array(16384).fill(3)]);
});

/** Connects with the two bytes of the client's record_size_limit replaced. */
function withLimit(limit: number): DtlsPair {
  const pair = new DtlsPair({}, {}, (datagram, from, index) => {
    if (index === 0 && from === "client") {
      const at = datagram.findIndex((byte, i) => byte === 28 && datagram[i - 1] === 0 && datagram[i + 2] === 2);
      datagram[at + 3] = limit >> 8;
      datagram[at + 4] = limit & 0xff;
    }
    return [10];
  });
  pair.connect();
  return pair;
}

test("a record size limit below 64 is refused", () => {
  // One that is allowed breaks the transcript instead, so the server answers before the handshake fails.
  assert.equal(withLimit(63).server.closed?.alert?.description, 47);
  assert.equal(withLimit(64).server.connection.recordSizeLimit, 64);
});
