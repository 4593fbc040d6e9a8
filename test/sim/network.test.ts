import assert from "node:assert/strict";
import { test } from "node:test";
import type { StreamHandler } from "#src/util/net.js";
import type { Host } from "./network.js";
import { Simulation } from "./simulation.js";
import { RecordingTcp, RecordingUdp } from "./sockets.js";

test("UDP between two hosts takes both links' time, and batches are drained once", async () => {
  const sim = new Simulation(1);
  const a = sim.host("a", { link: { latency: 10 } });
  const b = sim.host("b", { link: { latency: 5 }, address6: true });
  const sa = new RecordingUdp(a);
  const sb = new RecordingUdp(b, "0.0.0.0", 4000);
  await sim.run(0);
  for (const text of ["one", "two", "three"]) sa.send(text, b.address(), 4000);
  await sim.run(100);
  assert.deepEqual(sb.texts(), ["one", "two", "three"]);
  assert.deepEqual(
    sb.received.map((r) => r.time),
    [15, 15, 15],
  );
  assert.equal(sb.drained, 1);
  sb.send("back", sa.port!.localAddress, sa.port!.localPort);
  await sim.run(100);
  assert.equal(sa.received[0]!.from, `${b.address()}:4000`);
  assert.deepEqual(sim.leftovers().length, 2);
  sa.port!.close();
  sb.port!.close();
  assert.deepEqual(sim.leftovers(), []);
});

test("IPv6, loopback, a port that is taken, a range, an address that is not there", async () => {
  const sim = new Simulation(1);
  const a = sim.host("a", { address6: "2001:db8::77" });
  const b = sim.host("b", { address6: true });
  const s6 = new RecordingUdp(a, "2001:db8::77", 5000);
  const taken = new RecordingUdp(a, "2001:db8::77", 5000);
  const absent = new RecordingUdp(a, "203.0.113.200");
  const t6 = new RecordingUdp(b, b.address(6));
  const loop = new RecordingUdp(a, "127.0.0.1");
  await sim.run(0);
  assert.equal(taken.error, "EADDRINUSE");
  assert.equal(absent.error, "EADDRNOTAVAIL");
  s6.send("six", t6.port!.localAddress, t6.port!.localPort);
  loop.send("self", "127.0.0.1", loop.port!.localPort);
  await sim.run(0);
  assert.deepEqual(t6.received[0]?.from, "[2001:db8::77]:5000");
  assert.deepEqual(loop.texts(), ["self"]);
  assert.deepEqual(
    a.interfaces().map((i) => [i.name, i.address, i.family, i.internal]),
    [
      ["lo", "127.0.0.1", 4, true],
      ["eth0", "203.0.113.1", 4, false],
      ["eth0", "2001:db8::77", 6, false],
    ],
  );
});

test("bytes are copied on delivery, and not before", async () => {
  const sim = new Simulation(1);
  const a = sim.host("a");
  const b = sim.host("b", { link: { latency: 5 } });
  const sa = new RecordingUdp(a);
  const sb = new RecordingUdp(b, b.address(), 1000);
  await sim.run(0);
  const bytes = new Uint8Array([65]);
  sa.send(bytes, b.address(), 1000);
  bytes[0] = 66;
  await sim.run(10);
  assert.deepEqual(sb.texts(), ["B"]);
  bytes[0] = 67;
  assert.equal(sb.received[0]!.data[0], 66);
});

test("an address that goes away: sockets die, fall silent, or follow", async () => {
  const sim = new Simulation(1);
  const peer = sim.host("peer");
  const at = new RecordingUdp(peer, peer.address(), 9);
  for (const fate of ["die", "silent", "follow"] as const) {
    const phone = sim.host(`phone-${fate}`);
    const old = phone.address();
    const socket = new RecordingUdp(phone);
    await sim.run(0);
    phone.changeAddress(old, { realm: sim.internet, sockets: fate, interfaceName: "wlan0" });
    socket.send(fate, peer.address(), 9);
    await sim.run(1);
    assert.equal(socket.error, fate === "die" ? "ENETDOWN" : undefined);
    const got = at.received.find((r) => r.text === fate);
    assert.equal(got?.from.split(":")[0], fate === "follow" ? phone.address() : undefined);
    if (fate === "follow") {
      at.send("hello", phone.address(), socket.port!.localPort);
      await sim.run(1);
      assert.deepEqual(socket.texts(), ["hello"]);
    }
    assert.notEqual(phone.address(), old);
  }
});

test("names: DNS, and multicast DNS within a realm", async () => {
  const sim = new Simulation(1);
  const a = sim.host("a");
  const b = sim.host("b");
  const hidden = sim.host("hidden", { realm: sim.nat("home").inside });
  sim.dns.set("stun.example.org", ["203.0.113.9", "2001:db8::9"]);
  const answers: [string, readonly string[], number][] = [];
  const ask = (host: typeof a, name: string): void => {
    host.resolve(name, (addresses, now) => answers.push([name, addresses, now]));
  };
  const published = b.publish("b.local", b.address());
  hidden.publish("hidden.local", hidden.address());
  ask(a, "STUN.example.org");
  ask(a, "nobody.example.org");
  ask(a, "b.local");
  ask(a, "hidden.local");
  a.resolve("b.local", () => assert.fail("cancelled")).cancel();
  await sim.run(10_000);
  assert.deepEqual(answers, [
    ["b.local", [b.address()], 2],
    ["STUN.example.org", ["203.0.113.9", "2001:db8::9"], 5],
    ["nobody.example.org", [], 5],
    ["hidden.local", [], 3000],
  ]);
  published.cancel();
  assert.deepEqual(b.openSockets(), []);
});

function listen(host: Host, tlsNames?: string[]): RecordingTcp[] {
  const accepted: RecordingTcp[] = [];
  host.listen(
    { address: host.address(), portRange: [443, 443] },
    {
      onListening() {},
      onConnection(): StreamHandler {
        const end = new RecordingTcp();
        accepted.push(end);
        return end;
      },
      onError: (reason) => assert.fail(reason),
    },
    tlsNames,
  );

  return accepted;
}

for (const loss of [0, 0.05, 0.3]) {
  test(`TCP carries every byte in order with ${loss * 100} % loss, and closes`, async () => {
    const sim = new Simulation(`tcp ${loss}`);
    const a = sim.host("a", { link: { latency: 20, loss } });
    const b = sim.host("b", { link: { latency: 20, duplicate: loss, reorder: loss } });
    const accepted = listen(b);
    const client = new RecordingTcp();
    await sim.run(0);
    a.connectTcp({ address: b.address(), port: 443 }, client);
    await sim.runUntil(() => client.port !== undefined);
    const bytes = Buffer.from(Array.from({ length: 60_000 }, (_, i) => (i * 7) & 0x7f)).toString("latin1");
    client.port!.write(new Uint8Array(Buffer.from(bytes, "latin1")));
    await sim.runUntil(() => accepted[0]?.text.length === bytes.length, 600_000);
    assert.equal(accepted[0]!.text, bytes);
    accepted[0]!.port!.write(new Uint8Array(Buffer.from("thanks")));
    accepted[0]!.port!.close();
    await sim.run(0);
    assert.ok(accepted[0]!.closed, "the one who closes hears of it, too");
    await sim.runUntil(() => client.closed);
    assert.equal(client.text, "thanks");
    assert.equal(client.reason, undefined);
    await sim.runUntilIdle();
    assert.deepEqual(a.openSockets(), []);
    assert.deepEqual(b.openSockets(), ["listen 203.0.113.2:443"]);
  });
}

test("TCP: refusal, nobody there, TLS names, giving up", async () => {
  const sim = new Simulation(1);
  const a = sim.host("a", { link: { latency: 10 } });
  const b = sim.host("b");
  const tls = sim.host("tls");
  listen(b);
  listen(tls, ["turn.example.org"]);
  await sim.run(0);
  const outcome = async (address: string, port: number, serverName?: string, verify?: boolean): Promise<string> => {
    const end = new RecordingTcp();
    const options = serverName === undefined ? undefined : { serverName, verify };
    a.connectTcp({ address, port, tls: options }, end);
    await sim.runUntil(() => end.closed || end.port !== undefined, 200_000);
    const result = end.closed ? (end.reason ?? "closed") : "open";
    end.port?.close();
    return result;
  };
  assert.equal(await outcome(b.address(), 443), "open");
  assert.equal(await outcome(b.address(), 80), "ECONNREFUSED");
  assert.equal(await outcome("203.0.113.250", 443), "ETIMEDOUT");
  assert.equal(await outcome(tls.address(), 443, "turn.example.org"), "open");
  assert.equal(await outcome(tls.address(), 443, "evil.example.org"), "ERR_TLS_CERT_ALTNAME_INVALID");
  assert.equal(await outcome(tls.address(), 443, "evil.example.org", false), "open");
  assert.equal(await outcome(tls.address(), 443), "ECONNRESET");
  assert.equal(await outcome(b.address(), 443, "b"), "ERR_SSL_WRONG_VERSION_NUMBER");
  const given = new RecordingTcp();
  a.connectTcp({ address: b.address(), port: 443 }, given).cancel();
  const later = a.connectTcp({ address: b.address(), port: 443 }, given);
  await sim.run(5);
  later.cancel();
  await sim.runUntilIdle();
  assert.equal(given.port, undefined);
  assert.equal(given.closed, false);
});

test("TCP: the address goes away", async () => {
  const sim = new Simulation(1);
  const a = sim.host("a");
  const b = sim.host("b");
  const accepted = listen(b);
  const client = new RecordingTcp();
  await sim.run(0);
  a.connectTcp({ address: b.address(), port: 443 }, client);
  await sim.runUntil(() => accepted[0]?.port !== undefined);
  accepted[0]!.port!.write(new Uint8Array(10));
  await sim.run(100);
  a.detach(a.address());
  assert.equal(client.reason, "ENETDOWN");
  accepted[0]!.port!.write(new Uint8Array(10));
  await sim.runUntil(() => accepted[0]!.closed, 600_000);
  assert.equal(accepted[0]!.reason, "ETIMEDOUT");
});

test("TCP: nobody hears of a connection that stays half open, and it goes with its listener", async () => {
  const sim = new Simulation(1);
  const a = sim.host("a", { link: { latency: 10 } });
  const b = sim.host("b");
  let heard = 0;
  let close = (): void => assert.fail();
  const onConnection = (): undefined => void heard++;
  const onListening = (port: { close(): void }): void => {
    close = () => port.close();
  };
  b.listenTcp({ address: b.address(), portRange: [443, 443] }, { onListening, onConnection, onError: assert.fail });
  await sim.run(0);
  const client = new RecordingTcp();
  a.connectTcp({ address: b.address(), port: 443 }, client);
  await sim.run(15);
  // Its address is gone before the SYN ACK comes.
  a.detach(a.address());
  await sim.run(5000);
  assert.equal(heard, 0);
  close();
  assert.deepEqual(b.openSockets(), []);
  const left = sim.now;
  await sim.runUntilIdle();
  assert.ok(sim.now - left < 1000, "nothing is sent again");
});

test("the same seed gives the same trace, another seed another", async () => {
  const trace = async (seed: string): Promise<string[]> => {
    const sim = new Simulation(seed);
    const lines = sim.record();
    const link = { latency: 10, jitter: 20, loss: 0.1, duplicate: 0.1, reorder: 0.1, rate: 1_000_000 };
    const nat = sim.nat("home", { link });
    const a = sim.host("a", { realm: nat.inside, link });
    const b = sim.host("b", { link });
    const accepted = listen(b);
    const echo = new RecordingUdp(b, b.address(), 7);
    echo.answer = (data, address, port) => echo.send(data, address, port);
    const s = new RecordingUdp(a);
    const client = new RecordingTcp();
    await sim.run(0);
    a.connectTcp({ address: b.address(), port: 443 }, client);
    for (let i = 0; i < 200; i++) {
      s.send(sim.platform(a).crypto.random(50), b.address(), 7);
      await sim.run(5);
      await Promise.resolve();
      client.port?.write(new Uint8Array(100));
    }
    assert.ok(accepted.length === 1 && s.received.length > 50);
    return lines;
  };
  const first = await trace("same");
  assert.ok(first.length > 800);
  assert.deepEqual(await trace("same"), first);
  assert.notDeepEqual(await trace("other"), first);
});

test("a platform counts its timers and draws seeded randomness", async () => {
  const sim = new Simulation("p");
  const platform = sim.platform(sim.host("a"));
  const again = new Simulation("p");
  assert.deepEqual(
    again.platform(again.host("a")).crypto.random(16),
    platform.crypto.random(16),
    "the same seed, the same bytes",
  );
  const log: string[] = [];
  platform.setTimer((now) => log.push(`t${now}`), 10, false);
  const held = platform.setTimer(() => assert.fail(), 20, true);
  platform.queueTask(() => log.push("task"));
  assert.equal(platform.pendingTimers, 2);
  assert.equal(platform.pendingHoldingTimers, 1);
  assert.deepEqual(sim.leftovers(), ["a: 2 timers"]);
  held.cancel();
  await sim.runUntilIdle();
  assert.deepEqual(log, ["task", "t10"]);
  assert.deepEqual(sim.leftovers(), []);
  const key = await sim
    .settle(platform.crypto.generateKeyPairAsync({ name: "ecdsa", namedCurve: "P-256" }))
    .catch((error: unknown) => error);
  assert.ok(key !== undefined);
});
