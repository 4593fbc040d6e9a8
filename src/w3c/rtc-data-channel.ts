// RTCDataChannel (webrtc-pc §6.2): the object that programs hold. What moves bytes is a channel of src/datachannel, given by
// `attach` once the association is negotiated; until then the object is "connecting" and cannot send.
//
// Every event is a task of its own, as in browsers: a program that awaits one message sees it before the next is there.
import type { Channel, ChannelError, ChannelHandler } from "../peer/peer-transport.js";
import { utf8Decode, utf8Encode } from "../util/text.js";
import { RTCError, type RTCErrorDetailType, type RTCErrorInit } from "./errors.js";
import {
  checkInternal,
  defineInterface,
  enumeration,
  executing,
  INTERNAL,
  requireArguments,
  toDOMString,
  unsigned,
} from "./webidl.js";

export type RTCDataChannelState = "connecting" | "open" | "closing" | "closed";
export type BinaryType = "blob" | "arraybuffer";
export type RTCPriorityType = "very-low" | "low" | "medium" | "high";

/** Bytes that may wait to be sent on one channel before `send` throws OperationError. */
export const MAX_BUFFERED_AMOUNT: number = 1024 * 1024 * 1024;

/** What a channel is from the start. */
export interface DataChannelProperties {
  readonly label: string;
  readonly protocol: string;
  readonly ordered: boolean;
  readonly maxPacketLifeTime: number | null;
  readonly maxRetransmits: number | null;
  readonly negotiated: boolean;
  readonly id: number | null;
  readonly priority: RTCPriorityType;
}

/** What a channel needs of its connection. */
export interface DataChannelContext {
  queueTask(run: () => void): void;
  /** Bytes; Infinity where the peer sets no limit. */
  maxMessageSize(): number;
  /** The connection makes an RTCErrorEvent of it (the event classes import this file). */
  fireError(channel: RTCDataChannel, error: RTCError): void;
  /** The channel is closed: the connection lets go of it. */
  onClosed(channel: RTCDataChannel): void;
}

/** What the connection does with its channels; not for programs. */
export interface DataChannelControl {
  create(properties: DataChannelProperties, context: DataChannelContext): RTCDataChannel;
  /** The handler to open or accept the underlying channel with. */
  handler(channel: RTCDataChannel): ChannelHandler;
  attach(channel: RTCDataChannel, underlying: Channel): void;
  /** The peer opened it: it can send before its open event (webrtc-pc §6.2.3). */
  setOpen(channel: RTCDataChannel): void;
  /** Fires "open" (the end of "announce the data channel as open"). */
  announce(channel: RTCDataChannel): void;
  /** The connection was closed: no events (webrtc-pc, "close the connection"). */
  abandon(channel: RTCDataChannel): void;
  isConnecting(channel: RTCDataChannel): boolean;
}

export let dataChannels: DataChannelControl;

export function isDataChannel(value: unknown): value is RTCDataChannel {
  return value instanceof RTCDataChannel;
}

const toBinaryType = enumeration<BinaryType>("BinaryType", ["blob", "arraybuffer"]);
const toUnsignedLong = unsigned(32);

interface Waiting {
  readonly size: number;
  /** Undefined while a Blob is being read. */
  data: Uint8Array | undefined;
  readonly isText: boolean;
}

const ERROR_DETAILS: Readonly<Record<ChannelError, RTCErrorDetailType>> = {
  "no-stream": "data-channel-failure",
  "id-in-use": "data-channel-failure",
  "oversize-message": "data-channel-failure",
  "protocol-error": "data-channel-failure",
  "association-failed": "sctp-failure",
  "peer-abort": "sctp-failure",
};

export class RTCDataChannel extends EventTarget {
  readonly #properties: DataChannelProperties;
  readonly #context: DataChannelContext;
  #channel: Channel | undefined;
  #readyState: RTCDataChannelState = "connecting";
  #binaryType: BinaryType = "arraybuffer";
  #bufferedAmount = 0;
  #bufferedAmountLowThreshold = 0;
  /** Left the queue, not yet taken off bufferedAmount: that happens in a task. */
  #sentBytes = 0;
  #decreaseQueued = false;
  /** Sends behind a Blob that is being read. */
  #waiting: Waiting[] = [];
  #closeWhenDrained = false;
  #messages: { data: Uint8Array; isText: boolean }[] = [];
  #messageAt = 0;
  #error: RTCError | undefined;

  constructor(token: unknown, properties: DataChannelProperties, context: DataChannelContext) {
    checkInternal(token);
    super();
    this.#properties = properties;
    this.#context = context;
  }

  static {
    dataChannels = {
      create: (properties, context) => new RTCDataChannel(INTERNAL, properties, context),
      handler: (channel) => channel.#handler(),
      attach: (channel, underlying) => {
        channel.#channel = underlying;
        if (channel.#readyState === "closing") underlying.close();
      },
      setOpen: (channel) => {
        channel.#readyState = "open";
      },
      announce: (channel) => {
        if (channel.#readyState === "open") channel.dispatchEvent(new Event("open"));
      },
      abandon: (channel) => {
        channel.#readyState = "closed";
        channel.#messages = [];
        channel.#waiting = [];
      },
      isConnecting: (channel) => channel.#readyState === "connecting",
    };
  }

  get label(): string {
    return this.#properties.label;
  }

  get ordered(): boolean {
    return this.#properties.ordered;
  }

  get maxPacketLifeTime(): number | null {
    return this.#properties.maxPacketLifeTime;
  }

  get maxRetransmits(): number | null {
    return this.#properties.maxRetransmits;
  }

  get protocol(): string {
    return this.#properties.protocol;
  }

  get negotiated(): boolean {
    return this.#properties.negotiated;
  }

  get id(): number | null {
    return this.#channel?.id ?? this.#properties.id;
  }

  get priority(): RTCPriorityType {
    return this.#properties.priority;
  }

  get readyState(): RTCDataChannelState {
    return this.#readyState;
  }

  get bufferedAmount(): number {
    return this.#bufferedAmount;
  }

  get bufferedAmountLowThreshold(): number {
    return this.#bufferedAmountLowThreshold;
  }

  set bufferedAmountLowThreshold(value: number) {
    const where = "Failed to set the 'bufferedAmountLowThreshold' property on 'RTCDataChannel'";
    this.#bufferedAmountLowThreshold = toUnsignedLong(value, where);
  }

  get binaryType(): BinaryType {
    return this.#binaryType;
  }

  set binaryType(value: BinaryType) {
    // An attribute of enum type ignores values that are none (Web IDL §3.7.6).
    const text = toDOMString(value, "Failed to set the 'binaryType' property on 'RTCDataChannel'");
    if (text === "blob" || text === "arraybuffer") this.#binaryType = toBinaryType(text, "");
  }

  /**
   * Queues a message. TypeError if it is larger than the peer takes, InvalidStateError unless open, OperationError if too
   * much waits already (webrtc-pc §6.2, send).
   */
  send(data: string | Blob | ArrayBuffer | ArrayBufferView): void {
    const where = executing("send", "RTCDataChannel");
    requireArguments(arguments.length, 1, where);
    if (this.#readyState !== "open") {
      if (!(data instanceof Blob)) this.#toBytes(data, where);
      throw new DOMException(`${where}: RTCDataChannel.readyState is not 'open'`, "InvalidStateError");
    }
    if (data instanceof Blob) {
      this.#checkSize(data.size, where);
      this.#bufferedAmount += data.size;
      const waiting: Waiting = { size: data.size, data: undefined, isText: false };
      this.#waiting.push(waiting);
      data.arrayBuffer().then(
        (buffer) => {
          waiting.data = new Uint8Array(buffer);
          this.#drainWaiting();
        },
        () => {
          // A Blob whose content is gone: nothing is sent for it.
          this.#bufferedAmount -= waiting.size;
          this.#waiting = this.#waiting.filter((other) => other !== waiting);
          this.#drainWaiting();
        },
      );
      return;
    }
    const isText = !(data instanceof ArrayBuffer) && !ArrayBuffer.isView(data);
    const bytes = this.#toBytes(data, where);
    this.#checkSize(bytes.length, where);
    this.#bufferedAmount += bytes.length;
    if (this.#waiting.length > 0) this.#waiting.push({ size: bytes.length, data: bytes, isText });
    else this.#channel!.send(bytes, isText);
  }

  /** A copy: the program may change what it gave. */
  #toBytes(data: unknown, where: string): Uint8Array {
    if (data instanceof ArrayBuffer) return new Uint8Array(data).slice();
    if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice();
    return utf8Encode(toDOMString(data, where));
  }

  #checkSize(size: number, where: string): void {
    const limit = this.#context.maxMessageSize();
    if (size > limit) {
      throw new TypeError(`${where}: the message has ${size} bytes, and the peer takes at most ${limit}`);
    }
    if (this.#bufferedAmount + size > MAX_BUFFERED_AMOUNT) {
      throw new DOMException(
        `${where}: ${this.#bufferedAmount} bytes are waiting already; await bufferedamountlow`,
        "OperationError",
      );
    }
  }

  #drainWaiting(): void {
    while (this.#waiting[0]?.data !== undefined) {
      const { data, isText } = this.#waiting.shift()!;
      this.#channel?.send(data!, isText);
    }
    if (this.#closeWhenDrained && this.#waiting.length === 0) this.#channel?.close();
  }

  /** Closes after what was sent has gone. */
  close(): void {
    if (this.#readyState === "closing" || this.#readyState === "closed") return;
    this.#readyState = "closing";
    if (this.#channel === undefined) {
      this.#context.queueTask(() => this.#finish());
    } else if (this.#waiting.length > 0) this.#closeWhenDrained = true;
    else this.#channel.close();
  }

  #handler(): ChannelHandler {
    return {
      onOpen: () => {
        this.#context.queueTask(() => {
          if (this.#readyState !== "connecting") return;
          this.#readyState = "open";
          this.dispatchEvent(new Event("open"));
        });
      },
      onMessage: (data, isText) => {
        this.#messages.push({ data, isText });
        this.#context.queueTask(this.#deliver);
      },
      onBufferedAmountDecrease: (bytes) => {
        this.#sentBytes += bytes;
        if (this.#decreaseQueued) return;
        this.#decreaseQueued = true;
        this.#context.queueTask(this.#decrease);
      },
      onClosing: () => {
        this.#context.queueTask(() => {
          if (this.#readyState === "closing" || this.#readyState === "closed") return;
          this.#readyState = "closing";
          this.dispatchEvent(new Event("closing"));
        });
      },
      onError: (reason) => {
        const message = `The data channel was closed: ${reason}.`;
        const init: RTCErrorInit = { errorDetail: ERROR_DETAILS[reason] };
        // RFC 9260 §3.3.10.12, User-Initiated Abort: what closing the other connection sends.
        if (reason === "peer-abort") init.sctpCauseCode = 12;
        this.#error = new RTCError(init, message);
      },
      onClosed: () => this.#context.queueTask(() => this.#finish()),
    };
  }

  readonly #decrease = (): void => {
    this.#decreaseQueued = false;
    const before = this.#bufferedAmount;
    this.#bufferedAmount -= this.#sentBytes;
    this.#sentBytes = 0;
    const threshold = this.#bufferedAmountLowThreshold;
    if (before > threshold && this.#bufferedAmount <= threshold) this.dispatchEvent(new Event("bufferedamountlow"));
  };

  readonly #deliver = (): void => {
    const message = this.#messages[this.#messageAt];
    if (message === undefined) return;
    this.#messageAt++;
    if (this.#messageAt === this.#messages.length) {
      this.#messages = [];
      this.#messageAt = 0;
    } else if (this.#messageAt >= 1024) {
      this.#messages = this.#messages.slice(this.#messageAt);
      this.#messageAt = 0;
    }
    // Messages that arrived before close() are not delivered after it (webrtc-pc §6.2, "receive data").
    if (this.#readyState !== "open") return;
    const { data, isText } = message;
    let value: unknown;
    if (isText) value = utf8Decode(data);
    else {
      const whole = data.byteLength === data.buffer.byteLength;
      const buffer = (
        whole ? data.buffer : data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength)
      ) as ArrayBuffer;
      value = this.#binaryType === "blob" ? new Blob([buffer]) : buffer;
    }
    this.dispatchEvent(new MessageEvent("message", { data: value }));
  };

  #finish(): void {
    if (this.#readyState === "closed") return;
    this.#readyState = "closed";
    this.#waiting = [];
    this.#context.onClosed(this);
    if (this.#error !== undefined) this.#context.fireError(this, this.#error);
    this.dispatchEvent(new Event("close"));
  }
}
defineInterface(RTCDataChannel, {
  handlers: ["open", "bufferedamountlow", "error", "closing", "close", "message"],
});
