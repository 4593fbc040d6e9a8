// The signalling state machine of RFC 9429 §3.2 and of webrtc-pc §4.4.1.5: which description may be set in which state.

export type SignalingState =
  | "stable"
  | "have-local-offer"
  | "have-remote-offer"
  | "have-local-pranswer"
  | "have-remote-pranswer"
  | "closed";

export type SdpType = "offer" | "answer" | "pranswer" | "rollback";
export type DescriptionSource = "local" | "remote";

type Transitions = Readonly<Record<SignalingState, Partial<Record<SdpType, SignalingState>>>>;

const LOCAL: Transitions = {
  stable: { offer: "have-local-offer" },
  "have-local-offer": { offer: "have-local-offer", rollback: "stable" },
  "have-remote-offer": { answer: "stable", pranswer: "have-local-pranswer" },
  "have-local-pranswer": { answer: "stable", pranswer: "have-local-pranswer", rollback: "stable" },
  "have-remote-pranswer": {},
  closed: {},
};

const REMOTE: Transitions = {
  stable: { offer: "have-remote-offer" },
  "have-local-offer": { answer: "stable", pranswer: "have-remote-pranswer" },
  "have-remote-offer": { offer: "have-remote-offer", rollback: "stable" },
  "have-local-pranswer": {},
  "have-remote-pranswer": { answer: "stable", pranswer: "have-remote-pranswer", rollback: "stable" },
  closed: {},
};

/**
 * The state after setting a description, or undefined where that is not allowed.
 *
 * A remote offer in have-local-offer is not: the caller rolls back first (webrtc-pc, "set a session description"). RFC 9429
 * §5.7 lets either side's method roll back; webrtc-pc allows it only to the side that set what is rolled back. A local
 * pranswer is undone locally and a remote one remotely.
 */
export function nextSignalingState(
  state: SignalingState,
  source: DescriptionSource,
  type: SdpType,
): SignalingState | undefined {
  return (source === "local" ? LOCAL : REMOTE)[state][type];
}
