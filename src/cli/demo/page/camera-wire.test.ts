import assert from "node:assert/strict";
import { test } from "node:test";
import { type CameraControl, parseCameraControl, writeCameraControl } from "./camera-wire.js";

test("what one side writes the other reads", () => {
  const messages: CameraControl[] = [
    { type: "layer", rid: "h" },
    { type: "layer", rid: null },
    { type: "loss", percent: 5 },
    {
      type: "report",
      layers: [{ rid: "q", width: 240, height: 135, bitrate: 99_000, active: true }],
      current: "q",
      dropped: 3,
    },
    { type: "report", layers: [], current: null, dropped: 0 },
  ];
  for (const message of messages) assert.deepEqual(parseCameraControl(writeCameraControl(message)), message);
});

test("what is none of it is refused", () => {
  for (const text of [
    "",
    "null",
    "[]",
    '{"type":"other"}',
    '{"type":"layer"}',
    '{"type":"layer","rid":"a b"}',
    '{"type":"layer","rid":"aaaaaaaaaaaaaaaaa"}',
    '{"type":"loss","percent":50}',
    '{"type":"loss","percent":"5"}',
    '{"type":"report","layers":{},"current":null,"dropped":0}',
    '{"type":"report","layers":[null],"current":null,"dropped":0}',
    '{"type":"report","layers":[{"rid":"q","width":-1,"height":1,"bitrate":1,"active":true}],"current":null,"dropped":0}',
    '{"type":"report","layers":[],"current":null,"dropped":0.5}',
  ]) {
    assert.equal(parseCameraControl(text), undefined, text);
  }
});
