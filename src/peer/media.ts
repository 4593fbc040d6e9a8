// What layers above see of media: the types of src/rtp, as they come through a PeerTransport.
export type { ReportedClock } from "../rtp/clock.js";
export type { HeaderExtensions } from "../rtp/extensions.js";
export { ForwardSource } from "../rtp/forward-source.js";
export { Forwarder, type ForwarderHost } from "../rtp/forwarder.js";
export { RtpPacket } from "../rtp/packet.js";
export type { RtpReceiveStream } from "../rtp/receive-stream.js";
export type { RtpReceiver } from "../rtp/receiver.js";
export type { RtpSendStream } from "../rtp/send-stream.js";
export type { RtpSender } from "../rtp/sender.js";
export type {
  EncodedFrame,
  EncodedFrameInit,
  RtpCodec,
  RtpEncoding,
  RtpReceiverHost,
  RtpReceiverOptions,
  RtpSenderHost,
  RtpSenderOptions,
} from "../rtp/types.js";
