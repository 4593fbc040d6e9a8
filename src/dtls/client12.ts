// The client of a full DTLS 1.2 handshake (RFC 6347 §4.2, RFC 5246 §7.3, RFC 8422). No resumption, no tickets, no
// renegotiation. A DTLS 1.3 client would send the same ClientHello and hand over to this on a ServerHello without
// supported_versions.
import {
  ExtensionType,
  groupOf,
  pickSignatureScheme,
  SIGNATURE_SCHEMES,
  writeCodes,
  writeExtension,
  writeRecordSizeLimit,
} from "./extensions.js";
import {
  type CertificateRequest,
  ClientCertificateType,
  DTLS_1_2,
  HandshakeType,
  parseCertificateRequest,
  parseHelloVerifyRequest,
  parseServerHello,
  parseServerKeyExchange,
  type ServerKeyExchange,
  writeCertificateMessage,
  writeClientHello,
  writeClientKeyExchange,
  writeSigned,
} from "./handshake.js";
import { Handshake12, type HandshakeHost12, type HandshakeParameters } from "./handshake12.js";
import { concat } from "./key-schedule.js";
import type { HandshakeMessage } from "./reassembly.js";

/** How often a server may send another cookie. */
export const MAX_HELLO_VERIFY_REQUESTS = 3;

type State =
  | "server-hello"
  | "certificate"
  | "server-key-exchange"
  | "certificate-request"
  | "server-hello-done"
  | "finished"
  | "done";

const NO_BYTES = new Uint8Array(0);

export class Client12 extends Handshake12 {
  private state: State = "server-hello";
  private helloVerifyRequests = 0;
  private serverKeyExchange: ServerKeyExchange | undefined;
  private certificateRequest: CertificateRequest | undefined;

  constructor(host: HandshakeHost12, parameters: HandshakeParameters) {
    super("client", host, parameters);
    this.clientRandom = parameters.crypto.random(32);
  }

  start(now: number): void {
    this.sendHello(NO_BYTES, now);
  }

  private sendHello(cookie: Uint8Array, now: number): void {
    const { parameters } = this;
    const suites = parameters.cipherSuites.map((suite) => suite.code);
    const body = writeClientHello(this.clientRandom, cookie, suites, (w) => {
      writeExtension(w, ExtensionType.extended_master_secret, () => {});
      writeExtension(w, ExtensionType.renegotiation_info, (e) => e.u8(0));
      writeRecordSizeLimit(w);
      writeExtension(w, ExtensionType.supported_groups, (e) => writeCodes(e, this.groupCodes()));
      writeExtension(w, ExtensionType.ec_point_formats, (e) => e.u8(1).u8(0));
      writeExtension(w, ExtensionType.signature_algorithms, (e) => writeCodes(e, this.offeredSchemes()));
      if (parameters.srtpProfiles.length > 0) {
        writeExtension(w, ExtensionType.use_srtp, (e) => {
          writeCodes(e, parameters.srtpProfiles);
          e.u8(0);
        });
      }
    });
    this.resetTranscript(); // RFC 6347 §4.2.1: a hello that got a cookie for an answer is not part of it
    this.put(HandshakeType.client_hello, body);
    this.sendFlight(true, now);
  }

  protected override handle(message: HandshakeMessage, now: number): void {
    const { type, body } = message;
    const { state } = this;
    if (type === HandshakeType.hello_verify_request && state === "server-hello") {
      this.handleHelloVerifyRequest(body, now);
      return;
    }
    if (type === HandshakeType.certificate_request && state === "certificate-request") {
      this.record(message.raw);
      this.certificateRequest = parseCertificateRequest(body);
      this.state = "server-hello-done";
      if (this.certificateRequest === undefined) this.failHandshake("decode_error");
      return;
    }
    this.record(message.raw);
    if (type === HandshakeType.server_hello && state === "server-hello") this.handleServerHello(body);
    else if (type === HandshakeType.certificate && state === "certificate") this.handleCertificate(body);
    else if (type === HandshakeType.server_key_exchange && state === "server-key-exchange") {
      this.handleServerKeyExchange(body);
    } else if (
      type === HandshakeType.server_hello_done &&
      (state === "certificate-request" || state === "server-hello-done")
    ) {
      this.handleServerHelloDone(body, now);
    } else this.failHandshake("unexpected_message");
  }

  private handleHelloVerifyRequest(body: Uint8Array, now: number): void {
    const cookie = parseHelloVerifyRequest(body);
    if (cookie === undefined) this.failHandshake("decode_error");
    else if (++this.helloVerifyRequests > MAX_HELLO_VERIFY_REQUESTS) this.failHandshake("unexpected_message");
    else this.sendHello(cookie, now);
  }

  private handleServerHello(body: Uint8Array): void {
    const hello = parseServerHello(body);
    if (hello === undefined) {
      this.failHandshake("decode_error");
      return;
    }
    const { parameters } = this;
    const { extensions } = hello;
    if (hello.version !== DTLS_1_2) {
      this.failHandshake("protocol_version");
      return;
    }
    const suite = parameters.cipherSuites.find(({ code }) => code === hello.cipherSuite);
    if (suite === undefined || hello.compressionMethod !== 0) {
      this.failHandshake("illegal_parameter");
      return;
    }
    for (const type of extensions.types) {
      if (this.offered(type)) continue;
      this.failHandshake("unsupported_extension"); // RFC 5246 §7.4.1.4
      return;
    }
    if (!this.checkExtensions(extensions)) return;
    if (!extensions.extendedMasterSecret && parameters.requireExtendedMasterSecret) {
      this.failHandshake("handshake_failure"); // RFC 7627 §5.2
      return;
    }
    if (extensions.useSrtp !== undefined) {
      const { profiles, mki } = extensions.useSrtp;
      // RFC 5764 §4.1.1, §4.1.3: one of ours, and no MKI, as we offered none.
      if (profiles.length !== 1 || !parameters.srtpProfiles.includes(profiles[0]!) || mki.length > 0) {
        this.failHandshake("illegal_parameter");
        return;
      }
      this.srtpProfile = profiles[0];
    }
    this.extendedMasterSecret = extensions.extendedMasterSecret;
    this.recordSizeLimit = extensions.recordSizeLimit;
    this.serverRandom = hello.random;
    this.cipherSuite = suite;
    this.state = "certificate";
  }

  private offered(type: number): boolean {
    switch (type) {
      case ExtensionType.extended_master_secret:
      case ExtensionType.renegotiation_info:
      case ExtensionType.record_size_limit:
      case ExtensionType.supported_groups:
      case ExtensionType.ec_point_formats:
      case ExtensionType.signature_algorithms:
        return true;
      case ExtensionType.use_srtp:
        return this.parameters.srtpProfiles.length > 0;
      default:
        return false;
    }
  }

  private handleCertificate(body: Uint8Array): void {
    if (this.acceptCertificates(body)) this.state = "server-key-exchange";
  }

  private handleServerKeyExchange(body: Uint8Array): void {
    const exchange = parseServerKeyExchange(body);
    if (exchange === undefined) {
      this.failHandshake("decode_error");
      return;
    }
    const group = groupOf(exchange.group);
    if (group === undefined || !this.parameters.groups.includes(group)) {
      this.failHandshake("illegal_parameter");
      return;
    }
    this.group = group;
    this.serverKeyExchange = exchange;
    this.state = "certificate-request";
  }

  private handleServerHelloDone(body: Uint8Array, now: number): void {
    if (body.length !== 0) {
      this.failHandshake("decode_error");
      return;
    }
    const exchange = this.serverKeyExchange!;
    this.serverKeyExchange = undefined;
    const share = this.parameters.createKeyShare(this.group!);
    const premaster = share.agree(exchange.publicKey);
    if (premaster === undefined) {
      this.failHandshake("illegal_parameter");
      return;
    }
    const scheme = this.chooseCertificate();
    if (this.certificateRequest !== undefined) {
      // RFC 5246 §7.4.6: with no suitable certificate the list is empty, and the server decides.
      const chain = this.localCertificate === undefined ? [] : [this.localCertificate.der];
      this.put(HandshakeType.certificate, writeCertificateMessage(chain));
    }
    this.put(HandshakeType.client_key_exchange, writeClientKeyExchange(share.publicKey));
    this.deriveKeys(premaster);
    if (scheme !== undefined) {
      const signature = this.localCertificate!.privateKey.sign(scheme, this.transcriptBytes());
      this.put(HandshakeType.certificate_verify, writeSigned(NO_BYTES, SIGNATURE_SCHEMES[scheme], signature));
    }
    this.putFinished();
    this.state = "finished";
    this.host.expectChangeCipherSpec();
    this.sendFlight(true, now);
    this.authenticateServer(exchange);
  }

  /**
   * The server works on our flight while its signature is checked here, before anything of its answer is looked at. Whoever
   * does not have the key of the certificate that the fingerprint names is not connected to: it gets what it could have had by
   * passing that server's own flight on, our certificate and signatures over a transcript that is nobody else's.
   * False: the handshake has failed.
   */
  private authenticateServer(exchange: ServerKeyExchange): boolean {
    if (!this.readPeerKey()) return false;
    // RFC 8422 §5.3, §5.10: the key fits the suite; Ed25519 keys go with ECDSA suites.
    const ecdsa = this.peerKey!.kind !== "rsa";
    if (ecdsa !== (this.cipherSuite!.authentication === "ecdsa")) return this.reject("illegal_parameter");
    return this.checkSignature(exchange, concat(this.clientRandom, this.serverRandom, exchange.parameters));
  }

  /** Sets `localCertificate` to the first that the server's request admits; returns the scheme to sign with. */
  private chooseCertificate(): ReturnType<typeof pickSignatureScheme> {
    const request = this.certificateRequest;
    if (request === undefined) return undefined;
    for (const certificate of this.parameters.certificates) {
      const kind = certificate.privateKey.algorithm.name;
      const type = kind === "rsa" ? ClientCertificateType.rsa_sign : ClientCertificateType.ecdsa_sign;
      if (!request.certificateTypes.includes(type)) continue;
      const scheme = pickSignatureScheme(kind, request.schemes, this.parameters.signatureSchemes);
      if (scheme === undefined) continue;
      this.localCertificate = certificate;
      return scheme;
    }
    return undefined;
  }

  protected override handleFinished(message: HandshakeMessage): void {
    if (this.state !== "finished") this.failHandshake("unexpected_message");
    else if (this.checkFinished(message)) {
      this.state = "done";
      this.certificateRequest = undefined;
      this.finish();
    }
  }
}
