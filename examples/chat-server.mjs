// A chat room: every browser that opens the page joins, and the server passes each message on to all of them.
//   node examples/chat-server.mjs [port]
import { createServer } from "node:http";
import { RTCPeerConnection } from "parley-rtc";

const page = `<!doctype html><meta charset="utf-8"><title>Chat</title>
<form><label>Message <input id="text" autocomplete="off" autofocus></label> <button>Send</button></form><ul id="list"></ul>
<script type="module">
  const pc = new RTCPeerConnection();
  const channel = pc.createDataChannel("chat");
  channel.onmessage = ({ data }) => list.prepend(Object.assign(document.createElement("li"), { textContent: data }));
  document.forms[0].onsubmit = (event) => { event.preventDefault(); channel.send(text.value); text.value = ""; };
  await pc.setLocalDescription();
  while (pc.iceGatheringState !== "complete") await new Promise((done) => { pc.onicegatheringstatechange = done; });
  const answer = await fetch("/join", { method: "POST", body: pc.localDescription.sdp });
  await pc.setRemoteDescription({ type: "answer", sdp: await answer.text() });
</script>`;

const room = new Set();

async function join(offer) {
  const pc = new RTCPeerConnection();
  pc.ondatachannel = ({ channel }) => {
    room.add(channel);
    channel.onmessage = ({ data }) => {
      for (const other of room) if (other.readyState === "open") other.send(data);
    };
    channel.onclose = () => {
      room.delete(channel);
      pc.close();
    };
  };
  pc.onconnectionstatechange = () => {
    if (pc.connectionState === "failed") pc.close();
  };
  await pc.setRemoteDescription({ type: "offer", sdp: offer });
  await pc.setLocalDescription();
  while (pc.iceGatheringState !== "complete") {
    await new Promise((resolve) => {
      pc.onicegatheringstatechange = resolve;
    });
  }
  return pc.localDescription.sdp;
}

const server = createServer(async (request, response) => {
  if (request.method !== "POST") {
    response.setHeader("Content-Type", "text/html; charset=utf-8");
    response.end(page);
    return;
  }
  try {
    let offer = "";
    for await (const part of request.setEncoding("utf8")) offer += part;
    response.end(await join(offer));
  } catch (error) {
    response.writeHead(400).end(error.message);
  }
});
server.listen(Number(process.argv[2] ?? 8081), "127.0.0.1", () => {
  console.log(`http://127.0.0.1:${server.address().port}/`);
});
