// createAnswer (RFC 9429 §5.3): which offered m-sections are taken, on which transports, in which DTLS role, and the text.
import type { SdpDirection, SdpGroup, SdpMedia, SdpPayload, SdpSession, SdpSetup } from "../sdp/model.js";
import { isRejected, sdpMedia } from "../sdp/model.js";
import { writeSdp } from "../sdp/writer.js";
import { answeredPayloads, hasCongestionFeedback } from "./codecs.js";
import { isCryptexOffered } from "./cryptex.js";
import { intersectDirections, receives, reverseDirection, sectionDirection, sends } from "./direction.js";
import type { JsepResult } from "./errors.js";
import { failure, success } from "./errors.js";
import { answeredExtensions } from "./header-extensions.js";
import type { Created } from "./offer.js";
import type { RemoteView } from "./remote.js";
import { dataParameters, iceOptionsOf, isMedia, ownParameters, viewOf } from "./remote.js";
import { hasReceiverRoundTrip, rtpSection } from "./rtp-section.js";
import { answeredInit, initToCome } from "./sctp-init.js";
import {
  addressLines,
  dataSection,
  ICE_OPTIONS,
  rejectedSection,
  sessionLevel,
  transportAttributes,
} from "./sections.js";
import { answeredRids } from "./simulcast.js";
import type {
  CreatedTransport,
  LocalInputs,
  MediaSlot,
  NegotiationState,
  RemoteParameters,
  Transport,
} from "./state.js";
import { sameIceParameters } from "./state.js";
import type { TransceiverDescription } from "./transceivers.js";

/**
 * Makes an answer to the pending remote offer. The caller commits `next`, as with createOffer.
 * Allowed in have-remote-offer and have-local-pranswer (webrtc-pc createAnswer).
 */
export function createAnswer(state: NegotiationState, inputs: LocalInputs): JsepResult<Created> {
  const { signalingState, pendingRemote, offeredSlots } = state;
  if (signalingState !== "have-remote-offer" && signalingState !== "have-local-pranswer") {
    return failure({
      kind: "InvalidStateError",
      message: `an answer cannot be created in signaling state ${signalingState}`,
    });
  }
  if (pendingRemote === null || offeredSlots === null) {
    return failure({ kind: "InvalidStateError", message: "there is no remote offer to answer" });
  }
  const offer = pendingRemote.description;
  const view = viewOf(offer);
  const mediaAnswers = answerMedia(view, offeredSlots, inputs);
  const accepted = acceptable(state, view, offeredSlots, mediaAnswers);
  const groups = answerGroups(view, accepted);
  const ownerMid = new Map(groups.flatMap(({ mids }) => mids.map((mid) => [mid, mids[0]!] as const)));

  const byMid = new Map(offeredSlots.map((slot) => [slot.mid, slot]));
  const known: KnownTransports = {
    now: new Map(state.transports.map((transport) => [transport.id, transport])),
    before: new Map(state.stable?.transports.map((transport) => [transport.id, transport])),
  };
  const transports = new Map<number, CreatedTransport>();
  const slots = offeredSlots.map((slot): MediaSlot => {
    if (!accepted[slot.index]) return { ...slot, rejected: true, transport: null };
    const mid = ownerMid.get(slot.mid) ?? slot.mid;
    const owner = mid === slot.mid ? slot : byMid.get(mid)!;
    const id = owner.transport!;
    if (!transports.has(id)) transports.set(id, { id, mid, local: localParameters(known, view, owner, inputs) });
    return { ...slot, rejected: false, transport: id };
  });

  const owners = new Map(slots.map((slot) => [slot.mid, slot]));
  const extensionIds = new Map([...transports.keys()].map((id) => [id, new Map<number, string>()]));
  const media = slots.map((slot) => {
    if (slot.rejected) return rejectedSection(slot);
    const created = transports.get(slot.transport!)!;
    const taken = extensionIds.get(created.id)!;
    const owner = owners.get(created.mid)!;
    return answerSection(state, known, view, slot, owner, created, mediaAnswers[slot.index], taken, inputs);
  });
  const sending = mediaAnswers.filter((answer, i) => answer !== undefined && accepted[i] && sends(answer.direction));
  const streamIds = new Set(sending.flatMap((answer) => answer!.transceiver.sender.streamIds));
  const sessionVersion = state.sessionVersion + 1;
  const description: SdpSession = {
    ...sessionLevel(state, sessionVersion),
    groups: [...groups, ...lipSyncGroups(view, accepted)],
    extmapAllowMixed: offer.extmapAllowMixed,
    cryptex: offer.cryptex && media.some((section) => isMedia(section) && !isRejected(section)),
    msidSemantics: [{ semantic: "WMS", ids: [...streamIds] }],
    media,
  };
  const sdp = writeSdp(description);
  const created = [...transports.values()];
  const { nextMid, epoch } = state;
  const lastAnswer = { sdp, description, slots, transports: created, nextMid, epoch, offer: state.remoteOffer };
  return success({ next: { ...state, sessionVersion, nextSctpInit: initToCome(state, media), lastAnswer }, sdp });
}

/** How an audio or video section would be answered. */
interface MediaAnswer {
  readonly transceiver: TransceiverDescription;
  readonly direction: SdpDirection;
  readonly payloads: readonly SdpPayload[];
  /** RFC 8888 takes the place of transport-wide feedback. */
  readonly congestionFeedback: boolean;
}

/** For each section: its answer, where there is a transceiver that is not stopped and a codec in common (RFC 9429 §5.3.1). */
function answerMedia(
  view: RemoteView,
  slots: readonly MediaSlot[],
  inputs: LocalInputs,
): readonly (MediaAnswer | undefined)[] {
  const byId = new Map(inputs.transceivers.map((transceiver) => [transceiver.id, transceiver]));
  // It is of the transport: all sections have it, or none of them counts.
  const congestionFeedback =
    inputs.congestionFeedback !== false &&
    view.description.media.every(
      (section) => !isMedia(section) || isRejected(section) || hasCongestionFeedback(section),
    );
  return view.description.media.map((section, i) => {
    const id = slots[i]!.transceiver;
    const transceiver = id === null ? undefined : byId.get(id);
    if (transceiver === undefined || transceiver.stopped || !isMedia(section) || isRejected(section)) return undefined;
    // RTCP on a port of its own (rtcpMuxPolicy "negotiate") is not done here.
    if (!section.rtcpMux && !section.bundleOnly) return undefined;
    const offered = sectionDirection(view.description, section);
    const ours = transceiver.stopping ? "inactive" : transceiver.direction;
    const direction = intersectDirections(ours, reverseDirection(offered));
    const { kind, codecPreferences } = transceiver;
    const payloads = answeredPayloads(kind, direction, codecPreferences, section, congestionFeedback);
    return payloads === undefined ? undefined : { transceiver, direction, payloads, congestionFeedback };
  });
}

/** For each section, whether it is taken (RFC 9429 §5.3.1). */
function acceptable(
  state: NegotiationState,
  view: RemoteView,
  slots: readonly MediaSlot[],
  mediaAnswers: readonly (MediaAnswer | undefined)[],
): boolean[] {
  const { media } = view.description;
  let data = false;
  const accepted = media.map((section, i) => {
    if (isRejected(section) || slots[i]!.rejected) return false;
    if (mediaAnswers[i] !== undefined) return true;
    if (data || dataParameters(section) === undefined) return false;
    data = true;
    return true;
  });
  applyBundlePolicy(state, view, accepted);
  // What is bundled needs a section to be bundled with; what is not needs parameters of its own.
  const tagged = new Map<readonly string[], boolean>();
  media.forEach((section, i) => {
    if (!accepted[i]) return;
    const group = view.groupOf.get(i);
    if (group !== undefined && !tagged.has(group)) tagged.set(group, taggedMid(view, group, accepted) !== undefined);
    const hasTransport = group === undefined ? ownsParameters(view, section) : tagged.get(group)!;
    if (!hasTransport) accepted[i] = false;
  });
  return accepted;
}

/** max-bundle: all in one group with the first; balanced: with the first of its kind (RFC 9429 §5.3.1). */
function applyBundlePolicy(state: NegotiationState, view: RemoteView, accepted: boolean[]): void {
  const { bundlePolicy } = state.configuration;
  if (bundlePolicy === "max-compat") return;
  const firsts = new Map<string, number>();
  accepted.forEach((isAccepted, i) => {
    if (!isAccepted) return;
    const key = bundlePolicy === "max-bundle" ? "" : view.description.media[i]!.kind;
    const first = firsts.get(key);
    if (first === undefined) firsts.set(key, i);
    else if (view.groupOf.get(first) === undefined || view.groupOf.get(first) !== view.groupOf.get(i))
      accepted[i] = false;
  });
}

function ownsParameters(view: RemoteView, section: SdpMedia): boolean {
  return !section.bundleOnly && ownParameters(view.description, section) !== undefined;
}

/**
 * The answerer-tagged section of a group: the first that is taken and can carry a transport. That is the offerer-tagged
 * one unless it is refused; RFC 9429 §5.3.1 would then refuse the whole group, which only loses what can be had.
 */
function taggedMid(view: RemoteView, group: readonly string[], accepted: readonly boolean[]): string | undefined {
  return group.find((mid) => {
    const index = view.indexOfMid.get(mid);
    return index !== undefined && accepted[index] && ownsParameters(view, view.description.media[index]!);
  });
}

function answerGroups(view: RemoteView, accepted: readonly boolean[]): SdpGroup[] {
  const out: SdpGroup[] = [];
  for (const { semantics, mids } of view.description.groups) {
    if (semantics !== "BUNDLE") continue;
    const tagged = taggedMid(view, mids, accepted);
    if (tagged === undefined) continue;
    const others = mids.filter((mid) => mid !== tagged && accepted[view.indexOfMid.get(mid)!]);
    out.push({ semantics, mids: [tagged, ...others] });
  }
  return out;
}

/** The offered groups for lip synchronization, with what is taken of them (RFC 5888 §9.1). */
function lipSyncGroups(view: RemoteView, accepted: readonly boolean[]): SdpGroup[] {
  const out: SdpGroup[] = [];
  for (const { semantics, mids } of view.description.groups) {
    if (semantics !== "LS") continue;
    const kept = mids.filter((mid) => accepted[view.indexOfMid.get(mid) ?? -1] === true);
    if (kept.length > 1) out.push({ semantics, mids: kept });
  }
  return out;
}

interface KnownTransports {
  readonly now: ReadonlyMap<number, Transport>;
  /** When the session was last stable. */
  readonly before: ReadonlyMap<number, Transport>;
}

/** The ICE parameters in use, or new ones for a new transport and when the offer restarts ICE (RFC 9429 §5.3.2). */
function localParameters(
  known: KnownTransports,
  view: RemoteView,
  owner: MediaSlot,
  inputs: LocalInputs,
): CreatedTransport["local"] {
  const transport = known.now.get(owner.transport!);
  const before = known.before.get(owner.transport!);
  const local = transport?.local ?? null;
  if (local === null) return inputs.newIceParameters();
  const offered = ownParameters(view.description, view.description.media[owner.index]!);
  const restarts = before?.remote != null && !sameIceParameters(before.remote, offered);
  // A provisional answer has already given new parameters to a restart.
  return restarts && sameIceParameters(local, before.local) ? inputs.newIceParameters() : local;
}

function answerSection(
  state: NegotiationState,
  known: KnownTransports,
  view: RemoteView,
  slot: MediaSlot,
  owner: MediaSlot,
  created: CreatedTransport,
  mediaAnswer: MediaAnswer | undefined,
  taken: Map<number, string>,
  inputs: LocalInputs,
): SdpMedia {
  const { description: offer } = view;
  const section = offer.media[slot.index]!;
  const remote = ownParameters(offer, offer.media[owner.index]!)!;
  const transport = known.now.get(created.id);
  const isOwner = owner === slot;
  const gathered = isOwner && sameIceParameters(transport?.local, created.local) ? transport : undefined;
  const offeredOptions = iceOptionsOf(offer, section);
  const lines: Partial<SdpMedia> = {
    ...addressLines(gathered),
    ...transportAttributes({
      local: created.local,
      fingerprints: inputs.fingerprints,
      setup: answerSetup(remote, known.before.get(created.id)),
      // RFC 9429 §5.3.1: only what the offer has.
      iceOptions: ICE_OPTIONS.filter((option) => offeredOptions.includes(option)),
    }),
  };
  const mid = slot.midSignaled ? slot.mid : undefined;
  if (mediaAnswer !== undefined) {
    const cryptex = !offer.cryptex && section.cryptex && isCryptexOffered(view, slot.index);
    return mediaSection(mediaAnswer, mid, offer, section, cryptex, taken, lines);
  }
  const data = dataParameters(section)!;
  if (!data.legacy) {
    const { sctpPort, maxMessageSize } = inputs;
    const before = known.before.get(created.id)?.remote;
    const continues = before != null && continuesAssociation(before, remote);
    return dataSection(
      { mid, sctpPort, maxMessageSize, sctpInit: answeredInit(state, slot.mid, data, continues) },
      // The protocol is the offer's, letter by letter.
      { ...lines, protocol: section.protocol },
    );
  }
  return sdpMedia({
    kind: section.kind,
    port: 0,
    protocol: section.protocol,
    formats: [`${inputs.sctpPort}`],
    mid,
    sctpmaps: [{ port: inputs.sctpPort, application: "webrtc-datachannel", streams: 65_535 }],
    maxMessageSize: inputs.maxMessageSize,
    ...lines,
  });
}

/** An audio or video section (RFC 9429 §5.3.1). */
function mediaSection(
  { transceiver, direction, payloads, congestionFeedback }: MediaAnswer,
  mid: string | undefined,
  offer: SdpSession,
  section: SdpMedia,
  cryptex: boolean,
  taken: Map<number, string>,
  lines: Partial<SdpMedia>,
): SdpMedia {
  const { kind, sender } = transceiver;
  const types = new Set(payloads.map(({ payloadType }) => payloadType as number));
  // One stream of audio: simulcast is for video (webrtc-pc addTransceiver).
  const withRids = kind === "video";
  return rtpSection(
    {
      kind,
      // The protocol is the offer's, letter by letter.
      protocol: section.protocol,
      mid,
      direction,
      payloads,
      extmaps: answeredExtensions(
        kind,
        transceiver.headerExtensions,
        section.extmaps,
        taken,
        congestionFeedback,
        section.extmapAllowMixed || offer.extmapAllowMixed,
      ),
      extmapAllowMixed: section.extmapAllowMixed && !offer.extmapAllowMixed,
      cryptex,
      sender,
      rids: answeredRids(
        section,
        sender.encodings,
        withRids && sends(direction),
        withRids && receives(direction),
        types,
      ),
      rtcpMuxOnly: section.rtcpMuxOnly,
      rtcpRsize: section.rtcpRsize,
      receiverRoundTrip: hasReceiverRoundTrip(section),
      congestionFeedback,
    },
    lines,
  );
}

/**
 * Our DTLS role: the one we have while the association goes on, otherwise the one the offer leaves, and "active" where it
 * leaves both (RFC 9429 §5.3.1, §5.3.2). An offer without a=setup comes from before DTLS-SRTP's RFC and is taken as actpass.
 */
function answerSetup(remote: RemoteParameters, before: Transport | undefined): SdpSetup {
  if (remote.setup === "active") return "passive";
  if (remote.setup === "passive") return "active";
  const continues = before?.remote != null && continuesAssociation(before.remote, remote);
  return continues && before.dtlsRole === "server" ? "passive" : "active";
}

/**
 * Whether a DTLS association goes on: the tls-id is the same and the certificate can be the same (RFC 9429 §5.11). One
 * fingerprint in common is enough: the certificate in use was checked against it.
 */
export function continuesAssociation(before: RemoteParameters, after: RemoteParameters): boolean {
  return (
    before.tlsId === after.tlsId &&
    after.fingerprints.some(({ algorithm, value }) =>
      before.fingerprints.some((old) => old.algorithm === algorithm && old.value === value),
    )
  );
}
