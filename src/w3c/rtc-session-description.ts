// RTCSessionDescription (webrtc-pc §4.6.2).
import {
  type Converter,
  constructing,
  defineInterface,
  dictionary,
  enumeration,
  requireArguments,
  toDOMString,
} from "./webidl.js";

export type RTCSdpType = "offer" | "pranswer" | "answer" | "rollback";

export interface RTCSessionDescriptionInit {
  type: RTCSdpType;
  sdp: string;
}

export interface RTCLocalSessionDescriptionInit {
  type?: RTCSdpType;
  sdp: string;
}

const toSdpType = enumeration<RTCSdpType>("RTCSdpType", ["offer", "pranswer", "answer", "rollback"]);
const sdp = { convert: toDOMString, default: () => "" };

export const toRTCSessionDescriptionInit: Converter<RTCSessionDescriptionInit> = dictionary<RTCSessionDescriptionInit>(
  "RTCSessionDescriptionInit",
  { type: { convert: toSdpType, required: true }, sdp },
);

export const toRTCLocalSessionDescriptionInit: Converter<RTCLocalSessionDescriptionInit> =
  dictionary<RTCLocalSessionDescriptionInit>("RTCLocalSessionDescriptionInit", { type: { convert: toSdpType }, sdp });

export class RTCSessionDescription {
  readonly #type: RTCSdpType;
  readonly #sdp: string;

  constructor(descriptionInitDict: RTCSessionDescriptionInit) {
    const where = constructing("RTCSessionDescription");
    requireArguments(arguments.length, 1, where);
    const { type, sdp } = toRTCSessionDescriptionInit(descriptionInitDict, where);
    this.#type = type;
    this.#sdp = sdp;
  }

  get type(): RTCSdpType {
    return this.#type;
  }

  get sdp(): string {
    return this.#sdp;
  }

  toJSON(): RTCSessionDescriptionInit {
    return { type: this.#type, sdp: this.#sdp };
  }
}
defineInterface(RTCSessionDescription, { length: 1 });
