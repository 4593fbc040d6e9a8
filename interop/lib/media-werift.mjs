// werift behind the commands of media-node-agent.mjs: it carries packets.
import * as w from "werift";
import { MaterialSender } from "./media-sender.mjs";

const CLOCK = { opus: 48_000, PCMU: 8000, PCMA: 8000, G722: 8000 };
const STATIC = { PCMU: 0, PCMA: 8, G722: 9 };
const FMTP = {
  H264: "profile-level-id=42e01f;packetization-mode=1;level-asymmetry-allowed=1",
  VP9: "profile-id=0",
};

function parameters({ kind, codec }, payloadType) {
  const feedback = kind === "video" ? [{ type: "nack" }, { type: "nack", parameter: "pli" }] : [];
  return new w.RTCRtpCodecParameters({
    mimeType: `${kind}/${codec}`,
    clockRate: CLOCK[codec] ?? 90_000,
    channels: codec === "opus" ? 2 : kind === "audio" ? 1 : undefined,
    payloadType: STATIC[codec] ?? payloadType,
    rtcpFeedback: feedback,
    parameters: FMTP[codec],
  });
}

const PLI = 1;

/**
 * The streams of simulcast, one for each of `rids`. werift negotiates it but sends a single stream: the first goes through its sender, the
 * others, numbered here, straight to its transport.
 */
function layersOf(transceiver, { codec, rids }) {
  const { sender } = transceiver;
  const id = (uri) => transceiver.headerExtensions.find((extension) => extension.uri === uri).id;
  const { sdesMid, sdesRTPStreamID } = w.RTP_EXTENSION_URI;
  return rids.map((rid, i) => {
    const ssrc = i === 0 ? sender.ssrc : (sender.ssrc + i) >>> 0;
    const extensions = [
      { id: id(sdesMid), payload: w.serializeSdesMid(transceiver.mid) },
      { id: id(sdesRTPStreamID), payload: w.serializeSdesRTPStreamID(rid) },
    ];
    const send = (packet) => {
      const rtp = w.RtpPacket.deSerialize(packet);
      rtp.header.extensionProfile = w.ExtensionProfiles.OneByte;
      rtp.header.extensions = extensions;
      if (i === 0) return sender.sendRtp(rtp);
      return sender.dtlsTransport.sendRtp(rtp.payload, rtp.header);
    };
    return { codec, source: `${codec} ${rid}`, payloadType: transceiver.codecs[0].payloadType, ssrc, send };
  });
}

export function open() {
  let pc;
  let sender;
  let tracks;
  let codecs;
  const outgoing = [];
  const incoming = [];

  /** Which of the streams a request is for. */
  const watchLayers = (transceiver) =>
    transceiver.dtlsTransport.onRtcp.subscribe(({ type, feedback }) => {
      if (type === w.RtcpPayloadSpecificFeedback.type && feedback.count === PLI)
        sender.requestKeyFrame((feedback.mediaSsrc - transceiver.sender.ssrc) >>> 0);
    });
  const watch = (transceiver, index) => {
    if (tracks[index].kind === "video")
      transceiver.sender.onPictureLossIndication.subscribe(() => sender.requestKeyFrame(index));
  };
  const listen = (transceiver, index) => {
    const into = { packets: [], transceiver };
    incoming[index] = into;
    transceiver.onTrack.subscribe((track) => {
      into.track = track;
      track.onReceiveRtp.subscribe((rtp) => into.packets.push(rtp.serialize().toString("base64")));
    });
  };
  const gathered = async () => {
    if (pc.iceGatheringState !== "complete")
      await pc.iceGatheringStateChange.watch((state) => state === "complete", 5000);
    return { sdp: pc.localDescription.sdp };
  };
  return {
    open({ tracks: wanted, material, numbered }) {
      tracks = wanted;
      codecs = tracks.map((track, i) => parameters(track, 96 + i));
      const of = (kind) => codecs.filter((_, i) => tracks[i].kind === kind);
      const layered = tracks.some(({ rids }) => rids);
      pc = new w.RTCPeerConnection({
        codecs: { video: of("video"), audio: of("audio") },
        headerExtensions: { video: layered ? [w.useSdesMid(), w.useSdesRTPStreamId()] : [] },
        iceUseIpv6: false,
      });
      sender = new MaterialSender(material);
      for (const { kind } of tracks) outgoing.push(new w.MediaStreamTrack({ kind }));
      pc.connectionStateChange.subscribe((state) => {
        if (state !== "connected") return;
        const streams = tracks.flatMap(({ codec, rids }, i) =>
          rids
            ? layersOf(pc.getTransceivers()[i], { codec, rids })
            : { codec, payloadType: 96, ssrc: 1, send: (packet) => outgoing[i].writeRtp(packet) },
        );
        sender.start(streams, numbered);
      });
    },
    async offer() {
      tracks.forEach(({ rids }, i) => {
        const layers = { direction: "sendonly", simulcast: rids?.map((rid) => ({ rid, direction: "send" })) };
        const transceiver = pc.addTransceiver(outgoing[i], rids ? layers : { direction: "sendrecv" });
        transceiver.codecs = [codecs[i]];
        if (rids) watchLayers(transceiver);
        else watch(transceiver, i);
        listen(transceiver, i);
      });
      await pc.setLocalDescription(await pc.createOffer());
      return gathered();
    },
    async answer({ sdp }) {
      pc.onTransceiverAdded.subscribe((transceiver) => listen(transceiver, incoming.length));
      await pc.setRemoteDescription({ type: "offer", sdp });
      for (const [i, transceiver] of pc.getTransceivers().entries()) {
        await transceiver.sender.replaceTrack(outgoing[i]);
        transceiver.setDirection("sendrecv");
        watch(transceiver, i);
      }
      await pc.setLocalDescription(await pc.createAnswer());
      return gathered();
    },
    accept: ({ sdp }) => pc.setRemoteDescription({ type: "answer", sdp }),
    seen: () => ({
      state: pc.connectionState,
      tracks: incoming.map(({ packets }) => ({ packets: packets.splice(0) })),
    }),
    keyframe({ track }) {
      const { transceiver, track: received } = incoming[track];
      return transceiver.receiver.sendRtcpPLI(received.ssrc);
    },
    close() {
      sender.stop();
      return pc.close();
    },
  };
}
