import assert from "node:assert/strict";
import { test } from "node:test";
import { InputDeviceInfo, MediaDeviceInfo, MediaStream, mediaDevices, OverconstrainedError } from "../index.js";
import { trackImplOf } from "./media-stream-track.js";

test("devices show who they are once one of their kind has been opened", async () => {
  const before = await mediaDevices.enumerateDevices();
  assert.deepEqual(
    before.map(({ kind, deviceId, label }) => [kind, deviceId, label]),
    [
      ["audioinput", "", ""],
      ["videoinput", "", ""],
    ],
  );
  await mediaDevices.getUserMedia({ video: true });
  const after = await mediaDevices.enumerateDevices();
  assert.deepEqual(
    after.map(({ kind, deviceId, label }) => [kind, deviceId, label]),
    [
      ["audioinput", "", ""],
      ["videoinput", "synthetic-camera", "Synthetic camera"],
    ],
  );
  // The loudspeaker is part of one device with the microphone.
  await mediaDevices.getUserMedia({ audio: true });
  const all = await mediaDevices.enumerateDevices();
  assert.deepEqual(
    all.map(({ kind, deviceId }) => [kind, deviceId]),
    [
      ["audioinput", "synthetic-microphone"],
      ["videoinput", "synthetic-camera"],
      ["audiooutput", "synthetic-speaker"],
    ],
  );
  assert.equal(all[2]!.groupId, all[0]!.groupId);
  assert.notEqual(all[2]!.groupId, all[1]!.groupId);
  assert.deepEqual(
    all.map((info) => info instanceof InputDeviceInfo),
    [true, true, false],
  );
  assert.ok(all[2] instanceof MediaDeviceInfo);
});

test("settings are the nearest to the ideal that the rest allows", async () => {
  const open = async (video: object): Promise<object> => {
    const stream = await mediaDevices.getUserMedia({ video });
    const { width, height, frameRate, resizeMode } = stream.getVideoTracks()[0]!.getSettings();
    return { width, height, frameRate, resizeMode };
  };
  assert.deepEqual(await open({}), { width: 640, height: 480, frameRate: 30, resizeMode: "none" });
  assert.deepEqual(await open({ width: 1280, height: 720, frameRate: { max: 12 } }), {
    width: 1280,
    height: 720,
    frameRate: 10,
    resizeMode: "none",
  });
  // No mode has this height: a scaled picture keeps its shape.
  assert.deepEqual(await open({ height: { exact: 300 } }), {
    width: 400,
    height: 300,
    frameRate: 30,
    resizeMode: "crop-and-scale",
  });
  assert.deepEqual(await open({ advanced: [{ width: 5000 }, { width: 1280 }] }), {
    width: 1280,
    height: 720,
    frameRate: 30,
    resizeMode: "none",
  });
});

test("an impossible constraint is named, and changes nothing", async () => {
  const stream = await mediaDevices.getUserMedia({ video: { width: 320 } });
  const track = stream.getVideoTracks()[0]!;
  await assert.rejects(track.applyConstraints({ height: 240, frameRate: { min: 1000 } }), (error) => {
    assert.ok(error instanceof OverconstrainedError && error instanceof DOMException);
    assert.deepEqual([error.name, error.constraint], ["OverconstrainedError", "frameRate"]);
    return true;
  });
  assert.deepEqual(track.getConstraints(), { width: 320 });
  assert.equal(track.getSettings().width, 320);
});

test("mute, unmute and ended fire once, and stop() fires nothing", async () => {
  const stream = new MediaStream(await mediaDevices.getUserMedia({ audio: true }));
  const track = stream.getAudioTracks()[0]!;
  track.enabled = false;
  track.contentHint = "motion";
  assert.equal(track.contentHint, "", "a hint for video");
  track.contentHint = "music";
  const clone = track.clone();
  assert.deepEqual([clone.enabled, clone.contentHint, clone.id === track.id], [false, "music", false]);
  const heard: string[] = [];
  for (const type of ["mute", "unmute", "ended"]) track.addEventListener(type, () => heard.push(type));
  const impl = trackImplOf(track);
  impl.setMuted(true);
  impl.setMuted(true);
  impl.setMuted(false);
  clone.stop();
  assert.equal(stream.active, true);
  impl.end();
  impl.end();
  impl.setMuted(true);
  assert.deepEqual(heard, ["mute", "unmute", "ended"]);
  assert.deepEqual([track.readyState, track.muted, stream.active], ["ended", false, false]);
});
