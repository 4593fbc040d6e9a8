// Feedback about what arrives, between whole peer connections: RFC 8888 where it is negotiated, transport-wide otherwise.
import assert from "node:assert/strict";
import { test } from "node:test";
import { CameraFlow } from "#src/media/synthetic/feeds.js";
import { limitReceivedBitrate, RtpTrackGenerator } from "#src/media.js";
import { writeRtpHeader } from "#src/rtp/packet.js";
import { type MediaStreamTrack, TrackImpl } from "#src/w3c/media-stream-track.js";
import type { RTCPeerConnection } from "#src/w3c/rtc-peer-connection.js";
import { DeviceSource, syntheticCamera } from "#src/w3c/synthetic-devices.js";
import { Simulation } from "#test/sim/simulation.js";
import { Pair } from "./pair.js";

type Stats = Record<string, number | string | undefined>;

async function stats(pair: Pair, pc: RTCPeerConnection): Promise<Map<string, Stats>> {
  const report = await pair.sim.settle(pc.getStats());
  const byType = new Map<string, Stats>();
  for (const entry of (report as unknown as Map<string, Stats>).values()) byType.set(`${entry.type}`, entry);
  return byType;
}

async function call(options: { readonly a?: boolean; readonly b?: boolean }): Promise<Pair> {
  const sim = new Simulation(7);
  const link = { latency: 20, rate: 2_000_000, loss: 0.02, queue: 60_000 };
  const pair = new Pair(
    sim,
    { host: sim.host("a", { link }), congestionControlFeedback: options.a },
    { host: sim.host("b"), congestionControlFeedback: options.b },
  );
  const platform = sim.platform(sim.host("devices"));
  const camera = {
    ...syntheticCamera,
    connect: (...args: ConstructorParameters<typeof CameraFlow>) => new CameraFlow(...args),
  };
  const settings = { width: 320, height: 240, frameRate: 30 };
  const source = new DeviceSource(camera, platform);
  pair.a.addTrack(new TrackImpl({ platform, kind: "video", label: "camera", settings, source }).wrapper);
  await pair.open();
  await sim.run(10_000);
  return pair;
}

test("RFC 8888 between two connections: offered by one, taken by the other, and in their statistics", async () => {
  const pair = await call({ a: true });
  assert.match(pair.b.localDescription!.sdp, /a=rtcp-fb:\* ack ccfb/);
  assert.doesNotMatch(pair.b.localDescription!.sdp, /transport-cc|transport-wide/);
  const [a, b] = [await stats(pair, pair.a), await stats(pair, pair.b)];
  const sent = b.get("transport")!.ccfbMessagesSent as number;
  const received = a.get("transport")!.ccfbMessagesReceived as number;
  assert.ok(sent > 50 && received > 0.9 * sent, `${received} of ${sent}`);
  assert.equal(a.get("transport")!.ccfbMessagesSent, 0);
  const inbound = b.get("inbound-rtp")!;
  const lost = inbound.packetsReportedAsLost as number;
  const packets = inbound.packetsReceived as number;
  assert.ok(lost > 0.005 * packets && lost < 0.05 * packets, `${lost} of ${packets}`);
  const available = a.get("candidate-pair")!.availableOutgoingBitrate as number;
  assert.ok(available > 600_000 && available < 2_300_000, `${available}`);
  await pair.close();
});

test("not where one of the two does not want it", async () => {
  for (const options of [{}, { a: true, b: false }]) {
    const pair = await call(options);
    assert.doesNotMatch(pair.b.localDescription!.sdp, /ccfb/);
    const b = await stats(pair, pair.b);
    assert.equal(b.get("transport")!.ccfbMessagesSent, 0);
    assert.equal(b.get("inbound-rtp")!.packetsReportedAsLost, undefined);
    const available = (await stats(pair, pair.a)).get("candidate-pair")!.availableOutgoingBitrate as number;
    assert.ok(available > 600_000 && available < 2_300_000, `${available}`);
    await pair.close();
  }
});

test("a program limits what it receives: the other end is told, and told when that is over", async () => {
  const sim = new Simulation(3);
  const pair = new Pair(
    sim,
    { host: sim.host("a", { link: { latency: 20, rate: 3_000_000 } }) },
    { host: sim.host("b") },
  );
  const generator = new RtpTrackGenerator({ kind: "video", mimeType: "video/VP8" });
  let told = 0;
  generator.onbitratechange = (bitsPerSecond) => {
    told = bitsPerSecond;
  };
  let received: MediaStreamTrack | undefined;
  pair.b.addEventListener("track", (event) => {
    received = (event as Event & { track: MediaStreamTrack }).track;
  });
  pair.a.addTrack(generator.track);
  await pair.open();
  let sequence = 0;
  const packet = new Uint8Array(1012);
  const send = (): void => {
    writeRtpHeader(packet, true, 96, sequence++ & 0xffff, sequence * 3000, 7, 0);
    generator.sendRtp(packet);
    if (!isOver) sim.scheduler.after(8_000_000 / Math.max(50_000, told), send);
  };
  let isOver = false;
  send();
  await sim.run(4000);
  assert.ok(told > 1_500_000, `${told}`);
  assert.throws(() => limitReceivedBitrate(received!, -1), TypeError);
  assert.throws(() => limitReceivedBitrate(generator.track, 1), { name: "NotSupportedError" });
  limitReceivedBitrate(received!, 400_000);
  await sim.run(1000);
  assert.ok(Math.abs(told - 400_000) < 30_000, `${told}`);
  limitReceivedBitrate(received!, null);
  await sim.run(5000);
  assert.ok(told > 1_500_000, `${told}`);
  isOver = true;
  await pair.close();
});

test("a phone leaves Wi-Fi for a slower network, and restarts ICE: the estimate is of the new path at once", async () => {
  const sim = new Simulation(9);
  const phone = sim.host("phone", { link: { latency: 5, rate: 20_000_000, queue: 200_000 } });
  const pair = new Pair(sim, { host: phone }, { host: sim.host("server", { link: { latency: 10 } }) });
  const generator = new RtpTrackGenerator({ kind: "video", mimeType: "video/VP8" });
  let told = 0;
  generator.onbitratechange = (bitsPerSecond) => {
    told = bitsPerSecond;
  };
  pair.a.addTrack(generator.track);
  await pair.open();
  let isOver = false;
  let sequence = 0;
  const packet = new Uint8Array(1012);
  const send = (): void => {
    writeRtpHeader(packet, true, 96, sequence++ & 0xffff, sequence * 3000, 7, 0);
    generator.sendRtp(packet);
    // At most 4 Mbit/s, as a camera would.
    if (!isOver) sim.scheduler.after(8_000_000 / Math.max(50_000, Math.min(told, 4_000_000)), send);
  };
  send();
  await sim.run(5000);
  assert.ok(told > 3_800_000, `${told}`);
  const link = { latency: 60, rate: 1_000_000, queue: 125_000 };
  phone.changeAddress(phone.address(), { realm: sim.internet, sockets: "silent", link });
  pair.a.restartIce();
  // Nothing is told while nothing arrives; what matters is what goes into the new path.
  await pair.until(() => (phone.link.up.stats.delivered ?? 0) > 30, 20_000);
  await sim.run(3000);
  assert.ok(told > 600_000 && told < 1_000_000, `${told}`);
  const { overflowed } = phone.link.up.stats;
  assert.ok(overflowed < 100, `${overflowed}`);
  isOver = true;
  await pair.close();
});
