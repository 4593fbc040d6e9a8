// RTCPeerConnection (webrtc-pc §4.4): argument conversion and events around a Connection.
import type { AppliedDescription } from "../jsep/state.js";
import type { Platform } from "../peer/platform.js";
import { accessors } from "../util/accessors.js";
import {
  type Configuration,
  copyConfiguration,
  modifyConfiguration,
  type RTCConfiguration,
  rtcConfiguration,
  validateConfiguration,
} from "./configuration.js";
import { Connection, type ConnectionOwner } from "./connection.js";
import type {
  RTCIceGatheringState,
  RTCIceTransportState,
  RTCPeerConnectionState,
  RTCSignalingState,
} from "./connection-states.js";
import { domString, interfaceArgument } from "./conversions.js";
import { convertDataChannelArguments, dataChannelParameters, type RTCDataChannelInit } from "./data-channel-init.js";
import { DataChannelObjects } from "./data-channel-objects.js";
import { defaultPlatform } from "./environment.js";
import { domException, exceptionOf } from "./errors.js";
import type { EventHandler, EventHandlerRead, TypedEventTargetConstructor, Widened } from "./event-handlers.js";
import { fire, fireSimple } from "./events.js";
import { Identity, type RTCIdentityProviderOptions, rtcIdentityProviderOptions } from "./identity.js";
import {
  checkArity,
  legacyCallbacks,
  type RTCPeerConnectionErrorCallback,
  type RTCSessionDescriptionCallback,
  settle,
  type VoidFunction,
} from "./legacy-callbacks.js";
import { MediaObjects, type MediaObjectsHost } from "./media-objects.js";
import type { MediaStream } from "./media-stream.js";
import { type MediaStreamTrack, trackImplOf } from "./media-stream-track.js";
import { type RTCAnswerOptions, type RTCOfferOptions, rtcAnswerOptions, rtcOfferOptions } from "./offer-options.js";
import {
  type AlgorithmIdentifier,
  certificateImplOf,
  generateCertificate,
  type RTCCertificate,
} from "./rtc-certificate.js";
import type { RTCDataChannel, RTCDataChannelEvent } from "./rtc-data-channel.js";
import { iceCandidateEvent, RTCPeerConnectionIceErrorEvent, type RTCPeerConnectionIceEvent } from "./rtc-events.js";
import { iceCandidateInit, RTCIceCandidate, type RTCIceCandidateInit } from "./rtc-ice-candidate.js";
import type { RTCIdentityAssertion } from "./rtc-identity-assertion.js";
import type { ReceiverImpl, RTCRtpReceiver } from "./rtc-rtp-receiver.js";
import { type RTCRtpSender, type SenderImpl, senderImplOf } from "./rtc-rtp-sender.js";
import { type RTCRtpTransceiver, type RTCRtpTransceiverInit, rtpTransceiverInit } from "./rtc-rtp-transceiver.js";
import type { RTCSctpTransport } from "./rtc-sctp-transport.js";
import {
  localSessionDescriptionInit,
  type RTCLocalSessionDescriptionInit,
  type RTCSdpType,
  RTCSessionDescription,
  type RTCSessionDescriptionInit,
  sessionDescriptionInit,
} from "./rtc-session-description.js";
import type { RTCStatsReport } from "./rtc-stats-report.js";
import type { RTCTrackEvent } from "./rtc-track-event.js";
import { initialEncodings } from "./rtp-parameters.js";
import { DEFAULT_MAX_MESSAGE_SIZE, type ServerOptions, serverOptions } from "./server-options.js";
import { ConnectionStats, type StatsSource } from "./stats.js";
import { transportConfiguration } from "./transport-configuration.js";
import { TransportObjects } from "./transport-objects.js";
import { construct, constructing, defineInterface, executing, isPlatformObject } from "./webidl.js";

export interface RTCPeerConnectionEventMap {
  connectionstatechange: Event;
  datachannel: RTCDataChannelEvent;
  icecandidate: RTCPeerConnectionIceEvent;
  icecandidateerror: RTCPeerConnectionIceErrorEvent;
  iceconnectionstatechange: Event;
  icegatheringstatechange: Event;
  negotiationneeded: Event;
  signalingstatechange: Event;
  track: RTCTrackEvent;
}
const makeMediaHost = accessors<MediaObjectsHost, "isClosed" | "isConnected">(["isClosed", "isConnected"]);
const makeStatsSource = accessors<StatsSource, "transports" | "transceivers">(["transports", "transceivers"]);

/** See EventHandlerRead. */
interface RTCPeerConnectionHandlers {
  get ondatachannel(): EventHandlerRead;
  set ondatachannel(handler: EventHandler<RTCDataChannelEvent>);
  get onicecandidate(): EventHandlerRead;
  set onicecandidate(handler: EventHandler<RTCPeerConnectionIceEvent>);
  get onicecandidateerror(): EventHandlerRead;
  set onicecandidateerror(handler: EventHandler<RTCPeerConnectionIceErrorEvent>);
  get ontrack(): EventHandlerRead;
  set ontrack(handler: EventHandler<RTCTrackEvent>);
}
const PeerConnectionTarget: TypedEventTargetConstructor<RTCPeerConnectionEventMap, RTCPeerConnectionHandlers> =
  EventTarget as never;

export class RTCPeerConnection extends PeerConnectionTarget {
  readonly #connection: Connection;
  readonly #objects: TransportObjects;
  readonly #media: MediaObjects;
  readonly #identity: Identity;
  #configuration: Configuration;
  #madeStats: ConnectionStats | undefined;
  readonly #platform: Platform;
  readonly #channels: DataChannelObjects;
  readonly #descriptions = new WeakMap<AppliedDescription, RTCSessionDescription>();
  declare onconnectionstatechange: EventHandler;
  declare oniceconnectionstatechange: EventHandler;
  declare onicegatheringstatechange: EventHandler;
  declare onnegotiationneeded: EventHandler;
  declare onsignalingstatechange: EventHandler;

  /** `options` is Parley's own, for servers: what browsers have no words for. */
  constructor(configuration?: RTCConfiguration, options?: ServerOptions) {
    super();
    const where = constructing("RTCPeerConnection");
    const settings = serverOptions(options, where);
    const platform = settings.platform ?? defaultPlatform();
    this.#platform = platform;
    const now = platform.timeOrigin + platform.now();
    this.#configuration = validateConfiguration(rtcConfiguration(configuration, where), now, where);
    this.#identity = new Identity(this.#configuration.peerIdentity);
    const maxMessageSize = settings.maxMessageSize ?? DEFAULT_MAX_MESSAGE_SIZE;
    this.#objects = new TransportObjects({
      queueTask: (run) => this.#connection.queueTask(run),
      queueFinalTask: (run) => platform.queueTask(run),
      onStatesChanged: (...own) => this.#connection.updateStates(...own),
    });
    const states = {
      isClosed: () => this.#connection.isClosed,
      isConnected: () => this.#connection.connectionState === "connected",
    };
    this.#channels = new DataChannelObjects({
      target: this,
      tasks: () => this.#connection.tasks,
      sctp: () => this.#objects.sctp,
    });
    const mediaHost = makeMediaHost(states, {
      platform,
      target: this,
      queueTask: (run) => this.#connection.queueTask(run),
      updateNegotiationNeeded: () => this.#connection.updateNegotiationNeeded(),
      chain: (operation) => this.#connection.chainOperation(operation),
      dtlsTransport: (id) => this.#objects.dtlsTransport(id),
      getStats: (selector) => this.#stats.report(selector),
      peerTransport: (id) => this.#connection.transports.get(id),
    });
    this.#media = new MediaObjects(mediaHost);
    this.#connection = new Connection(
      {
        platform,
        bundlePolicy: this.#configuration.bundlePolicy,
        rtcpMuxPolicy: this.#configuration.rtcpMuxPolicy,
        iceLite: settings.iceLite ?? false,
        rtpHeaderEncryptionPolicy: this.#configuration.rtpHeaderEncryptionPolicy,
        maxMessageSize,
        congestionControlFeedback: settings.congestionControlFeedback,
        sctpSnap: settings.sctpSnap,
        certificates: this.#configuration.certificates.map(certificateImplOf),
        transportConfiguration: () => transportConfiguration(platform, maxMessageSize, this.#configuration, settings),
      },
      this.#owner(),
    );
    this.#connection.resizePool(this.#configuration.iceCandidatePoolSize, false);
  }

  /** Made when they are first asked for. */
  get #stats(): ConnectionStats {
    this.#madeStats ??= new ConnectionStats(this.#statsSource(this.#platform));
    return this.#madeStats;
  }

  #statsSource(platform: Platform): StatsSource {
    const connection = this.#connection;
    const objects = this.#objects;
    const media = this.#media;
    const lists = { transports: () => objects.all, transceivers: () => media.list };
    return makeStatsSource(lists, {
      platform,
      certificate: () => connection.certificates()[0]?.der,
      channels: this.#channels.all,
      channelCounts: this.#channels.counts,
    });
  }

  #owner(): ConnectionOwner {
    return {
      fire: (type) => fireSimple(this, type),
      fireCandidate: (init, local) => {
        const url = local?.url ?? null;
        const relayProtocol = local?.relayProtocol ?? null;
        const candidate = init && construct(RTCIceCandidate, { relayProtocol, url, ...init });
        fire(this, iceCandidateEvent(candidate, url));
      },
      exception: exceptionOf,
      committed: (plan) => this.#objects.committed(plan),
      media: this.#media,
      carriedOut: (plan) => {
        const { sctp } = plan;
        this.#channels.attach(sctp === null ? undefined : this.#connection.transports.get(sctp.transport));
        this.#media.carriedOut(plan);
      },
      remoteCandidateAdded: (id, candidate) => this.#objects.addRemoteCandidate(id, candidate),
      transportCreated: (id, transport) => this.#objects.transportCreated(id, transport),
      transportEvents: (id) => ({
        onCandidateError: ({ address, port, url, errorCode, errorText }) =>
          this.#connection.queueTask(() => {
            const init = { address: address ?? null, port: port ?? null, url, errorCode, errorText };
            fire(this, new RTCPeerConnectionIceErrorEvent("icecandidateerror", init));
          }),
        onChannel: (channel) => this.#channels.accept(channel),
        ...this.#objects.observer(id),
      }),
      transportStates: () => this.#objects.states(),
      hasDataChannels: () => this.#channels.hadAny,
    };
  }

  // Data channels (§6.1)

  get sctp(): RTCSctpTransport | null {
    return this.#objects.sctp?.wrapper ?? null;
  }

  createDataChannel(label: string, dataChannelDict?: RTCDataChannelInit): RTCDataChannel {
    const where = executing("createDataChannel", "RTCPeerConnection");
    const given = convertDataChannelArguments(label, dataChannelDict, where);
    this.#checkOpen(where);
    const parameters = dataChannelParameters(given, where);
    const first = !this.#channels.hadAny;
    const channel = this.#channels.create(parameters, where);
    if (first) this.#connection.updateNegotiationNeeded();
    return channel.wrapper;
  }

  #checkOpen(where: string): void {
    if (!this.#connection.isClosed) return;
    throw domException("InvalidStateError", `${where}The RTCPeerConnection's signalingState is 'closed'.`);
  }

  // Offer and answer (§4.4.2)

  createOffer(options?: RTCOfferOptions): Promise<RTCSessionDescriptionInit>;
  createOffer(
    successCallback: RTCSessionDescriptionCallback,
    failureCallback: RTCPeerConnectionErrorCallback,
    options?: RTCOfferOptions,
  ): Promise<void>;
  createOffer(...args: unknown[]): Promise<unknown> {
    const where = executing("createOffer", "RTCPeerConnection");
    const callbacks = args.length > 1 ? legacyCallbacks(args, 0, where) : undefined;
    const options = rtcOfferOptions(args[callbacks === undefined ? 0 : 2], where);
    const { iceRestart, offerToReceiveAudio, offerToReceiveVideo } = options;
    if (!this.#connection.isClosed) {
      if (offerToReceiveAudio !== undefined) this.#media.offerToReceive("audio", offerToReceiveAudio);
      if (offerToReceiveVideo !== undefined) this.#media.offerToReceive("video", offerToReceiveVideo);
    }
    return settle(this.#identity.assertionFailure(where) ?? this.#connection.createOffer(iceRestart), callbacks);
  }

  createAnswer(options?: RTCAnswerOptions): Promise<RTCSessionDescriptionInit>;
  createAnswer(
    successCallback: RTCSessionDescriptionCallback,
    failureCallback: RTCPeerConnectionErrorCallback,
  ): Promise<void>;
  createAnswer(...args: unknown[]): Promise<unknown> {
    const where = executing("createAnswer", "RTCPeerConnection");
    const callbacks = args.length > 1 ? legacyCallbacks(args, 0, where) : undefined;
    if (callbacks === undefined) rtcAnswerOptions(args[0], where);
    return settle(this.#identity.assertionFailure(where) ?? this.#connection.createAnswer(), callbacks);
  }

  setLocalDescription(description?: RTCLocalSessionDescriptionInit): Promise<void>;
  setLocalDescription(
    description: RTCLocalSessionDescriptionInit,
    successCallback: VoidFunction,
    failureCallback: RTCPeerConnectionErrorCallback,
  ): Promise<void>;
  setLocalDescription(...args: unknown[]): Promise<unknown> {
    const where = executing("setLocalDescription", "RTCPeerConnection");
    checkArity(args, where);
    const { type, sdp } = localSessionDescriptionInit(args[0], where);
    const callbacks = args.length > 1 ? legacyCallbacks(args, 1, where) : undefined;
    return settle(this.#connection.setLocalDescription(type, sdp), callbacks);
  }

  setRemoteDescription(description: RTCSessionDescriptionInit): Promise<void>;
  setRemoteDescription(
    description: RTCSessionDescriptionInit,
    successCallback: VoidFunction,
    failureCallback: RTCPeerConnectionErrorCallback,
  ): Promise<void>;
  setRemoteDescription(...args: unknown[]): Promise<unknown> {
    const where = executing("setRemoteDescription", "RTCPeerConnection");
    checkArity(args, where);
    const { type, sdp } = sessionDescriptionInit(args[0], where);
    const callbacks = args.length > 1 ? legacyCallbacks(args, 1, where) : undefined;
    return settle(this.#setRemoteDescription(type, sdp, where), callbacks);
  }

  #setRemoteDescription(type: RTCSdpType, sdp: string, where: string): Promise<void> {
    if (type !== "rollback" && !this.#connection.isClosed) this.#identity.checkTarget(where);
    const result = this.#connection.setRemoteDescription(type, sdp);
    if (type !== "rollback" && sdp.includes("\na=identity:")) {
      result.then(
        () => this.#identity.handleAssertions(),
        () => {},
      );
    }
    return result;
  }

  addIceCandidate(candidate?: RTCIceCandidateInit | null): Promise<void>;
  addIceCandidate(
    candidate: RTCIceCandidateInit,
    successCallback: VoidFunction,
    failureCallback: RTCPeerConnectionErrorCallback,
  ): Promise<void>;
  addIceCandidate(...args: unknown[]): Promise<unknown> {
    const where = executing("addIceCandidate", "RTCPeerConnection");
    checkArity(args, where);
    const init = iceCandidateInit(args[0], where);
    const callbacks = args.length > 1 ? legacyCallbacks(args, 1, where) : undefined;
    return settle(this.#addIceCandidate(init, where), callbacks);
  }

  async #addIceCandidate(init: Required<RTCIceCandidateInit>, where: string): Promise<void> {
    if (init.candidate !== "" && init.sdpMid === null && init.sdpMLineIndex === null) {
      throw new TypeError(`${where}Candidate missing values for both sdpMid and sdpMLineIndex`);
    }
    return this.#connection.addIceCandidate(init);
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

  getConfiguration(): Widened<RTCConfiguration, "rtcpMuxPolicy"> & { certificates?: RTCCertificate[] } {
    return copyConfiguration(this.#configuration);
  }

  setConfiguration(configuration?: RTCConfiguration): void {
    const where = executing("setConfiguration", "RTCPeerConnection");
    const given = rtcConfiguration(configuration, where);
    this.#checkOpen(where);
    const { state, transports } = this.#connection;
    const hasLocalDescription = state.currentLocal !== null || state.pendingLocal !== null;
    const before = this.#configuration;
    this.#configuration = modifyConfiguration(before, given, hasLocalDescription, where);
    const { servers, iceTransportPolicy, iceCandidatePoolSize } = this.#configuration;
    transports.setServers(servers, iceTransportPolicy);
    const isSame =
      iceTransportPolicy === before.iceTransportPolicy && JSON.stringify(servers) === JSON.stringify(before.servers);
    if (!hasLocalDescription) this.#connection.resizePool(iceCandidatePoolSize, !isSame);
    else if (!isSame) this.#connection.outdateCandidates();
  }

  /** Ends everything at once, without events (§4.4.2, "close the connection"). */
  close(): void {
    if (this.#connection.isClosed) return;
    this.#connection.close();
    this.#channels.close();
    this.#objects.closeAll();
    this.#media.close();
  }

  // Media (§5.1)

  getSenders(): RTCRtpSender[] {
    return this.#media.live.map(({ sender }) => sender.wrapper);
  }
  getReceivers(): RTCRtpReceiver[] {
    return this.#media.live.map(({ receiver }) => receiver.wrapper);
  }
  getTransceivers(): RTCRtpTransceiver[] {
    return this.#media.list.map(({ wrapper }) => wrapper);
  }

  addTrack(track: MediaStreamTrack, ...streams: MediaStream[]): RTCRtpSender {
    const where = executing("addTrack", "RTCPeerConnection");
    const impl = trackImplOf(interfaceArgument(track, "MediaStreamTrack", 1, where));
    streams.forEach((stream, index) => {
      interfaceArgument(stream, "MediaStream", index + 2, where);
    });
    this.#checkOpen(where);
    const { kind } = impl;
    if (this.#media.live.some(({ sender }) => sender.track === impl)) {
      throw domException("InvalidAccessError", `${where}A sender already exists for the track.`);
    }
    let transceiver = this.#media.reusable(kind);
    if (transceiver !== undefined) this.#media.take(transceiver, impl);
    else transceiver = this.#media.add(kind, impl, "sendrecv", initialEncodings(kind, [], where), true);
    transceiver.sender.setStreams(streams);
    this.#connection.updateNegotiationNeeded();
    return transceiver.sender.wrapper;
  }

  removeTrack(sender: RTCRtpSender): void {
    const where = executing("removeTrack", "RTCPeerConnection");
    const impl = senderImplOf(interfaceArgument(sender, "RTCRtpSender", 1, where));
    this.#checkOpen(where);
    if (!this.#media.owns(impl)) {
      throw domException("InvalidAccessError", `${where}The sender was not created by this peer connection.`);
    }
    this.#media.removeTrack(impl);
  }

  addTransceiver(trackOrKind: MediaStreamTrack | string, init?: RTCRtpTransceiverInit): RTCRtpTransceiver {
    const where = executing("addTransceiver", "RTCPeerConnection");
    const isTrack = isPlatformObject(trackOrKind, "MediaStreamTrack");
    const track = isTrack ? trackImplOf(trackOrKind as MediaStreamTrack) : null;
    const kind = track?.kind ?? domString(trackOrKind, where);
    const { direction, streams, sendEncodings } = rtpTransceiverInit(init, where);
    if (kind !== "audio" && kind !== "video") {
      throw new TypeError(`${where}The argument provided as parameter 1 is not a valid MediaStreamTrack kind.`);
    }
    if (direction === "stopped") throw new TypeError(`${where}A transceiver cannot be made stopped.`);
    this.#checkOpen(where);
    const encodings = initialEncodings(kind, sendEncodings, where);
    const transceiver = this.#media.add(kind, track, direction, encodings, false);
    transceiver.sender.setStreams(streams);
    this.#connection.updateNegotiationNeeded();
    return transceiver.wrapper;
  }

  // Statistics (§8)

  getStats(selector?: MediaStreamTrack | null): Promise<RTCStatsReport> {
    if (selector === null || selector === undefined) return this.#stats.report();
    const where = executing("getStats", "RTCPeerConnection");
    const track = trackImplOf(interfaceArgument(selector, "MediaStreamTrack", 1, where));
    const found = this.#media.list
      .flatMap<SenderImpl | ReceiverImpl>(({ sender, receiver }) => [sender, receiver])
      .filter((candidate) => candidate.track === track);
    if (found.length === 1) return this.#stats.report(found[0]);
    const message = found.length === 0 ? "There is no sender or receiver" : "There is more than one sender or receiver";
    throw domException("InvalidAccessError", `${where}${message} for the track.`);
  }

  // Identity (webrtc-identity)

  setIdentityProvider(provider: string, options?: RTCIdentityProviderOptions): void {
    const where = executing("setIdentityProvider", "RTCPeerConnection");
    const domain = domString(provider, where);
    const converted = rtcIdentityProviderOptions(options, where);
    this.#checkOpen(where);
    this.#identity.setProvider(domain, converted);
  }
  getIdentityAssertion(): Promise<string> {
    const where = executing("getIdentityAssertion", "RTCPeerConnection");
    this.#checkOpen(where);
    return this.#identity.assertion(where);
  }
  get peerIdentity(): Promise<RTCIdentityAssertion> {
    return this.#identity.peerIdentity;
  }
  get idpLoginUrl(): string | null {
    return this.#identity.idpLoginUrl;
  }
  get idpErrorInfo(): string | null {
    return this.#identity.idpErrorInfo;
  }

  static generateCertificate(keygenAlgorithm: AlgorithmIdentifier): Promise<RTCCertificate> {
    return generateCertificate(defaultPlatform(), keygenAlgorithm);
  }

  static {
    defineInterface(RTCPeerConnection, {
      name: "RTCPeerConnection",
      brand: (o) => #connection in o,
      constructorLength: 0,
      required: {
        createDataChannel: 1,
        addTransceiver: 1,
        setRemoteDescription: 1,
        setConfiguration: 0,
        getStats: 0,
        setIdentityProvider: 1,
      },
      promises: [
        "createOffer",
        "createAnswer",
        "setLocalDescription",
        "setRemoteDescription",
        "addIceCandidate",
        "getStats",
        "getIdentityAssertion",
        "peerIdentity",
        "generateCertificate",
      ],
      handlers: [
        "negotiationneeded",
        "icecandidate",
        "icecandidateerror",
        "signalingstatechange",
        "iceconnectionstatechange",
        "icegatheringstatechange",
        "connectionstatechange",
        "datachannel",
        "track",
      ],
    });
  }
}
