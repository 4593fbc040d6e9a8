// Applying an answer or a provisional one, ours or the peer's (RFC 9429 §5.10, §5.11): which m-lines share a transport, what
// each transport talks to and in which roles, and SCTP.
import type { SdpSession } from "../sdp/model.js";
import type { IceCandidate } from "../util/ice-candidate.js";
import { continuesAssociation } from "./answer.js";
import type { MediaKind } from "./codec-capabilities.js";
import type { JsepResult } from "./errors.js";
import { failure, invalidAccess, success } from "./errors.js";
import { negotiateMedia } from "./negotiated-media.js";
import { dataParameters, isMedia, newCandidates, ownParameters, sectionCandidates, viewOf } from "./remote.js";
import { remoteMedia } from "./remote-media.js";
import { changesInit, negotiatedSnap } from "./sctp-init.js";
import type { DescriptionSource } from "./signaling-state.js";
import type {
  AppliedDescription,
  MediaSlot,
  NegotiationState,
  RemoteParameters,
  SctpParameters,
  Transport,
} from "./state.js";
import { findTransport, isRetagged, sameIceParameters, transportsInUse } from "./state.js";

/** Moves our offer's sections onto the transports that a remote answer leaves them (RFC 9429 §5.11, last steps). */
export function bundleAsAnswered(state: NegotiationState, answer: SdpSession): NegotiationState {
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
    const owner = transports.findIndex(({ id }) => id === transport);
    if (owner >= 0) transports = transports.with(owner, { ...transports[owner]!, mid: mids[0]! });
  }
  return { ...state, slots, transports };
}

/**
 * Applies an answer or a provisional one. In `state`, slots and local parameters are already as the answer has them.
 * `remote` is the peer's description: the answer itself, or the offer that we answer.
 */
export function applyAnswer(
  state: NegotiationState,
  source: DescriptionSource,
  applied: AppliedDescription,
  remote: SdpSession,
): JsepResult<NegotiationState> {
  const local = source === "local" ? applied.description : state.pendingLocal!.description;
  const answer = applied.description;
  const bundleGroups = answer.groups.filter(({ semantics, mids }) => semantics === "BUNDLE" && mids.length > 0);
  const bundled = new Map(bundleGroups.flatMap((group) => group.mids.map((mid) => [mid, group] as const)));
  const byMid = new Map(state.slots.map((slot) => [slot.mid, slot]));
  const ownerOf = new Map<number, MediaSlot>();
  for (const slot of state.slots) {
    if (slot.rejected || slot.transport === null) continue;
    const owner = ownerOf.get(slot.transport);
    const tagged = bundled.get(slot.mid)?.mids[0] ?? slot.mid;
    if (owner === undefined) {
      const ownerSlot = tagged === slot.mid ? slot : byMid.get(tagged);
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

  const established = new Map(state.stable?.transports.map((transport) => [transport.id, transport]));
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
    const result = answeredTransport(
      state,
      source,
      transport,
      established.get(transport.id),
      owner,
      parameters,
      remote,
      answer,
    );
    if (!result.ok) return result;
    transports.push(result.value);
  }

  const sctp = sctpParameters(state, transports, local, remote);
  if (sctp === "another-init")
    return failure(invalidAccess("another a=sctp-init for an SCTP association that goes on"));
  const isFinal = applied.type === "answer";
  const slots = state.slots.map((slot) => answeredSlot(slot, source, local, remote, isFinal));
  const negotiated = {
    slots,
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
    nextSctpInit: null,
    transports: transportsInUse(transports, [state.slots]),
    signalingState: "stable",
    currentLocal: source === "local" ? applied : state.pendingLocal,
    currentRemote: source === "remote" ? applied : state.pendingRemote,
    pendingLocal: null,
    pendingRemote: null,
    lastOffer: null,
    lastAnswer: null,
    remoteOffer: null,
    offeredSlots: null,
    stable: null,
    epoch: state.epoch + 1,
  });
}

/** One m-line as an answer leaves it. */
function answeredSlot(
  slot: MediaSlot,
  source: DescriptionSource,
  local: SdpSession,
  remote: SdpSession,
  isFinal: boolean,
): MediaSlot {
  const ours = local.media[slot.index]!;
  const theirs = remote.media[slot.index]!;
  if (!isMedia(ours)) return slot;
  if (slot.rejected) {
    // RFC 9429 §5.11: the transceiver has no m-section any more, and the line is free for another.
    return isFinal ? { ...slot, transceiver: null, isCreated: false, remote: null, media: null } : slot;
  }
  return {
    ...slot,
    isCreated: slot.isCreated && !isFinal,
    remote: source === "remote" ? remoteMedia(remote, theirs) : slot.remote,
    media: negotiateMedia(slot.kind as MediaKind, local, ours, remote, theirs, source === "local"),
  };
}

/** One transport as an answer leaves it (RFC 9429 §5.10, §5.11). */
function answeredTransport(
  state: NegotiationState,
  source: DescriptionSource,
  transport: Transport,
  before: Transport | undefined,
  owner: MediaSlot,
  parameters: RemoteParameters,
  remote: SdpSession,
  answer: SdpSession,
): JsepResult<Transport> {
  const established = before?.remote ?? null;
  const remoteRestarts = established !== null && !sameIceParameters(established, parameters);
  const continues = established !== null && continuesAssociation(established, parameters);
  const renews = isRetagged(before, owner, state.stable?.slots ?? [], state.slots);
  if (established !== null && source === "remote") {
    // An answer may restart what its offer does not: a call is handed over, to another endpoint or by one.
    const localRestarts = !sameIceParameters(before!.local, transport.local);
    if (localRestarts && !remoteRestarts && !renews) {
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
  let dtlsRole: Transport["dtlsRole"] = answererIsClient === (source === "local") ? "client" : "server";
  if (continues && !renews && before!.dtlsRole !== null && before!.dtlsRole !== dtlsRole) {
    // With a restart Firefox answers "active" whatever it is; the association goes on as it was.
    if (!remoteRestarts) {
      return failure(invalidAccess(`mid "${owner.mid}": the answer changes the roles of the DTLS association`));
    }
    dtlsRole = before!.dtlsRole;
  }

  // Another than the one before, or than that of a provisional answer: several endpoints may answer one offer.
  const latest = transport.remote;
  const goesOn =
    latest === null ||
    (continuesAssociation(latest, parameters) &&
      (established !== null || transport.dtlsRole === null || transport.dtlsRole === dtlsRole));
  const media = remote.media[owner.index]!;
  const candidates = sectionCandidates(media, parameters);
  const sameGeneration = sameIceParameters(transport.remote, parameters);
  const known = renews
    ? newCandidates(transport.remoteCandidates, before!.remoteCandidates)
    : transport.remoteCandidates;
  return success({
    ...transport,
    mid: owner.mid,
    remote: parameters,
    remoteCandidates: sameGeneration ? mergeCandidates(known, candidates) : candidates,
    remoteEndOfCandidates: media.endOfCandidates || (sameGeneration && !renews && transport.remoteEndOfCandidates),
    iceRole:
      established === null || remoteRestarts || renews
        ? iceRole(state, source === "remote", parameters.iceLite)
        : (transport.iceRole ?? iceRole(state, source === "remote", parameters.iceLite)),
    dtlsRole,
    dtlsGeneration: transport.dtlsGeneration + (goesOn ? 0 : 1),
    renewals: (before?.renewals ?? 0) + (renews ? 1 : 0),
  });
}

/**
 * RFC 8445 §6.1.1; and with a restart anew, as Chromium and Firefox do (RFC 5245 §5.2), and Firefox does not get over the conflict
 * with a peer that keeps its role. With one that keeps it, as RFC 8445 has it, the agent resolves that.
 */
function iceRole(state: NegotiationState, weOffered: boolean, remoteLite: boolean): "controlling" | "controlled" {
  if (state.configuration.iceLite !== remoteLite) return remoteLite ? "controlling" : "controlled";
  return weOffered ? "controlling" : "controlled";
}

function mergeCandidates(known: readonly IceCandidate[], more: readonly IceCandidate[]): readonly IceCandidate[] {
  const fresh = newCandidates(more, known);
  return fresh.length === 0 ? known : [...known, ...fresh];
}

function sctpParameters(
  state: NegotiationState,
  transports: readonly Transport[],
  local: SdpSession,
  remote: SdpSession,
): SctpParameters | "another-init" | null {
  for (const { index, mid, kind, rejected, transport } of state.slots) {
    if (rejected || kind !== "application" || transport === null) continue;
    const ours = dataParameters(local.media[index]!);
    const theirs = dataParameters(remote.media[index]!);
    if (ours === undefined || theirs === undefined) continue;
    const before = state.sctp;
    const goesOn =
      before?.mid === mid &&
      before.transport === transport &&
      before.remotePort === theirs.port &&
      isSameAssociation(findTransport(state, transport), findTransport({ ...state, transports }, transport));
    if (goesOn && changesInit(before, theirs)) return "another-init";
    return {
      mid,
      index,
      transport,
      localPort: ours.port,
      remotePort: theirs.port,
      localMaxMessageSize: ours.maxMessageSize,
      remoteMaxMessageSize: theirs.maxMessageSize,
      snap: goesOn ? before.snap : negotiatedSnap(state, ours, theirs),
    };
  }
  return null;
}

/** DTLS goes on, and so does what it carries. */
function isSameAssociation(a: Transport | undefined, b: Transport | undefined): boolean {
  return a?.dtlsGeneration === b?.dtlsGeneration && a?.renewals === b?.renewals;
}
