// Data channels over a path that loses records, with every peer: opened, filled from both sides and closed at once, again and
// again. What is lost here delays resets and their answers, where implementations of RFC 6525 differ. (That resets are over
// soon and done once whichever packets are lost, is tested in virtual time: src/sctp/lost-resets.test.ts.)
import assert from "node:assert/strict";
import { fit, KINDS } from "./lib/channels.mjs";
import { LossyPath } from "./lib/lossy-path.mjs";
import { PEERS, SUBJECT, wants } from "./lib/peers.mjs";
import { Session } from "./lib/session.mjs";
import { items } from "./lib/steps.mjs";
import { peerTest } from "./lib/suite.mjs";

const LIMIT = 180_000;
const LOSS = 0.08;
/**
 * Milliseconds without a record after which none is lost for a while: more than Parley's first two timeouts (RTO.Min 200 ms), and less
 * than those of peers that have RFC 9260's RTO.Min. Some take up to a minute to get over a loss after a timeout.
 */
const SILENCE = 700;
const ROUNDS = 4;
const CHANNELS = 3;
/** For one round, in milliseconds: lost resets are asked for again after a timeout or two. */
const PATIENCE = 25_000;

/** A message that the reset overtakes is lost there, with Chromium at the other end as well. */
const LOSES = ["node-datachannel", "wrtc"];
const CANNOT = {
  aiortc: "loss with several ordered streams leaves messages in its reassembly queue",
  webrtcbin: "closing is neither told nor noticed",
  werift: "closing tells the other side nothing",
};

for (const [name, peer] of Object.entries(PEERS)) {
  if (!wants("loss") && !wants(name)) continue;
  const missing = () => peer.missing() || CANNOT[name];
  peerTest(`${peer.title}: channels closed while records are lost`, { limit: LIMIT, missing }, async (t, start) => {
    const path = new LossyPath();
    path.silence = SILENCE;
    t.after(() => path.close());
    const theirs = { peer: await start(peer.start(name)), limits: peer.limits };
    const ours = { peer: await start(SUBJECT.start("parley")), limits: SUBJECT.limits };
    const session = new Session(ours, theirs);
    await session.create();
    if (LOSES.includes(name))
      t.diagnostic("limit: messages that are overtaken by the reset of their channel are lost there");
    const kind = fit(KINDS[0], ours.limits, theirs.limits, new Set());
    const first = await session.channel(kind);
    await session.negotiate({
      trickle: false,
      strip: (side, sdp) => path.replace(side === session.offerer ? 0 : 1, sdp),
    });
    await session.opened(first, 20_000);
    path.dataLoss = LOSS;
    const began = performance.now();
    for (let round = 0; round < ROUNDS; round++) {
      const by = round % 2 === 0 ? "offerer" : "answerer";
      const closer = round < ROUNDS / 2 ? session.offerer : session.answerer;
      const channels = [];
      for (let i = 0; i < CHANNELS; i++) channels.push(await session.channel({ ...kind, name: `${round}.${i}`, by }));
      for (const channel of channels) await session.opened(channel, PATIENCE);
      const other = session.other(closer);
      const what = items(Array(8).fill(8000), ["binary"]);
      for (const channel of channels) await session.send(channel, closer, what);
      for (const channel of channels) await closer.call("closeChannel", { key: channel.keys.get(closer) });
      for (const channel of channels) {
        // Others drop what is queued when a channel is closed; of ours all has to arrive.
        if (closer === session.offerer && !LOSES.includes(name))
          await session.expect(channel, other, what, { limit: PATIENCE });
        for (const side of session.sides) await session.closed(channel, side, PATIENCE);
      }
    }
    t.diagnostic(
      `${path.recordsLost} records lost, ${path.silences} silences, ${Math.round((performance.now() - began) / ROUNDS)} ms a round`,
    );
    assert.ok(path.recordsLost > 5, `${path.recordsLost} records lost`);
    path.dataLoss = 0;
    await session.close();
  });
}
