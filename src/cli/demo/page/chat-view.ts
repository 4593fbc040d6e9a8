// The chat card: what the visitor says, and Node's echo with the time it took.
import { byId, make } from "./dom.js";
import { formatDuration } from "./format.js";

const KEPT = 200;

export class ChatView {
  readonly #messages = byId("messages", HTMLOListElement);
  readonly #text = byId("chat-text", HTMLInputElement);
  readonly #send = byId("chat-send", HTMLButtonElement);
  #channel: RTCDataChannel | undefined;
  /** When the messages whose echo is due were sent: the channel is ordered and reliable. */
  #sentAt: number[] = [];

  constructor() {
    byId("chat", HTMLFormElement).addEventListener("submit", (event) => {
      event.preventDefault();
      const text = this.#text.value.trim();
      if (text === "" || this.#channel?.readyState !== "open") return;
      this.#channel.send(text);
      this.#sentAt.push(performance.now());
      this.#add(make("li", "message mine", text));
      this.#text.value = "";
    });
  }

  use(channel: RTCDataChannel): void {
    this.#channel = channel;
    this.#sentAt = [];
    this.enable(false);
    channel.addEventListener("open", () => this.enable(true));
    channel.addEventListener("close", () => this.enable(false));
    channel.addEventListener("message", ({ data }: MessageEvent<unknown>) => {
      const sentAt = this.#sentAt.shift();
      if (typeof data !== "string" || sentAt === undefined) return;
      this.#add(
        make(
          "li",
          "message echo",
          data,
          make("small", "", `Node, after ${formatDuration(performance.now() - sentAt)}`),
        ),
      );
    });
  }

  enable(on: boolean): void {
    this.#text.disabled = this.#send.disabled = !on;
  }

  #add(item: HTMLElement): void {
    this.#messages.append(item);
    while (this.#messages.childElementCount > KEPT) this.#messages.firstElementChild!.remove();
    this.#messages.scrollTop = this.#messages.scrollHeight;
  }
}
