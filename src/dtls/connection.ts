// One DTLS association: the facade over record layer, flights and handshake, and the choice of version and role.
// Records of every version come in here; what DTLS 1.2 does with them is in record12.ts, client12.ts and server12.ts.
// It is a machine (docs/architecture.md): no socket, no clock, no timer. Not here: ICE, and whether the peer is the one
// that the signalling named, which is `verifyPeer`'s to say.
import type { NamedGroup, SignatureScheme } from "../crypto/provider.js";
import { AlertDescription, AlertLevel, type AlertName, alertName, parseAlert, writeAlert } from "./alert.js";
import { Client12 } from "./client12.js";
import type { FlightItem } from "./flight.js";
import { Flight, HANDSHAKE_TIMEOUT, INITIAL_TIMEOUT, MIN_MTU } from "./flight.js";
import { DTLS_1_2, HANDSHAKE_HEADER, HandshakeType, parseClientHello } from "./handshake.js";
import {
  type Handshake12,
  type HandshakeHost12,
  type HandshakeParameters,
  handshakeParameters,
} from "./handshake12.js";
import { exportKeyingMaterial } from "./key-schedule.js";
import type {
  DtlsAlert,
  DtlsCertificate,
  DtlsCloseReason,
  DtlsHost,
  DtlsOptions,
  DtlsRole,
  DtlsState,
} from "./options.js";
import { type HandshakeMessage, Reassembly } from "./reassembly.js";
import {
  ContentType,
  MAX_BATCH,
  MAX_PLAINTEXT_LENGTH,
  type Protection,
  RECORD_HEADER,
  RecordHeader,
  RecordReader12,
  RecordWriter12,
} from "./record12.js";
import { Server12 } from "./server12.js";
import { type DtlsVersion, selectVersion } from "./version.js";

export type {
  DtlsAlert,
  DtlsCertificate,
  DtlsCloseReason,
  DtlsHost,
  DtlsOptions,
  DtlsRole,
  DtlsState,
} from "./options.js";
export type { DtlsVersion } from "./version.js";

/** Datagrams kept until `start`. */
export const MAX_WAITING_DATAGRAMS = 16;
/** Protected records kept until they can be opened: Finished before ChangeCipherSpec, data before Finished. */
export const MAX_EARLY_RECORDS = 32;
export const MAX_EARLY_BYTES = 65536;
/**
 * An alert in the clear may be forged (RFC 6347 §4.1.2.7), so it ends the handshake only if there is no progress for
 * this long, in milliseconds.
 */
export const UNPROTECTED_ALERT_GRACE = 2000;
/** Warnings sent to a peer that wants to renegotiate. */
export const MAX_NO_RENEGOTIATION = 3;

const DEFAULT_MTU = 1200;
/** Epoch 1 has at most this much around a plaintext: header, explicit nonce, tag. */
const MAX_OVERHEAD = RECORD_HEADER + 8 + 16;
const NEVER = Number.POSITIVE_INFINITY;

/**
 * Why a record was dropped. malformed: no whole record, or a length that cannot be. epoch: of an epoch that is over or
 * never comes. early: more came early than is kept. unexpected: of a type that has no place there.
 */
export type DtlsDropReason =
  | "malformed"
  | "version"
  | "epoch"
  | "early"
  | "replay"
  | "authentication"
  | "unexpected"
  | "fragment"
  | "state";

export interface DtlsCounters {
  recordsReceived: number;
  /** Plaintext bytes of application data. */
  bytesReceived: number;
  readonly recordsSent: number;
  /** Plaintext bytes of all records. */
  readonly bytesSent: number;
  /** Flights sent again. */
  readonly retransmissions: number;
  readonly dropped: Record<DtlsDropReason, number>;
}

interface EarlyRecord {
  readonly data: Uint8Array;
}

export class DtlsConnection {
  readonly role: DtlsRole;
  private readonly options: DtlsOptions;
  private readonly host: DtlsHost;
  private readonly parameters: HandshakeParameters;
  private readonly header = new RecordHeader();
  private readonly writer: RecordWriter12;
  private readonly reassembly = new Reassembly();
  private readonly flight: Flight;
  private readonly dropped: Record<DtlsDropReason, number> = {
    malformed: 0,
    version: 0,
    epoch: 0,
    early: 0,
    replay: 0,
    authentication: 0,
    unexpected: 0,
    fragment: 0,
    state: 0,
  };
  private currentState: DtlsState = "new";
  private negotiatedVersion: DtlsVersion | undefined;
  private handshake: Handshake12 | undefined;
  private reader: RecordReader12 | undefined;
  private waiting: Uint8Array[] = [];
  private early: EarlyRecord[] = [];
  private earlyBytes = 0;
  /** Something changed that may let early records through. */
  private earlyReady = false;
  private maxRecord = MAX_PLAINTEXT_LENGTH;
  private changeCipherSpecExpected = false;
  private changeCipherSpecReceived = false;
  private giveUpAt = NEVER;
  private alertDeadline = NEVER;
  private pendingAlert = 0;
  private renegotiations = 0;
  private recordsReceived = 0;
  private bytesReceived = 0;

  constructor(options: DtlsOptions, host: DtlsHost) {
    this.options = options;
    this.role = options.role;
    this.host = host;
    this.parameters = handshakeParameters(options);
    this.writer = new RecordWriter12(
      (datagram) => host.transmit(datagram),
      () => host.keeps?.() ?? true,
    );
    this.flight = new Flight(
      Math.max(MIN_MTU, options.mtu ?? DEFAULT_MTU),
      Math.max(1, options.initialTimeout ?? INITIAL_TIMEOUT),
    );
  }

  get state(): DtlsState {
    return this.currentState;
  }

  /** When `handleTimeout` is due, in monotonic milliseconds. */
  get deadline(): number {
    if (this.currentState !== "connecting") return NEVER;
    return Math.min(this.flight.deadline, this.giveUpAt, this.alertDeadline);
  }

  get version(): DtlsVersion | undefined {
    return this.negotiatedVersion;
  }

  get cipherSuite(): { readonly code: number; readonly name: string } | undefined {
    return this.handshake?.cipherSuite;
  }

  get group(): NamedGroup | undefined {
    return this.handshake?.group;
  }

  /** The scheme by which the peer proved that its key is its own. */
  get signatureScheme(): SignatureScheme | undefined {
    return this.handshake?.signatureScheme;
  }

  /** The negotiated SRTP protection profile (RFC 5764 §4.1.2), if any. */
  get srtpProfile(): number | undefined {
    return this.handshake?.srtpProfile;
  }

  get extendedMasterSecret(): boolean {
    return this.handshake?.extendedMasterSecret ?? false;
  }

  /** The longest plaintext that the peer takes, where it says so (RFC 8449); longer ones are not sent. */
  get recordSizeLimit(): number | undefined {
    return this.handshake?.recordSizeLimit;
  }

  /** DER, leaf first; empty until `verifyPeer` accepted them. */
  get remoteCertificates(): readonly Uint8Array[] {
    return this.handshake?.remoteCertificates ?? [];
  }

  get localCertificate(): DtlsCertificate | undefined {
    return this.handshake?.localCertificate;
  }

  /** Bytes that a record adds to its plaintext; the most there can be, until the cipher suite is known. */
  get overhead(): number {
    return this.reader === undefined ? MAX_OVERHEAD : this.writer.overhead(1);
  }

  /** The longest plaintext whose record fits in a datagram of `mtu` bytes. */
  maxPlaintext(mtu: number): number {
    return Math.max(0, Math.min(mtu - this.overhead, MAX_PLAINTEXT_LENGTH));
  }

  /** A snapshot. */
  get counters(): DtlsCounters {
    return {
      recordsReceived: this.recordsReceived,
      bytesReceived: this.bytesReceived,
      recordsSent: this.writer.records,
      bytesSent: this.writer.bytes,
      retransmissions: this.flight.retransmissions,
      dropped: { ...this.dropped },
    };
  }

  /** Client: sends the ClientHello. Server: takes what came before, and waits. */
  start(now: number): void {
    if (this.currentState !== "new") return;
    this.setState("connecting");
    if (this.role === "client") {
      const client = new Client12(this.handshakeHost, this.parameters);
      this.handshake = client;
      client.start(now);
    }
    const { waiting } = this;
    this.waiting = [];
    for (const datagram of waiting) this.receive(datagram, now);
  }

  /** Takes one datagram. Protected records of an established connection wait for `flush`. */
  receive(datagram: Uint8Array, now: number): void {
    if (this.currentState === "new") {
      if (this.waiting.length < MAX_WAITING_DATAGRAMS) this.waiting.push(datagram);
      else this.drop("early");
      return;
    }
    this.receiveRecords(datagram, now);
    while (this.earlyReady) {
      this.earlyReady = false;
      const { early } = this;
      this.early = [];
      this.earlyBytes = 0;
      for (const { data } of early) this.receiveRecords(data, now);
    }
  }

  /** Opens the records received in this round, then seals and transmits those that `send` queued. */
  flush(now: number): void {
    this.openQueued(now);
    if (this.isOpen) this.writer.flush();
    if (this.isOpen && this.writer.exhausted) this.end("closed", "sequence-exhausted");
  }

  /**
   * Queues one record, which `flush` transmits. The bytes are copied. False if not connected, if the plaintext is longer
   * than a record can be (16,384 bytes) or the peer takes, or if the sequence numbers are used up.
   */
  send(plaintext: Uint8Array): boolean {
    if (this.currentState !== "connected" || plaintext.length > this.maxRecord) return false;
    return this.writer.queue(ContentType.application_data, plaintext);
  }

  /** Sends what is queued and close_notify, and is closed at once (RFC 5246 §7.2.1 lets the initiator not wait). */
  close(_now: number): void {
    if (!this.isOpen) return;
    if (this.currentState !== "new") {
      this.writer.flush();
      this.sendAlert(AlertLevel.warning, AlertDescription.close_notify);
    }
    this.end("closed", "local");
  }

  /** What `verifyPeer` goes by has changed: asks it again about an established connection, which fails if it says no. */
  reverify(): void {
    if (this.currentState !== "connected" || this.options.verifyPeer(this.remoteCertificates)) return;
    this.fail("certificate-rejected", "bad_certificate");
  }

  handleTimeout(now: number): void {
    if (this.currentState !== "connecting") return;
    if (now >= this.giveUpAt) this.end("failed", "timeout");
    else if (now >= this.alertDeadline) this.end("failed", "alert", receivedAlert(this.pendingAlert));
    else if (now >= this.flight.deadline) {
      this.flight.handleTimeout();
      this.transmitFlight(now);
    }
  }

  /**
   * Keying material (RFC 5705), once connected; with extended master secret it is bound to the handshake (RFC 7627).
   * Throws before that, which only a bug of the caller's can bring about.
   */
  exportKeyingMaterial(label: string, context: Uint8Array | undefined, length: number): Uint8Array {
    const { handshake } = this;
    if (this.currentState !== "connected" || handshake?.master === undefined || handshake.cipherSuite === undefined) {
      throw new Error(`no keying material in state ${this.currentState}`);
    }
    const { cipherSuite, master, clientRandom, serverRandom } = handshake;
    const { crypto } = this.options;
    return exportKeyingMaterial(crypto, cipherSuite, master, clientRandom, serverRandom, label, context, length);
  }

  // Records in

  private get isOpen(): boolean {
    return this.currentState !== "closed" && this.currentState !== "failed";
  }

  private drop(reason: DtlsDropReason): void {
    this.dropped[reason]++;
    this.options.logger?.("debug", "dtls", `${this.role} dropped a record: ${reason}`);
  }

  private receiveRecords(datagram: Uint8Array, now: number): void {
    const { header } = this;
    let offset = 0;
    while (offset < datagram.length) {
      if (!this.isOpen) {
        this.drop("state");
        return;
      }
      const end = header.parse(datagram, offset);
      if (end < 0) {
        this.drop("malformed");
        return;
      }
      // The version of a first record may be that of DTLS 1.0 (RFC 6347 §4.1, RFC 5246 Appendix E.1).
      if (header.version >> 8 !== 0xfe) this.drop("version");
      else if (header.epoch === 0) this.receivePlain(datagram, end, now);
      else if (header.epoch === 1) this.receiveProtected(datagram, offset, end, now);
      else this.drop("epoch");
      offset = end;
    }
  }

  private receivePlain(datagram: Uint8Array, end: number, now: number): void {
    const { header } = this;
    if (this.currentState !== "connecting") {
      this.drop("epoch");
      return;
    }
    if (header.length === 0 || header.length > MAX_PLAINTEXT_LENGTH) {
      this.drop("malformed");
      return;
    }
    const fragment = datagram.subarray(header.start, end);
    switch (header.type) {
      case ContentType.handshake:
        this.recordsReceived++;
        this.handleFragments(fragment, 0, now);
        break;
      case ContentType.change_cipher_spec:
        // Kept although messages before it may be missing still, but never taken before it can be meant seriously.
        if (!this.changeCipherSpecExpected || fragment.length !== 1 || fragment[0] !== 1) this.drop("unexpected");
        else if (!this.changeCipherSpecReceived) {
          this.recordsReceived++;
          this.changeCipherSpecReceived = true;
          this.earlyReady = this.reader !== undefined;
        }
        break;
      case ContentType.alert:
        this.handlePlainAlert(fragment, now);
        break;
      default:
        this.drop("unexpected");
    }
  }

  private receiveProtected(datagram: Uint8Array, offset: number, end: number, now: number): void {
    const { header, reader } = this;
    // The version is part of what is authenticated (RFC 5246 §6.2.3.3), and ours is a constant.
    if (header.version !== DTLS_1_2) {
      this.drop("version");
      return;
    }
    const connected = this.currentState === "connected";
    const readable = reader !== undefined && this.changeCipherSpecReceived;
    if (!connected && (!readable || header.type === ContentType.application_data)) {
      this.keepEarly(datagram, offset, end);
      return;
    }
    if (reader!.count === MAX_BATCH) this.openQueued(now);
    if (!this.isOpen) return;
    const dropped = reader!.add(datagram, header);
    if (dropped !== undefined) this.drop(dropped);
    else if (!connected) this.openQueued(now);
  }

  private keepEarly(datagram: Uint8Array, offset: number, end: number): void {
    const size = end - offset;
    // A server that has not answered a ClientHello has no business with epoch 1.
    if (this.handshake === undefined) this.drop("unexpected");
    else if (this.early.length >= MAX_EARLY_RECORDS || this.earlyBytes + size > MAX_EARLY_BYTES) this.drop("early");
    else {
      this.early.push({ data: datagram.slice(offset, end) });
      this.earlyBytes += size;
    }
  }

  private openQueued(now: number): void {
    const { reader } = this;
    if (reader === undefined || reader.count === 0) return;
    reader.open();
    for (let i = 0; i < reader.count && this.isOpen; i++) {
      const result = reader.result(i);
      if (result !== "authentic") {
        this.drop(result);
        continue;
      }
      this.recordsReceived++;
      const plaintext = reader.plaintext(i);
      switch (reader.type(i)) {
        case ContentType.application_data:
          // Empty records are valid (RFC 5246 §6.2.1), and carry nothing.
          if (plaintext.length > 0) {
            this.bytesReceived += plaintext.length;
            this.host.onData(plaintext);
          }
          break;
        case ContentType.alert:
          this.handleProtectedAlert(plaintext);
          break;
        case ContentType.handshake:
          if (this.currentState === "connected") this.handleLateHandshake(plaintext, now);
          else this.handleFragments(plaintext, 1, now);
          break;
        default:
          this.drop("unexpected");
      }
    }
    reader.reset();
  }

  // Handshake

  private readonly allowPlain = (type: number): boolean =>
    this.handshake === undefined ? type === HandshakeType.client_hello : type !== HandshakeType.finished;
  private readonly allowProtected = (type: number): boolean => type === HandshakeType.finished;

  private handleFragments(data: Uint8Array, epoch: 0 | 1, now: number): void {
    const { reassembly } = this;
    for (let offset = 0; offset >= 0 && offset < data.length; ) {
      offset = reassembly.add(data, offset, epoch === 0 ? this.allowPlain : this.allowProtected);
      if (reassembly.result === "dropped") this.drop("fragment");
      else if (reassembly.result === "repeat" && this.flight.handleRepeat(reassembly.lastSeq, epoch === 1, now)) {
        this.transmitFlight(now);
      }
    }
    while (this.currentState === "connecting") {
      const message = reassembly.take();
      if (message === undefined) return;
      this.alertDeadline = NEVER;
      this.handleMessage(message, now);
    }
  }

  private handleMessage(message: HandshakeMessage, now: number): void {
    if (this.role === "server" && message.type === HandshakeType.client_hello) {
      const hello = parseClientHello(message.body);
      const version = hello && selectVersion(hello);
      if (version === undefined) {
        this.fail("handshake-failure", hello === undefined ? "decode_error" : "protocol_version");
        return;
      }
      this.negotiatedVersion = version;
      this.handshake ??= new Server12(this.handshakeHost, this.parameters);
    }
    this.handshake!.handleMessage(message, now);
    if (this.role === "client" && message.type === HandshakeType.server_hello) this.negotiatedVersion = "1.2";
  }

  /** A handshake record of an established connection: a repeat of the last flight, or a wish to renegotiate. */
  private handleLateHandshake(data: Uint8Array, now: number): void {
    const type = data[0];
    if (data.length < HANDSHAKE_HEADER) this.drop("fragment");
    else if (type === HandshakeType.finished) {
      const messageSeq = (data[4]! << 8) | data[5]!;
      if (this.flight.handleRepeat(messageSeq, true, now)) this.transmitFlight(now);
    } else if (type === HandshakeType.hello_request || type === HandshakeType.client_hello) {
      if (++this.renegotiations > MAX_NO_RENEGOTIATION) this.drop("unexpected");
      else this.sendAlert(AlertLevel.warning, AlertDescription.no_renegotiation); // RFC 5246 §7.2.2
    } else this.drop("unexpected");
  }

  private readonly handshakeHost: HandshakeHost12 = {
    sendFlight: (items, awaitsReply, now) => this.sendFlight(items, awaitsReply, now),
    installKeys: (write, read) => this.installKeys(write, read),
    expectChangeCipherSpec: () => {
      this.changeCipherSpecExpected = true;
    },
    alignSequence: () => this.writer.alignSequence(this.header.sequence),
    onHandshakeDone: () => this.handleHandshakeDone(),
    fail: (reason, alert) => this.fail(reason, alert),
  };

  private sendFlight(items: readonly FlightItem[], awaitsReply: boolean, now: number): void {
    if (items.some((item) => item.epoch === 1)) this.writer.epoch = 1;
    if (awaitsReply && this.giveUpAt === NEVER) this.giveUpAt = now + HANDSHAKE_TIMEOUT;
    this.flight.start(items, this.reassembly.next - 1, awaitsReply);
    this.transmitFlight(now);
  }

  private transmitFlight(now: number): void {
    this.flight.send(now, this.writer, (datagram) => this.host.transmit(datagram));
  }

  private installKeys(write: Protection, read: Protection): void {
    this.writer.install(write);
    this.reader = new RecordReader12(read);
    this.earlyReady = this.changeCipherSpecReceived;
  }

  private handleHandshakeDone(): void {
    // The server's last flight stays, to be sent again whenever the client repeats its own (RFC 6347 §4.2.4).
    if (this.role === "client") this.flight.clear();
    else this.flight.stopTimer();
    this.reassembly.clear();
    this.earlyReady = true;
    this.maxRecord = Math.min(MAX_PLAINTEXT_LENGTH, this.recordSizeLimit ?? MAX_PLAINTEXT_LENGTH);
    this.setState("connected");
  }

  // Alerts, and the end

  private handlePlainAlert(data: Uint8Array, now: number): void {
    const alert = parseAlert(data);
    if (alert === undefined) {
      this.drop("malformed");
      return;
    }
    const { level, description } = alert;
    this.options.logger?.("debug", "dtls", `${this.role} got ${alertName(description)} in the clear`);
    // Warnings mean nothing in a handshake; what ends it may be forged, and so only counts if nothing follows.
    if (level !== AlertLevel.fatal && description !== AlertDescription.close_notify) return;
    if (this.handshake === undefined || this.alertDeadline !== NEVER) return;
    this.alertDeadline = now + UNPROTECTED_ALERT_GRACE;
    this.pendingAlert = description;
  }

  private handleProtectedAlert(data: Uint8Array): void {
    const alert = parseAlert(data);
    if (alert === undefined) {
      this.drop("malformed");
      return;
    }
    const { level, description } = alert;
    if (description === AlertDescription.close_notify) {
      // RFC 5246 §7.2.1: answered in kind, and what is still queued is discarded.
      this.sendAlert(AlertLevel.warning, AlertDescription.close_notify);
      this.end("closed", "close-notify");
    } else if (level === AlertLevel.fatal) this.end("failed", "alert", receivedAlert(description));
  }

  private sendAlert(level: number, description: number): void {
    const { writer } = this;
    const { epoch } = writer;
    const datagram = new Uint8Array(writer.overhead(epoch) + 2);
    datagram.set(writeAlert(level, description), writer.prefix(epoch));
    if (writer.frame(datagram, 0, ContentType.alert, epoch, 2) > 0) this.host.transmit(datagram);
  }

  private fail(reason: DtlsCloseReason, name: AlertName): void {
    const description = AlertDescription[name];
    this.sendAlert(AlertLevel.fatal, description);
    this.end("failed", reason, { direction: "sent", description, name });
  }

  private end(state: "closed" | "failed", reason: DtlsCloseReason, alert?: DtlsAlert): void {
    if (!this.isOpen) return;
    this.flight.clear();
    this.reassembly.clear();
    this.waiting = [];
    this.early = [];
    this.earlyReady = false;
    this.options.logger?.("debug", "dtls", `${this.role} ${state}: ${reason} ${alert?.name ?? ""}`);
    this.setState(state);
    this.host.onClosed(reason, alert);
  }

  private setState(state: DtlsState): void {
    this.currentState = state;
    this.host.onStateChange(state);
  }
}

function receivedAlert(description: number): DtlsAlert {
  return { direction: "received", description, name: alertName(description) };
}
