// What one media section sends: the codecs by payload type, the extensions, and a stream per encoding.
import { payloadFormat } from "../payload/format.js";
import type { PayloadFormat } from "../payload/types.js";
import { SourceRates } from "./bandwidth/source-rates.js";
import { ExtensionKind, HeaderExtensions, tokenBytes } from "./extensions.js";
import type { RtpPacket } from "./packet.js";
import { RtpSendStream } from "./send-stream.js";
import type { RtpSession } from "./session.js";
import type { EncodedFrameInit, RtpCodec, RtpSenderHost, RtpSenderOptions } from "./types.js";

/** Bytes of a whole packet before protection. */
const DEFAULT_PACKET_SIZE = 1200;
const RED = "audio/red";
const TELEPHONE_EVENT = "audio/telephone-event";

export class RtpSender {
  readonly host: RtpSenderHost;
  options: RtpSenderOptions;
  /** One per encoding, in their order. */
  streams: readonly RtpSendStream[] = [];

  /** @internal */
  extensions: HeaderExtensions = new HeaderExtensions();
  /** @internal */
  extensionMask = 0;
  /** @internal An id needs the two-byte form, and forms may not be mixed. */
  alwaysTwoByte = false;
  /** @internal The peer reports on transport-wide sequence numbers. */
  transportCc = false;
  /** @internal The peer reports on the packets by their own numbers (RFC 8888). */
  ccfb = false;
  /** @internal What repairs video, if it is negotiated: FlexFEC, or ULPFEC with the RED that it comes in. */
  flexfec: RtpCodec | undefined;
  red: RtpCodec | undefined;
  ulpfec: RtpCodec | undefined;
  /** @internal */
  mayMix = false;
  /** @internal */
  mid: Uint8Array = new Uint8Array(0);

  private readonly session: RtpSession;
  private codecs: (RtpCodec | undefined)[] = [];
  private formats: (PayloadFormat | undefined)[] = [];
  private closed = false;

  /** @internal */
  constructor(session: RtpSession, options: RtpSenderOptions, host: RtpSenderHost) {
    this.session = session;
    this.host = host;
    this.options = options;
    this.apply(options);
  }

  private apply(options: RtpSenderOptions): void {
    this.options = options;
    this.extensions = new HeaderExtensions(options.extensions);
    this.extensionMask = this.extensions.mask;
    this.transportCc = options.codecs.some(({ transportCc }) => transportCc);
    this.ccfb = options.codecs.some(({ ccfb }) => ccfb === true);
    this.mayMix = options.extmapAllowMixed;
    this.alwaysTwoByte = options.extensions.some(({ id }) => id > 14);
    this.mid = tokenBytes(options.mid);
    const codecs = new Array<RtpCodec | undefined>(128).fill(undefined);
    for (const codec of options.codecs) codecs[codec.payloadType & 127] ??= codec;
    this.codecs = codecs;
    this.formats = [];
    const named = (...mimeTypes: string[]): RtpCodec | undefined =>
      options.codecs.find(({ mimeType }) => mimeTypes.includes(mimeType.toLowerCase()));
    this.flexfec = named("video/flexfec", "video/flexfec-03");
    this.red = named("video/red");
    this.ulpfec = named("video/ulpfec");
    this.streams = options.encodings.map((encoding, index) => {
      const known = this.streams.find((stream) => stream.ssrc === encoding.ssrc && stream.index === index);
      known?.update(encoding);
      return known ?? new RtpSendStream(this.session, this, index, encoding);
    });
    // A section that does not send any more sends nothing; what was sent of an encoding may still be asked for.
    for (const stream of this.streams) {
      if (!options.active || !stream.encoding.active) stream.discard(!options.active);
    }
  }

  /** Frames that still wait for their turn are not sent: their source is gone. */
  discard(): void {
    for (const stream of this.streams) stream.discard(false);
  }

  /**
   * What comes next is of another source than before: its numbers and timestamps go on behind the last ones. Or (`another` false)
   * it is the same after a pause, whose timestamps stay what they are unless they went back.
   */
  sourceChanged(another: boolean): void {
    for (const stream of this.streams) stream.sourceChanged(another);
  }

  /** What was negotiated or set anew. Streams whose SSRC and place stay go on. */
  update(options: RtpSenderOptions): void {
    if (this.closed) return;
    this.apply(options);
    this.session.onSenderChanged();
  }

  /** The codec of a payload type; undefined: not negotiated. */
  codec(payloadType: number): RtpCodec | undefined {
    return this.codecs[payloadType];
  }

  /** Whether packets carry transport-wide sequence numbers. */
  get transportWide(): boolean {
    return this.extensions.id(ExtensionKind.transportSequence) !== 0;
  }

  /** @internal The peer tells when packets arrive, or by REMB what may be sent: not only, in receiver reports, what is lost. */
  get ratesReported(): boolean {
    if (this.ccfb || (this.transportCc && this.transportWide)) return true;
    return this.options.codecs.some(({ remb }) => remb);
  }

  /**
   * Pass-through: sends a packet that another stream was made of. The SSRC becomes the encoding's, the payload type `payloadType`;
   * sequence numbers and timestamps keep their distances while `packet.ssrc` stays, and go on behind the last ones when it changes;
   * header extensions are written anew. Dropped while the sender or the encoding is not active.
   */
  sendPacket(encoding: number, packet: RtpPacket, payloadType: number, now: number): void {
    const stream = this.streams[encoding];
    const codec = this.codecs[payloadType];
    if (stream === undefined || codec === undefined) return;
    if (this.closed || !this.options.active || !stream.encoding.active) return;
    stream.forward(packet, codec, now);
  }

  /**
   * What the source of an encoding sends that is passed through: the rates of its layers, rising, bits per second of payload; one, if it has
   * none; none, if they are not known yet. `current`: the index of that which goes on. Undefined: it can be any, as of an encoder.
   */
  setSourceRates(encoding: number, rates: readonly number[] | undefined, current: number, now: number): void {
    const stream = this.streams[encoding];
    if (stream === undefined || (rates === undefined && stream.source === undefined)) return;
    if (rates === undefined) stream.source = undefined;
    else {
      stream.source ??= new SourceRates();
      stream.source.set(rates, current, now);
    }
    this.session.onSharesChanged(now);
  }

  /** @internal */
  format(codec: RtpCodec): PayloadFormat {
    let format = this.formats[codec.payloadType];
    if (format === undefined) {
      format = payloadFormat(codec.mimeType, codec.parameters);
      this.formats[codec.payloadType] = format;
    }
    return format;
  }

  /**
   * Sends one encoded frame, split as its codec wants it, through the pacer. False: nothing was sent, as the sender or the encoding
   * is not active, no codec of that MIME type was negotiated, the bytes are no frame of it, or it would come too late (frame-limiter.ts).
   */
  sendFrame(encoding: number, frame: EncodedFrameInit, now: number): boolean {
    const stream = this.streams[encoding];
    if (stream === undefined || this.closed || !this.options.active || !stream.encoding.active) return false;
    const codec = this.codecOf(frame.mimeType, frame.payloadType);
    if (codec === undefined) return false;
    return stream.sendFrame(frame, codec, this.options.maxPacketSize ?? DEFAULT_PACKET_SIZE, now);
  }

  /** @internal RED, if it comes before the codec that it would carry (as browsers take it). */
  redundancyFor(codec: RtpCodec): RtpCodec | undefined {
    const [first] = this.options.codecs;
    const red = first?.mimeType.toLowerCase() === RED && first.clockRate === codec.clockRate;
    return red && codec.mimeType.toLowerCase() !== TELEPHONE_EVENT ? first : undefined;
  }

  private codecOf(mimeType: string, payloadType?: number): RtpCodec | undefined {
    const wanted = mimeType.toLowerCase();
    const named = payloadType === undefined ? undefined : this.codecs[payloadType];
    if (named !== undefined && named.mimeType.toLowerCase() === wanted) return named;
    return this.options.codecs.find((codec) => codec.mimeType.toLowerCase() === wanted);
  }

  /** The codec that telephone events would go in: that with the clock rate of the audio, or the first one; undefined: none. */
  get telephoneEventCodec(): RtpCodec | undefined {
    const events = this.options.codecs.filter(({ mimeType }) => mimeType.toLowerCase() === TELEPHONE_EVENT);
    const rate = this.streams[0]?.codec?.clockRate ?? this.options.codecs[0]?.clockRate;
    return events.find(({ clockRate }) => clockRate === rate) ?? events[0];
  }

  /** Sends a tone (RFC 4733), 0 to 15, for so many milliseconds; one that lasts ends. False: it was not negotiated. */
  sendTelephoneEvent(event: number, durationMs: number, now: number): boolean {
    const [stream] = this.streams;
    const codec = this.telephoneEventCodec;
    if (stream === undefined || codec === undefined || this.closed || !this.options.active) return false;
    stream.sendTelephoneEvent(event, durationMs, codec, now);
    return true;
  }

  close(now: number): void {
    if (this.closed) return;
    this.closed = true;
    this.session.removeSender(this, now);
  }
}
