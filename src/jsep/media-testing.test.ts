// What tests of media in offers and answers look at, and what they look for.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Side } from "#test/jsep-session.js";
import type { SdpDirection } from "../sdp/model.js";
import type { TransceiverPlan } from "./transceiver-plan.js";
import type { SendEncoding } from "./transceivers.js";

export const folder: string = fileURLToPath(new URL("../../test/vectors/sdp/", import.meta.url));

export const vector = (name: string): string => readFileSync(`${folder}${name}.sdp`, "utf8");

export const DIRECTIONS: readonly SdpDirection[] = ["sendrecv", "sendonly", "recvonly", "inactive"];

export const VP8: { mimeType: string; clockRate: number } = { mimeType: "video/VP8", clockRate: 90_000 };

export function lines(sdp: string, start: string): string[] {
  return sdp.split("\r\n").filter((line) => line.startsWith(start));
}

export function planOf(side: Side, id: string): TransceiverPlan {
  const plan = side.plan!.transceivers.find((entry) => entry.transceiver === id);
  assert.ok(plan, `a plan for ${id}`);
  return plan;
}

export function encodings(...rids: string[]): SendEncoding[] {
  return rids.map((rid, i) => ({ rid, ssrc: 700 + i, rtxSsrc: null }));
}

export function pair(): [Side, Side] {
  return [new Side("a").with(), new Side("b").with()];
}
