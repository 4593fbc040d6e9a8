// A server for WHIP (RFC 9725) and WHEP: who publishes posts an offer to /whip/NAME, who watches one to /whep/NAME, and what is
// published goes to who watches, encoded as it is. OBS, GStreamer (whipclientsink) and pages publish so.
//
//     node examples/whip-server.mjs 8888          # http://127.0.0.1:8888/whip/stage
//     node examples/whip-server.mjs 0 --try       # publishes and watches by itself, and ends
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { text } from "node:stream/consumers";
import { mediaDevices, RTCPeerConnection } from "parley-rtc";
import { RtpTrackProcessor } from "parley-rtc/media";

const MAX_OFFER = 65_536;
/** What is published under a name. */
const stages = new Map();
/** Connections by the path of their resource. */
const sessions = new Map();

function publish(pc, name) {
  const tracks = new Map();
  stages.set(name, tracks);
  pc.ontrack = ({ track }) => tracks.set(track.kind, track);
}

function watch(pc, name) {
  for (const transceiver of pc.getTransceivers()) {
    const track = stages.get(name).get(transceiver.receiver.track.kind);
    if (track === undefined) continue;
    transceiver.sender.replaceTrack(track);
    transceiver.direction = "sendonly";
  }
}

function end(path) {
  sessions.get(path)?.close();
  sessions.delete(path);
}

async function answer(request, response, kind, name) {
  if (kind === "whep" && !stages.has(name)) return response.writeHead(404).end();
  if (!(Number(request.headers["content-length"]) <= MAX_OFFER)) return response.writeHead(413).end();
  const location = `/session/${randomUUID()}`;
  const pc = new RTCPeerConnection();
  sessions.set(location, pc);
  pc.onconnectionstatechange = () => {
    if (["failed", "closed"].includes(pc.connectionState)) end(location);
  };
  try {
    const sdp = await text(request);
    if (kind === "whip") publish(pc, name);
    await pc.setRemoteDescription({ type: "offer", sdp });
    if (kind === "whep") watch(pc, name);
    await pc.setLocalDescription();
    while (pc.iceGatheringState !== "complete") {
      await new Promise((done) => pc.addEventListener("icegatheringstatechange", done, { once: true }));
    }
  } catch {
    end(location);
    return response.writeHead(400).end();
  }
  const headers = { "content-type": "application/sdp", location, "access-control-expose-headers": "location" };
  response.writeHead(201, headers).end(pc.localDescription.sdp);
}

const server = createServer((request, response) => {
  // A server for others than oneself asks for a token here (RFC 9725 §4.8).
  response.setHeader("access-control-allow-origin", "*");
  const { method, url } = request;
  const [, kind, name] = /^\/(whip|whep)\/(\w+)$/.exec(url) ?? [];
  if (method === "OPTIONS") {
    const headers = { "access-control-allow-methods": "POST, DELETE", "access-control-allow-headers": "content-type" };
    response.writeHead(204, headers).end();
  } else if (method === "POST" && kind) answer(request, response, kind, name);
  else if (method === "DELETE" && sessions.has(url)) {
    end(url);
    response.end();
  } else response.writeHead(404).end();
});
await new Promise((listening) => server.listen(Number(process.argv[2] ?? 8888), "127.0.0.1", listening));
const origin = `http://127.0.0.1:${server.address().port}`;
console.log(`${origin}/whip/stage and ${origin}/whep/stage`);

// The two sides that a page, or OBS, is else.
async function session(pc, path) {
  await pc.setLocalDescription();
  while (pc.iceGatheringState !== "complete") {
    await new Promise((done) => pc.addEventListener("icegatheringstatechange", done, { once: true }));
  }
  const headers = { "content-type": "application/sdp" };
  const response = await fetch(origin + path, { method: "POST", headers, body: pc.localDescription.sdp });
  await pc.setRemoteDescription({ type: "answer", sdp: await response.text() });
  return origin + response.headers.get("location");
}

if (process.argv.includes("--try")) {
  const media = await mediaDevices.getUserMedia({ audio: true, video: true });
  const [publisher, viewer] = [new RTCPeerConnection(), new RTCPeerConnection()];
  for (const track of media.getTracks()) publisher.addTrack(track, media);
  const resources = [await session(publisher, "/whip/stage")];
  let pictures = 0;
  for (const kind of ["audio", "video"]) viewer.addTransceiver(kind, { direction: "recvonly" });
  viewer.ontrack = ({ track }) => {
    new RtpTrackProcessor({ track }).onrtp = ({ marker }) => {
      if (track.kind === "video" && marker) pictures++;
    };
  };
  resources.push(await session(viewer, "/whep/stage"));
  await new Promise((done) => setTimeout(done, 2000));
  console.log(`pictures that came: ${pictures}`);
  for (const resource of resources) await fetch(resource, { method: "DELETE" });
  for (const pc of [publisher, viewer]) pc.close();
  for (const track of media.getTracks()) track.stop();
  server.close();
  server.closeAllConnections();
}
