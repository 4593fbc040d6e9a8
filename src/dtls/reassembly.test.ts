import assert from "node:assert/strict";
import { test } from "node:test";
import { seeded } from "#test/sim/dtls-pair.js";
import { writeHandshake } from "./handshake.js";
import { MAX_MESSAGE_LENGTH, MAX_MESSAGES_AHEAD, MAX_PIECES, MAX_REASSEMBLY_BYTES, Reassembly } from "./reassembly.js";

const any = (): boolean => true;

function fragment(type: number, seq: number, length: number, offset: number, data: Uint8Array): Uint8Array {
  const out = writeHandshake(type, seq, data);
  out.set([length >> 16, length >> 8, length], 1);
  out.set([offset >> 16, offset >> 8, offset], 6);
  return out;
}

function add(reassembly: Reassembly, data: Uint8Array): string {
  reassembly.add(data, 0, any);
  return reassembly.result;
}

test("messages come out whole and in order, however they are cut, doubled, overlapped and shuffled", () => {
  for (let seed = 1; seed <= 200; seed++) {
    const random = seeded(seed);
    const below = (n: number): number => Math.floor(random() * n);
    const bodies = Array.from({ length: 1 + below(5) }, () =>
      Uint8Array.from({ length: below(400) }, () => below(256)),
    );
    const fragments: Uint8Array[] = [];
    bodies.forEach((body, seq) => {
      const piece = 1 + below(120);
      for (let at = 0; at < body.length || at === 0; at += piece) {
        const start = Math.max(0, at - below(30));
        fragments.push(fragment(seq + 1, seq, body.length, start, body.subarray(start, at + piece)));
      }
    });
    const doubled = [...fragments, ...fragments.filter(() => random() < 0.3)].sort(() => random() - 0.5);
    const reassembly = new Reassembly();
    const out: Uint8Array[] = [];
    for (const f of doubled) {
      assert.notEqual(add(reassembly, f), "dropped", `seed ${seed}`);
      for (let m = reassembly.take(); m !== undefined; m = reassembly.take()) {
        assert.equal(m.type, out.length + 1);
        assert.equal(m.messageSeq, out.length);
        assert.deepEqual(m.raw, writeHandshake(m.type, m.messageSeq, m.body));
        out.push(m.body);
      }
    }
    assert.deepEqual(out, bodies, `seed ${seed}`);
    assert.equal(add(reassembly, doubled[0]!), "repeat");
  }
});

test("several messages in one record", () => {
  const reassembly = new Reassembly();
  const record = Uint8Array.from([
    ...writeHandshake(1, 0, Uint8Array.of(1)),
    ...writeHandshake(2, 1, new Uint8Array(0)),
  ]);
  const second = reassembly.add(record, 0, any);
  assert.equal(second, 13);
  assert.equal(reassembly.add(record, second, any), 25);
  assert.deepEqual([reassembly.take()!.type, reassembly.take()!.type, reassembly.take()], [1, 2, undefined]);
});

test("drops what contradicts or is cut short", () => {
  const reassembly = new Reassembly();
  const ten = new Uint8Array(10);
  assert.equal(reassembly.add(new Uint8Array(11), 0, any), -1);
  assert.equal(reassembly.add(fragment(1, 0, 100, 0, ten).subarray(0, 21), 0, any), -1);
  assert.equal(add(reassembly, fragment(1, 0, 100, 95, ten)), "dropped");
  assert.equal(add(reassembly, fragment(1, 0, 100, 0, ten)), "taken");
  assert.equal(add(reassembly, fragment(2, 0, 100, 10, ten)), "dropped");
  assert.equal(add(reassembly, fragment(1, 0, 101, 10, ten)), "dropped");
  assert.equal(add(reassembly, fragment(1, 0, 100, 10, new Uint8Array(0))), "dropped");
});

test("every limit holds", () => {
  const reassembly = new Reassembly();
  const one = Uint8Array.of(1);
  assert.equal(add(reassembly, fragment(1, 0, MAX_MESSAGE_LENGTH + 1, 0, one)), "dropped");
  assert.equal(add(reassembly, fragment(1, MAX_MESSAGES_AHEAD, 5, 0, one)), "dropped");
  let bytes = 0;
  for (let seq = 0; seq < MAX_MESSAGES_AHEAD; seq++) {
    if (add(reassembly, fragment(1, seq, MAX_MESSAGE_LENGTH, 0, one)) === "taken") bytes += MAX_MESSAGE_LENGTH;
  }
  assert.ok(bytes <= MAX_REASSEMBLY_BYTES);
  reassembly.clear();
  let pieces = 0;
  for (let i = 0; i < 2 * MAX_PIECES; i++) if (add(reassembly, fragment(1, 0, 5000, 2 * i, one)) === "taken") pieces++;
  assert.equal(pieces, MAX_PIECES);
  // A piece that joins others is still welcome, and completes the message.
  assert.equal(add(reassembly, fragment(1, 0, 5000, 0, new Uint8Array(5000))), "taken");
  assert.equal(reassembly.take()!.body.length, 5000);
});
