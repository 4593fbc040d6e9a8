// RTCIceTransport (webrtc-pc §5.6), a view of one ICE agent that changes only in tasks.
import type { RTCIceGatheringState, RTCIceTransportState } from "./connection-states.js";
import type { RTCIceCandidate } from "./rtc-ice-candidate.js";
import { checkInternal, defineInterface, INTERNAL } from "./webidl.js";

export interface RTCIceParameters {
  usernameFragment: string;
  password: string;
  iceLite?: boolean;
}

/** The pair of candidates in use (webrtc-pc §5.6.3). */
export class RTCIceCandidatePair {
  readonly #local: RTCIceCandidate;
  readonly #remote: RTCIceCandidate;

  constructor(token: unknown, local: RTCIceCandidate, remote: RTCIceCandidate) {
    checkInternal(token);
    this.#local = local;
    this.#remote = remote;
  }

  get local(): RTCIceCandidate {
    return this.#local;
  }

  get remote(): RTCIceCandidate {
    return this.#remote;
  }
}
defineInterface(RTCIceCandidatePair);

/** What the object shows; the connection sets it in tasks. */
export interface IceTransportSlots {
  role: "unknown" | "controlling" | "controlled";
  state: RTCIceTransportState;
  gatheringState: RTCIceGatheringState;
  localCandidates: RTCIceCandidate[];
  remoteCandidates: RTCIceCandidate[];
  selectedPair: RTCIceCandidatePair | null;
  localParameters: RTCIceParameters | null;
  remoteParameters: RTCIceParameters | null;
}

export let iceTransports: {
  create(): RTCIceTransport;
  slots(transport: RTCIceTransport): IceTransportSlots;
};

export class RTCIceTransport extends EventTarget {
  readonly #slots: IceTransportSlots = {
    role: "unknown",
    state: "new",
    gatheringState: "new",
    localCandidates: [],
    remoteCandidates: [],
    selectedPair: null,
    localParameters: null,
    remoteParameters: null,
  };

  constructor(token: unknown) {
    checkInternal(token);
    super();
  }

  static {
    iceTransports = {
      create: () => new RTCIceTransport(INTERNAL),
      slots: (transport) => transport.#slots,
    };
  }

  get role(): "unknown" | "controlling" | "controlled" {
    return this.#slots.role;
  }

  get component(): "rtp" | "rtcp" {
    this.#slots;
    return "rtp";
  }

  get state(): RTCIceTransportState {
    return this.#slots.state;
  }

  get gatheringState(): RTCIceGatheringState {
    return this.#slots.gatheringState;
  }

  getLocalCandidates(): RTCIceCandidate[] {
    return [...this.#slots.localCandidates];
  }

  getRemoteCandidates(): RTCIceCandidate[] {
    return [...this.#slots.remoteCandidates];
  }

  getSelectedCandidatePair(): RTCIceCandidatePair | null {
    return this.#slots.selectedPair;
  }

  getLocalParameters(): RTCIceParameters | null {
    const { localParameters } = this.#slots;
    return localParameters && { ...localParameters };
  }

  getRemoteParameters(): RTCIceParameters | null {
    const { remoteParameters } = this.#slots;
    return remoteParameters && { ...remoteParameters };
  }
}
defineInterface(RTCIceTransport, { handlers: ["statechange", "gatheringstatechange", "selectedcandidatepairchange"] });
