// A network address translator between a realm of private addresses and another realm, with the behaviours of RFC 4787
// (UDP) and RFC 5382 (TCP): mapping, filtering, port assignment, hairpinning, binding timeout.
import { Link, type LinkOptions, type Packet } from "./link.js";
import { endpoint, type Gateway, type Realm, type Station, type World } from "./network.js";

/** RFC 4787 §4.1, §5. */
export type NatBehavior = "endpoint-independent" | "address-dependent" | "address-and-port-dependent";

export interface NatOptions {
  readonly outside: Realm;
  /** The external address; the realm's next free one unless given. */
  readonly address?: string | undefined;
  /** The link of the outside. */
  readonly link?: LinkOptions | undefined;
  /** Endpoint-independent unless given. */
  readonly mapping?: NatBehavior | undefined;
  /** Address-and-port-dependent unless given. */
  readonly filtering?: NatBehavior | undefined;
  /** Tries the internal port as the external one; true unless given. */
  readonly preservePorts?: boolean | undefined;
  /** Lets internal hosts reach each other by external addresses; false unless given. */
  readonly hairpinning?: boolean | undefined;
  /** Milliseconds without an outbound packet after which a UDP mapping, or a peer's permission, ends. 120 000 unless given. */
  readonly bindingTimeout?: number | undefined;
  /** Returns true to drop a packet from the inside: a firewall, such as one that lets no UDP out. */
  readonly block?: ((packet: Packet) => boolean) | undefined;
}

/** The four classic kinds (RFC 3489 §5), for `NatOptions`. */
export const FULL_CONE = { mapping: "endpoint-independent", filtering: "endpoint-independent" } as const;
export const RESTRICTED_CONE = { mapping: "endpoint-independent", filtering: "address-dependent" } as const;
export const PORT_RESTRICTED_CONE = {
  mapping: "endpoint-independent",
  filtering: "address-and-port-dependent",
} as const;
export const SYMMETRIC = {
  mapping: "address-and-port-dependent",
  filtering: "address-and-port-dependent",
  preservePorts: false,
} as const;

/** RFC 5382 §5 REQ-5. */
const TCP_TIMEOUT = 7_440_000;

interface Mapping {
  readonly protocol: "udp" | "tcp";
  readonly key: string;
  readonly address: string;
  readonly port: number;
  readonly externalPort: number;
  lastUsed: number;
  /** Last outbound packet per remote address, and per remote address and port. */
  readonly remotes: Map<string, number>;
}

export class Nat implements Gateway, Station {
  readonly name: string;
  readonly inside: Realm;
  readonly outside: Realm;
  readonly link: Link;
  options: NatOptions;
  /** Inbound packets that no mapping or filter let in. */
  refused = 0;
  blocked = 0;
  private external: string;
  private readonly byKey = new Map<string, Mapping>();
  private readonly byPort = new Map<string, Mapping>();
  private readonly burnt = new Set<string>();
  private nextPort = 20_000;

  constructor(world: World, name: string, inside: Realm, options: NatOptions) {
    this.name = name;
    this.inside = inside;
    this.outside = options.outside;
    this.options = options;
    this.external = options.address ?? options.outside.freeAddress(4);
    this.link = new Link(world, `nat/${name}`, options.link);
    this.outside.join(this.external, this);
    inside.gateway = this;
  }

  get address(): string {
    return this.external;
  }

  /** Forgets every mapping, as after a reboot; new ones get other ports. */
  rebind(): void {
    for (const key of this.byPort.keys()) this.burnt.add(key);
    this.byKey.clear();
    this.byPort.clear();
  }

  /** The outside gets another address; the mappings stay. */
  changeAddress(address: string): void {
    this.outside.leave(this.external, this);
    this.external = address;
    this.outside.join(address, this);
  }

  /** The external port of an internal endpoint's mappings, to look at. */
  mappings(): { protocol: "udp" | "tcp"; internal: string; externalPort: number }[] {
    return [...this.byKey.values()].map((m) => ({
      protocol: m.protocol,
      internal: endpoint(m.address, m.port),
      externalPort: m.externalPort,
    }));
  }

  outbound(packet: Packet, now: number): void {
    if (packet.source.includes(":") || packet.destination.includes(":") || this.options.block?.(packet) === true) {
      this.blocked++;
      return;
    }
    const hairpin = packet.destination === this.external;
    if (hairpin && this.options.hairpinning !== true) {
      this.refused++;
      return;
    }
    const mapping = this.map(packet, now);
    mapping.lastUsed = now;
    mapping.remotes.set(packet.destination, now);
    mapping.remotes.set(endpoint(packet.destination, packet.destinationPort), now);
    const translated = { ...packet, source: this.external, sourcePort: mapping.externalPort };
    // RFC 4787 §6 REQ-9: with the external source address and port.
    if (hairpin) this.receive(translated, now);
    else this.outside.send(translated, this);
  }

  receive(packet: Packet, now: number): void {
    const mapping = this.byPort.get(`${packet.protocol} ${packet.destinationPort}`);
    if (packet.destination !== this.external || mapping === undefined || this.expired(mapping, now)) {
      this.refused++;
      return;
    }
    const filtering = this.options.filtering ?? "address-and-port-dependent";
    if (filtering !== "endpoint-independent") {
      const remote = filtering === "address-dependent" ? packet.source : endpoint(packet.source, packet.sourcePort);
      const last = mapping.remotes.get(remote);
      if (last === undefined || now - last > this.timeout(mapping)) {
        this.refused++;
        return;
      }
    }
    this.inside.route({ ...packet, destination: mapping.address, destinationPort: mapping.port }, now);
  }

  private timeout(mapping: Mapping): number {
    return mapping.protocol === "tcp" ? TCP_TIMEOUT : (this.options.bindingTimeout ?? 120_000);
  }

  private expired(mapping: Mapping, now: number): boolean {
    if (now - mapping.lastUsed <= this.timeout(mapping)) return false;
    this.byKey.delete(mapping.key);
    this.byPort.delete(`${mapping.protocol} ${mapping.externalPort}`);
    return true;
  }

  private map(packet: Packet, now: number): Mapping {
    const behavior = this.options.mapping ?? "endpoint-independent";
    let key = `${packet.protocol} ${endpoint(packet.source, packet.sourcePort)}`;
    if (behavior === "address-dependent") key += ` ${packet.destination}`;
    else if (behavior === "address-and-port-dependent")
      key += ` ${endpoint(packet.destination, packet.destinationPort)}`;
    const known = this.byKey.get(key);
    if (known !== undefined && !this.expired(known, now)) return known;
    const externalPort = this.choosePort(packet, now);
    const mapping: Mapping = {
      protocol: packet.protocol,
      key,
      address: packet.source,
      port: packet.sourcePort,
      externalPort,
      lastUsed: now,
      remotes: new Map(),
    };
    this.byKey.set(key, mapping);
    this.byPort.set(`${packet.protocol} ${externalPort}`, mapping);
    return mapping;
  }

  private choosePort(packet: Packet, now: number): number {
    const free = (port: number): boolean => {
      const key = `${packet.protocol} ${port}`;
      const holder = this.byPort.get(key);
      return !this.burnt.has(key) && (holder === undefined || this.expired(holder, now));
    };
    if (this.options.preservePorts !== false && free(packet.sourcePort)) return packet.sourcePort;
    for (let tries = 0; tries < 65_536; tries++) {
      const port = this.nextPort;
      this.nextPort = port === 65_535 ? 20_000 : port + 1;
      if (free(port)) return port;
    }
    throw new Error(`NAT ${this.name} has no free port`);
  }
}
