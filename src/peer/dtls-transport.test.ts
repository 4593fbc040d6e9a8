// Two of them back to back, without ICE. How renewal looks from above is in dtls-renewal.test.ts.
import assert from "node:assert/strict";
import { test } from "node:test";
import { testCertificate } from "#test/sim/dtls-pair.js";
import { type Fingerprint, fingerprint } from "../dtls/certificate.js";
import type { DtlsRole } from "../dtls/options.js";
import { nodeCrypto } from "../node/crypto.js";
import { CLOSE_GRACE, DtlsTransport, type DtlsTransportHost, MAX_EARLY_DATAGRAMS } from "./dtls-transport.js";
import type { Platform } from "./platform.js";

const platform = { crypto: nodeCrypto } as Platform;

class End {
  readonly transport: DtlsTransport;
  readonly fingerprints: readonly Fingerprint[];
  /** What happened, in order. */
  readonly log: string[] = [];
  readonly sent: Uint8Array[] = [];
  now = 0;
  isOnNewPath = false;

  constructor(which: number, on: Platform = platform) {
    const certificate = testCertificate("P-256", which);
    this.fingerprints = [{ algorithm: "sha-256", value: fingerprint(nodeCrypto, certificate.der, "sha-256") }];
    this.transport = new DtlsTransport(
      { platform: on, certificates: [certificate] },
      {
        now: () => this.now,
        transmit: (datagram) => this.sent.push(datagram.slice()),
        keeps: () => false,
        isOnNewPath: () => this.isOnNewPath,
        onStateChange: (state) => this.log.push(state),
        onConnected: () => this.log.push("keys"),
        onClosed: (reason) => this.log.push(reason),
        onReplaced: (role) => this.log.push(`replaced, ${role}`),
        onData: (plaintext, isLatest) => this.log.push(`${Buffer.from(plaintext)}${isLatest ? "" : ", of before"}`),
      },
    );
  }

  begin(role: DtlsRole, peer: End): void {
    this.transport.start(role, peer.fingerprints);
    this.transport.handlePath();
  }

  say(text: string): void {
    this.transport.send(Buffer.from(text));
  }

  /** What happened since the last call. */
  news(): string[] {
    return this.log.splice(0);
  }
}

/** Carries datagrams between the two until nothing is left to be said. */
function exchange(a: End, b: End): void {
  for (let quiet = false; !quiet; ) {
    quiet = true;
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      from.transport.flush(from.now);
      for (const datagram of from.sent.splice(0)) {
        quiet = false;
        to.transport.receive(datagram, to.now, true);
      }
    }
  }
}

function connected(): [End, End] {
  const [a, b] = [new End(0), new End(1)];
  a.begin("client", b);
  b.begin("server", a);
  exchange(a, b);
  for (const end of [a, b]) assert.deepEqual(end.news(), ["connecting", "keys", "connected"]);
  return [a, b];
}

test("nothing leaves and nothing is read without a path; what came before is read then, as much as is kept", () => {
  const [a, b] = [new End(0), new End(1)];
  a.begin("client", b);
  b.transport.start("server", a.fingerprints);
  a.transport.flush(0);
  const [hello] = a.sent;
  assert.ok(hello);
  assert.equal(b.transport.flush(0), undefined);
  assert.equal(b.transport.deadline, Number.POSITIVE_INFINITY);
  for (let i = 0; i < MAX_EARLY_DATAGRAMS; i++) assert.ok(b.transport.receive(hello, 0, true));
  assert.ok(!b.transport.receive(hello, 0, true), "too many");
  assert.deepEqual([b.sent, b.log], [[], []]);
  a.sent.length = 0;
  b.transport.handlePath();
  exchange(a, b);
  assert.deepEqual(b.news(), ["connecting", "keys", "connected"]);
  a.say("hello");
  exchange(a, b);
  assert.deepEqual(b.news(), ["hello"]);
});

test("a close_notify is an end; while an answer is due only after a while, or when there is an answer without another association", () => {
  for (const end of ["at once", "in time", "answered"] as const) {
    const [a, b] = connected();
    a.transport.setNegotiating(end !== "at once");
    b.transport.close(0);
    a.now = 1000;
    exchange(a, b);
    assert.equal(a.transport.isOver, end === "at once");
    assert.equal(a.transport.isCloseInDoubt, end !== "at once");
    if (end === "in time") {
      assert.equal(a.transport.deadline, a.now + CLOSE_GRACE);
      a.transport.handleTimeout(a.now + CLOSE_GRACE - 1);
      assert.deepEqual(a.news(), []);
      a.transport.handleTimeout(a.now + CLOSE_GRACE);
    } else if (end === "answered") a.transport.believeClose();
    assert.deepEqual(a.news(), ["closed", "close-notify"]);
    assert.ok(a.transport.isOver);
    assert.equal(a.transport.deadline, Number.POSITIVE_INFINITY);
  }
});

test("a successor waits for the new path, is used once it is connected, and data of before is told apart", () => {
  const [a, b] = connected();
  const before = a.transport.connection;
  a.transport.renew("server", 0);
  b.transport.renew("client", 0);
  assert.ok(a.transport.mayBeginAnew);
  b.say("still there");
  exchange(a, b);
  assert.deepEqual(a.news(), ["still there, of before"]);
  a.isOnNewPath = true;
  b.isOnNewPath = true;
  exchange(a, b);
  assert.deepEqual(a.news(), ["replaced, server", "keys", "connected"]);
  assert.deepEqual(b.news(), ["replaced, client", "keys", "connected"]);
  assert.notEqual(a.transport.connection, before);
  assert.ok(!a.transport.mayBeginAnew);
  a.say("anew");
  exchange(a, b);
  assert.deepEqual(b.news(), ["anew"]);
});

test("a handshake that is renewed before its end is given up, with what still comes of it", () => {
  const [a, b] = [new End(0), new End(1)];
  a.begin("client", b);
  b.begin("server", a);
  a.transport.flush(0);
  const [hello] = a.sent.splice(0);
  a.transport.renew("client", 0);
  b.transport.renew("server", 0);
  assert.ok(!b.transport.receive(hello!, 0, false));
  for (const end of [a, b]) end.transport.handlePath();
  exchange(a, b);
  assert.deepEqual(b.news(), ["replaced, server", "connecting", "keys", "connected"]);
});

test("after a reset another begins with its own role and fingerprints, of which the old one says nothing", () => {
  const [a, b] = connected();
  a.transport.reset(0);
  assert.deepEqual(a.news(), []);
  assert.equal(a.transport.connection, undefined);
  exchange(a, b);
  assert.deepEqual(b.news(), ["closed", "close-notify"], "the peer is told");
  b.transport.reset(0);
  const stranger = new End(2);
  a.begin("server", stranger);
  b.begin("client", a);
  exchange(a, b);
  assert.deepEqual(a.news(), ["connecting", "failed", "certificate-rejected"]);
});

test("a key is made ahead for the first handshake, if there can be one, and no other has it", () => {
  let made = 0;
  const counting = {
    ...platform,
    crypto: {
      ...nodeCrypto,
      createKeyShare(group) {
        made++;
        return nodeCrypto.createKeyShare(group);
      },
    },
  } satisfies Partial<Platform> as Platform;
  const without = new DtlsTransport({ platform: counting, certificates: [] }, {} as DtlsTransportHost);
  without.prepare();
  assert.equal(made, 0);

  const [a, b] = [new End(0, counting), new End(1)];
  a.transport.prepare();
  a.transport.prepare();
  assert.equal(made, 1);
  a.begin("client", b);
  b.begin("server", a);
  exchange(a, b);
  assert.equal(a.transport.connection!.state, "connected");
  assert.equal(made, 1);
  // Another handshake, with a key of its own; nothing is made ahead for that.
  a.transport.prepare();
  assert.equal(made, 1);
  a.transport.reset(a.now);
  b.transport.reset(b.now);
  a.begin("client", b);
  b.begin("server", a);
  exchange(a, b);
  assert.equal(a.transport.connection!.state, "connected");
  assert.equal(made, 2);

  const closed = new End(0, counting);
  closed.transport.stop();
  closed.transport.prepare();
  assert.equal(made, 2);
});
