// RTCDataChannel (webrtc-pc §6.2): the state a program sees, which changes in tasks only, over a channel of the transport
// whose own state runs ahead. What a message costs is decided here; see also task-queue.ts.
import type { Channel, ChannelError, ChannelHandler, SctpAbort } from "../peer/peer-transport.js";
import { Fifo } from "../util/fifo.js";
import { utf8Decode } from "../util/text.js";
import { utf8Length } from "./configuration.js";
import { checkBuffer, integer, interfaceType, isArrayBuffer } from "./conversions.js";
import type { DataChannelParameters, RTCPriorityType } from "./data-channel-init.js";
import { domException, RTCError, type RTCErrorInit } from "./errors.js";
import type { EventHandler, EventHandlerRead, EventInit, TypedEventTargetConstructor } from "./event-handlers.js";
import { eventArguments, eventDictionary, fire, fireSimple } from "./events.js";
import { RTCErrorEvent } from "./rtc-events.js";
import type { TaskQueue } from "./task-queue.js";
import { construct, defineInterface, executing, setting, takeImpl } from "./webidl.js";

export type RTCDataChannelState = "connecting" | "open" | "closing" | "closed";
export type BinaryType = "blob" | "arraybuffer";

/** Bytes that may wait to be sent on one channel before `send` throws OperationError. */
export const MAX_BUFFERED_AMOUNT: number = 1024 * 1024 * 1024;

/** How many channels of a connection have become open, and how many have ceased to be (RTCPeerConnectionStats). */
export interface DataChannelCounts {
  opened: number;
  closed: number;
}

/** What channels of one connection share. */
export interface DataChannelOwner {
  readonly tasks: TaskQueue;
  /** [[MaxMessageSize]] of the connection's SCTP transport. */
  readonly maxMessageSize: number;
  readonly counts?: DataChannelCounts;
  /** The channel is "closed" now: the connection can forget it. */
  onDataChannelClosed?(channel: DataChannelImpl): void;
}

// -- Memory of outgoing messages

/** A connection's messages share pieces of this size, because allocating many small buffers costs more than sending them. */
const SLAB_SIZE = 8192;
const LARGEST_PIECE = 2048;

/** Memory for messages to be sent; a slab lives as long as one message in it waits, so it is never shared by connections. */
class MessageMemory {
  private slab = new Uint8Array(0);
  private used = 0;

  carve(length: number): Uint8Array<ArrayBuffer> {
    if (length > LARGEST_PIECE) return new Uint8Array(length);
    if (this.used + length > this.slab.length) {
      this.slab = new Uint8Array(SLAB_SIZE);
      this.used = 0;
    }
    const piece = this.slab.subarray(this.used, this.used + length);
    this.used += length;
    return piece;
  }

  text(text: string): Uint8Array<ArrayBuffer> {
    const { length } = text;
    const ascii = this.carve(length);
    // One pass if the text is ASCII, as most is. Lone surrogates are encoded as U+FFFD (USVString).
    if (encoder.encodeInto(text, ascii).read === length) return ascii;
    const bytes = this.carve(utf8Length(text));
    encoder.encodeInto(text, bytes);
    return bytes;
  }

  copy(data: Uint8Array): Uint8Array<ArrayBuffer> {
    const bytes = this.carve(data.length);
    bytes.set(data);
    return bytes;
  }
}

const encoder = new TextEncoder();
const memories = new WeakMap<DataChannelOwner, MessageMemory>();

function memoryOf(owner: DataChannelOwner): MessageMemory {
  let memory = memories.get(owner);
  if (memory === undefined) {
    memory = new MessageMemory();
    memories.set(owner, memory);
  }
  return memory;
}

// -- The channel

/** What is under a channel: that of the SCTP association, or the way to it from another thread. */
export type ChannelTransport = Pick<
  Channel,
  "id" | "handler" | "messagesSent" | "bytesSent" | "messagesReceived" | "bytesReceived"
> & {
  readonly state: RTCDataChannelState;
  send(data: Uint8Array, isText: boolean): unknown;
  close(): void;
};

/** A message that waits behind a Blob that is being read; a string keeps its size for bufferedAmount. */
type Outgoing = { readonly isText: boolean; bytes: Uint8Array | undefined };

const SEND = executing("send", "RTCDataChannel");
const NO_DATA = new Uint8Array(0);

/** The state of a channel; also the handler that the data channel machine calls. */
export class DataChannelImpl implements ChannelHandler {
  readonly wrapper: RTCDataChannel;
  readonly parameters: DataChannelParameters;
  readonly owner: DataChannelOwner;
  private currentState: RTCDataChannelState = "connecting";
  bufferedAmount = 0;
  bufferedAmountLowThreshold = 0;
  binaryType: BinaryType = "arraybuffer";
  private transport: ChannelTransport | undefined;
  /** Who hears of the channel under this one: itself, until it is transferred. */
  handler: ChannelHandler = this;
  /** [[IsTransferable]] */
  private transferable = true;
  private readonly tasks: TaskQueue;
  private readonly memory: MessageMemory;
  private lastId: number | null;
  /** Messages received, each of which has its task. */
  private readonly inbox: Fifo<string | Uint8Array> = new Fifo();
  /** Messages behind a Blob; undefined if no Blob is being read. */
  private outbox: Fifo<Outgoing> | undefined;
  private closeWhenDrained = false;
  /** Bytes that left since the last decrease task, which is queued if there are any. */
  private decrease = 0;
  private error: RTCError | undefined;

  constructor(parameters: DataChannelParameters, owner: DataChannelOwner) {
    this.parameters = parameters;
    this.owner = owner;
    this.tasks = owner.tasks;
    this.memory = memoryOf(owner);
    this.lastId = parameters.id ?? null;
    this.wrapper = construct(RTCDataChannel, this);
  }

  get state(): RTCDataChannelState {
    return this.currentState;
  }

  private set state(state: RTCDataChannelState) {
    const { counts } = this.owner;
    if (counts !== undefined && state === "open") counts.opened++;
    else if (counts !== undefined && this.currentState === "open") counts.closed++;
    this.currentState = state;
  }

  // For statistics (RTCDataChannelStats).

  get messagesSent(): number {
    return this.transport?.messagesSent ?? 0;
  }
  get bytesSent(): number {
    return this.transport?.bytesSent ?? 0;
  }
  /** Those of which there was an event: not what waits for its task. */
  get messagesReceived(): number {
    return (this.transport?.messagesReceived ?? 0) - this.inbox.length;
  }
  get bytesReceived(): number {
    return this.transport?.bytesReceived ?? 0;
  }

  get id(): number | null {
    if (this.transport !== undefined) this.lastId = this.transport.id ?? this.lastId;
    return this.lastId;
  }

  /** Joins the channel with its transport; to be called before anything is sent or received. */
  bind(transport: ChannelTransport): void {
    this.transport = transport;
  }

  // -- Transfer to another thread (see data-channel-transfer.ts)

  get isTransferable(): boolean {
    return this.transferable && (this.currentState === "connecting" || this.currentState === "open");
  }

  /** The task that the channel may be transferred in is over. */
  lockTransfer(): void {
    this.transferable = false;
  }

  /** From now on `handler` hears of the channel, and this object is closed without an event. */
  detach(handler: ChannelHandler): void {
    const { transport, inbox } = this;
    this.transferable = false;
    this.handler = handler;
    if (transport !== undefined) {
      transport.handler = handler;
      // What it has told already has its task here, which finds a closed object.
      if (transport.state === "closed") handler.onClosed();
      else if (transport.state !== "connecting") handler.onOpen();
      if (transport.state === "closing") handler.onClosing();
    }
    for (let message = inbox.shift(); message !== undefined; message = inbox.shift()) {
      const isText = typeof message === "string";
      handler.onMessage(isText ? encoder.encode(message as string) : (message as Uint8Array), isText);
    }
    this.currentState = "closed";
  }

  /** Sends for the object in the other thread. */
  sendTransferred(bytes: Uint8Array, isText: boolean): void {
    this.transport?.send(bytes, isText);
  }

  /** False if there is nothing to close. */
  closeTransport(): boolean {
    this.transport?.close();
    return this.transport !== undefined;
  }

  /** Of an incoming channel, at once when the peer has opened it: fires `datachannel` at `target`, then `open`. */
  announce(target: object): void {
    this.tasks.queue(() => {
      if (this.state !== "connecting") return;
      // "Open" without the event: the listener may send already.
      this.state = "open";
      this.tasks.queueNext(() => {
        this.transferable = false;
        if (this.state === "open") fireSimple(this.wrapper, "open");
      });
      fire(target, new RTCDataChannelEvent("datachannel", { channel: this.wrapper }));
    });
  }

  /** The connection was closed: the state is "closed" at once, and no event fires any more. */
  abandon(): void {
    if (this.handler !== this) {
      this.handler.onClosed();
      this.dropTransport();
      return;
    }
    this.state = "closed";
    this.decrease = 0;
    this.inbox.clear();
    this.outbox = undefined;
    this.dropTransport();
  }

  // -- Called by the data channel machine

  onOpen(): void {
    this.tasks.queue(() => {
      if (this.state !== "connecting") return;
      this.state = "open";
      fireSimple(this.wrapper, "open");
    });
  }

  onMessage(data: Uint8Array, isText: boolean): void {
    if (this.state === "closed") return;
    this.inbox.push(isText ? utf8Decode(data) : data);
    this.tasks.queue(this.deliverTask);
  }

  onBufferedAmountDecrease(bytes: number): void {
    if (this.state === "closed") return;
    // One task for all that left since: "with the number of bytes that was sent" leaves that open.
    if (this.decrease === 0) this.tasks.queue(this.decreaseTask);
    this.decrease += bytes;
  }

  onClosing(): void {
    this.tasks.queue(() => {
      if (this.state === "closing" || this.state === "closed") return;
      this.state = "closing";
      fireSimple(this.wrapper, "closing");
    });
  }

  onError(reason: ChannelError | "unread", abort?: SctpAbort): void {
    this.fail(abort === undefined ? ERRORS[reason] : failureOf(abort));
  }

  private fail({ message, ...init }: ChannelFailure): void {
    this.error = new RTCError(init, message);
  }

  onClosed(): void {
    this.tasks.queue(() => {
      if (this.state === "closed") return;
      this.state = "closed";
      this.outbox = undefined;
      this.dropTransport();
      this.owner.onDataChannelClosed?.(this);
      const { error } = this;
      if (error === undefined) {
        fireSimple(this.wrapper, "close");
        return;
      }
      this.tasks.queueNext(() => fireSimple(this.wrapper, "close"));
      fire(this.wrapper, new RTCErrorEvent("error", { error }));
    });
  }

  // -- Tasks

  private readonly deliverTask = (): void => {
    const message = this.inbox.shift();
    if (message === undefined || this.state !== "open") return;
    let data: string | ArrayBuffer | Blob;
    if (typeof message === "string") data = message;
    else if (this.binaryType === "arraybuffer") data = bufferOf(message);
    else data = new Blob([message]);
    fire(this.wrapper, new MessageEvent("message", { data }));
  };

  private readonly decreaseTask = (): void => {
    const before = this.bufferedAmount;
    this.bufferedAmount = Math.max(0, before - this.decrease);
    this.decrease = 0;
    const threshold = this.bufferedAmountLowThreshold;
    if (before > threshold && this.bufferedAmount <= threshold) fireSimple(this.wrapper, "bufferedamountlow");
  };

  // -- Called by the interface

  send(data: unknown): void {
    if (typeof data === "string") {
      this.checkOpen();
      this.sendBytes(data, true);
    } else if (ArrayBuffer.isView(data)) {
      checkBuffer(data.buffer, "ArrayBufferView", SEND);
      this.checkOpen();
      if (data.byteLength === 0) this.sendBytes(NO_DATA, false);
      else if (data instanceof Uint8Array) this.sendBytes(data, false);
      else this.sendBytes(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), false);
    } else if (data instanceof Blob) {
      this.checkOpen();
      this.sendBlob(data);
    } else if (isArrayBuffer(data)) {
      checkBuffer(data, "ArrayBuffer", SEND);
      this.checkOpen();
      this.sendBytes(data.byteLength === 0 ? NO_DATA : new Uint8Array(data), false);
    } else {
      const text = `${data as string}`;
      this.checkOpen();
      this.sendBytes(text, true);
    }
  }

  private checkOpen(): void {
    if (this.state !== "open")
      throw domException("InvalidStateError", `${SEND}RTCDataChannel.readyState is not 'open'`);
  }

  private checkSize(size: number): void {
    if (size > this.owner.maxMessageSize) {
      throw new TypeError(`${SEND}Message of ${size} bytes exceeds the maximum of ${this.owner.maxMessageSize}.`);
    }
    if (this.bufferedAmount + size > MAX_BUFFERED_AMOUNT) {
      throw domException("OperationError", `${SEND}RTCDataChannel send queue is full`);
    }
  }

  private sendBytes(data: string | Uint8Array, isText: boolean): void {
    this.transferable = false;
    // UTF-8 has at least as many bytes as the string has code units: an impossible one is refused before it is copied.
    this.checkSize(data.length);
    const bytes = typeof data === "string" ? this.memory.text(data) : this.memory.copy(data);
    if (bytes.length !== data.length) this.checkSize(bytes.length);
    this.bufferedAmount += bytes.length;
    if (this.outbox !== undefined) this.outbox.push({ isText, bytes });
    else this.transport?.send(bytes, isText);
  }

  private sendBlob(blob: Blob): void {
    this.transferable = false;
    this.checkSize(blob.size);
    this.bufferedAmount += blob.size;
    const entry: Outgoing = { isText: false, bytes: undefined };
    this.outbox ??= new Fifo();
    this.outbox.push(entry);
    blob.arrayBuffer().then(
      (buffer) => {
        entry.bytes = new Uint8Array(buffer);
        this.drainOutbox();
      },
      () => this.failOutbox(),
    );
  }

  /** Sends what no longer waits for a Blob. */
  private drainOutbox(): void {
    const { outbox } = this;
    if (outbox === undefined) return;
    for (let next = outbox.peek(); next?.bytes !== undefined; next = outbox.peek()) {
      outbox.shift();
      this.transport?.send(next.bytes, next.isText);
    }
    if (outbox.length > 0) return;
    this.outbox = undefined;
    if (this.closeWhenDrained) this.transport?.close();
  }

  /** A Blob could not be read (its file is gone): the messages cannot be kept whole and in order. */
  private failOutbox(): void {
    if (this.outbox === undefined) return;
    this.outbox = undefined;
    this.fail({ errorDetail: "data-channel-failure", message: "A Blob could not be read." });
    this.transport?.close();
  }

  close(): void {
    if (this.state === "closing" || this.state === "closed") return;
    this.state = "closing";
    // The closing procedure begins with sending what is pending.
    if (this.outbox !== undefined) this.closeWhenDrained = true;
    else if (this.transport !== undefined) this.transport.close();
    else this.onClosed();
  }

  private dropTransport(): void {
    this.lastId = this.id;
    this.transport = undefined;
  }
}

interface ChannelFailure extends RTCErrorInit {
  readonly message: string;
}

const ERRORS: Readonly<Record<ChannelError | "unread", ChannelFailure>> = {
  unread: { errorDetail: "data-channel-failure", message: "The thread of the channel does not take its messages." },
  "no-stream": { errorDetail: "data-channel-failure", message: "No stream is left for the channel." },
  "id-in-use": { errorDetail: "data-channel-failure", message: "The id of the channel is in use." },
  "oversize-message": { errorDetail: "data-channel-failure", message: "The peer sent too large a message." },
  "protocol-error": { errorDetail: "data-channel-failure", message: "The peer broke the data channel protocol." },
  "association-failed": { errorDetail: "sctp-failure", message: "The SCTP association failed." },
  "peer-abort": { errorDetail: "sctp-failure", message: "The peer aborted the SCTP association." },
};

/** RFC 9260 §3.3.10.12: what closing the peer's connection sends. */
const USER_INITIATED_ABORT = 12;

function failureOf({ causeCode, reason }: SctpAbort): ChannelFailure {
  if (causeCode === undefined) return ERRORS["peer-abort"];
  // Chromium's words, by which programs tell this from what is an error to them.
  const isByUser = causeCode === USER_INITIATED_ABORT;
  const message = isByUser ? `User-Initiated Abort, reason=${reason}` : ERRORS["peer-abort"].message;
  return { errorDetail: "sctp-failure", sctpCauseCode: causeCode, message };
}

/** The bytes of a message as an ArrayBuffer of their own. */
function bufferOf(data: Uint8Array): ArrayBuffer {
  const { buffer } = data;
  if (data.byteLength === buffer.byteLength && buffer instanceof ArrayBuffer) return buffer;
  // Twice as fast as ArrayBuffer.prototype.slice for short messages (Node 20).
  const own = new ArrayBuffer(data.byteLength);
  new Uint8Array(own).set(data);
  return own;
}

// -- The interface

export interface RTCDataChannelEventMap {
  bufferedamountlow: Event;
  close: Event;
  closing: Event;
  error: RTCErrorEvent;
  message: MessageEvent;
  open: Event;
}
/** See EventHandlerRead. */
interface RTCDataChannelHandlers {
  get onerror(): EventHandlerRead;
  set onerror(handler: EventHandler<RTCErrorEvent>);
  get onmessage(): EventHandlerRead;
  set onmessage(handler: EventHandler<MessageEvent>);
}
const DataChannelTarget: TypedEventTargetConstructor<RTCDataChannelEventMap, RTCDataChannelHandlers> =
  EventTarget as never;

const threshold = integer("unsigned long", "EnforceRange");
const SET_THRESHOLD = setting("bufferedAmountLowThreshold", "RTCDataChannel");

export let dataChannelImplOf: (channel: RTCDataChannel) => DataChannelImpl;

export class RTCDataChannel extends DataChannelTarget {
  readonly #impl: DataChannelImpl = takeImpl();
  declare onopen: EventHandler;
  declare onbufferedamountlow: EventHandler;
  declare onclosing: EventHandler;
  declare onclose: EventHandler;

  get label(): string {
    return this.#impl.parameters.label;
  }
  get ordered(): boolean {
    return this.#impl.parameters.ordered;
  }
  get maxPacketLifeTime(): number | null {
    return this.#impl.parameters.maxPacketLifeTime ?? null;
  }
  get maxRetransmits(): number | null {
    return this.#impl.parameters.maxRetransmits ?? null;
  }
  get protocol(): string {
    return this.#impl.parameters.protocol;
  }
  get negotiated(): boolean {
    return this.#impl.parameters.negotiated;
  }
  get id(): number | null {
    return this.#impl.id;
  }
  get priority(): RTCPriorityType {
    return this.#impl.parameters.priority;
  }
  get readyState(): RTCDataChannelState {
    return this.#impl.state;
  }
  get bufferedAmount(): number {
    return this.#impl.bufferedAmount;
  }

  get bufferedAmountLowThreshold(): number {
    return this.#impl.bufferedAmountLowThreshold;
  }
  set bufferedAmountLowThreshold(value: number) {
    this.#impl.bufferedAmountLowThreshold = threshold(value, SET_THRESHOLD);
  }

  get binaryType(): BinaryType {
    return this.#impl.binaryType;
  }
  set binaryType(value: BinaryType) {
    // A value that is not of the enumeration is ignored (Web IDL, attributes of an enumeration type).
    const text = `${value}`;
    if (text === "blob" || text === "arraybuffer") this.#impl.binaryType = text;
  }

  close(): void {
    this.#impl.close();
  }

  send(data: string | Blob | ArrayBuffer | ArrayBufferView): void {
    this.#impl.send(data);
  }

  static {
    dataChannelImplOf = (channel) => channel.#impl;
    defineInterface(RTCDataChannel, {
      name: "RTCDataChannel",
      brand: (o) => #impl in o,
      handlers: ["open", "bufferedamountlow", "error", "closing", "close", "message"],
    });
  }
}

// -- RTCDataChannelEvent

export interface RTCDataChannelEventInit extends EventInit {
  channel: RTCDataChannel;
}

const dataChannelEventInit = eventDictionary<RTCDataChannelEventInit>("RTCDataChannelEventInit", {
  channel: { type: interfaceType<RTCDataChannel>("RTCDataChannel"), required: true },
});

export class RTCDataChannelEvent extends Event {
  readonly #channel: RTCDataChannel;

  constructor(...args: [type: string, eventInitDict: RTCDataChannelEventInit]) {
    const [type, init] = eventArguments(args, 2, "RTCDataChannelEvent", dataChannelEventInit);
    super(type, init);
    this.#channel = init.channel;
  }

  get channel(): RTCDataChannel {
    return this.#channel;
  }

  static {
    defineInterface(RTCDataChannelEvent, {
      name: "RTCDataChannelEvent",
      brand: (o) => #channel in o,
      constructorLength: 2,
    });
  }
}
