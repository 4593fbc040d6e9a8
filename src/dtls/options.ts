// What a DTLS connection is given and what it gives back: options, host, states, reasons.
import type { CryptoProvider, KeyShare, NamedGroup, PrivateKey, SignatureScheme } from "../crypto/provider.js";
import type { Logger } from "../util/logger.js";

export type DtlsRole = "client" | "server";
export type DtlsState = "new" | "connecting" | "connected" | "closed" | "failed";

export interface DtlsCertificate {
  readonly der: Uint8Array;
  readonly privateKey: PrivateKey;
  /** Epoch milliseconds. */
  readonly notAfter: number;
}

/**
 * - local: `close` was called.
 * - close-notify: the peer closed.
 * - alert: the peer sent a fatal alert.
 * - certificate-rejected: `verifyPeer` said no.
 * - handshake-failure: the peer's handshake is wrong, or nothing is supported by both.
 * - timeout: no answer for `HANDSHAKE_TIMEOUT`.
 * - sequence-exhausted: no record can be sent any more under these keys.
 */
export type DtlsCloseReason =
  | "local"
  | "close-notify"
  | "alert"
  | "certificate-rejected"
  | "handshake-failure"
  | "timeout"
  | "sequence-exhausted";

/** The alert that ended a connection. */
export interface DtlsAlert {
  readonly direction: "sent" | "received";
  readonly description: number;
  readonly name: string;
}

export interface DtlsOptions {
  readonly role: DtlsRole;
  readonly crypto: CryptoProvider;
  /** The first one that the peer supports is used. */
  readonly certificates: readonly DtlsCertificate[];
  /** The largest datagram for handshake flights, in bytes of UDP payload; 1200 if absent. */
  readonly mtu?: number | undefined;
  /** SRTP protection profiles (RFC 5764 §4.1.2) in order of preference; none: use_srtp is not spoken. */
  readonly srtpProfiles?: readonly number[] | undefined;
  /** The peer's certificate chain (DER, leaf first); false rejects. Called before anything of the peer's is trusted. */
  verifyPeer(chain: readonly Uint8Array[]): boolean;
  /** Refuse peers without RFC 7627. It is used with every peer that has it. False if absent. */
  readonly requireExtendedMasterSecret?: boolean | undefined;
  /** Server: answer the first ClientHello with a cookie (RFC 6347 §4.2.1). Needless behind ICE; false if absent. */
  readonly cookie?: boolean | undefined;
  readonly logger?: Logger | undefined;
  /** Codes of cipher suites to allow, in order of preference; all of CIPHER_SUITES if absent. */
  readonly cipherSuites?: readonly number[] | undefined;
  /** Server: whose order of cipher suites decides. "peer" if absent. */
  readonly cipherPreference?: "peer" | "local" | undefined;
  /** In order of preference; X25519, P-256, P-384 if absent. */
  readonly groups?: readonly NamedGroup[] | undefined;
  /** A key that no handshake has used; the provider's own if absent. */
  createKeyShare?(group: NamedGroup): KeyShare;
  /** Schemes to accept and to sign with; all but SHA-1 if absent. */
  readonly signatureSchemes?: readonly SignatureScheme[] | undefined;
  /** First retransmission timeout in milliseconds; INITIAL_TIMEOUT if absent. ICE knows the round-trip time. */
  readonly initialTimeout?: number | undefined;
}

export interface DtlsHost {
  /** Sends one datagram, whose bytes belong to the host from here on. */
  transmit(datagram: Uint8Array): void;
  /** Whether bytes given to `transmit` are in use any longer: if not, their memory is used again. Absent: they may be. */
  keeps?(): boolean;
  onStateChange(state: DtlsState): void;
  /** The plaintext of one record; the bytes belong to the host. */
  onData(plaintext: Uint8Array): void;
  /** Called once, after the state became closed or failed. */
  onClosed(reason: DtlsCloseReason, alert?: DtlsAlert): void;
}

/** SRTP protection profiles (RFC 5764 §4.1.2, RFC 7714 §14.2). */
export const SrtpProtectionProfile = {
  SRTP_AES128_CM_HMAC_SHA1_80: 0x0001,
  SRTP_AES128_CM_HMAC_SHA1_32: 0x0002,
  SRTP_AEAD_AES_128_GCM: 0x0007,
  SRTP_AEAD_AES_256_GCM: 0x0008,
} as const;
