// Our classes where a program that has the DOM library expects the DOM's, as libraries do that take an implementation.
import {
  mediaDevices,
  RTCIceCandidate as ParleyIceCandidate,
  RTCPeerConnection as ParleyPeerConnection,
  RTCSessionDescription as ParleySessionDescription,
} from "parley-rtc";

interface Implementation {
  RTCPeerConnection: typeof RTCPeerConnection;
  RTCIceCandidate: typeof RTCIceCandidate;
  RTCSessionDescription: typeof RTCSessionDescription;
}
export const wrtc: Implementation = {
  RTCPeerConnection: ParleyPeerConnection,
  RTCIceCandidate: ParleyIceCandidate,
  RTCSessionDescription: ParleySessionDescription,
};

const configuration: RTCConfiguration = { iceServers: [{ urls: "stun:stun.example.org" }] };
const ours = new ParleyPeerConnection(configuration, { loopback: true });
// What events carry is known in our own classes, too.
ours.ondatachannel = ({ channel }) => {
  channel.onmessage = ({ data }) => channel.send(data);
};
ours.onicecandidate = (event: RTCPeerConnectionIceEvent) => event.candidate?.candidate;
ours.addEventListener("track", (event: RTCTrackEvent) => event.streams);

const pc: RTCPeerConnection = ours;
pc.ontrack = ({ track, transceiver }) => [track.id, transceiver.mid];
export const channel: RTCDataChannel = ours.createDataChannel("chat");

export async function run(): Promise<RTCSessionDescriptionInit> {
  const stream: MediaStream = await mediaDevices.getUserMedia({ audio: true });
  const [track] = (await mediaDevices.getUserMedia({ video: true })).getTracks();
  const sender: RTCRtpSender = ours.addTrack(track!);
  const transceiver: RTCRtpTransceiver = ours.addTransceiver("audio");
  await sender.setParameters(sender.getParameters());
  const report: RTCStatsReport = await ours.getStats();
  report.forEach((stats: { type: string }) => {
    console.log(stats.type);
  });
  const offer: RTCSessionDescriptionInit = await ours.createOffer();
  await ours.setLocalDescription(offer);
  return transceiver.mid === null && stream.active ? offer : pc.localDescription!;
}
