// The section that carries the transport is stopped, and its line used again, between two whole peers: data and media go on.
import assert from "node:assert/strict";
import { test } from "node:test";
import { MicrophoneFlow } from "#src/media/synthetic/feeds.js";
import { TrackImpl, trackImplOf } from "#src/w3c/media-stream-track.js";
import type { RTCPeerConnection } from "#src/w3c/rtc-peer-connection.js";
import { DeviceSource, syntheticMicrophone } from "#src/w3c/synthetic-devices.js";
import { Simulation } from "#test/sim/simulation.js";
import { Pair } from "./pair.js";

/** What a program sees of a transport. */
function watch(pc: RTCPeerConnection): string[] {
  const log: string[] = [];
  const { sctp } = pc;
  const dtls = sctp!.transport;
  dtls.addEventListener("statechange", () => log.push(`dtls ${dtls.state}`));
  sctp!.addEventListener("statechange", () => log.push(`sctp ${sctp!.state}`));
  pc.addEventListener("connectionstatechange", () => log.push(`connection ${pc.connectionState}`));
  return log;
}

for (const who of ["a", "b"] as const) {
  test(`by ${who}, in the middle of transfers of data and sound`, async () => {
    const sim = new Simulation(1);
    const [alice, bob] = ["alice", "bob"].map((name) => sim.host(name, { link: { latency: 10 } }));
    const pair = new Pair(sim, { host: alice! }, { host: bob! });
    const platform = sim.platform(sim.host("devices"));
    const device = {
      ...syntheticMicrophone,
      connect: (...args: ConstructorParameters<typeof MicrophoneFlow>) => new MicrophoneFlow(...args),
    };
    const microphone = (): TrackImpl =>
      new TrackImpl({
        platform,
        kind: "audio",
        label: "microphone",
        settings: {},
        source: new DeviceSource(device, platform),
      });
    const heard = { at: 0, longest: 0, count: 0 };
    pair.b.addEventListener("track", (event) => {
      const remote = trackImplOf((event as Event & { track: Parameters<typeof trackImplOf>[0] }).track);
      if (remote.kind !== "audio") return;
      remote.source.read!({
        onFrame: () => {
          if (heard.count++ > 0) heard.longest = Math.max(heard.longest, sim.now - heard.at);
          heard.at = sim.now;
        },
      });
    });
    const first = pair.a.addTransceiver("video");
    pair.a.addTrack(microphone().wrapper);
    await pair.open();
    assert.equal(first.mid, "0");
    const logs = [watch(pair.a), watch(pair.b)];
    const certificates = pair.a.sctp!.transport.getRemoteCertificates();
    const exchange = pair.exchange(500, 3000, 10);
    const fragment = (): string => /a=ice-ufrag:(.*)\r/.exec(pair.a.localDescription!.sdp)![1]!;
    const fragments = [fragment()];
    const mids: unknown[] = [];
    const group = (): unknown => /a=group:BUNDLE (.*)\r/.exec(pair.a.localDescription!.sdp)![1];
    for (let i = 0; i < 4; i++) {
      await sim.run(700);
      const pc = pair[who];
      if (i % 2 === 1) pc.addTransceiver("video");
      else {
        const tagged = String(group()).split(" ")[0];
        pc.getTransceivers()
          .find(({ mid }) => mid === tagged)!
          .stop();
      }
      await sim.run(100);
      await pair.until(() => pair.a.signalingState === "stable" && pair.b.signalingState === "stable");
      fragments.push(fragment());
      mids.push(group());
    }
    await pair.until(() => exchange.done, 30_000);
    assert.deepEqual(mids, ["1 2", "3 1 2", "1 2", "4 1 2"]);
    assert.equal(new Set(fragments).size, 5);
    // To programs it is one connection.
    assert.deepEqual(logs, [[], []]);
    assert.deepEqual(pair.a.sctp!.transport.getRemoteCertificates(), certificates);
    assert.ok(heard.count > 100, `${heard.count}`);
    assert.ok(heard.longest < 300, `${heard.longest}`);
    await pair.close();
  });
}
