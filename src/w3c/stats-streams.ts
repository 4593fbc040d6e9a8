// Which RTP streams, codecs and media sources there are to have statistics of, and how they refer to each other. Outbound
// streams exist from the answer on, whether or not anything was sent; inbound ones from their first packet on (webrtc-stats
// §3.4). The dictionaries are made in stats-media.ts.
import type { NegotiatedCodec } from "../jsep/codecs.js";
import { sends } from "../jsep/direction.js";
import type { InboundRtpCounters } from "../peer/media-stats.js";
import { codecsMatch, isAuxiliary } from "./codec-dictionary.js";
import type { DtlsTransportImpl } from "./rtc-dtls-transport.js";
import type { SenderImpl } from "./rtc-rtp-sender.js";
import type { TransceiverImpl } from "./rtc-rtp-transceiver.js";
import type { RTCRtpEncodingParameters } from "./rtp-parameters.js";
import type { StatsReportBuilder } from "./stats-builder.js";
import {
  audioPlayout,
  codecStats,
  inboundRtp,
  mediaSource,
  outboundRtp,
  remoteInboundRtp,
  remoteOutboundRtp,
} from "./stats-media.js";

/** One for all audio of a connection. */
const PLAYOUT_ID = "AP";

/** The identifier of a transport's statistics; undefined if there are none. */
export type TransportIds = (transport: DtlsTransportImpl | null) => string | undefined;

export function addStreams(
  builder: StatsReportBuilder,
  transceivers: readonly TransceiverImpl[],
  transportIds: TransportIds,
): void {
  for (const transceiver of transceivers) {
    if (transceiver.stopping) continue;
    const mediaSourceId = addSource(builder, transceiver.sender);
    addOutbound(builder, transceiver, transportIds, mediaSourceId);
    addInbound(builder, transceiver, transportIds);
  }
}

const initial = ({ kind }: Pick<TransceiverImpl, "kind">): string => (kind === "audio" ? "A" : "V");

/** The source that the sender's track is. */
function addSource(builder: StatsReportBuilder, sender: SenderImpl): string | undefined {
  const { track, owner } = sender;
  if (track === null) return undefined;
  const id = builder.ids.ofPair(sender, track, `S${initial(owner)}`);
  builder.add(mediaSource(builder, id, owner.kind, track.id, track.source.counters?.()));
  return id;
}

// -- Codecs

/** Adds a codec unless it is there; returns its id. */
function addCodec(
  builder: StatsReportBuilder,
  transport: string | undefined,
  codec: NegotiatedCodec | undefined,
): string | undefined {
  if (transport === undefined || codec === undefined) return undefined;
  const { payloadType, mimeType, clockRate, channels, sdpFmtpLine } = codec;
  const id = ["C", transport, payloadType, mimeType, clockRate, channels, sdpFmtpLine].join("_");
  if (!builder.has(id)) builder.add(codecStats(builder, id, transport, codec));
  return id;
}

function sentCodec(
  codecs: readonly NegotiatedCodec[],
  payloadType: number | undefined,
  encoding: RTCRtpEncodingParameters | undefined,
): NegotiatedCodec | undefined {
  const used = codecs.find((codec) => codec.payloadType === payloadType);
  // Tones and comfort noise go among what the stream is of.
  if (used !== undefined && !isAuxiliary(used)) return used;
  const wanted = encoding?.codec;
  const chosen = wanted && codecs.find((codec) => codecsMatch(codec, wanted));
  return chosen ?? codecs.find((codec) => !isAuxiliary(codec));
}

// -- Streams

function addOutbound(
  builder: StatsReportBuilder,
  transceiver: TransceiverImpl,
  transportIds: TransportIds,
  mediaSourceId: string | undefined,
): void {
  const { sender, media, currentDirection, kind } = transceiver;
  if (media === null || currentDirection === null || !sends(currentDirection)) return;
  const transportId = transportIds(sender.transport);
  sender.describe().encodings.forEach(({ rid, ssrc, rtxSsrc }, index) => {
    const encoding = sender.encodings[index];
    const counters = sender.statistics?.outbound(ssrc);
    const remote = sender.statistics?.remoteInbound(ssrc);
    const codec = sentCodec(media.sendCodecs, counters?.payloadType, encoding);
    const own = `${initial(transceiver)}${transceiver.id}_${ssrc}`;
    const stream = { kind, ssrc, transportId, codecId: addCodec(builder, transportId, codec) };
    const remoteId = remote && `RI${own}`;
    const outbound = outboundRtp(
      builder,
      {
        ...stream,
        id: `O${own}`,
        active: encoding?.active ?? true,
        encodingIndex: index,
        mediaSourceId,
        mid: transceiver.mid ?? undefined,
        rid: rid ?? undefined,
        rtxSsrc: codec?.rtxPayloadType == null ? undefined : (rtxSsrc ?? undefined),
        remoteId,
        scalabilityMode: encoding?.scalabilityMode,
      },
      counters,
    );
    builder.add(outbound, sender);
    if (remote !== undefined) {
      builder.add(remoteInboundRtp(builder, { ...stream, id: `RI${own}`, localId: outbound.id }, remote));
    }
  });
}

function addInbound(builder: StatsReportBuilder, transceiver: TransceiverImpl, transportIds: TransportIds): void {
  const { statistics } = transceiver.receiver;
  if (statistics === undefined) return;
  let playoutId: string | undefined;
  if (transceiver.kind === "audio" && statistics.playout !== undefined) {
    playoutId = PLAYOUT_ID;
    builder.add(audioPlayout(builder, PLAYOUT_ID, statistics.playout));
  }
  for (const counters of statistics.inbound(builder.platform.now())) {
    if (counters.packetsReceived > 0) addReceived(builder, transceiver, transportIds, counters, playoutId);
  }
}

function addReceived(
  builder: StatsReportBuilder,
  transceiver: TransceiverImpl,
  transportIds: TransportIds,
  counters: InboundRtpCounters,
  playoutId: string | undefined,
): void {
  const { receiver, media, kind } = transceiver;
  const { ssrc, payloadType } = counters;
  const transportId = transportIds(receiver.transport);
  const remote = receiver.statistics?.remoteOutbound(ssrc);
  const codec = media?.receiveCodecs.find((candidate) => candidate.payloadType === payloadType);
  const own = `${initial(transceiver)}${transceiver.id}_${ssrc}`;
  const stream = { kind, ssrc, transportId, codecId: addCodec(builder, transportId, codec) };
  const inbound = inboundRtp(
    builder,
    {
      ...stream,
      id: `I${own}`,
      mid: transceiver.mid ?? undefined,
      playoutId,
      remoteId: remote && `RO${own}`,
      trackIdentifier: receiver.track.id,
    },
    counters,
  );
  builder.add(inbound, receiver);
  if (remote !== undefined) {
    builder.add(remoteOutboundRtp(builder, { ...stream, id: `RO${own}`, localId: inbound.id }, remote));
  }
}
