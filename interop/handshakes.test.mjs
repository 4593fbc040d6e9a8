// Many connections one after the other: none may fail, and none may have to wait for a retransmission timer.
import assert from "node:assert/strict";
import { KINDS } from "./lib/channels.mjs";
import { PEERS, SUBJECT, wants } from "./lib/peers.mjs";
import { Session } from "./lib/session.mjs";
import { peerTest } from "./lib/suite.mjs";

const COUNT = Number(process.env.INTEROP_HANDSHAKES ?? 100);
const WITH_PION = Math.max(2, Math.round(COUNT / 4));
/** A handshake that takes so many milliseconds more than others has lost a flight and waited for the first retransmission of DTLS or SCTP. */
const SLOW = 850;
/** How many of a hundred may be slow: the machine may be busy. */
const SLOW_ALLOWED = 2;

/** Says how long the handshakes took; gives back how many were slow, and the median. */
function summarise(t, times) {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (part) => Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))]);
  const median = at(0.5);
  const limit = median + SLOW;
  const slow = times.filter((ms) => ms > limit).length;
  t.diagnostic(
    `median ${median} ms, 95 % ${at(0.95)} ms, longest ${at(1)} ms; ${slow} of ${times.length} over ${limit} ms`,
  );
  return { slow, median };
}

if (wants("handshakes")) {
  const inOne = `${COUNT} handshakes of Parley with itself in one process`;
  const standsIn = () => (SUBJECT.standIn ? "another implementation stands in Parley's place" : undefined);
  peerTest(inOne, { limit: 30_000 + COUNT * 1000, missing: standsIn }, async (t, start) => {
    const remote = await start(SUBJECT.start("parley"));
    const times = [];
    while (times.length < COUNT) {
      const count = Math.min(10, COUNT - times.length);
      const result = await remote.call("handshakes", { count, limit: 10_000 }, 30_000);
      times.push(...result.times);
      assert.equal(result.failed, undefined, `handshake ${times.length + 1} brought no open channel in 10 s`);
    }
    const { slow, median } = summarise(t, times);
    assert.ok(median < SLOW, `half of the handshakes took ${median} ms`);
    assert.ok(
      slow <= Math.ceil((COUNT * SLOW_ALLOWED) / 100),
      `${slow} of ${COUNT} handshakes took ${SLOW} ms more than usual`,
    );
    assert.deepEqual(remote.strays, []);
  });

  const limit = 60_000 + WITH_PION * 1000;
  peerTest(
    `${WITH_PION} handshakes with Pion, roles in turn`,
    { limit, missing: PEERS.pion.missing },
    async (t, start) => {
      const ours = { peer: await start(SUBJECT.start("parley")), limits: SUBJECT.limits };
      const theirs = { peer: await start(PEERS.pion.start("pion")), limits: PEERS.pion.limits };
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
      // No judgement on the slow ones: Pion has some of just over a second with itself, too.
      summarise(t, times);
      assert.deepEqual(ours.peer.strays, []);
    },
  );
}
