// Two RTCPeerConnections on two hosts of a simulation, joined by signalling, with one data channel between them: what most
// scenarios begin with.
import assert from "node:assert/strict";
import type { RTCConfiguration, RTCIceServer } from "#src/w3c/configuration.js";
import type { RTCDataChannel } from "#src/w3c/rtc-data-channel.js";
import { RTCPeerConnection } from "#src/w3c/rtc-peer-connection.js";
import type { ServerOptions } from "#src/w3c/server-options.js";
import type { Host } from "#test/sim/network.js";
import type { Simulation } from "#test/sim/simulation.js";
import { attachStunServer, type StunServer } from "#test/sim/stun-server.js";
import { attachTurnServer, type TurnServer, type TurnServerOptions } from "#test/sim/turn-server.js";
import { type Signaling, type SignalingOptions, signal } from "./signaling.js";
import { type ChannelPlan, ChannelTraffic, type Side } from "./traffic.js";

export interface End extends ServerOptions {
  readonly host: Host;
  readonly configuration?: RTCConfiguration | undefined;
}

export class Pair {
  readonly sim: Simulation;
  readonly a: RTCPeerConnection;
  readonly b: RTCPeerConnection;
  readonly signaling: Signaling;
  /** Made by `a`. */
  readonly channel: RTCDataChannel;
  /** The same channel at `b`, once it is there. */
  remote: RTCDataChannel | undefined;
  /** Connection states with their times. */
  readonly states: Readonly<Record<Side, { readonly state: string; readonly at: number }[]>> = { a: [], b: [] };
  readonly traffic: ChannelTraffic[] = [];
  readonly failures: unknown[] = [];

  constructor(sim: Simulation, a: End, b: End, options: SignalingOptions = {}) {
    this.sim = sim;
    const make = ({ host, configuration, ...rest }: End): RTCPeerConnection =>
      new RTCPeerConnection(configuration, { ...rest, platform: sim.platform(host) });
    this.a = make(a);
    this.b = make(b);
    this.signaling = signal(sim, this.a, this.b, options);
    for (const side of ["a", "b"] as const) {
      const pc = this[side];
      pc.addEventListener("connectionstatechange", () => {
        this.states[side].push({ state: pc.connectionState, at: sim.now });
      });
      pc.addEventListener("datachannel", (event) => {
        const { channel } = event as Event & { channel: RTCDataChannel };
        if (channel.label === "data") this.remote = channel;
        else this.traffic.find(({ plan }) => plan.label === channel.label)?.[side].use(channel);
      });
    }
    this.channel = this.a.createDataChannel("data");
  }

  get connected(): boolean {
    return this.a.connectionState === "connected" && this.b.connectionState === "connected";
  }

  check(): void {
    this.signaling.check();
    if (this.failures.length > 0) throw this.failures[0];
  }

  /** Runs until it holds, failing at the first error of the signalling or of a channel's traffic. */
  async until(predicate: () => boolean, limit = 10_000): Promise<void> {
    await this.sim.runUntil(() => {
      this.check();
      return predicate();
    }, limit);
  }

  /** Connected, and the channel open at both ends. */
  async open(limit = 10_000): Promise<this> {
    await this.until(() => this.connected && this.channel.readyState === "open" && this.remote !== undefined, limit);
    return this;
  }

  /** Messages on a channel of their own, each checked; see traffic.ts. Starts at once. */
  transfer(plan: Partial<ChannelPlan> & Pick<ChannelPlan, "messages">): ChannelTraffic {
    const label = `transfer ${this.traffic.length}`;
    const defaults = { label, protocol: "", ordered: true, negotiated: false, openedBy: "a" } as const;
    const traffic = new ChannelTraffic(
      this.sim,
      { ...defaults, ...plan },
      () => {},
      (run) => {
        try {
          run();
        } catch (error) {
          this.failures.push(error);
        }
      },
    );
    this.traffic.push(traffic);
    traffic.open(this);
    return traffic;
  }

  /** `count` messages of `size` bytes each way, `pause` milliseconds apart. */
  exchange(count: number, size: number, pause = 0): ChannelTraffic {
    const messages = Array.from({ length: count }, () => ({ size, isText: false, pause }));
    return this.transfer({ messages: { a: messages, b: messages } });
  }

  /** One message each way over the common channel. */
  async echo(limit = 5000): Promise<void> {
    const heard: unknown[] = [];
    const listener = (event: Event): void => void heard.push((event as Event & { data: unknown }).data);
    this.channel.addEventListener("message", listener, { once: true });
    this.remote!.addEventListener("message", listener, { once: true });
    const text = `at ${this.sim.now}`;
    this.channel.send(`${text} from a`);
    this.remote!.send(`${text} from b`);
    await this.until(() => heard.length === 2, limit);
    assert.deepEqual(heard.sort(), [`${text} from a`, `${text} from b`]);
  }

  /** The selected pair of one side: `host srflx udp`, the relay's own transport where there is one: `relay/tcp host udp`. */
  path(side: Side): string {
    const pair = this[side].sctp!.transport.iceTransport.getSelectedCandidatePair();
    assert.ok(pair !== null);
    const relay = pair.local.relayProtocol === null ? "" : `/${pair.local.relayProtocol}`;
    return `${pair.local.type}${relay} ${pair.remote.type} ${pair.local.protocol}`;
  }

  get isRelayed(): boolean {
    return this.path("a").includes("relay") || this.path("b").includes("relay");
  }

  /** When a side was first in a state; since `from`. */
  timeOf(side: Side, state: string, from = 0): number | undefined {
    return this.states[side].find((entry) => entry.state === state && entry.at >= from)?.at;
  }

  /** Closes both sides; nothing may be left of them. `servers`: hosts whose sockets are not ours. */
  async close(servers: readonly Host[] = []): Promise<void> {
    this.check();
    this.a.close();
    this.b.close();
    await this.sim.run(12_000);
    const theirs = servers.map((host) => `${host.name}: `);
    const left = this.sim.leftovers().filter((line) => !theirs.some((name) => line.startsWith(name)));
    assert.deepEqual(left, []);
  }
}

export const STUN: RTCIceServer = { urls: "stun:stun.example.org" };
export const TURN_UDP: RTCIceServer = { urls: "turn:turn.example.org", username: "user", credential: "pass" };
export const TURN_TCP: RTCIceServer = { ...TURN_UDP, urls: "turn:turn.example.org?transport=tcp" };
export const TURN_TLS: RTCIceServer = { ...TURN_UDP, urls: "turns:turn.example.org?transport=tcp" };

export interface Servers {
  readonly hosts: readonly Host[];
  readonly stun: StunServer;
  readonly turn: TurnServer;
}

/** A STUN and a TURN server on hosts of their own, five milliseconds from the middle of the internet. */
export function addServers(sim: Simulation, options: TurnServerOptions = {}): Servers {
  const stunHost = sim.host("stun", { address: "203.0.113.200", link: { latency: 5 } });
  const turnHost = sim.host("turn", { address: "203.0.113.201", link: { latency: 5 } });
  sim.dns.set("stun.example.org", [stunHost.address()]);
  sim.dns.set("turn.example.org", [turnHost.address()]);
  const turn = attachTurnServer(turnHost, sim.platform(turnHost).crypto, {
    tlsNames: ["turn.example.org"],
    ...options,
  });
  return { hosts: [stunHost, turnHost], stun: attachStunServer(stunHost), turn };
}
