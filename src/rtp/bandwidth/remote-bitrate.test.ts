import assert from "node:assert/strict";
import { test } from "node:test";
import { RemoteBitrate } from "./remote-bitrate.js";

/** `seconds` of packets at `rate` through a link of `capacity`; gives the REMBs. */
function run(
  it: RemoteBitrate,
  state: { time: number; free: number },
  rate: number,
  capacity: number,
  seconds: number,
) {
  const out: { bitrate: number; now: number }[] = [];
  const gap = (1200 * 8000) / rate;
  const end = state.time + seconds * 1000;
  for (; state.time < end; state.time += gap) {
    state.free = Math.max(state.free, state.time) + (1200 * 8000) / capacity;
    const now = state.free + 20;
    it.onPacket(Math.round((state.time * 262_144) / 1000) & 0xffffff, 1200, now);
    if (it.deadline <= now) out.push({ bitrate: it.take(now), now });
  }
  return out;
}

test("asks for nothing before it has measured, then for up to half more than comes", () => {
  const it = new RemoteBitrate();
  const state = { time: 0, free: 0 };
  assert.equal(run(it, state, 1_000_000, 10_000_000, 4).length, 0);
  assert.equal(it.deadline, Number.POSITIVE_INFINITY);
  const later = run(it, state, 1_000_000, 10_000_000, 10);
  assert.ok(later.length >= 5 && later.length <= 60, `${later.length}`);
  const last = later.at(-1)!.bitrate;
  assert.ok(last > 1_400_000 && last < 1_600_000, `${last}`);
});

test("a queue that grows brings the request down, at once", () => {
  const it = new RemoteBitrate();
  const state = { time: 0, free: 0 };
  run(it, state, 1_000_000, 10_000_000, 10);
  const from = state.time;
  const congested = run(it, state, 1_000_000, 600_000, 2);
  const first = congested.find((remb) => remb.bitrate < 900_000);
  assert.ok(first !== undefined && first.now - from < 1500, `${first?.now} ${from}`);
  assert.ok(congested.at(-1)!.bitrate < 650_000, `${congested.at(-1)!.bitrate}`);
});

test("the send time wraps around each 64 seconds without harm", () => {
  const it = new RemoteBitrate();
  const state = { time: 60_000, free: 0 };
  const rembs = run(it, state, 1_000_000, 10_000_000, 20);
  assert.ok(rembs.every((remb) => remb.bitrate > 900_000));
});
