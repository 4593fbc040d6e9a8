// Telling an association from its successor with the same INITs, by one question and its answer.
import assert from "node:assert/strict";
import { test } from "node:test";
import { nodeCrypto } from "../node/crypto.js";
import { ABORT, DATA, INIT, SACK } from "./chunks.js";
import { type Identity, identify, isIdentityProbe, type Standing } from "./identity.js";
import { createInit } from "./init.js";
import type { SctpOptions } from "./options.js";
import { write32 } from "./packet.js";
import { numbered, Pair } from "./testing.test.js";

/** Established without a handshake, after these messages of either side; then the second end is made anew, or not. */
function asked(messages: [number, number], isAnew: boolean, options: Partial<SctpOptions> = {}): Pair {
  const pair = new Pair({ delay: 5 }, options);
  const [ours, theirs] = [
    createInit({ crypto: nodeCrypto, ...options }),
    createInit({ crypto: nodeCrypto, ...options }),
  ];
  pair.make(0, options, { localInit: ours, remoteInit: theirs });
  pair.make(1, options, { localInit: theirs, remoteInit: ours });
  pair.connect();
  for (const side of [0, 1] as const) {
    for (let i = 0; i < messages[side]; i++) pair.ends[side].association.send(0, 53, numbered(i, 50), {}, pair.now);
  }
  const [a, b] = pair.ends;
  assert.ok(pair.run(3000, () => b.received.length === messages[0] && a.received.length === messages[1]));
  pair.run(pair.now + 1000);
  if (isAnew) {
    pair.make(1, options, { localInit: theirs, remoteInit: ours });
    pair.ends[1].association.connect(pair.now);
  }
  pair.keepLog = true;
  pair.log.length = 0;
  return pair;
}

/** What the first packet of the peer that says anything says. */
function verdict(pair: Pair, standing: Standing | undefined): Identity {
  for (const { packet } of pair.log.filter(({ from }) => from === 1)) {
    const identity = identify(packet, standing);
    if (identity !== undefined) return identity;
  }
  return undefined;
}

for (const interleaving of [true, false]) {
  test(`the answer to the question says which it is, I-DATA ${interleaving}`, () => {
    for (const isAnew of [false, true]) {
      const pair = asked([3, 2], isAnew, { interleaving });
      const [a, b] = pair.ends;
      const before = b.received.length;
      const { standing } = a.association;
      a.association.probe();
      pair.run(pair.now + 11);
      const questions = pair.log.filter(({ from }) => from === 0).map(({ packet }) => packet);
      assert.ok(isIdentityProbe(questions[0]!, b.association.standing!));
      assert.equal(verdict(pair, standing), isAnew ? "another" : "same");
      assert.equal(b.received.length, before, "the question is no message");
      assert.equal(b.closed, undefined);
    }
  });
}

test("where nothing of ours was acknowledged, the peer's data says it", () => {
  for (const isAnew of [false, true]) {
    const pair = asked([0, 2], isAnew);
    const [a, b] = pair.ends;
    const { standing } = a.association;
    a.association.probe();
    pair.run(pair.now + 11);
    assert.equal(verdict(pair, standing), undefined);
    b.association.send(0, 53, numbered(9, 20), {}, pair.now);
    pair.run(pair.now + 6);
    assert.equal(verdict(pair, standing), isAnew ? "another" : "same");
  }
  // Where nothing has come either, both are one.
  const pair = asked([0, 0], true);
  const { standing } = pair.ends[0].association;
  pair.ends[0].association.probe();
  pair.run(pair.now + 11);
  assert.equal(verdict(pair, standing), "same");
});

test("INIT and ABORT say it at once, and after a handshake so does everything else", () => {
  const packet = (chunk: number): Uint8Array => {
    const bytes = new Uint8Array(32);
    bytes[12] = chunk;
    return bytes;
  };
  const standing = { localInitialTsn: 5, peerInitialTsn: 7, acknowledged: 20, received: 30 };
  for (const known of [standing, undefined]) {
    assert.equal(identify(packet(INIT), known), "shaking");
    assert.equal(identify(packet(ABORT), known), "another");
  }
  assert.equal(identify(packet(SACK), undefined), "same");
  assert.equal(identify(packet(DATA), standing), undefined);
  assert.equal(identify(packet(4), standing), undefined);
  assert.equal(identify(packet(SACK).subarray(0, 20), standing), undefined);
  const sack = packet(SACK);
  write32(sack, 16, 20);
  assert.equal(identify(sack, standing), "same");
  write32(sack, 16, 19);
  assert.equal(identify(sack, standing), "another");
  // Numbers run over.
  write32(sack, 16, 0xffff_fff0);
  assert.equal(identify(sack, { ...standing, acknowledged: 3 }), "another");
});
