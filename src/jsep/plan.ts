// What changes between two states of a session, for the caller to carry out on transports, transceivers and SCTP.
import type { IceCandidate } from "../util/ice-candidate.js";
import type { SenderChange } from "./changed-local.js";
import { type TransportCryptex, transportCryptex } from "./cryptex.js";
import { newCandidates } from "./remote.js";
import type { DescriptionSource, SdpType } from "./signaling-state.js";
import type {
  IceParameters,
  MediaSlot,
  NegotiationState,
  RemoteParameters,
  SctpParameters,
  Transport,
} from "./state.js";
import { sameIceParameters } from "./state.js";
import type { TransceiverPlan } from "./transceiver-plan.js";
import { transceiverPlans } from "./transceiver-plan.js";

/** One transport of the session as it is to be, and what of it is new. */
export interface TransportPlan {
  readonly id: number;
  readonly isNew: boolean;
  /** The m-sections it carries; the first is the one its candidates are signalled with. */
  readonly mids: readonly string[];
  /** Null while only a remote offer speaks of it: nothing to do but to have it. */
  readonly local: IceParameters | null;
  readonly localChanged: boolean;
  /** Gather candidates for `local` now. */
  readonly gather: boolean;
  /** Null until an answer is set: no checks of our own until then (those of the peer are answered with `local`). */
  readonly remote: RemoteParameters | null;
  readonly remoteChanged: boolean;
  /** `local` or `remote` replace parameters of an earlier generation: an ICE restart, or the rollback of one. */
  readonly iceRestart: boolean;
  /** Those not handed over before. */
  readonly remoteCandidates: readonly IceCandidate[];
  readonly remoteEndOfCandidates: boolean;
  /** Null while it stays what it was, or what a conflict has made of it. */
  readonly iceRole: "controlling" | "controlled" | null;
  readonly dtlsRole: "client" | "server" | null;
  /** Close the DTLS association that there is, and start another with `remote.fingerprints`. */
  readonly newDtlsAssociation: boolean;
  /**
   * The peer may have given up its transport for another, of the same certificate (`isRetagged`): a second DTLS association
   * is to replace the one that there is as soon as it is established. What it carries goes on.
   */
  readonly renewed: boolean;
  /** ICE, too, begins anew, though with the credentials that we have: what is known of the peer is to be forgotten. */
  readonly remoteForgotten: boolean;
  readonly cryptex: TransportCryptex;
}

/** An m-line that is new or different. */
export interface SlotChange {
  readonly index: number;
  /** Undefined for a line that did not exist before. */
  readonly before: MediaSlot | undefined;
  /** Undefined for a line that a rollback takes away. */
  readonly after: MediaSlot | undefined;
}

export interface Plan {
  /** Commit this once the plan is carried out. */
  readonly next: NegotiationState;
  readonly transports: readonly TransportPlan[];
  /** Transports that nothing uses any more. */
  readonly discardedTransports: readonly number[];
  readonly slots: readonly SlotChange[];
  /** What each transceiver with an m-section is to do. */
  readonly transceivers: readonly TransceiverPlan[];
  /** Of a local description that the program has changed: what it says of our senders. */
  readonly senderChanges: readonly SenderChange[];
  /** The SCTP association as negotiated, or null. */
  readonly sctp: SctpParameters | null;
  readonly sctpChanged: boolean;
  /** The peer's SCTP port is another, or the section: close the association that there is (RFC 9429 §5.11). */
  readonly newSctpAssociation: boolean;
}

/** Compares two states, between which this description was set. */
export function planBetween(
  before: NegotiationState,
  next: NegotiationState,
  source: DescriptionSource,
  type: SdpType,
): Plan {
  // Changed local parameters start gathering once a local description has them; after a rollback they have candidates.
  const gather = source === "local" && type !== "rollback";
  const known = new Map(before.transports.map((transport) => [transport.id, transport]));
  const midsOf = new Map<number, string[]>(next.transports.map(({ id, mid }) => [id, [mid]]));
  for (const { mid, transport, rejected } of next.slots) {
    const mids = transport === null || rejected ? undefined : midsOf.get(transport);
    if (mids !== undefined && mids[0] !== mid) mids.push(mid);
  }
  const stable = new Map(before.stable?.transports.map((transport) => [transport.id, transport]));
  const transports = next.transports.map((transport) =>
    transportPlan(
      known.get(transport.id),
      transport,
      stable.get(transport.id)?.local ?? null,
      midsOf.get(transport.id)!,
      gather,
      transportCryptex(next, transport.id),
    ),
  );
  const kept = new Set(next.transports.map(({ id }) => id));
  const discardedTransports = before.transports.filter(({ id }) => !kept.has(id)).map(({ id }) => id);

  const slots: SlotChange[] = [];
  for (let index = 0; index < Math.max(before.slots.length, next.slots.length); index++) {
    const change: SlotChange = { index, before: before.slots[index], after: next.slots[index] };
    if (!sameSlot(change.before, change.after)) slots.push(change);
  }
  return {
    next,
    transports,
    discardedTransports,
    slots,
    transceivers: transceiverPlans(before, next, source, type),
    senderChanges: [],
    sctp: next.sctp,
    sctpChanged: !sameSctp(before.sctp, next.sctp),
    newSctpAssociation: before.sctp !== null && next.sctp !== null && beginsAnew(before.sctp, next.sctp),
  };
}

function transportPlan(
  before: Transport | undefined,
  after: Transport,
  stableLocal: IceParameters | null,
  mids: readonly string[],
  gather: boolean,
  cryptex: TransportCryptex,
): TransportPlan {
  const localChanged = !sameIceParameters(before?.local, after.local);
  const renewed = before !== undefined && after.renewals > before.renewals;
  const remoteChanged = renewed || !sameIceParameters(before?.remote, after.remote);
  const handedOver = remoteChanged ? [] : (before?.remoteCandidates ?? []);
  return {
    id: after.id,
    isNew: before === undefined,
    mids,
    local: after.local,
    localChanged,
    gather: gather && localChanged && after.local !== null,
    remote: after.remote,
    remoteChanged,
    iceRestart:
      (localChanged && before !== undefined && before.local !== null) ||
      (remoteChanged && before !== undefined && before.remote !== null),
    remoteCandidates: newCandidates(after.remoteCandidates, handedOver),
    remoteEndOfCandidates: after.remoteEndOfCandidates && (remoteChanged || before?.remoteEndOfCandidates !== true),
    iceRole:
      !renewed && before?.iceRole === after.iceRole && before.dtlsGeneration === after.dtlsGeneration
        ? null
        : after.iceRole,
    dtlsRole: after.dtlsRole,
    newDtlsAssociation: before !== undefined && before.dtlsGeneration !== after.dtlsGeneration,
    renewed,
    remoteForgotten: renewed && sameIceParameters(stableLocal, after.local),
    cryptex,
  };
}

function sameSlot(a: MediaSlot | undefined, b: MediaSlot | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return (
    a.mid === b.mid &&
    a.kind === b.kind &&
    a.rejected === b.rejected &&
    a.transceiver === b.transceiver &&
    a.transport === b.transport
  );
}

/** Each m-section has an association of its own, between the ports that it names. */
function beginsAnew(before: SctpParameters, after: SctpParameters): boolean {
  return before.remotePort !== after.remotePort || before.mid !== after.mid;
}

function sameSctp(a: SctpParameters | null, b: SctpParameters | null): boolean {
  if (a === null || b === null) return a === b;
  return (
    a.mid === b.mid &&
    a.index === b.index &&
    a.transport === b.transport &&
    a.localPort === b.localPort &&
    a.remotePort === b.remotePort &&
    a.localMaxMessageSize === b.localMaxMessageSize &&
    a.remoteMaxMessageSize === b.remoteMaxMessageSize
  );
}
