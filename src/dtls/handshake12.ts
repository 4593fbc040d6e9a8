// What client and server of the DTLS 1.2 handshake share: transcript, flight under construction, keys, Finished,
// signatures. The two roles are in client12.ts and server12.ts; records and timers belong to connection.ts.
import type { CryptoProvider, KeyShare, NamedGroup, PublicKey, SignatureScheme } from "../crypto/provider.js";
import type { AlertName } from "./alert.js";
import { parseCertificate } from "./certificate.js";
import { CIPHER_SUITES, type CipherSuite, cipherSuite } from "./cipher-suites.js";
import {
  DEFAULT_SIGNATURE_SCHEMES,
  type HelloExtensions,
  MIN_RECORD_SIZE_LIMIT,
  NAMED_GROUPS,
  SIGNATURE_SCHEMES,
  signatureSchemeOf,
} from "./extensions.js";
import type { FlightItem } from "./flight.js";
import { type DigitallySigned, HandshakeType, parseCertificateMessage, writeHandshake } from "./handshake.js";
import { concat, extendedMasterSecret, keyBlock, masterSecret, verifyData } from "./key-schedule.js";
import type { DtlsCertificate, DtlsCloseReason, DtlsOptions } from "./options.js";
import type { HandshakeMessage } from "./reassembly.js";
import { ContentType, Protection } from "./record12.js";

/** What the handshake asks of the connection. */
export interface HandshakeHost12 {
  /** Sends a flight, and again until the peer answers if `awaitsReply`. */
  sendFlight(items: readonly FlightItem[], awaitsReply: boolean, now: number): void;
  /** Keys of epoch 1. Used for reading once the peer's ChangeCipherSpec is there. */
  installKeys(write: Protection, read: Protection): void;
  /** From here on the peer may send ChangeCipherSpec. */
  expectChangeCipherSpec(): void;
  /** The record layer's sequence number follows that of the ClientHello. */
  alignSequence(): void;
  /** Both Finished are verified or sent. */
  onHandshakeDone(): void;
  fail(reason: DtlsCloseReason, alert: AlertName): void;
}

/** Options with everything filled in. */
export interface HandshakeParameters {
  readonly crypto: CryptoProvider;
  readonly certificates: readonly DtlsCertificate[];
  readonly cipherSuites: readonly CipherSuite[];
  readonly cipherPreference: "peer" | "local";
  readonly groups: readonly NamedGroup[];
  readonly signatureSchemes: readonly SignatureScheme[];
  readonly srtpProfiles: readonly number[];
  readonly requireExtendedMasterSecret: boolean;
  readonly cookie: boolean;
  readonly verifyPeer: (chain: readonly Uint8Array[]) => boolean;
  readonly createKeyShare: (group: NamedGroup) => KeyShare;
}

export function handshakeParameters(options: DtlsOptions): HandshakeParameters {
  const suites = options.cipherSuites?.map(cipherSuite).filter((suite) => suite !== undefined);
  return {
    crypto: options.crypto,
    certificates: options.certificates,
    cipherSuites: suites ?? CIPHER_SUITES,
    cipherPreference: options.cipherPreference ?? "peer",
    groups: options.groups ?? ["x25519", "secp256r1", "secp384r1"],
    signatureSchemes: options.signatureSchemes ?? DEFAULT_SIGNATURE_SCHEMES,
    srtpProfiles: options.srtpProfiles ?? [],
    requireExtendedMasterSecret: options.requireExtendedMasterSecret ?? false,
    cookie: options.cookie ?? false,
    verifyPeer: (chain) => options.verifyPeer(chain),
    createKeyShare: (group) => options.createKeyShare?.(group) ?? options.crypto.createKeyShare(group),
  };
}

const CHANGE_CIPHER_SPEC: FlightItem = {
  contentType: ContentType.change_cipher_spec,
  epoch: 0,
  body: Uint8Array.of(1),
};

export abstract class Handshake12 {
  cipherSuite: CipherSuite | undefined;
  group: NamedGroup | undefined;
  srtpProfile: number | undefined;
  /** The scheme of the peer's signature. */
  signatureScheme: SignatureScheme | undefined;
  /** DER, leaf first; only what `verifyPeer` accepted. */
  remoteCertificates: readonly Uint8Array[] = [];
  localCertificate: DtlsCertificate | undefined;
  extendedMasterSecret = false;
  /** The longest plaintext that the peer takes, where it says so (RFC 8449). */
  recordSizeLimit: number | undefined;
  master: Uint8Array | undefined;
  clientRandom: Uint8Array = new Uint8Array(0);
  serverRandom: Uint8Array = new Uint8Array(0);
  protected readonly host: HandshakeHost12;
  protected readonly parameters: HandshakeParameters;
  protected peerKey: PublicKey | undefined;
  private readonly role: "client" | "server";
  /** The messages so far. CertificateVerify signs them whole, so a running hash would not do. */
  private transcript: Uint8Array[] = [];
  private outgoing: FlightItem[] = [];
  private sendSeq = 0;

  constructor(role: "client" | "server", host: HandshakeHost12, parameters: HandshakeParameters) {
    this.role = role;
    this.host = host;
    this.parameters = parameters;
  }

  /** The next message of the peer's, in order. */
  handleMessage(message: HandshakeMessage, now: number): void {
    const { type } = message;
    // RFC 5246 §7.4.1.1: ignored during a handshake, and not part of its transcript.
    if (type === HandshakeType.hello_request) return;
    if (type === HandshakeType.finished) {
      this.handleFinished(message, now);
      return;
    }
    this.handle(message, now);
  }

  protected abstract handle(message: HandshakeMessage, now: number): void;
  protected abstract handleFinished(message: HandshakeMessage, now: number): void;

  protected failHandshake(alert: AlertName): void {
    this.host.fail("handshake-failure", alert);
  }

  protected resetTranscript(): void {
    this.transcript = [];
  }

  protected record(raw: Uint8Array): void {
    this.transcript.push(raw);
  }

  protected transcriptBytes(): Uint8Array {
    return concat(...this.transcript);
  }

  /** Adds a message to the flight under construction, and to the transcript unless it is `unrecorded`. */
  protected put(type: number, body: Uint8Array, epoch: 0 | 1 = 0, unrecorded = false): void {
    const raw = writeHandshake(type, this.sendSeq++, body);
    if (!unrecorded) this.record(raw);
    this.outgoing.push({ contentType: ContentType.handshake, epoch, body: raw });
  }

  /** ChangeCipherSpec and Finished end the flight. */
  protected putFinished(): void {
    this.outgoing.push(CHANGE_CIPHER_SPEC);
    this.put(HandshakeType.finished, this.verifyData(this.role), 1);
  }

  protected sendFlight(awaitsReply: boolean, now: number): void {
    const items = this.outgoing;
    this.outgoing = [];
    this.host.sendFlight(items, awaitsReply, now);
  }

  /** Master secret and keys, once ClientKeyExchange is in the transcript. */
  protected deriveKeys(premaster: Uint8Array): void {
    const { crypto } = this.parameters;
    const suite = this.cipherSuite!;
    const { clientRandom, serverRandom } = this;
    this.master = this.extendedMasterSecret
      ? extendedMasterSecret(crypto, suite, premaster, this.transcriptBytes())
      : masterSecret(crypto, suite, premaster, clientRandom, serverRandom);
    const block = keyBlock(crypto, suite, this.master, clientRandom, serverRandom);
    const client = new Protection(crypto.createAead(suite.aead, block.client.key), suite, block.client.iv);
    const server = new Protection(crypto.createAead(suite.aead, block.server.key), suite, block.server.iv);
    if (this.role === "client") this.host.installKeys(client, server);
    else this.host.installKeys(server, client);
  }

  private verifyData(sender: "client" | "server"): Uint8Array {
    return verifyData(this.parameters.crypto, this.cipherSuite!, this.master!, sender, this.transcriptBytes());
  }

  /** Compares the peer's Finished in constant time, and records it. False: the handshake has failed. */
  protected checkFinished(message: HandshakeMessage): boolean {
    const expected = this.verifyData(this.role === "client" ? "server" : "client");
    if (!this.parameters.crypto.equal(message.body, expected)) {
      this.failHandshake("decrypt_error");
      return false;
    }
    this.record(message.raw);
    return true;
  }

  /** What must hold of the extensions of either hello. False: the handshake has failed. */
  protected checkExtensions({ renegotiationInfo, pointFormats, recordSizeLimit }: HelloExtensions): boolean {
    // RFC 5746 §3.4, §3.6: empty in a first handshake.
    if (renegotiationInfo !== undefined && renegotiationInfo.length > 0) return this.reject("handshake_failure");
    // RFC 8422 §5.1.2, §5.2: uncompressed points are always possible.
    if (pointFormats !== undefined && !pointFormats.includes(0)) return this.reject("illegal_parameter");
    const tooSmall = recordSizeLimit !== undefined && recordSizeLimit < MIN_RECORD_SIZE_LIMIT;
    return tooSmall ? this.reject("illegal_parameter") : true;
  }

  /** The peer's chain, if the owner accepts it. False: the handshake has failed. */
  protected acceptCertificates(body: Uint8Array): boolean {
    const chain = parseCertificateMessage(body);
    if (chain === undefined) return this.reject("decode_error");
    // RFC 5246 §7.4.6: a server that demands a certificate answers an empty list with handshake_failure.
    if (chain.length === 0) return this.reject("handshake_failure");
    if (!this.parameters.verifyPeer(chain)) {
      this.host.fail("certificate-rejected", "bad_certificate");
      return false;
    }
    this.remoteCertificates = chain;
    return true;
  }

  /** Reads the key of the peer's certificate. False: the handshake has failed. */
  protected readPeerKey(): boolean {
    const certificate = parseCertificate(this.remoteCertificates[0]!);
    const key = certificate && this.parameters.crypto.importPublicKey(certificate.publicKeyDer);
    if (key === undefined) return this.reject("bad_certificate");
    if (key.kind === "other") return this.reject("unsupported_certificate");
    this.peerKey = key;
    return true;
  }

  protected reject(alert: AlertName): false {
    this.failHandshake(alert);
    return false;
  }

  /** Checks the peer's signature over `data`. False: the handshake has failed. */
  protected checkSignature(signed: DigitallySigned, data: Uint8Array): boolean {
    const scheme = signatureSchemeOf(signed.scheme);
    // RFC 5246 §7.4.3, §7.4.8: must be one of those we offered.
    if (scheme === undefined || !this.parameters.signatureSchemes.includes(scheme)) {
      return this.reject("illegal_parameter");
    }
    if (!this.peerKey!.verify(scheme, data, signed.signature)) return this.reject("decrypt_error");
    this.signatureScheme = scheme;
    return true;
  }

  protected offeredSchemes(): number[] {
    return this.parameters.signatureSchemes.map((name) => SIGNATURE_SCHEMES[name]);
  }

  protected groupCodes(): number[] {
    return this.parameters.groups.map((name) => NAMED_GROUPS[name]);
  }

  /** Forgets what only the handshake needed. */
  protected finish(): void {
    this.transcript = [];
    this.peerKey = undefined;
    this.host.onHandshakeDone();
  }
}
