// The W3C classes, bound to the Node platform. Importing has no side effects.
import { nodePlatform } from "./node/platform.js";
import { setDefaultPlatform } from "./w3c/environment.js";

export type { RTCConfiguration, RTCIceServer } from "./w3c/configuration.js";
export type { RTCDataChannelInit } from "./w3c/data-channel-init.js";
export { RTCError, type RTCErrorDetailType, type RTCErrorInit } from "./w3c/errors.js";
export {
  RTCDataChannelEvent,
  type RTCDataChannelEventInit,
  RTCErrorEvent,
  type RTCErrorEventInit,
  RTCPeerConnectionIceErrorEvent,
  type RTCPeerConnectionIceErrorEventInit,
  RTCPeerConnectionIceEvent,
  type RTCPeerConnectionIceEventInit,
} from "./w3c/events.js";
export { RTCCertificate, type RTCDtlsFingerprint } from "./w3c/rtc-certificate.js";
export {
  type BinaryType,
  RTCDataChannel,
  type RTCDataChannelState,
  type RTCPriorityType,
} from "./w3c/rtc-data-channel.js";
export { RTCDtlsTransport } from "./w3c/rtc-dtls-transport.js";
export { RTCIceCandidate, type RTCIceCandidateInit } from "./w3c/rtc-ice-candidate.js";
export { RTCIceCandidatePair, type RTCIceParameters, RTCIceTransport } from "./w3c/rtc-ice-transport.js";
export { type RTCOfferOptions, RTCPeerConnection, type RTCSignalingState } from "./w3c/rtc-peer-connection.js";
export { RTCSctpTransport, type RTCSctpTransportState } from "./w3c/rtc-sctp-transport.js";
export {
  type RTCLocalSessionDescriptionInit,
  type RTCSdpType,
  RTCSessionDescription,
  type RTCSessionDescriptionInit,
} from "./w3c/rtc-session-description.js";
export type { ServerOptions } from "./w3c/server-options.js";

setDefaultPlatform(nodePlatform);
