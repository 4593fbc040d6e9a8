import assert from "node:assert/strict";
import { test } from "node:test";
import { rtpCodecCapabilities } from "./codec-capabilities.js";
import { answerParameters, codecIdentity } from "./codec-match.js";
import { parseFmtp } from "./fmtp.js";
import { h264AnswerProfile, h264Profile } from "./h264-profile.js";

const identity = (rtpmap: string, fmtp?: string): string => {
  const [name, clockRate, channels] = rtpmap.split("/");
  return codecIdentity({
    name: name!,
    clockRate: Number(clockRate),
    channels: Number(channels ?? "1"),
    parameters: parseFmtp(fmtp),
  });
};

test("which formats are one codec", () => {
  const pairs: [[string, string?], [string, string?], boolean][] = [
    [["VP8/90000"], ["vp8/90000"], true],
    [["opus/48000/2"], ["OPUS/48000/2", "useinbandfec=1"], true],
    [["opus/48000/2"], ["opus/48000"], false],
    [["G722/8000"], ["G722/8000/1"], true],
    [["telephone-event/8000"], ["telephone-event/48000"], false],
    [["CN/8000"], ["CN/16000"], false],
    [["PCMU/8000"], ["PCMA/8000"], false],
    // RFC 9628 §6: profile 0 is the default.
    [["VP9/90000"], ["VP9/90000", "profile-id=0"], true],
    [["VP9/90000", "profile-id=2"], ["VP9/90000", "profile-id=0"], false],
    [["AV1/90000"], ["AV1/90000", "level-idx=8;profile=0;tier=0"], true],
    [["AV1/90000", "profile=1"], ["AV1/90000"], false],
    [["AV1/90000", "tier=1"], ["AV1/90000"], false],
    [["H265/90000"], ["H265/90000", "level-id=180;profile-id=1;tier-flag=0;tx-mode=SRST"], true],
    [["H265/90000", "profile-id=2"], ["H265/90000"], false],
    [["H265/90000", "tx-mode=MRST"], ["H265/90000"], false],
    // RFC 6184 §8.2.2.
    [["H264/90000", "profile-level-id=42e01f"], ["H264/90000", "profile-level-id=42e034"], true],
    [["H264/90000", "profile-level-id=42e01f"], ["H264/90000", "profile-level-id=42001f"], false],
    [["H264/90000", "profile-level-id=42e01f"], ["H264/90000", "profile-level-id=4d801f"], true],
    [["H264/90000", "profile-level-id=42E01F"], ["H264/90000"], true],
    [["H264/90000", "packetization-mode=1"], ["H264/90000"], false],
    [["H264/90000", "packetization-mode=0"], ["H264/90000"], true],
    [["H264/90000", "profile-level-id=nonsense"], ["H264/90000"], false],
  ];
  for (const [a, b, same] of pairs) {
    assert.equal(identity(...a) === identity(...b), same, `${a} / ${b}`);
  }
});

test("profiles of H.264 (RFC 6184 §8.1, table 5)", () => {
  for (const [id, profile] of [
    ["42e01f", "constrained-baseline"],
    ["42f00b", "constrained-baseline"],
    ["42001f", "baseline"],
    ["4d001f", "main"],
    ["4d801f", "constrained-baseline"],
    ["58001f", "extended"],
    ["58c01f", "constrained-baseline"],
    ["64001f", "high"],
    ["640c1f", "constrained-high"],
    ["f4001f", "high-4:4:4"],
    [undefined, "constrained-baseline"],
  ] as const) {
    assert.equal(h264Profile(id), profile, id);
  }
  assert.notEqual(h264Profile("zz"), h264Profile("42e01f"));
});

test("the level of an answer (RFC 6184 §8.2.2)", () => {
  const answer = (ours: string, theirs: string): string | undefined =>
    h264AnswerProfile(parseFmtp(ours), parseFmtp(theirs));
  const both = "level-asymmetry-allowed=1;profile-level-id=";
  assert.equal(answer(`${both}42e01f`, `${both}42e034`), "42e01f");
  assert.equal(answer(`${both}42e034`, `${both}42e01f`), "42e034");
  assert.equal(answer(`${both}42e034`, "profile-level-id=42e01f"), "42e01f");
  assert.equal(answer("profile-level-id=42e01f", `${both}42e034`), "42e01f");
  // Level 1b is below 1.1 and above 1.
  assert.equal(answer("profile-level-id=42e00b", "profile-level-id=42f00b"), "42f00b");
  assert.equal(answer("profile-level-id=42f00b", "profile-level-id=42e00a"), "42e00a");
  assert.equal(answer("", ""), undefined);
});

test("an answer's parameters are ours; H.265's level the lower one", () => {
  const format = (name: string, fmtp: string) => ({
    name,
    clockRate: 90_000,
    channels: 1,
    parameters: parseFmtp(fmtp),
  });
  const h264 = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f";
  assert.equal(answerParameters(format("H264", h264), format("H264", h264)), h264);
  assert.equal(
    answerParameters(format("H264", h264), format("H264", "packetization-mode=1;profile-level-id=42e015")),
    "packetization-mode=1;profile-level-id=42e015",
  );
  assert.equal(answerParameters(format("H265", "level-id=180"), format("H265", "level-id=93")), "level-id=93");
  assert.equal(answerParameters(format("VP8", ""), format("VP8", "max-fs=1")), undefined);
});

test("capabilities are Chromium's, with H.264 High and H.265 besides", () => {
  const names = (kind: "audio" | "video", direction: "send" | "receive"): string[] =>
    rtpCodecCapabilities(kind, direction)
      .filter(({ mimeType, sdpFmtpLine }) => mimeType !== "video/H265" && !sdpFmtpLine?.endsWith("64001f"))
      .map(({ mimeType, clockRate, channels, sdpFmtpLine }) =>
        [`${mimeType}/${clockRate}${channels === undefined ? "" : `/${channels}`}`, sdpFmtpLine]
          .filter(Boolean)
          .join(" "),
      );
  assert.deepEqual(names("audio", "send"), names("audio", "receive"));
  assert.deepEqual(names("audio", "send"), [
    "audio/opus/48000/2 minptime=10;useinbandfec=1",
    "audio/red/48000/2",
    "audio/G722/8000/1",
    "audio/PCMU/8000/1",
    "audio/PCMA/8000/1",
    "audio/CN/8000/1",
    "audio/telephone-event/48000/1",
    "audio/telephone-event/8000/1",
  ]);
  const short = (line: string): string => line.replace(/^video\/|\/90000|level-asymmetry-allowed=1;/g, "");
  assert.deepEqual(names("video", "send").map(short), [
    "VP8",
    "rtx",
    "H264 packetization-mode=1;profile-level-id=42001f",
    "H264 packetization-mode=0;profile-level-id=42001f",
    "H264 packetization-mode=1;profile-level-id=42e01f",
    "H264 packetization-mode=0;profile-level-id=42e01f",
    "H264 packetization-mode=1;profile-level-id=4d001f",
    "H264 packetization-mode=0;profile-level-id=4d001f",
    "AV1 level-idx=5;profile=0;tier=0",
    "VP9 profile-id=0",
    "VP9 profile-id=2",
    "red",
    "ulpfec",
  ]);
  assert.equal(names("video", "receive").length, 19);
  assert.equal(names("video", "receive").at(-1), "video/flexfec-03/90000 repair-window=10000000");
});
