// RTCSessionDescription and the dictionaries of descriptions (webrtc-pc §4.7).
import { type Dictionary, dictionary, domString, enumeration } from "./conversions.js";
import { constructing, defineInterface, requireArguments } from "./webidl.js";

export type RTCSdpType = "offer" | "pranswer" | "answer" | "rollback";

export interface RTCSessionDescriptionInit {
  sdp?: string;
  type: RTCSdpType;
}

export interface RTCLocalSessionDescriptionInit {
  sdp?: string;
  type?: RTCSdpType;
}

const sdpType = enumeration<RTCSdpType>("RTCSdpType", ["offer", "pranswer", "answer", "rollback"]);

export const sessionDescriptionInit: Dictionary<Required<RTCSessionDescriptionInit>> = dictionary(
  "RTCSessionDescriptionInit",
  { sdp: { type: domString, default: () => "" }, type: { type: sdpType, required: true } },
);

export const localSessionDescriptionInit: Dictionary<RTCLocalSessionDescriptionInit & { sdp: string }> = dictionary(
  "RTCLocalSessionDescriptionInit",
  { sdp: { type: domString, default: () => "" }, type: { type: sdpType } },
);

export class RTCSessionDescription {
  readonly #type: RTCSdpType;
  readonly #sdp: string;

  constructor(...args: [descriptionInitDict: RTCSessionDescriptionInit]) {
    const where = constructing("RTCSessionDescription");
    requireArguments(args.length, 1, where);
    const { type, sdp } = sessionDescriptionInit(args[0], where);
    this.#type = type;
    this.#sdp = sdp;
  }

  get type(): RTCSdpType {
    return this.#type;
  }
  get sdp(): string {
    return this.#sdp;
  }

  toJSON(): Required<RTCSessionDescriptionInit> {
    return { type: this.#type, sdp: this.#sdp };
  }

  static {
    defineInterface(RTCSessionDescription, {
      name: "RTCSessionDescription",
      brand: (o) => #type in o,
      constructorLength: 1,
    });
  }
}
