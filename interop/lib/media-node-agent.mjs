// A process that holds one media peer in Node. Argument: which. Commands, as JSON lines (the agents in Python and Go know the same):
//
//   open { audio, material }   a connection that will send and receive VP8 and `audio` ("opus" or "PCMU"); `material`: path, see
//                              media-material.mjs
//   offer {}                   → { sdp }, with all candidates
//   answer { sdp }             → { sdp }
//   accept { sdp }             takes an answer
//   seen {}                    what came since the last time: { state, packets: { video, audio } } as base64 where the peer does not
//                              decode, else { state, counters, size: [width, height], frequency }
//   keyframe {}                asks Parley for a key frame
//   close {}
import { createInterface } from "node:readline";
import { frequencyOf, readFrameCounter } from "./media-check.mjs";
import { MaterialSender } from "./media-sender.mjs";

const RTCP = { nack: [205, 1], pli: [206, 1] };

/** What peers that do not decode have received since the last time. */
class Packets {
  video = [];
  audio = [];

  take() {
    return { video: this.video.splice(0), audio: this.audio.splice(0) };
  }
}

async function werift() {
  const w = await import("werift");
  const feedback = [{ type: "nack" }, { type: "nack", parameter: "pli" }];
  const packets = new Packets();
  let pc;
  let sender;
  let codec;
  const tracks = {};
  const receivers = {};

  const listen = (transceiver) => {
    transceiver.onTrack.subscribe((track) => {
      receivers[track.kind] = { receiver: transceiver.receiver, track };
      track.onReceiveRtp.subscribe((rtp) => packets[track.kind].push(rtp.serialize().toString("base64")));
    });
  };
  const feed = (transceiver) => {
    if (transceiver.kind === "video")
      transceiver.sender.onPictureLossIndication.subscribe(() => sender.requestKeyFrame());
  };
  const gathered = async () => {
    if (pc.iceGatheringState !== "complete")
      await pc.iceGatheringStateChange.watch((state) => state === "complete", 5000);
    return { sdp: pc.localDescription.sdp };
  };
  return {
    async open({ audio, material }) {
      codec = audio.toLowerCase();
      const sound = codec === "opus" ? w.useOPUS() : w.usePCMU();
      pc = new w.RTCPeerConnection({
        codecs: { video: [w.useVP8({ rtcpFeedback: feedback })], audio: [sound] },
        iceUseIpv6: false,
      });
      sender = new MaterialSender(material);
      for (const kind of ["video", "audio"]) tracks[kind] = new w.MediaStreamTrack({ kind });
      pc.connectionStateChange.subscribe((state) => {
        if (state !== "connected") return;
        const stream = (kind) => ({ payloadType: 96, ssrc: 1, send: (packet) => tracks[kind].writeRtp(packet) });
        sender.start({ video: stream("video"), audio: stream("audio"), codec });
      });
    },
    async offer() {
      for (const kind of ["video", "audio"]) {
        const transceiver = pc.addTransceiver(tracks[kind], { direction: "sendrecv" });
        feed(transceiver);
        listen(transceiver);
      }
      await pc.setLocalDescription(await pc.createOffer());
      return gathered();
    },
    async answer({ sdp }) {
      pc.onTransceiverAdded.subscribe(listen);
      await pc.setRemoteDescription({ type: "offer", sdp });
      for (const transceiver of pc.getTransceivers()) {
        await transceiver.sender.replaceTrack(tracks[transceiver.kind]);
        transceiver.setDirection("sendrecv");
        feed(transceiver);
      }
      await pc.setLocalDescription(await pc.createAnswer());
      return gathered();
    },
    accept: ({ sdp }) => pc.setRemoteDescription({ type: "answer", sdp }),
    seen: () => ({ state: pc.connectionState, packets: packets.take() }),
    keyframe: () => receivers.video.receiver.sendRtcpPLI(receivers.video.track.ssrc),
    close() {
      sender.stop();
      return pc.close();
    },
  };
}

async function nodeDataChannel() {
  const { default: n } = await import("node-datachannel");
  const SSRC = { video: 0x1111, audio: 0x2222 };
  const packets = new Packets();
  const tracks = {};
  let pc;
  let sender;
  let codec;
  let remoteSsrc = 0;
  let payloadTypes;

  const take = (kind, message) => {
    if (message[1] < 192 || message[1] > 223) {
      if (kind === "video") remoteSsrc = message.readUInt32BE(8);
      packets[kind].push(message.toString("base64"));
      return;
    }
    for (let at = 0; at + 4 <= message.length; at += 4 + 4 * message.readUInt16BE(at + 2)) {
      if (message[at + 1] === RTCP.pli[0] && (message[at] & 31) === RTCP.pli[1]) sender.requestKeyFrame();
    }
  };
  /** Adds the sections; where an offer is given, with its identifiers and payload types. */
  const addTracks = (offer) => {
    for (const kind of ["video", "audio"]) {
      const section = offer?.split(/\r?\n(?=m=)/).find((text) => text.startsWith(`m=${kind}`));
      const mid = section ? /^a=mid:(.*?)\r?$/m.exec(section)[1] : kind;
      const name = kind === "video" ? "VP8" : codec;
      const payloadType = section
        ? Number(new RegExp(`^a=rtpmap:(\\d+) ${name}/`, "im").exec(section)[1])
        : { VP8: 96, opus: 111, pcmu: 0 }[name];
      payloadTypes[kind] = payloadType;
      const media = kind === "video" ? new n.Video(mid, "SendRecv") : new n.Audio(mid, "SendRecv");
      if (kind === "video") media.addVP8Codec(payloadType);
      else if (codec === "opus") media.addOpusCodec(payloadType);
      else media.addAudioCodec(payloadType, "PCMU");
      media.addSSRC(SSRC[kind], "node-datachannel", "stream", kind);
      tracks[kind] = pc.addTrack(media);
      tracks[kind].setMediaHandler(new n.RtcpNackResponder());
      tracks[kind].onMessage((message) => take(kind, message));
    }
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
    open({ audio, material }) {
      codec = audio.toLowerCase();
      payloadTypes = {};
      sender = new MaterialSender(material);
      pc = new n.PeerConnection("peer", { iceServers: [], disableAutoNegotiation: true });
      pc.onStateChange((state) => {
        if (state !== "connected") return;
        const stream = (kind) => ({
          payloadType: payloadTypes[kind],
          ssrc: SSRC[kind],
          send: (packet) => tracks[kind].isOpen() && tracks[kind].sendMessageBinary(packet),
        });
        sender.start({ video: stream("video"), audio: stream("audio"), codec });
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
    seen: () => ({ state: pc.state(), packets: packets.take() }),
    /** Its own requestKeyframe needs a handler that hides what RTCP comes: the message is made here. */
    keyframe() {
      const message = Buffer.from([0x80 | RTCP.pli[1], RTCP.pli[0], 0, 2, 0, 0, 0, 0, 0, 0, 0, 0]);
      message.writeUInt32BE(SSRC.video, 4);
      message.writeUInt32BE(remoteSsrc, 8);
      tracks.video.sendMessageBinary(message);
    },
    close() {
      sender.stop();
      pc.close();
    },
  };
}

async function wrtc() {
  const { default: w } = await import("@roamhq/wrtc");
  const { RTCVideoSource, RTCAudioSource, RTCVideoSink, RTCAudioSink } = w.nonstandard;
  const { readFileSync } = await import("node:fs");
  const { Vp8BlockDecoder } = await import("../../dist-test/test/media/vp8-block-decoder.js");
  const RATE = 48_000;
  let pc;
  let timer;
  const tracks = {};
  const counters = [];
  const sinks = [];
  let size = [0, 0];
  let samples = [];
  let framesSent = 0;

  const listen = ({ track }) => {
    if (track.kind === "video") {
      const sink = new RTCVideoSink(track);
      sinks.push(sink);
      sink.onframe = ({ frame: { width, height, data } }) => {
        size = [width, height];
        counters.push(readFrameCounter(data, width, height) ?? -1);
      };
      return;
    }
    const sink = new RTCAudioSink(track);
    sinks.push(sink);
    sink.ondata = ({ samples: heard, sampleRate, channelCount }) => {
      for (let i = 0; i < heard.length; i += channelCount) samples.push(heard[i]);
      samples = samples.slice(-sampleRate / 2);
      samples.rate = sampleRate;
    };
  };
  const play = (material) => {
    const { changes } = JSON.parse(readFileSync(material, "utf8"));
    const decoder = new Vp8BlockDecoder();
    const video = new RTCVideoSource();
    const audio = new RTCAudioSource();
    tracks.video = video.createTrack();
    tracks.audio = audio.createTrack();
    const started = performance.now();
    let pictures = 0;
    let tens = 0;
    timer = setInterval(() => {
      const elapsed = performance.now() - started;
      for (; pictures * (1000 / 30) <= elapsed; pictures++) {
        const luma = decoder.decode(Buffer.from(changes[pictures % changes.length], "base64"));
        const { width, height } = decoder;
        const data = new Uint8ClampedArray(width * height * 1.5).fill(128);
        data.set(luma);
        video.onFrame({ width, height, data });
      }
      for (; tens * 10 <= elapsed; tens++) {
        const tone = new Int16Array(RATE / 100);
        for (let i = 0; i < tone.length; i++)
          tone[i] = 12_000 * Math.sin((2 * Math.PI * 440 * (tens * tone.length + i)) / RATE);
        audio.onData({
          samples: tone,
          sampleRate: RATE,
          bitsPerSample: 16,
          channelCount: 1,
          numberOfFrames: tone.length,
        });
      }
    }, 5);
  };
  const gathered = () =>
    new Promise((resolve) => {
      const look = () => pc.iceGatheringState === "complete" && resolve({ sdp: pc.localDescription.sdp });
      pc.onicegatheringstatechange = look;
      look();
    });
  const add = () => {
    const stream = new w.MediaStream();
    for (const kind of ["video", "audio"]) pc.addTrack(tracks[kind], stream);
  };
  return {
    open({ material }) {
      pc = new w.RTCPeerConnection();
      pc.ontrack = listen;
      play(material);
    },
    async offer() {
      add();
      await pc.setLocalDescription(await pc.createOffer());
      return gathered();
    },
    async answer({ sdp }) {
      await pc.setRemoteDescription({ type: "offer", sdp });
      add();
      await pc.setLocalDescription(await pc.createAnswer());
      return gathered();
    },
    accept: ({ sdp }) => pc.setRemoteDescription({ type: "answer", sdp }),
    async seen() {
      const stats = [...(await pc.getStats()).values()];
      const video = stats.find(({ type, kind }) => type === "outbound-rtp" && kind === "video");
      const before = framesSent;
      framesSent = video?.framesSent ?? 0;
      return {
        state: pc.connectionState,
        counters: counters.splice(0),
        size,
        /** Its encoder leaves pictures out where the machine is busy. */
        sent: framesSent - before,
        frequency: frequencyOf(samples, samples.rate ?? RATE),
      };
    },
    close() {
      clearInterval(timer);
      for (const sink of sinks) sink.stop();
      pc.close();
    },
  };
}

const write = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
console.log = console.info = console.debug = console.error;

const commands = await { werift, "node-datachannel": nodeDataChannel, wrtc }[process.argv[2]]();
for (const stray of ["unhandledRejection", "uncaughtException"]) {
  process.on(stray, (error) => write({ event: "stray", message: `${stray}: ${error?.stack ?? error}` }));
}
createInterface({ input: process.stdin })
  .on("line", async (text) => {
    const { req, op, ...args } = JSON.parse(text);
    try {
      write({ req, result: (await commands[op](args)) ?? {} });
    } catch (error) {
      write({ req, error: { name: error.name, message: error.message } });
    }
  })
  .on("close", () => process.exit(0));
write({ event: "ready" });
