// RTCDataChannel in another thread (webrtc-pc §6.2, "transfer steps"): the channel of the SCTP association stays where the
// connection is, and a relay there tells an object in the other thread, over a link, what happens to it. What a link is made
// of, and how objects get into messages, is the platform's matter (src/node/transfer.ts).
import type { ChannelError, ChannelHandler, SctpAbort } from "../peer/peer-transport.js";
import type { Platform } from "../peer/platform.js";
import type { DataChannelParameters } from "./data-channel-init.js";
import { domException } from "./errors.js";
import {
  type ChannelTransport,
  DataChannelImpl,
  type DataChannelOwner,
  dataChannelImplOf,
  type RTCDataChannel,
} from "./rtc-data-channel.js";
import { TaskQueue } from "./task-queue.js";

/** One end of a way between two threads: messages are copied, in order, and buffers moved. */
export interface ThreadLink {
  post(message: readonly unknown[], moved: readonly ArrayBuffer[]): void;
  /** `onGone`: the other end was closed, or its thread has ended. */
  listen(onMessage: (message: readonly unknown[]) => void, onGone: () => void): void;
  close(): void;
  /** Whether the link keeps its thread alive. */
  hold(hold: boolean): void;
}

/** Bytes on their way to a thread that does not take them, above which the channel ends. */
export const MAX_RELAYED: number = 256 * 1024 * 1024;
/** Bytes after which the other thread says that it has taken them. */
const TAKEN_STEP = 256 * 1024;
const MESSAGE_OVERHEAD = 64;

/** Throws DataCloneError unless the channel can be transferred now: in the task that made it, and before anything was sent. */
export function checkTransferable(channel: RTCDataChannel): void {
  if (!dataChannelImplOf(channel).isTransferable) {
    throw domException("DataCloneError", "The RTCDataChannel can no longer be transferred.");
  }
}

/** What the other end needs to know beforehand. */
export function describeDataChannel(channel: RTCDataChannel): DataChannelParameters {
  return { ...dataChannelImplOf(channel).parameters };
}

/** Hands the channel over to whoever is at the other end of the link; the object here is "closed" from now on. */
export function detachDataChannel(channel: RTCDataChannel, link: ThreadLink, limit: number = MAX_RELAYED): void {
  const impl = dataChannelImplOf(channel);
  impl.detach(new Relay(impl, link, limit));
}

/** The object for a channel of another thread. */
export function receiveDataChannel(
  parameters: DataChannelParameters,
  link: ThreadLink,
  platform: Platform,
): RTCDataChannel {
  return new RemoteChannel(parameters, link, platform).impl.wrapper;
}

function own(data: Uint8Array): ArrayBuffer {
  const { buffer } = data;
  if (data.byteLength === buffer.byteLength && buffer instanceof ArrayBuffer) return buffer;
  // Not slice(): what comes may be a Buffer, of which that is another view.
  return new Uint8Array(data).buffer;
}

/** Where the connection is. Takes the place of the object as the handler of the channel. */
class Relay implements ChannelHandler {
  private readonly impl: DataChannelImpl;
  private readonly link: ThreadLink;
  private readonly limit: number;
  private pending = 0;
  private ended = false;

  constructor(impl: DataChannelImpl, link: ThreadLink, limit: number) {
    this.impl = impl;
    this.link = link;
    this.limit = limit;
    link.listen(
      (message) => this.receive(message),
      () => this.impl.closeTransport(),
    );
    // The connection itself keeps its thread alive as long as it is open.
    link.hold(false);
  }

  private receive([type, value, isText]: readonly unknown[]): void {
    if (type === "send") this.impl.sendTransferred(new Uint8Array(value as ArrayBuffer), isText === true);
    else if (type === "taken") this.pending -= value as number;
    else if (type === "close") {
      // Before there is an association there is nothing to close.
      if (!this.impl.closeTransport()) this.onClosed();
    }
  }

  onOpen(): void {
    this.link.post(["open", this.impl.id, this.impl.owner.maxMessageSize], []);
  }

  onMessage(data: Uint8Array, isText: boolean): void {
    if (this.ended) return;
    const size = data.length + MESSAGE_OVERHEAD;
    if (this.pending + size > this.limit) {
      this.onError("unread");
      this.impl.closeTransport();
      return;
    }
    this.pending += size;
    const buffer = own(data);
    this.link.post(["message", buffer, isText], [buffer]);
  }

  onBufferedAmountDecrease(bytes: number): void {
    this.link.post(["sent", bytes], []);
  }

  onClosing(): void {
    this.link.post(["closing"], []);
  }

  onError(reason: ChannelError | "unread", abort?: SctpAbort): void {
    this.link.post(["error", reason, abort], []);
  }

  onClosed(): void {
    if (this.ended) return;
    this.ended = true;
    this.link.post(["closed"], []);
    this.impl.owner.onDataChannelClosed?.(this.impl);
  }
}

/** Where the object is. Takes the place of the channel under it. */
class RemoteChannel implements ChannelTransport {
  readonly impl: DataChannelImpl;
  id: number | null;
  handler: ChannelHandler;
  readonly state = "connecting";
  messagesSent = 0;
  bytesSent = 0;
  messagesReceived = 0;
  bytesReceived = 0;
  private readonly link: ThreadLink;
  private readonly owner: DataChannelOwner & { maxMessageSize: number };
  private taken = 0;

  constructor(parameters: DataChannelParameters, link: ThreadLink, platform: Platform) {
    this.link = link;
    this.id = parameters.id ?? null;
    this.owner = { tasks: new TaskQueue(platform), maxMessageSize: Number.POSITIVE_INFINITY };
    this.impl = new DataChannelImpl(parameters, this.owner);
    this.handler = this.impl;
    this.impl.lockTransfer();
    this.impl.bind(this);
    link.listen(
      (message) => this.receive(message),
      () => this.impl.onClosed(),
    );
  }

  private receive([type, value, more]: readonly unknown[]): void {
    const { impl } = this;
    if (type === "message") {
      const bytes = new Uint8Array(value as ArrayBuffer);
      this.messagesReceived++;
      this.bytesReceived += bytes.length;
      impl.onMessage(bytes, more === true);
      this.taken += bytes.length + MESSAGE_OVERHEAD;
      if (this.taken < TAKEN_STEP) return;
      this.link.post(["taken", this.taken], []);
      this.taken = 0;
    } else if (type === "open") {
      this.id = value as number | null;
      this.owner.maxMessageSize = more as number;
      impl.onOpen();
    } else if (type === "sent") impl.onBufferedAmountDecrease(value as number);
    else if (type === "closing") impl.onClosing();
    else if (type === "error") impl.onError(value as ChannelError, more as SctpAbort | undefined);
    else if (type === "closed") {
      impl.onClosed();
      this.link.close();
    }
  }

  send(data: Uint8Array, isText: boolean): void {
    this.messagesSent++;
    this.bytesSent += data.length;
    // The bytes are a piece of memory that is shared with other messages.
    const { buffer } = new Uint8Array(data);
    this.link.post(["send", buffer, isText], [buffer]);
  }

  close(): void {
    this.link.post(["close"], []);
  }
}
