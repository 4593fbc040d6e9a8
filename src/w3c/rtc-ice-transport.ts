// RTCIceTransport and RTCIceCandidatePair (webrtc-pc §5.6).
import type { RTCIceGatheringState, RTCIceTransportState } from "./connection-states.js";
import type { EventHandler, TypedEventTargetConstructor } from "./event-handlers.js";
import { fireSimple } from "./events.js";
import type { RTCIceCandidate, RTCIceComponent } from "./rtc-ice-candidate.js";
import { construct, defineInterface, takeImpl } from "./webidl.js";

export type RTCIceGathererState = RTCIceGatheringState;
export type RTCIceRole = "unknown" | "controlling" | "controlled";

export interface RTCIceParameters {
  iceLite?: boolean;
  password?: string;
  usernameFragment?: string;
}

interface IceCandidatePairImpl {
  readonly local: RTCIceCandidate;
  readonly remote: RTCIceCandidate;
}

export class RTCIceCandidatePair {
  readonly #impl: IceCandidatePairImpl = takeImpl();

  get local(): RTCIceCandidate {
    return this.#impl.local;
  }
  get remote(): RTCIceCandidate {
    return this.#impl.remote;
  }

  static {
    defineInterface(RTCIceCandidatePair, { name: "RTCIceCandidatePair", brand: (o) => #impl in o });
  }
}

export function createIceCandidatePair(local: RTCIceCandidate, remote: RTCIceCandidate): RTCIceCandidatePair {
  return construct(RTCIceCandidatePair, { local, remote } satisfies IceCandidatePairImpl);
}

export class IceTransportImpl {
  readonly wrapper: RTCIceTransport;
  /** These are set directly where no event is due. */
  role: RTCIceRole = "unknown";
  component: RTCIceComponent = "rtp";
  state: RTCIceTransportState = "new";
  gatheringState: RTCIceGathererState = "new";
  selectedCandidatePair: RTCIceCandidatePair | null = null;
  localCandidates: RTCIceCandidate[] = [];
  remoteCandidates: RTCIceCandidate[] = [];
  localParameters: RTCIceParameters | null = null;
  remoteParameters: RTCIceParameters | null = null;

  constructor() {
    this.wrapper = construct(RTCIceTransport, this);
  }

  /** To be called in a task, as the others: changes the state; true if `statechange` is due. */
  setState(state: RTCIceTransportState): boolean {
    if (this.state === state || this.state === "closed") return false;
    this.state = state;
    return true;
  }

  fireStateChange(): void {
    fireSimple(this.wrapper, "statechange");
  }

  /** As `setState`; `gatheringstatechange` is due. */
  setGatheringState(state: RTCIceGathererState): boolean {
    if (this.gatheringState === state) return false;
    this.gatheringState = state;
    return true;
  }

  fireGatheringStateChange(): void {
    fireSimple(this.wrapper, "gatheringstatechange");
  }

  setSelectedCandidatePair(pair: RTCIceCandidatePair | null): void {
    const old = this.selectedCandidatePair;
    if (old === pair || (old?.local === pair?.local && old?.remote === pair?.remote)) return;
    this.selectedCandidatePair = pair;
    fireSimple(this.wrapper, "selectedcandidatepairchange");
  }
}

export interface RTCIceTransportEventMap {
  statechange: Event;
  gatheringstatechange: Event;
  selectedcandidatepairchange: Event;
}
const IceTransportTarget: TypedEventTargetConstructor<RTCIceTransportEventMap> = EventTarget;

export class RTCIceTransport extends IceTransportTarget {
  readonly #impl: IceTransportImpl = takeImpl();
  declare onstatechange: EventHandler;
  declare ongatheringstatechange: EventHandler;
  declare onselectedcandidatepairchange: EventHandler;

  get role(): RTCIceRole {
    return this.#impl.role;
  }
  get component(): RTCIceComponent {
    return this.#impl.component;
  }
  get state(): RTCIceTransportState {
    return this.#impl.state;
  }
  get gatheringState(): RTCIceGathererState {
    return this.#impl.gatheringState;
  }

  getLocalCandidates(): RTCIceCandidate[] {
    return [...this.#impl.localCandidates];
  }
  getRemoteCandidates(): RTCIceCandidate[] {
    return [...this.#impl.remoteCandidates];
  }
  getSelectedCandidatePair(): RTCIceCandidatePair | null {
    return this.#impl.selectedCandidatePair;
  }
  getLocalParameters(): RTCIceParameters | null {
    const { localParameters } = this.#impl;
    return localParameters && { ...localParameters };
  }
  getRemoteParameters(): RTCIceParameters | null {
    const { remoteParameters } = this.#impl;
    return remoteParameters && { ...remoteParameters };
  }

  static {
    defineInterface(RTCIceTransport, {
      name: "RTCIceTransport",
      brand: (o) => #impl in o,
      handlers: ["statechange", "gatheringstatechange", "selectedcandidatepairchange"],
    });
  }
}
