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
