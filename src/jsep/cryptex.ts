// Encrypted header extensions and contributing sources (Cryptex, RFC 9335): who says in a description that it understands them,
// and what that comes to for a transport.
import { hasCryptex, isRejected } from "../sdp/model.js";
import { isMedia, type RemoteView } from "./remote.js";
import type { NegotiationState } from "./state.js";

export interface TransportCryptex {
  /** We have said that we understand it, in a description that counts or may count soon. */
  readonly receive: boolean;
  /** Both sides understand it: what is sent may be encrypted so, and is. */
  readonly send: boolean;
}

/**
 * Whether an offered section can have it: if one section of a BUNDLE group has it, all that carry RTP have to (RFC 9335 §4), or what
 * is needed to tell whose packet it is could be encrypted. Where an offer is not so, it is taken for one without.
 */
export function isCryptexOffered(view: RemoteView, index: number): boolean {
  const { description, groupOf, indexOfMid } = view;
  const sections = (groupOf.get(index) ?? []).map((mid) => description.media[indexOfMid.get(mid)!]!);
  return [description.media[index]!, ...sections].every(
    (media) => !isMedia(media) || isRejected(media) || hasCryptex(description, media),
  );
}

/** What we do on a transport. */
export function transportCryptex(state: NegotiationState, transport: number): TransportCryptex {
  const sections = state.slots.filter((slot) => slot.transport === transport && !slot.rejected);
  const local = [state.currentLocal, state.pendingLocal];
  const receive = sections.some(({ index }) =>
    local.some((applied) => {
      const media = applied?.description.media[index];
      return media !== undefined && isMedia(media) && hasCryptex(applied!.description, media);
    }),
  );
  const media = sections.filter(({ kind }) => kind !== "application");
  return { receive, send: media.length > 0 && media.every((slot) => slot.media?.cryptex === true) };
}
