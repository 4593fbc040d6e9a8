import assert from "node:assert/strict";
import { test } from "node:test";
import { RTCPeerConnection } from "../index.js";

/** Whether a promise is rejected by the end of the current task. */
async function refusedNow(promise: Promise<unknown>): Promise<string> {
  let name = "pending";
  promise.then(
    () => {
      name = "fulfilled";
    },
    (error) => {
      name = error.name;
    },
  );
  for (let i = 0; i < 20; i++) await undefined;
  return name;
}

test("what the signalling state forbids is refused in the task of the call", async () => {
  const pc = new RTCPeerConnection();
  assert.equal(await refusedNow(pc.createAnswer()), "InvalidStateError");
  assert.equal(await refusedNow(pc.setLocalDescription({ type: "rollback" })), "InvalidStateError");
  assert.equal(await refusedNow(pc.setRemoteDescription({ type: "rollback" })), "InvalidStateError");
  await pc.setRemoteDescription(await pc.createOffer());
  assert.equal(await refusedNow(pc.createOffer()), "InvalidStateError");
  pc.close();
  assert.equal(await refusedNow(pc.createOffer()), "InvalidStateError");
});

test("callbacks: the promise is fulfilled at once, the result goes to the callback", async () => {
  const pc = new RTCPeerConnection();
  const offer = await new Promise<{ type: string }>((resolve, reject) => {
    pc.createOffer(resolve, reject).then((value) => assert.equal(value, undefined), reject);
  });
  assert.equal(offer.type, "offer");
  const error = await new Promise<DOMException>((resolve, reject) => {
    void pc.createAnswer(() => reject(new Error("succeeded")), resolve);
  });
  assert.equal(error.name, "InvalidStateError");
  let given: unknown[] | undefined;
  await new Promise((resolve, reject) => {
    const success = (...args: unknown[]): void => {
      given = args;
      resolve(undefined);
    };
    void pc.setLocalDescription({ type: "offer", sdp: "" }, success, reject);
  });
  assert.deepEqual(given, []);
  pc.close();
});

test("wrong numbers and types of arguments reject", async () => {
  const pc = new RTCPeerConnection();
  const call = (name: keyof RTCPeerConnection, ...args: unknown[]): Promise<unknown> =>
    (pc[name] as (...args: unknown[]) => Promise<unknown>)(...args);
  await assert.rejects(call("setRemoteDescription"), TypeError);
  await assert.rejects(call("setRemoteDescription", { sdp: "" }), TypeError);
  await assert.rejects(
    call("setLocalDescription", { type: "offer" }, () => {}),
    TypeError,
  );
  await assert.rejects(call("createOffer", null, null), TypeError);
  await assert.rejects(
    call("createAnswer", () => {}, 1),
    TypeError,
  );
  await assert.rejects(call("addIceCandidate", { candidate: "candidate:x" }), TypeError);
  await assert.rejects(call("addIceCandidate", 5), TypeError);
  await assert.rejects(Reflect.apply(RTCPeerConnection.prototype.createOffer, {}, []), TypeError);
  await assert.rejects(Reflect.apply(RTCPeerConnection.generateCertificate, RTCPeerConnection, []), TypeError);
  pc.close();
  assert.throws(() => call("createDataChannel", "", { id: -1 }), TypeError, "conversion comes before the state");
  assert.throws(() => call("createDataChannel", ""), { name: "InvalidStateError" });
});
