// The connection card: steps that light up as they are reached, with their figures.
import { type CandidateView, type Side, STEPS, type Step, type TransportView } from "./connection.js";
import { byId, make } from "./dom.js";
import { formatDuration } from "./format.js";

const SHOWN_CANDIDATES = 12;

export class StepsView {
  readonly #initial = byId("steps", HTMLOListElement).innerHTML;
  readonly #steps = byId("steps", HTMLOListElement);
  readonly #total = byId("total-time", HTMLElement);
  #done = new Set<Step>();
  #candidates: Record<Side, number> = { page: 0, node: 0 };

  reset(): void {
    this.#steps.innerHTML = this.#initial; // our own markup, as it was served
    this.#total.textContent = "";
    this.#done = new Set();
    this.#candidates = { page: 0, node: 0 };
    this.#light(false);
  }

  done(step: Step, milliseconds: number): void {
    this.#done.add(step);
    this.#item(step).querySelector(".time")!.textContent = formatDuration(milliseconds);
    if (step === "signalling") this.#detail("signalling", "Offer and answer exchanged");
    if (step === "candidates") this.#showCount();
    if (step === "dtls") this.#detail("dtls", "Keys agreed");
    if (step === "sctp") {
      this.#detail("sctp", "Data channels open");
      this.#total.textContent = `ready in ${formatDuration(milliseconds)}`;
    }
    this.#light(false);
  }

  candidate(side: Side, candidate: CandidateView): void {
    this.#item("candidates").querySelector<HTMLElement>(".candidates")!.hidden = false;
    if (++this.#candidates[side] > SHOWN_CANDIDATES) return;
    byId(`candidates-${side}`, HTMLUListElement).append(
      make("li", "candidate", make("span", "tag", candidate.type), this.#endpoint(candidate)),
    );
    this.#showCount();
  }

  transport(view: TransportView): void {
    const { local, remote, dtlsVersion, cipher, dtlsRole } = view;
    if (local !== undefined && remote !== undefined) {
      this.#detail(
        "pair",
        make(
          "span",
          "ends",
          make("span", "", `Page, ${local.type}`),
          this.#endpoint(local),
          make("span", "", `Node, ${remote.type}`),
          this.#endpoint(remote),
        ),
      );
    }
    if (dtlsVersion !== "") {
      const role = dtlsRole === "" || dtlsRole === "unknown" ? "" : `, page is ${dtlsRole}`;
      this.#detail("dtls", `${dtlsVersion}${role}`, make("br", ""), make("span", "address", ...breakable(cipher)));
    }
  }

  /** The connection ended: what had not been reached will not be. */
  stop(): void {
    this.#light(true);
  }

  /** "udp 192.0.2.1:5000"; of a long mDNS name the beginning is enough. */
  #endpoint({ address, protocol }: CandidateView): HTMLElement {
    const short = address.replace(/^([0-9a-f]{8})-[0-9a-f-]{27}\.local:/, "$1….local:");
    const element = make("span", "address", `${protocol} ${short}`);
    if (short !== address) element.title = address;
    return element;
  }

  #showCount(): void {
    const { page, node } = this.#candidates;
    this.#detail("candidates", `${page} from this page, ${node} from Node`);
  }

  #item(step: Step): HTMLElement {
    return this.#steps.querySelector<HTMLElement>(`[data-step="${step}"]`)!;
  }

  #detail(step: Step, ...content: (Node | string)[]): void {
    this.#item(step)
      .querySelector(".detail")!
      .replaceChildren(...content);
  }

  #light(stopped: boolean): void {
    let active = true;
    for (const step of STEPS) {
      const done = this.#done.has(step);
      this.#item(step).className = done ? "done" : active ? (stopped ? "stopped" : "active") : "";
      // Candidates may still be gathered while a pair already works.
      if (!done && step !== "candidates") active = false;
    }
  }
}

/** A long name that may be broken after underscores. */
function breakable(name: string): (Node | string)[] {
  return name.split(/(?<=_)/).flatMap((part) => [part, make("wbr", "")]);
}
