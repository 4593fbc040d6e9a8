// Two ICE agents in the simulation, each on a host, with a signalling channel between them. For unit tests of src/ice.
import { IceAgent } from "#src/ice/agent.js";
import type {
  IceAgentOptions,
  IceCandidateError,
  IceGatheringState,
  IceParameters,
  IceRole,
  IceTransportState,
} from "#src/ice/options.js";
import type { IceCandidate } from "#src/util/ice-candidate.js";
import type { Cancellable, DatagramHandler, ListenerHandler, Network, StreamHandler } from "#src/util/net.js";
import type { Host } from "./network.js";
import type { Simulation } from "./simulation.js";

/** A network that tells when a handler has run: the owner's round. */
export function observed(network: Network, after: () => void): Network {
  const then =
    <A extends unknown[]>(handle: (...args: A) => void): ((...args: A) => void) =>
    (...args) => {
      handle(...args);
      after();
    };
  const stream = (handler: StreamHandler): StreamHandler => ({
    onOpen: then((port, now) => handler.onOpen(port, now)),
    onData: then((data, now) => handler.onData(data, now)),
    onDrained: then((now) => handler.onDrained(now)),
    onClose: then((reason, now) => handler.onClose(reason, now)),
  });
  return {
    interfaces: () => network.interfaces(),
    openUdp(options, handler: DatagramHandler): Cancellable {
      return network.openUdp(options, {
        onOpen: then((port, now) => handler.onOpen(port, now)),
        onError: then((reason, now) => handler.onError(reason, now)),
        onDatagram: then((data, address, port, now) => handler.onDatagram(data, address, port, now)),
        onDrained: then((now) => handler.onDrained(now)),
      });
    },
    connectTcp: (options, handler) => network.connectTcp(options, stream(handler)),
    listenTcp(options, handler: ListenerHandler): Cancellable {
      return network.listenTcp(options, {
        onListening: then((port, now) => handler.onListening(port, now)),
        onConnection(address, port, now) {
          const accepted = handler.onConnection(address, port, now);
          after();
          return accepted === undefined ? undefined : stream(accepted);
        },
        onError: then((reason, now) => handler.onError(reason, now)),
      });
    },
    resolve: (hostname, done) =>
      network.resolve(
        hostname,
        then((addresses, now) => done(addresses, now)),
      ),
    publish: (hostname, address) => network.publish(hostname, address),
  };
}

/** One side: the agent and everything it told its host. */
export class IcePeer {
  readonly sim: Simulation;
  readonly agent: IceAgent;
  readonly candidates: IceCandidate[] = [];
  readonly errors: IceCandidateError[] = [];
  readonly gathering: IceGatheringState[] = [];
  readonly states: [state: IceTransportState, time: number][] = [];
  readonly selected: [local: IceCandidate, remote: IceCandidate][] = [];
  readonly roles: IceRole[] = [];
  readonly received: string[] = [];
  drained = 0;
  /** Called for each local candidate, and with undefined at their end. */
  signal: ((candidate: IceCandidate | undefined) => void) | undefined;
  private timer: Cancellable | undefined;
  private timerAt = Infinity;

  constructor(sim: Simulation, host: Host, options: Partial<IceAgentOptions> = {}) {
    this.sim = sim;
    const platform = sim.platform(host);
    const network = observed(platform.network, () => this.arm());
    this.agent = new IceAgent(
      { crypto: platform.crypto, network, ...options },
      {
        onLocalCandidate: (candidate) => {
          this.candidates.push(candidate);
          this.signal?.(candidate);
        },
        onCandidateError: (error) => this.errors.push(error),
        onGatheringStateChange: (state) => {
          this.gathering.push(state);
          if (state === "complete") this.signal?.(undefined);
        },
        onStateChange: (state) => this.states.push([state, sim.now]),
        onSelectedPairChange: (local, remote) => this.selected.push([local, remote]),
        onRoleChange: (role) => this.roles.push(role),
        onData: (data) => this.received.push(Buffer.from(data).toString()),
        onDrained: () => {
          this.drained++;
        },
      },
    );
  }

  get state(): IceTransportState {
    return this.agent.state;
  }

  get connected(): boolean {
    return this.state === "connected" || this.state === "completed";
  }

  get now(): number {
    return this.sim.now;
  }

  /** Runs a command as the owner would. */
  do(command: (agent: IceAgent, now: number) => void): void {
    command(this.agent, this.sim.now);
    this.arm();
  }

  send(text: string): boolean {
    const sent = this.agent.send(new Uint8Array(Buffer.from(text)), this.sim.now);
    this.arm();
    return sent;
  }

  timeOf(state: IceTransportState): number | undefined {
    return this.states.find(([s]) => s === state)?.[1];
  }

  private arm(): void {
    const at = this.agent.deadline;
    if (at === this.timerAt) return;
    this.timer?.cancel();
    this.timer = undefined;
    this.timerAt = at;
    if (at === Infinity) return;
    this.timer = this.sim.scheduler.at(Math.max(at, this.sim.now), (now) => {
      this.timer = undefined;
      this.timerAt = Infinity;
      this.agent.handleTimeout(now);
      this.arm();
    });
  }
}

export interface ConnectOptions {
  /** Milliseconds that a candidate or description takes; 5 unless given. */
  readonly delay?: number;
  /** Candidates that are not passed on. */
  readonly filter?: (candidate: IceCandidate, from: IcePeer) => boolean;
  readonly parameters?: (parameters: IceParameters) => IceParameters;
  /** No end-of-candidates. */
  readonly endless?: boolean;
}

/** Offer and answer: `a` gathers and sends its parameters; `b` answers when it has them. Candidates trickle both ways. */
export function signalBetween(a: IcePeer, b: IcePeer, options: ConnectOptions = {}): void {
  const { delay = 5, filter, parameters = (p) => p } = options;
  const { scheduler } = a.sim;
  const trickle = (from: IcePeer, to: IcePeer): void => {
    from.signal = (candidate) => {
      if (candidate === undefined && options.endless === true) return;
      if (candidate !== undefined && filter?.(candidate, from) === false) return;
      scheduler.after(delay, () => {
        to.do((agent, now) => {
          if (candidate === undefined) agent.endOfRemoteCandidates(now);
          else agent.addRemoteCandidate(candidate, now);
        });
      });
    };
  };
  trickle(a, b);
  trickle(b, a);
  const pass = (from: IcePeer, to: IcePeer, then: () => void): void => {
    const sent = parameters(from.agent.localParameters);
    scheduler.after(delay, () => {
      to.do((agent, now) => agent.setRemoteParameters(sent, now));
      then();
    });
  };
  pass(a, b, () => {
    pass(b, a, () => {});
    b.do((agent, now) => agent.gather(now));
  });
  a.do((agent, now) => agent.gather(now));
}
