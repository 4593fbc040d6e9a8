// A publisher → a server → a listener whose network changes: which layers the server sends on, and what it asks the publisher for.
import assert from "node:assert/strict";
import { test } from "node:test";
import { EncodedTrackGenerator, RtpTrackForwarder, RtpTrackProcessor } from "#src/media.js";
import { payloadFormat } from "#src/payload/format.js";
import type { MediaStreamTrack } from "#src/w3c/media-stream-track.js";
import { RTCPeerConnection } from "#src/w3c/rtc-peer-connection.js";
import { RTCRtpSender } from "#src/w3c/rtc-rtp-sender.js";
import type { Host } from "#test/sim/network.js";
import { Simulation } from "#test/sim/simulation.js";
import { signal } from "./signaling.js";

const FRAME_INTERVAL = 1000 / 30;
/** By rid: pixels and bits per second. */
const LAYERS = [
  { rid: "q", width: 160, rate: 150_000 },
  { rid: "h", width: 320, rate: 500_000 },
  { rid: "f", width: 640, rate: 1_500_000 },
] as const;

/** Sends frames of the sizes asked for, key frames when they are asked for. */
abstract class Publisher {
  readonly generator: EncodedTrackGenerator;
  /** How often each layer was asked for a key frame. */
  readonly asked: Record<string, number> = {};
  told = Number.POSITIVE_INFINITY;
  isOver = false;
  protected readonly sim: Simulation;
  protected readonly keys = new Set<string>(["", "q", "h", "f"]);

  constructor(sim: Simulation, mimeType: string) {
    this.sim = sim;
    this.generator = new EncodedTrackGenerator({ kind: "video", mimeType });
    this.generator.onkeyframerequest = (rid) => {
      this.asked[rid ?? ""] = (this.asked[rid ?? ""] ?? 0) + 1;
      this.keys.add(rid ?? "");
    };
    this.generator.onbitratechange = (bitsPerSecond) => {
      this.told = bitsPerSecond;
    };
    let count = 0;
    const next = (): void => {
      if (this.isOver) return;
      this.frame(count++);
      sim.scheduler.after(FRAME_INTERVAL, next);
    };
    sim.scheduler.after(FRAME_INTERVAL, next);
  }

  protected abstract frame(count: number): void;
}

function vp8(size: number, width: number | undefined): Uint8Array {
  const data = new Uint8Array(Math.max(20, Math.round(size)));
  data.set(width === undefined ? [0x11, 2, 0] : [0x10, 2, 0, 0x9d, 1, 0x2a, width & 255, width >> 8, 96, 0]);
  return data;
}

class Simulcast extends Publisher {
  constructor(sim: Simulation) {
    super(sim, "video/VP8");
  }

  protected frame(count: number): void {
    for (const { rid, width, rate } of LAYERS) {
      const keyFrame = this.keys.delete(rid);
      const data = vp8((rate / 8 / 30) * (keyFrame ? 3 : 1), keyFrame ? width : undefined);
      this.generator.sendFrame({ data, timestamp: count * 3000, keyFrame }, rid);
    }
  }
}

/** One encoding, as large as it is told, up to 2 Mbit/s. */
class Single extends Publisher {
  constructor(sim: Simulation) {
    super(sim, "video/VP8");
  }

  protected frame(count: number): void {
    const keyFrame = this.keys.delete("");
    const rate = Math.min(this.told, 2_000_000);
    const data = vp8((rate / 8 / 30) * (keyFrame ? 3 : 0.98), keyFrame ? 320 : undefined);
    this.generator.sendFrame({ data, timestamp: count * 3000, keyFrame });
  }
}

/** VP9 of 1.2 Mbit/s in three spatial layers, or in one, with three temporal ones. */
class Scalable extends Publisher {
  private readonly spatialLayers: number;

  constructor(sim: Simulation, spatialLayers: number) {
    super(sim, "video/VP9");
    this.spatialLayers = spatialLayers;
  }

  protected frame(count: number): void {
    const keyFrame = this.keys.delete("");
    const temporalIndex = keyFrame ? 0 : [0, 2, 1, 2][count % 4]!;
    const shares = this.spatialLayers === 1 ? [1] : [0.1, 0.25, 0.65];
    for (const [spatialIndex, share] of shares.entries()) {
      const size = Math.max(20, Math.round((1_200_000 / 8 / 30) * share * (keyFrame ? 2 : 1)));
      const data = new Uint8Array(size);
      data.set(keyFrame && spatialIndex === 0 ? [0x82, 0x49, 0x83, 0x42, 0, 0x27, 0xf0, 0x17, 0x70] : [0x86]);
      const common = { data, timestamp: count * 3000, keyFrame, temporalIndex, pictureId: count & 0x7fff };
      const endOfPicture = spatialIndex === shares.length - 1;
      const interLayerPredicted = spatialIndex > 0;
      const layers = { spatialIndex, spatialLayers: shares.length, endOfPicture, interLayerPredicted };
      this.generator.sendFrame({ ...common, ...layers, layerSync: true, tl0PictureIndex: (count >> 2) & 255 });
    }
  }
}

class Listener {
  readonly link: Host["link"];
  width = 0;
  bytes = 0;
  pictures = 0;
  temporal = 0;
  spatial = 0;
  gaps = 0;
  private last = -1;

  constructor(host: Host, track: MediaStreamTrack, mimeType: string) {
    this.link = host.link;
    const depacketizer = payloadFormat(mimeType).createDepacketizer();
    new RtpTrackProcessor({ track }).onrtp = (packet) => {
      this.bytes += packet.payloadLength;
      if (packet.payloadLength === 0) return;
      if (this.last >= 0 && packet.sequenceNumber !== ((this.last + 1) & 0xffff)) this.gaps++;
      this.last = packet.sequenceNumber;
      const info = depacketizer.inspect(packet.payload());
      if (info?.startOfFrame && info.keyFrame && info.width > 0) this.width = info.width;
      this.temporal = Math.max(this.temporal, info?.temporalIndex ?? 0);
      this.spatial = Math.max(this.spatial, info?.spatialIndex ?? 0);
      if (packet.marker) this.pictures++;
    };
  }

  set rate(bitsPerSecond: number) {
    const { down } = this.link;
    down.options = { ...down.options, rate: bitsPerSecond, queue: Math.max(20_000, bitsPerSecond / 16) };
  }
}

class Room {
  readonly sim = new Simulation(5);
  private readonly open: RTCPeerConnection[] = [];
  private readonly errors: (() => void)[] = [];

  peer(name: string): [RTCPeerConnection, Host] {
    const host = this.sim.host(name, { link: { latency: 15 } });
    const pc = new RTCPeerConnection(undefined, { platform: this.sim.platform(host) });
    this.open.push(pc);
    return [pc, host];
  }

  private async trackOf(pc: RTCPeerConnection): Promise<MediaStreamTrack> {
    let track: MediaStreamTrack | undefined;
    pc.addEventListener("track", (event) => {
      track = (event as Event & { track: MediaStreamTrack }).track;
    });
    await this.sim.runUntil(() => {
      for (const check of this.errors) check();
      return track !== undefined;
    }, 5000);
    return track!;
  }

  /** What the server receives of it. */
  async publish(publisher: Publisher, rids: readonly string[], mimeType = "video/VP8"): Promise<MediaStreamTrack> {
    const [speaker] = this.peer("speaker");
    const [ingress] = this.peer("server in");
    this.errors.push(signal(this.sim, speaker, ingress).check);
    const sendEncodings = rids.map((rid) => ({ rid }));
    const init = rids.length > 0 ? { sendEncodings } : {};
    const transceiver = speaker.addTransceiver(publisher.generator.track, { direction: "sendonly", ...init });
    const { codecs } = RTCRtpSender.getCapabilities("video")!;
    transceiver.setCodecPreferences(codecs.filter((c) => c.mimeType === mimeType || c.mimeType === "video/rtx"));
    return this.trackOf(ingress);
  }

  async listen(track: MediaStreamTrack, rate: number, mimeType = "video/VP8"): Promise<Listener> {
    const [egress] = this.peer(`server out ${this.open.length}`);
    const [pc, host] = this.peer(`listener ${this.open.length}`);
    this.errors.push(signal(this.sim, egress, pc).check);
    egress.addTransceiver(track, { direction: "sendonly" });
    const listener = new Listener(host, await this.trackOf(pc), mimeType);
    listener.rate = rate;
    return listener;
  }

  async close(publisher: Publisher): Promise<void> {
    publisher.isOver = true;
    for (const check of this.errors) check();
    for (const pc of this.open) pc.close();
    await this.sim.run(12_000);
    assert.deepEqual(this.sim.leftovers(), []);
  }
}

/** Bits per second of payload and pictures per second that come in the next seconds. */
async function measure(sim: Simulation, listener: Listener, seconds = 5): Promise<{ rate: number; pictures: number }> {
  const { bytes, pictures } = listener;
  listener.temporal = 0;
  listener.spatial = 0;
  await sim.run(seconds * 1000);
  return { rate: ((listener.bytes - bytes) * 8) / seconds, pictures: (listener.pictures - pictures) / seconds };
}

test("simulcast: a listener gets the layer that fits, down at once, up by and by", async () => {
  const room = new Room();
  const { sim } = room;
  const publisher = new Simulcast(sim);
  const track = await room.publish(publisher, ["q", "h", "f"]);
  // As ontrack → addTrack does it.
  const one = await room.listen(track, 10_000_000);
  await sim.run(4000);
  assert.equal(one.width, 640);
  one.rate = 300_000;
  await sim.run(4000);
  assert.equal(one.width, 160);
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
  const { q = 0, h = 0, f = 0 } = publisher.asked;
  assert.ok(q + h + f < 25, JSON.stringify(publisher.asked));
  await room.close(publisher);
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
  await room.close(publisher);
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
  await room.close(publisher);
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
  await room.close(publisher);
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
    await room.close(publisher);
  });
}

test("one encoding: the publisher is asked for what fits only if the program wants that", async () => {
  for (const limitSource of [false, true]) {
    const room = new Room();
    const { sim } = room;
    const publisher = new Single(sim);
    const track = await room.publish(publisher, []);
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
    await room.close(publisher);
  }
});
