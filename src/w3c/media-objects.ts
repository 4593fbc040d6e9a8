// The transceivers of a connection, and what descriptions do to them (webrtc-pc §5.1, §4.4.1.5 "set a session
// description", §4.7.3 "check if negotiation is needed"). Offer and answer themselves are src/jsep.
import type { MediaKind } from "../jsep/codec-capabilities.js";
import { intersectDirections, receives, reverseDirection, sectionDirection, sends } from "../jsep/direction.js";
import { type NegotiatedMedia, negotiateMedia } from "../jsep/negotiated-media.js";
import type { Plan } from "../jsep/plan.js";
import type { DescriptionSource, SdpType } from "../jsep/signaling-state.js";
import type { MediaSlot, NegotiationState } from "../jsep/state.js";
import type { TransceiverPlan } from "../jsep/transceiver-plan.js";
import type { TransceiverDescription } from "../jsep/transceivers.js";
import type { PeerTransport } from "../peer/peer-transport.js";
import type { SdpDirection, SdpMedia, SdpSession } from "../sdp/model.js";
import { accessors } from "../util/accessors.js";
import { LateMap } from "../util/late-map.js";
import { fire } from "./events.js";
import type { MediaHost } from "./media-host.js";
import { StreamImpl } from "./media-stream.js";
import { randomUuid, type TrackImpl } from "./media-stream-track.js";
import { defaultEncodings, followEncodings, rememberStable, rollBackEncodings } from "./negotiated-encodings.js";
import type { DtlsTransportImpl } from "./rtc-dtls-transport.js";
import type { SenderImpl } from "./rtc-rtp-sender.js";
import { type LiveDirection, TransceiverImpl } from "./rtc-rtp-transceiver.js";
import { RTCTrackEvent, StreamEvent } from "./rtc-track-event.js";
import type { RTCRtpEncodingParameters } from "./rtp-parameters.js";

export interface MediaObjectsHost extends Omit<MediaHost, "changed"> {
  /** Where `track` events fire. */
  readonly target: object;
  dtlsTransport(id: number): DtlsTransportImpl | null;
  peerTransport(id: number): PeerTransport | undefined;
}

/** Streams of the peer that no receiver has at the moment, and that the program may see again. */
const MAX_IDLE_STREAMS = 64;

const makeHost = accessors<MediaHost, "isClosed" | "isConnected">(["isClosed", "isConnected"]);

export class MediaObjects {
  /** In order of creation. */
  list: readonly TransceiverImpl[] = [];
  /** Counts changes that make a created description out of date. */
  revision = 0;
  private readonly connection: MediaObjectsHost;
  private madeHost: MediaHost | undefined;
  private readonly cname: string;
  private nextId = 0;
  /** The peer's streams by identifier: those that receivers have, and the last of those that they had. */
  private remoteStreams = new LateMap<string, StreamImpl>();
  private isStable = true;

  constructor(connection: MediaObjectsHost) {
    this.connection = connection;
    this.cname = randomUuid(connection.platform).slice(0, 16);
  }

  /** What transceivers see; most connections for data have none. */
  private get host(): MediaHost {
    this.madeHost ??= this.makeHost(this.connection);
    return this.madeHost;
  }

  private makeHost(connection: MediaObjectsHost): MediaHost {
    const states = { isClosed: () => connection.isClosed, isConnected: () => connection.isConnected };
    return makeHost(states, {
      platform: connection.platform,
      queueTask: (run) => connection.queueTask(run),
      changed: () => {
        this.revision++;
      },
      updateNegotiationNeeded: () => connection.updateNegotiationNeeded(),
      chain: (operation) => connection.chain(operation),
      getStats: (selector) => connection.getStats(selector),
    });
  }

  // -- For offer and answer

  descriptions(): readonly TransceiverDescription[] {
    return this.list.map((transceiver) => transceiver.describe());
  }

  get isSettingParameters(): boolean {
    return this.list.some(({ sender }) => sender.isSettingParameters);
  }

  newTransceiverId(): string {
    return `t${this.nextId++}`;
  }

  // -- The program's calls (§5.1)

  add(
    kind: MediaKind,
    track: TrackImpl | null,
    direction: LiveDirection,
    encodings: RTCRtpEncodingParameters[],
    addedByAddTrack: boolean,
    id: string | null = null,
  ): TransceiverImpl {
    const transceiver = new TransceiverImpl(this.host, {
      id: id ?? this.newTransceiverId(),
      kind,
      direction,
      track,
      encodings,
      cname: this.cname,
      describedTrackId: this.describedTrackId(track),
      addedByAddTrack,
      madeByOffer: id !== null,
    });
    const first = this.list.find((other) => other.kind === kind && !other.stopping);
    if (first !== undefined) transceiver.copyExtensions(first);
    this.list = [...this.list, transceiver];
    this.revision++;
    return transceiver;
  }

  /** Two m-sections do not name the same track: a peer could not tell them apart without streams. */
  private describedTrackId(track: TrackImpl | null): string {
    const isTaken = track === null || this.list.some(({ sender }) => sender.describedTrackId === track.id);
    return isTaken ? randomUuid(this.connection.platform) : track.id;
  }

  /** A sender that addTrack can take: of that kind, without a track, and never used. */
  reusable(kind: MediaKind): TransceiverImpl | undefined {
    return this.list.find(
      (transceiver) =>
        transceiver.kind === kind && transceiver.sender.track === null && !transceiver.stopping && !transceiver.hasSent,
    );
  }

  take(transceiver: TransceiverImpl, track: TrackImpl): void {
    transceiver.attach(track);
    this.revision++;
  }

  /** Whether the sender was made by this connection. */
  owns(sender: SenderImpl): boolean {
    return sender.owner.host === this.host;
  }

  removeTrack(sender: SenderImpl): void {
    const transceiver = this.list.find((candidate) => candidate.sender === sender);
    if (transceiver === undefined || transceiver.stopping || sender.track === null) return;
    sender.setTrack(null);
    if (!sends(transceiver.direction)) return;
    transceiver.setDirection(receives(transceiver.direction) ? "recvonly" : "inactive");
  }

  get live(): readonly TransceiverImpl[] {
    return this.list.filter(({ stopped }) => !stopped);
  }

  /** offerToReceiveAudio and offerToReceiveVideo (§4.4.3.2). */
  offerToReceive(kind: MediaKind, wanted: boolean): void {
    const receiving = this.list.filter((t) => t.kind === kind && !t.stopping && receives(t.direction));
    if (!wanted) for (const t of receiving) t.setDirection(sends(t.direction) ? "sendonly" : "inactive");
    else if (receiving.length === 0) this.add(kind, null, "recvonly", defaultEncodings(kind), false);
  }

  /** The connection is closed: nothing fires any more. */
  close(): void {
    for (const transceiver of this.list) {
      transceiver.stop();
      transceiver.sender.flow.close();
      transceiver.receiver.flow.close();
    }
  }

  // -- Descriptions

  /** A plan has been committed. What it returns fires the events, in the same task. */
  committed(plan: Plan, source: DescriptionSource, type: SdpType): () => void {
    const changes: Changes = { muted: [], removed: [], added: [], streams: this.streamsInUse, tracks: [] };
    if (type === "offer" && this.isStable) for (const { sender } of this.list) rememberStable(sender);
    this.isStable = plan.next.signalingState === "stable";
    for (const entry of plan.transceivers) this.follow(entry, source, type, changes);
    for (const { transceiver, ...change } of plan.senderChanges) {
      this.list.find(({ id }) => id === transceiver)?.sender.follow(change);
    }
    if (type === "rollback") for (const { sender } of this.list) rollBackEncodings(sender);
    if (type === "answer") {
      const homes = new Set(plan.next.slots.map(({ transceiver }) => transceiver));
      for (const transceiver of this.list) {
        if (transceiver.stopping && !homes.has(transceiver.id)) transceiver.stop();
      }
      this.list = this.list.filter(({ stopped, id }) => !stopped || homes.has(id));
    }
    this.pruneStreams();
    return () => this.fire(changes);
  }

  /** The plan has been carried out on the transports: the media follows it. */
  carriedOut(plan: Plan): void {
    const { next } = plan;
    const offer = next.signalingState === "have-local-offer" ? next.pendingLocal?.description : undefined;
    for (const entry of plan.transceivers) {
      const { transceiver: id, transport: transportId, mid, media, remote } = entry;
      const transceiver = this.list.find((candidate) => candidate.id === id);
      if (transceiver === undefined) continue;
      const transport =
        transportId === null || transceiver.stopping ? undefined : this.connection.peerTransport(transportId);
      const session = { cname: this.cname, reducedSize: media?.rtcpReducedSize ?? false };
      transceiver.sender.flow.negotiated(transport, mid, media, session);
      const early = offer === undefined || transport?.hasMedia !== true ? undefined : earlyMedia(entry, offer);
      transceiver.receiver.flow.negotiated(transport, mid, early ?? media, remote, session, early !== undefined);
    }
  }

  private follow(plan: TransceiverPlan, source: DescriptionSource, type: SdpType, changes: Changes): void {
    let transceiver = this.list.find(({ id }) => id === plan.transceiver);
    if (transceiver === undefined) {
      if (!plan.create) return;
      transceiver = this.add(plan.kind, null, "recvonly", defaultEncodings(plan.kind), false, plan.transceiver);
      rememberStable(transceiver.sender);
    }
    const { sender, receiver } = transceiver;
    transceiver.mid = plan.mid;
    // A remote offer's transports are not ours before we answer.
    if (source === "local" || type !== "offer") {
      const isNegotiated = plan.transport !== null && (type !== "rollback" || plan.media !== null);
      const transport = isNegotiated ? this.connection.dtlsTransport(plan.transport!) : null;
      sender.transport = transport;
      receiver.transport = transport;
    }
    transceiver.media = plan.media;
    transceiver.currentDirection = plan.media?.direction ?? null;
    if (plan.media !== null && sends(plan.media.direction)) transceiver.hasSent = true;
    if (type !== "rollback") followEncodings(sender, plan, source, type);
    if (type === "answer" && plan.media !== null) transceiver.followExtensions(plan.media);
    const direction = plan.stop || plan.discard ? "inactive" : firedDirection(plan, source, type);
    if (direction !== undefined) {
      const streamIds = receives(direction) && plan.remote !== null ? plan.remote.streamIds : [];
      this.setDirection(transceiver, direction, streamIds, changes);
    }
    if (plan.stop) transceiver.stop();
    if (plan.discard && !transceiver.usedByAddTrack) {
      transceiver.stop();
      this.list = this.list.filter((other) => other !== transceiver);
    }
  }

  private setDirection(
    transceiver: TransceiverImpl,
    direction: SdpDirection,
    streamIds: readonly string[],
    changes: Changes,
  ): void {
    const { receiver, firedDirection: fired } = transceiver;
    const before = receiver.streams;
    const streams = streamIds.map((id) => this.remoteStream(id));
    receiver.streams = streams;
    for (const stream of before) if (!streams.includes(stream)) changes.removed.push([stream, receiver.track]);
    const added = streams.filter((stream) => !before.includes(stream));
    for (const stream of added) changes.added.push([stream, receiver.track]);
    const wasReceiving = fired !== null && receives(fired);
    // A track that comes to more streams is told again.
    if (receives(direction) && (!wasReceiving || added.length > 0)) changes.tracks.push(transceiver);
    if (!receives(direction) && wasReceiving) changes.muted.push(transceiver);
    transceiver.firedDirection = direction;
  }

  private remoteStream(id: string): StreamImpl {
    const stream = this.remoteStreams.get(id) ?? new StreamImpl(this.connection.platform, [], id);
    // The last one asked for is the last one to be forgotten.
    this.remoteStreams.delete(id);
    this.remoteStreams.set(id, stream);
    return stream;
  }

  private get streamsInUse(): Set<StreamImpl> {
    return new Set(this.list.flatMap(({ receiver }) => receiver.streams));
  }

  /** A stream keeps its object (§5.3, "set the associated remote streams"): up to a number of them that a peer cannot raise. */
  private pruneStreams(): void {
    const used = this.streamsInUse;
    let idle = 0;
    for (const stream of this.remoteStreams.values()) if (!used.has(stream)) idle++;
    for (const [id, stream] of this.remoteStreams) {
      if (idle <= MAX_IDLE_STREAMS) return;
      if (used.has(stream)) continue;
      this.remoteStreams.delete(id);
      idle--;
    }
  }

  private fire({ muted, removed, added, streams: before, tracks }: Changes): void {
    const after = this.streamsInUse;
    for (const { receiver } of muted) receiver.setMuted(true);
    for (const [stream, track] of removed) stream.removeRemote(track);
    for (const [stream, track] of added) stream.addRemote(track);
    // As browsers do still, for programs older than transceivers; before `track`, as in Chromium.
    this.fireStreams("removestream", before, after);
    this.fireStreams("addstream", after, before);
    for (const { receiver, wrapper } of tracks) {
      if (this.connection.isClosed) return;
      const streams = receiver.streams.map((stream) => stream.wrapper);
      const init = { receiver: receiver.wrapper, track: receiver.track.wrapper, streams, transceiver: wrapper };
      fire(this.connection.target, new RTCTrackEvent("track", init));
    }
  }

  /** Of the streams that are not among others. */
  private fireStreams(type: string, streams: ReadonlySet<StreamImpl>, others: ReadonlySet<StreamImpl>): void {
    for (const stream of streams) {
      if (!others.has(stream) && !this.connection.isClosed) {
        fire(this.connection.target, new StreamEvent(type, stream.wrapper));
      }
    }
  }

  // -- Negotiation needed (§4.7.3, step 5)

  isNegotiationNeeded(state: NegotiationState): boolean {
    return this.list.some((transceiver) => {
      const { id, stopping, stopped } = transceiver;
      if (stopping && !stopped) return true;
      const slot = state.slots.find((candidate) => candidate.transceiver === id);
      if (slot === undefined) return !stopped;
      return !stopped && needsNegotiation(transceiver, slot, state);
    });
  }
}

/**
 * What may come before the answer to an offer of ours that asks for it (RFC 9429 §5.9: the offerer is ready to receive it), as if
 * all were accepted; undefined where nothing more may come than before.
 */
function earlyMedia({ kind, index, media }: TransceiverPlan, offer: SdpSession): NegotiatedMedia | undefined {
  const section = index === null ? undefined : offer.media[index];
  if (section === undefined || (section.port === 0 && !section.bundleOnly)) return undefined;
  const direction = sectionDirection(offer, section);
  if (!receives(direction) || (media !== null && receives(media.direction))) return undefined;
  return negotiateMedia(kind, offer, section, offer, { ...section, direction: reverseDirection(direction) }, false);
}

interface Changes {
  readonly muted: TransceiverImpl[];
  readonly removed: (readonly [StreamImpl, TrackImpl])[];
  readonly added: (readonly [StreamImpl, TrackImpl])[];
  /** Those that receivers had before. */
  readonly streams: ReadonlySet<StreamImpl>;
  /** Transceivers with a track event. */
  readonly tracks: TransceiverImpl[];
}

/** The direction, ours, that a description sets [[FiredDirection]] to; undefined for a local offer. */
function firedDirection(
  { remote, media }: TransceiverPlan,
  source: DescriptionSource,
  type: SdpType,
): SdpDirection | undefined {
  if (type === "rollback" || (type !== "offer" && media !== null)) return media?.direction ?? "inactive";
  if (source === "local" || remote === null) return undefined;
  return reverseDirection(remote.direction);
}

function needsNegotiation(transceiver: TransceiverImpl, { index }: MediaSlot, state: NegotiationState): boolean {
  const { currentLocal, currentRemote } = state;
  const local = currentLocal?.description.media[index];
  const remote = currentRemote?.description.media[index];
  if (local === undefined || remote === undefined) return true;
  const { direction } = transceiver;
  if (sends(direction) && !sameStreams(local, transceiver.sender.streamIds)) return true;
  const ours = local.direction ?? "sendrecv";
  const theirs = reverseDirection(remote.direction ?? "sendrecv");
  if (currentLocal!.type === "offer") return direction !== ours && direction !== theirs;
  return intersectDirections(direction, theirs) !== ours;
}

function sameStreams({ msids }: SdpMedia, streamIds: readonly string[]): boolean {
  const told = new Set(msids.map(({ streamId }) => streamId));
  if (told.size === 0) return false;
  told.delete("-");
  return told.size === streamIds.length && streamIds.every((id) => told.has(id));
}
