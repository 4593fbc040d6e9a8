// The W3C classes, bound to the Node platform. Importing has no side effects.
import { CameraFlow, MicrophoneFlow, readCamera, readMicrophone } from "./media/synthetic/feeds.js";
import { MediaStreamTrackGenerator, type MediaStreamTrackGeneratorInit } from "./media/track-generators.js";
import { nodePlatform } from "./node/platform.js";
import { setDefaultPlatform } from "./w3c/environment.js";
import { createMediaDevices, type MediaDevices } from "./w3c/media-devices.js";
import { syntheticCamera, syntheticMicrophone, syntheticSpeaker } from "./w3c/synthetic-devices.js";

export type { SFrameCipherSuite } from "./sframe/cipher-suites.js";
export type { RTCRtpCodec, RTCRtpCodecParameters } from "./w3c/codec-dictionary.js";
export type {
  RTCBundlePolicy,
  RTCConfiguration,
  RTCIceServer,
  RTCIceTransportPolicy,
  RTCRtcpMuxPolicy,
  RTCRtpHeaderEncryptionPolicy,
} from "./w3c/configuration.js";
export type {
  RTCDtlsTransportState,
  RTCIceGatheringState,
  RTCIceTransportState,
  RTCPeerConnectionState,
  RTCSignalingState,
} from "./w3c/connection-states.js";
export type { RTCDataChannelInit, RTCPriorityType } from "./w3c/data-channel-init.js";
export type { RTCInsertableStreams } from "./w3c/encoded-streams.js";
export { RTCError, type RTCErrorDetailType, type RTCErrorInit } from "./w3c/errors.js";
export type { EventHandler } from "./w3c/event-handlers.js";
export type { RTCIdentityProviderOptions } from "./w3c/identity.js";
export type { RTCPeerConnectionErrorCallback, RTCSessionDescriptionCallback } from "./w3c/legacy-callbacks.js";
export type {
  ConstrainBoolean,
  ConstrainBooleanOrDOMString,
  ConstrainDOMString,
  ConstrainDouble,
  ConstrainULong,
  MediaTrackCapabilities,
  MediaTrackConstraintSet,
  MediaTrackConstraints,
  MediaTrackSettings,
  MediaTrackSupportedConstraints,
} from "./w3c/media-constraints.js";
export {
  DeviceChangeEvent,
  type DeviceChangeEventInit,
  InputDeviceInfo,
  MediaDeviceInfo,
  type MediaDeviceKind,
  MediaDevices,
  type MediaDevicesEventMap,
  type MediaStreamConstraints,
} from "./w3c/media-devices.js";
export { MediaStream, type MediaStreamEventMap } from "./w3c/media-stream.js";
export {
  MediaStreamTrack,
  MediaStreamTrackEvent,
  type MediaStreamTrackEventInit,
  type MediaStreamTrackEventMap,
  type MediaStreamTrackState,
} from "./w3c/media-stream-track.js";
export { MediaStreamTrackHandle } from "./w3c/media-stream-track-handle.js";
export type { RTCAnswerOptions, RTCOfferOptions } from "./w3c/offer-options.js";
export { OverconstrainedError } from "./w3c/overconstrained-error.js";
export { RTCCertificate, type RTCDtlsFingerprint } from "./w3c/rtc-certificate.js";
export {
  type BinaryType,
  RTCDataChannel,
  RTCDataChannelEvent,
  type RTCDataChannelEventInit,
  type RTCDataChannelEventMap,
  type RTCDataChannelState,
} from "./w3c/rtc-data-channel.js";
export { RTCDtlsTransport, type RTCDtlsTransportEventMap } from "./w3c/rtc-dtls-transport.js";
export { RTCDTMFSender, type RTCDTMFSenderEventMap } from "./w3c/rtc-dtmf-sender.js";
export {
  type EncodedVideoChunkType,
  RTCEncodedAudioFrame,
  type RTCEncodedAudioFrameMetadata,
  type RTCEncodedAudioFrameOptions,
  type RTCEncodedFrameMetadata,
  RTCEncodedVideoFrame,
  type RTCEncodedVideoFrameMetadata,
  type RTCEncodedVideoFrameOptions,
} from "./w3c/rtc-encoded-frame.js";
export {
  RTCDTMFToneChangeEvent,
  type RTCDTMFToneChangeEventInit,
  RTCErrorEvent,
  type RTCErrorEventInit,
  RTCPeerConnectionIceErrorEvent,
  type RTCPeerConnectionIceErrorEventInit,
  RTCPeerConnectionIceEvent,
  type RTCPeerConnectionIceEventInit,
} from "./w3c/rtc-events.js";
export {
  RTCIceCandidate,
  type RTCIceCandidateInit,
  type RTCIceCandidateType,
  type RTCIceComponent,
  type RTCIceProtocol,
  type RTCIceServerTransportProtocol,
  type RTCIceTcpCandidateType,
  type RTCLocalIceCandidateInit,
} from "./w3c/rtc-ice-candidate.js";
export {
  RTCIceCandidatePair,
  type RTCIceGathererState,
  type RTCIceParameters,
  type RTCIceRole,
  RTCIceTransport,
  type RTCIceTransportEventMap,
} from "./w3c/rtc-ice-transport.js";
export { RTCIdentityAssertion } from "./w3c/rtc-identity-assertion.js";
export {
  RTCPeerConnection,
  type RTCPeerConnectionEventMap,
} from "./w3c/rtc-peer-connection.js";
export {
  type RTCRtpContributingSource,
  RTCRtpReceiver,
  type RTCRtpReceiverTransform,
  type RTCRtpSynchronizationSource,
} from "./w3c/rtc-rtp-receiver.js";
export {
  RTCRtpScriptTransform,
  type WorkerAndParameters,
  type WorkerLike,
} from "./w3c/rtc-rtp-script-transform.js";
export { RTCRtpSender, type RTCRtpSenderTransform } from "./w3c/rtc-rtp-sender.js";
export { RTCRtpSFrameDecryptor, RTCRtpSFrameEncryptor } from "./w3c/rtc-rtp-sframe.js";
export { RTCRtpTransceiver, type RTCRtpTransceiverInit } from "./w3c/rtc-rtp-transceiver.js";
export {
  RTCSctpTransport,
  type RTCSctpTransportEventMap,
  type RTCSctpTransportState,
} from "./w3c/rtc-sctp-transport.js";
export {
  type RTCLocalSessionDescriptionInit,
  type RTCSdpType,
  RTCSessionDescription,
  type RTCSessionDescriptionInit,
} from "./w3c/rtc-session-description.js";
export { RTCStatsReport } from "./w3c/rtc-stats-report.js";
export { RTCTrackEvent, type RTCTrackEventInit } from "./w3c/rtc-track-event.js";
export type {
  RTCDegradationPreference,
  RTCRtcpParameters,
  RTCRtpCapabilities,
  RTCRtpCodingParameters,
  RTCRtpEncodingParameters,
  RTCRtpHeaderExtensionCapability,
  RTCRtpHeaderExtensionParameters,
  RTCRtpParameters,
  RTCRtpReceiveParameters,
  RTCRtpSendParameters,
  RTCRtpTransceiverDirection,
  RTCSetParameterOptions,
} from "./w3c/rtp-parameters.js";
export type { ServerOptions } from "./w3c/server-options.js";
export { SFrameDecryptorStream, SFrameEncryptorStream } from "./w3c/sframe-streams.js";
export {
  type CryptoKeyID,
  type RTCRtpSFrameEncryptorOptions,
  type SFrameErrorEventMap,
  SFrameTransformErrorEvent,
  type SFrameTransformErrorEventInit,
  type SFrameTransformErrorEventType,
  type SFrameTransformOptions,
  type SFrameType,
} from "./w3c/sframe-transforms.js";
export type { RTCIceGatherOptions } from "./w3c/standalone-ice.js";
export type {
  RTCAudioPlayoutStats,
  RTCAudioSourceStats,
  RTCCertificateStats,
  RTCCodecStats,
  RTCDataChannelStats,
  RTCDtlsRole,
  RTCIceCandidatePairStats,
  RTCIceCandidateStats,
  RTCInboundRtpStreamStats,
  RTCMediaSourceStats,
  RTCOutboundRtpStreamStats,
  RTCPeerConnectionStats,
  RTCQualityLimitationReason,
  RTCReceivedRtpStreamStats,
  RTCRemoteInboundRtpStreamStats,
  RTCRemoteOutboundRtpStreamStats,
  RTCRtpStreamStats,
  RTCSentRtpStreamStats,
  RTCStats,
  RTCStatsIceCandidatePairState,
  RTCStatsType,
  RTCTransportStats,
  RTCVideoSourceStats,
} from "./w3c/stats-types.js";
export { MediaStreamTrackGenerator, type MediaStreamTrackGeneratorInit };

setDefaultPlatform(nodePlatform);

/** What a browser has as navigator.mediaDevices, over a synthetic camera and microphone. */
export const mediaDevices: MediaDevices = createMediaDevices(
  [
    {
      ...syntheticMicrophone,
      connect: (platform, track, outlet) => new MicrophoneFlow(platform, track, outlet),
      readRaw: readMicrophone,
    },
    {
      ...syntheticCamera,
      connect: (platform, track, outlet) => new CameraFlow(platform, track, outlet),
      readRaw: readCamera,
    },
  ],
  [syntheticSpeaker],
);

/** All of the above, as `wrtc` and its like export it. */
export * as default from "./index.js";
