// The ICE candidate pool (RFC 9429 §3.5.4): transports that gather before any description asks for them, each with ICE
// credentials of its own. An offer or answer takes its credentials from here, and applying it takes the transport, whose
// candidates are told then.
import type { PeerTransport, PeerTransportHost } from "../peer/peer-transport.js";

/** iceCandidatePoolSize can be 255; each of these opens sockets on every interface. */
export const MAX_POOLED_TRANSPORTS = 8;

export interface PoolCredentials {
  readonly usernameFragment: string;
  readonly password: string;
}

/** Keeps what a transport tells until it has a place in the connection. */
class LateHost implements PeerTransportHost {
  private target: PeerTransportHost | undefined;
  private kept: ((host: PeerTransportHost) => void)[] = [];

  attach(host: PeerTransportHost): void {
    this.target = host;
    for (const tell of this.kept.splice(0)) tell(host);
  }

  private tell(tell: (host: PeerTransportHost) => void): void {
    if (this.target === undefined) this.kept.push(tell);
    else tell(this.target);
  }

  readonly onLocalCandidate: PeerTransportHost["onLocalCandidate"] = (candidate) =>
    this.tell((host) => host.onLocalCandidate(candidate));
  readonly onCandidateError: PeerTransportHost["onCandidateError"] = (error) =>
    this.tell((host) => host.onCandidateError(error));
  readonly onGatheringStateChange: PeerTransportHost["onGatheringStateChange"] = (state) =>
    this.tell((host) => host.onGatheringStateChange(state));
  readonly onIceStateChange: PeerTransportHost["onIceStateChange"] = (state) =>
    this.tell((host) => host.onIceStateChange(state));
  readonly onSelectedPairChange: PeerTransportHost["onSelectedPairChange"] = (local, remote) =>
    this.tell((host) => host.onSelectedPairChange(local, remote));
  readonly onIceRoleChange: PeerTransportHost["onIceRoleChange"] = (role) =>
    this.tell((host) => host.onIceRoleChange(role));
  readonly onDtlsStateChange: PeerTransportHost["onDtlsStateChange"] = (state) =>
    this.tell((host) => host.onDtlsStateChange(state));
  readonly onDtlsClosed: PeerTransportHost["onDtlsClosed"] = (reason, alert) =>
    this.tell((host) => host.onDtlsClosed(reason, alert));
  readonly onSctpStateChange: PeerTransportHost["onSctpStateChange"] = (state, reason) =>
    this.tell((host) => host.onSctpStateChange(state, reason));
  // Only a connected transport gets channels, and it has its place by then.
  readonly onChannel: PeerTransportHost["onChannel"] = (channel) => this.target!.onChannel(channel);
}

export interface Claimed {
  readonly transport: PeerTransport;
  /** Tells `host` what there was so far, and everything from now on. */
  attach(host: PeerTransportHost): void;
}

interface Pooled {
  readonly credentials: PoolCredentials;
  readonly transport: PeerTransport;
  readonly host: LateHost;
}

export class CandidatePool {
  private entries: Pooled[] = [];
  private readonly create: (credentials: PoolCredentials, host: PeerTransportHost) => PeerTransport;

  constructor(create: (credentials: PoolCredentials, host: PeerTransportHost) => PeerTransport) {
    this.create = create;
  }

  get size(): number {
    return this.entries.length;
  }

  /** Makes the pool so large. `renew`: servers or policy are other ones now, and what was gathered with the old goes. */
  resize(size: number, newCredentials: () => PoolCredentials, renew: boolean): void {
    const wanted = Math.min(size, MAX_POOLED_TRANSPORTS);
    for (const { transport } of this.entries.splice(renew ? 0 : wanted)) transport.close();
    while (this.entries.length < wanted) {
      const credentials = newCredentials();
      const host = new LateHost();
      const transport = this.create(credentials, host);
      this.entries.push({ credentials, transport, host });
      transport.gather();
    }
  }

  /** The credentials of the n-th pooled transport, for a description that may come to use it. */
  credentials(n: number): PoolCredentials | undefined {
    return this.entries[n]?.credentials;
  }

  /** Takes out the transport with these credentials, if it is here. Once it has its place, `attach` says who hears of it. */
  claim(usernameFragment: string): Claimed | undefined {
    const at = this.entries.findIndex(({ credentials }) => credentials.usernameFragment === usernameFragment);
    const pooled = this.entries[at];
    if (pooled === undefined) return undefined;
    this.entries.splice(at, 1);
    return { transport: pooled.transport, attach: (host) => pooled.host.attach(host) };
  }

  close(): void {
    for (const { transport } of this.entries.splice(0)) transport.close();
  }
}
