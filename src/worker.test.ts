// Transforms in real worker threads. What stands for a sender or receiver here is an object of the test's.
import assert from "node:assert/strict";
import { test } from "node:test";
import { type MessagePort as NodePort, Worker } from "node:worker_threads";
import { RTCPeerConnection, RTCRtpScriptTransform } from "./index.js";
import { type FrameUnit, TransformSlot } from "./w3c/frame-transform.js";
import { ScriptTransform } from "./w3c/script-transform.js";
import { MAX_FRAMES_UNDER_WAY } from "./w3c/transform-port.js";

const entry = new URL("./worker.js", import.meta.url).href;
const indent = (source: string): string => `import ${JSON.stringify(entry)};\n${source}`;
const script = (source: string): Worker =>
  new Worker(new URL(`data:text/javascript,${encodeURIComponent(indent(source))}`));

/** Adds one to each byte; a delta frame it keeps to itself. */
const ADD = `
  self.onrtctransform = async ({ transformer }) => {
    transformer.onkeyframerequest = (event) => {
      postMessage(["request", event.rid]);
      if (event.rid === "no") event.preventDefault();
    };
    transformer.options.port.onmessage = async ({ data: [method, ...args] }) => {
      const outcome = await transformer[method](...args).then(() => "done", ({ name }) => name);
      transformer.options.port.postMessage(outcome);
    };
    const reader = transformer.readable.getReader();
    const writer = transformer.writable.getWriter();
    for (;;) {
      const { value: frame, done } = await reader.read();
      if (done) break;
      const bytes = new Uint8Array(frame.data);
      for (let i = 0; i < bytes.length; i++) bytes[i]++;
      if (frame.type === "delta") continue;
      await writer.write(frame);
      postMessage(["left", frame.data.byteLength, frame.constructor.name]);
    }
  };
  self.onmessage = ({ data }) => postMessage(["echo", data]);
`;

interface Bed {
  readonly slot: TransformSlot;
  readonly requested: (number | string)[];
  output(): Promise<FrameUnit>;
}
function target(kind: "audio" | "video", isSender: boolean): Bed {
  const units: FrameUnit[] = [];
  const waiting: ((unit: FrameUnit) => void)[] = [];
  const requested: (number | string)[] = [];
  const slot = new TransformSlot(
    {
      kind,
      isSender,
      rids: ["a", "no"],
      requestKeyFrame: (encoding) => requested.push(encoding),
      sendKeyFrameRequest: () => requested.push("peer"),
    },
    (unit) => {
      const resolve = waiting.shift();
      if (resolve === undefined) units.push(unit);
      else resolve(unit);
    },
  );
  const output = (): Promise<FrameUnit> => {
    const unit = units.shift();
    return unit === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(unit);
  };
  return { slot, requested, output };
}
const unit = (type: "key" | "delta" | undefined, bytes: number[], carried: unknown): FrameUnit => ({
  type,
  data: Uint8Array.from(bytes).buffer,
  metadata: { rtpTimestamp: 7, receiveTime: 100 },
  carried,
});
const message = (from: Worker | NodePort): Promise<unknown> =>
  from instanceof Worker
    ? new Promise((resolve) => from.once("message", resolve))
    : new Promise((resolve) => {
        from.once("message", resolve);
      });

test("frames go through a worker and come back with what they carried", async () => {
  const worker = script(ADD);
  const { port1, port2 } = new MessageChannel();
  const { slot, output } = target("audio", true);
  slot.set(new RTCRtpScriptTransform(worker, { port: port2 }, [port2]), "");
  const left = message(worker);
  slot.push(unit(undefined, [1, 2, 3], { encoding: 0, mine: "x" }));
  const out = await output();
  assert.deepEqual([...new Uint8Array(out.data)], [2, 3, 4]);
  assert.deepEqual(out.carried, { encoding: 0, mine: "x" });
  assert.equal(out.metadata.rtpTimestamp, 7);
  assert.ok(Math.abs(out.metadata.receiveTime! - 100) < 0.01);
  assert.deepEqual(await left, ["left", 0, "RTCEncodedAudioFrame"]);

  // The program's own messages are beside it.
  worker.postMessage("hello");
  assert.deepEqual(await message(worker), ["echo", "hello"]);
  port1.postMessage(["generateKeyFrame"]);
  assert.equal(await message(port1), "InvalidStateError");
  port1.close();
  await worker.terminate();
});

test("key frames are asked for on both sides", async () => {
  const worker = script(ADD);
  const { port1, port2 } = new MessageChannel();
  const { slot, output, requested } = target("video", true);
  slot.set(new RTCRtpScriptTransform(worker, { port: port2 }, [port2]), "");
  for (const [rid, outcome] of [
    ["", "NotAllowedError"],
    ["foo-bar", "NotAllowedError"],
    ["foo", "NotFoundError"],
  ]) {
    port1.postMessage(["generateKeyFrame", rid]);
    assert.equal(await message(port1), outcome, rid);
  }
  port1.postMessage(["sendKeyFrameRequest"]);
  assert.equal(await message(port1), "InvalidStateError");
  assert.deepEqual(requested, []);

  port1.postMessage(["generateKeyFrame", "no"]);
  while (requested.length === 0) await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(requested, [1]);
  const answer = message(port1);
  slot.push(unit("key", [1], { encoding: 0 }));
  slot.push(unit("delta", [1], { encoding: 1 }));
  await output();
  slot.push(unit("key", [5], { encoding: 1 }));
  assert.equal(await answer, "done");
  assert.deepEqual([...new Uint8Array((await output()).data)], [6]);

  requested.length = 0;
  assert.equal(slot.onKeyFrameRequest(1), true, "refused by preventDefault");
  assert.equal(slot.onKeyFrameRequest(0), true);
  while (requested.length === 0) await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(requested, [0]);
  port1.close();
  await worker.terminate();

  const receiver = target("video", false);
  const other = script(ADD);
  const channel = new MessageChannel();
  receiver.slot.set(new RTCRtpScriptTransform(other, { port: channel.port2 }, [channel.port2]), "");
  channel.port1.postMessage(["sendKeyFrameRequest"]);
  assert.equal(await message(channel.port1), "done");
  assert.deepEqual(receiver.requested, ["peer"]);
  channel.port1.postMessage(["generateKeyFrame"]);
  assert.equal(await message(channel.port1), "InvalidStateError");
  channel.port1.close();
  await other.terminate();
});

test("a transform is used once; null, and another, take its place", async () => {
  const posted: unknown[] = [];
  const worker = { postMessage: (data: unknown) => void posted.push(data) };
  const pc = new RTCPeerConnection();
  const [first, second] = [pc.addTransceiver("audio"), pc.addTransceiver("audio")];
  const transform = new RTCRtpScriptTransform(worker, { name: "x" });
  assert.equal((posted[0] as { options: { name: string } }).options.name, "x");
  first.sender.transform = transform;
  first.sender.transform = transform;
  assert.equal(first.sender.transform, transform);
  for (const end of [second.sender, second.receiver, first.receiver]) {
    assert.throws(
      () => {
        end.transform = transform;
      },
      { name: "InvalidStateError" },
    );
  }
  assert.throws(() => first.sender.createEncodedStreams(), { name: "InvalidStateError" });
  first.sender.transform = null;
  assert.equal(first.sender.transform, null);
  assert.throws(
    () => {
      first.sender.transform = transform;
    },
    { name: "InvalidStateError" },
  );
  first.sender.transform = new RTCRtpScriptTransform({ worker });
  assert.throws(() => new RTCRtpScriptTransform(new Worker("", { eval: true }), { f() {} }), {
    name: "DataCloneError",
  });
  for (const bad of [undefined, null, {}, { worker: 1 }]) {
    assert.throws(() => new RTCRtpScriptTransform(bad as never), TypeError);
  }
  pc.close();
});

test("frames that a worker does not take are dropped", () => {
  const impl = new ScriptTransform({ postMessage: () => {} }, undefined, []);
  const { push, detach } = impl.attach({
    kind: "audio",
    isSender: true,
    rids: [null],
    output: () => {},
    requestKeyFrame: () => {},
    sendKeyFrameRequest: () => {},
  });
  for (let i = 0; i < MAX_FRAMES_UNDER_WAY + 5; i++) push(unit(undefined, [1], {}));
  assert.equal(impl.dropped, 5);
  detach();
});
