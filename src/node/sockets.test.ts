// The contract of src/util/net.ts that the simulation keeps as well, over real sockets on the loopback interface.
import assert from "node:assert/strict";
import { createServer, type Socket } from "node:net";
import { test } from "node:test";
import type { Cancellable, DatagramPort, StreamPort } from "../util/net.js";
import { openTcp } from "./tcp.js";
import { openUdp } from "./udp.js";

const now = (): number => 0;

test("cancelling after a UDP socket is open leaves it open", async () => {
  const received: string[] = [];
  let attempt: Cancellable | undefined;
  const from = await new Promise<DatagramPort>((resolve, reject) => {
    attempt = openUdp(
      { address: "127.0.0.1" },
      {
        onOpen: resolve,
        onError: reject,
        onDatagram() {},
        onDrained() {},
      },
      now,
    );
  });
  attempt?.cancel();
  await new Promise<void>((resolve, reject) => {
    let second: DatagramPort | undefined;
    openUdp(
      { address: "127.0.0.1" },
      {
        onOpen: (port) => {
          from.send(Uint8Array.of(1), "127.0.0.1", 0);
          from.send(Uint8Array.from([104, 105]), "127.0.0.1", port.localPort);
          second = port;
        },
        onError: reject,
        onDatagram: (data) => received.push(Buffer.from(data).toString()),
        onDrained: () => {
          second?.close();
          resolve();
        },
      },
      now,
    );
  });
  from.close();
  from.close();
  from.send(Uint8Array.of(1), "127.0.0.1", 9);
  assert.deepEqual(received, ["hi"]);
});

test("cancelling after a TCP connection is open leaves it open", async () => {
  const server = createServer((socket) => socket.on("data", (data) => socket.end(data)));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  const text = await new Promise<string>((resolve) => {
    let got = "";
    const attempt = openTcp(
      { address: "127.0.0.1", port },
      {
        onOpen: (stream: StreamPort) => {
          attempt.cancel();
          stream.write(Uint8Array.from([104, 105]));
        },
        onData: (data) => {
          got += Buffer.from(data).toString();
        },
        onDrained() {},
        onClose: () => resolve(got),
      },
      now,
    );
  });
  server.close();
  assert.equal(text, "hi");
});

test("a TCP connection whose peer takes nothing more is given up soon after it was closed", async () => {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true });
  const peers: Socket[] = [];
  server.on("connection", (socket) => peers.push(socket));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise<void>((resolve) => {
    openTcp(
      { address: "127.0.0.1", port },
      {
        onOpen: (stream: StreamPort) => {
          stream.write(new Uint8Array(32 * 1024 * 1024));
          assert.ok(stream.bufferedAmount > 0, "more than the system takes");
          stream.close();
        },
        onData() {},
        onDrained() {},
        onClose: () => resolve(),
      },
      now,
    );
  });
  for (const peer of peers) peer.destroy();
  server.close();
});

test("a UDP socket keeps no bytes that it has sent", async () => {
  const received: string[] = [];
  let port: DatagramPort | undefined;
  await new Promise<void>((resolve, reject) => {
    openUdp(
      { address: "127.0.0.1" },
      {
        onOpen(opened) {
          port = opened;
          const memory = new Uint8Array(3);
          for (const text of ["one", "two", "six"]) {
            memory.set(Buffer.from(text));
            opened.send(memory, "127.0.0.1", opened.localPort);
            assert.equal(opened.keeps!(), false);
          }
          memory.fill(0);
        },
        onError: reject,
        onDatagram(data) {
          received.push(Buffer.from(data).toString());
          if (received.length === 3) resolve();
        },
        onDrained() {},
      },
      now,
    );
  });
  assert.deepEqual(received, ["one", "two", "six"]);
  port!.close();
  assert.equal(port!.keeps!(), true);
});
