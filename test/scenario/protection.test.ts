// Forward error correction between two whole connections: negotiated by their descriptions, repair packets over a path that loses,
// frames read at the other end after the jitter buffer.
import assert from "node:assert/strict";
import { test } from "node:test";
import { CameraFlow } from "#src/media/synthetic/feeds.js";
import { TrackImpl, trackImplOf } from "#src/w3c/media-stream-track.js";
import type { RTCPeerConnection } from "#src/w3c/rtc-peer-connection.js";
import { RTCRtpReceiver } from "#src/w3c/rtc-rtp-receiver.js";
import { DeviceSource, syntheticCamera } from "#src/w3c/synthetic-devices.js";
import { Simulation } from "#test/sim/simulation.js";
import { Pair } from "./pair.js";

const SECONDS = 20;
const REPAIR_WINDOW = "repair-window=10000000";
const codec = (name: string) => ({
  mimeType: `video/${name}`,
  clockRate: 90_000,
  ...(/flexfec/.test(name) ? { sdpFmtpLine: REPAIR_WINDOW } : {}),
});

interface Outcome {
  readonly sent: number;
  readonly came: number;
  readonly inbound: Record<string, number>;
  readonly outbound: Record<string, number>;
  readonly offer: string;
}

async function statsOf(sim: Simulation, pc: RTCPeerConnection, type: string): Promise<Record<string, number>> {
  const promise = pc.getStats();
  await sim.run(1);
  for (const entry of (await promise).values()) {
    const one = entry as { type: string; kind?: string };
    if (one.type === type && one.kind === "video") return entry as unknown as Record<string, number>;
  }
  throw new Error(`no ${type}`);
}

/** 150 ms one way, 5 % loss. */
async function run(seed: number, ...names: string[]): Promise<Outcome> {
  const sim = new Simulation(seed);
  const pair = new Pair(
    sim,
    { host: sim.host("a", { link: { latency: 150, loss: 0.05 } }) },
    { host: sim.host("b", { link: {} }) },
  );
  const platform = sim.platform(sim.host("devices"));
  let isOver = true;
  const sentAt = new Set<number>();
  const camera = {
    ...syntheticCamera,
    connect: (...[own, track, outlet]: ConstructorParameters<typeof CameraFlow>) => {
      const watched: typeof outlet = Object.create(outlet, {
        sendFrame: {
          value: (...args: Parameters<typeof outlet.sendFrame>) => {
            if (!isOver) sentAt.add(args[1].timestamp);
            outlet.sendFrame(...args);
          },
        },
      });
      return new CameraFlow(own, track, watched);
    },
  };
  const settings = { width: 640, height: 480, frameRate: 30 };
  const source = new DeviceSource(camera, platform);
  const track = new TrackImpl({ platform, kind: "video", label: "video", settings, source });
  const came = new Set<number>();
  pair.b.addEventListener("track", (event) => {
    const remote = trackImplOf((event as Event & { track: Parameters<typeof trackImplOf>[0] }).track);
    remote.source.read!({ onFrame: ({ timestamp }) => came.add(timestamp) });
  });
  const sender = pair.a.addTrack(track.wrapper);
  const transceiver = pair.a.getTransceivers().find((one) => one.sender === sender)!;
  const known = RTCRtpReceiver.getCapabilities("video")!.codecs;
  const vp8 = known.filter(({ mimeType }) => /VP8|rtx/i.test(mimeType));
  transceiver.setCodecPreferences([...vp8, ...names.map(codec)]);
  await pair.open(30_000);
  const offer = pair.a.localDescription!.sdp;
  // Reports tell of the loss.
  await sim.run(5000);
  isOver = false;
  await sim.run(SECONDS * 1000);
  isOver = true;
  await sim.run(3000);
  const inbound = await statsOf(sim, pair.b, "inbound-rtp");
  const outbound = await statsOf(sim, pair.a, "outbound-rtp");
  await pair.close();
  return { sent: sentAt.size, came: [...sentAt].filter((one) => came.has(one)).length, inbound, outbound, offer };
}

for (const names of [["flexfec-03"], ["flexfec"], ["red", "ulpfec"]]) {
  test(`${names.at(-1)}: negotiated, sent under loss, and of use`, async (t) => {
    const { sent, came, inbound, outbound, offer } = await run(3, ...names);
    const { fecPacketsReceived, fecBytesReceived, fecPacketsDiscarded, fecSsrc } = inbound;
    t.diagnostic(`${came} of ${sent} frames, ${fecPacketsReceived} repair packets, ${fecPacketsDiscarded} not needed`);
    assert.ok(came > 0.99 * sent, `${came} of ${sent}`);
    assert.ok(fecPacketsReceived! > 50 && fecBytesReceived! > 1000 && fecPacketsDiscarded! < fecPacketsReceived!);
    const group = /a=ssrc-group:FEC-FR \d+ (\d+)/.exec(offer);
    if (names.length === 1) assert.equal(fecSsrc, Number(group![1]));
    else assert.equal(group, null);
    assert.ok(outbound.packetsSent! > inbound.packetsReceived!);
    assert.ok(outbound.totalPacketSendDelay! > 0);
  });
}
