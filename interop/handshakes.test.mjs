// Many connections one after the other: none may fail, and none may have to wait for a retransmission timer.
import assert from "node:assert/strict";
import { test } from "node:test";
import { KINDS } from "./lib/channels.mjs";
import { PEERS, SUBJECT, wants } from "./lib/peers.mjs";
import { Session } from "./lib/session.mjs";

const COUNT = Number(process.env.INTEROP_HANDSHAKES ?? 100);
const WITH_PION = Math.max(2, Math.round(COUNT / 4));
/** A handshake this long has lost a flight and waited for the first retransmission of DTLS or SCTP. */
const SLOW = 900;
/** How many of a hundred may be slow: the machine may be busy. */
const SLOW_ALLOWED = 2;

function judge(t, times) {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (part) => Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))]);
  t.diagnostic(`${times.length} handshakes: median ${at(0.5)} ms, 95 % ${at(0.95)} ms, longest ${at(1)} ms`);
  const slow = times.filter((ms) => ms > SLOW).length;
  assert.ok(
    slow <= Math.ceil((times.length * SLOW_ALLOWED) / 100),
    `${slow} of ${times.length} took more than ${SLOW} ms`,
  );
}

if (wants("handshakes")) {
  test(`${COUNT} handshakes of Parley with itself in one process`, { timeout: 30_000 + COUNT * 1000 }, async (t) => {
    if (SUBJECT.standIn) return t.skip("another implementation stands in Parley's place");
    const remote = await SUBJECT.start("parley");
    try {
      const times = [];
      while (times.length < COUNT) {
        const count = Math.min(10, COUNT - times.length);
        const result = await remote.call("handshakes", { count, limit: 10_000 }, 30_000);
        times.push(...result.times);
        assert.equal(result.failed, undefined, `handshake ${times.length + 1} did not come to an open channel in 10 s`);
      }
      judge(t, times);
      assert.deepEqual(remote.strays, []);
    } finally {
      await remote.stop();
    }
  });

  test(`${WITH_PION} handshakes with Pion, roles in turn`, { timeout: 60_000 + WITH_PION * 1000 }, async (t) => {
    const missing = PEERS.pion.missing();
    if (missing) return t.skip(missing);
    const remotes = [await SUBJECT.start("parley"), await PEERS.pion.start("pion")];
    try {
      const [ours, theirs] = [
        { peer: remotes[0], limits: SUBJECT.limits },
        { peer: remotes[1], limits: PEERS.pion.limits },
      ];
      const times = [];
      for (let i = 0; i < WITH_PION; i++) {
        const session = i % 2 === 0 ? new Session(ours, theirs) : new Session(theirs, ours);
        const began = performance.now();
        await session.create();
        const channel = await session.channel(KINDS[0]);
        await session.negotiate();
        await session.opened(channel, 10_000);
        times.push(performance.now() - began);
        await session.close();
      }
      const slow = times.filter((ms) => ms > SLOW).length;
      const longest = Math.round(Math.max(...times));
      t.diagnostic(
        `${slow} of ${WITH_PION} took more than ${SLOW} ms, longest ${longest} ms (Pion itself has some of just over 1 s)`,
      );
    } finally {
      await Promise.all(remotes.map((remote) => remote.stop()));
    }
  });
}
