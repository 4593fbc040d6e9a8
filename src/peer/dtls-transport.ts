// DTLS of one bundle: the association that there is, and the one that may take its place, where the peer begins anew
// (PeerTransport.renewDtls). Keeps what comes too early, holds the peer's certificate against the fingerprints, and does not
// believe a close_notify that may be part of a negotiation. Knows of ICE only whether there is a path.
import type { KeyShare, NamedGroup } from "../crypto/provider.js";
import { type Fingerprint, matchesFingerprint } from "../dtls/certificate.js";
import { DtlsConnection } from "../dtls/connection.js";
import {
  type DtlsAlert,
  type DtlsCertificate,
  type DtlsCloseReason,
  type DtlsRole,
  type DtlsState,
  SrtpProtectionProfile,
} from "../dtls/options.js";
import type { Platform } from "./platform.js";

/** DTLS datagrams kept until the role is known: the peer's first flight may overtake its description. */
export const MAX_EARLY_DATAGRAMS = 16;
/** UDP payload bytes that every path is taken to carry (IPv6's minimum MTU of 1280, less its and UDP's headers). */
const PATH_MTU = 1200;
/**
 * Milliseconds after which a close_notify that comes while a description waits for its answer is believed: the peer may have
 * begun anew with that (see `renew`), or be gone.
 */
export const CLOSE_GRACE = 5000;

/**
 * In order of preference: first what everyone must have (RFC 8827 §6.5) and browsers choose, which costs no more than the others;
 * last, for peers that have nothing else, the one whose tags are short.
 * Negotiated whether or not there is media: it may come later on the same DTLS association, and some peers (Pion) refuse a
 * server that does not answer use_srtp.
 */
const SRTP_PROFILES: readonly number[] = [
  SrtpProtectionProfile.SRTP_AES128_CM_HMAC_SHA1_80,
  SrtpProtectionProfile.SRTP_AEAD_AES_128_GCM,
  SrtpProtectionProfile.SRTP_AEAD_AES_256_GCM,
  SrtpProtectionProfile.SRTP_AES128_CM_HMAC_SHA1_32,
];

export interface DtlsTransportOptions {
  readonly platform: Platform;
  readonly certificates: readonly DtlsCertificate[];
  /** DTLS-SRTP protection profiles in order of preference, instead of all. */
  readonly srtpProfiles?: readonly number[] | undefined;
}

/** What every current peer chooses where it is offered first. */
const LIKELY_GROUP: NamedGroup = "x25519";

/** Events concern the association in use; of one that is only to replace it nobody hears. */
export interface DtlsTransportHost {
  now(): number;
  transmit(datagram: Uint8Array): void;
  /** Whether what `transmit` was given is in use any longer. */
  keeps(): boolean;
  /** Whether what is sent goes over a pair of ICE's generation at hand. */
  isOnNewPath(): boolean;
  onStateChange(state: DtlsState): void;
  /** Before the state changes to "connected"; again for another association. */
  onConnected(): void;
  onClosed(reason: DtlsCloseReason, alert: DtlsAlert | undefined): void;
  /** The association in use is another than before, of this role. */
  onReplaced(role: DtlsRole): void;
  /** `isLatest`: it came in an association that no other is to replace. */
  onData(plaintext: Uint8Array, isLatest: boolean): void;
}

export class DtlsTransport {
  private readonly options: DtlsTransportOptions;
  private readonly host: DtlsTransportHost;
  private current: DtlsConnection | undefined;
  /** What is to replace `current` once it is connected; it begins when ICE has a pair of the generation at hand. */
  private successor: DtlsConnection | undefined;
  private successorStarted = false;
  /** DTLS has begun anew before it was established. */
  private isRenewed = false;
  /** A description waits for its answer. */
  private negotiating = false;
  /** When a close_notify that may be part of a negotiation is believed. */
  private closeBelievedAt = Number.POSITIVE_INFINITY;
  private early: Uint8Array[] = [];
  private fingerprints: readonly Fingerprint[] = [];
  /** Made ahead for the first handshake; null once that has begun to need one. */
  private share: KeyShare | null | undefined;
  private started = false;
  private pathReady = false;
  private ended = false;

  constructor(options: DtlsTransportOptions, host: DtlsTransportHost) {
    this.options = options;
    this.host = host;
  }

  /** The association in use. */
  get connection(): DtlsConnection | undefined {
    return this.current;
  }

  /** The name of the SRTP protection profile (RFC 5764 §4.1.2) that was negotiated. */
  get srtpCipher(): string | undefined {
    const profile = this.current?.srtpProfile;
    return Object.entries(SrtpProtectionProfile).find(([, code]) => code === profile)?.[0];
  }

  /** The association in use has ended, and that is believed. */
  get isOver(): boolean {
    return this.ended;
  }

  /** What the peer ends may go on in another association. */
  get mayBeginAnew(): boolean {
    return this.negotiating || this.successor !== undefined;
  }

  /** The peer has closed, which is not believed yet. */
  get isCloseInDoubt(): boolean {
    return this.closeBelievedAt !== Number.POSITIVE_INFINITY;
  }

  // Commands

  /** Makes the key of the first handshake while there is time: in the handshake each end waits for the other. */
  prepare(): void {
    // Without a certificate there is no handshake (webrtc-ice).
    if (this.options.certificates.length === 0) return;
    if (this.share === undefined) this.share = this.options.platform.crypto.createKeyShare(LIKELY_GROUP);
  }

  /** A key serves one handshake. */
  private takeShare(group: NamedGroup): KeyShare {
    const { share } = this;
    this.share = null;
    return share?.group === group ? share : this.options.platform.crypto.createKeyShare(group);
  }

  /** Begins in a role as soon as there is a path. True: with that; else only the fingerprints are others. */
  start(role: DtlsRole, fingerprints: readonly Fingerprint[]): boolean {
    this.fingerprints = fingerprints;
    if (this.current !== undefined) {
      this.current.reverify();
      return false;
    }
    this.current = this.make(role);
    return true;
  }

  /** See PeerTransport.renewDtls. Nothing is to be renewed before `start`, or once it is over. */
  renew(role: DtlsRole, now: number): void {
    this.early = [];
    this.successor?.close(now);
    if (this.current!.state === "connected") {
      this.successor = this.make(role);
      this.successorStarted = false;
      return;
    }
    this.isRenewed = true;
    // Nothing would be kept by waiting. No alert: the peer may not know yet.
    this.current = this.make(role);
    this.started = false;
    this.pathReady = false;
    this.host.onReplaced(role);
  }

  private make(role: DtlsRole): DtlsConnection {
    const { certificates, srtpProfiles = SRTP_PROFILES } = this.options;
    const { crypto, logger } = this.options.platform;
    const connection: DtlsConnection = new DtlsConnection(
      {
        role,
        crypto,
        certificates,
        mtu: PATH_MTU,
        srtpProfiles,
        createKeyShare: (group) => this.takeShare(group),
        verifyPeer: ([leaf]) => leaf !== undefined && matchesFingerprint(crypto, leaf, this.fingerprints),
        logger,
      },
      {
        transmit: (datagram) => this.host.transmit(datagram),
        keeps: () => this.host.keeps(),
        onStateChange: (state) => this.handleStateChange(connection, state),
        onData: (plaintext) => this.host.onData(plaintext, this.current === connection && this.successor === undefined),
        onClosed: (reason, alert) => {
          if (this.current !== connection || this.isCloseInDoubt) return;
          this.ended = true;
          this.host.onClosed(reason, alert);
        },
      },
    );
    return connection;
  }

  private handleStateChange(connection: DtlsConnection, state: DtlsState): void {
    const isOver = state === "closed" || state === "failed";
    if (state === "closed" && this.negotiating && this.current === connection) {
      this.closeBelievedAt = this.host.now() + CLOSE_GRACE;
      return;
    }
    if (this.successor === connection) {
      if (isOver) this.successor = undefined;
      if (state === "connected") this.promote(connection);
    } else if (this.current === connection && this.successor !== undefined && isOver) {
      // The peer has no more need of it.
      const { successor } = this;
      this.promote(successor);
      this.host.onStateChange(successor.state);
      return;
    }
    if (this.current !== connection) return;
    if (state === "connected") this.host.onConnected();
    this.host.onStateChange(state);
  }

  private promote(connection: DtlsConnection): void {
    this.current = connection;
    this.started = this.successorStarted;
    this.successor = undefined;
    this.host.onReplaced(connection.role);
  }

  setNegotiating(negotiating: boolean): void {
    this.negotiating = negotiating;
  }

  /** What the peer has closed is over, as nothing came in its place. */
  believeClose(): void {
    this.closeBelievedAt = Number.POSITIVE_INFINITY;
    if (this.current?.state !== "closed") return;
    this.ended = true;
    this.host.onStateChange("closed");
    this.host.onClosed("close-notify", undefined);
  }

  /** Gives the associations up: `start` makes another, which waits for another path. The host hears nothing of it. */
  reset(now: number): void {
    const old = this.current;
    this.current = undefined;
    this.successor = undefined;
    this.started = false;
    this.pathReady = false;
    this.ended = false;
    this.closeBelievedAt = Number.POSITIVE_INFINITY;
    this.early = [];
    old?.close(now);
  }

  /** Nothing comes any more: nothing is kept, and no answer waited for. */
  stop(): void {
    this.share = null;
    this.negotiating = false;
    this.early = [];
  }

  /** Says goodbye. */
  close(now: number): void {
    this.successor?.close(now);
    this.current?.close(now);
  }

  send(plaintext: Uint8Array): void {
    this.current?.send(plaintext);
  }

  // The round

  /** ICE has found a path: only ICE knows that the peer agrees to be sent to; until then nothing leaves, and nothing is believed. */
  handlePath(): void {
    this.pathReady = true;
  }

  get deadline(): number {
    return Math.min(
      this.started ? this.current!.deadline : Number.POSITIVE_INFINITY,
      this.successor?.deadline ?? Number.POSITIVE_INFINITY,
      this.closeBelievedAt,
    );
  }

  handleTimeout(now: number): void {
    const { current } = this;
    if (this.started && now >= current!.deadline) current!.handleTimeout(now);
    const { successor } = this;
    if (successor !== undefined && now >= successor.deadline) successor.handleTimeout(now);
    if (now >= this.closeBelievedAt) this.believeClose();
  }

  /** Begins what can begin, and sends what is due. Gives the association in use once that has begun. */
  flush(now: number): DtlsConnection | undefined {
    if (this.successor !== undefined) this.flushSuccessor(this.successor, now);
    const { current } = this;
    if (current === undefined) return undefined;
    if (!this.started) {
      if (!this.pathReady) return undefined;
      this.started = true;
      this.begin(current, now);
    }
    current.flush(now);
    return current;
  }

  private flushSuccessor(successor: DtlsConnection, now: number): void {
    if (!this.successorStarted) {
      // Over the pair from before, the peer that it is for is not reached.
      if (!this.host.isOnNewPath()) return;
      this.successorStarted = true;
      this.begin(successor, now);
    }
    successor.flush(now);
  }

  private begin(connection: DtlsConnection, now: number): void {
    connection.start(now);
    for (const datagram of this.early.splice(0)) connection.receive(datagram, now);
  }

  /** Takes one datagram. `isCurrent`: it came by ICE's generation at hand. False: it was dropped. */
  receive(data: Uint8Array, now: number, isCurrent: boolean): boolean {
    const { successor } = this;
    if (successor !== undefined) {
      if (isCurrent) {
        // Handshakes are the successor's alone. Of protected records only opening them shows whose they are.
        const isPlain = isPlainRecord(data);
        if (this.successorStarted) successor.receive(isPlain ? data : data.slice(), now);
        if (isPlain) return this.successorStarted || this.keepEarly(data);
      }
    } else if (this.isRenewed && !isCurrent && this.current?.state !== "connected") {
      // Of the handshake that was given up.
      return false;
    }
    if (!this.started) return this.keepEarly(data);
    this.current!.receive(data, now);
    return true;
  }

  private keepEarly(data: Uint8Array): boolean {
    if (this.early.length >= MAX_EARLY_DATAGRAMS) return false;
    this.early.push(data);
    return true;
  }
}

/** Whether the first record is one of epoch 0 (RFC 6347 §4.1). */
function isPlainRecord(data: Uint8Array): boolean {
  return data[3] === 0 && data[4] === 0;
}
