// The virtual network. A realm is an address space with a router in its middle (the internet, or what is behind a NAT);
// a station is whatever has an address there, joined to the router by its own link: a packet goes up the sender's link,
// is routed, and comes down the receiver's. A host is a machine with stations; it implements `Network` of src/util/net.ts.
//
// Bytes travel by reference and are copied on delivery: a sender that reuses memory it has given away corrupts its
// packet, and a receiver may do with its bytes what it likes.
import type {
  Cancellable,
  DatagramHandler,
  DatagramPort,
  InterfaceAddress,
  ListenerHandler,
  Network,
  StreamHandler,
  TcpOptions,
  UdpOptions,
} from "#src/util/net.js";
import { Link, type LinkOptions, type LinkWorld, type Packet, type Segment } from "./link.js";
import type { Random } from "./random.js";
import type { Scheduler } from "./scheduler.js";
import { TcpConnection } from "./tcp.js";

const EPHEMERAL_FIRST = 49_152;
const EPHEMERAL_LAST = 65_535;

export function family(address: string): 4 | 6 {
  return address.includes(":") ? 6 : 4;
}

/** `address:port`, with brackets around IPv6. */
export function endpoint(address: string, port: number): string {
  return family(address) === 6 ? `[${address}]:${port}` : `${address}:${port}`;
}

function isWildcard(address: string): boolean {
  return address === "0.0.0.0" || address === "::";
}

function isLoopback(address: string): boolean {
  return address === "::1" || address.startsWith("127.");
}

/** Something with an address in a realm. */
export interface Station {
  readonly link: Link;
  receive(packet: Packet, now: number): void;
}

/** What takes the packets whose destination is not in the realm. */
export interface Gateway {
  outbound(packet: Packet, now: number): void;
}

export class Realm {
  readonly name: string;
  readonly stations: Map<string, Station> = new Map();
  gateway: Gateway | undefined;
  /** Packets for addresses that nobody has. */
  unroutable = 0;
  private readonly prefix4: string;
  private readonly prefix6: string;
  private allocated = 0;

  /** Addresses are given out as `prefix4` + n, `prefix6` + n where none is named. */
  constructor(name: string, prefix4: string, prefix6: string) {
    this.name = name;
    this.prefix4 = prefix4;
    this.prefix6 = prefix6;
  }

  freeAddress(ipFamily: 4 | 6 = 4): string {
    for (;;) {
      const n = ++this.allocated;
      if (n > 254) throw new Error(`realm ${this.name} has no free address: name one`);
      const address = ipFamily === 4 ? `${this.prefix4}${n}` : `${this.prefix6}${n.toString(16)}`;
      if (!this.stations.has(address)) return address;
    }
  }

  join(address: string, station: Station): void {
    if (this.stations.has(address)) throw new Error(`${address} is taken in realm ${this.name}`);
    this.stations.set(address, station);
  }

  leave(address: string, station: Station): void {
    if (this.stations.get(address) === station) this.stations.delete(address);
  }

  /** From a station, up its link, to wherever it goes. */
  send(packet: Packet, from: Station): void {
    from.link.up.send(packet, (p, now) => this.route(p, now));
  }

  /** At the router. */
  route(packet: Packet, now: number): void {
    const station = this.stations.get(packet.destination);
    if (station !== undefined) station.link.down.send(packet, (p, then) => station.receive(p, then));
    else if (this.gateway !== undefined) this.gateway.outbound(packet, now);
    else this.unroutable++;
  }
}

/** What the network as a whole shares: clock, randomness, names. */
export interface World extends LinkWorld {
  /** Host names; changeable at any time. */
  readonly dns: Map<string, readonly string[]>;
  /** Milliseconds a DNS answer takes, an mDNS answer takes, and after which a question for a `.local` name is given up. */
  dnsDelay: number;
  mdnsDelay: number;
  mdnsTimeout: number;
  readonly hosts: readonly Host[];
}

/** One address of a host, in one realm. */
export class Attachment implements Station {
  readonly host: Host;
  readonly interfaceName: string;
  readonly realm: Realm;
  readonly link: Link;
  readonly address: string;
  up = true;

  constructor(host: Host, interfaceName: string, realm: Realm, address: string, link: Link) {
    this.host = host;
    this.interfaceName = interfaceName;
    this.realm = realm;
    this.address = address;
    this.link = link;
  }

  receive(packet: Packet, now: number): void {
    if (this.up && packet.destination === this.address) this.host.deliver(packet, now);
  }
}

export interface AttachOptions {
  readonly realm: Realm;
  /** The realm's next free address unless given. */
  readonly address?: string | undefined;
  readonly family?: 4 | 6 | undefined;
  /** `eth0` unless given. */
  readonly interfaceName?: string | undefined;
  /** Options of a new link, or the link of another attachment, to share it. */
  readonly link?: LinkOptions | Link | undefined;
}

/**
 * What becomes of sockets bound to an address that goes away: they are closed with an error, they stay and lose
 * everything silently, or (UDP) they move to the new address, as sockets bound to a wildcard do. TCP never moves.
 */
export type SocketFate = "die" | "silent" | "follow";

class UdpSocket implements DatagramPort {
  readonly localAddress: string;
  readonly localPort: number;
  /** The address it is bound to: another than `localAddress` once it has followed a change. */
  bound: string;
  sent = 0;
  received = 0;
  closed = false;
  private readonly host: Host;
  private readonly handler: DatagramHandler;
  private drain = false;

  constructor(host: Host, address: string, port: number, handler: DatagramHandler) {
    this.host = host;
    this.localAddress = address;
    this.bound = address;
    this.localPort = port;
    this.handler = handler;
  }

  send(data: Uint8Array, address: string, port: number): boolean {
    if (this.closed) return false;
    this.sent++;
    this.host.sendUdp(this, data, address, port);
    return true;
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.host.releaseUdp(this);
  }

  fail(reason: string, now: number): void {
    if (this.closed) return;
    this.close();
    this.handler.onError(reason, now);
  }

  receive(packet: Packet, now: number): void {
    this.received++;
    this.handler.onDatagram(packet.data.slice(), packet.source, packet.sourcePort, now);
    if (this.drain) return;
    this.drain = true;
    // Behind everything that arrives at this instant.
    this.host.scheduler.at(now, (then) => {
      this.drain = false;
      this.handler.onDrained(then);
    });
  }
}

interface Listener {
  readonly localAddress: string;
  readonly localPort: number;
  readonly handler: ListenerHandler;
  /** Certificate names, where it speaks TLS. */
  readonly tlsNames: readonly string[] | undefined;
  closed: boolean;
}

export class Host implements Network {
  readonly name: string;
  readonly scheduler: Scheduler;
  readonly attachments: Attachment[] = [];
  /** Packets that had no way out: no such source address, or its interface is down. */
  unsendable = 0;
  /** False: this host neither answers nor asks multicast DNS. */
  mdns = true;
  private readonly world: World;
  private readonly random: Random;
  private readonly udp = new Map<string, UdpSocket>();
  private readonly listeners = new Map<string, Listener>();
  private readonly connections = new Map<string, TcpConnection>();
  private readonly published = new Map<string, string>();
  private nextPort = EPHEMERAL_FIRST;

  constructor(world: World, name: string) {
    this.world = world;
    this.name = name;
    this.scheduler = world.scheduler;
    this.random = world.random.stream(`host/${name}`);
  }

  // ---- configuration and mobility ----------------------------------------------------------------------------------

  /** Adds an address. */
  attach(options: AttachOptions): Attachment {
    const address = options.address ?? options.realm.freeAddress(options.family);
    const interfaceName = options.interfaceName ?? "eth0";
    const link =
      options.link instanceof Link
        ? options.link
        : new Link(this.world, `${this.name}/${interfaceName}/${address}`, options.link);
    const attachment = new Attachment(this, interfaceName, options.realm, address, link);
    options.realm.join(address, attachment);
    this.attachments.push(attachment);
    return attachment;
  }

  /** Takes an address away. */
  detach(address: string, sockets: SocketFate = "die"): void {
    const attachment = this.attachmentOf(address);
    if (attachment === undefined) throw new Error(`${this.name} does not have ${address}`);
    attachment.up = false;
    attachment.realm.leave(address, attachment);
    this.attachments.splice(this.attachments.indexOf(attachment), 1);
    if (sockets !== "die") return;
    const now = this.scheduler.now;
    for (const socket of [...this.udp.values()]) if (socket.bound === address) socket.fail("ENETDOWN", now);
    for (const connection of [...this.connections.values()]) {
      if (connection.localAddress === address) connection.kill("ENETDOWN");
    }
  }

  /** Moves from one address to another, possibly in another realm over another link, as a phone does. */
  changeAddress(old: string, options: AttachOptions & { readonly sockets: SocketFate }): Attachment {
    const before = this.attachmentOf(old);
    const attachment = this.attach({ interfaceName: before?.interfaceName, ...options });
    this.detach(old, options.sockets);
    if (options.sockets === "follow") {
      for (const socket of [...this.udp.values()]) {
        if (socket.bound !== old) continue;
        this.udp.delete(endpoint(old, socket.localPort));
        socket.bound = attachment.address;
        this.udp.set(endpoint(socket.bound, socket.localPort), socket);
      }
    }
    return attachment;
  }

  attachmentOf(address: string): Attachment | undefined {
    return this.attachments.find((a) => a.address === address);
  }

  /** The first address (of a family). */
  address(ipFamily?: 4 | 6): string {
    const found = this.attachments.find((a) => ipFamily === undefined || family(a.address) === ipFamily);
    if (found === undefined) throw new Error(`${this.name} has no address`);
    return found.address;
  }

  /** The link of the first address, to change it. */
  get link(): Link {
    const first = this.attachments[0];
    if (first === undefined) throw new Error(`${this.name} has no link`);
    return first.link;
  }

  /** What is open and whose owner has not closed it, for leak checks: `udp 1.2.3.4:5`, `tcp …`, `listen …`, `mdns …`. */
  openSockets(): string[] {
    const out: string[] = [];
    for (const s of this.udp.values()) out.push(`udp ${endpoint(s.bound, s.localPort)}`);
    for (const l of this.listeners.values()) out.push(`listen ${endpoint(l.localAddress, l.localPort)}`);
    for (const c of this.connections.values()) {
      if (c.handler === undefined) continue;
      out.push(`tcp ${endpoint(c.localAddress, c.localPort)} ${endpoint(c.remoteAddress, c.remotePort)}`);
    }
    for (const name of this.published.keys()) out.push(`mdns ${name}`);
    return out;
  }

  // ---- Network -----------------------------------------------------------------------------------------------------

  interfaces(): readonly InterfaceAddress[] {
    const out: InterfaceAddress[] = [{ name: "lo", address: "127.0.0.1", family: 4, internal: true }];
    for (const a of this.attachments) {
      if (a.up) out.push({ name: a.interfaceName, address: a.address, family: family(a.address), internal: false });
    }
    return out;
  }

  openUdp(options: UdpOptions, handler: DatagramHandler): Cancellable {
    return this.scheduler.at(this.scheduler.now, (now) => {
      if (!this.canBind(options.address)) return handler.onError("EADDRNOTAVAIL", now);
      const port = this.choosePort(options, (p) => this.udp.has(endpoint(options.address, p)));
      if (port === undefined) return handler.onError("EADDRINUSE", now);
      const socket = new UdpSocket(this, options.address, port, handler);
      this.udp.set(endpoint(options.address, port), socket);
      handler.onOpen(socket, now);
    });
  }

  connectTcp(options: TcpOptions, handler: StreamHandler): Cancellable {
    let connection: TcpConnection | undefined;
    const start = this.scheduler.at(this.scheduler.now, (now) => {
      const localAddress = options.localAddress ?? this.sourceFor(options.address);
      if (localAddress === undefined || !this.canBind(localAddress)) return handler.onClose("ENETUNREACH", now);
      const remote = endpoint(options.address, options.port);
      const localPort = this.choosePort({ address: localAddress }, (p) =>
        this.connections.has(`${endpoint(localAddress, p)} ${remote}`),
      );
      if (localPort === undefined) return handler.onClose("EADDRINUSE", now);
      const tls =
        options.tls === undefined
          ? undefined
          : { serverName: options.tls.serverName, verify: options.tls.verify !== false };
      const end = { localAddress, localPort, remoteAddress: options.address, remotePort: options.port };
      let opened = false;
      const watched: StreamHandler = {
        onOpen: (port, then) => {
          opened = true;
          handler.onOpen(port, then);
        },
        onData: (data, then) => handler.onData(data, then),
        onDrained: (then) => handler.onDrained(then),
        onClose: (reason, then) => handler.onClose(reason, then),
      };
      connection = new TcpConnection(this, end, watched, tls);
      this.connections.set(`${endpoint(localAddress, localPort)} ${remote}`, connection);
      cancel = () => {
        if (!opened) connection?.abandon();
      };
    });
    let cancel = (): void => start.cancel();
    return { cancel: () => cancel() };
  }

  listenTcp(options: UdpOptions, handler: ListenerHandler): Cancellable {
    return this.listen(options, handler, undefined);
  }

  /** As listenTcp; with TLS under these certificate names if there are any. */
  listen(options: UdpOptions, handler: ListenerHandler, tlsNames: readonly string[] | undefined): Cancellable {
    return this.scheduler.at(this.scheduler.now, (now) => {
      if (!this.canBind(options.address)) return handler.onError("EADDRNOTAVAIL", now);
      const localPort = this.choosePort(options, (p) => this.listeners.has(endpoint(options.address, p)));
      if (localPort === undefined) return handler.onError("EADDRINUSE", now);
      const listener: Listener = { localAddress: options.address, localPort, handler, tlsNames, closed: false };
      const key = endpoint(options.address, localPort);
      this.listeners.set(key, listener);
      const close = (): void => {
        listener.closed = true;
        // What is half open goes with its listener.
        for (const c of this.connections.values()) {
          const local = c.localAddress === options.address || options.address === "0.0.0.0" || options.address === "::";
          if (c.isHalfOpen && local && c.localPort === localPort) c.kill("ECONNABORTED");
        }
        if (this.listeners.get(key) === listener) this.listeners.delete(key);
      };
      handler.onListening({ localAddress: options.address, localPort, close }, now);
    });
  }

  resolve(hostname: string, done: (addresses: readonly string[], now: number) => void): Cancellable {
    const name = hostname.toLowerCase().replace(/\.$/, "");
    if (!name.endsWith(".local")) {
      return this.scheduler.after(this.world.dnsDelay, (now) => done(this.world.dns.get(name) ?? [], now));
    }
    if (this.mdns) {
      const realms = new Set(this.attachments.map((a) => a.realm));
      for (const host of this.world.hosts) {
        const address = host.answerMdns(name);
        if (address === undefined || !host.attachments.some((a) => realms.has(a.realm))) continue;
        return this.scheduler.after(this.world.mdnsDelay, (now) => {
          const still = host.answerMdns(name);
          done(still === undefined ? [] : [still], now);
        });
      }
    }
    return this.scheduler.after(this.world.mdnsTimeout, (now) => done([], now));
  }

  publish(hostname: string, address: string): Cancellable {
    const name = hostname.toLowerCase();
    this.published.set(name, address);
    return {
      cancel: () => {
        if (this.published.get(name) === address) this.published.delete(name);
      },
    };
  }

  // ---- inside ------------------------------------------------------------------------------------------------------

  answerMdns(name: string): string | undefined {
    return this.mdns ? this.published.get(name) : undefined;
  }

  sendUdp(socket: UdpSocket, data: Uint8Array, address: string, port: number): void {
    const source = isWildcard(socket.bound) ? this.sourceFor(address) : socket.bound;
    if (source === undefined || family(source) !== family(address)) {
      this.unsendable++;
      return;
    }
    this.transmitPacket({
      protocol: "udp",
      source,
      sourcePort: socket.localPort,
      destination: address,
      destinationPort: port,
      data,
    });
  }

  transmitPacket(packet: Packet): void {
    if (isLoopback(packet.destination) || this.attachmentOf(packet.destination) !== undefined) {
      this.scheduler.at(this.scheduler.now, (now) => this.deliver(packet, now));
      return;
    }
    const attachment = this.attachmentOf(packet.source);
    if (attachment === undefined || !attachment.up) this.unsendable++;
    else attachment.realm.send(packet, attachment);
  }

  deliver(packet: Packet, now: number): void {
    const { destination, destinationPort } = packet;
    if (packet.protocol === "tcp") {
      this.deliverTcp(packet, now);
      return;
    }
    const wildcard = family(destination) === 4 ? "0.0.0.0" : "::";
    const socket =
      this.udp.get(endpoint(destination, destinationPort)) ?? this.udp.get(endpoint(wildcard, destinationPort));
    socket?.receive(packet, now);
  }

  releaseUdp(socket: UdpSocket): void {
    const key = endpoint(socket.bound, socket.localPort);
    if (this.udp.get(key) === socket) this.udp.delete(key);
  }

  forget(connection: TcpConnection): void {
    const c = connection;
    const key = `${endpoint(c.localAddress, c.localPort)} ${endpoint(c.remoteAddress, c.remotePort)}`;
    if (this.connections.get(key) === connection) this.connections.delete(key);
  }

  private deliverTcp(packet: Packet, now: number): void {
    const segment = packet.segment!;
    const key = `${endpoint(packet.destination, packet.destinationPort)} ${endpoint(packet.source, packet.sourcePort)}`;
    const connection = this.connections.get(key);
    if (connection !== undefined) {
      connection.handleSegment(segment, packet.data, now);
      return;
    }
    if (segment.kind === "rst") return;
    const listener = segment.kind === "syn" ? this.listenerFor(packet, segment) : "ECONNRESET";
    if (typeof listener === "string") {
      this.reset(packet, listener);
      return;
    }
    const end = {
      localAddress: packet.destination,
      localPort: packet.destinationPort,
      remoteAddress: packet.source,
      remotePort: packet.sourcePort,
    };
    const { source, sourcePort } = packet;
    const accept = (): StreamHandler | undefined =>
      listener.handler.onConnection(source, sourcePort, this.scheduler.now);
    this.connections.set(key, new TcpConnection(this, end, accept, segment.tls));
  }

  /** Who takes a new connection, or why it is refused. */
  private listenerFor(packet: Packet, segment: Segment): Listener | string {
    const wildcard = family(packet.destination) === 4 ? "0.0.0.0" : "::";
    const listener =
      this.listeners.get(endpoint(packet.destination, packet.destinationPort)) ??
      this.listeners.get(endpoint(wildcard, packet.destinationPort));
    if (listener === undefined) return "ECONNREFUSED";
    return tlsProblem(segment.tls, listener.tlsNames) ?? listener;
  }

  private reset(packet: Packet, reason: string): void {
    this.transmitPacket({
      protocol: "tcp",
      source: packet.destination,
      sourcePort: packet.destinationPort,
      destination: packet.source,
      destinationPort: packet.sourcePort,
      data: new Uint8Array(0),
      segment: { kind: "rst", sequence: 0, acknowledgment: 0, fin: false, reason },
    });
  }

  private canBind(address: string): boolean {
    return isWildcard(address) || isLoopback(address) || this.attachmentOf(address)?.up === true;
  }

  /** The address to send from where none is bound: of an interface in the destination's realm if there is one. */
  private sourceFor(destination: string): string | undefined {
    if (isLoopback(destination)) return destination;
    const usable = this.attachments.filter((a) => a.up && family(a.address) === family(destination));
    return (usable.find((a) => a.realm.stations.has(destination)) ?? usable[0])?.address;
  }

  private choosePort(options: UdpOptions, taken: (port: number) => boolean): number | undefined {
    if (options.portRange !== undefined) {
      const [min, max] = options.portRange;
      const span = max - min + 1;
      const start = this.random.int(span);
      for (let i = 0; i < span; i++) {
        const port = min + ((start + i) % span);
        if (!taken(port)) return port;
      }
      return undefined;
    }
    for (let i = EPHEMERAL_FIRST; i <= EPHEMERAL_LAST; i++) {
      const port = this.nextPort;
      this.nextPort = port === EPHEMERAL_LAST ? EPHEMERAL_FIRST : port + 1;
      if (!taken(port)) return port;
    }
    return undefined;
  }
}

function tlsProblem(asked: Segment["tls"], names: readonly string[] | undefined): string | undefined {
  if (asked === undefined) return names === undefined ? undefined : "ECONNRESET";
  if (names === undefined) return "ERR_SSL_WRONG_VERSION_NUMBER";
  return asked.verify && !names.includes(asked.serverName) ? "ERR_TLS_CERT_ALTNAME_INVALID" : undefined;
}
