// How packets that are already RTP go in and out of a peer connection, for benchmarks over several stacks.
import { RtpTrackGenerator, RtpTrackProcessor } from "parley-rtc/media";

export const media = {
  send(pc) {
    const generator = new RtpTrackGenerator({ kind: "video" });
    pc.addTransceiver(generator.track, { direction: "sendonly" });
    return { write: (packet) => generator.sendRtp(packet) };
  },
  receive(pc, onPacket) {
    pc.ontrack = ({ track }) => {
      new RtpTrackProcessor({ track }).onrtp = (packet) => onPacket(packet.payloadLength + 12);
    };
  },
};
