// One relayed candidate in the making and in use: the way to a TURN server (our UDP socket, or a TCP or TLS connection
// of its own) with the TURN client on it. Follows the server's redirection to another one over TCP or TLS.
import { TurnClient, type TurnEnd } from "../turn/client.js";
import { ipFamily } from "../util/ip.js";
import type { Cancellable, DatagramPort, StreamHandler, StreamPort, TransportAddress } from "../util/net.js";
import type { RelayProtocol } from "./candidate.js";
import type { HostSocket, SocketRelay } from "./host-socket.js";
import type { IceAgentOptions } from "./options.js";
import type { ServerAddress } from "./server-address.js";

const MAX_REDIRECTS = 3;
/** Milliseconds for the connection and the allocation to come about: gathering waits for them. */
const ALLOCATE_TIMEOUT = 10_000;
const UNREACHABLE = 701;

export interface RelayHost {
  /** `additional`: an IPv6 address of the same allocation. */
  onAllocated(
    relay: DatagramPort,
    mapped: TransportAddress,
    protocol: RelayProtocol,
    now: number,
    additional: DatagramPort | undefined,
  ): void;
  onDatagram(data: Uint8Array, address: string, port: number, now: number): void;
  onDrained(now: number): void;
  /** It is over, before or after it was allocated. Called once. */
  onEnd(code: number, text: string, now: number): void;
}

export class Relay implements StreamHandler, SocketRelay {
  readonly socket: HostSocket | undefined;
  private readonly options: IceAgentOptions;
  private readonly server: ServerAddress;
  private readonly host: RelayHost;
  private client: TurnClient | undefined;
  private stream: StreamPort | undefined;
  private attempt: Cancellable | undefined;
  private allocateBy = Infinity;
  private redirects = 0;
  private ended = false;

  constructor(options: IceAgentOptions, server: ServerAddress, socket: HostSocket | undefined, host: RelayHost) {
    this.options = options;
    this.server = server;
    this.socket = socket;
    this.host = host;
  }

  get protocol(): RelayProtocol {
    return this.socket !== undefined ? "udp" : this.server.server.scheme === "turns" ? "tls" : "tcp";
  }

  get deadline(): number {
    return Math.min(this.client?.deadline ?? Infinity, this.allocateBy);
  }

  start(now: number): void {
    const { socket, server } = this;
    this.allocateBy = now + ALLOCATE_TIMEOUT;
    if (socket?.port === undefined) this.connect(server.address, server.port, server.server.hostname, now);
    else {
      this.launch({ kind: "datagram", port: socket.port, server: { address: server.address, port: server.port } }, now);
    }
  }

  handleTimeout(now: number): void {
    if (now >= this.allocateBy) {
      this.attempt?.cancel();
      this.client = undefined;
      this.stream?.close();
      this.finish(UNREACHABLE, "The server does not answer", now);
    } else this.client?.handleTimeout(now);
  }

  /** Over UDP: false if the datagram is not from the server. */
  receive(data: Uint8Array, address: string, port: number, now: number): boolean {
    const { client } = this;
    if (client === undefined || client.server.port !== port || client.server.address !== address) return false;
    return client.receiveDatagram(data, address, port, now);
  }

  /** The socket broke. */
  handleClosed(reason: string, now: number): void {
    if (this.client !== undefined) this.client.handleTransportClosed(reason, now);
    else this.finish(UNREACHABLE, reason, now);
  }

  close(now: number): void {
    this.allocateBy = Infinity;
    this.attempt?.cancel();
    if (this.client === undefined) this.finish(0, "", now);
    else this.client.close();
  }

  // ---- TCP and TLS ---------------------------------------------------------------------------------------------------

  private connect(address: string, port: number, serverName: string, now: number): void {
    this.allocateBy = now + ALLOCATE_TIMEOUT;
    const tls = this.protocol === "tls" ? { serverName } : undefined;
    this.attempt = this.options.network.connectTcp({ address, port, tls }, this);
  }

  onOpen(port: StreamPort, now: number): void {
    if (this.ended) {
      port.close();
      return;
    }
    this.stream = port;
    this.launch({ kind: "stream", port }, now);
  }

  onData(data: Uint8Array, now: number): void {
    this.client?.receiveStream(data, now);
  }

  onDrained(now: number): void {
    this.host.onDrained(now);
  }

  onClose(reason: string | undefined, now: number): void {
    this.stream = undefined;
    if (this.ended) return;
    this.handleClosed(reason ?? "The server closed the connection", now);
  }

  // ---- the client ----------------------------------------------------------------------------------------------------

  private launch(
    transport:
      | { readonly kind: "datagram"; readonly port: DatagramPort; readonly server: TransportAddress }
      | { readonly kind: "stream"; readonly port: StreamPort },
    now: number,
  ): void {
    const { crypto, logger } = this.options;
    const { server } = this.server;
    const far = transport.kind === "stream" ? transport.port.remoteAddress : transport.server.address;
    const client: TurnClient = new TurnClient(
      {
        crypto,
        transport,
        username: server.username ?? "",
        password: server.credential ?? "",
        family: ipFamily(far) === 6 ? 6 : 4,
        additional: true,
        logger,
      },
      {
        onAllocated: (relay, mapped, then, additional) => {
          this.allocateBy = Infinity;
          this.host.onAllocated(relay, mapped, this.protocol, then, additional);
        },
        onDatagram: (data, address, port, then) => this.host.onDatagram(data, address, port, then),
        onEnd: (end, then) => this.handleEnd(client, end, then),
      },
    );
    this.client = client;
    client.start(now);
  }

  private handleEnd(client: TurnClient, end: TurnEnd, now: number): void {
    if (this.client !== client) return;
    this.client = undefined;
    const { alternate } = end;
    const { stream } = this;
    this.stream = undefined;
    stream?.close();
    if (end.reason === "redirected" && alternate !== undefined && this.socket === undefined && !this.ended) {
      if (this.redirects++ < MAX_REDIRECTS) {
        this.connect(alternate.address, alternate.port, end.alternateDomain ?? this.server.server.hostname, now);
        return;
      }
    }
    this.finish(end.code, end.text, now);
  }

  private finish(code: number, text: string, now: number): void {
    if (this.ended) return;
    this.ended = true;
    this.allocateBy = Infinity;
    this.host.onEnd(code, text, now);
  }
}
