// Two peers in one process and a data channel between them.
import { RTCPeerConnection } from "parley-rtc";

const alice = new RTCPeerConnection();
const bob = new RTCPeerConnection();
alice.onicecandidate = ({ candidate }) => bob.addIceCandidate(candidate);
bob.onicecandidate = ({ candidate }) => alice.addIceCandidate(candidate);

bob.ondatachannel = ({ channel }) => {
  channel.onmessage = ({ data }) => channel.send(`${data}, Alice`);
};
const channel = alice.createDataChannel("greetings");
channel.onopen = () => channel.send("Hello");
channel.onmessage = ({ data }) => {
  console.log(data);
  alice.close();
  bob.close();
};

await alice.setLocalDescription();
await bob.setRemoteDescription(alice.localDescription);
await bob.setLocalDescription();
await alice.setRemoteDescription(bob.localDescription);
