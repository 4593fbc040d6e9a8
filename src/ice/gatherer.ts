// Gathers the candidates of one generation (RFC 8445 §5.1.1): opens sockets, asks STUN servers what they see of them,
// allocates relays, hides addresses behind multicast DNS names. It owns the sockets and routes what arrives there: to
// itself, to a relay, or to the session. It forms no pairs.
import { isStun, parseStunMessage, StunAttribute, StunMessage, StunMethod } from "../stun/message.js";
import { type StunTransaction, StunTransactions } from "../stun/transaction.js";
import type { IceCandidate } from "../util/ice-candidate.js";
import { canonicalIp, ipFamily, ipScope } from "../util/ip.js";
import { LateMap, LateSet } from "../util/late-map.js";
import type { Cancellable, DatagramPort, TransportAddress } from "../util/net.js";
import { HostSocket, type HostSocketOwner } from "./host-socket.js";
import { type GatherAddress, gatherAddresses } from "./interfaces.js";
import { type CandidateSettings, isWorthTelling, makeLocalCandidate, multicastName } from "./local-candidate.js";
import { type IceAgentOptions, type IceCandidateError, type IceServer, type IceTiming, MAX_BASES } from "./options.js";
import { IceBase, LocalCandidate } from "./pair.js";
import { Relay } from "./relay.js";
import { isStream, onePerFamily, type ServerAddress } from "./server-address.js";
import { StreamProbe } from "./stream-probe.js";
import { IceTcpPort } from "./tcp.js";

const UNREACHABLE = 701;
/** The second address of a relay is worth less than the first by this much local preference, below all servers' own steps. */
const ADDITIONAL_STEP = 64;
/** Servers beyond this are not asked. */
const MAX_SERVERS = 32;

export interface GathererHost {
  /** A base can send and receive; its own candidate is in it. */
  onBase(base: IceBase, now: number): void;
  onBaseClosed(base: IceBase, now: number): void;
  /** A candidate to signal. */
  onCandidate(candidate: IceCandidate, gatherer: Gatherer): void;
  onCandidateError(error: IceCandidateError, gatherer: Gatherer): void;
  onGathered(now: number, gatherer: Gatherer): void;
  onDatagram(base: IceBase, data: Uint8Array, address: string, port: number, now: number): void;
  /** Over TCP: there is no connection to there (any more). */
  onUnreachable(base: IceBase, address: string, port: number, now: number): void;
  onDrained(now: number): void;
}

export interface GathererSettings extends CandidateSettings {
  readonly servers: readonly IceServer[];
  readonly timing: IceTiming;
}

interface TcpEntry {
  readonly port: IceTcpPort;
  readonly base: IceBase;
  readonly from: GatherAddress;
}

interface Probe {
  readonly socket: HostSocket;
  readonly server: ServerAddress;
  /** Only to keep the NAT's binding. */
  readonly refresh: boolean;
}

export class Gatherer implements HostSocketOwner {
  readonly options: IceAgentOptions;
  readonly settings: GathererSettings;
  readonly host: GathererHost;
  private readonly sockets: HostSocket[] = [];
  private readonly tcpPorts: TcpEntry[] = [];
  private readonly streamProbes = new LateSet<StreamProbe>();
  /** STUN servers over TCP and TLS. */
  private readonly streamServers: ServerAddress[] = [];
  private readonly relays = new LateSet<Relay>();
  private readonly servers: ServerAddress[] = [];
  private readonly cancellables = new LateSet<Cancellable>();
  private readonly names = new LateMap<string, string>();
  private readonly probes: StunTransactions<Probe>;
  private readonly bindings: { readonly socket: HostSocket; readonly server: ServerAddress }[] = [];
  private refreshAt = Infinity;
  private pending = 0;
  private done = false;
  private started = false;
  private closed = false;

  constructor(options: IceAgentOptions, settings: GathererSettings, host: GathererHost) {
    this.options = options;
    this.settings = settings;
    this.host = host;
    this.probes = new StunTransactions<Probe>({
      transmit: (bytes, { context }) => {
        context.socket.port?.send(bytes, context.server.address, context.server.port);
      },
      onTimeout: ({ context }, now) => {
        if (!context.refresh)
          this.fail(context.socket, context.server.server, UNREACHABLE, "The server did not answer", now);
      },
    });
  }

  start(now: number): void {
    if (this.started || this.closed) return;
    this.started = true;
    this.pending = 1;
    const { network, tcp, lite } = this.options;
    const relayOnly = this.settings.policy === "relay";
    for (const address of gatherAddresses(network.interfaces(), this.options)) {
      this.pending++;
      const socket = new HostSocket(this, address);
      const attempt = network.openUdp({ address: address.address, portRange: this.options.portRange }, socket);
      if (socket.isOpening) {
        socket.attempt = attempt;
        this.track(attempt);
      }
      if (relayOnly) continue;
      if (tcp?.passive === true) this.listen(address, now);
    }
    if (lite !== true)
      this.settings.servers.slice(0, MAX_SERVERS).forEach((server, index) => {
        this.findServer(server, index, now);
      });
    this.finish(now);
  }

  get complete(): boolean {
    return this.done;
  }

  get deadline(): number {
    let at = Math.min(this.probes.deadline, this.refreshAt);
    if (this.relays.size > 0) for (const relay of this.relays) at = Math.min(at, relay.deadline);
    if (this.streamProbes.size > 0) for (const probe of this.streamProbes) at = Math.min(at, probe.deadline);
    for (let i = 0; i < this.tcpPorts.length; i++) at = Math.min(at, this.tcpPorts[i]!.port.deadline);
    return at;
  }

  handleTimeout(now: number): void {
    this.probes.handleTimeout(now);
    for (const relay of [...this.relays]) if (relay.deadline <= now) relay.handleTimeout(now);
    for (const probe of [...this.streamProbes]) if (probe.deadline <= now) probe.handleTimeout(now);
    for (const { port, base } of this.tcpPorts) {
      if (port.deadline <= now)
        port.expire(now, (address, remote) => base.findPair(address, remote)?.authenticated === true);
    }
    if (now >= this.refreshAt) {
      this.refreshAt = now + this.settings.timing.bindingRefresh;
      for (const { socket, server } of this.bindings) this.probe(socket, server, true, now);
    }
  }

  /** A pair was chosen: the NAT bindings of the others need not be kept. */
  stopRefreshing(): void {
    this.refreshAt = Infinity;
    this.bindings.length = 0;
  }

  /** Closes every socket; those that a relay is given back over, when that is done (see `deadline`). */
  close(now: number): void {
    if (this.closed) return;
    this.closed = true;
    for (const cancellable of this.cancellables) cancellable.cancel();
    this.cancellables.clear();
    this.probes.clear();
    this.refreshAt = Infinity;
    for (const relay of [...this.relays]) relay.close(now);
    for (const probe of this.streamProbes) probe.close();
    this.streamProbes.clear();
    for (const { port } of this.tcpPorts) port.close();
    this.tcpPorts.length = 0;
    for (const socket of this.sockets) if (!this.isNeeded(socket)) socket.close();
  }

  /** True while something is left to wait for after `close`. */
  get lingering(): boolean {
    return this.relays.size > 0;
  }

  private isNeeded(socket: HostSocket): boolean {
    for (const relay of this.relays) if (relay.socket === socket) return true;
    return false;
  }

  track(cancellable: Cancellable): void {
    if (this.closed) cancellable?.cancel();
    else this.cancellables.add(cancellable);
  }

  private untrack(socket: HostSocket): void {
    if (socket.attempt !== undefined) this.cancellables.delete(socket.attempt);
    socket.attempt = undefined;
  }

  // ---- hosts ---------------------------------------------------------------------------------------------------------

  /** @internal A UDP socket is open. */
  handleOpen(socket: HostSocket, port: DatagramPort, now: number): void {
    this.untrack(socket);
    if (this.closed || this.sockets.length >= MAX_BASES) {
      port.close();
      return;
    }
    this.sockets.push(socket);
    const { localPreference } = socket.address;
    const base = new IceBase(port, { type: "host", localPreference });
    socket.base = base;
    this.addHostCandidates(base);
    if (this.settings.policy !== "relay") {
      socket.visible = true;
      this.host.onBase(base, now);
      this.dial(socket.address, now);
    }
    for (const server of this.servers) this.useServer(socket, server, now);
    this.finish(now);
  }

  /** @internal It could not be opened, or broke. */
  handleBroken(socket: HostSocket, reason: string, now: number): void {
    this.untrack(socket);
    this.options.logger?.("debug", "ice", `UDP on ${socket.address.address}: ${reason}`);
    if (socket.port === undefined) {
      if (!this.closed) {
        if (this.settings.policy !== "relay") this.dial(socket.address, now);
        this.finish(now);
      }
      return;
    }
    for (const relay of [...this.relays]) if (relay.socket === socket) relay.handleClosed(reason, now);
    if (socket.base !== undefined && socket.visible && !this.closed) this.host.onBaseClosed(socket.base, now);
    const at = this.sockets.indexOf(socket);
    if (at >= 0) this.sockets.splice(at, 1);
  }

  /** Active TCP, told after UDP. */
  private dial(address: GatherAddress, now: number): void {
    const { network, tcp, lite } = this.options;
    if (tcp?.active === true && lite !== true) this.addTcp(IceTcpPort.active(network, address.address), address, now);
  }

  private listen(address: GatherAddress, now: number): void {
    this.pending++;
    const { tcp, network } = this.options;
    const listener = IceTcpPort.listen(
      network,
      { address: address.address, portRange: tcp?.portRange },
      (port, error, then) => {
        if (this.closed) return;
        if (port !== undefined) this.addTcp(port, address, then);
        else this.options.logger?.("debug", "ice", `TCP on ${address.address}: ${error}`);
        this.finish(then);
      },
    );
    this.track(listener);
    void now;
  }

  private addTcp(port: IceTcpPort, address: GatherAddress, now: number): void {
    const base = new IceBase(port, {
      type: "host",
      protocol: "tcp",
      tcpType: port.tcpType,
      localPreference: address.localPreference,
    });
    port.attach({
      onDatagram: (data, from, fromPort, then) => this.host.onDatagram(base, data, from, fromPort, then),
      onUnreachable: (to, toPort, then) => this.host.onUnreachable(base, to, toPort, then),
      onDrained: (then) => this.host.onDrained(then),
    });
    const entry: TcpEntry = { port, base, from: address };
    this.tcpPorts.push(entry);
    this.addHostCandidates(base);
    this.host.onBase(base, now);
    for (const server of this.streamServers) this.askOverStream(entry, server, now);
  }

  private addHostCandidates(base: IceBase): void {
    const { externalAddresses = [], mdns } = this.options;
    const external = externalAddresses.filter((e) => {
      if (e.local !== undefined) return canonicalIp(e.local) === base.address;
      return ipFamily(e.external) === base.family;
    });
    const replacing = external.find((e) => e.type !== "srflx");
    const visible = this.settings.policy !== "relay";
    if (replacing !== undefined) {
      // The base's own candidate stays the true address; what is signalled is the other.
      const own = makeLocalCandidate(this, base, "host", { address: base.address, port: base.portNumber });
      const shown = { ...own.candidate, address: canonicalIp(replacing.external) ?? replacing.external };
      base.addCandidate(new LocalCandidate(shown, base, base.address, base.portNumber));
      if (visible) this.host.onCandidate(shown, this);
    } else {
      const name = mdns === true ? this.nameFor(base.address) : undefined;
      const own = makeLocalCandidate(this, base, "host", { address: name ?? base.address, port: base.portNumber });
      base.addCandidate(own);
      if (visible) this.host.onCandidate(own.candidate, this);
    }
    for (const e of external) {
      const address = canonicalIp(e.external);
      if (e.type === "srflx" && address !== undefined && visible && base.tcpType !== "active") {
        this.addReflexive(base, { address, port: base.portNumber }, 0, undefined, "");
      }
    }
  }

  /** The multicast DNS name that stands for an address (draft-ietf-mmusic-mdns-ice-candidates §3.1). */
  private nameFor(address: string): string {
    let name = this.names.get(address);
    if (name === undefined) {
      name = multicastName(this.options.crypto.random(16));
      this.names.set(address, name);
      this.track(this.options.network.publish(name, address));
    }
    return name;
  }

  private addReflexive(
    base: IceBase,
    mapped: TransportAddress,
    serverIndex: number,
    url: string | undefined,
    foundationServer: string,
  ): void {
    if (!isWorthTelling(base, mapped)) return;
    const related = { address: base.address, port: base.portNumber };
    const candidate = makeLocalCandidate(this, base, "srflx", mapped, related, serverIndex, url, foundationServer);
    base.addCandidate(candidate);
    if (this.settings.policy !== "relay") this.host.onCandidate(candidate.candidate, this);
  }

  // ---- servers -------------------------------------------------------------------------------------------------------

  private findServer(server: IceServer, index: number, now: number): void {
    const turn = server.scheme === "turn" || server.scheme === "turns";
    if (!turn && this.settings.policy === "relay") return;
    // Over TCP a server tells the address of a connection of ours, which is of use to active candidates alone.
    if (!turn && isStream(server) && this.options.tcp?.active !== true) return;
    const literal = canonicalIp(server.hostname);
    if (literal !== undefined) {
      this.addServer(server, [literal], index, now);
      return;
    }
    this.pending++;
    this.track(
      this.options.network.resolve(server.hostname, (addresses, then) => {
        if (this.closed) return;
        const usable = addresses.map(canonicalIp).filter((a) => a !== undefined);
        if (usable.length === 0) {
          const asking = this.sockets.find(({ address }) => address.outward);
          this.report(asking, server, UNREACHABLE, "The server's name has no address");
        } else this.addServer(server, usable, index, then);
        this.finish(then);
      }),
    );
  }

  private addServer(server: IceServer, addresses: readonly string[], index: number, now: number): void {
    if (server.scheme === "stun" || server.scheme === "stuns") {
      this.addStunServer(server, addresses, index, now);
      return;
    }
    if (isStream(server)) {
      // One connection: the first address of the family that we have.
      const families = new Set(gatherAddresses(this.options.network.interfaces(), this.options).map((a) => a.family));
      const address = addresses.find((a) => families.has(ipFamily(a) as 4 | 6)) ?? addresses[0]!;
      this.allocate(undefined, { server, address, port: server.port, index }, now);
      return;
    }
    for (const entry of onePerFamily(server, addresses, index)) {
      this.servers.push(entry);
      for (const socket of this.sockets) this.useServer(socket, entry, now);
    }
  }

  private addStunServer(server: IceServer, addresses: readonly string[], index: number, now: number): void {
    for (const entry of onePerFamily(server, addresses, index)) {
      if (isStream(server)) {
        this.streamServers.push(entry);
        for (const tcp of this.tcpPorts) this.askOverStream(tcp, entry, now);
      } else {
        this.servers.push(entry);
        for (const socket of this.sockets) this.useServer(socket, entry, now);
      }
    }
  }

  /** Whether this address of ours is one to reach the server from. */
  private isWayTo(from: GatherAddress, server: ServerAddress): boolean {
    if (from.family !== ipFamily(server.address) || !from.outward) return false;
    return ipScope(from.address) !== "loopback" || ipScope(server.address) === "loopback";
  }

  private askOverStream({ base, from }: TcpEntry, server: ServerAddress, now: number): void {
    if (base.tcpType !== "active" || !this.isWayTo(from, server)) return;
    this.pending++;
    const done = (): void => void this.streamProbes.delete(probe);
    const probe: StreamProbe = new StreamProbe(
      this.options,
      server.server,
      server.address,
      from.address,
      {
        onMapped: ({ address }, then) => {
          done();
          // Connections to peers come from other ports than this one did; RFC 6544 §4.5 has port 9 for active candidates.
          const key = `${server.address} ${server.port}`;
          this.addReflexive(base, { address, port: base.portNumber }, server.index, server.server.url, key);
          this.finish(then);
        },
        onFailed: (code, text, then) => {
          done();
          this.fail(undefined, server.server, code, text, then);
        },
      },
      now,
    );
    this.streamProbes.add(probe);
  }

  private useServer(socket: HostSocket, server: ServerAddress, now: number): void {
    if (!this.isWayTo(socket.address, server)) return;
    if (server.server.scheme === "stun") {
      this.pending++;
      this.probe(socket, server, false, now);
    } else this.allocate(socket, server, now);
  }

  private probe(socket: HostSocket, server: ServerAddress, refresh: boolean, now: number): void {
    const id = this.options.crypto.random(12);
    const bytes = new StunMessage("request", StunMethod.binding, id).encode({ fingerprint: true });
    this.probes.start(id, bytes, { socket, server, refresh }, this.settings.timing.gather, now);
  }

  /** @internal True if the datagram was the answer to one of our probes. */
  tryAnswer(socket: HostSocket, data: Uint8Array, address: string, port: number, now: number): boolean {
    // Only responses, and only while something is asked.
    if (this.probes.size === 0 || (data[0]! & 1) === 0 || !isStun(data)) return false;
    const transaction = this.probes.find(data.subarray(8, 20));
    if (transaction === undefined) return false;
    const { context } = transaction;
    const message = parseStunMessage(data);
    if (message === undefined || context.socket !== socket) return true;
    if (address !== context.server.address || port !== context.server.port) return true;
    this.handleAnswer(transaction, message, now);
    return true;
  }

  private handleAnswer(transaction: StunTransaction<Probe>, message: StunMessage, now: number): void {
    const { socket, server, refresh } = transaction.context;
    this.probes.settle(transaction);
    if (refresh) return;
    const mapped = message.address(StunAttribute.xorMappedAddress) ?? message.address(StunAttribute.mappedAddress);
    if (message.class === "success" && mapped !== undefined) {
      this.addReflexive(socket.base!, mapped, server.index, server.server.url, `${server.address} ${server.port}`);
      this.bindings.push({ socket, server });
      this.refreshAt = Math.min(this.refreshAt, now + this.settings.timing.bindingRefresh);
      this.finish(now);
      return;
    }
    const error = message.error;
    this.fail(socket, server.server, error?.code ?? UNREACHABLE, error?.reason ?? "The answer has no address", now);
  }

  // ---- relays --------------------------------------------------------------------------------------------------------

  private allocate(socket: HostSocket | undefined, server: ServerAddress, now: number): void {
    this.pending++;
    let waiting = true;
    let base: IceBase | undefined;
    let second: IceBase | undefined;
    const relay = new Relay(this.options, server, socket, {
      onAllocated: (port, mapped, relayProtocol, then, additional) => {
        if (this.closed) return;
        const { localPreference } = socket?.address ?? { localPreference: 65535 };
        const { url } = server.server;
        const key = `${server.address} ${server.port} ${relayProtocol}`;
        const add = (from: DatagramPort, preference: number): IceBase => {
          const made = new IceBase(from, { type: "relay", localPreference: preference, relayProtocol });
          const at = { address: from.localAddress, port: from.localPort };
          const candidate = makeLocalCandidate(this, made, "relay", at, mapped, server.index, url, key);
          made.addCandidate(candidate);
          this.host.onCandidate(candidate.candidate, this);
          this.host.onBase(made, then);
          return made;
        };
        if (socket?.base !== undefined) this.addReflexive(socket.base, mapped, server.index, url, key);
        base = add(port, localPreference);
        if (additional !== undefined) second = add(additional, localPreference - ADDITIONAL_STEP);
        waiting = false;
        this.finish(then);
      },
      onDatagram: (data, address, port, then) => {
        if (base === undefined || this.closed) return;
        const to = second !== undefined && ipFamily(address) === 6 ? second : base;
        this.host.onDatagram(to, data, address, port, then);
      },
      onDrained: (then) => {
        if (!this.closed) this.host.onDrained(then);
      },
      onEnd: (code, text, then) => {
        this.relays.delete(relay);
        if (socket !== undefined) {
          const at = socket.relays.indexOf(relay);
          if (at >= 0) socket.relays.splice(at, 1);
          if (this.closed && !this.isNeeded(socket)) socket.close();
        }
        if (this.closed) return;
        if (base !== undefined) this.host.onBaseClosed(base, then);
        if (second !== undefined) this.host.onBaseClosed(second, then);
        if (waiting) {
          waiting = false;
          this.fail(socket, server.server, code, text, then);
        }
      },
    });
    this.relays.add(relay);
    socket?.relays.push(relay);
    relay.start(now);
  }

  private fail(socket: HostSocket | undefined, server: IceServer, code: number, text: string, now: number): void {
    this.report(socket, server, code, text);
    this.finish(now);
  }

  private report(socket: HostSocket | undefined, server: IceServer, errorCode: number, errorText: string): void {
    const hidden = this.options.mdns === true || this.settings.policy === "relay";
    const base = hidden ? undefined : socket?.base;
    const { url } = server;
    this.host.onCandidateError({ address: base?.address, port: base?.portNumber, url, errorCode, errorText }, this);
  }

  /** One of the things that gathering waits for is done. */
  private finish(now: number): void {
    if (--this.pending > 0 || this.done || this.closed) return;
    this.done = true;
    this.host.onGathered(now, this);
  }
}
