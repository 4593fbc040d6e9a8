// The figures of the camera from two statistics reports of the page: what went there, what came back, and how. No platform.

/** The members used here of the dictionaries in webrtc-stats. */
interface StatsEntry {
  readonly id: string;
  readonly type: string;
  readonly timestamp: number;
  readonly kind?: string;
  readonly rid?: string;
  readonly bytesSent?: number;
  readonly bytesReceived?: number;
  readonly headerBytesReceived?: number;
  readonly packetsSent?: number;
  readonly packetsReceived?: number;
  readonly packetsLost?: number;
  readonly retransmittedPacketsSent?: number;
  readonly framesSent?: number;
  readonly framesReceived?: number;
  readonly framesDecoded?: number;
  readonly framesPerSecond?: number;
  readonly frameWidth?: number;
  readonly frameHeight?: number;
  readonly nackCount?: number;
  readonly jitter?: number;
  readonly roundTripTime?: number;
  readonly currentRoundTripTime?: number;
  readonly nominated?: boolean;
}

export type Report = Iterable<readonly [string, object]>;

/** One simulcast layer as the page sends it. */
export interface SentLayer {
  readonly rid: string;
  readonly framesSent: number;
  readonly width: number;
  readonly framesPerSecond: number;
}

export interface MediaFigures {
  /** Milliseconds, the clock of the statistics. */
  readonly at: number;
  /** Bits per second of media since the report before; all layers, sound included. */
  readonly thereRate: number;
  readonly backRate: number;
  /** Of 100 packets that were to come back since the report before, how many did not come even when asked for again. */
  readonly lossPercent: number;
  /** Milliseconds; undefined while unknown. */
  readonly roundTrip: number | undefined;
  /** Of the picture that comes back, milliseconds. */
  readonly jitter: number | undefined;
  /** Of the picture that comes back. */
  readonly framesPerSecond: number;
  readonly width: number;
  readonly height: number;
  // Totals since the beginning.
  readonly framesBack: number;
  readonly framesDecoded: number;
  readonly soundThere: number;
  readonly soundBack: number;
  /** Packets that the page asked for again, and that it was asked for. */
  readonly nacks: number;
  readonly retransmitted: number;
  readonly lost: number;
  readonly layers: readonly SentLayer[];
  /** Totals that the next figures are made with. */
  readonly totals: MediaTotals;
}

export interface MediaTotals {
  readonly bytesThere: number;
  readonly bytesBack: number;
  readonly packetsBack: number;
}

export function mediaFigures(report: Report, before: MediaFigures | undefined): MediaFigures {
  const entries = [...report].map(([, entry]) => entry as StatsEntry);
  const ofType = (type: string): StatsEntry[] => entries.filter((entry) => entry.type === type);
  const [sent, received] = [ofType("outbound-rtp"), ofType("inbound-rtp")];
  const picture = received.find(({ kind }) => kind === "video");
  const pictures = sent.filter(({ kind }) => kind === "video");
  const sound = (list: readonly StatsEntry[]): StatsEntry[] => list.filter(({ kind }) => kind === "audio");
  const pair = ofType("candidate-pair").find(
    ({ nominated, currentRoundTripTime }) => nominated && currentRoundTripTime !== undefined,
  );
  const roundTrip = ofType("remote-inbound-rtp").find((entry) => entry.roundTripTime !== undefined)?.roundTripTime;
  const at = sent[0]?.timestamp ?? received[0]?.timestamp ?? 0;
  const totals = {
    bytesThere: sum(sent, "bytesSent"),
    bytesBack: sum(received, "bytesReceived"),
    packetsBack: sum(received, "packetsReceived"),
  };
  const lost = sum(received, "packetsLost");
  const elapsed = before === undefined ? 0 : at - before.at;
  const rate = (now: number, then: number | undefined): number =>
    elapsed > 0 ? Math.max(0, ((now - (then ?? 0)) * 8000) / elapsed) : 0;
  const lately = before === undefined ? 0 : Math.max(0, lost - before.lost);
  const came = before === undefined ? 0 : Math.max(0, totals.packetsBack - before.totals.packetsBack);
  const seconds = roundTrip ?? pair?.currentRoundTripTime;
  return {
    at,
    thereRate: rate(totals.bytesThere, before?.totals.bytesThere),
    backRate: rate(totals.bytesBack, before?.totals.bytesBack),
    lossPercent: lately + came === 0 ? 0 : (100 * lately) / (lately + came),
    roundTrip: seconds === undefined ? undefined : seconds * 1000,
    jitter: picture?.jitter === undefined ? undefined : picture.jitter * 1000,
    framesPerSecond: picture?.framesPerSecond ?? 0,
    width: picture?.frameWidth ?? 0,
    height: picture?.frameHeight ?? 0,
    framesBack: picture?.framesReceived ?? 0,
    framesDecoded: picture?.framesDecoded ?? 0,
    soundThere: sum(sound(sent), "packetsSent"),
    soundBack: sum(sound(received), "packetsReceived"),
    nacks: sum(received, "nackCount"),
    retransmitted: sum(sent, "retransmittedPacketsSent"),
    lost,
    layers: pictures.map(({ rid, framesSent, frameWidth, framesPerSecond }) => ({
      rid: rid ?? "",
      framesSent: framesSent ?? 0,
      width: frameWidth ?? 0,
      framesPerSecond: framesPerSecond ?? 0,
    })),
    totals,
  };
}

function sum(entries: readonly StatsEntry[], name: keyof StatsEntry): number {
  let total = 0;
  for (const entry of entries) total += Number(entry[name] ?? 0);
  return total;
}
