// RTCP compounds with all feedback: reading never fails, and what can be written says the same when it is read again.

import {
  CongestionFeedbackWriter,
  writeFullIntraRequest,
  writeNack,
  writePictureLoss,
  writeRemb,
  writeTmmbn,
  writeTmmbr,
} from "#src/rtp/feedback.js";
import { parseRtcp, type RtcpVisitor, RtcpWriter } from "#src/rtp/rtcp.js";
import { TransportFeedbackBuilder } from "#src/rtp/transport-feedback.js";
import type { FuzzTarget } from "./target.js";

/** What a visitor is told; with a writer, it is written too. Transport feedback has many forms: compared by its times. */
function visitor(out: string[], writer?: RtcpWriter): RtcpVisitor {
  const say = (...parts: unknown[]): void => void out.push(JSON.stringify(parts));
  const sequences: number[] = [];
  return {
    onSenderReport(...a) {
      say("sr", ...a);
      writer?.senderReport(...a);
    },
    onReceiverReport(ssrc) {
      say("rr", ssrc);
      writer?.receiverReport(ssrc);
    },
    onReportBlock(reporter, block) {
      say("block", reporter, block);
      writer?.reportBlock(block);
    },
    onSourceDescription(ssrc, type, data, offset, length) {
      if (offset + length > data.length) throw new Error("an item beyond the packet");
      if (type !== 1) return;
      say("cname", ssrc, ...data.subarray(offset, offset + length));
      writer?.cname(ssrc, data.slice(offset, offset + length));
    },
    onBye(ssrc) {
      say("bye", ssrc);
      writer?.bye(ssrc);
    },
    onReceiverReferenceTime(...a) {
      say("rrtr", ...a);
      writer?.receiverReferenceTime(...a);
    },
    onDelaySinceLastReport(...a) {
      say("dlrr", ...a);
      writer?.delaySinceLastReport(...a);
    },
    onNack(sender, media, packetId, bitmask) {
      say("nack", sender, media, packetId, bitmask);
      sequences.length = 0;
      sequences.push(packetId);
      for (let i = 0; i < 16; i++) if ((bitmask >> i) & 1) sequences.push((packetId + i + 1) & 0xffff);
      if (writer !== undefined) writeNack(writer, sender, media, sequences, sequences.length);
    },
    onPictureLoss(...a) {
      say("pli", ...a);
      if (writer !== undefined) writePictureLoss(writer, ...a);
    },
    onFullIntraRequest(...a) {
      say("fir", ...a);
      if (writer !== undefined) writeFullIntraRequest(writer, ...a);
    },
    onTmmbr(...a) {
      say("tmmbr", ...a);
      if (writer !== undefined) writeTmmbr(writer, ...a);
    },
    onTmmbn(...a) {
      say("tmmbn", ...a);
      const [sender, owner, bitrate, overhead] = a;
      if (writer !== undefined) writeTmmbn(writer, sender, [{ owner, bitrate, overhead }]);
    },
    onRemb(sender, bitrate, ssrcs, count) {
      if (!(bitrate >= 0)) throw new Error("bitrate");
      say("remb", sender, bitrate, ...ssrcs.subarray(0, count));
      if (writer !== undefined) writeRemb(writer, sender, bitrate, ssrcs.subarray(0, count));
    },
    onTransportFeedback(feedback) {
      const { sender, media, baseSequence, count, referenceMilliseconds, feedbackCount, arrivals } = feedback;
      if (count > arrivals.length) throw new Error("more packets than times");
      let last = count;
      while (last > 0 && Number.isNaN(arrivals[last - 1])) last--;
      if (last === 0 || referenceMilliseconds < 0) return;
      const builder = new TransportFeedbackBuilder();
      builder.begin(baseSequence, referenceMilliseconds);
      for (let i = 0; i < last; i++) {
        const arrival = arrivals[i]!;
        if (!Number.isNaN(arrival) && !builder.add((baseSequence + i) & 0xffff, referenceMilliseconds + arrival))
          return;
      }
      say("twcc", sender, media, baseSequence, feedbackCount, ...arrivals.subarray(0, last));
      if (writer !== undefined) builder.write(writer, sender, media, feedbackCount);
    },
    onCongestionFeedback(feedback) {
      const { sender, ssrc, beginSequence, reportTimestamp, count } = feedback;
      const times = Array.from({ length: count }, (_, i) => {
        const arrival = feedback.arrivalOffset(i);
        // Times after the report or out of range have no number.
        return feedback.received(i) ? [feedback.ecn(i), Number.isNaN(arrival) ? 20_000 : arrival] : null;
      });
      if (count === 0) return;
      say("ccfb", sender, ssrc, beginSequence, reportTimestamp, times);
      if (writer === undefined) return;
      const ccfb = new CongestionFeedbackWriter();
      ccfb.begin(writer, sender);
      ccfb.stream(ssrc, beginSequence);
      for (const time of times) ccfb.packet(time === null ? Number.NaN : time[1]!, time === null ? 0 : time[0]!);
      ccfb.end(reportTimestamp);
    },
  };
}

function run(input: Uint8Array): void {
  const first: string[] = [];
  const writer = new RtcpWriter(400_000);
  if (!parseRtcp(input, input.length, visitor(first, writer))) {
    if (first.length > 0) throw new Error("refused, but something was told");
    return;
  }
  if (writer.length === 0) return;
  const second: string[] = [];
  if (!parseRtcp(writer.data, writer.length, visitor(second))) throw new Error("does not parse once written");
  if (second.join() !== first.join()) {
    throw new Error(`says something else once written:\n${first.join("\n")}\n${second.join("\n")}`);
  }
}

const hex = (text: string): Uint8Array => Uint8Array.from(text.match(/[0-9a-f]{2}/g) ?? [], (b) => parseInt(b, 16));

export const target: FuzzTarget = {
  name: "rtcp",
  seeds: [
    hex(
      "81c8000c00000001e000000080000000000000ff0000000500001770" +
        "00000002ff00000300010002000000120000ffff00010000" +
        "81ca00030000000101067061726c65790000000081cb000100000001",
    ),
    hex(
      "81c9000700000001000000020500000a0000ffff0000000900000000000000008fcd000600000001000000020005000600000309" +
        "2002ac0004040808100000 00",
    ),
    hex("8fcd000600000001000000" + "02fffe0003ffffff00e10001900800000000"),
    hex(
      "81cd000400000001000000020001ffff00800001" +
        "81ce00020000000100000002" +
        "84ce00040000000100000000000000020500 0000",
    ),
    hex("8fce000600000001000000005" + "2454d42020bd0900000000200000003"),
    hex("83cd00040000000100000000000000020fd09028" + "84cd00040000000100000000000000020fd09028"),
    hex("80cf0004000000010400000200000007000000088" + "0cf00050000000105000003000000090000000a0000000b"),
    hex("8bcd0006000000010000000200050002808080100000 0003000100000100"),
  ],
  run,
};
