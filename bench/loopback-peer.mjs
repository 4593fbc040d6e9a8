// The answering process of loopback.mjs: takes signals over IPC, echoes or counts what arrives.
import { answer } from "./loopback-connect.mjs";
import { configuration, RTCPeerConnection } from "./stacks.mjs";

const connections = new Map();
let counts = { messages: 0, bytes: 0 };

const operations = {
  signal({ id, signal }) {
    let connection = connections.get(id);
    if (connection === undefined) {
      connection = answer(
        new RTCPeerConnection(configuration),
        (reply) => process.send({ id, signal: reply }),
        (channel) => {
          channel.binaryType = "arraybuffer";
          channel.onmessage = ({ data }) => {
            counts.messages++;
            counts.bytes += data.byteLength;
            if (channel.label === "echo") channel.send(data);
          };
        },
      );
      connections.set(id, connection);
    }
    connection.take(signal);
  },
  close({ id }) {
    connections.get(id)?.pc.close();
    connections.delete(id);
  },
  look({ ask }) {
    const { user, system } = process.cpuUsage();
    process.send({ ask, result: { ...counts, at: performance.now(), cpu: (user + system) / 1e6 } });
  },
  memory({ ask }) {
    globalThis.gc();
    process.send({ ask, result: process.memoryUsage() });
  },
  reset() {
    counts = { messages: 0, bytes: 0 };
  },
};

process.on("message", (message) => operations[message.op](message));
process.on("disconnect", () => process.exit());
process.send({ ready: true });
