import assert from "node:assert/strict";
import { test } from "node:test";
import { RecordingUdp } from "#test/sim/sockets.js";
import { TurnDriver } from "#test/sim/turn-driver.js";
import { StunAttribute, StunMethod } from "../stun/message.js";
import { bed, exchange, PEER_PORT } from "./client-testing.test.js";

for (const transport of ["udp", "tcp", "tls"] as const) {
  test(`allocates, relays both ways and closes over ${transport}`, async () => {
    const b = await bed({ tlsNames: ["turn.example.org"] });
    const turn = await b.allocated({ transport });
    assert.equal(turn.relay!.localAddress, b.server.address);
    assert.equal(turn.mapped!.address, b.clientHost.address());
    assert.deepEqual(b.server.relays(), [`${turn.relay!.localAddress} ${turn.relay!.localPort}`]);
    // First a connectivity check, which does not bind a channel.
    turn.send("\u0000\u0001check", b.peerAddress, PEER_PORT);
    await b.sim.run(200);
    assert.equal(b.server.counters.channelBind, 0);
    assert.equal(b.peer.received[0]!.from, `${turn.relay!.localAddress}:${turn.relay!.localPort}`);
    for (const text of ["one", "two?", "three"]) assert.ok(await exchange(b, turn, text));
    assert.deepEqual(b.peer.texts(), ["\u0000\u0001check", "one", "two?", "three"]);
    assert.deepEqual(turn.texts(), ["re: one", "re: two?", "re: three"]);
    assert.equal(turn.received[0]!.from, `${b.peerAddress}:${PEER_PORT}`);
    assert.equal(b.server.counters.channelBind, 1);
    assert.equal(b.server.counters.send, 2, "the check and the first datagram");
    assert.equal(b.server.counters.channelData, 2);
    assert.deepEqual(b.server.state().channels, [0x4000]);
    turn.close();
    await b.sim.runUntil(() => turn.finish !== undefined);
    assert.equal(turn.finish!.reason, "closed");
    assert.deepEqual(b.server.relays(), []);
    await b.sim.runUntilIdle();
    assert.deepEqual(b.clientHost.openSockets(), []);
  });
}

test("IPv6: relayed address, peers, and an IPv4 peer that it cannot reach", async () => {
  const b = await bed();
  const turn = await b.allocated({ family: 6 });
  assert.ok(turn.relay!.localAddress.includes(":"));
  const peer6 = new RecordingUdp(b.sim.host("peer6", { family: 6 }), undefined, 1);
  await b.sim.run(0);
  turn.send("hello", peer6.port!.localAddress, 1);
  turn.send("not there", b.peerAddress, PEER_PORT);
  await b.sim.run(200);
  peer6.send("re", turn.relay!.localAddress, turn.relay!.localPort);
  await b.sim.run(200);
  assert.deepEqual(peer6.texts(), ["hello"]);
  assert.deepEqual(turn.texts(), ["re"]);
  assert.equal(turn.client!.counters.unsendable, 1);
  turn.close();
  await b.sim.runUntil(() => turn.finish !== undefined);
  assert.deepEqual(b.server.relays(), []);
});

test("over IPv6 to the server, too", async () => {
  const b = await bed({ address: "2001:db8::3478" });
  const turn = await b.allocated();
  assert.ok(turn.mapped!.address.includes(":"));
  assert.ok(await exchange(b, turn));
});

for (const options of [
  { algorithms: ["sha-256", "md5"] },
  { algorithms: ["md5", "sha-256"] },
  { algorithms: ["sha-256"], userhash: true },
  { userhash: true },
] as const) {
  test(`credentials: ${JSON.stringify(options)}`, async () => {
    const b = await bed(options);
    const seen = new Set<string>();
    b.server.rejectUnsigned = (request) => {
      if (request.hasIntegrity) seen.add("sha-1");
      if (request.hasIntegritySha256) seen.add("sha-256");
      if (request.has(StunAttribute.username)) seen.add("username");
      if (request.has(StunAttribute.userhash)) seen.add("userhash");
      return undefined;
    };
    const turn = await b.allocated();
    assert.ok(await exchange(b, turn));
    b.server.expireNonces();
    await b.sim.run(1_200_000);
    assert.deepEqual(
      [...seen].sort(),
      ["algorithms" in options ? "sha-256" : "sha-1", "userhash" in options ? "userhash" : "username"].sort(),
    );
    assert.equal(turn.finish, undefined);
  });
}

test("a wrong password, an unknown user: 401, at once", async () => {
  for (const wrong of [{ password: "no" }, { username: "nobody" }]) {
    const b = await bed();
    const turn = b.driver(wrong);
    await b.sim.runUntil(() => turn.finish !== undefined);
    assert.deepEqual([turn.finish!.reason, turn.finish!.code, turn.finish!.text], ["refused", 401, "Unauthorized"]);
    assert.ok(b.sim.now < 200);
    assert.deepEqual(b.clientHost.openSockets(), []);
  }
});

for (const [code, reason] of [
  [486, "Allocation Quota Reached"],
  [508, "Insufficient Capacity"],
  [442, "Unsupported Transport Protocol"],
  [403, "Forbidden"],
  [437, "Allocation Mismatch"],
  [441, "Wrong Credentials"],
] as const) {
  test(`an Allocate refused with ${code}, signed or not`, async () => {
    for (const hook of ["reject", "rejectUnsigned"] as const) {
      const b = await bed();
      b.server[hook] = (request) => (request.method === StunMethod.allocate ? { code, reason } : undefined);
      const turn = b.driver();
      await b.sim.runUntil(() => turn.finish !== undefined);
      assert.deepEqual(turn.finish, { reason: "refused", code, text: reason });
      assert.ok(b.sim.now < 200);
    }
  });
}

test("the quota of the server and an unsupported family, signed", async () => {
  const b = await bed({ quota: 1 });
  await b.allocated();
  const second = b.driver();
  await b.sim.runUntil(() => second.finish !== undefined);
  assert.equal(second.finish!.code, 486);
  const user = await bed();
  user.serverHost.detach("2001:db8::3478");
  const none = user.driver({ family: 6 });
  await user.sim.runUntil(() => none.finish !== undefined);
  assert.deepEqual([none.finish!.reason, none.finish!.code], ["refused", 440]);
});

test("nobody there: 701 after the whole schedule over UDP, at once over TCP", async () => {
  const b = await bed();
  b.server.up = false;
  const turn = b.driver();
  await b.sim.runUntil(() => turn.finish !== undefined);
  assert.deepEqual([turn.finish!.reason, turn.finish!.code], ["unreachable", 701]);
  assert.equal(b.sim.now, 39_500);
  const refused = new TurnDriver(b.sim, b.clientHost, {
    server: { address: b.peerAddress, port: 3478 },
    transport: "tcp",
  });
  await b.sim.runUntil(() => refused.finish !== undefined);
  assert.equal(refused.finish!.text, "ECONNREFUSED");
  const silent = b.driver({ transport: "tcp" });
  await b.sim.runUntil(() => silent.finish !== undefined);
  assert.deepEqual([silent.finish!.reason, silent.finish!.code], ["unreachable", 701]);
});

test("a permission that the server learns of late: what went before is sent again", async () => {
  const b = await bed();
  const turn = await b.allocated();
  let drop = 1;
  // The first CreatePermission is lost; the datagrams behind it reach a server that may not relay them yet.
  b.clientHost.link.up.filter = (packet) =>
    !(packet.data[0] === 0 && packet.data[1] === StunMethod.createPermission && drop-- > 0);
  turn.send("\u0001first", b.peerAddress, PEER_PORT);
  turn.send("\u0001second", b.peerAddress, PEER_PORT);
  await b.sim.run(400);
  assert.deepEqual(b.peer.texts(), []);
  assert.equal(b.server.counters.dropped, 2);
  await b.sim.run(600);
  assert.deepEqual(b.peer.texts(), ["\u0001first", "\u0001second"]);
});

test("a stale nonce in the middle: every request is asked again with the new one", async () => {
  for (const transport of ["udp", "tcp"] as const) {
    const b = await bed({ nonceLifetime: 100_000 });
    const turn = await b.allocated({ transport });
    for (let i = 0; i < 100; i++) {
      assert.ok(await exchange(b, turn, `n${i}`), `round ${i}`);
      await b.sim.run(60_000);
    }
    assert.ok(b.server.counters.errors.get(438)! > 10);
    assert.equal(turn.finish, undefined);
  }
});

test("hours: permission, channel and allocation stay with traffic", async () => {
  const b = await bed();
  const turn = await b.allocated();
  for (let i = 0; i < 8 * 60; i++) {
    assert.ok(await exchange(b, turn, `n${i}`), `minute ${i}`);
    await b.sim.run(60_000);
  }
  assert.equal(b.server.counters.dropped, 0);
  assert.equal(b.server.counters.refusedPeers, 0);
  assert.equal(b.server.counters.send, 1, "all but the first went through the channel");
  // Every 480 s a refresh, every 540 s the channel, every 240 s the permission.
  assert.ok(b.server.counters.refresh >= 59 && b.server.counters.refresh <= 63, `${b.server.counters.refresh}`);
  assert.ok(b.server.counters.channelBind >= 52 && b.server.counters.channelBind <= 56);
});

test("hours of silence: the allocation stays, permission and channel lapse, and come back when needed", async () => {
  const b = await bed();
  const turn = await b.allocated();
  assert.ok(await exchange(b, turn));
  await b.sim.run(1_800_000);
  assert.deepEqual(b.server.state(), { permissions: [b.peerAddress], channels: [] });
  b.peer.send("from the peer first", turn.relay!.localAddress, turn.relay!.localPort);
  await b.sim.run(100);
  assert.equal(turn.texts().at(-1), "from the peer first");
  await b.sim.run(6 * 3_600_000);
  assert.deepEqual(b.server.state(), { permissions: [], channels: [] });
  assert.equal(b.server.relays().length, 1);
  assert.ok(await exchange(b, turn, "again"));
  assert.ok(await exchange(b, turn, "bound again"));
  assert.equal(b.server.state().channels.length, 1);
});

test("a permission without sending: the peer may speak first", async () => {
  const b = await bed();
  const turn = await b.allocated();
  b.peer.send("too early", turn.relay!.localAddress, turn.relay!.localPort);
  await b.sim.run(100);
  turn.client!.permit(b.peerAddress);
  turn.rearm();
  await b.sim.run(100);
  b.peer.send("now", turn.relay!.localAddress, turn.relay!.localPort);
  await b.sim.run(100);
  assert.deepEqual(turn.texts(), ["now"]);
  assert.equal(b.server.counters.refusedPeers, 1);
});

test("a request sent long after the latest input is not retransmitted early", async () => {
  const b = await bed();
  const turn = await b.allocated();
  await b.sim.run(400_000);
  const before = b.server.counters.createPermission;
  turn.send("\u0001x", b.peerAddress, PEER_PORT);
  await b.sim.run(300);
  assert.equal(b.server.counters.createPermission, before + 1);
});

test("a forbidden peer: nothing is sent to it, and the server is left in peace", async () => {
  const b = await bed();
  b.server.forbidden = (address) => address === b.peerAddress;
  const turn = await b.allocated();
  for (let i = 0; i < 50; i++) {
    turn.send(`n${i}`, b.peerAddress, PEER_PORT);
    await b.sim.run(1000);
  }
  assert.equal(b.peer.received.length, 0);
  assert.equal(b.server.counters.createPermission, 1);
  b.server.forbidden = undefined;
  await b.sim.run(60_000);
  assert.ok(await exchange(b, turn, "allowed"));
});

test("a channel that is refused: Send indications go on", async () => {
  const b = await bed();
  b.server.reject = (request) =>
    request.method === StunMethod.channelBind ? { code: 508, reason: "Insufficient Capacity" } : undefined;
  const turn = await b.allocated();
  for (let i = 0; i < 20; i++) assert.ok(await exchange(b, turn, `n${i}`));
  assert.equal(b.server.counters.channelData, 0);
  assert.equal(b.server.counters.errors.get(508), 1);
  await b.sim.run(60_000);
  b.server.reject = undefined;
  assert.ok(await exchange(b, turn));
  assert.ok(await exchange(b, turn));
  assert.equal(b.server.counters.channelData, 1);
});

test("close while allocating gives back what comes; close twice; close when the server is gone", async () => {
  const b = await bed();
  const early = b.driver();
  await b.sim.run(50);
  early.close();
  early.close();
  await b.sim.runUntil(() => early.finish !== undefined);
  assert.equal(early.finish!.reason, "closed");
  assert.equal(early.relay, undefined);
  assert.equal(b.server.counters.allocate, 1);
  assert.deepEqual(b.server.relays(), []);
  const late = await b.allocated();
  await b.sim.run(30_000);
  b.server.up = false;
  const start = b.sim.now;
  late.close();
  await b.sim.runUntil(() => late.finish !== undefined);
  assert.equal(late.finish!.reason, "closed");
  assert.equal(b.sim.now - start, 3000);
  await b.sim.runUntilIdle();
  assert.deepEqual(b.clientHost.openSockets(), []);
});

test("after close nothing but the release is sent", async () => {
  const b = await bed();
  const turn = await b.allocated();
  b.server.up = false;
  turn.send("data", b.peerAddress, PEER_PORT);
  await b.sim.run(10);
  const seen: number[] = [];
  b.clientHost.link.up.tap = (_, packet) => seen.push((packet.data[0]! << 8) | packet.data[1]!);
  turn.close();
  await b.sim.runUntilIdle();
  assert.deepEqual(seen, [StunMethod.refresh, StunMethod.refresh, StunMethod.refresh]);
  assert.equal(turn.finish!.reason, "closed");
});
