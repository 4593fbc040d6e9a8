// What servers of the test bed listen with: clients over UDP, TCP and (simulated) TLS look the same to them. Streams are
// cut into STUN messages and ChannelData (RFC 8656 §12.5), on purpose without the code that clients use for it.
import type { StreamPort } from "#src/util/net.js";
import type { Host } from "./network.js";

/** A client as a server sees it: one 5-tuple. */
export interface Client {
  readonly transport: "udp" | "tcp" | "tls";
  readonly key: string;
  readonly address: string;
  readonly port: number;
  send(data: Uint8Array): void;
  /** Streams: ends the connection. */
  close(): void;
}

export interface ClientEvents {
  onMessage(client: Client, data: Uint8Array, now: number): void;
  /** A stream has ended. */
  onGone(client: Client, now: number): void;
}

export function serveUdp(host: Host, address: string, port: number, events: ClientEvents): void {
  host.openUdp(
    { address, portRange: [port, port] },
    {
      onOpen(socket) {
        this.onDatagram = (data, from, fromPort, now) => {
          const client: Client = {
            transport: "udp",
            key: `udp ${from} ${fromPort}`,
            address: from,
            port: fromPort,
            send: (bytes) => socket.send(bytes, from, fromPort),
            close() {},
          };
          events.onMessage(client, data, now);
        };
      },
      onError(reason) {
        throw new Error(`a server of ${host.name} could not open ${address}:${port}: ${reason}`);
      },
      onDatagram() {},
      onDrained() {},
    },
  );
}

export function serveStreams(
  host: Host,
  address: string,
  port: number,
  tlsNames: readonly string[] | undefined,
  events: ClientEvents,
): void {
  host.listen(
    { address, portRange: [port, port] },
    {
      onListening() {},
      onError(reason) {
        throw new Error(`a server of ${host.name} could not listen on ${address}:${port}: ${reason}`);
      },
      onConnection(remoteAddress, remotePort) {
        let open: StreamPort | undefined;
        let buffered: Uint8Array = new Uint8Array(0);
        const transport = tlsNames === undefined ? "tcp" : "tls";
        const client: Client = {
          transport,
          key: `${transport} ${remoteAddress} ${remotePort}`,
          address: remoteAddress,
          port: remotePort,
          send: (bytes) => open?.write(pad(bytes)),
          close: () => open?.close(),
        };
        return {
          onOpen(stream) {
            open = stream;
          },
          onData(data, now) {
            const all = new Uint8Array(buffered.length + data.length);
            all.set(buffered);
            all.set(data, buffered.length);
            buffered = all;
            while (buffered.length >= 4) {
              const channelData = buffered[0]! >= 0x40;
              const size = (channelData ? 4 : 20) + ((buffered[2]! << 8) | buffered[3]!);
              const padded = (size + 3) & ~3;
              if (buffered.length < padded) break;
              events.onMessage(client, buffered.slice(0, size), now);
              buffered = buffered.slice(padded);
            }
          },
          onDrained() {},
          onClose(_, now) {
            open = undefined;
            events.onGone(client, now);
          },
        };
      },
    },
    tlsNames,
  );
}

function pad(bytes: Uint8Array): Uint8Array {
  if ((bytes.length & 3) === 0) return bytes;
  const out = new Uint8Array((bytes.length + 3) & ~3);
  out.set(bytes);
  return out;
}
