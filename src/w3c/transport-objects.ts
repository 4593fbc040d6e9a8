// RTCIceTransport, RTCDtlsTransport and RTCSctpTransport of a connection, kept in step with the transports in tasks.
import type { Plan } from "../jsep/plan.js";
import type { IceParameters } from "../jsep/state.js";
import type { PeerTransport } from "../peer/peer-transport.js";
import type { IceCandidate } from "../util/ice-candidate.js";
import { LateSet } from "../util/late-map.js";
import type { TransportObserver } from "./connection.js";
import type { TransportStates } from "./connection-states.js";
import { RTCError } from "./errors.js";
import { MAX_BUFFERED_AMOUNT } from "./rtc-data-channel.js";
import { DtlsTransportImpl } from "./rtc-dtls-transport.js";
import { IceTransportImpl, LateCandidate } from "./rtc-ice-transport.js";
import { SctpTransportImpl } from "./rtc-sctp-transport.js";
import type { StatsTransport } from "./stats-transport.js";

interface Objects {
  readonly ice: IceTransportImpl;
  readonly dtls: DtlsTransportImpl;
  mid: string;
  peer: PeerTransport | undefined;
}

export interface TransportObjectsHost {
  queueTask(run: () => void): void;
  /** A task that runs also once the connection is closed. */
  queueFinalTask(run: () => void): void;
  /** In the task in which a transport's state changed. Its own events are fired first, then those of the connection. */
  onStatesChanged(...own: (() => void)[]): void;
}

export class TransportObjects {
  private readonly byId = new Map<number, Objects>();
  /** Ended by a description, which their objects tell in a task of its own. */
  private readonly closing = new LateSet<Objects>();
  private readonly host: TransportObjectsHost;
  sctp: SctpTransportImpl | null = null;
  private sctpTransportId: number | undefined;

  constructor(host: TransportObjectsHost) {
    this.host = host;
  }

  /** The states of all transports as the objects show them. */
  states(): TransportStates[] {
    return [...this.byId.values()].map(({ ice, dtls }) => ({
      ice: ice.state,
      dtls: dtls.state,
      gathering: ice.gatheringState,
    }));
  }

  private ensure(id: number): Objects {
    let objects = this.byId.get(id);
    if (objects === undefined) {
      const ice = new IceTransportImpl();
      objects = { ice, dtls: new DtlsTransportImpl(ice), mid: "", peer: undefined };
      this.byId.set(id, objects);
    }
    return objects;
  }

  /** For statistics. */
  get all(): StatsTransport[] {
    return Array.from(this.byId, ([id, { ice, dtls, peer }]) => ({ id, ice, dtls, peer }));
  }

  dtlsTransport(id: number): DtlsTransportImpl | null {
    return this.byId.get(id)?.dtls ?? null;
  }

  transportCreated(id: number, transport: PeerTransport): void {
    this.ensure(id).peer = transport;
  }

  /** A plan has been committed. */
  committed(plan: Plan): void {
    for (const transport of plan.transports) {
      const objects = this.ensure(transport.id);
      objects.mid = transport.mids[0] ?? "";
      const { ice } = objects;
      if (transport.iceRole !== null) ice.role = transport.iceRole;
      if (transport.localChanged) ice.localCandidates = [];
      ice.localParameters = transport.local && plainParameters(transport.local);
      if (transport.remoteChanged) ice.remoteCandidates = [];
      ice.remoteParameters = transport.remote && plainParameters(transport.remote);
      for (const candidate of transport.remoteCandidates) this.addRemoteCandidate(transport.id, candidate);
      if (transport.newDtlsAssociation) {
        this.host.queueTask(() => {
          if (objects.dtls.restart()) this.host.onStatesChanged(() => objects.dtls.fireStateChange());
        });
      }
    }
    for (const id of plan.discardedTransports) this.close(id, false);
    this.updateSctp(plan);
  }

  /** There is an RTCSctpTransport from the first description with a data section on (webrtc-pc §4.4.1.5). */
  private updateSctp(plan: Plan): void {
    const slot = plan.next.slots.find(({ kind, rejected }) => kind === "application" && !rejected);
    if (slot === undefined || slot.transport === null) {
      const { sctp } = this;
      if (sctp?.state === "connected") this.host.queueTask(() => sctp.setState("closed"));
      this.sctp = null;
      this.sctpTransportId = undefined;
      return;
    }
    const { dtls } = this.ensure(slot.transport);
    // What has been closed stays closed; another association then has another object.
    if (this.sctp === null || (this.sctp.state === "closed" && startsAssociation(plan, slot.transport))) {
      this.sctp = new SctpTransportImpl(dtls);
    }
    this.sctpTransportId = slot.transport;
    this.sctp.transport = dtls;
    if (plan.sctp !== null) this.sctp.maxMessageSize = Math.min(plan.sctp.remoteMaxMessageSize, MAX_BUFFERED_AMOUNT);
  }

  addRemoteCandidate(id: number, candidate: IceCandidate): void {
    const objects = this.byId.get(id);
    if (objects !== undefined) objects.ice.remoteCandidates.push(this.remote(objects, candidate));
  }

  private remote({ mid, ice }: Objects, candidate: IceCandidate): LateCandidate {
    // Candidates in a description name no fragment of their own.
    const usernameFragment = candidate.usernameFragment ?? ice.remoteParameters?.usernameFragment;
    return new LateCandidate(candidate, mid, usernameFragment, false);
  }

  private local({ mid }: Objects, candidate: IceCandidate): LateCandidate {
    return new LateCandidate(candidate, mid, candidate.usernameFragment, true);
  }

  /** What to hear of a transport; its calls come in the middle of rounds, except for `onLocalCandidate`. */
  observer(id: number): Omit<TransportObserver, "onChannel" | "onCandidateError"> {
    const objects = this.ensure(id);
    const { ice, dtls } = objects;
    const task = (run: () => void): void => this.host.queueTask(run);
    let dtlsError: RTCError | undefined;
    return {
      onLocalCandidate: (candidate) => void ice.localCandidates.push(this.local(objects, candidate)),
      onGatheringStateChange: (state) =>
        task(() => {
          if (ice.setGatheringState(state)) this.host.onStatesChanged(() => ice.fireGatheringStateChange());
        }),
      onIceStateChange: (state) =>
        task(() => {
          if (ice.setState(state)) this.host.onStatesChanged(() => ice.fireStateChange());
        }),
      onSelectedPairChange: (local, remote) =>
        task(() => {
          ice.select(this.local(objects, local), this.remote(objects, remote));
        }),
      onIceRoleChange: (role) =>
        task(() => {
          ice.role = role;
        }),
      onDtlsStateChange: (state) => {
        const remoteCertificates = objects.peer?.dtls?.remoteCertificates ?? [];
        task(() => {
          if (state === "connected") dtls.remoteCertificates = remoteCertificates;
          if (!dtls.setState(state)) return;
          const change = (): void => dtls.fireStateChange();
          const error = dtlsError;
          if (state !== "failed" || error === undefined) this.host.onStatesChanged(change);
          else this.host.onStatesChanged(() => dtls.fireError(error), change);
        });
      },
      onDtlsClosed: (reason, alert) => {
        if (reason === "local" || reason === "close-notify") return;
        const init = {
          errorDetail: reason === "certificate-rejected" ? ("fingerprint-failure" as const) : ("dtls-failure" as const),
          ...(alert?.direction === "sent" ? { sentAlert: alert.description } : {}),
          ...(alert?.direction === "received" ? { receivedAlert: alert.description } : {}),
        };
        dtlsError = new RTCError(init, `The DTLS transport failed: ${reason}.`);
      },
      onSctpStateChange: (state) =>
        task(() => {
          if (this.sctpTransportId !== id || this.sctp === null) return;
          if (state === "connected") this.sctp.maxChannels = objects.peer?.channels.maxChannels ?? null;
          this.sctp.setState(state);
        }),
    };
  }

  private close(id: number, silent: boolean): void {
    const objects = this.byId.get(id);
    if (objects === undefined) return;
    const { ice, dtls } = objects;
    if (silent) {
      closeSilently(objects);
      return;
    }
    this.byId.delete(id);
    this.closing.add(objects);
    this.host.queueTask(() => {
      this.closing.delete(objects);
      if (ice.setState("closed")) ice.fireStateChange();
      if (dtls.setState("closed")) dtls.fireStateChange();
    });
  }

  /** The connection is closed: states change, without events (webrtc-pc, "close the connection"). */
  closeAll(): void {
    for (const id of this.byId.keys()) this.close(id, true);
    for (const objects of this.closing) closeSilently(objects);
    this.closing.clear();
    const { sctp } = this;
    if (sctp === null || sctp.state === "closed") return;
    sctp.state = "closed";
    this.host.queueFinalTask(() => sctp.fireStateChange());
  }
}

function closeSilently({ ice, dtls }: Objects): void {
  ice.state = "closed";
  dtls.state = "closed";
}

function startsAssociation(plan: Plan, transport: number): boolean {
  return (
    plan.newSctpAssociation ||
    plan.transports.some(({ id, newDtlsAssociation }) => id === transport && newDtlsAssociation)
  );
}

function plainParameters({ usernameFragment, password }: IceParameters): IceParameters {
  return { usernameFragment, password };
}
