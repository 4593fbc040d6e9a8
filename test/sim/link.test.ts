import assert from "node:assert/strict";
import { test } from "node:test";
import { datagram, type LinkOptions, type Packet, Pipe } from "./link.js";
import { Random } from "./random.js";
import { Scheduler } from "./scheduler.js";

function pipe(options: LinkOptions, seed = "link"): { scheduler: Scheduler; pipe: Pipe } {
  const scheduler = new Scheduler();
  const world = { scheduler, random: new Random(seed), tap: undefined };
  return { scheduler, pipe: new Pipe(world, "p", options) };
}

const packet = (size = 100): Packet => datagram(new Uint8Array(size));

/** Sends `count` packets, one a millisecond; gives [index, arrival] of each arrival. */
function flood(options: LinkOptions, count: number, size = 100, seed = "link"): [number, number][] {
  const { scheduler, pipe: p } = pipe(options, seed);
  const out: [number, number][] = [];
  for (let i = 0; i < count; i++) {
    scheduler.at(i, () => p.send(packet(size), (_, now) => out.push([i, now])));
  }
  scheduler.runSync(count + 100_000);
  return out;
}

test("latency and jitter, in order", () => {
  const got = flood({ latency: 20, jitter: 30 }, 2000);
  assert.equal(got.length, 2000);
  got.forEach(([index, time], i) => {
    assert.equal(index, i);
    assert.ok(time >= index + 20 && time <= index + 50 + 1e-9);
  });
});

test("random loss has its rate and depends on the seed only", () => {
  const got = flood({ loss: 0.1 }, 20_000);
  assert.ok(Math.abs(got.length / 20_000 - 0.9) < 0.01, `${got.length}`);
  assert.deepEqual(flood({ loss: 0.1 }, 2000, 1000), flood({ loss: 0.1 }, 2000, 7));
  assert.notDeepEqual(flood({ loss: 0.1 }, 2000, 100, "other"), flood({ loss: 0.1 }, 2000));
});

test("what happens to a packet does not depend on what else is switched on", () => {
  const lostWith = (options: LinkOptions): number[] => {
    const arrived = new Set(flood(options, 1000).map(([i]) => i));
    return Array.from({ length: 1000 }, (_, i) => i).filter((i) => !arrived.has(i));
  };
  assert.deepEqual(lostWith({ loss: 0.2 }), lostWith({ loss: 0.2, jitter: 5, duplicate: 0.5, reorder: 0.3 }));
});

test("bursty loss comes in runs", () => {
  // Stationary share of the bad state: 0.01 / (0.01 + 0.2) = 4.8 %; mean run 5 packets.
  const got = new Set(flood({ burst: { enter: 0.01, leave: 0.2 } }, 50_000).map(([i]) => i));
  let lost = 0;
  let runs = 0;
  for (let i = 0; i < 50_000; i++) {
    if (got.has(i)) continue;
    lost++;
    if (i === 0 || got.has(i - 1)) runs++;
  }
  assert.ok(Math.abs(lost / 50_000 - 0.048) < 0.01, `${lost}`);
  assert.ok(Math.abs(lost / runs - 5) < 0.7, `${lost / runs}`);
});

test("duplication and reordering have their rates", () => {
  const twice = flood({ duplicate: 0.25 }, 10_000);
  assert.ok(Math.abs(twice.length / 10_000 - 1.25) < 0.02);
  const mixed = flood({ reorder: 0.1, reorderDelay: 5 }, 10_000);
  let overtaken = 0;
  for (let i = 1; i < mixed.length; i++) if (mixed[i]![0] < mixed[i - 1]![0]) overtaken++;
  assert.ok(overtaken > 700 && overtaken < 1100, `${overtaken}`);
});

test("the rate spaces packets and the queue drops its tail", () => {
  // 972 + 28 bytes at 1 Mbit/s take 8 ms; one packet a millisecond overflows a queue of 10 000 bytes.
  const { scheduler, pipe: p } = pipe({ rate: 1_000_000, queue: 10_000, latency: 5 });
  const times: number[] = [];
  for (let i = 0; i < 100; i++) scheduler.at(i, () => p.send(packet(972), (_, now) => times.push(now)));
  scheduler.runSync(10_000);
  for (let i = 1; i < times.length; i++) assert.ok(Math.abs(times[i]! - times[i - 1]! - 8) < 1e-6);
  assert.equal(times[0], 13);
  assert.equal(times.length + p.stats.overflowed, 100);
  // 100 ms drain 12.5 packets and 10 may wait.
  assert.ok(times.length >= 21 && times.length <= 23, `${times.length}`);
});

test("packets above the MTU vanish, and the MTU counts headers", () => {
  assert.equal(flood({ mtu: 1280 }, 1, 1252).length, 1);
  assert.equal(flood({ mtu: 1280 }, 1, 1253).length, 0);
});

test("options change at run time; a link that goes down loses what is on it", () => {
  const { scheduler, pipe: p } = pipe({ latency: 10 });
  let arrived = 0;
  const send = (): void => p.send(packet(), () => arrived++);
  send();
  scheduler.runSync(5);
  p.options = { latency: 10, up: false };
  scheduler.runSync(20);
  send();
  scheduler.runSync(20);
  assert.equal(arrived, 0);
  p.options = { latency: 1 };
  send();
  scheduler.runSync(2);
  assert.equal(arrived, 1);
});

test("a filter takes out chosen packets", () => {
  const { scheduler, pipe: p } = pipe({});
  p.filter = (_, index) => index !== 2;
  let arrived = 0;
  for (let i = 0; i < 5; i++) p.send(packet(), () => arrived++);
  scheduler.runSync(1);
  assert.equal(arrived, 4);
  assert.equal(p.stats.filtered, 1);
});
