// A network whose handlers run inside rounds: one round for all that a wake-up of the event loop brings. The round opens
// with the first datagram and ends when the socket has drained, or is given up; or with each datagram while a connection is
// set up (RoundOwner.isHasty). Exceptions stop here (round.ts), and what
// is open is known here, so that a transport whose machines cannot be asked any more still gives everything back.
import type {
  Cancellable,
  DatagramHandler,
  DatagramPort,
  ListenerHandler,
  Network,
  StreamHandler,
  StreamPort,
} from "../util/net.js";
import type { Platform } from "./platform.js";
import type { Round } from "./round.js";

/** Holds a round open from the first input of a wake-up to its end. */
class WakeUp {
  private readonly round: Round;
  private readonly platform: Platform;
  private open = false;

  constructor(round: Round, platform: Platform) {
    this.round = round;
    this.platform = platform;
  }

  begin(): void {
    if (this.open) return;
    this.open = true;
    this.round.enter();
  }

  end(): void {
    if (!this.open) return;
    this.open = false;
    if (this.round.isClosed) return;
    try {
      this.round.leave(this.platform.now());
    } catch (error) {
      this.round.fault(error);
    }
  }
}

interface Port {
  readonly localAddress: string;
  readonly localPort: number;
  close(): void;
}

/** A port whose closing is noted. */
class RoundPort<P extends Port> implements Port {
  readonly localAddress: string;
  readonly localPort: number;
  protected readonly port: P;
  private readonly open: Set<{ close(): void }>;
  private readonly wakeUp: WakeUp;

  constructor(port: P, open: Set<{ close(): void }>, wakeUp: WakeUp) {
    this.localAddress = port.localAddress;
    this.localPort = port.localPort;
    this.port = port;
    this.open = open;
    this.wakeUp = wakeUp;
    open.add(this);
  }

  close(): void {
    this.open.delete(this);
    this.port.close();
    // A closed socket may never say that it has drained.
    this.wakeUp.end();
  }
}

class RoundDatagramPort extends RoundPort<DatagramPort> implements DatagramPort {
  send(data: Uint8Array, address: string, port: number): boolean {
    return this.port.send(data, address, port);
  }

  keeps(): boolean {
    return this.port.keeps?.() ?? true;
  }
}

class RoundStreamPort extends RoundPort<StreamPort> implements StreamPort {
  readonly remoteAddress: string;
  readonly remotePort: number;

  constructor(port: StreamPort, open: Set<{ close(): void }>, wakeUp: WakeUp) {
    super(port, open, wakeUp);
    this.remoteAddress = port.remoteAddress;
    this.remotePort = port.remotePort;
  }

  get bufferedAmount(): number {
    return this.port.bufferedAmount;
  }

  write(data: Uint8Array): void {
    this.port.write(data);
  }
}

/** The platform's network as the machines see it. */
export interface RoundNetwork extends Network {
  /** Gives up and closes whatever is left. */
  closeAll(): void;
}

export function roundNetwork(platform: Platform, round: Round): RoundNetwork {
  const { network } = platform;
  /** Ports, listeners and attempts that have not ended. */
  const open = new Set<{ close(): void }>();

  /** Keeps what `start` began in `open` until it ends or is given up. */
  function attempt(start: (ended: () => void) => Cancellable): Cancellable {
    let over = false;
    let inner: Cancellable | undefined;
    const entry = { close: () => handle.cancel() };
    const ended = (): void => {
      over = true;
      open.delete(entry);
    };
    const handle: Cancellable = {
      cancel() {
        ended();
        inner?.cancel();
      },
    };
    inner = start(ended);
    if (!over) open.add(entry);
    return handle;
  }

  function wrapDatagrams(handler: DatagramHandler, ended: () => void): DatagramHandler {
    const wakeUp = new WakeUp(round, platform);
    let opened: RoundDatagramPort | undefined;
    return {
      onOpen(port, now) {
        ended();
        opened = new RoundDatagramPort(port, open, wakeUp);
        const socket = opened;
        round.run(now, () => handler.onOpen(socket, now));
      },
      onError(reason, now) {
        ended();
        if (opened !== undefined) open.delete(opened);
        round.run(now, () => handler.onError(reason, now));
        wakeUp.end();
      },
      onDatagram(data, address, port, now) {
        if (round.isClosed) return;
        try {
          wakeUp.begin();
          // Entered once more: the handler may close this very socket, and so end its wake-up.
          round.enter();
          handler.onDatagram(data, address, port, now);
          round.leave(now);
          if (round.isHasty) wakeUp.end();
        } catch (error) {
          round.fault(error);
        }
      },
      onDrained(now) {
        round.run(now, () => handler.onDrained(now));
        wakeUp.end();
      },
    };
  }

  function wrapStream(handler: StreamHandler, ended: () => void): StreamHandler {
    const wakeUp = new WakeUp(round, platform);
    let opened: RoundStreamPort | undefined;
    return {
      onOpen(port, now) {
        ended();
        opened = new RoundStreamPort(port, open, wakeUp);
        const stream = opened;
        round.run(now, () => handler.onOpen(stream, now));
      },
      onData(data, now) {
        if (round.isClosed) return;
        try {
          wakeUp.begin();
          // Entered once more: the handler may close this very socket, and so end its wake-up.
          round.enter();
          handler.onData(data, now);
          round.leave(now);
          if (round.isHasty) wakeUp.end();
        } catch (error) {
          round.fault(error);
        }
      },
      onDrained(now) {
        round.run(now, () => handler.onDrained(now));
        wakeUp.end();
      },
      onClose(reason, now) {
        ended();
        if (opened !== undefined) open.delete(opened);
        round.run(now, () => handler.onClose(reason, now));
        wakeUp.end();
      },
    };
  }

  function wrapListener(handler: ListenerHandler, ended: () => void): ListenerHandler {
    return {
      onListening(port, now) {
        ended();
        const { localAddress, localPort } = port;
        const listener = {
          localAddress,
          localPort,
          close() {
            open.delete(listener);
            port.close();
          },
        };
        open.add(listener);
        round.run(now, () => handler.onListening(listener, now));
      },
      onError(reason, now) {
        ended();
        round.run(now, () => handler.onError(reason, now));
      },
      onConnection(address, port, now) {
        let accepted: StreamHandler | undefined;
        round.run(now, () => {
          accepted = handler.onConnection(address, port, now);
        });
        return accepted && wrapStream(accepted, () => {});
      },
    };
  }

  return {
    interfaces: () => network.interfaces(),
    openUdp: (options, handler) => attempt((ended) => network.openUdp(options, wrapDatagrams(handler, ended))),
    connectTcp: (options, handler) => attempt((ended) => network.connectTcp(options, wrapStream(handler, ended))),
    listenTcp: (options, handler) => attempt((ended) => network.listenTcp(options, wrapListener(handler, ended))),
    resolve: (hostname, done, isPeers) =>
      attempt((ended) => {
        const then = (addresses: readonly string[], now: number): void => {
          ended();
          round.run(now, () => done(addresses, now));
        };
        return network.resolve(hostname, then, isPeers);
      }),
    publish: (hostname, address) => attempt(() => network.publish(hostname, address)),
    firstHopPayload: (local, remote) => network.firstHopPayload?.(local, remote) ?? 1472,
    closeAll() {
      for (const entry of [...open]) {
        try {
          entry.close();
        } catch {
          // The others are to be closed all the same.
        }
      }
      open.clear();
    },
  };
}
