// A client with its server and a peer, in a simulation.
import assert from "node:assert/strict";
import type { LinkOptions } from "#test/sim/link.js";
import type { Host } from "#test/sim/network.js";
import { Simulation } from "#test/sim/simulation.js";
import { RecordingUdp } from "#test/sim/sockets.js";
import { TurnDriver, type TurnDriverOptions } from "#test/sim/turn-driver.js";
import { attachTurnServer, type TurnServer, type TurnServerOptions } from "#test/sim/turn-server.js";

export interface Bed {
  sim: Simulation;
  server: TurnServer;
  serverHost: Host;
  clientHost: Host;
  peer: RecordingUdp;
  peerAddress: string;
  driver(options?: Partial<TurnDriverOptions>): TurnDriver;
  allocated(options?: Partial<TurnDriverOptions>): Promise<TurnDriver>;
}

export const PEER_PORT = 7000;

export async function bed(
  options: TurnServerOptions = {},
  link: LinkOptions = { latency: 20 },
  seed = "turn",
): Promise<Bed> {
  const sim = new Simulation(seed);
  const serverHost = sim.host("turn", { address6: "2001:db8::3478" });
  const clientHost = sim.host("client", { link, address6: true });
  const peerHost = sim.host("peer", { link: { latency: 5 }, address6: true });
  const server = attachTurnServer(serverHost, sim.platform(serverHost).crypto, options);
  const peer = new RecordingUdp(peerHost, peerHost.address(), PEER_PORT);
  await sim.run(0);
  const driver = (more: Partial<TurnDriverOptions> = {}): TurnDriver => {
    const port = more.transport === "tls" ? 5349 : 3478;
    return new TurnDriver(sim, clientHost, { server: { address: server.address, port }, ...more });
  };
  const allocated = async (more: Partial<TurnDriverOptions> = {}): Promise<TurnDriver> => {
    const turn = driver(more);
    await sim.runUntil(() => turn.relay !== undefined || turn.finish !== undefined);
    assert.equal(turn.finish, undefined);
    return turn;
  };
  return { sim, server, serverHost, clientHost, peer, peerAddress: peerHost.address(), driver, allocated };
}

/** Sends both ways, and says whether both arrived. */
export async function exchange(b: Bed, turn: TurnDriver, text = "data"): Promise<boolean> {
  const before = [b.peer.received.length, turn.received.length];
  turn.send(text, b.peerAddress, PEER_PORT);
  await b.sim.run(200);
  b.peer.send(`re: ${text}`, turn.relay!.localAddress, turn.relay!.localPort);
  await b.sim.run(200);
  return b.peer.received.length > before[0]! && turn.received.length > before[1]!;
}
