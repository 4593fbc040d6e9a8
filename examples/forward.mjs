// A media server (SFU) in ten lines: what one peer sends goes to the others, encoded as it is. The peers are in this process here:
// a camera that is a test picture, and viewers that count what comes.
import { mediaDevices, RTCPeerConnection } from "parley-rtc";
import { RtpTrackProcessor } from "parley-rtc/media";
import { connect, next } from "./connect.mjs";

// The server.
const viewers = new Set();
let camera;
function speaker(pc) {
  pc.ontrack = ({ track }) => {
    camera = track;
    for (const sender of viewers) sender.replaceTrack(track);
  };
}
function viewer(pc) {
  viewers.add(pc.addTransceiver(camera ?? "video", { direction: "sendonly" }).sender);
}

// A peer with a camera, and three who watch; the last one is there before the camera is.
const [sending, atServer] = [new RTCPeerConnection(), new RTCPeerConnection()];
const connections = [sending, atServer];
const counts = [0, 0, 0];

async function watch(index) {
  const [server, client] = [new RTCPeerConnection(), new RTCPeerConnection()];
  connections.push(server, client);
  viewer(server);
  client.ontrack = ({ track }) => {
    new RtpTrackProcessor({ track }).onrtp = ({ marker }) => {
      counts[index] += marker ? 1 : 0;
    };
  };
  await Promise.all([connect(server, client), next(client, "track")]);
}

await watch(2);
const media = await mediaDevices.getUserMedia({ video: true });
sending.addTrack(media.getTracks()[0], media);
speaker(atServer);
await connect(sending, atServer);
await watch(0);
await watch(1);

await new Promise((done) => setTimeout(done, 2000));
console.log(`pictures that reached the viewers: ${counts.join(", ")}`);
for (const pc of connections) pc.close();
