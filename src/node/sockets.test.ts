// The contract of src/util/net.ts that the simulation keeps as well, over real sockets on the loopback interface.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import dgram from "node:dgram";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
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

/** The sockets of node:dgram that are made from here on. */
function watchSockets(t: TestContext): dgram.Socket[] {
  const sockets: dgram.Socket[] = [];
  const real = dgram.createSocket;
  const replace = (createSocket: typeof real): void => {
    dgram.createSocket = createSocket;
    syncBuiltinESMExports();
  };
  replace(((options: dgram.SocketOptions) => {
    const socket = real(options);
    socket.unref();
    sockets.push(socket);
    return socket;
  }) as typeof real);
  t.after(() => replace(real));
  return sockets;
}

function openLoopback(errors: string[]): Promise<DatagramPort> {
  return new Promise((resolve) => {
    const onError = (reason: string): void => void errors.push(reason);
    openUdp({ address: "127.0.0.1" }, { onOpen: resolve, onError, onDatagram() {}, onDrained() {} }, now);
  });
}

test("a UDP socket outlives errors that are loss, and is closed with others", async (t) => {
  const sockets = watchSockets(t);
  const errors: string[] = [];
  await openLoopback(errors);
  const [socket] = sockets;
  let closed = false;
  socket!.on("close", () => {
    closed = true;
  });
  const fail = (code: string): void => void socket!.emit("error", Object.assign(new Error("recvmsg"), { code }));
  for (const code of ["ECONNREFUSED", "EHOSTUNREACH", "ENOBUFS"]) fail(code);
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual([errors, closed], [[], false]);
  fail("EBADF");
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual([errors, closed], [["EBADF"], true]);
});

test("a UDP socket drops datagrams while too much waits for a slow interface", async (t) => {
  const sockets = watchSockets(t);
  const port = await openLoopback([]);
  let waiting = 0;
  sockets[0]!.getSendQueueSize = () => waiting;
  const send = (count: number): number => {
    let taken = 0;
    for (let i = 0; i < count; i++) if (port.send(Uint8Array.of(1), "127.0.0.1", port.localPort)) taken++;
    return taken;
  };
  assert.equal(send(100), 100);
  waiting = 64 * 1024 * 1024;
  assert.ok(send(100) <= 16);
  assert.equal(send(100), 0);
  waiting = 0;
  assert.equal(send(100), 100);
  port.close();
});

test("a runtime whose sockets do not say what waits is taken to keep what it was given", async (t) => {
  const sockets = watchSockets(t);
  const port = await openLoopback([]);
  assert.equal(port.keeps!(), false);
  Object.assign(sockets[0]!, { getSendQueueSize: undefined, getSendQueueCount: undefined });
  for (let i = 0; i < 100; i++) assert.ok(port.send(Uint8Array.of(1), "127.0.0.1", port.localPort));
  assert.equal(port.keeps!(), true);
  port.close();
});

test("each worker of a cluster listens on a port of its own", (t) => {
  const program = `
    import cluster from "node:cluster";
    import { listenTcp } from ${JSON.stringify(new URL("tcp.js", import.meta.url).href)};
    if (cluster.isPrimary) {
      const ports = [];
      for (let i = 0; i < 2; i++) cluster.fork();
      cluster.on("message", (worker, port) => {
        if (ports.push(port) < 2) return;
        console.log(typeof port, new Set(ports).size);
        // They would not go by themselves: what they listen on is theirs.
        for (const { process } of Object.values(cluster.workers)) process.kill();
      });
    } else {
      const onListening = ({ localPort }) => process.send(localPort);
      listenTcp({ address: "127.0.0.1" }, { onListening, onError: (reason) => process.send(reason) }, () => 0);
    }`;
  const folder = mkdtempSync(join(tmpdir(), "cluster-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "program.mjs");
  writeFileSync(file, program);
  const { stdout, stderr } = spawnSync(process.execPath, [file], { encoding: "utf8", timeout: 30_000 });
  assert.deepEqual([stdout, stderr], ["number 2\n", ""]);
});
