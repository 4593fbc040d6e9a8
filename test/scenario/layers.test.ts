// A camera with simulcast → a server → a viewer, all whole peer connections: which layer the server sends on.
import assert from "node:assert/strict";
import { test } from "node:test";
import { CameraFlow } from "#src/media/synthetic/feeds.js";
import { RtpTrackForwarder, RtpTrackProcessor } from "#src/media.js";
import { payloadFormat } from "#src/payload/format.js";
import type { FedTrack, MediaOutlet } from "#src/w3c/media-feed.js";
import { type MediaStreamTrack, TrackImpl } from "#src/w3c/media-stream-track.js";
import { RTCPeerConnection } from "#src/w3c/rtc-peer-connection.js";
import type { Host } from "#test/sim/network.js";
import { Simulation } from "#test/sim/simulation.js";
import { signal } from "./signaling.js";

const VP8 = payloadFormat("video/VP8");
const ENCODINGS = [
  { rid: "q", scaleResolutionDownBy: 4 },
  { rid: "h", scaleResolutionDownBy: 2 },
  { rid: "f", scaleResolutionDownBy: 1 },
];

function camera(sim: Simulation, host: Host): MediaStreamTrack {
  const platform = sim.platform(host);
  const source = {
    attach() {},
    detach() {},
    capabilities: () => ({}),
    candidates: () => [],
    connect: (track: FedTrack, outlet: MediaOutlet) => new CameraFlow(platform, track, outlet),
  };
  const settings = { width: 640, height: 384, frameRate: 30 };
  return new TrackImpl({ platform, kind: "video", label: "camera", source, settings }).wrapper;
}

/** What a viewer gets: the widths of key frames, and how many pictures. */
class Watch {
  readonly widths: number[] = [];
  pictures = 0;
  gaps = 0;
  private last = -1;
  private readonly ssrcs = new Set<number>();

  constructor(track: MediaStreamTrack) {
    const depacketizer = VP8.createDepacketizer();
    new RtpTrackProcessor({ track }).onrtp = (packet) => {
      this.ssrcs.add(packet.ssrc);
      if (packet.payloadLength === 0) return;
      if (this.last >= 0 && packet.sequenceNumber !== ((this.last + 1) & 0xffff)) this.gaps++;
      this.last = packet.sequenceNumber;
      const info = depacketizer.inspect(packet.payload());
      if (info?.startOfFrame && info.keyFrame) this.widths.push(info.width);
      if (packet.marker) this.pictures++;
    };
  }

  get width(): number | undefined {
    return this.widths.at(-1);
  }

  get streams(): number {
    return this.ssrcs.size;
  }
}

interface Room {
  readonly sim: Simulation;
  readonly speaker: RTCPeerConnection;
  readonly received: MediaStreamTrack;
  /** Adds a listener, who is sent this. */
  listen(track: MediaStreamTrack): Promise<Watch>;
  close(): Promise<void>;
}

async function room(encodings: readonly object[] = ENCODINGS): Promise<Room> {
  const sim = new Simulation();
  const open: RTCPeerConnection[] = [];
  const errors: (() => void)[] = [];
  const peer = (name: string): [RTCPeerConnection, Host] => {
    const host = sim.host(name, { link: { latency: 10 } });
    const pc = new RTCPeerConnection(undefined, { platform: sim.platform(host) });
    open.push(pc);
    return [pc, host];
  };
  const trackOf = async (pc: RTCPeerConnection): Promise<MediaStreamTrack> => {
    let track: MediaStreamTrack | undefined;
    pc.addEventListener("track", (event) => {
      track = (event as Event & { track: MediaStreamTrack }).track;
    });
    await sim.runUntil(() => {
      for (const check of errors) check();
      return track !== undefined;
    }, 5000);
    return track!;
  };
  const [speaker, host] = peer("speaker");
  const [ingress] = peer("server in");
  errors.push(signal(sim, speaker, ingress).check);
  speaker.addTransceiver(camera(sim, host), { direction: "sendonly", sendEncodings: [...encodings] });
  const received = await trackOf(ingress);
  return {
    sim,
    speaker,
    received,
    async listen(track) {
      const [egress] = peer(`server out ${open.length}`);
      const [listener] = peer(`listener ${open.length}`);
      errors.push(signal(sim, egress, listener).check);
      egress.addTransceiver(track, { direction: "sendonly" });
      return new Watch(await trackOf(listener));
    },
    async close() {
      for (const check of errors) check();
      for (const pc of open) pc.close();
      await sim.run(12_000);
      assert.deepEqual(sim.leftovers(), []);
    },
  };
}

/** setParameters of the speaker: which encodings are sent. */
async function activate({ sim, speaker }: Room, active: Readonly<Record<string, boolean>>): Promise<void> {
  const sender = speaker.getSenders()[0]!;
  const parameters = sender.getParameters();
  for (const encoding of parameters.encodings) encoding.active = active[encoding.rid ?? ""] ?? encoding.active ?? true;
  await sim.settle(sender.setParameters(parameters));
}

test("of a simulcast the highest layer goes on, and when it stops the next", async () => {
  const one = await room();
  const { sim } = one;
  const watch = await one.listen(one.received);
  await sim.runUntil(() => watch.width === 640, 3000);
  await sim.run(500);
  await activate(one, { f: false });
  await sim.runUntil(() => watch.width === 320, 2000);
  await activate(one, { h: false });
  await sim.runUntil(() => watch.width === 160, 2000);
  await activate(one, { f: true });
  await sim.run(500);
  assert.equal(watch.width, 160, "not at once, it may stop again");
  await sim.runUntil(() => watch.width === 640, 3000);
  const before = watch.pictures;
  await sim.run(2000);
  assert.ok(Math.abs(watch.pictures - before - 60) <= 2, `${watch.pictures - before} pictures in two seconds`);
  assert.equal(watch.gaps, 0);
  assert.equal(watch.streams, 1);
  await one.close();
});

test("a program selects layers, each listener has its own", async () => {
  const one = await room();
  const { sim } = one;
  const low = new RtpTrackForwarder({ track: one.received });
  const high = new RtpTrackForwarder({ track: one.received });
  assert.equal(low.layers.length, 0);
  const changes: (string | null)[] = [];
  low.onlayerchange = ({ rid }) => changes.push(rid);
  low.select({ rid: "q" });
  const atLow = await one.listen(low.track);
  const atHigh = await one.listen(high.track);
  await sim.runUntil(() => atLow.width === 160 && atHigh.width === 640, 5000);
  await sim.run(1500);
  assert.deepEqual(
    low.layers.map(({ rid, width, height, active }) => ({ rid, width, height, active })),
    [
      { rid: "q", width: 160, height: 96, active: true },
      { rid: "h", width: 320, height: 192, active: true },
      { rid: "f", width: 640, height: 384, active: true },
    ],
  );
  const [q, , f] = low.layers;
  assert.ok(q!.bitrate > 0 && f!.bitrate > q!.bitrate, `${q!.bitrate}, ${f!.bitrate}`);
  assert.equal(q!.mimeType, "video/VP8");
  assert.equal(low.current?.rid, "q");
  assert.equal(high.current?.rid, "f");

  low.select({ rid: "h" });
  await sim.runUntil(() => atLow.width === 320, 1000);
  assert.equal(changes.at(-1), "h");
  // The one selected stops: the next below it, and back.
  await activate(one, { h: false });
  await sim.runUntil(() => atLow.width === 160, 2000);
  assert.equal(low.layers.find(({ rid }) => rid === "h")?.active, false);
  await activate(one, { h: true });
  await sim.runUntil(() => atLow.width === 320, 3000);
  low.select({});
  await sim.runUntil(() => atLow.width === 640, 1000);
  assert.equal(atHigh.widths.includes(160) && atHigh.widths.lastIndexOf(160) > atHigh.widths.indexOf(640), false);
  for (const watch of [atLow, atHigh]) {
    assert.equal(watch.gaps, 0);
    assert.equal(watch.streams, 1);
  }
  assert.throws(() => low.select({ temporalIndex: 8 }), TypeError);
  low.close();
  assert.equal(low.track.readyState, "ended");
  assert.equal(low.layers.length, 0);
  const before = atLow.pictures;
  await sim.run(500);
  assert.ok(atLow.pictures - before <= 1);
  await one.close();
});

test("a forwarder's track ends with the received one; others than received are refused", async () => {
  const one = await room([{}]);
  const { sim } = one;
  const forwarder = new RtpTrackForwarder({ track: one.received });
  const watch = await one.listen(forwarder.track);
  await sim.runUntil(() => watch.pictures > 10, 3000);
  assert.equal(forwarder.layers.length, 1);
  let ended = 0;
  forwarder.track.addEventListener("ended", () => ended++);
  one.received.stop();
  await sim.run(10);
  assert.equal(ended, 1);
  assert.equal(forwarder.track.readyState, "ended");
  assert.throws(() => new RtpTrackForwarder({ track: forwarder.track }), { name: "NotSupportedError" });
  await one.close();
});

test("one stream is passed on as it is", async () => {
  const one = await room([{}]);
  const watch = await one.listen(one.received);
  // Though nobody here asks for a key frame: what goes out before there are keys is lost.
  await one.sim.runUntil(() => watch.width === 640, 2000);
  const before = watch.pictures;
  await one.sim.run(1000);
  assert.ok(watch.pictures - before >= 29, `${watch.pictures - before}`);
  assert.equal(watch.gaps, 0);
  await one.close();
});

test("the dependency descriptor is offered for what may have layers, and only for that", async () => {
  const one = await room([{}]);
  const { sim } = one;
  const forwarder = new RtpTrackForwarder({ track: one.received });
  const host = sim.host("offerer", {});
  const offered = async (...[what, init]: Parameters<RTCPeerConnection["addTransceiver"]>): Promise<string[]> => {
    const pc = new RTCPeerConnection(undefined, { platform: sim.platform(host) });
    const transceiver = pc.addTransceiver(what, init);
    const made = pc.createOffer();
    await sim.run(10);
    const { sdp } = await made;
    pc.close();
    const uris = transceiver.getHeaderExtensionsToNegotiate().filter(({ direction }) => direction === "sendrecv");
    assert.deepEqual(
      [...sdp!.matchAll(/^a=extmap:\d+ (\S+)/gm)].map(([, uri]) => uri),
      uris.map(({ uri }) => uri),
    );
    return uris.map(({ uri }) => /dependency|layers/.exec(uri)?.[0] ?? "").filter((word) => word !== "");
  };
  assert.deepEqual(await offered("video", {}), []);
  assert.deepEqual(await offered("video", { sendEncodings: [{ scalabilityMode: "L1T1" }] }), []);
  assert.deepEqual(await offered("video", { sendEncodings: [{ scalabilityMode: "L1T3" }] }), ["dependency", "layers"]);
  assert.deepEqual(await offered("video", { sendEncodings: ENCODINGS }), ["dependency", "layers"]);
  assert.deepEqual(await offered(camera(sim, host), {}), []);
  // Which layers there are is the sender's to tell: not video-layers-allocation, which is about its own.
  assert.deepEqual(await offered(one.received, {}), ["dependency"]);
  assert.deepEqual(await offered(forwarder.track, {}), ["dependency"]);
  await one.close();
});
