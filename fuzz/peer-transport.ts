// A whole connection after a real handshake, over a network that delivers at once: the input is a program of an attacker
// who sends from anywhere, sees and changes what is on its way, or is the peer itself and speaks SCTP as it likes. Nothing
// may throw into the network (a transport that contained a bug has failed the target), and what is kept stays bounded.
import type { Channel, ChannelHandler } from "#src/datachannel/channels.js";
import { fingerprint, matchesFingerprint } from "#src/dtls/certificate.js";
import type { LocalCertificate } from "#src/peer/certificates.js";
import type { Platform } from "#src/peer/platform.js";
import type { DatagramHandler, DatagramPort, Network } from "#src/util/net.js";
import { seededCrypto } from "#test/sim/platform.js";
import { Random } from "#test/sim/random.js";
import { introduce, TransportSide } from "#test/sim/transport-pair.js";
import { cheapCertificate, cheapCrypto } from "./cheap-crypto.js";
import type { FuzzTarget } from "./target.js";

const MAX_STEPS = 60;
const MAX_IN_FLIGHT = 256;
/** Inputs on one pair of connections, unless it is broken before: setting one up costs as much as a hundred inputs. */
const INPUTS_PER_PAIR = 50;

interface Flying {
  readonly to: Node;
  readonly from: Node;
  readonly data: Uint8Array;
}

/** One side's machine: a socket, a clock and a timer. */
class Node implements Platform {
  readonly crypto;
  readonly timeOrigin = Date.UTC(2030, 0, 1);
  readonly address: string;
  readonly world: World;
  handler: DatagramHandler | undefined;
  timers = new Map<object, { at: number; callback: (now: number) => void }>();

  constructor(world: World, address: string) {
    this.world = world;
    this.address = address;
    this.crypto = { ...seededCrypto(new Random(address)), ...pick(cheapCrypto) };
  }

  now(): number {
    return this.world.now;
  }

  setTimer(callback: (now: number) => void, delay: number): { cancel(): void } {
    const key = {};
    this.timers.set(key, { at: this.world.now + Math.max(1, Math.ceil(delay)), callback });
    return { cancel: () => void this.timers.delete(key) };
  }

  queueTask(): void {}

  readonly network: Network = {
    interfaces: () => [{ name: "eth0", address: this.address, family: 4, internal: false }],
    openUdp: (_options, handler) => {
      const port: DatagramPort = {
        localAddress: this.address,
        localPort: 5000,
        send: (data) => {
          this.world.transmit(this, data);
          return true;
        },
        close: () => {
          this.handler = undefined;
        },
      };
      this.handler = handler;
      handler.onOpen(port, this.world.now);
      return { cancel() {} };
    },
    connectTcp: () => ({ cancel() {} }),
    listenTcp: () => ({ cancel() {} }),
    resolve: () => ({ cancel() {} }),
    publish: () => ({ cancel() {} }),
  };
}

function pick({ createAead, createKeyShare, importPublicKey }: typeof cheapCrypto): Partial<typeof cheapCrypto> {
  return { createAead, createKeyShare, importPublicKey };
}

class World {
  now = 1000;
  readonly nodes: [Node, Node];
  readonly sides: [TransportSide, TransportSide];
  flying: Flying[] = [];
  uses = 0;
  readonly channels: Channel[] = [];

  constructor() {
    this.nodes = [new Node(this, "198.51.100.1"), new Node(this, "198.51.100.2")];
    const base = cheapCertificate();
    const fingerprints = [{ algorithm: "sha-256", value: fingerprint(cheapCrypto, base.der, "sha-256") } as const];
    const certificate: LocalCertificate = { ...base, fingerprints };
    if (!matchesFingerprint(cheapCrypto, base.der, fingerprints)) throw new Error("fingerprint");
    this.sides = this.nodes.map((node) => new TransportSide(node, { maxMessageSize: 10_000 }, certificate)) as never;
    const later: (() => void)[] = [];
    introduce(this.sides[0], this.sides[1], (run) => later.push(run));
    for (const run of later) run();
    for (let i = 0; i < 300 && !this.sides.every(({ connected }) => connected); i++) this.advance();
    if (!this.sides.every(({ connected }) => connected)) throw new Error("does not connect");
  }

  transmit(from: Node, data: Uint8Array): void {
    const to = this.nodes[from === this.nodes[0] ? 1 : 0];
    if (this.flying.length < MAX_IN_FLIGHT) this.flying.push({ from, to, data });
  }

  hand(to: Node, data: Uint8Array, address: string, port = 5000): void {
    const { handler } = to;
    handler?.onDatagram(data, address, port, this.now);
    handler?.onDrained(this.now);
  }

  deliver(): void {
    const batch = this.flying;
    this.flying = [];
    for (const { to, from, data } of batch) this.hand(to, data, from.address);
  }

  /** To the next timer, or what is on its way. */
  advance(): void {
    if (this.flying.length > 0) {
      this.now += 1;
      this.deliver();
      return;
    }
    let at = Number.POSITIVE_INFINITY;
    for (const node of this.nodes) for (const timer of node.timers.values()) at = Math.min(at, timer.at);
    if (at === Number.POSITIVE_INFINITY) return;
    this.now = Math.max(this.now, at);
    for (const node of this.nodes) {
      for (const [key, timer] of [...node.timers]) {
        if (timer.at > this.now) continue;
        node.timers.delete(key);
        timer.callback(this.now);
      }
      if (node.timers.size > 1) throw new Error("more than one timer");
    }
  }

  get usable(): boolean {
    return (
      this.uses < INPUTS_PER_PAIR &&
      this.sides.every(({ connected, dtls, ice }) => {
        const state = ice.at(-1);
        return connected && dtls.at(-1) === "connected" && state !== "failed" && state !== "disconnected";
      })
    );
  }

  check(): void {
    for (const { transport, channels } of this.sides) {
      if (transport.fault !== undefined) throw transport.fault;
      if (channels.length > 2000) throw new Error("more channels than anybody opened");
    }
  }
}

let world: World | undefined;

function step(w: World, next: () => number, bytes: (count: number) => Uint8Array): void {
  const op = next();
  const which = op >> 7;
  const node = w.nodes[which]!;
  const peer = w.nodes[1 - which]!;
  const side = w.sides[which]!;
  switch (op & 15) {
    case 0:
      w.deliver();
      break;
    case 1:
      w.advance();
      break;
    case 2:
      w.hand(node, bytes(next()), peer.address);
      break;
    case 3:
      w.hand(node, bytes(next()), "192.0.2.66", 666);
      break;
    case 4: {
      const flying = w.flying.shift();
      if (flying === undefined) break;
      const data = flying.data.slice();
      for (let i = 1 + (next() & 3); i > 0; i--) data[((next() << 8) | next()) % data.length]! ^= next() || 1;
      w.hand(flying.to, data.subarray(0, data.length - (next() & 1 ? next() % data.length : 0)), flying.from.address);
      break;
    }
    case 5:
      w.flying.splice(next() % Math.max(1, w.flying.length), 1);
      break;
    case 6: {
      const again = w.flying[next() % Math.max(1, w.flying.length)];
      if (again !== undefined) w.hand(again.to, again.data.slice(), next() & 1 ? again.from.address : "192.0.2.66");
      break;
    }
    case 7: {
      const handler = new (class implements ChannelHandler {
        onOpen(): void {}
        onMessage(): void {}
        onBufferedAmountDecrease(): void {}
        onClosing(): void {}
        onClosed(): void {}
        onError(): void {}
      })();
      if (w.channels.length > 100) w.channels.shift()?.close();
      const flags = next();
      const parameters = { label: "l", protocol: "", ordered: (flags & 1) === 0, negotiated: false } as const;
      const limit = flags & 2 ? { maxRetransmits: flags >> 4 } : {};
      w.channels.push(side.transport.openChannel({ ...parameters, ...limit, priority: "low" }, handler));
      break;
    }
    case 8:
      w.channels[next() % Math.max(1, w.channels.length)]?.send(new Uint8Array(next() * 40), (op & 16) !== 0);
      break;
    case 9:
      if (next() > 128) w.channels[next() % Math.max(1, w.channels.length)]?.close();
      break;
    case 10:
    case 11: {
      // The peer itself is hostile: any bytes as an SCTP packet, under the right keys, ports and tag.
      const packet = new Uint8Array(12 + next());
      packet.set([0x13, 0x88, 0x13, 0x88]);
      const { handshake } = w.sides[1 - which]!.transport.sctp as unknown as { handshake: { localTag: number } };
      const tag = handshake.localTag;
      if (!(tag > 0)) throw new Error("no verification tag");
      packet.set([tag >>> 24, tag >>> 16, tag >>> 8, tag], 4);
      packet.set(bytes(packet.length - 12), 12);
      side.transport.dtls!.send(packet);
      break;
    }
    case 12:
      side.transport.dtls!.send(bytes(next()));
      break;
    case 13: {
      const [a, b] = [next(), next()];
      side.transport.addRemoteCandidate({
        foundation: "x",
        component: 1,
        protocol: "udp",
        priority: (a << 24) >>> 0,
        address: `198.51.${a}.${b}`,
        port: b,
        type: "host",
      });
      break;
    }
    case 14:
      side.transport.endOfRemoteCandidates();
      break;
    case 15:
      if (next() > 250) side.transport.close();
      else side.transport.gather();
  }
}

export const target: FuzzTarget = {
  name: "peer-transport",
  seeds: [
    Uint8Array.from([7, 0, 0, 0, 8, 0, 10, 0, 1, 0, 4, 1, 0, 20, 255, 0, 0, 0, 1, 1]),
    Uint8Array.from([135, 2, 0, 0, 8, 0, 99, 6, 0, 1, 0, 0, 5, 0, 1, 1, 9, 200, 0, 0, 0, 1]),
    Uint8Array.from([10, 16, 0, 3, 0, 16, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 51, 14, 0, 0, 0, 1]),
    Uint8Array.from([2, 13, 22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 3, 20, 0, 1, 0, 0, 33, 18, 164, 66, 0, 0, 1]),
    Uint8Array.from([12, 12, 19, 136, 19, 136, 0, 0, 0, 0, 0, 0, 0, 0, 0, 13, 1, 2, 14, 1, 15, 255, 0, 0]),
  ],
  run(input) {
    if (world === undefined || !world.usable) world = new World();
    world.uses++;
    let at = 0;
    const next = (): number => input[at++] ?? 0;
    const bytes = (count: number): Uint8Array => {
      const out = input.slice(at, at + count);
      at += count;
      return out;
    };
    try {
      for (let i = 0; i < MAX_STEPS && at < input.length; i++) step(world, next, bytes);
      world.check();
    } catch (error) {
      world = undefined;
      throw error;
    }
  },
  settled() {
    world?.check();
  },
};
