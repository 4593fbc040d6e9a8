// UDP sockets over node:dgram. Datagrams of one wake-up of the event loop are handed up together: libuv reads up to 32
// of them in one go, each with a callback of its own, and the immediate queued by the first runs right after the last.
import { createSocket, type Socket } from "node:dgram";
import type { Cancellable, DatagramHandler, DatagramPort, UdpOptions } from "../util/net.js";
import { loop } from "./timers.js";

/** Ports tried in a range before giving up. */
const MAX_BIND_TRIES = 64;
/** What we ask the operating system to hold for one socket, bytes each way (it may grant less). */
const SOCKET_BUFFER = 4 * 1024 * 1024;
/** What waits for room in a socket's buffer, in bytes: libuv queues without limit. Looked at every so many datagrams. */
const MAX_WAITING: number = SOCKET_BUFFER;
const LOOK_EVERY = 16;
/** What ICMP reports come back as on some systems, and a system that is short of memory: loss, the socket goes on. */
const LOSS: ReadonlySet<string | undefined> = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "EMSGSIZE",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENETRESET",
  "ENOBUFS",
  "ENOMEM",
]);

class UdpPort implements DatagramPort {
  readonly localAddress: string;
  readonly localPort: number;
  private readonly socket: Socket;
  private closed = false;
  private isFull = false;
  private sent = 0;

  constructor(socket: Socket) {
    this.socket = socket;
    const { address, port } = socket.address();
    this.localAddress = address;
    this.localPort = port;
  }

  send(data: Uint8Array, address: string, port: number): boolean {
    if (this.closed) return false;
    if (this.isFull || ++this.sent % LOOK_EVERY === 0)
      this.isFull = (this.socket.getSendQueueSize?.() ?? 0) > MAX_WAITING;
    // Something is slower than we send, a network interface or a queue before it: what is more is lost.
    if (this.isFull) return false;
    try {
      this.socket.send(data, port, address);
      return true;
    } catch {
      // A full socket buffer or an unreachable network is loss, which the protocols above repair.
      return false;
    }
  }

  /** What the socket has taken at once, the system has copied; what waits for room, it will read where it is. Deno does not say. */
  keeps(): boolean {
    return this.closed || (this.socket.getSendQueueCount?.() ?? 1) > 0;
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    closeQuietly(this.socket);
  }
}

/** A socket may have been closed by the other of its two handles already. */
function closeQuietly(socket: Socket | undefined): void {
  try {
    socket?.close();
  } catch {
    // Not open any more, or not yet.
  }
}

type Resolved = (error: Error | null, address: string, family: number) => void;

/** `dgram` resolves names; ours are always literals, and resolving them would cost a tick and a thread. */
const literal =
  (family: 4 | 6) =>
  (address: string, options: unknown, callback: Resolved): void =>
    (typeof options === "function" ? (options as Resolved) : callback)(null, address, family);
const literal4 = literal(4);
const literal6 = literal(6);

function portOf(range: readonly [number, number] | undefined, attempt: number, start: number): number {
  if (range === undefined) return 0;
  const [min, max] = range;
  return min + ((start + attempt) % (max - min + 1));
}

/** Opens a socket on a local address; the handler hears of it once it is bound. */
export function openUdp(options: UdpOptions, handler: DatagramHandler, now: () => number): Cancellable {
  let cancelled = false;
  let opened = false;
  let current: Socket | undefined;
  const range = options.portRange;
  const size = range === undefined ? 1 : range[1] - range[0] + 1;
  const start = Math.floor(Math.random() * size);
  const tries = Math.min(size, MAX_BIND_TRIES);

  const attempt = (n: number): void => {
    const isV6 = options.address.includes(":");
    const lookup = (isV6 ? literal6 : literal4) as never;
    const socket = createSocket({ type: isV6 ? "udp6" : "udp4", lookup, ipv6Only: isV6 });
    current = socket;
    let bound = false;
    socket.on("error", (error: NodeJS.ErrnoException) => {
      if (cancelled) return;
      if (bound && LOSS.has(error.code)) return;
      closeQuietly(socket);
      if (!bound && n + 1 < tries && (error.code === "EADDRINUSE" || error.code === "EACCES")) attempt(n + 1);
      else handler.onError(error.code ?? error.message, now());
    });
    socket.bind({ address: options.address, port: portOf(range, n, start), exclusive: true }, () => {
      if (cancelled) return;
      bound = true;
      try {
        socket.setRecvBufferSize(SOCKET_BUFFER);
        socket.setSendBufferSize(SOCKET_BUFFER);
      } catch {
        // The default has to do.
      }
      const port = new UdpPort(socket);
      let draining = false;
      const drained = (): void => {
        draining = false;
        if (!cancelled) handler.onDrained(now());
      };
      socket.on("message", (data, from) => {
        if (cancelled) return;
        if (!draining) {
          draining = true;
          loop.setImmediate(drained);
        }
        const zone = from.address.indexOf("%");
        handler.onDatagram(data, zone < 0 ? from.address : from.address.slice(0, zone), from.port, now());
      });
      opened = true;
      handler.onOpen(port, now());
    });
  };
  attempt(0);
  return {
    cancel() {
      // What is open is closed by its port.
      if (cancelled || opened) return;
      cancelled = true;
      closeQuietly(current);
    },
  };
}
