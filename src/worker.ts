// parley-rtc/worker: makes of a worker thread what a browser's dedicated worker is to encoded transforms. Events at `rtctransform`
// come to `self.onrtctransform` and listeners of `self.addEventListener`; onmessage, postMessage and close are there as well,
// so that a script written for a browser runs as it is. In the main thread it installs nothing.
import { type MessagePort, parentPort } from "node:worker_threads";
import { nodePlatform } from "./node/platform.js";
import { setDefaultPlatform } from "./w3c/environment.js";
import { RTCEncodedAudioFrame, RTCEncodedVideoFrame } from "./w3c/rtc-encoded-frame.js";
import { KeyFrameRequestEvent, RTCRtpScriptTransformer, RTCTransformEvent } from "./w3c/rtc-rtp-script-transform.js";
import { transformEvent } from "./w3c/script-transformer.js";
import { SFrameDecryptorStream, SFrameEncryptorStream } from "./w3c/sframe-streams.js";
import { SFrameTransformErrorEvent } from "./w3c/sframe-transforms.js";
import { isTransformMessage } from "./w3c/transform-port.js";

setDefaultPlatform(nodePlatform);

const EXPOSED = {
  RTCEncodedAudioFrame,
  RTCEncodedVideoFrame,
  KeyFrameRequestEvent,
  RTCRtpScriptTransformer,
  RTCTransformEvent,
  SFrameDecryptorStream,
  SFrameEncryptorStream,
  SFrameTransformErrorEvent,
};

export {
  KeyFrameRequestEvent,
  RTCEncodedAudioFrame,
  RTCEncodedVideoFrame,
  RTCRtpScriptTransformer,
  RTCTransformEvent,
  SFrameDecryptorStream,
  SFrameEncryptorStream,
  SFrameTransformErrorEvent,
};

type Handler = ((event: Event) => unknown) | null;

function define(name: string, descriptor: PropertyDescriptor): void {
  Object.defineProperty(globalThis, name, { configurable: true, ...descriptor });
}

/** What is there stays: a runtime's own, or a polyfill that came first. */
function defineMissing(name: string, value: unknown): void {
  if (!(name in globalThis)) define(name, { value, writable: true });
}

function install(port: MessagePort): void {
  const scope = new EventTarget();
  for (const [name, value] of Object.entries(EXPOSED)) define(name, { value, writable: true });
  for (const type of ["rtctransform", "message"]) {
    if (`on${type}` in globalThis) continue;
    let handler: Handler = null;
    scope.addEventListener(type, (event) => handler?.call(globalThis, event));
    define(`on${type}`, {
      enumerable: true,
      get: () => handler,
      set: (value: unknown) => {
        handler = typeof value === "function" ? (value as Handler) : null;
      },
    });
  }
  defineMissing("self", globalThis);
  for (const method of ["addEventListener", "removeEventListener", "dispatchEvent"] as const) {
    defineMissing(method, scope[method].bind(scope));
  }
  defineMissing("postMessage", (message: unknown, transfer?: readonly (ArrayBuffer | MessagePort)[]) => {
    port.postMessage(message, transfer);
  });
  defineMissing("close", () => process.exit());

  // Ahead of the program's listeners, which have nothing to do with our messages.
  port.addEventListener("message", (event: Event) => {
    const { data, ports } = event as MessageEvent;
    if (isTransformMessage(data)) {
      event.stopImmediatePropagation();
      scope.dispatchEvent(transformEvent(data, performance.timeOrigin));
    } else {
      scope.dispatchEvent(new MessageEvent("message", { data, ports: [...ports] }));
    }
  });
}

if (parentPort !== null) install(parentPort);
