import assert from "node:assert/strict";
import { test } from "node:test";
import { codecsMatch, type RTCRtpCodec } from "./codec-dictionary.js";

const video = (name: string, sdpFmtpLine?: string): RTCRtpCodec =>
  sdpFmtpLine === undefined
    ? { mimeType: `video/${name}`, clockRate: 90_000 }
    : { mimeType: `video/${name}`, clockRate: 90_000, sdpFmtpLine };

test("codec dictionary match (webrtc-pc §5.4)", () => {
  const opus = { mimeType: "audio/opus", clockRate: 48_000, channels: 2, sdpFmtpLine: "minptime=10;useinbandfec=1" };
  for (const [a, b, strict, lenient] of [
    [video("VP8"), video("vp8"), true, true],
    [video("VP8"), video("VP8", "max-fr=30"), false, false],
    [video("VP9", "profile-id=0"), video("VP9", "profile-id=2"), false, false],
    [video("AV1", "profile=0;tier=0"), video("AV1", "tier=0;profile=0"), true, true],
    [video("AV1", "profile=0"), video("AV1", "profile=1"), false, true],
    [video("H265", "level-id=180;profile-id=1"), video("H265", "level-id=30;profile-id=1"), false, true],
    [video("H265", "level-id=180;profile-id=1"), video("H265", "level-id=180;profile-id=2"), false, false],
    [video("H264", "profile-level-id=42e01f"), video("H264", "profile-level-id=42e034"), false, true],
    [video("H264", "profile-level-id=42e01f"), video("H264", "profile-level-id=64001f"), false, false],
    [opus, { ...opus, sdpFmtpLine: "useinbandfec=1;minptime=10" }, true, true],
    [opus, { ...opus, sdpFmtpLine: "useinbandfec=0;minptime=10" }, false, false],
    [opus, { ...opus, channels: 1 }, false, false],
    [opus, { mimeType: "audio/opus", clockRate: 48_000, channels: 2 }, false, false],
    [opus, { ...opus, sdpFmtpLine: "nonsense" }, false, false],
  ] as const) {
    const what = JSON.stringify([a, b]);
    assert.equal(codecsMatch(a, b), strict, what);
    assert.equal(codecsMatch(b, a, true), lenient, what);
  }
});
