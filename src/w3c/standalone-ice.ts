// RTCIceTransport by itself (https://w3c.github.io/webrtc-ice/): what stands behind a transport that the program made, where
// no RTCPeerConnection gathers and signals for it. There is no DTLS on it: that takes an RTCDtlsTransport of one's own.
import { PeerTransport } from "../peer/peer-transport.js";
import type { Platform } from "../peer/platform.js";
import { type IceCandidate, iceCandidateProblem, parseIceCandidate, writeIceCandidate } from "../util/ice-candidate.js";
import {
  iceTransportPolicies,
  parseIceServers,
  type RTCIceServer,
  type RTCIceTransportPolicy,
  rtcIceServer,
} from "./configuration.js";
import type { RTCIceGatheringState, RTCIceTransportState } from "./connection-states.js";
import { boolean, type Dictionary, dictionary, domString, enumeration, sequence } from "./conversions.js";
import { domException } from "./errors.js";
import { fire } from "./events.js";
import { iceCandidateEvent, RTCPeerConnectionIceErrorEvent } from "./rtc-events.js";
import { iceCandidateInit, RTCIceCandidate, type RTCIceCandidateInit } from "./rtc-ice-candidate.js";
import { TaskQueue } from "./task-queue.js";
import { isPlatformObject } from "./webidl.js";

export interface RTCIceGatherOptions {
  gatherPolicy?: RTCIceTransportPolicy;
  iceServers?: RTCIceServer[];
}

export const rtcIceGatherOptions: Dictionary<RTCIceGatherOptions> = dictionary<RTCIceGatherOptions>(
  "RTCIceGatherOptions",
  {
    gatherPolicy: {
      type: enumeration<RTCIceTransportPolicy>("RTCIceTransportPolicy", iceTransportPolicies),
      default: () => "all",
    },
    iceServers: { type: sequence(rtcIceServer) },
  },
);

export type RTCIceRole = "unknown" | "controlling" | "controlled";

export interface RTCIceParameters {
  iceLite?: boolean;
  password?: string;
  usernameFragment?: string;
}

/** A candidate's object, which may be made late. */
export interface CandidateHolder {
  readonly object: RTCIceCandidate;
}

export const rtcIceParameters: Dictionary<RTCIceParameters> = dictionary<RTCIceParameters>("RTCIceParameters", {
  iceLite: { type: boolean },
  password: { type: domString },
  usernameFragment: { type: domString },
});

export const rtcIceRole: ReturnType<typeof enumeration<RTCIceRole>> = enumeration<RTCIceRole>("RTCIceRole", [
  "unknown",
  "controlling",
  "controlled",
]);

/** What a transport without a connection does to its object, an RTCIceTransport. */
export interface StandaloneIceOwner {
  /** Where events are fired. */
  readonly wrapper: object;
  role: RTCIceRole;
  state: RTCIceTransportState;
  gatheringState: RTCIceGatheringState;
  localCandidates: CandidateHolder[];
  remoteCandidates: CandidateHolder[];
  localParameters: RTCIceParameters | null;
  remoteParameters: RTCIceParameters | null;
  setState(state: RTCIceTransportState): boolean;
  fireStateChange(): void;
  setGatheringState(state: RTCIceGatheringState): boolean;
  fireGatheringStateChange(): void;
  select(local: CandidateHolder, remote: CandidateHolder): void;
}

/** ice-char of RFC 8839 §5.4. */
const USERNAME_FRAGMENT = /^[A-Za-z0-9+/]{4,256}$/;
const PASSWORD = /^[A-Za-z0-9+/]{22,256}$/;

export class StandaloneIce {
  private readonly ice: StandaloneIceOwner;
  private readonly transport: PeerTransport;
  private readonly tasks: TaskQueue;
  private started = false;

  constructor(ice: StandaloneIceOwner, platform: Platform) {
    this.ice = ice;
    this.tasks = new TaskQueue(platform, (error) => this.transport.fail(error));
    const task = (run: () => void): void => this.tasks.queue(run);
    this.transport = new PeerTransport(
      { platform, certificates: [], ice: { tcp: { active: true } }, maxMessageSize: 0 },
      {
        onLocalCandidate: (candidate) => task(() => this.tell(candidate)),
        onCandidateError: ({ address, port, url, errorCode, errorText }) =>
          task(() => {
            const init = { address: address ?? null, port: port ?? null, url, errorCode, errorText };
            fire(ice.wrapper, new RTCPeerConnectionIceErrorEvent("error", init));
          }),
        onGatheringStateChange: (state) => {
          // That it began, gather() has said.
          if (state !== "complete") return;
          task(() => fire(ice.wrapper, iceCandidateEvent(null, null)));
          task(() => {
            if (ice.setGatheringState(state)) ice.fireGatheringStateChange();
          });
        },
        onIceStateChange: (state) =>
          task(() => {
            // Where checks begin at once, start() and addRemoteCandidate() have said so; but not those of a peer of before.
            if (state === "checking" && ice.remoteCandidates.length === 0) return;
            if (ice.setState(state)) ice.fireStateChange();
          }),
        onSelectedPairChange: (local, remote) => task(() => this.select(local, remote)),
        onIceRoleChange: (role) =>
          task(() => {
            ice.role = role;
          }),
        onDtlsStateChange() {},
        onDtlsClosed() {},
        onSctpStateChange() {},
        onChannel: () => {
          throw new Error("there is no association");
        },
      },
    );
    const { usernameFragment, password } = this.transport.ice.localParameters;
    ice.localParameters = { usernameFragment, password };
  }

  private checkOpen(where: string): void {
    if (this.ice.state === "closed") throw domException("InvalidStateError", `${where}The transport is closed.`);
  }

  gather(options: RTCIceGatherOptions, where: string): void {
    this.checkOpen(where);
    const servers = parseIceServers(options.iceServers ?? [], where);
    if (this.ice.gatheringState !== "new") {
      throw domException("InvalidStateError", `${where}Candidates are gathered once.`);
    }
    this.ice.gatheringState = "gathering";
    this.transport.setServers(servers, options.gatherPolicy ?? "all");
    this.transport.gather();
  }

  start(parameters: RTCIceParameters, role: RTCIceRole, where: string): void {
    const { ice } = this;
    this.checkOpen(where);
    const { usernameFragment, password, iceLite } = parameters;
    if (usernameFragment === undefined || password === undefined) {
      throw new TypeError(`${where}usernameFragment and password are both needed.`);
    }
    if (role === "unknown") throw new TypeError(`${where}The role is not "controlling" or "controlled".`);
    if (!USERNAME_FRAGMENT.test(usernameFragment)) {
      throw domException("SyntaxError", `${where}usernameFragment is not 4 to 256 characters of ICE.`);
    }
    if (!PASSWORD.test(password)) {
      throw domException("SyntaxError", `${where}password is not 22 to 256 characters of ICE.`);
    }
    if (this.started && role !== ice.role) {
      throw domException("InvalidStateError", `${where}The role is "${ice.role}" already.`);
    }
    const old = ice.remoteParameters;
    const isNew = old?.usernameFragment !== usernameFragment || old.password !== password;
    if (this.started && isNew) {
      ice.remoteCandidates = [];
      ice.state = "new";
    }
    this.started = true;
    ice.role = role;
    ice.remoteParameters = { usernameFragment, password, ...(iceLite !== undefined && { iceLite }) };
    if (ice.state === "new" && ice.remoteCandidates.length > 0) ice.state = "checking";
    this.transport.setIceRole(role);
    this.transport.setRemoteIceParameters({ usernameFragment, password, iceLite });
  }

  /** `given` is what the program passed, which is kept if it is an RTCIceCandidate. */
  addRemoteCandidate(given: unknown, where: string): void {
    const { ice } = this;
    const init: Required<RTCIceCandidateInit> = iceCandidateInit(given, where);
    this.checkOpen(where);
    if (init.candidate === "") {
      this.transport.endOfRemoteCandidates();
      return;
    }
    const candidate = parseIceCandidate(init.candidate);
    if (candidate === undefined) {
      const problem = iceCandidateProblem(init.candidate);
      throw domException("OperationError", `${where}The candidate does not follow RFC 8839 §5.1: ${problem}.`);
    }
    const isObject = isPlatformObject(given, "RTCIceCandidate");
    ice.remoteCandidates.push({
      object: isObject ? (given as RTCIceCandidate) : new RTCIceCandidate({ ...init, sdpMid: init.sdpMid ?? "" }),
    });
    if (this.started && ice.state === "new") ice.state = "checking";
    this.transport.addRemoteCandidate(candidate);
  }

  stop(): void {
    if (this.ice.state === "closed") return;
    this.ice.state = "closed";
    this.tasks.close();
    this.transport.close();
  }

  private tell(candidate: IceCandidate): void {
    const told = toObject(candidate);
    this.ice.localCandidates.push({ object: told });
    fire(this.ice.wrapper, iceCandidateEvent(told, told.url));
  }

  private select(local: IceCandidate, remote: IceCandidate): void {
    const { ice } = this;
    const known = (
      list: readonly CandidateHolder[],
      { address, port, protocol }: IceCandidate,
    ): CandidateHolder | undefined =>
      list.find(({ object: o }) => o.address === address && o.port === port && o.protocol === protocol);
    ice.select(
      known(ice.localCandidates, local) ?? { object: toObject(local) },
      known(ice.remoteCandidates, remote) ?? { object: toObject(remote) },
    );
  }
}

function toObject(candidate: IceCandidate): RTCIceCandidate {
  return new RTCIceCandidate({
    candidate: writeIceCandidate(candidate),
    sdpMid: "",
    usernameFragment: candidate.usernameFragment ?? null,
    relayProtocol: candidate.relayProtocol ?? null,
    url: candidate.url ?? null,
  });
}
