// A room of one speaker and many listeners: this process forwards, room-peer.mjs speaks and listens. Each listener has a connection
// of its own, and the speaker's track is added to it as it is.
import { setTimeout as sleep } from "node:timers/promises";
import { RTCPeerConnection } from "../dist/index.js";
import { OtherProcess, within } from "./other-process.mjs";
import { connection, options, packets } from "./room-connection.mjs";

const LISTENERS = 200;
/** Connected at once while the room fills. */
const BATCH = 10;
const SECONDS = 5;

const MiB = 1 << 20;

class Peer extends OtherProcess {
  add(id) {
    const pc = new RTCPeerConnection(undefined, options);
    this.connections.set(
      id,
      connection(pc, (signal) => this.signal(id, signal)),
    );
    return pc;
  }

  connected(pc, id) {
    return within(
      new Promise((done) => {
        pc.onconnectionstatechange = () => {
          if (pc.connectionState === "connected") done();
        };
      }),
      `"${id}" did not connect`,
    );
  }
}

export async function room() {
  const peer = new Peer("room-peer.mjs");
  try {
    const ingress = peer.add("speaker");
    const track = new Promise((done) => {
      ingress.ontrack = (event) => done(event.track);
    });
    peer.tell({ op: "speak" });
    const received = await within(track, "no track came");
    const resident = async () => {
      await sleep(500);
      globalThis.gc?.();
      return process.memoryUsage().rss;
    };
    const listeners = [];
    const listen = async (count) => {
      for (let i = 0; i < count; i += BATCH) {
        const batch = Array.from({ length: Math.min(BATCH, count - i) }, async () => {
          const id = `listener ${listeners.length}`;
          const pc = peer.add(id);
          listeners.push(pc);
          pc.addTrack(received);
          await peer.connected(pc, id);
        });
        await Promise.all(batch);
      }
    };
    await listen(20);
    const before = await resident();
    const began = performance.now();
    await listen(LISTENERS - 20);
    const filled = (performance.now() - began) / 1000;
    const after = await resident();

    await peer.ask("begin");
    await sleep(1500);
    const heardFrom = await peer.ask("look");
    const [from, start, cpu] = [packets.sent, performance.now(), process.cpuUsage()];
    await sleep(SECONDS * 1000);
    const seconds = (performance.now() - start) / 1000;
    const { user, system } = process.cpuUsage(cpu);
    const rate = (packets.sent - from) / seconds;
    const heardTo = await peer.ask("look");
    await peer.ask("end");
    const used = process.memoryUsage().rss;
    const heard = (1000 * (heardTo.received - heardFrom.received)) / (heardTo.at - heardFrom.at);
    return [
      [`listeners, ${(rate / listeners.length).toFixed(0)} packets a second each`, listeners.length, ""],
      ["packets forwarded", rate, "/s"],
      ["  arrived", heard, "/s"],
      ["processor time of a packet", (user + system) / (rate * seconds), "µs"],
      ["  of one core", (user + system) / 1e4 / seconds, "%"],
      ["connecting", (LISTENERS - 20) / filled, "listeners/s"],
      ["memory of a listener, before packets", (after - before) / (LISTENERS - 20) / 1024, "KiB"],
      ["the whole process, after them", used / MiB, "MiB"],
    ];
  } finally {
    peer.stop();
  }
}
