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

/** A candidate whose object is made when a program first asks for it: few do, and connecting would wait for it. */
export class LateCandidate {
  private make: (() => RTCIceCandidate) | undefined;
  private made: RTCIceCandidate | undefined;

  constructor(make: () => RTCIceCandidate) {
    this.make = make;
  }

  get object(): RTCIceCandidate {
    if (this.made === undefined) {
      this.made = this.make!();
      this.make = undefined;
    }
    return this.made;
  }
}

interface IceCandidatePairImpl {
  readonly local: LateCandidate;
  readonly remote: LateCandidate;
}

export class RTCIceCandidatePair {
  readonly #impl: IceCandidatePairImpl = takeImpl();

  get local(): RTCIceCandidate {
    return this.#impl.local.object;
  }
  get remote(): RTCIceCandidate {
    return this.#impl.remote.object;
  }

  static {
    defineInterface(RTCIceCandidatePair, { name: "RTCIceCandidatePair", brand: (o) => #impl in o });
  }
}

export function createIceCandidatePair(local: LateCandidate, remote: LateCandidate): RTCIceCandidatePair {
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
  localCandidates: LateCandidate[] = [];
  remoteCandidates: LateCandidate[] = [];
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
    if (this.selectedCandidatePair === pair) return;
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
    return this.#impl.localCandidates.map(({ object }) => object);
  }
  getRemoteCandidates(): RTCIceCandidate[] {
    return this.#impl.remoteCandidates.map(({ object }) => object);
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
