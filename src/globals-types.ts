// The types of what parley-rtc/globals puts on globalThis: the W3C classes, their dictionaries and navigator.mediaDevices.
// A program whose lib has DOM keeps that one's declarations, as with the types of Node. Names that are no interface (enums such as
// RTCSdpType) cannot be declared twice: without DOM they come from "parley-rtc". What no DOM library knows yet is declared plainly.
import type * as entry from "./index.js";

/** Nothing to add where the program has DOM. */
type Ours<T> = typeof globalThis extends { onmessage: unknown } ? object : T;

declare global {
  interface DeviceChangeEvent extends entry.DeviceChangeEvent {}
  interface DeviceChangeEventInit extends Ours<entry.DeviceChangeEventInit> {}
  interface InputDeviceInfo extends Ours<entry.InputDeviceInfo> {}
  interface MediaDeviceInfo extends Ours<entry.MediaDeviceInfo> {}
  interface MediaDevices extends Ours<entry.MediaDevices> {}
  interface MediaDevicesEventMap extends Ours<entry.MediaDevicesEventMap> {}
  interface MediaStream extends Ours<entry.MediaStream> {}
  interface MediaStreamConstraints extends Ours<entry.MediaStreamConstraints> {}
  interface MediaStreamEventMap extends Ours<entry.MediaStreamEventMap> {}
  interface MediaStreamTrack extends Ours<entry.MediaStreamTrack> {}
  interface MediaStreamTrackEvent extends Ours<entry.MediaStreamTrackEvent> {}
  interface MediaStreamTrackEventInit extends Ours<entry.MediaStreamTrackEventInit> {}
  interface MediaStreamTrackGenerator extends entry.MediaStreamTrackGenerator {}
  interface MediaStreamTrackGeneratorInit extends entry.MediaStreamTrackGeneratorInit {}
  interface MediaStreamTrackHandle extends entry.MediaStreamTrackHandle {}
  interface MediaStreamTrackEventMap extends Ours<entry.MediaStreamTrackEventMap> {}
  interface MediaTrackCapabilities extends Ours<entry.MediaTrackCapabilities> {}
  interface MediaTrackConstraintSet extends Ours<entry.MediaTrackConstraintSet> {}
  interface MediaTrackConstraints extends Ours<entry.MediaTrackConstraints> {}
  interface MediaTrackSettings extends Ours<entry.MediaTrackSettings> {}
  interface MediaTrackSupportedConstraints extends Ours<entry.MediaTrackSupportedConstraints> {}
  interface OverconstrainedError extends Ours<entry.OverconstrainedError> {}
  interface RTCAnswerOptions extends Ours<entry.RTCAnswerOptions> {}
  interface RTCAudioPlayoutStats extends Ours<entry.RTCAudioPlayoutStats> {}
  interface RTCAudioSourceStats extends Ours<entry.RTCAudioSourceStats> {}
  interface RTCCertificate extends Ours<entry.RTCCertificate> {}
  interface RTCCertificateStats extends Ours<entry.RTCCertificateStats> {}
  interface RTCCodecStats extends Ours<entry.RTCCodecStats> {}
  interface RTCConfiguration extends Ours<entry.RTCConfiguration> {}
  interface RTCDTMFSender extends Ours<entry.RTCDTMFSender> {}
  interface RTCDTMFSenderEventMap extends Ours<entry.RTCDTMFSenderEventMap> {}
  interface RTCDTMFToneChangeEvent extends Ours<entry.RTCDTMFToneChangeEvent> {}
  interface RTCDTMFToneChangeEventInit extends Ours<entry.RTCDTMFToneChangeEventInit> {}
  interface RTCDataChannel extends Ours<entry.RTCDataChannel> {}
  interface RTCDataChannelEvent extends Ours<entry.RTCDataChannelEvent> {}
  interface RTCDataChannelEventInit extends Ours<entry.RTCDataChannelEventInit> {}
  interface RTCDataChannelEventMap extends Ours<entry.RTCDataChannelEventMap> {}
  interface RTCDataChannelInit extends Ours<entry.RTCDataChannelInit> {}
  interface RTCDataChannelStats extends Ours<entry.RTCDataChannelStats> {}
  interface RTCDtlsFingerprint extends Ours<entry.RTCDtlsFingerprint> {}
  interface RTCDtlsTransport extends Ours<entry.RTCDtlsTransport> {}
  interface RTCDtlsTransportEventMap extends Ours<entry.RTCDtlsTransportEventMap> {}
  interface RTCEncodedAudioFrame extends Ours<entry.RTCEncodedAudioFrame> {}
  interface RTCEncodedAudioFrameMetadata extends Ours<entry.RTCEncodedAudioFrameMetadata> {}
  interface RTCEncodedAudioFrameOptions extends Ours<entry.RTCEncodedAudioFrameOptions> {}
  interface RTCEncodedFrameMetadata extends Ours<entry.RTCEncodedFrameMetadata> {}
  interface RTCEncodedVideoFrame extends Ours<entry.RTCEncodedVideoFrame> {}
  interface RTCEncodedVideoFrameMetadata extends Ours<entry.RTCEncodedVideoFrameMetadata> {}
  interface RTCEncodedVideoFrameOptions extends Ours<entry.RTCEncodedVideoFrameOptions> {}
  interface RTCError extends Ours<entry.RTCError> {}
  interface RTCErrorEvent extends Ours<entry.RTCErrorEvent> {}
  interface RTCErrorEventInit extends Ours<entry.RTCErrorEventInit> {}
  interface RTCErrorInit extends Ours<entry.RTCErrorInit> {}
  interface RTCIceCandidate extends Ours<entry.RTCIceCandidate> {}
  interface RTCIceCandidateInit extends Ours<entry.RTCIceCandidateInit> {}
  interface RTCIceCandidatePair extends Ours<entry.RTCIceCandidatePair> {}
  interface RTCIceCandidatePairStats extends Ours<entry.RTCIceCandidatePairStats> {}
  interface RTCIceCandidateStats extends Ours<entry.RTCIceCandidateStats> {}
  interface RTCIceGatherOptions extends Ours<entry.RTCIceGatherOptions> {}
  interface RTCIceParameters extends Ours<entry.RTCIceParameters> {}
  interface RTCIceServer extends Ours<entry.RTCIceServer> {}
  interface RTCIceTransport extends Ours<entry.RTCIceTransport> {}
  interface RTCIceTransportEventMap extends Ours<entry.RTCIceTransportEventMap> {}
  interface RTCIdentityAssertion extends entry.RTCIdentityAssertion {}
  interface RTCIdentityProviderOptions extends Ours<entry.RTCIdentityProviderOptions> {}
  interface RTCInboundRtpStreamStats extends Ours<entry.RTCInboundRtpStreamStats> {}
  interface RTCInsertableStreams extends Ours<entry.RTCInsertableStreams> {}
  interface RTCLocalIceCandidateInit extends Ours<entry.RTCLocalIceCandidateInit> {}
  interface RTCLocalSessionDescriptionInit extends Ours<entry.RTCLocalSessionDescriptionInit> {}
  interface RTCMediaSourceStats extends Ours<entry.RTCMediaSourceStats> {}
  interface RTCOfferOptions extends Ours<entry.RTCOfferOptions> {}
  interface RTCOutboundRtpStreamStats extends Ours<entry.RTCOutboundRtpStreamStats> {}
  interface RTCPeerConnection extends Ours<entry.RTCPeerConnection> {}
  interface RTCPeerConnectionEventMap extends Ours<entry.RTCPeerConnectionEventMap> {}
  interface RTCPeerConnectionIceErrorEvent extends Ours<entry.RTCPeerConnectionIceErrorEvent> {}
  interface RTCPeerConnectionIceErrorEventInit extends Ours<entry.RTCPeerConnectionIceErrorEventInit> {}
  interface RTCPeerConnectionIceEvent extends Ours<entry.RTCPeerConnectionIceEvent> {}
  interface RTCPeerConnectionIceEventInit extends Ours<entry.RTCPeerConnectionIceEventInit> {}
  interface RTCPeerConnectionStats extends Ours<entry.RTCPeerConnectionStats> {}
  interface RTCReceivedRtpStreamStats extends Ours<entry.RTCReceivedRtpStreamStats> {}
  interface RTCRemoteInboundRtpStreamStats extends Ours<entry.RTCRemoteInboundRtpStreamStats> {}
  interface RTCRemoteOutboundRtpStreamStats extends Ours<entry.RTCRemoteOutboundRtpStreamStats> {}
  interface RTCRtcpParameters extends Ours<entry.RTCRtcpParameters> {}
  interface RTCRtpCapabilities extends Ours<entry.RTCRtpCapabilities> {}
  interface RTCRtpCodec extends Ours<entry.RTCRtpCodec> {}
  interface RTCRtpCodecParameters extends Ours<entry.RTCRtpCodecParameters> {}
  interface RTCRtpCodingParameters extends Ours<entry.RTCRtpCodingParameters> {}
  interface RTCRtpContributingSource extends Ours<entry.RTCRtpContributingSource> {}
  interface RTCRtpEncodingParameters extends Ours<entry.RTCRtpEncodingParameters> {}
  interface RTCRtpHeaderExtensionCapability extends Ours<entry.RTCRtpHeaderExtensionCapability> {}
  interface RTCRtpHeaderExtensionParameters extends Ours<entry.RTCRtpHeaderExtensionParameters> {}
  interface RTCRtpParameters extends Ours<entry.RTCRtpParameters> {}
  interface RTCRtpReceiveParameters extends Ours<entry.RTCRtpReceiveParameters> {}
  interface RTCRtpReceiver extends Ours<entry.RTCRtpReceiver> {}
  interface RTCRtpSFrameDecryptor extends entry.RTCRtpSFrameDecryptor {}
  interface RTCRtpSFrameEncryptor extends entry.RTCRtpSFrameEncryptor {}
  interface RTCRtpSFrameEncryptorOptions extends Ours<entry.RTCRtpSFrameEncryptorOptions> {}
  interface RTCRtpScriptTransform extends Ours<entry.RTCRtpScriptTransform> {}
  interface RTCRtpSendParameters extends Ours<entry.RTCRtpSendParameters> {}
  interface RTCRtpSender extends Ours<entry.RTCRtpSender> {}
  interface RTCRtpStreamStats extends Ours<entry.RTCRtpStreamStats> {}
  interface RTCRtpSynchronizationSource extends Ours<entry.RTCRtpSynchronizationSource> {}
  interface RTCRtpTransceiver extends Ours<entry.RTCRtpTransceiver> {}
  interface RTCRtpTransceiverInit extends Ours<entry.RTCRtpTransceiverInit> {}
  interface RTCSctpTransport extends Ours<entry.RTCSctpTransport> {}
  interface RTCSctpTransportEventMap extends Ours<entry.RTCSctpTransportEventMap> {}
  interface RTCSentRtpStreamStats extends Ours<entry.RTCSentRtpStreamStats> {}
  interface RTCSessionDescription extends Ours<entry.RTCSessionDescription> {}
  interface RTCSessionDescriptionInit extends Ours<entry.RTCSessionDescriptionInit> {}
  interface RTCSetParameterOptions extends Ours<entry.RTCSetParameterOptions> {}
  interface RTCStats extends Ours<entry.RTCStats> {}
  interface RTCStatsReport extends Ours<entry.RTCStatsReport> {}
  interface RTCTrackEvent extends Ours<entry.RTCTrackEvent> {}
  interface RTCTrackEventInit extends Ours<entry.RTCTrackEventInit> {}
  interface RTCTransportStats extends Ours<entry.RTCTransportStats> {}
  interface RTCVideoSourceStats extends Ours<entry.RTCVideoSourceStats> {}
  interface SFrameDecryptorStream extends entry.SFrameDecryptorStream {}
  interface SFrameEncryptorStream extends entry.SFrameEncryptorStream {}
  interface SFrameErrorEventMap extends Ours<entry.SFrameErrorEventMap> {}
  interface SFrameTransformErrorEvent extends entry.SFrameTransformErrorEvent {}
  interface SFrameTransformErrorEventInit extends Ours<entry.SFrameTransformErrorEventInit> {}
  interface SFrameTransformOptions extends Ours<entry.SFrameTransformOptions> {}
  var DeviceChangeEvent: typeof entry.DeviceChangeEvent;
  var InputDeviceInfo: typeof globalThis extends { onmessage: unknown; InputDeviceInfo: infer T }
    ? T
    : typeof entry.InputDeviceInfo;
  var MediaDeviceInfo: typeof globalThis extends { onmessage: unknown; MediaDeviceInfo: infer T }
    ? T
    : typeof entry.MediaDeviceInfo;
  var MediaDevices: typeof globalThis extends { onmessage: unknown; MediaDevices: infer T }
    ? T
    : typeof entry.MediaDevices;
  var MediaStream: typeof globalThis extends { onmessage: unknown; MediaStream: infer T }
    ? T
    : typeof entry.MediaStream;
  var MediaStreamTrack: typeof globalThis extends { onmessage: unknown; MediaStreamTrack: infer T }
    ? T
    : typeof entry.MediaStreamTrack;
  var MediaStreamTrackGenerator: typeof entry.MediaStreamTrackGenerator;
  var MediaStreamTrackHandle: typeof entry.MediaStreamTrackHandle;
  var MediaStreamTrackEvent: typeof globalThis extends { onmessage: unknown; MediaStreamTrackEvent: infer T }
    ? T
    : typeof entry.MediaStreamTrackEvent;
  var OverconstrainedError: typeof globalThis extends { onmessage: unknown; OverconstrainedError: infer T }
    ? T
    : typeof entry.OverconstrainedError;
  var RTCCertificate: typeof globalThis extends { onmessage: unknown; RTCCertificate: infer T }
    ? T
    : typeof entry.RTCCertificate;
  var RTCDTMFSender: typeof globalThis extends { onmessage: unknown; RTCDTMFSender: infer T }
    ? T
    : typeof entry.RTCDTMFSender;
  var RTCDTMFToneChangeEvent: typeof globalThis extends { onmessage: unknown; RTCDTMFToneChangeEvent: infer T }
    ? T
    : typeof entry.RTCDTMFToneChangeEvent;
  var RTCDataChannel: typeof globalThis extends { onmessage: unknown; RTCDataChannel: infer T }
    ? T
    : typeof entry.RTCDataChannel;
  var RTCDataChannelEvent: typeof globalThis extends { onmessage: unknown; RTCDataChannelEvent: infer T }
    ? T
    : typeof entry.RTCDataChannelEvent;
  var RTCDtlsTransport: typeof globalThis extends { onmessage: unknown; RTCDtlsTransport: infer T }
    ? T
    : typeof entry.RTCDtlsTransport;
  var RTCEncodedAudioFrame: typeof globalThis extends { onmessage: unknown; RTCEncodedAudioFrame: infer T }
    ? T
    : typeof entry.RTCEncodedAudioFrame;
  var RTCEncodedVideoFrame: typeof globalThis extends { onmessage: unknown; RTCEncodedVideoFrame: infer T }
    ? T
    : typeof entry.RTCEncodedVideoFrame;
  var RTCError: typeof globalThis extends { onmessage: unknown; RTCError: infer T } ? T : typeof entry.RTCError;
  var RTCErrorEvent: typeof globalThis extends { onmessage: unknown; RTCErrorEvent: infer T }
    ? T
    : typeof entry.RTCErrorEvent;
  var RTCIceCandidate: typeof globalThis extends { onmessage: unknown; RTCIceCandidate: infer T }
    ? T
    : typeof entry.RTCIceCandidate;
  var RTCIceCandidatePair: typeof entry.RTCIceCandidatePair;
  var RTCIceTransport: typeof globalThis extends { onmessage: unknown; RTCIceTransport: infer T }
    ? T
    : typeof entry.RTCIceTransport;
  var RTCIdentityAssertion: typeof entry.RTCIdentityAssertion;
  var RTCPeerConnection: typeof globalThis extends { onmessage: unknown; RTCPeerConnection: infer T }
    ? T
    : typeof entry.RTCPeerConnection;
  var RTCPeerConnectionIceErrorEvent: typeof globalThis extends {
    onmessage: unknown;
    RTCPeerConnectionIceErrorEvent: infer T;
  }
    ? T
    : typeof entry.RTCPeerConnectionIceErrorEvent;
  var RTCPeerConnectionIceEvent: typeof globalThis extends { onmessage: unknown; RTCPeerConnectionIceEvent: infer T }
    ? T
    : typeof entry.RTCPeerConnectionIceEvent;
  var RTCRtpReceiver: typeof globalThis extends { onmessage: unknown; RTCRtpReceiver: infer T }
    ? T
    : typeof entry.RTCRtpReceiver;
  var RTCRtpSFrameDecryptor: typeof entry.RTCRtpSFrameDecryptor;
  var RTCRtpSFrameEncryptor: typeof entry.RTCRtpSFrameEncryptor;
  var RTCRtpScriptTransform: typeof globalThis extends { onmessage: unknown; RTCRtpScriptTransform: infer T }
    ? T
    : typeof entry.RTCRtpScriptTransform;
  var RTCRtpSender: typeof globalThis extends { onmessage: unknown; RTCRtpSender: infer T }
    ? T
    : typeof entry.RTCRtpSender;
  var RTCRtpTransceiver: typeof globalThis extends { onmessage: unknown; RTCRtpTransceiver: infer T }
    ? T
    : typeof entry.RTCRtpTransceiver;
  var RTCSctpTransport: typeof globalThis extends { onmessage: unknown; RTCSctpTransport: infer T }
    ? T
    : typeof entry.RTCSctpTransport;
  var RTCSessionDescription: typeof globalThis extends { onmessage: unknown; RTCSessionDescription: infer T }
    ? T
    : typeof entry.RTCSessionDescription;
  var RTCStatsReport: typeof globalThis extends { onmessage: unknown; RTCStatsReport: infer T }
    ? T
    : typeof entry.RTCStatsReport;
  var RTCTrackEvent: typeof globalThis extends { onmessage: unknown; RTCTrackEvent: infer T }
    ? T
    : typeof entry.RTCTrackEvent;
  var SFrameDecryptorStream: typeof entry.SFrameDecryptorStream;
  var SFrameEncryptorStream: typeof entry.SFrameEncryptorStream;
  var SFrameTransformErrorEvent: typeof entry.SFrameTransformErrorEvent;
  interface Navigator {
    readonly mediaDevices: MediaDevices;
  }
  var navigator: typeof globalThis extends { onmessage: unknown; navigator: infer T } ? T : Navigator;
}
