// Signalling between two whole peer connections in virtual time: an ordered channel with a delay, and at both ends the
// "perfect negotiation" of the WebRTC specification's §10.7, so that either side may renegotiate at any moment.
import type { Simulation } from "#test/sim/simulation.js";

export interface Description {
  readonly type: string;
  readonly sdp?: string | undefined;
}

/** What is used of an RTCPeerConnection. */
export interface NegotiatingPeer {
  readonly signalingState: string;
  readonly iceGatheringState: string;
  readonly localDescription: Description | null;
  setLocalDescription(): Promise<void>;
  // Method syntax: the real ones take their own, narrower types.
  setRemoteDescription(description: never): Promise<void>;
  addIceCandidate(candidate?: never): Promise<void>;
  addEventListener(type: string, listener: (event: Event) => void): void;
  close(): void;
}

export interface SignalingOptions {
  /** One way, milliseconds; 10 unless given. */
  readonly delay?: number | undefined;
  /** False: candidates travel in the descriptions only, which wait for the end of gathering. */
  readonly trickle?: boolean | undefined;
}

type Message = { readonly description: Description } | { readonly candidate: unknown };

/** One end. What goes wrong in it is kept in `errors`, never swallowed. */
export class SignalingEnd {
  readonly peer: NegotiatingPeer;
  /** Gives way when both offer at once. */
  readonly polite: boolean;
  readonly errors: unknown[] = [];
  /** Messages that this end has sent: "offer", "answer", "candidate". */
  readonly sent: string[] = [];
  deliver: (message: Message) => void = () => {};
  private readonly trickle: boolean;
  private makingOffer = false;
  private ignoreOffer = false;
  private settingAnswer = false;
  private chain: Promise<void> = Promise.resolve();
  /** Without trickling: an answer whose candidates are being gathered; no offer may come between. */
  private answering: Promise<void> = Promise.resolve();
  private offers = 0;
  private gathering: (() => void)[] = [];
  private readonly sim: Simulation;

  constructor(sim: Simulation, peer: NegotiatingPeer, polite: boolean, trickle: boolean) {
    this.sim = sim;
    this.peer = peer;
    this.polite = polite;
    this.trickle = trickle;
    peer.addEventListener("negotiationneeded", () => this.guard(() => this.offer()));
    peer.addEventListener("icecandidate", (event) => {
      const { candidate } = event as Event & { readonly candidate: unknown };
      if (this.trickle) this.send({ candidate }, "candidate");
      else if (candidate === null) for (const done of this.gathering.splice(0)) done();
    });
  }

  /** Takes a message; one after the other, as the specification's example awaits each. */
  receive(message: Message): void {
    this.chain = this.chain.then(() => this.handle(message)).catch((error: unknown) => void this.errors.push(error));
  }

  private async offer(): Promise<void> {
    await this.answering;
    const offer = ++this.offers;
    this.makingOffer = true;
    try {
      await this.peer.setLocalDescription();
    } finally {
      this.makingOffer = false;
    }
    await this.gathered();
    // It may have been rolled back meanwhile.
    if (offer === this.offers && this.peer.signalingState === "have-local-offer") this.describe();
  }

  /** Resolves when the local description is to be sent: at once, or with all its candidates. */
  private async gathered(): Promise<void> {
    if (this.trickle) return;
    // The state follows the description in a task of its own.
    await new Promise<void>((resolve) => this.sim.scheduler.after(1, () => resolve()));
    if (this.peer.iceGatheringState !== "complete") await new Promise<void>((resolve) => this.gathering.push(resolve));
  }

  private async handle(message: Message): Promise<void> {
    const { peer } = this;
    if (!("description" in message)) {
      try {
        await peer.addIceCandidate(message.candidate as never);
      } catch (error) {
        if (!this.ignoreOffer) throw error;
      }
      return;
    }
    const { description } = message;
    const ready = !this.makingOffer && (peer.signalingState === "stable" || this.settingAnswer);
    this.ignoreOffer = description.type === "offer" && !ready && !this.polite;
    if (this.ignoreOffer) return;
    this.settingAnswer = description.type === "answer";
    try {
      await peer.setRemoteDescription(description as never);
    } finally {
      this.settingAnswer = false;
    }
    if (description.type !== "offer") return;
    this.answering = this.answer();
    await this.answering;
  }

  private async answer(): Promise<void> {
    await this.peer.setLocalDescription();
    await this.gathered();
    this.describe();
  }

  private describe(): void {
    const { type, sdp } = this.peer.localDescription!;
    this.send({ description: { type, sdp } }, type);
  }

  private send(message: Message, kind: string): void {
    this.sent.push(kind);
    // Through JSON, as over any real channel: nothing is shared between the two sides.
    this.deliver(JSON.parse(JSON.stringify(message)) as Message);
  }

  private guard(action: () => Promise<void>): void {
    action().catch((error: unknown) => void this.errors.push(error));
  }
}

export interface Signaling {
  readonly a: SignalingEnd;
  /** The polite one. */
  readonly b: SignalingEnd;
  /** Throws the first error of either end. */
  check(): void;
}

/** Joins two peers. Each message takes the delay; their order is kept. */
export function signal(
  sim: Simulation,
  a: NegotiatingPeer,
  b: NegotiatingPeer,
  options: SignalingOptions = {},
): Signaling {
  const { delay = 10, trickle = true } = options;
  const ends = { a: new SignalingEnd(sim, a, false, trickle), b: new SignalingEnd(sim, b, true, trickle) };
  ends.a.deliver = (message) => void sim.scheduler.after(delay, () => ends.b.receive(message));
  ends.b.deliver = (message) => void sim.scheduler.after(delay, () => ends.a.receive(message));
  return {
    ...ends,
    check() {
      for (const end of [ends.a, ends.b]) if (end.errors.length > 0) throw end.errors[0];
    },
  };
}
