// The servers are held to the rules that clients are held to by them: what a client that does as it should never sees.
import assert from "node:assert/strict";
import { test } from "node:test";
import { longTermKey } from "#src/stun/credentials.js";
import { parseStunMessage, StunAttribute, StunMessage, StunMethod } from "#src/stun/message.js";
import { Simulation } from "./simulation.js";
import { RecordingUdp } from "./sockets.js";
import { attachStunServer } from "./stun-server.js";
import { attachTurnServer, type TurnServerOptions } from "./turn-server.js";

test("a STUN server answers with the address it sees, through NATs", async () => {
  const sim = new Simulation(1);
  const host = sim.host("stun", { address6: true });
  const server = attachStunServer(host);
  const nat = sim.nat("home", { preservePorts: false });
  const client = new RecordingUdp(sim.host("client", { realm: nat.inside }));
  await sim.run(0);
  const crypto = sim.platform(host).crypto;
  const ask = async (extra?: number): Promise<StunMessage> => {
    const request = new StunMessage("request", StunMethod.binding, crypto.random(12));
    if (extra !== undefined) request.addFlag(extra);
    client.send(request.encode(), host.address(), 3478);
    await sim.run(1);
    return parseStunMessage(client.received.at(-1)!.data)!;
  };
  const answer = await ask();
  assert.deepEqual(answer.address(StunAttribute.xorMappedAddress), {
    address: nat.address,
    port: nat.mappings()[0]!.externalPort,
  });
  const unknown = await ask(0x7fff);
  assert.equal(unknown.error!.code, 420);
  assert.deepEqual(unknown.unknownAttributes, [0x7fff]);
  server.error = { code: 500, reason: "Server Error" };
  assert.equal((await ask()).error!.code, 500);
  server.up = false;
  await ask();
  assert.equal(client.received.length, 3);
  assert.equal(server.requests, 3);
});

async function turnBed(options: TurnServerOptions = {}) {
  const sim = new Simulation(1);
  const host = sim.host("turn");
  const crypto = sim.platform(host).crypto;
  const server = attachTurnServer(host, crypto, options);
  const socket = new RecordingUdp(sim.host("client"));
  await sim.run(0);
  const key = longTermKey(crypto, "user", "example.org", "pass");
  const request = (method: number): StunMessage => new StunMessage("request", method, crypto.random(12));
  const send = async (message: StunMessage, signed = true): Promise<StunMessage> => {
    if (signed && nonce !== "") {
      message.addText(StunAttribute.username, "user");
      message.addText(StunAttribute.realm, "example.org").addText(StunAttribute.nonce, nonce);
    }
    const integrity = signed ? crypto.createHmac("sha-1", key) : undefined;
    socket.send(message.encode({ integrity }), server.address, 3478);
    await sim.run(1);
    return parseStunMessage(socket.received.at(-1)!.data)!;
  };
  let nonce = "";
  const allocate = (): StunMessage => request(StunMethod.allocate).addLeadingByte(StunAttribute.requestedTransport, 17);
  const challenge = await send(allocate(), false);
  assert.equal(challenge.error!.code, 401);
  nonce = challenge.text(StunAttribute.nonce)!;
  const peerRequest = (method: number, address: string, channel?: number): StunMessage => {
    const message = request(method).addAddress(StunAttribute.xorPeerAddress, address, 9);
    return channel === undefined ? message : message.addChannelNumber(channel);
  };
  return { sim, server, socket, send, allocate, request, peerRequest };
}

test("TURN: an Allocate that is not right", async () => {
  const { send, request, allocate } = await turnBed();
  assert.equal((await send(request(StunMethod.allocate))).error!.code, 400);
  const tcp = request(StunMethod.allocate).addLeadingByte(StunAttribute.requestedTransport, 6);
  assert.equal((await send(tcp)).error!.code, 442);
  assert.equal((await send(allocate().addLeadingByte(StunAttribute.requestedAddressFamily, 2))).error!.code, 440);
  assert.equal((await send(allocate().addFlag(0x7ffe))).error!.code, 420);
  const first = allocate();
  assert.equal((await send(first)).class, "success");
  assert.equal((await send(allocate())).error!.code, 437, "one allocation for each 5-tuple");
});

test("TURN: an Allocate that is sent again gets the same answer", async () => {
  const { send, allocate, server } = await turnBed();
  const message = allocate();
  const first = await send(message);
  const copy = new StunMessage("request", message.method, message.transactionId);
  copy.addLeadingByte(StunAttribute.requestedTransport, 17);
  const second = await send(copy);
  assert.deepEqual(second.address(StunAttribute.xorRelayedAddress), first.address(StunAttribute.xorRelayedAddress));
  assert.equal(server.relays().length, 1);
});

test("TURN: permissions and channels", async () => {
  const { sim, send, allocate, peerRequest, server } = await turnBed();
  assert.equal((await send(peerRequest(StunMethod.createPermission, "198.51.100.1"))).error!.code, 437);
  await send(allocate());
  server.forbidden = (address) => address === "198.51.100.66";
  assert.equal((await send(peerRequest(StunMethod.createPermission, "198.51.100.66"))).error!.code, 403);
  assert.equal((await send(peerRequest(StunMethod.createPermission, "2001:db8::9"))).error!.code, 443);
  const bind = async (address: string, channel: number): Promise<number> =>
    (await send(peerRequest(StunMethod.channelBind, address, channel))).error?.code ?? 0;
  assert.equal(await bind("198.51.100.1", 0x3fff), 400);
  assert.equal(await bind("198.51.100.1", 0x5000), 400);
  assert.equal(await bind("198.51.100.1", 0x4000), 0);
  assert.equal(await bind("198.51.100.1", 0x4000), 0, "again is a refresh");
  assert.equal(await bind("198.51.100.1", 0x4001), 400, "the peer has another channel");
  assert.equal(await bind("198.51.100.2", 0x4000), 400, "the channel has another peer");
  assert.deepEqual(server.state(), { permissions: ["198.51.100.1"], channels: [0x4000] });
  await sim.run(299_000);
  assert.equal(server.state().permissions.length, 1);
  await sim.run(2000);
  assert.deepEqual(server.state(), { permissions: [], channels: [0x4000] });
});

test("TURN: lifetimes", async () => {
  const { sim, send, allocate, request, server } = await turnBed({ lifetime: 600, maxLifetime: 1800 });
  await send(allocate());
  const refresh = (seconds: number): StunMessage => request(StunMethod.refresh).addU32(StunAttribute.lifetime, seconds);
  assert.equal((await send(refresh(10))).u32(StunAttribute.lifetime), 600);
  assert.equal((await send(refresh(9999))).u32(StunAttribute.lifetime), 1800);
  await sim.run(1_799_000);
  assert.equal(server.relays().length, 1);
  await sim.run(2000);
  assert.equal(server.relays().length, 0);
  assert.equal((await send(refresh(600))).error!.code, 437);
});
