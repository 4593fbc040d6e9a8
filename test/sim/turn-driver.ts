// Runs a TurnClient on a host of the simulation: opens the way to the server, feeds it, keeps its deadline.
import { TurnClient, type TurnClientOptions, type TurnEnd } from "#src/turn/client.js";
import type { DatagramPort, StreamHandler, TransportAddress } from "#src/util/net.js";
import { endpoint, type Host } from "./network.js";
import type { Entry } from "./scheduler.js";
import type { Simulation } from "./simulation.js";
import type { Received } from "./sockets.js";

export interface TurnDriverOptions extends Partial<Pick<TurnClientOptions, "username" | "password" | "family">> {
  readonly server: TransportAddress;
  /** "udp" unless given. */
  readonly transport?: "udp" | "tcp" | "tls" | undefined;
  readonly serverName?: string | undefined;
  /** Cuts what arrives on a stream into pieces of so many bytes. */
  readonly chop?: number | undefined;
}

export class TurnDriver {
  client: TurnClient | undefined;
  relay: DatagramPort | undefined;
  mapped: TransportAddress | undefined;
  finish: TurnEnd | undefined;
  readonly received: Received[] = [];
  private readonly sim: Simulation;
  private readonly host: Host;
  private readonly options: TurnDriverOptions;
  private timer: Entry | undefined;
  private closeTransport: (() => void) | undefined;

  constructor(sim: Simulation, host: Host, options: TurnDriverOptions) {
    this.sim = sim;
    this.host = host;
    this.options = options;
    if ((options.transport ?? "udp") === "udp") this.openUdp();
    else this.openStream();
  }

  texts(): string[] {
    return this.received.map((r) => r.text);
  }

  send(text: string | Uint8Array, address: string, port: number): void {
    const data = typeof text === "string" ? new Uint8Array(Buffer.from(text, "latin1")) : text;
    this.relay!.send(data, address, port);
    this.rearm();
  }

  close(): void {
    this.client!.close();
    this.rearm();
  }

  /** As an owner does after each round. */
  rearm(): void {
    this.timer?.cancel();
    const at = this.client?.deadline ?? Number.POSITIVE_INFINITY;
    if (at === Number.POSITIVE_INFINITY) return;
    this.timer = this.sim.scheduler.at(at, (now) => {
      this.client!.handleTimeout(now);
      this.rearm();
    });
  }

  private begin(transport: TurnClientOptions["transport"], now: number): void {
    const { username = "user", password = "pass", family } = this.options;
    const options = { crypto: this.sim.platform(this.host).crypto, transport, username, password, family };
    this.client = new TurnClient(options, {
      onAllocated: (relay, mapped) => {
        if (this.relay !== undefined) throw new Error("onAllocated was called twice");
        this.relay = relay;
        this.mapped = mapped;
      },
      onDatagram: (data, address, port, time) => {
        const text = Buffer.from(data).toString("latin1");
        this.received.push({ text, data, from: endpoint(address, port), time });
      },
      onEnd: (end) => {
        if (this.finish !== undefined) throw new Error("onEnd was called twice");
        this.finish = end;
        this.closeTransport?.();
      },
    });
    this.client.start(now);
    this.rearm();
  }

  private openUdp(): void {
    const { server } = this.options;
    const family = server.address.includes(":") ? 6 : 4;
    this.host.openUdp(
      { address: this.host.address(family) },
      {
        onOpen: (port, now) => {
          this.closeTransport = () => port.close();
          this.begin({ kind: "datagram", port, server }, now);
        },
        onError: (reason, now) => {
          this.client?.handleTransportClosed(reason, now);
          this.rearm();
        },
        onDatagram: (data, address, port, now) => {
          this.client!.receiveDatagram(data, address, port, now);
          this.rearm();
        },
        onDrained() {},
      },
    );
  }

  private openStream(): void {
    const { server, transport, serverName, chop } = this.options;
    const handler: StreamHandler = {
      onOpen: (port, now) => {
        this.closeTransport = () => port.close();
        this.begin({ kind: "stream", port }, now);
      },
      onData: (data, now) => {
        const step = chop ?? data.length;
        for (let at = 0; at < data.length; at += step) {
          this.client!.receiveStream(data.slice(at, Math.min(data.length, at + step)), now);
        }
        this.rearm();
      },
      onDrained() {},
      onClose: (reason, now) => {
        if (this.client === undefined) this.finish = { reason: "unreachable", code: 701, text: reason ?? "" };
        this.client?.handleTransportClosed(reason, now);
        this.rearm();
      },
    };
    const tls = transport === "tls" ? { serverName: serverName ?? "turn.example.org" } : undefined;
    this.host.connectTcp({ address: server.address, port: server.port, tls }, handler);
  }
}
