// Two peers with a connection between them: signaling, channels, transfers. Every wait has a limit and says what it waited for.
import { expected } from "./content.mjs";
import { StepTimeout } from "./remote.mjs";

/** Milliseconds for what may be lost, once the first of it has come. */
const LOSSY_PATIENCE = 3000;

/** What one side has seen of one channel. */
class End {
  info = null;
  open = false;
  closed = false;
  messages = [];
  faults = [];
}

/** One side of a session: a connection inside a peer. */
export class Side {
  peer;
  limits;
  pc;
  ends = new Map();
  /** Channels the other side opened, in order: { key, info }. */
  incoming = [];
  candidates = [];
  gathered = false;
  connection = "new";
  #waiters = new Set();
  #unlisten;

  constructor(peer, limits, pc) {
    this.peer = peer;
    this.limits = limits;
    this.pc = pc;
    this.#unlisten = peer.listen((event) => (event.event === "lost" || event.pc === pc) && this.#on(event));
  }

  end(key) {
    if (!this.ends.has(key)) this.ends.set(key, new End());
    return this.ends.get(key);
  }

  #on(event) {
    switch (event.event) {
      case "candidate":
        this.candidates.push(event.candidate);
        this.onCandidate?.(event.candidate);
        break;
      case "gathered":
        this.gathered = true;
        break;
      case "state":
        this.connection = event.connection;
        break;
      case "channel":
        this.incoming.push({ key: event.key, info: event.info });
        // Stream identifiers are used again after a close: the new channel starts afresh.
        this.ends.set(event.key, new End());
        break;
      case "open":
        Object.assign(this.end(event.key), { open: true, info: event.info });
        break;
      case "closed":
        this.end(event.key).closed = true;
        break;
      case "message":
        this.end(event.key).messages.push(event.message);
        break;
      case "fault":
        this.end(event.key).faults.push(event.message);
        break;
      case "lost":
        this.lost = event.reason;
    }
    for (const check of [...this.#waiters]) check();
  }

  call(op, args, limit) {
    return this.peer.call(op, { pc: this.pc, ...args }, limit);
  }

  /** Resolves with the first truthy value of `test`, which is asked again after every event of this side. */
  until(test, limit, awaited, state) {
    return new Promise((resolve, reject) => {
      const finish = (settle, value) => {
        clearTimeout(timer);
        this.#waiters.delete(check);
        settle(value);
      };
      const check = () => {
        const value = test();
        if (value) finish(resolve, value);
        else if (this.lost) finish(reject, new Error(`${this.peer.name}: ${this.lost}, while waiting for ${awaited}`));
      };
      const timer = setTimeout(() => {
        const detail = [`connection ${this.connection}`, state?.()].filter(Boolean).join("; ");
        finish(reject, new StepTimeout(`${this.peer.name}: ${awaited}`, limit, detail));
      }, limit);
      this.#waiters.add(check);
      check();
    });
  }

  dispose() {
    this.#unlisten();
  }
}

let sessions = 0;
let seeds = 1;
export const nextSeed = () => seeds++;

export class Session {
  offerer;
  answerer;
  /** What went wrong on the way of candidates. */
  trouble = [];
  #channels = 0;

  /** `offerer` and `answerer` are { peer, limits, config? }. */
  constructor(offerer, answerer) {
    const pc = `pc ${++sessions}`;
    this.offerer = Object.assign(new Side(offerer.peer, offerer.limits, pc), { config: offerer.config });
    this.answerer = Object.assign(new Side(answerer.peer, answerer.limits, pc), { config: answerer.config });
  }

  get sides() {
    return [this.offerer, this.answerer];
  }

  other(side) {
    return side === this.offerer ? this.answerer : this.offerer;
  }

  async create() {
    // One peer may be both sides of nothing here: each side is in a peer of its own.
    await Promise.all(this.sides.map((side) => side.call("create", { config: side.config })));
  }

  /**
   * Offer and answer; candidates go as they come, or all with the descriptions where `trickle` is false. `delayAnswer` holds the
   * answer back by that many milliseconds; `strip(side, sdp)` changes what a side says on its way; `pass(side, candidate)` tells
   * whether a candidate goes on.
   */
  async negotiate({
    restart = false,
    trickle = true,
    delayAnswer = 0,
    strip = (_, sdp) => sdp,
    pass = () => true,
  } = {}) {
    const { offerer, answerer } = this;
    for (const side of this.sides) {
      side.gathered = side.limits.complete ? true : side.gathered && !restart;
    }
    const ready = new Map([
      [offerer, false],
      [answerer, false],
    ]);
    const held = new Map([
      [offerer, []],
      [answerer, []],
    ]);
    const wantsAll = (side) => !trickle || side.limits.complete !== undefined;
    const give = (to, candidate) => {
      if (wantsAll(to)) return; // it was given them all with the description
      to.call("candidate", { candidate }).catch((error) =>
        this.trouble.push(`candidate ${candidate.candidate}: ${error}`),
      );
    };
    for (const from of this.sides) {
      const to = this.other(from);
      from.onCandidate = (candidate) => {
        if (!pass(from, candidate)) return;
        if (ready.get(to)) give(to, candidate);
        else held.get(to).push(candidate);
      };
    }
    const release = (to) => {
      ready.set(to, true);
      for (const candidate of held.get(to).splice(0)) give(to, candidate);
    };
    const outgoing = async (from, first) => {
      let description = first;
      if (wantsAll(this.other(from)) && !from.limits.complete) {
        await from.until(() => from.gathered, 15_000, "the end of gathering");
        description = await from.call("local");
      }
      return { ...description, sdp: await strip(from, description.sdp) };
    };
    const offer = await outgoing(offerer, await offerer.call("offer", { restart }));
    offerer.description = offer;
    await answerer.call("accept", { description: offer });
    release(answerer);
    const answer = await outgoing(answerer, await answerer.call("answer"));
    answerer.description = answer;
    if (delayAnswer) await new Promise((resolve) => setTimeout(resolve, delayAnswer));
    await offerer.call("accept", { description: answer });
    release(offerer);
  }

  /** Asks for a channel of this kind; `opened` waits for it. Returns { kind, keys: Map(side → key) }. */
  async channel(kind) {
    const key = `ch ${this.#channels++}`;
    const { label, options } = kind;
    const channel = { kind, keys: new Map(), key };
    if (options.negotiated) {
      for (const side of this.sides) {
        channel.keys.set(side, key);
        await side.call("channel", { key, label, options });
      }
      return channel;
    }
    channel.creator = kind.by === "answerer" ? this.answerer : this.offerer;
    channel.keys.set(channel.creator, key);
    await channel.creator.call("channel", { key, label, options });
    return channel;
  }

  /** Waits until both sides have the channel open. */
  async opened(channel, limit = 30_000) {
    const { kind, creator, keys, key } = channel;
    if (creator && keys.size === 1) {
      const other = this.other(creator);
      await creator.until(() => creator.end(key).open, limit, `channel "${kind.name}" to open`);
      const same = ({ info, claimed }) => !claimed && info.label === kind.label;
      const found = await other.until(
        () => other.incoming.find(same),
        limit,
        `channel "${kind.name}" to come in`,
        () => `came: ${JSON.stringify(other.incoming.map(({ info }) => [info.id, info.label.slice(0, 20)]))}`,
      );
      found.claimed = true;
      keys.set(other, found.key);
    }
    for (const [side, key] of keys) {
      await side.until(() => side.end(key).open, limit, `channel "${kind.name}" to open`);
    }
    return channel;
  }

  /** Sends `items` on `channel` from `side`; resolves when the peer has taken them all. */
  send(channel, side, items, { gap = 0, limit = 90_000 } = {}) {
    return side.call("send", { key: channel.keys.get(side), items, gap }, limit);
  }

  /** What has come in on `channel` at `side` and was not taken yet. */
  inbox(channel, side) {
    return side.end(channel.keys.get(side)).messages;
  }

  /** Waits for `items` on `channel` at `side`, takes them and checks them. */
  async expect(channel, side, items, { limit = 60_000, lossy = channel.kind.lossy } = {}) {
    const name = `"${channel.kind.name}"`;
    const inbox = this.inbox(channel, side);
    const wanted = items.map(expected);
    const has = () => `${inbox.length} of ${wanted.length} came; missing ${difference(wanted, inbox).slice(0, 4)}`;
    // Where messages may be lost, those that are sent after the first one do not have long.
    if (lossy) await side.until(() => inbox.length > 0, limit, `anything on ${name}`);
    try {
      await side.until(() => inbox.length >= wanted.length, lossy ? LOSSY_PATIENCE : limit, `messages on ${name}`, has);
    } catch (error) {
      if (!lossy || !(error instanceof StepTimeout)) throw error;
    }
    const got = inbox.splice(0, wanted.length);
    const strange = difference(got, wanted);
    if (strange.length > 0) {
      throw new Error(
        `${side.peer.name}: on ${name} came what was not sent: ${strange.slice(0, 4)}; missing ${difference(wanted, got).slice(0, 4)}`,
      );
    }
    const ordered = channel.kind.options.ordered !== false;
    const inOrder = lossy ? isSubsequence(got, wanted) : got.every((m, i) => m === wanted[i]);
    if (ordered && !inOrder)
      throw new Error(`${side.peer.name}: messages on ${name} came out of order: ${got.slice(0, 8)}`);
  }

  async closed(channel, side, limit = 20_000) {
    const key = channel.keys.get(side);
    await side.until(() => side.end(key).closed, limit, `channel "${channel.kind.name}" to close`);
  }

  async close() {
    for (const side of this.sides) await side.call("close").catch(() => {});
    this.dispose();
  }

  dispose() {
    for (const side of this.sides) side.dispose();
  }
}

/** The entries of `a` that are not in `b`, counting repetitions. */
function difference(a, b) {
  const left = new Map();
  for (const x of b) left.set(x, (left.get(x) ?? 0) + 1);
  return a.filter((x) => {
    const n = left.get(x) ?? 0;
    left.set(x, n - 1);
    return n <= 0;
  });
}

function isSubsequence(part, whole) {
  let at = 0;
  for (const x of part) {
    at = whole.indexOf(x, at) + 1;
    if (at === 0) return false;
  }
  return true;
}
