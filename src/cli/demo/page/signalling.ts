// Signalling over HTTP and server-sent events: a page's offer and candidates there, Node's answer and candidates back.

interface Answer {
  readonly id: string;
  readonly sdp: string;
  readonly implementation: string;
}

/** What a session is for: the data channels, or the camera. */
export type SessionKind = "data" | "camera";

export interface SignallingHost {
  /** A candidate of Node's; null: all were gathered. */
  onCandidate(candidate: RTCIceCandidateInit | null): void;
  /** The session is over at the server. */
  onClosed(reason: string): void;
  onNode(implementation: string): void;
  onLog(text: string): void;
}

export class Signalling {
  readonly #pc: RTCPeerConnection;
  readonly #kind: SessionKind;
  readonly #host: SignallingHost;
  #session = "";
  #left = false;
  #events: EventSource | undefined;
  /** Candidates found before the session has a name. */
  #early: RTCIceCandidateInit[] = [];

  constructor(pc: RTCPeerConnection, kind: SessionKind, host: SignallingHost) {
    this.#pc = pc;
    this.#kind = kind;
    this.#host = host;
    pc.addEventListener("icecandidate", ({ candidate }) => {
      if (candidate === null) return;
      this.#early.push(candidate.toJSON());
      if (this.#session !== "") this.#sendCandidates();
    });
    addEventListener("pagehide", this.leave);
  }

  /** Offers and takes the answer. Throws if that fails. */
  async run(): Promise<void> {
    await this.#pc.setLocalDescription();
    const response = await fetch("/api/sessions", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ kind: this.#kind, sdp: this.#pc.localDescription!.sdp }),
    });
    if (!response.ok) throw new Error(`the server answered ${response.status}: ${await response.text()}`);
    const answer = (await response.json()) as Answer;
    this.#session = answer.id;
    if (this.#left) return this.leave();
    this.#host.onNode(answer.implementation);
    if (this.#early.length > 0) this.#sendCandidates();
    await this.#pc.setRemoteDescription({ type: "answer", sdp: answer.sdp });
    this.#listen(answer.id);
  }

  /** Ends the session at the server. */
  readonly leave = (): void => {
    this.#left = true;
    removeEventListener("pagehide", this.leave);
    this.#events?.close();
    if (this.#session === "") return;
    fetch(`/api/sessions/${this.#session}`, { method: "DELETE", keepalive: true }).catch(() => {});
    this.#session = "";
  };

  #listen(id: string): void {
    if (this.#left) return;
    const events = new EventSource(`/api/sessions/${id}/events`);
    this.#events = events;
    events.addEventListener("candidate", (event: MessageEvent<string>) => {
      const candidate = JSON.parse(event.data) as RTCIceCandidateInit | null;
      if (candidate === null || candidate.candidate === "") return this.#host.onCandidate(null);
      this.#host.onCandidate(candidate);
      this.#pc.addIceCandidate(candidate).catch((error) => this.#host.onLog(`candidate refused: ${error}`));
    });
    events.addEventListener("closed", (event: MessageEvent<string>) => this.#host.onClosed(JSON.parse(event.data)));
    // EventSource reconnects by itself, except after an error response: then the session is over.
    events.addEventListener("error", () => {
      if (events.readyState === EventSource.CLOSED) this.#host.onClosed("the server ended the session");
    });
  }

  #sendCandidates(): void {
    const candidates = this.#early;
    this.#early = [];
    fetch(`/api/sessions/${this.#session}/candidates`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(candidates),
    }).catch((error) => this.#host.onLog(`candidates not delivered: ${error}`));
  }
}
