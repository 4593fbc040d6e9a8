// A media server in virtual time: publishers → a server → listeners whose networks change. What publishers send has the sizes of real
// encodings, and nothing else of them.
import assert from "node:assert/strict";
import { EncodedTrackGenerator, RtpTrackProcessor } from "#src/media.js";
import { payloadFormat } from "#src/payload/format.js";
import type { RTCPriorityType } from "#src/w3c/data-channel-init.js";
import type { MediaStreamTrack } from "#src/w3c/media-stream-track.js";
import { RTCPeerConnection } from "#src/w3c/rtc-peer-connection.js";
import { RTCRtpSender } from "#src/w3c/rtc-rtp-sender.js";
import type { RTCRtpTransceiver } from "#src/w3c/rtc-rtp-transceiver.js";
import type { Host } from "#test/sim/network.js";
import { Simulation } from "#test/sim/simulation.js";
import { signal } from "./signaling.js";

const FRAME_INTERVAL = 1000 / 30;
/** One stream of a simulcast: pixels, and bits per second. */
export interface SimulcastLayer {
  readonly rid: string;
  readonly width: number;
  readonly rate: number;
}

const LAYERS: readonly SimulcastLayer[] = [
  { rid: "q", width: 160, rate: 150_000 },
  { rid: "h", width: 320, rate: 500_000 },
  { rid: "f", width: 640, rate: 1_500_000 },
];

/** Sends frames of the sizes asked for, key frames when they are asked for. */
export abstract class Publisher {
  readonly generator: EncodedTrackGenerator;
  /** How often each layer was asked for a key frame. */
  readonly asked: Record<string, number> = {};
  told: number = Number.POSITIVE_INFINITY;
  isOver: boolean = false;
  protected readonly sim: Simulation;
  protected readonly keys: Set<string> = new Set(["", "q", "h", "f"]);

  constructor(sim: Simulation, mimeType: string, interval: number = FRAME_INTERVAL) {
    this.sim = sim;
    this.generator = new EncodedTrackGenerator({ kind: mimeType.startsWith("audio") ? "audio" : "video", mimeType });
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
      sim.scheduler.after(interval, next);
    };
    sim.scheduler.after(interval, next);
  }

  protected abstract frame(count: number): void;
}

function vp8(size: number, width: number | undefined): Uint8Array {
  const data = new Uint8Array(Math.max(20, Math.round(size)));
  data.set(width === undefined ? [0x11, 2, 0] : [0x10, 2, 0, 0x9d, 1, 0x2a, width & 255, width >> 8, 96, 0]);
  return data;
}

export class Simulcast extends Publisher {
  /** They may be others from one moment to the next. */
  layers: readonly SimulcastLayer[];

  constructor(sim: Simulation, layers: readonly SimulcastLayer[] = LAYERS) {
    super(sim, "video/VP8");
    this.layers = layers;
  }

  protected frame(count: number): void {
    for (const { rid, width, rate } of this.layers) {
      const keyFrame = this.keys.delete(rid);
      const data = vp8((rate / 8 / 30) * (keyFrame ? 3 : 1), keyFrame ? width : undefined);
      this.generator.sendFrame({ data, timestamp: count * 3000, keyFrame }, rid);
    }
  }
}

/** One encoding, as large as it is told, up to 2 Mbit/s or what else is given. */
export class Single extends Publisher {
  private readonly most: number;

  constructor(sim: Simulation, most = 2_000_000) {
    super(sim, "video/VP8");
    this.most = most;
  }

  protected frame(count: number): void {
    const keyFrame = this.keys.delete("");
    const rate = Math.min(this.told, this.most);
    const data = vp8((rate / 8 / 30) * (keyFrame ? 3 : 0.98), keyFrame ? 320 : undefined);
    this.generator.sendFrame({ data, timestamp: count * 3000, keyFrame });
  }
}

/** VP9 of 1.2 Mbit/s in three spatial layers, or in one, with three temporal ones. */
export class Scalable extends Publisher {
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

/** Opus of 40 kbit/s. */
export class Sound extends Publisher {
  constructor(sim: Simulation) {
    super(sim, "audio/opus", 20);
  }

  protected frame(count: number): void {
    this.generator.sendFrame({ data: new Uint8Array(100).fill(0x78), timestamp: count * 960, keyFrame: true });
  }
}

/** Who gets one track, perhaps beside others. */
export class Listener {
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

  /** Of all that comes over the connection. */
  set rate(bitsPerSecond: number) {
    const { down } = this.link;
    down.options = { ...down.options, rate: bitsPerSecond, queue: Math.max(20_000, bitsPerSecond / 16) };
  }
}

export class Room {
  readonly sim: Simulation = new Simulation(5);
  private readonly open: RTCPeerConnection[] = [];
  private readonly publishers: Publisher[] = [];
  private readonly errors: (() => void)[] = [];

  peer(name: string): [RTCPeerConnection, Host] {
    const host = this.sim.host(name, { link: { latency: 15 } });
    const pc = new RTCPeerConnection(undefined, { platform: this.sim.platform(host) });
    this.open.push(pc);
    return [pc, host];
  }

  private async tracksOf(pc: RTCPeerConnection, count: number): Promise<readonly MediaStreamTrack[]> {
    const tracks: MediaStreamTrack[] = [];
    pc.addEventListener("track", (event) => {
      tracks.push((event as Event & { track: MediaStreamTrack }).track);
    });
    await this.sim.runUntil(() => {
      for (const check of this.errors) check();
      return tracks.length === count;
    }, 5000);
    return tracks;
  }

  /** What the server receives of it. */
  async publish(publisher: Publisher, rids: readonly string[] = [], mimeType = "video/VP8"): Promise<MediaStreamTrack> {
    const name = this.publishers.push(publisher);
    const [speaker] = this.peer(`speaker ${name}`);
    const [ingress] = this.peer(`server in ${name}`);
    this.errors.push(signal(this.sim, speaker, ingress).check);
    const sendEncodings = rids.map((rid) => ({ rid }));
    const init = rids.length > 0 ? { sendEncodings } : {};
    const { track } = publisher.generator;
    const transceiver = speaker.addTransceiver(track, { direction: "sendonly", ...init });
    const { codecs } = RTCRtpSender.getCapabilities(track.kind)!;
    transceiver.setCodecPreferences(codecs.filter((c) => c.mimeType === mimeType || c.mimeType === "video/rtx"));
    return (await this.tracksOf(ingress, 1))[0]!;
  }

  async listen(track: MediaStreamTrack, rate: number, mimeType = "video/VP8"): Promise<Listener> {
    return (await this.listenToAll([{ track }], rate, mimeType))[0]!;
  }

  /** One listener, who gets several tracks over one connection; the rate is of all together. */
  async listenToAll(
    sent: readonly { readonly track: MediaStreamTrack; readonly priority?: RTCPriorityType }[],
    rate: number,
    mimeType = "video/VP8",
    change: (transceiver: RTCRtpTransceiver) => void = () => {},
  ): Promise<readonly Listener[]> {
    const [egress] = this.peer(`server out ${this.open.length}`);
    const [pc, host] = this.peer(`listener ${this.open.length}`);
    this.errors.push(signal(this.sim, egress, pc).check);
    for (const { track, priority } of sent) {
      const encoding = priority === undefined ? {} : { sendEncodings: [{ priority }] };
      change(egress.addTransceiver(track, { direction: "sendonly", ...encoding }));
    }
    // In the order of their sections, which is that of `track` events.
    const tracks = await this.tracksOf(pc, sent.length);
    const listeners = tracks.map(
      (track) => new Listener(host, track, track.kind === "audio" ? "audio/opus" : mimeType),
    );
    listeners[0]!.rate = rate;
    return listeners;
  }

  async close(): Promise<void> {
    for (const publisher of this.publishers) publisher.isOver = true;
    for (const check of this.errors) check();
    for (const pc of this.open) pc.close();
    await this.sim.run(12_000);
    assert.deepEqual(this.sim.leftovers(), []);
  }
}

/** Bits per second of payload and pictures per second that come in the next seconds. */
export async function measure(
  sim: Simulation,
  listener: Listener,
  seconds = 5,
): Promise<{ rate: number; pictures: number }> {
  const { bytes, pictures } = listener;
  listener.temporal = 0;
  listener.spatial = 0;
  await sim.run(seconds * 1000);
  return { rate: ((listener.bytes - bytes) * 8) / seconds, pictures: (listener.pictures - pictures) / seconds };
}
