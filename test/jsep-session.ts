// One side of an offer/answer exchange for tests of src/jsep: holds the state, commits plans, and keeps the last plan.
import { createAnswer } from "#src/jsep/answer.js";
import { applyLocal, applyRemote } from "#src/jsep/apply.js";
import type { LocalCandidateAdded, RemoteCandidateInput, RemoteCandidateTarget } from "#src/jsep/candidates.js";
import { addLocalCandidate, addRemoteCandidate } from "#src/jsep/candidates.js";
import type { JsepError, JsepResult } from "#src/jsep/errors.js";
import { createOffer } from "#src/jsep/offer.js";
import type { Plan } from "#src/jsep/plan.js";
import type { SdpType } from "#src/jsep/signaling-state.js";
import type { NegotiationConfiguration, NegotiationState, OfferInputs } from "#src/jsep/state.js";
import { createNegotiationState } from "#src/jsep/state.js";
import type { SenderDescription, TransceiverDescription } from "#src/jsep/transceivers.js";
import { parseIceCandidate } from "#src/util/ice-candidate.js";

export class JsepFailure extends Error {
  readonly jsep: JsepError;
  constructor(jsep: JsepError) {
    super(`${jsep.kind}: ${jsep.message}`);
    this.jsep = jsep;
  }
}

function take<T>(result: JsepResult<T>): T {
  if (!result.ok) throw new JsepFailure(result.error);
  return result.value;
}

export const FINGERPRINT: string = Array.from({ length: 32 }, (_, i) => (i + 16).toString(16).toUpperCase()).join(":");

/** A transceiver as addTrack makes it, with one stream. */
export function transceiver(
  id: string,
  kind: "audio" | "video",
  parts: Partial<Omit<TransceiverDescription, "sender">> & { readonly sender?: Partial<SenderDescription> } = {},
): TransceiverDescription {
  const ssrc = [...id].reduce((sum, char) => (sum * 31 + char.charCodeAt(0)) % 0xfff_ffff, 1000) * 16;
  return {
    id,
    kind,
    direction: "sendrecv",
    stopping: false,
    stopped: false,
    addedByAddTrack: true,
    codecPreferences: null,
    headerExtensions: null,
    answeredExtensions: null,
    ...parts,
    sender: {
      streamIds: ["stream"],
      trackId: `track-${id}`,
      cname: "cname",
      encodings: [{ rid: null, ssrc, rtxSsrc: kind === "video" ? ssrc + 1 : null }],
      ...parts.sender,
    },
  };
}

export class Side {
  /** Its transceivers in order, kept as the W3C layer would; null: it takes no media. */
  media: Map<string, TransceiverDescription> | null = null;
  #transceivers = 0;
  state: NegotiationState;
  plan: Plan | undefined;
  inputs: OfferInputs;
  #generation = 0;

  constructor(name: string, configuration: Partial<NegotiationConfiguration> = {}) {
    this.state = createNegotiationState({
      sessionId: "4611686018427387904",
      bundlePolicy: "balanced",
      rtcpMuxPolicy: "require",
      iceLite: false,
      ...configuration,
    });
    this.inputs = {
      fingerprints: [{ algorithm: "sha-256", value: FINGERPRINT.replace(/^../, name === "a" ? "AA" : "BB") }],
      newIceParameters: () => {
        const n = this.#generation++;
        return { usernameFragment: `${name}${name}${name}${n}`, password: `${name}PasswordOfEnoughLength${n}` };
      },
      maxMessageSize: 262_144,
      sctpPort: 5000,
      transceivers: [],
      dataChannel: false,
      iceRestart: false,
      credentialsToReplace: [],
    };
  }

  /** Adds or changes transceivers; from now on the side takes media. */
  with(...transceivers: TransceiverDescription[]): this {
    this.media ??= new Map();
    for (const entry of transceivers) this.media.set(entry.id, entry);
    return this;
  }

  /** Changes one of its transceivers. */
  change(id: string, parts: Partial<TransceiverDescription>): void {
    this.media!.set(id, { ...this.media!.get(id)!, ...parts });
  }

  #inputs(parts: Partial<OfferInputs>): OfferInputs {
    const transceivers = this.media === null ? this.inputs.transceivers : [...this.media.values()];
    return { ...this.inputs, transceivers, ...parts };
  }

  createOffer(parts: Partial<OfferInputs> = {}): string {
    const { next, sdp } = take(createOffer(this.state, this.#inputs(parts)));
    this.state = next;
    return sdp;
  }

  createAnswer(parts: Partial<OfferInputs> = {}): string {
    const { next, sdp } = take(createAnswer(this.state, this.#inputs(parts)));
    this.state = next;
    return sdp;
  }

  setLocal(type: SdpType, sdp = ""): Plan {
    return this.#commit(take(applyLocal(this.state, type, sdp)));
  }

  setRemote(type: SdpType, sdp = ""): Plan {
    const media =
      this.media === null
        ? undefined
        : { transceivers: [...this.media.values()], newTransceiverId: () => `made${this.#transceivers++}` };
    return this.#commit(take(applyRemote(this.state, type, sdp, media)));
  }

  /** Creates and sets an offer; its text. */
  offer(parts: Partial<OfferInputs> = {}): string {
    const sdp = this.createOffer(parts);
    this.setLocal("offer", sdp);
    return sdp;
  }

  /** Sets a remote offer, creates and sets an answer; its text. */
  answer(offer: string, parts: Partial<OfferInputs> = {}): string {
    this.setRemote("offer", offer);
    const sdp = this.createAnswer(parts);
    this.setLocal("answer", sdp);
    return sdp;
  }

  addLocal(transport: number, ufrag: string, candidate: string | null): LocalCandidateAdded {
    const added = addLocalCandidate(
      this.state,
      transport,
      ufrag,
      candidate === null ? null : parseIceCandidate(candidate)!,
    );
    this.state = added.next;
    return added;
  }

  addRemote(input: Partial<RemoteCandidateInput>): readonly RemoteCandidateTarget[] {
    const added = take(
      addRemoteCandidate(this.state, {
        candidate: null,
        sdpMid: null,
        sdpMLineIndex: null,
        usernameFragment: null,
        ...input,
      }),
    );
    this.state = added.next;
    return added.targets;
  }

  #commit(plan: Plan): Plan {
    this.state = plan.next;
    this.plan = plan;
    for (const { transceiver: id, kind, create, discard, stop } of plan.transceivers) {
      if (this.media === null) break;
      const empty = { streamIds: [], trackId: null };
      if (create) {
        this.media.set(id, transceiver(id, kind, { direction: "recvonly", addedByAddTrack: false, sender: empty }));
      }
      if (discard) this.media.delete(id);
      if (stop && this.media.has(id)) this.change(id, { stopped: true, direction: "inactive" });
    }
    return plan;
  }
}

/** One whole exchange; the offer and the answer. */
export function negotiate(offerer: Side, answerer: Side, parts: Partial<OfferInputs> = {}): [string, string] {
  const offer = offerer.offer(parts);
  const answer = answerer.answer(offer);
  offerer.setRemote("answer", answer);
  return [offer, answer];
}

/** The error of a call that is refused. */
export function refusal(call: () => unknown): JsepError {
  try {
    call();
  } catch (error) {
    if (error instanceof JsepFailure) return error.jsep;
    throw error;
  }
  throw new Error("it was not refused");
}
