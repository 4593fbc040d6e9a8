import assert from "node:assert/strict";
import { test } from "node:test";
import { hexDecode, hexEncode } from "../../util/text.js";
import { RtpPacket, writeRtpHeader } from "../packet.js";
import { type FecFormat, FecPacket, MAX_PROTECTED_STREAMS } from "./fec-packet.js";
import { FecReceiver, MAX_WAITING_FEC, MEDIA_WINDOW } from "./fec-receiver.js";
import { FecSender, MAX_GROUP_SIZE } from "./fec-sender.js";
import { type MutableExtension, xorBytes } from "./parity.js";
import { redBlockType, stripRed } from "./red.js";

const MEDIA = 0xcafe;
const REPAIR = 0xfec;

function seeded(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return (state >>> 8) % below;
  };
}

function media(next: (below: number) => number, sequence: number, ssrc: number = MEDIA): Uint8Array {
  const packet = Uint8Array.from({ length: 12 + next(1200) }, () => next(256));
  writeRtpHeader(packet, next(4) === 0, 96 + next(3), sequence & 0xffff, next(0x7fffffff) * 2, ssrc, 0);
  if (packet.length > 40 && next(2) === 0) {
    // Elements 1 (three bytes), 2 (two) and padding.
    packet[0]! |= 0x10;
    packet.set([0xbe, 0xde, 0, 2, 0x12, next(256), next(256), next(256), 0x21, next(256), next(256), 0], 12);
  }
  return packet;
}

/** A parsed RTP packet around a payload. */
function around(payload: Uint8Array, { ssrc = REPAIR, sequence = 0, csrcs = [] as number[] } = {}): RtpPacket {
  const header = 12 + 4 * csrcs.length;
  const data = new Uint8Array(header + payload.length);
  writeRtpHeader(data, false, 120, sequence & 0xffff, 0, ssrc, csrcs.length);
  csrcs.forEach((csrc, i) => {
    data.set([csrc >>> 24, csrc >>> 16, csrc >>> 8, csrc], 12 + 4 * i);
  });
  data.set(payload, header);
  const packet = new RtpPacket();
  assert.ok(packet.parse(data));
  return packet;
}

/** ULPFEC as RFC 5109 §7 and §8 say, bit by bit. */
function ulpfec(packets: readonly Uint8Array[], base: number, long = false): Uint8Array {
  const longest = Math.max(...packets.map((packet) => packet.length)) - 12;
  const header = new Uint8Array(long ? 18 : 14);
  const body = new Uint8Array(longest);
  let length = 0;
  for (const packet of packets) {
    header[0]! ^= packet[0]! & 0x3f;
    header[1]! ^= packet[1]!;
    for (let i = 4; i < 8; i++) header[i]! ^= packet[i]!;
    length ^= packet.length - 12;
    for (let i = 12; i < packet.length; i++) body[i - 12]! ^= packet[i]!;
    const offset = (((packet[2]! << 8) | packet[3]!) - base) & 0xffff;
    header[12 + (offset >> 3)]! |= 0x80 >> (offset & 7);
  }
  if (long) header[0]! |= 0x40;
  header.set([base >> 8, base & 0xff], 2);
  header.set([length >> 8, length & 0xff, longest >> 8, longest & 0xff], 8);
  return Uint8Array.of(...header, ...body);
}

function receiver(
  format: FecFormat,
  ssrcs: readonly number[] = [MEDIA],
  mutableExtensions: readonly MutableExtension[] = [],
) {
  const recovered: Uint8Array[] = [];
  const it = new FecReceiver({ format, ssrcs, mutableExtensions }, { onRecovered: (packet) => recovered.push(packet) });
  return { it, recovered };
}

function give(it: FecReceiver, packet: Uint8Array): void {
  it.addMediaPacket(packet, packet.length);
}

test("RFC 5109 10.1: the repair packet of four gives each of them back", () => {
  const packets = [
    [8, 200, 11, 3, true],
    [9, 140, 18, 5, false],
    [10, 100, 11, 7, true],
    [11, 340, 18, 9, false],
  ].map(([sequence, length, type, timestamp, marker]) => {
    const packet = new Uint8Array(12 + (length as number)).fill(sequence as number, 12);
    writeRtpHeader(packet, marker as boolean, type as number, sequence as number, timestamp as number, 2, 0);
    return packet;
  });
  const payload = ulpfec(packets, 8);
  // The header that the RFC gives.
  assert.equal(hexEncode(payload.subarray(0, 14)), "00000008" + "00000008" + "0174" + "0154" + "f000");
  for (const lost of packets) {
    const { it, recovered } = receiver("ulpfec", [2]);
    for (const packet of packets) if (packet !== lost) give(it, packet);
    it.addFecPacket(around(payload, { ssrc: 2, sequence: 12 }));
    assert.deepEqual(recovered, [lost]);
  }
});

test("ULPFEC in RED: media loses its header, repair packets are read behind it, in any order", () => {
  const next = seeded(1);
  for (let round = 0; round < 200; round++) {
    const base = next(0x10000);
    const long = next(2) === 0;
    const span = long ? 48 : 16;
    const chosen = Array.from({ length: span }, (_, i) => i).filter((i) => i === 0 || next(3) > 0);
    const packets = chosen.map((i) => media(next, base + i));
    const lost = packets[next(packets.length)]!;
    const { it, recovered } = receiver("ulpfec");
    const arrivals = packets.filter((packet) => packet !== lost).map((packet) => ({ packet, order: next(1000) }));
    arrivals.push({ packet: lost, order: -1 });
    arrivals.sort((a, b) => a.order - b.order);
    const repair = next(arrivals.length);
    arrivals.forEach(({ packet, order }, i) => {
      if (i === repair) {
        const fec = around(Uint8Array.of(117, ...ulpfec(packets, base, long)), { ssrc: MEDIA, sequence: base + span });
        assert.equal(redBlockType(fec), 117);
        it.addFecPacket(fec, 1);
      }
      if (order < 0) return;
      const view = new RtpPacket();
      view.parse(packet);
      const red = Uint8Array.of(
        ...packet.subarray(0, view.payloadOffset),
        packet[1]! & 0x7f,
        ...packet.subarray(view.payloadOffset),
      );
      red[1] = (red[1]! & 0x80) | 116;
      assert.ok(view.parse(red));
      assert.equal(redBlockType(view), packet[1]! & 0x7f);
      const stripped = stripRed(view);
      assert.deepEqual(stripped, packet);
      give(it, stripped);
    });
    assert.deepEqual(recovered, [lost], `round ${round}`);
  }
});

test("the masks of FlexFEC: k bits end them in the draft and continue them in the RFC", () => {
  const payload = (hex: string): Uint8Array => Uint8Array.of(...hexDecode(hex)!, 1, 2, 3, 4);
  const draft = (mask: string): FecPacket | undefined =>
    FecPacket.parse(around(payload(`00000000000000000100000000000005fff0${mask}`)), "flexfec-03");
  const rfc = (mask: string): FecPacket | undefined =>
    FecPacket.parse(around(payload(`0000000000000000fff0${mask}`), { csrcs: [5] }), "flexfec");
  const [draftCases, rfcCases] = [
    [
      ["c001", [0, 14]],
      ["4001c0000001", [0, 14, 15, 45]],
      ["400140000001c000000000000001", [0, 14, 15, 45, 46, 108]],
    ],
    [
      ["4001", [0, 14]],
      ["c00140000001", [0, 14, 15, 45]],
      ["c001c00000018000000000000001", [0, 14, 15, 45, 46, 109]],
    ],
  ] as const;
  for (const [parse, cases] of [
    [draft, draftCases],
    [rfc, rfcCases],
  ] as const) {
    for (const [mask, offsets] of cases) {
      const fec = parse(mask)!;
      assert.deepEqual(fec.protections[0]!.offsets, offsets);
      assert.equal(fec.protections[0]!.ssrc, 5);
      assert.equal(fec.protections[0]!.base, 0xfff0);
      assert.equal(fec.bodyLength, 4);
      assert.ok(fec.protections[0]!.covers((0xfff0 + offsets.at(-1)!) & 0xffff));
      assert.ok(!fec.protections[0]!.covers(0xffef));
    }
  }
  assert.equal(draft("400140000001400000000000000100"), undefined, "the draft's third k bit must be set");
  assert.equal(draft("8000"), undefined, "nothing protected");
});

test("FlexFEC's rows and columns (RFC 8627 4.2.2.2)", () => {
  const offsets = (columns: number, rows: number): number[] | undefined => {
    const header = Uint8Array.of(0x40, 0, 0, 0, 0, 0, 0, 0, 0, 100, columns, rows, 9, 9);
    return FecPacket.parse(around(header, { csrcs: [5] }), "flexfec")?.protections[0]?.offsets;
  };
  assert.deepEqual(offsets(4, 0), [0, 1, 2, 3]);
  assert.deepEqual(offsets(4, 1), [0, 1, 2, 3]);
  assert.deepEqual(offsets(5, 3), [0, 5, 10]);
  assert.equal(offsets(0, 0), undefined);
  assert.equal(offsets(255, 0), undefined);
});

for (const format of ["flexfec-03", "flexfec", "ulpfec"] as const) {
  const repaired = (payload: Uint8Array): RtpPacket =>
    around(payload, { csrcs: format === "flexfec" ? [MEDIA] : [], ssrc: format === "ulpfec" ? MEDIA : REPAIR });

  test(`${format}: as many losses in a row as there are repair packets`, () => {
    const next = seeded(7);
    for (let round = 0; round < 120; round++) {
      const groupSize = 1 + next(MAX_GROUP_SIZE);
      const repairPackets = 1 + next(Math.min(groupSize, 6));
      const repairs: Uint8Array[] = [];
      const sender = new FecSender({ format, ssrc: MEDIA, groupSize, repairPackets }, (payload) =>
        repairs.push(payload.slice()),
      );
      let sequence = next(0x10000);
      const packets = Array.from({ length: groupSize }, () => {
        // What was not for this stream leaves gaps; those of ULPFEC would be beyond its mask.
        sequence += format !== "ulpfec" && next(5) === 0 ? 2 : 1;
        return media(next, sequence);
      });
      for (const packet of packets) sender.addMediaPacket(packet, packet.length);
      assert.equal(repairs.length, repairPackets);
      const first = next(groupSize - repairPackets + 1);
      const lost = packets.slice(first, first + repairPackets);
      const { it, recovered } = receiver(format);
      const arrivals = [
        ...packets.filter((packet) => !lost.includes(packet)).map((packet) => () => give(it, packet)),
        ...repairs.map((payload) => () => it.addFecPacket(repaired(payload))),
      ];
      if (next(2) === 0) arrivals.reverse();
      for (const arrive of arrivals) arrive();
      recovered.sort((a, b) => packets.findIndex((p) => same(p, a)) - packets.findIndex((p) => same(p, b)));
      assert.deepEqual(recovered, lost, `round ${round}`);
      assert.equal(it.packetsRecovered, lost.length);
      assert.equal(it.packetsDiscarded, 0);
    }
  });

  test(`${format}: random loss on a long stream is repaired where it can be, and nothing else appears`, () => {
    const next = seeded(99);
    const repairs: Uint8Array[] = [];
    const options = { format, ssrc: MEDIA, groupSize: 10, repairPackets: 2 };
    const sender = new FecSender(options, (payload) => repairs.push(payload.slice()));
    const sent = new Map<number, Uint8Array>();
    const { it, recovered } = receiver(format);
    let lost = 0;
    for (let sequence = 60_000; sequence < 64_000 + 10_000; sequence++) {
      const packet = media(next, sequence);
      sent.set(sequence & 0xffff, packet);
      sender.addMediaPacket(packet, packet.length);
      if (next(20) === 0) lost++;
      else give(it, packet);
      if (sequence % 37 === 0) sender.endGroup();
      for (const payload of repairs.splice(0)) if (next(20) > 0) it.addFecPacket(repaired(payload));
    }
    for (const packet of recovered) assert.deepEqual(packet, sent.get((packet[2]! << 8) | packet[3]!));
    assert.ok(recovered.length > lost * 0.75, `${recovered.length} of ${lost}`);
    assert.equal(new Set(recovered.map((packet) => (packet[2]! << 8) | packet[3]!)).size, recovered.length);
  });

  test(`${format}: extensions that are written after the encoder do not matter`, () => {
    const next = seeded(5);
    for (const profile of [
      [0xbe, 0xde, 0, 2, 0x12, 1, 2, 3, 0x21, 4, 5, 0],
      [0x10, 0x00, 0, 2, 1, 3, 1, 2, 3, 2, 1, 4],
    ]) {
      const repairs: Uint8Array[] = [];
      const mutableExtensions = [{ id: 1, from: 0 }];
      const options = { format, ssrc: MEDIA, groupSize: 3, repairPackets: 1, mutableExtensions };
      const sender = new FecSender(options, (payload) => repairs.push(payload.slice()));
      const packets = [1, 2, 3].map((sequence) => {
        const packet = media(next, sequence);
        packet[0] = 0x90;
        packet.set(profile, 12);
        return packet;
      });
      for (const packet of packets) sender.addMediaPacket(packet, packet.length);
      const { it, recovered } = receiver(format, [MEDIA], mutableExtensions);
      const at = profile[0] === 0xbe ? 17 : 18;
      for (const packet of packets.slice(1)) {
        const later = packet.slice();
        later.set([77, 88, 99], at);
        give(it, later);
      }
      it.addFecPacket(repaired(repairs[0]!));
      const expected = packets[0]!.slice();
      expected.set([0, 0, 0], at);
      assert.deepEqual(recovered, [expected]);
    }
  });
}

test("of an extension whose end is written later only that end counts as zeros", () => {
  const next = seeded(6);
  const options = { format: "flexfec-03", ssrc: MEDIA, groupSize: 2, repairPackets: 1 } as const;
  const mutable = [{ id: 1, from: 1 }];
  const repairs: Uint8Array[] = [];
  const sender = new FecSender({ ...options, mutableExtensions: mutable }, (payload) => repairs.push(payload.slice()));
  const timed = media(next, 1);
  const lost = media(next, 2);
  timed[0] = 0x90;
  timed.set([0xbe, 0xde, 0, 1, 0x12, 5, 6, 7], 12);
  for (const packet of [timed, lost]) sender.addMediaPacket(packet, packet.length);
  const { it, recovered } = receiver("flexfec-03", [MEDIA], mutable);
  const later = timed.slice();
  later.set([60, 70], 18);
  give(it, later);
  it.addFecPacket(around(repairs[0]!));
  assert.deepEqual(recovered, [lost]);
});

test("bytes are XORed wherever they lie, and no others", () => {
  const next = seeded(12);
  for (let round = 0; round < 500; round++) {
    const data = Uint8Array.from({ length: 400 }, () => next(256)).subarray(next(8));
    const target = Uint8Array.from({ length: 400 }, () => next(256)).subarray(next(8));
    const [from, at, length] = [next(16), next(16), next(370)];
    const expected = target.map((byte, i) => (i >= at && i < at + length ? byte ^ data[from + i - at]! : byte));
    xorBytes(target, at, data, from, from + length);
    assert.deepEqual(target, expected, `${round}`);
  }
});

test("a packet that was overtaken by the first of its group goes without, and does not end it", () => {
  const next = seeded(8);
  const repairs: Uint8Array[] = [];
  const options = { format: "flexfec-03", ssrc: MEDIA, groupSize: 3, repairPackets: 1 } as const;
  const sender = new FecSender(options, (payload) => repairs.push(payload.slice()));
  for (const sequence of [0, 0xffff, 1, 2]) {
    const packet = media(next, sequence);
    sender.addMediaPacket(packet, packet.length);
  }
  assert.equal(repairs.length, 1);
  assert.deepEqual(FecPacket.parse(around(repairs[0]!), "flexfec-03")!.protections[0]!.offsets, [0, 1, 2]);
});

function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

test("what one repair packet gives can complete another", () => {
  const next = seeded(3);
  const packets = [0, 1, 2, 3].map((i) => media(next, 65_534 + i));
  const [a, b, c, d] = packets as [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
  const { it, recovered } = receiver("ulpfec");
  it.addFecPacket(around(ulpfec([a, b, c], 65_534), { ssrc: MEDIA }));
  it.addFecPacket(around(ulpfec([b, d], 65_535), { ssrc: MEDIA }));
  give(it, a);
  assert.equal(recovered.length, 0);
  give(it, d);
  assert.deepEqual(recovered, [b, c]);
});

test("a recovered packet is its receiver's: changing it does not spoil the next", () => {
  const next = seeded(4);
  const [a, b, c] = [1, 2, 3].map((i) => media(next, i)) as [Uint8Array, Uint8Array, Uint8Array];
  const recovered: Uint8Array[] = [];
  const it: FecReceiver = new FecReceiver(
    { format: "ulpfec", ssrcs: [MEDIA] },
    {
      onRecovered(packet) {
        recovered.push(packet.slice());
        packet.fill(0);
      },
    },
  );
  give(it, a);
  it.addFecPacket(around(ulpfec([a, b], 1), { ssrc: MEDIA }));
  it.addFecPacket(around(ulpfec([b, c], 2), { ssrc: MEDIA }));
  assert.deepEqual(recovered, [b, c]);
});

test("repair packets that are not needed, too late, of strangers or malformed come to nothing", () => {
  const next = seeded(8);
  const packets = Array.from({ length: 400 }, (_, i) => media(next, i));
  const { it, recovered } = receiver("ulpfec");
  for (const packet of packets.slice(1)) give(it, packet);
  const [a, b, c] = packets as [Uint8Array, Uint8Array, Uint8Array];
  it.addFecPacket(around(ulpfec([b, c], 1), { ssrc: MEDIA }));
  it.addFecPacket(around(ulpfec([a, b], 0), { ssrc: MEDIA }));
  it.addFecPacket(around(ulpfec([packets[398]!, packets[399]!], 398), { ssrc: MEDIA }));
  it.addFecPacket(around(ulpfec([media(next, 400, 99), media(next, 401, 99)], 400), { ssrc: 99 }));
  it.addFecPacket(around(new Uint8Array(5), { ssrc: MEDIA }));
  // Says that the lost packet is longer than what is protected of it.
  const short = ulpfec([packets[399]!, media(next, 400)], 399);
  short[8]! ^= 0x40;
  it.addFecPacket(around(short, { ssrc: MEDIA }));
  assert.deepEqual(recovered, []);
  assert.equal(it.packetsDiscarded, 6);
  assert.equal(it.packetsReceived, 6);
});

test("limits: repair packets that wait, streams of one, and what is kept of media", () => {
  const next = seeded(9);
  const { it, recovered } = receiver("ulpfec");
  const packets = Array.from({ length: 3 * MAX_WAITING_FEC }, (_, i) => media(next, i));
  for (let i = 0; i < packets.length; i += 2) {
    it.addFecPacket(around(ulpfec(packets.slice(i, i + 2), i), { ssrc: MEDIA }));
  }
  assert.equal(it.packetsDiscarded, packets.length / 2 - MAX_WAITING_FEC);
  give(it, packets[0]!);
  assert.equal(recovered.length, 0, "the oldest gave way");
  give(it, packets.at(-1)!);
  assert.deepEqual(recovered, [packets.at(-2)]);
  // A jump forgets everything from before, so that the same numbers an age later are not mistaken for it.
  give(it, media(next, 30_000));
  give(it, media(next, 30_000 + MEDIA_WINDOW));
  it.addFecPacket(around(ulpfec([packets[0]!, packets[1]!], 0), { ssrc: MEDIA }));
  assert.equal(recovered.length, 1);

  const many = new Uint8Array(12 + 8 * (MAX_PROTECTED_STREAMS + 1) + 10).fill(0x80, 12);
  many[8] = MAX_PROTECTED_STREAMS + 1;
  assert.equal(FecPacket.parse(around(many), "flexfec-03"), undefined);
});

test("one repair packet may protect several streams", () => {
  const next = seeded(11);
  const one = media(next, 500, 1);
  const two = media(next, 9, 2);
  const parity = ulpfec([one, two], 500);
  const body = parity.subarray(parity.length - Math.max(one.length, two.length) + 12);
  const length = (one.length - 12) ^ (two.length - 12);
  const payload = Uint8Array.of(
    ...[parity[0]!, parity[1]!, length >> 8, length & 0xff, ...parity.subarray(4, 8)],
    ...[2, 0, 0, 0],
    ...[0, 0, 0, 1, 500 >> 8, 500 & 0xff, 0xc0, 0],
    ...[0, 0, 0, 2, 0, 9, 0xc0, 0],
    ...body,
  );
  const { it, recovered } = receiver("flexfec-03", [1, 2]);
  give(it, one);
  it.addFecPacket(around(payload));
  assert.deepEqual(recovered, [two]);
});
