// One SCTP association over DTLS (RFC 8261, RFC 9260, RFC 8831): states, the four-way handshake, chunk dispatch, shutdown. The
// parts that move data are elsewhere: data-sender.ts (out), data-tracker.ts and reassembly.ts (in).
//
// Inputs: connect, receive, send, resetStreams, shutdown, abort, handleTimeout, flush. Nothing but handshake answers is
// transmitted before `flush`, which the owner calls at the end of each round. No multi-homing, no dynamic addresses, no AUTH.
import {
  ABORT,
  COOKIE_ACK,
  COOKIE_ECHO,
  DATA,
  ERROR,
  FLAG_I,
  FLAG_T,
  FORWARD_TSN,
  HEARTBEAT,
  HEARTBEAT_ACK,
  I_DATA,
  I_FORWARD_TSN,
  INIT,
  INIT_ACK,
  type InitChunk,
  PAD,
  parseInit,
  RE_CONFIG,
  SACK,
  SHUTDOWN,
  SHUTDOWN_ACK,
  SHUTDOWN_COMPLETE,
  writeChunk,
  writeInit,
} from "./chunks.js";
import { CookieJar, type StateCookie } from "./cookie.js";
import { DataSender } from "./data-sender.js";
import { DataTracker } from "./data-tracker.js";
import {
  CAN_FORWARD_TSN,
  CAN_INTERLEAVE,
  CAN_RECONFIG,
  CAN_ZERO_CHECKSUM,
  commonCapabilities,
  initIsSane,
  judgeParameters,
  type Offer,
  offerParameters,
  reportUnrecognized,
  stateCookieOf,
} from "./handshake.js";
import { Heartbeat, heartbeatAck } from "./heartbeat.js";
import {
  ASSOCIATION_MAX_RETRANS,
  COOKIE_LIFE,
  DEFAULT_MTU,
  DEFAULT_RECEIVE_BUFFER,
  HEARTBEAT_INTERVAL,
  MAX_COOKIE,
  MAX_INIT_RETRANSMITS,
  MAX_MTU,
  MAX_PENDING_ERRORS,
  MAX_PENDING_HEARTBEAT_ACKS,
  MIN_MTU,
  REASSEMBLY_SLACK,
  RTO_INITIAL,
  type SctpCloseReason,
  type SctpHost,
  type SctpOptions,
  type SctpState,
  type SctpStats,
  type SendOptions,
  T1_MAX,
} from "./options.js";
import { COMMON_HEADER, checksumOk, pad4, read16, read32, write32 } from "./packet.js";
import { PacketSender } from "./packet-sender.js";
import {
  CAUSE_COOKIE_WHILE_SHUTTING_DOWN,
  CAUSE_INVALID_STREAM,
  CAUSE_NO_USER_DATA,
  CAUSE_OUT_OF_RESOURCE,
  CAUSE_PROTOCOL_VIOLATION,
  CAUSE_STALE_COOKIE,
  CAUSE_UNRECOGNIZED_CHUNK,
  CAUSE_USER_INITIATED_ABORT,
  errorCause,
  STATE_COOKIE,
} from "./parameters.js";
import { PathMtu } from "./path-mtu.js";
import { Reassembly } from "./reassembly.js";
import { OutgoingMessage } from "./send-queue.js";
import { StreamReset } from "./stream-reset.js";

const NEVER = Number.POSITIVE_INFINITY;

/** Why a message was not taken. */
export type SendResult = "ok" | "too-large" | "empty" | "invalid-stream" | "closed";

export class SctpAssociation {
  private readonly options: SctpOptions;
  private readonly host: SctpHost;
  private readonly offer: Offer;
  private readonly out: PacketSender;
  private readonly sender: DataSender;
  private readonly tracker: DataTracker = new DataTracker();
  private readonly reassembly: Reassembly;
  private readonly resets: StreamReset;
  private readonly heartbeat: Heartbeat;
  private readonly pathMtu: PathMtu;
  private readonly receiveBuffer: number;
  private readonly maxBuffered: number;
  private cookies: CookieJar | undefined;

  state: SctpState = "closed";
  /** No way back: aborted, shut down or failed. */
  private finished = false;
  private localTag: number;
  private localInitialTsn: number;
  private peerTag = 0;
  /** The peer's parameters were taken over (from INIT ACK or a cookie). */
  private adopted = false;
  private capabilities = 0;
  /** Streams we may use, and the peer may use; 65535 until negotiated. */
  outboundStreams: number;
  inboundStreams: number;
  /** Largest message the peer takes, in bytes; 0 = unlimited (RFC 8841 §6). */
  peerMaxMessageSize: number;

  private cookieEcho: Uint8Array | undefined;
  private cookieEchoDue = false;
  private cookieAckDue = false;
  /** T1-init and T1-cookie, T2-shutdown. */
  private handshakeDeadline = NEVER;
  private handshakeTries = 0;
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
    this.offer = { interleaving: options.interleaving ?? true, zeroChecksum: options.zeroChecksum ?? true };
    const mtu = clampMtu(options.mtu ?? DEFAULT_MTU);
    this.pathMtu = new PathMtu(mtu, clampMtu(options.maxMtu ?? mtu));
    this.out = new PacketSender(host, mtu, options.localPort ?? 5000, options.remotePort ?? 5000);
    this.localTag = this.randomTag();
    this.localInitialTsn = read32(options.crypto.random(4), 0);
    this.sender = new DataSender(options, this.out, mtu, this.localInitialTsn);
    this.receiveBuffer = options.receiveBuffer ?? DEFAULT_RECEIVE_BUFFER;
    this.maxBuffered = 2.5 * options.maxMessageSize + this.receiveBuffer + REASSEMBLY_SLACK;
    this.outboundStreams = options.maxStreams ?? 65_535;
    this.inboundStreams = this.outboundStreams;
    this.peerMaxMessageSize = options.peerMaxMessageSize ?? 65_536;
    this.heartbeat = new Heartbeat(options.crypto, options.heartbeatInterval ?? HEARTBEAT_INTERVAL);
    this.reassembly = new Reassembly(
      {
        onMessage: (streamId, ppid, data) => host.onMessage(streamId, ppid, data),
        onOversizeMessage: (streamId) => host.onOversizeMessage?.(streamId),
      },
      options.maxMessageSize,
    );
    this.resets = new StreamReset({
      resetIncoming: (ids) => this.resetIncoming(ids),
      onOutgoingReset: (ids, ok) => this.finishReset(ids, ok),
      onResetRequested: (ids) => this.resetStreams(ids.length > 0 ? ids : this.reassembly.streamIds()),
    });
    this.reportDecrease = (streamId, bytes) => host.onBufferedAmountDecrease(streamId, bytes);
  }

  private randomTag(): number {
    for (;;) {
      const tag = read32(this.options.crypto.random(4), 0);
      if (tag !== 0) return tag;
    }
  }

  private debug(message: string): void {
    this.options.logger?.("debug", "sctp", message);
  }

  // -- Commands

  /** Starts the handshake. Both sides do (RFC 8831 §6.1 with RFC 9260 §5.2.1); whichever INIT is first decides nothing. */
  connect(now: number): void {
    if (this.finished || this.state !== "closed") return;
    this.state = "cookie-wait";
    this.handshakeTries = 0;
    this.sendInit(now);
  }

  /**
   * Queues a message; `data` belongs to the association from now on. Possible in every state but a closing one: what is sent
   * before the handshake is over goes with its last flight.
   */
  send(streamId: number, ppid: number, data: Uint8Array, options: SendOptions, now: number): SendResult {
    if (this.finished || this.state.startsWith("shutdown")) return "closed";
    if (data.length === 0) return "empty";
    if (this.peerMaxMessageSize > 0 && data.length > this.peerMaxMessageSize) return "too-large";
    if (streamId >= this.outboundStreams) return "invalid-stream";
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
    if (head !== undefined && head.offset > 0 && (this.capabilities & CAN_FORWARD_TSN) !== 0) {
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

  /** SCTP packet bytes that fit one record of the path in use now. */
  setMtu(mtu: number): void {
    this.pathMtu.mtu = clampMtu(mtu);
    this.applyMtu();
  }

  /** ICE selected another pair: what was measured is void, and what is in flight is sent again. */
  pathChanged(now: number): void {
    if (this.finished) return;
    this.sender.pathChanged(now);
    if (this.handshakeDeadline !== NEVER) this.handshakeDeadline = now;
    if (this.adopted) this.pathMtu.start();
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
      messagesReceived: this.reassembly.messages,
      chunksRetransmitted: sender.outstanding.retransmitted,
      timeouts: sender.timeouts,
      congestionEvents: sender.congestion.events,
      duplicates: this.tracker.duplicatesSeen,
      packetsDropped: this.packetsDropped,
      usesInterleaving: (this.capabilities & CAN_INTERLEAVE) !== 0,
      usesZeroChecksum: out.zeroChecksum,
    };
  }

  /** True if a user message is queued or not yet acknowledged. */
  get busy(): boolean {
    return !this.sender.idle;
  }

  // -- Handshake

  private sendInit(now: number): void {
    const init = writeInit(INIT, {
      initiateTag: this.localTag,
      arwnd: this.receiveBuffer,
      outboundStreams: this.options.maxStreams ?? 65_535,
      inboundStreams: this.options.maxStreams ?? 65_535,
      initialTsn: this.localInitialTsn,
      parameters: offerParameters(this.offer),
    });
    this.out.sendAlone(init, 0);
    this.startHandshakeTimer(now);
  }

  private startHandshakeTimer(now: number): void {
    const rto = (this.options.rtoInitial ?? RTO_INITIAL) * 2 ** Math.min(10, this.handshakeTries);
    this.handshakeDeadline = now + Math.min(T1_MAX, rto);
  }

  private handleInit(packet: Uint8Array, length: number, now: number): void {
    const init = parseInit(packet, COMMON_HEADER, length);
    const judged = init && judgeParameters(init.parameters);
    if (init === undefined || judged === undefined || !initIsSane(init)) {
      this.drop("malformed INIT");
      return;
    }
    if (this.state === "shutdown-ack-sent") {
      // RFC 9260 §9.2: the peer's SHUTDOWN COMPLETE was lost.
      this.out.add(writeChunk(SHUTDOWN_ACK, 0, new Uint8Array(0)));
      return;
    }
    const starting = this.state === "closed" || this.state === "cookie-wait" || this.state === "cookie-echoed";
    const capabilities = commonCapabilities(judged.accepted, this.offer);
    const streams = this.options.maxStreams ?? 65_535;
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
      arwnd: this.receiveBuffer,
      outboundStreams: cookie.outboundStreams,
      inboundStreams: streams,
      initialTsn: cookie.localInitialTsn,
      parameters: [
        { type: STATE_COOKIE, value: this.cookies.seal(cookie) },
        ...offerParameters(this.offer),
        ...reportUnrecognized(judged.reported),
      ],
    });
    this.out.sendAlone(ack, init.initiateTag);
  }

  private handleInitAck(packet: Uint8Array, offset: number, length: number, now: number): void {
    // RFC 9260 §5.2.3: in any other state it is an old one.
    if (this.state !== "cookie-wait") return;
    const init = parseInit(packet, offset, length);
    const judged = init && judgeParameters(init.parameters);
    const cookie = init && stateCookieOf(init);
    if (init === undefined || judged === undefined || cookie === undefined || cookie.length > MAX_COOKIE) {
      this.drop("malformed INIT ACK");
      return;
    }
    if (!initIsSane(init)) {
      this.fail("init-failed");
      return;
    }
    this.adoptInitAck(init, commonCapabilities(judged.accepted, this.offer));
    this.cookieEcho = writeChunk(COOKIE_ECHO, 0, cookie);
    this.state = "cookie-echoed";
    this.cookieEchoDue = true;
    this.handshakeTries = 0;
    this.startHandshakeTimer(now);
  }

  private adoptInitAck(init: InitChunk, capabilities: number): void {
    const streams = this.options.maxStreams ?? 65_535;
    this.adopt(
      init.initiateTag,
      init.initialTsn,
      init.arwnd,
      Math.min(streams, init.inboundStreams),
      Math.min(streams, init.outboundStreams),
      capabilities,
    );
  }

  private adopt(
    tag: number,
    initialTsn: number,
    rwnd: number,
    outboundStreams: number,
    inboundStreams: number,
    capabilities: number,
  ): void {
    this.adopted = true;
    this.peerTag = tag;
    this.out.tag = tag;
    this.capabilities = capabilities;
    this.outboundStreams = outboundStreams;
    this.inboundStreams = inboundStreams;
    this.out.zeroChecksum = (capabilities & CAN_ZERO_CHECKSUM) !== 0;
    this.sender.peerRwnd = rwnd;
    this.tracker.reset(initialTsn);
    this.resets.begin(this.localInitialTsn, initialTsn);
    this.reassembly.clear();
    const interleaving = (capabilities & CAN_INTERLEAVE) !== 0;
    this.sender.negotiated(interleaving, (capabilities & CAN_FORWARD_TSN) !== 0);
    this.reassembly.sequenceMask = interleaving ? 0xffff_ffff : 0xffff;
  }

  private adoptCookie(cookie: StateCookie): void {
    this.adopt(
      cookie.peerTag,
      cookie.peerInitialTsn,
      cookie.peerRwnd,
      cookie.outboundStreams,
      cookie.inboundStreams,
      cookie.capabilities,
    );
  }

  /** RFC 9260 §5.1.5 and the table of §5.2.4. False if the rest of the packet must not be processed. */
  private handleCookieEcho(packet: Uint8Array, offset: number, length: number, tag: number, now: number): boolean {
    const cookie = this.cookies?.open(packet.subarray(offset + 4, offset + length));
    if (cookie === undefined || tag !== cookie.localTag) {
      this.drop("bad cookie");
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
      this.adoptCookie(cookie);
      this.establish(now);
    } else if (sameLocal) {
      // Actions B and D. A cookie with another peer tag counts only while the handshake is going on.
      if (!samePeer) {
        if (this.state !== "cookie-echoed" && this.state !== "cookie-wait") return false;
        this.adoptCookie(cookie);
      }
      if (this.state === "cookie-echoed" || this.state === "cookie-wait") this.establish(now);
    } else if (!samePeer && cookie.localTieTag === this.localTag && cookie.peerTieTag === this.peerTag) {
      if (this.state === "shutdown-ack-sent") {
        this.out.add(writeChunk(SHUTDOWN_ACK, 0, new Uint8Array(0)));
        this.out.add(writeChunk(ERROR, 0, errorCause(CAUSE_COOKIE_WHILE_SHUTTING_DOWN)));
        return false;
      }
      this.restart(cookie, now);
    } else return false; // Action C.
    this.cookieAckDue = true;
    return true;
  }

  /** Action A of RFC 9260 §5.2.4: the peer lost its state and began anew. */
  private restart(cookie: StateCookie, now: number): void {
    this.debug("peer restarted");
    this.localTag = cookie.localTag;
    this.localInitialTsn = cookie.localInitialTsn;
    this.sender.restart(cookie.localInitialTsn);
    this.adoptCookie(cookie);
    this.draining = [];
    this.state = "established";
    this.heartbeat.start(now);
    this.host.onRestarted?.();
  }

  private establish(now: number): void {
    this.state = "established";
    this.handshakeDeadline = NEVER;
    this.cookieEcho = undefined;
    this.cookieEchoDue = false;
    this.sender.startTimer(now);
    this.heartbeat.start(now);
    this.pathMtu.start();
    this.host.onEstablished();
  }

  private handleHandshakeTimeout(now: number): void {
    this.handshakeTries++;
    if (this.handshakeTries > (this.options.maxInitRetransmits ?? MAX_INIT_RETRANSMITS)) {
      this.close("init-failed");
      return;
    }
    if (this.state === "cookie-wait") this.sendInit(now);
    else if (this.state === "cookie-echoed") {
      this.sender.outstanding.loseAll();
      this.cookieEchoDue = true;
      this.startHandshakeTimer(now);
    } else this.handshakeDeadline = NEVER;
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
    if (!checksumOk(packet, this.offer.zeroChecksum)) {
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
      this.handleInit(packet, length, now);
      return;
    }
    // The tag of these four is judged with the chunk (RFC 9260 §8.5.1).
    const special = first === COOKIE_ECHO || first === ABORT || first === SHUTDOWN_COMPLETE || first === SHUTDOWN_ACK;
    if (tag !== this.localTag && !special) {
      this.drop("wrong verification tag");
      return;
    }
    this.chunks(packet, tag, now);
    if (this.finished) return;
    this.tracker.endOfPacket(now);
    if (this.resets.waiting) this.resets.onCumulativeTsn(this.tracker.cumulativeTsn);
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
        if (tag !== this.localTag) return;
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
    const interleaved = type === I_DATA;
    if (interleaved !== ((this.capabilities & CAN_INTERLEAVE) !== 0)) {
      // RFC 8260 §2.2.1: one kind of chunk per association.
      this.violation("wrong kind of DATA chunk");
      return;
    }
    const header = interleaved ? 20 : 16;
    const size = length - header;
    const { tracker, reassembly } = this;
    if (size < 0) {
      this.violation("short DATA chunk");
      return;
    }
    const tsn = read32(packet, offset + 4);
    if (size === 0) {
      const value = packet.slice(offset + 4, offset + 8);
      this.sendAbort(errorCause(CAUSE_NO_USER_DATA, value));
      this.close("protocol-violation");
      return;
    }
    if (tracker.bytesAhead + size > this.receiveBuffer && tracker.isBeyond(tsn) && tracker.hasGap) {
      // The window is full (RFC 9260 §6.2): only what fills gaps is taken.
      tracker.sackNow = true;
      return;
    }
    const streamId = read16(packet, offset + 8);
    if (!tracker.receive(tsn, size)) return;
    const flags = packet[offset + 1]!;
    if ((flags & FLAG_I) !== 0) tracker.sackNow = true;
    if (streamId >= this.inboundStreams) {
      const value = new Uint8Array(4);
      value.set(packet.subarray(offset + 8, offset + 10));
      this.error(errorCause(CAUSE_INVALID_STREAM, value));
      return;
    }
    const start = offset + header;
    const end = offset + length;
    if (interleaved) {
      const mid = read32(packet, offset + 12);
      reassembly.idata(flags, tsn, streamId, mid, read32(packet, offset + 16), packet, start, end);
    } else {
      const ssn = read16(packet, offset + 10);
      reassembly.data(flags, tsn, streamId, ssn, read32(packet, offset + 12), packet, start, end);
    }
    if (reassembly.buffered > this.maxBuffered && !this.finished) {
      this.sendAbort(errorCause(CAUSE_OUT_OF_RESOURCE));
      this.close("out-of-resource");
    }
  }

  /** False: ignore the rest of the packet. */
  private handleControl(b: Uint8Array, at: number, length: number, type: number, tag: number, now: number): boolean {
    switch (type) {
      case ABORT:
      case SHUTDOWN_COMPLETE: {
        const reflected = (b[at + 1]! & FLAG_T) !== 0;
        if (tag !== (reflected ? this.peerTag : this.localTag) || (reflected && !this.adopted)) {
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
        return this.handleCookieEcho(b, at, length, tag, now);
    }
    if (tag !== this.localTag) {
      this.drop("wrong verification tag");
      return false;
    }
    switch (type) {
      case INIT:
        return false;
      case INIT_ACK:
        this.handleInitAck(b, at, length, now);
        return false;
      case COOKIE_ACK:
        if (this.state === "cookie-echoed") this.establish(now);
        return true;
      case ERROR:
        this.handleError(b, at, length, now);
        return true;
    }
    if (!this.adopted || this.state === "cookie-wait") return true;
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
        if (!this.resets.handle(b, at, length, this.tracker.cumulativeTsn)) this.drop("malformed RE-CONFIG");
        return true;
      case FORWARD_TSN:
      case I_FORWARD_TSN:
        this.handleForwardTsn(b, at, length, type);
        return true;
      case PAD:
        return true;
    }
    // RFC 9260 §3.2: the two high bits say whether to go on, and whether to report.
    if ((type & 0x40) !== 0 && this.state === "established") {
      this.error(errorCause(CAUSE_UNRECOGNIZED_CHUNK, b.slice(at, at + Math.min(length, 64))));
    }
    return (type & 0x80) !== 0;
  }

  private handleForwardTsn(b: Uint8Array, at: number, length: number, type: number): void {
    const interleaved = type === I_FORWARD_TSN;
    if ((this.capabilities & CAN_FORWARD_TSN) === 0 || length < 8) return;
    if (interleaved !== ((this.capabilities & CAN_INTERLEAVE) !== 0)) {
      this.violation("wrong kind of FORWARD TSN chunk");
      return;
    }
    const cumulative = read32(b, at + 4);
    if (!this.tracker.forward(cumulative)) return;
    const { reassembly } = this;
    if (!interleaved) reassembly.forward(cumulative);
    const size = interleaved ? 8 : 4;
    for (let o = at + 8; o + size <= at + length; o += size) {
      const streamId = read16(b, o);
      if (streamId >= this.inboundStreams) continue;
      if (!interleaved) reassembly.skipOrdered(streamId, read16(b, o + 2));
      else if ((b[o + 3]! & 1) !== 0) reassembly.skipUnordered(streamId, read32(b, o + 4));
      else reassembly.skipOrdered(streamId, read32(b, o + 4));
      if (this.finished) return;
    }
  }

  private handleError(b: Uint8Array, at: number, length: number, now: number): void {
    if (this.state !== "cookie-echoed" || length < 8 || read16(b, at + 4) !== CAUSE_STALE_COOKIE) return;
    // RFC 9260 §5.2.6: a new INIT gets a new cookie.
    this.adopted = false;
    this.state = "cookie-wait";
    this.cookieEcho = undefined;
    this.cookieEchoDue = false;
    this.sender.outstanding.loseAll();
    if (++this.handshakeTries > (this.options.maxInitRetransmits ?? MAX_INIT_RETRANSMITS)) this.close("init-failed");
    else this.sendInit(now);
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
    this.sender.congestion.setMtu(this.pathMtu.mtu);
  }

  private resetIncoming(ids: readonly number[]): void {
    const streamIds = ids.length > 0 ? ids : this.reassembly.streamIds();
    for (const id of streamIds) this.reassembly.resetStream(id);
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
      if (tag !== this.localTag) {
        this.drop("wrong verification tag");
        return;
      }
      this.out.add(writeChunk(SHUTDOWN_COMPLETE, 0, new Uint8Array(0)));
      this.out.send();
      this.close("shutdown");
    } else if (!this.adopted || this.state === "cookie-wait" || this.state === "cookie-echoed") {
      // An association of before (RFC 9260 §8.5.1 E): let the peer end it, with its own tag reflected.
      this.out.sendAlone(writeChunk(SHUTDOWN_COMPLETE, FLAG_T, new Uint8Array(0)), tag);
    }
  }

  private sendAbort(cause: Uint8Array): void {
    if (!this.adopted) return;
    this.out.requireChecksum();
    this.out.add(writeChunk(ABORT, 0, cause));
    this.out.send();
  }

  private violation(why: string): void {
    this.debug(why);
    this.sendAbort(errorCause(CAUSE_PROTOCOL_VIOLATION));
    this.close("protocol-violation");
  }

  private fail(reason: SctpCloseReason): void {
    this.sendAbort(errorCause(CAUSE_PROTOCOL_VIOLATION));
    this.close(reason);
  }

  private close(reason: SctpCloseReason): void {
    if (this.finished) return;
    this.finished = true;
    this.state = "closed";
    this.handshakeDeadline = NEVER;
    this.shutdownDeadline = NEVER;
    this.sender.stopTimers();
    this.sender.outstanding.restart(this.localInitialTsn);
    this.sender.queue.clear();
    this.tracker.reset(0);
    this.reassembly.clear();
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
      this.tracker.sackDeadline,
      this.handshakeDeadline,
      this.shutdownDeadline,
      this.heartbeat.deadline,
      this.resets.deadline,
      this.pathMtu.deadline,
    );
  }

  /** Runs what is due at `now`, and flushes. */
  handleTimeout(now: number): void {
    if (this.finished) return;
    if (now >= this.handshakeDeadline) this.handleHandshakeTimeout(now);
    if (now >= this.sender.deadline && this.state !== "cookie-echoed" && this.sender.handleTimeout(now))
      this.countError();
    if (now >= this.tracker.sackDeadline) {
      this.tracker.sackDeadline = NEVER;
      this.tracker.sackNow = true;
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
    const { out, tracker, sender } = this;
    if (this.state === "closed" || this.state === "cookie-wait") {
      out.send();
      return;
    }
    if (this.state === "cookie-echoed") {
      this.flushCookieEcho(now);
      return;
    }
    if (this.cookieAckDue) {
      this.cookieAckDue = false;
      out.add(writeChunk(COOKIE_ACK, 0, new Uint8Array(0)));
    }
    if (this.heartbeatAcks.length > 0 || this.errorChunks.length > 0) this.flushReplies();
    if (tracker.sackNow || (tracker.sackPending && sender.wouldSend(now))) {
      let arwnd = this.receiveBuffer - tracker.bytesAhead;
      // Silly window avoidance (RFC 9260 §6.2): less than a packet is nothing.
      if (arwnd < this.pathMtu.mtu) arwnd = 0;
      tracker.writeSack(out.ensure(64), arwnd);
    }
    if (this.heartbeat.pending && this.state === "established") {
      this.heartbeat.write(out.ensure(24), now, sender.rto.rto);
    }
    if (this.draining.length > 0 || this.resets.pending.length > 0 || this.resets.busy) this.flushResets(now);
    if (this.state !== "shutdown-sent" && this.state !== "shutdown-ack-sent") sender.flush(now, false);
    if (this.state !== "established") this.flushShutdown(now);
    out.send();
    if (this.pathMtu.pendingProbe > 0 && this.state === "established") this.flushProbe(now);
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
    if (!this.cookieEchoDue) return;
    this.cookieEchoDue = false;
    out.send();
    out.add(this.cookieEcho!);
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
        if ((this.capabilities & CAN_RECONFIG) !== 0) resets.want(id);
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
      write32(value, 0, this.tracker.cumulativeTsn);
      out.add(writeChunk(SHUTDOWN, 0, value));
    } else if (this.state === "shutdown-ack-sent") out.add(writeChunk(SHUTDOWN_ACK, 0, new Uint8Array(0)));
    this.shutdownDeadline = now + sender.rto.rto;
  }
}

function clampMtu(mtu: number): number {
  return Math.max(MIN_MTU, Math.min(MAX_MTU, Math.floor(mtu))) & ~3;
}
