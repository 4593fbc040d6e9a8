// Installs the W3C classes and navigator.mediaDevices on globalThis, and lets data channels be transferred to threads that
// import this as well (postMessage of ports and workers, structuredClone), and encoded
// frames be cloned, for code that expects a browser's globals. Names that
// are taken are replaced: a runtime's own half of the API would not know our objects.
import * as entry from "./index.js";
import "./globals-types.js";
import { nodePlatform } from "./node/platform.js";
import { installClone, installTransfer } from "./node/transfer.js";
import type { DataChannelParameters } from "./w3c/data-channel-init.js";
import {
  checkTransferable,
  describeDataChannel,
  detachDataChannel,
  receiveDataChannel,
} from "./w3c/data-channel-transfer.js";
import { deserializeFrame, isEncodedFrame, type SerializedFrame, serializeFrame } from "./w3c/rtc-encoded-frame.js";
import { isPlatformObject } from "./w3c/webidl.js";

type Channel = entry.RTCDataChannel;

installTransfer({
  name: "RTCDataChannel",
  owns: (value) => isPlatformObject(value, "RTCDataChannel"),
  check: (channel) => checkTransferable(channel as Channel),
  describe: (channel) => describeDataChannel(channel as Channel),
  detach: (channel, link) => detachDataChannel(channel as Channel, link),
  receive: (parameters, link) => receiveDataChannel(parameters as DataChannelParameters, link, nodePlatform),
});

installClone({
  name: "RTCEncodedFrame",
  owns: isEncodedFrame,
  describe: (frame) => serializeFrame(frame as entry.RTCEncodedVideoFrame),
  revive: (description) => deserializeFrame(description as SerializedFrame),
});

for (const [name, value] of Object.entries(entry)) {
  if (!/^[A-Z]/.test(name)) continue;
  Object.defineProperty(globalThis, name, { value, writable: true, enumerable: false, configurable: true });
}

// Node has a navigator from version 21 on.
const scope = globalThis as { navigator?: object };
if (typeof scope.navigator !== "object") {
  Object.defineProperty(scope, "navigator", { value: {}, writable: true, enumerable: true, configurable: true });
}
Object.defineProperty(scope.navigator, "mediaDevices", {
  value: entry.mediaDevices,
  writable: true,
  enumerable: true,
  configurable: true,
});
