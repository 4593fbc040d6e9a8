// Through coturn, with nothing but relay candidates on Parley's side: over UDP, TCP and TLS.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { KINDS } from "./lib/channels.mjs";
import { PEERS, ROLES, SUBJECT, wants } from "./lib/peers.mjs";
import { Session } from "./lib/session.mjs";
import { exchange, items } from "./lib/steps.mjs";
import { missingTurn, startTurn } from "./lib/turn.mjs";

const LIMIT = 60_000;

if (wants("relay")) {
  const unavailable = missingTurn();
  let turn;
  before(async () => {
    if (!unavailable) turn = await startTurn();
  });
  after(() => turn?.stop());

  const others = [
    {
      title: "Chromium",
      missing: PEERS.chromium.missing,
      start: () => PEERS.chromium.start("chromium"),
      relayed: false,
    },
    {
      title: `${SUBJECT.title} (relayed too)`,
      missing: () => undefined,
      start: (env) => SUBJECT.start("parley 2", { env }),
      relayed: true,
    },
  ];
  for (const transport of ["udp", "tcp", "tls"]) {
    for (const other of others) {
      // Against itself there is only one role to take.
      for (const role of other.relayed ? ROLES.slice(0, 1) : ROLES) {
        test(`relay over ${transport}: Parley as ${role}, ${other.title}`, { timeout: LIMIT }, async (t) => {
          const missing = unavailable ?? other.missing();
          if (missing) return t.skip(missing);
          await relayed(t, turn, transport, other, role);
        });
      }
    }
  }
}

async function relayed(t, turn, transport, other, role) {
  const env = { NODE_EXTRA_CA_CERTS: turn.ca };
  const config = { iceServers: [turn.servers[transport]], iceTransportPolicy: "relay" };
  const remotes = [];
  try {
    remotes.push(await SUBJECT.start("parley", { env }), await other.start(env));
    const ours = { peer: remotes[0], limits: SUBJECT.limits, config };
    const theirs = { peer: remotes[1], limits: {}, config: other.relayed ? config : {} };
    const session = role === "offerer" ? new Session(ours, theirs) : new Session(theirs, ours);
    await session.create();
    const channel = await session.channel(KINDS[0]);
    const began = performance.now();
    await session.negotiate();
    await session.opened(channel, 20_000);
    t.diagnostic(`${Math.round(performance.now() - began)} ms to an open channel`);
    const relaying = other.relayed ? session.sides : session.sides.filter(({ peer }) => peer === remotes[0]);
    for (const side of relaying) {
      const types = side.candidates.map(({ candidate }) => / typ (\S+)/.exec(candidate)[1]);
      assert.deepEqual([...new Set(types)], ["relay"], `candidates of ${side.peer.name}`);
      assert.doesNotMatch(side.description.sdp, /^a=candidate:.* typ (host|srflx|prflx)/m);
    }
    await exchange(session, [channel], () => items([0, 1, 1200, 65535].filter((n) => n > 0 || !SUBJECT.limits.empty)));
    await exchange(session, [channel], () => items(Array(100).fill(10_000)));
    assert.deepEqual(remotes[0].strays, []);
    await session.close();
  } finally {
    await Promise.all(remotes.map((remote) => remote.stop()));
  }
}
