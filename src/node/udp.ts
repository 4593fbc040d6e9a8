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

/** A socket that is being opened, and then is open. */
class UdpSocket implements DatagramPort, Cancellable {
  localAddress = "";
  localPort = 0;
  /** Until it is open. */
  private options: UdpOptions | undefined;
  private readonly handler: DatagramHandler;
  private readonly now: () => number;
  private readonly start: number;
  private socket: Socket | undefined;
  /** Given up, or closed. */
  private closed = false;
  private draining = false;
  private isFull = false;
  private sent = 0;

  constructor(options: UdpOptions, handler: DatagramHandler, now: () => number) {
    this.options = options;
    this.handler = handler;
    this.now = now;
    this.start = Math.floor(Math.random() * portCount(options));
  }

  open(attempt: number): void {
    const { address, portRange } = this.options!;
    const isV6 = address.includes(":");
    const lookup = (isV6 ? literal6 : literal4) as never;
    const socket = createSocket({ type: isV6 ? "udp6" : "udp4", lookup, ipv6Only: isV6 });
    this.socket = socket;
    socket.on("error", (error) => this.handleError(error, socket, attempt));
    socket.bind({ address, port: portOf(portRange, attempt, this.start), exclusive: true }, () =>
      this.handleBound(socket),
    );
  }

  private handleError(error: NodeJS.ErrnoException, socket: Socket, attempt: number): void {
    const { options } = this;
    if (options === undefined) {
      if (LOSS.has(error.code)) return;
      closeQuietly(socket);
      this.handler.onError(error.code ?? error.message, this.now());
      return;
    }
    if (this.closed) return;
    closeQuietly(socket);
    const isTaken = error.code === "EADDRINUSE" || error.code === "EACCES";
    if (isTaken && attempt + 1 < Math.min(portCount(options), MAX_BIND_TRIES)) this.open(attempt + 1);
    else this.handler.onError(error.code ?? error.message, this.now());
  }

  private handleBound(socket: Socket): void {
    if (this.closed) return;
    this.options = undefined;
    try {
      socket.setRecvBufferSize(SOCKET_BUFFER);
      socket.setSendBufferSize(SOCKET_BUFFER);
    } catch {
      // The default has to do.
    }
    const { address, port } = socket.address();
    this.localAddress = address;
    this.localPort = port;
    const drained = (): void => {
      this.draining = false;
      this.handler.onDrained(this.now());
    };
    socket.on("message", (data, from) => {
      if (!this.draining) {
        this.draining = true;
        loop.setImmediate(drained);
      }
      const zone = from.address.indexOf("%");
      this.handler.onDatagram(data, zone < 0 ? from.address : from.address.slice(0, zone), from.port, this.now());
    });
    this.handler.onOpen(this, this.now());
  }

  send(data: Uint8Array, address: string, port: number): boolean {
    if (this.closed) return false;
    const socket = this.socket!;
    if (this.isFull || ++this.sent % LOOK_EVERY === 0) this.isFull = (socket.getSendQueueSize?.() ?? 0) > MAX_WAITING;
    // Something is slower than we send, a network interface or a queue before it: what is more is lost.
    if (this.isFull) return false;
    try {
      socket.send(data, port, address);
      return true;
    } catch {
      // A full socket buffer or an unreachable network is loss, which the protocols above repair.
      return false;
    }
  }

  /** What the socket has taken at once, the system has copied; what waits for room, it will read where it is. Deno does not say. */
  keeps(): boolean {
    return this.closed || (this.socket!.getSendQueueCount?.() ?? 1) > 0;
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    closeQuietly(this.socket);
  }

  /** What is open is closed by its port. */
  cancel(): void {
    if (this.options !== undefined) this.close();
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

function portCount({ portRange }: UdpOptions): number {
  return portRange === undefined ? 1 : portRange[1] - portRange[0] + 1;
}

/** Opens a socket on a local address; the handler hears of it once it is bound. */
export function openUdp(options: UdpOptions, handler: DatagramHandler, now: () => number): Cancellable {
  const socket = new UdpSocket(options, handler, now);
  socket.open(0);
  return socket;
}
