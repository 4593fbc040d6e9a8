// Applying a remote offer (RFC 9429 §5.10): the m-lines and transports that it brings, before anything is known of the answer.
import type { SdpMedia, SdpSession } from "../sdp/model.js";
import { isRejected } from "../sdp/model.js";
import { continuesAssociation } from "./answer.js";
import type { JsepError } from "./errors.js";
import { invalidAccess } from "./errors.js";
import { ownParameters, viewOf } from "./remote.js";
import type { AppliedDescription, MediaSlot, Negotiated, NegotiationState } from "./state.js";
import { findTransport, negotiatedOf, newTransport, sameIceParameters, transportsInUse } from "./state.js";

/** The m-lines and transports that a remote offer brings; nothing is known yet of how we answer it. */
export function applyRemoteOffer(state: NegotiationState, applied: AppliedDescription): NegotiationState {
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
    const known = earlier[index]?.mid;
    const mid = media.mid ?? (known !== undefined && !view.indexOfMid.has(known) ? known : newMid());
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
    transports: transportsInUse(transports, [slots, session.slots]),
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
export function verifyOfferedTransports(state: NegotiationState, offer: SdpSession): JsepError | undefined {
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
    } else if (!restarts && offered.setup === (dtlsRole === "client" ? "active" : "passive")) {
      return invalidAccess(`mid "${mid}": a=setup:${offered.setup} is not the peer's role in the DTLS association`);
    }
  }
  return undefined;
}
