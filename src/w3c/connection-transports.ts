// The transports of a connection: keeps one PeerTransport for each transport that the negotiated state speaks of, carries
// out plans on them, and turns what they tell into tasks.
import type { Plan, TransportPlan } from "../jsep/plan.js";
import type { IceParameters } from "../jsep/state.js";
import type { LocalCertificate } from "../peer/certificates.js";
import {
  type IceServer,
  type IceTransportPolicy,
  PeerTransport,
  type PeerTransportHost,
  type PeerTransportOptions,
} from "../peer/peer-transport.js";
import { LateSet } from "../util/late-map.js";
import { CandidatePool } from "./candidate-pool.js";

/** What a new PeerTransport is made with, besides its ICE credentials. */
export type TransportConfiguration = Omit<PeerTransportOptions, "certificates">;

/** Events of the transports, by the transport's id. They come in the middle of a round: queue tasks, do nothing else. */
export type TransportEvents = (id: number) => PeerTransportHost;

export class ConnectionTransports {
  private readonly byId = new Map<number, PeerTransport>();
  private readonly hosts = new Map<number, PeerTransportHost>();
  /** The transport that data channels are on. */
  private sctpHome: number | undefined;
  /** Those that a description has asked to gather, in tasks to come. */
  private readonly awaited = new LateSet<PeerTransport>();
  readonly pool: CandidatePool;
  private readonly configuration: () => TransportConfiguration;
  private readonly certificates: () => readonly LocalCertificate[];
  private readonly events: TransportEvents;
  /** Told of each PeerTransport when it is made, before it is asked for anything. */
  private readonly onCreated: (id: number, transport: PeerTransport) => void;
  private readonly queueTask: (run: () => void) => void;

  constructor(
    configuration: () => TransportConfiguration,
    certificates: () => readonly LocalCertificate[],
    events: TransportEvents,
    onCreated: (id: number, transport: PeerTransport) => void,
    queueTask: (run: () => void) => void,
  ) {
    this.configuration = configuration;
    this.certificates = certificates;
    this.events = events;
    this.onCreated = onCreated;
    this.queueTask = queueTask;
    this.pool = new CandidatePool((credentials, host) => this.make(credentials, host));
  }

  get(id: number): PeerTransport | undefined {
    return this.byId.get(id);
  }

  /** For the next gathering (RFC 9429 §4.1.18): what a description has asked for goes by what was set then. */
  setServers(servers: readonly IceServer[], policy: IceTransportPolicy): void {
    for (const transport of this.awaited) transport.gather();
    this.awaited.clear();
    for (const transport of this.byId.values()) transport.setServers(servers, policy);
  }

  /** Carries out a plan: what is discarded goes first, so that its ports are free. */
  carryOut(plan: Plan): void {
    const { sctp } = plan;
    const home = sctp?.transport;
    const left =
      home === undefined || this.sctpHome === undefined || home === this.sctpHome
        ? undefined
        : this.byId.get(this.sctpHome)?.leaveSctp();
    // With its section the association ends (RFC 8841 §9); one that is offered later is another.
    if (home === undefined && this.sctpHome !== undefined) this.byId.get(this.sctpHome)?.resetSctp();
    this.sctpHome = home;
    for (const id of plan.discardedTransports) this.discard(id);
    for (const transport of plan.transports) this.prepare(transport);
    // All that gather begin before the first has something to tell: the state of the connection does not go back and forth.
    for (const { id, gather } of plan.transports) {
      if (gather && this.byId.get(id)?.ice.gatheringState === "new")
        this.hosts.get(id)?.onGatheringStateChange("gathering");
    }
    for (const transport of plan.transports) this.update(transport);
    const isNegotiating = plan.next.signalingState !== "stable";
    for (const { id } of plan.transports) this.byId.get(id)?.setNegotiating(isNegotiating);
    if (sctp === null) return;
    const parameters = {
      snap: sctp.snap,
      localPort: sctp.localPort,
      remotePort: sctp.remotePort,
      // RFC 8841 §6.1: zero says that the peer takes messages of any size.
      peerMaxMessageSize: Number.isFinite(sctp.remoteMaxMessageSize) ? sctp.remoteMaxMessageSize : 0,
    };
    const transport = this.byId.get(sctp.transport);
    if (left !== undefined) transport?.takeSctp(left, parameters);
    else {
      if (plan.newSctpAssociation) transport?.resetSctp();
      transport?.startSctp(parameters);
    }
  }

  private prepare({ id, local, localChanged }: TransportPlan): void {
    // While only a remote offer speaks of it there is nothing to do.
    if (local === null) return;
    const transport = this.byId.get(id);
    if (transport === undefined) this.create(id, local);
    else if (localChanged) transport.restartIce(local);
  }

  private update(plan: TransportPlan): void {
    const { remote, iceRole, dtlsRole, cryptex } = plan;
    const transport = this.byId.get(plan.id);
    if (transport === undefined) return;
    transport.setCryptex(cryptex.send, cryptex.receive);
    if (iceRole !== null) transport.setIceRole(iceRole);
    if (plan.gather) {
      // In tasks of their own: whoever waits for the description to be set sends it to the peer first, which then works on it
      // while sockets are opened and checks are sent here.
      this.awaited.add(transport);
      this.queueTask(() => {
        if (this.awaited.delete(transport)) transport.gather();
      });
    }
    if (remote === null) return;
    if (plan.remoteForgotten) transport.forgetRemote();
    if (plan.remoteChanged) transport.setRemoteIceParameters(remote);
    for (const candidate of plan.remoteCandidates) transport.addRemoteCandidate(candidate);
    if (plan.remoteEndOfCandidates) transport.endOfRemoteCandidates();
    if (plan.newDtlsAssociation) transport.resetDtls();
    if (dtlsRole === null) return;
    if (plan.renewed) transport.renewDtls(dtlsRole);
    transport.startDtls(dtlsRole, remote.fingerprints);
  }

  private create(id: number, local: IceParameters): void {
    const events = this.events(id);
    const claimed = this.pool.claim(local.usernameFragment);
    const transport = claimed?.transport ?? this.make(local, events);
    this.byId.set(id, transport);
    this.hosts.set(id, events);
    this.onCreated(id, transport);
    claimed?.attach(events);
  }

  private make({ usernameFragment, password }: IceParameters, host: PeerTransportHost): PeerTransport {
    const configuration = this.configuration();
    const ice = { usernameFragment, password, ...configuration.ice };
    return new PeerTransport({ certificates: this.certificates(), ...configuration, ice }, host);
  }

  private discard(id: number): void {
    this.byId.get(id)?.close(true);
    this.byId.delete(id);
    this.hosts.delete(id);
  }

  /** A bug of ours, outside of the transports: they end as if it had been theirs. */
  fault(error: unknown): void {
    for (const transport of this.byId.values()) transport.fail(error);
  }

  close(): void {
    this.pool.close();
    for (const id of [...this.byId.keys()]) this.byId.get(id)!.close();
  }
}
