// The algebra of directions (RFC 3264 §6.1, RFC 9429 §4.2.3, §4.2.4).
import type { SdpDirection, SdpMedia, SdpSession } from "../sdp/model.js";

export function sends(direction: SdpDirection): boolean {
  return direction === "sendrecv" || direction === "sendonly";
}

export function receives(direction: SdpDirection): boolean {
  return direction === "sendrecv" || direction === "recvonly";
}

export function directionOf(send: boolean, receive: boolean): SdpDirection {
  return send ? (receive ? "sendrecv" : "sendonly") : receive ? "recvonly" : "inactive";
}

/** As the other side sees it. */
export function reverseDirection(direction: SdpDirection): SdpDirection {
  return directionOf(receives(direction), sends(direction));
}

export function intersectDirections(a: SdpDirection, b: SdpDirection): SdpDirection {
  return directionOf(sends(a) && sends(b), receives(a) && receives(b));
}

/** The direction of a section: its own, the session's, or sendrecv (RFC 8866 §6.7). */
export function sectionDirection(session: SdpSession, media: SdpMedia): SdpDirection {
  return media.direction ?? session.direction ?? "sendrecv";
}
