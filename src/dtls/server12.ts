// The server of a full DTLS 1.2 handshake (RFC 6347 §4.2, RFC 5246 §7.3, RFC 8422), which always demands the client's
// certificate (RFC 8827 §6.5). No resumption, no tickets, no renegotiation. Once there is a DTLS 1.3 server, a peer that
// offers 1.3 and ends up here has to be told by the downgrade sentinel in `random` (RFC 8446 §4.1.3).
import type { KeyShare, NamedGroup, PrivateKey, SignatureScheme } from "../crypto/provider.js";
import { ByteWriter } from "../util/byte-writer.js";
import { type CipherSuite, EMPTY_RENEGOTIATION_INFO_SCSV } from "./cipher-suites.js";
import {
  ExtensionType,
  groupOf,
  NAMED_GROUPS,
  pickSignatureScheme,
  SIGNATURE_SCHEMES,
  writeCodes,
  writeExtension,
  writeRecordSizeLimit,
} from "./extensions.js";
import {
  type ClientHello,
  HandshakeType,
  parseCertificateVerify,
  parseClientHello,
  parseClientKeyExchange,
  writeCertificateMessage,
  writeCertificateRequest,
  writeHelloVerifyRequest,
  writeServerEcdhParameters,
  writeServerHello,
  writeSigned,
} from "./handshake.js";
import { Handshake12, type HandshakeHost12, type HandshakeParameters } from "./handshake12.js";
import { concat } from "./key-schedule.js";
import type { DtlsCertificate } from "./options.js";
import type { HandshakeMessage } from "./reassembly.js";

type State = "client-hello" | "certificate" | "client-key-exchange" | "certificate-verify" | "finished" | "done";

interface Choice {
  readonly suite: CipherSuite;
  readonly certificate: DtlsCertificate;
  readonly scheme: SignatureScheme;
}

const NO_BYTES = new Uint8Array(0);
const COOKIE_SECRET_LENGTH = 32;

/** What a client without signature_algorithms means (RFC 5246 §7.4.1.4.1): SHA-1, which must be allowed explicitly. */
const DEFAULT_SCHEMES: readonly number[] = [SIGNATURE_SCHEMES.ecdsa_sha1, SIGNATURE_SCHEMES.rsa_pkcs1_sha1];

export class Server12 extends Handshake12 {
  private state: State = "client-hello";
  private share: KeyShare | undefined;
  private cookieSecret: Uint8Array | undefined;

  constructor(host: HandshakeHost12, parameters: HandshakeParameters) {
    super("server", host, parameters);
  }

  protected override handle(message: HandshakeMessage, now: number): void {
    const { type, body } = message;
    const { state } = this;
    if (type === HandshakeType.client_hello && state === "client-hello") {
      this.handleClientHello(message, now);
      return;
    }
    if (type === HandshakeType.certificate && state === "certificate") {
      this.record(message.raw);
      if (this.acceptCertificates(body) && this.readPeerKey()) this.state = "client-key-exchange";
      return;
    }
    if (type === HandshakeType.client_key_exchange && state === "client-key-exchange") {
      this.record(message.raw);
      this.handleClientKeyExchange(body);
      return;
    }
    if (type === HandshakeType.certificate_verify && state === "certificate-verify") {
      this.handleCertificateVerify(message);
      return;
    }
    this.failHandshake("unexpected_message");
  }

  private handleClientHello(message: HandshakeMessage, now: number): void {
    const hello = parseClientHello(message.body);
    if (hello === undefined) {
      this.failHandshake("decode_error");
      return;
    }
    this.host.alignSequence();
    if (this.parameters.cookie && !this.cookieIsValid(hello)) {
      this.put(HandshakeType.hello_verify_request, writeHelloVerifyRequest(this.cookieFor(hello)), 0, true);
      this.sendFlight(false, now);
      return;
    }
    const { extensions } = hello;
    if (!hello.compressionMethods.includes(0)) {
      this.failHandshake("illegal_parameter");
      return;
    }
    if (!this.checkExtensions(extensions)) return;
    const choice = this.choose(hello);
    const group = this.chooseGroup(hello);
    const withoutRequired = this.parameters.requireExtendedMasterSecret && !extensions.extendedMasterSecret;
    if (choice === undefined || group === undefined || withoutRequired) {
      this.failHandshake("handshake_failure");
      return;
    }
    this.record(message.raw);
    this.clientRandom = hello.random;
    this.cipherSuite = choice.suite;
    this.localCertificate = choice.certificate;
    this.group = group;
    this.extendedMasterSecret = extensions.extendedMasterSecret;
    this.recordSizeLimit = extensions.recordSizeLimit;
    this.srtpProfile = this.parameters.srtpProfiles.find((p) => extensions.useSrtp?.profiles.includes(p));
    this.sendHello(hello, choice, now);
  }

  private sendHello(hello: ClientHello, choice: Choice, now: number): void {
    const { parameters } = this;
    const { extensions } = hello;
    this.serverRandom = parameters.crypto.random(32);
    const secureRenegotiation =
      extensions.renegotiationInfo !== undefined || hello.cipherSuites.includes(EMPTY_RENEGOTIATION_INFO_SCSV);
    const serverHello = writeServerHello(this.serverRandom, choice.suite.code, (w) => {
      if (this.extendedMasterSecret) writeExtension(w, ExtensionType.extended_master_secret, () => {});
      if (secureRenegotiation) writeExtension(w, ExtensionType.renegotiation_info, (e) => e.u8(0));
      if (extensions.pointFormats !== undefined)
        writeExtension(w, ExtensionType.ec_point_formats, (e) => e.u8(1).u8(0));
      if (extensions.recordSizeLimit !== undefined) writeRecordSizeLimit(w);
      const { srtpProfile } = this;
      if (srtpProfile !== undefined) {
        writeExtension(w, ExtensionType.use_srtp, (e) => {
          writeCodes(e, [srtpProfile]);
          e.u8(0);
        });
      }
    });
    const share = parameters.createKeyShare(this.group!);
    this.share = share;
    const ecdhParameters = writeServerEcdhParameters(NAMED_GROUPS[share.group], share.publicKey);
    const signed = concat(this.clientRandom, this.serverRandom, ecdhParameters);
    const signature = choice.certificate.privateKey.sign(choice.scheme, signed);
    this.put(HandshakeType.server_hello, serverHello);
    this.put(HandshakeType.certificate, writeCertificateMessage([choice.certificate.der]));
    this.put(
      HandshakeType.server_key_exchange,
      writeSigned(ecdhParameters, SIGNATURE_SCHEMES[choice.scheme], signature),
    );
    this.put(HandshakeType.certificate_request, writeCertificateRequest(this.offeredSchemes()));
    this.put(HandshakeType.server_hello_done, NO_BYTES);
    this.state = "certificate";
    this.host.expectChangeCipherSpec();
    this.sendFlight(true, now);
  }

  /** The first suite, in the order that counts, for which we have a certificate and the client a signature scheme. */
  private choose(hello: ClientHello): Choice | undefined {
    const { cipherSuites, cipherPreference, certificates, signatureSchemes } = this.parameters;
    const peers = hello.extensions.signatureSchemes ?? DEFAULT_SCHEMES;
    const common =
      cipherPreference === "local"
        ? cipherSuites.filter(({ code }) => hello.cipherSuites.includes(code))
        : hello.cipherSuites.map((code) => cipherSuites.find((suite) => suite.code === code));
    for (const suite of common) {
      if (suite === undefined) continue;
      const scheme = pickSignatureScheme(suite.authentication, peers, signatureSchemes);
      const fitting = certificates.filter(({ privateKey }) => privateKey.algorithm.name === suite.authentication);
      // RFC 8422 §5.1.1: the curve of the certificate should be among the groups of the client; if none is, the client
      // may still be content.
      const certificate = fitting.find(({ privateKey }) => curveIsOffered(privateKey, hello)) ?? fitting[0];
      if (scheme !== undefined && certificate !== undefined) return { suite, certificate, scheme };
    }
    return undefined;
  }

  private chooseGroup(hello: ClientHello): NamedGroup | undefined {
    const { groups } = this.parameters;
    const offered = hello.extensions.supportedGroups;
    if (offered === undefined) return groups.find((group) => group === "secp256r1"); // RFC 8422 §4: any may be used
    for (const code of offered) {
      const group = groupOf(code);
      if (group !== undefined && groups.includes(group)) return group;
    }
    return undefined;
  }

  /** RFC 6347 §4.2.1: over the parameters of the hello; the address is the connection's own. */
  private cookieFor(hello: ClientHello): Uint8Array {
    const { crypto } = this.parameters;
    this.cookieSecret ??= crypto.random(COOKIE_SECRET_LENGTH);
    const w = new ByteWriter().u16(hello.version).bytes(hello.random).bytes(hello.sessionId);
    for (const code of hello.cipherSuites) w.u16(code);
    return crypto.createHmac("sha-256", this.cookieSecret).sign(w.bytes(hello.compressionMethods).view());
  }

  private cookieIsValid(hello: ClientHello): boolean {
    return hello.cookie.length > 0 && this.parameters.crypto.equal(hello.cookie, this.cookieFor(hello));
  }

  private handleClientKeyExchange(body: Uint8Array): void {
    const publicKey = parseClientKeyExchange(body);
    if (publicKey === undefined) {
      this.failHandshake("decode_error");
      return;
    }
    const premaster = this.share!.agree(publicKey);
    this.share = undefined;
    if (premaster === undefined) {
      this.failHandshake("illegal_parameter");
      return;
    }
    this.deriveKeys(premaster);
    this.state = "certificate-verify";
  }

  private handleCertificateVerify(message: HandshakeMessage): void {
    const signed = parseCertificateVerify(message.body);
    if (signed === undefined) {
      this.failHandshake("decode_error");
      return;
    }
    if (!this.checkSignature(signed, this.transcriptBytes())) return;
    this.record(message.raw);
    this.state = "finished";
  }

  protected override handleFinished(message: HandshakeMessage, now: number): void {
    if (this.state !== "finished") this.failHandshake("unexpected_message");
    else if (this.checkFinished(message)) {
      this.putFinished();
      this.state = "done";
      this.sendFlight(false, now);
      this.finish();
    }
  }
}

function curveIsOffered({ algorithm }: PrivateKey, hello: ClientHello): boolean {
  const groups = hello.extensions.supportedGroups;
  if (algorithm.name !== "ecdsa" || groups === undefined) return true;
  return groups.includes(NAMED_GROUPS[algorithm.namedCurve === "P-256" ? "secp256r1" : "secp384r1"]);
}
