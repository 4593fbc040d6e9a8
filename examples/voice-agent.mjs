// A voice agent's ears and mouth: takes a caller's Opus packets as whole frames, notices when the caller stops talking, and answers with
// what it heard. A real agent would hand the frames to a speech service, and play what comes back from there.
import { mediaDevices, RTCPeerConnection } from "parley-rtc";
import { EncodedTrackGenerator, EncodedTrackProcessor } from "parley-rtc/media";
import { connect } from "./connect.mjs";

const FRAME = 20; // milliseconds of Opus in one packet
const CLOCK = 48; // its timestamps, per millisecond
const QUIET = 60; // -dBov (RFC 6464): quieter than this is silence
const PAUSE = 400; // milliseconds of silence after which it is the agent's turn

function agent(pc) {
  const voice = new EncodedTrackGenerator({ kind: "audio", mimeType: "audio/opus" });
  let heard = [];
  let silence = 0;
  let timestamp = 0;
  let busy = false;

  function say(frames) {
    busy = true;
    console.log(`agent: heard ${((frames.length * FRAME) / 1000).toFixed(1)} s, says it again`);
    const timer = setInterval(() => {
      const data = frames.shift();
      if (data === undefined) {
        clearInterval(timer);
        busy = false;
        return;
      }
      timestamp += FRAME * CLOCK;
      voice.sendFrame({ data, timestamp, keyFrame: true });
    }, FRAME);
  }

  pc.ontrack = ({ track, transceiver }) => {
    transceiver.sender.replaceTrack(voice.track);
    transceiver.direction = "sendrecv";
    new EncodedTrackProcessor({ track }).onframe = ({ data, audioLevel = 0 }) => {
      if (busy) return;
      silence = audioLevel < QUIET ? 0 : silence + FRAME;
      if (silence === 0) heard.push(data);
      if (silence < PAUSE || heard.length === 0) return;
      say(heard);
      heard = [];
    };
  };
}

// A caller, in this process: a tone, then silence, by turns until there was enough of an answer.
const [caller, server] = [new RTCPeerConnection(), new RTCPeerConnection()];
agent(server);
const [microphone] = (await mediaDevices.getUserMedia({ audio: true })).getTracks();
caller.addTrack(microphone);
const answered = new Promise((done) => {
  let frames = 0;
  caller.ontrack = ({ track }) => {
    new EncodedTrackProcessor({ track }).onframe = () => {
      if (++frames === 40) done(frames);
    };
  };
});
await connect(caller, server);
const talk = setInterval(() => {
  microphone.enabled = !microphone.enabled;
}, 1500);
console.log(`caller: ${await answered} frames of the answer came`);
clearInterval(talk);
caller.close();
server.close();
