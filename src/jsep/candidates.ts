// Trickle ICE in the descriptions (RFC 9429 §4.1.19, §4.1.20, RFC 8838): candidates that come after a description was set
// are added to it, and remote ones are sent on to the transport they are for.
import type { SdpMedia } from "../sdp/model.js";
import { isRejected } from "../sdp/model.js";
import type { IceCandidate } from "../util/ice-candidate.js";
import { iceCandidateProblem, isSameCandidate, parseIceCandidate } from "../util/ice-candidate.js";
import type { JsepResult } from "./errors.js";
import { failure, success } from "./errors.js";
import { RemoteDescription, WrittenDescription } from "./late-text.js";
import { isOfOurComponent, taggedIndex, viewOf, withoutFragment } from "./remote.js";
import { addressLines } from "./sections.js";
import type { AppliedDescription, MediaSlot, Negotiated, NegotiationState, Transport } from "./state.js";
import { remoteDescription } from "./state.js";

/** Of one m-section; a peer that trickles more has them refused. */
export const MAX_REMOTE_CANDIDATES = 512;

export interface LocalCandidateAdded {
  readonly next: NegotiationState;
  /** For the icecandidate event. Null if no description has the transport with these parameters any more. */
  readonly sdpMid: string | null;
  readonly sdpMLineIndex: number | null;
}

/**
 * Adds a candidate that the transport gathered for these parameters, or the end of candidates (null), to the local
 * descriptions that have them.
 */
export function addLocalCandidate(
  state: NegotiationState,
  transport: number,
  usernameFragment: string,
  candidate: IceCandidate | null,
): LocalCandidateAdded {
  let where: MediaSlot | undefined;
  const update = <T extends Negotiated>(session: T): T => ({
    ...session,
    transports: session.transports.map((entry) => {
      if (entry.id !== transport || entry.local?.usernameFragment !== usernameFragment) return entry;
      where ??= session.slots.find(({ mid, rejected }) => mid === entry.mid && !rejected);
      return candidate === null
        ? { ...entry, localEndOfCandidates: true }
        : { ...entry, localCandidates: [...entry.localCandidates, withoutFragment(candidate)] };
    }),
  });
  const updated = update(state);
  const stable = state.stable === null ? null : update(state.stable);
  const pendingLocal = withLocalCandidates(state.pendingLocal, updated, usernameFragment);
  const currentLocal = withLocalCandidates(state.currentLocal, stable ?? updated, usernameFragment);
  return {
    next: { ...updated, stable, pendingLocal, currentLocal },
    sdpMid: where?.mid ?? null,
    sdpMLineIndex: where?.index ?? null,
  };
}

function withLocalCandidates(
  applied: AppliedDescription | null,
  session: Negotiated,
  usernameFragment: string,
): AppliedDescription | null {
  if (applied === null) return null;
  const owners = new Map<string, Transport>();
  for (const transport of session.transports) {
    if (transport.local?.usernameFragment === usernameFragment) owners.set(transport.mid, transport);
  }
  let changed = false;
  const media = applied.description.media.map((section, index) => {
    const slot = session.slots[index];
    const transport = slot === undefined || slot.rejected ? undefined : owners.get(slot.mid);
    if (
      transport === undefined ||
      (section.iceUfrag ?? applied.description.iceUfrag) !== usernameFragment ||
      section.port === 0
    )
      return section;
    changed = true;
    return { ...section, ...addressLines(transport) };
  });
  if (!changed) return applied;
  return new WrittenDescription(applied.type, { ...applied.description, media });
}

export interface RemoteCandidateInput {
  /** `candidate:…`; empty or null for the end of candidates. */
  readonly candidate: string | null;
  readonly sdpMid: string | null;
  readonly sdpMLineIndex: number | null;
  readonly usernameFragment: string | null;
}

export interface RemoteCandidateTarget {
  readonly transport: number;
  /** Null for the end of candidates. */
  readonly candidate: IceCandidate | null;
}

export interface RemoteCandidateAdded {
  readonly next: NegotiationState;
  /** What to tell transports now. Empty where the description is still pending: its plan will have the candidate. */
  readonly targets: readonly RemoteCandidateTarget[];
}

/**
 * Adds a candidate of the peer's (webrtc-pc addIceCandidate, from the check for a remote description on; a candidate with
 * neither sdpMid nor sdpMLineIndex is the caller's TypeError).
 */
export function addRemoteCandidate(
  state: NegotiationState,
  input: RemoteCandidateInput,
): JsepResult<RemoteCandidateAdded> {
  const latest = remoteDescription(state);
  if (latest === null) {
    return failure({ kind: "InvalidStateError", message: "there is no remote description to add a candidate to" });
  }
  const operationError = (message: string) => failure({ kind: "OperationError", message });
  const text = (input.candidate ?? "").trim();
  const isEnd = text === "";
  const { media } = latest.description;
  // While only our own offer is pending, the m-lines of the peer's description are those of before.
  const session: Negotiated = state.pendingRemote === null ? (state.stable ?? state) : state;
  let indices: readonly number[];
  if (input.sdpMid !== null) {
    const index = session.slots.findIndex(({ mid }) => mid === input.sdpMid);
    if (index < 0 || index >= media.length)
      return operationError(`the remote description has no m-section with mid "${input.sdpMid}"`);
    indices = [index];
  } else if (input.sdpMLineIndex !== null) {
    if (input.sdpMLineIndex >= media.length) {
      return operationError(`the remote description has no m-section ${input.sdpMLineIndex}`);
    }
    indices = [input.sdpMLineIndex];
  } else if (isEnd) indices = media.map((_, index) => index);
  else return operationError("a candidate needs sdpMid or sdpMLineIndex");

  // A section that carries nothing any more: the candidate is of no use, and no mistake either.
  const live = indices.filter((index) => session.slots[index]?.rejected === false);
  if (live.length === 0 && indices.length > 0) return success({ next: state, targets: [] });

  let candidate: IceCandidate | null = null;
  let signalled: IceCandidate | null = null;
  if (!isEnd) {
    const parsed = /[\r\n\0]/.test(text) ? undefined : parseIceCandidate(text);
    if (parsed === undefined) {
      const problem = iceCandidateProblem(text) ?? "it has control characters";
      return operationError(`the candidate does not follow RFC 8839 §5.1: ${problem}`);
    }
    candidate = withoutFragment(parsed);
    signalled = parsed;
  }
  const wanted = input.usernameFragment ?? signalled?.usernameFragment ?? null;

  const { pendingRemote, currentRemote } = state;
  const pendingIndices: number[] = [];
  const currentIndices: number[] = [];
  const targets: RemoteCandidateTarget[] = [];
  const reached = new Set<number>();
  let matched = false;
  for (const index of live) {
    const generation = wanted ?? sectionUfrag(pendingRemote ?? currentRemote, index);
    const inPending = generation !== undefined && sectionUfrag(pendingRemote, index) === generation;
    const inCurrent = generation !== undefined && sectionUfrag(currentRemote, index) === generation;
    if (!inPending && !inCurrent) continue;
    matched = true;
    const section = (inPending ? pendingRemote! : currentRemote!).description.media[index]!;
    if (candidate !== null && section.candidates.length >= MAX_REMOTE_CANDIDATES) {
      return operationError(`more than ${MAX_REMOTE_CANDIDATES} candidates for one m-section`);
    }
    if (inPending && lacks(pendingRemote!, index, candidate)) pendingIndices.push(index);
    if (inCurrent && lacks(currentRemote!, index, candidate)) currentIndices.push(index);
    if (candidate !== null && !isOfOurComponent(candidate)) continue;
    // A section that is bundled into another has no transport of its own to reach (RFC 9143 §7).
    const slot = session.slots[index]!;
    const transport = session.transports.find(({ id, mid }) => id === slot.transport && mid === slot.mid);
    if (transport?.remote == null || transport.remote.usernameFragment !== generation) continue;
    const isKnown =
      candidate === null ? transport.remoteEndOfCandidates : includesCandidate(transport.remoteCandidates, candidate);
    if (isKnown) continue;
    targets.push({ transport: transport.id, candidate: signalled });
    reached.add(transport.id);
  }
  if (!matched && input.usernameFragment !== null) {
    return operationError(`no remote description has the ICE user name fragment "${input.usernameFragment}" there`);
  }
  // A fragment that only the candidate's own text names, and that is not of now: a latecomer of an earlier generation.
  const handOver = <T extends Negotiated>(to: T): T => ({
    ...to,
    transports: to.transports.map((entry) => {
      if (!reached.has(entry.id)) return entry;
      return candidate === null
        ? { ...entry, remoteEndOfCandidates: true }
        : { ...entry, remoteCandidates: [...entry.remoteCandidates, withoutFragment(candidate)] };
    }),
  });
  return success({
    next: {
      ...handOver(state),
      stable: state.stable === null ? null : handOver(state.stable),
      pendingRemote: withRemoteCandidate(pendingRemote, pendingIndices, candidate, text),
      currentRemote: withRemoteCandidate(currentRemote, currentIndices, candidate, text),
    },
    targets,
  });
}

/** The user name fragment of a section: its own, the session's, or that of the section it is bundled with. */
function sectionUfrag(applied: AppliedDescription | null, index: number): string | undefined {
  const section = applied?.description.media[index];
  if (applied === null || section === undefined || isRejected(section)) return undefined;
  const { description } = applied;
  const own = section.iceUfrag ?? description.iceUfrag;
  return own ?? description.media[taggedIndex(viewOf(description), index)]!.iceUfrag;
}

function lacks(applied: AppliedDescription, index: number, candidate: IceCandidate | null): boolean {
  const section = applied.description.media[index]!;
  if (candidate === null) return !section.endOfCandidates;
  return !includesCandidate(section.candidates, candidate);
}

function includesCandidate(list: readonly IceCandidate[], candidate: IceCandidate): boolean {
  return list.some((known) => isSameCandidate(known, candidate));
}

/** The description with one line more in these sections; everything else of the text stays as it was set. */
function withRemoteCandidate(
  applied: AppliedDescription | null,
  indices: readonly number[],
  candidate: IceCandidate | null,
  text: string,
): AppliedDescription | null {
  if (applied === null || indices.length === 0) return applied;
  const { description } = applied;
  const media: SdpMedia[] = description.media.slice();
  for (const index of indices) {
    const section = media[index]!;
    media[index] =
      candidate === null
        ? { ...section, endOfCandidates: true }
        : { ...section, candidates: [...section.candidates, withoutFragment(candidate)] };
  }
  const line = candidate === null ? "a=end-of-candidates" : text.startsWith("a=") ? text : `a=${text}`;
  return RemoteDescription.of(applied).extended({ ...description, media }, indices, line);
}
