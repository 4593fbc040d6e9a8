// One transfer in the list: progress and speed both ways, then the check.
import { make } from "./dom.js";
import { formatBytes, formatDuration, formatRate, RateMeter } from "./format.js";
import type { TransferSnapshot } from "./snapshot.js";
import type { Transfer } from "./transfer.js";

class Way {
  readonly element: HTMLElement;
  rate = 0;
  readonly #bar: HTMLProgressElement;
  readonly #figure: HTMLElement = make("span", "speed figure");
  readonly #meter = new RateMeter();

  constructor(className: "there" | "back", name: string, file: string) {
    this.#bar = make("progress", "");
    this.#bar.max = 1;
    this.#bar.value = 0;
    this.#bar.setAttribute("aria-label", `${file}: ${name}`);
    this.element = make("div", `way ${className}`, make("span", "", name), this.#bar, this.#figure);
  }

  update(now: number, bytes: number, size: number): void {
    this.rate = this.#meter.add(now, bytes);
    this.#bar.value = size === 0 ? 1 : bytes / size;
    this.#figure.textContent = `${formatBytes(bytes)} · ${formatRate(this.rate)}`;
  }

  conclude(size: number, milliseconds: number): void {
    this.rate = milliseconds > 0 ? (size * 1000) / milliseconds : 0;
    this.#bar.value = 1;
    this.#figure.textContent = `${formatDuration(milliseconds)} · ${formatRate(this.rate)}`;
  }
}

export class TransferView {
  readonly element: HTMLElement;
  readonly transfer: Transfer;
  readonly #there: Way;
  readonly #back: Way;
  readonly #state: HTMLElement = make("span", "state", "on its way");
  readonly #cancel: HTMLButtonElement = make("button", "quiet", "Cancel");
  #concluded = false;

  constructor(transfer: Transfer) {
    this.transfer = transfer;
    this.#there = new Way("there", "There", transfer.name);
    this.#back = new Way("back", "Back", transfer.name);
    this.#cancel.type = "button";
    this.#cancel.setAttribute("aria-label", `Cancel ${transfer.name}`);
    this.#cancel.addEventListener("click", () => transfer.cancel());
    const title = make(
      "div",
      "title",
      make("span", "name", transfer.name),
      make("span", "size", formatBytes(transfer.size)),
      this.#state,
      this.#cancel,
    );
    this.element = make("li", "transfer", title, this.#there.element, this.#back.element);
    this.element.dataset.state = transfer.state;
  }

  /** Shows where the transfer stands; true when it has just ended. */
  update(now: number): boolean {
    if (this.#concluded) return false;
    const { transfer } = this;
    if (transfer.state === "running") {
      this.#there.update(now, transfer.there, transfer.size);
      this.#back.update(now, transfer.back, transfer.size);
      return false;
    }
    this.#concluded = true;
    this.#cancel.remove();
    this.element.dataset.state = transfer.state;
    const { result } = transfer;
    if (result?.equal) {
      this.#there.conclude(transfer.size, result.thereMilliseconds);
      this.#back.conclude(transfer.size, result.backMilliseconds);
      this.#state.textContent = "every byte arrived";
      const hash = make("span", "address", result.sentSha256);
      this.element.append(
        make(
          "p",
          "check",
          `SHA-256 equal as sent, at Node and back; ${formatDuration(result.milliseconds)} in all`,
          hash,
        ),
      );
    } else {
      this.#state.textContent = transfer.state;
      if (transfer.state === "cancelled") return true;
      const lines = result === undefined ? [] : [result.sentSha256, result.nodeSha256, result.backSha256];
      this.element.append(make("p", "check", transfer.reason, ...lines.map((line) => make("span", "address", line))));
    }
    return true;
  }

  snapshot(): TransferSnapshot {
    const { name, size, state, reason, there, back, result } = this.transfer;
    return { name, size, state, reason, there, back, thereRate: this.#there.rate, backRate: this.#back.rate, result };
  }
}
