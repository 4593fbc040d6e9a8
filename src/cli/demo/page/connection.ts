// The page's peer connection: offers, trickles candidates over HTTP and server-sent events, and reports each step of
// the connection coming up with the time it took.
import { Signalling } from "./signalling.js";
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

export class Connection {
  readonly chat: RTCDataChannel;
  readonly ping: RTCDataChannel;
  readonly #host: ConnectionHost;
  readonly #pc = new RTCPeerConnection();
  readonly #started: number = performance.now();
  readonly #steps = new Set<Step>();
  readonly #gathered = new Set<Side>();
  #state: ConnectionState = "connecting";
  readonly #signalling: Signalling;
  readonly #own: CandidateView[] = [];

  constructor(host: ConnectionHost) {
    this.#host = host;
    const pc = this.#pc;
    this.ping = pc.createDataChannel(PING, { ordered: false, maxRetransmits: 0 });
    this.chat = pc.createDataChannel(CHAT);
    pc.addEventListener("icecandidate", ({ candidate }) => {
      if (candidate === null) return this.#allGathered("page");
      if (candidate.candidate === "") return;
      const view = viewOf(candidate);
      this.#own.push(view);
      host.onCandidate("page", view);
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
    this.#signalling = new Signalling(pc, "data", {
      onCandidate: (candidate) => {
        if (candidate === null) this.#allGathered("node");
        else host.onCandidate("node", viewOf(new RTCIceCandidate(candidate)));
      },
      onClosed: (reason) => this.close("closed", reason),
      onNode: host.onNode,
      onLog: host.onLog,
    });
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
      await this.#signalling.run();
      if (this.#state !== "connecting") return;
      this.#step("signalling");
      this.#pc.sctp?.transport.addEventListener("statechange", () => {
        this.#host.onLog(`DTLS ${this.#pc.sctp?.transport.state}`);
        if (this.#pc.sctp?.transport.state === "connected") this.#step("dtls");
      });
    } catch (error) {
      this.close("failed", `signalling: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  close(state: "closed" | "failed" = "closed", reason = ""): void {
    if (this.#state === "closed" || this.#state === "failed") return;
    this.#signalling.leave();
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
