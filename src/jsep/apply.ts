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
// Audio and video: the caller owns the transceivers, and describes them (transceivers.ts) whenever it asks for something.
// The state owns which m-section each belongs to; `plan.transceivers` says what to do (transceiver-plan.ts):
//
//   const media = { transceivers: all.map(describe), newTransceiverId: () => `t${n++}` };   // order: as they were added
//
//   We offer:   createOffer(state, { ...inputs, transceivers })        // each that is usable gets an m-section
//     applyLocal(state, "offer", sdp)     → transceivers: [{ transceiver: "t0", mid: "0", index: 0, transport: 0, media: null }]
//     applyRemote(state, "answer", text)  → the same, with `remote` (streamIds, trackId, ssrcs, rids) and `media` (direction,
//                                           sendCodecs, receiveCodecs, headerExtensions, sendRids, removedSendRids, …)
//
//   We answer:  applyRemote(state, "offer", text, media)               // without `media`: every new section will be refused
//                                         → [{ transceiver: "t1", create: true, mid: "0", remote: {…}, media: null }]
//     Now, for each plan in order (webrtc-pc "set a session description", remote):
//       create                            make a transceiver of that name and kind, "recvonly", with no streams
//       remote.receiveRids.length > 0     the peer asks for simulcast: a sender with one encoding and no rid gets these
//       mid, index                        [[Mid]]; null: the section is gone (rollback, or an answer rejected it)
//       stop                              stop it, if it is not; discard: drop it, unless addTrack has used it since
//       remote.direction                  sendrecv or sendonly: the track is there, in remote.streamIds; else it goes
//       media                             null until an answer: [[CurrentDirection]] = media.direction, codecs, rids
//     createAnswer(state, { ...inputs, transceivers: all.map(describe) }), applyLocal(state, "answer", sdp)
//                                         → [{ transceiver: "t1", create: false, mid: "0", media: { direction: "recvonly", … } }]
//
//   Later: change a direction, setCodecPreferences, stop (stopping: true): describe it so, and offer again. Whether that is
//     needed says isNegotiationNeeded (negotiation-needed.ts). A sender's removedSendRids are encodings to take away; all of
//     them removed leaves the first, without simulcast. Rollback: plans of before, with `discard` for what the offer made.
//
//   Trickle, see candidates.ts:
//     addLocalCandidate(state, transportId, ufrag, candidate)   // state = …; sdpMid and sdpMLineIndex for the event
//     addRemoteCandidate(state, { candidate, sdpMid, … })       // state = …; the transports to give it to now
import { parseSdp } from "../sdp/parser.js";
import { applyAnswer, bundleAsAnswered } from "./apply-answer.js";
import { applyRemoteOffer, learnIds, verifyOfferedTransports } from "./apply-offer.js";
import { changedLocal } from "./changed-local.js";
import type { JsepError, JsepResult } from "./errors.js";
import { failure, success } from "./errors.js";
import { RemoteDescription } from "./late-text.js";
import type { Plan } from "./plan.js";
import { planBetween } from "./plan.js";
import { canTrickle } from "./remote.js";
import type { DescriptionSource, SdpType } from "./signaling-state.js";
import { nextSignalingState } from "./signaling-state.js";
import type { AppliedDescription, CreatedDescription, NegotiationState, RemoteInputs, Transport } from "./state.js";
import { negotiatedOf, newTransport, sameIceParameters, transportsInUse } from "./state.js";
import { verifyAnswer, verifyOffer } from "./verify.js";

/**
 * Sets a local description: the text that createOffer or createAnswer returned last, "" for that text, or that text with
 * changes that can be kept (changed-local.ts).
 */
export function applyLocal(state: NegotiationState, type: SdpType, sdp: string): JsepResult<Plan> {
  const error = checkTransition(state, "local", type);
  if (error !== undefined) return failure(error);
  if (type === "rollback") return success(rollback(state, "local"));
  const last = type === "offer" ? state.lastOffer : state.lastAnswer;
  const notThat = `the description is not the ${type === "offer" ? "offer" : "answer"} that was created last`;
  // RFC 9429 §5.4; webrtc-pc "set a session description".
  if (last === null || !isForNow(last, state)) return failure({ kind: "InvalidModificationError", message: notThat });
  const offer = type === "offer" ? null : state.pendingRemote!.description;
  const changed = sdp === "" || sdp === last.sdp ? null : changedLocal(state, last, type, sdp, offer);
  if (typeof changed === "string") {
    return failure({ kind: "InvalidModificationError", message: `${notThat}: ${changed}` });
  }
  const created = changed?.created ?? last;
  const applied: AppliedDescription = { type, sdp: created.sdp, description: created.description };
  let next: NegotiationState;
  if (type === "offer") {
    const byId = new Map(state.transports.map((transport) => [transport.id, transport]));
    for (const { id, mid, local } of created.transports) {
      const old = byId.get(id) ?? offererTransport(state, id, mid);
      byId.set(id, { ...old, mid, ...withLocal(old, local) });
    }
    const transports = [...byId.values()];
    const stable = state.stable ?? negotiatedOf(state);
    const slots = created.slots;
    next = {
      ...state,
      slots,
      transports: transportsInUse(transports, [slots, stable.slots]),
      signalingState: "have-local-offer",
      pendingLocal: applied,
      offeredSlots: slots,
      stable,
      nextMid: Math.max(state.nextMid, created.nextMid),
    };
  } else {
    const { slots, transports: own } = renewed(created, state);
    const byId = new Map(own.map((entry) => [entry.id, entry]));
    const transports = state.transports.map((transport) => {
      const entry = byId.get(transport.id);
      return entry === undefined ? transport : { ...transport, mid: entry.mid, ...withLocal(transport, entry.local) };
    });
    const base = { ...state, slots, transports };
    const result = applyAnswer(base, "local", applied, state.pendingRemote!.description);
    if (!result.ok) return result;
    next = result.value;
  }
  if (changed === null) return success(planBetween(state, next, "local", type));
  next = { ...next, ...learnIds(next, created.description) };
  return success({ ...planBetween(state, next, "local", type), senderChanges: changed.senderChanges });
}

/** Whether a created description fits the session as it is: an answer also where its offer has been set anew. */
function isForNow({ epoch, offer }: CreatedDescription, state: NegotiationState): boolean {
  return epoch === state.epoch && (offer === null || offer.sdp === state.remoteOffer?.sdp);
}

/** An answer's sections and transports, with the names that those of its offer have now. */
function renewed(
  { slots, transports, offer }: CreatedDescription,
  state: NegotiationState,
): Pick<CreatedDescription, "slots" | "transports"> {
  const offered = state.offeredSlots!;
  if (offer === state.remoteOffer) return { slots, transports };
  const names = new Map(
    transports.map(({ id, mid }) => [id, offered[slots.find((slot) => slot.mid === mid)!.index]!.transport]),
  );
  return {
    slots: slots.map(({ index, rejected, transport }) => ({
      ...offered[index]!,
      rejected,
      transport: transport === null ? null : names.get(transport)!,
    })),
    transports: transports.map((created) => ({ ...created, id: names.get(created.id)! })),
  };
}

/** Sets a remote description. Without `inputs`, new audio and video sections get no transceivers, and are refused in the answer. */
export function applyRemote(
  state: NegotiationState,
  type: SdpType,
  sdp: string,
  inputs?: RemoteInputs,
): JsepResult<Plan> {
  const wrong = checkTransition(state, "remote", type);
  if (wrong !== undefined) return failure(wrong);
  if (type === "rollback") return success(rollback(state, "remote"));
  const parsed = parseSdp(sdp);
  if (!parsed.ok) return failure({ kind: "sdp-syntax-error", message: parsed.error.message, line: parsed.error.line });
  const { description } = parsed;
  const applied = new RemoteDescription(type, sdp, description);
  const canTrickleIceCandidates = canTrickle(description);
  if (type === "offer") {
    const error = verifyOffer(state, parsed) ?? verifyOfferedTransports(state, description);
    if (error !== undefined) return failure(error);
    const next = { ...applyRemoteOffer(state, applied, inputs), canTrickleIceCandidates };
    return success(planBetween(state, next, "remote", type));
  }
  const offer = state.pendingLocal!.description;
  const error = verifyAnswer(state, offer, parsed);
  if (error !== undefined) return failure(error);
  const result = applyAnswer(bundleAsAnswered(state, description), "remote", applied, description);
  if (!result.ok) return result;
  return success(planBetween(state, { ...result.value, canTrickleIceCandidates }, "remote", type));
}

function checkTransition(state: NegotiationState, source: DescriptionSource, type: SdpType): JsepError | undefined {
  if (nextSignalingState(state.signalingState, source, type) !== undefined) return undefined;
  return {
    kind: "InvalidStateError",
    message: `a ${source} ${type} cannot be set in signaling state ${state.signalingState}`,
  };
}

/** RFC 9429 §5.7. */
function rollback(state: NegotiationState, source: DescriptionSource): Plan {
  const next: NegotiationState = {
    ...state,
    ...(state.stable ?? negotiatedOf(state)),
    signalingState: "stable",
    pendingLocal: null,
    pendingRemote: null,
    remoteOffer: null,
    offeredSlots: null,
    stable: null,
  };
  return planBetween(state, next, source, "rollback");
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
