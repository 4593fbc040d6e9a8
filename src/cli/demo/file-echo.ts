// The Node end of a file channel: sends every byte back as it comes and hashes it on the way. It holds no more than one
// credit window, however slow the way back is, and closes the channel of a page that sends more.
import { createHash } from "node:crypto";
import { CreditReceiver, CreditSender } from "./page/credit.js";
import { BUFFER_HIGH, BUFFER_LOW, type FileControl, parseFileControl, WINDOW, writeFileControl } from "./page/wire.js";
import type { DataChannel } from "./w3c.js";

export interface EchoedFile {
  readonly name: string;
  readonly size: number;
  readonly bytes: number;
  readonly sha256: string;
}

export class FileEcho {
  readonly #channel: DataChannel;
  readonly #now: () => number;
  readonly #onEchoed: (file: EchoedFile) => void;
  readonly #window = new CreditReceiver(WINDOW);
  readonly #credit = new CreditSender(WINDOW);
  readonly #hash = createHash("sha256");
  #header: { name: string; size: number } | undefined;
  #started = 0;
  #received = 0;
  /** Chunks waiting for room on the way back; those before `#head` have been sent. */
  #queue: ArrayBuffer[] = [];
  #head = 0;
  #ended = false;

  constructor(channel: DataChannel, now: () => number, onEchoed: (file: EchoedFile) => void) {
    this.#channel = channel;
    this.#now = now;
    this.#onEchoed = onEchoed;
    channel.binaryType = "arraybuffer";
    channel.bufferedAmountLowThreshold = BUFFER_LOW;
    channel.addEventListener("bufferedamountlow", () => this.#pump());
    channel.addEventListener("close", () => this.#end());
  }

  receive(data: string | ArrayBuffer): void {
    if (this.#ended) return;
    if (typeof data === "string") this.#control(parseFileControl(data));
    else this.#chunk(data);
  }

  #control(message: FileControl | undefined): void {
    if (message?.type === "file" && this.#header === undefined) {
      this.#header = message;
      this.#started = this.#received = this.#now();
      this.#pump();
    } else if (message?.type === "credit") {
      if (this.#credit.grant(message.bytes)) this.#pump();
      else this.#fail("you granted what you cannot have received");
    } else if (message?.type === "error") this.#end();
    else this.#fail("unknown message");
  }

  #chunk(data: ArrayBuffer): void {
    const fault = this.#faultOf(data);
    if (fault !== undefined) {
      this.#fail(fault);
      return;
    }
    this.#received = this.#now();
    this.#hash.update(new Uint8Array(data));
    this.#queue.push(data);
    this.#pump();
  }

  #faultOf(chunk: ArrayBuffer): string | undefined {
    if (this.#header === undefined) return "bytes before the file's name and size";
    if (!this.#window.receive(chunk.byteLength)) return "you sent more than you were granted";
    return this.#window.received > this.#header.size ? "you sent more than the file's size" : undefined;
  }

  #pump(): void {
    const channel = this.#channel;
    while (!this.#ended && this.#head < this.#queue.length) {
      const chunk = this.#queue[this.#head]!;
      if (chunk.byteLength > this.#credit.available || channel.bufferedAmount > BUFFER_HIGH) break;
      this.#head++;
      this.#credit.spend(chunk.byteLength);
      const total = this.#window.consume(chunk.byteLength);
      if (!this.#send(chunk)) return;
      if (total !== undefined && !this.#send(writeFileControl({ type: "credit", bytes: total }))) return;
    }
    if (this.#head === this.#queue.length || this.#head >= 256) {
      this.#queue.splice(0, this.#head);
      this.#head = 0;
    }
    const header = this.#header;
    if (this.#ended || header === undefined || this.#window.consumed < header.size) return;
    const bytes = this.#window.received;
    const sha256 = this.#hash.digest("hex");
    this.#send(writeFileControl({ type: "done", bytes, sha256, milliseconds: this.#received - this.#started }));
    this.#end();
    this.#onEchoed({ name: header.name, size: header.size, bytes, sha256 });
  }

  #send(data: string | ArrayBuffer): boolean {
    try {
      if (typeof data === "string") this.#channel.send(data);
      else this.#channel.send(data);
      return true;
    } catch {
      this.#end(); // closed while a message was under way
      return false;
    }
  }

  #fail(reason: string): void {
    this.#send(writeFileControl({ type: "error", reason }));
    this.#end();
    this.#channel.close();
  }

  #end(): void {
    this.#ended = true;
    this.#queue = [];
    this.#head = 0;
  }
}
