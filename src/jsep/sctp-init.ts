// a=sctp-init (draft-hancke-tsvwg-snap-00): each side's description carries the INIT of the SCTP association to come, which then needs
// no handshake. One association has one value in all descriptions; what has begun without it goes on without. What the chunk says is
// the business of src/sctp.
import type { SdpMedia } from "../sdp/model.js";
import type { RemoteData } from "./remote.js";
import type { NegotiationState, SctpParameters, SctpSnap } from "./state.js";

/** What a section says of its association: that of the one that goes on, else the one for the next. */
function initFor(state: NegotiationState, current: SctpParameters | null): string | undefined {
  if (current !== null) return current.snap?.localInit;
  return state.nextSctpInit ?? state.configuration.sctpInits?.create();
}

/** The line in an offer. Whether the peer begins anew only its answer says: as long as we know, the association goes on. */
export function offeredInit(state: NegotiationState, mid: string): string | undefined {
  if (state.configuration.sctpInits === undefined) return undefined;
  return initFor(state, state.sctp?.mid === mid ? state.sctp : null);
}

/** The line in an answer to this section. `continues`: the DTLS association does. */
export function answeredInit(
  state: NegotiationState,
  mid: string,
  { init, port }: RemoteData,
  continues: boolean,
): string | undefined {
  if (init === undefined || state.configuration.sctpInits === undefined) return undefined;
  const { sctp } = state;
  // After a provisional answer the association is the one that it has begun.
  const goesOn =
    sctp?.mid === mid && (state.signalingState === "have-local-pranswer" || (continues && sctp.remotePort === port));
  return initFor(state, goesOn ? sctp : null);
}

/** Of a description of ours: the INIT that the next is to repeat, as long as its association has not begun. */
export function initToCome({ sctp, nextSctpInit }: NegotiationState, media: readonly SdpMedia[]): string | null {
  const init = media.find((section) => section.sctpInit !== undefined)?.sctpInit;
  return init === undefined || init === sctp?.snap?.localInit ? nextSctpInit : init;
}

/** What an association that begins with these sections is made from. */
export function negotiatedSnap(
  { configuration }: NegotiationState,
  local: RemoteData,
  remote: RemoteData,
): SctpSnap | null {
  if (configuration.sctpInits === undefined || local.init === undefined || remote.init === undefined) return null;
  // Whoever repeats our own line knows nothing of it: libdatachannel answers with all lines of the offer that it does not know.
  if (local.init === remote.init) return null;
  return { localInit: local.init, remoteInit: remote.init };
}

/** An association that goes on was made from one INIT. Its line may be left out, and may come where there was none. */
export function changesInit(sctp: SctpParameters, { init, port }: RemoteData): boolean {
  return sctp.snap !== null && sctp.remotePort === port && init !== undefined && init !== sctp.snap.remoteInit;
}
