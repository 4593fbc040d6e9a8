// Through coturn, with nothing but relay candidates on Parley's side: over UDP, TCP and TLS.
import assert from "node:assert/strict";
import { after, before } from "node:test";
import { KINDS } from "./lib/channels.mjs";
import { PEERS, ROLES, SUBJECT, wants } from "./lib/peers.mjs";
import { Session } from "./lib/session.mjs";
import { exchange, items } from "./lib/steps.mjs";
import { peerTest } from "./lib/suite.mjs";
import { missingTurn, startTurn } from "./lib/turn.mjs";

const LIMIT = 120_000;

if (wants("relay")) {
  const unavailable = missingTurn();
  let turn;
  before(async () => {
    if (!unavailable) turn = await startTurn();
  });
  after(() => turn?.stop());

  for (const transport of ["udp", "tcp", "tls"]) {
    for (const role of ROLES) {
      const missing = () => unavailable ?? PEERS.chromium.missing();
      peerTest(`relay over ${transport}, Chromium as ${role}`, { limit: LIMIT, missing }, async (t, start) => {
        const other = { peer: await start(PEERS.chromium.start("chromium")), limits: {} };
        const ours = await subject(start, turn, transport, "parley");
        await relayed(t, role === "offerer" ? [other, ours] : [ours, other]);
      });
    }
    // Against itself there is only one role to take.
    peerTest(
      `relay over ${transport} on both sides`,
      { limit: LIMIT, missing: () => unavailable },
      async (t, start) => {
        const first = await subject(start, turn, transport, "parley");
        const second = await subject(start, turn, transport, "parley 2");
        await relayed(t, [first, second]);
      },
    );
  }
}

async function subject(start, { ca, servers }, transport, name) {
  const peer = await start(SUBJECT.start(name, { env: { NODE_EXTRA_CA_CERTS: ca } }));
  return { peer, limits: SUBJECT.limits, config: { iceServers: [servers[transport]], iceTransportPolicy: "relay" } };
}

async function relayed(t, [offerer, answerer]) {
  const session = new Session(offerer, answerer);
  await session.create();
  const channel = await session.channel(KINDS[0]);
  const began = performance.now();
  await session.negotiate();
  await session.opened(channel, 20_000);
  t.diagnostic(`${Math.round(performance.now() - began)} ms to an open channel`);
  const relaying = session.sides.filter(({ config }) => config?.iceTransportPolicy === "relay");
  for (const side of relaying) {
    const types = side.candidates.map(({ candidate }) => / typ (\S+)/.exec(candidate)[1]);
    assert.deepEqual([...new Set(types)], ["relay"], `candidates of ${side.peer.name}`);
    assert.doesNotMatch(side.description.sdp, /^a=candidate:.* typ (host|srflx|prflx)/m);
  }
  await exchange(session, [channel], () => items([0, 1, 1200, 65535]));
  await exchange(session, [channel], () => items(Array(100).fill(10_000)));
  assert.deepEqual(
    relaying.flatMap(({ peer }) => peer.strays),
    [],
  );
  await session.close();
}
