// One agent against hand-made packets: what an attacker or a strange peer sends, and what the RFCs have it answer.
import assert from "node:assert/strict";
import { test } from "node:test";
import { IcePeer, signalBetween } from "#test/sim/ice-peers.js";
import type { Host } from "#test/sim/network.js";
import { Simulation } from "#test/sim/simulation.js";
import { RecordingUdp } from "#test/sim/sockets.js";
import { nodeCrypto } from "../node/crypto.js";
import { parseStunMessage, StunAttribute, StunMessage, StunMethod } from "../stun/message.js";
import { utf8Encode } from "../util/text.js";
import type { IceAgentOptions, IceParameters } from "./options.js";

const REMOTE: IceParameters = { usernameFragment: "remo", password: "remote-password-of-22-chars" };

class Bench {
  readonly sim: Simulation = new Simulation(1);
  readonly peer: IcePeer;
  readonly host: Host;
  readonly far: Host;
  /** The remote end, played by the test. */
  readonly socket: RecordingUdp;

  constructor(options: Partial<IceAgentOptions> = {}) {
    this.host = this.sim.host("agent", { link: { latency: 1 } });
    this.far = this.sim.host("far", { link: { latency: 1 } });
    this.peer = new IcePeer(this.sim, this.host, { role: "controlled", ...options });
    this.socket = new RecordingUdp(this.far, this.far.address(), 7000);
  }

  async start(signalled = true): Promise<void> {
    this.peer.do((agent, now) => {
      agent.gather(now);
      agent.setRemoteParameters(REMOTE, now);
    });
    await this.sim.run(1);
    if (!signalled) return;
    this.peer.do((agent, now) =>
      agent.addRemoteCandidate(
        {
          foundation: "1",
          component: 1,
          protocol: "udp",
          priority: 2_130_706_431,
          address: this.far.address(),
          port: 7000,
          type: "host",
        },
        now,
      ),
    );
    await this.sim.run(2);
  }

  get port(): number {
    return this.peer.candidates[0]!.port;
  }

  /** A check as the remote agent would send it. */
  check(
    change: (message: StunMessage) => void = () => {},
    options: { password?: string; username?: string } = {},
  ): Uint8Array {
    const { usernameFragment, password } = this.peer.agent.localParameters;
    const message = new StunMessage("request", StunMethod.binding, nodeCrypto.random(12))
      .addText(StunAttribute.username, options.username ?? `${usernameFragment}:${REMOTE.usernameFragment}`)
      .addU32(StunAttribute.priority, 1_845_501_695);
    change(message);
    const integrity = nodeCrypto.createHmac("sha-1", utf8Encode(options.password ?? password));
    return message.encode({ integrity, fingerprint: true });
  }

  /** Sends and gives the messages that come back within a few milliseconds. */
  async exchange(bytes: Uint8Array, socket: RecordingUdp = this.socket): Promise<StunMessage[]> {
    const before = socket.received.length;
    socket.port!.send(bytes, this.host.address(), this.port);
    await this.sim.run(6);
    return socket.received.slice(before).map((r) => parseStunMessage(r.data)!);
  }

  /** The requests of the agent that have arrived. */
  requests(): StunMessage[] {
    return this.socket.received
      .map((r) => parseStunMessage(r.data))
      .filter((m) => m?.class === "request") as StunMessage[];
  }

  answer(
    request: StunMessage,
    options: { password?: string; type?: "success" | "error"; code?: number } = {},
  ): Uint8Array {
    const message = new StunMessage(options.type ?? "success", StunMethod.binding, request.transactionId);
    if (options.type === "error") message.addError(options.code ?? 487, "Error");
    else message.addAddress(StunAttribute.xorMappedAddress, this.host.address(), this.port);
    const integrity = nodeCrypto.createHmac("sha-1", utf8Encode(options.password ?? REMOTE.password));
    return message.encode({ integrity, fingerprint: true });
  }
}

test("a check of ours is what RFC 8445 §7.1 and §7.2.2 ask for", async () => {
  const bench = new Bench({ role: "controlling" });
  await bench.start();
  const request = bench.requests()[0]!;
  const { usernameFragment } = bench.peer.agent.localParameters;
  assert.equal(request.text(StunAttribute.username), `remo:${usernameFragment}`);
  assert.equal(request.u32(StunAttribute.priority), 110 * 2 ** 24 + 65535 * 256 + 255);
  assert.equal(request.get(StunAttribute.iceControlling)?.length, 8);
  assert.ok(!request.has(StunAttribute.iceControlled));
  assert.ok(!request.has(StunAttribute.useCandidate), "regular nomination");
  assert.ok(request.fingerprint);
  assert.ok(request.verifyIntegrity(nodeCrypto.createHmac("sha-1", utf8Encode(REMOTE.password)), nodeCrypto));
  bench.socket.port!.send(bench.answer(request), bench.host.address(), bench.port);
  await bench.sim.run(10);
  const nomination = bench.requests().at(-1)!;
  assert.ok(nomination.has(StunAttribute.useCandidate));
  assert.notDeepEqual(nomination.transactionId, request.transactionId);
});

test("checks are repeated as the schedule says", async () => {
  const bench = new Bench();
  await bench.start();
  const start = bench.socket.received[0]!.time;
  await bench.sim.run(20_000);
  assert.deepEqual(
    bench.socket.received.map((r) => Math.round(r.time - start)),
    [0, 100, 300, 700, 1500, 3100, 4700, 6300, 7900, 9500, 11100, 12700],
  );
});

test("requests: answers by the book, and nothing changed by what is not the peer's", async () => {
  const bench = new Bench();
  await bench.start(false);
  const { usernameFragment } = bench.peer.agent.localParameters;
  const { agent } = bench.peer;
  const cases: [string, Uint8Array, number | undefined][] = [
    ["no credentials at all", new StunMessage("request", StunMethod.binding, nodeCrypto.random(12)).encode(), 400],
    ["wrong password", bench.check(() => {}, { password: "x" }), 401],
    ["the peer's own password", bench.check(() => {}, { password: REMOTE.password }), 401],
    ["wrong local fragment", bench.check(() => {}, { username: "nope:remo" }), 401],
    ["wrong remote fragment", bench.check(() => {}, { username: `${usernameFragment}:evil` }), 401],
    ["no colon", bench.check(() => {}, { username: usernameFragment }), 401],
    ["unknown attribute", bench.check((m) => m.addFlag(0x7abc)), 420],
    ["not Binding", new StunMessage("request", StunMethod.allocate, nodeCrypto.random(12)).encode(), undefined],
    ["an indication", new StunMessage("indication", StunMethod.binding, nodeCrypto.random(12)).encode(), undefined],
    ["an unasked response", bench.answer(new StunMessage("request", 1, nodeCrypto.random(12))), undefined],
    ["garbage that begins as STUN", Uint8Array.of(0, 1, 2, 3), undefined],
  ];
  for (const [name, bytes, code] of cases) {
    const answers = await bench.exchange(bytes);
    assert.equal(answers.length, code === undefined ? 0 : 1, name);
    assert.equal(answers[0]?.error?.code, code, name);
    if (code === 420) assert.deepEqual(answers[0]!.unknownAttributes, [0x7abc]);
    if (code === 400 || code === 401) assert.ok(!answers[0]!.hasIntegrity, name);
    assert.equal(agent.pairs.length, 0, name);
    assert.equal(agent.remoteCandidates.length, 0, name);
  }
  // No PRIORITY: authenticated, so the answer is, too.
  const { password } = agent.localParameters;
  const key = nodeCrypto.createHmac("sha-1", utf8Encode(password));
  const bare = new StunMessage("request", StunMethod.binding, nodeCrypto.random(12))
    .addText(StunAttribute.username, `${usernameFragment}:remo`)
    .encode({ integrity: key });
  const [answer] = await bench.exchange(bare);
  assert.equal(answer!.error?.code, 400);
  assert.ok(answer!.verifyIntegrity(key, nodeCrypto));
  assert.equal(agent.pairs.length, 0);
  // A good one: answered with where it came from, and checked in turn.
  const good = await bench.exchange(bench.check());
  assert.equal(good[0]!.class, "success");
  assert.deepEqual(good[0]!.address(StunAttribute.xorMappedAddress), { address: bench.far.address(), port: 7000 });
  assert.ok(good[0]!.verifyIntegrity(key, nodeCrypto) && good[0]!.fingerprint);
  assert.equal(good[1]!.class, "request");
  assert.equal(agent.pairs.length, 1);
  assert.equal(agent.remoteCandidates[0]!.type, "prflx");
  assert.equal(agent.remoteCandidates[0]!.priority, 1_845_501_695);
});

test("a flood of unauthenticated requests is not answered without bound", async () => {
  const bench = new Bench();
  await bench.start(false);
  for (let i = 0; i < 500; i++) {
    bench.socket.port!.send(
      bench.check(() => {}, { password: "x" }),
      bench.host.address(),
      bench.port,
    );
  }
  await bench.sim.run(100);
  assert.equal(bench.socket.received.length, 20);
  assert.equal(bench.peer.agent.counters.rejectedRequests, 500);
  const good = await bench.exchange(bench.check());
  assert.equal(good[0]!.class, "success", "the peer's are answered all the same");
});

test("a flood of authenticated requests from everywhere stays within limits", async () => {
  const bench = new Bench();
  await bench.start();
  for (let i = 0; i < 300; i++) {
    const socket = new RecordingUdp(bench.far, bench.far.address(), 10_000 + i);
    await bench.sim.run(1);
    socket.port!.send(bench.check(), bench.host.address(), bench.port);
  }
  await bench.sim.run(100);
  assert.ok(bench.peer.agent.remoteCandidates.length <= 33);
  assert.ok(bench.peer.agent.pairs.length <= 33);
});

test("data only from addresses that have authenticated", async () => {
  const bench = new Bench();
  await bench.start();
  const { peer, socket, sim } = bench;
  const hello = new Uint8Array(100).fill(22);
  socket.port!.send(hello.slice(), bench.host.address(), bench.port);
  await sim.run(5);
  assert.equal(peer.received.length, 0);
  assert.equal(peer.agent.counters.droppedData, 1);
  await bench.exchange(bench.check());
  socket.port!.send(hello.slice(), bench.host.address(), bench.port);
  const stranger = new RecordingUdp(bench.far, bench.far.address(), 7001);
  await sim.run(5);
  stranger.port!.send(hello.slice(), bench.host.address(), bench.port);
  await sim.run(5);
  assert.equal(peer.received.length, 1);
  assert.equal(peer.agent.counters.droppedData, 2);
});

test("forged responses change nothing; an honest one from elsewhere fails the pair", async () => {
  const bench = new Bench();
  await bench.start();
  const { peer, sim } = bench;
  const request = bench.requests()[0]!;
  await bench.exchange(bench.answer(request, { password: "wrong" }));
  await bench.exchange(bench.answer(request, { type: "error", code: 400, password: "wrong" }));
  await bench.exchange(
    new StunMessage("error", StunMethod.binding, request.transactionId).addError(401, "Unauthorized").encode(),
  );
  await bench.exchange(
    new StunMessage("success", StunMethod.binding, request.transactionId)
      .addAddress(StunAttribute.xorMappedAddress, bench.host.address(), bench.port)
      .encode({ fingerprint: true }),
  );
  assert.equal(peer.agent.pairs[0]!.state, "in-progress");
  assert.equal(peer.state, "checking");
  // RFC 8445 §7.2.5.2.1: source and destination must be those of the request.
  const elsewhere = new RecordingUdp(bench.far, bench.far.address(), 7001);
  await sim.run(1);
  await bench.exchange(bench.answer(request), elsewhere);
  assert.equal(peer.agent.pairs[0]!.state, "failed");
  assert.equal(peer.state, "disconnected", "until another candidate comes");
  // The peer's own check revives it.
  await bench.exchange(bench.check());
  const again = bench.requests().at(-1)!;
  await bench.exchange(bench.answer(again));
  assert.equal(peer.state, "connected");
});

test("a response that is repeated, or late after its pair was dealt with, is ignored", async () => {
  const bench = new Bench();
  await bench.start();
  const answer = bench.answer(bench.requests()[0]!);
  await bench.exchange(answer.slice());
  assert.equal(bench.peer.state, "connected");
  const { responsesReceived } = bench.peer.agent.pairs[0]!;
  await bench.exchange(answer.slice());
  assert.equal(bench.peer.agent.pairs[0]!.responsesReceived, responsesReceived);
});

test("role conflicts by tie-breaker, as RFC 8445 §7.3.1.1 has them", async () => {
  const big = new Uint8Array(8).fill(0xff);
  const small = new Uint8Array(8);
  const attributes = { controlling: StunAttribute.iceControlling, controlled: StunAttribute.iceControlled };
  for (const [role, theirs, code, after] of [
    ["controlling", big, undefined, "controlled"],
    ["controlling", small, 487, "controlling"],
    ["controlled", big, 487, "controlled"],
    ["controlled", small, undefined, "controlling"],
  ] as const) {
    const bench = new Bench({ role });
    await bench.start();
    const answers = await bench.exchange(bench.check((m) => m.add(attributes[role], theirs)));
    assert.equal(answers[0]!.error?.code, code, `${role} ${code}`);
    assert.equal(bench.peer.agent.role, after);
    assert.deepEqual(bench.peer.roles, role === after ? [] : [after]);
  }
});

test("in a conflict we yield to nearly every tie-breaker, since not every peer can", async () => {
  const attributes = { controlling: StunAttribute.iceControlling, controlled: StunAttribute.iceControlled };
  for (const [role, theirs, after] of [
    ["controlling", Uint8Array.of(0, 1, 0, 0, 0, 0, 0, 0), "controlled"],
    ["controlled", Uint8Array.of(0xff, 0xfe, 255, 255, 255, 255, 255, 255), "controlling"],
  ] as const) {
    const bench = new Bench({ role });
    await bench.start();
    const answers = await bench.exchange(bench.check((m) => m.add(attributes[role], theirs)));
    assert.equal(answers[0]!.error, undefined);
    assert.equal(bench.peer.agent.role, after);
    // So, too, with a role that was set later.
    const later = new Bench({ role: after });
    later.peer.do((agent, now) => agent.setRole(role, now));
    await later.start();
    await later.exchange(later.check((m) => m.add(attributes[role], theirs)));
    assert.equal(later.peer.agent.role, after);
  }
});

test("after yielding, checks under way are sent anew with the role that we have now", async () => {
  const bench = new Bench({ role: "controlled" });
  await bench.start();
  const [first] = bench.requests();
  assert.ok(first!.has(StunAttribute.iceControlled));
  // The peer drops what claims the role that it has, as Pion does: no answer ever comes.
  await bench.exchange(bench.check((m) => m.add(StunAttribute.iceControlled, new Uint8Array(8))));
  assert.equal(bench.peer.agent.role, "controlling");
  await bench.sim.run(200);
  const again = bench.requests().slice(1);
  assert.ok(again.length > 0);
  for (const request of again) {
    assert.ok(request.has(StunAttribute.iceControlling));
    assert.notDeepEqual(request.transactionId, first!.transactionId);
  }
});

test("a 487 answer switches the role and the tie-breaker, and repeats the check", async () => {
  const bench = new Bench({ role: "controlling" });
  await bench.start();
  const first = bench.requests()[0]!;
  await bench.exchange(bench.answer(first, { type: "error", code: 487 }));
  assert.deepEqual(bench.peer.roles, ["controlled"]);
  const second = bench.requests().at(-1)!;
  assert.ok(second.has(StunAttribute.iceControlled));
  assert.notDeepEqual(second.get(StunAttribute.iceControlled), first.get(StunAttribute.iceControlling));
  // One that never stops is not followed for ever.
  for (let i = 0; i < 50; i++) {
    const last = bench.requests().at(-1)!;
    await bench.exchange(bench.answer(last, { type: "error", code: 487 }));
  }
  assert.ok(bench.peer.roles.length <= 8, `${bench.peer.roles.length}`);
});

test("nominations: before our own check, more than one, and of lower priority later", async () => {
  const bench = new Bench({ role: "controlled" });
  await bench.start();
  const { peer, sim } = bench;
  // Before our check is answered.
  await bench.exchange(bench.check((m) => m.addFlag(StunAttribute.useCandidate)));
  assert.equal(peer.state, "checking");
  await bench.exchange(bench.answer(bench.requests().at(-1)!));
  assert.equal(peer.state, "connected");
  assert.ok(peer.agent.selectedPair!.nominated);
  // Another of lower priority at once: the higher one counts (aggressive nomination).
  const other = new RecordingUdp(bench.far, bench.far.address(), 7001);
  await sim.run(1);
  const nominateOther = async (): Promise<void> => {
    const answers = await bench.exchange(
      bench.check((m) => m.addFlag(StunAttribute.useCandidate)),
      other,
    );
    for (const request of answers.filter((m) => m.class === "request"))
      await bench.exchange(bench.answer(request), other);
  };
  await nominateOther();
  assert.equal(peer.agent.selectedPair!.portNumber, 7000);
  // Repeated seconds later, while the first is not: the peer has moved.
  await sim.run(3500);
  await nominateOther();
  assert.equal(peer.agent.selectedPair!.portNumber, 7001);
});

test("consent: 403 ends it, and a wrong answer does not keep it", async () => {
  const bench = new Bench({ role: "controlled" });
  await bench.start();
  const { peer, sim } = bench;
  await bench.exchange(bench.answer(bench.requests().at(-1)!));
  assert.equal(peer.state, "connected");
  const count = bench.requests().length;
  await sim.runUntil(() => bench.requests().length > count, 7000);
  await bench.exchange(bench.answer(bench.requests().at(-1)!, { type: "error", code: 403 }));
  assert.equal(peer.state, "failed");
  assert.equal(peer.send("x"), false);
});

test("consent is not kept by requests or data of the peer, only by its answers (RFC 7675 §5.1)", async () => {
  const bench = new Bench({ role: "controlled" });
  await bench.start();
  await bench.exchange(bench.answer(bench.requests().at(-1)!));
  for (let i = 0; i < 62; i++) {
    await bench.exchange(bench.check());
    await bench.sim.run(500);
  }
  assert.equal(bench.peer.state, "failed");
  const [answer] = await bench.exchange(bench.check());
  assert.equal(answer!.error?.code, 403, "the peer is not to believe that this works");
});

test("signalled garbage is dropped", async () => {
  const bench = new Bench();
  await bench.start(false);
  const base = { foundation: "1", component: 1, protocol: "udp", priority: 1, type: "host" } as const;
  bench.peer.do((agent, now) => {
    for (const [address, port] of [
      ["0.0.0.0", 5],
      ["::", 5],
      ["224.0.0.1", 5],
      ["ff02::1", 5],
      ["255.255.255.255", 5],
      ["203.0.113.9", 0],
    ] as const) {
      agent.addRemoteCandidate({ ...base, address, port }, now);
    }
    agent.addRemoteCandidate({ ...base, component: 2, address: "203.0.113.9", port: 5 }, now);
    agent.addRemoteCandidate({ ...base, address: "203.0.113.9", port: 5, usernameFragment: "other" }, now);
    agent.addRemoteCandidate({ ...base, address: "no.such.name", port: 5 }, now);
    agent.addRemoteCandidate({ ...base, address: "::ffff:203.0.113.9", port: 6 }, now);
    agent.addRemoteCandidate({ ...base, address: "203.0.113.9", port: 6 }, now);
  });
  await bench.sim.run(100);
  assert.equal(bench.peer.agent.pairs.length, 1);
  assert.equal(bench.peer.agent.pairs[0]!.address, "203.0.113.9");
});

test("the peer's signalled address is taken for what it is when its check came first", async () => {
  const sim = new Simulation(1);
  const a = new IcePeer(sim, sim.host("a"), { role: "controlling" });
  const b = new IcePeer(sim, sim.host("b"), { role: "controlled" });
  signalBetween(a, b, { delay: 5, filter: (_candidate, from) => from === a });
  await sim.runUntil(() => a.connected && b.connected, 100);
  assert.equal(a.agent.selectedPair!.remote.candidate.type, "prflx");
  const pairs = a.agent.pairs.length;
  a.do((agent, now) => agent.addRemoteCandidate(b.candidates[0]!, now));
  assert.equal(a.agent.pairs.length, pairs);
  assert.equal(a.agent.selectedPair!.remote.candidate.type, "host");
  assert.equal(a.selected.at(-1)![1].type, "host");
});
