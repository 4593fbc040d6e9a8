// RTCPeerConnection (webrtc-pc §4.4): argument conversion and events around a Connection, and its data channels.
import type { Plan } from "../jsep/plan.js";
import type { AppliedDescription } from "../jsep/state.js";
import type { Channel, ChannelHandler, PeerTransport } from "../peer/peer-transport.js";
import {
  type Configuration,
  configurationDictionary,
  type RTCConfiguration,
  toRTCConfiguration,
  validateConfiguration,
} from "./configuration.js";
import { Connection, type ConnectionOwner } from "./connection.js";
import type { RTCIceGatheringState, RTCIceTransportState, RTCPeerConnectionState } from "./connection-states.js";
import { dataChannelProperties, type RTCDataChannelInit } from "./data-channel-init.js";
import { defaultPlatform } from "./environment.js";
import { exceptionOf } from "./errors.js";
import {
  RTCDataChannelEvent,
  RTCErrorEvent,
  RTCPeerConnectionIceErrorEvent,
  RTCPeerConnectionIceEvent,
} from "./events.js";
import { certificates, generateCertificate, type RTCCertificate } from "./rtc-certificate.js";
import { type DataChannelContext, dataChannels, type RTCDataChannel } from "./rtc-data-channel.js";
import { localIceCandidate, type RTCIceCandidateInit, toRTCIceCandidateInit } from "./rtc-ice-candidate.js";
import type { RTCSctpTransport } from "./rtc-sctp-transport.js";
import {
  RTCSessionDescription,
  type RTCSessionDescriptionInit,
  toRTCLocalSessionDescriptionInit,
  toRTCSessionDescriptionInit,
} from "./rtc-session-description.js";
import { DEFAULT_MAX_MESSAGE_SIZE, MAX_MESSAGE_SIZE, type ServerOptions } from "./server-options.js";
import { TransportObjects } from "./transport-objects.js";
import {
  constructing,
  defineInterface,
  dictionary,
  executing,
  promised,
  requireArguments,
  toBoolean,
  toCallback,
} from "./webidl.js";

export type RTCSignalingState =
  | "stable"
  | "have-local-offer"
  | "have-remote-offer"
  | "have-local-pranswer"
  | "have-remote-pranswer"
  | "closed";

export interface RTCOfferOptions {
  iceRestart?: boolean;
}

const toRTCOfferOptions = dictionary<RTCOfferOptions>("RTCOfferOptions", {
  iceRestart: { convert: toBoolean, default: () => false },
});

type Callback = (...args: unknown[]) => unknown;

export class RTCPeerConnection extends EventTarget {
  readonly #connection: Connection;
  readonly #objects: TransportObjects;
  #configuration: Configuration;
  readonly #channels = new Set<RTCDataChannel>();
  /** Channels that no association carries yet. */
  #unattached: RTCDataChannel[] = [];
  #hadDataChannel = false;
  readonly #descriptions = new WeakMap<AppliedDescription, RTCSessionDescription>();

  /** `options` is Parley's own, for servers: what browsers have no words for. */
  constructor(configuration?: RTCConfiguration, options?: ServerOptions) {
    super();
    const where = constructing("RTCPeerConnection");
    const settings = options ?? {};
    const platform = settings.platform ?? defaultPlatform();
    const now = platform.timeOrigin + platform.now();
    this.#configuration = validateConfiguration(toRTCConfiguration(configuration, where), where, now);
    const maxMessageSize = Math.min(settings.maxMessageSize ?? DEFAULT_MAX_MESSAGE_SIZE, MAX_MESSAGE_SIZE);
    this.#objects = new TransportObjects({
      queueTask: (run) => this.#connection.queueTask(run),
      queueFinalTask: (run) => platform.queueTask(run),
      onStatesChanged: () => this.#connection.updateStates(),
    });
    this.#connection = new Connection(
      {
        platform,
        bundlePolicy: this.#configuration.bundlePolicy,
        rtcpMuxPolicy: this.#configuration.rtcpMuxPolicy,
        iceLite: settings.iceLite ?? false,
        maxMessageSize,
        certificates: this.#configuration.certificates.map((certificate) => certificates.local(certificate)),
        transportConfiguration: () => ({
          platform,
          maxMessageSize,
          ice: {
            servers: this.#configuration.servers,
            policy: this.#configuration.iceTransportPolicy,
            lite: settings.iceLite,
            interfaceFilter: settings.interfaceFilter,
            portRange: settings.portRange,
            externalAddresses: settings.externalAddresses,
            loopback: settings.loopback,
            mdns: settings.mdns,
            tcp: settings.iceTcp,
          },
        }),
      },
      this.#owner(),
    );
  }

  #owner(): ConnectionOwner {
    return {
      fire: (type) => this.dispatchEvent(new Event(type)),
      fireCandidate: (init, local) => {
        const candidate = init && localIceCandidate(init, local ?? {});
        const url = local?.url ?? null;
        this.dispatchEvent(new RTCPeerConnectionIceEvent("icecandidate", { candidate, url }));
      },
      exception: exceptionOf,
      committed: (plan) => this.#objects.committed(plan),
      carriedOut: (plan) => this.#attachChannels(plan),
      remoteCandidateAdded: (id, candidate) => this.#objects.addRemoteCandidate(id, candidate),
      transportCreated: (id, transport) => this.#objects.transportCreated(id, transport),
      transportEvents: (id) => ({
        ...this.#objects.observer(id),
        onCandidateError: ({ address, port, url, errorCode, errorText }) =>
          this.#connection.queueTask(() => {
            const init = { address: address ?? null, port: port ?? null, url, errorCode, errorText };
            this.dispatchEvent(new RTCPeerConnectionIceErrorEvent("icecandidateerror", init));
          }),
        onChannel: (channel) => this.#acceptChannel(channel),
      }),
      transportStates: () => this.#objects.states(),
      hasDataChannels: () => this.#hadDataChannel,
    };
  }

  // Data channels (§6.1)

  get sctp(): RTCSctpTransport | null {
    return this.#objects.sctp;
  }

  createDataChannel(label: string, dataChannelDict: RTCDataChannelInit = {}): RTCDataChannel {
    const where = executing("createDataChannel", "RTCPeerConnection");
    requireArguments(arguments.length, 1, where);
    if (this.#connection.isClosed) {
      throw new DOMException(`${where}: The RTCPeerConnection's signalingState is 'closed'.`, "InvalidStateError");
    }
    const properties = dataChannelProperties(label, dataChannelDict);
    const { id } = properties;
    const maxChannels = this.#objects.sctp?.maxChannels ?? null;
    if (id !== null) {
      for (const other of this.#channels) {
        if (other.id === id) throw new DOMException(`${where}: the id ${id} is in use`, "OperationError");
      }
      if (maxChannels !== null && id >= maxChannels) {
        throw new DOMException(
          `${where}: the id ${id} is beyond the ${maxChannels} channels there can be`,
          "OperationError",
        );
      }
    }
    const channel = dataChannels.create(properties, this.#channelContext);
    this.#channels.add(channel);
    this.#unattached.push(channel);
    const first = !this.#hadDataChannel;
    this.#hadDataChannel = true;
    this.#openUnattached();
    if (first) this.#connection.updateNegotiationNeeded();
    return channel;
  }

  readonly #channelContext: DataChannelContext = {
    queueTask: (run) => this.#connection.queueTask(run),
    maxMessageSize: () => this.#objects.sctp?.maxMessageSize ?? Number.POSITIVE_INFINITY,
    fireError: (channel, error) => channel.dispatchEvent(new RTCErrorEvent("error", { error })),
    onClosed: (channel) => {
      this.#channels.delete(channel);
      this.#unattached = this.#unattached.filter((other) => other !== channel);
    },
  };

  #sctpTransport: PeerTransport | undefined;

  #attachChannels(plan: Plan): void {
    this.#sctpTransport = plan.sctp === null ? undefined : this.#connection.transports.get(plan.sctp.transport);
    this.#openUnattached();
  }

  #openUnattached(): void {
    const transport = this.#sctpTransport;
    if (transport === undefined) return;
    for (const channel of this.#unattached.splice(0)) {
      if (!dataChannels.isConnecting(channel)) continue;
      const { label, protocol, ordered, maxRetransmits, maxPacketLifeTime, negotiated, id, priority } = channel;
      const parameters = {
        label,
        protocol,
        ordered,
        negotiated,
        priority,
        maxRetransmits: maxRetransmits ?? undefined,
        maxPacketLifeTime: maxPacketLifeTime ?? undefined,
        id: id ?? undefined,
      };
      dataChannels.attach(channel, transport.openChannel(parameters, dataChannels.handler(channel)));
    }
  }

  #acceptChannel(underlying: Channel): ChannelHandler {
    const { parameters, id } = underlying;
    const channel = dataChannels.create(
      {
        label: parameters.label,
        protocol: parameters.protocol,
        ordered: parameters.ordered,
        maxPacketLifeTime: parameters.maxPacketLifeTime ?? null,
        maxRetransmits: parameters.maxRetransmits ?? null,
        negotiated: false,
        id,
        priority: parameters.priority,
      },
      this.#channelContext,
    );
    dataChannels.attach(channel, underlying);
    this.#channels.add(channel);
    this.#hadDataChannel = true;
    this.#connection.queueTask(() => {
      dataChannels.setOpen(channel);
      this.dispatchEvent(new RTCDataChannelEvent("datachannel", { channel }));
      dataChannels.announce(channel);
    });
    return dataChannels.handler(channel);
  }

  // Offer and answer (§4.4.2)

  createOffer(...args: unknown[]): Promise<RTCSessionDescriptionInit> {
    return promised(async () => {
      const where = executing("createOffer", "RTCPeerConnection");
      if (typeof args[0] === "function") {
        requireArguments(args.length, 2, where);
        const failure = toCallback(args[1], where);
        const { iceRestart } = toRTCOfferOptions(args[2], where);
        return legacy(this.#connection.createOffer(iceRestart!), args[0] as Callback, failure);
      }
      const { iceRestart } = toRTCOfferOptions(args[0], where);
      return this.#connection.createOffer(iceRestart!);
    });
  }

  createAnswer(...args: unknown[]): Promise<RTCSessionDescriptionInit> {
    return promised(async () => {
      const where = executing("createAnswer", "RTCPeerConnection");
      if (typeof args[0] === "function") {
        requireArguments(args.length, 2, where);
        return legacy(this.#connection.createAnswer(), args[0] as Callback, toCallback(args[1], where));
      }
      return this.#connection.createAnswer();
    });
  }

  setLocalDescription(...args: unknown[]): Promise<void> {
    return promised(async () => {
      const where = executing("setLocalDescription", "RTCPeerConnection");
      const { type, sdp } = toRTCLocalSessionDescriptionInit(args[0], where);
      const done = this.#connection.setLocalDescription(type, sdp);
      if (args.length > 1) return legacy(done, toCallback(args[1], where), toCallback(args[2], where));
      return done;
    });
  }

  setRemoteDescription(...args: unknown[]): Promise<void> {
    return promised(async () => {
      const where = executing("setRemoteDescription", "RTCPeerConnection");
      requireArguments(args.length, 1, where);
      const { type, sdp } = toRTCSessionDescriptionInit(args[0], where);
      const done = this.#connection.setRemoteDescription(type, sdp);
      if (args.length > 1) return legacy(done, toCallback(args[1], where), toCallback(args[2], where));
      return done;
    });
  }

  addIceCandidate(...args: unknown[]): Promise<void> {
    return promised(async () => {
      const where = executing("addIceCandidate", "RTCPeerConnection");
      const init = toRTCIceCandidateInit(args[0] as RTCIceCandidateInit | undefined, where);
      if (init.candidate !== "" && init.sdpMid === null && init.sdpMLineIndex === null) {
        throw new TypeError(`${where}: Candidate missing values for both sdpMid and sdpMLineIndex`);
      }
      const done = this.#connection.addIceCandidate(init);
      if (args.length > 1) return legacy(done, toCallback(args[1], where), toCallback(args[2], where));
      return done;
    });
  }

  #description(applied: AppliedDescription | null): RTCSessionDescription | null {
    if (applied === null) return null;
    let description = this.#descriptions.get(applied);
    if (description === undefined) {
      description = new RTCSessionDescription({ type: applied.type, sdp: applied.sdp });
      this.#descriptions.set(applied, description);
    }
    return description;
  }

  get localDescription(): RTCSessionDescription | null {
    const { pendingLocal, currentLocal } = this.#connection.state;
    return this.#description(pendingLocal ?? currentLocal);
  }

  get currentLocalDescription(): RTCSessionDescription | null {
    return this.#description(this.#connection.state.currentLocal);
  }

  get pendingLocalDescription(): RTCSessionDescription | null {
    return this.#description(this.#connection.state.pendingLocal);
  }

  get remoteDescription(): RTCSessionDescription | null {
    const { pendingRemote, currentRemote } = this.#connection.state;
    return this.#description(pendingRemote ?? currentRemote);
  }

  get currentRemoteDescription(): RTCSessionDescription | null {
    return this.#description(this.#connection.state.currentRemote);
  }

  get pendingRemoteDescription(): RTCSessionDescription | null {
    return this.#description(this.#connection.state.pendingRemote);
  }

  get signalingState(): RTCSignalingState {
    return this.#connection.signalingState;
  }

  get iceGatheringState(): RTCIceGatheringState {
    return this.#connection.iceGatheringState;
  }

  get iceConnectionState(): RTCIceTransportState {
    return this.#connection.iceConnectionState;
  }

  get connectionState(): RTCPeerConnectionState {
    return this.#connection.connectionState;
  }

  get canTrickleIceCandidates(): boolean | null {
    return this.#connection.state.canTrickleIceCandidates;
  }

  restartIce(): void {
    this.#connection.restartIce();
  }

  getConfiguration(): RTCConfiguration {
    return configurationDictionary(this.#configuration);
  }

  setConfiguration(configuration: RTCConfiguration = {}): void {
    const where = executing("setConfiguration", "RTCPeerConnection");
    if (this.#connection.isClosed) {
      throw new DOMException(`${where}: The RTCPeerConnection's signalingState is 'closed'.`, "InvalidStateError");
    }
    const { platform, state, transports } = this.#connection;
    const poolFixed = state.currentLocal !== null || state.pendingLocal !== null;
    const now = platform.timeOrigin + platform.now();
    const given = toRTCConfiguration(configuration, where);
    this.#configuration = validateConfiguration(given, where, now, this.#configuration, poolFixed);
    for (const transport of transports.all) {
      transport.setServers(this.#configuration.servers, this.#configuration.iceTransportPolicy);
    }
  }

  /** Ends everything at once, without events (§4.4.2, "close the connection"). */
  close(): void {
    if (this.#connection.isClosed) return;
    this.#connection.close();
    for (const channel of this.#channels) dataChannels.abandon(channel);
    this.#channels.clear();
    this.#unattached = [];
    this.#objects.closeAll();
  }

  static generateCertificate(...args: unknown[]): Promise<RTCCertificate> {
    return promised(async () => generateCertificate(defaultPlatform(), args));
  }
}
defineInterface(RTCPeerConnection, {
  handlers: [
    "negotiationneeded",
    "icecandidate",
    "icecandidateerror",
    "signalingstatechange",
    "iceconnectionstatechange",
    "icegatheringstatechange",
    "connectionstatechange",
    "datachannel",
  ],
  lengths: { setRemoteDescription: 1, generateCertificate: 1, createDataChannel: 1 },
});

/** The callback forms of the promise methods: the result goes to a callback, the promise gets undefined (§4.4.3). */
async function legacy<T>(result: Promise<T>, success: Callback, failure: Callback): Promise<never> {
  let value: T;
  try {
    value = await result;
  } catch (error) {
    failure(error);
    return undefined as never;
  }
  success(value);
  return undefined as never;
}
