// The four-way handshake (RFC 9260 §5): INIT, INIT ACK, COOKIE ECHO, COOKIE ACK, both sides at once (§5.2.1), a peer that restarts
// (§5.2.2, §5.2.4), and T1-init and T1-cookie. Knows tags, initial TSNs and what was negotiated; association.ts acts on that.
import {
  CAN_ZERO_CHECKSUM,
  commonCapabilities,
  initIsSane,
  judgeParameters,
  type Offer,
  offerParameters,
  reportUnrecognized,
  stateCookieOf,
} from "./capabilities.js";
import { COOKIE_ECHO, ERROR, INIT, INIT_ACK, parseInit, writeChunk, writeInit } from "./chunks.js";
import { CookieJar, type StateCookie } from "./cookie.js";
import {
  COOKIE_LIFE,
  MAX_COOKIE,
  MAX_INIT_RETRANSMITS,
  RTO_INITIAL,
  type SctpOptions,
  type SctpState,
  T1_MAX,
} from "./options.js";
import { read16, read32, write32 } from "./packet.js";
import type { PacketSender } from "./packet-sender.js";
import { CAUSE_STALE_COOKIE, errorCause, STATE_COOKIE } from "./parameters.js";

/** INITs without answer after which we leave out the parameters that came last into the protocol. */
const PLAIN_INIT_AFTER = 2;
const NEVER = Number.POSITIVE_INFINITY;
const MAX_STREAMS = 65_535;
/** Milliseconds for which an INIT of ours waits after the peer's was answered: its COOKIE ECHO makes ours needless. */
const INIT_GRACE = 100;

/** What the handshake does to the association. */
export interface HandshakeHost {
  state: SctpState;
  /**
   * The peer's tag, TSN, window and capabilities are known (again): begin with them. False if that is impossible, and the
   * association was closed.
   */
  onAdopted(peerInitialTsn: number, peerRwnd: number): boolean;
  /** A round trip was measured, in milliseconds. */
  onRoundTrip(rtt: number): void;
  /** T3's timeout as of now. */
  readonly rto: number;
  /** Both sides know each other; `state` is "established". */
  onEstablished(now: number): void;
  /** Action A of RFC 9260 §5.2.4; `onAdopted` follows. */
  onRestart(now: number): void;
  onFailed(): void;
  /** The packet that carried the COOKIE ECHO and perhaps data is presumed lost. */
  loseData(): void;
  /** A peer that begins anew has to end the old association first (RFC 9260 §9.2). */
  repeatShutdownAck(error: boolean): void;
  drop(why: string): void;
}

/** What an INIT ACK or a cookie says of the peer. */
type Peer = Pick<
  StateCookie,
  "peerTag" | "peerInitialTsn" | "peerRwnd" | "outboundStreams" | "inboundStreams" | "capabilities"
>;

export class Handshake {
  private readonly options: SctpOptions;
  private readonly offer: Offer;
  private readonly out: PacketSender;
  private readonly host: HandshakeHost;
  private readonly arwnd: number;
  private readonly maxStreams: number;
  private cookies: CookieJar | undefined;
  localTag: number;
  localInitialTsn: number;
  peerTag = 0;
  /** The peer's parameters were taken over, from INIT ACK or a cookie. */
  adopted = false;
  capabilities = 0;
  /** Streams we may use, and the peer may use. */
  outboundStreams: number;
  inboundStreams: number;
  private tries = 0;
  private initSentAt = 0;
  private initAnsweredAt = -NEVER;
  /** `deadline` is when our first INIT is to be sent. */
  private initHeld = false;
  /** The COOKIE ECHO chunk, to be sent with the next flush. */
  cookieEcho: Uint8Array | undefined;
  cookieEchoDue = false;
  cookieAckDue = false;
  /** T1-init or T1-cookie. */
  deadline: number = NEVER;

  constructor(options: SctpOptions, offer: Offer, out: PacketSender, arwnd: number, host: HandshakeHost) {
    this.options = options;
    this.offer = offer;
    this.out = out;
    this.arwnd = arwnd;
    this.host = host;
    this.maxStreams = options.maxStreams ?? MAX_STREAMS;
    this.outboundStreams = this.maxStreams;
    this.inboundStreams = this.maxStreams;
    this.localTag = this.randomTag();
    this.localInitialTsn = read32(options.crypto.random(4), 0);
  }

  private randomTag(): number {
    for (;;) {
      const tag = read32(this.options.crypto.random(4), 0);
      if (tag !== 0) return tag;
    }
  }

  start(now: number): void {
    this.host.state = "cookie-wait";
    this.tries = 0;
    this.initHeld = now - this.initAnsweredAt < INIT_GRACE;
    if (this.initHeld) this.deadline = now + INIT_GRACE;
    else this.sendInit(now);
  }

  stop(): void {
    this.deadline = NEVER;
    this.initHeld = false;
    this.cookieEcho = undefined;
    this.cookieEchoDue = false;
    this.cookieAckDue = false;
  }

  /** Another path: try again at once. */
  hurry(now: number): void {
    if (this.deadline !== NEVER) this.deadline = now;
  }

  private sendInit(now: number): void {
    const init = writeInit(INIT, {
      initiateTag: this.localTag,
      arwnd: this.arwnd,
      outboundStreams: this.maxStreams,
      inboundStreams: this.maxStreams,
      initialTsn: this.localInitialTsn,
      // Pion before 1.8.9 drops an INIT with a parameter it does not know, instead of skipping it (RFC 9260 §3.2.1).
      parameters: offerParameters(this.tries < PLAIN_INIT_AFTER ? this.offer : { ...this.offer, zeroChecksum: false }),
    });
    this.out.sendAlone(init, 0);
    this.initSentAt = now;
    this.startTimer(now);
  }

  private startTimer(now: number): void {
    const rto = Math.min(this.host.rto, this.options.rtoInitial ?? RTO_INITIAL);
    this.deadline = now + Math.min(T1_MAX, rto * 2 ** Math.min(10, this.tries));
  }

  handleInit(packet: Uint8Array, offset: number, length: number, now: number): void {
    const init = parseInit(packet, offset, length);
    const judged = init && judgeParameters(init.parameters);
    if (init === undefined || judged === undefined || !initIsSane(init)) {
      this.host.drop("malformed INIT");
      return;
    }
    if (this.host.state === "shutdown-ack-sent") {
      // RFC 9260 §9.2: the peer's SHUTDOWN COMPLETE was lost.
      this.host.repeatShutdownAck(false);
      return;
    }
    const starting =
      this.host.state === "closed" || this.host.state === "cookie-wait" || this.host.state === "cookie-echoed";
    const capabilities = commonCapabilities(judged.accepted, this.offer);
    const streams = this.maxStreams;
    const cookie: StateCookie = {
      createdAt: now,
      // RFC 9260 §5.2.1: the same tag and TSN as in our INIT; §5.2.2: others than those in use.
      localTag: starting ? this.localTag : this.randomTag(),
      localInitialTsn: starting ? this.localInitialTsn : read32(this.options.crypto.random(4), 0),
      peerTag: init.initiateTag,
      peerInitialTsn: init.initialTsn,
      peerRwnd: init.arwnd,
      outboundStreams: Math.min(streams, init.inboundStreams),
      inboundStreams: Math.min(streams, init.outboundStreams),
      capabilities,
      localTieTag: this.adopted ? this.localTag : 0,
      peerTieTag: this.adopted ? this.peerTag : 0,
    };
    this.cookies ??= new CookieJar(this.options.crypto);
    const ack = writeInit(INIT_ACK, {
      initiateTag: cookie.localTag,
      arwnd: this.arwnd,
      outboundStreams: cookie.outboundStreams,
      inboundStreams: streams,
      initialTsn: cookie.localInitialTsn,
      parameters: [
        { type: STATE_COOKIE, value: this.cookies.seal(cookie) },
        // Only to peers that have named the parameter themselves, for the same reason.
        ...offerParameters({ ...this.offer, zeroChecksum: (capabilities & CAN_ZERO_CHECKSUM) !== 0 }),
        ...reportUnrecognized(judged.reported),
      ],
    });
    this.out.sendAlone(ack, init.initiateTag);
    this.initAnsweredAt = now;
  }

  handleInitAck(packet: Uint8Array, offset: number, length: number, now: number): void {
    // RFC 9260 §5.2.3: in any other state it is an old one.
    if (this.host.state !== "cookie-wait") return;
    const init = parseInit(packet, offset, length);
    const judged = init && judgeParameters(init.parameters);
    const cookie = init && stateCookieOf(init);
    if (init === undefined || judged === undefined || cookie === undefined || cookie.length > MAX_COOKIE) {
      this.host.drop("malformed INIT ACK");
      return;
    }
    if (!initIsSane(init)) {
      this.host.onFailed();
      return;
    }
    const adopted = this.adopt({
      peerTag: init.initiateTag,
      peerInitialTsn: init.initialTsn,
      peerRwnd: init.arwnd,
      outboundStreams: Math.min(this.maxStreams, init.inboundStreams),
      inboundStreams: Math.min(this.maxStreams, init.outboundStreams),
      capabilities: commonCapabilities(judged.accepted, this.offer),
    });
    if (!adopted) return;
    // RFC 9260 §6.3.1 C: not of a repeated INIT.
    if (this.tries === 0) this.host.onRoundTrip(now - this.initSentAt);
    this.cookieEcho = writeChunk(COOKIE_ECHO, 0, cookie);
    this.host.state = "cookie-echoed";
    this.cookieEchoDue = true;
    this.tries = 0;
    this.startTimer(now);
  }

  private adopt(peer: Peer): boolean {
    this.adopted = true;
    this.peerTag = peer.peerTag;
    this.capabilities = peer.capabilities;
    this.outboundStreams = peer.outboundStreams;
    this.inboundStreams = peer.inboundStreams;
    this.out.tag = peer.peerTag;
    this.out.zeroChecksum = (peer.capabilities & CAN_ZERO_CHECKSUM) !== 0;
    return this.host.onAdopted(peer.peerInitialTsn, peer.peerRwnd);
  }

  /** RFC 9260 §5.1.5 and the table of §5.2.4. False if the rest of the packet must not be processed. */
  handleCookieEcho(packet: Uint8Array, offset: number, length: number, tag: number, now: number): boolean {
    const cookie = this.cookies?.open(packet.subarray(offset + 4, offset + length));
    if (cookie === undefined || tag !== cookie.localTag) {
      this.host.drop("bad cookie");
      return false;
    }
    const sameLocal = cookie.localTag === this.localTag;
    const samePeer = this.adopted && cookie.peerTag === this.peerTag;
    if (now - cookie.createdAt > COOKIE_LIFE && !(sameLocal && samePeer)) {
      const staleness = new Uint8Array(4);
      write32(staleness, 0, Math.min(0xffff_ffff, (now - cookie.createdAt - COOKIE_LIFE) * 1000));
      this.out.sendAlone(writeChunk(ERROR, 0, errorCause(CAUSE_STALE_COOKIE, staleness)), cookie.peerTag);
      return false;
    }
    if (!this.adopted) {
      if (!sameLocal) return false;
      if (!this.adopt(cookie)) return false;
      this.establish(now);
    } else if (sameLocal) {
      // Actions B and D. A cookie with another peer tag counts only while the handshake is going on.
      if (!samePeer) {
        if (this.host.state !== "cookie-echoed" && this.host.state !== "cookie-wait") return false;
        if (!this.adopt(cookie)) return false;
      }
      if (this.host.state === "cookie-echoed" || this.host.state === "cookie-wait") this.establish(now);
    } else if (!samePeer && cookie.localTieTag === this.localTag && cookie.peerTieTag === this.peerTag) {
      if (this.host.state === "shutdown-ack-sent") {
        this.host.repeatShutdownAck(true);
        return false;
      }
      this.restart(cookie, now);
    } else return false; // Action C.
    this.cookieAckDue = true;
    return true;
  }

  /** Action A of RFC 9260 §5.2.4: the peer lost its state and began anew. */
  private restart(cookie: StateCookie, now: number): void {
    this.localTag = cookie.localTag;
    this.localInitialTsn = cookie.localInitialTsn;
    this.stop();
    this.host.state = "established";
    this.host.onRestart(now);
    this.adopt(cookie);
  }

  /** COOKIE ACK. */
  handleCookieAck(now: number): void {
    if (this.host.state === "cookie-echoed") this.establish(now);
  }

  private establish(now: number): void {
    this.host.state = "established";
    this.deadline = NEVER;
    this.initHeld = false;
    this.cookieEcho = undefined;
    this.cookieEchoDue = false;
    this.host.onEstablished(now);
  }

  handleTimeout(now: number): void {
    const { state } = this.host;
    if (state !== "cookie-wait" && state !== "cookie-echoed") {
      this.deadline = NEVER;
      return;
    }
    if (this.initHeld) {
      this.initHeld = false;
      this.sendInit(now);
      return;
    }
    this.tries++;
    if (this.tries > (this.options.maxInitRetransmits ?? MAX_INIT_RETRANSMITS)) {
      this.host.onFailed();
      return;
    }
    if (state === "cookie-wait") {
      this.sendInit(now);
      return;
    }
    this.host.loseData();
    this.cookieEchoDue = true;
    this.startTimer(now);
  }

  /** An ERROR chunk: a stale cookie is answered with a new INIT (RFC 9260 §5.2.6). */
  handleError(b: Uint8Array, at: number, length: number, now: number): void {
    if (this.host.state !== "cookie-echoed" || length < 8 || read16(b, at + 4) !== CAUSE_STALE_COOKIE) return;
    this.adopted = false;
    this.host.state = "cookie-wait";
    this.cookieEcho = undefined;
    this.cookieEchoDue = false;
    this.host.loseData();
    if (++this.tries > (this.options.maxInitRetransmits ?? MAX_INIT_RETRANSMITS)) this.host.onFailed();
    else this.sendInit(now);
  }
}
