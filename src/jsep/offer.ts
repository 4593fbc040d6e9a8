// createOffer (RFC 9429 §5.2): the m-sections of the session as it is and of what is wanted new, which of them share a
// transport, and the text.
import type { SdpExtmap, SdpGroup, SdpMedia, SdpSession } from "../sdp/model.js";
import { sdpMedia } from "../sdp/model.js";
import { writeSdp } from "../sdp/writer.js";
import type { TransceiverDescription } from "./codecs.js";
import type { JsepResult } from "./errors.js";
import { failure, success } from "./errors.js";
import { DATA_APPLICATION } from "./remote.js";
import {
  addressLines,
  DISCARD_PORT,
  dataSection,
  ICE_OPTIONS,
  rejectedSection,
  sessionLevel,
  transportAttributes,
} from "./sections.js";
import type { CreatedTransport, IceParameters, MediaSlot, NegotiationState, OfferInputs } from "./state.js";
import { findTransport, sameIceParameters } from "./state.js";

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
  const { groups, nextTransport } = assignTransports(state, drafts);
  const transports = transportsOf(state, drafts, groups, inputs);
  const slots = drafts.map(
    (draft): MediaSlot => ({ ...draft.slot, rejected: draft.content === undefined, transport: draft.transport }),
  );
  const media = drafts.map((draft, i) => offerSection(state, draft, slots[i]!, transports, inputs));
  const sessionVersion = state.sessionVersion + 1;
  const description: SdpSession = {
    ...sessionLevel(state, sessionVersion),
    groups: [...groups, ...lipSyncGroups(drafts)],
    msidSemantics: [{ semantic: "WMS", ids: streamIds(inputs.transceivers) }],
    media,
  };
  const sdp = writeSdp(description);
  const lastOffer = { sdp, description, slots, transports: [...transports.values()], nextMid, epoch: state.epoch };
  return success({ next: { ...state, sessionVersion, nextTransport, lastOffer }, sdp });
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
      if (transceiver !== undefined && !transceiver.stopped && !transceiver.stopping) content = transceiver;
    }
    // A re-offer names the protocol of RFC 8841 even if an older form was negotiated (RFC 9429 §5.1.2).
    const form = content === "data" ? { protocol: "UDP/DTLS/SCTP", formats: [DATA_APPLICATION] } : {};
    return { slot: { ...slot, ...form }, content, transport: slot.transport, bundleOnly: false };
  });

  // RFC 9429 §5.2.2: a section that is rejected in the descriptions in force takes the next thing that needs one.
  const associated = new Set(state.slots.map(({ transceiver }) => transceiver));
  const free = drafts.filter((_, i) => state.slots[i]!.rejected && isSettled(state, i)).map(({ slot }) => slot.index);
  const place = (slot: Omit<MediaSlot, "transport" | "rejected" | "index">, content: Draft["content"]): void => {
    const index = free.shift() ?? drafts.length;
    drafts[index] = { slot: { ...slot, index }, content, transport: null, bundleOnly: false };
  };
  for (const transceiver of inputs.transceivers) {
    if (associated.has(transceiver.id) || transceiver.stopped || transceiver.stopping) continue;
    const formats = transceiver.codecs.map(({ payloadType }) => `${payloadType}`);
    const slot = { mid: newMid(), midSignaled: true, kind: transceiver.kind, protocol: "UDP/TLS/RTP/SAVPF", formats };
    place({ ...slot, transceiver: transceiver.id }, transceiver);
  }
  if (inputs.dataChannel && !hasData) {
    const slot = { mid: newMid(), midSignaled: true, kind: "application", protocol: "UDP/DTLS/SCTP" };
    place({ ...slot, formats: [DATA_APPLICATION], transceiver: null }, "data");
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
): { groups: SdpGroup[]; nextTransport: number } {
  const live = drafts.filter(({ content }) => content !== undefined);
  for (const draft of drafts) if (draft.content === undefined) draft.transport = null;
  const byMid = new Map(live.map((draft) => [draft.slot.mid, draft]));
  const negotiated = state.bundleGroups.map((mids) => mids.filter((mid) => byMid.has(mid))).filter((m) => m.length > 0);
  let nextTransport = state.nextTransport;

  const first = negotiated[0];
  if (first !== undefined) {
    const bundle = byMid.get(first[0]!)!.transport;
    for (const draft of live) {
      if (draft.transport !== null) continue;
      draft.transport = bundle;
      first.push(draft.slot.mid);
    }
    return { groups: negotiated.map((mids) => ({ semantics: "BUNDLE", mids })), nextTransport };
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
  return { groups: mids.length === 0 ? [] : [{ semantics: "BUNDLE", mids }], nextTransport };
}

/**
 * The local parameters of every transport of the offer: those in use, or new ones for a new transport or a restart.
 *
 * RFC 9429 §5.2.1 wants new ones for each. Browsers have one set for all that are new, and so have we: when the answer
 * bundles, the next offer says the same for every section, where Firefox would take a difference for a partial restart.
 */
function transportsOf(
  state: NegotiationState,
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
      const old = findTransport(state, id)?.local ?? null;
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
  draft: Draft,
  slot: MediaSlot,
  transports: ReadonlyMap<number, CreatedTransport>,
  inputs: OfferInputs,
): SdpMedia {
  const { content } = draft;
  if (content === undefined) return rejectedSection(slot);
  const created = transports.get(slot.transport!)!;
  const transport = findTransport(state, created.id);
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
    return dataSection({ mid: slot.mid, sctpPort: inputs.sctpPort, maxMessageSize: inputs.maxMessageSize }, lines);
  }
  return rtpSection(content, slot, lines);
}

/** An audio or video section (RFC 9429 §5.2.1). */
function rtpSection(transceiver: TransceiverDescription, slot: MediaSlot, lines: Partial<SdpMedia>): SdpMedia {
  const { direction, codecs, rids } = transceiver;
  const sends = direction === "sendrecv" || direction === "sendonly";
  const trackId = transceiver.trackId ?? undefined;
  const streams = transceiver.streamIds.length > 0 ? transceiver.streamIds : ["-"];
  return sdpMedia({
    kind: transceiver.kind,
    port: DISCARD_PORT,
    protocol: "UDP/TLS/RTP/SAVPF",
    formats: codecs.map(({ payloadType }) => `${payloadType}`),
    connections: [{ netType: "IN", addressType: "IP4", address: "0.0.0.0" }],
    mid: slot.mid,
    direction,
    extmaps: transceiver.headerExtensions.map((extension): SdpExtmap => extension),
    payloads: codecs,
    msids: sends ? streams.map((streamId) => ({ streamId, trackId })) : [],
    rids: sends ? rids : [],
    simulcast:
      sends && rids.length > 1 ? { send: rids.map(({ id }) => [{ rid: id, paused: false }]), recv: [] } : undefined,
    rtcp: lines.bundleOnly
      ? undefined
      : { port: DISCARD_PORT, connection: { netType: "IN", addressType: "IP4", address: "0.0.0.0" } },
    rtcpMux: true,
    rtcpRsize: true,
    ...lines,
  });
}

function streamIds(transceivers: readonly TransceiverDescription[]): readonly string[] {
  return [...new Set(transceivers.flatMap((transceiver) => transceiver.streamIds))];
}

/** RFC 9429 §5.2.1: the sections whose senders share a MediaStream are to be kept in lip sync. */
function lipSyncGroups(drafts: readonly Draft[]): SdpGroup[] {
  const byStream = new Map<string, string[]>();
  for (const { slot, content } of drafts) {
    if (content === undefined || content === "data") continue;
    for (const id of content.streamIds) byStream.set(id, [...(byStream.get(id) ?? []), slot.mid]);
  }
  return [...byStream.values()].filter((mids) => mids.length > 1).map((mids) => ({ semantics: "LS", mids }));
}
