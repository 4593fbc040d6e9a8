// "Check if negotiation is needed" (webrtc-pc §4.7.3), but for restartIce(), which the caller knows of.
import type { SdpMedia } from "../sdp/model.js";
import { intersectDirections, reverseDirection, sectionDirection, sends } from "./direction.js";
import type { NegotiationState } from "./state.js";
import type { TransceiverDescription } from "./transceivers.js";

/** Whether what is wanted differs from what is negotiated. Asked in stable only. */
export function isNegotiationNeeded(
  state: NegotiationState,
  transceivers: readonly TransceiverDescription[],
  hasDataChannels: boolean,
): boolean {
  if (hasDataChannels && !state.slots.some(({ kind, rejected }) => kind === "application" && !rejected)) return true;
  const homes = new Map(state.slots.map((slot) => [slot.transceiver, slot]));
  return transceivers.some((transceiver) => {
    const slot = homes.get(transceiver.id);
    // One that is stopped and has a section still: its section must go. Sections that are gone have no transceiver.
    if (transceiver.stopped) return slot !== undefined;
    if (transceiver.stopping || slot === undefined) return true;
    return differs(state, transceiver, slot.index);
  });
}

function differs(state: NegotiationState, { direction, sender }: TransceiverDescription, index: number): boolean {
  const local = state.currentLocal?.description;
  const remote = state.currentRemote?.description;
  const section = local?.media[index];
  const theirs = remote?.media[index];
  if (local === undefined || remote === undefined || section === undefined || theirs === undefined) return true;
  if (sends(direction) && !sameStreams(section, sender.streamIds)) return true;
  const remoteDirection = reverseDirection(sectionDirection(remote, theirs));
  const localDirection = sectionDirection(local, section);
  if (state.currentLocal!.type === "offer") return direction !== localDirection && direction !== remoteDirection;
  return localDirection !== intersectDirections(direction, remoteDirection);
}

function sameStreams({ msids }: SdpMedia, streamIds: readonly string[]): boolean {
  if (msids.length === 0) return false;
  const described = new Set(msids.map(({ streamId }) => streamId).filter((id) => id !== "-"));
  return described.size === new Set(streamIds).size && streamIds.every((id) => described.has(id));
}
