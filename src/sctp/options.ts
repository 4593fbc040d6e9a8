// The contract of the SCTP layer: options, host interface, close reasons, and the named protocol parameters and limits
// (RFC 9260 §16). No behaviour.
import type { Hmac } from "../crypto/provider.js";
import type { Logger } from "../util/logger.js";

/** RFC 9260 §16 says 1 s, for wide-area hosts that know nothing. Here ICE and DTLS have just crossed the path, so it works; the first INIT is mostly lost because the peer's SCTP was not there yet. */
export const RTO_INITIAL = 500;
/** RFC 9260 §16 says 1 s. As in TCP practice and dcSCTP: our receiver acknowledges within DELAYED_SACK, and the I bit asks a peer to do so at once. */
export const RTO_MIN = 200;
/** RFC 9260 §16 says 60 s. After an outage that ICE survives, nobody wants to wait a minute for the first probe. */
export const RTO_MAX = 10_000;
/** Association.Max.Retrans. With the values above an unreachable peer is given up after about 50 s; ICE consent ends earlier. */
export const ASSOCIATION_MAX_RETRANS = 10;
/** Max.Init.Retransmits: RFC says 8; more here since the cap of the back-off (T1_MAX) is low. */
export const MAX_INIT_RETRANSMITS = 16;
/** Cap of the back-off of T1-init and T1-cookie: a peer that starts late is found soon. */
export const T1_MAX = 3000;
/** HB.interval. */
export const HEARTBEAT_INTERVAL = 30_000;
/** RFC 9260 §6.2 allows 500 ms and recommends 200. */
export const DELAYED_SACK = 40;
/** Valid.Cookie.Life. */
export const COOKIE_LIFE = 60_000;
/** TSNs that may be outstanding or received beyond the cumulative one: gap blocks count with 16 bits. */
export const MAX_TSN_SPAN = 65_535;
/** SCTP packet bytes so that the DTLS 1.2 record, a TURN ChannelData header, UDP and IPv6 fit 1280 bytes. */
export const DEFAULT_MTU = 1188;
export const MIN_MTU = 512;
export const MAX_MTU = 65_532;
/** Bytes beyond the cumulative TSN that we hold (a_rwnd). */
export const DEFAULT_RECEIVE_BUFFER: number = 8 * 1024 * 1024;
/** What incomplete and blocked messages may hold besides two messages of the largest size; beyond it the association is aborted. */
export const REASSEMBLY_SLACK: number = 64 * 1024 * 1024;
/** Counted for each buffered fragment besides its bytes, so that tiny fragments cannot grow memory unseen. */
export const FRAGMENT_OVERHEAD = 160;
/** Duplicate TSNs that one SACK reports. */
export const MAX_REPORTED_DUPLICATES = 32;
/** Parameters of one INIT, INIT ACK or RE-CONFIG that are looked at. */
export const MAX_PARAMETERS = 64;
/** HEARTBEAT ACKs that wait for the next flush. */
export const MAX_PENDING_HEARTBEAT_ACKS = 4;
/** Bytes of HEARTBEAT information that are echoed. */
export const MAX_HEARTBEAT_INFO = 1024;
/** Bytes of State Cookie that are echoed. */
export const MAX_COOKIE = 4096;
/** ERROR chunks sent to one peer per flush. */
export const MAX_PENDING_ERRORS = 4;

export type SctpState =
  | "closed"
  | "cookie-wait"
  | "cookie-echoed"
  | "established"
  | "shutdown-pending"
  | "shutdown-sent"
  | "shutdown-received"
  | "shutdown-ack-sent";

/** Why an association ended. */
export type SctpCloseReason =
  | "shutdown"
  | "peer-shutdown"
  | "aborted"
  | "peer-abort"
  | "init-failed"
  | "unreachable"
  | "protocol-violation"
  | "out-of-resource"
  /** Not of SCTP's making: what carries it has failed. */
  | "transport-failed";

/** What the ABORT chunk of a peer says. */
export interface SctpAbort {
  /** Of its first error cause. */
  readonly causeCode: number | undefined;
  /** What the program that aborted has to say (RFC 9260 §3.3.10.12), cut at MAX_ABORT_REASON bytes; else "". */
  readonly reason: string;
}

/** The scheduling weights of RFC 8831 §6.4. */
export const PRIORITY_VERY_LOW = 128;
export const PRIORITY_LOW = 256;
export const PRIORITY_MEDIUM = 512;
export const PRIORITY_HIGH = 1024;

export interface SendOptions {
  /** Deliver without regard to the order within the stream. */
  readonly unordered?: boolean | undefined;
  /** Give the message up after this many retransmissions of one of its fragments (RFC 7496). */
  readonly maxRetransmits?: number | undefined;
  /** Give the message up this many milliseconds after `send` (RFC 3758). */
  readonly lifetime?: number | undefined;
  /** Scheduling weight of the stream from now on: PRIORITY_…; default PRIORITY_LOW. */
  readonly priority?: number | undefined;
  /** The message does not count as bufferedAmount: it is not what the user sent (DCEP, the stand-in for an empty message). */
  readonly uncounted?: boolean | undefined;
}

/** What SCTP needs of cryptography; a CryptoProvider fits. */
export interface SctpCrypto {
  random(length: number): Uint8Array;
  createHmac(algorithm: "sha-256", key: Uint8Array): Hmac;
  equal(a: Uint8Array, b: Uint8Array): boolean;
}

/** Both sides' INIT chunks, header included, as their descriptions have them (draft-hancke-tsvwg-snap-00). */
export interface SnapInits {
  /** Made by `createInit` with the same options. */
  readonly localInit: Uint8Array;
  readonly remoteInit: Uint8Array;
}

export interface SctpOptions {
  readonly crypto: SctpCrypto;
  /** Default 5000, as the port of the peer. */
  readonly localPort?: number | undefined;
  readonly remotePort?: number | undefined;
  /** Largest message we accept, in bytes (what we say in SDP). Larger ones are dropped: `onOversizeMessage`. */
  readonly maxMessageSize: number;
  /** Largest message the peer accepts; 0 = unlimited. Settable later as `peerMaxMessageSize`. Default 65536 (RFC 8841 §6.1). */
  readonly peerMaxMessageSize?: number | undefined;
  /** SCTP packet bytes that fit one DTLS record on this path. */
  readonly mtu?: number | undefined;
  /** Probe the path for larger packets up to this size (RFC 8899). Default: `mtu`, no probing. */
  readonly maxMtu?: number | undefined;
  /** Offer and use zero checksums (RFC 9653). Default true. */
  readonly zeroChecksum?: boolean | undefined;
  /** Offer I-DATA (RFC 8260). Default true. */
  readonly interleaving?: boolean | undefined;
  /** Streams we ask for and accept in each direction. Default 65535. */
  readonly maxStreams?: number | undefined;
  /** Bytes; default DEFAULT_RECEIVE_BUFFER. */
  readonly receiveBuffer?: number | undefined;
  readonly rtoInitial?: number | undefined;
  readonly rtoMin?: number | undefined;
  readonly rtoMax?: number | undefined;
  /** Association.Max.Retrans; Infinity leaves liveness to ICE consent alone. */
  readonly maxRetransmissions?: number | undefined;
  readonly maxInitRetransmits?: number | undefined;
  /** 0 turns heartbeats off. */
  readonly heartbeatInterval?: number | undefined;
  /** Share of packets that may be lost without queueing delay before the congestion window shrinks. 0: plain CUBIC. */
  readonly lossTolerance?: number | undefined;
  readonly logger?: Logger | undefined;
}

/** Effects and events of one association. Must not call back into it synchronously. */
export interface SctpHost {
  /** Sends one packet as one DTLS record. `packet` is scratch: copy it before returning. */
  transmit(packet: Uint8Array): void;
  onEstablished(): void;
  /** One complete message. `data` belongs to the host; it may be a view of the inbound packet. */
  onMessage(streamId: number, ppid: number, data: Uint8Array): void;
  /** The peer has reset these streams towards us: their next message has sequence number zero. */
  onStreamsReset(streamIds: readonly number[]): void;
  /** Our reset of these streams was done (or refused, or the peer cannot do it). */
  onOutgoingReset(streamIds: readonly number[], ok: boolean): void;
  /** `bytes` of what was sent on this stream left the send queue; at most once per stream and flush. */
  onBufferedAmountDecrease(streamId: number, bytes: number): void;
  /** A message larger than `maxMessageSize` was dropped. */
  onOversizeMessage?(streamId: number): void;
  /** The peer restarted (RFC 9260 §5.2.4, action A): streams are as new; what was outstanding is lost. */
  onRestarted?(): void;
  /** `abort`: of a "peer-abort". */
  onClosed(reason: SctpCloseReason, abort?: SctpAbort): void;
}

/** A snapshot of counters (RTCSctpTransportStats and diagnostics). */
export interface SctpStats {
  readonly state: SctpState;
  readonly mtu: number;
  readonly cwnd: number;
  readonly ssthresh: number;
  /** The peer's receive window less what is outstanding. */
  readonly rwnd: number;
  /** Milliseconds; undefined before the first sample. */
  readonly srtt: number | undefined;
  readonly rto: number;
  /** Chunk bytes in flight. */
  readonly flight: number;
  readonly unackedChunks: number;
  readonly bufferedAmount: number;
  readonly packetsSent: number;
  readonly packetsReceived: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly messagesSent: number;
  readonly messagesReceived: number;
  readonly chunksRetransmitted: number;
  readonly timeouts: number;
  readonly congestionEvents: number;
  readonly duplicates: number;
  readonly packetsDropped: number;
  readonly usesInterleaving: boolean;
  readonly usesZeroChecksum: boolean;
}
