// RTCIceTransport, RTCDtlsTransport and RTCSctpTransport of a connection, kept in step with the transports in tasks.
import type { Plan } from "../jsep/plan.js";
import type { IceParameters } from "../jsep/state.js";
import type { PeerTransport } from "../peer/peer-transport.js";
import { type IceCandidate, writeIceCandidate } from "../util/ice-candidate.js";
import type { TransportObserver } from "./connection.js";
import type { TransportStates } from "./connection-states.js";
import { RTCError } from "./errors.js";
import { RTCErrorEvent } from "./events.js";
import { MAX_BUFFERED_AMOUNT } from "./rtc-data-channel.js";
import { dtlsTransports, type RTCDtlsTransport } from "./rtc-dtls-transport.js";
import { localIceCandidate, RTCIceCandidate } from "./rtc-ice-candidate.js";
import { iceTransports, RTCIceCandidatePair, type RTCIceTransport } from "./rtc-ice-transport.js";
import { type RTCSctpTransport, sctpTransports } from "./rtc-sctp-transport.js";
import { INTERNAL } from "./webidl.js";

interface Objects {
  readonly ice: RTCIceTransport;
  readonly dtls: RTCDtlsTransport;
  mid: string;
  peer: PeerTransport | undefined;
}

export interface TransportObjectsHost {
  queueTask(run: () => void): void;
  /** A task that runs also once the connection is closed. */
  queueFinalTask(run: () => void): void;
  /** In the task in which a transport's state changed, after its own event. */
  onStatesChanged(): void;
}

export class TransportObjects {
  private readonly byId = new Map<number, Objects>();
  private readonly host: TransportObjectsHost;
  sctp: RTCSctpTransport | null = null;
  private sctpTransportId: number | undefined;

  constructor(host: TransportObjectsHost) {
    this.host = host;
  }

  /** The states of all transports as the objects show them. */
  states(): TransportStates[] {
    return [...this.byId.values()].map(({ ice, dtls }) => {
      const { state, gatheringState } = iceTransports.slots(ice);
      return { ice: state, dtls: dtlsTransports.slots(dtls).state, gathering: gatheringState };
    });
  }

  private ensure(id: number): Objects {
    let objects = this.byId.get(id);
    if (objects === undefined) {
      const ice = iceTransports.create();
      objects = { ice, dtls: dtlsTransports.create(ice), mid: "", peer: undefined };
      this.byId.set(id, objects);
    }
    return objects;
  }

  transportCreated(id: number, transport: PeerTransport): void {
    this.ensure(id).peer = transport;
  }

  /** A plan has been committed. */
  committed(plan: Plan): void {
    for (const transport of plan.transports) {
      const objects = this.ensure(transport.id);
      objects.mid = transport.mids[0] ?? "";
      const slots = iceTransports.slots(objects.ice);
      if (transport.iceRole !== null) slots.role = transport.iceRole;
      if (transport.localChanged) slots.localCandidates = [];
      slots.localParameters = transport.local && plainParameters(transport.local);
      if (transport.remoteChanged) slots.remoteCandidates = [];
      slots.remoteParameters = transport.remote && plainParameters(transport.remote);
      for (const candidate of transport.remoteCandidates) this.addRemoteCandidate(transport.id, candidate);
    }
    for (const id of plan.discardedTransports) this.close(id, false);
    this.updateSctp(plan);
  }

  /** There is an RTCSctpTransport from the first description with a data section on (webrtc-pc §4.4.1.5). */
  private updateSctp(plan: Plan): void {
    const slot = plan.next.slots.find(({ kind, rejected }) => kind === "application" && !rejected);
    if (slot === undefined || slot.transport === null) {
      this.sctp = null;
      this.sctpTransportId = undefined;
      return;
    }
    const { dtls } = this.ensure(slot.transport);
    if (this.sctp === null) this.sctp = sctpTransports.create(dtls);
    this.sctpTransportId = slot.transport;
    const slots = sctpTransports.slots(this.sctp);
    slots.transport = dtls;
    if (plan.sctp !== null) slots.maxMessageSize = Math.min(plan.sctp.remoteMaxMessageSize, MAX_BUFFERED_AMOUNT);
  }

  addRemoteCandidate(id: number, candidate: IceCandidate): void {
    const objects = this.byId.get(id);
    if (objects !== undefined) iceTransports.slots(objects.ice).remoteCandidates.push(this.remote(objects, candidate));
  }

  private remote({ mid }: Objects, candidate: IceCandidate): RTCIceCandidate {
    return new RTCIceCandidate({ candidate: writeIceCandidate(candidate), sdpMid: mid });
  }

  private local({ mid }: Objects, candidate: IceCandidate): RTCIceCandidate {
    const init = {
      candidate: writeIceCandidate(candidate),
      sdpMid: mid,
      sdpMLineIndex: null,
      usernameFragment: candidate.usernameFragment ?? null,
    };
    return localIceCandidate(init, candidate);
  }

  /** What to hear of a transport; its calls come in the middle of rounds. */
  observer(id: number): Omit<TransportObserver, "onChannel" | "onCandidateError"> {
    const objects = this.ensure(id);
    const { ice, dtls } = objects;
    const slots = iceTransports.slots(ice);
    const task = (run: () => void): void => this.host.queueTask(run);
    let dtlsError: RTCError | undefined;
    return {
      onLocalCandidate: (candidate) =>
        task(() => {
          slots.localCandidates.push(this.local(objects, candidate));
        }),
      onGatheringStateChange: (state) =>
        task(() => {
          if (slots.gatheringState === state) return;
          slots.gatheringState = state;
          ice.dispatchEvent(new Event("gatheringstatechange"));
          this.host.onStatesChanged();
        }),
      onIceStateChange: (state) =>
        task(() => {
          if (slots.state === state || slots.state === "closed") return;
          slots.state = state;
          ice.dispatchEvent(new Event("statechange"));
          this.host.onStatesChanged();
        }),
      onSelectedPairChange: (local, remote) =>
        task(() => {
          slots.selectedPair = new RTCIceCandidatePair(
            INTERNAL,
            this.local(objects, local),
            this.remote(objects, remote),
          );
          ice.dispatchEvent(new Event("selectedcandidatepairchange"));
        }),
      onIceRoleChange: (role) =>
        task(() => {
          slots.role = role;
        }),
      onDtlsStateChange: (state) => {
        const remoteCertificates = objects.peer?.dtls?.remoteCertificates ?? [];
        task(() => {
          const dtlsSlots = dtlsTransports.slots(dtls);
          if (dtlsSlots.state === state || dtlsSlots.state === "closed") return;
          if (state === "connected") dtlsSlots.remoteCertificates = remoteCertificates;
          dtlsSlots.state = state;
          dtls.dispatchEvent(new Event("statechange"));
          if (state === "failed" && dtlsError !== undefined) {
            dtls.dispatchEvent(new RTCErrorEvent("error", { error: dtlsError }));
          }
          this.host.onStatesChanged();
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
          const sctpSlots = sctpTransports.slots(this.sctp);
          if (sctpSlots.state === state || sctpSlots.state === "closed") return;
          sctpSlots.state = state;
          if (state === "connected") sctpSlots.maxChannels = objects.peer?.channels.maxChannels ?? null;
          this.sctp.dispatchEvent(new Event("statechange"));
        }),
    };
  }

  private close(id: number, silent: boolean): void {
    const objects = this.byId.get(id);
    if (objects === undefined) return;
    const iceSlots = iceTransports.slots(objects.ice);
    const dtlsSlots = dtlsTransports.slots(objects.dtls);
    iceSlots.state = "closed";
    dtlsSlots.state = "closed";
    if (silent) return;
    this.byId.delete(id);
    objects.ice.dispatchEvent(new Event("statechange"));
    objects.dtls.dispatchEvent(new Event("statechange"));
  }

  /** The connection is closed: states change, without events (webrtc-pc, "close the connection"). */
  closeAll(): void {
    for (const id of this.byId.keys()) this.close(id, true);
    const { sctp } = this;
    if (sctp === null || sctpTransports.slots(sctp).state === "closed") return;
    sctpTransports.slots(sctp).state = "closed";
    this.host.queueFinalTask(() => sctp.dispatchEvent(new Event("statechange")));
  }
}

function plainParameters({ usernameFragment, password }: IceParameters): IceParameters {
  return { usernameFragment, password };
}
