// Applying a remote offer (RFC 9429 §5.10): the m-lines and transports that it brings, before anything is known of the answer.
import type { SdpMedia, SdpSession } from "../sdp/model.js";
import { isRejected } from "../sdp/model.js";
import { continuesAssociation } from "./answer.js";
import { receives, sectionDirection } from "./direction.js";
import type { JsepError } from "./errors.js";
import { invalidAccess } from "./errors.js";
import { extensionIdAssigner } from "./header-extensions.js";
import { payloadTypeAssigner, sectionFormats } from "./payload-types.js";
import { dataParameters, isMedia, ownParameters, taggedIndex, viewOf } from "./remote.js";
import { remoteMedia } from "./remote-media.js";
import { changesInit } from "./sctp-init.js";
import type { AppliedDescription, MediaSlot, Negotiated, NegotiationState, RemoteInputs } from "./state.js";
import { negotiatedOf, newTransport, sameIceParameters, transportsInUse } from "./state.js";
import { isUsable } from "./transceivers.js";

/** The m-lines and transports that a remote offer brings; nothing is known yet of how we answer it. */
export function applyRemoteOffer(
  state: NegotiationState,
  applied: AppliedDescription,
  inputs: RemoteInputs | undefined,
): NegotiationState {
  const { description } = applied;
  const session: Negotiated = state.stable ?? state;
  const view = viewOf(description);
  const usedMids = new Set([...view.indexOfMid.keys(), ...session.slots.map(({ mid }) => mid)]);
  let { nextMid, nextTransport } = state;
  const newMid = (): string => {
    while (usedMids.has(`${nextMid}`)) nextMid++;
    return `${nextMid++}`;
  };
  const known = new Map(state.transports.map((transport) => [transport.id, transport]));
  const transports = new Map(session.transports.map((transport) => [transport.id, transport]));
  const groupTransport = new Map<readonly string[], number>();
  /** The m-line that this section goes on with, if it does. */
  const earlierOf = (media: SdpMedia, index: number): MediaSlot | undefined => {
    const old = session.slots[index];
    // A line that is in use goes on; one that was rejected starts anew when it is offered again.
    if (old !== undefined && (!old.rejected || isRejected(media))) return old;
    // An offer that replaces a pending one keeps what that one was given.
    const pending = state.offeredSlots?.[index];
    const same = media.mid === undefined ? pending?.midSignaled === false : pending?.mid === media.mid;
    // Nothing holds the peer to a kind that was never agreed on.
    return same && pending?.kind === media.kind ? pending : undefined;
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
  const association = new TransceiverAssociation(
    inputs,
    earlier.map((slot) => slot?.transceiver ?? null),
  );
  const slots = description.media.map((media, index): MediaSlot => {
    const rejected = isRejected(media);
    const old = earlier[index];
    const mid = media.mid ?? (old !== undefined && !view.indexOfMid.has(old.mid) ? old.mid : newMid());
    let transport: number | null = null;
    if (!rejected) {
      const group = view.groupOf.get(index);
      const shared = group === undefined ? undefined : groupTransport.get(group);
      transport = shared ?? earlier[index]?.transport ?? nextTransport++;
      if (group !== undefined && shared === undefined) groupTransport.set(group, transport);
      if (!transports.has(transport)) transports.set(transport, known.get(transport) ?? newTransport(transport, mid));
    }
    const home = { transceiver: old?.transceiver ?? null, isCreated: old?.isCreated ?? false };
    if (home.transceiver === null && !rejected && isMedia(media)) {
      Object.assign(home, association.associate(description, media));
    }
    return {
      index,
      mid,
      midSignaled: media.mid !== undefined,
      kind: media.kind,
      protocol: media.protocol,
      formats: media.formats,
      rejected,
      ...home,
      transport,
      remote: isMedia(media) && !rejected ? remoteMedia(description, media) : null,
      media: old?.media ?? null,
      parameters: old?.parameters ?? null,
    };
  });
  return {
    ...state,
    slots,
    transports: transportsInUse([...transports.values()], [slots, session.slots]),
    signalingState: "have-remote-offer",
    pendingRemote: applied,
    remoteOffer: { sdp: applied.sdp },
    offeredSlots: slots,
    stable: state.stable ?? negotiatedOf(state),
    nextMid,
    nextTransport,
    ...learnIds(state, description),
  };
}

/** RFC 9429 §5.10: which transceiver an m-section that is new belongs to. */
class TransceiverAssociation {
  private readonly inputs: RemoteInputs | undefined;
  /** Those that may be taken, first added first, by kind. */
  private readonly free = new Map<string, string[]>();

  constructor(inputs: RemoteInputs | undefined, associated: readonly (string | null)[]) {
    this.inputs = inputs;
    const taken = new Set(associated);
    for (const transceiver of inputs?.transceivers ?? []) {
      if (!transceiver.addedByAddTrack || !isUsable(transceiver) || taken.has(transceiver.id)) continue;
      const list = this.free.get(transceiver.kind);
      if (list === undefined) this.free.set(transceiver.kind, [transceiver.id]);
      else list.push(transceiver.id);
    }
    for (const list of this.free.values()) list.reverse();
  }

  associate(session: SdpSession, media: SdpMedia): Pick<MediaSlot, "transceiver" | "isCreated"> {
    if (this.inputs === undefined) return { transceiver: null, isCreated: false };
    // Only where the peer wants to receive is a track of ours of any use.
    const found = receives(sectionDirection(session, media)) ? this.free.get(media.kind)?.pop() : undefined;
    if (found !== undefined) return { transceiver: found, isCreated: false };
    return { transceiver: this.inputs.newTransceiverId(), isCreated: true };
  }
}

/** What numbers a description uses for what: ours go around them, and use them too. */
export function learnIds(
  state: NegotiationState,
  description: SdpSession,
): Pick<NegotiationState, "payloadTypes" | "extensionIds"> {
  const payloadTypes = payloadTypeAssigner(state.payloadTypes);
  const extensionIds = extensionIdAssigner(state.extensionIds, true);
  for (const media of description.media) {
    if (!isMedia(media) || isRejected(media)) continue;
    for (const { payloadType, identity } of sectionFormats(media)) payloadTypes.learn(payloadType, identity);
    for (const { id, uri } of media.extmaps) extensionIds.learn(id, uri);
  }
  return { payloadTypes: payloadTypes.table(), extensionIds: extensionIds.table() };
}

/** RFC 9429 §5.8.3: an association that goes on keeps its roles; one that does not needs an ICE restart. */
export function verifyOfferedTransports(state: NegotiationState, offer: SdpSession): JsepError | undefined {
  const session: Negotiated = state.stable ?? state;
  const slots = new Map(session.slots.map((slot) => [slot.mid, slot]));
  for (const { id, mid, remote, dtlsRole } of session.transports) {
    const slot = slots.get(mid);
    const media = slot === undefined ? undefined : offer.media[slot.index];
    if (remote === null || media === undefined || isRejected(media)) continue;
    const offered = ownParameters(offer, media);
    if (offered === undefined) continue;
    const restarts = !sameIceParameters(remote, offered);
    const { sctp } = session;
    if (!continuesAssociation(remote, offered)) {
      if (!restarts) return invalidAccess(`mid "${mid}": another DTLS fingerprint or tls-id without an ICE restart`);
    } else if (!restarts && offered.setup === (dtlsRole === "client" ? "active" : "passive")) {
      return invalidAccess(`mid "${mid}": a=setup:${offered.setup} is not the peer's role in the DTLS association`);
    } else if (sctp?.transport === id && taggedIndex(viewOf(offer), sctp.index) === slot!.index) {
      // Where the transport is another section's now, the association may be another too (see `isRetagged`).
      const section = offer.media[sctp.index]!;
      const data = section.mid === sctp.mid && !isRejected(section) ? dataParameters(section) : undefined;
      if (data !== undefined && changesInit(sctp, data)) {
        return invalidAccess(`mid "${sctp.mid}": another a=sctp-init for an SCTP association that goes on`);
      }
    }
  }
  return undefined;
}
