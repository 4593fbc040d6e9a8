// One file there and back over its own data channel, streamed: neither side ever holds more than a window of it. The
// bytes are hashed here as they leave and as they return, and on the Node side in between.
import { CreditReceiver, CreditSender } from "./credit.js";
import { Hasher } from "./hasher.js";
import type { Source } from "./source.js";
import {
  BUFFER_HIGH,
  BUFFER_LOW,
  type FileControl,
  MESSAGE_SIZE,
  parseFileControl,
  WINDOW,
  writeFileControl,
} from "./wire.js";

/** Returned bytes are given to the hash worker in batches of this size. */
const HASH_BATCH = 256 * 1024;
/** Bytes sent that may wait for the hash worker. */
const HASH_BACKLOG = 4 * 1024 * 1024;

export interface TransferResult {
  /** SHA-256 of what was sent, of what Node received, and of what came back. */
  readonly sentSha256: string;
  readonly nodeSha256: string;
  readonly backSha256: string;
  readonly nodeBytes: number;
  /** Milliseconds: first to last byte at Node, first to last byte back here, and all in all. */
  readonly thereMilliseconds: number;
  readonly backMilliseconds: number;
  readonly milliseconds: number;
  readonly equal: boolean;
}

export type TransferState = "running" | "done" | "failed" | "cancelled";

export class Transfer {
  readonly name: string;
  readonly size: number;
  readonly #channel: RTCDataChannel;
  readonly #source: Source;
  readonly #messageSize: number;
  readonly #credit = new CreditSender(WINDOW);
  readonly #window = new CreditReceiver(WINDOW);
  readonly #sentHash = new Hasher();
  readonly #backHash: Hasher = new Hasher((bytes) => this.#consumed(bytes));
  #batch: ArrayBuffer[] = [];
  #batchBytes = 0;
  #state: TransferState = "running";
  #reason = "";
  #result: TransferResult | undefined;
  #started = 0;
  #backStarted = 0;
  #backEnded = 0;
  #done: { bytes: number; sha256: string; milliseconds: number } | undefined;
  #wake: (() => void) | undefined;

  constructor(channel: RTCDataChannel, source: Source, maxMessageSize: number) {
    this.name = source.name;
    this.size = source.size;
    this.#channel = channel;
    this.#source = source;
    this.#messageSize = Math.min(MESSAGE_SIZE, maxMessageSize || MESSAGE_SIZE);
    channel.binaryType = "arraybuffer";
    channel.bufferedAmountLowThreshold = BUFFER_LOW;
    const wake = (): void => this.#wake?.();
    channel.addEventListener("open", wake);
    channel.addEventListener("bufferedamountlow", wake);
    channel.addEventListener("message", (event: MessageEvent<string | ArrayBuffer>) => this.#receive(event.data));
    channel.addEventListener("close", () => this.#end("failed", "the connection was closed before the end"));
    channel.addEventListener("error", (event) =>
      this.#end("failed", `the connection broke (${(event as RTCErrorEvent).error.message})`),
    );
  }

  get state(): TransferState {
    return this.#state;
  }

  /** Why it failed. */
  get reason(): string {
    return this.#reason;
  }

  /** Bytes that have left this page. */
  get there(): number {
    return Math.max(0, this.#credit.sent - this.#channel.bufferedAmount);
  }

  /** Bytes that have come back. */
  get back(): number {
    return this.#window.received;
  }

  get result(): TransferResult | undefined {
    return this.#result;
  }

  /** Runs to the end; never rejects: `state` tells. */
  async run(): Promise<void> {
    try {
      await this.#until(() => this.#channel.readyState === "open");
      this.#started = this.#backStarted = this.#backEnded = performance.now();
      await this.#send();
      await this.#until(() => this.#done !== undefined && this.back >= this.size);
      await this.#conclude();
    } catch (error) {
      this.#end("failed", error instanceof Error ? error.message : String(error));
    }
  }

  cancel(): void {
    this.#end("cancelled", "cancelled");
  }

  async #send(): Promise<void> {
    const channel = this.#channel;
    channel.send(writeFileControl({ type: "file", name: this.name.slice(0, 255), size: this.size }));
    for (;;) {
      const block = await this.#source.read();
      if (block === undefined) return;
      for (let at = 0; at < block.byteLength; at += this.#messageSize) {
        const piece = new Uint8Array(block, at, Math.min(this.#messageSize, block.byteLength - at));
        if (this.#credit.available < piece.length || channel.bufferedAmount > BUFFER_HIGH) {
          await this.#until(() => this.#credit.available >= piece.length && channel.bufferedAmount <= BUFFER_HIGH);
        }
        if (this.#state !== "running") return;
        this.#credit.spend(piece.length);
        channel.send(piece);
      }
      this.#sentHash.update([block]);
      await this.#sentHash.drained(HASH_BACKLOG);
    }
  }

  #receive(data: string | ArrayBuffer): void {
    if (this.#state !== "running") return;
    if (typeof data === "string") this.#control(parseFileControl(data));
    else if (this.#window.receive(data.byteLength) && this.back <= this.size) this.#returned(data);
    else this.#end("failed", "Node sent more than it was granted");
  }

  #returned(data: ArrayBuffer): void {
    if (this.back === data.byteLength) this.#backStarted = performance.now();
    this.#batch.push(data);
    this.#batchBytes += data.byteLength;
    const last = this.back === this.size;
    if (last || this.#batchBytes >= HASH_BATCH) {
      this.#backHash.update(this.#batch);
      this.#batch = [];
      this.#batchBytes = 0;
    }
    if (!last) return;
    this.#backEnded = performance.now();
    this.#wake?.();
  }

  #control(message: FileControl | undefined): void {
    if (message?.type === "done") this.#done = message;
    else if (message?.type === "error") this.#end("failed", `Node: ${message.reason}`);
    else if (message?.type !== "credit") this.#end("failed", "Node sent an unknown message");
    else if (!this.#credit.grant(message.bytes)) this.#end("failed", "Node granted what it cannot have received");
    this.#wake?.();
  }

  /** The hash worker is done with returned bytes: Node may send as many more. */
  #consumed(bytes: number): void {
    const total = this.#window.consume(bytes);
    if (total !== undefined && this.#state === "running" && this.#channel.readyState === "open") {
      this.#channel.send(writeFileControl({ type: "credit", bytes: total }));
    }
  }

  async #conclude(): Promise<void> {
    if (this.#state !== "running" || this.#done === undefined) return;
    const [sentSha256, backSha256] = await Promise.all([this.#sentHash.digest(), this.#backHash.digest()]);
    const { bytes: nodeBytes, sha256: nodeSha256, milliseconds: thereMilliseconds } = this.#done;
    const equal =
      sentSha256 === nodeSha256 &&
      sentSha256 === backSha256 &&
      this.#credit.sent === this.size &&
      nodeBytes === this.size &&
      this.back === this.size;
    this.#result = {
      sentSha256,
      nodeSha256,
      backSha256,
      nodeBytes,
      thereMilliseconds,
      backMilliseconds: this.#backEnded - this.#backStarted,
      milliseconds: this.#backEnded - this.#started,
      equal,
    };
    this.#end(equal ? "done" : "failed", equal ? "" : "what came back is not what was sent");
  }

  /** Waits for a condition that may change whenever something happens on the channel. */
  async #until(condition: () => boolean): Promise<void> {
    while (this.#state === "running" && !condition()) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  #end(state: "done" | "failed" | "cancelled", reason: string): void {
    if (this.#state !== "running") return;
    this.#state = state;
    this.#reason = reason;
    this.#batch = [];
    this.#sentHash.close();
    this.#backHash.close();
    this.#channel.close();
    this.#wake?.();
  }
}
