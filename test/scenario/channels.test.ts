// Data channels over whole connections: fairness between them, bufferedAmount, throughput.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { RTCErrorEvent } from "#src/w3c/rtc-events.js";
import type { LinkOptions } from "#test/sim/link.js";
import { Simulation } from "#test/sim/simulation.js";
import { Pair } from "./pair.js";

function bed(link: LinkOptions, options = {}): { sim: Simulation; pair: Pair } {
  const sim = new Simulation(1);
  const half: LinkOptions = { ...link, latency: (link.latency ?? 0) / 2 };
  const a = { host: sim.host("alice", { link: half }), ...options };
  const b = { host: sim.host("bob", { link: half }), ...options };
  return { sim, pair: new Pair(sim, a, b) };
}

test("a message of 16 MiB on one channel does not hold up small ones on another", async () => {
  const { sim, pair } = bed({ latency: 20, rate: 50e6, queue: 250_000 }, { maxMessageSize: 32 * 1024 * 1024 });
  await pair.open();
  const small = pair.a.createDataChannel("transfer 1", { negotiated: true, id: 500 });
  const smallB = pair.b.createDataChannel("transfer 1", { negotiated: true, id: 500 });
  let arrived = 0;
  pair.remote!.addEventListener("message", (event) => {
    arrived = (event as Event & { data: ArrayBuffer }).data.byteLength;
  });
  const delays: number[] = [];
  smallB.addEventListener("message", (event) => {
    delays.push(sim.now - Number((event as Event & { data: string }).data));
  });
  await pair.until(() => small.readyState === "open" && smallB.readyState === "open");
  pair.channel.send(new Uint8Array(16 * 1024 * 1024));
  const began = sim.now;
  let sent = 0;
  while (arrived === 0) {
    small.send(String(sim.now));
    sent++;
    await sim.run(50);
    assert.ok(sim.now - began < 10_000, "16 MiB take about 2.8 s at 50 Mbit/s");
  }
  await sim.run(500);
  assert.equal(arrived, 16 * 1024 * 1024);
  assert.equal(delays.length, sent);
  // 20 ms of way, 40 ms of queue at the bottleneck, and what the congestion window lets wait.
  const worst = Math.max(...delays);
  assert.ok(worst < 150, `worst delay ${worst.toFixed(1)} ms`);
  await pair.close();
});

test("bufferedAmount is exact: rises with send, falls only in tasks, to zero; one low event per crossing", async () => {
  const { sim, pair } = bed({ latency: 10, rate: 8e6 });
  await pair.open();
  const { channel } = pair;
  assert.equal(channel.bufferedAmount, 0);
  channel.bufferedAmountLowThreshold = 50_000;
  const lows: number[] = [];
  channel.addEventListener("bufferedamountlow", () => lows.push(channel.bufferedAmount));
  let sum = 0;
  const sizes = [1, 0, 40_000, 60_000, 100, 1200, 1173];
  for (const size of sizes) {
    channel.send(new Uint8Array(size));
    sum += size;
    assert.equal(channel.bufferedAmount, sum);
  }
  channel.send("äöü→😀");
  sum += 13;
  assert.equal(channel.bufferedAmount, sum, "text counts as UTF-8");
  let last = sum;
  for (let i = 0; i < 2000 && last > 0; i++) {
    await sim.run(1);
    assert.ok(channel.bufferedAmount <= last, "never rises by itself");
    last = channel.bufferedAmount;
  }
  assert.equal(last, 0);
  assert.equal(lows.length, 1);
  assert.ok(lows[0]! <= 50_000);
  // Below the threshold all along: no event. Exactly at it: one.
  channel.send(new Uint8Array(50_000));
  await sim.run(1000);
  assert.equal(lows.length, 1);
  channel.send(new Uint8Array(50_001));
  await sim.run(1000);
  assert.equal(lows.length, 2);
  channel.bufferedAmountLowThreshold = 0;
  channel.send(new Uint8Array(1));
  await sim.run(1000);
  assert.deepEqual(lows.slice(2), [0]);
  await pair.close();
});

test("what is buffered stays counted when the peer is gone", async () => {
  const { sim, pair } = bed({ latency: 10, rate: 1e6 });
  await pair.open();
  pair.channel.send(new Uint8Array(200_000));
  await sim.run(20);
  pair.b.close();
  await pair.until(() => pair.channel.readyState === "closed");
  const left = pair.channel.bufferedAmount;
  assert.ok(left > 0);
  await sim.run(1000);
  assert.equal(pair.channel.bufferedAmount, left, "webrtc-pc §6.2: it is not reset when the channel closes");
  await pair.close();
});

for (const [closesChannel, end] of [
  [true, ["closing", "close"]],
  [false, ["error User-Initiated Abort, reason=Close called", "close"]],
] as const) {
  const what = closesChannel ? "closing channel and connection" : "closing the connection";
  test(`what was sent right before ${what} still arrives, as much as may be in flight at once`, async () => {
    const { sim, pair } = bed({ latency: 10 });
    await pair.open();
    const events: string[] = [];
    for (const type of ["message", "closing", "error", "close"]) {
      pair.remote!.addEventListener(type, (event) => {
        if (type === "message") events.push(`${(event as MessageEvent).data.length}`);
        else events.push(type === "error" ? `error ${(event as RTCErrorEvent).error.message}` : type);
      });
    }
    for (let i = 1; i <= 5; i++) pair.channel.send("x".repeat(i * 100));
    if (closesChannel) pair.channel.close();
    pair.a.close();
    await sim.run(100);
    assert.deepEqual(events, ["100", "200", "300", "400", "500", ...end]);
    await pair.close();
  });
}

/** Bytes per second delivered in five seconds after two of warming up, as a share of what the link's payload could be. */
async function utilization(link: LinkOptions & { readonly rate: number }): Promise<number> {
  const { sim, pair } = bed(link);
  await pair.open();
  const { channel, remote } = pair;
  let bytes = 0;
  remote!.addEventListener("message", (event) => {
    bytes += (event as Event & { data: ArrayBuffer }).data.byteLength;
  });
  const block = new Uint8Array(65_536);
  const fill = (): void => {
    while (channel.readyState === "open" && channel.bufferedAmount < 4 * 1024 * 1024) channel.send(block);
  };
  channel.bufferedAmountLowThreshold = 1024 * 1024;
  channel.addEventListener("bufferedamountlow", fill);
  fill();
  await sim.run(2000);
  bytes = 0;
  await sim.run(5000);
  const share = (bytes * 8) / 5 / link.rate;
  pair.a.close();
  pair.b.close();
  await sim.run(1000);
  assert.deepEqual(sim.leftovers(), []);
  return share;
}

test("100 Mbit/s, 20 ms each way, a drop-tail queue of 500 kB: most of the link is used", async () => {
  const share = await utilization({ rate: 100e6, latency: 20, queue: 500_000 });
  assert.ok(share >= 0.85, `${(share * 100).toFixed(1)} %`);
});

test("1 % of random loss at 20 Mbit/s", async () => {
  const share = await utilization({ rate: 20e6, latency: 20, queue: 200_000, loss: 0.005 });
  assert.ok(share >= 0.75, `${(share * 100).toFixed(1)} %`);
});
