import assert from "node:assert/strict";
import { test } from "node:test";
import {
  CongestionFeedbackWriter,
  writeFullIntraRequest,
  writeNack,
  writePictureLoss,
  writeRemb,
  writeTmmbn,
  writeTmmbr,
} from "./feedback.js";
import { parseRtcp, ReportBlock, type RtcpVisitor, RtcpWriter } from "./rtcp.js";
import { TransportFeedbackBuilder } from "./transport-feedback.js";

const bytes = (hex: string): Uint8Array =>
  Uint8Array.from(hex.replaceAll(" ", "").match(/../g) ?? [], (b) => parseInt(b, 16));
const hex = (writer: RtcpWriter): string =>
  Array.from(writer.data.subarray(0, writer.length), (b) => b.toString(16).padStart(2, "0")).join("");

/** What a visitor is told, as lists. */
function told(data: Uint8Array): unknown[][] | undefined {
  const out: unknown[][] = [];
  const visitor: RtcpVisitor = {
    onSenderReport: (...a) => out.push(["sr", ...a]),
    onReceiverReport: (ssrc) => out.push(["rr", ssrc]),
    onReportBlock: (reporter, block) => out.push(["block", reporter, { ...block }]),
    onSourceDescription: (ssrc, type, d, at, length) =>
      out.push(["sdes", ssrc, type, String.fromCharCode(...d.subarray(at, at + length))]),
    onBye: (ssrc) => out.push(["bye", ssrc]),
    onReceiverReferenceTime: (...a) => out.push(["rrtr", ...a]),
    onDelaySinceLastReport: (...a) => out.push(["dlrr", ...a]),
    onNack: (...a) => out.push(["nack", ...a]),
    onPictureLoss: (...a) => out.push(["pli", ...a]),
    onFullIntraRequest: (...a) => out.push(["fir", ...a]),
    onTmmbr: (...a) => out.push(["tmmbr", ...a]),
    onTmmbn: (...a) => out.push(["tmmbn", ...a]),
    onRemb: (sender, bitrate, ssrcs, count) => out.push(["remb", sender, bitrate, ...ssrcs.subarray(0, count)]),
    onTransportFeedback: (f) =>
      out.push([
        "twcc",
        f.sender,
        f.media,
        f.baseSequence,
        f.referenceTime,
        f.feedbackCount,
        [...f.arrivals.subarray(0, f.count)],
      ]),
    onCongestionFeedback: (f) =>
      out.push([
        "ccfb",
        f.sender,
        f.ssrc,
        f.beginSequence,
        f.reportTimestamp,
        Array.from({ length: f.count }, (_, i) => (f.received(i) ? [f.ecn(i), f.arrivalOffset(i)] : null)),
      ]),
  };
  return parseRtcp(data, data.length, visitor) ? out : undefined;
}

function written(write: (writer: RtcpWriter) => void): unknown[][] | undefined {
  const writer = new RtcpWriter(1200);
  writer.begin();
  write(writer);
  assert.equal(writer.length % 4, 0);
  return told(writer.data.slice(0, writer.length));
}

test("a compound of reports, descriptions and a goodbye", () => {
  const block: ReportBlock = Object.assign(new ReportBlock(), {
    ssrc: 0xfffffff0,
    fractionLost: 255,
    cumulativeLost: -3,
    extendedHighestSequenceNumber: 0x1fffe,
    jitter: 90,
    lastSenderReport: 0xdeadbeef,
    delaySinceLastSenderReport: 65536,
  });
  const out = written((w) => {
    w.senderReport(1, 0xe0000000, 0x80000000, 0xffffffff, 5, 6000);
    w.reportBlock(block);
    w.receiverReport(2);
    w.cname(
      1,
      Uint8Array.from("parley", (c) => c.charCodeAt(0)),
    );
    w.cname(
      3,
      Uint8Array.from("ab", (c) => c.charCodeAt(0)),
    );
    w.receiverReferenceTime(2, 7, 8);
    w.delaySinceLastReport(1, 9, 10, 11);
    w.bye(1);
    w.bye(2);
  });
  assert.deepEqual(out, [
    ["sr", 1, 0xe0000000, 0x80000000, 0xffffffff, 5, 6000],
    ["block", 1, { ...block }],
    ["rr", 2],
    ["sdes", 1, 1, "parley"],
    ["sdes", 3, 1, "ab"],
    ["rrtr", 2, 7, 8],
    ["dlrr", 1, 9, 10, 11],
    ["bye", 1],
    ["bye", 2],
  ]);
});

test("more than 31 blocks go into a second report", () => {
  const out = written((w) => {
    w.receiverReport(7);
    for (let i = 0; i < 40; i++) assert.equal(w.reportBlock(Object.assign(new ReportBlock(), { ssrc: i })), true);
  });
  assert.equal(out!.filter(([kind]) => kind === "rr").length, 2);
  assert.equal(out!.filter(([kind]) => kind === "block").length, 40);
});

test("the bytes of RFC 4585's and RFC 5104's messages", () => {
  const writer = new RtcpWriter(1200);
  writePictureLoss(writer, 1, 2);
  assert.equal(hex(writer), "81ce00020000000100000002");
  writer.begin();
  assert.equal(writeNack(writer, 1, 2, [0xfffe, 0xffff, 14, 15, 200], 5), 5);
  // 0xfffe with bits 0 (0xffff) and 15 (14); then 15; then 200.
  assert.equal(hex(writer), "81cd000500000001000000" + "02fffe8001000f000000c80000");
  writer.begin();
  writeFullIntraRequest(writer, 1, 2, 255);
  assert.equal(hex(writer), "84ce000400000001000000000000" + "0002ff000000");
  writer.begin();
  // 1,000,000 = 62500 * 2^4, which fits 17 bits as 125000 * 2^3.
  writeTmmbr(writer, 1, 2, 1_000_000, 40);
  assert.equal(
    hex(writer),
    `83cd00040000000100000000000000020${(((3 * 2 ** 17 + 125000) * 512 + 40) >>> 0).toString(16)}`,
  );
  writer.begin();
  writeRemb(writer, 1, 1_000_000, [2, 3]);
  assert.equal(hex(writer), "8fce00060000000100000000" + "52454d42" + "020bd090" + "0000000200000003");
});

test("feedback is read as it was written", () => {
  assert.deepEqual(
    written((w) => {
      writeNack(w, 1, 2, [65530, 65535, 3], 3);
      writePictureLoss(w, 3, 4);
      writeFullIntraRequest(w, 5, 6, 7);
      writeTmmbr(w, 8, 9, 300_000, 20);
      writeTmmbn(w, 10, [
        { owner: 11, bitrate: 131_071, overhead: 511 },
        { owner: 12, bitrate: 200_000, overhead: 600 },
      ]);
      writeRemb(w, 12, 5_000_000_000, [13, 14, 15]);
    }),
    [
      ["nack", 1, 2, 65530, (1 << 4) | (1 << 8)],
      ["pli", 3, 4],
      ["fir", 5, 6, 7],
      ["tmmbr", 8, 9, 300_000, 20],
      ["tmmbn", 10, 11, 131_071, 511],
      // The overhead has nine bits.
      ["tmmbn", 10, 12, 200_000, 511],
      ["remb", 12, Math.floor(5_000_000_000 / 32768) * 32768, 13, 14, 15],
    ],
  );
});

test("RFC 8888: streams with gaps, times out of range", () => {
  const out = written((w) => {
    const ccfb = new CongestionFeedbackWriter();
    assert.equal(ccfb.begin(w, 1), true);
    ccfb.stream(2, 65535);
    ccfb.packet(1000, 0);
    ccfb.packet(Number.NaN, 0);
    ccfb.packet(0, 3);
    ccfb.stream(3, 10);
    ccfb.packet(20_000, 1);
    ccfb.end(0x12345678);
  });
  assert.deepEqual(out, [
    ["ccfb", 1, 2, 65535, 0x12345678, [[0, 1000], null, [3, 0]]],
    ["ccfb", 1, 3, 10, 0x12345678, [[1, Number.NaN]]],
  ]);
});

test("transport-wide feedback: each kind of chunk", () => {
  // Base 5, six packets, reference 3 (192 ms), feedback 9: a run of two small, then a one-bit vector "1 0 1 1" .
  assert.deepEqual(told(bytes("8fcd0007 00000001 00000002 0005 0006 000003 09 2002 ac00 0404080c10 000000")), [
    ["twcc", 1, 2, 5, 3, 9, [1, 2, 4, Number.NaN, 7, 11]],
  ]);
  // A two-bit vector: large delta (-4 ticks after 400), not received, small; a negative reference.
  assert.deepEqual(told(bytes("8fcd0006 00000001 00000002 fffe 0003 ffffff 00 e100 0190 08 000000")), [
    ["twcc", 1, 2, 65534, -1, 0, [100, Number.NaN, 102]],
  ]);
  // More statuses than the chunks have, deltas that are cut off: no message.
  assert.deepEqual(told(bytes("8fcd0004 00000001 00000002 0005 0006 000003 09")), []);
  assert.deepEqual(told(bytes("8fcd0005 00000001 00000002 0005 0009 000003 09 2009 0404")), []);
});

test("transport-wide feedback is read as it was built", () => {
  let seed = 1;
  const random = (below: number): number => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return Math.floor((seed / 2 ** 32) * below);
  };
  const builder = new TransportFeedbackBuilder();
  for (let round = 0; round < 200; round++) {
    const arrivals: number[] = [];
    let sequence = random(65536);
    const base = sequence;
    let time = random(1_000_000) / 4;
    const writer = new RtcpWriter(1200);
    builder.begin(base, time);
    const style = random(4);
    for (;;) {
      const gap = random(3) > 0 || style === 0 ? 0 : random(style === 1 ? 4 : style === 2 ? 40 : 3000);
      sequence += gap;
      if (!builder.add(sequence & 0xffff, time)) break;
      for (let i = 0; i < gap; i++) arrivals.push(Number.NaN);
      arrivals.push(time);
      sequence++;
      time = Math.max(0, time + (random(10) === 0 ? random(16000) - 8000 : random(200)) / 4);
    }
    assert.ok(arrivals.length > 0);
    assert.equal(builder.write(writer, 1, 2, round & 255), true);
    assert.ok(writer.length <= 1104);
    const [[, , , first, reference, number, list] = []] = told(writer.data.slice(0, writer.length))!;
    assert.deepEqual([first, number], [base & 0xffff, round & 255]);
    assert.deepEqual(
      (list as number[]).map((t) => t + (reference as number) * 64),
      arrivals,
    );
  }
});

test("a broken structure says nothing, a broken packet in it takes none of the others along", () => {
  assert.equal(told(bytes("81ce0002000000010000")), undefined);
  assert.equal(told(bytes("81ce000200000001000000" + "02" + "41ce0000")), undefined);
  assert.equal(told(bytes("")), undefined);
  // A receiver report that promises a block, and a NACK without an entry, between two that are good.
  assert.deepEqual(told(bytes("81c90001 00000001 81cd0002 00000001 00000002 81ce0002 00000001 00000002")), [
    ["rr", 1],
    ["pli", 1, 2],
  ]);
  // APP and unknown types are passed over; SDES with an item that is too long; REMB with more streams than bytes.
  assert.deepEqual(told(bytes("80cc0002 00000001 61626364 80d10000 81ca0002 00000001 01ff6161")), []);
  assert.deepEqual(told(bytes("8fce0004 00000001 00000000 52454d42 020bd090")), []);
});
