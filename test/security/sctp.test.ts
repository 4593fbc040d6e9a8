// A peer that has the keys and wants our memory or our time: SCTP and data channels (RFC 5062, docs/security.md).
import assert from "node:assert/strict";
import { test } from "node:test";
import { MAX_PARTIAL_BYTES, MAX_PEER_NAMES } from "#src/datachannel/channels.js";
import { writeOpen } from "#src/datachannel/dcep.js";
import { nodeCrypto } from "#src/node/crypto.js";
import { SctpAssociation } from "#src/sctp/association.js";
import { REASSEMBLY_SLACK, type SctpCloseReason, type SctpOptions } from "#src/sctp/options.js";
import { Simulation } from "#test/sim/simulation.js";
import { introduce, TransportSide } from "#test/sim/transport-pair.js";

interface Inside {
  readonly localTag: number;
  readonly peerTag: number;
  readonly localInitialTsn: number;
}

/** Two associations that have connected; the second one's packets are then written by the test. */
class Hostile {
  now = 0;
  readonly victim: SctpAssociation;
  readonly evil: SctpAssociation;
  readonly answers: Uint8Array[] = [];
  closed: SctpCloseReason | undefined;
  messages = 0;
  private toVictim: Uint8Array[] = [];
  private toEvil: Uint8Array[] = [];

  constructor(options: Partial<SctpOptions> = {}) {
    const make = (out: (packet: Uint8Array) => void, isVictim: boolean): SctpAssociation =>
      new SctpAssociation(
        { crypto: nodeCrypto, maxMessageSize: 65_536, interleaving: false, ...options },
        {
          transmit: (packet) => out(packet.slice()),
          onEstablished() {},
          onMessage: () => {
            if (isVictim) this.messages++;
          },
          onStreamsReset() {},
          onOutgoingReset() {},
          onBufferedAmountDecrease() {},
          onClosed: (reason) => {
            if (isVictim) this.closed = reason;
          },
        },
      );
    this.victim = make((packet) => {
      this.answers.push(packet);
      this.toEvil.push(packet);
    }, true);
    this.evil = make((packet) => this.toVictim.push(packet), false);
    this.victim.connect(0);
    this.evil.connect(0);
    for (let i = 0; i < 10; i++) {
      for (const packet of this.toVictim.splice(0)) this.victim.receive(packet, this.now);
      this.victim.flush(this.now);
      for (const packet of this.toEvil.splice(0)) this.evil.receive(packet, this.now);
      this.evil.flush(this.now);
    }
    assert.equal(this.victim.state, "established");
    this.answers.length = 0;
  }

  get inside(): Inside {
    return (this.victim as unknown as { handshake: Inside }).handshake;
  }

  /** The victim's next expected TSN. */
  get tsn(): number {
    return (
      ((this.victim as unknown as { receiver: { tracker: { cumulativeTsn: number } } }).receiver.tracker.cumulativeTsn +
        1) >>>
      0
    );
  }

  packet(chunks: readonly Uint8Array[], tag: number = this.inside.localTag): Uint8Array {
    const length = chunks.reduce((sum, chunk) => sum + ((chunk.length + 3) & ~3), 12);
    const out = new Uint8Array(length);
    out.set([0x13, 0x88, 0x13, 0x88, tag >>> 24, tag >>> 16, tag >>> 8, tag]);
    let at = 12;
    for (const chunk of chunks) {
      out.set(chunk, at);
      at += (chunk.length + 3) & ~3;
    }
    return out;
  }

  send(...chunks: Uint8Array[]): void {
    this.victim.receive(this.packet(chunks), this.now);
    this.victim.flush(this.now);
  }
}

const u32 = (n: number): number[] => [(n >>> 24) & 255, (n >>> 16) & 255, (n >>> 8) & 255, n & 255];
const u16 = (n: number): number[] => [(n >>> 8) & 255, n & 255];

function chunk(type: number, flags: number, body: readonly number[]): Uint8Array {
  return Uint8Array.from([type, flags, ...u16(4 + body.length), ...body]);
}

/** One byte of DATA, written in place: the tests below send hundreds of thousands. */
function data(flags: number, tsn: number, stream: number, ssn: number): Uint8Array {
  const out = new Uint8Array(17);
  out[1] = flags;
  out[3] = 17;
  for (let i = 0; i < 4; i++) out[4 + i] = tsn >>> (24 - 8 * i);
  out[8] = stream >>> 8;
  out[9] = stream;
  out[10] = ssn >>> 8;
  out[11] = ssn;
  out[15] = 53;
  return out;
}

test("chunks of every type with every wrong length change nothing and throw nothing", () => {
  for (let type = 0; type < 256; type++) {
    const hostile = new Hostile();
    for (const length of [0, 1, 2, 3, 4, 5, 7, 8, 11, 15, 16, 19, 20, 400, 65_535]) {
      const bytes = Uint8Array.from([type, 255, ...u16(length), ...new Array<number>(24).fill(255)]);
      hostile.send(bytes);
    }
  }
});

test("a wrong verification tag: no chunk is looked at, also no ABORT and no restart (RFC 5062 §3)", () => {
  const hostile = new Hostile();
  const { localTag, peerTag } = hostile.inside;
  for (const tag of [0, 1, localTag ^ 1, peerTag]) {
    for (const type of [0, 3, 4, 6, 7, 8, 9, 10, 11, 14, 130, 192]) {
      hostile.victim.receive(hostile.packet([chunk(type, 0, new Array<number>(20).fill(1))], tag), 0);
      hostile.victim.flush(0);
    }
  }
  assert.equal(hostile.closed, undefined);
  assert.equal(hostile.victim.state, "established");
});

const INIT_BODY = [...u32(7), ...u32(65_536), ...u16(1), ...u16(1), ...u32(1)];

test("an INIT flood leaves no state: one small answer each, and the association goes on", () => {
  const hostile = new Hostile();
  const before = { ...hostile.victim.stats };
  for (let i = 0; i < 3000; i++) {
    hostile.victim.receive(hostile.packet([chunk(1, 0, INIT_BODY)], 0), 0);
    hostile.victim.flush(0);
  }
  assert.equal(hostile.victim.state, "established");
  assert.ok(hostile.answers.length <= 3000);
  assert.ok(hostile.answers.every((answer) => answer.length < 400));
  assert.equal(hostile.victim.stats.bufferedAmount, before.bufferedAmount);
});

test("a forged, a changed and an expired cookie do not restart the association", () => {
  const hostile = new Hostile();
  hostile.victim.receive(hostile.packet([chunk(1, 0, INIT_BODY)], 0), 0);
  hostile.victim.flush(0);
  const ack = hostile.answers.at(-1)!;
  const tag = (ack[16]! << 24) | (ack[17]! << 16) | (ack[18]! << 8) | ack[19]!;
  let at = 32;
  while (((ack[at]! << 8) | ack[at + 1]!) !== 7) at += (((ack[at + 2]! << 8) | ack[at + 3]!) + 3) & ~3;
  const cookie = [...ack.subarray(at + 4, at + ((ack[at + 2]! << 8) | ack[at + 3]!))];
  const { localTag } = hostile.inside;
  for (let i = 0; i < cookie.length; i++) {
    const changed = [...cookie];
    changed[i]! ^= 1;
    hostile.victim.receive(hostile.packet([chunk(10, 0, changed)], tag >>> 0), 1);
  }
  hostile.victim.receive(hostile.packet([chunk(10, 0, new Array<number>(cookie.length).fill(0))], tag >>> 0), 1);
  hostile.victim.receive(hostile.packet([chunk(10, 0, cookie)], tag >>> 0), 3_600_000);
  assert.equal(hostile.inside.localTag, localTag);
  assert.equal(hostile.victim.state, "established");
});

test("SACKs full of gap blocks for what was never sent, backwards and overlapping, are cheap and change nothing", () => {
  const hostile = new Hostile();
  for (let i = 0; i < 20; i++) hostile.victim.send(0, 53, new Uint8Array(1000), {}, 0);
  for (let now = 0; now < 200; now += 10) hostile.victim.flush(now);
  const { unackedChunks, flight } = hostile.victim.stats;
  assert.ok(unackedChunks > 0);
  const cumulative = (hostile.inside.localInitialTsn - 1) >>> 0;
  const blocks: number[] = [];
  for (let i = 0; i < 280; i++) blocks.push(...u16(65_535 - i), ...u16(i));
  for (let i = 0; i < 2000; i++) {
    hostile.send(chunk(3, 0, [...u32(cumulative), ...u32(65_536), ...u16(280), ...u16(0), ...blocks]));
    hostile.send(chunk(3, 0, [...u32(cumulative), ...u32(65_536), ...u16(65_535), ...u16(65_535)]));
    hostile.send(chunk(3, 0, [...u32(cumulative + 100_000), ...u32(65_536), ...u16(0), ...u16(0)]));
  }
  assert.ok(hostile.victim.stats.flight <= flight);
  assert.ok(hostile.victim.stats.unackedChunks >= unackedChunks);
});

test("a peer whose window stays closed gets probes, not our memory", () => {
  const hostile = new Hostile();
  const cumulative = (hostile.inside.localInitialTsn - 1) >>> 0;
  hostile.send(chunk(3, 0, [...u32(cumulative), ...u32(0), ...u16(0), ...u16(0)]));
  hostile.answers.length = 0;
  for (let i = 0; i < 200; i++) hostile.victim.send(0, 53, new Uint8Array(1000), {}, 0);
  hostile.victim.flush(0);
  let { now } = hostile;
  for (let i = 0; i < 50; i++) {
    now = Math.max(now + 100, Math.min(hostile.victim.deadline, now + 1000));
    hostile.victim.handleTimeout(now);
    hostile.victim.receive(hostile.packet([chunk(3, 0, [...u32(cumulative), ...u32(0), ...u16(0), ...u16(0)])]), now);
    hostile.victim.flush(now);
  }
  assert.ok(hostile.answers.length < 120, `${hostile.answers.length} packets`);
});

test("fragments and ordered messages that never become whole end the association before they end the process", () => {
  for (const kind of ["first fragments", "a missing message"] as const) {
    const hostile = new Hostile({ receiveBuffer: 1_000_000 });
    let tsn = hostile.tsn;
    let largest = 0;
    const { receiver } = hostile.victim as unknown as {
      receiver: { reassembly: { buffered: number }; maxBuffered: number };
    };
    assert.equal(receiver.maxBuffered, 2.5 * 65_536 + 1_000_000 + REASSEMBLY_SLACK);
    // The same with a tenth of it, to be done sooner.
    const limit = receiver.maxBuffered / 10;
    receiver.maxBuffered = limit;
    for (let i = 0; i < 2_000_000 && hostile.closed === undefined; ) {
      const chunks: Uint8Array[] = [];
      for (let n = 0; n < 50; n++, i++) {
        const stream = Math.floor(i / 30_000);
        // B without E, or whole messages behind SSN 0, which never comes.
        const flags = kind === "first fragments" ? 2 : 3;
        chunks.push(data(flags, tsn++, stream, 1 + (i % 30_000)));
      }
      hostile.send(...chunks);
      largest = Math.max(largest, receiver.reassembly.buffered);
    }
    assert.equal(hostile.closed, "out-of-resource", kind);
    assert.ok(largest > 0 && largest < limit + 10_000, `${largest} of ${limit}`);
    assert.equal(hostile.messages, 0);
  }
});

test("resets of all streams, again and again, and with sequence numbers of no request", () => {
  const hostile = new Hostile();
  for (let i = 0; i < 2000; i++) {
    const ids: number[] = [];
    for (let n = 0; n < 500; n++) ids.push(...u16((i * 500 + n) % 65_536));
    hostile.send(
      chunk(130, 0, [...u16(13), ...u16(16 + ids.length), ...u32(i), ...u32(i), ...u32(hostile.tsn - 1), ...ids]),
    );
  }
  assert.equal(hostile.victim.state, "established");
  assert.ok(hostile.answers.every((answer) => answer.length < 200));
});

async function transports(): Promise<{ sim: Simulation; victim: TransportSide; evil: TransportSide }> {
  const sim = new Simulation(11);
  const [victim, evil] = ["v", "e"].map(
    (name) => new TransportSide(sim.platform(sim.host(name, { link: { latency: 1 } })), { maxMessageSize: 200_000 }),
  ) as [TransportSide, TransportSide];
  introduce(victim, evil, (run) => void sim.scheduler.after(5, run));
  await sim.runUntil(() => victim.connected && evil.connected, 5000);
  evil.transport.sctp!.peerMaxMessageSize = 0;
  return { sim, victim, evil };
}

test("channels with the longest labels: MAX_PEER_NAMES bounds them, and those beyond are reset", async () => {
  const { sim, victim, evil } = await transports();
  const name = "x".repeat(65_535);
  const open = writeOpen({ label: name, protocol: name, ordered: true, priority: "low" });
  for (let id = 0; id < 60; id++) evil.transport.sctp!.send(id, 50, open.slice(), {}, sim.now);
  evil.transport.gather();
  await sim.run(30_000);
  assert.equal(victim.channels.length, Math.floor(MAX_PEER_NAMES / (2 * 65_535)));
  assert.equal(victim.connected, true);
});

test("ten thousand channels, and the highest ids: none beyond what was negotiated, and the connection lives", async () => {
  const { sim, victim, evil } = await transports();
  const open = writeOpen({ label: "", protocol: "", ordered: true, priority: "low" });
  const ids = [...new Array(10_000).keys(), 65_534];
  for (const id of ids) evil.transport.sctp!.send(id, 50, open.slice(), {}, sim.now);
  evil.transport.gather();
  await sim.run(20_000);
  assert.equal(victim.channels.length, 10_001);
  assert.equal(victim.connected, true);
  assert.equal(victim.transport.fault, undefined);
});

test("partial messages (PPID 52, 54) in tiny parts on many channels are bounded together", async () => {
  const { sim, victim, evil } = await transports();
  const channels = Array.from({ length: 50 }, (_, i) => evil.open({ label: `${i}` }));
  await sim.run(200);
  for (let n = 0; n < 400; n++) {
    for (const { channel } of channels) evil.transport.sctp!.send(channel!.id!, 52, Uint8Array.of(1), {}, sim.now);
  }
  evil.transport.gather();
  await sim.run(20_000);
  const { partial } = victim.transport.channels as unknown as { partial: { bytes: number } };
  assert.ok(partial.bytes <= 200_000 + MAX_PARTIAL_BYTES, `${partial.bytes}`);
  assert.ok(victim.channels.some(({ errors }) => errors.includes("oversize-message")));
  // A partial message and its end that are too large together.
  const last = victim.channels.findLast(({ closed }) => closed === 0);
  if (last === undefined) return;
  const id = last.channel!.id!;
  evil.transport.sctp!.send(id, 54, new Uint8Array(150_000), {}, sim.now);
  evil.transport.sctp!.send(id, 53, new Uint8Array(150_000), {}, sim.now);
  evil.transport.gather();
  await sim.run(5000);
  assert.deepEqual(last.messages, []);
  assert.deepEqual(last.errors, ["oversize-message"]);
});
