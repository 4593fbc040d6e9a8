// Cryptex (RFC 9335) between two whole connections: who negotiates it, what is on the wire, and switching it while media flows.
import assert from "node:assert/strict";
import { test } from "node:test";
import { CameraFlow } from "#src/media/synthetic/feeds.js";
import type { RTCConfiguration } from "#src/w3c/configuration.js";
import { TrackImpl, trackImplOf } from "#src/w3c/media-stream-track.js";
import { RTCPeerConnection } from "#src/w3c/rtc-peer-connection.js";
import { DeviceSource, syntheticCamera } from "#src/w3c/synthetic-devices.js";
import { Simulation } from "#test/sim/simulation.js";

/** A call of one camera, whose descriptions go from hand to hand, so that they can be changed. */
class Call {
  readonly sim = new Simulation(1);
  readonly a: RTCPeerConnection;
  readonly b: RTCPeerConnection;
  frames = 0;
  /** RTP packets with a header extension: encrypted, and not. */
  encrypted = 0;
  plain = 0;

  constructor(configuration: RTCConfiguration, other: RTCConfiguration = {}) {
    const { sim } = this;
    const make = (name: string, config: RTCConfiguration): RTCPeerConnection =>
      new RTCPeerConnection(config, { platform: sim.platform(sim.host(name, { link: { latency: 20 } })) });
    this.a = make("a", configuration);
    this.b = make("b", other);
    const platform = sim.platform(sim.host("devices"));
    const camera = {
      ...syntheticCamera,
      connect: (...args: ConstructorParameters<typeof CameraFlow>) => new CameraFlow(...args),
    };
    const source = new DeviceSource(camera, platform);
    const settings = { width: 320, height: 240, frameRate: 30 };
    this.a.addTrack(new TrackImpl({ platform, kind: "video", label: "camera", settings, source }).wrapper);
    this.b.addEventListener("track", (event) => {
      const remote = trackImplOf((event as Event & { track: Parameters<typeof trackImplOf>[0] }).track);
      remote.source.read!({ onFrame: () => this.frames++ });
    });
    sim.tap = (_, { data }) => {
      const isRtp = data[0]! >> 6 === 2 && (data[0]! & 0x10) !== 0 && (data[1]! & 127) >= 96;
      if (!isRtp) return;
      if (data[12] === 0xc0 && data[13] === 0xde) this.encrypted++;
      else this.plain++;
    };
  }

  private async gathered(pc: RTCPeerConnection): Promise<string> {
    await this.sim.settle(pc.setLocalDescription());
    await this.sim.runUntil(() => pc.iceGatheringState === "complete", 10_000);
    return pc.localDescription!.sdp;
  }

  async negotiate(change: (sdp: string) => string = (sdp) => sdp): Promise<void> {
    const { a, b, sim } = this;
    const sdp = change(await this.gathered(a));
    await sim.settle(b.setRemoteDescription({ type: "offer", sdp }));
    await sim.settle(a.setRemoteDescription({ type: "answer", sdp: await this.gathered(b) }));
  }

  /** Frames, and packets of both kinds, in one second. */
  async second(): Promise<{ frames: number; encrypted: number; plain: number }> {
    this.frames = 0;
    this.encrypted = 0;
    this.plain = 0;
    await this.sim.run(1000);
    const { frames, encrypted, plain } = this;
    return { frames, encrypted, plain };
  }

  get agreed(): boolean[] {
    return [this.a, this.b].map((pc) => pc.getTransceivers()[0]!.rtpHeaderEncryptionNegotiated);
  }

  async close(): Promise<void> {
    this.a.close();
    this.b.close();
    await this.sim.run(1000);
  }
}

const without = (sdp: string): string => sdp.replace("a=cryptex\r\n", "");

for (const policy of ["negotiate", "require"] as const) {
  test(`${policy}: header extensions are encrypted, and frames come`, async () => {
    const call = new Call({ rtpHeaderEncryptionPolicy: policy });
    assert.equal(call.a.getConfiguration().rtpHeaderEncryptionPolicy, policy);
    await call.negotiate();
    await call.sim.run(2000);
    const { frames, encrypted, plain } = await call.second();
    assert.ok(frames >= 28 && encrypted >= 28 && plain === 0, `${frames} ${encrypted} ${plain}`);
    assert.deepEqual(call.agreed, [true, true]);
    assert.throws(
      () => call.a.setConfiguration({ rtpHeaderEncryptionPolicy: policy === "require" ? "negotiate" : "require" }),
      {
        name: "InvalidModificationError",
      },
    );
    call.a.setConfiguration({});
    await call.close();
  });
}

test("nobody asks for it, or the peer does not know it: not encrypted", async () => {
  for (const [configuration, change] of [
    [{}, (sdp: string) => sdp],
    [{ rtpHeaderEncryptionPolicy: "negotiate" as const }, without],
  ] as const) {
    const call = new Call(configuration);
    await call.negotiate(change);
    await call.sim.run(2000);
    const { frames, encrypted, plain } = await call.second();
    assert.ok(frames >= 28 && encrypted === 0 && plain >= 28, `${frames} ${encrypted} ${plain}`);
    assert.deepEqual(call.agreed, [false, false]);
    await call.close();
  }
});

test("required, and the peer does not know it: its description is refused", async () => {
  const call = new Call({}, { rtpHeaderEncryptionPolicy: "require" });
  await assert.rejects(call.negotiate(), { name: "InvalidAccessError" });
  await call.close();
});

test("switched while media flows, without losing a frame", async () => {
  const call = new Call({ rtpHeaderEncryptionPolicy: "negotiate" });
  await call.negotiate(without);
  await call.sim.run(2000);
  assert.equal((await call.second()).encrypted, 0);
  for (const on of [true, false, true]) {
    call.frames = 0;
    const before = call.sim.now;
    await call.negotiate(on ? (sdp) => sdp : without);
    await call.sim.run(500);
    const expected = ((call.sim.now - before) * 30) / 1000;
    assert.ok(call.frames >= expected - 2, `${call.frames} of ${expected}`);
    const { encrypted, plain } = await call.second();
    assert.deepEqual([encrypted > 25, plain > 25], [on, !on], `${encrypted} ${plain}`);
    assert.deepEqual(call.agreed, [on, on]);
  }
  await call.close();
});
