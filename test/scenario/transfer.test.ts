// Data channels whose objects are in another thread than their connection; the threads are one here, with the scheduler between.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Platform } from "#src/peer/platform.js";
import {
  checkTransferable,
  describeDataChannel,
  detachDataChannel,
  receiveDataChannel,
  type ThreadLink,
} from "#src/w3c/data-channel-transfer.js";
import type { RTCDataChannel } from "#src/w3c/rtc-data-channel.js";
import { RTCPeerConnection } from "#src/w3c/rtc-peer-connection.js";
import { Simulation } from "#test/sim/simulation.js";

/** Bytes that a thread may leave lying here. */
const LIMIT = 8 * 1024 * 1024;

interface End {
  readonly link: ThreadLink;
  receive: ((message: readonly unknown[]) => void) | undefined;
  gone: (() => void) | undefined;
  closed: boolean;
}

function linkPair(platform: Platform, isStuck: () => boolean): [End, End] {
  const make = (other: () => End): End => {
    const end: End = {
      receive: undefined,
      gone: undefined,
      closed: false,
      link: {
        post(message) {
          if (!isStuck()) platform.queueTask(() => other().receive?.(message));
        },
        listen(receive, gone) {
          Object.assign(end, { receive, gone });
        },
        close() {
          if (end.closed) return;
          end.closed = true;
          other().closed = true;
          platform.queueTask(() => {
            end.gone?.();
            other().gone?.();
          });
        },
        hold() {},
      },
    };
    return end;
  };
  const ends: [End, End] = [make(() => ends[1]), make(() => ends[0])];
  return ends;
}

interface Bed {
  readonly sim: Simulation;
  readonly a: RTCPeerConnection;
  readonly b: RTCPeerConnection;
  stuck: boolean;
  transfer(channel: RTCDataChannel): { channel: RTCDataChannel; events: string[]; end: End };
  connect(): Promise<void>;
}

function bed(): Bed {
  const sim = new Simulation(1);
  const hosts = [sim.host("a"), sim.host("b")] as const;
  const [a, b] = hosts.map((host) => new RTCPeerConnection({}, { platform: sim.platform(host) }));
  const platform = sim.platform(hosts[0]);
  const result: Bed = {
    sim,
    a: a!,
    b: b!,
    stuck: false,
    transfer(source) {
      checkTransferable(source);
      const [near, far] = linkPair(platform, () => result.stuck);
      const channel = receiveDataChannel(describeDataChannel(source), far.link, platform);
      detachDataChannel(source, near.link, LIMIT);
      const events: string[] = [];
      for (const type of ["open", "closing", "close", "bufferedamountlow"] as const) {
        channel.addEventListener(type, () => events.push(`${type} ${channel.readyState}`));
      }
      channel.addEventListener("error", ({ error }) => events.push(`error ${error.errorDetail}`));
      channel.addEventListener("message", ({ data }) => {
        events.push(typeof data === "string" ? data : `${(data as ArrayBuffer).byteLength} bytes`);
      });
      return { channel, events, end: far };
    },
    async connect() {
      await sim.settle(a!.setLocalDescription());
      await sim.run(10);
      await sim.settle(b!.setRemoteDescription(a!.localDescription!));
      await sim.settle(b!.setLocalDescription());
      await sim.run(10);
      await sim.settle(a!.setRemoteDescription(b!.localDescription!));
    },
  };
  return result;
}

test("both ends in other threads: opening, messages of both kinds, bufferedAmount, closing", async () => {
  const { sim, a, b, transfer, connect } = bed();
  const source = a.createDataChannel("x", { protocol: "p", ordered: false });
  const near = transfer(source);
  assert.deepEqual([source.readyState, near.channel.readyState], ["closed", "connecting"]);
  assert.deepEqual([near.channel.label, near.channel.protocol, near.channel.ordered], ["x", "p", false]);
  assert.throws(() => source.send("x"), { name: "InvalidStateError" });
  assert.throws(() => transfer(source), { name: "DataCloneError" });
  assert.throws(() => transfer(near.channel), { name: "DataCloneError" });
  let far: ReturnType<typeof transfer> | undefined;
  b.ondatachannel = ({ channel }) => {
    far = transfer(channel);
  };
  await connect();
  await sim.runUntil(() => near.channel.readyState === "open" && far?.channel.readyState === "open", 5000);
  assert.equal(near.channel.id, far!.channel.id);
  near.channel.send("to far");
  far!.channel.send(new Uint8Array(70_000));
  assert.equal(far!.channel.bufferedAmount, 70_000);
  assert.throws(() => near.channel.send(new Uint8Array(300_000)), TypeError);
  await sim.run(1000);
  assert.equal(far!.channel.bufferedAmount, 0);
  near.channel.close();
  await sim.run(1000);
  assert.deepEqual(near.events, ["open open", "bufferedamountlow open", "70000 bytes", "close closed"]);
  assert.deepEqual(far!.events, ["open open", "to far", "bufferedamountlow open", "closing closing", "close closed"]);
  assert.ok(near.end.closed && far!.end.closed);
  a.close();
  b.close();
  await sim.run(1000);
  assert.deepEqual(sim.leftovers(), []);
});

test("only in the task that made it", async () => {
  const { sim, a, b, transfer } = bed();
  const channel = a.createDataChannel("x");
  await sim.run(1);
  assert.throws(() => transfer(channel), { name: "DataCloneError" });
  assert.equal(channel.readyState, "connecting");
  a.close();
  b.close();
});

test("closed before there is an association, with its connection, and with its thread", async () => {
  const first = bed();
  const early = first.transfer(first.a.createDataChannel("early"));
  const late = first.transfer(first.a.createDataChannel("late"));
  const orphan = first.transfer(first.a.createDataChannel("orphan"));
  early.channel.close();
  const opened: RTCDataChannel[] = [];
  first.b.ondatachannel = ({ channel }) => opened.push(channel);
  await first.connect();
  await first.sim.run(1000);
  assert.deepEqual(early.events, ["close closed"]);
  assert.deepEqual(
    opened.map(({ label }) => label),
    ["late", "orphan"],
  );
  orphan.end.link.close();
  await first.sim.run(1000);
  assert.equal(opened[1]!.readyState, "closed");
  assert.equal(opened[0]!.readyState, "open");
  first.a.close();
  await first.sim.run(1000);
  assert.deepEqual(late.events, ["open open", "close closed"]);
  first.b.close();
});

test("a thread that takes nothing: the channel ends before its messages fill the memory", async () => {
  const connection = bed();
  const { sim, a, b, transfer, connect } = connection;
  const near = transfer(a.createDataChannel("x"));
  let far: RTCDataChannel | undefined;
  b.ondatachannel = ({ channel }) => {
    far = channel;
  };
  await connect();
  await sim.runUntil(() => near.channel.readyState === "open" && far !== undefined, 5000);
  const message = new Uint8Array(256 * 1024);
  for (let sent = 0; sent < 10; sent++) far!.send(message);
  await sim.runUntil(() => near.events.length === 11, 10_000);
  connection.stuck = true;
  for (let sent = 0; sent <= LIMIT / message.length + 1; sent++) {
    far!.send(message);
    if (sent % 64 === 63) await sim.runUntil(() => far!.bufferedAmount === 0 || far!.readyState !== "open", 60_000);
    if (far!.readyState !== "open") break;
  }
  await sim.runUntil(() => far!.readyState === "closed", 60_000);
  a.close();
  b.close();
});
