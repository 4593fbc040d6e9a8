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
  private readonly open: Set<Closable>;
  private readonly wakeUp: WakeUp;

  constructor(port: P, open: Set<Closable>, wakeUp: WakeUp) {
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

  constructor(port: StreamPort, open: Set<Closable>, wakeUp: WakeUp) {
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

type Closable = { close(): void };

/** What was begun, in the list of what is open until it ends or is given up. */
class Attempt implements Cancellable, Closable {
  private readonly open: Set<Closable>;
  private inner: Cancellable | undefined;
  private over = false;

  constructor(open: Set<Closable>) {
    this.open = open;
  }

  /** To be called once `inner` has begun, which may be over by then. */
  begun(inner: Cancellable): Cancellable {
    if (!this.over) {
      this.inner = inner;
      this.open.add(this);
    }
    return this;
  }

  ended(): void {
    this.over = true;
    this.inner = undefined;
    this.open.delete(this);
  }

  cancel(): void {
    const { inner } = this;
    this.ended();
    inner?.cancel();
  }

  close(): void {
    this.cancel();
  }
}

/** What handlers of sockets and of streams have in common. */
class RoundHandler<H extends DatagramHandler | StreamHandler> {
  protected readonly network: RoundNetwork;
  protected readonly handler: H;
  protected readonly wakeUp: WakeUp;
  private attempt: Attempt | undefined;
  private port: Closable | undefined;

  /** Without an attempt: of a connection that was accepted. */
  constructor(network: RoundNetwork, handler: H, attempt: Attempt | undefined) {
    this.network = network;
    this.handler = handler;
    this.wakeUp = network.wakeUp();
    this.attempt = attempt;
  }

  private endAttempt(): void {
    this.attempt?.ended();
    this.attempt = undefined;
  }

  protected opened(port: Closable): void {
    this.endAttempt();
    this.port = port;
  }

  /** The platform has closed the port, or there never was one. */
  protected ended(): void {
    this.endAttempt();
    if (this.port !== undefined) this.network.open.delete(this.port);
  }

  onDrained(now: number): void {
    this.network.round.run(now, () => this.handler.onDrained(now));
    this.wakeUp.end();
  }
}

class RoundDatagramHandler extends RoundHandler<DatagramHandler> implements DatagramHandler {
  onOpen(port: DatagramPort, now: number): void {
    const { open, round } = this.network;
    const opened = new RoundDatagramPort(port, open, this.wakeUp);
    this.opened(opened);
    round.run(now, () => this.handler.onOpen(opened, now));
  }

  onError(reason: string, now: number): void {
    this.ended();
    this.network.round.run(now, () => this.handler.onError(reason, now));
    this.wakeUp.end();
  }

  onDatagram(data: Uint8Array, address: string, port: number, now: number): void {
    const { round } = this.network;
    if (round.isClosed) return;
    try {
      this.wakeUp.begin();
      // Entered once more: the handler may close this very socket, and so end its wake-up.
      round.enter();
      this.handler.onDatagram(data, address, port, now);
      round.leave(now);
      if (round.isHasty) this.wakeUp.end();
    } catch (error) {
      round.fault(error);
    }
  }
}

class RoundStreamHandler extends RoundHandler<StreamHandler> implements StreamHandler {
  onOpen(port: StreamPort, now: number): void {
    const { open, round } = this.network;
    const opened = new RoundStreamPort(port, open, this.wakeUp);
    this.opened(opened);
    round.run(now, () => this.handler.onOpen(opened, now));
  }

  onData(data: Uint8Array, now: number): void {
    const { round } = this.network;
    if (round.isClosed) return;
    try {
      this.wakeUp.begin();
      // As with datagrams.
      round.enter();
      this.handler.onData(data, now);
      round.leave(now);
      if (round.isHasty) this.wakeUp.end();
    } catch (error) {
      round.fault(error);
    }
  }

  onClose(reason: string | undefined, now: number): void {
    this.ended();
    this.network.round.run(now, () => this.handler.onClose(reason, now));
    this.wakeUp.end();
  }
}

/** The platform's network as the machines see it. */
export class RoundNetwork implements Network {
  /** @internal */
  readonly round: Round;
  /** @internal Ports, listeners and attempts that have not ended. */
  readonly open: Set<Closable> = new Set();
  private readonly platform: Platform;

  constructor(platform: Platform, round: Round) {
    this.platform = platform;
    this.round = round;
  }

  /** @internal */
  wakeUp(): WakeUp {
    return new WakeUp(this.round, this.platform);
  }

  private get network(): Network {
    return this.platform.network;
  }

  interfaces(): ReturnType<Network["interfaces"]> {
    return this.network.interfaces();
  }

  openUdp(options: Parameters<Network["openUdp"]>[0], handler: DatagramHandler): Cancellable {
    const attempt = new Attempt(this.open);
    return attempt.begun(this.network.openUdp(options, new RoundDatagramHandler(this, handler, attempt)));
  }

  connectTcp(options: Parameters<Network["connectTcp"]>[0], handler: StreamHandler): Cancellable {
    const attempt = new Attempt(this.open);
    return attempt.begun(this.network.connectTcp(options, new RoundStreamHandler(this, handler, attempt)));
  }

  listenTcp(options: Parameters<Network["listenTcp"]>[0], handler: ListenerHandler): Cancellable {
    const attempt = new Attempt(this.open);
    return attempt.begun(this.network.listenTcp(options, this.listenerHandler(handler, attempt)));
  }

  resolve(
    hostname: string,
    done: (addresses: readonly string[], now: number) => void,
    isPeers?: boolean | undefined,
  ): Cancellable {
    const attempt = new Attempt(this.open);
    const then = (addresses: readonly string[], now: number): void => {
      attempt.ended();
      this.round.run(now, () => done(addresses, now));
    };
    return attempt.begun(this.network.resolve(hostname, then, isPeers));
  }

  publish(hostname: string, address: string): Cancellable {
    return new Attempt(this.open).begun(this.network.publish(hostname, address));
  }

  firstHopPayload(local: string, remote: string): number {
    return this.network.firstHopPayload?.(local, remote) ?? 1472;
  }

  private listenerHandler(handler: ListenerHandler, attempt: Attempt): ListenerHandler {
    const { open, round } = this;
    return {
      onListening: (port, now) => {
        attempt.ended();
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
      onError: (reason, now) => {
        attempt.ended();
        round.run(now, () => handler.onError(reason, now));
      },
      onConnection: (address, port, now) => {
        let accepted: StreamHandler | undefined;
        round.run(now, () => {
          accepted = handler.onConnection(address, port, now);
        });
        return accepted && new RoundStreamHandler(this, accepted, undefined);
      },
    };
  }

  /** Gives up and closes whatever is left. */
  closeAll(): void {
    for (const entry of [...this.open]) {
      try {
        entry.close();
      } catch {
        // The others are to be closed all the same.
      }
    }
    this.open.clear();
  }
}
