import assert from "node:assert/strict";
import { test } from "node:test";
import { MediaStream, mediaDevices, RTCPeerConnection, type RTCTrackEvent } from "../index.js";

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
