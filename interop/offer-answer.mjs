// Offer and answer of audio and video with Chromium and Firefox: descriptions only, no media flows. Each scenario is run with
// the browser as answerer and as offerer. Needs a build (`npm run build`) and the browsers; not part of `npm run interop`.
//
//     node interop/offer-answer.mjs [chromium] [firefox]
import assert from "node:assert/strict";
import { createServer } from "node:http";
import puppeteer from "puppeteer-core";
import { Side, transceiver } from "../dist-test/test/jsep-session.js";
import { findProgram } from "./lib/peers.mjs";

const BROWSERS = {
  chromium: { browser: "chrome", executablePath: findProgram("chromium"), args: ["--no-sandbox", "--disable-gpu"] },
  firefox: { browser: "firefox", executablePath: findProgram("firefox", "firefox-esr") },
};

/** Runs in the page: one peer connection and what is asked of it. */
function install() {
  let pc;
  const track = (kind) => {
    if (kind === "video") return document.createElement("canvas").captureStream().getVideoTracks()[0];
    return new AudioContext().createMediaStreamDestination().stream.getAudioTracks()[0];
  };
  const commands = {
    open(configuration) {
      pc?.close();
      pc = new RTCPeerConnection(configuration);
    },
    data: () => void pc.createDataChannel("x"),
    addTrack: (kind) => void pc.addTrack(track(kind), new MediaStream()),
    addTransceiver(kind, init = {}, withTrack = false) {
      pc.addTransceiver(withTrack ? track(kind) : kind, init);
    },
    stop: (index) => pc.getTransceivers()[index].stop(),
    direction(index, direction) {
      pc.getTransceivers()[index].direction = direction;
    },
    prefer(index, kind, mimeTypes) {
      const { codecs } = RTCRtpReceiver.getCapabilities(kind);
      pc.getTransceivers()[index].setCodecPreferences(
        mimeTypes.flatMap((type) => codecs.filter(({ mimeType }) => mimeType.toLowerCase() === type)),
      );
    },
    async offer() {
      await pc.setLocalDescription(await pc.createOffer());
      return pc.localDescription.sdp;
    },
    async answer(offer) {
      await pc.setRemoteDescription({ type: "offer", sdp: offer });
      await pc.setLocalDescription(await pc.createAnswer());
      return pc.localDescription.sdp;
    },
    async answerSending(offer) {
      await pc.setRemoteDescription({ type: "offer", sdp: offer });
      const [transceiver] = pc.getTransceivers();
      transceiver.direction = "sendrecv";
      await transceiver.sender.replaceTrack(track("video"));
      await pc.setLocalDescription(await pc.createAnswer());
      return pc.localDescription.sdp;
    },
    accept: (sdp) => pc.setRemoteDescription({ type: "answer", sdp }),
    state: () =>
      pc.getTransceivers().map((t) => ({
        mid: t.mid,
        kind: t.receiver.track.kind,
        direction: t.currentDirection,
        encodings: t.sender.getParameters().encodings.map(({ rid }) => rid ?? null),
        codecs: t.sender.getParameters().codecs.map(({ mimeType, payloadType }) => `${payloadType} ${mimeType}`),
      })),
  };
  globalThis.command = (name, ...args) => commands[name](...args);
}

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

let failed = 0;
for (const name of process.argv.length > 2 ? process.argv.slice(2) : Object.keys(BROWSERS)) {
  const server = createServer((_, r) => r.writeHead(200, { "content-type": "text/html" }).end("<!doctype html>"));
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const browser = await puppeteer.launch({ headless: true, ...BROWSERS[name] });
  try {
    const page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${server.address().port}/`);
    await page.evaluate(install);
    console.log(await browser.version());
    for (const [title, run] of Object.entries(scenarios)) {
      const policy = /bundle policy (\S+),/.exec(title)?.[1];
      const us = new Side("a", policy === undefined ? {} : { bundlePolicy: policy });
      const them = new Peer(page);
      try {
        await them.call("open", policy === undefined ? {} : { bundlePolicy: policy });
        const note = await run(us, them);
        console.log(`ok      ${title}${note === undefined ? "" : `: ${note}`}`);
      } catch (error) {
        failed++;
        console.log(`NOT OK  ${title}\n${String(error.stack).split("\n").slice(0, 14).join("\n        ")}`);
      }
    }
  } finally {
    await browser.close();
    server.close();
  }
}
process.exitCode = failed === 0 ? 0 : 1;
