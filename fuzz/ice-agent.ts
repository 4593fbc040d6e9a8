// The ICE agent as a machine: the input is a program of calls, time, sockets that open or break, and packets of a peer
// that knows the credentials and is honest, careless or hostile, as the program says.

import { IceAgent } from "#src/ice/agent.js";
import { MAX_PAIRS, MAX_PEER_REFLEXIVE, MAX_REMOTE_CANDIDATES } from "#src/ice/options.js";
import { nodeCrypto } from "#src/node/crypto.js";
import { parseStunMessage, StunAttribute, StunMessage, StunMethod } from "#src/stun/message.js";
import type { IceCandidate } from "#src/util/ice-candidate.js";
import type { DatagramHandler, DatagramPort, Network, StreamHandler } from "#src/util/net.js";
import { utf8Encode } from "#src/util/text.js";
import { seededCrypto } from "#test/sim/platform.js";
import { Random } from "#test/sim/random.js";
import { Program } from "./program.js";
import type { FuzzTarget } from "./target.js";

const REMOTES = [
  { usernameFragment: "remo", password: "remote-password-of-22-chars" },
  { usernameFragment: "othr", password: "another-password-of-22-char" },
  { usernameFragment: "lite", password: "another-password-of-22-char", iceLite: true },
];
const keys = REMOTES.map((r) => nodeCrypto.createHmac("sha-1", utf8Encode(r.password)));
const MAX_SENT = 512;
/** Timeouts in a row that are due at once: more is a machine that spins. */
const MAX_SPIN = 64;

interface Sent {
  readonly data: Uint8Array;
  readonly socket: Socket;
  readonly address: string;
  readonly port: number;
}

interface Socket {
  readonly handler: DatagramHandler;
  readonly port: DatagramPort;
  open: boolean;
}

class World implements Network {
  readonly sockets: Socket[] = [];
  readonly streams: StreamHandler[] = [];
  readonly waiting: (() => void)[] = [];
  readonly sent: Sent[] = [];
  now = 1000;
  openCount = 0;

  interfaces(): ReturnType<Network["interfaces"]> {
    return [
      { name: "lo", address: "127.0.0.1", family: 4, internal: true },
      { name: "eth0", address: "192.0.2.10", family: 4, internal: false },
      { name: "eth0", address: "2001:db8::10", family: 6, internal: false },
    ];
  }

  openUdp(options: { readonly address: string }, handler: DatagramHandler): { cancel(): void } {
    this.waiting.push(() => {
      const world = this;
      const port: DatagramPort = {
        localAddress: options.address,
        localPort: 50_000 + this.sockets.length,
        send(data, address, remotePort) {
          if (!socket.open) return false;
          world.sent.push({ data, socket, address, port: remotePort });
          if (world.sent.length > MAX_SENT) world.sent.shift();
          return true;
        },
        close() {
          if (socket.open) world.openCount--;
          socket.open = false;
        },
      };
      const socket: Socket = { handler, port, open: true };
      this.openCount++;
      this.sockets.push(socket);
      handler.onOpen(port, this.now);
    });
    return { cancel() {} };
  }

  connectTcp(_options: unknown, handler: StreamHandler): { cancel(): void } {
    this.streams.push(handler);
    return { cancel() {} };
  }

  listenTcp(): { cancel(): void } {
    return { cancel() {} };
  }

  resolve(_name: string, done: (addresses: readonly string[], now: number) => void): { cancel(): void } {
    this.waiting.push(() => done(["198.51.100.7", "bad"], this.now));
    return { cancel() {} };
  }

  publish(): { cancel(): void } {
    return { cancel() {} };
  }
}

function candidate(program: Program): IceCandidate {
  const [kind, n] = [program.byte(), program.byte()];
  const tcp = (kind & 7) === 7;
  return {
    foundation: String(kind & 15),
    component: kind === 255 ? 2 : 1,
    protocol: tcp ? "tcp" : "udp",
    priority: (n << 24) >>> 0,
    address: ["198.51.100.", "2001:db8::", "x.local", "0.0.0.0"][(kind >> 3) & 3]! + ((kind >> 3) & 2 ? "" : n),
    port: 1000 + (n & 7),
    type: (["host", "srflx", "relay", "prflx"] as const)[(kind >> 5) & 3]!,
    tcpType: tcp ? (kind & 128 ? "active" : "passive") : undefined,
    usernameFragment: kind & 128 ? "remo" : undefined,
  };
}

class Fuzz {
  readonly world: World = new World();
  readonly agent: IceAgent;
  readonly program: Program;
  gathered = 0;

  constructor(input: Uint8Array) {
    this.program = new Program(input);
    const flags = this.program.byte();
    this.agent = new IceAgent(
      {
        crypto: seededCrypto(new Random("fuzz")),
        network: this.world,
        role: flags & 1 ? "controlling" : "controlled",
        lite: (flags & 14) === 14,
        mdns: (flags & 48) === 48,
        policy: (flags & 192) === 192 ? "relay" : "all",
        tcp: { active: (flags & 16) !== 0 },
        servers:
          flags & 32
            ? [
                { scheme: "stun", hostname: "203.0.113.1", port: 3478, transport: "udp", url: "stun:a" },
                {
                  scheme: "turn",
                  hostname: "t",
                  port: 3478,
                  transport: "udp",
                  url: "turn:t",
                  username: "u",
                  credential: "p",
                },
                {
                  scheme: "turns",
                  hostname: "t",
                  port: 443,
                  transport: "tcp",
                  url: "turns:t",
                  username: "u",
                  credential: "p",
                },
              ]
            : [],
      },
      {
        onLocalCandidate: () => this.alive("candidate"),
        onCandidateError: () => this.alive("error"),
        onGatheringStateChange: () => this.alive("gathering"),
        onStateChange: () => {},
        onSelectedPairChange: () => this.alive("pair"),
        onRoleChange: () => this.alive("role"),
        onData: () => this.alive("data"),
        onDrained: () => this.alive("drained"),
      },
    );
  }

  private alive(event: string): void {
    if (this.agent?.state === "closed") throw new Error(`${event} after close`);
  }

  private deliver(bytes: Uint8Array, where: number): void {
    const open = this.world.sockets.filter((s) => s.open);
    const socket = open[where % Math.max(1, open.length)];
    const six = socket?.port.localAddress.includes(":");
    socket?.handler.onDatagram(bytes, six ? "2001:db8::7" : "198.51.100.7", 1000 + (where >> 4), this.world.now);
  }

  /** A check of the peer's, with what the flags change about it. */
  private request(): void {
    const { program, agent } = this;
    const [flags, more] = [program.byte(), program.byte()];
    const { usernameFragment, password } = agent.localParameters;
    const message = new StunMessage(
      "request",
      StunMethod.binding,
      nodeCrypto.hash("md5", Uint8Array.of(flags, more)).slice(0, 12),
    );
    message.addText(StunAttribute.username, `${usernameFragment}:${flags & 1 ? "othr" : "remo"}`);
    if (more !== 7) message.addU32(StunAttribute.priority, (more << 22) >>> 0);
    if (flags & 2) message.addFlag(StunAttribute.useCandidate);
    if (flags & 4) message.add(StunAttribute.iceControlling, new Uint8Array(8).fill(flags & 8 ? 255 : 0));
    if (flags & 16)
      message.add(StunAttribute.iceControlled, new Uint8Array(flags & 32 ? 8 : 3).fill(flags & 8 ? 255 : 0));
    if (more === 9) message.addFlag(0x7777);
    const integrity = nodeCrypto.createHmac("sha-1", utf8Encode(flags & 64 && more & 1 ? "wrong" : password));
    const bytes = message.encode(more === 11 ? {} : { integrity, fingerprint: true });
    if (more === 13) bytes[program.byte() % bytes.length]! ^= 1;
    this.deliver(bytes, program.byte());
  }

  /** An answer to something that the agent has sent. */
  private respond(): void {
    const { program, world } = this;
    const [which, flags] = [program.byte(), program.byte()];
    const sent = world.sent[world.sent.length - 1 - (which % Math.max(1, world.sent.length))];
    const asked = sent === undefined ? undefined : parseStunMessage(sent.data);
    if (sent === undefined || asked?.class !== "request" || !sent.socket.open) return;
    const error = (flags & 3) === 3;
    const message = new StunMessage(error ? "error" : "success", asked.method, asked.transactionId);
    if (error) message.addError([487, 403, 400, 401][(flags >> 2) & 3]!, "fuzz");
    else if (flags !== 4) {
      const six = sent.address.includes(":");
      message.addAddress(
        StunAttribute.xorMappedAddress,
        six ? "2001:db8::99" : flags & 4 ? "192.0.2.10" : "203.0.113.99",
        50_000,
      );
    }
    const bytes = message.encode({ integrity: flags & 32 ? undefined : keys[(flags >> 4) & 1], fingerprint: true });
    const port = flags & 64 && flags & 128 ? sent.port + 1 : sent.port;
    sent.socket.handler.onDatagram(bytes, sent.address, port, world.now);
  }

  step(): void {
    const { agent, program, world } = this;
    const op = program.byte();
    switch (op % 16) {
      case 0:
        agent.gather(world.now);
        break;
      case 1:
        for (let n = 1 + (op >> 4); n > 0; n--) world.waiting.shift()?.();
        break;
      case 2:
        agent.setRemoteParameters(REMOTES[(op >> 4) % 3]!, world.now);
        break;
      case 3:
        agent.addRemoteCandidate(candidate(program), world.now);
        break;
      case 4:
      case 5:
        this.request();
        break;
      case 6:
      case 7:
      case 8:
        this.respond();
        break;
      case 9:
        this.deliver(program.bytes(program.byte() & 31), program.byte());
        break;
      case 10:
        world.now += program.byte() * (op & 16 ? 200 : 4);
        agent.handleTimeout(world.now);
        break;
      case 11:
        if (agent.deadline !== Number.POSITIVE_INFINITY) world.now = Math.max(world.now, agent.deadline);
        agent.handleTimeout(world.now);
        break;
      case 12:
        agent.send(program.bytes(4), world.now);
        break;
      case 13:
        if (op & 64) agent.restart(world.now);
        else agent.setRole(op & 16 ? "controlling" : "controlled", world.now);
        break;
      case 14:
        if (op & 64) agent.endOfRemoteCandidates(world.now);
        else world.streams.shift()?.onClose("refused", world.now);
        break;
      case 15: {
        if (op === 255) {
          agent.close(world.now);
          break;
        }
        const socket = world.sockets.find((s) => s.open);
        if (op > 200 && socket !== undefined) {
          socket.port.close();
          socket.handler.onError("broken", world.now);
        } else socket?.handler.onDrained(world.now);
        break;
      }
    }
  }

  check(): void {
    const { agent } = this;
    if (agent.pairs.length > MAX_PAIRS) throw new Error("too many pairs");
    if (agent.remoteCandidates.length > MAX_REMOTE_CANDIDATES + MAX_PEER_REFLEXIVE)
      throw new Error("too many candidates");
    const sorted = agent.pairs.every((pair, i) => i === 0 || agent.pairs[i - 1]!.compare(pair) >= 0);
    if (!sorted) throw new Error("the checklist is out of order");
    const pair = agent.selectedPair;
    if (pair !== undefined && (pair.revoked || !pair.authenticated)) throw new Error("sends without consent");
    if ((agent.state === "connected" || agent.state === "completed") !== (pair !== undefined)) {
      if (agent.state !== "disconnected" && agent.state !== "checking")
        throw new Error(`${agent.state}, but the pair ${pair}`);
    }
    if (Number.isNaN(agent.deadline)) throw new Error("the deadline is not a number");
  }

  /** Left alone it must come to rest, or go on with time passing. */
  settle(): void {
    const { agent, world } = this;
    let spin = 0;
    for (let i = 0; i < 2000 && agent.deadline !== Number.POSITIVE_INFINITY; i++) {
      spin = agent.deadline <= world.now ? spin + 1 : 0;
      if (spin > MAX_SPIN) throw new Error(`spins in state ${agent.state}`);
      world.now = Math.max(world.now, agent.deadline);
      agent.handleTimeout(world.now);
    }
  }
}

function run(input: Uint8Array): void {
  const fuzz = new Fuzz(input);
  while (!fuzz.program.done) {
    fuzz.step();
    fuzz.check();
  }
  fuzz.settle();
  fuzz.check();
  fuzz.agent.close(fuzz.world.now);
  for (const open of fuzz.world.waiting.splice(0)) open();
  for (const stream of fuzz.world.streams.splice(0)) stream.onClose(undefined, fuzz.world.now);
  fuzz.settle();
  if (fuzz.agent.deadline !== Number.POSITIVE_INFINITY) throw new Error("a deadline after close");
  if (fuzz.world.openCount !== 0) throw new Error(`${fuzz.world.openCount} sockets left open`);
}

export const target: FuzzTarget = {
  name: "ice-agent",
  seeds: [
    // Gather, open, credentials, a candidate, checks answered, the peer's checks, data, time, restart, again.
    Uint8Array.of(
      ...[1, 0, 241, 2, 3, 0, 7, 11, 6, 0, 4, 6, 0, 4, 11, 6, 0, 4, 9, 4, 1, 2, 3, 4, 0, 12, 1, 2, 3, 4, 4, 0, 50, 0],
      ...[10 + 16, 30, 6, 0, 4, 10 + 16, 30, 6, 0, 4, 13 + 64, 0, 241, 2, 3, 0, 7, 11, 6, 0, 4, 6, 0, 4, 14 + 64],
    ),
    // Controlled: the peer nominates, first early, then in conflict.
    Uint8Array.of(
      ...[0, 0, 241, 4, 2 + 4, 50, 0, 2, 11, 6, 0, 4, 4, 2, 60, 16, 6, 0, 4, 4, 16 + 32 + 8, 70, 0, 11, 6, 0, 3],
      ...[10 + 16, 255, 10 + 16, 255, 255],
    ),
    // Servers, a relay that is refused, sockets that break.
    Uint8Array.of(...[33, 0, 241, 241, 6, 0, 4, 6, 1, 4, 10 + 16, 255, 14, 14, 3, 0, 7, 2, 11, 207, 207, 10 + 16, 255]),
    // Lite.
    Uint8Array.of(...[14, 0, 241, 2, 4, 2 + 4, 50, 0, 4, 2 + 4, 50, 0, 12, 1, 1, 1, 1, 10 + 16, 200]),
    // Many candidates, names, TCP.
    Uint8Array.of(...[17, 0, 241, 2, ...Array.from({ length: 60 }, (_, i) => [3, i * 4, i]).flat(), 1, 11, 11, 11, 11]),
  ],
  run,
};
