// Connections that change while media flows: held and taken up again, tracks replaced, added and taken away, another codec, ICE
// restarted, by each side.
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { codecMaterial, missingEncoders } from "./lib/media-material.mjs";
import { describe, MaterialTracks, ParleyEnd, prefer, trackOf, until } from "./lib/media-parley.mjs";
import { MEDIA_PEERS } from "./lib/media-peers.mjs";
import { wants, wantsPeer } from "./lib/peers.mjs";
import { peerTest } from "./lib/suite.mjs";

const LIMIT = 180_000;
/** Long enough for what is under way to have come, and for nothing to follow. */
const QUIET = 450;
const CODECS = ["VP8", "opus"];
/** Packets of sound that may be missing after an ICE restart: none but on a machine that is too busy, which it is not each time. */
const RESTART_LOSS = 3;
const RESTARTS = 3;

class Call {
  parley;
  agent;

  constructor(parley, agent) {
    this.parley = parley;
    this.agent = agent;
  }

  /** One more offer and answer. */
  async negotiate(by, init) {
    const { pc } = this.parley;
    if (by === "Parley") {
      const { sdp } = await this.agent.call("answer", { sdp: await describe(pc, init) });
      await pc.setRemoteDescription({ type: "answer", sdp });
    } else {
      const { sdp } = await this.agent.call(init?.iceRestart ? "restart" : "offer");
      await pc.setRemoteDescription({ type: "offer", sdp });
      await this.agent.call("accept", { sdp: await describe(pc) });
    }
  }

  transceiver(index) {
    return this.parley.pc.getTransceivers()[index];
  }

  /** What comes to either end of a section within that time: frames or packets here, pictures or packets there. */
  async flow(index, milliseconds = QUIET) {
    const { frames } = this.parley;
    const before = frames[index]?.length ?? 0;
    const first = (await this.agent.call("seen")).tracks[index] ?? {};
    await sleep(milliseconds);
    const { packets, counters, decoded, packetsReceived } = (await this.agent.call("seen")).tracks[index] ?? {};
    const there = packets ?? counters;
    return {
      here: (frames[index]?.length ?? 0) - before,
      there: there ? (decoded ?? there.length) : (packetsReceived ?? 0) - (first.packetsReceived ?? 0),
    };
  }

  /** Waits until a section flows as it should: `here` and `there` say whether anything comes. */
  flows(what, index, { here, there }) {
    return until(
      what,
      () => this.flow(index),
      (seen) => seen.here > 2 === here && seen.there > 2 === there,
    );
  }
}

/** Numbers of sound that are missing among those that came to Parley since `from`. */
function missingSounds(frames, from) {
  const numbers = frames.slice(from).map(({ firstSequenceNumber }) => firstSequenceNumber);
  let missing = 0;
  for (let i = 1; i < numbers.length; i++) missing += ((numbers[i] - numbers[i - 1]) & 0xffff) - 1;
  return missing;
}

const BOTH = { here: true, there: true };

async function held(t, call) {
  const { parley } = call;
  await t.test("held and taken up again by Parley", async () => {
    call.transceiver(0).direction = "inactive";
    await call.negotiate("Parley");
    await call.flows("held pictures to stop", 0, { here: false, there: false });
    assert.equal(parley.remoteTracks[0].muted, true);
    await until(
      "sound to go on",
      () => call.flow(1),
      ({ here }) => here > 10,
    );
    call.transceiver(0).direction = "sendrecv";
    await call.negotiate("Parley");
    await call.flows("pictures again", 0, BOTH);
    assert.equal(parley.remoteTracks[0].muted, false);
  });
  await t.test("Parley only receives, then only sends", async () => {
    call.transceiver(0).direction = "recvonly";
    await call.negotiate("Parley");
    await call.flows("pictures one way", 0, { here: true, there: false });
    call.transceiver(0).direction = "sendonly";
    await call.negotiate("Parley");
    await call.flows("pictures the other way", 0, { here: false, there: true });
    call.transceiver(0).direction = "sendrecv";
    await call.negotiate("Parley");
    await call.flows("pictures both ways", 0, BOTH);
  });
}

async function common(t, call, restarts) {
  const { parley } = call;
  /** Gives how many packets were lost, and how many numbers are missing. */
  const restart = async (by) => {
    const ufrag = () => /a=ice-ufrag:(\S+)/.exec(parley.pc.localDescription.sdp)[1];
    const before = ufrag();
    const from = parley.frames[1].length;
    const lost = (await parley.stats(1, "inbound-rtp")).packetsLost;
    if (by === "Parley") parley.pc.restartIce();
    await call.negotiate(by, by === "Parley" ? undefined : { iceRestart: true });
    assert.notEqual(ufrag(), before);
    await until(
      "the connection again",
      () => parley.pc.iceConnectionState,
      (state) => /connected|completed/.test(state),
    );
    await call.flows("pictures", 0, BOTH);
    const now = (await parley.stats(1, "inbound-rtp")).packetsLost;
    return Math.max(now - lost, missingSounds(parley.frames[1], from));
  };
  for (const by of restarts)
    await t.test(`ICE restarted by ${by}`, async () => {
      const lost = [];
      while (lost.length === 0 || (lost.at(-1) > RESTART_LOSS && lost.length < RESTARTS)) lost.push(await restart(by));
      assert.ok(lost.at(-1) <= RESTART_LOSS, `packets lost: ${lost}`);
    });
  await t.test("Parley replaces its tracks", async () => {
    const { path } = await codecMaterial();
    const other = new MaterialTracks(path, CODECS);
    other.start();
    for (const [i, { track }] of other.all.entries()) await call.transceiver(i).sender.replaceTrack(track);
    parley.tracks.stop();
    parley.tracks = other;
    await call.flows("pictures", 0, BOTH);
    await call.flows("sound", 1, BOTH);
  });
}

async function connected(start, name, role) {
  const material = await codecMaterial();
  const agent = await start(MEDIA_PEERS[name].start(name));
  const parley = new ParleyEnd(material.path, CODECS);
  await agent.call("open", { tracks: CODECS.map(trackOf), material: material.path });
  try {
    await parley.connect(agent, role);
  } catch (error) {
    parley.close();
    throw error;
  }
  return new Call(parley, agent);
}

async function withBrowser(t, call, name) {
  const { parley, agent } = call;
  const { pc } = parley;
  const run = (text, ...args) => agent.page("run", text, ...args);
  await t.test("held and taken up again by the page", async () => {
    await run("pc.getTransceivers()[0].direction = 'recvonly'");
    await call.negotiate(name);
    await call.flows("pictures one way", 0, { here: false, there: true });
    await run("pc.getTransceivers()[0].direction = 'sendrecv'");
    await call.negotiate(name);
    await call.flows("pictures both ways", 0, BOTH);
  });
  await t.test("the page replaces its track", async () => {
    await run("const track = await sourceOf('video'); await pc.getSenders()[0].replaceTrack(track)");
    await call.flows("pictures", 0, BOTH);
    await run("await pc.getSenders()[0].replaceTrack(null)");
    await call.flows("none of the page's", 0, { here: false, there: true });
    await run("const track = await sourceOf('video'); await pc.getSenders()[0].replaceTrack(track)");
    await call.flows("pictures", 0, BOTH);
  });
  await t.test("the page adds a track, and takes it away", async () => {
    await run("pc.addTransceiver(await sourceOf('video'), { direction: 'sendonly' })");
    await call.negotiate(name);
    await call.flows("pictures of a second section", 2, { here: true, there: false });
    await run("pc.removeTrack(pc.getSenders()[2])");
    await call.negotiate(name);
    await call.flows("none of the second section", 2, { here: false, there: false });
    assert.equal(parley.remoteTracks[2].muted, true);
    await run("pc.getTransceivers()[2].stop()");
    await call.negotiate(name);
    assert.equal(parley.remoteTracks[2].readyState, "ended");
    await call.flows("pictures of the first", 0, BOTH);
  });
  await t.test("Parley adds a track, and stops it", async () => {
    const { path } = await codecMaterial();
    const other = new MaterialTracks(path, ["VP8"]);
    other.start();
    try {
      const transceiver = pc.addTransceiver(other.all[0].track, { direction: "sendonly" });
      await call.negotiate("Parley");
      const index = pc.getTransceivers().indexOf(transceiver);
      await call.flows("pictures of a new section", index, { here: false, there: true });
      transceiver.stop();
      await call.negotiate("Parley");
      await call.flows("pictures of the first", 0, BOTH);
    } finally {
      other.stop();
    }
  });
  for (const codec of ["VP9", "VP8"])
    await t.test(`from now on ${codec}`, async () => {
      const { path } = await codecMaterial();
      const other = new MaterialTracks(path, [codec, "opus"]);
      other.start();
      prefer(call.transceiver(0), [codec, "VP8", "VP9"]);
      await call.negotiate("Parley");
      for (const [i, { track }] of other.all.entries()) await call.transceiver(i).sender.replaceTrack(track);
      parley.tracks.stop();
      parley.tracks = other;
      await call.flows("pictures", 0, BOTH);
      await until(
        "the codec from the page",
        () => parley.frames[0].at(-1).mimeType.toLowerCase(),
        (type) => type === `video/${codec}`.toLowerCase(),
      );
      const seen = await until(
        "the codec at the page",
        async () => (await agent.call("seen")).tracks[0].codec,
        (type) => type?.toLowerCase() === `video/${codec}`.toLowerCase(),
      );
      assert.ok(seen);
    });
}

for (const name of ["chromium", "firefox"]) {
  if (!wants("media") || !wantsPeer(name)) continue;
  const peer = MEDIA_PEERS[name];
  const missing = () => peer.missing() ?? missingEncoders();
  peerTest(`${peer.title}, changes while media flows`, { limit: LIMIT, missing }, async (t, start) => {
    const call = await connected(start, name, "answerer");
    try {
      await call.flows("pictures", 0, BOTH);
      await held(t, call);
      await common(t, call, ["Parley", peer.title]);
      await withBrowser(t, call, peer.title);
      assert.deepEqual(call.agent.strays, []);
    } finally {
      call.parley.close();
    }
  });
}

if (wants("media") && wantsPeer("pion")) {
  const peer = MEDIA_PEERS.pion;
  const missing = () => peer.missing() ?? missingEncoders();
  peerTest("Pion, changes while media flows", { limit: LIMIT, missing }, async (t, start) => {
    const call = await connected(start, "pion", "answerer");
    try {
      await call.flows("pictures", 0, BOTH);
      await t.test("held and taken up again", { skip: "what is made inactive it stops for good" }, () => {});
      await common(t, call, ["Parley", "Pion"]);
      assert.deepEqual(call.agent.strays, []);
    } finally {
      call.parley.close();
    }
  });
}
