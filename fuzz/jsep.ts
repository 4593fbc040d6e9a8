// Reads the input as a program over two sessions that negotiate: offers, answers, provisional ones, rollbacks, candidates,
// restarts, descriptions changed on the way. Whatever the order and whatever arrives, every call returns a value, and the
// state stays one that can be gone on from.
import assert from "node:assert/strict";
import type { NegotiationState, SctpInits } from "#src/jsep/state.js";
import type { TransceiverDescription } from "#src/jsep/transceivers.js";
import { parseSdp } from "#src/sdp/parser.js";
import { writeSdp } from "#src/sdp/writer.js";
import { transceiver as describe, JsepFailure, Side } from "#test/jsep-session.js";
import type { FuzzTarget } from "./target.js";

const MAX_STEPS = 40;

/** Lines that a description is changed to. */
const LINES: readonly string[] = [
  "a=ice-ufrag:zzzz",
  "a=ice-pwd:AnotherPasswordOfEnoughLength",
  "a=setup:active",
  "a=setup:passive",
  "a=setup:actpass",
  "a=mid:0",
  "a=mid:1",
  "a=mid:7",
  "a=group:BUNDLE 0 1",
  "a=group:BUNDLE 1 0",
  "a=group:BUNDLE",
  "a=bundle-only",
  "a=ice-lite",
  "a=end-of-candidates",
  "a=sctp-port:5001",
  "a=max-message-size:0",
  "a=rtcp-mux",
  `a=fingerprint:sha-256 ${"CC:".repeat(31)}CC`,
  "a=candidate:1 1 udp 1 192.0.2.9 9 typ host",
  "m=audio 9 UDP/TLS/RTP/SAVPF 0",
  "m=audio 0 UDP/TLS/RTP/SAVPF 0",
  "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
  "m=application 0 UDP/DTLS/SCTP webrtc-datachannel",
  "m=application 9 DTLS/SCTP 5000",
  "a=sctpmap:5000 webrtc-datachannel 1024",
  "m=text 9 RTP/AVP 0",
  "m=video 9 UDP/TLS/RTP/SAVPF 96 97 120",
  "a=sendonly",
  "a=recvonly",
  "a=inactive",
  "a=msid:- t",
  "a=msid:s t0",
  "a=ssrc:1 msid:s t0",
  "a=ssrc:2 msid:s t1",
  "a=ssrc-group:FID 1 2",
  "a=rtpmap:96 H264/90000",
  "a=rtpmap:97 VP8/90000",
  "a=rtpmap:120 rtx/90000",
  "a=fmtp:120 apt=96",
  "a=fmtp:97 apt=97",
  "a=fmtp:96 profile-level-id=42e01f;packetization-mode=1",
  "a=rtcp-fb:* nack",
  "a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid",
  "a=extmap:15/recvonly urn:ietf:params:rtp-hdrext:toffset",
  "a=extmap:300 urn:x",
  "a=extmap-allow-mixed",
  "a=cryptex",
  "a=rtpmap:97 flexfec-03/90000",
  "a=ssrc-group:FEC-FR 1 2",
  "a=rid:q send",
  "a=rid:q recv",
  "a=rid:h recv pt=96;max-width=1",
  "a=simulcast:send q",
  "a=simulcast:recv q;~h send q",
  "b=TIAS:1000",
  "a=group:LS 0 1",
  "a=sctp-init:aa00",
  "a=sctp-init:bb77",
  "a=sctp-init:badd",
  "a=sctp-init:a",
];

const DIRECTIONS = ["sendrecv", "sendonly", "recvonly", "inactive"] as const;
const RIDS = ["q", "h", "f"] as const;
const RTX = { mimeType: "video/rtx", clockRate: 90_000 };
const H264 = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f";
const PREFERENCES: readonly TransceiverDescription["codecPreferences"][] = [
  null,
  [
    { mimeType: "video/VP8", clockRate: 90_000 },
    { mimeType: "video/flexfec", clockRate: 90_000, sdpFmtpLine: "repair-window=10000000" },
  ],
  [{ mimeType: "video/VP9", clockRate: 90_000, sdpFmtpLine: "profile-id=1" }, RTX],
  [{ mimeType: "audio/PCMU", clockRate: 8000, channels: 1 }],
];
/** What most transceivers have: all codecs would be 250 lines of description for each. */
const SOME_CODECS: Record<"audio" | "video", TransceiverDescription["codecPreferences"]> = {
  audio: [
    { mimeType: "audio/opus", clockRate: 48_000, channels: 2, sdpFmtpLine: "minptime=10;useinbandfec=1" },
    { mimeType: "audio/red", clockRate: 48_000, channels: 2 },
    { mimeType: "audio/telephone-event", clockRate: 8000, channels: 1 },
  ],
  video: [
    { mimeType: "video/H264", clockRate: 90_000, sdpFmtpLine: H264 },
    { mimeType: "video/VP8", clockRate: 90_000 },
    RTX,
    { mimeType: "video/ulpfec", clockRate: 90_000 },
  ],
};
/** A program adds no more to one side. */
const MAX_TRANSCEIVERS = 4;
const POLICIES = ["balanced", "max-compat", "max-bundle"] as const;

function transceiver(id: number, flags: number): TransceiverDescription {
  const kind = flags & 1 ? "audio" : "video";
  // Three bits: all codecs where they are 4, with none of the other meanings.
  return describe(`${id}`, kind, {
    stopping: (flags & 6) === 6,
    codecPreferences: (flags & 7) === 4 ? null : SOME_CODECS[kind],
  });
}

/** "aa00", "aa01" …; what begins with "bad" is none. */
function sctpInits(name: string): SctpInits {
  let made = 0;
  const create = (): string => `${name}${name}${String(made++ % 100).padStart(2, "0")}`;
  return { create, isValid: (text) => !text.startsWith("bad") };
}

/** A description of our own can be read, and says nothing twice. */
function checkOwn(sdp: string): void {
  const parsed = parseSdp(sdp);
  assert.ok(parsed.ok, "our own description does not parse");
  for (const media of parsed.description.media) {
    assert.equal(new Set(media.formats).size, media.formats.length, "a payload type twice");
    const ids = media.extmaps.map(({ id }) => id);
    assert.equal(new Set(ids).size, ids.length, "a header extension's identifier twice");
    const rids = media.rids.map(({ id }) => id);
    assert.equal(new Set(rids).size, rids.length, "a rid twice");
  }
}

function checkMedia(state: NegotiationState): void {
  const seen = new Set<string>();
  for (const slot of state.slots) {
    if (slot.transceiver === null) continue;
    assert.ok(!seen.has(slot.transceiver), "a transceiver with two m-lines");
    seen.add(slot.transceiver);
    if (state.signalingState !== "stable") continue;
    assert.ok(!slot.rejected && !slot.isCreated, "a rejected m-line keeps its transceiver");
    assert.ok(slot.media !== null && slot.remote !== null, "a transceiver that nothing is agreed on for");
    for (const list of [slot.media.sendCodecs, slot.media.receiveCodecs]) {
      assert.equal(new Set(list.map(({ payloadType }) => payloadType)).size, list.length, "a payload type twice");
    }
  }
}

/** Of this program: descriptions of ours that were set with a change. */
const changedTexts = new Set<string>();

/** Descriptions that were looked at: most steps leave them as they are. */
const checked = new WeakSet<object>();

function checkState(state: NegotiationState): void {
  const mids = new Set<string>();
  state.slots.forEach((slot, i) => {
    assert.equal(slot.index, i);
    assert.ok(!mids.has(slot.mid), "two m-lines with one mid");
    mids.add(slot.mid);
    if (slot.rejected) assert.equal(slot.transport, null);
    else
      assert.ok(
        state.transports.some(({ id }) => id === slot.transport),
        "a live m-line without transport",
      );
  });
  const ids = new Set(state.transports.map(({ id }) => id));
  assert.equal(ids.size, state.transports.length, "one transport twice");
  for (const id of ids) assert.ok(id < state.nextTransport);
  const isStable = state.signalingState === "stable";
  assert.equal(state.stable === null, isStable);
  assert.equal(state.pendingLocal === null && state.pendingRemote === null, isStable);
  if (isStable) {
    for (const { id, mid, local, remote, dtlsRole, iceRole } of state.transports) {
      assert.ok(
        state.slots.some((slot) => slot.transport === id),
        "a transport nothing uses",
      );
      assert.ok(
        state.slots.some((slot) => slot.transport === id && slot.mid === mid),
        "a transport without its owner",
      );
      assert.ok(local !== null && remote !== null && dtlsRole !== null && iceRole !== null);
    }
    assert.equal(state.currentLocal === null, state.currentRemote === null);
    assert.equal(state.currentLocal?.description.media.length, state.currentRemote?.description.media.length);
  }
  if (state.sctp !== null) assert.ok(ids.has(state.sctp.transport));
  if (state.sctp?.snap) {
    assert.ok(state.configuration.sctpInits !== undefined);
    assert.ok(!state.sctp.snap.remoteInit.startsWith("bad"), "an INIT that is none");
  }
  for (const applied of [state.currentLocal, state.pendingLocal]) {
    if (applied === null || checked.has(applied)) continue;
    checked.add(applied);
    if (changedTexts.has(applied.sdp)) {
      const parsed = parseSdp(applied.sdp);
      assert.ok(parsed.ok);
      assert.deepEqual({ ...parsed.description, groups: [] }, { ...applied.description, groups: [] });
      continue;
    }
    assert.equal(writeSdp(applied.description), applied.sdp);
    if (changedTexts.size === 0) checkOwn(applied.sdp);
  }
  checkMedia(state);
  for (const applied of [state.currentRemote, state.pendingRemote]) {
    if (applied === null || checked.has(applied)) continue;
    checked.add(applied);
    const parsed = parseSdp(applied.sdp);
    assert.ok(parsed.ok);
    parsed.description.media.forEach((media, i) => {
      assert.equal(media.candidates.length, applied.description.media[i]!.candidates.length);
      assert.equal(media.endOfCandidates, applied.description.media[i]!.endOfCandidates);
    });
  }
}

class Program {
  private readonly input: Uint8Array;
  private at = 0;
  private readonly sides: readonly [Side, Side];
  /** The last descriptions on their way, by side and type. */
  private readonly texts: string[] = ["v=0"];

  constructor(input: Uint8Array) {
    this.input = input;
    changedTexts.clear();
    const side = (name: string): Side => {
      const flags = this.next();
      const side = new Side(name, {
        bundlePolicy: POLICIES[flags % 3]!,
        rtcpMuxPolicy: flags & 8 ? "negotiate" : "require",
        iceLite: (flags & 16) !== 0,
        sctpInits: flags & 4 ? undefined : sctpInits(name),
        rtpHeaderEncryptionPolicy: flags < 64 ? undefined : flags < 192 ? "negotiate" : "require",
      });
      return flags & 32 ? side.with() : side;
    };
    this.sides = [side("a"), side("b")];
  }

  private next(): number {
    return this.at < this.input.length ? this.input[this.at++]! : 0;
  }

  private say(text: string): void {
    this.texts.unshift(text);
    this.texts.length = Math.min(this.texts.length, 4);
  }

  private changed(text: string): string {
    const lines = text.split("\r\n");
    const line = this.next() % lines.length;
    const other = LINES[this.next() % LINES.length]!;
    switch (this.next() % 5) {
      case 0:
        lines.splice(line, 1);
        break;
      case 1:
        lines.splice(line, 0, other);
        break;
      case 2:
        lines[line] = other;
        break;
      case 3: {
        // The same attribute, with another value.
        const name = other.slice(0, other.search(/[: ]|$/));
        const same = lines.findIndex((candidate) => candidate.startsWith(name));
        if (same >= 0) lines[same] = other;
        break;
      }
      default:
        // Not for ever: it doubles the description.
        if (lines.length > 100) break;
        lines.splice(line, 0, ...lines.slice(lines.findIndex((candidate) => candidate.startsWith("m="))));
    }
    return lines.join("\r\n");
  }

  /** Sets what was created last, sometimes with a change. */
  private setLocal(side: Side, type: "offer" | "pranswer" | "answer", flags: number): void {
    if ((flags & 0xa0) !== 0xa0) {
      side.setLocal(type);
      return;
    }
    const text = this.changed(this.texts[0]!);
    changedTexts.add(text);
    side.setLocal(type, text);
    this.say(text);
  }

  private step(): void {
    const operation = this.next();
    const side = this.sides[operation & 1]!;
    const { state } = side;
    const flags = this.next();
    const text = this.texts[flags & 1] ?? this.texts[0]!;
    switch ((operation >> 1) % 14) {
      case 0:
        this.say(
          side.createOffer({
            dataChannel: (flags & 1) !== 0,
            iceRestart: (flags & 6) === 6,
            ...(side.media === null
              ? { transceivers: Array.from({ length: (flags >> 3) & 3 }, (_, id) => transceiver(id, flags >> 5)) }
              : {}),
          }),
        );
        this.setLocal(side, "offer", flags);
        break;
      case 1:
        side.setRemote("offer", text);
        break;
      case 2:
        this.say(side.createAnswer());
        this.setLocal(side, flags & 16 ? "pranswer" : "answer", flags);
        break;
      case 3:
        side.setRemote(flags & 16 ? "pranswer" : "answer", text);
        break;
      case 4:
        if (flags & 1) side.setLocal("rollback");
        else side.setRemote("rollback");
        break;
      case 5:
        this.say(this.changed(text));
        break;
      case 6: {
        const transport = state.transports[flags % Math.max(1, state.transports.length)];
        const candidate = flags & 64 ? null : `candidate:1 1 udp 1 192.0.2.1 ${flags + 1} typ host`;
        if (transport?.local != null) side.addLocal(transport.id, transport.local.usernameFragment, candidate);
        break;
      }
      case 7:
        side.addRemote({
          candidate: flags & 1 ? `candidate:1 1 udp 1 192.0.2.1 ${flags + 1} typ host` : null,
          sdpMid: flags & 2 ? `${flags >> 6}` : null,
          sdpMLineIndex: flags & 4 ? flags >> 6 : null,
          usernameFragment: flags & 8 ? "zzzz" : null,
        });
        break;
      case 8:
        // The ordinary way, so that deep states are reached.
        this.say(side.offer({ dataChannel: true, iceRestart: (flags & 1) !== 0 }));
        this.other(side).setRemote("offer", this.texts[0]!);
        break;
      case 9: {
        const answerer = this.other(side);
        this.say(answerer.createAnswer());
        answerer.setLocal("answer");
        side.setRemote("answer", this.texts[0]!);
        break;
      }
      case 10:
        this.say(side.createOffer({ dataChannel: true }));
        break;
      case 11:
        this.addTransceiver(side, flags);
        break;
      case 12: {
        const ids = [...(side.media?.keys() ?? [])];
        const id = ids[flags % Math.max(1, ids.length)];
        if (id === undefined) break;
        if ((flags & 0xc0) === 0xc0) side.change(id, { stopping: true });
        else if (flags & 0x40) side.change(id, { codecPreferences: PREFERENCES[(flags >> 3) & 3]! });
        else side.change(id, { direction: DIRECTIONS[(flags >> 3) & 3]! });
        break;
      }
      default:
        this.say(side.state.currentLocal?.sdp ?? "v=0");
    }
  }

  private addTransceiver(side: Side, flags: number): void {
    if (side.media === null || side.media.size >= MAX_TRANSCEIVERS) return;
    const rids = flags & 4 ? RIDS : [null];
    const encodings = rids.map((rid, i) => ({ rid, active: (flags & 8) === 0, ssrc: flags * 8 + i, rtxSsrc: null }));
    const kind = flags & 1 ? "audio" : "video";
    side.with(
      describe(`own${side.media.size}-${flags}`, kind, {
        addedByAddTrack: (flags & 2) !== 0,
        direction: DIRECTIONS[(flags >> 4) & 3]!,
        codecPreferences: flags >> 5 === 0 ? null : (PREFERENCES[flags >> 6] ?? SOME_CODECS[kind]),
        sender: { encodings, streamIds: flags & 16 ? [] : ["s"] },
      }),
    );
  }

  private other(side: Side): Side {
    return side === this.sides[0] ? this.sides[1] : this.sides[0];
  }

  run(): void {
    const before: NegotiationState[] = [];
    for (let steps = 0; steps < MAX_STEPS && this.at < this.input.length; steps++) {
      try {
        this.step();
      } catch (error) {
        if (!(error instanceof JsepFailure)) throw error;
      }
      this.sides.forEach(({ state }, i) => {
        // States are values: what was checked stays so.
        if (before[i] !== state) checkState(state);
        before[i] = state;
      });
    }
  }
}

/** `step(operation, side, flags)` as the program reads it. */
const step = (operation: number, side: 0 | 1, flags = 0): number[] => [(operation << 1) | side, flags];

export const target: FuzzTarget = {
  name: "jsep",
  seeds: [
    [0, 0, ...step(8, 0), ...step(9, 0), ...step(8, 1, 1), ...step(9, 1)],
    [0, 1, ...step(0, 0, 25), ...step(1, 1), ...step(2, 1), ...step(3, 0), ...step(0, 1, 1), ...step(4, 1, 1)],
    [2, 16, ...step(0, 0, 25), ...step(7, 1, 3), ...step(1, 1), ...step(7, 1, 3), ...step(2, 1, 16), ...step(3, 0, 16)],
    [1, 0, ...step(0, 0, 17), ...step(5, 0), 3, 4, 2, ...step(1, 1), ...step(2, 1), ...step(3, 0), ...step(6, 0, 1)],
    [32, 32, ...step(11, 0, 3), ...step(11, 0, 6), ...step(8, 0), ...step(9, 0), ...step(12, 0, 0xc0), ...step(8, 0)],
    [32, 33, ...step(11, 0, 2), ...step(11, 1, 2), ...step(8, 0), ...step(9, 0), ...step(8, 1), ...step(9, 1)],
    [34, 40, ...step(11, 0, 70), ...step(8, 0), ...step(5, 0), 30, 40, 1, ...step(1, 1), ...step(2, 1), ...step(3, 0)],
    [32, 32, ...step(11, 0, 3), ...step(8, 0), ...step(4, 1), ...step(11, 1, 2), ...step(1, 1), ...step(9, 0)],
    [0, 0, ...step(8, 0), ...step(9, 0), ...step(10, 0), ...step(5, 0), 9, 0, 3, ...step(1, 1), ...step(2, 1)],
  ].map((bytes) => Uint8Array.from(bytes)),
  run(input) {
    // Refusals are errors here, of which a program may have a dozen: their traces would be a tenth of its time.
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 3;
    try {
      new Program(input).run();
    } finally {
      Error.stackTraceLimit = stackTraceLimit;
    }
  },
};
