// Data channels over one SCTP association (RFC 8831, RFC 8832): stream identifiers, opening, messages and their payload
// protocol identifiers, closing by stream reset. The machine under W3C's RTCDataChannel; it fires no events of its own but calls
// one handler per channel.
//
// Channels can be opened before there is an association or a DTLS role. The owner makes the association with `sctpHost(…)` as its
// host, hands it over with `attach`, and says the role with `setRole`, in any order.

import type { SctpAssociation, SendResult } from "../sctp/association.js";
import type { SctpAbort, SctpCloseReason, SctpHost, SendOptions } from "../sctp/options.js";
import {
  Channel,
  type ChannelError,
  type ChannelHandler,
  type ChannelOwner,
  type ChannelParameters,
  type ChannelSendResult,
  NO_HANDLER,
} from "./channel.js";
import { ChannelResets } from "./channel-resets.js";
import {
  ACK_MESSAGE,
  type ChannelOpen,
  PPID_BINARY,
  PPID_BINARY_EMPTY,
  PPID_BINARY_PARTIAL,
  PPID_DCEP,
  PPID_STRING,
  PPID_STRING_EMPTY,
  PPID_STRING_PARTIAL,
  parseDcep,
  priorityWeight,
  writeOpen,
} from "./dcep.js";
import { EarlyMessages } from "./early-messages.js";
import { PartialMessages } from "./partial-messages.js";
import { type CloseHandler, SctpSide, type SctpSideOwner } from "./sctp-side.js";

export type {
  Channel,
  ChannelError,
  ChannelHandler,
  ChannelParameters,
  ChannelSendResult,
  ChannelState,
} from "./channel.js";
export { MAX_PARTIAL_BYTES } from "./partial-messages.js";

/** 65535 is reserved (RFC 8832 §6). */
const MAX_ID = 65_534;
/** UTF-16 units of labels and protocols of the channels that the peer has open; what would exceed it is reset at once. */
export const MAX_PEER_NAMES: number = 4 * 1024 * 1024;

export interface DataChannelHost {
  /** Monotonic milliseconds (for message lifetimes). */
  now(): number;
  /** Something was queued: the association wants a `flush` at the end of the round. */
  onFlushNeeded(): void;
  /** The peer opened a channel, which is open now. Returns its handler. */
  onChannel(channel: Channel): ChannelHandler;
  onEstablished?(): void;
  onClosed?(reason: SctpCloseReason): void;
}

/** What channels need of an association; SctpAssociation fits. */
export interface ChannelAssociation {
  readonly outboundStreams: number;
  readonly inboundStreams: number;
  send(streamId: number, ppid: number, data: Uint8Array, options: SendOptions, now: number): SendResult;
  resetStreams(streamIds: readonly number[]): void;
  discard(streamId: number): void;
}

const CONTROL: SendOptions = { uncounted: true };

export class DataChannels implements ChannelOwner, SctpSideOwner {
  private host: DataChannelHost;
  private association: ChannelAssociation | undefined;
  /** @internal Changes with each association. */
  generation = 0;
  private role: "client" | "server" | undefined;
  private established = false;
  private closedReason: SctpCloseReason | undefined;
  private readonly byId: Map<number, Channel> = new Map();
  /** Channels without an id. */
  private waiting: Channel[] = [];
  /** The lowest id of our parity that may be free. */
  private nextId = 0;
  private recent: Channel | undefined;
  private readonly early: EarlyMessages = new EarlyMessages();
  private readonly resets: ChannelResets = new ChannelResets();
  private peerNames = 0;
  private readonly partial: PartialMessages;
  /** Messages dropped: for no channel, or of an unknown kind. */
  dropped = 0;

  constructor(host: DataChannelHost, maxMessageSize: number) {
    this.host = host;
    this.partial = new PartialMessages(maxMessageSize);
  }

  /** From now on the channels are another transport's. */
  move(host: DataChannelHost): void {
    this.host = host;
  }

  /**
   * The host to make the association with. `transmit` as in SctpHost. `handleClosed`, if given, hears of the end of the association
   * in place of the channels, and says with `tell` what is to be told to those.
   */
  sctpHost(transmit: (packet: Uint8Array) => void, handleClosed?: CloseHandler): SctpHost {
    return new SctpSide(this, ++this.generation, transmit, handleClosed);
  }

  attach(association: ChannelAssociation): void {
    this.association = association;
  }

  /**
   * Lets go of the association, before it is ended for another: what is open on it ends, what was to open yet waits for the
   * next, and for a role unless that stays.
   */
  detach(keepRole: boolean): void {
    this.generation++;
    this.association = undefined;
    this.established = false;
    this.closedReason = undefined;
    if (!keepRole) this.role = undefined;
    this.nextId = this.role === "server" ? 1 : 0;
    this.forgetStreams();
    for (const channel of this.list()) {
      if (channel.state !== "connecting") this.finish(channel, "association-failed");
      else this.withdrawId(channel);
    }
    if (this.role !== undefined) this.assignIds();
  }

  /**
   * Lets go of the association for another, in which what is open goes on, on the same streams. What has been sent and is
   * not acknowledged is lost, but not what `association` has taken over; what was being closed is closed.
   */
  carryOver(association: ChannelAssociation & Pick<SctpAssociation, "bufferedAmount">): void {
    this.association = association;
    this.established = false;
    this.recent = undefined;
    this.forgetStreams();
    for (const channel of this.list()) {
      this.partial.drop(channel);
      if (channel.state === "closing") this.finish(channel, undefined);
      else if (channel.state === "open") {
        const lost = channel.bufferedAmount - association.bufferedAmount(channel.id!);
        if (lost > 0) {
          channel.bufferedAmount -= lost;
          channel.handler.onBufferedAmountDecrease(lost);
        }
      }
    }
  }

  /** The DTLS role decides which ids are ours: client even, server odd (RFC 8832 §6). */
  setRole(role: "client" | "server"): void {
    if (this.role !== undefined) return;
    this.role = role;
    this.nextId = role === "client" ? 0 : 1;
    this.assignIds();
  }

  /** The DTLS association is another: what has not been opened yet, or comes later, has identifiers of this role. */
  changeRole(role: "client" | "server"): void {
    if (role === this.role) return;
    this.role = undefined;
    for (const channel of [...this.byId.values()]) if (channel.state === "connecting") this.withdrawId(channel);
    this.setRole(role);
  }

  private withdrawId(channel: Channel): void {
    if (channel.parameters.negotiated || channel.id === null) return;
    this.byId.delete(channel.id);
    channel.id = null;
    this.waiting.push(channel);
  }

  /** Channels that are not closed, those without an id last. */
  list(): Channel[] {
    return [...this.byId.values(), ...this.waiting];
  }

  idInUse(id: number): boolean {
    return this.byId.has(id) || this.resets.isLingering(id);
  }

  /** Number of channels that the association can carry: 65535 before it is established. */
  get maxChannels(): number {
    const { association } = this;
    if (association === undefined || !this.established) return MAX_ID + 1;
    return Math.min(MAX_ID + 1, association.outboundStreams, association.inboundStreams);
  }

  /** Makes a channel. Where that fails, `onError` and `onClosed` are called at once and the state is "closed". */
  open(parameters: ChannelParameters, handler: ChannelHandler): Channel {
    const channel = new Channel(this, parameters, parameters.id ?? null, handler);
    if (this.closedReason !== undefined) this.finish(channel, "association-failed");
    else if (channel.id !== null && this.idInUse(channel.id)) this.finish(channel, "id-in-use");
    else if (channel.id !== null) {
      this.byId.set(channel.id, channel);
      if (this.established) this.start(channel);
    } else {
      this.waiting.push(channel);
      if (this.role !== undefined) this.assignIds();
    }
    return channel;
  }

  private assignIds(): void {
    const { waiting } = this;
    this.waiting = [];
    for (const channel of waiting) {
      const id = this.freeId();
      if (id === undefined) {
        this.finish(channel, "no-stream");
        continue;
      }
      channel.id = id;
      this.byId.set(id, channel);
      if (this.established) this.start(channel);
    }
  }

  private freeId(): number | undefined {
    const limit = this.maxChannels;
    for (let id = this.nextId; id < limit; id += 2) {
      if (this.idInUse(id)) continue;
      this.nextId = id + 2;
      return id;
    }
    this.nextId = limit;
    return undefined;
  }

  /** The association is up: announces the channel and opens it. */
  private start(channel: Channel): void {
    const id = channel.id!;
    if (id >= this.maxChannels) {
      this.failChannel(channel, "no-stream");
      return;
    }
    if (!channel.parameters.negotiated) {
      // Reliable and ordered, whatever the channel is (RFC 8832 §6).
      const options = { uncounted: true, priority: priorityWeight(channel.parameters.priority) };
      this.association!.send(id, PPID_DCEP, writeOpen(channel.parameters), options, this.host.now());
      this.host.onFlushNeeded();
    }
    channel.state = "open";
    channel.handler.onOpen();
    for (const { ppid, data } of this.early.take(id)) this.handleMessage(id, ppid, data);
    if (channel.incomingReset && channel.state === "open") this.closeByPeer(channel, id);
  }

  /** Internal: Channel.send. */
  send(channel: Channel, data: Uint8Array, isText: boolean): ChannelSendResult {
    if (channel.state !== "open") return "not-open";
    const { length } = data;
    const association = this.association!;
    const options = channel.sendOptions(length);
    let result: SendResult;
    if (length > 0) {
      const ppid = isText ? PPID_STRING : PPID_BINARY;
      result = association.send(channel.id!, ppid, data, options, this.host.now());
    } else {
      // SCTP has no empty messages (RFC 8831 §6.6).
      const ppid = isText ? PPID_STRING_EMPTY : PPID_BINARY_EMPTY;
      result = association.send(channel.id!, ppid, new Uint8Array(1), options, this.host.now());
    }
    if (result !== "ok") return result === "too-large" ? "too-large" : "not-open";
    channel.bufferedAmount += length;
    channel.messagesSent++;
    channel.bytesSent += length;
    this.host.onFlushNeeded();
    return "ok";
  }

  /** Internal: Channel.close. */
  close(channel: Channel): void {
    if (channel.state === "closing" || channel.state === "closed") return;
    if (channel.state === "connecting") {
      this.finish(channel, undefined);
      return;
    }
    channel.state = "closing";
    this.resetStreams([channel.id!]);
  }

  /** A reset that the peer has not answered comes first; see handleOutgoingReset. */
  private resetStreams(ids: readonly number[]): void {
    this.association!.resetStreams(ids.filter((id) => !this.resets.isReused(id)));
    this.host.onFlushNeeded();
  }

  // -- Events of the association, by way of SctpSide

  /** @internal */
  handleEstablished(): void {
    this.established = true;
    this.host.onEstablished?.();
    for (const channel of [...this.byId.values()]) if (channel.state === "connecting") this.start(channel);
  }

  /** @internal */
  handleMessage(streamId: number, ppid: number, data: Uint8Array): void {
    let channel = this.recent;
    if (channel === undefined || channel.id !== streamId) {
      channel = this.byId.get(streamId);
      if (channel === undefined) {
        if (ppid === PPID_DCEP) this.handleDcep(streamId, data);
        else this.keepEarly(streamId, ppid, data);
        return;
      }
      this.recent = channel;
    }
    if (ppid === PPID_DCEP) {
      this.handleDcep(streamId, data);
      return;
    }
    if (channel.state === "connecting") {
      this.keepEarly(streamId, ppid, data);
      return;
    }
    channel.confirmed = true;
    // After close() nothing is delivered (W3C: the state is "closing"). Behind the peer's reset it is for the next channel.
    if (channel.state !== "open") {
      if (channel.incomingReset) this.keepEarly(streamId, ppid, data);
      return;
    }
    switch (ppid) {
      case PPID_STRING:
      case PPID_BINARY:
        if (channel.partialBytes > 0) {
          const whole = this.partial.join(channel, data);
          if (whole === undefined) {
            this.failChannel(channel, "oversize-message");
            return;
          }
          data = whole;
        }
        this.deliver(channel, data, ppid === PPID_STRING);
        return;
      case PPID_STRING_EMPTY:
      case PPID_BINARY_EMPTY:
        this.deliver(channel, new Uint8Array(0), ppid === PPID_STRING_EMPTY);
        return;
      case PPID_STRING_PARTIAL:
      case PPID_BINARY_PARTIAL:
        if (!this.partial.keep(channel, data)) this.failChannel(channel, "oversize-message");
        return;
      default:
        this.dropped++;
    }
  }

  private deliver(channel: Channel, data: Uint8Array, isText: boolean): void {
    channel.messagesReceived++;
    channel.bytesReceived += data.length;
    channel.handler.onMessage(data, isText);
  }

  private keepEarly(streamId: number, ppid: number, data: Uint8Array): void {
    this.resets.handleData(streamId);
    if (!this.early.keep(streamId, ppid, data)) this.dropped++;
  }

  private handleDcep(streamId: number, data: Uint8Array): void {
    const message = parseDcep(data);
    const channel = this.byId.get(streamId);
    if (message === undefined) {
      // RFC 8832 §6: what cannot be understood ends the channel.
      if (channel !== undefined) this.failChannel(channel, "protocol-error");
      else this.dropped++;
      return;
    }
    if (message.kind === "ack") {
      if (channel !== undefined) channel.confirmed = true;
      return;
    }
    if (channel !== undefined) {
      if (channel.state === "closing" && channel.incomingReset) {
        // A new one behind the reset of the old: the peer has both resets, only its answer to ours is late.
        this.resets.reuse(streamId);
        this.finish(channel, undefined);
        this.accept(streamId, message.open);
      } else if (channel.state === "open") this.failChannel(channel, "protocol-error");
      return;
    }
    this.accept(streamId, message.open);
  }

  private accept(id: number, open: ChannelOpen): void {
    if (id > MAX_ID || this.resets.lacksIncoming(id)) {
      this.dropped++;
      return;
    }
    const names = namesOf(open);
    if (this.peerNames + names > MAX_PEER_NAMES) {
      this.dropped++;
      this.resets.linger(id, false, false);
      this.association!.resetStreams([id]);
      this.host.onFlushNeeded();
      return;
    }
    this.peerNames += names;
    if (this.resets.isLingering(id)) this.resets.reuse(id);
    const channel = new Channel(this, { negotiated: false, id, ...open }, id, NO_HANDLER);
    channel.byPeer = true;
    channel.state = "open";
    channel.confirmed = true;
    this.byId.set(id, channel);
    const priority = priorityWeight(open.priority);
    this.association!.send(id, PPID_DCEP, ACK_MESSAGE.slice(), { priority, ...CONTROL }, this.host.now());
    this.host.onFlushNeeded();
    channel.handler = this.host.onChannel(channel);
    for (const { ppid, data } of this.early.take(id)) this.handleMessage(id, ppid, data);
  }

  /** @internal */
  handleBufferedAmountDecrease(streamId: number, bytes: number): void {
    const channel = this.byId.get(streamId);
    if (channel === undefined || channel.state === "closed") return;
    channel.bufferedAmount -= bytes;
    channel.handler.onBufferedAmountDecrease(bytes);
  }

  /** @internal */
  handleOversizeMessage(streamId: number): void {
    const channel = this.byId.get(streamId);
    if (channel !== undefined) this.failChannel(channel, "oversize-message");
  }

  /** @internal The peer's end of the association is another, and knows none of the channels. */
  handleRestarted(): void {
    this.resets.clear();
    for (const channel of [...this.byId.values()]) this.finish(channel, "association-failed");
  }

  /** @internal The peer has reset its outgoing streams: each of these channels is being closed (RFC 8831 §6.7). */
  handleStreamsReset(ids: readonly number[]): void {
    for (const id of ids) {
      const channel = this.byId.get(id);
      if (channel?.state === "connecting") {
        // A negotiated one that the peer has closed before we are established: it opens, hears what came, and closes.
        channel.incomingReset = true;
        continue;
      }
      this.early.take(id);
      if (channel === undefined) {
        // Nobody here, but the peer may wait for our side.
        const isKnown = this.resets.isLingering(id) || id < this.maxChannels;
        if (isKnown && this.resets.handleIncoming(id, this.host.now())) this.resetStreams([id]);
        continue;
      }
      channel.incomingReset = true;
      if (channel.state === "open") this.closeByPeer(channel, id);
      else if (channel.state === "closing" && channel.outgoingReset) this.finish(channel, undefined);
    }
  }

  private closeByPeer(channel: Channel, id: number): void {
    channel.state = "closing";
    // The peer would not deliver it any more.
    this.association!.discard(id);
    this.resetStreams([id]);
    channel.handler.onClosing();
  }

  /** @internal */
  handleOutgoingReset(ids: readonly number[], ok: boolean): void {
    for (const id of ids) {
      if (this.resets.endReuse(id)) {
        // The channel on it now may want its own.
        if (this.byId.get(id)?.state === "closing" || this.resets.isLingering(id)) this.resetStreams([id]);
        continue;
      }
      this.resets.handleOutgoing(id, ok, this.host.now());
      this.recycle(id);
      const channel = this.byId.get(id);
      if (channel === undefined) continue;
      channel.outgoingReset = true;
      // Where the peer refuses there is nothing more to wait for.
      if (channel.incomingReset || !ok) this.finish(channel, undefined);
    }
  }

  /** What carries the association has failed; its own end, which the owner sees to, changes nothing more here. */
  handleTransportFailed(): void {
    this.handleClosed("transport-failed");
  }

  /** @internal */
  handleClosed(reason: SctpCloseReason, abort?: SctpAbort): void {
    if (this.closedReason !== undefined) return;
    this.closedReason = reason;
    const orderly = reason === "shutdown" || reason === "peer-shutdown" || reason === "aborted";
    const error = orderly ? undefined : reason === "peer-abort" ? reason : "association-failed";
    this.forgetStreams();
    for (const channel of this.list()) {
      // What the peer has closed before it left has ended in order: programs close channel and connection in one breath.
      const isOver = reason === "peer-abort" && channel.incomingReset && channel.state === "closing";
      this.finish(channel, isOver ? undefined : error, abort);
    }
    this.host.onClosed?.(reason);
  }

  private forgetStreams(): void {
    this.early.clear();
    this.resets.clear();
  }

  // -- Ends

  /** Closes a channel for a fault: the handler hears of it now, the stream is reset. */
  private failChannel(channel: Channel, reason: ChannelError): void {
    if (channel.state === "closed") return;
    const { id } = channel;
    if (id !== null && (channel.state === "open" || channel.state === "closing")) {
      this.resets.linger(id, channel.outgoingReset, channel.incomingReset);
      this.association?.discard(id);
      if (!channel.outgoingReset && this.association !== undefined) this.resetStreams([id]);
    }
    this.finish(channel, reason);
  }

  private finish(channel: Channel, error: ChannelError | undefined, abort?: SctpAbort): void {
    if (channel.state === "closed") return;
    channel.state = "closed";
    const { id } = channel;
    if (id !== null && this.byId.get(id) === channel) {
      this.byId.delete(id);
      this.recycle(id);
      if (channel.incomingReset && channel.outgoingReset) this.resets.handleOver(id, this.host.now());
    }
    if (this.recent === channel) this.recent = undefined;
    if (id === null) this.waiting = this.waiting.filter((other) => other !== channel);
    this.partial.drop(channel);
    if (channel.byPeer) this.peerNames -= namesOf(channel.parameters);
    if (error !== undefined) channel.handler.onError(error, abort);
    channel.handler.onClosed();
  }

  /** An id of our parity may be free again. */
  private recycle(id: number): void {
    const parity = this.role === "server" ? 1 : 0;
    if (this.role !== undefined && (id & 1) === parity && id < this.nextId) this.nextId = id;
  }
}

function namesOf({ label, protocol }: { readonly label: string; readonly protocol: string }): number {
  return label.length + protocol.length;
}
