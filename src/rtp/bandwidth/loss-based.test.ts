import assert from "node:assert/strict";
import { test } from "node:test";
import { LossBased } from "./loss-based.js";

/** Sends what it says for so long over a link that loses `random` of the packets and what exceeds `capacity`. */
function run(it: LossBased, capacity: number, random: number, seconds: number, delayBased: number): number[] {
  let seed = 5;
  const rates: number[] = [];
  let time = run.time;
  let rate = it.ready ? it.bitrate : delayBased;
  for (let step = 0; step < seconds * 10; step++) {
    const count = Math.round((rate * 0.1) / 9600);
    const overflow = Math.max(0, 1 - capacity / rate);
    let lost = 0;
    for (let i = 0; i < count; i++) {
      seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
      const gone = seed / 0x80000000 < random + overflow;
      if (gone) lost++;
      it.onPacket(time + (i * 100) / count, 1200, gone);
    }
    time += 100;
    it.setAcknowledged((rate * (count - lost)) / Math.max(1, count));
    it.update(delayBased, false);
    if (it.ready) rate = it.bitrate;
    rates.push(rate);
  }
  run.time = time;
  return rates;
}
run.time = 0;

test("no loss: what the delay-based controller gives", () => {
  const it = new LossBased(30_000, 10_000_000);
  const rates = run(it, 10_000_000, 0, 10, 2_000_000);
  assert.equal(rates.at(-1), 2_000_000);
  assert.equal(it.state, "delay-based");
});

test("one, two, or five percent of random loss do not throttle", () => {
  for (const loss of [0.01, 0.02, 0.05]) {
    const it = new LossBased(30_000, 10_000_000);
    const rates = run(it, 10_000_000, loss, 30, 2_000_000);
    assert.ok(rates.at(-1)! > 1_900_000, `${loss} ${rates.at(-1)}`);
  }
});

test("loss of all beyond a rate brings the bitrate near that rate", () => {
  const it = new LossBased(30_000, 10_000_000);
  const rates = run(it, 1_000_000, 0, 20, 2_000_000);
  assert.ok(rates.at(-1)! < 1_200_000 && rates.at(-1)! > 800_000, `${rates.at(-1)}`);
  assert.notEqual(it.state, "delay-based");
});

test("and it comes back when the loss has ended", () => {
  const it = new LossBased(30_000, 10_000_000);
  run(it, 1_000_000, 0, 10, 2_000_000);
  const rates = run(it, 10_000_000, 0, 30, 2_000_000);
  assert.ok(rates.at(-1)! > 1_900_000, `${rates.at(-1)}`);
});

test("loss while packets wait in a queue is not taken for random, but what was random before is", () => {
  const seen = (waiting: boolean, before: number): number => {
    const it = new LossBased(30_000, 10_000_000);
    let count = 0;
    const send = (from: number, until: number, loss: number, queue: boolean): void => {
      for (let time = from; time < until; time += 10) {
        count += loss;
        const lost = count >= 1;
        if (lost) count--;
        it.onPacket(time, 1200, lost);
        it.setAcknowledged(960_000 * (1 - loss));
        if (time % 50 === 0) it.update(1_000_000, false, queue);
      }
    };
    send(0, 10_000, before, false);
    send(10_000, 30_000, 0.07, waiting);
    return it.bitrate;
  };
  assert.equal(seen(false, 0), 1_000_000);
  assert.ok(seen(true, 0) < 950_000, `${seen(true, 0)}`);
  assert.equal(seen(true, 0.07), 1_000_000);
});

test("what is forgotten bounds nothing, and what is lost at random is remembered", () => {
  const it = new LossBased(30_000, 10_000_000);
  run(it, 10_000_000, 0.03, 20, 2_000_000);
  const usual = it.usualLoss;
  assert.ok(usual > 0.015 && usual < 0.045, `${usual}`);
  run(it, 500_000, 0.03, 5, 2_000_000);
  assert.ok(it.bitrate < 1_000_000, `${it.bitrate}`);
  it.forget();
  assert.equal(it.ready, false);
  assert.equal(it.averageLoss, 0);
  assert.ok(Math.abs(it.usualLoss - usual) < 0.02, `${it.usualLoss}`);
  const rates = run(it, 10_000_000, 0.03, 3, 1_000_000);
  assert.equal(rates.at(-1), 1_000_000);
});

test("a packet that came after all is no loss", () => {
  const it = new LossBased(30_000, 10_000_000);
  for (let time = 0; time <= 3000; time += 10) {
    it.onPacket(time, 1000, true);
    it.onRecovered(1000);
    it.update(2_000_000, false);
  }
  assert.equal(it.averageLoss, 0);
  assert.equal(it.bitrate, 2_000_000);
});

test("whoever sends less than a rate that loss has bounded is not held there", () => {
  const loss = new LossBased(30_000, 10_000_000);
  let now = 0;
  const send = (bitrate: number, ratio: number, seconds: number, delayBased: number): void => {
    for (const end = now + seconds * 1000; now < end; now += 50) {
      const bytes = (bitrate * 50) / 8000;
      loss.onPacket(now, bytes * (1 - ratio), false);
      if (ratio > 0) loss.onPacket(now, bytes * ratio, true);
      loss.setAcknowledged(bitrate * (1 - ratio));
      loss.update(delayBased, false);
    }
  };
  send(300_000, 0, 2, 300_000);
  send(300_000, 0.4, 3, 300_000);
  const held = loss.bitrate;
  assert.ok(held < 250_000, `${held}`);
  // 85 % of it: not so little as to count as application-limited.
  send(held * 0.8, 0, 10, 1_000_000);
  assert.ok(loss.bitrate > 1.5 * held, `${loss.bitrate} after ${held}`);
});

test("on a path that loses at random, a burst does not lower a rate that is low already", () => {
  const it = new LossBased(30_000, 10_000_000);
  // 400 kbit/s; each 25th packet is lost by itself, then ten in a row.
  for (let time = 0, count = 0; time < 25_000; time += 25, count++) {
    const burst = time >= 20_000 && time < 20_250;
    it.onPacket(time, 1250, burst || count % 25 === 0);
    it.setAcknowledged(time >= 20_000 && time < 21_200 ? 320_000 : 384_000);
    it.update(400_000, false);
    if (time > 10_000) assert.equal(it.bitrate, 400_000, `${time}`);
  }
});
