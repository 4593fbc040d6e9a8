// RTP of one bundle: SRTP below, an RtpSession above. Packets of one wake-up are opened together, and those of one flush are
// sealed together (see SrtpSession). Knows nothing of ICE and DTLS: PeerTransport hands over datagrams and keys.
import type { CryptoProvider } from "../crypto/provider.js";
import { isRtcp } from "../rtp/packet.js";
import { RtpSession } from "../rtp/session.js";
import { SrtpSession, splitKeys, srtpKeyLength } from "../srtp/session.js";
import { givePacket, type PooledPacket, takePacket } from "../util/packet-pool.js";
import type { TransportRtpCounters } from "./media-stats.js";
import type { Platform } from "./platform.js";

/**
 * Protected packets kept until there are keys: media may overtake the peer's last handshake flight. The last ones are: what follows goes
 * on with them, and what came before would be asked for again, packet by packet, and be played with the delay of the oldest.
 */
export const MAX_EARLY_PACKETS = 64;
/** Packets that are sealed or opened together. */
const MAX_BATCH = 32;
/** RFC 5764 §4.2. */
const EXPORTER_LABEL = "EXTRACTOR-dtls_srtp";
/** Bytes of the RTP header, and of the first header of a compound RTCP packet with its SSRC. */
const MIN_RTP_LENGTH = 12;
const MIN_RTCP_LENGTH = 8;

/** What it takes of a DtlsConnection. */
export interface KeySource {
  readonly srtpProfile: number | undefined;
  readonly role: "client" | "server";
  exportKeyingMaterial(label: string, context: Uint8Array | undefined, length: number): Uint8Array;
}

interface EarlyDatagram {
  readonly data: Uint8Array;
  readonly time: number;
}

export interface MediaTransportOptions {
  /** RFC 3550 §6.5.1; the same for all streams of a peer connection. */
  readonly cname: string;
  /** Whether RTCP need not be compound (RFC 5506). */
  readonly reducedSize: boolean;
}

export class MediaTransport {
  readonly session: RtpSession;
  private readonly crypto: CryptoProvider;
  private readonly transmit: (datagram: Uint8Array) => void;
  private readonly keeps: () => boolean;
  private srtp: SrtpSession | undefined;
  private profile: number | undefined;
  private sendsCryptex = false;
  private receivesCryptex = false;
  private early: EarlyDatagram[] = [];
  private readonly inbound: Uint8Array[] = [];
  private readonly inboundLengths = new Int32Array(MAX_BATCH);
  private inboundCount = 0;
  private readonly outbound: PooledPacket[] = [];
  private readonly outboundBytes: Uint8Array[] = [];
  private readonly outboundLengths = new Int32Array(MAX_BATCH);
  private outboundCount = 0;
  /** Packets that came, or were to go, without keys; and what is too short to be RTP. */
  dropped = 0;

  /** `keeps`: whether what `transmit` was given is in use any longer. */
  constructor(
    platform: Platform,
    options: MediaTransportOptions,
    transmit: (datagram: Uint8Array) => void,
    keeps: () => boolean,
  ) {
    this.crypto = platform.crypto;
    this.transmit = transmit;
    this.keeps = keeps;
    this.session = new RtpSession(
      {
        random: (length) => platform.crypto.random(length),
        timeOrigin: platform.timeOrigin,
        ...options,
        logger: platform.logger,
      },
      { transmitRtp: (packet) => this.queue(packet), transmitRtcp: (packet) => this.sendRtcp(packet) },
    );
  }

  /** The SRTP protection profile in use (RFC 5764 §4.1.2). */
  get srtpProfile(): number | undefined {
    return this.profile;
  }

  get counters(): SrtpSession["counters"] | undefined {
    return this.srtp?.counters;
  }

  get rtpCounters(): TransportRtpCounters {
    const { bandwidth, ccfbMessages } = this.session;
    return {
      availableOutgoingBitrate: bandwidth?.targetBitrate,
      ccfbMessagesSent: ccfbMessages.sent,
      ccfbMessagesReceived: ccfbMessages.received,
    };
  }

  get deadline(): number {
    return this.session.deadline;
  }

  handleTimeout(now: number): void {
    this.session.handleTimeout(now);
  }

  /** DTLS has connected: takes keys from it (RFC 5764 §4.2). Without a common profile nothing is ever sent. */
  start(keys: KeySource): void {
    const { srtpProfile: profile } = keys;
    const length = profile === undefined ? undefined : srtpKeyLength(profile);
    if (profile === undefined || length === undefined) return;
    const material = keys.exportKeyingMaterial(EXPORTER_LABEL, undefined, length);
    this.srtp = new SrtpSession({
      crypto: this.crypto,
      profile,
      ...splitKeys(profile, material, keys.role === "client"),
    });
    this.profile = profile;
    this.srtp.setCryptex(this.sendsCryptex, this.receivesCryptex);
    const { early } = this;
    this.early = [];
    // With their own times: how evenly packets arrive is measured.
    for (const { data, time } of early) {
      this.receive(data, time);
      this.open(time);
    }
    this.session.start();
  }

  /** Whether packets with encrypted headers (RFC 9335) are sent, and understood. */
  setCryptex(send: boolean, receive: boolean): void {
    if (send === this.sendsCryptex && receive === this.receivesCryptex) return;
    // What waits has the room of before.
    this.seal();
    this.sendsCryptex = send;
    this.receivesCryptex = receive;
    this.srtp?.setCryptex(send, receive);
  }

  /** DTLS was given up: what comes next has other keys. */
  stop(): void {
    this.srtp = undefined;
    this.profile = undefined;
    this.early = [];
    this.inboundCount = 0;
    this.outboundCount = 0;
  }

  /** Takes one datagram; `flush` opens it. */
  receive(data: Uint8Array, now: number): void {
    const { srtp } = this;
    if (srtp === undefined) {
      if (this.early.push({ data, time: now }) > MAX_EARLY_PACKETS) {
        this.early.shift();
        this.dropped++;
      }
      return;
    }
    if (data.length < MIN_RTCP_LENGTH) {
      this.dropped++;
      return;
    }
    if (isRtcp(data)) {
      const length = srtp.unprotectRtcp(data, data.length);
      if (length > 0) this.session.receiveRtcp(data, length, now);
      return;
    }
    if (data.length < MIN_RTP_LENGTH) {
      this.dropped++;
      return;
    }
    this.inbound[this.inboundCount] = data;
    this.inboundLengths[this.inboundCount++] = data.length;
    if (this.inboundCount === MAX_BATCH) this.open(now);
  }

  private open(now: number): void {
    const { inbound, inboundLengths, inboundCount, srtp } = this;
    this.inboundCount = 0;
    if (inboundCount === 0 || srtp === undefined) return;
    srtp.unprotectRtp(inbound, inboundLengths, inboundCount);
    for (let i = 0; i < inboundCount; i++) {
      const length = inboundLengths[i]!;
      if (length > 0) this.session.receiveRtp(inbound[i]!, length, now);
    }
    // Not to keep what nobody else keeps.
    inbound.length = 0;
  }

  /** Processes what came, and sends what is due. */
  flush(now: number): void {
    this.open(now);
    this.session.flush(now);
    this.seal();
  }

  /** The bytes are copied: the session keeps them for retransmission. */
  private queue(packet: Uint8Array): void {
    const { srtp } = this;
    if (srtp === undefined) {
      this.dropped++;
      return;
    }
    const datagram = takePacket(packet.length + srtp.rtpOverhead);
    datagram.bytes.set(packet);
    this.outbound[this.outboundCount] = datagram;
    this.outboundBytes[this.outboundCount] = datagram.bytes;
    this.outboundLengths[this.outboundCount++] = packet.length;
    if (this.outboundCount === MAX_BATCH) this.seal();
  }

  private seal(): void {
    const { outbound, outboundBytes, outboundLengths, outboundCount, srtp } = this;
    this.outboundCount = 0;
    if (outboundCount === 0 || srtp === undefined) return;
    srtp.protectRtp(outboundBytes, outboundLengths, outboundCount);
    for (let i = 0; i < outboundCount; i++) {
      const length = outboundLengths[i]!;
      if (length === 0) this.dropped++;
      else this.transmit(outbound[i]!.view(length));
    }
    if (!this.keeps()) for (let i = 0; i < outboundCount; i++) givePacket(outbound[i]!);
    outbound.length = 0;
    outboundBytes.length = 0;
  }

  private sendRtcp(packet: Uint8Array): void {
    const { srtp } = this;
    if (srtp === undefined) {
      this.dropped++;
      return;
    }
    const datagram = takePacket(packet.length + srtp.rtcpOverhead);
    datagram.bytes.set(packet);
    const length = srtp.protectRtcp(datagram.bytes, packet.length);
    if (length === 0) this.dropped++;
    else this.transmit(datagram.view(length));
    if (!this.keeps()) givePacket(datagram);
  }

  /** Says BYE, as far as there are keys. */
  close(now: number): void {
    this.session.close(now);
    this.seal();
  }
}
