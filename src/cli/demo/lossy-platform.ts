// A platform whose UDP sockets lose datagrams on purpose, both ways, each by a draw of its own: what a bad network looks like,
// for one peer connection.
import type { DatagramHandler, DatagramPort, Network } from "../../util/net.js";

export interface Loss {
  /** Of all datagrams, 0 to 1; may be changed at any time. */
  share: number;
  /** How many were lost on purpose. */
  dropped: number;
}

/** `random` gives numbers from 0 up to 1. */
export function lossyPlatform<P extends { readonly network: Network }>(
  platform: P,
  loss: Loss,
  random: () => number,
): P {
  const lose = (): boolean => {
    if (loss.share <= 0 || random() >= loss.share) return false;
    loss.dropped++;
    return true;
  };
  const { network } = platform;
  return {
    ...platform,
    network: {
      ...network,
      openUdp: (options, handler) => network.openUdp(options, lossyHandler(handler, lose)),
    },
  };
}

function lossyHandler(handler: DatagramHandler, lose: () => boolean): DatagramHandler {
  return {
    onOpen: (port, now) => handler.onOpen(lossyPort(port, lose), now),
    onError: (reason, now) => handler.onError(reason, now),
    onDatagram: (data, address, port, now) => {
      if (!lose()) handler.onDatagram(data, address, port, now);
    },
    onDrained: (now) => handler.onDrained(now),
  };
}

function lossyPort(port: DatagramPort, lose: () => boolean): DatagramPort {
  return {
    localAddress: port.localAddress,
    localPort: port.localPort,
    // Lost on the way: for the sender it has gone out.
    send: (data, address, remotePort) => lose() || port.send(data, address, remotePort),
    close: () => port.close(),
  };
}
