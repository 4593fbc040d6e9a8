import assert from "node:assert/strict";
import { test } from "node:test";
import { mediaFigures } from "./media-figures.js";

function report(at: number, scale: number): Map<string, object> {
  const entries = [
    { id: "OQ", type: "outbound-rtp", kind: "video", rid: "q", bytesSent: 10_000 * scale, framesSent: 20 * scale },
    { id: "OF", type: "outbound-rtp", kind: "video", rid: "f", bytesSent: 90_000 * scale, framesSent: 19 * scale },
    { id: "OA", type: "outbound-rtp", kind: "audio", bytesSent: 5000 * scale, packetsSent: 50 * scale },
    {
      id: "IV",
      type: "inbound-rtp",
      kind: "video",
      bytesReceived: 80_000 * scale,
      packetsReceived: 95 * scale,
      packetsLost: 5 * scale,
      framesReceived: 18 * scale,
      framesDecoded: 17 * scale,
      framesPerSecond: 18,
      frameWidth: 960,
      frameHeight: 540,
      jitter: 0.004,
      nackCount: 7,
    },
    { id: "IA", type: "inbound-rtp", kind: "audio", bytesReceived: 5000 * scale, packetsReceived: 49 * scale },
    { id: "RV", type: "remote-inbound-rtp", kind: "video", roundTripTime: 0.012 },
    { id: "CP", type: "candidate-pair", nominated: true, currentRoundTripTime: 0.5 },
  ];
  return new Map(entries.map((entry) => [entry.id, { timestamp: at, ...entry }]));
}

test("figures are of the time between two reports, totals of all", () => {
  const first = mediaFigures(report(1000, 1), undefined);
  assert.equal(first.thereRate, 0);
  assert.equal(first.lossPercent, 0);
  const second = mediaFigures(report(3000, 3), first);
  assert.equal(second.thereRate, (210_000 * 8) / 2);
  assert.equal(second.backRate, (170_000 * 8) / 2);
  assert.equal(Math.round(second.lossPercent * 100), Math.round((100 * 100 * 10) / (10 + 288)));
  assert.equal(second.roundTrip, 12);
  assert.equal(second.jitter, 4);
  assert.equal(second.width, 960);
  assert.equal(second.framesBack, 54);
  assert.equal(second.soundThere, 150);
  assert.equal(second.soundBack, 147);
  assert.deepEqual(
    second.layers.map(({ rid, framesSent }) => [rid, framesSent]),
    [
      ["q", 60],
      ["f", 57],
    ],
  );
});

test("a report without media has figures, too", () => {
  const figures = mediaFigures(new Map(), undefined);
  assert.equal(figures.thereRate, 0);
  assert.equal(figures.roundTrip, undefined);
  assert.equal(figures.jitter, undefined);
  assert.deepEqual(figures.layers, []);
  // Chromium tells a round trip by reports only after some seconds: the pair's will do until then.
  const pair = { id: "CP", type: "candidate-pair", timestamp: 1, nominated: true, currentRoundTripTime: 0.5 };
  assert.equal(mediaFigures(new Map([["CP", pair]]), undefined).roundTrip, 500);
});
