import assert from "node:assert/strict";
import { test } from "node:test";
import {
  MediaStream,
  mediaDevices,
  RTCPeerConnection,
  type RTCRtpSender,
  type RTCSdpType,
  type RTCSessionDescription,
  type RTCTrackEvent,
} from "../index.js";
import { nodePlatform } from "../node/platform.js";
import type { Platform } from "../peer/platform.js";
import type { TransformTarget } from "./frame-transform.js";
import { senderImplOf } from "./rtc-rtp-sender.js";

/** Lets queued tasks run. */
async function settle(): Promise<void> {
  for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve));
}

async function negotiate(offerer: RTCPeerConnection, answerer: RTCPeerConnection): Promise<void> {
  await offerer.setLocalDescription();
  await answerer.setRemoteDescription(offerer.localDescription!);
  await answerer.setLocalDescription();
  await offerer.setRemoteDescription(answerer.localDescription!);
}

function pair(t: { after(run: () => void): void }): [RTCPeerConnection, RTCPeerConnection] {
  const peers: [RTCPeerConnection, RTCPeerConnection] = [new RTCPeerConnection(), new RTCPeerConnection()];
  t.after(() => {
    for (const peer of peers) peer.close();
  });
  return peers;
}

test("tracks come with their streams, go with removeTrack, and end with stop()", async (t) => {
  const [a, b] = pair(t);
  const events: RTCTrackEvent[] = [];
  b.ontrack = (event) => events.push(event);
  const stream = await mediaDevices.getUserMedia({ audio: true, video: true });
  const [audio, video] = stream.getTracks().map((track) => a.addTrack(track, stream));
  assert.throws(() => a.addTrack(audio!.track!, stream), { name: "InvalidAccessError" });
  await negotiate(a, b);
  assert.deepEqual(
    events.map(({ track, streams }) => [track.kind, streams.map(({ id }) => id)]),
    [
      ["audio", [stream.id]],
      ["video", [stream.id]],
    ],
  );
  const remote = events[0]!.streams[0] as MediaStream;
  assert.equal(remote, events[1]!.streams[0]);
  assert.deepEqual(
    b.getTransceivers().map(({ mid, direction, currentDirection }) => [mid, direction, currentDirection]),
    [
      ["0", "recvonly", "recvonly"],
      ["1", "recvonly", "recvonly"],
    ],
  );
  assert.equal(a.getSenders()[0]!.transport, a.getReceivers()[1]!.transport, "bundled");

  const removed: unknown[] = [];
  remote.onremovetrack = ({ track }) => removed.push(track);
  a.removeTrack(video!);
  await negotiate(a, b);
  assert.deepEqual(removed, [events[1]!.track]);
  assert.deepEqual(
    a.getTransceivers().map(({ currentDirection }) => currentDirection),
    ["sendonly", "inactive"],
  );

  const ended = new Promise((resolve) => {
    events[0]!.track.onended = resolve;
  });
  a.getTransceivers()[0]!.stop();
  await negotiate(a, b);
  await ended;
  assert.equal(events[0]!.track.readyState, "ended");
  assert.deepEqual([a.getTransceivers().length, b.getTransceivers().length], [1, 1]);
});

test("addstream and removestream tell of the peer's streams as wholes, before its tracks", async (t) => {
  const [a, b] = pair(t);
  const log: string[] = [];
  for (const type of ["addstream", "removestream"]) {
    b.addEventListener(type, (event) => {
      const { stream } = event as Event & { stream: MediaStream };
      log.push(`${type} ${stream.id} ${stream.getTracks().length}`);
    });
  }
  b.ontrack = ({ track }) => log.push(track.kind);
  const stream = await mediaDevices.getUserMedia({ audio: true, video: true });
  const senders = stream.getTracks().map((track) => a.addTrack(track, stream));
  await negotiate(a, b);
  assert.deepEqual(log.splice(0), [`addstream ${stream.id} 2`, "audio", "video"]);
  a.removeTrack(senders[0]!);
  await negotiate(a, b);
  assert.deepEqual(log.splice(0), []);
  a.removeTrack(senders[1]!);
  await negotiate(a, b);
  assert.deepEqual(log.splice(0), [`removestream ${stream.id} 0`]);
  assert.equal("onaddstream" in b, false);
});

test("addTrack takes an unused transceiver of a remote offer, which a rollback then leaves", async (t) => {
  const [a, b] = pair(t);
  a.addTransceiver("audio");
  a.addTransceiver("video");
  await a.setLocalDescription();
  await b.setRemoteDescription(a.localDescription!);
  const stream = await mediaDevices.getUserMedia({ audio: true });
  const sender = b.addTrack(stream.getTracks()[0]!);
  assert.equal(b.getTransceivers()[0]!.sender, sender);
  assert.equal(b.getTransceivers()[0]!.direction, "sendrecv");
  await b.setRemoteDescription({ type: "rollback" });
  assert.deepEqual(
    b.getTransceivers().map(({ mid, sender: own }) => [mid, own === sender]),
    [[null, true]],
  );
});

test("negotiation is needed for what descriptions do not show, and only for that", async (t) => {
  const [a, b] = pair(t);
  let needed = 0;
  a.onnegotiationneeded = () => needed++;
  const transceiver = a.addTransceiver("audio");
  await settle();
  assert.equal(needed, 1);
  await negotiate(a, b);
  await settle();
  assert.equal(needed, 1);
  transceiver.direction = "recvonly";
  await settle();
  assert.equal(needed, 2);
  transceiver.direction = "sendrecv";
  transceiver.sender.setStreams(new MediaStream());
  await settle();
  assert.equal(needed, 2, "fired already, for a description that is still to come");
  await negotiate(a, b);
  await settle();
  assert.equal(needed, 2);
});

test("setParameters takes what getParameters returned in the same task, with read-only parts untouched", async (t) => {
  const [a] = pair(t);
  const { sender } = a.addTransceiver("video", { sendEncodings: [{ rid: "lo" }, { rid: "hi", active: false }] });
  const parameters = sender.getParameters();
  assert.deepEqual(
    parameters.encodings.map(({ rid, active, scaleResolutionDownBy }) => [rid, active, scaleResolutionDownBy]),
    [
      ["lo", true, 2],
      ["hi", false, 1],
    ],
  );
  assert.equal(sender.getParameters().transactionId, parameters.transactionId);
  parameters.encodings[0]!.maxBitrate = 100_000;
  await sender.setParameters(parameters);
  assert.equal(sender.getParameters().encodings[0]!.maxBitrate, 100_000);
  await assert.rejects(sender.setParameters(parameters), { name: "InvalidModificationError" }, "an old transaction");
  const reordered = sender.getParameters();
  reordered.encodings.reverse();
  await assert.rejects(sender.setParameters(reordered), { name: "InvalidModificationError" });
  const larger = sender.getParameters();
  larger.encodings[0]!.scaleResolutionDownBy = 0.5;
  await assert.rejects(sender.setParameters(larger), RangeError);
  await settle();
  await assert.rejects(sender.setParameters(larger), { name: "InvalidStateError" });
});

test("the answerer's stop() leaves the section inactive; its own offer rejects it (webrtc-pc, stop())", async (t) => {
  const [a, b] = pair(t);
  const transceiver = a.addTransceiver("audio");
  await a.setLocalDescription();
  await b.setRemoteDescription(a.localDescription!);
  const stopped = b.getTransceivers()[0]!;
  stopped.stop();
  await b.setLocalDescription();
  await a.setRemoteDescription(b.localDescription!);
  assert.deepEqual([transceiver.direction, transceiver.currentDirection], ["sendrecv", "inactive"]);
  assert.deepEqual([stopped.direction, stopped.currentDirection, stopped.stopped], ["stopped", "inactive", false]);
  await negotiate(b, a);
  for (const gone of [transceiver, stopped]) {
    assert.deepEqual(
      [gone.direction, gone.currentDirection, gone.mid, gone.stopped],
      ["stopped", "stopped", null, true],
    );
  }
  assert.deepEqual([a.getTransceivers(), b.getTransceivers()], [[], []]);
});

test("a transceiver of addTransceiver takes no remote offer, also with a track that addTrack gave it", async (t) => {
  const [a, b] = pair(t);
  a.addTransceiver("audio");
  const own = b.addTransceiver("audio");
  const stream = await mediaDevices.getUserMedia({ audio: true });
  assert.equal(b.addTrack(stream.getTracks()[0]!, stream), own.sender);
  await a.setLocalDescription();
  await b.setRemoteDescription(a.localDescription!);
  assert.deepEqual(
    b.getTransceivers().map(({ mid }) => mid),
    [null, "0"],
  );
});

test("a peer's stream is the same object when it comes back", async (t) => {
  const [a, b] = pair(t);
  const stream = await mediaDevices.getUserMedia({ audio: true });
  a.addTrack(stream.getTracks()[0]!, stream);
  const streams: unknown[] = [];
  b.ontrack = ({ streams: [remote] }) => streams.push(remote);
  await a.setLocalDescription();
  await b.setRemoteDescription(a.localDescription!);
  await b.setRemoteDescription({ type: "rollback" });
  await b.setRemoteDescription(a.localDescription!);
  assert.equal(streams.length, 2);
  assert.equal(streams[0], streams[1]);
});

const rids = (sender: RTCRtpSender): (string | undefined)[] => sender.getParameters().encodings.map(({ rid }) => rid);

/** The description with simulcast that its maker wants to receive. */
function receiving({ sdp, type }: RTCSessionDescription, ...names: string[]): { type: RTCSdpType; sdp: string } {
  const lines = names.map((rid) => `a=rid:${rid} recv\r\n`).join("");
  return { type, sdp: `${sdp}${lines}${names.length > 0 ? `a=simulcast:recv ${names.join(";")}\r\n` : ""}` };
}

test("simulcast that an offer proposes is taken, and taken back by a rollback", async (t) => {
  const [a, b] = pair(t);
  const stream = await mediaDevices.getUserMedia({ video: true, audio: true });
  const [audio, video] = stream.getTracks().map((track) => b.addTrack(track, stream));
  a.addTransceiver("audio");
  a.addTransceiver("video");
  await a.setLocalDescription();
  const offer = receiving(a.localDescription!, "q", "h", "q");
  await b.setRemoteDescription(offer);
  assert.deepEqual(rids(video!), ["q", "h"]);
  assert.deepEqual(
    video!.getParameters().encodings.map(({ scaleResolutionDownBy }) => scaleResolutionDownBy),
    [2, 1],
  );
  await b.setRemoteDescription({ type: "rollback" });
  assert.deepEqual([rids(video!), rids(audio!)], [[undefined], [undefined]]);
  await b.setRemoteDescription(offer);
  assert.match((await b.createAnswer()).sdp!, /a=simulcast:send q;h\r\n/);
});

test("an answer narrows simulcast, ours as well as the peer's, and waits for setParameters", async (t) => {
  const [a, b] = pair(t);
  const { sender } = a.addTransceiver("video", { sendEncodings: [{ rid: "q" }, { rid: "h" }, { rid: "f" }] });
  await a.setLocalDescription();
  await b.setRemoteDescription(a.localDescription!);
  await b.setLocalDescription();
  const answer = b.localDescription!;
  const narrow = { type: answer.type, sdp: answer.sdp.replace("recv q;h;f", "recv f;q") };
  const parameters = sender.getParameters();
  parameters.encodings[2]!.maxBitrate = 100_000;
  const applied = a.setRemoteDescription(narrow);
  await sender.setParameters(parameters);
  await applied;
  assert.deepEqual(rids(sender), ["q", "f"]);
  assert.equal(sender.getParameters().encodings[1]!.maxBitrate, 100_000);
  const stale = sender.getParameters();

  // The peer's next offer takes one of them: what is sent changes with our answer.
  b.getTransceivers()[0]!.direction = "sendrecv";
  await b.setLocalDescription();
  const { sdp } = b.localDescription!;
  await a.setRemoteDescription({ type: "offer", sdp: sdp.replace(/a=(rid:[qh] |simulcast).*\r\n/g, "") });
  assert.deepEqual(rids(sender), ["q", "f"]);
  await a.setLocalDescription();
  assert.deepEqual(rids(sender), ["f"]);
  await assert.rejects(sender.setParameters(stale), { name: "InvalidModificationError" });
});

test("a transform sees the rids that were negotiated: without simulcast there is none", async (t) => {
  const [a, b] = pair(t);
  const { sender } = a.addTransceiver("video", { sendEncodings: [{ rid: "q" }, { rid: "h" }] });
  let target: TransformTarget | undefined;
  senderImplOf(sender).flow.transform.setStreams((attached) => {
    target = attached;
    return { push: () => {}, detach: () => {} };
  }, "");
  assert.deepEqual(target!.rids, ["q", "h"]);
  await a.setLocalDescription();
  await b.setRemoteDescription(a.localDescription!);
  await b.setLocalDescription();
  const { type, sdp } = b.localDescription!;
  await a.setRemoteDescription({ type, sdp });
  assert.deepEqual(target!.rids, ["q", "h"]);
  await a.setLocalDescription();
  await a.setRemoteDescription({ type, sdp: sdp.replace(/a=(rid|simulcast):.*\r\n/g, "") });
  assert.deepEqual([rids(sender), target!.rids], [["q"], [null]]);
});

test("header extensions: what an answer leaves is what is offered next (webrtc-extensions)", async (t) => {
  const [a, b] = pair(t);
  const transceiver = a.addTransceiver("video");
  await a.setLocalDescription();
  await b.setRemoteDescription(a.localDescription!);
  const theirs = b.getTransceivers()[0]!;
  const orientation = "urn:3gpp:video-orientation";
  const of = (list: { uri: string; direction?: string }[]): string | undefined =>
    list.find(({ uri }) => uri === orientation)?.direction;
  theirs.setHeaderExtensionsToNegotiate(
    theirs
      .getHeaderExtensionsToNegotiate()
      .map((extension) => (extension.uri === orientation ? { uri: orientation, direction: "stopped" } : extension)),
  );
  await b.setLocalDescription();
  await a.setRemoteDescription(b.localDescription!);
  assert.equal(of(transceiver.getNegotiatedHeaderExtensions()), "stopped");
  assert.equal(of(transceiver.getHeaderExtensionsToNegotiate()), "stopped");
  assert.equal(of(a.addTransceiver("video").getHeaderExtensionsToNegotiate()), "stopped", "as the first of its kind");
  assert.doesNotMatch((await a.createOffer()).sdp!, /video-orientation/);
  // The program may want it again.
  transceiver.setHeaderExtensionsToNegotiate(
    transceiver
      .getHeaderExtensionsToNegotiate()
      .map((extension) => (extension.uri === orientation ? { uri: orientation, direction: "sendrecv" } : extension)),
  );
  assert.match((await a.createOffer()).sdp!, /video-orientation/);
});

test("streams and SSRCs that the program writes into its description are the sender's, and no reason to negotiate", async (t) => {
  const [a, b] = pair(t);
  const stream = await mediaDevices.getUserMedia({ video: true });
  const sender = a.addTrack(stream.getVideoTracks()[0]!, stream);
  const needed: string[] = [];
  const { sdp } = await a.createOffer();
  const ssrc = /a=ssrc-group:FID (\d+)/.exec(sdp!)![1]!;
  const changed = sdp!.replace(/a=msid:\S+/, "a=msid:other").replaceAll(ssrc, "4321");
  await a.setLocalDescription({ type: "offer", sdp: changed });
  assert.equal(a.localDescription!.sdp, changed);
  await b.setRemoteDescription({ type: "offer", sdp: changed });
  await b.setLocalDescription();
  a.onnegotiationneeded = () => needed.push("negotiationneeded");
  await a.setRemoteDescription(b.localDescription!);
  await settle();
  assert.deepEqual(needed, []);
  const next = (await a.createOffer()).sdp!;
  assert.match(next, /a=msid:other /);
  assert.match(next, /a=ssrc:4321 /);
  assert.ok([...(await sender.getStats()).values()].some((entry) => entry.ssrc === 4321));
  stream.getTracks()[0]!.stop();
});

test("parameters of before an awaited operation are refused, though tasks that must be timely overtake others", async (t) => {
  const platform: Platform = Object.create(nodePlatform, {
    queueTask: {
      value: (task: () => void, timely?: boolean) => (timely === true ? setImmediate(task) : setTimeout(task, 20)),
    },
  });
  const pc = new RTCPeerConnection({}, { platform });
  t.after(() => pc.close());
  const { sender } = pc.addTransceiver("audio");
  const parameters = sender.getParameters();
  await pc.createOffer();
  await assert.rejects(sender.setParameters(parameters), { name: "InvalidStateError" });
});
