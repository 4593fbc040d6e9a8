// The four-way handshake (RFC 9260 §5): INIT, INIT ACK, COOKIE ECHO, COOKIE ACK, both sides at once (§5.2.1), a peer that restarts
// (§5.2.2, §5.2.4), and T1-init and T1-cookie; or none, where the descriptions had both INITs (SNAP, see init.ts). Knows tags,
// initial TSNs and what was negotiated; association.ts acts on that.
import {
  CAN_INTERLEAVE,
  CAN_ZERO_CHECKSUM,
  initIsSane,
  type Offer,
  offerParameters,
  reportUnrecognized,
  stateCookieOf,
} from "./capabilities.js";
import { COOKIE_ECHO, ERROR, INIT_ACK, writeChunk, writeInit } from "./chunks.js";
import { CookieJar, type StateCookie } from "./cookie.js";
import { type Standing, writeIdentityProbe } from "./identity.js";
import {
  maxStreamsOf,
  offerOf,
  type Peer,
  peerOf,
  randomTag,
  randomTsn,
  readInit,
  readSignaledInit,
  receiveBufferOf,
  writeOwnInit,
} from "./init.js";
import {
  COOKIE_LIFE,
  MAX_COOKIE,
  MAX_INIT_RETRANSMITS,
  RTO_INITIAL,
  type SctpOptions,
  type SctpState,
  type SnapInits,
  T1_MAX,
} from "./options.js";
import { read16, write32 } from "./packet.js";
import type { PacketSender } from "./packet-sender.js";
import { CAUSE_STALE_COOKIE, errorCause, STATE_COOKIE } from "./parameters.js";

/** INITs without answer after which we leave out the parameters that came last into the protocol. */
const PLAIN_INIT_AFTER = 2;
const NEVER = Number.POSITIVE_INFINITY;
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
  /** Neither has data of the peer come, nor has it acknowledged any of ours. */
  isAtStart(localInitialTsn: number, peerInitialTsn: number): boolean;
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

export class Handshake {
  private readonly options: SctpOptions;
  private readonly offer: Offer;
  private readonly out: PacketSender;
  private readonly host: HandshakeHost;
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
  /** The peer's INIT, where the descriptions had both sides'. */
  private signaledInit: Uint8Array | undefined;
  /** The peer's first TSN, if there was no handshake. */
  private signaledTsn: number | undefined;
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

  constructor(options: SctpOptions, out: PacketSender, host: HandshakeHost, snap: SnapInits | undefined) {
    this.options = options;
    this.offer = offerOf(options);
    this.out = out;
    this.host = host;
    this.maxStreams = maxStreamsOf(options);
    this.outboundStreams = this.maxStreams;
    this.inboundStreams = this.maxStreams;
    this.signaledInit = snap?.remoteInit;
    const own = snap && readSignaledInit(snap.localInit)?.init;
    this.localTag = own?.initiateTag ?? randomTag(options.crypto);
    this.localInitialTsn = own?.initialTsn ?? randomTsn(options.crypto);
  }

  /** Establishes the association without a handshake. False, with nothing changed, if the INITs were not signaled. */
  establishAsSignaled(now: number): boolean {
    const peer = this.signaledInit && readSignaledInit(this.signaledInit);
    this.signaledInit = undefined;
    if (peer === undefined) return false;
    this.signaledTsn = peer.init.initialTsn;
    if (this.adopt(peerOf(peer, this.maxStreams, this.offer))) this.establish(now);
    return true;
  }

  /** For identity.ts: where an association without a handshake stands, and the question about that; else undefined, and false. */
  standing(acknowledged: number, received: number): Standing | undefined {
    const { localInitialTsn, signaledTsn: peerInitialTsn } = this;
    return peerInitialTsn === undefined ? undefined : { localInitialTsn, peerInitialTsn, acknowledged, received };
  }

  probe(): boolean {
    if (this.signaledTsn === undefined) return false;
    this.out.add(writeIdentityProbe((this.capabilities & CAN_INTERLEAVE) !== 0, this.localInitialTsn));
    return true;
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
    // Pion before 1.8.9 drops an INIT with a parameter it does not know, instead of skipping it (RFC 9260 §3.2.1).
    const offer = this.tries < PLAIN_INIT_AFTER ? this.offer : { ...this.offer, zeroChecksum: false };
    const init = writeOwnInit(this.options, this.localTag, this.localInitialTsn, offer);
    this.out.sendAlone(init, 0);
    this.initSentAt = now;
    this.startTimer(now);
  }

  private startTimer(now: number): void {
    const rto = Math.min(this.host.rto, this.options.rtoInitial ?? RTO_INITIAL);
    this.deadline = now + Math.min(T1_MAX, rto * 2 ** Math.min(10, this.tries));
  }

  handleInit(packet: Uint8Array, offset: number, length: number, now: number): void {
    const read = readInit(packet, offset, length);
    if (read === undefined || !initIsSane(read.init)) {
      this.host.drop("malformed INIT");
      return;
    }
    if (this.host.state === "shutdown-ack-sent") {
      // RFC 9260 §9.2: the peer's SHUTDOWN COMPLETE was lost.
      this.host.repeatShutdownAck(false);
      return;
    }
    const starting =
      this.host.state === "closed" ||
      this.host.state === "cookie-wait" ||
      this.host.state === "cookie-echoed" ||
      this.isOneSided();
    const cookie: StateCookie = {
      ...peerOf(read, this.maxStreams, this.offer),
      createdAt: now,
      // RFC 9260 §5.2.1: the same tag and TSN as in our INIT; §5.2.2: others than those in use.
      localTag: starting ? this.localTag : randomTag(this.options.crypto),
      localInitialTsn: starting ? this.localInitialTsn : randomTsn(this.options.crypto),
      localTieTag: this.adopted ? this.localTag : 0,
      peerTieTag: this.adopted ? this.peerTag : 0,
    };
    this.cookies ??= new CookieJar(this.options.crypto);
    const ack = writeInit(INIT_ACK, {
      initiateTag: cookie.localTag,
      arwnd: receiveBufferOf(this.options),
      outboundStreams: cookie.outboundStreams,
      inboundStreams: this.maxStreams,
      initialTsn: cookie.localInitialTsn,
      parameters: [
        { type: STATE_COOKIE, value: this.cookies.seal(cookie) },
        // Only to peers that have named the parameter themselves, for the same reason.
        ...offerParameters({ ...this.offer, zeroChecksum: (cookie.capabilities & CAN_ZERO_CHECKSUM) !== 0 }),
        ...reportUnrecognized(read.reported),
      ],
    });
    this.out.sendAlone(ack, cookie.peerTag);
    this.initAnsweredAt = now;
  }

  /**
   * The peer of an association without a handshake does not know of it: it lacks a line that was in our description, or its own. Nothing
   * was lost yet, so its INIT begins no other association, as in COOKIE-WAIT.
   */
  private isOneSided(): boolean {
    const { signaledTsn, host } = this;
    return (
      signaledTsn !== undefined && host.state === "established" && host.isAtStart(this.localInitialTsn, signaledTsn)
    );
  }

  handleInitAck(packet: Uint8Array, offset: number, length: number, now: number): void {
    // RFC 9260 §5.2.3: in any other state it is an old one.
    if (this.host.state !== "cookie-wait") return;
    const read = readInit(packet, offset, length);
    const cookie = read && stateCookieOf(read.init);
    if (read === undefined || cookie === undefined || cookie.length > MAX_COOKIE) {
      this.host.drop("malformed INIT ACK");
      return;
    }
    if (!initIsSane(read.init)) {
      this.host.onFailed();
      return;
    }
    if (!this.adopt(peerOf(read, this.maxStreams, this.offer))) return;
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
        const isOneSided = this.isOneSided();
        if (this.host.state !== "cookie-echoed" && this.host.state !== "cookie-wait" && !isOneSided) return false;
        if (!this.adopt(cookie)) return false;
        if (isOneSided) {
          this.signaledTsn = undefined;
          // What went to the tag of the description was dropped.
          this.host.loseData();
        }
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
    this.signaledTsn = undefined;
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
