// A whole simulation: clock, randomness, the internet, hosts, NATs, servers, names, and the checks at the end.

import type { PipeTap } from "./link.js";
import { Nat, type NatOptions } from "./nat.js";
import { type AttachOptions, endpoint, Host, Realm, type World } from "./network.js";
import { VirtualPlatform } from "./platform.js";
import { defaultSeed, Random } from "./random.js";
import { Scheduler } from "./scheduler.js";

export interface HostOptions extends Partial<AttachOptions> {
  /** Adds an IPv6 address in the same realm over the same link. */
  readonly address6?: string | true | undefined;
}

export class Simulation implements World {
  readonly seed: string;
  readonly scheduler: Scheduler = new Scheduler();
  readonly random: Random;
  readonly internet: Realm = new Realm("internet", "203.0.113.", "2001:db8::");
  readonly hosts: Host[] = [];
  readonly dns: Map<string, readonly string[]> = new Map();
  dnsDelay = 5;
  mdnsDelay = 2;
  mdnsTimeout = 3000;
  /** One line per packet and link once `record()` was called. */
  trace: string[] | undefined;
  tap: PipeTap | undefined;
  private readonly platforms = new Map<Host, VirtualPlatform>();
  private privateRealms = 0;

  constructor(seed: string | number = defaultSeed()) {
    this.seed = String(seed);
    this.random = new Random(this.seed);
  }

  get now(): number {
    return this.scheduler.now;
  }

  /** A host with one address, in the internet unless another realm is named. */
  host(name: string, options: HostOptions = {}): Host {
    if (this.hosts.some((h) => h.name === name)) throw new Error(`there is a host ${name} already`);
    const host = new Host(this, name);
    const attachment = host.attach({ realm: this.internet, ...options });
    if (options.address6 !== undefined) {
      host.attach({
        realm: attachment.realm,
        family: 6,
        address: options.address6 === true ? undefined : options.address6,
        interfaceName: attachment.interfaceName,
        link: attachment.link,
      });
    }
    this.hosts.push(host);
    return host;
  }

  /** A NAT and the private realm behind it (`nat.inside`), on the internet unless `outside` is named. */
  nat(name: string, options: Partial<NatOptions> = {}): Nat {
    const n = this.privateRealms++;
    const inside = new Realm(name, `192.168.${n}.`, `fd00:${n.toString(16)}::`);
    const nat = new Nat(this, name, inside, { outside: this.internet, ...options });
    return nat;
  }

  /** The platform of a host; the same one each time. */
  platform(host: Host): VirtualPlatform {
    let platform = this.platforms.get(host);
    if (platform === undefined) {
      platform = new VirtualPlatform(this.scheduler, host, this.random.stream(`crypto/${host.name}`));
      this.platforms.set(host, platform);
    }
    return platform;
  }

  /** Runs for so many virtual milliseconds. */
  async run(duration: number): Promise<void> {
    await this.named(this.scheduler.run(duration));
  }

  /** Runs until it holds; rejects after `timeout` virtual milliseconds. */
  async runUntil(predicate: () => boolean, timeout = 60_000): Promise<void> {
    await this.named(this.scheduler.runUntil(predicate, timeout));
  }

  /** Runs until nothing is left to do. */
  async runUntilIdle(limit = 3_600_000): Promise<void> {
    await this.named(this.scheduler.runUntilIdle(limit));
  }

  /** Runs until the promise is settled. */
  async settle<T>(promise: Promise<T>, timeout = 60_000): Promise<T> {
    return await this.named(this.scheduler.settle(promise, timeout));
  }

  /** Starts writing `trace`. */
  record(): string[] {
    const trace: string[] = [];
    this.trace = trace;
    this.tap = (event, p, pipe, index) => {
      const kind = p.segment === undefined ? "" : ` ${p.segment.kind}${p.segment.fin ? "+fin" : ""}`;
      const from = endpoint(p.source, p.sourcePort);
      const to = endpoint(p.destination, p.destinationPort);
      trace.push(
        `${this.now.toFixed(3)} ${pipe.name} #${index} ${event} ${p.protocol}${kind} ${from} > ${to} ${p.data.length}`,
      );
    };
    return trace;
  }

  /** What is open on any host and which timers wait: empty after a clean end. */
  leftovers(): string[] {
    const out = this.hosts.flatMap((host) => host.openSockets().map((socket) => `${host.name}: ${socket}`));
    for (const [host, platform] of this.platforms) {
      if (platform.pendingTimers > 0) out.push(`${host.name}: ${platform.pendingTimers} timers`);
    }
    return out;
  }

  private async named<T>(promise: Promise<T>): Promise<T> {
    try {
      return await promise;
    } catch (error) {
      // A DOMException's message cannot be set.
      if (error instanceof Error && !(error instanceof DOMException) && !error.message.includes("SIM_SEED="))
        error.message += ` (SIM_SEED=${this.seed})`;
      throw error;
    }
  }
}
