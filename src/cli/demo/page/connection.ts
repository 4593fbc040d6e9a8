// The page's peer connection: offers, trickles candidates over HTTP and server-sent events, and reports each step of
// the connection coming up with the time it took.
import { CHAT, FILE, PING } from "./wire.js";

export const STEPS = ["signalling", "candidates", "pair", "dtls", "sctp"] as const;
export type Step = (typeof STEPS)[number];
export type Side = "page" | "node";
export type ConnectionState = "connecting" | "connected" | "interrupted" | "closed" | "failed";

export interface CandidateView {
  readonly type: string;
  readonly protocol: string;
  readonly address: string;
}

/** What getStats() tells of the transport, as text; fields a browser does not give are empty. */
export interface TransportView {
  readonly local: CandidateView | undefined;
  readonly remote: CandidateView | undefined;
  readonly dtlsVersion: string;
  readonly cipher: string;
  readonly dtlsRole: string;
}

export interface ConnectionHost {
  onState(state: ConnectionState, reason: string): void;
  onStep(step: Step, milliseconds: number): void;
  onCandidate(side: Side, candidate: CandidateView): void;
  onTransport(view: TransportView): void;
  onNode(implementation: string): void;
  onLog(text: string): void;
}

interface Answer {
  readonly id: string;
  readonly sdp: string;
  readonly implementation: string;
}

export class Connection {
  readonly chat: RTCDataChannel;
  readonly ping: RTCDataChannel;
  readonly #host: ConnectionHost;
  readonly #pc = new RTCPeerConnection();
  readonly #started: number = performance.now();
  readonly #steps = new Set<Step>();
  readonly #gathered = new Set<Side>();
  #state: ConnectionState = "connecting";
  #session = "";
  #events: EventSource | undefined;
  readonly #own: CandidateView[] = [];
  /** Candidates found before the session has a name. */
  #early: RTCIceCandidateInit[] = [];

  constructor(host: ConnectionHost) {
    this.#host = host;
    const pc = this.#pc;
    this.ping = pc.createDataChannel(PING, { ordered: false, maxRetransmits: 0 });
    this.chat = pc.createDataChannel(CHAT);
    pc.addEventListener("icecandidate", ({ candidate }) => {
      if (candidate === null) return this.#allGathered("page");
      if (candidate.candidate !== "") {
        const view = viewOf(candidate);
        this.#own.push(view);
        host.onCandidate("page", view);
      }
      this.#early.push(candidate.toJSON());
      if (this.#session !== "") this.#sendCandidates();
    });
    pc.addEventListener("iceconnectionstatechange", () => {
      host.onLog(`ICE ${pc.iceConnectionState}`);
      if (pc.iceConnectionState === "connected" || pc.iceConnectionState === "completed") this.#step("pair");
    });
    pc.addEventListener("connectionstatechange", () => {
      host.onLog(`connection ${pc.connectionState}`);
      if (pc.connectionState === "connected") {
        this.#step("dtls");
        this.#enter("connected");
      } else if (pc.connectionState === "disconnected") this.#enter("interrupted");
      else if (pc.connectionState === "failed") this.close("failed", "no path to the Node peer works (any more)");
    });
    this.chat.addEventListener("open", () => this.#step("sctp"));
    this.chat.addEventListener("close", () => this.close("closed", "the Node peer closed the connection"));
    addEventListener("pagehide", this.#leave);
  }

  get state(): ConnectionState {
    return this.#state;
  }

  get maxMessageSize(): number {
    return this.#pc.sctp?.maxMessageSize ?? 0;
  }

  openFileChannel(): RTCDataChannel {
    return this.#pc.createDataChannel(FILE);
  }

  /** Brings it up; a failure is reported as a state. */
  async start(): Promise<void> {
    try {
      await this.#pc.setLocalDescription();
      const response = await fetch("/api/sessions", {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ sdp: this.#pc.localDescription!.sdp }),
      });
      if (!response.ok) throw new Error(`the server answered ${response.status}: ${await response.text()}`);
      const answer = (await response.json()) as Answer;
      if (this.#state !== "connecting") return;
      this.#session = answer.id;
      this.#host.onNode(answer.implementation);
      if (this.#early.length > 0) this.#sendCandidates();
      await this.#pc.setRemoteDescription({ type: "answer", sdp: answer.sdp });
      this.#step("signalling");
      this.#pc.sctp?.transport.addEventListener("statechange", () => {
        this.#host.onLog(`DTLS ${this.#pc.sctp?.transport.state}`);
        if (this.#pc.sctp?.transport.state === "connected") this.#step("dtls");
      });
      this.#listen(answer.id);
    } catch (error) {
      this.close("failed", `signalling: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  close(state: "closed" | "failed" = "closed", reason = ""): void {
    if (this.#state === "closed" || this.#state === "failed") return;
    this.#leave();
    removeEventListener("pagehide", this.#leave);
    this.#events?.close();
    this.#pc.close();
    this.#enter(state, reason);
  }

  /** Reads the transport's figures; the browser may still be filling them in just after a step. */
  async refresh(): Promise<void> {
    if (this.#pc.connectionState === "closed") return;
    const view = transportView(await this.#pc.getStats());
    const { local } = view;
    // Statistics hide the address of an own candidate that goes by a name; its port tells which one it is.
    const own = local && this.#own.find(({ address }) => local.address === hiddenEndpoint(address));
    this.#host.onTransport(own === undefined ? view : { ...view, local: { ...local!, address: own.address } });
  }

  #listen(id: string): void {
    const events = new EventSource(`/api/sessions/${id}/events`);
    this.#events = events;
    events.addEventListener("candidate", (event: MessageEvent<string>) => {
      const candidate = JSON.parse(event.data) as RTCIceCandidateInit | null;
      if (candidate === null || candidate.candidate === "") return this.#allGathered("node");
      this.#host.onCandidate("node", viewOf(new RTCIceCandidate(candidate)));
      this.#pc.addIceCandidate(candidate).catch((error) => this.#host.onLog(`candidate refused: ${error}`));
    });
    events.addEventListener("closed", (event: MessageEvent<string>) => this.close("closed", JSON.parse(event.data)));
    // EventSource reconnects by itself, except after an error response: then the session is over.
    events.addEventListener("error", () => {
      if (events.readyState === EventSource.CLOSED) this.close("closed", "the server ended the session");
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

  readonly #leave = (): void => {
    if (this.#session === "") return;
    fetch(`/api/sessions/${this.#session}`, { method: "DELETE", keepalive: true }).catch(() => {});
    this.#session = "";
  };

  #allGathered(side: Side): void {
    this.#gathered.add(side);
    this.#host.onLog(`all candidates of ${side} gathered`);
    if (this.#gathered.size === 2) this.#step("candidates");
  }

  #step(step: Step): void {
    if (this.#steps.has(step)) return;
    this.#steps.add(step);
    this.#host.onStep(step, performance.now() - this.#started);
    void this.refresh();
  }

  #enter(state: ConnectionState, reason = ""): void {
    this.#state = state;
    this.#host.onState(state, reason);
  }
}

function viewOf(candidate: RTCIceCandidate): CandidateView {
  return {
    type: candidate.type ?? "?",
    protocol: candidate.protocol ?? "?",
    address: endpoint(candidate.address ?? "?", candidate.port ?? 0),
  };
}

function endpoint(address: string, port: number): string {
  // Chromium gives IPv6 addresses with brackets in candidates and without them in statistics.
  return address.includes(":") && !address.startsWith("[") ? `[${address}]:${port}` : `${address}:${port}`;
}

/** In place of an address that statistics do not tell. */
const HIDDEN = "hidden";

function hiddenEndpoint(address: string): string {
  return `${HIDDEN}${address.slice(address.lastIndexOf(":"))}`;
}

/** The members used here of the dictionaries in webrtc-stats. */
interface StatsEntry {
  readonly id: string;
  readonly type: string;
  readonly selectedCandidatePairId?: string;
  readonly localCandidateId?: string;
  readonly remoteCandidateId?: string;
  readonly candidateType?: string;
  readonly protocol?: string;
  readonly address?: string;
  readonly port?: number;
  readonly tlsVersion?: string;
  readonly dtlsCipher?: string;
  readonly dtlsRole?: string;
}

function transportView(report: RTCStatsReport): TransportView {
  const stats = report as unknown as ReadonlyMap<string, StatsEntry>;
  const transport = [...stats.values()].find(({ type }) => type === "transport");
  const pair = stats.get(transport?.selectedCandidatePairId ?? "");
  const candidate = (id: string | undefined): CandidateView | undefined => {
    const entry = stats.get(id ?? "");
    if (entry === undefined) return undefined;
    return {
      type: entry.candidateType ?? "?",
      protocol: entry.protocol ?? "?",
      address: endpoint(entry.address || HIDDEN, entry.port ?? 0),
    };
  };
  return {
    local: candidate(pair?.localCandidateId),
    remote: candidate(pair?.remoteCandidateId),
    dtlsVersion: dtlsVersion(transport?.tlsVersion),
    cipher: transport?.dtlsCipher ?? "",
    dtlsRole: transport?.dtlsRole ?? "",
  };
}

/** The version as on the wire, in hexadecimal (webrtc-stats): FEFD is DTLS 1.2, FEFC is DTLS 1.3. */
function dtlsVersion(hexadecimal: string | undefined): string {
  const names: Record<string, string> = { FEFF: "DTLS 1.0", FEFD: "DTLS 1.2", FEFC: "DTLS 1.3" };
  return hexadecimal === undefined ? "" : (names[hexadecimal.toUpperCase()] ?? `DTLS (${hexadecimal})`);
}
