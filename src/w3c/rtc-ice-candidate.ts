// RTCIceCandidate (webrtc-pc §4.8.1).
import {
  type IceCandidate,
  type IceCandidateType,
  type IceTcpCandidateType,
  parseIceCandidate,
} from "../util/ice-candidate.js";
import {
  type Converter,
  constructing,
  defineInterface,
  dictionary,
  nullable,
  toDOMString,
  unsigned,
} from "./webidl.js";

export interface RTCIceCandidateInit {
  candidate?: string;
  sdpMid?: string | null;
  sdpMLineIndex?: number | null;
  usernameFragment?: string | null;
}

const ALWAYS_NULL = (): null => null;

export const toRTCIceCandidateInit: Converter<Required<RTCIceCandidateInit>> = dictionary<
  Required<RTCIceCandidateInit>
>("RTCIceCandidateInit", {
  candidate: { convert: toDOMString, default: () => "" },
  sdpMid: { convert: nullable(toDOMString), default: ALWAYS_NULL },
  sdpMLineIndex: { convert: nullable(unsigned(16)), default: ALWAYS_NULL },
  usernameFragment: { convert: nullable(toDOMString), default: ALWAYS_NULL },
});

/** What the machine knows of our own candidates and the text does not say. */
export interface LocalCandidateDetails {
  readonly url?: string | undefined;
  readonly relayProtocol?: "udp" | "tcp" | "tls" | undefined;
}

/** One of our own candidates, for the icecandidate event and getLocalCandidates. */
export let localIceCandidate: (init: Required<RTCIceCandidateInit>, details: LocalCandidateDetails) => RTCIceCandidate;

export class RTCIceCandidate {
  readonly #init: Required<RTCIceCandidateInit>;
  readonly #parsed: IceCandidate | undefined;
  #details: LocalCandidateDetails = {};

  constructor(candidateInitDict: RTCIceCandidateInit = {}) {
    const where = constructing("RTCIceCandidate");
    const init = toRTCIceCandidateInit(candidateInitDict, where);
    if (init.sdpMid === null && init.sdpMLineIndex === null) {
      throw new TypeError(`${where}: sdpMid and sdpMLineIndex are both null.`);
    }
    this.#init = init;
    this.#parsed = init.candidate === "" ? undefined : parseIceCandidate(init.candidate);
  }

  static {
    localIceCandidate = (init, details) => {
      const candidate = new RTCIceCandidate(init);
      candidate.#details = details;
      return candidate;
    };
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

  get component(): "rtp" | "rtcp" | null {
    const component = this.#parsed?.component;
    return component === 1 ? "rtp" : component === 2 ? "rtcp" : null;
  }

  get priority(): number | null {
    return this.#parsed?.priority ?? null;
  }

  get address(): string | null {
    return this.#parsed?.address ?? null;
  }

  get protocol(): "udp" | "tcp" | null {
    return this.#parsed?.protocol ?? null;
  }

  get port(): number | null {
    return this.#parsed?.port ?? null;
  }

  get type(): IceCandidateType | null {
    return this.#parsed?.type ?? null;
  }

  get tcpType(): IceTcpCandidateType | null {
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

  get relayProtocol(): "udp" | "tcp" | "tls" | null {
    return this.#details.relayProtocol ?? null;
  }

  get url(): string | null {
    return this.#details.url ?? null;
  }

  toJSON(): RTCIceCandidateInit {
    return { ...this.#init };
  }
}
defineInterface(RTCIceCandidate);
