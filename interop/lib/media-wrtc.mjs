// @roamhq/wrtc behind the commands of media-node-agent.mjs: it encodes and decodes.
import { readFileSync } from "node:fs";
import wrtc from "@roamhq/wrtc";
import { frequencyOf, readFrameCounter } from "./media-check.mjs";
import { pace } from "./media-sender.mjs";

const { RTCVideoSource, RTCAudioSource, RTCVideoSink, RTCAudioSink } = wrtc.nonstandard;
const RATE = 48_000;
/** Milliseconds. What it is late for by more, it leaves out: its encoders take too long then, and would still longer. */
const CATCH_UP = 200;

export async function open() {
  const { Vp8BlockDecoder } = await import("../../dist-test/test/media/vp8-block-decoder.js");
  let pc;
  let stop = () => {};
  let tracks;
  /** The pictures' track and the sound's, on all senders of their kind. */
  const sources = {};
  /** What comes, by section. */
  const ends = [];

  const listen = ({ track, transceiver }) => {
    const index = pc.getTransceivers().indexOf(transceiver);
    const end = { counters: [], samples: [], size: [0, 0], rate: RATE, sent: 0 };
    ends[index] = end;
    if (track.kind === "video") {
      end.sink = new RTCVideoSink(track);
      end.sink.onframe = ({ frame: { width, height, data } }) => {
        end.size = [width, height];
        end.counters.push(readFrameCounter(data, width, height) ?? -1);
      };
      return;
    }
    end.sink = new RTCAudioSink(track);
    // Of stereo it says that there is one channel.
    end.sink.ondata = ({ samples: heard, sampleRate, numberOfFrames }) => {
      const channels = Math.max(1, Math.round(heard.length / numberOfFrames));
      for (let i = 0; i < heard.length; i += channels) end.samples.push(heard[i]);
      // Half a second is looked at; now and then the rest goes.
      if (end.samples.length > 2 * sampleRate) end.samples = end.samples.slice(-sampleRate / 2);
      end.rate = sampleRate;
    };
  };
  const play = (path) => {
    const { codecs, rate } = JSON.parse(readFileSync(path, "utf8"));
    const { keys } = codecs.VP8;
    const decoder = new Vp8BlockDecoder();
    const video = new RTCVideoSource();
    const audio = new RTCAudioSource();
    sources.video = video.createTrack();
    sources.audio = audio.createTrack();
    /** Pictures of the synthetic camera, or, where the file's are made otherwise, a plain one with a bar. */
    const picture = (number) => {
      if (keys.length > 1) {
        // Some numbers are left out.
        const luma = decoder.decode(Buffer.from(keys[number % keys.length], "base64"));
        const { width, height } = decoder;
        const data = new Uint8ClampedArray(width * height * 1.5).fill(128);
        data.set(luma);
        return { width, height, data };
      }
      const [width, height] = [320, 240];
      const data = new Uint8ClampedArray(width * height * 1.5).fill(128);
      const at = (4 * number) % width;
      for (let y = 0; y < height; y++) data.fill(235, y * width + at, y * width + Math.min(width, at + 32));
      return { width, height, data };
    };
    stop = pace(
      rate,
      (number) => video.onFrame(picture(number)),
      (number) => {
        for (const ten of [2 * number, 2 * number + 1]) {
          const samples = new Int16Array(RATE / 100);
          for (let i = 0; i < samples.length; i++)
            samples[i] = 12_000 * Math.sin((2 * Math.PI * 440 * (ten * samples.length + i)) / RATE);
          audio.onData({
            samples,
            sampleRate: RATE,
            bitsPerSample: 16,
            channelCount: 1,
            numberOfFrames: samples.length,
          });
        }
      },
      CATCH_UP,
    );
  };
  const gathered = () =>
    new Promise((resolve) => {
      const look = () => pc.iceGatheringState === "complete" && resolve({ sdp: pc.localDescription.sdp });
      pc.onicegatheringstatechange = look;
      look();
    });
  const prefer = (transceiver, { kind, codec }) => {
    const { codecs } = wrtc.RTCRtpReceiver.getCapabilities(kind);
    const wanted = codecs.filter(({ mimeType }) => mimeType.toLowerCase() === `${kind}/${codec}`.toLowerCase());
    const helpers = codecs.filter(({ mimeType }) => /rtx|telephone/.test(mimeType));
    transceiver.setCodecPreferences([...wanted, ...helpers]);
  };
  return {
    open({ tracks: wanted, material }) {
      tracks = wanted;
      pc = new wrtc.RTCPeerConnection();
      pc.ontrack = listen;
      play(material);
    },
    async offer() {
      for (const track of tracks)
        prefer(
          pc.addTransceiver(sources[track.kind], { direction: "sendrecv", streams: [new wrtc.MediaStream()] }),
          track,
        );
      await pc.setLocalDescription(await pc.createOffer());
      return gathered();
    },
    async answer({ sdp }) {
      await pc.setRemoteDescription({ type: "offer", sdp });
      for (const [i, transceiver] of pc.getTransceivers().entries()) {
        await transceiver.sender.replaceTrack(sources[tracks[i].kind]);
        transceiver.direction = "sendrecv";
      }
      await pc.setLocalDescription(await pc.createAnswer());
      return gathered();
    },
    accept: ({ sdp }) => pc.setRemoteDescription({ type: "answer", sdp }),
    async seen() {
      const stats = [...(await pc.getStats()).values()];
      const transceivers = pc.getTransceivers();
      const out = tracks.map(({ kind }, i) => {
        const end = ends[i];
        if (!end) return {};
        if (kind === "audio") return { frequency: frequencyOf(end.samples.slice(-end.rate / 2), end.rate) };
        const own = stats.find(({ type, mid }) => type === "outbound-rtp" && mid === transceivers[i].mid);
        const before = end.sent;
        end.sent = own?.framesSent ?? 0;
        // Its encoder leaves pictures out where the machine is busy.
        return { counters: end.counters.splice(0), size: end.size, sent: end.sent - before };
      });
      return { state: pc.connectionState, tracks: out };
    },
    /** It asks by itself. */
    keyframe() {},
    close() {
      stop();
      for (const { sink } of ends) sink?.stop();
      pc.close();
    },
  };
}
