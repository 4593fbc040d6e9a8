// Descriptions and candidates from a hostile signalling peer (docs/security.md).
import assert from "node:assert/strict";
import { test } from "node:test";
import { RTCPeerConnection } from "#src/index.js";
import { MAX_REMOTE_CANDIDATES } from "#src/jsep/candidates.js";
import { MAX_SDP_LENGTH, MAX_SDP_MEDIA_SECTIONS } from "#src/sdp/parser.js";
import { Simulation } from "#test/sim/simulation.js";

async function stage(): Promise<{ sim: Simulation; victim: RTCPeerConnection; sdp: string }> {
  const sim = new Simulation(1);
  const make = (name: string): RTCPeerConnection =>
    new RTCPeerConnection(undefined, { platform: sim.platform(sim.host(name)) });
  const other = make("other");
  other.createDataChannel("x");
  const { sdp } = await sim.settle(other.createOffer());
  return { sim, victim: make("victim"), sdp: sdp! };
}

const refused = { name: "OperationError" };

test("a description beyond MAX_SDP_LENGTH, and one with more than MAX_SDP_MEDIA_SECTIONS, are refused", async () => {
  const { sim, victim, sdp } = await stage();
  const media = sdp.slice(sdp.indexOf("m="));
  for (const text of [
    sdp + "a=x:y\r\n".repeat(10_000_000 / 7),
    `${sdp}a=${"x".repeat(10_000_000)}\r\n`,
    sdp + media.replace(/a=mid:.*\r\n/, "").repeat(10_000),
    sdp + "a=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n".repeat(100_000),
  ]) {
    assert.ok(text.length > MAX_SDP_LENGTH || text.split("m=").length > MAX_SDP_MEDIA_SECTIONS);
    await assert.rejects(sim.settle(victim.setRemoteDescription({ type: "offer", sdp: text })), refused);
  }
  assert.equal(victim.signalingState, "stable");
  await sim.settle(victim.setRemoteDescription({ type: "offer", sdp }));
});

for (const name of ["__proto__", "constructor", "prototype", "toString", "hasOwnProperty"]) {
  test(`a mid, a ufrag and attributes named ${name} are names like others`, async () => {
    const { sim, victim, sdp } = await stage();
    const hostile = sdp
      .replace(/a=mid:.*/, `a=mid:${name}`)
      .replace(/a=group:BUNDLE.*/, `a=group:BUNDLE ${name}`)
      .replace(/a=end-of-candidates\r\n/, "")
      .concat(`a=${name}:1\r\na=${name}\r\n`);
    await sim.settle(victim.setRemoteDescription({ type: "offer", sdp: hostile }));
    await sim.settle(victim.setLocalDescription());
    assert.match(victim.localDescription!.sdp, new RegExp(`a=mid:${name}\r\n`));
    const candidate = `candidate:${"1"} 1 udp 1 192.0.2.1 9 typ host ${name} ${name}`;
    await sim.settle(victim.addIceCandidate({ candidate, sdpMid: name }));
    assert.equal(({} as Record<string, unknown>)["1"], undefined);
    assert.deepEqual(Object.keys(Object.prototype), []);
    victim.close();
    await sim.run(100);
  });
}

test("a flood of candidates stays within MAX_REMOTE_CANDIDATES", async () => {
  const { sim, victim, sdp } = await stage();
  await sim.settle(victim.setRemoteDescription({ type: "offer", sdp }));
  await sim.settle(victim.setLocalDescription());
  let kept = 0;
  for (let i = 0; i < 2000; i++) {
    const candidate = `candidate:${i} 1 udp ${i} 198.51.${i >> 8}.${i & 255} ${1000 + i} typ host`;
    await sim.settle(victim.addIceCandidate({ candidate, sdpMid: "0" })).then(
      () => kept++,
      () => {},
    );
  }
  const lines = victim.remoteDescription!.sdp.split("a=candidate:").length - 1;
  assert.ok(lines <= MAX_REMOTE_CANDIDATES, `${lines}`);
  assert.ok(kept >= lines);
  victim.close();
  await sim.run(100);
});
