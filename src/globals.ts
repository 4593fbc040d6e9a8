// Installs the W3C classes and navigator.mediaDevices on globalThis, and lets data channels be transferred to threads that
// import this as well (postMessage of ports and workers, structuredClone), and certificates and encoded frames be cloned, for code that
// expects a browser's globals. Names that are taken are replaced: a runtime's own half of the API would not know our objects.

import type { KeyObject } from "node:crypto";
import { threadId } from "node:worker_threads";
import * as entry from "./index.js";
import "./globals-types.js";
import { postablePrivateKey, postedPrivateKey } from "./node/crypto.js";
import { nodePlatform } from "./node/platform.js";
import { installClone, installTransfer } from "./node/transfer.js";
import type { DataChannelParameters } from "./w3c/data-channel-init.js";
import {
  checkTransferable,
  describeDataChannel,
  detachDataChannel,
  receiveDataChannel,
} from "./w3c/data-channel-transfer.js";
import { deserializeCertificate, type SerializedCertificate, serializeCertificate } from "./w3c/rtc-certificate.js";
import { deserializeFrame, isEncodedFrame, type SerializedFrame, serializeFrame } from "./w3c/rtc-encoded-frame.js";
import { construct, defineInterface, isPlatformObject, takeImpl } from "./w3c/webidl.js";

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
  describe: (frame) => serializeFrame(frame as entry.RTCEncodedVideoFrame, threadId),
  revive: (description) => deserializeFrame(description as SerializedFrame, threadId),
});

installClone({
  name: "RTCCertificate",
  owns: (value) => isPlatformObject(value, "RTCCertificate"),
  describe: (certificate) => serializeCertificate(certificate as entry.RTCCertificate, postablePrivateKey),
  revive: (description) => deserializeCertificate(description as SerializedCertificate<KeyObject>, postedPrivateKey),
});

for (const [name, value] of Object.entries(entry)) {
  if (!/^[A-Z]/.test(name)) continue;
  Object.defineProperty(globalThis, name, { value, writable: true, enumerable: false, configurable: true });
}

// Node has a navigator, and its class, from version 21 on.
class OwnNavigator {
  readonly #isNavigator: true = takeImpl();
  get mediaDevices(): entry.MediaDevices {
    return entry.mediaDevices;
  }
  /** As Node has it where it has a navigator. */
  get userAgent(): string {
    return `Node.js/${process.versions.node.split(".", 1)[0]}`;
  }
  static {
    defineInterface(OwnNavigator, { name: "Navigator", brand: (o) => #isNavigator in o });
    Object.defineProperty(OwnNavigator, "name", { value: "Navigator", configurable: true });
  }
}

const scope = globalThis as { navigator?: object; Navigator?: { readonly prototype: object } };
const hidden = { writable: true, enumerable: false, configurable: true };
if (typeof scope.navigator !== "object") {
  if (scope.Navigator === undefined) Object.defineProperty(scope, "Navigator", { value: OwnNavigator, ...hidden });
  const value = construct(OwnNavigator, true);
  Object.defineProperty(scope, "navigator", { value, writable: true, enumerable: true, configurable: true });
}
const navigator = scope.navigator!;
if (!(navigator instanceof OwnNavigator)) {
  // An attribute of the interface; of the object alone where a program has put one of its own there.
  const isPlain = scope.Navigator === undefined || Object.getPrototypeOf(navigator) !== scope.Navigator.prototype;
  Object.defineProperty(isPlain ? navigator : scope.Navigator!.prototype, "mediaDevices", {
    ...Object.getOwnPropertyDescriptor(
      {
        get mediaDevices(): entry.MediaDevices {
          if (this !== navigator) throw new TypeError("Illegal invocation");
          return entry.mediaDevices;
        },
      },
      "mediaDevices",
    ),
    enumerable: true,
    configurable: true,
  });
}
