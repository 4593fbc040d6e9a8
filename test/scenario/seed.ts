// One whole scenario from a seed: a network, two peers, channels with messages both ways, something that goes wrong on the
// way, and the end of it all. Throws where anything does not hold that must.
import assert from "node:assert/strict";
import type { RTCPeerConnection as PeerConnection } from "#src/w3c/rtc-peer-connection.js";
import { RTCPeerConnection } from "#src/w3c/rtc-peer-connection.js";
import type { SocketFate } from "#test/sim/network.js";
import type { Random } from "#test/sim/random.js";
import { Simulation } from "#test/sim/simulation.js";
import { signal } from "./signaling.js";
import { drawLink, drawTopology, type Topology } from "./topology.js";
import { type ChannelPlan, ChannelTraffic, type MessagePlan, type Side } from "./traffic.js";

/** Virtual milliseconds until both sides are connected and their first channels open, whatever the links do. */
export const OPEN_LIMIT = 15_000;
/** Until everything is delivered, outages included. */
export const DELIVERY_LIMIT = 900_000;
/** Until nothing is left of closed connections: TURN allocations are given back with retransmissions. */
export const CLOSE_LIMIT = 15_000;

export interface SeedResult {
  readonly seed: string;
  readonly topology: string;
  readonly disruption: string;
  readonly openedAfter: number;
  readonly deliveredAfter: number;
  readonly bytes: number;
  readonly restarts: number;
  readonly steps: number;
}

export interface SeedOptions {
  /** Gets each line of the trace. */
  readonly log?: ((line: string) => void) | undefined;
  /** Packets too. */
  readonly packets?: boolean | undefined;
  /** Links without a rate limit: sizes do not change times. */
  readonly unlimited?: boolean | undefined;
}

const DISRUPTIONS = [
  "none",
  "none",
  "blip",
  "outage",
  "address",
  "realm",
  "rebind",
  "turn",
  "degrade",
  "restart",
] as const;
type Disruption = (typeof DISRUPTIONS)[number];

function drawSize(random: Random): number {
  const kind = random.float();
  if (kind < 0.05) return 0;
  if (kind < 0.6) return random.int(200);
  if (kind < 0.9) return random.int(5000);
  if (kind < 0.98) return random.int(65_536);
  return random.chance(0.3) ? 262_144 : random.int(262_145);
}

function drawMessages(random: Random, reliableOrdered: boolean): MessagePlan[] {
  const count = random.chance(0.15) ? 0 : 1 + random.int(random.chance(0.1) ? 120 : 20);
  const paced = random.chance(0.6);
  return Array.from({ length: count }, () => {
    const isText = random.chance(0.3);
    const size = drawSize(random);
    const pause = paced && random.chance(0.5) ? random.float() * 500 : 0;
    // Elsewhere a message must have room for its number.
    return { isText, size: reliableOrdered ? size : Math.max(8, size), pause };
  });
}

function drawChannels(random: Random): ChannelPlan[] {
  const count = 1 + random.int(5);
  return Array.from({ length: count }, (_, i) => {
    const kind = random.float();
    const ordered = random.chance(0.6);
    const negotiated = random.chance(0.2);
    const reliable = kind < 0.6;
    return {
      label: random.chance(0.1) ? `${i}-ünï😀` : `${i}`,
      protocol: random.chance(0.2) ? "proto" : "",
      ordered,
      ...(reliable ? {} : kind < 0.8 ? { maxRetransmits: random.int(4) } : { maxPacketLifeTime: random.int(2000) }),
      negotiated,
      ...(negotiated ? { id: 100 + i } : {}),
      openedBy: random.chance(0.5) ? "a" : "b",
      ...(i === 0 || random.chance(0.5) ? {} : { openedAt: random.int(3000) }),
      ...(random.chance(0.3) ? { closedBy: random.chance(0.5) ? "a" : "b" } : {}),
      messages: {
        a: drawMessages(random, reliable && ordered),
        b: drawMessages(random, reliable && ordered),
      },
    } satisfies ChannelPlan;
  });
}

class SeedRun {
  readonly sim: Simulation;
  readonly random: Random;
  readonly topology: Topology;
  readonly peers: Readonly<Record<Side, PeerConnection>>;
  readonly traffic: ChannelTraffic[];
  readonly disruption: Disruption;
  readonly options: SeedOptions;
  restarts = 0;
  private readonly failures: unknown[] = [];
  private closing = false;

  constructor(seed: string | number, options: SeedOptions) {
    this.options = options;
    this.sim = new Simulation(seed);
    this.random = this.sim.random.stream("scenario");
    this.topology = drawTopology(this.sim, this.random.stream("topology"), options.unlimited);
    const { a, b } = this.topology;
    this.peers = {
      a: new RTCPeerConnection(a.configuration, a.options),
      b: new RTCPeerConnection(b.configuration, b.options),
    };
    const plans = drawChannels(this.random.stream("channels"));
    const guard = (run: () => void): void => this.guard(run);
    this.traffic = plans.map((plan) => new ChannelTraffic(this.sim, plan, this.log, guard));
    this.disruption = this.random.pick(DISRUPTIONS);
  }

  readonly log = (line: string): void => {
    this.options.log?.(`${this.sim.now.toFixed(1).padStart(9)} ${line}`);
  };

  private guard(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.failures.push(error);
    }
  }

  private check(): void {
    if (this.failures.length > 0) throw this.failures[0];
  }

  async run(): Promise<SeedResult> {
    const { sim, random, traffic, peers } = this;
    this.log(this.topology.description);
    this.log(`disruption: ${this.disruption}`);
    if (this.options.packets === true) this.packets();
    const signaling = signal(sim, peers.a, peers.b, {
      delay: random.float() * 200,
      trickle: random.chance(0.75),
    });
    this.observe();
    for (const t of traffic) if (t.plan.openedAt === undefined) t.open(peers);
    const check = (): void => {
      this.check();
      // An answer that finds the connection closed is no fault.
      if (!this.closing) signaling.check();
    };
    const until = async (what: string, predicate: () => boolean, limit: number): Promise<void> => {
      try {
        await sim.runUntil(() => {
          check();
          return predicate();
        }, limit);
      } catch (error) {
        const status = [what, ...traffic.map((t) => t.status), this.states()].join("\n  ");
        if (error instanceof Error) error.message = `${status}\n  ${error.message}`;
        throw error;
      }
    };

    const connected = (): boolean => peers.a.connectionState === "connected" && peers.b.connectionState === "connected";
    await until(
      "opening",
      () => connected() && traffic.every((t) => t.plan.openedAt !== undefined || t.isOpen || t.a.closed),
      OPEN_LIMIT,
    );
    const openedAfter = sim.now;
    this.log("open");

    for (const t of traffic) {
      if (t.plan.openedAt !== undefined) sim.scheduler.after(t.plan.openedAt, () => this.guard(() => t.open(peers)));
    }
    sim.scheduler.after(random.float() * 3000, () => this.guard(() => this.disrupt()));
    await until("delivery", () => traffic.every((t) => t.done), DELIVERY_LIMIT);
    const deliveredAfter = sim.now;
    this.log("delivered");

    // Whatever is on its way, duplicates and unreliable messages: nothing may come that must not.
    await sim.run(3000 + random.float() * 5000);
    check();
    const order: Side[] = random.chance(0.5) ? ["a", "b"] : ["b", "a"];
    const gap = random.chance(0.5) ? 0 : random.float() * 2000;
    this.closing = true;
    peers[order[0]!].close();
    if (gap > 0) await sim.run(gap);
    peers[order[1]!].close();
    this.log("close()");
    await sim.run(CLOSE_LIMIT);
    check();
    for (const pc of [peers.a, peers.b]) {
      assert.deepEqual([pc.signalingState, pc.connectionState, pc.iceConnectionState], ["closed", "closed", "closed"]);
    }
    for (const { a, b } of traffic) for (const { channel } of [a, b]) assert.equal(channel?.readyState, "closed");
    assert.deepEqual(
      sim.leftovers().filter((line) => !line.startsWith("server: ")),
      [],
    );
    let bytes = 0;
    for (const t of traffic)
      for (const side of ["a", "b"] as const) for (const m of t.plan.messages[side]) bytes += m.size;
    return {
      seed: sim.seed,
      topology: this.topology.kind,
      disruption: this.disruption,
      openedAfter,
      deliveredAfter,
      bytes,
      restarts: this.restarts,
      steps: sim.scheduler.steps,
    };
  }

  private states(): string {
    const of = (pc: PeerConnection): string => `${pc.signalingState}/${pc.connectionState}/${pc.iceConnectionState}`;
    return `states: a ${of(this.peers.a)}, b ${of(this.peers.b)}`;
  }

  private packets(): void {
    this.sim.tap = (event, p, pipe, index) => {
      const kind = p.segment === undefined ? "udp" : `tcp ${p.segment.kind}`;
      const first = p.data[0] === undefined ? "" : `0x${p.data[0].toString(16)}`;
      this.log(
        `    ${pipe.name} #${index} ${event} ${kind} ${p.source}:${p.sourcePort} > ${p.destination}:${p.destinationPort} ${p.data.length} ${first}`,
      );
    };
  }

  private observe(): void {
    const { peers, sim, random } = this;
    // Who restarts ICE, and when: as applications do, on "failed", or some time after "disconnected".
    const restarter = random.pick(["a", "b", "both"] as const);
    const patience = random.chance(0.5) ? undefined : 500 + random.float() * 4000;
    for (const side of ["a", "b"] as const) {
      const pc = peers[side];
      const restart = (): void => {
        this.restarts++;
        this.log(`${side} restartIce()`);
        pc.restartIce();
      };
      pc.addEventListener("datachannel", (event) =>
        this.guard(() => {
          const { channel } = event as Event & { channel: Parameters<ChannelTraffic["a"]["use"]>[0] };
          const t = this.traffic.find((other) => other.plan.label === channel.label);
          assert.ok(t !== undefined, "a channel that nobody opened");
          t[side].use(channel);
        }),
      );
      for (const type of ["signalingstatechange", "iceconnectionstatechange", "icegatheringstatechange"] as const) {
        const state = {
          signalingstatechange: "signalingState",
          iceconnectionstatechange: "iceConnectionState",
          icegatheringstatechange: "iceGatheringState",
        } as const;
        pc.addEventListener(type, () => this.log(`${side} ${state[type]} ${pc[state[type]]}`));
      }
      pc.addEventListener("icecandidate", (event) => {
        const { candidate } = event as Event & { candidate: { candidate: string } | null };
        this.log(`${side} candidate ${candidate?.candidate ?? "null"}`);
      });
      pc.addEventListener("icecandidateerror", (event) => {
        const { url, errorCode, errorText } = event as Event & { url: string; errorCode: number; errorText: string };
        this.log(`${side} candidate error ${url} ${errorCode} ${errorText}`);
      });
      pc.addEventListener("negotiationneeded", () => this.log(`${side} negotiationneeded`));
      pc.addEventListener("connectionstatechange", () => {
        this.log(`${side} connectionState ${pc.connectionState}`);
        if (this.closing || (restarter !== "both" && restarter !== side)) return;
        if (pc.connectionState === "failed") restart();
        else if (pc.connectionState === "disconnected" && patience !== undefined) {
          sim.scheduler.after(patience, () => {
            if (pc.connectionState === "disconnected" && !this.closing) restart();
          });
        }
      });
    }
  }

  private disrupt(): void {
    const { random, topology, disruption, options } = this;
    const side: Side = random.chance(0.5) ? "a" : "b";
    const { host, nat } = topology[side];
    const links = [nat?.link ?? host.link];
    const down = (duration: number): void => {
      this.log(`${side} is cut off for ${duration.toFixed(0)} ms`);
      for (const link of links) link.set({ up: false });
      this.sim.scheduler.after(duration, () => {
        this.log(`${side} is back`);
        for (const link of links) link.set({ up: true });
      });
    };
    const draw = random.float();
    const fate: SocketFate = random.pick(["die", "silent", "follow"]);
    switch (disruption) {
      case "blip":
        down(50 + draw * 4000);
        break;
      case "outage":
        down(5000 + draw * 60_000);
        break;
      case "degrade":
        for (const link of links) link.set({ ...drawLink(random, options.unlimited), mtu: 1280 });
        break;
      case "rebind":
        if (nat !== undefined) {
          this.log(`the NAT of ${side} reboots`);
          nat.rebind();
        }
        break;
      case "restart":
        // Of its own accord, as some applications do when the network changes; sometimes both at once.
        this.log(`${side} restartIce() for no reason`);
        this.peers[side].restartIce();
        if (draw < 0.3) this.peers[side === "a" ? "b" : "a"].restartIce();
        break;
      case "turn":
        if (topology.turn !== undefined) {
          this.log("the TURN server restarts");
          topology.turn.restart();
        }
        break;
      case "address":
      case "realm": {
        const old = host.attachments[0]!;
        // Another address in the same network, over the same link; or, from behind a NAT, out into the open.
        const realm = disruption === "realm" && topology.kind !== "same-nat" ? this.sim.internet : old.realm;
        const family = old.address.includes(":") ? 6 : 4;
        this.log(`${side} moves to another address, its sockets ${fate}`);
        host.changeAddress(old.address, {
          realm,
          family,
          link: realm === old.realm ? old.link : drawLink(random, options.unlimited),
          sockets: fate,
        });
        break;
      }
      default:
    }
  }
}

export async function runSeed(seed: string | number, options: SeedOptions = {}): Promise<SeedResult> {
  return await new SeedRun(seed, options).run();
}
