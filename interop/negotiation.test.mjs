// Offer and answer of audio and video with Chromium and Firefox: whether each takes every description that the other makes. No
// media flows. Most scenarios have Parley's src/jsep alone on our side and are run with the browser as answerer and as offerer;
// the last ones have two whole connections.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, describe, it } from "node:test";
import { Side, transceiver } from "../dist-test/test/jsep-session.js";
import { install } from "./lib/negotiation-page.mjs";
import { findProgram } from "./lib/peers.mjs";

/** Milliseconds that anything may take. */
const LIMIT = 30_000;
const RENEGOTIATIONS = 20;
const COLLISIONS = 200;
const BROWSERS = {
  chromium: { browser: "chrome", executablePath: findProgram("chromium"), args: ["--no-sandbox", "--disable-gpu"] },
  firefox: { browser: "firefox", executablePath: findProgram("firefox", "firefox-esr") },
};

const reverse = { sendrecv: "sendrecv", sendonly: "recvonly", recvonly: "sendonly", inactive: "inactive" };
const encodings = (...rids) => rids.map((rid, i) => ({ rid, active: true, ssrc: 9000 + i, rtxSsrc: null }));

class Peer {
  constructor(page) {
    this.page = page;
  }
  call(name, ...args) {
    return this.page.evaluate((n, a) => globalThis.command(n, ...a), name, args);
  }
}

/** Our offer, the browser's answer. */
async function weOffer(us, them, parts = {}) {
  const offer = us.offer(parts);
  const answer = await them.call("answer", offer);
  us.setRemote("answer", answer);
  await agree(us, them);
  return { offer, answer };
}

async function theyOffer(us, them) {
  const offer = await them.call("offer");
  const answer = us.answer(offer);
  await them.call("accept", answer);
  await agree(us, them);
  return { offer, answer };
}

/** Both sides have the same view: directions, and the payload types of what the browser sends. */
async function agree(us, them) {
  const theirs = new Map((await them.call("state")).filter(({ mid }) => mid !== null).map((t) => [t.mid, t]));
  for (const slot of us.state.slots) {
    if (slot.kind === "application" || slot.rejected) continue;
    const other = theirs.get(slot.mid);
    assert.ok(other, `mid ${slot.mid} has a transceiver`);
    assert.equal(other.direction, reverse[slot.media.direction], `direction of mid ${slot.mid}`);
    const ours = new Set(
      slot.media.receiveCodecs.map(({ payloadType, mimeType }) => `${payloadType} ${mimeType}`.toLowerCase()),
    );
    if (slot.media.direction !== "recvonly" && slot.media.direction !== "sendrecv") continue;
    // Chromium lists all that the remote description has; the first is what it sends.
    const [codec] = other.codecs;
    assert.ok(codec === undefined || ours.has(codec.toLowerCase()), `mid ${slot.mid}: ${codec} is received`);
  }
}

const names = (us) =>
  us.state.slots.map(({ media }) => media?.receiveCodecs.map((c) => `${c.payloadType} ${c.identity}`));

const scenarios = {
  async "audio, video and data, we offer"(us, them) {
    us.with(transceiver("1", "audio"), transceiver("2", "video"));
    await them.call("addTrack", "video");
    await weOffer(us, them, { dataChannel: true });
    assert.deepEqual(
      us.state.slots.map(({ media }) => media?.direction),
      ["sendonly", "sendrecv", undefined],
    );
    assert.ok(us.state.sctp);
  },
  async "audio, video and data, they offer"(us, them) {
    us.with(transceiver("1", "video"));
    await them.call("addTrack", "audio");
    await them.call("addTrack", "video");
    await them.call("data");
    await theyOffer(us, them);
    assert.deepEqual(
      us.state.slots.map(({ media }) => media?.direction),
      ["recvonly", "sendrecv", undefined],
    );
  },
  async "turns: numbers stay"(us, them) {
    us.with(transceiver("1", "audio"), transceiver("2", "video"));
    await weOffer(us, them);
    const before = names(us);
    for (let i = 0; i < 2; i++) {
      await them.call("addTransceiver", i === 0 ? "video" : "audio", { direction: "sendrecv" });
      await theyOffer(us, them);
      us.with(transceiver(`more${i}`, "video", { direction: "sendonly" }));
      await weOffer(us, them);
    }
    // Within a section: a new section of Firefox's has its own numbers, whatever they are in the others of the group.
    for (const [i, list] of before.entries()) {
      const after = new Map(names(us)[i].map((entry) => entry.split(" ")));
      for (const [number, codec] of list.map((entry) => entry.split(" ")))
        assert.equal(after.get(number) ?? codec, codec);
    }
  },
  async "20 transceivers each"(us, them) {
    us.with(...Array.from({ length: 20 }, (_, i) => transceiver(`${i}`, i % 3 === 0 ? "audio" : "video")));
    await weOffer(us, them, { dataChannel: true });
    for (let i = 0; i < 20; i++)
      await them.call("addTransceiver", i % 2 ? "video" : "audio", { direction: "sendonly" });
    await theyOffer(us, them);
    assert.equal(us.state.slots.length, 41);
    assert.equal(us.state.transports.length, 1);
  },
  async "stopped and recycled by us"(us, them) {
    us.with(transceiver("1", "audio"), transceiver("2", "video"));
    await weOffer(us, them, { dataChannel: true });
    us.change("1", { stopping: true });
    await weOffer(us, them);
    assert.equal(us.state.slots[0].rejected, true);
    us.with(transceiver("3", "video"));
    await weOffer(us, them);
    assert.equal(us.state.slots[0].transceiver, "3");
    assert.equal(us.state.slots.length, 3);
  },
  async "stopped and recycled by them"(us, them) {
    us.with();
    await them.call("addTransceiver", "audio");
    await them.call("addTransceiver", "video");
    await theyOffer(us, them);
    await them.call("stop", 0);
    await theyOffer(us, them);
    assert.equal(us.state.slots[0].rejected, true);
    await them.call("addTransceiver", "video");
    await theyOffer(us, them);
    assert.equal(us.state.slots.filter(({ rejected }) => !rejected).length, 2);
    return us.state.slots.length === 2 ? "recycled" : "not recycled by the browser";
  },
  async "directions change"(us, them) {
    us.with(transceiver("1", "audio"), transceiver("2", "video"));
    await weOffer(us, them);
    for (const direction of ["inactive", "recvonly", "sendonly", "sendrecv"]) {
      us.change("1", { direction });
      await them.call("direction", 1, reverse[direction]);
      await weOffer(us, them);
      await theyOffer(us, them);
    }
  },
  async "codec preferences, ours and theirs"(us, them) {
    const h264 = { mimeType: "video/VP9", clockRate: 90_000, sdpFmtpLine: "profile-id=0" };
    us.with(transceiver("1", "video", { codecPreferences: [h264] }));
    await weOffer(us, them);
    assert.deepEqual(
      us.state.slots[0].media.receiveCodecs.map(({ mimeType }) => mimeType),
      ["video/VP9"],
    );
    await them.call("addTransceiver", "video", { direction: "recvonly" });
    await them.call("prefer", 1, "video", ["video/av1", "video/vp8"]);
    await theyOffer(us, them);
    assert.deepEqual(
      [...new Set(us.state.slots[1].media.sendCodecs.map(({ mimeType }) => mimeType))],
      ["video/AV1", "video/VP8"],
    );
  },
  async "simulcast from them"(us, them) {
    us.with();
    await them.call("addTransceiver", "video", { sendEncodings: [{ rid: "q" }, { rid: "h" }, { rid: "f" }] }, true);
    await theyOffer(us, them);
    const rids = () => us.state.slots[0].media.receiveRids.map(({ rid }) => rid);
    assert.deepEqual(rids(), ["q", "h", "f"]);
    assert.deepEqual((await them.call("state"))[0].encodings, ["q", "h", "f"]);
    await weOffer(us, them);
    assert.deepEqual(rids(), ["q", "h", "f"]);
    assert.deepEqual((await them.call("state"))[0].encodings, ["q", "h", "f"]);
  },
  async "simulcast from us"(us, them) {
    us.with(transceiver("1", "video", { sender: { encodings: encodings("q", "h", "f") } }));
    const { answer } = await weOffer(us, them);
    // A browser need not take it; if not, one stream is left.
    const taken = us.state.slots[0].media.sendRids.map(({ rid }) => rid);
    assert.deepEqual(taken, /a=simulcast/.test(answer) ? ["q", "h", "f"] : []);
    return taken.length > 0 ? "taken" : "not taken by the browser";
  },
  async "simulcast that we ask for"(us, them) {
    us.with(transceiver("1", "video", { direction: "recvonly" }));
    const asking = `${us.createOffer()}a=rid:q recv\r\na=rid:h recv\r\na=rid:f recv\r\na=simulcast:recv q;h;f\r\n`;
    const answer = await them.call("answerSending", asking);
    return (answer.match(/a=simulcast.*/) ?? ["not taken by the browser"])[0].trim();
  },
  async "rejected: no codec in common"(us, them) {
    us.with(
      transceiver("1", "video", {
        codecPreferences: [
          {
            mimeType: "video/H265",
            clockRate: 90_000,
            sdpFmtpLine: "level-id=180;profile-id=1;tier-flag=0;tx-mode=SRST",
          },
        ],
      }),
    );
    us.with(transceiver("2", "audio"));
    await weOffer(us, them);
    assert.equal(us.state.slots[0].rejected, true);
    assert.equal(us.state.slots[1].rejected, false);
  },
};

for (const policy of ["balanced", "max-compat", "max-bundle"]) {
  const both = async (us, them, offer) => {
    us.with(transceiver("1", "audio"), transceiver("2", "video"), transceiver("3", "video"));
    await them.call("addTrack", "audio");
    await them.call("addTransceiver", "video", {});
    if (offer === weOffer) await weOffer(us, them, { dataChannel: true });
    else await theyOffer(us, them);
    assert.equal(us.state.transports.length, 1);
    await theyOffer(us, them);
    await weOffer(us, them);
  };
  scenarios[`bundle policy ${policy}, we offer`] = (us, them) => both(us, them, weOffer);
  scenarios[`bundle policy ${policy}, they offer`] = (us, them) => both(us, them, theyOffer);
}

/** Parley's side of a whole connection: perfect negotiation (webrtc-pc §10.7), with signaling that can be held up. */
class Whole {
  failures = [];
  collisions = 0;
  held = null;
  /** Our descriptions lose their BUNDLE groups on the way. */
  unbundled = false;
  #makingOffer = false;
  #ignoring = false;
  #answerPending = false;

  constructor(RTCPeerConnection, them, polite) {
    this.them = them;
    this.polite = polite;
    this.pc = new RTCPeerConnection();
    this.pc.onicecandidate = ({ candidate }) => candidate && this.send({ candidate: candidate.toJSON() });
    this.pc.onnegotiationneeded = async () => {
      try {
        this.#makingOffer = true;
        await this.pc.setLocalDescription();
        this.send({ description: this.pc.localDescription.toJSON() });
      } catch (error) {
        this.failures.push(`negotiationneeded: ${error}`);
      } finally {
        this.#makingOffer = false;
      }
    };
  }

  send(message) {
    const { description } = message;
    if (this.unbundled && description) description.sdp = description.sdp.replace(/a=group:BUNDLE.*\r\n/, "");
    if (this.held !== null) this.held.push(() => this.send(message));
    else this.them.call("receive", message).catch((error) => this.failures.push(String(error)));
  }

  async receive(message) {
    if (this.held !== null) {
      if (message.description?.type === "offer") this.theirOffer = true;
      this.held.push(() => this.receive(message));
      return;
    }
    const { pc } = this;
    const { description, candidate } = message;
    try {
      if (candidate) {
        // Candidates of an offer that was ignored may come after the answer that its maker gave in its place.
        const isLate = () => !pc.remoteDescription?.sdp.includes(`a=ice-ufrag:${candidate.usernameFragment}`);
        const ignored = this.#ignoring;
        await pc.addIceCandidate(candidate).catch((error) => ignored || isLate() || this.failures.push(String(error)));
        return;
      }
      const isStable = pc.signalingState === "stable" || this.#answerPending;
      const collision = description.type === "offer" && (this.#makingOffer || !isStable);
      if (collision) this.collisions++;
      this.#ignoring = collision && !this.polite;
      if (this.#ignoring) return;
      this.#answerPending = description.type === "answer";
      await pc.setRemoteDescription(description);
      this.#answerPending = false;
      if (description.type !== "offer") return;
      await pc.setLocalDescription();
      this.send({ description: pc.localDescription.toJSON() });
    } catch (error) {
      this.failures.push(`${description?.type}: ${error}`);
    }
  }

  hold() {
    this.held = [];
    this.theirOffer = false;
  }

  release() {
    const messages = this.held;
    this.held = null;
    for (const message of messages) message();
  }

  async until(what, test) {
    const end = Date.now() + LIMIT;
    while (!(await test())) {
      assert.deepEqual(this.failures, []);
      if (Date.now() > end) {
        const { signalingState, connectionState } = this.pc;
        const ours = { signalingState, connectionState, transceivers: this.directions() };
        const theirs = await this.them.call("summary");
        assert.fail(`${what} takes more than ${LIMIT} ms: ${JSON.stringify({ ours, theirs })}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  get sections() {
    return this.pc.localDescription.sdp.match(/^m=/gm).length;
  }

  directions() {
    return this.pc.getTransceivers().map(({ mid, currentDirection }) => [mid, currentDirection]);
  }

  /** Both are stable, have the same sections, and opposite directions in them. */
  async settled() {
    await this.until("an exchange", async () => {
      if (this.pc.signalingState !== "stable") return false;
      const { failures, signaling, transceivers } = await this.them.call("summary");
      assert.deepEqual(failures, []);
      const mine = new Map(this.directions());
      const agreed = ([mid, direction]) => mid !== null && direction !== null && mine.get(mid) === reverse[direction];
      const same = transceivers.length === mine.size && transceivers.every(agreed);
      return signaling === "stable" && same && this.pc.signalingState === "stable";
    });
  }

  /** A channel opens, and brings back what is sent. */
  async echo(channel) {
    await this.until("a channel", () => channel.readyState === "open");
    let heard;
    channel.onmessage = ({ data }) => {
      heard = data;
    };
    channel.send("here");
    await this.until("an echo", () => heard === "here");
    assert.equal(this.pc.connectionState, "connected");
    assert.equal((await this.them.call("summary")).connection, "connected");
  }
}

const whole = {
  async "renegotiation in both directions"(side, them) {
    const channel = side.pc.createDataChannel("x");
    side.pc.addTransceiver("audio");
    await side.settled();
    for (let i = 0; i < RENEGOTIATIONS; i++) {
      const kind = i % 2 ? "video" : "audio";
      if (i % 5 === 4)
        side.pc
          .getTransceivers()
          .find(({ stopped }) => !stopped)
          .stop();
      side.pc.addTransceiver(kind, { direction: i % 3 ? "sendrecv" : "recvonly" });
      await side.until("an offer", () => side.pc.signalingState !== "stable");
      await side.settled();
      await them.call("addTransceiver", kind, { direction: i % 3 ? "sendonly" : "sendrecv" });
      await side.until(
        "their section",
        () => side.pc.getTransceivers().length > 0 && side.pc.signalingState === "stable",
      );
      await side.settled();
    }
    await side.echo(channel);
    return `${side.pc.getTransceivers().length} transceivers at the end`;
  },
};
for (const polite of [true, false]) {
  whole[`glare, ${COLLISIONS / 2} times, we are ${polite ? "polite" : "impolite"}`] = async (side, them) => {
    const channel = side.pc.createDataChannel("x");
    const mine = side.pc.addTransceiver("audio");
    await side.settled();
    await side.until("connecting", () => side.pc.connectionState === "connected");
    for (let i = 0; i < COLLISIONS / 2; i++) {
      // Each side adds a section every twenty rounds. In the others we change a direction, and they restart ICE.
      side.hold();
      const adds = i % 20 === 0;
      if (adds) side.pc.addTransceiver("video");
      else mine.direction = mine.currentDirection === "inactive" ? "sendonly" : "inactive";
      await (adds ? them.call("addTransceiver", "video") : them.call("restartIce"));
      await side.until("both offers", () => side.pc.signalingState === "have-local-offer" && side.theirOffer);
      side.release();
      await side.until("the loser's turn", () => side.collisions > i);
      await side.settled();
    }
    assert.equal(side.collisions, COLLISIONS / 2);
    await side.echo(channel);
    return `${side.collisions} collisions`;
  };
}

for (const who of ["us", "them", "both"]) {
  // Browsers give the BUNDLE group another transport then, ICE and DTLS included, and take the SCTP association there.
  whole[`the section with the transport stopped, and its line used again, by ${who}`] = async (side, them) => {
    const channel = side.pc.createDataChannel("x");
    side.pc.addTransceiver("audio");
    side.pc.addTransceiver("video");
    await side.settled();
    await side.echo(channel);
    const { sections } = side;
    for (let i = 0; i < 6; i++) {
      const ours = who === "both" ? i % 3 !== 1 : who === "us";
      const stops = i % 2 === 0;
      const before = side.pc.getTransceivers().length;
      if (stops) {
        const first = /a=mid:(\S+)/.exec(side.pc.localDescription.sdp)[1];
        if (ours)
          side.pc
            .getTransceivers()
            .find(({ mid }) => mid === first)
            .stop();
        else await them.call("stopMid", first);
      } else if (ours) side.pc.addTransceiver("audio");
      else await them.call("addTransceiver", "audio", { direction: "sendrecv" });
      await side.until("the change", () => side.pc.getTransceivers().length === before + (stops ? -1 : 1));
      await side.settled();
      await side.echo(channel);
      assert.equal(side.sections, sections);
    }
  };
}

for (const who of ["us", "them"]) {
  // The data section has a transport of its own then; its channels go on with the first section's.
  whole[`bundled by the second exchange only, which ${who === "us" ? "we begin" : "they begin"}`] = async (
    side,
    them,
  ) => {
    side.unbundled = true;
    const channel = side.pc.createDataChannel("x");
    const { sender } = side.pc.addTransceiver("audio");
    await side.settled();
    await side.echo(channel);
    assert.notEqual(side.pc.sctp.transport, sender.transport);
    side.unbundled = false;
    if (who === "us") side.pc.addTransceiver("video");
    else await them.call("addTransceiver", "video", { direction: "sendrecv" });
    await side.until("the change", () => side.pc.getTransceivers().length === 2);
    await side.settled();
    assert.equal(side.pc.sctp.transport, sender.transport);
    await side.echo(channel);
  };
}

const only = process.env.INTEROP_ONLY?.split(",") ?? [];
const chosen = only.filter((name) => BROWSERS[name] !== undefined);
for (const name of Object.keys(BROWSERS)) {
  const { executablePath } = BROWSERS[name];
  const skip =
    executablePath === undefined
      ? `no ${name} on this machine`
      : process.env.INTEROP_SUBJECT
        ? "it is Parley's alone"
        : false;
  if (chosen.length > 0 && !chosen.includes(name)) continue;
  describe(`negotiation with ${name}`, { skip }, () => {
    let browser;
    let server;
    let them;
    let side;
    let RTCPeerConnection;
    before(async () => {
      ({ RTCPeerConnection } = await import("../dist/index.js"));
      const { default: puppeteer } = await import("puppeteer-core");
      server = createServer((_, r) => r.writeHead(200, { "content-type": "text/html" }).end("<!doctype html>"));
      await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
      browser = await puppeteer.launch({ headless: true, ...BROWSERS[name] });
      const page = await browser.newPage();
      await page.goto(`http://127.0.0.1:${server.address().port}/`);
      await page.exposeFunction("toParley", (text) => void side?.receive(JSON.parse(text)));
      await page.evaluate(install);
      them = new Peer(page);
    });
    after(async () => {
      await browser?.close();
      server?.close();
      server?.closeAllConnections();
    });
    for (const [title, run] of Object.entries(scenarios)) {
      it(title, { timeout: 8 * LIMIT }, async (t) => {
        const bundlePolicy = /bundle policy (\S+),/.exec(title)?.[1];
        const configuration = bundlePolicy === undefined ? {} : { bundlePolicy };
        await them.call("open", configuration);
        const note = await run(new Side("a", configuration), them);
        if (note !== undefined) t.diagnostic(note);
      });
    }
    for (const [title, run] of Object.entries(whole)) {
      it(title, { timeout: 8 * LIMIT }, async (t) => {
        const polite = !title.includes("impolite");
        await them.call("perfect", !polite);
        side = new Whole(RTCPeerConnection, them, polite);
        try {
          const note = await run(side, them);
          if (note !== undefined) t.diagnostic(note);
        } finally {
          side.pc.close();
          side = undefined;
        }
      });
    }
  });
}
