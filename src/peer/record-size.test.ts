import assert from "node:assert/strict";
import { test } from "node:test";
import type { CandidatePair } from "../ice/pair.js";
import { DEFAULT_MTU } from "../sctp/options.js";
import type { Network } from "../util/net.js";
import { recordSize } from "./record-size.js";

const OVERHEAD = 37;
const network = {
  interfaces: () => [{ address: "192.0.2.1" }],
  firstHopPayload: (_from: string, to: string) => (to === "192.0.2.1" || to === "127.0.0.1" ? 65_507 : 1472),
} as unknown as Network;

function pair(address: string, protocol = "udp", type = "host"): CandidatePair {
  return { local: { candidate: { protocol, type } }, base: { address: "192.0.2.1" }, address } as CandidatePair;
}

test("records are large to this very host alone, where the peer takes them", () => {
  for (const [where, limit, certain, most] of [
    [pair("192.0.2.1"), 16_385, DEFAULT_MTU, 16_385],
    [pair("127.0.0.1"), 16_385, DEFAULT_MTU, 16_385],
    [pair("192.0.2.1"), undefined, DEFAULT_MTU, DEFAULT_MTU],
    [pair("192.0.2.1"), 600, 600, 600],
    [pair("192.0.2.2"), 16_385, DEFAULT_MTU, DEFAULT_MTU],
    [pair("192.0.2.1", "tcp"), 16_385, DEFAULT_MTU, DEFAULT_MTU],
    [pair("192.0.2.1", "udp", "relay"), 16_385, DEFAULT_MTU, DEFAULT_MTU],
  ] as const) {
    const got = recordSize(where, { recordSizeLimit: limit, overhead: OVERHEAD }, network);
    assert.deepEqual(got, { certain, most }, `${where.address} ${limit}`);
  }
});

test("a record fits into the first hop with all that is around it", () => {
  const small = { ...network, firstHopPayload: () => 9000 } as Network;
  const { most } = recordSize(pair("192.0.2.1"), { recordSizeLimit: 16_385, overhead: OVERHEAD }, small);
  assert.equal(most, 9000 - OVERHEAD);
  const unknown = { interfaces: network.interfaces } as Network;
  const size = recordSize(pair("192.0.2.1"), { recordSizeLimit: 16_385, overhead: OVERHEAD }, unknown);
  assert.equal(size.most, DEFAULT_MTU);
});
