// One SCTP association over DTLS (RFC 8261, RFC 9260, RFC 8831): its state, chunk dispatch, shutdown, timers and bundling. The parts are
// elsewhere: handshake.ts, data-sender.ts, data-receiver.ts, stream-reset.ts, heartbeat.ts, path-mtu.ts.
//
// Inputs: connect, receive, send, resetStreams, shutdown, abort, handleTimeout, flush. Nothing but handshake answers is
// transmitted before `flush`, which the owner calls at the end of each round. No multi-homing, no dynamic addresses, no AUTH.
import { CAN_FORWARD_TSN, CAN_INTERLEAVE, CAN_RECONFIG } from "./capabilities.js";
import {
  ABORT,
  COOKIE_ACK,
  COOKIE_ECHO,
  DATA,
  ERROR,
  FLAG_T,
  FORWARD_TSN,
  HEARTBEAT,
  HEARTBEAT_ACK,
  I_DATA,
  I_FORWARD_TSN,
  INIT,
  INIT_ACK,
  PAD,
  RE_CONFIG,
  SACK,
  SHUTDOWN,
  SHUTDOWN_ACK,
  SHUTDOWN_COMPLETE,
  writeChunk,
} from "./chunks.js";
import { type DataFault, DataReceiver } from "./data-receiver.js";
import { DataSender } from "./data-sender.js";
import { Handshake, type HandshakeHost } from "./handshake.js";
import { Heartbeat, heartbeatAck } from "./heartbeat.js";
import {
  ASSOCIATION_MAX_RETRANS,
  DEFAULT_MTU,
  HEARTBEAT_INTERVAL,
  MAX_MTU,
  MAX_PENDING_ERRORS,
  MAX_PENDING_HEARTBEAT_ACKS,
  MIN_MTU,
  RTO_INITIAL,
  type SctpCloseReason,
  type SctpHost,
  type SctpOptions,
  type SctpState,
  type SctpStats,
  type SendOptions,
} from "./options.js";
import { COMMON_HEADER, checksumOk, pad4, read16, read32, write32 } from "./packet.js";
import { PacketSender } from "./packet-sender.js";
import {
  CAUSE_COOKIE_WHILE_SHUTTING_DOWN,
  CAUSE_OUT_OF_RESOURCE,
  CAUSE_PROTOCOL_VIOLATION,
  CAUSE_UNRECOGNIZED_CHUNK,
  CAUSE_USER_INITIATED_ABORT,
  errorCause,
} from "./parameters.js";
import { PathMtu } from "./path-mtu.js";
import { OutgoingMessage } from "./send-queue.js";
import { StreamReset } from "./stream-reset.js";

const NOTHING = new Uint8Array(0);
const NEVER = Number.POSITIVE_INFINITY;
/** Bytes in flight from which on the path is probed for larger packets. */
const PROBE_FLIGHT = 8 * DEFAULT_MTU;

/** Why a message was not taken. */
export type SendResult = "ok" | "too-large" | "empty" | "invalid-stream" | "closed";

export class SctpAssociation {
  private readonly options: SctpOptions;
  private readonly host: SctpHost;
  private readonly zeroChecksum: boolean;
  private readonly out: PacketSender;
  private readonly handshake: Handshake;
  private readonly sender: DataSender;
  private readonly receiver: DataReceiver;
  private readonly resets: StreamReset;
  private readonly heartbeat: Heartbeat;
  private readonly pathMtu: PathMtu;

  state: SctpState = "closed";
  /** No way back: aborted, shut down or failed. */
  private finished = false;
  /** Largest message the peer takes, in bytes; 0 = unlimited (RFC 8841 §6). */
  peerMaxMessageSize: number;

  /** T2-shutdown. */
  private shutdownDeadline = NEVER;
  private shutdownDue = false;
  private heartbeatAcks: Uint8Array[] = [];
  private errorChunks: Uint8Array[] = [];
  /** Streams whose queue must drain before their reset is asked for. */
  private draining: number[] = [];
  private refusedResets: number[] = [];
  private pathErrors = 0;
  private packetsReceived = 0;
  private bytesReceived = 0;
  private packetsDropped = 0;
  private readonly reportDecrease: (streamId: number, bytes: number) => void;

  constructor(options: SctpOptions, host: SctpHost) {
    this.options = options;
    this.host = host;
    this.zeroChecksum = options.zeroChecksum ?? true;
    this.peerMaxMessageSize = options.peerMaxMessageSize ?? 65_536;
    const mtu = clampMtu(options.mtu ?? DEFAULT_MTU);
    this.pathMtu = new PathMtu(mtu, clampMtu(options.maxMtu ?? mtu));
    this.out = new PacketSender(host, mtu, options.localPort ?? 5000, options.remotePort ?? 5000);
    this.receiver = new DataReceiver(options, host, (cause) => this.error(cause));
    const offer = { interleaving: options.interleaving ?? true, zeroChecksum: this.zeroChecksum };
    this.handshake = new Handshake(options, offer, this.out, this.receiver.buffer, this.handshakeHost());
    this.sender = new DataSender(options, this.out, mtu, this.handshake.localInitialTsn);
    this.heartbeat = new Heartbeat(options.crypto, options.heartbeatInterval ?? HEARTBEAT_INTERVAL);
    this.resets = new StreamReset({
      resetIncoming: (ids) => this.resetIncoming(ids),
      onOutgoingReset: (ids, ok) => this.finishReset(ids, ok),
      onResetRequested: (ids) => this.resetStreams(ids.length > 0 ? ids : this.receiver.reassembly.streamIds()),
    });
    this.reportDecrease = (streamId, bytes) => host.onBufferedAmountDecrease(streamId, bytes);
  }

  private handshakeHost(): HandshakeHost {
    const association = this;
    return {
      get state() {
        return association.state;
      },
      set state(state: SctpState) {
        association.state = state;
      },
      get rto() {
        return association.sender.rto.rto;
      },
      onAdopted: (initialTsn, rwnd) => this.adopt(initialTsn, rwnd),
      onRoundTrip: (rtt) => this.sender.rto.sample(rtt),
      onEstablished: (now) => this.establish(now),
      onRestart: (now) => this.restart(now),
      onFailed: () => this.close("init-failed"),
      loseData: () => this.sender.outstanding.loseAll(),
      repeatShutdownAck: (error) => {
        this.out.add(writeChunk(SHUTDOWN_ACK, 0, NOTHING));
        if (error) this.out.add(writeChunk(ERROR, 0, errorCause(CAUSE_COOKIE_WHILE_SHUTTING_DOWN)));
      },
      drop: (why) => this.drop(why),
    };
  }

  private adopt(peerInitialTsn: number, peerRwnd: number): boolean {
    const { capabilities, inboundStreams, localInitialTsn } = this.handshake;
    const { outstanding } = this.sender;
    const interleaving = (capabilities & CAN_INTERLEAVE) !== 0;
    if (outstanding.outstanding > 0 && outstanding.interleaving !== interleaving) {
      // What went with our COOKIE ECHO is of the other kind: the peer changed its mind about RFC 8260.
      this.fail("protocol-violation");
      return false;
    }
    this.sender.peerRwnd = peerRwnd;
    this.sender.negotiated(interleaving, (capabilities & CAN_FORWARD_TSN) !== 0);
    this.receiver.begin(peerInitialTsn, capabilities, inboundStreams);
    this.resets.begin(localInitialTsn, peerInitialTsn);
    return true;
  }

  private establish(now: number): void {
    this.sender.startTimer(now);
    this.heartbeat.start(now);
    this.pathMtu.start();
    this.host.onEstablished();
  }

  private restart(now: number): void {
    this.debug("peer restarted");
    this.sender.restart(this.handshake.localInitialTsn);
    this.draining = [];
    this.shutdownDeadline = NEVER;
    this.shutdownDue = false;
    this.heartbeat.start(now);
    this.host.onRestarted?.();
  }

  private debug(message: string): void {
    this.options.logger?.("debug", "sctp", message);
  }

  // -- Commands

  /** Starts the handshake. Both sides do (RFC 8831 §6.1 with RFC 9260 §5.2.1); whichever INIT is first decides nothing. */
  connect(now: number): void {
    if (this.finished || this.state !== "closed") return;
    this.handshake.start(now);
  }

  /**
   * Queues a message; `data` belongs to the association from now on. Possible in every state but a closing one: what is sent
   * before the handshake is over goes with its last flight.
   */
  send(streamId: number, ppid: number, data: Uint8Array, options: SendOptions, now: number): SendResult {
    if (this.finished || this.state.startsWith("shutdown")) return "closed";
    if (data.length === 0) return "empty";
    if (this.peerMaxMessageSize > 0 && data.length > this.peerMaxMessageSize) return "too-large";
    if (streamId >= this.handshake.outboundStreams) return "invalid-stream";
    const { queue } = this.sender;
    const stream = queue.stream(streamId);
    if (options.priority !== undefined) stream.weight = options.priority;
    queue.add(
      new OutgoingMessage(
        stream,
        ppid,
        data,
        options.unordered === true,
        options.maxRetransmits ?? NEVER,
        options.lifetime !== undefined ? now + options.lifetime : NEVER,
        options.uncounted !== true,
      ),
    );
    return "ok";
  }

  /** User bytes queued on the stream and not yet sent for the first time. */
  bufferedAmount(streamId: number): number {
    return this.sender.queue.find(streamId)?.bufferedAmount ?? 0;
  }

  /** Drops what the stream has queued; a message sent in part is given up if the peer can skip it. */
  discard(streamId: number): void {
    const stream = this.sender.queue.find(streamId);
    if (stream === undefined) return;
    const head = stream.head;
    this.sender.queue.discard(stream);
    if (head !== undefined && head.offset > 0 && (this.handshake.capabilities & CAN_FORWARD_TSN) !== 0) {
      this.sender.outstanding.abandon(head);
    }
  }

  /** Resets our side of the streams once what they have queued was sent (RFC 6525 §5.1). `onOutgoingReset` follows. */
  resetStreams(streamIds: readonly number[]): void {
    if (this.finished) return;
    for (const id of streamIds) {
      const stream = this.sender.queue.stream(id);
      if (stream.resetting) continue;
      stream.resetting = true;
      this.draining.push(id);
    }
  }

  /** Ends the association after everything queued has arrived (RFC 9260 §9.2). */
  shutdown(now: number): void {
    if (this.finished) return;
    if (this.state === "established") this.state = "shutdown-pending";
    else if (!this.state.startsWith("shutdown")) this.abort(now);
  }

  /** Ends the association at once (RFC 9260 §9.1). */
  abort(_now: number, message = ""): void {
    if (this.finished) return;
    const text = Uint8Array.from(message, (c) => c.charCodeAt(0) & 0x7f);
    this.sendAbort(errorCause(CAUSE_USER_INITIATED_ABORT, text.subarray(0, 128)));
    this.close("aborted");
  }

  /** SCTP packet bytes that fit one record of the path in use now: for certain, and at best (see `maxMtu`). */
  setMtu(mtu: number, maxMtu: number = mtu): void {
    this.pathMtu.set(clampMtu(mtu), clampMtu(maxMtu));
    this.applyMtu();
    if (this.handshake.adopted) this.pathMtu.start();
  }

  /** ICE selected another pair: what was measured is void, and what is in flight is sent again. */
  pathChanged(now: number): void {
    if (this.finished) return;
    this.sender.pathChanged(now);
    this.handshake.hurry(now);
    if (this.handshake.adopted) this.pathMtu.start();
  }

  get stats(): SctpStats {
    const { sender, out } = this;
    return {
      state: this.state,
      mtu: this.pathMtu.mtu,
      cwnd: Math.floor(sender.congestion.cwnd),
      ssthresh: sender.congestion.ssthresh,
      rwnd: Math.max(0, sender.peerRwnd - sender.outstanding.flight),
      srtt: sender.rto.srtt,
      rto: sender.rto.rto,
      flight: sender.outstanding.flight,
      unackedChunks: sender.outstanding.outstanding,
      bufferedAmount: sender.queue.bufferedAmount,
      packetsSent: out.packets,
      packetsReceived: this.packetsReceived,
      bytesSent: out.bytes,
      bytesReceived: this.bytesReceived,
      messagesSent: sender.messages,
      messagesReceived: this.receiver.reassembly.messages,
      chunksRetransmitted: sender.outstanding.retransmitted,
      timeouts: sender.timeouts,
      congestionEvents: sender.congestion.events,
      duplicates: this.receiver.tracker.duplicatesSeen,
      packetsDropped: this.packetsDropped,
      usesInterleaving: (this.handshake.capabilities & CAN_INTERLEAVE) !== 0,
      usesZeroChecksum: out.zeroChecksum,
    };
  }

  /** Streams we may use, and the peer may use; what we ask for until negotiated. */
  get outboundStreams(): number {
    return this.handshake.outboundStreams;
  }

  get inboundStreams(): number {
    return this.handshake.inboundStreams;
  }

  /** True if a user message is queued or not yet acknowledged. */
  get busy(): boolean {
    return !this.sender.idle;
  }

  // -- Packets in

  /** One decrypted DTLS record. Never throws; what is wrong is dropped or aborts the association. */
  receive(packet: Uint8Array, now: number): void {
    if (this.finished) return;
    this.packetsReceived++;
    this.bytesReceived += packet.length;
    if (packet.length < COMMON_HEADER + 4) {
      this.drop("short packet");
      return;
    }
    if (
      read16(packet, 0) !== (this.options.remotePort ?? 5000) ||
      read16(packet, 2) !== (this.options.localPort ?? 5000)
    ) {
      this.drop("wrong port");
      return;
    }
    if (!checksumOk(packet, this.zeroChecksum)) {
      this.drop("wrong checksum");
      return;
    }
    const tag = read32(packet, 4);
    const first = packet[COMMON_HEADER]!;
    if (first === INIT) {
      // RFC 9260 §8.5.1 A and §3.3.2: tag zero, alone in its packet.
      const length = read16(packet, COMMON_HEADER + 2);
      if (tag !== 0 || length < 4 || COMMON_HEADER + pad4(length) < packet.length) {
        this.drop("bad INIT packet");
        return;
      }
      if (COMMON_HEADER + length > packet.length) {
        this.drop("bad INIT packet");
        return;
      }
      this.handshake.handleInit(packet, COMMON_HEADER, length, now);
      return;
    }
    // The tag of these four is judged with the chunk (RFC 9260 §8.5.1).
    const special = first === COOKIE_ECHO || first === ABORT || first === SHUTDOWN_COMPLETE || first === SHUTDOWN_ACK;
    if (tag !== this.handshake.localTag && !special) {
      this.drop("wrong verification tag");
      return;
    }
    this.chunks(packet, tag, now);
    if (this.finished) return;
    this.receiver.tracker.endOfPacket(now);
    if (this.resets.waiting) this.resets.onCumulativeTsn(this.receiver.tracker.cumulativeTsn);
  }

  private chunks(packet: Uint8Array, tag: number, now: number): void {
    let offset = COMMON_HEADER;
    const end = packet.length;
    while (offset + 4 <= end) {
      const length = read16(packet, offset + 2);
      if (length < 4 || length > end - offset) {
        this.drop("bad chunk length");
        return;
      }
      const type = packet[offset]!;
      if (type === DATA || type === I_DATA) {
        if (tag !== this.handshake.localTag) return;
        this.handleData(packet, offset, length, type);
      } else if (!this.handleControl(packet, offset, length, type, tag, now)) return;
      if (this.finished) return;
      offset += pad4(length);
    }
  }

  private get canReceiveData(): boolean {
    return (
      this.state === "established" ||
      this.state === "cookie-echoed" ||
      this.state === "shutdown-pending" ||
      this.state === "shutdown-sent"
    );
  }

  private handleData(packet: Uint8Array, offset: number, length: number, type: number): void {
    if (!this.canReceiveData) return;
    // RFC 9260 §9.2: data that crosses our SHUTDOWN is answered with another one.
    if (this.state === "shutdown-sent") this.shutdownDue = true;
    const fault = this.receiver.handleData(packet, offset, length, type);
    if (fault !== undefined) this.refuse(fault);
  }

  /** False: ignore the rest of the packet. */
  private handleControl(b: Uint8Array, at: number, length: number, type: number, tag: number, now: number): boolean {
    switch (type) {
      case ABORT:
      case SHUTDOWN_COMPLETE: {
        const reflected = (b[at + 1]! & FLAG_T) !== 0;
        if (
          tag !== (reflected ? this.handshake.peerTag : this.handshake.localTag) ||
          (reflected && !this.handshake.adopted)
        ) {
          this.drop("wrong verification tag");
          return false;
        }
        if (type === ABORT) this.close("peer-abort");
        else if (this.state === "shutdown-ack-sent") this.close("peer-shutdown");
        return false;
      }
      case SHUTDOWN_ACK:
        this.handleShutdownAck(tag);
        return false;
      case COOKIE_ECHO:
        return this.handshake.handleCookieEcho(b, at, length, tag, now);
    }
    if (tag !== this.handshake.localTag) {
      this.drop("wrong verification tag");
      return false;
    }
    switch (type) {
      case INIT:
        return false;
      case INIT_ACK:
        this.handshake.handleInitAck(b, at, length, now);
        return false;
      case COOKIE_ACK:
        this.handshake.handleCookieAck(now);
        return true;
      case ERROR:
        this.handshake.handleError(b, at, length, now);
        return true;
    }
    if (!this.handshake.adopted || this.state === "cookie-wait") return true;
    switch (type) {
      case SACK:
        if (length >= 16 && this.state !== "cookie-echoed") {
          this.sender.handleSack(b, at, length, now);
          this.pathErrors = 0;
        }
        return true;
      case HEARTBEAT: {
        const ack = heartbeatAck(b, at, length);
        if (ack !== undefined && this.heartbeatAcks.length < MAX_PENDING_HEARTBEAT_ACKS) this.heartbeatAcks.push(ack);
        return true;
      }
      case HEARTBEAT_ACK:
        this.handleHeartbeatAck(b, at, length, now);
        return true;
      case SHUTDOWN:
        if (length >= 8) this.handleShutdown(read32(b, at + 4), now);
        return true;
      case RE_CONFIG:
        if (!this.resets.handle(b, at, length, this.receiver.tracker.cumulativeTsn)) this.drop("malformed RE-CONFIG");
        return true;
      case FORWARD_TSN:
      case I_FORWARD_TSN: {
        const fault = this.receiver.handleForwardTsn(b, at, length, type);
        if (fault !== undefined) this.refuse(fault);
        return true;
      }
      case PAD:
        return true;
    }
    // RFC 9260 §3.2: the two high bits say whether to go on, and whether to report.
    if ((type & 0x40) !== 0 && this.state === "established") {
      this.error(errorCause(CAUSE_UNRECOGNIZED_CHUNK, b.slice(at, at + Math.min(length, 64))));
    }
    return (type & 0x80) !== 0;
  }

  private handleHeartbeatAck(b: Uint8Array, at: number, length: number, now: number): void {
    const echo = this.heartbeat.handleAck(b, at, length, now);
    if (echo === undefined) return;
    this.pathErrors = 0;
    this.sender.errors = 0;
    if (echo.probeSize === 0) this.sender.rto.sample(echo.rtt);
    else if (this.pathMtu.onAcknowledged(echo.probeSize, now)) this.applyMtu();
  }

  private applyMtu(): void {
    this.out.send();
    this.out.builder.setLimit(this.pathMtu.mtu);
    this.sender.setMtu(this.pathMtu.mtu, this.pathMtu.base);
  }

  private resetIncoming(ids: readonly number[]): void {
    const streamIds = ids.length > 0 ? ids : this.receiver.reassembly.streamIds();
    for (const id of streamIds) this.receiver.reassembly.resetStream(id);
    this.host.onStreamsReset(streamIds);
  }

  private finishReset(ids: readonly number[], ok: boolean): void {
    for (const id of ids) {
      const stream = this.sender.queue.find(id);
      if (stream !== undefined) this.sender.queue.endReset(stream, ok);
    }
    this.host.onOutgoingReset(ids, ok);
  }

  // -- Closing

  private handleShutdown(cumulative: number, now: number): void {
    if (this.state === "cookie-echoed") return;
    this.sender.handleCumulativeAck(cumulative, now);
    if (this.state === "established" || this.state === "shutdown-pending") this.state = "shutdown-received";
    else if (this.state === "shutdown-sent") {
      // Both at once (RFC 9260 §9.2): answer with SHUTDOWN ACK.
      this.state = "shutdown-ack-sent";
      this.shutdownDue = true;
    }
  }

  private handleShutdownAck(tag: number): void {
    if (this.state === "shutdown-sent" || this.state === "shutdown-ack-sent") {
      if (tag !== this.handshake.localTag) {
        this.drop("wrong verification tag");
        return;
      }
      this.out.add(writeChunk(SHUTDOWN_COMPLETE, 0, NOTHING));
      this.out.send();
      this.close("shutdown");
    } else if (!this.handshake.adopted || this.state === "cookie-wait" || this.state === "cookie-echoed") {
      // An association of before (RFC 9260 §8.5.1 E): let the peer end it, with its own tag reflected.
      this.out.sendAlone(writeChunk(SHUTDOWN_COMPLETE, FLAG_T, NOTHING), tag);
    }
  }

  private sendAbort(cause: Uint8Array): void {
    if (!this.handshake.adopted) return;
    this.out.add(writeChunk(ABORT, 0, cause));
    this.out.send();
  }

  private refuse(fault: DataFault): void {
    if (this.finished) return;
    this.debug(fault.why);
    if (fault.reason === "out-of-resource") this.sendAbort(errorCause(CAUSE_OUT_OF_RESOURCE));
    else this.sendAbort(fault.cause ?? errorCause(CAUSE_PROTOCOL_VIOLATION));
    this.close(fault.reason);
  }

  private fail(reason: SctpCloseReason): void {
    this.sendAbort(errorCause(CAUSE_PROTOCOL_VIOLATION));
    this.close(reason);
  }

  private close(reason: SctpCloseReason): void {
    if (this.finished) return;
    this.finished = true;
    this.state = "closed";
    this.handshake.stop();
    this.shutdownDeadline = NEVER;
    this.sender.stopTimers();
    this.sender.outstanding.restart(this.handshake.localInitialTsn);
    this.sender.queue.clear();
    this.receiver.stop();
    this.resets.stop();
    this.heartbeat.stop();
    this.pathMtu.stop();
    this.heartbeatAcks = [];
    this.errorChunks = [];
    this.host.onClosed(reason);
  }

  private drop(why: string): void {
    this.packetsDropped++;
    this.debug(`dropped: ${why}`);
  }

  private error(cause: Uint8Array): void {
    if (this.errorChunks.length < MAX_PENDING_ERRORS) this.errorChunks.push(writeChunk(ERROR, 0, cause));
  }

  // -- Timers

  /** Monotonic milliseconds at which `handleTimeout` is wanted; Infinity when idle. */
  get deadline(): number {
    return Math.min(
      this.sender.deadline,
      this.receiver.tracker.sackDeadline,
      this.handshake.deadline,
      this.shutdownDeadline,
      this.heartbeat.deadline,
      this.resets.deadline,
      this.pathMtu.deadline,
    );
  }

  /** Runs what is due at `now`, and flushes. */
  handleTimeout(now: number): void {
    if (this.finished) return;
    if (now >= this.handshake.deadline) this.handshake.handleTimeout(now);
    if (this.finished) return;
    if (now >= this.sender.deadline && this.state !== "cookie-echoed" && this.sender.handleTimeout(now)) {
      this.countError();
      // Perhaps the path takes less than it did (RFC 8899 §4.3).
      if (this.pathMtu.fallBack()) this.applyMtu();
    }
    if (now >= this.receiver.tracker.sackDeadline) {
      this.receiver.tracker.sackDeadline = NEVER;
      this.receiver.tracker.sackNow = true;
    }
    if (now >= this.heartbeat.deadline && this.heartbeat.handleTimeout(now, this.sender.rto.rto)) this.countError();
    if (now >= this.resets.deadline) {
      this.resets.handleTimeout();
      this.sender.rto.onTimeout();
      this.countError();
    }
    if (now >= this.pathMtu.deadline) this.pathMtu.handleTimeout(now);
    if (now >= this.shutdownDeadline) {
      this.shutdownDue = true;
      this.sender.rto.onTimeout();
      this.countError();
    }
    this.flush(now);
  }

  /** RFC 9260 §8.1. */
  private countError(): void {
    this.pathErrors++;
    if (this.pathErrors > (this.options.maxRetransmissions ?? ASSOCIATION_MAX_RETRANS)) this.close("unreachable");
  }

  // -- Packets out

  /** The end of a round: acknowledges what came in and sends what the windows allow, bundled. */
  flush(now: number): void {
    if (this.finished) return;
    const { out, sender } = this;
    const { tracker } = this.receiver;
    if (this.state === "closed" || this.state === "cookie-wait") {
      out.send();
      return;
    }
    if (this.state === "cookie-echoed") {
      this.flushCookieEcho(now);
      return;
    }
    if (this.handshake.cookieAckDue) {
      this.handshake.cookieAckDue = false;
      out.add(writeChunk(COOKIE_ACK, 0, NOTHING));
    }
    if (this.heartbeatAcks.length > 0 || this.errorChunks.length > 0) this.flushReplies();
    if (tracker.sackNow || (tracker.sackPending && sender.wouldSend(now))) {
      this.receiver.writeSack(out, this.pathMtu.mtu);
    }
    if (this.heartbeat.pending && this.state === "established") {
      this.heartbeat.write(out.ensure(24), now, sender.rto.rto);
    }
    if (this.draining.length > 0 || this.resets.pending.length > 0 || this.resets.busy) this.flushResets(now);
    if (this.state !== "shutdown-sent" && this.state !== "shutdown-ack-sent") sender.flush(now, false);
    if (this.state !== "established") this.flushShutdown(now);
    out.send();
    // Who sends little gains nothing by larger packets, and would only hold memory for them.
    if (this.pathMtu.pendingProbe > 0 && this.state === "established" && sender.outstanding.flight >= PROBE_FLIGHT) {
      this.flushProbe(now);
    }
    if (this.draining.length > 0) {
      this.flushResets(now);
      out.send();
    }
    sender.queue.report(this.reportDecrease);
    if (this.refusedResets.length > 0) {
      const refused = this.refusedResets;
      this.refusedResets = [];
      this.finishReset(refused, false);
    }
  }

  /** RFC 9260 §5.1 C: the cookie first, data behind it in the same packet, and nothing else until COOKIE ACK. */
  private flushCookieEcho(now: number): void {
    const { out, sender } = this;
    if (!this.handshake.cookieEchoDue) return;
    this.handshake.cookieEchoDue = false;
    out.send();
    out.add(this.handshake.cookieEcho!);
    out.requireChecksum();
    sender.flush(now, true);
    out.send();
    sender.stopTimers();
    sender.queue.report(this.reportDecrease);
  }

  private flushReplies(): void {
    for (const ack of this.heartbeatAcks) this.out.add(ack);
    for (const error of this.errorChunks) this.out.add(error);
    this.heartbeatAcks = [];
    this.errorChunks = [];
  }

  private flushResets(now: number): void {
    const { sender, resets, out } = this;
    if (this.draining.length > 0) {
      this.draining = this.draining.filter((id) => {
        const stream = sender.queue.stream(id);
        if (!stream.empty) return true;
        if ((this.handshake.capabilities & CAN_RECONFIG) !== 0) resets.want(id);
        else this.refusedResets.push(id);
        return false;
      });
    }
    resets.prepare((sender.outstanding.nextTsn - 1) >>> 0, out.builder.limit - COMMON_HEADER);
    if (resets.pending.length === 0) return;
    for (const chunk of resets.pending) out.add(chunk);
    resets.pending.length = 0;
    resets.onSent(now, sender.rto.rto);
  }

  private flushProbe(now: number): void {
    const { out, pathMtu } = this;
    const size = pathMtu.pendingProbe;
    this.heartbeat.writeProbe(out.ensure(24), size);
    const rest = size - out.builder.length;
    if (rest >= 4) out.builder.chunk(PAD, 0, rest);
    pathMtu.onSent(now, Math.max(this.sender.rto.rto, RTO_INITIAL));
    out.send();
  }

  private flushShutdown(now: number): void {
    const { sender, out } = this;
    if (this.state === "shutdown-pending" && sender.idle) {
      this.state = "shutdown-sent";
      this.shutdownDue = true;
    } else if (this.state === "shutdown-received" && sender.idle) {
      this.state = "shutdown-ack-sent";
      this.shutdownDue = true;
    }
    if (!this.shutdownDue) return;
    this.shutdownDue = false;
    if (this.state === "shutdown-sent") {
      const value = new Uint8Array(4);
      write32(value, 0, this.receiver.tracker.cumulativeTsn);
      out.add(writeChunk(SHUTDOWN, 0, value));
    } else if (this.state === "shutdown-ack-sent") out.add(writeChunk(SHUTDOWN_ACK, 0, NOTHING));
    this.shutdownDeadline = now + sender.rto.rto;
  }
}

function clampMtu(mtu: number): number {
  return Math.max(MIN_MTU, Math.min(MAX_MTU, Math.floor(mtu))) & ~3;
}
