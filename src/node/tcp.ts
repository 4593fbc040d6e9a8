// TCP and TLS connections and listeners over node:net and node:tls.
import { connect as connectTcp, createServer, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { Cancellable, ListenerHandler, StreamHandler, StreamPort, TcpOptions, UdpOptions } from "../util/net.js";
import { loop } from "./timers.js";

const CONNECT_TIMEOUT = 10_000;
/** Milliseconds without progress after which a closed socket is not waited for any longer. */
const CLOSE_TIMEOUT = 2000;

class TcpPort implements StreamPort {
  readonly localAddress: string;
  readonly localPort: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
  private readonly socket: Socket;

  constructor(socket: Socket) {
    this.socket = socket;
    this.localAddress = unmapped(socket.localAddress ?? "");
    this.localPort = socket.localPort ?? 0;
    this.remoteAddress = unmapped(socket.remoteAddress ?? "");
    this.remotePort = socket.remotePort ?? 0;
  }

  get bufferedAmount(): number {
    return this.socket.writableLength;
  }

  write(data: Uint8Array): void {
    if (!this.socket.destroyed) this.socket.write(data);
  }

  close(): void {
    this.socket.end();
    // A peer that never closes its side must not keep the socket, nor one that takes none of what is still to be sent.
    this.socket.setTimeout(CLOSE_TIMEOUT, () => this.socket.destroy());
    this.socket.destroySoon();
  }
}

function unmapped(address: string): string {
  return address.startsWith("::ffff:") && address.includes(".") ? address.slice(7) : address;
}

/** Connects `handler` to the events of a socket that is open. */
function attach(socket: Socket, handler: StreamHandler, now: () => number, isCancelled: () => boolean): void {
  socket.setNoDelay(true);
  let draining = false;
  const drained = (): void => {
    draining = false;
    if (!isCancelled()) handler.onDrained(now());
  };
  socket.on("data", (data: Buffer) => {
    if (isCancelled()) return;
    if (!draining) {
      draining = true;
      loop.setImmediate(drained);
    }
    handler.onData(data, now());
  });
  handler.onOpen(new TcpPort(socket), now());
}

export function openTcp(options: TcpOptions, handler: StreamHandler, now: () => number): Cancellable {
  let over = false;
  let opened = false;
  let reason: string | undefined;
  const { address, port, tls, localAddress } = options;
  const target = { host: address, port, ...(localAddress === undefined ? {} : { localAddress }) };
  const socket: Socket =
    tls === undefined
      ? connectTcp(target)
      : connectTls({
          ...target,
          rejectUnauthorized: tls.verify !== false,
          // SNI carries no IP literals (RFC 6066 §3); the certificate is then checked against `host`.
          servername: /^[\d.]+$|:/.test(tls.serverName) ? "" : tls.serverName,
        });
  socket.setTimeout(CONNECT_TIMEOUT, () => socket.destroy(new Error("connect timed out")));
  socket.on(tls === undefined ? "connect" : "secureConnect", () => {
    socket.setTimeout(0);
    opened = true;
    if (!over) attach(socket, handler, now, () => over);
  });
  socket.on("error", (error: NodeJS.ErrnoException) => {
    reason = error.code ?? error.message;
  });
  socket.on("end", () => socket.end());
  socket.on("close", () => {
    if (over) return;
    over = true;
    handler.onClose(reason, now());
  });
  return {
    cancel() {
      // What is open is closed by its port.
      if (opened) return;
      over = true;
      socket.destroy();
    },
  };
}

export function listenTcp(options: UdpOptions, handler: ListenerHandler, now: () => number): Cancellable {
  let cancelled = false;
  const [min, max] = options.portRange ?? [0, 0];
  let port = min;
  const server = createServer((socket) => {
    let reason: string | undefined;
    let over = false;
    socket.on("error", (error: NodeJS.ErrnoException) => {
      reason = error.code ?? error.message;
    });
    if (cancelled) return socket.destroy();
    const { remoteAddress, remotePort } = socket;
    const accepted = remoteAddress && handler.onConnection(unmapped(remoteAddress), remotePort ?? 0, now());
    if (!accepted) return socket.destroy();
    socket.on("end", () => socket.end());
    socket.on("close", () => {
      if (over) return;
      over = true;
      accepted.onClose(reason, now());
    });
    attach(socket, accepted, now, () => over);
  });
  // Workers of a cluster would share the port otherwise, and get each other's connections.
  const listen = (): unknown => server.listen({ host: options.address, port, exclusive: true });
  server.on("error", (error: NodeJS.ErrnoException) => {
    if (cancelled) return;
    if (error.code === "EADDRINUSE" && port < max) {
      port++;
      listen();
    } else handler.onError(error.code ?? error.message, now());
  });
  server.on("listening", () => {
    const bound = server.address();
    if (cancelled || bound === null || typeof bound === "string") return;
    handler.onListening(
      { localAddress: unmapped(bound.address), localPort: bound.port, close: () => server.close() },
      now(),
    );
  });
  listen();
  return {
    cancel() {
      cancelled = true;
      server.close();
    },
  };
}
