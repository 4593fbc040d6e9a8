// Parley's end of a connection with a page (media-page.mjs), candidates trickling both ways.
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { RTCPeerConnection } from "../../dist/index.js";

/** Milliseconds until a connection must stand. */
const PATIENCE = 20_000;

/** A connection of Parley's that keeps its candidates until the page can take them. */
export function create(options) {
  const pc = new RTCPeerConnection(undefined, options);
  const candidates = [];
  pc.onicecandidate = ({ candidate }) => candidates.push(candidate?.toJSON() ?? null);
  return { pc, candidates };
}

/** Hands candidates both ways until the connection stands. */
export async function connect(page, { pc, candidates }) {
  const end = Date.now() + PATIENCE;
  while (pc.connectionState !== "connected") {
    assert.ok(Date.now() < end, `not connected: ${pc.connectionState}`);
    for (const candidate of candidates.splice(0)) await page("candidate", candidate);
    for (const candidate of await page("candidates")) await pc.addIceCandidate(candidate ?? undefined);
    await sleep(20);
  }
}
