// The port to the network, as the ICE and TURN machines use it: effects are calls, answers come through handlers with
// the current time. Addresses are canonical IP literals (see ip.ts), never host names unless a member says so.
// Implementations: src/node/network.ts (sockets), test/sim (virtual). No call here throws for a reason of the network's.

export interface TransportAddress {
  readonly address: string;
  readonly port: number;
}

/** One address of one network interface. */
export interface InterfaceAddress {
  readonly name: string;
  readonly address: string;
  readonly family: 4 | 6;
  /** Loopback. */
  readonly internal: boolean;
}

/** An open UDP socket, or something that behaves as one (a TURN relay, a framed TCP connection). */
export interface DatagramPort {
  readonly localAddress: string;
  readonly localPort: number;
  /**
   * Sends one datagram. The bytes belong to the port from here on. False if it was dropped at once, as there is no room or
   * the socket refuses it; nothing is ever thrown.
   */
  send(data: Uint8Array, address: string, port: number): boolean;
  /**
   * Whether bytes given to `send` are in use any longer. Right after a call that is usually not so, and who sent them may use
   * their memory again. Absent: they may be in use for ever.
   */
  keeps?(): boolean;
  close(): void;
}

export interface DatagramHandler {
  onOpen(port: DatagramPort, now: number): void;
  /** The socket could not be opened, or broke: it is closed. */
  onError(reason: string, now: number): void;
  /** One datagram; its bytes belong to the receiver. */
  onDatagram(data: Uint8Array, address: string, port: number, now: number): void;
  /**
   * No more datagrams in this wake-up: the moment for replies that cover several. Follows onDatagram always, also where the
   * port was closed in between.
   */
  onDrained(now: number): void;
}

/** An open TCP or TLS connection. */
export interface StreamPort {
  readonly localAddress: string;
  readonly localPort: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
  /** Bytes written but not yet taken by the operating system. */
  readonly bufferedAmount: number;
  /** Writes bytes, which belong to the port from here on. */
  write(data: Uint8Array): void;
  close(): void;
}

export interface StreamHandler {
  onOpen(port: StreamPort, now: number): void;
  /** Some bytes in order, of any length; they belong to the receiver. */
  onData(data: Uint8Array, now: number): void;
  /** As DatagramHandler.onDrained. */
  onDrained(now: number): void;
  /** Could not connect, or ended; with a reason where it was an error. Called once. */
  onClose(reason: string | undefined, now: number): void;
}

export interface ListenerHandler {
  onListening(port: { readonly localAddress: string; readonly localPort: number; close(): void }, now: number): void;
  /** A connection was accepted; returns what handles it (its onOpen is called next), or undefined to refuse it. */
  onConnection(remoteAddress: string, remotePort: number, now: number): StreamHandler | undefined;
  onError(reason: string, now: number): void;
}

export interface UdpOptions {
  readonly address: string;
  /** Inclusive range of local ports to try in random order; any port if absent. */
  readonly portRange?: readonly [min: number, max: number] | undefined;
}

export interface TcpOptions {
  readonly address: string;
  readonly port: number;
  readonly localAddress?: string | undefined;
  /** TLS with this server name (SNI and certificate check); `verify: false` accepts any certificate. */
  readonly tls?: { readonly serverName: string; readonly verify?: boolean } | undefined;
}

/** Anything under way that can be given up. Cancelling twice, or after the end, does nothing. */
export interface Cancellable {
  cancel(): void;
}

export interface Network {
  /** The addresses of this host's interfaces that are up. */
  interfaces(): readonly InterfaceAddress[];
  openUdp(options: UdpOptions, handler: DatagramHandler): Cancellable;
  connectTcp(options: TcpOptions, handler: StreamHandler): Cancellable;
  listenTcp(options: UdpOptions, handler: ListenerHandler): Cancellable;
  /**
   * Resolves a host name (`.local` by multicast DNS, RFC 6762); an empty list if it has no address. `isPeers`: the peer has
   * sent the name, and may have chosen it for the time that its lookup takes.
   */
  resolve(hostname: string, done: (addresses: readonly string[], now: number) => void, isPeers?: boolean): Cancellable;
  /** Answers multicast DNS queries for `hostname` (a `.local` name) with `address` until cancelled. */
  publish(hostname: string, address: string): Cancellable;
  /**
   * Bytes of UDP payload that the first hop from `local` to `remote` takes without fragmenting: how far probing for the
   * path's MTU (RFC 8899) may go. 1472 is a fair guess where this is missing.
   */
  firstHopPayload?(local: string, remote: string): number;
}
