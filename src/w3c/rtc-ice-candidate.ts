// RTCIceCandidate and its dictionaries (webrtc-pc §4.8.1).
import { type IceCandidate, parseIceCandidate } from "../util/ice-candidate.js";
import {
  type Dictionary,
  dictionary,
  domString,
  enumeration,
  nullable,
  unsignedShort,
  usvString,
} from "./conversions.js";
import { constructing, defineInterface, takeImplIfAny } from "./webidl.js";

export type RTCIceComponent = "rtp" | "rtcp";
export type RTCIceProtocol = "udp" | "tcp";
export type RTCIceCandidateType = "host" | "srflx" | "prflx" | "relay";
export type RTCIceTcpCandidateType = "active" | "passive" | "so";
export type RTCIceServerTransportProtocol = "udp" | "tcp" | "tls";

export interface RTCIceCandidateInit {
  candidate?: string;
  sdpMLineIndex?: number | null;
  sdpMid?: string | null;
  usernameFragment?: string | null;
}

export interface RTCLocalIceCandidateInit extends RTCIceCandidateInit {
  relayProtocol?: RTCIceServerTransportProtocol | null;
  url?: string | null;
}

/** Converts to RTCIceCandidateInit; all members are there. */
export const iceCandidateInit: Dictionary<Required<RTCIceCandidateInit>> = dictionary("RTCIceCandidateInit", {
  candidate: { type: domString, default: () => "" },
  sdpMLineIndex: { type: nullable(unsignedShort), default: () => null },
  sdpMid: { type: nullable(domString), default: () => null },
  usernameFragment: { type: nullable(domString), default: () => null },
});

const localIceCandidateInit: Dictionary<Required<RTCLocalIceCandidateInit>> = dictionary<
  Required<RTCLocalIceCandidateInit>
>(
  "RTCLocalIceCandidateInit",
  {
    relayProtocol: {
      type: nullable(
        enumeration<RTCIceServerTransportProtocol>("RTCIceServerTransportProtocol", ["udp", "tcp", "tls"]),
      ),
      default: () => null,
    },
    url: { type: nullable(usvString), default: () => null },
  },
  iceCandidateInit,
);

export class RTCIceCandidate {
  readonly #init: Required<RTCLocalIceCandidateInit>;
  /** What the line says, null if it cannot be read; read when it is asked for, which is seldom. */
  #fields: IceCandidate | null | undefined;

  constructor(candidateInitDict: RTCLocalIceCandidateInit = {}) {
    const own = takeImplIfAny<Required<RTCLocalIceCandidateInit>>();
    if (own !== undefined) {
      this.#init = own;
      return;
    }
    const where = constructing("RTCIceCandidate");
    const init = localIceCandidateInit(candidateInitDict, where);
    if (init.sdpMid === null && init.sdpMLineIndex === null) {
      throw new TypeError(`${where}sdpMid and sdpMLineIndex are both null.`);
    }
    this.#init = init;
  }

  get #parsed(): IceCandidate | null {
    if (this.#fields === undefined) this.#fields = parseIceCandidate(this.#init.candidate) ?? null;
    return this.#fields;
  }

  get candidate(): string {
    return this.#init.candidate;
  }
  get sdpMid(): string | null {
    return this.#init.sdpMid;
  }
  get sdpMLineIndex(): number | null {
    return this.#init.sdpMLineIndex;
  }
  get foundation(): string | null {
    return this.#parsed?.foundation ?? null;
  }
  get component(): RTCIceComponent | null {
    const component = this.#parsed?.component;
    if (component === undefined || component > 2) return null;
    return component === 1 ? "rtp" : "rtcp";
  }
  get priority(): number | null {
    return this.#parsed?.priority ?? null;
  }
  get address(): string | null {
    return this.#parsed?.address ?? null;
  }
  get protocol(): RTCIceProtocol | null {
    return this.#parsed?.protocol ?? null;
  }
  get port(): number | null {
    return this.#parsed?.port ?? null;
  }
  get type(): RTCIceCandidateType | null {
    return this.#parsed?.type ?? null;
  }
  get tcpType(): RTCIceTcpCandidateType | null {
    return this.#parsed?.tcpType ?? null;
  }
  get relatedAddress(): string | null {
    return this.#parsed?.relatedAddress ?? null;
  }
  get relatedPort(): number | null {
    return this.#parsed?.relatedPort ?? null;
  }
  get usernameFragment(): string | null {
    return this.#init.usernameFragment;
  }
  get relayProtocol(): RTCIceServerTransportProtocol | null {
    return this.#init.relayProtocol;
  }
  get url(): string | null {
    return this.#init.url;
  }

  toJSON(): Required<RTCIceCandidateInit> {
    const { candidate, sdpMid, sdpMLineIndex, usernameFragment } = this.#init;
    return { candidate, sdpMid, sdpMLineIndex, usernameFragment };
  }

  static {
    defineInterface(RTCIceCandidate, { name: "RTCIceCandidate", brand: (o) => #init in o });
  }
}
