// The options of createOffer and createAnswer (webrtc-pc §4.2.7 and, for the two legacy members, §4.4.3).
import { boolean, type Dictionary, dictionary } from "./conversions.js";

export interface RTCOfferOptions {
  iceRestart?: boolean;
  offerToReceiveAudio?: boolean;
  offerToReceiveVideo?: boolean;
}

/** A type with no members, as the specification has it. */
export type RTCAnswerOptions = Record<never, never>;

const offerAnswerOptions: Dictionary<object> = dictionary<object>("RTCOfferAnswerOptions", {});

export const rtcOfferOptions: Dictionary<RTCOfferOptions & { iceRestart: boolean }> = dictionary<
  RTCOfferOptions & { iceRestart: boolean }
>(
  "RTCOfferOptions",
  {
    iceRestart: { type: boolean, default: () => false },
    offerToReceiveAudio: { type: boolean },
    offerToReceiveVideo: { type: boolean },
  },
  offerAnswerOptions,
);

export const rtcAnswerOptions: Dictionary<RTCAnswerOptions> = dictionary<RTCAnswerOptions>(
  "RTCAnswerOptions",
  {},
  offerAnswerOptions,
);
