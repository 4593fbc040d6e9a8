import assert from "node:assert/strict";
import { test } from "node:test";
import type { IceCandidate } from "../util/ice-candidate.js";
import type { DatagramPort } from "../util/net.js";
import { candidatePriority, Foundations, RemoteCandidate, tcpLocalPreference, typePreference } from "./candidate.js";
import { Checklist, isPairable } from "./checklist.js";
import { MAX_PAIRS } from "./options.js";
import { type CandidatePair, IceBase, LocalCandidate } from "./pair.js";

const candidate = (changes: Partial<IceCandidate>): IceCandidate => ({
  foundation: "1",
  component: 1,
  protocol: "udp",
  priority: 1,
  address: "192.0.2.1",
  port: 1000,
  type: "host",
  ...changes,
});

function base(changes: Partial<IceCandidate> = {}): IceBase {
  const c = candidate(changes);
  const port: DatagramPort = { localAddress: c.address, localPort: c.port, send: () => true, close() {} };
  const made = new IceBase(port, {
    type: c.type === "relay" ? "relay" : "host",
    protocol: c.protocol,
    tcpType: c.tcpType,
    localPreference: 65535,
  });
  made.addCandidate(new LocalCandidate(c, made, c.address, c.port));
  return made;
}

const remote = (changes: Partial<IceCandidate> = {}): RemoteCandidate => {
  const c = candidate({ address: "198.51.100.1", ...changes });
  return new RemoteCandidate(c, c.address, undefined);
};

test("priorities are those of RFC 8445 §5.1.2 and RFC 6544 §4.2", () => {
  assert.equal(candidatePriority(126, 65535), 2130706431);
  assert.equal(candidatePriority(0, 65535), 16777215);
  assert.ok(typePreference("host", "udp") > typePreference("prflx", "udp"));
  assert.ok(typePreference("prflx", "udp") > typePreference("srflx", "udp"));
  assert.ok(typePreference("srflx", "udp") > typePreference("host", "tcp"));
  assert.ok(typePreference("srflx", "tcp") > typePreference("relay", "udp", "udp"));
  assert.ok(typePreference("relay", "udp", "udp") > typePreference("relay", "udp", "tcp"));
  assert.ok(typePreference("relay", "udp", "tcp") > typePreference("relay", "udp", "tls"));
  assert.ok(tcpLocalPreference("host", "active", 0) > tcpLocalPreference("host", "passive", 65535));
  assert.ok(tcpLocalPreference("host", "active", 65535) < 65536);
});

test("foundations: the same for the same type, base, server and protocol only", () => {
  const foundations = new Foundations();
  const one = foundations.get("srflx", "192.0.2.1", "udp", "s");
  assert.equal(foundations.get("srflx", "192.0.2.1", "udp", "s"), one);
  const others = [
    foundations.get("host", "192.0.2.1", "udp", "s"),
    foundations.get("srflx", "192.0.2.2", "udp", "s"),
    foundations.get("srflx", "192.0.2.1", "tcp", "s"),
    foundations.get("srflx", "192.0.2.1", "udp", "t"),
  ];
  assert.equal(new Set([one, ...others]).size, 5);
});

test("which candidates make a pair", () => {
  assert.ok(isPairable(base(), remote()));
  assert.ok(!isPairable(base(), remote({ address: "2001:db8::1" })));
  assert.ok(!isPairable(base(), remote({ protocol: "tcp", tcpType: "passive" })));
  const active = base({ protocol: "tcp", tcpType: "active" });
  assert.ok(isPairable(active, remote({ protocol: "tcp", tcpType: "passive" })));
  assert.ok(!isPairable(active, remote({ protocol: "tcp", tcpType: "active" })));
  assert.ok(!isPairable(base({ protocol: "tcp", tcpType: "passive" }), remote({ protocol: "tcp", tcpType: "active" })));
  const six = base({ address: "2001:db8::2" });
  assert.ok(isPairable(six, remote({ address: "2001:db8::1" })));
  assert.ok(!isPairable(six, remote({ address: "fe80::1" })));
});

test("pair priority is RFC 8445 §6.1.2.3, which a double cannot hold", () => {
  const exact = (g: number, d: number): bigint => {
    const [low, high] = g < d ? [g, d] : [d, g];
    return (1n << 32n) * BigInt(low) + 2n * BigInt(high) + (g > d ? 1n : 0n);
  };
  const priorities = [1, 2, 0x7fffffff, 0x7ffffffe, 0x40000000, 0x3fffffff, 2130706431, 1694498815];
  for (const role of ["controlling", "controlled"] as const) {
    const list = new Checklist(role);
    const expected = new Map<CandidatePair, bigint>();
    let port = 1;
    for (const local of priorities) {
      for (const far of priorities) {
        const pair = list.add(base({ priority: local }), remote({ priority: far, port: port++ }))!;
        expected.set(pair, role === "controlling" ? exact(local, far) : exact(far, local));
      }
    }
    for (let i = 1; i < list.pairs.length; i++) {
      assert.ok(expected.get(list.pairs[i - 1]!)! >= expected.get(list.pairs[i]!)!);
    }
    for (const a of list.pairs) {
      for (const b of list.pairs) {
        const difference = expected.get(a)! - expected.get(b)!;
        assert.equal(Math.sign(a.compare(b)), difference > 0n ? 1 : difference < 0n ? -1 : 0);
      }
    }
  }
});

test("one pair of a foundation goes first; success frees the others; with nothing else to do they go anyway", () => {
  const list = new Checklist("controlling");
  const local = base();
  const first = list.add(local, remote({ priority: 10, port: 1 }))!;
  const second = list.add(local, remote({ priority: 9, port: 2 }))!;
  const third = list.add(local, remote({ priority: 8, port: 3, foundation: "other" }))!;
  assert.deepEqual(
    [first, second, third].map((p) => p.state),
    ["waiting", "frozen", "waiting"],
  );
  const take = (): CandidatePair | undefined => {
    const pair = list.nextOrdinary();
    if (pair !== undefined) pair.state = "in-progress";
    return pair;
  };
  assert.equal(take(), first);
  assert.equal(take(), third);
  assert.equal(take(), second, "frozen, but nothing else is left");
  assert.ok(list.hasOrdinary);
  assert.equal(take(), undefined);
  assert.ok(!list.hasOrdinary);
  second.state = "frozen";
  first.state = "succeeded";
  list.thaw(first);
  assert.equal(second.state, "waiting");
  assert.equal(list.add(local, remote({ priority: 1, port: 4 }))!.state, "waiting", "its foundation has succeeded");
});

test("triggered checks come in order, once each", () => {
  const list = new Checklist("controlling");
  const local = base();
  const a = list.add(local, remote({ port: 1 }))!;
  const b = list.add(local, remote({ port: 2 }))!;
  list.trigger(b);
  list.trigger(a);
  list.trigger(b);
  assert.equal(list.nextTriggered(), b);
  assert.equal(list.nextTriggered(), a);
  assert.equal(list.nextTriggered(), undefined);
  list.trigger(a);
  list.remove(a);
  assert.equal(list.nextTriggered(), undefined);
  assert.equal(local.findPair("198.51.100.1", 1), undefined);
});

test("after a nomination only a better class is checked", () => {
  const list = new Checklist("controlling");
  const relay = base({ type: "relay" });
  const direct = base({ address: "192.0.2.2" });
  const relayed = list.add(relay, remote({ port: 1 }))!;
  const host = list.add(direct, remote({ port: 1 }))!;
  relayed.state = "succeeded";
  list.restrict(relayed);
  assert.ok(list.isPending(host));
  host.state = "succeeded";
  const other = list.add(direct, remote({ port: 2 }))!;
  list.restrict(host);
  assert.ok(!list.isPending(other));
  assert.equal(list.nextOrdinary(), undefined);
  list.restrict(undefined);
  assert.equal(list.nextOrdinary(), other);
});

test("full: the least promising pair gives way to a better one only", () => {
  const list = new Checklist("controlling");
  const local = base({ priority: 1000 });
  for (let i = 0; i < MAX_PAIRS; i++) list.add(local, remote({ priority: 100 + i, port: 1 + i, foundation: `${i}` }));
  assert.equal(list.add(local, remote({ priority: 50, port: 9000 })), undefined);
  const better = list.add(local, remote({ priority: 900, port: 9001 }))!;
  assert.equal(list.pairs.length, MAX_PAIRS);
  assert.ok(list.pairs.includes(better));
  assert.ok(!list.pairs.some((pair) => pair.remote.candidate.priority === 100));
  for (const pair of list.pairs) pair.authenticated = true;
  assert.equal(list.add(local, remote({ priority: 999, port: 9002 })), undefined, "nor what the peer has used");
});
