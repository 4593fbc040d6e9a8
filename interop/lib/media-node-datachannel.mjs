// node-datachannel behind the commands of media-node-agent.mjs: it carries packets.
import n from "node-datachannel";
import { MaterialSender } from "./media-sender.mjs";

const RTCP = { pli: [206, 1] };
const PAYLOAD_TYPES = { PCMU: 0, PCMA: 8, G722: 9 };

export function open() {
  let pc;
  let sender;
  let tracks;
  let numbers;
  /** Of each track: { track, ssrc, payloadType, packets, remoteSsrc }. */
  const ends = [];

  const take = (index, message) => {
    const end = ends[index];
    if (message[1] < 192 || message[1] > 223) {
      end.remoteSsrc = message.readUInt32BE(8);
      end.packets.push(message.toString("base64"));
      return;
    }
    for (let at = 0; at + 4 <= message.length; at += 4 + 4 * message.readUInt16BE(at + 2)) {
      if (message[at + 1] === RTCP.pli[0] && (message[at] & 31) === RTCP.pli[1]) sender.requestKeyFrame(index);
    }
  };
  /** Adds the sections; where an offer is given, with its identifiers and payload types. */
  const addTracks = (offer) => {
    const sections = offer?.split(/\r?\n(?=m=)/).slice(1);
    tracks.forEach(({ kind, codec }, i) => {
      const mid = sections ? /^a=mid:(.*?)\r?$/m.exec(sections[i])[1] : `${i}`;
      const mapped = sections && new RegExp(`^a=rtpmap:(\\d+) ${codec}/`, "im").exec(sections[i]);
      const payloadType = mapped ? Number(mapped[1]) : (PAYLOAD_TYPES[codec] ?? 96 + i);
      const media = kind === "video" ? new n.Video(mid, "SendRecv") : new n.Audio(mid, "SendRecv");
      if (codec === "opus") media.addOpusCodec(payloadType);
      else if (kind === "audio") media.addAudioCodec(payloadType, codec);
      else media[`add${codec}Codec`](payloadType);
      const ssrc = 0x1111 * (i + 1);
      media.addSSRC(ssrc, "node-datachannel", "stream", `track${i}`);
      const track = pc.addTrack(media);
      track.setMediaHandler(new n.RtcpNackResponder());
      track.onMessage((message) => take(i, message));
      ends[i] = { track, ssrc, payloadType, packets: [], remoteSsrc: 0 };
    });
  };
  const described = () =>
    new Promise((resolve) => {
      const look = () => {
        if (pc.gatheringState() === "complete") resolve({ sdp: pc.localDescription().sdp });
        else setTimeout(look, 5);
      };
      look();
    });
  return {
    open({ tracks: wanted, material, numbered }) {
      tracks = wanted;
      numbers = numbered;
      sender = new MaterialSender(material);
      pc = new n.PeerConnection("peer", { iceServers: [], disableAutoNegotiation: true });
      pc.onStateChange((state) => {
        if (state !== "connected") return;
        const streams = ends.map(({ track, ssrc, payloadType }, i) => ({
          codec: tracks[i].codec,
          payloadType,
          ssrc,
          send: (packet) => track.isOpen() && track.sendMessageBinary(packet),
        }));
        sender.start(streams, numbers);
      });
    },
    offer() {
      addTracks();
      pc.setLocalDescription("offer");
      return described();
    },
    answer({ sdp }) {
      addTracks(sdp);
      pc.setRemoteDescription(sdp, "offer");
      pc.setLocalDescription("answer");
      return described();
    },
    accept: ({ sdp }) => pc.setRemoteDescription(sdp, "answer"),
    seen: () => ({ state: pc.state(), tracks: ends.map(({ packets }) => ({ packets: packets.splice(0) })) }),
    /** Its own requestKeyframe needs a handler that hides what RTCP comes: the message is made here. */
    keyframe({ track: index }) {
      const { track, ssrc, remoteSsrc } = ends[index];
      const message = Buffer.from([0x80 | RTCP.pli[1], RTCP.pli[0], 0, 2, 0, 0, 0, 0, 0, 0, 0, 0]);
      message.writeUInt32BE(ssrc, 4);
      message.writeUInt32BE(remoteSsrc, 8);
      track.sendMessageBinary(message);
    },
    close() {
      sender.stop();
      pc.close();
    },
  };
}
