// parley-rtc/globals puts on globalThis what the entry point exports.
import assert from "node:assert/strict";
import { test } from "node:test";
import { MessageChannel } from "node:worker_threads";
import {
  MediaStream,
  mediaDevices,
  OverconstrainedError,
  RTCCertificate,
  RTCEncodedAudioFrame,
  RTCEncodedVideoFrame,
  RTCIceCandidate,
  RTCPeerConnection,
} from "#src/index.js";
import "#src/globals.js";
import { nodeCrypto } from "#src/node/crypto.js";
import { certificateImplOf } from "#src/w3c/rtc-certificate.js";
import { createAudioFrame, createVideoFrame } from "#src/w3c/rtc-encoded-frame.js";

test("the classes and navigator.mediaDevices are globals", () => {
  const globals = globalThis as unknown as Record<string, unknown>;
  for (const [name, value] of Object.entries({
    RTCPeerConnection,
    RTCIceCandidate,
    MediaStream,
    OverconstrainedError,
  })) {
    assert.equal(globals[name], value, name);
    assert.equal(Object.keys(globalThis).includes(name), false, `${name} is not enumerable`);
  }
  assert.equal("mediaDevices" in globalThis, false);
  assert.equal((globals.navigator as { mediaDevices: unknown }).mediaDevices, mediaDevices);
});

test("mediaDevices is an attribute of Navigator, which programs cannot make", () => {
  const { Navigator, navigator } = globalThis as unknown as {
    Navigator: new () => object;
    navigator: { mediaDevices: unknown; userAgent: string };
  };
  assert.equal(Navigator.name, "Navigator");
  assert.ok(navigator instanceof Navigator);
  // From version 21 on the class is Node's, which has no tag.
  const isOurs = Number(process.versions.node.split(".")[0]) < 21;
  if (isOurs) assert.equal(Object.prototype.toString.call(navigator), "[object Navigator]");
  // Node's own from version 21 on; programs look into it without asking whether it is there.
  assert.equal(navigator.userAgent, `Node.js/${process.versions.node.split(".")[0]}`);
  assert.equal(Object.hasOwn(navigator, "mediaDevices"), false);
  const descriptor = Object.getOwnPropertyDescriptor(Navigator.prototype, "mediaDevices")!;
  assert.deepEqual([descriptor.enumerable, descriptor.configurable, descriptor.set], [true, true, undefined]);
  assert.equal(descriptor.get!.name, "get mediaDevices");
  assert.throws(() => descriptor.get!.call({}), TypeError);
  assert.throws(() => new Navigator(), TypeError);
});

test("a BroadcastChannel posts as without our globals", { timeout: 10_000 }, async () => {
  const [sender, receiver] = [new BroadcastChannel("globals"), new BroadcastChannel("globals")];
  const arrived = new Promise<unknown>((resolve) => {
    receiver.onmessage = (event) => resolve((event as MessageEvent).data);
  });
  try {
    sender.postMessage({ bytes: Uint8Array.of(1, 2) });
    assert.deepEqual(await arrived, { bytes: Uint8Array.of(1, 2) });
    receiver.close();
    sender.postMessage("to nobody");
  } finally {
    receiver.close();
    sender.close();
  }
});

test("a certificate can be cloned, with its key, also into another thread's port", async () => {
  for (const algorithm of [
    { name: "ECDSA", namedCurve: "P-256" },
    {
      name: "RSASSA-PKCS1-v1_5",
      modulusLength: 2048,
      publicExponent: Uint8Array.of(1, 0, 1),
      hash: "SHA-256",
    },
  ]) {
    const certificate = await RTCPeerConnection.generateCertificate(algorithm);
    const { port1, port2 } = new MessageChannel();
    const posted = new Promise<unknown>((done) => port2.once("message", done));
    port1.postMessage(certificate);
    for (const clone of [structuredClone(certificate), (await posted) as typeof certificate]) {
      assert.ok(clone !== certificate && clone instanceof RTCCertificate);
      assert.equal(clone.expires, certificate.expires);
      assert.deepEqual(clone.getFingerprints(), certificate.getFingerprints());
      const pc = new RTCPeerConnection({ certificates: [clone] });
      pc.createDataChannel("");
      const { sdp } = await pc.createOffer();
      assert.ok(sdp!.includes(certificate.getFingerprints()[0]!.value.toUpperCase()));
      pc.close();
      const [own, cloned] = [certificate, clone].map((one) => certificateImplOf(one).privateKey);
      const scheme = algorithm.name === "ECDSA" ? "ecdsa_secp256r1_sha256" : "rsa_pkcs1_sha256";
      const data = Uint8Array.of(1, 2, 3);
      const signature = cloned!.sign(scheme, data);
      assert.ok(nodeCrypto.importPublicKey(own!.publicKeyDer)!.verify(scheme, data, signature));
    }
    port1.close();
  }
});

test("an encoded frame can be cloned, also into another thread's port", async () => {
  const metadata = { synchronizationSource: 5, width: 64 };
  const frame = createVideoFrame({ type: "key", data: Uint8Array.of(1, 2, 3).buffer, metadata });
  const clone = structuredClone(frame);
  assert.ok(clone instanceof RTCEncodedVideoFrame);
  assert.deepEqual([clone.type, clone.getMetadata()], ["key", metadata]);
  assert.deepEqual(new Uint8Array(clone.data), Uint8Array.of(1, 2, 3));
  new Uint8Array(clone.data)[0] = 9;
  assert.equal(new Uint8Array(frame.data)[0], 1);

  const { port1, port2 } = new MessageChannel();
  const received = new Promise<unknown>((resolve) => port2.once("message", resolve));
  port1.postMessage(createAudioFrame({ data: new ArrayBuffer(2), metadata: { sequenceNumber: 4 } }));
  const audio = await received;
  assert.ok(audio instanceof RTCEncodedAudioFrame);
  assert.deepEqual(audio.getMetadata(), { sequenceNumber: 4 });
  port1.close();
  assert.deepEqual(structuredClone({ plain: [1] }), { plain: [1] });
});

test("streams of encoded frames can be transferred", { timeout: 10_000 }, async () => {
  const { port1, port2 } = new MessageChannel();
  const metadata = { synchronizationSource: 5, rtpTimestamp: 90 };
  const source = new ReadableStream({
    start(controller) {
      for (const bytes of [[1, 2], [3]]) {
        controller.enqueue(createVideoFrame({ type: "key", data: Uint8Array.from(bytes).buffer, metadata }));
      }
      controller.enqueue({ type: "chunk", value: "of the program" });
      controller.close();
    },
  });
  const arrived = new Promise<ReadableStream>((resolve) => port2.once("message", resolve));
  port1.postMessage(source, [source as never]);
  const chunks: unknown[] = [];
  for await (const chunk of await arrived) chunks.push(chunk);
  const [first, second, plain] = chunks as [RTCEncodedVideoFrame, RTCEncodedVideoFrame, object];
  assert.ok(first instanceof RTCEncodedVideoFrame && second instanceof RTCEncodedVideoFrame);
  assert.deepEqual(
    [first.timestamp, [...new Uint8Array(first.data)], [...new Uint8Array(second.data)]],
    [90, [1, 2], [3]],
  );
  assert.deepEqual(plain, { type: "chunk", value: "of the program" });
  port1.close();
});
