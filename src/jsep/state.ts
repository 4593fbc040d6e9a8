// What offer and answer know of a session: descriptions, m-sections and the transports they speak of. An immutable value:
// every function of this folder takes one and returns the next.
import type { SdpFingerprint, SdpSession, SdpSetup } from "../sdp/model.js";
import type { IceCandidate } from "../util/ice-candidate.js";
import type { IdTable } from "./id-table.js";
import { EMPTY_ID_TABLE } from "./id-table.js";
import type { NegotiatedMedia } from "./negotiated-media.js";
import type { RemoteMedia } from "./remote-media.js";
import type { SignalingState } from "./signaling-state.js";
import type { TransceiverDescription } from "./transceivers.js";

export type BundlePolicy = "balanced" | "max-compat" | "max-bundle";

export interface IceParameters {
  readonly usernameFragment: string;
  readonly password: string;
}

/** A description that has been set. */
export interface AppliedDescription {
  readonly type: "offer" | "answer" | "pranswer";
  /** What localDescription or remoteDescription show: the text as it was set, with the candidates that came since. May be made on the first read. */
  readonly sdp: string;
  readonly description: SdpSession;
}

/** What a remote description says of one transport. */
export interface RemoteParameters extends IceParameters {
  readonly iceLite: boolean;
  /** Whether it lists the ICE option "trickle" (RFC 8840 §4.1.1). */
  readonly trickle: boolean;
  readonly fingerprints: readonly SdpFingerprint[];
  readonly setup: SdpSetup | undefined;
  readonly tlsId: string | undefined;
}

/** One ICE and DTLS transport, as the descriptions see it. Several m-sections share it when they are bundled. */
export interface Transport {
  /** Unique over the life of the session. */
  readonly id: number;
  /** The m-section that its parameters and candidates are written to: the BUNDLE-tagged one (RFC 9143 §7.1.2). */
  readonly mid: string;
  /** Null while only a remote offer speaks of it. */
  readonly local: IceParameters | null;
  readonly localCandidates: readonly IceCandidate[];
  readonly localEndOfCandidates: boolean;
  /** Null until an answer, ours or theirs, is set. */
  readonly remote: RemoteParameters | null;
  readonly remoteCandidates: readonly IceCandidate[];
  readonly remoteEndOfCandidates: boolean;
  readonly iceRole: "controlling" | "controlled" | null;
  /** Null until an answer is set. */
  readonly dtlsRole: "client" | "server" | null;
  /** Changes when a DTLS association is given up for a new one (RFC 9429 §5.11). */
  readonly dtlsGeneration: number;
  /** Counts the answers after which the peer may be at the other end of a transport of its own making; see `isRetagged`. */
  readonly renewals: number;
}

/** One m-line. */
export interface MediaSlot {
  readonly index: number;
  /** As in the descriptions, or made up by us where the remote description has none. */
  readonly mid: string;
  readonly midSignaled: boolean;
  readonly kind: string;
  readonly protocol: string;
  readonly formats: readonly string[];
  /** Port zero: the line carries nothing, and can be used again by an offer with a new mid. */
  readonly rejected: boolean;
  /** The transceiver associated with this line; null for data, for a line without one, and once it is rejected for good. */
  readonly transceiver: string | null;
  /** The pending remote offer has the transceiver made: a rollback takes it away. */
  readonly isCreated: boolean;
  readonly transport: number | null;
  /** Of audio and video: the peer's side, by its last description; null while there is none. */
  readonly remote: RemoteMedia | null;
  /** Of audio and video: what was agreed on, by the last answer; null while there is none. */
  readonly media: NegotiatedMedia | null;
  /** Of audio and video: the a=fmtp that the program has given codecs, by their identity, for the offers to come. */
  readonly parameters?: ReadonlyMap<string, string | undefined> | null;
}

/** The data section, once negotiated by an answer. */
export interface SctpParameters {
  readonly mid: string;
  readonly index: number;
  readonly transport: number;
  readonly localPort: number;
  readonly remotePort: number;
  readonly localMaxMessageSize: number;
  /** In bytes; Infinity where the remote side takes messages of any size. */
  readonly remoteMaxMessageSize: number;
  /** The INITs that the association is made from without a handshake; null: it shakes hands. See sctp-init.ts. */
  readonly snap: SctpSnap | null;
}

/** The INIT chunks of both sides in base64, as their descriptions have them (draft-hancke-tsvwg-snap-00). */
export interface SctpSnap {
  readonly localInit: string;
  readonly remoteInit: string;
}

/** What descriptions need of SCTP for that. */
export interface SctpInits {
  /** The INIT of an association to come, in base64; another each time. */
  create(): string;
  /** Whether base64 text is an INIT that SCTP would take from the network. */
  isValid(text: string): boolean;
}

export interface CreatedTransport {
  readonly id: number;
  readonly mid: string;
  readonly local: IceParameters;
}

/** What createOffer or createAnswer made last: setting any other local description is refused (RFC 9429 §5.4). */
export interface CreatedDescription {
  readonly sdp: string;
  readonly description: SdpSession;
  /** Of each m-section. */
  readonly slots: readonly MediaSlot[];
  /** The transports that the slots mention, as far as they are known when the description is made. */
  readonly transports: readonly CreatedTransport[];
  readonly nextMid: number;
  /** The epoch of the state it was made in. */
  readonly epoch: number;
  /** Of an answer: the offer that it answers. */
  readonly offer: RemoteOffer | null;
}

/** A remote offer's text as it was set; another object each time that one is set. */
export interface RemoteOffer {
  readonly sdp: string;
}

/** The part of the state that a rollback restores. */
export interface Negotiated {
  /** One for each m-line, in order. */
  readonly slots: readonly MediaSlot[];
  readonly transports: readonly Transport[];
  /** The mids of the BUNDLE groups of the last answer. */
  readonly bundleGroups: readonly (readonly string[])[];
  readonly sctp: SctpParameters | null;
}

export interface NegotiationConfiguration {
  /** A number below 2^63 - 1 in decimal (RFC 9429 §5.2.1), random. */
  readonly sessionId: string;
  readonly bundlePolicy: BundlePolicy;
  readonly rtcpMuxPolicy: "negotiate" | "require";
  /** We are an ICE-lite agent. */
  readonly iceLite: boolean;
  /** Cryptex (RFC 9335): offered, or required; undefined: taken where it is offered. */
  readonly rtpHeaderEncryptionPolicy?: "negotiate" | "require" | undefined;
  /** Undefined: a=sctp-init is neither offered nor taken. */
  readonly sctpInits?: SctpInits | undefined;
}

export interface NegotiationState extends Negotiated {
  readonly configuration: NegotiationConfiguration;
  readonly signalingState: SignalingState;
  readonly currentLocal: AppliedDescription | null;
  readonly pendingLocal: AppliedDescription | null;
  readonly currentRemote: AppliedDescription | null;
  readonly pendingRemote: AppliedDescription | null;
  readonly lastOffer: CreatedDescription | null;
  readonly lastAnswer: CreatedDescription | null;
  /** The remote offer that there is to answer. */
  readonly remoteOffer: RemoteOffer | null;
  /** The m-lines as the pending offer has them; null in stable. */
  readonly offeredSlots: readonly MediaSlot[] | null;
  /** What the session was when it was last stable; null while it is. */
  readonly stable: Negotiated | null;
  /** The number of finished offer/answer exchanges. */
  readonly epoch: number;
  readonly sessionVersion: number;
  readonly nextMid: number;
  readonly nextTransport: number;
  /** The INIT of the association to come that our descriptions have; null once it is negotiated. */
  readonly nextSctpInit: string | null;
  readonly canTrickleIceCandidates: boolean | null;
  /** The payload types that codecs have, and the identifiers of header extensions, in any description so far. */
  readonly payloadTypes: IdTable;
  readonly extensionIds: IdTable;
}

/** What a local description is made from besides the state. */
export interface LocalInputs {
  /** Of every certificate, with every hash function to be offered. */
  readonly fingerprints: readonly SdpFingerprint[];
  /** Fresh ICE parameters: for what is new or restarts in an offer, for each new transport in an answer. */
  readonly newIceParameters: () => IceParameters;
  readonly maxMessageSize: number;
  readonly sctpPort: number;
  readonly transceivers: readonly TransceiverDescription[];
  /** Congestion control feedback (RFC 8888): true, offered; false, not even taken; otherwise taken where it is offered. */
  readonly congestionFeedback?: boolean | undefined;
}

/** What a remote offer's audio and video sections need: transceivers that they find, or get made. */
export interface RemoteInputs {
  readonly transceivers: readonly TransceiverDescription[];
  /** A name for a transceiver that the caller is to make. */
  readonly newTransceiverId: () => string;
}

export interface OfferInputs extends LocalInputs {
  /** A data channel has been created: the offer has a data section. */
  readonly dataChannel: boolean;
  /** Restart every transport (RFC 9429 §5.2.3.1). */
  readonly iceRestart: boolean;
  /** Restart the transports that still use one of these (webrtc-pc [[LocalIceCredentialsToReplace]]). */
  readonly credentialsToReplace: readonly IceParameters[];
}

export function createNegotiationState(configuration: NegotiationConfiguration): NegotiationState {
  return {
    configuration,
    signalingState: "stable",
    currentLocal: null,
    pendingLocal: null,
    currentRemote: null,
    pendingRemote: null,
    slots: [],
    transports: [],
    bundleGroups: [],
    sctp: null,
    lastOffer: null,
    lastAnswer: null,
    remoteOffer: null,
    offeredSlots: null,
    stable: null,
    epoch: 0,
    sessionVersion: 1,
    nextMid: 0,
    nextTransport: 0,
    nextSctpInit: null,
    canTrickleIceCandidates: null,
    payloadTypes: EMPTY_ID_TABLE,
    extensionIds: EMPTY_ID_TABLE,
  };
}

export function localDescription(state: NegotiationState): AppliedDescription | null {
  return state.pendingLocal ?? state.currentLocal;
}

export function remoteDescription(state: NegotiationState): AppliedDescription | null {
  return state.pendingRemote ?? state.currentRemote;
}

export function findTransport(state: Negotiated, id: number | null): Transport | undefined {
  return id === null ? undefined : state.transports.find((transport) => transport.id === id);
}

export function newTransport(id: number, mid: string): Transport {
  return {
    id,
    mid,
    local: null,
    localCandidates: [],
    localEndOfCandidates: false,
    remote: null,
    remoteCandidates: [],
    remoteEndOfCandidates: false,
    iceRole: null,
    dtlsRole: null,
    dtlsGeneration: 0,
    renewals: 0,
  };
}

/**
 * Whether a BUNDLE group that is in use has come to be tagged by `owner` because the section that carried its transport is
 * gone, or because a new section came before that one. Nothing in RFC 9143 makes this another transport; browsers make one,
 * with ICE and DTLS from the beginning (and their old ICE credentials, in part), and take the SCTP association there.
 */
export function isRetagged(
  before: Transport | undefined,
  owner: MediaSlot,
  slotsBefore: readonly MediaSlot[],
  slots: readonly MediaSlot[],
): boolean {
  if (before === undefined || before.remote === null || before.mid === owner.mid) return false;
  const isLive = (list: readonly MediaSlot[], mid: string): boolean =>
    list.some((slot) => slot.mid === mid && !slot.rejected);
  return !isLive(slots, before.mid) || !isLive(slotsBefore, owner.mid);
}

export function sameIceParameters(a: IceParameters | null | undefined, b: IceParameters | null | undefined): boolean {
  return a?.usernameFragment === b?.usernameFragment && a?.password === b?.password;
}

/** The ICE parameters in the local descriptions, for webrtc-pc's restartIce(). */
export function localIceParameters(state: NegotiationState): readonly IceParameters[] {
  const out: IceParameters[] = [];
  for (const transport of [...state.transports, ...(state.stable?.transports ?? [])]) {
    if (transport.local !== null && !out.some((known) => sameIceParameters(known, transport.local))) {
      out.push(transport.local);
    }
  }
  return out;
}

/** The part of a state that a rollback restores. */
export function negotiatedOf(state: NegotiationState): Negotiated {
  const { slots, transports, bundleGroups, sctp } = state;
  return { slots, transports, bundleGroups, sctp };
}

/** The transports that some of these m-lines use. */
export function transportsInUse(
  transports: readonly Transport[],
  slotLists: readonly (readonly MediaSlot[])[],
): readonly Transport[] {
  const used = new Set(slotLists.flatMap((slots) => slots.map(({ transport }) => transport)));
  return transports.filter(({ id }) => used.has(id));
}
