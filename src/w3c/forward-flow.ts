// Sends on, still encoded, what an RTCRtpReceiver receives: a received track that was added to a connection (ontrack →
// addTrack). The codec stays what it is, so the packets of one that the other peer does not take are not sent on.
import type { NegotiatedCodec } from "../jsep/codecs.js";
import type { RtpPacket } from "../peer/media.js";
import type { FedTrack, MediaFlow, MediaOutlet, MediaReader, PacketOrigin } from "./media-feed.js";

/** What a forwarded source has. */
export interface ForwardSource {
  read(reader: MediaReader): () => void;
  requestKeyFrame(ssrc?: number): void;
}

/** Not looked up yet; not negotiated. */
const UNKNOWN = -1;
const REFUSED = -2;

export class ForwardFlow implements MediaFlow, MediaReader {
  private readonly source: ForwardSource;
  private readonly track: FedTrack;
  private readonly outlet: MediaOutlet;
  private readonly stopReading: () => void;
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
    this.stopReading = source.read(this);
    source.requestKeyFrame();
  }

  onPacket(packet: RtpPacket, origin: PacketOrigin): void {
    if (!this.track.enabled) return;
    const encoding = this.encodingOf(origin);
    if (encoding < 0) return;
    let payloadType = this.payloadTypes[packet.payloadType]!;
    if (payloadType === UNKNOWN) {
      payloadType = this.payloadTypeFor(origin.codec(packet.payloadType));
      this.payloadTypes[packet.payloadType] = payloadType;
    }
    if (payloadType === REFUSED) this.refused++;
    else this.outlet.sendPacket(encoding, packet, payloadType);
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
