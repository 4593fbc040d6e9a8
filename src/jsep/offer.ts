// createOffer (RFC 9429 §5.2): the m-sections of the session as it is and of what is wanted new, which of them share a
// transport, and the text.
import type { SdpGroup, SdpMedia, SdpPayload, SdpSession } from "../sdp/model.js";
import { writeSdp } from "../sdp/writer.js";
import { isCongestionFeedback, offeredPayloads } from "./codecs.js";
import { receives, sends } from "./direction.js";
import type { JsepResult } from "./errors.js";
import { failure, success } from "./errors.js";
import { extensionIdAssigner, LAYER_EXTENSIONS, offeredExtensions } from "./header-extensions.js";
import type { IdAssigner } from "./id-table.js";
import { payloadTypeAssigner } from "./payload-types.js";
import { DATA_APPLICATION, isMedia } from "./remote.js";
import { rtpSection } from "./rtp-section.js";
import { initToCome, offeredInit } from "./sctp-init.js";
import {
  addressLines,
  dataSection,
  ICE_OPTIONS,
  rejectedSection,
  sessionLevel,
  transportAttributes,
} from "./sections.js";
import { offeredRids } from "./simulcast.js";
import type { CreatedTransport, IceParameters, MediaSlot, NegotiationState, OfferInputs, Transport } from "./state.js";
import { localDescription, remoteDescription, sameIceParameters } from "./state.js";
import type { TransceiverDescription } from "./transceivers.js";
import { isUsable } from "./transceivers.js";

const RTP_PROTOCOL = "UDP/TLS/RTP/SAVPF";

export interface Created {
  readonly next: NegotiationState;
  readonly sdp: string;
}

/** A section on its way into the offer. */
interface Draft {
  readonly slot: Omit<MediaSlot, "transport" | "rejected">;
  /** Undefined: it is offered with port zero. */
  readonly content: "data" | TransceiverDescription | undefined;
  transport: number | null;
  bundleOnly: boolean;
}

/**
 * Makes an offer. The caller commits `next`: it remembers the offer, for setLocalDescription to be given just this text.
 * Allowed in stable and have-local-offer (webrtc-pc createOffer).
 */
export function createOffer(state: NegotiationState, inputs: OfferInputs): JsepResult<Created> {
  if (state.signalingState !== "stable" && state.signalingState !== "have-local-offer") {
    return failure({
      kind: "InvalidStateError",
      message: `an offer cannot be created in signaling state ${state.signalingState}`,
    });
  }
  const { drafts, nextMid } = draftSections(state, inputs);
  const { groups, nextTransport, retagged } = assignTransports(state, drafts);
  const known = new Map(state.transports.map((transport) => [transport.id, transport]));
  const credentialsToReplace = [...inputs.credentialsToReplace];
  for (const { id, local } of (state.stable ?? state).transports) {
    if (retagged.has(id) && local !== null) credentialsToReplace.push(local);
  }
  const transports = transportsOf(known, drafts, groups, { ...inputs, credentialsToReplace });
  const mediaOffer = new MediaOffer(state, inputs.congestionFeedback);
  const slots: MediaSlot[] = [];
  const media = drafts.map((draft): SdpMedia => {
    const slot: MediaSlot = { ...draft.slot, rejected: draft.content === undefined, transport: draft.transport };
    const section = offerSection(state, mediaOffer, known, draft, slot, transports, inputs);
    slots.push({ ...slot, protocol: section.protocol, formats: section.formats });
    return section;
  });
  const sessionVersion = state.sessionVersion + 1;
  const description: SdpSession = {
    ...sessionLevel(state, sessionVersion),
    cryptex: offersCryptex(state) && media.some(isMedia),
    groups: [...groups, ...lipSyncGroups(drafts)],
    msidSemantics: [{ semantic: "WMS", ids: streamIds(inputs.transceivers) }],
    media,
  };
  const sdp = writeSdp(description);
  const made = [...transports.values()];
  const lastOffer = { sdp, description, slots, transports: made, nextMid, epoch: state.epoch, offer: null };
  const payloadTypes = mediaOffer.payloadTypes.table();
  const extensionIds = mediaOffer.extensionIds.table();
  const nextSctpInit = initToCome(state, media);
  return success({
    next: { ...state, sessionVersion, nextTransport, nextSctpInit, lastOffer, payloadTypes, extensionIds },
    sdp,
  });
}

function draftSections(state: NegotiationState, inputs: OfferInputs): { drafts: Draft[]; nextMid: number } {
  const byId = new Map(inputs.transceivers.map((transceiver) => [transceiver.id, transceiver]));
  const usedMids = new Set(state.slots.map(({ mid }) => mid));
  let nextMid = state.nextMid;
  const newMid = (): string => {
    while (usedMids.has(`${nextMid}`)) nextMid++;
    return `${nextMid++}`;
  };

  let hasData = false;
  const drafts = state.slots.map((slot): Draft => {
    let content: Draft["content"];
    if (!slot.rejected && slot.kind === "application") {
      content = "data";
      hasData = true;
    } else if (!slot.rejected && slot.transceiver !== null) {
      const transceiver = byId.get(slot.transceiver);
      if (isUsable(transceiver)) content = transceiver;
    }
    // A re-offer names the protocol of RFC 8841 even if an older form was negotiated (RFC 9429 §5.1.2).
    const form = content === "data" ? { protocol: "UDP/DTLS/SCTP", formats: [DATA_APPLICATION] } : {};
    return { slot: { ...slot, ...form }, content, transport: slot.transport, bundleOnly: false };
  });

  // RFC 9429 §5.2.2: a section that is rejected in the descriptions in force takes the next thing that needs one.
  const associated = new Set(state.slots.map(({ transceiver }) => transceiver));
  const free = drafts.filter((_, i) => state.slots[i]!.rejected && isSettled(state, i)).map(({ slot }) => slot.index);
  free.reverse();
  const place = (
    slot: Pick<MediaSlot, "kind" | "protocol" | "formats" | "transceiver">,
    content: Draft["content"],
  ): void => {
    const index = free.pop() ?? drafts.length;
    const fresh = { mid: newMid(), midSignaled: true, isCreated: false, remote: null, media: null };
    drafts[index] = { slot: { ...slot, ...fresh, index }, content, transport: null, bundleOnly: false };
  };
  for (const transceiver of inputs.transceivers) {
    if (associated.has(transceiver.id) || !isUsable(transceiver)) continue;
    // The formats are known when the section is written.
    const slot = { kind: transceiver.kind, protocol: RTP_PROTOCOL, formats: [], transceiver: transceiver.id };
    place(slot, transceiver);
  }
  if (inputs.dataChannel && !hasData) {
    const slot = { kind: "application", protocol: "UDP/DTLS/SCTP", formats: [DATA_APPLICATION], transceiver: null };
    place(slot, "data");
  }
  return { drafts, nextMid };
}

/** Rejected not by this very offer, which is still pending, but by descriptions that both sides have. */
function isSettled(state: NegotiationState, index: number): boolean {
  return state.stable === null || state.stable.slots[index]?.rejected === true;
}

/** Gives every section its transport and says which are bundle-only (RFC 9429 §4.1.1, §5.2.1). */
function assignTransports(
  state: NegotiationState,
  drafts: readonly Draft[],
): { groups: SdpGroup[]; nextTransport: number; retagged: ReadonlySet<number> } {
  const live = drafts.filter(({ content }) => content !== undefined);
  for (const draft of drafts) if (draft.content === undefined) draft.transport = null;
  const byMid = new Map(live.map((draft) => [draft.slot.mid, draft]));
  const negotiated = state.bundleGroups
    .map((all) => ({ tagged: all[0]!, mids: all.filter((mid) => byMid.has(mid)) }))
    .filter(({ mids }) => mids.length > 0);
  let nextTransport = state.nextTransport;
  const retagged = new Set<number>();

  const first = negotiated[0]?.mids;
  if (first !== undefined) {
    const bundle = byMid.get(first[0]!)!.transport;
    for (const draft of live) {
      if (draft.transport !== null) continue;
      draft.transport = bundle;
      first.push(draft.slot.mid);
    }
    // A recycled line may come before the section that carries the transport. Chromium answers with its groups in the order
    // of m-lines, so that the new section carries it.
    const indexOf = (mid: string): number => byMid.get(mid)!.slot.index;
    const before = indexOf(first[0]!);
    if (first.some((mid) => indexOf(mid) < before)) first.sort((a, b) => indexOf(a) - indexOf(b));
    // Where the tag is another section's the peer may begin anew with ICE (see `isRetagged`), and so do we.
    for (const { tagged, mids } of negotiated) if (mids[0] !== tagged) retagged.add(byMid.get(mids[0]!)!.transport!);
    return { groups: negotiated.map(({ mids }) => ({ semantics: "BUNDLE", mids })), nextTransport, retagged };
  }

  // Nothing is bundled yet: everything is offered as one group, and the policy says what needs an address of its own.
  const { bundlePolicy } = state.configuration;
  const kinds = new Set<string>();
  live.forEach((draft, i) => {
    const isFirst = bundlePolicy === "max-bundle" ? i === 0 : !kinds.has(draft.slot.kind);
    kinds.add(draft.slot.kind);
    if (draft.transport !== null) {
      // In have-local-offer the earlier offer's choice stays.
      draft.bundleOnly = i > 0 && draft.transport === live[0]!.transport;
    } else if (i === 0 || bundlePolicy === "max-compat" || isFirst) draft.transport = nextTransport++;
    else {
      draft.transport = live[0]!.transport;
      draft.bundleOnly = true;
    }
  });
  const mids = live.map(({ slot }) => slot.mid);
  return { groups: mids.length === 0 ? [] : [{ semantics: "BUNDLE", mids }], nextTransport, retagged };
}

/**
 * The local parameters of every transport of the offer: those in use, or new ones for a new transport or a restart.
 *
 * RFC 9429 §5.2.1 wants new ones for each. Browsers have one set for all that are new, and so have we: when the answer
 * bundles, the next offer says the same for every section, where Firefox would take a difference for a partial restart.
 */
function transportsOf(
  known: ReadonlyMap<number, Transport>,
  drafts: readonly Draft[],
  groups: readonly SdpGroup[],
  inputs: OfferInputs,
): ReadonlyMap<number, CreatedTransport> {
  const out = new Map<number, CreatedTransport>();
  let fresh: IceParameters | undefined;
  const newParameters = (): IceParameters => {
    fresh ??= inputs.newIceParameters();
    return fresh;
  };
  const tagged = new Set(groups.map(({ mids }) => mids[0]));
  for (const wantTagged of [true, false]) {
    for (const { slot, transport: id } of drafts) {
      if (id === null || out.has(id) || tagged.has(slot.mid) !== wantTagged) continue;
      const old = known.get(id)?.local ?? null;
      const restart = old !== null && (inputs.iceRestart || isToReplace(old, inputs.credentialsToReplace));
      out.set(id, { id, mid: slot.mid, local: old === null || restart ? newParameters() : old });
    }
  }
  return out;
}

function isToReplace(local: IceParameters, replace: readonly IceParameters[]): boolean {
  return replace.some((credentials) => sameIceParameters(credentials, local));
}

function offerSection(
  state: NegotiationState,
  mediaOffer: MediaOffer,
  known: ReadonlyMap<number, Transport>,
  draft: Draft,
  slot: MediaSlot,
  transports: ReadonlyMap<number, CreatedTransport>,
  inputs: OfferInputs,
): SdpMedia {
  const { content } = draft;
  if (content === undefined) return rejectedSection(slot);
  const created = transports.get(slot.transport!)!;
  const transport = known.get(created.id);
  // After a restart the candidates gathered so far are of the past.
  const isCurrent = created.mid === slot.mid && sameIceParameters(transport?.local, created.local);
  const lines: Partial<SdpMedia> = {
    ...addressLines(isCurrent ? transport : undefined),
    ...transportAttributes({
      local: created.local,
      fingerprints: inputs.fingerprints,
      setup: "actpass",
      iceOptions: ICE_OPTIONS,
    }),
    ...(draft.bundleOnly ? { bundleOnly: true, port: 0 } : {}),
  };
  if (content === "data") {
    const { sctpPort, maxMessageSize } = inputs;
    return dataSection({ mid: slot.mid, sctpPort, maxMessageSize, sctpInit: offeredInit(state, slot.mid) }, lines);
  }
  return mediaOffer.section(content, slot, lines);
}

/** What the sections of one offer share. */
class MediaOffer {
  readonly payloadTypes: IdAssigner;
  readonly extensionIds: IdAssigner;
  private readonly previous: readonly SdpMedia[];
  private readonly rtcpMuxOnly: boolean;
  private readonly congestionFeedback: boolean;
  /** Sections of new transceivers without preferences are alike. */
  private readonly common = new Map<string, readonly SdpPayload[]>();

  constructor(state: NegotiationState, congestionFeedback: boolean | undefined) {
    this.payloadTypes = payloadTypeAssigner(state.payloadTypes);
    this.rtcpMuxOnly = state.configuration.rtcpMuxPolicy === "require";
    const remote = remoteDescription(state)?.description;
    // Identifiers above 14 need two-byte headers, which a peer that we know takes only if it has said so.
    const allowMixed = remote === undefined || remote.extmapAllowMixed || remote.media.some((m) => m.extmapAllowMixed);
    this.extensionIds = extensionIdAssigner(state.extensionIds, allowMixed);
    this.previous = localDescription(state)?.description.media ?? [];
    // What was taken of the peer's offer stays in one of ours.
    const isNegotiated = ({ media, rejected }: MediaSlot): boolean =>
      !rejected &&
      media !== null &&
      media.receiveCodecs.some(({ rtcpFeedback }) => rtcpFeedback.some(isCongestionFeedback));
    this.congestionFeedback = congestionFeedback ?? state.slots.some(isNegotiated);
  }

  /** An audio or video section (RFC 9429 §5.2.1, §5.2.2). */
  section(transceiver: TransceiverDescription, slot: Draft["slot"], lines: Partial<SdpMedia>): SdpMedia {
    const { kind, direction, sender } = transceiver;
    const old = this.previous[slot.index];
    const previous = old !== undefined && old.mid === slot.mid && old.kind === kind ? old : undefined;
    const payloads = this.payloads(transceiver, slot, previous);
    const doesSend = sends(direction);
    const rids = offeredRids(
      doesSend ? sender.encodings : [],
      receives(direction) ? (slot.media?.receiveRids ?? []) : [],
      new Set(payloads.map(({ payloadType }) => payloadType as number)),
    );
    const simulcast = (rids.simulcast?.send.length ?? 0) > 1;
    return rtpSection(
      {
        kind,
        protocol: RTP_PROTOCOL,
        mid: slot.mid,
        direction,
        payloads,
        extmaps: offeredExtensions(
          kind,
          transceiver.answeredExtensions ?? transceiver.headerExtensions,
          simulcast ? LAYER_EXTENSIONS : (sender.layerExtensions ?? []),
          previous?.extmaps ?? [],
          this.extensionIds,
        ),
        extmapAllowMixed: false,
        // For the whole session.
        cryptex: false,
        sender,
        rids,
        rtcpMuxOnly: this.rtcpMuxOnly,
        rtcpRsize: true,
        receiverRoundTrip: true,
        congestionFeedback: this.congestionFeedback,
      },
      lines,
    );
  }

  private payloads(
    { kind, direction, codecPreferences }: TransceiverDescription,
    slot: Draft["slot"],
    previous: SdpMedia | undefined,
  ): readonly SdpPayload[] {
    const negotiated = slot.media?.receiveCodecs.map(({ identity }) => identity) ?? [];
    const make = (): readonly SdpPayload[] =>
      offeredPayloads(
        kind,
        direction,
        codecPreferences,
        previous,
        negotiated,
        slot.parameters ?? null,
        this.payloadTypes,
      );
    if (codecPreferences !== null || previous !== undefined) return make();
    const key = `${kind} ${direction}`;
    const payloads = this.common.get(key) ?? make();
    this.common.set(key, payloads);
    return payloads;
  }
}

/** Where it was asked for, or a peer's offer has brought it in: what was agreed on is offered again (RFC 9335 §4). */
function offersCryptex({ configuration, slots }: NegotiationState): boolean {
  return configuration.rtpHeaderEncryptionPolicy !== undefined || slots.some(({ media }) => media?.cryptex === true);
}

function streamIds(transceivers: readonly TransceiverDescription[]): readonly string[] {
  return [
    ...new Set(
      transceivers.flatMap((transceiver) =>
        isUsable(transceiver) && sends(transceiver.direction) ? transceiver.sender.streamIds : [],
      ),
    ),
  ];
}

/** RFC 9429 §5.2.1: the sections whose senders share a MediaStream are to be kept in lip sync. */
function lipSyncGroups(drafts: readonly Draft[]): SdpGroup[] {
  const byStream = new Map<string, string[]>();
  for (const { slot, content } of drafts) {
    if (content === undefined || content === "data" || !sends(content.direction)) continue;
    for (const id of content.sender.streamIds) {
      const mids = byStream.get(id);
      if (mids === undefined) byStream.set(id, [slot.mid]);
      else mids.push(slot.mid);
    }
  }
  return [...byStream.values()].filter((mids) => mids.length > 1).map((mids) => ({ semantics: "LS", mids }));
}
