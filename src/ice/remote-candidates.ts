// The peer's candidates of one generation: signalled ones, whose names may have to be resolved first, and those learned
// from its checks (peer-reflexive). It decides what is a candidate, not what is paired with it.
import type { CryptoProvider } from "../crypto/provider.js";
import { isBadPort } from "../util/bad-ports.js";
import type { IceCandidate } from "../util/ice-candidate.js";
import { canonicalIp, ipScope } from "../util/ip.js";
import { LateSet } from "../util/late-map.js";
import type { Cancellable, Network } from "../util/net.js";
import { iceChars } from "../util/text.js";
import { RemoteCandidate, remoteKey } from "./candidate.js";
import {
  type IceAgentOptions,
  type IceCounters,
  MAX_PEER_REFLEXIVE,
  MAX_REMOTE_CANDIDATES,
  MAX_RESOLUTIONS,
} from "./options.js";
import type { IceBase } from "./pair.js";

export interface RemoteCandidatesHost {
  /** A candidate with an address. */
  onRemote(remote: RemoteCandidate, now: number): void;
  /** What was peer-reflexive has been signalled, too: its type and priority are other ones now. */
  onIdentified(remote: RemoteCandidate, now: number): void;
  onRemoved(remote: RemoteCandidate): void;
  /** A name was resolved, or could not be. */
  onResolved(now: number): void;
  /** A peer-reflexive candidate to forget, as there are too many: the least promising one, if any may go. */
  chooseVictim(): RemoteCandidate | undefined;
}

export class RemoteCandidates {
  private readonly host: RemoteCandidatesHost;
  private readonly crypto: Pick<CryptoProvider, "random">;
  private readonly network: Pick<Network, "resolve">;
  /** A lite agent checks nothing, and needs to resolve nothing. */
  private readonly lite: boolean;
  private readonly counters: IceCounters;
  private readonly byKey = new Map<string, RemoteCandidate>();
  private readonly resolutions = new LateSet<Cancellable>();
  private peerReflexive = 0;
  private usernameFragment: string | undefined;
  private closed = false;

  constructor(
    options: Pick<IceAgentOptions, "crypto" | "network" | "lite">,
    counters: IceCounters,
    host: RemoteCandidatesHost,
  ) {
    this.crypto = options.crypto;
    this.network = options.network;
    this.lite = options.lite === true;
    this.counters = counters;
    this.host = host;
  }

  get size(): number {
    return this.byKey.size + this.resolutions.size;
  }

  get resolving(): boolean {
    return this.resolutions.size > 0;
  }

  values(): IterableIterator<RemoteCandidate> {
    return this.byKey.values();
  }

  /** The peer's ufrag is known: what is of another peer, or of the peer's last generation, goes. */
  setUsernameFragment(usernameFragment: string): void {
    const first = this.usernameFragment === undefined;
    this.usernameFragment = usernameFragment;
    for (const remote of [...this.byKey.values()]) {
      const theirs = remote.usernameFragment;
      if (theirs === undefined ? !first : theirs !== usernameFragment) this.remove(remote);
    }
  }

  clear(): void {
    for (const resolution of this.resolutions) resolution.cancel();
    this.resolutions.clear();
    for (const remote of [...this.byKey.values()]) this.remove(remote);
  }

  /** A signalled candidate. */
  add(candidate: IceCandidate, now: number): void {
    if (candidate.component !== 1 || !this.isCurrent(candidate)) return;
    if (candidate.protocol === "tcp" && candidate.tcpType === "passive" && isBadPort(candidate.port)) {
      this.counters.droppedCandidates++;
      return;
    }
    if (this.size >= MAX_REMOTE_CANDIDATES + this.peerReflexive) {
      this.counters.droppedCandidates++;
      return;
    }
    const address = canonicalIp(candidate.address);
    if (address !== undefined) this.addResolved(candidate, address, now);
    else this.resolve(candidate);
  }

  /** The candidate at an address that an authenticated check came from (RFC 8445 §7.3.1.3), new or not. */
  reflexive(
    base: IceBase,
    address: string,
    port: number,
    priority: number,
    usernameFragment: string,
  ): RemoteCandidate | undefined {
    const { protocol, tcpType } = base;
    const known = this.byKey.get(`${protocol} ${remoteKey(address, port)}`);
    if (known !== undefined) return known;
    if (this.peerReflexive >= MAX_PEER_REFLEXIVE) {
      const victim = this.host.chooseVictim();
      this.counters.droppedCandidates++;
      if (victim === undefined) return undefined;
      this.remove(victim);
    }
    this.peerReflexive++;
    const candidate: IceCandidate = {
      foundation: iceChars(8, (length) => this.crypto.random(length)),
      component: 1,
      protocol,
      priority,
      address,
      port,
      type: "prflx",
      tcpType: tcpType === "passive" ? "active" : tcpType === "active" ? "passive" : undefined,
      usernameFragment,
    };
    const remote = new RemoteCandidate(candidate, address, usernameFragment);
    this.byKey.set(`${protocol} ${remote.key}`, remote);
    return remote;
  }

  close(): void {
    this.closed = true;
    for (const resolution of this.resolutions) resolution.cancel();
    this.resolutions.clear();
  }

  private isCurrent(candidate: IceCandidate): boolean {
    const theirs = candidate.usernameFragment;
    return theirs === undefined || this.usernameFragment === undefined || theirs === this.usernameFragment;
  }

  private resolve(candidate: IceCandidate): void {
    if (this.lite || this.resolutions.size >= MAX_RESOLUTIONS) {
      this.counters.droppedCandidates++;
      return;
    }
    let done = false;
    const holder: { resolution?: Cancellable } = {};
    const resolved = (addresses: readonly string[], now: number): void => {
      done = true;
      if (holder.resolution !== undefined) this.resolutions.delete(holder.resolution);
      if (this.closed) return;
      // RFC 8839 §5.1: of several addresses, the first.
      const address = addresses.map(canonicalIp).find((a) => a !== undefined);
      if (address !== undefined && this.isCurrent(candidate)) this.addResolved(candidate, address, now);
      this.host.onResolved(now);
    };
    holder.resolution = this.network.resolve(candidate.address, resolved, true);
    if (!done) this.resolutions.add(holder.resolution);
  }

  private addResolved(candidate: IceCandidate, address: string, now: number): void {
    const { protocol, port } = candidate;
    // Active TCP candidates say nothing: their connections come from ports of their own (RFC 6544 §4.5).
    if (protocol === "tcp" && candidate.tcpType !== "passive") return;
    const scope = ipScope(address);
    if (scope === "unspecified" || scope === "multicast" || scope === "broadcast" || port === 0) {
      this.counters.droppedCandidates++;
      return;
    }
    const key = `${protocol} ${remoteKey(address, port)}`;
    const known = this.byKey.get(key);
    if (known !== undefined) {
      if (known.candidate.type !== "prflx" || candidate.type === "prflx") return;
      // RFC 8838 §11.4: what was learned from a check is now known by name; its pairs stay.
      this.peerReflexive--;
      known.candidate = candidate;
      this.host.onIdentified(known, now);
      return;
    }
    const remote = new RemoteCandidate(candidate, address, candidate.usernameFragment);
    if (candidate.type === "prflx") this.peerReflexive++;
    this.byKey.set(key, remote);
    this.host.onRemote(remote, now);
  }

  private remove(remote: RemoteCandidate): void {
    this.byKey.delete(`${remote.candidate.protocol} ${remote.key}`);
    if (remote.candidate.type === "prflx") this.peerReflexive--;
    this.host.onRemoved(remote);
  }
}
