import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { test } from "node:test";
import { nodeCrypto } from "../node/crypto.js";
import { deriveSessionKeys } from "./key-derivation.js";
import { srtpProfile } from "./profiles.js";
import { MAX_RECEIVE_STREAMS, MAX_REPLAY_WINDOWS, SrtpSession, splitKeys, srtpKeyLength } from "./session.js";
import { guessIndex, MAX_RTCP_INDEX, MAX_RTP_INDEX, SendStream } from "./stream.js";

const PROFILES = [1, 2, 7, 8] as const;
const nameOf = (profile: number): string => srtpProfile(profile)!.name;

function seeded(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return (state >>> 8) % below;
  };
}

function pair(profile: number, cryptex = false): [SrtpSession, SrtpSession] {
  const material = Uint8Array.from({ length: srtpKeyLength(profile)! }, (_, i) => i * 7);
  return [true, false].map(
    (isClient) => new SrtpSession({ crypto: nodeCrypto, profile, cryptex, ...splitKeys(profile, material, isClient) }),
  ) as [SrtpSession, SrtpSession];
}

/** An RTP packet whose payload tells it from others, with room behind it. */
function rtp(sequence: number, { ssrc = 0x12345678, length = 40, first = 0x80, room = 24 } = {}): Uint8Array {
  const packet = new Uint8Array(length + room);
  for (let i = 12; i < length; i++) packet[i] = sequence * 3 + i;
  packet.set([first, 96, sequence >> 8, sequence, 0, 0, 0, 1, ssrc >>> 24, ssrc >>> 16, ssrc >>> 8, ssrc]);
  return packet;
}

function rtcp(ssrc = 0x12345678, length = 28, room = 24): Uint8Array {
  const packet = new Uint8Array(length + room);
  for (let i = 8; i < length; i++) packet[i] = i;
  packet.set([0x80, 200, 0, length / 4 - 1, ssrc >>> 24, ssrc >>> 16, ssrc >>> 8, ssrc]);
  return packet;
}

/** The SRTP packet, without room. */
function protect(session: SrtpSession, packet: Uint8Array, length = packet.length - 24): Uint8Array {
  const lengths = [length];
  session.protectRtp([packet], lengths, 1);
  return packet.slice(0, lengths[0]);
}

/** The RTP packet; empty if it was dropped. */
function unprotect(session: SrtpSession, packet: Uint8Array): Uint8Array {
  const lengths = [packet.length];
  const copy = packet.slice();
  session.unprotectRtp([copy], lengths, 1);
  return copy.slice(0, lengths[0]);
}

function protectRtcp(session: SrtpSession, packet: Uint8Array): Uint8Array {
  return packet.slice(0, session.protectRtcp(packet, packet.length - 24));
}

function unprotectRtcp(session: SrtpSession, packet: Uint8Array): Uint8Array {
  const copy = packet.slice();
  return copy.slice(0, session.unprotectRtcp(copy, copy.length));
}

/** Everything the session remembers of the peer. */
function stateOf(session: SrtpSession): unknown {
  return structuredClone((session as unknown as { receiveStreams: unknown }).receiveStreams);
}

test("exporter output is divided as RFC 5764 4.2 says", () => {
  assert.deepEqual(
    [1, 2, 7, 8, 5].map((profile) => srtpKeyLength(profile)),
    [60, 60, 56, 88, undefined],
  );
  const material = Uint8Array.from({ length: 56 }, (_, i) => i);
  const { local, remote } = splitKeys(7, material, true);
  assert.deepEqual([local.key[0], remote.key[0], local.salt[0], remote.salt[0]], [0, 16, 32, 44]);
  assert.deepEqual(splitKeys(7, material, false), { local: remote, remote: local });
  assert.throws(() => splitKeys(7, new Uint8Array(60), true), RangeError);
  assert.throws(() => splitKeys(3, material, true), RangeError);
  assert.throws(() => new SrtpSession({ crypto: nodeCrypto, profile: 1, local, remote }), RangeError);
});

for (const profile of PROFILES) {
  for (const cryptex of [false, true]) {
    test(`${nameOf(profile)}${cryptex ? " with Cryptex" : ""}: packets of all shapes, in batches, both ways`, () => {
      const next = seeded(profile);
      const ends = pair(profile, cryptex);
      for (let round = 0, sequence = 60_000; round < 60; round++) {
        const [a, b] = round & 1 ? ends : [ends[1], ends[0]];
        const count = 1 + next(40);
        const plain = Array.from({ length: count }, () => {
          const csrcs = next(3) === 0 ? next(16) : 0;
          const extension = next(2) === 0 ? 1 + next(20) : 0;
          const header = 12 + 4 * csrcs + (extension > 0 ? 4 * extension : 0);
          const packet = rtp(sequence++ & 0xffff, {
            ssrc: 1 + next(3) * 0x7fffffff,
            length: header + next(round % 7 === 0 ? 4000 : 1200),
            first: 0x80 | csrcs | (extension > 0 ? 0x10 : 0),
          });
          const at = 12 + 4 * csrcs;
          if (extension > 0) {
            packet.set(next(2) === 0 ? [0xbe, 0xde] : [0x10, 0], at);
            packet.set([0, extension - 1], at + 2);
          } else if (csrcs > 0 && cryptex) {
            // Comes out with an empty extension: not compared here.
            packet[0] = 0x80;
          }
          return packet;
        });
        const packets = plain.map((packet) => packet.slice());
        const lengths = Int32Array.from(packets, (packet) => packet.length - 24);
        a.protectRtp(packets, lengths, count);
        plain.forEach((packet, i) => {
          assert.equal(lengths[i], packet.length - 24 + srtpProfile(profile)!.rtpTagLength);
          assert.notDeepEqual(packets[i]!.subarray(0, lengths[i]), packet.subarray(0, lengths[i]));
        });
        b.unprotectRtp(packets, lengths, count);
        plain.forEach((packet, i) => {
          assert.deepEqual(packets[i]!.subarray(0, lengths[i]), packet.subarray(0, packet.length - 24));
        });
        const report = rtcp(1 + next(3), 8 + 4 * next(40));
        const sealed = protectRtcp(a, report.slice());
        assert.equal(sealed.length, report.length - 24 + a.rtcpOverhead);
        assert.deepEqual(unprotectRtcp(b, sealed), report.slice(0, -24));
      }
      for (const { counters } of ends) assert.ok(Object.values(counters).every((value) => value === 0));
    });
  }

  test(`${nameOf(profile)}: a packet with any byte changed, cut short or lengthened changes nothing`, () => {
    const [a, b] = pair(profile);
    const packets = [1, 2, 3].map((sequence) => protect(a, rtp(sequence, { first: 0x81 })));
    const reports = [1, 2, 3].map(() => protectRtcp(a, rtcp()));
    let dropped = 0;
    const unchanged = (attack: () => Uint8Array): void => {
      const before = stateOf(b);
      assert.equal(attack().length, 0);
      assert.deepEqual(stateOf(b), before);
      dropped++;
    };
    // Once before the stream is known, and once after.
    for (const i of [1, 2]) {
      for (let at = 0; at < packets[i]!.length; at++) {
        const forged = packets[i]!.slice();
        forged[at]! ^= 1 << (at & 7);
        unchanged(() => unprotect(b, forged));
        unchanged(() => unprotect(b, packets[i]!.slice(0, at)));
      }
      unchanged(() => unprotect(b, Uint8Array.of(...packets[i]!, 0)));
      unchanged(() => unprotect(b, reports[i]!));
      for (let at = 0; at < reports[i]!.length; at++) {
        const forged = reports[i]!.slice();
        forged[at]! ^= 1 << (at & 7);
        unchanged(() => unprotectRtcp(b, forged));
        unchanged(() => unprotectRtcp(b, reports[i]!.slice(0, at)));
      }
      unchanged(() => unprotectRtcp(b, packets[i]!));
      assert.equal(unprotect(b, packets[i]!).length, 40);
      assert.equal(unprotectRtcp(b, reports[i]!).length, 28);
      unchanged(() => unprotect(b, packets[i]!));
      unchanged(() => unprotectRtcp(b, reports[i]!));
    }
    const { malformed, notAuthentic, replayed } = b.counters;
    assert.equal(malformed + notAuthentic + replayed, dropped);
    assert.equal(unprotect(b, packets[0]!).length, 40, "what came late is still taken");
  });

  test(`${nameOf(profile)}: sequence numbers that wrap around, with loss, repeats and reordering`, () => {
    const next = seeded(profile * 1000);
    const [a, b] = pair(profile);
    const streams = [0x11111111, 0xf2222222].map((ssrc) => ({ ssrc, sequence: 0x7000 + next(0x1000) }));
    const waiting: { plain: Uint8Array; sealed: Uint8Array; at: number; again: boolean }[] = [];
    let sent = 0;
    let arrived = 0;
    let lost = 0;
    for (let step = 0; step < 6000; step++) {
      const stream = streams[next(2)]!;
      const plain = rtp(stream.sequence & 0xffff, { ssrc: stream.ssrc, length: 20 });
      // Now and then many packets are lost at once, but fewer than RFC 3711 can take.
      const gap = next(40) === 0 ? next(9000) : 0;
      for (let i = 0; i <= gap; i += 1000) {
        stream.sequence += Math.min(1000, gap - i);
        if (i + 1000 <= gap) protect(a, rtp(stream.sequence & 0xffff, { ssrc: stream.ssrc }));
      }
      stream.sequence++;
      const sealed = protect(a, plain.slice());
      if (sealed.length === 0) continue;
      sent++;
      if (next(10) === 0) lost++;
      else {
        waiting.push({ plain, sealed, at: step + next(30), again: false });
        if (next(10) === 0) waiting.push({ plain, sealed, at: step + 30 + next(60), again: true });
      }
      const due = waiting.filter(({ at }) => at <= step);
      for (const one of due) waiting.splice(waiting.indexOf(one), 1);
      const packets = due.map((one) => one.sealed.slice());
      const lengths = packets.map((packet) => packet.length);
      b.unprotectRtp(packets, lengths, packets.length);
      due.forEach((one, i) => {
        if (lengths[i] === 0) return;
        assert.equal(one.again, false, "a repeat was delivered");
        assert.deepEqual(packets[i]!.subarray(0, lengths[i]), one.plain.subarray(0, 20));
        arrived++;
      });
    }
    assert.equal(b.counters.notAuthentic, 0, "an index was guessed wrong");
    // What a jump left behind the window is dropped.
    assert.ok(arrived > (sent - lost) * 0.9, `${arrived} of ${sent - lost}`);
    assert.ok(b.counters.replayed > 300);
  });

  test(`${nameOf(profile)}: a batch gives what its packets give one by one`, () => {
    const next = seeded(profile * 77);
    for (let round = 0; round < 30; round++) {
      const [a, together] = pair(profile);
      const [, alone] = pair(profile);
      const pool: Uint8Array[] = [];
      let sequence = next(0x10000);
      for (let i = 0; i < 80; i++) {
        sequence += [1, 1, 1, 2, 20_000][next(5)]!;
        pool.push(protect(a, rtp(sequence & 0xffff, { ssrc: next(2), length: 16 })));
      }
      const order = Array.from({ length: 120 }, (_, i) => {
        const packet = pool[Math.min(pool.length - 1, Math.max(0, Math.floor(i / 2) + next(20)))]!.slice();
        if (next(4) === 0) packet[next(packet.length)]! ^= 1 << next(8);
        return packet;
      });
      const expected = order.map((packet) => unprotect(alone, packet).length);
      const lengths = order.map((packet) => packet.length);
      together.unprotectRtp(order, lengths, order.length);
      assert.deepEqual(lengths, expected);
      assert.deepEqual(stateOf(together), stateOf(alone));
      // A forged copy of a packet of the same batch is not authentic rather than replayed: nothing else differs.
      const dropped = ({ counters }: SrtpSession): number => counters.notAuthentic + counters.replayed;
      assert.equal(dropped(together), dropped(alone));
    }
  });
}

test("a retransmission may be a thousand packets late", () => {
  for (const profile of PROFILES) {
    const [a, b] = pair(profile);
    const late = protect(a, rtp(65_000));
    for (let i = 1; i <= 1500; i++) unprotect(b, protect(a, rtp((65_000 + i) & 0xffff)));
    assert.equal(unprotect(b, late).length, 40);
    assert.equal(unprotect(b, late).length, 0);
  }
});

test("an index is guessed as RFC 3711 Appendix A does", () => {
  // For each highest index: a sequence number, and the index it means.
  for (const [highest, sequence, index] of [
    [10, 11, 11],
    [10, 0x8000 + 10, 0x8000 + 10],
    [10, 0x8000 + 11, 0x8000 + 11 - 0x10000],
    [0x1fffe, 2, 0x20002],
    [0x20001, 0xffff, 0x1ffff],
    [0x18000, 0, 0x10000],
    [0x18001, 0, 0x20000],
    [2 ** 48 - 1, 0, 2 ** 48],
  ] as const) {
    assert.equal(guessIndex(highest, sequence), index);
  }
});

test("a stranger's packet before the first one of an SSRC does not mislead the guess", () => {
  const [a, b] = pair(7);
  const packets = [40_000, 40_001, 3, 4].map((sequence) => protect(a, rtp(sequence)));
  const forged = packets[2]!.slice();
  forged[20]! ^= 1;
  const batch = [forged, packets[0]!, packets[1]!];
  const lengths = batch.map((packet) => packet.length);
  b.unprotectRtp(batch, lengths, 3);
  assert.deepEqual(lengths, [0, 40, 40]);
});

test("a peer cannot make more streams than the limit, and strangers none", () => {
  const [a, b] = pair(1);
  const [stranger] = pair(2);
  for (let ssrc = 1; ssrc <= 50; ssrc++) {
    unprotect(b, protect(stranger, rtp(1, { ssrc })));
    unprotectRtcp(b, protectRtcp(stranger, rtcp(ssrc)).fill(1, 30));
  }
  assert.equal((stateOf(b) as Map<number, unknown>).size, 0);
  for (let ssrc = 1; ssrc <= MAX_RECEIVE_STREAMS; ssrc++) {
    const packet = rtp(1, { ssrc, length: 16, room: 10 });
    const lengths = [16];
    a.protectRtp([packet], lengths, 1);
    b.unprotectRtp([packet], lengths, 1);
    assert.equal(lengths[0], 16);
  }
  const more = MAX_RECEIVE_STREAMS + 1;
  assert.equal(unprotect(b, protect(a, rtp(1, { ssrc: more }))).length, 0);
  assert.equal(unprotectRtcp(b, protectRtcp(a, rtcp(more))).length, 0);
  assert.equal(b.counters.tooManyStreams, 2);
  assert.equal(unprotect(b, protect(a, rtp(2, { ssrc: 1 }))).length, 40, "known ones go on");
});

test("streams that went idle are remembered so that none of their packets can be repeated", () => {
  for (const profile of [1, 7] as const) {
    const [a, b] = pair(profile);
    const earlier = [0xffef, 0xfff0, 0xfff1, 3, 4].map((sequence) => protect(a, rtp(sequence, { ssrc: 7 })));
    const control = [0, 1, 2].map(() => protectRtcp(a, rtcp(7)));
    for (const i of [0, 2, 4]) assert.equal(unprotect(b, earlier[i]!).length, 40);
    assert.equal(unprotectRtcp(b, control[1]!).length, 28);
    const more = (first: number): void => {
      for (let i = 0; i < MAX_REPLAY_WINDOWS; i++) unprotect(b, protect(a, rtp(1, { ssrc: first + i, length: 20 })));
    };
    more(1000);
    const windows = [...(stateOf(b) as Map<number, { rtpWindow: unknown }>).values()].filter(
      ({ rtpWindow }) => rtpWindow !== undefined,
    );
    assert.ok(windows.length <= MAX_REPLAY_WINDOWS, `${windows.length} windows`);
    // Seen or not, nothing up to the newest is taken: nobody knows any more which of them came.
    for (const packet of earlier) assert.equal(unprotect(b, packet).length, 0);
    assert.equal(unprotectRtcp(b, control[0]!).length, 0);
    assert.equal(unprotectRtcp(b, control[1]!).length, 0);
    assert.equal(b.counters.replayed, 7);
    // What is newer is, in any order again, and once.
    const later = [8, 5, 6, 40].map((sequence) => protect(a, rtp(sequence, { ssrc: 7 })));
    for (const i of [0, 2, 1, 3]) assert.equal(unprotect(b, later[i]!).length, 40, `${i}`);
    for (const packet of [...earlier, ...later]) assert.equal(unprotect(b, packet).length, 0);
    assert.equal(unprotectRtcp(b, control[2]!).length, 28);
    assert.equal(unprotectRtcp(b, control[2]!).length, 0);
  }
});

test("a stream in use keeps its window, however many others come", () => {
  const [a, b] = pair(7);
  let sequence = 0;
  for (let ssrc = 1000; ssrc < 1000 + 3 * MAX_REPLAY_WINDOWS; ssrc++) {
    unprotect(b, protect(a, rtp(1, { ssrc, length: 20 })));
    if (ssrc % 500 !== 0) continue;
    const late = protect(a, rtp(sequence++));
    assert.equal(unprotect(b, protect(a, rtp(sequence++))).length, 40);
    assert.equal(unprotect(b, late).length, 40);
  }
});

test("a stream ends when its key has been used as often as it may be", () => {
  for (const profile of PROFILES) {
    const [a, b] = pair(profile);
    const streams = (a as unknown as { sendStreams: Map<number, SendStream> }).sendStreams;
    streams.set(5, new SendStream(MAX_RTP_INDEX - 2, MAX_RTCP_INDEX - 1));
    const receiving = (b as unknown as { receiveStreams: Map<number, { highest: number }> }).receiveStreams;
    unprotectRtcp(b, protectRtcp(a, rtcp(6)));
    assert.equal(unprotectRtcp(b, protectRtcp(a, rtcp(5))).length, 28);
    receiving.get(5)!.highest = MAX_RTP_INDEX - 2;
    assert.equal(unprotect(b, protect(a, rtp(0xffff, { ssrc: 5 }))).length, 40);
    assert.equal(protect(a, rtp(0, { ssrc: 5 })).length, 0);
    assert.equal(protect(a, rtp(1, { ssrc: 5 })).length, 0);
    assert.equal(protectRtcp(a, rtcp(5)).length, 0);
    assert.equal(a.counters.keyExhausted, 3);
    unprotect(b, new Uint8Array(60).fill(0).fill(0x80, 0, 1).fill(5, 11, 12));
    assert.equal(b.counters.keyExhausted, 1);
    assert.ok(protect(a, rtp(1, { ssrc: 6 })).length > 0, "other streams go on");
  }
});

test("SRTCP indices count from zero for each SSRC, and the E flag is set", () => {
  const [a] = pair(7);
  const words = [1, 1, 2, 1].map((ssrc) => [...protectRtcp(a, rtcp(ssrc)).slice(-4)]);
  assert.deepEqual(words, [
    [0x80, 0, 0, 0],
    [0x80, 0, 0, 1],
    [0x80, 0, 0, 0],
    [0x80, 0, 0, 2],
  ]);
});

test("SRTCP that is authenticated but not encrypted is taken (RFC 3711 3.4)", () => {
  const [, b] = pair(1);
  const material = Uint8Array.from({ length: 60 }, (_, i) => i * 7);
  const keys = deriveSessionKeys(nodeCrypto, srtpProfile(1)!, splitKeys(1, material, true).local);
  const plain = rtcp().slice(0, 28);
  const body = Uint8Array.of(...plain, 0, 0, 0, 9);
  const tag = createHmac("sha1", keys.rtcp.authKey).update(body).digest().subarray(0, 10);
  assert.deepEqual(unprotectRtcp(b, Uint8Array.of(...body, ...tag)), plain);
  assert.equal(unprotectRtcp(b, Uint8Array.of(...body, ...tag)).length, 0, "replayed");
});

test("a packet may be sent again, but never another one with its index", () => {
  for (const profile of PROFILES) {
    const [a, b] = pair(profile);
    const first = protect(a, rtp(7));
    for (let i = 8; i < 500; i++) protect(a, rtp(i));
    assert.deepEqual(protect(a, rtp(7)), first);
    const other = rtp(7);
    other[30]! ^= 1;
    const header = rtp(7);
    header[1]! ^= 1;
    for (const changed of [other, header]) {
      const packet = changed.slice();
      assert.equal(protect(a, packet).length, 0);
      assert.deepEqual(packet, new Uint8Array(packet.length), "nothing of it is left to be sent");
    }
    // In one batch too.
    const packets = [rtp(1000), rtp(1000), rtp(1000)];
    packets[1]![20]! ^= 1;
    const lengths = [40, 40, 40];
    a.protectRtp(packets, lengths, 3);
    assert.deepEqual(lengths.map(Math.sign), [1, 0, 1]);
    assert.equal(a.counters.repeated, 3);
    assert.equal(unprotect(b, first).length, 40);
    // What was sent long ago is not remembered.
    protect(a, rtp(3000));
    assert.equal(protect(a, rtp(7)).length, 0);
  }
});

test("what cannot be sent is counted: no RTP, no room, from before the beginning", () => {
  const [a] = pair(7);
  assert.equal(protect(a, rtp(1, { first: 0x40 })).length, 0);
  assert.equal(protect(a, rtp(1, { first: 0x9f })).length, 0);
  assert.equal(protect(a, rtp(1).slice(0, 41), 40).length, 0);
  assert.equal(a.protectRtcp(new Uint8Array(8), 8), 0);
  assert.ok(protect(a, rtp(1)).length > 0);
  assert.equal(protect(a, rtp(0xfff0)).length, 0);
  assert.equal(a.counters.notSent, 5);
});

test("with Cryptex, an extension of another kind stays as it is, and plain packets are taken too", () => {
  for (const profile of PROFILES) {
    const [a, b] = pair(profile, true);
    const other = rtp(1, { first: 0x90 });
    other.set([0x12, 0x34, 0, 1], 12);
    const sealed = protect(a, other.slice());
    assert.deepEqual(sealed.slice(0, 20), other.slice(0, 20));
    assert.deepEqual(unprotect(b, sealed), other.slice(0, -24));
    const [plain] = pair(profile, false);
    const ordinary = rtp(2, { first: 0x90 });
    ordinary.set([0xbe, 0xde, 0, 1], 12);
    assert.deepEqual(unprotect(b, protect(plain, ordinary.slice())), ordinary.slice(0, -24));
  }
});

for (const profile of PROFILES) {
  test(`${nameOf(profile)}: Cryptex switched on and off between packets`, () => {
    const [a, b] = pair(profile);
    const extended = (sequence: number): Uint8Array => {
      const packet = rtp(sequence, { first: 0x92 });
      packet.set([0xbe, 0xde, 0, 1], 20);
      return packet;
    };
    const tag = a.rtpOverhead;
    const isMarked = (packet: Uint8Array): boolean => packet[20] === 0xc0 && packet[21] === 0xde;
    const send = (sequence: number): Uint8Array => protect(a, extended(sequence));
    const expect = (sequence: number): Uint8Array => extended(sequence).subarray(0, 40);
    assert.deepEqual(unprotect(b, send(1)), expect(1));
    // Who is ready to receive it takes both.
    b.setCryptex(false, true);
    assert.deepEqual(unprotect(b, send(2)), expect(2));
    a.setCryptex(true, true);
    assert.equal(a.rtpOverhead, tag + 4);
    assert.equal(b.rtpOverhead, tag);
    const sealed = send(3);
    assert.ok(isMarked(sealed));
    assert.notDeepEqual(sealed.subarray(12, 20), expect(3).subarray(12, 20), "contributing sources are encrypted");
    assert.deepEqual(unprotect(b, sealed), expect(3));
    // What went out before would be another packet under its number.
    assert.equal(send(2).length, 0);
    assert.equal(a.counters.repeated, 1);
    assert.deepEqual(send(3), sealed, "the same again is the same");
    a.setCryptex(false, true);
    const plain = send(4);
    assert.ok(!isMarked(plain));
    assert.deepEqual(unprotect(b, plain), expect(4));
    // Who has not agreed to it sees an extension of no known kind, in a packet whose tag does not match.
    b.setCryptex(false, false);
    a.setCryptex(true, true);
    const unexpected = unprotect(b, send(5));
    assert.notDeepEqual(unexpected.subarray(12, 20), expect(5).subarray(12, 20));
  });
}
