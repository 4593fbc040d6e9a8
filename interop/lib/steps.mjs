// The scenario every peer goes through: each step a subtest with its own limit.
import assert from "node:assert/strict";
import { fit, KINDS, SIZES } from "./channels.mjs";
import { nextSeed, Session } from "./session.mjs";

/** A receiver without `a=max-message-size` takes this many bytes (RFC 8841 §6.1). */
const DEFAULT_MESSAGE_SIZE = 65536;
/** The most that is tried of a receiver that names no limit or a very large one. */
const LARGEST_TRIED = 16 << 20;

/** The largest message from `sender` to `receiver`: what the latter's description says, and what is known about both. */
async function largest(sender, receiver) {
  const said = /^a=max-message-size:(\d+)/m.exec(receiver.description.sdp);
  const announced = said ? Number(said[1]) || Number.POSITIVE_INFINITY : DEFAULT_MESSAGE_SIZE;
  const { maxMessageSize } = await sender.call("facts");
  const known = [receiver.limits.message?.bytes, sender.limits.sends?.bytes, maxMessageSize];
  return Math.min(announced, LARGEST_TRIED, ...known.filter((bytes) => typeof bytes === "number"));
}

export const items = (sizes, kinds = ["text", "binary"]) =>
  sizes.flatMap((size) => kinds.map((kind) => ({ kind, size, seed: nextSeed() })));

/**
 * Runs the scenario as subtests of `t`. `subject` and `peer` are { peer: Remote, limits }; `role` is the subject's.
 * A step after a failed one is skipped, and says so.
 */
export async function runScenario(t, { subject, peer, role }) {
  const notes = new Set();
  const skip = { ...subject.limits.skip, ...peer.limits.skip };
  for (const { limits } of [subject, peer]) {
    if (limits.empty) notes.add(`it sends no empty messages: ${limits.empty}`);
    if (limits.takesEmpty) notes.add(`it is sent no empty messages: ${limits.takesEmpty}`);
    if (limits.complete) notes.add(`all candidates with the description: ${limits.complete}`);
    if (limits.sends) notes.add(`it sends messages of ${limits.sends.bytes} bytes at most: ${limits.sends.reason}`);
    if (limits.message)
      notes.add(`it takes messages of ${limits.message.bytes} bytes at most: ${limits.message.reason}`);
    for (const [name, what] of Object.entries(limits.facts ?? {})) notes.add(`${name} not checked there: ${what}`);
  }
  const [offerer, answerer] = role === "offerer" ? [subject, peer] : [peer, subject];
  const kinds = KINDS.map((kind) => {
    const [creator, other] = kind.by === "answerer" ? [answerer, offerer] : [offerer, answerer];
    return fit(kind, creator.limits, other.limits, notes);
  });
  for (const note of notes) t.diagnostic(`limit: ${note}`);

  const session = new Session(offerer, answerer);
  const ours = role === "offerer" ? session.offerer : session.answerer;
  const theirs = session.other(ours);
  const channels = [];
  const byName = (name) => channels.find(({ kind }) => kind.name === name);
  /** Side → the largest message it can send. */
  const limit = new Map();
  let failed;

  const step = (name, key, timeout, run) =>
    t.test(name, { timeout, skip: skip[key] ?? false }, async (s) => {
      if (failed) return s.skip(`not reached: "${failed}" failed`);
      try {
        await run(s);
      } catch (error) {
        failed = name;
        for (const trouble of session.trouble.splice(0)) s.diagnostic(trouble);
        throw error;
      }
    });

  await step("connect", "connect", 90_000, async (s) => {
    const began = performance.now();
    await session.create();
    for (const kind of kinds.filter(({ early }) => early)) channels.push(await session.channel(kind));
    await session.negotiate();
    for (const channel of channels) await session.opened(channel);
    s.diagnostic(`${Math.round(performance.now() - began)} ms to ${channels.length} open channels`);
    assert.deepEqual(session.trouble, [], "every candidate is taken");
  });

  await step("20 channels", "channels", 90_000, async () => {
    const late = [];
    for (const kind of kinds.filter(({ early }) => !early)) late.push(await session.channel(kind));
    for (const channel of late) await session.opened(channel);
    channels.push(...late);
    assert.equal(channels.length, KINDS.length);
    assert.deepEqual(
      channels.flatMap((channel) => wrongFacts(channel, ours)),
      [],
      "attributes on both sides",
    );
    const side = ours.limits.facts?.id ? theirs : ours;
    const ids = channels.map((channel) => side.end(channel.keys.get(side)).info.id);
    assert.equal(new Set(ids).size, ids.length, "every channel has a stream of its own");
    const { connectionState } = await ours.call("facts");
    assert.equal(connectionState, "connected");
  });

  // One channel at a time: bursts on twenty at once overflow socket buffers, which says little about interoperability, and
  // aiortc and werift hold back ordered messages when loss meets several streams (README.md).
  await step("messages both ways", "messages", 150_000, async () => {
    for (const side of session.sides) limit.set(side, await largest(side, session.other(side)));
    for (const channel of channels) {
      await exchange(session, [channel], (from) => items(SIZES.map((size) => Math.min(size, limit.get(from)))));
    }
  });

  await step("largest messages", "largest", 150_000, async (s) => {
    for (const from of session.sides) s.diagnostic(`from ${from.peer.name}: ${limit.get(from)} bytes`);
    // One at a time: that many bytes are enough for the buffers of both sides.
    for (const channel of channels.filter(({ kind }) => kind.largest)) {
      await exchange(session, [channel], (from) => items([limit.get(from)]));
    }
    await refusesTooLarge(session, byName("reliable"), ours);
  });

  await step("2000 small messages both ways", "small", 120_000, async () => {
    for (const name of ["reliable", "unordered"])
      await exchange(session, [byName(name)], () => items(Array(500).fill(100)));
  });

  await step("channels close from each side", "closeChannel", 90_000, async () => {
    for (const [closer, names] of [
      [ours, ["protocol", "unordered", "negotiated"]],
      [theirs, ["empty label", "unicode protocol", "negotiated, unordered"]],
    ]) {
      for (const channel of names.map(byName)) {
        await closer.call("closeChannel", { key: channel.keys.get(closer) });
        for (const side of [closer, session.other(closer)]) await session.closed(channel, side);
      }
    }
    // The streams are free again, and the other channels have noticed nothing.
    const again = [];
    for (const by of ["offerer", "answerer"]) {
      again.push(await session.opened(await session.channel({ ...KINDS[0], name: `again by ${by}`, by })));
    }
    await exchange(session, [byName("reliable"), ...again], () => items([0, 1000]));
  });

  await step("ICE restart in the middle of a transfer", "restart", 90_000, async () => {
    const chosen = [byName("reliable")];
    // A transfer that is over before the restart tests nothing: with one that takes longer, then.
    let isTested = false;
    for (const count of [400, 1600]) isTested ||= await restartAmid(session, chosen, count);
    assert.ok(isTested, "the transfer was over before the restart: nothing was tested");
    assert.deepEqual(session.trouble, [], "every candidate is taken");
    await ours.until(() => ours.connection === "connected", 15_000, "the connection to be connected again");
    await exchange(session, chosen, () => items([1, 65535]));
  });

  await step("Parley closes the connection", "closeHere", 60_000, async () => {
    await ours.call("close");
    await session.closed(byName("reliable"), theirs, 15_000);
    await theirs.call("close").catch((error) => t.diagnostic(`the peer's own close: ${error.message}`));
  });
  session.dispose();

  await step("the peer closes the connection", "closeThere", 60_000, async () => {
    const second = new Session(offerer, answerer);
    const [here, there] = ours === session.offerer ? second.sides : second.sides.toReversed();
    await second.create();
    const channel = await second.channel(kinds[0]);
    await second.negotiate();
    await second.opened(channel);
    await exchange(second, [channel], () => items([10]));
    await there.call("close");
    await second.closed(channel, here, 15_000);
    await here.call("close");
    second.dispose();
  });

  await t.test("no stray errors", () => {
    assert.deepEqual(subject.peer.strays, []);
    for (const stray of peer.peer.strays) t.diagnostic(`${peer.peer.name} reported: ${stray}`);
  });
}

/** Restarts ICE while `count` messages are on their way in each direction; whether they still were when that was done. */
async function restartAmid(session, channels, count) {
  const before = session.sides.map((side) => ufrag(side.description.sdp));
  const transfers = channels.flatMap((channel) =>
    session.sides.map((from) => {
      const what = items(Array(count).fill(8192), ["binary"]);
      const to = session.other(from);
      const sent = session.send(channel, from, what, { gap: 8 });
      sent.catch(() => {}); // where another failure ends the step, nobody awaits it
      return { channel, to, what, sent };
    }),
  );
  for (const { channel, to } of transfers) {
    await to.until(() => session.inbox(channel, to).length >= 20, 15_000, "the transfer to begin");
  }
  await session.negotiate({ restart: true });
  const unfinished = transfers.filter(({ channel, to, what }) => session.inbox(channel, to).length < what.length);
  for (const { channel, to, what, sent } of transfers) {
    await session.expect(channel, to, what);
    await sent;
  }
  const after = session.sides.map((side) => ufrag(side.description.sdp));
  assert.notEqual(after[0], before[0], "the offerer has a new ufrag");
  assert.notEqual(after[1], before[1], "the answerer has a new ufrag");
  return unfinished.length > 0;
}

/** Sends and checks on all `channels` and in both directions at once; `make(sender, receiver)` gives the messages. */
export async function exchange(session, channels, make) {
  const what = (from, to) =>
    make(from, to).filter(({ size }) => size > 0 || !(from.limits.empty || to.limits.takesEmpty));
  const transfers = channels.flatMap((channel) =>
    session.sides.map((from) => ({ channel, from, to: session.other(from), what: what(from, session.other(from)) })),
  );
  const sent = Promise.all(transfers.map(({ channel, from, what }) => session.send(channel, from, what)));
  const receive = async () => {
    // Where messages may be lost the wait is short: those channels last, when the others are done.
    for (const { channel, to, what } of transfers.toSorted(
      (a, b) => Number(a.channel.kind.lossy) - Number(b.channel.kind.lossy),
    )) {
      await session.expect(channel, to, what);
    }
  };
  // A sender that fails is the better explanation for what does not arrive.
  await Promise.all([sent, receive()]);
}

/** What the two sides say wrongly about a channel: each other and what was asked for are the measure. */
function wrongFacts({ kind, keys, creator = null }, ours) {
  const { label, options } = kind;
  const wrong = [];
  const complain = (side, name, has, wanted) =>
    wrong.push(
      `"${kind.name}": ${side.peer.name} has ${name} ${JSON.stringify(has)}, not ${JSON.stringify(wanted)}`.slice(
        0,
        200,
      ),
    );
  for (const [side, key] of keys) {
    const { info } = side.end(key);
    const wanted = {
      label,
      protocol: options.protocol ?? "",
      ordered: options.ordered ?? true,
      maxRetransmits: options.maxRetransmits ?? null,
      maxPacketLifeTime: options.maxPacketLifeTime ?? null,
      negotiated: options.negotiated ?? false,
    };
    if (options.id !== undefined) wanted.id = options.id;
    if (options.priority && side === ours && creator === ours && info.priority !== undefined)
      wanted.priority = options.priority;
    for (const [name, value] of Object.entries(wanted)) {
      const has = info[name] ?? null;
      if (has !== value && !side.limits.facts?.[name]) complain(side, name, has, value);
    }
  }
  const [[a, first], [b, second]] = [...keys].map(([side, key]) => [side, side.end(key).info.id]);
  if (first !== second && !a.limits.facts?.id && !b.limits.facts?.id) complain(b, "id", second, first);
  return wrong;
}

/** One byte more than the peer takes is refused at the sender (webrtc-pc: TypeError), and the channel goes on. */
async function refusesTooLarge(session, channel, ours) {
  const { maxMessageSize } = await ours.call("facts");
  if (!maxMessageSize || maxMessageSize > LARGEST_TRIED || ours.limits.lenient) return;
  const seed = nextSeed();
  const tooLarge = session.send(channel, ours, [{ kind: "binary", size: maxMessageSize + 1, seed }]);
  await assert.rejects(tooLarge, { name: "TypeError" }, "a message that is too large is refused");
  await exchange(session, [channel], () => items([1]));
}

const ufrag = (sdp) => /^a=ice-ufrag:(\S+)/m.exec(sdp)?.[1];
