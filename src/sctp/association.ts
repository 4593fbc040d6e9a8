// One SCTP association over DTLS (RFC 8261, RFC 9260, RFC 8831): its state, chunk dispatch, timers and bundling. The parts are
// elsewhere: handshake.ts, data-sender.ts, data-receiver.ts, reset-queue.ts and stream-reset.ts, path.ts, replies.ts, shutdown.ts.
//
// Inputs: connect, receive, send, resetStreams, shutdown, abort, handleTimeout, flush. Nothing but handshake answers is
// transmitted before `flush`, which the owner calls at the end of each round. No multi-homing, no dynamic addresses, no AUTH.
import { AssociationSide, type AssociationSideOwner } from "./association-side.js";
import { CAN_FORWARD_TSN, CAN_INTERLEAVE, CAN_RECONFIG } from "./capabilities.js";
import {
  ABORT,
  COOKIE_ACK,
  COOKIE_ECHO,
  DATA,
  ERROR,
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
import { type DataFault, DataReceiver, takesData } from "./data-receiver.js";
import { DataSender } from "./data-sender.js";
import { Handshake } from "./handshake.js";
import type { Standing } from "./identity.js";
import {
  DEFAULT_MTU,
  type SctpAbort,
  type SctpCloseReason,
  type SctpHost,
  type SctpOptions,
  type SctpState,
  type SctpStats,
  type SendOptions,
  type SnapInits,
} from "./options.js";
import { COMMON_HEADER, isLoneInit, packetProblem, pad4, read16, read32 } from "./packet.js";
import { PacketSender } from "./packet-sender.js";
import {
  CAUSE_OUT_OF_RESOURCE,
  CAUSE_PROTOCOL_VIOLATION,
  CAUSE_UNRECOGNIZED_CHUNK,
  CAUSE_USER_INITIATED_ABORT,
  errorCause,
  MAX_ABORT_REASON,
} from "./parameters.js";
import { clampMtu, Path } from "./path.js";
import { Replies } from "./replies.js";
import { ResetQueue } from "./reset-queue.js";
import { OutgoingMessage } from "./send-queue.js";
import { Shutdown } from "./shutdown.js";
import { associationStats, PacketCounters } from "./stats.js";
import type { StreamReset } from "./stream-reset.js";

const NOTHING = new Uint8Array(0);
const NEVER = Number.POSITIVE_INFINITY;

/** Why a message was not taken. */
export type SendResult = "ok" | "too-large" | "empty" | "invalid-stream" | "closed";

export class SctpAssociation implements AssociationSideOwner {
  private readonly options: SctpOptions;
  private readonly host: SctpHost;
  private readonly zeroChecksum: boolean;
  private readonly localPort: number;
  private readonly remotePort: number;
  private readonly out: PacketSender;
  private readonly handshake: Handshake;
  /** @internal */
  readonly sender: DataSender;
  /** @internal */
  readonly receiver: DataReceiver;
  private readonly resets: StreamReset;
  private readonly resetQueue: ResetQueue;
  /** @internal */
  readonly ending: Shutdown;
  private readonly path: Path;

  state: SctpState = "closed";
  /** No way back: aborted, shut down or failed. */
  private finished = false;
  private suspended = false;
  /** Largest message the peer takes, in bytes; 0 = unlimited (RFC 8841 §6). */
  peerMaxMessageSize: number;

  private readonly replies = new Replies();
  private readonly received = new PacketCounters();

  /** `snap`: the INITs of both sides, where the descriptions have them; `connect` needs no handshake then. */
  constructor(options: SctpOptions, host: SctpHost, snap?: SnapInits) {
    this.options = options;
    this.host = host;
    this.zeroChecksum = options.zeroChecksum ?? true;
    this.localPort = options.localPort ?? 5000;
    this.remotePort = options.remotePort ?? 5000;
    this.peerMaxMessageSize = options.peerMaxMessageSize ?? 65_536;
    const mtu = clampMtu(options.mtu ?? DEFAULT_MTU);
    this.out = new PacketSender(host, mtu, this.localPort, this.remotePort);
    this.receiver = new DataReceiver(options, host, (cause) => this.replies.error(cause));
    const side = new AssociationSide(this);
    this.handshake = new Handshake(options, this.out, side, snap);
    this.sender = new DataSender(options, this.out, mtu, this.handshake.localInitialTsn);
    this.path = new Path(options, this.sender, this.out);
    this.resetQueue = new ResetQueue(this.sender, this.receiver.reassembly, this.out, host);
    this.resets = this.resetQueue.resets;
    this.ending = new Shutdown(this.out, this.handshake, side);
  }

  /** @internal */
  adopt(peerInitialTsn: number, peerRwnd: number): boolean {
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
    this.resetQueue.isPossible = (capabilities & CAN_RECONFIG) !== 0;
    return true;
  }

  /** @internal */
  establish(now: number): void {
    this.sender.startTimer(now);
    this.path.start(now);
    this.host.onEstablished();
  }

  /** @internal */
  restart(now: number): void {
    this.debug("peer restarted");
    this.sender.restart(this.handshake.localInitialTsn);
    this.resetQueue.clear();
    this.ending.stop();
    this.path.restart(now);
    this.host.onRestarted?.();
  }

  private debug(message: string): void {
    this.options.logger?.("debug", "sctp", message);
  }

  // -- Commands

  /**
   * Starts the handshake. Both sides do (RFC 8831 §6.1 with RFC 9260 §5.2.1); whichever INIT is first decides nothing. With `snap` the
   * association is established at once. `roundTrip`: what is known of the path, in milliseconds.
   */
  connect(now: number, roundTrip?: number): void {
    if (this.finished || this.state !== "closed") return;
    if (roundTrip !== undefined) this.sender.rto.expect(roundTrip);
    if (!this.handshake.establishAsSignaled(now)) this.handshake.start(now);
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
    for (const id of streamIds) this.resetQueue.add(id);
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
    this.ending.sendAbort(errorCause(CAUSE_USER_INITIATED_ABORT, text.subarray(0, MAX_ABORT_REASON)));
    this.close("aborted");
  }

  /** SCTP packet bytes that fit one record of the path in use now: for certain, and at best (see `maxMtu`). */
  setMtu(mtu: number, maxMtu: number = mtu): void {
    this.path.setMtu(mtu, maxMtu);
    if (this.handshake.adopted) this.path.search();
  }

  /** ICE selected another pair: what was measured is void, and what is in flight is sent again. */
  pathChanged(now: number): void {
    if (this.finished) return;
    this.sender.pathChanged(now);
    this.handshake.hurry(now);
    if (this.handshake.adopted) this.path.search();
  }

  /** While suspended it sends no data: the peer may have forgotten the association, which `probe` finds out. */
  suspend(): void {
    this.suspended = true;
  }

  resume(now: number): void {
    if (!this.suspended) return;
    this.suspended = false;
    this.pathChanged(now);
  }

  /** Sends something that the peer answers, so that `identify` can judge the answer. */
  probe(): void {
    if (!this.handshake.probe()) this.path.probe();
  }

  /** For `identify`; undefined where tags tell associations apart. */
  get standing(): Standing | undefined {
    return this.handshake.standing(this.sender.outstanding.cumulativeTsn, this.receiver.tracker.cumulativeTsn);
  }

  /** Takes over what another association, which is given up, has not begun to send; to be called before `connect`, or in its `onClosed`. */
  takeOver(other: SctpAssociation): void {
    this.sender.queue.adopt(other.sender.queue);
  }

  get stats(): SctpStats {
    const { state, out, handshake, sender, receiver, received } = this;
    return associationStats({ state, mtu: this.path.mtu, out, handshake, sender, receiver, received });
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
    this.received.packets++;
    this.received.bytes += packet.length;
    const problem = packetProblem(packet, this.localPort, this.remotePort, this.zeroChecksum);
    if (problem !== undefined) {
      this.drop(problem);
      return;
    }
    const tag = read32(packet, 4);
    const first = packet[COMMON_HEADER]!;
    if (first === INIT) {
      if (isLoneInit(packet)) this.handshake.handleInit(packet, COMMON_HEADER, read16(packet, COMMON_HEADER + 2), now);
      else this.drop("bad INIT packet");
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

  private handleData(packet: Uint8Array, offset: number, length: number, type: number): void {
    if (!takesData(this.state)) return;
    // RFC 9260 §9.2: data that crosses our SHUTDOWN is answered with another one.
    if (this.state === "shutdown-sent") this.ending.repeat();
    const fault = this.receiver.handleData(packet, offset, length, type);
    if (fault !== undefined) this.refuse(fault);
  }

  /** False: ignore the rest of the packet. */
  private handleControl(b: Uint8Array, at: number, length: number, type: number, tag: number, now: number): boolean {
    switch (type) {
      case ABORT:
      case SHUTDOWN_COMPLETE:
        this.ending.handleEnd(b, at, length, tag);
        return false;
      case SHUTDOWN_ACK:
        this.ending.handleShutdownAck(tag);
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
          this.path.confirm();
        }
        return true;
      case HEARTBEAT:
        this.replies.toHeartbeat(b, at, length);
        return true;
      case HEARTBEAT_ACK:
        this.path.handleHeartbeatAck(b, at, length, now);
        return true;
      case SHUTDOWN:
        if (length >= 8) this.ending.handleShutdown(read32(b, at + 4), now);
        return true;
      case RE_CONFIG:
        if (!this.resets.handle(b, at, length, this.receiver.tracker.cumulativeTsn)) this.drop("malformed RE-CONFIG");
        else if (this.resets.takeAnswered()) {
          this.path.confirm();
          this.sender.rto.onProgress();
          this.resets.restartTimer(now, this.sender.rto.rto);
        }
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
      this.replies.error(errorCause(CAUSE_UNRECOGNIZED_CHUNK, b.slice(at, at + Math.min(length, 64))));
    }
    return (type & 0x80) !== 0;
  }

  // -- Closing

  private refuse(fault: DataFault): void {
    if (this.finished) return;
    this.debug(fault.why);
    if (fault.reason === "out-of-resource") this.ending.sendAbort(errorCause(CAUSE_OUT_OF_RESOURCE));
    else this.ending.sendAbort(fault.cause ?? errorCause(CAUSE_PROTOCOL_VIOLATION));
    this.close(fault.reason);
  }

  private fail(reason: SctpCloseReason): void {
    this.ending.sendAbort(errorCause(CAUSE_PROTOCOL_VIOLATION));
    this.close(reason);
  }

  /** @internal */
  close(reason: SctpCloseReason, abort?: SctpAbort): void {
    if (this.finished) return;
    this.finished = true;
    this.state = "closed";
    this.handshake.stop();
    this.ending.stop();
    this.sender.stopTimers();
    this.sender.outstanding.restart(this.handshake.localInitialTsn);
    this.receiver.stop();
    this.resets.stop();
    this.path.stop();
    this.replies.clear();
    this.host.onClosed(reason, abort);
    this.sender.queue.clear();
  }

  /** @internal */
  drop(why: string): void {
    this.received.dropped++;
    this.debug(`dropped: ${why}`);
  }

  // -- Timers

  /** Monotonic milliseconds at which `handleTimeout` is wanted; Infinity when idle. */
  get deadline(): number {
    return Math.min(
      this.suspended ? NEVER : this.sender.deadline,
      this.receiver.tracker.sackDeadline,
      this.handshake.deadline,
      this.ending.deadline,
      this.path.deadline,
      this.suspended ? NEVER : this.resets.deadline,
    );
  }

  /** Runs what is due at `now`, and flushes. */
  handleTimeout(now: number): void {
    if (this.finished) return;
    if (now >= this.handshake.deadline) this.handshake.handleTimeout(now);
    if (this.finished) return;
    const { suspended } = this;
    if (!suspended && now >= this.sender.deadline && this.state !== "cookie-echoed" && this.sender.handleTimeout(now)) {
      this.countError();
      this.path.fallBack();
    }
    if (now >= this.receiver.tracker.sackDeadline) {
      this.receiver.tracker.sackDeadline = NEVER;
      this.receiver.tracker.sackNow = true;
    }
    if (now >= this.path.deadline && this.path.handleTimeout(now)) this.countError();
    if (!suspended && now >= this.resets.deadline && this.resets.handleTimeout()) {
      this.sender.rto.onTimeout();
      this.countError();
    }
    if (now >= this.ending.deadline) {
      this.ending.repeat();
      this.sender.rto.onTimeout();
      this.countError();
    }
    this.flush(now);
  }

  /** RFC 9260 §8.1. */
  private countError(): void {
    if (this.path.countError()) this.close("unreachable");
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
    if (this.replies.pending) this.replies.flush(out);
    if (tracker.sackNow || (tracker.sackPending && sender.wouldSend(now))) {
      this.receiver.writeSack(out, this.path.mtu);
    }
    if (this.state === "established") this.path.flush(now);
    if (this.suspended) {
      out.send();
      return;
    }
    if (this.resetQueue.isBusy) this.resetQueue.flush(now);
    if (this.state !== "shutdown-sent" && this.state !== "shutdown-ack-sent") sender.flush(now, false);
    if (this.state !== "established") this.ending.flush(now);
    out.send();
    if (this.state === "established") this.path.flushProbe(now);
    if (this.resetQueue.isDraining) {
      this.resetQueue.flush(now);
      out.send();
    }
    sender.queue.report(this.host);
    this.resetQueue.reportRefused();
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
    sender.queue.report(this.host);
  }
}
