// The types of what parley-rtc/globals puts on globalThis: the W3C classes, their dictionaries and navigator.mediaDevices.
// A program whose lib has DOM keeps that one's declarations, as with the types of Node. Names that are no interface (enums such as
// RTCSdpType) cannot be declared twice: without DOM they come from "parley-rtc". What no DOM library knows yet is declared plainly.
import type * as entry from "./index.js";

type _DeviceChangeEventInit = typeof globalThis extends { onmessage: unknown } ? object : entry.DeviceChangeEventInit;
type _InputDeviceInfo = typeof globalThis extends { onmessage: unknown } ? object : entry.InputDeviceInfo;
type _MediaDeviceInfo = typeof globalThis extends { onmessage: unknown } ? object : entry.MediaDeviceInfo;
type _MediaDevices = typeof globalThis extends { onmessage: unknown } ? object : entry.MediaDevices;
type _MediaDevicesEventMap = typeof globalThis extends { onmessage: unknown } ? object : entry.MediaDevicesEventMap;
type _MediaStream = typeof globalThis extends { onmessage: unknown } ? object : entry.MediaStream;
type _MediaStreamConstraints = typeof globalThis extends { onmessage: unknown } ? object : entry.MediaStreamConstraints;
type _MediaStreamEventMap = typeof globalThis extends { onmessage: unknown } ? object : entry.MediaStreamEventMap;
type _MediaStreamTrack = typeof globalThis extends { onmessage: unknown } ? object : entry.MediaStreamTrack;
type _MediaStreamTrackEvent = typeof globalThis extends { onmessage: unknown } ? object : entry.MediaStreamTrackEvent;
type _MediaStreamTrackEventInit = typeof globalThis extends { onmessage: unknown }
  ? object
  : entry.MediaStreamTrackEventInit;
type _MediaStreamTrackEventMap = typeof globalThis extends { onmessage: unknown }
  ? object
  : entry.MediaStreamTrackEventMap;
type _MediaTrackCapabilities = typeof globalThis extends { onmessage: unknown } ? object : entry.MediaTrackCapabilities;
type _MediaTrackConstraintSet = typeof globalThis extends { onmessage: unknown }
  ? object
  : entry.MediaTrackConstraintSet;
type _MediaTrackConstraints = typeof globalThis extends { onmessage: unknown } ? object : entry.MediaTrackConstraints;
type _MediaTrackSettings = typeof globalThis extends { onmessage: unknown } ? object : entry.MediaTrackSettings;
type _MediaTrackSupportedConstraints = typeof globalThis extends { onmessage: unknown }
  ? object
  : entry.MediaTrackSupportedConstraints;
type _OverconstrainedError = typeof globalThis extends { onmessage: unknown } ? object : entry.OverconstrainedError;
type _RTCAnswerOptions = typeof globalThis extends { onmessage: unknown } ? object : entry.RTCAnswerOptions;
type _RTCAudioPlayoutStats = typeof globalThis extends { onmessage: unknown } ? object : entry.RTCAudioPlayoutStats;
type _RTCAudioSourceStats = typeof globalThis extends { onmessage: unknown } ? object : entry.RTCAudioSourceStats;
type _RTCCertificate = typeof globalThis extends { onmessage: unknown } ? object : entry.RTCCertificate;
type _RTCCertificateStats = typeof globalThis extends { onmessage: unknown } ? object : entry.RTCCertificateStats;
type _RTCCodecStats = typeof globalThis extends { onmessage: unknown } ? object : entry.RTCCodecStats;
type _RTCConfiguration = typeof globalThis extends { onmessage: unknown } ? object : entry.RTCConfiguration;
type _RTCDTMFSender = typeof globalThis extends { onmessage: unknown } ? object : entry.RTCDTMFSender;
type _RTCDTMFSenderEventMap = typeof globalThis extends { onmessage: unknown } ? object : entry.RTCDTMFSenderEventMap;
type _RTCDTMFToneChangeEvent = typeof globalThis extends { onmessage: unknown } ? object : entry.RTCDTMFToneChangeEvent;
type _RTCDTMFToneChangeEventInit = typeof globalThis extends { onmessage: unknown }
  ? object
  : entry.RTCDTMFToneChangeEventInit;
type _RTCDataChannel = typeof globalThis extends { onmessage: unknown } ? object : entry.RTCDataChannel;
type _RTCDataChannelEvent = typeof globalThis extends { onmessage: unknown } ? object : entry.RTCDataChannelEvent;
type _RTCDataChannelEventInit = typeof globalThis extends { onmessage: unknown }
  ? object
  : entry.RTCDataChannelEventInit;
type _RTCDataChannelEventMap = typeof globalThis extends { onmessage: unknown } ? object : entry.RTCDataChannelEventMap;
type _RTCDataChannelInit = typeof globalThis extends { onmessage: unknown } ? object : entry.RTCDataChannelInit;
type _RTCDataChannelStats = typeof globalThis extends { onmessage: unknown } ? object : entry.RTCDataChannelStats;
type _RTCDtlsFingerprint = typeof globalThis extends { onmessage: unknown } ? object : entry.RTCDtlsFingerprint;
type _RTCDtlsTransport = typeof globalThis extends { onmessage: unknown } ? object : entry.RTCDtlsTransport;
type _RTCDtlsTransportEventMap = typeof globalThis extends { onmessage: unknown }
  ? object
  : entry.RTCDtlsTransportEventMap;
type _RTCEncodedAudioFrame = typeof globalThis extends { onmessage: unknown } ? object : entry.RTCEncodedAudioFrame;
type _RTCEncodedAudioFrameMetadata = typeof globalThis extends { onmessage: unknown }
  ? object
  : entry.RTCEncodedAudioFrameMetadata;
type _RTCEncodedAudioFrameOptions = typeof globalThis extends { onmessage: unknown }
  ? object
  : entry.RTCEncodedAudioFrameOptions;
type _RTCEncodedFrameMetadata = typeof globalThis extends { onmessage: unknown }
  ? object
  : entry.RTCEncodedFrameMetadata;
type _RTCEncodedVideoFrame = typeof globalThis extends { onmessage: unknown } ? object : entry.RTCEncodedVideoFrame;
type _RTCEncodedVideoFrameMetadata = typeof globalThis extends { onmessage: unknown }
  ? object
  : entry.RTCEncodedVideoFrameMetadata;
type _RTCEncodedVideoFrameOptions = typeof globalThis extends { onmessage: unknown }
  ? object
  : entry.RTCEncodedVideoFrameOptions;
type _RTCError = typeof globalThis extends { onmessage: unknown } ? object : entry.RTCError;
type _RTCErrorEvent = typeof globalThis extends { onmessage: unknown } ? object : entry.RTCErrorEvent;
type _RTCErrorEventInit = typeof globalThis extends { onmessage: unknown } ? object : entry.RTCErrorEventInit;
type _RTCErrorInit = typeof globalThis extends { onmessage: unknown } ? object : entry.RTCErrorInit;
type _RTCIceCandidate = typeof globalThis extends { onmessage: unknown } ? object : entry.RTCIceCandidate;
type _RTCIceCandidateInit = typeof globalThis extends { onmessage: unknown } ? object : entry.RTCIceCandidateInit;
type _RTCIceCandidatePair = typeof globalThis extends { onmessage: unknown } ? object : entry.RTCIceCandidatePair;
type _RTCIceCandidatePairStats = typeof globalThis extends { onmessage: unknown }
  ? object
  : entry.RTCIceCandidatePairStats;
type _RTCIceCandidateStats = typeof globalThis extends { onmessage: unknown } ? object : entry.RTCIceCandidateStats;
type _RTCIceGatherOptions = typeof globalThis extends { onmessage: unknown } ? object : entry.RTCIceGatherOptions;
type _RTCIceParameters = typeof globalThis extends { onmessage: unknown } ? object : entry.RTCIceParameters;
type _RTCIceServer = typeof globalThis extends { onmessage: unknown } ? object : entry.RTCIceServer;
type _RTCIceTransport = typeof globalThis extends { onmessage: unknown } ? object : entry.RTCIceTransport;
type _RTCIceTransportEventMap = typeof globalThis extends { onmessage: unknown }
  ? object
  : entry.RTCIceTransportEventMap;
type _RTCIdentityProviderOptions = typeof globalThis extends { onmessage: unknown }
  ? object
  : entry.RTCIdentityProviderOptions;
type _RTCInboundRtpStreamStats = typeof globalThis extends { onmessage: unknown }
  ? object
  : entry.RTCInboundRtpStreamStats;
type _RTCInsertableStreams = typeof globalThis extends { onmessage: unknown } ? object : entry.RTCInsertableStreams;
type _RTCLocalIceCandidateInit = typeof globalThis extends { onmessage: unknown }
  ? object
  : entry.RTCLocalIceCandidateInit;
type _RTCLocalSessionDescriptionInit = typeof globalThis extends { onmessage: unknown }
  ? object
  : entry.RTCLocalSessionDescriptionInit;
type _RTCMediaSourceStats = typeof globalThis extends { onmessage: unknown } ? object : entry.RTCMediaSourceStats;
type _RTCOfferOptions = typeof globalThis extends { onmessage: unknown } ? object : entry.RTCOfferOptions;
type _RTCOutboundRtpStreamStats = typeof globalThis extends { onmessage: unknown }
  ? object
  : entry.RTCOutboundRtpStreamStats;
type _RTCPeerConnection = typeof globalThis extends { onmessage: unknown } ? object : entry.RTCPeerConnection;
type _RTCPeerConnectionEventMap = typeof globalThis extends { onmessage: unknown }
  ? object
  : entry.RTCPeerConnectionEventMap;
type _RTCPeerConnectionIceErrorEvent = typeof globalThis extends { onmessage: unknown }
  ? object
  : entry.RTCPeerConnectionIceErrorEvent;
type _RTCPeerConnectionIceErrorEventInit = typeof globalThis extends { onmessage: unknown }
  ? object
  : entry.RTCPeerConnectionIceErrorEventInit;
type _RTCPeerConnectionIceEvent = typeof globalThis extends { onmessage: unknown }
  ? object
  : entry.RTCPeerConnectionIceEvent;
type _RTCPeerConnectionIceEventInit = typeof globalThis extends { onmessage: unknown }
  ? object
  : entry.RTCPeerConnectionIceEventInit;
type _RTCPeerConnectionStats = typeof globalThis extends { onmessage: unknown } ? object : entry.RTCPeerConnectionStats;
type _RTCReceivedRtpStreamStats = typeof globalThis extends { onmessage: unknown }
  ? object
  : entry.RTCReceivedRtpStreamStats;
type _RTCRemoteInboundRtpStreamStats = typeof globalThis extends { onmessage: unknown }
  ? object
  : entry.RTCRemoteInboundRtpStreamStats;
type _RTCRemoteOutboundRtpStreamStats = typeof globalThis extends { onmessage: unknown }
  ? object
  : entry.RTCRemoteOutboundRtpStreamStats;
type _RTCRtcpParameters = typeof globalThis extends { onmessage: unknown } ? object : entry.RTCRtcpParameters;
type _RTCRtpCapabilities = typeof globalThis extends { onmessage: unknown } ? object : entry.RTCRtpCapabilities;
type _RTCRtpCodec = typeof globalThis extends { onmessage: unknown } ? object : entry.RTCRtpCodec;
type _RTCRtpCodecParameters = typeof globalThis extends { onmessage: unknown } ? object : entry.RTCRtpCodecParameters;
type _RTCRtpCodingParameters = typeof globalThis extends { onmessage: unknown } ? object : entry.RTCRtpCodingParameters;
type _RTCRtpContributingSource = typeof globalThis extends { onmessage: unknown }
  ? object
  : entry.RTCRtpContributingSource;
type _RTCRtpEncodingParameters = typeof globalThis extends { onmessage: unknown }
  ? object
  : entry.RTCRtpEncodingParameters;
type _RTCRtpHeaderExtensionCapability = typeof globalThis extends { onmessage: unknown }
  ? object
  : entry.RTCRtpHeaderExtensionCapability;
type _RTCRtpHeaderExtensionParameters = typeof globalThis extends { onmessage: unknown }
  ? object
  : entry.RTCRtpHeaderExtensionParameters;
type _RTCRtpParameters = typeof globalThis extends { onmessage: unknown } ? object : entry.RTCRtpParameters;
type _RTCRtpReceiveParameters = typeof globalThis extends { onmessage: unknown }
  ? object
  : entry.RTCRtpReceiveParameters;
type _RTCRtpReceiver = typeof globalThis extends { onmessage: unknown } ? object : entry.RTCRtpReceiver;
type _RTCRtpSFrameEncryptorOptions = typeof globalThis extends { onmessage: unknown }
  ? object
  : entry.RTCRtpSFrameEncryptorOptions;
type _RTCRtpScriptTransform = typeof globalThis extends { onmessage: unknown } ? object : entry.RTCRtpScriptTransform;
type _RTCRtpSendParameters = typeof globalThis extends { onmessage: unknown } ? object : entry.RTCRtpSendParameters;
type _RTCRtpSender = typeof globalThis extends { onmessage: unknown } ? object : entry.RTCRtpSender;
type _RTCRtpStreamStats = typeof globalThis extends { onmessage: unknown } ? object : entry.RTCRtpStreamStats;
type _RTCRtpSynchronizationSource = typeof globalThis extends { onmessage: unknown }
  ? object
  : entry.RTCRtpSynchronizationSource;
type _RTCRtpTransceiver = typeof globalThis extends { onmessage: unknown } ? object : entry.RTCRtpTransceiver;
type _RTCRtpTransceiverInit = typeof globalThis extends { onmessage: unknown } ? object : entry.RTCRtpTransceiverInit;
type _RTCSctpTransport = typeof globalThis extends { onmessage: unknown } ? object : entry.RTCSctpTransport;
type _RTCSctpTransportEventMap = typeof globalThis extends { onmessage: unknown }
  ? object
  : entry.RTCSctpTransportEventMap;
type _RTCSentRtpStreamStats = typeof globalThis extends { onmessage: unknown } ? object : entry.RTCSentRtpStreamStats;
type _RTCSessionDescription = typeof globalThis extends { onmessage: unknown } ? object : entry.RTCSessionDescription;
type _RTCSessionDescriptionInit = typeof globalThis extends { onmessage: unknown }
  ? object
  : entry.RTCSessionDescriptionInit;
type _RTCSetParameterOptions = typeof globalThis extends { onmessage: unknown } ? object : entry.RTCSetParameterOptions;
type _RTCStats = typeof globalThis extends { onmessage: unknown } ? object : entry.RTCStats;
type _RTCStatsReport = typeof globalThis extends { onmessage: unknown } ? object : entry.RTCStatsReport;
type _RTCTrackEvent = typeof globalThis extends { onmessage: unknown } ? object : entry.RTCTrackEvent;
type _RTCTrackEventInit = typeof globalThis extends { onmessage: unknown } ? object : entry.RTCTrackEventInit;
type _RTCTransportStats = typeof globalThis extends { onmessage: unknown } ? object : entry.RTCTransportStats;
type _RTCVideoSourceStats = typeof globalThis extends { onmessage: unknown } ? object : entry.RTCVideoSourceStats;
type _SFrameErrorEventMap = typeof globalThis extends { onmessage: unknown } ? object : entry.SFrameErrorEventMap;
type _SFrameTransformErrorEventInit = typeof globalThis extends { onmessage: unknown }
  ? object
  : entry.SFrameTransformErrorEventInit;
type _SFrameTransformOptions = typeof globalThis extends { onmessage: unknown } ? object : entry.SFrameTransformOptions;

declare global {
  interface DeviceChangeEvent extends entry.DeviceChangeEvent {}
  interface DeviceChangeEventInit extends _DeviceChangeEventInit {}
  interface InputDeviceInfo extends _InputDeviceInfo {}
  interface MediaDeviceInfo extends _MediaDeviceInfo {}
  interface MediaDevices extends _MediaDevices {}
  interface MediaDevicesEventMap extends _MediaDevicesEventMap {}
  interface MediaStream extends _MediaStream {}
  interface MediaStreamConstraints extends _MediaStreamConstraints {}
  interface MediaStreamEventMap extends _MediaStreamEventMap {}
  interface MediaStreamTrack extends _MediaStreamTrack {}
  interface MediaStreamTrackEvent extends _MediaStreamTrackEvent {}
  interface MediaStreamTrackEventInit extends _MediaStreamTrackEventInit {}
  interface MediaStreamTrackGenerator extends entry.MediaStreamTrackGenerator {}
  interface MediaStreamTrackGeneratorInit extends entry.MediaStreamTrackGeneratorInit {}
  interface MediaStreamTrackHandle extends entry.MediaStreamTrackHandle {}
  interface MediaStreamTrackEventMap extends _MediaStreamTrackEventMap {}
  interface MediaTrackCapabilities extends _MediaTrackCapabilities {}
  interface MediaTrackConstraintSet extends _MediaTrackConstraintSet {}
  interface MediaTrackConstraints extends _MediaTrackConstraints {}
  interface MediaTrackSettings extends _MediaTrackSettings {}
  interface MediaTrackSupportedConstraints extends _MediaTrackSupportedConstraints {}
  interface OverconstrainedError extends _OverconstrainedError {}
  interface RTCAnswerOptions extends _RTCAnswerOptions {}
  interface RTCAudioPlayoutStats extends _RTCAudioPlayoutStats {}
  interface RTCAudioSourceStats extends _RTCAudioSourceStats {}
  interface RTCCertificate extends _RTCCertificate {}
  interface RTCCertificateStats extends _RTCCertificateStats {}
  interface RTCCodecStats extends _RTCCodecStats {}
  interface RTCConfiguration extends _RTCConfiguration {}
  interface RTCDTMFSender extends _RTCDTMFSender {}
  interface RTCDTMFSenderEventMap extends _RTCDTMFSenderEventMap {}
  interface RTCDTMFToneChangeEvent extends _RTCDTMFToneChangeEvent {}
  interface RTCDTMFToneChangeEventInit extends _RTCDTMFToneChangeEventInit {}
  interface RTCDataChannel extends _RTCDataChannel {}
  interface RTCDataChannelEvent extends _RTCDataChannelEvent {}
  interface RTCDataChannelEventInit extends _RTCDataChannelEventInit {}
  interface RTCDataChannelEventMap extends _RTCDataChannelEventMap {}
  interface RTCDataChannelInit extends _RTCDataChannelInit {}
  interface RTCDataChannelStats extends _RTCDataChannelStats {}
  interface RTCDtlsFingerprint extends _RTCDtlsFingerprint {}
  interface RTCDtlsTransport extends _RTCDtlsTransport {}
  interface RTCDtlsTransportEventMap extends _RTCDtlsTransportEventMap {}
  interface RTCEncodedAudioFrame extends _RTCEncodedAudioFrame {}
  interface RTCEncodedAudioFrameMetadata extends _RTCEncodedAudioFrameMetadata {}
  interface RTCEncodedAudioFrameOptions extends _RTCEncodedAudioFrameOptions {}
  interface RTCEncodedFrameMetadata extends _RTCEncodedFrameMetadata {}
  interface RTCEncodedVideoFrame extends _RTCEncodedVideoFrame {}
  interface RTCEncodedVideoFrameMetadata extends _RTCEncodedVideoFrameMetadata {}
  interface RTCEncodedVideoFrameOptions extends _RTCEncodedVideoFrameOptions {}
  interface RTCError extends _RTCError {}
  interface RTCErrorEvent extends _RTCErrorEvent {}
  interface RTCErrorEventInit extends _RTCErrorEventInit {}
  interface RTCErrorInit extends _RTCErrorInit {}
  interface RTCIceCandidate extends _RTCIceCandidate {}
  interface RTCIceCandidateInit extends _RTCIceCandidateInit {}
  interface RTCIceCandidatePair extends _RTCIceCandidatePair {}
  interface RTCIceCandidatePairStats extends _RTCIceCandidatePairStats {}
  interface RTCIceCandidateStats extends _RTCIceCandidateStats {}
  interface RTCIceGatherOptions extends _RTCIceGatherOptions {}
  interface RTCIceParameters extends _RTCIceParameters {}
  interface RTCIceServer extends _RTCIceServer {}
  interface RTCIceTransport extends _RTCIceTransport {}
  interface RTCIceTransportEventMap extends _RTCIceTransportEventMap {}
  interface RTCIdentityAssertion extends entry.RTCIdentityAssertion {}
  interface RTCIdentityProviderOptions extends _RTCIdentityProviderOptions {}
  interface RTCInboundRtpStreamStats extends _RTCInboundRtpStreamStats {}
  interface RTCInsertableStreams extends _RTCInsertableStreams {}
  interface RTCLocalIceCandidateInit extends _RTCLocalIceCandidateInit {}
  interface RTCLocalSessionDescriptionInit extends _RTCLocalSessionDescriptionInit {}
  interface RTCMediaSourceStats extends _RTCMediaSourceStats {}
  interface RTCOfferOptions extends _RTCOfferOptions {}
  interface RTCOutboundRtpStreamStats extends _RTCOutboundRtpStreamStats {}
  interface RTCPeerConnection extends _RTCPeerConnection {}
  interface RTCPeerConnectionEventMap extends _RTCPeerConnectionEventMap {}
  interface RTCPeerConnectionIceErrorEvent extends _RTCPeerConnectionIceErrorEvent {}
  interface RTCPeerConnectionIceErrorEventInit extends _RTCPeerConnectionIceErrorEventInit {}
  interface RTCPeerConnectionIceEvent extends _RTCPeerConnectionIceEvent {}
  interface RTCPeerConnectionIceEventInit extends _RTCPeerConnectionIceEventInit {}
  interface RTCPeerConnectionStats extends _RTCPeerConnectionStats {}
  interface RTCReceivedRtpStreamStats extends _RTCReceivedRtpStreamStats {}
  interface RTCRemoteInboundRtpStreamStats extends _RTCRemoteInboundRtpStreamStats {}
  interface RTCRemoteOutboundRtpStreamStats extends _RTCRemoteOutboundRtpStreamStats {}
  interface RTCRtcpParameters extends _RTCRtcpParameters {}
  interface RTCRtpCapabilities extends _RTCRtpCapabilities {}
  interface RTCRtpCodec extends _RTCRtpCodec {}
  interface RTCRtpCodecParameters extends _RTCRtpCodecParameters {}
  interface RTCRtpCodingParameters extends _RTCRtpCodingParameters {}
  interface RTCRtpContributingSource extends _RTCRtpContributingSource {}
  interface RTCRtpEncodingParameters extends _RTCRtpEncodingParameters {}
  interface RTCRtpHeaderExtensionCapability extends _RTCRtpHeaderExtensionCapability {}
  interface RTCRtpHeaderExtensionParameters extends _RTCRtpHeaderExtensionParameters {}
  interface RTCRtpParameters extends _RTCRtpParameters {}
  interface RTCRtpReceiveParameters extends _RTCRtpReceiveParameters {}
  interface RTCRtpReceiver extends _RTCRtpReceiver {}
  interface RTCRtpSFrameDecryptor extends entry.RTCRtpSFrameDecryptor {}
  interface RTCRtpSFrameEncryptor extends entry.RTCRtpSFrameEncryptor {}
  interface RTCRtpSFrameEncryptorOptions extends _RTCRtpSFrameEncryptorOptions {}
  interface RTCRtpScriptTransform extends _RTCRtpScriptTransform {}
  interface RTCRtpSendParameters extends _RTCRtpSendParameters {}
  interface RTCRtpSender extends _RTCRtpSender {}
  interface RTCRtpStreamStats extends _RTCRtpStreamStats {}
  interface RTCRtpSynchronizationSource extends _RTCRtpSynchronizationSource {}
  interface RTCRtpTransceiver extends _RTCRtpTransceiver {}
  interface RTCRtpTransceiverInit extends _RTCRtpTransceiverInit {}
  interface RTCSctpTransport extends _RTCSctpTransport {}
  interface RTCSctpTransportEventMap extends _RTCSctpTransportEventMap {}
  interface RTCSentRtpStreamStats extends _RTCSentRtpStreamStats {}
  interface RTCSessionDescription extends _RTCSessionDescription {}
  interface RTCSessionDescriptionInit extends _RTCSessionDescriptionInit {}
  interface RTCSetParameterOptions extends _RTCSetParameterOptions {}
  interface RTCStats extends _RTCStats {}
  interface RTCStatsReport extends _RTCStatsReport {}
  interface RTCTrackEvent extends _RTCTrackEvent {}
  interface RTCTrackEventInit extends _RTCTrackEventInit {}
  interface RTCTransportStats extends _RTCTransportStats {}
  interface RTCVideoSourceStats extends _RTCVideoSourceStats {}
  interface SFrameDecryptorStream extends entry.SFrameDecryptorStream {}
  interface SFrameEncryptorStream extends entry.SFrameEncryptorStream {}
  interface SFrameErrorEventMap extends _SFrameErrorEventMap {}
  interface SFrameTransformErrorEvent extends entry.SFrameTransformErrorEvent {}
  interface SFrameTransformErrorEventInit extends _SFrameTransformErrorEventInit {}
  interface SFrameTransformOptions extends _SFrameTransformOptions {}
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
