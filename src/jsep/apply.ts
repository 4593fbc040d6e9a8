// setLocalDescription and setRemoteDescription (RFC 9429 §5.5 to §5.11): checks a description against the session, and says
// what is to be done. Nothing changes until the caller commits `plan.next`.
//
// A peer connection holds one NegotiationState and replaces it by what these functions return:
//
//   let state = createNegotiationState({ sessionId, bundlePolicy: "balanced", rtcpMuxPolicy: "require", iceLite: false });
//
//   We offer:
//     const created = createOffer(state, inputs);               // ok: state = created.value.next; hand out created.value.sdp
//     const local = applyLocal(state, "offer", sdp);            // ok: carry out local.value, state = local.value.next
//       → local.value.transports: [{ id: 0, isNew: true, mids: ["0"], local: {…}, gather: true, remote: null, … }]
//     const remote = applyRemote(state, "answer", text);
//       → remote.value.transports: [{ id: 0, remote: {…}, remoteCandidates, iceRole: "controlling", dtlsRole: "server", … }]
//       → remote.value.sctp: { transport: 0, localPort, remotePort, remoteMaxMessageSize, … }
//
//   We answer:
//     applyRemote(state, "offer", text)                         // the transport exists (W3C objects), with local and remote null
//     createAnswer(state, inputs)                               // state = created.value.next
//     applyLocal(state, "answer", sdp)                          // now with local, remote, roles, candidates, gather
//
//   Rollback: applyLocal(state, "rollback", "") or applyRemote(…). The plan's transports are those of before, with `iceRestart`
//     where the offer had restarted them; the others are in discardedTransports. A remote offer in have-local-offer needs the
//     local rollback first, as a step of its own (webrtc-pc fires its event).
//
//   Restart: createOffer with iceRestart or credentialsToReplace. The plan of applyLocal(offer) has localChanged, iceRestart
//     and gather; the plan of applyRemote(answer) has remoteChanged. A remote restart shows at applyLocal(answer), in both.
//
//   Trickle, see candidates.ts:
//     addLocalCandidate(state, transportId, ufrag, candidate)   // state = …; sdpMid and sdpMLineIndex for the event
//     addRemoteCandidate(state, { candidate, sdpMid, … })       // state = …; the transports to give it to now
import type { SdpMedia, SdpSession } from "../sdp/model.js";
import { isRejected } from "../sdp/model.js";
import { parseSdp } from "../sdp/parser.js";
import type { IceCandidate } from "../util/ice-candidate.js";
import { continuesAssociation } from "./answer.js";
import type { JsepError, JsepResult } from "./errors.js";
import { failure, invalidAccess, success } from "./errors.js";
import type { Plan } from "./plan.js";
import { planBetween } from "./plan.js";
import { candidateKey, canTrickle, dataParameters, ownParameters, sectionCandidates, viewOf } from "./remote.js";
import type { DescriptionSource, SdpType } from "./signaling-state.js";
import { nextSignalingState } from "./signaling-state.js";
import type {
  AppliedDescription,
  MediaSlot,
  Negotiated,
  NegotiationState,
  RemoteParameters,
  SctpParameters,
  Transport,
} from "./state.js";
import { findTransport, newTransport, sameIceParameters } from "./state.js";
import { verifyAnswer, verifyOffer } from "./verify.js";

/** Sets a local description: the text that createOffer or createAnswer returned last, or "" for that text. */
export function applyLocal(state: NegotiationState, type: SdpType, sdp: string): JsepResult<Plan> {
  const error = checkTransition(state, "local", type);
  if (error !== undefined) return failure(error);
  if (type === "rollback") return success(rollback(state));
  const created = type === "offer" ? state.lastOffer : state.lastAnswer;
  // RFC 9429 §5.4; webrtc-pc "set a session description" compares the texts.
  if (created === null || created.epoch !== state.epoch || (sdp !== "" && sdp !== created.sdp)) {
    return failure({
      kind: "InvalidModificationError",
      message: `the description is not the ${type === "offer" ? "offer" : "answer"} that was created last`,
    });
  }
  const applied: AppliedDescription = { type, sdp: created.sdp, description: created.description };
  let next: NegotiationState;
  if (type === "offer") {
    const transports = state.transports.slice();
    for (const { id, mid, local } of created.transports) {
      const index = transports.findIndex((transport) => transport.id === id);
      const old = transports[index] ?? offererTransport(state, id, mid);
      const transport = { ...old, mid, ...withLocal(old, local) };
      if (index < 0) transports.push(transport);
      else transports[index] = transport;
    }
    const stable = state.stable ?? negotiatedOf(state);
    const slots = created.slots;
    next = {
      ...state,
      slots,
      transports: inUse(transports, [slots, stable.slots]),
      signalingState: "have-local-offer",
      pendingLocal: applied,
      offeredSlots: slots,
      stable,
      nextMid: Math.max(state.nextMid, created.nextMid),
    };
  } else {
    const transports = state.transports.map((transport) => {
      const entry = created.transports.find(({ id }) => id === transport.id);
      return entry === undefined ? transport : { ...transport, mid: entry.mid, ...withLocal(transport, entry.local) };
    });
    const base = { ...state, slots: created.slots, transports };
    const result = applyAnswer(base, "local", applied, state.pendingRemote!.description);
    if (!result.ok) return result;
    next = result.value;
  }
  return success(planBetween(state, next, true));
}

/** Sets a remote description. */
export function applyRemote(state: NegotiationState, type: SdpType, sdp: string): JsepResult<Plan> {
  const wrong = checkTransition(state, "remote", type);
  if (wrong !== undefined) return failure(wrong);
  if (type === "rollback") return success(rollback(state));
  const parsed = parseSdp(sdp);
  if (!parsed.ok) return failure({ kind: "sdp-syntax-error", message: parsed.error.message, line: parsed.error.line });
  const { description } = parsed;
  const applied: AppliedDescription = { type, sdp, description };
  const canTrickleIceCandidates = canTrickle(description);
  if (type === "offer") {
    const error = verifyOffer(state, parsed) ?? verifyOfferedTransports(state, description);
    if (error !== undefined) return failure(error);
    return success(planBetween(state, { ...applyRemoteOffer(state, applied), canTrickleIceCandidates }, false));
  }
  const offer = state.pendingLocal!.description;
  const error = verifyAnswer(state, offer, parsed);
  if (error !== undefined) return failure(error);
  const result = applyAnswer(bundleAsAnswered(state, description), "remote", applied, description);
  if (!result.ok) return result;
  return success(planBetween(state, { ...result.value, canTrickleIceCandidates }, false));
}

function checkTransition(state: NegotiationState, source: DescriptionSource, type: SdpType): JsepError | undefined {
  if (nextSignalingState(state.signalingState, source, type) !== undefined) return undefined;
  return {
    kind: "InvalidStateError",
    message: `a ${source} ${type} cannot be set in signaling state ${state.signalingState}`,
  };
}

function negotiatedOf(state: NegotiationState): Negotiated {
  const { slots, transports, bundleGroups, sctp } = state;
  return { slots, transports, bundleGroups, sctp };
}

/** RFC 9429 §5.7. */
function rollback(state: NegotiationState): Plan {
  const next: NegotiationState = {
    ...state,
    ...(state.stable ?? negotiatedOf(state)),
    signalingState: "stable",
    pendingLocal: null,
    pendingRemote: null,
    offeredSlots: null,
    stable: null,
    lastAnswer: null,
  };
  return planBetween(state, next, false);
}

function inUse(transports: readonly Transport[], slotLists: readonly (readonly MediaSlot[])[]): readonly Transport[] {
  const used = new Set(slotLists.flatMap((slots) => slots.map(({ transport }) => transport)));
  return transports.filter(({ id }) => used.has(id));
}

/** New parameters are a new generation, with candidates of its own. */
function withLocal(transport: Transport, local: NonNullable<Transport["local"]>): Partial<Transport> {
  if (sameIceParameters(transport.local, local)) return {};
  return { local, localCandidates: [], localEndOfCandidates: false };
}

/** RFC 8445 §6.1.1: who offers controls, except that a lite agent never does as long as the other is not one too. */
function offererTransport(state: NegotiationState, id: number, mid: string): Transport {
  return { ...newTransport(id, mid), iceRole: state.configuration.iceLite ? "controlled" : "controlling" };
}

/** The m-lines and transports that a remote offer brings; nothing is known yet of how we answer it. */
function applyRemoteOffer(state: NegotiationState, applied: AppliedDescription): NegotiationState {
  const { description } = applied;
  const session: Negotiated = state.stable ?? state;
  const view = viewOf(description);
  const usedMids = new Set([...view.indexOfMid.keys(), ...session.slots.map(({ mid }) => mid)]);
  let { nextMid, nextTransport } = state;
  const newMid = (): string => {
    while (usedMids.has(`${nextMid}`)) nextMid++;
    return `${nextMid++}`;
  };
  const transports = session.transports.slice();
  const groupTransport = new Map<readonly string[], number>();
  /** The m-line that this section goes on with, if it does. */
  const earlierOf = (media: SdpMedia, index: number): MediaSlot | undefined => {
    const old = session.slots[index];
    // A line that is in use goes on; one that was rejected starts anew when it is offered again.
    if (old !== undefined && (!old.rejected || isRejected(media))) return old;
    // An offer that replaces a pending one keeps what that one was given.
    const pending = state.offeredSlots?.[index];
    const same = media.mid === undefined ? pending?.midSignaled === false : pending?.mid === media.mid;
    return same ? pending : undefined;
  };
  const earlier = description.media.map(earlierOf);
  // A BUNDLE group goes on with the transport that the first of its sections has.
  for (const { semantics, mids } of description.groups) {
    if (semantics !== "BUNDLE") continue;
    const id = mids
      .map((mid) => view.indexOfMid.get(mid))
      .filter((index) => index !== undefined && !isRejected(description.media[index]!))
      .map((index) => earlier[index!]?.transport ?? null)
      .find((transport) => transport !== null);
    if (id != null) groupTransport.set(mids, id);
  }
  const slots = description.media.map((media, index): MediaSlot => {
    const rejected = isRejected(media);
    const mid = media.mid ?? earlier[index]?.mid ?? newMid();
    let transport: number | null = null;
    if (!rejected) {
      const group = view.groupOf.get(index);
      const shared = group === undefined ? undefined : groupTransport.get(group);
      transport = shared ?? earlier[index]?.transport ?? nextTransport++;
      if (group !== undefined && shared === undefined) groupTransport.set(group, transport);
      if (!transports.some(({ id }) => id === transport)) {
        transports.push(findTransport(state, transport) ?? newTransport(transport, mid));
      }
    }
    return {
      index,
      mid,
      midSignaled: media.mid !== undefined,
      kind: media.kind,
      protocol: media.protocol,
      formats: media.formats,
      rejected,
      transceiver: earlier[index]?.transceiver ?? null,
      transport,
    };
  });
  return {
    ...state,
    slots,
    transports: inUse(transports, [slots, session.slots]),
    signalingState: "have-remote-offer",
    pendingRemote: applied,
    offeredSlots: slots,
    stable: state.stable ?? negotiatedOf(state),
    lastAnswer: null,
    nextMid,
    nextTransport,
  };
}

/** RFC 9429 §5.8.3: an association that goes on keeps its roles; one that does not needs an ICE restart. */
function verifyOfferedTransports(state: NegotiationState, offer: SdpSession): JsepError | undefined {
  const session: Negotiated = state.stable ?? state;
  for (const { mid, remote, dtlsRole } of session.transports) {
    const slot = session.slots.find((candidate) => candidate.mid === mid);
    const media = slot === undefined ? undefined : offer.media[slot.index];
    if (remote === null || media === undefined || isRejected(media)) continue;
    const offered = ownParameters(offer, media);
    if (offered === undefined) continue;
    const restarts = !sameIceParameters(remote, offered);
    if (!continuesAssociation(remote, offered)) {
      if (!restarts) return invalidAccess(`mid "${mid}": another DTLS fingerprint or tls-id without an ICE restart`);
    } else if (offered.setup === (dtlsRole === "client" ? "active" : "passive")) {
      return invalidAccess(`mid "${mid}": a=setup:${offered.setup} is not the peer's role in the DTLS association`);
    }
  }
  return undefined;
}

/** Moves our offer's sections onto the transports that a remote answer leaves them (RFC 9429 §5.11, last steps). */
function bundleAsAnswered(state: NegotiationState, answer: SdpSession): NegotiationState {
  const offered = state.offeredSlots!;
  const offeredView = viewOf(state.pendingLocal!.description);
  const slots = offered.map((slot) => {
    const rejected = slot.rejected || answer.media[slot.index]!.port === 0;
    return rejected ? { ...slot, rejected, transport: null } : slot;
  });
  let { transports } = state;
  for (const { semantics, mids } of answer.groups) {
    const tagged = semantics === "BUNDLE" ? offeredView.indexOfMid.get(mids[0] ?? "") : undefined;
    if (tagged === undefined) continue;
    const { transport } = offered[tagged]!;
    for (const mid of mids) {
      const index = offeredView.indexOfMid.get(mid)!;
      const slot = slots[index]!;
      if (!slot.rejected) slots[index] = { ...slot, transport };
    }
    transports = transports.map((entry) => (entry.id === transport ? { ...entry, mid: mids[0]! } : entry));
  }
  return { ...state, slots, transports };
}

/**
 * Applies an answer or a provisional one. In `state`, slots and local parameters are already as the answer has them.
 * `remote` is the peer's description: the answer itself, or the offer that we answer.
 */
function applyAnswer(
  state: NegotiationState,
  source: DescriptionSource,
  applied: AppliedDescription,
  remote: SdpSession,
): JsepResult<NegotiationState> {
  const local = source === "local" ? applied.description : state.pendingLocal!.description;
  const answer = applied.description;
  const bundleGroups = answer.groups.filter(({ semantics, mids }) => semantics === "BUNDLE" && mids.length > 0);
  const bundled = new Map(bundleGroups.flatMap((group) => group.mids.map((mid) => [mid, group] as const)));
  const ownerOf = new Map<number, MediaSlot>();
  for (const slot of state.slots) {
    if (slot.rejected || slot.transport === null) continue;
    const owner = ownerOf.get(slot.transport);
    const tagged = bundled.get(slot.mid)?.mids[0] ?? slot.mid;
    if (owner === undefined) {
      const ownerSlot = tagged === slot.mid ? slot : state.slots.find(({ mid }) => mid === tagged);
      if (ownerSlot === undefined || ownerSlot.rejected) {
        return failure(invalidAccess(`mid "${slot.mid}" is bundled with "${tagged}", which is rejected`));
      }
      ownerOf.set(slot.transport, ownerSlot);
    } else if (owner.mid !== tagged) {
      // RFC 9429 §5.2.2: what has been bundled stays so.
      return failure(
        invalidAccess(`mid "${slot.mid}" shares a transport with "${owner.mid}" but is not bundled with it`),
      );
    }
  }

  const transports: Transport[] = [];
  for (const transport of state.transports) {
    const owner = ownerOf.get(transport.id);
    if (owner === undefined) {
      transports.push(transport);
      continue;
    }
    const parameters = ownParameters(remote, remote.media[owner.index]!);
    if (parameters === undefined) {
      return failure(invalidAccess(`mid "${owner.mid}" carries a transport but has no ICE and DTLS parameters`));
    }
    const result = answeredTransport(state, source, transport, owner, parameters, remote, answer);
    if (!result.ok) return result;
    transports.push(result.value);
  }

  const sctp = sctpParameters(state.slots, local, remote);
  const isFinal = applied.type === "answer";
  const negotiated = {
    slots: state.slots,
    sctp,
    bundleGroups: bundleGroups.map(({ mids }) => mids),
  };
  if (!isFinal) {
    return success({
      ...state,
      ...negotiated,
      transports,
      signalingState: source === "local" ? "have-local-pranswer" : "have-remote-pranswer",
      pendingLocal: source === "local" ? applied : state.pendingLocal,
      pendingRemote: source === "remote" ? applied : state.pendingRemote,
    });
  }
  return success({
    ...state,
    ...negotiated,
    transports: inUse(transports, [state.slots]),
    signalingState: "stable",
    currentLocal: source === "local" ? applied : state.pendingLocal,
    currentRemote: source === "remote" ? applied : state.pendingRemote,
    pendingLocal: null,
    pendingRemote: null,
    lastOffer: null,
    lastAnswer: null,
    offeredSlots: null,
    stable: null,
    epoch: state.epoch + 1,
  });
}

/** One transport as an answer leaves it (RFC 9429 §5.10, §5.11). */
function answeredTransport(
  state: NegotiationState,
  source: DescriptionSource,
  transport: Transport,
  owner: MediaSlot,
  parameters: RemoteParameters,
  remote: SdpSession,
  answer: SdpSession,
): JsepResult<Transport> {
  const before = state.stable === null ? undefined : findTransport(state.stable, transport.id);
  const established = before?.remote ?? null;
  const remoteRestarts = established !== null && !sameIceParameters(established, parameters);
  const continues = established !== null && continuesAssociation(established, parameters);
  if (established !== null && source === "remote") {
    const localRestarts = !sameIceParameters(before!.local, transport.local);
    // Another endpoint, with a certificate of its own, may answer an offer that does not restart: a call handed over.
    if (remoteRestarts && !localRestarts && continues) {
      return failure(invalidAccess(`mid "${owner.mid}": the answer restarts ICE, which the offer does not`));
    }
    if (localRestarts && !remoteRestarts) {
      return failure(
        invalidAccess(`mid "${owner.mid}": the offer restarts ICE, but the answer has the old parameters`),
      );
    }
  }
  if (established !== null && !continues && !remoteRestarts) {
    return failure(invalidAccess(`mid "${owner.mid}": another DTLS fingerprint or tls-id without an ICE restart`));
  }

  const answerSection = answer.media[owner.index]!;
  // An answer without a=setup: the answerer opens the association, as one that never heard of roles does.
  const answererIsClient = (answerSection.setup ?? answer.setup ?? "active") === "active";
  const dtlsRole = answererIsClient === (source === "local") ? "client" : "server";
  if (continues && before!.dtlsRole !== null && before!.dtlsRole !== dtlsRole) {
    return failure(invalidAccess(`mid "${owner.mid}": the answer changes the roles of the DTLS association`));
  }

  const media = remote.media[owner.index]!;
  const candidates = sectionCandidates(media, parameters);
  const sameGeneration = sameIceParameters(transport.remote, parameters);
  return success({
    ...transport,
    mid: owner.mid,
    remote: parameters,
    remoteCandidates: sameGeneration ? mergeCandidates(transport.remoteCandidates, candidates) : candidates,
    remoteEndOfCandidates: media.endOfCandidates || (sameGeneration && transport.remoteEndOfCandidates),
    iceRole:
      established === null || remoteRestarts
        ? iceRole(state, source === "remote", parameters.iceLite)
        : (transport.iceRole ?? iceRole(state, source === "remote", parameters.iceLite)),
    dtlsRole,
    dtlsGeneration: established === null || continues ? (before?.dtlsGeneration ?? 0) : before!.dtlsGeneration + 1,
  });
}

/** RFC 8445 §6.1.1. */
function iceRole(state: NegotiationState, weOffered: boolean, remoteLite: boolean): "controlling" | "controlled" {
  if (state.configuration.iceLite !== remoteLite) return remoteLite ? "controlling" : "controlled";
  return weOffered ? "controlling" : "controlled";
}

function mergeCandidates(known: readonly IceCandidate[], more: readonly IceCandidate[]): readonly IceCandidate[] {
  const keys = new Set(known.map(candidateKey));
  const fresh = more.filter((candidate) => !keys.has(candidateKey(candidate)));
  return fresh.length === 0 ? known : [...known, ...fresh];
}

function sctpParameters(slots: readonly MediaSlot[], local: SdpSession, remote: SdpSession): SctpParameters | null {
  for (const { index, mid, kind, rejected, transport } of slots) {
    if (rejected || kind !== "application" || transport === null) continue;
    const ours = dataParameters(local.media[index]!);
    const theirs = dataParameters(remote.media[index]!);
    if (ours === undefined || theirs === undefined) continue;
    return {
      mid,
      index,
      transport,
      localPort: ours.port,
      remotePort: theirs.port,
      localMaxMessageSize: ours.maxMessageSize,
      remoteMaxMessageSize: theirs.maxMessageSize,
    };
  }
  return null;
}
