// Limits that a receiver asks for, by TMMBR and by REMB, between two sessions; and what the sender answers and does.
import assert from "node:assert/strict";
import { test } from "node:test";
import { writeTmmbr } from "./feedback.js";
import { parseRtcp, RtcpWriter } from "./rtcp.js";
import { Pipe, packet, receiving, sending, VP8 } from "./testing.test.js";
import type { RtpCodec } from "./types.js";

const TMMBR: RtpCodec = { ...VP8, tmmbr: true, transportCc: true };
const REMB: RtpCodec = { ...VP8, remb: true, transportCc: true };

interface Message {
  readonly kind: "tmmbr" | "tmmbn" | "remb";
  readonly from: number;
  readonly ssrc: number;
  readonly bitrate: number;
}

class Call {
  readonly pipe: Pipe;
  readonly sender: ReturnType<Pipe["sessions"][0]["addSender"]>;
  readonly receiver: ReturnType<Pipe["sessions"][1]["addReceiver"]>;
  told = 0;
  private sequence = 0;

  constructor(codec: RtpCodec, rtcpLoss = 0) {
    this.pipe = new Pipe({ delay: 20, rtcpLoss });
    this.sender = this.pipe.sessions[0].addSender(sending({ codecs: [codec] }), {
      onBitrateChange: (_, bitrate) => {
        this.told = bitrate;
      },
    });
    this.receiver = this.pipe.sessions[1].addReceiver(receiving({ codecs: [codec] }), {});
  }

  /** Media for so many milliseconds, at what the encoding was told (at most 2 Mbit/s). */
  run(milliseconds: number): void {
    const payload = new Uint8Array(1000);
    for (const end = this.pipe.now + milliseconds; this.pipe.now < end; ) {
      this.sequence++;
      this.sender.sendPacket(0, packet(this.sequence, Math.round(this.pipe.now * 90), { payload }), 96, this.pipe.now);
      this.pipe.run(8_000_000 / Math.max(20_000, Math.min(this.told, 2_000_000)));
    }
  }

  messages(side: number): Message[] {
    const out: Message[] = [];
    for (const data of this.pipe.sentRtcp[side]!) {
      parseRtcp(data, data.length, {
        onTmmbr: (from, ssrc, bitrate) => out.push({ kind: "tmmbr", from, ssrc, bitrate }),
        onTmmbn: (from, ssrc, bitrate) => out.push({ kind: "tmmbn", from, ssrc, bitrate }),
        onRemb: (from, bitrate, ssrcs, count) => {
          for (let i = 0; i < count; i++) out.push({ kind: "remb", from, ssrc: ssrcs[i]!, bitrate });
        },
      });
    }
    return out;
  }
}

test("TMMBR: asked once, answered with the bounding set, and followed; higher again when it is taken back", () => {
  const call = new Call(TMMBR);
  call.run(1500);
  assert.ok(call.told > 1_000_000, `${call.told}`);
  call.receiver.limitBitrate(400_000, call.pipe.now);
  call.run(1000);
  // What headers add is told, and taken off again on the other side.
  assert.ok(Math.abs(call.told - 400_000) < 6000, `${call.told}`);
  const [request, ...more] = call.messages(1).filter(({ kind }) => kind === "tmmbr");
  assert.deepEqual(more, []);
  assert.equal(request!.ssrc, 1000);
  assert.ok(request!.bitrate > 420_000 && request!.bitrate < 450_000, `${request!.bitrate}`);
  assert.deepEqual(
    call.messages(0).filter(({ kind }) => kind === "tmmbn"),
    [{ kind: "tmmbn", from: 1000, ssrc: request!.from, bitrate: request!.bitrate }],
  );
  call.receiver.limitBitrate(null, call.pipe.now);
  call.run(3000);
  assert.ok(call.told > 1_000_000, `${call.told}`);
  assert.equal(call.messages(1).filter(({ kind }) => kind === "tmmbr").length, 2);
  assert.ok(!call.messages(1).some(({ kind }) => kind === "remb"));
});

test("TMMBR set before anything came goes with the first packet, and again until it is answered", () => {
  const call = new Call(TMMBR);
  call.pipe.rtcpLoss = 1;
  call.receiver.limitBitrate(250_000, call.pipe.now);
  call.pipe.run(2000);
  assert.equal(call.messages(1).length, 0);
  call.run(3000);
  const lost = call.messages(1).filter(({ kind }) => kind === "tmmbr").length;
  assert.ok(lost >= 3 && lost <= 5, `${lost}`);
  call.pipe.rtcpLoss = 0;
  call.run(4000);
  assert.ok(Math.abs(call.told - 250_000) < 5000, `${call.told}`);
  const all = call.messages(1).filter(({ kind }) => kind === "tmmbr").length;
  assert.ok(all <= lost + 1, `${all}`);
});

test("TMMBR from several of the peer: all that bind are told, one that leaves frees its own", () => {
  const call = new Call(TMMBR);
  call.run(1500);
  const [session] = call.pipe.sessions;
  const receive = (write: (writer: RtcpWriter) => void): Message[] => {
    const before = call.messages(0).length;
    const writer = new RtcpWriter(200);
    write(writer);
    session.receiveRtcp(writer.data.slice(0, writer.length), writer.length, call.pipe.now);
    session.flush(call.pipe.now);
    return call.messages(0).slice(before);
  };
  assert.equal(receive((w) => writeTmmbr(w, 1, 1000, 300_000, 40)).length, 1);
  // Binds where packets are small.
  const both = receive((w) => writeTmmbr(w, 2, 1000, 350_000, 200));
  assert.deepEqual(
    both.map(({ kind, from, ssrc }) => [kind, from, ssrc]),
    [
      ["tmmbn", 1000, 1],
      ["tmmbn", 1000, 2],
    ],
  );
  // Two in one packet: one answer. The third does not bind.
  const again = receive((w) => {
    writeTmmbr(w, 3, 1000, 600_000, 40);
    writeTmmbr(w, 1, 1000, 200_000, 40);
  });
  assert.deepEqual(
    again.map(({ ssrc, bitrate }) => [ssrc, bitrate]),
    [
      [1, 200_000],
      [2, 350_000 - (350_000 % 4)],
    ],
  );
  call.run(300);
  assert.ok(Math.abs(call.told - (200_000 * 1000) / 1040) < 5000, `${call.told}`);
  receive((w) => w.bye(1));
  call.run(300);
  assert.ok(Math.abs(call.told - (350_000 * 1000) / 1200) < 10_000, `${call.told}`);
  const gone = receive((w) => {
    w.bye(2);
    w.bye(3);
  });
  assert.deepEqual(gone, []);
  assert.ok(session.senders[0]!.streams[0]!.requestedBitrate === Number.POSITIVE_INFINITY);
  // About a stream that is none of ours: no answer.
  assert.deepEqual(
    receive((w) => writeTmmbr(w, 3, 4444, 600_000, 40)),
    [],
  );
});

test("REMB where there is no TMMBR: each second while something comes, and until it is known that it was taken back", () => {
  const call = new Call(REMB);
  call.run(1500);
  call.receiver.limitBitrate(300_000, call.pipe.now);
  call.run(5000);
  assert.ok(Math.abs(call.told - 300_000) < 20_000, `${call.told}`);
  const rembs = call.messages(1);
  assert.ok(rembs.length >= 5 && rembs.length <= 7, `${rembs.length}`);
  for (const { kind, ssrc, bitrate } of rembs) {
    assert.equal(kind, "remb");
    assert.equal(ssrc, 1000);
    assert.ok(bitrate > 310_000 && bitrate < 340_000, `${bitrate}`);
  }
  call.pipe.run(5000);
  assert.equal(call.pipe.sessions[1].deadline, Number.POSITIVE_INFINITY, "silent, and so are we");
  assert.ok(call.messages(1).length <= rembs.length + 1);
  call.receiver.limitBitrate(null, call.pipe.now);
  call.run(6000);
  assert.ok(call.told > 1_000_000, `${call.told}`);
  const freed = call.messages(1).filter(({ bitrate }) => bitrate > 900_000_000);
  assert.equal(freed.length, 3);
});

test("REMB is about all that comes: what has no limit is counted in", () => {
  const call = new Call(REMB);
  const { pipe } = call;
  const audio: RtpCodec = { ...VP8, mimeType: "audio/opus", payloadType: 111, clockRate: 48_000, rtxPayloadType: null };
  const section = { kind: "audio", mid: "1", codecs: [audio], active: true } as const;
  const options = sending({ ...section, encodings: [{ ...sending().encodings[0]!, ssrc: 3000, rtxSsrc: null }] });
  const sender = pipe.sessions[0].addSender(options, {});
  pipe.sessions[1].addReceiver(receiving({ ...section, ssrcs: [{ ssrc: 3000, rtxSsrc: null }], rids: [] }), {});
  call.receiver.limitBitrate(300_000, pipe.now);
  for (let i = 0; i < 100; i++) {
    sender.sendPacket(0, packet(i, i * 960, { ssrc: 9, payload: new Uint8Array(80) }), 111, pipe.now);
    call.run(20);
  }
  const last = call.messages(1).at(-1)!;
  assert.equal(last.ssrc, 1000);
  assert.ok(last.bitrate > 310_000 + 100_000 && last.bitrate < 340_000 + 200_000, `${last.bitrate}`);
});

test("neither: nothing is said", () => {
  const call = new Call({ ...VP8, transportCc: true });
  call.receiver.limitBitrate(300_000, call.pipe.now);
  call.run(3000);
  assert.deepEqual(call.messages(1), []);
  assert.ok(call.told > 1_000_000);
});

test("a request whose stream goes on in a codec without TMMBR is not waited for", () => {
  const pipe = new Pipe();
  const [, session] = pipe.sessions;
  const other: RtpCodec = { ...VP8, payloadType: 98, rtxPayloadType: 99, transportCc: true };
  const receiver = session.addReceiver(receiving({ codecs: [TMMBR, other] }), {});
  const receive = (sequence: number, payloadType: number, now: number): void => {
    const { data, length } = packet(sequence, sequence * 3000, { payloadType });
    session.receiveRtp(data, length, now);
    session.flush(now);
  };
  receive(1, 96, 0);
  receiver.limitBitrate(400_000, 5);
  session.flush(5);
  let now = 5;
  for (let i = 2; i < 40; i++) {
    receive(i, i === 2 ? 96 : 98, now);
    now += 50;
    session.handleTimeout(now);
    assert.ok(session.deadline > now, `${session.deadline} at ${now}`);
  }
});
