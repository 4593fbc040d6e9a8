// getStats (webrtc-pc §8): what a connection has statistics of, collected when a program asks and at no other time. The
// numbers are those that the machines keep; a report is a snapshot of the moment of the call. One file per group of
// dictionaries: stats-transport.ts, stats-streams.ts with stats-media.ts; the connection and its data channels are here.
import type { Platform } from "../peer/platform.js";
import type { DataChannelCounts, DataChannelImpl } from "./rtc-data-channel.js";
import type { DtlsTransportImpl } from "./rtc-dtls-transport.js";
import type { TransceiverImpl } from "./rtc-rtp-transceiver.js";
import { createStatsReport, type RTCStatsReport } from "./rtc-stats-report.js";
import { StatsReportBuilder } from "./stats-builder.js";
import { StatsIds } from "./stats-ids.js";
import { addStreams } from "./stats-streams.js";
import { addTransport, type StatsTransport, transportId } from "./stats-transport.js";
import { type RTCDataChannelStats, type RTCPeerConnectionStats, type RTCStats, statsOf } from "./stats-types.js";
import { isCapturing } from "./synthetic-devices.js";

/** What there is to collect of. */
export interface StatsSource {
  readonly platform: Platform;
  readonly transports: readonly StatsTransport[];
  /** What the transports authenticate with, unless DTLS has chosen another (DER). Asked only where there is a transport. */
  certificate(): Uint8Array | undefined;
  readonly channels: Iterable<DataChannelImpl>;
  readonly channelCounts: DataChannelCounts;
  readonly transceivers: readonly TransceiverImpl[];
}

/** The statistics of one connection. */
export class ConnectionStats {
  private readonly source: StatsSource;
  private readonly ids = new StatsIds();

  constructor(source: StatsSource) {
    this.source = source;
  }

  /** The snapshot is taken now, and handed over in a task: who asks in a loop lets others run. */
  report(selector?: object): Promise<RTCStatsReport> {
    const entries = this.collect(selector);
    return new Promise((resolve) => this.source.platform.queueTask(() => resolve(createStatsReport(entries))));
  }

  /** `selector`: the impl of a sender or receiver. */
  collect(selector?: object): Map<string, RTCStats> {
    const { source, ids } = this;
    const builder = new StatsReportBuilder(source.platform, ids, isCapturing());
    addConnection(builder, source.channelCounts);
    for (const channel of source.channels) addChannel(builder, channel);
    const transportIds = new Map<DtlsTransportImpl, string>();
    for (const transport of source.transports) {
      transportIds.set(transport.dtls, transportId(transport));
      addTransport(builder, transport, transport.peer && source.certificate());
    }
    addStreams(builder, source.transceivers, (transport) =>
      transport === null ? undefined : transportIds.get(transport),
    );
    return builder.finish(selector);
  }
}

function addConnection(builder: StatsReportBuilder, { opened, closed }: DataChannelCounts): void {
  builder.add(
    statsOf<RTCPeerConnectionStats>({
      id: "P",
      timestamp: builder.timestamp,
      type: "peer-connection",
      dataChannelsClosed: closed,
      dataChannelsOpened: opened,
    }),
  );
}

function addChannel(builder: StatsReportBuilder, channel: DataChannelImpl): void {
  const { parameters, state, id, messagesSent, bytesSent, messagesReceived, bytesReceived } = channel;
  builder.add(
    statsOf<RTCDataChannelStats>({
      id: builder.ids.of(channel, "D"),
      timestamp: builder.timestamp,
      type: "data-channel",
      bytesReceived,
      bytesSent,
      dataChannelIdentifier: id ?? undefined,
      label: parameters.label,
      messagesReceived,
      messagesSent,
      protocol: parameters.protocol,
      state,
    }),
  );
}
