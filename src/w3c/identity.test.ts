import assert from "node:assert/strict";
import { test } from "node:test";
import { Simulation } from "#test/sim/simulation.js";
import type { RTCConfiguration } from "./configuration.js";
import type { RTCError } from "./errors.js";
import { RTCPeerConnection } from "./rtc-peer-connection.js";

function peer(configuration: RTCConfiguration = {}): { sim: Simulation; pc: RTCPeerConnection } {
  const sim = new Simulation(1);
  return { sim, pc: new RTCPeerConnection(configuration, { platform: sim.platform(sim.host("a")) }) };
}

test("with an identity provider set, which nobody can load, nothing is described", async () => {
  const { pc } = peer();
  assert.deepEqual([pc.idpLoginUrl, pc.idpErrorInfo], [null, null]);
  await assert.rejects(pc.getIdentityAssertion(), { name: "InvalidStateError" });
  pc.setIdentityProvider("example.org", { usernameHint: "alice@example.org" });
  await assert.rejects(pc.getIdentityAssertion(), (e: RTCError) => e.errorDetail === "idp-load-failure");
  await assert.rejects(pc.createOffer(), { name: "OperationError" });
  await assert.rejects(pc.createAnswer(), { name: "OperationError" });
  pc.close();
  assert.throws(() => pc.setIdentityProvider("example.org"), { name: "InvalidStateError" });
});

test("whoever wants a certain peer gets none; an assertion that nobody asked for rejects peerIdentity alone", async () => {
  const offerer = peer();
  offerer.pc.createDataChannel("x");
  const { type, sdp } = await offerer.sim.settle(offerer.pc.createOffer());
  const choosy = peer({ peerIdentity: "bob@example.org" });
  await assert.rejects(choosy.pc.setRemoteDescription({ type: type!, sdp: sdp! }), { name: "OperationError" });
  await assert.rejects(choosy.pc.peerIdentity, { name: "OperationError" });
  assert.equal(choosy.pc.remoteDescription, null);

  const { sim, pc } = peer();
  const first = pc.peerIdentity;
  assert.equal(pc.peerIdentity, first);
  await sim.settle(pc.setRemoteDescription({ type: type!, sdp: sdp!.replace("t=0 0", "t=0 0\r\na=identity:e30=") }));
  await assert.rejects(first, (e: RTCError) => e.errorDetail === "idp-load-failure");
  assert.notEqual(pc.peerIdentity, first);
  for (const each of [offerer.pc, choosy.pc, pc]) each.close();
});
