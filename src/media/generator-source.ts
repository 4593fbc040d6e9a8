// The source of tracks whose media a program gives, encoded already: as RTP packets or as frames.
import { type EncodedFrameInit, RtpPacket } from "../peer/media.js";
import { defaultPlatform } from "../w3c/environment.js";
import {
  type FedTrack,
  type MediaFlow,
  MediaHub,
  type MediaOutlet,
  type MediaReader,
  type MediaSource,
} from "../w3c/media-feed.js";
import type { TrackSource } from "../w3c/media-stream-track.js";

/** What the peers of a generator ask of the program. */
export interface GeneratorHost {
  /** `rid`: the encoding, with simulcast. */
  onKeyFrameRequest(rid: string | null): void;
  onBitrateChange(bitsPerSecond: number, rid: string | null): void;
}

export class GeneratorSource implements TrackSource, MediaSource {
  readonly mayHaveLayers: boolean;
  private readonly mimeType: string | undefined;
  private readonly host: GeneratorHost;
  private readonly flows = new Set<GeneratorFlow>();
  private readonly hub: MediaHub;
  private readonly packet = new RtpPacket();

  /** `mimeType` in lower case; undefined: what a packet's payload type says, or the codec negotiated first. */
  constructor(mimeType: string | undefined, host: GeneratorHost) {
    this.mimeType = mimeType;
    this.mayHaveLayers = mimeType === undefined || mimeType === "video/av1";
    this.host = host;
    this.hub = new MediaHub((error) =>
      defaultPlatform().queueTask(() => {
        throw error;
      }),
    );
  }

  attach(): void {}
  detach(): void {}
  capabilities(): Record<string, never> {
    return {};
  }
  candidates(_constraints: unknown, current: object): readonly { settings: object }[] {
    return [{ settings: current }];
  }

  /** False if it is not an RTP packet. */
  sendPacket(data: Uint8Array, rid: string | null): boolean {
    const { packet } = this;
    if (!packet.parse(data, data.length)) return false;
    for (const flow of this.flows) flow.sendPacket(packet, rid);
    if (this.hub.isRead) {
      packet.parse(data.slice(), data.length);
      this.hub.push(packet, { ssrc: packet.ssrc, rid, codec: () => undefined }, false);
    }
    return true;
  }

  sendFrame(frame: EncodedFrameInit, rid: string | null): void {
    for (const flow of this.flows) flow.sendFrame(frame, rid);
  }

  connect(track: FedTrack, outlet: MediaOutlet): MediaFlow {
    const flow = new GeneratorFlow(track, outlet, this.mimeType, this.host, () => this.flows.delete(flow));
    this.flows.add(flow);
    return flow;
  }

  read(reader: MediaReader): () => void {
    return this.hub.add(reader);
  }

  requestKeyFrame(): void {
    this.host.onKeyFrameRequest(null);
  }
}

/** What may come among the frames of a track. */
const OTHERS: ReadonlySet<string> = new Set(["media", "comfort-noise", "telephone-event"]);

class GeneratorFlow implements MediaFlow {
  private readonly track: FedTrack;
  private readonly outlet: MediaOutlet;
  private readonly mimeType: string | undefined;
  private readonly host: GeneratorHost;
  private readonly onStop: () => void;
  private payloadTypes = new Set<number>();
  /** What the media go in: also where a packet's own payload type means nothing. */
  private main: MediaOutlet["codecs"][number] | undefined;

  constructor(
    track: FedTrack,
    outlet: MediaOutlet,
    mimeType: string | undefined,
    host: GeneratorHost,
    onStop: () => void,
  ) {
    this.track = track;
    this.outlet = outlet;
    this.mimeType = mimeType;
    this.host = host;
    this.onStop = onStop;
    this.update();
  }

  update(): void {
    const { mimeType } = this;
    const usable = this.outlet.codecs.filter(
      (codec) => codec.role !== "rtx" && (mimeType === undefined || codec.mimeType.toLowerCase() === mimeType),
    );
    this.payloadTypes = new Set(usable.map(({ payloadType }) => payloadType));
    this.main = usable.find(({ role }) => role === "media");
  }

  private encodingOf(rid: string | null): number {
    if (!this.track.enabled) return -1;
    return rid === null ? 0 : this.outlet.encodings.findIndex((encoding) => encoding.rid === rid);
  }

  sendPacket(packet: RtpPacket, rid: string | null): void {
    const encoding = this.encodingOf(rid);
    const payloadType = this.payloadTypes.has(packet.payloadType) ? packet.payloadType : (this.main?.payloadType ?? -1);
    if (encoding >= 0 && payloadType >= 0) this.outlet.sendPacket(encoding, packet, payloadType);
  }

  sendFrame(frame: EncodedFrameInit, rid: string | null): void {
    const encoding = this.encodingOf(rid);
    if (encoding < 0 || this.main === undefined) return;
    if (frame.mimeType.toLowerCase() === this.mimeType) this.outlet.sendFrame(encoding, frame);
    else this.sendOther(encoding, frame, this.main);
  }

  /** A frame of another format than the track's, on the same clock (RFC 3550 §5.2: a stream has one). */
  private sendOther(encoding: number, frame: EncodedFrameInit, { clockRate }: { readonly clockRate: number }): void {
    const mimeType = frame.mimeType.toLowerCase();
    const codec = this.outlet.codecs.find(
      (one) => one.mimeType.toLowerCase() === mimeType && one.clockRate === clockRate && OTHERS.has(one.role),
    );
    if (codec !== undefined) this.outlet.sendFrame(encoding, { ...frame, payloadType: codec.payloadType });
  }

  requestKeyFrame(encoding: number): void {
    this.host.onKeyFrameRequest(this.outlet.encodings[encoding]?.rid ?? null);
  }
  setBitrate(encoding: number, bitsPerSecond: number): void {
    this.host.onBitrateChange(bitsPerSecond, this.outlet.encodings[encoding]?.rid ?? null);
  }
  stop(): void {
    this.onStop();
  }
}
