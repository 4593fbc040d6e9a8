// parley-rtc/media: for programs that make, play or record media.
import "./index.js";

export {
  type EncodedFrame,
  type EncodedFrameInit,
  EncodedTrackGenerator,
  type EncodedTrackGeneratorInit,
  EncodedTrackProcessor,
  type EncodedTrackProcessorInit,
} from "./media/encoded-track.js";
export {
  MediaStreamTrackProcessor,
  type MediaStreamTrackProcessorInit,
} from "./media/media-stream-track-processor.js";
export {
  AudioData,
  type AudioDataCopyToOptions,
  type AudioDataInit,
  type AudioSampleFormat,
} from "./media/raw/audio-data.js";
export { limitReceivedBitrate } from "./media/received-bitrate.js";
export {
  type PacketOrigin,
  type RtpPacket,
  RtpTrackGenerator,
  type RtpTrackGeneratorInit,
  RtpTrackProcessor,
  type RtpTrackProcessorInit,
} from "./media/rtp-track.js";
export {
  type LayerSelection,
  type RtpLayer,
  RtpTrackForwarder,
  type RtpTrackForwarderInit,
} from "./media/rtp-track-forwarder.js";
export {
  MediaStreamTrackGenerator,
  type MediaStreamTrackGeneratorInit,
  VideoTrackGenerator,
} from "./media/track-generators.js";
