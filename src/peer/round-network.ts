// A network whose handlers run inside rounds: one round for all that a wake-up of the event loop brings. The round opens
// with the first datagram and ends when the socket has drained, or is given up.
import type { Cancellable, DatagramHandler, ListenerHandler, Network, StreamHandler } from "../util/net.js";
import type { Platform } from "./platform.js";
import type { Round } from "./round.js";

/** Holds a round open from the first input of a wake-up to its end. */
class WakeUp {
  private readonly round: Round;
  private open = false;

  constructor(round: Round) {
    this.round = round;
  }

  begin(): void {
    if (this.open) return;
    this.open = true;
    this.round.enter();
  }

  end(now: number): void {
    if (!this.open) return;
    this.open = false;
    this.round.leave(now);
  }
}

export function roundNetwork(platform: Platform, round: Round): Network {
  const { network } = platform;

  function inRound(now: number, run: () => void): void {
    round.enter();
    try {
      run();
    } finally {
      round.leave(now);
    }
  }

  /** A socket that is given up is never heard of again, so its wake-up ends here. */
  function cancelling(inner: Cancellable, wakeUp: WakeUp): Cancellable {
    return {
      cancel() {
        inner.cancel();
        wakeUp.end(platform.now());
      },
    };
  }

  function wrapDatagrams(handler: DatagramHandler, wakeUp: WakeUp): DatagramHandler {
    return {
      onOpen: (port, now) => inRound(now, () => handler.onOpen(port, now)),
      onError: (reason, now) => inRound(now, () => handler.onError(reason, now)),
      onDatagram(data, address, port, now) {
        wakeUp.begin();
        handler.onDatagram(data, address, port, now);
      },
      onDrained(now) {
        handler.onDrained(now);
        wakeUp.end(now);
      },
    };
  }

  function wrapStream(handler: StreamHandler, wakeUp: WakeUp): StreamHandler {
    return {
      onOpen: (port, now) => inRound(now, () => handler.onOpen(port, now)),
      onData(data, now) {
        wakeUp.begin();
        handler.onData(data, now);
      },
      onDrained(now) {
        handler.onDrained(now);
        wakeUp.end(now);
      },
      onClose(reason, now) {
        inRound(now, () => handler.onClose(reason, now));
        wakeUp.end(now);
      },
    };
  }

  function wrapListener(handler: ListenerHandler): ListenerHandler {
    return {
      onListening: (port, now) => inRound(now, () => handler.onListening(port, now)),
      onError: (reason, now) => inRound(now, () => handler.onError(reason, now)),
      onConnection(address, port, now) {
        let accepted: StreamHandler | undefined;
        inRound(now, () => {
          accepted = handler.onConnection(address, port, now);
        });
        return accepted && wrapStream(accepted, new WakeUp(round));
      },
    };
  }

  return {
    interfaces: () => network.interfaces(),
    openUdp(options, handler) {
      const wakeUp = new WakeUp(round);
      return cancelling(network.openUdp(options, wrapDatagrams(handler, wakeUp)), wakeUp);
    },
    connectTcp(options, handler) {
      const wakeUp = new WakeUp(round);
      return cancelling(network.connectTcp(options, wrapStream(handler, wakeUp)), wakeUp);
    },
    listenTcp: (options, handler) => network.listenTcp(options, wrapListener(handler)),
    resolve: (hostname, done) =>
      network.resolve(hostname, (addresses, now) => inRound(now, () => done(addresses, now))),
    publish: (hostname, address) => network.publish(hostname, address),
    firstHopPayload: (local, remote) => network.firstHopPayload?.(local, remote) ?? 1472,
  };
}
