// RTCIceTransport and RTCIceCandidatePair (webrtc-pc §5.6), and RTCIceTransport's extensions (webrtc-ice).
import { type IceCandidate, writeIceCandidate } from "../util/ice-candidate.js";
import type { RTCIceGatheringState, RTCIceTransportState } from "./connection-states.js";
import { defaultPlatform } from "./environment.js";
import { domException } from "./errors.js";
import type { EventHandler, EventHandlerRead, TypedEventTargetConstructor } from "./event-handlers.js";
import { fireSimple } from "./events.js";
import type { RTCPeerConnectionIceErrorEvent, RTCPeerConnectionIceEvent } from "./rtc-events.js";
import { RTCIceCandidate, type RTCIceCandidateInit, type RTCIceComponent } from "./rtc-ice-candidate.js";
import {
  type CandidateHolder,
  type RTCIceGatherOptions,
  type RTCIceParameters,
  type RTCIceRole,
  rtcIceGatherOptions,
  rtcIceParameters,
  rtcIceRole,
  StandaloneIce,
} from "./standalone-ice.js";
import { construct, defineInterface, executing, takeImpl, takeImplIfAny } from "./webidl.js";

export type { CandidateHolder, RTCIceParameters, RTCIceRole };

export type RTCIceGathererState = RTCIceGatheringState;
/** A candidate whose object is made when a program first asks for it: few do, and connecting would wait for it. */
export class LateCandidate implements CandidateHolder {
  private readonly candidate: IceCandidate;
  private readonly mid: string;
  private readonly usernameFragment: string | undefined;
  private readonly isLocal: boolean;
  private made: RTCIceCandidate | undefined;

  constructor(candidate: IceCandidate, mid: string, usernameFragment: string | undefined, isLocal: boolean) {
    this.candidate = candidate;
    this.mid = mid;
    this.usernameFragment = usernameFragment;
    this.isLocal = isLocal;
  }

  get object(): RTCIceCandidate {
    this.made ??= this.make();
    return this.made;
  }

  private make(): RTCIceCandidate {
    const { candidate, mid, usernameFragment } = this;
    const text = writeIceCandidate({ ...candidate, usernameFragment });
    const init = { candidate: text, sdpMid: mid, usernameFragment: usernameFragment ?? null };
    if (!this.isLocal) return new RTCIceCandidate(init);
    const { relayProtocol = null, url = null } = candidate;
    return new RTCIceCandidate({ ...init, sdpMLineIndex: null, relayProtocol, url });
  }
}

interface IceCandidatePairImpl {
  readonly local: CandidateHolder;
  readonly remote: CandidateHolder;
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

export class IceTransportImpl {
  private face: RTCIceTransport | undefined;
  /** These are set directly where no event is due. */
  role: RTCIceRole = "unknown";
  component: RTCIceComponent = "rtp";
  state: RTCIceTransportState = "new";
  gatheringState: RTCIceGathererState = "new";
  private selected: IceCandidatePairImpl | undefined;
  private selectedObject: RTCIceCandidatePair | null = null;
  localCandidates: CandidateHolder[] = [];
  remoteCandidates: CandidateHolder[] = [];
  localParameters: RTCIceParameters | null = null;
  remoteParameters: RTCIceParameters | null = null;

  /** What a transport without a connection stands on. */
  readonly standalone: StandaloneIce | undefined;

  /** `wrapper`: of a transport that the program made. */
  constructor(wrapper?: RTCIceTransport) {
    if (wrapper === undefined) return;
    this.face = wrapper;
    // webrtc-ice has no role before start().
    this.role = null as unknown as RTCIceRole;
    this.standalone = new StandaloneIce(this, defaultPlatform());
  }

  /** Made when it is first asked for; before that nobody listens to it. */
  get wrapper(): RTCIceTransport {
    this.face ??= construct(RTCIceTransport, this);
    return this.face;
  }

  get selectedCandidatePair(): RTCIceCandidatePair | null {
    if (this.selected !== undefined) this.selectedObject ??= construct(RTCIceCandidatePair, this.selected);
    return this.selectedObject;
  }

  /** To be called in a task, as the others: changes the state; true if `statechange` is due. */
  setState(state: RTCIceTransportState): boolean {
    if (this.state === state || this.state === "closed") return false;
    this.state = state;
    return true;
  }

  fireStateChange(): void {
    if (this.face !== undefined) fireSimple(this.face, "statechange");
  }

  /** As `setState`; `gatheringstatechange` is due. */
  setGatheringState(state: RTCIceGathererState): boolean {
    if (this.gatheringState === state) return false;
    this.gatheringState = state;
    return true;
  }

  fireGatheringStateChange(): void {
    if (this.face !== undefined) fireSimple(this.face, "gatheringstatechange");
  }

  select(local: CandidateHolder, remote: CandidateHolder): void {
    this.selected = { local, remote };
    this.selectedObject = null;
    if (this.face !== undefined) fireSimple(this.face, "selectedcandidatepairchange");
  }
}

export interface RTCIceTransportEventMap {
  statechange: Event;
  error: RTCPeerConnectionIceErrorEvent;
  gatheringstatechange: Event;
  icecandidate: RTCPeerConnectionIceEvent;
  selectedcandidatepairchange: Event;
}
/** See EventHandlerRead. */
interface RTCIceTransportHandlers {
  get onerror(): EventHandlerRead;
  set onerror(handler: EventHandler<RTCPeerConnectionIceErrorEvent>);
  get onicecandidate(): EventHandlerRead;
  set onicecandidate(handler: EventHandler<RTCPeerConnectionIceEvent>);
}
const IceTransportTarget: TypedEventTargetConstructor<RTCIceTransportEventMap, RTCIceTransportHandlers> =
  EventTarget as never;

export class RTCIceTransport extends IceTransportTarget {
  readonly #impl: IceTransportImpl = takeImplIfAny<IceTransportImpl>() ?? new IceTransportImpl(this);
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
    const { state, selectedCandidatePair } = this.#impl;
    return state === "new" || state === "closed" ? null : selectedCandidatePair;
  }
  getLocalParameters(): RTCIceParameters | null {
    const { localParameters } = this.#impl;
    return localParameters && { ...localParameters };
  }
  getRemoteParameters(): RTCIceParameters | null {
    const { remoteParameters } = this.#impl;
    return remoteParameters && { ...remoteParameters };
  }

  // Without an RTCPeerConnection (webrtc-ice)

  #standalone(where: string): StandaloneIce {
    const { standalone } = this.#impl;
    if (standalone !== undefined) return standalone;
    throw domException("InvalidStateError", `${where}The transport is an RTCPeerConnection's.`);
  }

  gather(options?: RTCIceGatherOptions): void {
    const where = executing("gather", "RTCIceTransport");
    const converted = rtcIceGatherOptions(options, where);
    this.#standalone(where).gather(converted, where);
  }
  start(remoteParameters?: RTCIceParameters, role?: RTCIceRole): void {
    const where = executing("start", "RTCIceTransport");
    const parameters = rtcIceParameters(remoteParameters, where);
    const converted = role === undefined ? "controlled" : rtcIceRole(role, where);
    this.#standalone(where).start(parameters, converted, where);
  }
  stop(): void {
    this.#standalone(executing("stop", "RTCIceTransport")).stop();
  }
  addRemoteCandidate(remoteCandidate?: RTCIceCandidateInit): void {
    const where = executing("addRemoteCandidate", "RTCIceTransport");
    this.#standalone(where).addRemoteCandidate(remoteCandidate, where);
  }

  static {
    defineInterface(RTCIceTransport, {
      name: "RTCIceTransport",
      brand: (o) => #impl in o,
      required: { gather: 0, start: 0, addRemoteCandidate: 0 },
      handlers: ["statechange", "gatheringstatechange", "selectedcandidatepairchange", "error", "icecandidate"],
    });
  }
}
