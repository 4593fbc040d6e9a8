// What a change of the session means for the transceivers: the part of a plan that RTCRtpTransceiver, sender and receiver
// follow (webrtc-pc, "set a session description").
import type { MediaKind } from "./codec-capabilities.js";
import type { NegotiatedMedia } from "./negotiated-media.js";
import type { RemoteMedia } from "./remote-media.js";
import type { DescriptionSource, SdpType } from "./signaling-state.js";
import type { MediaSlot, NegotiationState } from "./state.js";

/** One transceiver that has an m-section, or had one before this change. In the order of m-sections. */
export interface TransceiverPlan {
  readonly transceiver: string;
  readonly kind: MediaKind;
  /** [[Mid]] and the index of its m-section from now on; null if it has none (any more). */
  readonly mid: string | null;
  readonly index: number | null;
  /** A remote offer needs a transceiver that does not exist: make it with this name, "recvonly". */
  readonly create: boolean;
  /** A rollback, or a replaced offer, takes away what asked to make it: it goes, unless addTrack has used it since. */
  readonly discard: boolean;
  /** The m-section is rejected: stop the transceiver, if it is not. */
  readonly stop: boolean;
  /** Null without a section that is alive. */
  readonly transport: number | null;
  /** The last remote description; null while there is none. Where `receives(reverse direction)`, there are remote tracks. */
  readonly remote: RemoteMedia | null;
  /** By the last answer; null while there is none. */
  readonly media: NegotiatedMedia | null;
  /** `media` is not what it was. */
  readonly mediaChanged: boolean;
}

export function transceiverPlans(
  before: NegotiationState,
  next: NegotiationState,
  source: DescriptionSource,
  type: SdpType,
): readonly TransceiverPlan[] {
  const out: TransceiverPlan[] = [];
  const homes = new Set(next.slots.map(({ transceiver }) => transceiver));
  // An offer of ours stops nothing: what it rejects, we have stopped. A provisional answer may still be taken back.
  const canStop = type === "answer" || (type === "offer" && source === "remote");
  for (let index = 0; index < Math.max(before.slots.length, next.slots.length); index++) {
    const old = before.slots[index];
    const slot = next.slots[index];
    const leaver = old?.transceiver ?? null;
    if (leaver !== null && !homes.has(leaver))
      out.push(leaverPlan(leaver, old!, type, canStop && slot?.rejected === true));
    const transceiver = slot?.transceiver ?? null;
    if (slot === undefined || transceiver === null) continue;
    const same = old?.transceiver === transceiver;
    out.push({
      transceiver,
      kind: slot.kind as MediaKind,
      mid: slot.mid,
      index,
      create: slot.isCreated && !same,
      discard: false,
      stop: canStop && slot.rejected,
      transport: slot.transport,
      remote: slot.remote,
      media: slot.media,
      mediaChanged: !sameValue(same ? old!.media : null, slot.media),
    });
  }
  return out;
}

function leaverPlan(transceiver: string, slot: MediaSlot, type: SdpType, stop: boolean): TransceiverPlan {
  return {
    transceiver,
    kind: slot.kind as MediaKind,
    mid: null,
    index: null,
    create: false,
    discard: slot.isCreated && type !== "answer",
    stop,
    transport: null,
    remote: null,
    media: null,
    mediaChanged: slot.media !== null,
  };
}

/** Deep equality of plain values. */
function sameValue(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((value, i) => sameValue(value, b[i]));
  }
  const x = a as Record<string, unknown>;
  const y = b as Record<string, unknown>;
  const keys = Object.keys(x);
  return keys.length === Object.keys(y).length && keys.every((key) => key in y && sameValue(x[key], y[key]));
}
