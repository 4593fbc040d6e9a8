// Every peer, as offerer and as answerer, through the whole scenario.
import { test } from "node:test";
import { PEERS, ROLES, SUBJECT, wants } from "./lib/peers.mjs";
import { runScenario } from "./lib/steps.mjs";

/** For one peer in one role, all steps together. */
const LIMIT = 180_000;

for (const [name, peer] of Object.entries(PEERS).filter(([name]) => wants(name))) {
  for (const role of ROLES) {
    test(`${peer.title} as ${role}`, { timeout: LIMIT }, async (t) => {
      const missing = peer.missing();
      if (missing) return t.skip(missing);
      t.diagnostic(peer.version());
      const remotes = [];
      try {
        remotes.push(await peer.start(name), await SUBJECT.start("parley"));
        const [theirs, ours] = remotes;
        await runScenario(t, {
          subject: { peer: ours, limits: SUBJECT.limits },
          peer: { peer: theirs, limits: peer.limits },
          role: role === "offerer" ? "answerer" : "offerer",
        });
      } finally {
        await Promise.all(remotes.map((remote) => remote.stop()));
      }
    });
  }
}
