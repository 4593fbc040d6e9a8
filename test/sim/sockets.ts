// Sockets that record what happens to them, for tests of the network itself and as stand-ins for peers.
import type { DatagramPort, StreamHandler, StreamPort } from "#src/util/net.js";
import { endpoint, type Host } from "./network.js";

export interface Received {
  readonly text: string;
  readonly data: Uint8Array;
  /** `address:port` of the sender. */
  readonly from: string;
  readonly time: number;
}

/** A UDP socket; open at once after the next run of the simulation. */
export class RecordingUdp {
  port: DatagramPort | undefined;
  error: string | undefined;
  drained = 0;
  readonly received: Received[] = [];
  /** Called for each datagram, after it was recorded. */
  answer: ((data: Uint8Array, address: string, port: number, now: number) => void) | undefined;

  constructor(host: Host, address: string = host.address(), port?: number) {
    host.openUdp(
      { address, portRange: port === undefined ? undefined : [port, port] },
      {
        onOpen: (open) => {
          this.port = open;
        },
        onError: (reason) => {
          this.error = reason;
        },
        onDatagram: (data, from, fromPort, now) => {
          const text = Buffer.from(data).toString("latin1");
          this.received.push({ text, data, from: endpoint(from, fromPort), time: now });
          this.answer?.(data, from, fromPort, now);
        },
        onDrained: () => {
          this.drained++;
        },
      },
    );
  }

  send(data: string | Uint8Array, address: string, port: number): void {
    if (this.port === undefined) throw new Error("the socket is not open");
    this.port.send(typeof data === "string" ? new Uint8Array(Buffer.from(data, "latin1")) : data, address, port);
  }

  texts(): string[] {
    return this.received.map((r) => r.text);
  }
}

/** One end of a TCP connection. */
export class RecordingTcp implements StreamHandler {
  port: StreamPort | undefined;
  closed = false;
  reason: string | undefined;
  drained = 0;
  readonly chunks: Uint8Array[] = [];

  onOpen(port: StreamPort): void {
    this.port = port;
  }

  onData(data: Uint8Array): void {
    this.chunks.push(data);
  }

  onDrained(): void {
    this.drained++;
  }

  onClose(reason: string | undefined): void {
    if (this.closed) throw new Error("onClose was called twice");
    this.closed = true;
    this.reason = reason;
  }

  get text(): string {
    return Buffer.concat(this.chunks).toString("latin1");
  }
}
