import assert from "node:assert/strict";
import { test } from "node:test";
import { fittingScale, macroblocks, pictureLimits } from "./picture-limits.js";

const h264 = (id: string, more = ""): number[] => {
  const { level, frameSize, rate } = pictureLimits("video/H264", `packetization-mode=1;profile-level-id=${id}${more}`);
  return [level, frameSize, rate];
};

test("the level of H.264 limits pictures", () => {
  assert.deepEqual(h264("42e01f"), [31, 3600, 108_000]);
  assert.deepEqual(h264("640034"), [52, 36_864, 2_073_600]);
  assert.deepEqual(h264("42C00b"), [11, 396, 3000]);
  // 1b, in its two writings.
  assert.deepEqual(h264("42f00b"), [9, 99, 1485]);
  assert.deepEqual(h264("640009"), [9, 99, 1485]);
  // No such level.
  assert.deepEqual(h264("42e024"), [36, 5120, 216_000]);
  assert.deepEqual(h264("42e000"), [0, 99, 1485]);
});

test("max-fs and max-mbps raise what the level allows, and never lower it", () => {
  assert.deepEqual(h264("42e01f", ";max-fs=8160;max-mbps=245000"), [31, 8160, 245_000]);
  assert.deepEqual(h264("42e01f", ";max-fs=10;max-mbps=10"), [31, 3600, 108_000]);
  for (const bad of ["", "0", "-5", "x", "1e9", "99999999999"]) {
    assert.deepEqual(h264("42e01f", `;max-fs=${bad}`), [31, 3600, 108_000], bad);
  }
});

test("without a profile that can be read it is 3.1", () => {
  assert.equal(pictureLimits("video/H264", "").frameSize, 3600);
  assert.deepEqual(h264("zz"), [31, 3600, 108_000]);
});

test("VP8 and VP9 have limits where the receiver says so", () => {
  const { frameSize, frameRate, rate } = pictureLimits("video/VP8", "max-fr=15; max-fs=3600");
  assert.deepEqual([frameSize, frameRate, rate], [3600, 15, Number.POSITIVE_INFINITY]);
  assert.equal(pictureLimits("video/vp9", "max-fs=8640").frameSize, 8640);
  assert.equal(pictureLimits("video/VP8", "").frameSize, Number.POSITIVE_INFINITY);
  assert.equal(pictureLimits("video/AV1", "max-fs=1").frameSize, Number.POSITIVE_INFINITY);
});

test("a picture that is too large gets smaller by even steps", () => {
  assert.equal(macroblocks(1920, 1080), 8160);
  assert.equal(fittingScale(1280, 720, 1, 3600), 1);
  assert.equal(fittingScale(1920, 1080, 1, 3600), 1.5);
  assert.equal(fittingScale(1920, 1080, 2, 3600), 2);
  assert.equal(fittingScale(1280, 720, 1, 1620), 1.5);
  assert.equal(fittingScale(640, 480, 1, Number.POSITIVE_INFINITY), 1);
  for (const frameSize of [99, 396, 792, 1620, 3600, 5120, 8192]) {
    for (const [width, height] of [
      [1920, 1080],
      [3840, 2160],
      [641, 479],
      [1, 4000],
    ] as const) {
      const scale = fittingScale(width, height, 1, frameSize);
      assert.ok(macroblocks(Math.floor(width / scale), Math.floor(height / scale)) <= frameSize);
    }
  }
});
