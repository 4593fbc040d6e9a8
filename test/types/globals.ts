// Code written for the browser, as a program of Node compiles it: with the types of parley-rtc/globals, without the DOM's.
import "parley-rtc/globals";

const configuration: RTCConfiguration = { iceServers: [{ urls: "stun:stun.example.org" }], bundlePolicy: "max-bundle" };
const pc: RTCPeerConnection = new RTCPeerConnection(configuration);
const channel: RTCDataChannel = pc.createDataChannel("chat", { ordered: false });
channel.onmessage = ({ data }) => channel.send(data);
pc.onicecandidate = ({ candidate }: RTCPeerConnectionIceEvent) => candidate?.toJSON();
pc.ontrack = ({ streams: [stream], track, transceiver }) => [stream?.id, track.kind, transceiver.mid];
pc.addEventListener("datachannel", (event) => event.channel.label);

export async function call(remote: RTCSessionDescriptionInit): Promise<RTCSessionDescription | null> {
  const stream: MediaStream = await navigator.mediaDevices.getUserMedia({ audio: true, video: { width: 640 } });
  for (const track of stream.getTracks()) pc.addTrack(track, stream);
  await pc.setRemoteDescription(remote);
  await pc.setLocalDescription();
  const parameters: RTCRtpSendParameters | undefined = pc.getSenders()[0]?.getParameters();
  if (parameters?.encodings[0]) parameters.encodings[0].maxBitrate = 500_000;
  (await pc.getStats()).forEach((stats: { type: string }) => {
    console.log(stats.type);
  });
  return pc.localDescription;
}
