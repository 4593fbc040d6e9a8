import assert from "node:assert/strict";
import { test } from "node:test";
import { ChannelResets } from "./channel-resets.js";

test("a stream lingers until both sides are reset, in either order, or the peer refuses", () => {
  const ours = (resets: ChannelResets): void => resets.handleOutgoing(4, true, 0);
  const theirs = (resets: ChannelResets): void =>
    assert.equal(resets.handleIncoming(4, 0), false, "ours is asked for already");
  const cases: [outgoing: boolean, incoming: boolean, steps: ((resets: ChannelResets) => void)[]][] = [
    [false, false, [ours, theirs]],
    [false, false, [theirs, ours]],
    [true, false, [theirs]],
    [false, true, [ours]],
    [false, false, [(resets) => resets.handleOutgoing(4, false, 0)]],
  ];
  for (const [outgoing, incoming, steps] of cases) {
    const resets = new ChannelResets();
    resets.linger(4, outgoing, incoming);
    assert.equal(resets.lacksIncoming(4), !incoming);
    for (const step of steps) {
      assert.ok(resets.isLingering(4));
      step(resets);
    }
    assert.deepEqual([resets.isLingering(4), resets.lacksIncoming(4)], [false, false]);
  }
});

test("a reset of an unknown stream wants ours, but not when it is repeated", () => {
  const resets = new ChannelResets();
  const comes = (now: number): boolean => {
    const wantsOurs = resets.handleIncoming(4, now);
    if (wantsOurs) resets.handleOutgoing(4, true, now);
    return wantsOurs;
  };
  assert.ok(comes(0));
  assert.ok(!comes(10_000), "soon after");
  assert.ok(comes(10_001), "another, after a while");
  resets.handleData(4);
  assert.ok(comes(10_002), "the stream was used");
  assert.ok(!comes(10_003));
  resets.clear();
  assert.ok(comes(10_004), "another association");
  // One that was refused says nothing.
  assert.ok(resets.handleIncoming(6, 0));
  resets.handleOutgoing(6, false, 0);
  assert.ok(resets.handleIncoming(6, 0));
});

test("a stream that the peer uses again lingers no more, and the answer to come is for the channel before", () => {
  const resets = new ChannelResets();
  resets.linger(4, false, true);
  resets.reuse(4);
  assert.deepEqual([resets.isLingering(4), resets.isReused(4)], [false, true]);
  assert.ok(resets.endReuse(4));
  assert.deepEqual([resets.isReused(4), resets.endReuse(4)], [false, false]);
});
