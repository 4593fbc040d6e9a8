// The TURN client with servers and paths that are broken, hostile or slow.
import assert from "node:assert/strict";
import { test } from "node:test";
import { attachTurnServer } from "#test/sim/turn-server.js";
import { StunAttribute, StunMethod } from "../stun/message.js";
import { bed, exchange, PEER_PORT } from "./client-testing.test.js";

test("loss: everything is asked again until it stands", async () => {
  for (let seed = 0; seed < 20; seed++) {
    const b = await bed({}, { latency: 20, loss: 0.15 }, `loss ${seed}`);
    const turn = await b.allocated();
    for (let i = 0; i < 40; i++) {
      turn.send(`n${i}`, b.peerAddress, PEER_PORT);
      await b.sim.run(100);
      b.peer.send(`re${i}`, turn.relay!.localAddress, turn.relay!.localPort);
    }
    await b.sim.run(5000);
    assert.ok(b.peer.received.length > 20, `${b.peer.received.length} of seed ${seed}`);
    assert.ok(turn.received.length > 20, `${turn.received.length} of seed ${seed}`);
    await b.sim.run(3_600_000);
    assert.equal(turn.finish, undefined, `seed ${seed}`);
  }
});

test("a server whose nonces are always stale is given up", async () => {
  const b = await bed({ nonceLifetime: 0 });
  const turn = b.driver();
  await b.sim.runUntil(() => turn.finish !== undefined);
  assert.deepEqual([turn.finish!.reason, turn.finish!.code], ["refused", 438]);
});

test("an unsigned error for an allocation that stands is not believed", async () => {
  const b = await bed();
  const turn = await b.allocated();
  b.server.rejectUnsigned = (request) =>
    request.method === StunMethod.refresh ? { code: 437, reason: "Allocation Mismatch" } : undefined;
  await b.sim.run(490_000);
  assert.equal(turn.finish, undefined);
  assert.ok(turn.client!.counters.unauthenticated > 0);
  b.server.rejectUnsigned = undefined;
  await b.sim.run(600_000);
  assert.equal(turn.finish, undefined);
});

test("the server restarts: the refresh finds out, and the client ends as expired", async () => {
  const b = await bed();
  const turn = await b.allocated();
  await b.sim.run(10_000);
  b.server.restart();
  await b.sim.runUntil(() => turn.finish !== undefined, 700_000);
  assert.deepEqual([turn.finish!.reason, turn.finish!.code], ["expired", 437]);
  assert.deepEqual(b.clientHost.openSockets(), []);
});

test("the server falls silent: the allocation expires when its time is up, not before", async () => {
  const b = await bed();
  const turn = await b.allocated();
  const start = b.sim.now;
  b.server.up = false;
  await b.sim.runUntil(() => turn.finish !== undefined, 700_000);
  assert.equal(turn.finish!.reason, "expired");
  assert.ok(b.sim.now - start > 599_000 && b.sim.now - start <= 600_000, `${b.sim.now - start}`);
});

test("the server is away for a minute around the refresh: nothing is lost", async () => {
  const b = await bed();
  const turn = await b.allocated();
  await b.sim.run(470_000);
  b.server.up = false;
  await b.sim.run(60_000);
  b.server.up = true;
  await b.sim.run(600_000);
  assert.equal(turn.finish, undefined);
  assert.ok(await exchange(b, turn));
});

test("the connection to the server breaks", async () => {
  const b = await bed();
  const turn = await b.allocated({ transport: "tcp" });
  b.clientHost.detach(b.clientHost.address());
  await b.sim.run(0);
  assert.deepEqual(turn.finish, { reason: "unreachable", code: 701, text: "ENETDOWN" });
  turn.relay!.send(new Uint8Array(10), b.peerAddress, PEER_PORT);
  turn.close();
});

test("300: over UDP the other server is asked, over TCP the owner is told", async () => {
  const b = await bed();
  const other = b.sim.host("other");
  const second = attachTurnServer(other, b.sim.platform(other).crypto, { realm: "elsewhere.example" });
  await b.sim.run(0);
  b.server.alternate = { address: second.address, port: 3478 };
  const turn = await b.allocated();
  assert.equal(turn.relay!.localAddress, second.address);
  assert.deepEqual(turn.client!.server, { address: second.address, port: 3478 });
  assert.ok(await exchange(b, turn));
  const tcp = b.driver({ transport: "tcp" });
  await b.sim.runUntil(() => tcp.finish !== undefined);
  assert.equal(tcp.finish!.reason, "redirected");
  assert.deepEqual(tcp.finish!.alternate, { address: second.address, port: 3478 });
});

test("300 in a circle is given up", async () => {
  const b = await bed();
  const other = b.sim.host("other");
  const second = attachTurnServer(other, b.sim.platform(other).crypto);
  await b.sim.run(0);
  b.server.alternate = { address: second.address, port: 3478 };
  second.alternate = { address: b.server.address, port: 3478 };
  const turn = b.driver();
  await b.sim.runUntil(() => turn.finish !== undefined);
  assert.deepEqual([turn.finish!.reason, turn.finish!.code], ["refused", 300]);
});

test("bytes from anybody but the server are not looked at", async () => {
  const b = await bed();
  const turn = await b.allocated();
  assert.ok(await exchange(b, turn));
  const bytes = Uint8Array.of(0x40, 0, 0, 1, 65);
  const client = turn.client!;
  assert.equal(client.receiveDatagram(bytes, b.server.address, 3479, b.sim.now), false);
  assert.equal(client.receiveDatagram(bytes, b.peerAddress, 3478, b.sim.now), false);
  assert.equal(client.counters.foreign, 2);
  assert.equal(client.receiveDatagram(bytes, b.server.address, 3478, b.sim.now), true);
  assert.deepEqual(turn.texts(), ["re: data", "A"]);
});

test("responses with no integrity or a wrong one are dropped, and the true one is awaited", async () => {
  const b = await bed();
  let forged = 3;
  b.server.tamper = (response, request) => {
    if (response.class !== "success" || request.method !== StunMethod.allocate || forged-- <= 0) return undefined;
    const key = b.sim.platform(b.serverHost).crypto.createHmac("sha-1", new Uint8Array(16));
    return forged === 2 ? { fingerprint: true } : { integrity: key };
  };
  const turn = await b.allocated();
  assert.equal(turn.client!.counters.unauthenticated, 3);
  // The server went on answering retransmissions: 500, 1000, 2000 milliseconds.
  assert.ok(b.sim.now > 3500 && b.sim.now < 4000, `${b.sim.now}`);
});

test("if no response was ever believable, that is what is reported", async () => {
  for (const transport of ["udp", "tcp"] as const) {
    const b = await bed();
    b.server.tamper = (response) => (response.class === "success" ? {} : undefined);
    const turn = b.driver({ transport });
    await b.sim.runUntil(() => turn.finish !== undefined);
    assert.deepEqual(turn.finish, { reason: "unreachable", code: 701, text: "the response was unsigned" });
    assert.ok(transport === "udp" ? b.sim.now >= 39_500 : b.sim.now < 1000);
  }
});

test("an attacker on the path who takes out the password algorithms gets no MD5", async () => {
  const b = await bed({ algorithms: ["sha-256", "md5"] });
  b.server.tamper = (response) => {
    for (;;) {
      const at = response.types.indexOf(StunAttribute.passwordAlgorithms);
      if (at < 0) break;
      response.types.splice(at, 1);
      response.values.splice(at, 1);
    }
    return undefined;
  };
  const turn = b.driver();
  await b.sim.runUntil(() => turn.finish !== undefined);
  assert.deepEqual([turn.finish!.reason, turn.finish!.code], ["refused", 401]);
  assert.equal(b.server.counters.allocate, 0);
});

test("a stream chopped into single bytes", async () => {
  for (const chop of [1, 2, 3, 5, 7]) {
    const b = await bed();
    const turn = await b.allocated({ transport: "tcp", chop });
    for (const text of ["a", "bc", "def", "ghij"]) assert.ok(await exchange(b, turn, text));
    assert.deepEqual(turn.texts(), ["re: a", "re: bc", "re: def", "re: ghij"]);
  }
});

test("a server that speaks something else on the stream", async () => {
  const b = await bed();
  const turn = await b.allocated({ transport: "tcp" });
  turn.client!.receiveStream(new Uint8Array(Buffer.from("SSH-2.0-OpenSSH_9.6\r\n")), b.sim.now);
  assert.equal(turn.finish!.reason, "protocol");
});

test("limits: permissions and channels are bounded, and data finds other ways or is counted", async () => {
  const b = await bed();
  const turn = await b.allocated();
  for (let i = 0; i < 200; i++) turn.send("x", `198.18.0.${i}`, 1000);
  await b.sim.run(1000);
  const { permissions, channels } = b.server.state();
  assert.equal(permissions.length, 128);
  assert.equal(channels.length, 64);
  assert.equal(turn.client!.counters.unsendable, 72);
  for (let i = 0; i < 200; i++) turn.send("x", "198.18.0.1", 1000 + i);
  await b.sim.run(1000);
  assert.equal(b.server.state().channels.length, 64);
  assert.equal(turn.client!.counters.unsendable, 72);
});

test("a slow connection: datagrams are dropped rather than piled up", async () => {
  const b = await bed({}, { latency: 20, rate: 1_000_000 });
  const turn = await b.allocated({ transport: "tcp" });
  assert.ok(await exchange(b, turn));
  for (let i = 0; i < 3000; i++) turn.send(new Uint8Array(1200).fill(200), b.peerAddress, PEER_PORT);
  assert.ok(turn.client!.counters.unsendable > 1500);
  await b.sim.run(60_000);
  assert.ok(await exchange(b, turn, "still alive"));
});

test("a 438 whose nonce takes back the security features is not believed", async () => {
  const b = await bed({ algorithms: ["sha-256", "md5"] });
  const turn = await b.allocated();
  let forged = 1;
  b.server.tamper = (response) => {
    if (response.error?.code !== 438 || forged-- <= 0) return undefined;
    response.values[response.types.indexOf(StunAttribute.nonce)] = new Uint8Array(Buffer.from("plain"));
    return {};
  };
  b.server.expireNonces();
  turn.send("x", b.peerAddress, PEER_PORT);
  await b.sim.run(100);
  assert.ok(turn.client!.counters.unauthenticated > 0);
  await b.sim.run(3000);
  assert.ok(await exchange(b, turn), "the true 438 came in answer to the retransmission");
});

test("an Allocate response that lacks something, or has the wrong family", async () => {
  const spoil = [
    (type: number) => type === StunAttribute.xorRelayedAddress,
    (type: number) => type === StunAttribute.xorMappedAddress,
    (type: number) => type === StunAttribute.lifetime,
  ];
  for (const unwanted of spoil) {
    const b = await bed();
    b.server.tamper = (response, request) => {
      if (response.class !== "success" || request.method !== StunMethod.allocate) return undefined;
      const at = response.types.findIndex(unwanted);
      response.types.splice(at, 1);
      response.values.splice(at, 1);
      return undefined;
    };
    const turn = b.driver();
    await b.sim.runUntil(() => turn.finish !== undefined);
    assert.deepEqual([turn.finish!.reason, turn.finish!.code], ["protocol", 701]);
  }
  const b = await bed();
  b.server.tamper = (response) => {
    const at = response.types.indexOf(StunAttribute.xorRelayedAddress);
    if (at < 0) return undefined;
    response.types.splice(at, 1);
    response.values.splice(at, 1);
    response.addAddress(StunAttribute.xorRelayedAddress, "2001:db8::1", 9);
    return undefined;
  };
  const turn = b.driver();
  await b.sim.runUntil(() => turn.finish !== undefined);
  assert.equal(turn.finish!.reason, "protocol");
});
