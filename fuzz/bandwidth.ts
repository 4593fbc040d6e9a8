import { CongestionFeedbackRecorder } from "#src/rtp/bandwidth/congestion-feedback-recorder.js";
import { BandwidthEstimator, LOWEST_BITRATE } from "#src/rtp/bandwidth/estimator.js";
import { FeedbackInput } from "#src/rtp/bandwidth/feedback-input.js";
import { RemoteBitrate } from "#src/rtp/bandwidth/remote-bitrate.js";
import { TransportFeedbackRecorder } from "#src/rtp/bandwidth/transport-feedback-recorder.js";
import { Pacer, PRIORITY_AUDIO } from "#src/rtp/pacer.js";
import { parseRtcp, type RtcpVisitor, RtcpWriter } from "#src/rtp/rtcp.js";
import type { FuzzTarget } from "./target.js";

const MAX_STEPS = 500;

/**
 * The input is a program: each byte chooses an action on a sender (estimator and pacer) and a receiver (both recorders of
 * arrivals, REMB), the following ones its arguments: packets, losses, reordering, feedback true and false, reports, bounds,
 * time. No rate may leave its bounds or stop being a number, no deadline may stay in the past.
 */
export const target: FuzzTarget = {
  name: "bandwidth",
  seeds: [
    Uint8Array.from({ length: 240 }, (_, i) => [0, 90, 9, 10, 1, 5, 9, 20][i % 8]!),
    Uint8Array.from({ length: 300 }, (_, i) => (i * 29) % 256),
    Uint8Array.of(
      2,
      255,
      0,
      200,
      1,
      9,
      60,
      5,
      128,
      20,
      6,
      40,
      7,
      1,
      2,
      8,
      3,
      9,
      255,
      3,
      4,
      0,
      10,
      9,
      9,
      4,
      200,
      100,
      11,
      12,
    ),
    Uint8Array.of(0, 99, 0, 99, 10, 255, 0, 99, 3, 1, 255, 255, 9, 50, 3, 0, 0, 1, 0, 99, 9, 50, 12, 13, 14, 15),
  ],
  run(input) {
    let at = 0;
    const next = (): number => input[at++] ?? 0;
    let now = next() * 100;
    let min = LOWEST_BITRATE;
    let max = 10_000_000;
    let sequence = next();
    let probes = 0;
    const pacer = new Pacer<number>(
      {
        send: (size, cluster) => transmit(size, cluster),
        pad: (wanted, cluster) => {
          if (wanted <= 0) throw new Error("padding of nothing");
          if (wanted % 7 === 0) return 0;
          transmit(Math.min(wanted, 1200), cluster);
          return Math.min(wanted, 1200);
        },
      },
      { pacingRate: 300_000 },
    );
    const estimator = new BandwidthEstimator(
      { startBitrate: 300_000, minBitrate: min, maxBitrate: max },
      {
        onTargetBitrateChange: (bitrate) => check(bitrate),
        onProbe: (cluster) => {
          if (!(cluster.bitrate > 0 && cluster.bitrate < 1e9) || cluster.id !== probes++) throw new Error("bad probe");
          pacer.addProbe(cluster, now);
        },
      },
    );
    const feedback = new FeedbackInput(estimator);
    const transport = new TransportFeedbackRecorder();
    const congestion = new CongestionFeedbackRecorder();
    const remote = new RemoteBitrate();
    const writer = new RtcpWriter(1200);
    const visitor: RtcpVisitor = {
      onTransportFeedback: (message) => feedback.onTransportFeedback(message, now),
      onCongestionFeedback: (message) => feedback.onCongestionFeedback(message),
    };
    const check = (bitrate: number): void => {
      if (!(bitrate >= min && bitrate <= max)) throw new Error(`rate ${bitrate} not in ${min} to ${max}`);
    };
    function transmit(size: number, cluster: number): void {
      if (!(size > 0)) throw new Error("packet of nothing");
      estimator.onPacketSent(sequence, size, now, cluster);
      feedback.onPacketSent(sequence % 3, sequence & 0xffff, sequence);
      // Every fifth is lost, the others come at once: the clock of the receiver is ours.
      if (sequence % 5 !== 4) {
        transport.onPacket(sequence & 0xffff, 1, now);
        congestion.onPacket(sequence % 3, sequence & 0xffff, sequence & 3, now);
        remote.onPacket(Math.round(now * 262) & 0xffffff, size, now);
      }
      sequence++;
    }
    const report = (): void => {
      for (let i = 0; i < 20; i++) {
        writer.begin();
        const wrote = transport.write(writer, 1, now);
        congestion.write(writer, 1, Math.round(now * 65) >>> 0, now);
        if (writer.length > 0 && !parseRtcp(writer.data, writer.length, visitor)) throw new Error("malformed feedback");
        feedback.onCongestionFeedbackEnd(now);
        if (!wrote) return;
      }
    };
    for (let step = 0; step < MAX_STEPS && at < input.length; step++) {
      switch (next() % 14) {
        case 0:
        case 1: {
          const count = next() % 40;
          const priority = next() % 4;
          for (let i = 0; i < count; i++) pacer.enqueue(1 + next() * 5, 1 + next() * 5, priority, now);
          if (priority === PRIORITY_AUDIO && count > 0 && pacer.deadline > now) throw new Error("audio waits");
          break;
        }
        case 2:
          estimator.onPacketFeedback(sequence - next(), now - next() * 20);
          estimator.onFeedbackEnd(now);
          break;
        case 3:
          // From a receiver that lies.
          for (let i = next(); i > 0; i--) {
            const wild = [Number.NaN, -1e12, 1e12, now, 0, Number.POSITIVE_INFINITY, now + i * next()][next() % 7]!;
            estimator.onPacketFeedback(sequence - i, wild);
          }
          estimator.onFeedbackEnd(now);
          break;
        case 4:
          estimator.onReceiverReport(next() / 200, next() * 10 - 100, now);
          break;
        case 5:
          estimator.onRemb(next() ** 3, now);
          break;
        case 6: {
          min = Math.max(LOWEST_BITRATE, next() * 1000);
          const limit = next() * 50_000;
          max = Math.max(min, limit);
          estimator.setBounds(min, limit, now);
          break;
        }
        case 7:
          estimator.setAllocatedBitrate(next() * 20_000, now);
          break;
        case 8:
          transport.onPacket((next() << 8) | next(), 1, now);
          congestion.onPacket(next(), (next() << 8) | next(), next() & 3, now);
          remote.onPacket((next() << 16) | (next() << 8) | next(), next() * 6, now);
          break;
        case 9:
          now += next();
          break;
        case 10:
          now += next() * 100;
          break;
        case 11:
          sequence += next() * 200;
          break;
        case 12:
          pacer.remove((size) => size % 2 === 0, now);
          break;
        case 13:
          report();
      }
      pacer.setRates(estimator.pacingRate, estimator.paddingRate, now);
      for (let i = 0; pacer.deadline <= now; i++) {
        if (i > 5000) throw new Error("the pacer does not come to rest");
        pacer.handleTimeout(now);
      }
      if (Number.isNaN(pacer.deadline) || pacer.queuedBytes < 0) throw new Error("bad pacer");
      check(estimator.targetBitrate);
      if (!(estimator.pacingRate > 0) || !(estimator.paddingRate >= 0)) throw new Error("bad rate");
      if (!(estimator.lossRatio >= 0 && estimator.lossRatio <= 1)) throw new Error("bad loss");
      if (!(estimator.delayBasedBitrate > 0) || estimator.acknowledgedBitrate < 0) throw new Error("bad estimate");
      if (remote.deadline <= now && !(remote.take(now) > 0)) throw new Error("bad REMB");
      if (transport.deadline <= now || congestion.deadline <= now) report();
    }
  },
};
