// One data channel of the machine in channels.ts: its parameters, state and counters, and what its owner remembers of it.
import type { SctpAbort, SendOptions } from "../sctp/options.js";
import { type ChannelPriority, priorityWeight } from "./dcep.js";

export interface ChannelParameters {
  readonly label: string;
  readonly protocol: string;
  readonly ordered: boolean;
  readonly maxRetransmits?: number | undefined;
  /** Milliseconds. */
  readonly maxPacketLifeTime?: number | undefined;
  /** Both sides open the channel with the same `id`; no DCEP. */
  readonly negotiated: boolean;
  readonly id?: number | undefined;
  readonly priority: ChannelPriority;
}

export type ChannelState = "connecting" | "open" | "closing" | "closed";

/** Why a channel was closed without being asked to. */
export type ChannelError =
  /** No stream identifier left, or the identifier is beyond what the peer accepts. */
  | "no-stream"
  | "id-in-use"
  /** A message larger than we said we accept. */
  | "oversize-message"
  | "protocol-error"
  /** The association ended, though not by an orderly shutdown. */
  | "association-failed"
  /** The peer aborted the association (it closed its connection). */
  | "peer-abort";

export type ChannelSendResult = "ok" | "not-open" | "too-large";

/** The events of one channel. Must not call back into the machine synchronously. */
export interface ChannelHandler {
  /** Not called for incoming channels: those are open from the start. */
  onOpen(): void;
  /** `data` belongs to the handler; it may be a view of a larger buffer. Text is UTF-8. */
  onMessage(data: Uint8Array, isText: boolean): void;
  onBufferedAmountDecrease(bytes: number): void;
  /** The peer reset its side (state is "closing" now). Not called after `close()`. */
  onClosing(): void;
  /** The last event. */
  onClosed(): void;
  /** Comes before `onClosed`. `abort`: of a "peer-abort". */
  onError(reason: ChannelError, abort?: SctpAbort): void;
}

/** For a channel that nobody listens to yet. */
export const NO_HANDLER: ChannelHandler = {
  onOpen() {},
  onMessage() {},
  onBufferedAmountDecrease() {},
  onClosing() {},
  onClosed() {},
  onError() {},
};

/** What a channel asks of the machine that it belongs to. */
export interface ChannelOwner {
  send(channel: Channel, data: Uint8Array, isText: boolean): ChannelSendResult;
  close(channel: Channel): void;
}

/** One data channel. The members marked internal are for its owner alone. */
export class Channel {
  private readonly owner: ChannelOwner;
  readonly parameters: ChannelParameters;
  /** Null until the DTLS role decides. */
  id: number | null;
  state: ChannelState = "connecting";
  /** User bytes given to `send` and not yet handed to the transport. Stays as it is once the channel is closed. */
  bufferedAmount = 0;
  messagesSent = 0;
  bytesSent = 0;
  messagesReceived = 0;
  bytesReceived = 0;
  /** Internal. */
  handler: ChannelHandler;
  /** Internal: the peer has confirmed (or sent something), so that unordered messages cannot overtake the OPEN. */
  confirmed: boolean;
  /** Internal: the peer opened it. */
  byPeer = false;
  /** Internal: our reset is done, and the peer's. */
  outgoingReset = false;
  incomingReset = false;
  /** Internal: what partial messages (PPID 52, 54) have brought. */
  partial: Uint8Array[] = [];
  partialBytes = 0;
  private readonly ordered: SendOptions;
  private readonly options: SendOptions;
  private readonly emptyOptions: SendOptions;

  constructor(owner: ChannelOwner, parameters: ChannelParameters, id: number | null, handler: ChannelHandler) {
    this.owner = owner;
    this.parameters = parameters;
    this.id = id;
    this.handler = handler;
    this.confirmed = parameters.negotiated;
    this.ordered = sendOptions(parameters, false, false);
    this.options = parameters.ordered ? this.ordered : sendOptions(parameters, true, false);
    this.emptyOptions = sendOptions(parameters, !parameters.ordered, true);
  }

  /** Queues a message; `data` belongs to the channel from now on. */
  send(data: Uint8Array, isText: boolean): ChannelSendResult {
    return this.owner.send(this, data, isText);
  }

  /** Closes after what is queued has been sent. `onClosed` follows; at once if the channel was never open. */
  close(): void {
    this.owner.close(this);
  }

  /** Internal: options for a message of `length` bytes. */
  sendOptions(length: number): SendOptions {
    if (!this.confirmed) return length === 0 ? sendOptions(this.parameters, false, true) : this.ordered;
    return length === 0 ? this.emptyOptions : this.options;
  }
}

function sendOptions(parameters: ChannelParameters, unordered: boolean, uncounted: boolean): SendOptions {
  return {
    maxRetransmits: parameters.maxRetransmits,
    lifetime: parameters.maxPacketLifeTime,
    priority: priorityWeight(parameters.priority),
    unordered,
    uncounted,
  };
}
