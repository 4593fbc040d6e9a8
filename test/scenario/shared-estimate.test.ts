// Several forwarded tracks to one listener: who gets what of one estimate. A track can use no more than its publisher sends, and one without
// layers uses all of it.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { MediaStreamTrack } from "#src/w3c/media-stream-track.js";
import { RTCRtpSender } from "#src/w3c/rtc-rtp-sender.js";
import type { RTCRtpTransceiver } from "#src/w3c/rtc-rtp-transceiver.js";
import { type Listener, measure, Room, Simulcast, Single, Sound } from "./room.js";

const RIDS = ["q", "h", "f"];
const LARGE = [
  { rid: "q", width: 160, rate: 150_000 },
  { rid: "h", width: 320, rate: 500_000 },
  { rid: "f", width: 1280, rate: 2_500_000 },
];

/** What a listener of a meeting gets: a large camera, small pictures without layers, and sound. */
async function meeting(room: Room, rate: number): Promise<readonly [Listener, ...Listener[]]> {
  const { sim } = room;
  const tracks: MediaStreamTrack[] = [await room.publish(new Simulcast(sim, LARGE), RIDS)];
  for (let i = 0; i < 8; i++) tracks.push(await room.publish(new Single(sim, 150_000)));
  for (let i = 0; i < 2; i++) tracks.push(await room.publish(new Sound(sim), [], "audio/opus"));
  return (await room.listenToAll(
    tracks.map((track) => ({ track })),
    rate,
  )) as [Listener, ...Listener[]];
}

test("a large camera beside small ones has what they cannot use", async () => {
  const room = new Room();
  const { sim } = room;
  // 2.5 Mbit/s, eight times 150 kbit/s and sound take 4.1 with what is around them.
  const [camera, small] = await meeting(room, 6_000_000);
  await sim.run(20_000);
  assert.equal(camera.width, 1280);
  const large = await measure(sim, camera);
  assert.ok(large.rate > 2_300_000 && large.pictures > 28, JSON.stringify(large));
  // It is the one that can do with less: what the others take stays.
  camera.rate = 2_500_000;
  await sim.run(15_000);
  assert.equal(camera.width, 320);
  const thumbnail = await measure(sim, small!);
  assert.ok(thumbnail.pictures > 28, JSON.stringify(thumbnail));
  camera.rate = 6_000_000;
  await sim.run(30_000);
  assert.equal(camera.width, 1280);
  await room.close();
});

test("cameras of the same size: what none can use of its share brings some up, and they stay there", async () => {
  const room = new Room();
  const { sim } = room;
  const publishers = [0, 1, 2, 3].map(() => new Simulcast(sim));
  const sent: { track: MediaStreamTrack }[] = [];
  for (const publisher of publishers) sent.push({ track: await room.publish(publisher, RIDS) });
  const listeners = await room.listenToAll(sent, 8_000_000);
  await sim.run(15_000);
  assert.deepEqual(
    listeners.map(({ width }) => width),
    [640, 640, 640, 640],
  );
  // A quarter each is the middle layer of 500 kbit/s; together they could use less than half of it.
  const [first] = listeners as [Listener];
  first.rate = 5_200_000;
  await sim.run(30_000);
  const widths = listeners.map(({ width }) => width).sort((a, b) => b - a);
  assert.deepEqual(widths.slice(0, 2), [640, 640]);
  assert.ok(widths[3]! >= 320, `${widths}`);
  for (const { asked } of publishers) for (const rid of RIDS) asked[rid] = 0;
  const { pictures } = await measure(sim, first, 30);
  assert.ok(pictures > 29, `${pictures}`);
  const asked = publishers
    .flatMap((publisher) => Object.values(publisher.asked))
    .reduce((sum, count) => sum + count, 0);
  assert.ok(asked <= 4, `${asked}`);
  await room.close();
});

test("the track of the highest priority has its layers first", async () => {
  const room = new Room();
  const { sim } = room;
  const sent: { track: MediaStreamTrack; priority: "low" | "high" }[] = [];
  for (const priority of ["low", "low", "low", "high"] as const) {
    sent.push({ track: await room.publish(new Simulcast(sim), RIDS), priority });
  }
  const [low, , , high] = (await room.listenToAll(sent, 3_600_000)) as [Listener, Listener, Listener, Listener];
  await sim.run(30_000);
  assert.equal(high.width, 640);
  assert.equal(low.width, 320);
  await room.close();
});

test("who pauses leaves the others what it had, and has it again", async () => {
  const room = new Room();
  const { sim } = room;
  const camera = await room.publish(new Simulcast(sim), RIDS);
  const screen = await room.publish(new Single(sim, 1_500_000));
  const [one, two] = (await room.listenToAll([{ track: camera }, { track: screen }], 2_800_000)) as [
    Listener,
    Listener,
  ];
  await sim.run(15_000);
  assert.equal(one.width, 320);
  screen.enabled = false;
  await sim.run(20_000);
  assert.equal(one.width, 640);
  screen.enabled = true;
  await sim.run(15_000);
  assert.equal(one.width, 320);
  const { pictures } = await measure(sim, two);
  assert.ok(pictures > 28, `${pictures}`);
  await room.close();
});

for (const [name, change] of [
  [
    "without retransmissions to fill probes with",
    (transceiver: RTCRtpTransceiver): void => {
      const { codecs } = RTCRtpSender.getCapabilities("video")!;
      transceiver.setCodecPreferences(codecs.filter(({ mimeType }) => mimeType === "video/VP8"));
    },
  ],
  [
    "without feedback about arrivals",
    (transceiver: RTCRtpTransceiver): void => {
      const extensions = transceiver.getHeaderExtensionsToNegotiate();
      for (const one of extensions) if (/transport-wide/.test(one.uri)) one.direction = "stopped";
      transceiver.setHeaderExtensionsToNegotiate(extensions);
    },
  ],
] as const) {
  test(`${name}: two cameras come up all the same, one after the other`, async () => {
    const room = new Room();
    const { sim } = room;
    const sent: { track: MediaStreamTrack }[] = [];
    for (let i = 0; i < 2; i++) sent.push({ track: await room.publish(new Simulcast(sim), RIDS) });
    const [one, two] = (await room.listenToAll(sent, 500_000, "video/VP8", change)) as [Listener, Listener];
    await sim.run(10_000);
    assert.deepEqual([one.width, two.width], [160, 160]);
    one.rate = 10_000_000;
    await sim.run(90_000);
    assert.deepEqual([one.width, two.width], [640, 640]);
    await room.close();
  });
}
