// ICE over TCP (RFC 6544): one DatagramPort over any number of connections to one passive or from one active local
// candidate, each carrying datagrams in the frames of RFC 4571. Simultaneous open is not done.

import { LateMap } from "../util/late-map.js";
import type {
  Cancellable,
  DatagramPort,
  ListenerHandler,
  Network,
  StreamHandler,
  StreamPort,
  UdpOptions,
} from "../util/net.js";

/** Connections of one port, over which the peer's are refused. */
const MAX_CONNECTIONS = 32;
/** Datagrams that wait for a connection to open. */
const MAX_QUEUED = 16;
/** Bytes waiting in a connection above which datagrams are dropped, as a full queue of UDP would. */
const MAX_BUFFERED = 1 << 20;
/** Milliseconds within which whoever connected has to authenticate. */
const AUTHENTICATION_TIMEOUT = 15_000;

export interface IceTcpHandler {
  onDatagram(data: Uint8Array, address: string, port: number, now: number): void;
  /** No connection to there, or no longer. */
  onUnreachable(address: string, port: number, now: number): void;
  onDrained(now: number): void;
}

/** Cuts a stream into the frames of RFC 4571: two bytes of length before each. */
export class FrameReader {
  private header = -1;
  private partial: Uint8Array | undefined;
  private filled = 0;

  /** Calls `onFrame` for each frame that is complete. Frames are views of `data` where they lie in it whole. */
  push(data: Uint8Array, onFrame: (frame: Uint8Array) => void): void {
    let at = 0;
    while (at < data.length) {
      if (this.partial === undefined) {
        // The length may be split, too.
        let high = this.header;
        if (high < 0) high = data[at++]!;
        if (at === data.length) {
          this.header = high;
          return;
        }
        this.header = -1;
        const length = (high << 8) | data[at++]!;
        if (length === 0) continue;
        if (data.length - at >= length) {
          onFrame(data.subarray(at, at + length));
          at += length;
          continue;
        }
        this.partial = new Uint8Array(length);
        this.filled = 0;
      }
      const take = Math.min(this.partial.length - this.filled, data.length - at);
      this.partial.set(data.subarray(at, at + take), this.filled);
      this.filled += take;
      at += take;
      if (this.filled === this.partial.length) {
        const frame = this.partial;
        this.partial = undefined;
        onFrame(frame);
      }
    }
  }
}

export function writeFrame(data: Uint8Array): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(2 + data.length);
  out[0] = data.length >>> 8;
  out[1] = data.length;
  out.set(data, 2);
  return out;
}

class Connection implements StreamHandler {
  readonly owner: IceTcpPort;
  readonly address: string;
  readonly port: number;
  stream: StreamPort | undefined;
  attempt: Cancellable | undefined;
  queue: Uint8Array[] = [];
  /** When an accepted connection must have authenticated. */
  deadline: number = Infinity;
  private readonly reader = new FrameReader();

  constructor(owner: IceTcpPort, address: string, port: number) {
    this.owner = owner;
    this.address = address;
    this.port = port;
  }

  onOpen(stream: StreamPort, _now: number): void {
    this.stream = stream;
    if (this.owner.isClosed) {
      stream.close();
      return;
    }
    for (const data of this.queue) stream.write(writeFrame(data));
    this.queue = [];
  }

  onData(data: Uint8Array, now: number): void {
    this.reader.push(data, (frame) => {
      if (!this.owner.isClosed) this.owner.handler?.onDatagram(frame, this.address, this.port, now);
    });
  }

  onDrained(now: number): void {
    if (!this.owner.isClosed) this.owner.handler?.onDrained(now);
  }

  onClose(_reason: string | undefined, now: number): void {
    if (this.owner.forget(this)) this.owner.handler?.onUnreachable(this.address, this.port, now);
  }

  send(data: Uint8Array): boolean {
    const { stream } = this;
    if (stream === undefined) {
      if (this.queue.length >= MAX_QUEUED) return false;
      this.queue.push(data);
      return true;
    }
    if (stream.bufferedAmount > MAX_BUFFERED || data.length > 0xffff) return false;
    stream.write(writeFrame(data));
    return true;
  }

  close(): void {
    this.attempt?.cancel();
    this.stream?.close();
  }
}

export class IceTcpPort implements DatagramPort {
  readonly tcpType: "active" | "passive";
  readonly localAddress: string;
  readonly localPort: number;
  handler: IceTcpHandler | undefined;
  isClosed = false;
  private readonly network: Network;
  private readonly connections = new LateMap<string, Connection>();
  private listener: { close(): void } | undefined;

  private constructor(network: Network, tcpType: "active" | "passive", address: string, port: number) {
    this.network = network;
    this.tcpType = tcpType;
    this.localAddress = address;
    this.localPort = port;
  }

  /** Connects as it is asked to send; its candidate has port 9 (RFC 6544 §4.5). */
  static active(network: Network, address: string): IceTcpPort {
    return new IceTcpPort(network, "active", address, 9);
  }

  /** Listens; calls back once, with the port or an error. */
  static listen(
    network: Network,
    options: UdpOptions,
    done: (port: IceTcpPort | undefined, error: string | undefined, now: number) => void,
  ): Cancellable {
    let port: IceTcpPort | undefined;
    const handler: ListenerHandler = {
      onListening: (listener, now) => {
        port = new IceTcpPort(network, "passive", listener.localAddress, listener.localPort);
        port.listener = listener;
        done(port, undefined, now);
      },
      onConnection: (address, remotePort, now) => port?.accept(address, remotePort, now),
      onError: (reason, now) => {
        if (port === undefined) done(undefined, reason, now);
      },
    };
    return network.listenTcp(options, handler);
  }

  attach(handler: IceTcpHandler): void {
    this.handler = handler;
  }

  send(data: Uint8Array, address: string, port: number): boolean {
    if (this.isClosed) return false;
    const key = `${address} ${port}`;
    let connection = this.connections.get(key);
    if (connection === undefined) {
      if (this.tcpType === "passive" || this.connections.size >= MAX_CONNECTIONS) return false;
      connection = new Connection(this, address, port);
      this.connections.set(key, connection);
      connection.queue.push(data);
      connection.attempt = this.network.connectTcp({ address, port, localAddress: this.localAddress }, connection);
      return true;
    }
    return connection.send(data);
  }

  get deadline(): number {
    let at = Infinity;
    for (const connection of this.connections.values()) if (connection.deadline < at) at = connection.deadline;
    return at;
  }

  /** Closes accepted connections that have not authenticated in time. */
  expire(now: number, isAuthenticated: (address: string, port: number) => boolean): void {
    for (const connection of [...this.connections.values()]) {
      if (now < connection.deadline) continue;
      connection.deadline = Infinity;
      if (isAuthenticated(connection.address, connection.port)) continue;
      this.forget(connection);
      connection.close();
    }
  }

  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.listener?.close();
    const connections = [...this.connections.values()];
    this.connections.clear();
    for (const connection of connections) connection.close();
  }

  /** @internal False if it was forgotten before. */
  forget(connection: Connection): boolean {
    const key = `${connection.address} ${connection.port}`;
    return this.connections.get(key) === connection && this.connections.delete(key);
  }

  private accept(address: string, port: number, now: number): StreamHandler | undefined {
    if (this.isClosed || this.connections.size >= MAX_CONNECTIONS) return undefined;
    const connection = new Connection(this, address, port);
    connection.deadline = now + AUTHENTICATION_TIMEOUT;
    this.connections.set(`${address} ${port}`, connection);
    return connection;
  }
}
