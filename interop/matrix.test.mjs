// Every peer, as offerer and as answerer, through the whole scenario.
import { PEERS, ROLES, SUBJECT, wants } from "./lib/peers.mjs";
import { runScenario } from "./lib/steps.mjs";
import { peerTest } from "./lib/suite.mjs";

/** For one peer in one role, all steps together. */
const LIMIT = 400_000;

for (const [name, peer] of Object.entries(PEERS).filter(([name]) => wants(name))) {
  for (const role of ROLES) {
    peerTest(`${peer.title} as ${role}`, { limit: LIMIT, missing: peer.missing }, async (t, start) => {
      t.diagnostic(peer.version());
      const theirs = { peer: await start(peer.start(name)), limits: peer.limits };
      const ours = { peer: await start(SUBJECT.start("parley")), limits: SUBJECT.limits };
      await runScenario(t, { subject: ours, peer: theirs, role: role === "offerer" ? "answerer" : "offerer" });
    });
  }
}
