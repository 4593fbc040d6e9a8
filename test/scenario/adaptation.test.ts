// A publisher → a server → a listener whose network changes: which layers the server sends on, and what it asks the publisher for.
import assert from "node:assert/strict";
import { test } from "node:test";
import { RtpTrackForwarder } from "#src/media.js";
import type { RTCRtpSender } from "#src/w3c/rtc-rtp-sender.js";
import { type Listener, measure, Room, Scalable, Simulcast, Single } from "./room.js";

test("simulcast: a listener gets the layer that fits, down at once, up by and by", async () => {
  const room = new Room();
  const { sim } = room;
  const publisher = new Simulcast(sim);
  const track = await room.publish(publisher, ["q", "h", "f"]);
  // As ontrack → addTrack does it.
  let sender: RTCRtpSender | undefined;
  const [one] = await room.listenToAll([{ track }], 10_000_000, "video/VP8", (transceiver) => {
    sender = transceiver.sender;
  });
  assert.ok(one !== undefined);
  const limitation = async (): Promise<readonly [string, number, number, number]> => {
    const report = [...(await sim.settle(sender!.getStats())).values()];
    const stats = report.find(({ type }) => type === "outbound-rtp");
    const { qualityLimitationReason, qualityLimitationResolutionChanges, qualityLimitationDurations, frameWidth } =
      stats;
    return [
      qualityLimitationReason,
      frameWidth,
      qualityLimitationResolutionChanges,
      qualityLimitationDurations.bandwidth,
    ];
  };
  await sim.run(4000);
  assert.equal(one.width, 640);
  assert.deepEqual(await limitation(), ["none", 640, 0, 0]);
  one.rate = 300_000;
  await sim.run(4000);
  assert.equal(one.width, 160);
  const [reason, width, changes, seconds] = await limitation();
  assert.deepEqual([reason, width], ["bandwidth", 160]);
  assert.ok(changes >= 1 && seconds > 2 && seconds < 4, `${changes} changes, ${seconds} s`);
  const low = await measure(sim, one);
  assert.ok(low.rate > 130_000 && low.rate < 200_000 && low.pictures > 28, JSON.stringify(low));
  one.rate = 900_000;
  await sim.run(15_000);
  assert.equal(one.width, 320);
  const middle = await measure(sim, one);
  assert.ok(middle.pictures > 28, JSON.stringify(middle));
  one.rate = 10_000_000;
  await sim.run(15_000);
  assert.equal(one.width, 640);
  assert.ok((await measure(sim, one)).pictures > 28);
  const [last, ...figures] = await limitation();
  assert.deepEqual([last, figures[0]], ["none", 640]);
  assert.ok(figures[1]! > changes && figures[2]! > 15 && figures[2]! < 32, `${figures}`);
  const { q = 0, h = 0, f = 0 } = publisher.asked;
  assert.ok(q + h + f < 25, JSON.stringify(publisher.asked));
  await room.close();
});

test("a link between two layers: mostly the lower, without flapping, and others get the higher", async () => {
  const room = new Room();
  const { sim } = room;
  const publisher = new Simulcast(sim);
  const track = await room.publish(publisher, ["q", "h", "f"]);
  const slow = await room.listen(new RtpTrackForwarder({ track }).track, 1_100_000);
  const fast = await room.listen(new RtpTrackForwarder({ track }).track, 10_000_000);
  await sim.run(15_000);
  for (const key of Object.keys(publisher.asked)) publisher.asked[key] = 0;
  let low = 0;
  for (let i = 0; i < 60; i++) {
    await sim.run(1000);
    if (slow.width === 320) low++;
    assert.equal(fast.width, 640);
  }
  assert.ok(low > 45, `${low} of 60 seconds`);
  const { pictures } = await measure(sim, fast);
  assert.ok(pictures > 28, `${pictures}`);
  const asked = Object.values(publisher.asked).reduce((sum, count) => sum + count, 0);
  assert.ok(asked <= 20, JSON.stringify(publisher.asked));
  await room.close();
});

test("many listeners that go up one after the other share key frames", async () => {
  const room = new Room();
  const { sim } = room;
  const publisher = new Simulcast(sim);
  const track = await room.publish(publisher, ["q", "h", "f"]);
  const listeners: Listener[] = [];
  for (let i = 0; i < 8; i++) listeners.push(await room.listen(track, 250_000));
  await sim.run(8000);
  for (const { width } of listeners) assert.equal(width, 160);
  for (const key of Object.keys(publisher.asked)) publisher.asked[key] = 0;
  for (const listener of listeners) {
    listener.rate = 10_000_000;
    await sim.run(300);
  }
  await sim.run(20_000);
  for (const { width } of listeners) assert.equal(width, 640);
  const { h = 0, f = 0 } = publisher.asked;
  assert.ok(h + f <= 14, JSON.stringify(publisher.asked));
  await room.close();
});

test("a program's selection is the most, and with adapt: false the least too", async () => {
  const room = new Room();
  const { sim } = room;
  const publisher = new Simulcast(sim);
  const track = await room.publish(publisher, ["q", "h", "f"]);
  const chosen = new RtpTrackForwarder({ track });
  chosen.select({ rid: "h" });
  const fixed = new RtpTrackForwarder({ track, adapt: false });
  fixed.select({ rid: "h" });
  const one = await room.listen(chosen.track, 10_000_000);
  const two = await room.listen(fixed.track, 10_000_000);
  await sim.run(5000);
  assert.deepEqual([one.width, two.width], [320, 320]);
  one.rate = 250_000;
  two.rate = 250_000;
  await sim.run(8000);
  assert.deepEqual([one.width, two.width], [160, 320]);
  assert.equal(chosen.current?.rid, "q");
  await room.close();
});

for (const spatialLayers of [1, 3]) {
  test(`SVC in ${spatialLayers} spatial and 3 temporal layers: what fits goes on`, async () => {
    const room = new Room();
    const { sim } = room;
    const publisher = new Scalable(sim, spatialLayers);
    const track = await room.publish(publisher, [], "video/VP9");
    const one = await room.listen(track, 10_000_000, "video/VP9");
    await sim.run(4000);
    const all = await measure(sim, one);
    assert.ok(all.rate > 1_100_000 && one.temporal === 2 && one.spatial === spatialLayers - 1, JSON.stringify(all));
    one.rate = 800_000;
    await sim.run(15_000);
    const some = await measure(sim, one);
    assert.ok(some.rate < 800_000, JSON.stringify(some));
    // Of one size half of the frames; of three sizes a smaller one, or half of them.
    assert.ok(some.pictures > (spatialLayers === 1 ? 6 : 13), JSON.stringify(some));
    if (spatialLayers === 1) assert.ok(some.pictures < 20, JSON.stringify(some));
    one.rate = 10_000_000;
    await sim.run(25_000);
    const again = await measure(sim, one);
    assert.ok(again.rate > 1_100_000 && one.temporal === 2 && one.spatial === spatialLayers - 1, JSON.stringify(again));
    assert.ok((publisher.asked[""] ?? 0) < 15, JSON.stringify(publisher.asked));
    await room.close();
  });
}

test("one encoding: the publisher is asked for what fits only if the program wants that", async () => {
  for (const limitSource of [false, true]) {
    const room = new Room();
    const { sim } = room;
    const publisher = new Single(sim);
    const track = await room.publish(publisher);
    const forwarder = new RtpTrackForwarder({ track, limitSource });
    const one = await room.listen(forwarder.track, 10_000_000);
    await sim.run(8000);
    const before = await measure(sim, one);
    assert.ok(before.rate > 1_500_000, JSON.stringify(before));
    one.rate = 700_000;
    await sim.run(12_000);
    const { rate, pictures } = await measure(sim, one);
    const what = `${limitSource}: ${rate} bit/s, ${pictures} pictures, told ${publisher.told}`;
    if (limitSource) assert.ok(publisher.told < 750_000 && rate > 300_000 && rate < 700_000 && pictures > 27, what);
    else assert.ok(publisher.told > 1_500_000, what);
    one.rate = 10_000_000;
    forwarder.close();
    await sim.run(12_000);
    assert.ok(publisher.told > 1_500_000, `${publisher.told}`);
    await room.close();
  }
});
