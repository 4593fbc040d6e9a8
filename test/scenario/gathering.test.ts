// The gathering states of a connection with more than one transport.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { CryptoProvider } from "#src/crypto/provider.js";
import type { Platform } from "#src/peer/platform.js";
import { hexEncode } from "#src/util/text.js";
import { RTCPeerConnection } from "#src/w3c/rtc-peer-connection.js";
import { Simulation } from "#test/sim/simulation.js";

test("two transports begin to gather together; where they end, the state is new when the promise settles", async () => {
  const sim = new Simulation(1);
  const [a, b] = ["a", "b"].map((name) => {
    const pc = new RTCPeerConnection({}, { platform: sim.platform(sim.host(name)) });
    const states: string[] = [];
    pc.onicegatheringstatechange = () => states.push(pc.iceGatheringState);
    return { pc, states };
  }) as [{ pc: RTCPeerConnection; states: string[] }, { pc: RTCPeerConnection; states: string[] }];
  const negotiate = async (): Promise<void> => {
    await sim.settle(a.pc.setLocalDescription());
    const sdp = a.pc.localDescription!.sdp.replace("a=group:BUNDLE", "a=group:NONE");
    await sim.settle(b.pc.setRemoteDescription({ type: "offer", sdp }));
    await sim.settle(b.pc.setLocalDescription());
    await sim.settle(a.pc.setRemoteDescription(b.pc.localDescription!));
  };
  a.pc.addTransceiver("audio");
  a.pc.addTransceiver("video");
  await negotiate();
  await sim.run(1000);
  a.pc.restartIce();
  await negotiate();
  await sim.run(1000);
  for (const { states } of [a, b]) {
    assert.deepEqual(states.splice(0), ["gathering", "complete", "gathering", "complete"]);
  }
  for (const transceiver of a.pc.getTransceivers()) transceiver.stop();
  await negotiate();
  assert.deepEqual([a.pc.iceGatheringState, b.pc.iceGatheringState], ["new", "new"]);
  assert.deepEqual([...a.states, ...b.states], ["new", "new"]);
  a.pc.close();
  b.pc.close();
  await sim.run(1000);
  assert.deepEqual(sim.leftovers(), []);
});

test("a description is set, and can be sent, before sockets are opened for it", async () => {
  const sim = new Simulation(2);
  const order: string[] = [];
  const end = (name: string): RTCPeerConnection => {
    const host = sim.host(name);
    const platform = sim.platform(host);
    const network: Platform["network"] = {
      interfaces: () => host.interfaces(),
      openUdp(options, handler) {
        order.push(`${name} opens`);
        return host.openUdp(options, handler);
      },
      connectTcp: (options, handler) => host.connectTcp(options, handler),
      listenTcp: (options, handler) => host.listenTcp(options, handler),
      resolve: (hostname, done) => host.resolve(hostname, done),
      publish: (hostname, address) => host.publish(hostname, address),
    };
    // The platform's members are its prototype's.
    return new RTCPeerConnection({}, { platform: Object.create(platform, { network: { value: network } }) });
  };
  const [a, b] = [end("a"), end("b")];
  a.createDataChannel("");
  const set = async (name: string, pc: RTCPeerConnection): Promise<void> => {
    await pc.setLocalDescription();
    order.push(`${name} has set`);
  };
  await sim.settle(set("a", a));
  await sim.settle(b.setRemoteDescription(a.localDescription!));
  await sim.settle(set("b", b));
  await sim.run(100);
  assert.deepEqual(order, ["a has set", "a opens", "b has set", "b opens"]);
  a.close();
  b.close();
  await sim.run(1000);
  assert.deepEqual(sim.leftovers(), []);
});

test("a configuration is for the gathering behind the one that a description has asked for already", async () => {
  const sim = new Simulation(4);
  const pc = new RTCPeerConnection({}, { platform: sim.platform(sim.host("a")) });
  pc.createDataChannel("");
  const types: (string | null)[] = [];
  pc.onicecandidate = ({ candidate }) => {
    if (candidate !== null && candidate.candidate !== "") types.push(candidate.type);
  };
  const set = async (): Promise<void> => {
    await pc.setLocalDescription();
    pc.setConfiguration({ iceTransportPolicy: "relay" });
  };
  await sim.settle(set());
  await sim.run(100);
  assert.equal(pc.iceGatheringState, "complete");
  assert.deepEqual([...new Set(types)], ["host"]);
  types.length = 0;
  // The next one: there is no relay.
  pc.restartIce();
  await sim.settle(pc.setLocalDescription());
  await sim.run(100);
  assert.equal(pc.iceGatheringState, "complete");
  assert.deepEqual(types, []);
  pc.close();
  await sim.run(1000);
  assert.deepEqual(sim.leftovers(), []);
});

test("a key is made ready while there is nothing else to do, and each handshake has its own", async () => {
  const sim = new Simulation(3);
  const made: { readonly at: number; readonly publicKey: string }[] = [];
  const end = (name: string): RTCPeerConnection => {
    const platform = sim.platform(sim.host(name));
    const crypto: CryptoProvider = {
      ...platform.crypto,
      createKeyShare(group) {
        const share = platform.crypto.createKeyShare(group);
        made.push({ at: sim.now, publicKey: hexEncode(share.publicKey) });
        return share;
      },
    };
    return new RTCPeerConnection({}, { platform: Object.create(platform, { crypto: { value: crypto } }) });
  };
  const [a, b] = [end("a"), end("b")];
  a.createDataChannel("");
  await sim.settle(a.setLocalDescription());
  await sim.run(100);
  assert.equal(made.length, 1);
  await sim.settle(b.setRemoteDescription(a.localDescription!));
  await sim.settle(b.setLocalDescription());
  await sim.run(100);
  const before = sim.now;
  await sim.settle(a.setRemoteDescription(b.localDescription!));
  await sim.run(1000);
  assert.equal(a.connectionState, "connected");
  assert.equal(b.connectionState, "connected");
  assert.equal(made.length, 2);
  assert.ok(made.every(({ at }) => at < before));
  assert.notEqual(made[0]!.publicKey, made[1]!.publicKey);
  a.close();
  b.close();
  await sim.run(1000);
  assert.deepEqual(sim.leftovers(), []);
});

test("an offer finds its certificate made, where there was a connection before; all have one of their own", async () => {
  const sim = new Simulation(5);
  let made = 0;
  const platformOf = (name: string): Platform => {
    const platform = sim.platform(sim.host(name));
    const crypto: CryptoProvider = {
      ...platform.crypto,
      generateKeyPair(algorithm) {
        if (name === "a") made++;
        return platform.crypto.generateKeyPair(algorithm);
      },
    };
    return Object.create(platform, { crypto: { value: crypto } });
  };
  const platforms = [platformOf("a"), platformOf("b")] as const;
  const fingerprints = new Set<string>();
  for (let i = 0; i < 5; i++) {
    const before = made;
    const [a, b] = platforms.map((platform) => new RTCPeerConnection({}, { platform })) as [
      RTCPeerConnection,
      RTCPeerConnection,
    ];
    a.createDataChannel("");
    await sim.settle(a.setLocalDescription());
    assert.equal(made - before, i < 2 ? 1 : 0, `for connection ${i}`);
    await sim.run(50);
    await sim.settle(b.setRemoteDescription(a.localDescription!));
    await sim.settle(b.setLocalDescription());
    await sim.run(50);
    await sim.settle(a.setRemoteDescription(b.localDescription!));
    await sim.run(1000);
    assert.deepEqual([a.connectionState, b.connectionState], ["connected", "connected"]);
    for (const { localDescription } of [a, b]) fingerprints.add(/a=fingerprint:(.*)/.exec(localDescription!.sdp)![1]!);
    a.close();
    b.close();
    await sim.run(1000);
    assert.deepEqual(sim.leftovers(), []);
  }
  assert.equal(fingerprints.size, 10);
  assert.equal(made, 6);
});
