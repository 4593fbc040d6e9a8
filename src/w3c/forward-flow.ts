// Sends on, still encoded, what an RTCRtpReceiver receives: a received track that was added to a connection (ontrack →
// addTrack). The codec stays what it is, so the packets of one that the other peer does not take are not sent on.
import type { NegotiatedCodec } from "../jsep/codecs.js";
import type { EncodedFrame, RtpPacket } from "../peer/media.js";
import type { FedTrack, MediaFlow, MediaOutlet, MediaReader, PacketOrigin } from "./media-feed.js";

/** What a forwarded source has. */
export interface ForwardSource {
  read(reader: MediaReader): () => void;
  requestKeyFrame(ssrc?: number): void;
}

/** Not looked up yet; not negotiated. */
const UNKNOWN = -1;
const REFUSED = -2;

export class ForwardFlow implements MediaFlow {
  private readonly source: ForwardSource;
  private readonly track: FedTrack;
  private readonly outlet: MediaOutlet;
  /** Whole frames are sent on, since that is what the outlet takes. */
  private inFrames: boolean;
  private stopReading: () => void;
  /** The sender's payload type by the receiver's. */
  private readonly payloadTypes = new Int16Array(128).fill(UNKNOWN);
  /** The SSRC that feeds the outlet's only encoding. */
  private ssrc: number | undefined;
  /** Packets of a codec that the other peer does not take. */
  refused = 0;

  constructor(source: ForwardSource, track: FedTrack, outlet: MediaOutlet) {
    this.source = source;
    this.track = track;
    this.outlet = outlet;
    this.inFrames = outlet.wantsFrames;
    this.stopReading = source.read(this.reader());
    source.requestKeyFrame();
  }

  private reader(): MediaReader {
    const onFrame = (frame: EncodedFrame, origin: PacketOrigin): void => this.sendFrame(frame, origin);
    if (this.inFrames) return { onFrame };
    return { onPacket: (packet, origin) => this.sendPacket(packet, origin), onTransformedFrame: onFrame };
  }

  private sendFrame(frame: EncodedFrame, origin: PacketOrigin): void {
    if (!this.track.enabled) return;
    const encoding = this.encodingOf(origin);
    if (encoding < 0) return;
    const payloadType = this.payloadTypeOf(frame.payloadType, origin);
    if (payloadType === REFUSED) {
      this.refused++;
      return;
    }
    const { data, timestamp, keyFrame, mimeType, csrcs, audioLevel, voiceActivity, temporalIndex, spatialIndex } =
      frame;
    const { width, height, dependencyDescriptor } = frame;
    const layers = { temporalIndex, spatialIndex, width, height, dependencyDescriptor };
    const head = { data, timestamp, keyFrame, mimeType, payloadType, csrcs, audioLevel, voiceActivity };
    this.outlet.sendFrame(encoding, { ...head, ...layers });
  }

  private sendPacket(packet: RtpPacket, origin: PacketOrigin): void {
    if (!this.track.enabled) return;
    const encoding = this.encodingOf(origin);
    if (encoding < 0) return;
    const payloadType = this.payloadTypeOf(packet.payloadType, origin);
    if (payloadType === REFUSED) this.refused++;
    else this.outlet.sendPacket(encoding, packet, payloadType);
  }

  private payloadTypeOf(received: number, origin: PacketOrigin): number {
    let payloadType = this.payloadTypes[received]!;
    if (payloadType === UNKNOWN) {
      payloadType = this.payloadTypeFor(origin.codec(received));
      this.payloadTypes[received] = payloadType;
    }
    return payloadType;
  }

  private encodingOf({ ssrc, rid }: PacketOrigin): number {
    const { encodings } = this.outlet;
    if (encodings.length > 1) return encodings.findIndex((encoding) => encoding.rid === rid);
    this.ssrc ??= ssrc;
    return ssrc === this.ssrc ? 0 : -1;
  }

  private payloadTypeFor(codec: NegotiatedCodec | undefined): number {
    if (codec === undefined) return REFUSED;
    return this.outlet.codecs.find(({ identity }) => identity === codec.identity)?.payloadType ?? REFUSED;
  }

  update(): void {
    this.payloadTypes.fill(UNKNOWN);
    if (this.inFrames === this.outlet.wantsFrames) return;
    this.inFrames = this.outlet.wantsFrames;
    this.stopReading();
    this.stopReading = this.source.read(this.reader());
    this.source.requestKeyFrame();
  }

  requestKeyFrame(): void {
    this.source.requestKeyFrame(this.ssrc);
  }

  setBitrate(): void {
    // Whoever encodes is told by the connection that this comes from.
  }

  stop(): void {
    this.stopReading();
  }
}
