// Audio and video in offer and answer: what RFC 9429 §5.2, §5.3, §5.10 and §5.11 say of m-sections of transceivers.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { negotiate, refusal, Side, transceiver } from "#test/jsep-session.js";
import type { SdpDirection, SdpSession } from "../sdp/model.js";
import { parseSdp } from "../sdp/parser.js";
import { writeSdp } from "../sdp/writer.js";
import { intersectDirections, reverseDirection } from "./direction.js";
import { MID_EXTENSION } from "./header-extensions.js";
import type { TransceiverPlan } from "./transceiver-plan.js";
import type { SendEncoding } from "./transceivers.js";

const folder = fileURLToPath(new URL("../../test/vectors/sdp/", import.meta.url));
const vector = (name: string): string => readFileSync(`${folder}${name}.sdp`, "utf8");
const DIRECTIONS: readonly SdpDirection[] = ["sendrecv", "sendonly", "recvonly", "inactive"];
const VP8 = { mimeType: "video/VP8", clockRate: 90_000 };
const RTX = { mimeType: "video/rtx", clockRate: 90_000 };

function lines(sdp: string, start: string): string[] {
  return sdp.split("\r\n").filter((line) => line.startsWith(start));
}

function planOf(side: Side, id: string): TransceiverPlan {
  const plan = side.plan!.transceivers.find((entry) => entry.transceiver === id);
  assert.ok(plan, `a plan for ${id}`);
  return plan;
}

function encodings(...rids: string[]): SendEncoding[] {
  return rids.map((rid, i) => ({ rid, ssrc: 700 + i, rtxSsrc: null }));
}

/** Codec, payload type and parameters of each format of a section. */
function formats(sdp: string, index: number): string[] {
  const parsed = parseSdp(sdp);
  assert.ok(parsed.ok);
  return parsed.description.media[index]!.payloads.map(({ payloadType, rtpmap, fmtp }) =>
    [payloadType, rtpmap!.encodingName, ...fmtp].join(" "),
  );
}

function pair(): [Side, Side] {
  return [new Side("a").with(), new Side("b").with()];
}

test("what is offered is what Chromium offers: formats, payload types, feedback, a=ssrc", () => {
  const a = new Side("a").with(
    transceiver("1", "audio"),
    transceiver("2", "video"),
    transceiver("3", "video", { direction: "recvonly" }),
  );
  const kept = (sdp: string): string[] =>
    sdp
      .split("\r\n")
      .filter((line) => /^a=(rtpmap|fmtp|rtcp-fb|rtcp-mux$|rtcp-rsize|mid|sendrecv|recvonly|ssrc-group)/.test(line))
      .map((line) => line.replace(/FID .*/, "FID"));
  // H.264 High and H.265 are ours alone.
  const ours = kept(a.createOffer({ dataChannel: true })).filter((line) => !/:(105|106|112|113|121|122) /.test(line));
  assert.deepEqual(ours, kept(vector("chromium-av-offer-balanced")));
});

test("directions of an answer: every pair (RFC 3264 §6.1, RFC 9429 §5.3.1)", () => {
  for (const offered of DIRECTIONS) {
    for (const ours of DIRECTIONS) {
      const a = new Side("a").with(transceiver("1", "audio", { direction: offered }));
      const b = new Side("b").with();
      const offer = a.offer();
      b.setRemote("offer", offer);
      b.change("made0", { direction: ours });
      const answer = b.createAnswer();
      b.setLocal("answer", answer);
      a.setRemote("answer", answer);
      const expected = intersectDirections(ours, reverseDirection(offered));
      assert.deepEqual(lines(answer, `a=${expected}`), [`a=${expected}`], `${offered} / ${ours}`);
      assert.equal(planOf(b, "made0").media!.direction, expected);
      assert.equal(planOf(a, "1").media!.direction, reverseDirection(expected));
    }
  }
});

test("an answer that goes beyond its offer is refused (RFC 3264 §6.1)", () => {
  for (const [offered, answered] of [
    ["sendonly", "sendrecv"],
    ["sendonly", "sendonly"],
    ["recvonly", "recvonly"],
    ["inactive", "recvonly"],
  ] as const) {
    const a = new Side("a").with(transceiver("1", "audio", { direction: offered }));
    const answer = new Side("b").with().answer(a.offer());
    const changed = answer.replace(/a=(recvonly|inactive)/, `a=${answered}`);
    assert.throws(() => a.setRemote("answer", changed), /InvalidAccessError|was offered/, `${offered} ${answered}`);
  }
});

test("an answer keeps the identifiers of header extensions (RFC 8285 §7)", () => {
  const a = new Side("a").with(transceiver("1", "audio"));
  const answer = new Side("b").with().answer(a.offer());
  const swapped = answer.replace("sdes:mid", "sdes:xyz").replace("ssrc-audio-level", "sdes:mid");
  assert.throws(() => a.setRemote("answer", swapped), /a=extmap:\d+ was offered as/);
});

test("payload types that look like RTCP are refused (RFC 5761 §4)", () => {
  const offer = new Side("a").with(transceiver("1", "audio")).offer();
  for (const [payloadType, ok] of [
    [50, true],
    [64, false],
    [95, false],
    [96, true],
  ] as const) {
    const changed = offer.replace(" 13 ", ` ${payloadType} `).replace("a=rtpmap:13 ", `a=rtpmap:${payloadType} `);
    const set = (): unknown => new Side("b").with().setRemote("offer", changed);
    if (ok) set();
    else assert.throws(set, /cannot be told from RTCP/);
  }
});

test("a transceiver that is stopping stays in an answer, inactive (webrtc-pc, stop())", () => {
  const [a, b] = pair();
  a.with(transceiver("1", "audio"));
  b.with(transceiver("2", "audio"));
  b.setRemote("offer", a.offer());
  b.change("2", { stopping: true });
  const answer = b.createAnswer();
  assert.deepEqual(lines(answer, "m="), lines(answer, "m=audio 9"));
  assert.deepEqual(lines(answer, "a=inactive"), ["a=inactive"]);
  b.setLocal("answer", answer);
  a.setRemote("answer", answer);
  assert.deepEqual([planOf(a, "1").stop, planOf(a, "1").media!.direction], [false, "inactive"]);
  assert.match(b.createOffer(), /m=audio 0 /);
});

test("a remote offer makes transceivers, recvonly, or takes those of addTrack in their order (RFC 9429 §5.10)", () => {
  const [a, b] = pair();
  a.with(transceiver("1", "audio"), transceiver("2", "video"), transceiver("3", "video", { direction: "sendonly" }));
  b.with(
    transceiver("x", "video", { addedByAddTrack: false }),
    transceiver("y", "video", { stopped: true }),
    transceiver("z", "video"),
    transceiver("w", "video"),
  );
  b.setRemote("offer", a.offer());
  const plans = b.plan!.transceivers.map(({ transceiver: id, mid, create }) => [id, mid, create]);
  // The third does not receive: a track of ours would be of no use there.
  assert.deepEqual(plans, [
    ["made0", "0", true],
    ["z", "1", false],
    ["made1", "2", true],
  ]);
  const answer = b.createAnswer();
  assert.deepEqual(lines(answer, "a=mid"), ["a=mid:0", "a=mid:1", "a=mid:2"]);
  b.setLocal("answer", answer);
  a.setRemote("answer", answer);
  assert.equal(planOf(b, "z").media!.direction, "sendrecv");
  // What is left is offered next, after the others.
  assert.deepEqual(lines(b.createOffer(), "m=").length, 5);
});

test("streams and track of the peer: a=msid, several, none, and the a=ssrc lines of before (RFC 8830)", () => {
  const remote = (change: (sdp: string) => string): [readonly string[], string | null] => {
    const b = new Side("b").with();
    b.setRemote("offer", change(new Side("a").with(transceiver("1", "audio")).createOffer()));
    const { streamIds, trackId } = planOf(b, "made0").remote!;
    return [streamIds, trackId];
  };
  assert.deepEqual(
    remote((sdp) => sdp),
    [["stream"], "track-1"],
  );
  assert.deepEqual(
    remote((sdp) => sdp.replace("a=msid:stream track-1", "a=msid:stream track-1\r\na=msid:second track-1")),
    [["stream", "second"], "track-1"],
  );
  assert.deepEqual(
    remote((sdp) => sdp.replace("a=msid:stream", "a=msid:-")),
    [[], "track-1"],
  );
  assert.deepEqual(
    remote((sdp) => sdp.replace("a=msid:stream track-1", "a=msid:stream")),
    [["stream"], null],
  );
  const without = (sdp: string): string => sdp.replace(/a=msid:.*\r\n/, "");
  assert.deepEqual(remote(without), [["stream"], "track-1"]);
  assert.deepEqual(
    remote((sdp) => without(sdp).replace(/a=ssrc.*\r\n/g, "")),
    [["default"], null],
  );
});

test("what we write of our streams: a line for each, '-' for none, a=ssrc with FID (RFC 8830, RFC 5576)", () => {
  const offer = (streamIds: string[], trackId: string | null): string =>
    new Side("a").with(transceiver("1", "video", { sender: { streamIds, trackId } })).createOffer();
  assert.deepEqual(lines(offer(["s", "t"], "u"), "a=msid:"), ["a=msid:s u", "a=msid:t u"]);
  assert.deepEqual(lines(offer([], "u"), "a=msid:"), ["a=msid:- u"]);
  assert.deepEqual(lines(offer([], null), "a=msid:"), ["a=msid:-"]);
  const { ssrc, rtxSsrc } = transceiver("1", "video").sender.encodings[0]!;
  assert.deepEqual(lines(offer(["s", "t"], "u"), "a=ssrc"), [
    `a=ssrc-group:FID ${ssrc} ${rtxSsrc}`,
    `a=ssrc:${ssrc} cname:cname`,
    `a=ssrc:${ssrc} msid:s u`,
    `a=ssrc:${rtxSsrc} cname:cname`,
    `a=ssrc:${rtxSsrc} msid:s u`,
  ]);
  const silent = new Side("a").with(transceiver("1", "video", { direction: "recvonly" })).createOffer();
  assert.deepEqual([...lines(silent, "a=ssrc"), ...lines(silent, "a=msid:")], []);
});

test("plan B is refused: more than one track in a section", () => {
  const offer = new Side("a").with(transceiver("1", "audio")).createOffer();
  const more = (text: string): string => `${offer}${text}`;
  const planB = "a=ssrc:1 cname:c\r\na=ssrc:1 msid:s t1\r\na=ssrc:2 cname:c\r\na=ssrc:2 msid:s t2\r\n";
  for (const side of [new Side("b"), new Side("b").with()]) {
    const error = refusal(() => side.setRemote("offer", more(planB)));
    assert.equal(error.kind, "InvalidAccessError");
    assert.match(error.message, /more than one track/);
    assert.match(refusal(() => side.setRemote("offer", more("a=msid:s other\r\n"))).message, /different tracks/);
  }
  // One track with many SSRCs is simulcast or retransmission.
  new Side("b").with().setRemote("offer", more("a=ssrc:1 msid:stream track-1\r\na=ssrc:2 cname:c\r\n"));
});

test("an answer keeps the offer's payload types and order; formats without a match are left out", () => {
  const offer = new Side("a")
    .with(transceiver("1", "video", { codecPreferences: [VP8, RTX] }))
    .createOffer()
    .replace("m=video 9 UDP/TLS/RTP/SAVPF 96 97", "m=video 9 UDP/TLS/RTP/SAVPF 100 33 126 127 125 96 97")
    .replace("a=rtpmap:96", "a=rtpmap:100 VP7/90000\r\na=rtpmap:126 H264/90000\r\na=rtpmap:96")
    .concat("a=fmtp:126 profile-level-id=42e034;packetization-mode=1;level-asymmetry-allowed=1\r\n")
    .concat("a=rtpmap:127 rtx/90000\r\na=fmtp:127 apt=126\r\na=rtpmap:125 rtx/90000\r\na=fmtp:125 apt=100\r\n");
  const b = new Side("b").with();
  assert.deepEqual(formats(b.answer(offer), 0), [
    "126 H264 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
    "127 rtx apt=126",
    "96 VP8",
    "97 rtx apt=96",
  ]);
  const { sendCodecs, receiveCodecs } = planOf(b, "made0").media!;
  assert.deepEqual(
    sendCodecs.map(({ payloadType, mimeType, rtxPayloadType, apt, role }) => [
      payloadType,
      mimeType,
      rtxPayloadType,
      apt,
      role,
    ]),
    [
      [126, "video/H264", 127, null, "media"],
      [127, "video/rtx", null, 126, "rtx"],
      [96, "video/VP8", 97, null, "media"],
      [97, "video/rtx", null, 96, "rtx"],
    ],
  );
  // We send what the peer can receive, and receive what we can.
  assert.match(sendCodecs[0]!.sdpFmtpLine!, /42e034/);
  assert.match(receiveCodecs[0]!.sdpFmtpLine!, /42e01f/);
});

test("payload types may differ between the two sides (RFC 3264 §5.1)", () => {
  const a = new Side("a").with(transceiver("1", "video", { codecPreferences: [VP8] }));
  const answer = new Side("b").with().answer(a.offer());
  a.setRemote("answer", answer.replaceAll(/(SAVPF |rtpmap:|rtcp-fb:)96/g, "$1120"));
  const { sendCodecs, receiveCodecs } = planOf(a, "1").media!;
  assert.deepEqual([sendCodecs[0]!.payloadType, receiveCodecs[0]!.payloadType], [120, 96]);
});

test("an offer that replaces a pending one may have another kind of m-line in its place", () => {
  const b = new Side("b").with();
  b.setRemote("offer", new Side("a").with(transceiver("1", "audio")).createOffer());
  const made = b.state.slots[0]!.transceiver!;
  b.setRemote("offer", new Side("a").createOffer({ dataChannel: true }));
  assert.deepEqual(
    b.state.slots.map(({ kind, transceiver: id, isCreated }) => [kind, id, isCreated]),
    [["application", null, false]],
  );
  assert.equal(planOf(b, made).discard, true);
  assert.equal(b.media!.has(made), false);
});

test("an answer that has one offered codec twice is taken to have it once, with the offer's number if there", () => {
  for (const [first, second] of [
    [96, 120],
    [120, 96],
  ] as const) {
    const a = new Side("a").with(transceiver("1", "video", { codecPreferences: [VP8] }));
    const answer = new Side("b").with().answer(a.offer());
    const both = answer
      .replace("SAVPF 96", `SAVPF ${first} ${second}`)
      .replace("a=rtpmap:96 VP8/90000", "a=rtpmap:96 VP8/90000\r\na=rtpmap:120 VP8/90000");
    a.setRemote("answer", both);
    const { sendCodecs, receiveCodecs } = planOf(a, "1").media!;
    assert.deepEqual(
      sendCodecs.map(({ payloadType }) => payloadType),
      [96],
    );
    assert.deepEqual(
      receiveCodecs.map(({ payloadType }) => payloadType),
      [96],
    );
  }
});

test("static payload types need no a=rtpmap (RFC 3551 §6)", () => {
  const offer = new Side("a")
    .with(transceiver("1", "audio", { codecPreferences: [{ mimeType: "audio/PCMU", clockRate: 8000, channels: 1 }] }))
    .createOffer()
    .replace(/a=rtpmap.*\r\n/g, "");
  const b = new Side("b").with();
  assert.deepEqual(formats(b.answer(offer), 0), ["0 PCMU"]);
});

test("RED of audio goes with Opus, and names its payload type (RFC 2198)", () => {
  const offer = new Side("a").with(transceiver("1", "audio")).createOffer();
  assert.ok(formats(new Side("b").with().answer(offer), 0).includes("63 red 111/111"));
  const renumbered = offer.replaceAll("111", "109");
  assert.ok(formats(new Side("b").with().answer(renumbered), 0).includes("63 red 109/109"));
  // Alone it is nothing: the section is offered as if there were no preferences.
  const alone = [{ mimeType: "audio/red", clockRate: 48_000, channels: 2 }];
  const all = new Side("a").with(transceiver("1", "audio", { codecPreferences: alone })).createOffer();
  assert.ok(formats(all, 0).includes("111 opus minptime=10;useinbandfec=1"));
});

test("no codec in common: port zero, the transceiver is stopped, the line can be recycled", () => {
  const a = new Side("a").with(transceiver("1", "video"), transceiver("2", "audio"));
  const b = new Side("b").with(transceiver("x", "video", { codecPreferences: [VP8] }));
  const offer = a.offer().replaceAll("VP8/90000", "VP7/90000");
  const answer = b.answer(offer);
  assert.match(lines(answer, "m=")[0]!, /^m=video 0 /);
  a.setRemote("answer", answer);
  for (const [side, id] of [
    [a, "1"],
    [b, "x"],
  ] as const) {
    const plan = planOf(side, id);
    assert.deepEqual([plan.stop, plan.mid, plan.transport], [true, null, null]);
    assert.equal(side.state.slots[0]!.transceiver, null);
  }
  b.with(transceiver("new", "audio"));
  const [offered] = negotiate(b, a);
  assert.match(lines(offered, "m=")[0]!, /^m=audio 9 /);
  assert.equal(lines(offered, "m=").length, 2);
});

test("what cannot be sent on its own is no codec in common", () => {
  const offer = new Side("a").with(transceiver("1", "audio")).createOffer();
  const only = offer.replace(/SAVPF .*/, "SAVPF 13 110 126");
  assert.match(new Side("b").with().answer(only), /m=audio 0 /);
});

test("codec preferences: order, exclusion, retransmission (RFC 9429 §5.2.1, §5.3.1)", () => {
  const vp9 = { mimeType: "video/VP9", clockRate: 90_000, sdpFmtpLine: "profile-id=0" };
  const offer = (codecPreferences: (typeof VP8)[]): string[] =>
    formats(new Side("a").with(transceiver("1", "video", { codecPreferences })).createOffer(), 0);
  assert.deepEqual(offer([vp9, VP8]), ["98 VP9 profile-id=0", "96 VP8"]);
  assert.deepEqual(offer([VP8, RTX]), ["96 VP8", "97 rtx apt=96"]);
  const b = new Side("b").with(transceiver("x", "video", { codecPreferences: [vp9, VP8] }));
  const answer = b.answer(new Side("a").with(transceiver("1", "video")).createOffer());
  assert.deepEqual(formats(answer, 0), ["98 VP9 profile-id=0", "96 VP8"]);
});

test("codecs follow the direction: what is only received is not offered to be sent", () => {
  const offer = (direction: SdpDirection): number =>
    formats(new Side("a").with(transceiver("1", "video", { direction })).createOffer(), 0).length;
  assert.equal(offer("sendrecv"), offer("sendonly"));
  assert.ok(offer("recvonly") > offer("sendonly"));
  const text = new Side("a").with(transceiver("1", "video", { direction: "recvonly" })).createOffer();
  assert.match(text, /flexfec-03/);
  // And in the answer: b only sends. What repairs that it sends if it is asked for.
  const b = new Side("b").with(transceiver("x", "video"));
  const answer = b.answer(text);
  assert.doesNotMatch(answer, /profile-id=3/);
  assert.match(answer, /flexfec-03/);
});

test("FlexFEC: offered where it was asked for, taken where it is offered, and kept", () => {
  const draft = { mimeType: "video/flexfec-03", clockRate: 90_000, sdpFmtpLine: "repair-window=10000000" };
  const standard = { ...draft, mimeType: "video/flexfec" };
  const sender = { encodings: [{ rid: null, ssrc: 10, rtxSsrc: 11, fecSsrc: 12 }] };
  const plain = new Side("a").with(transceiver("1", "video", { sender })).createOffer();
  assert.doesNotMatch(plain, /flexfec|FEC-FR|a=ssrc:12/);
  for (const codec of [draft, standard]) {
    const codecPreferences = [VP8, RTX, codec];
    const a = new Side("a").with(transceiver("1", "video", { sender, codecPreferences }));
    const b = new Side("b").with();
    const offer = a.offer();
    const name = codec.mimeType.slice(6);
    const format = `${name === "flexfec" ? 50 : 49} ${name} repair-window=10000000`;
    assert.deepEqual(formats(offer, 0), ["96 VP8", "97 rtx apt=96", format]);
    assert.deepEqual(lines(offer, "a=ssrc-group"), ["a=ssrc-group:FID 10 11", "a=ssrc-group:FEC-FR 10 12"]);
    assert.deepEqual(
      lines(offer, "a=ssrc:").filter((line) => line.includes("cname")),
      ["a=ssrc:10 cname:cname", "a=ssrc:11 cname:cname", "a=ssrc:12 cname:cname"],
    );
    b.setRemote("offer", offer);
    b.change("made0", {
      direction: "sendrecv",
      sender: { ...transceiver("2", "video").sender, encodings: [{ rid: null, ssrc: 20, rtxSsrc: 21, fecSsrc: 22 }] },
    });
    const answer = b.createAnswer();
    b.setLocal("answer", answer);
    a.setRemote("answer", answer);
    assert.ok(formats(answer, 0).includes(format));
    assert.deepEqual(lines(answer, "a=ssrc-group:FEC-FR"), ["a=ssrc-group:FEC-FR 20 22"]);
    for (const codecs of [planOf(a, "1").media!.sendCodecs, planOf(b, "made0").media!.receiveCodecs]) {
      const negotiated = codecs.find(({ mimeType }) => mimeType === codec.mimeType);
      assert.equal(negotiated!.role, "fec");
    }
    // b, which has no preferences, offers it again.
    assert.ok(formats(b.createOffer(), 0).includes(format));
  }
});

test("payload types and identifiers stay over the session, whoever offers (RFC 3264 §8.3.2)", () => {
  const [a, b] = pair();
  a.with(transceiver("1", "audio"), transceiver("2", "video", { codecPreferences: [VP8] }));
  b.inputs = { ...b.inputs };
  const seen = new Map<string, string>();
  const check = (sdp: string): void => {
    const parsed = parseSdp(sdp);
    assert.ok(parsed.ok);
    for (const media of parsed.description.media) {
      for (const { payloadType, rtpmap, fmtp } of media.payloads) {
        const codec = `${rtpmap!.encodingName} ${fmtp.join(" ")}`;
        const key = `pt ${payloadType}`;
        assert.equal(seen.get(key) ?? codec, codec, key);
        seen.set(key, codec);
      }
      for (const { id, uri } of media.extmaps) {
        assert.equal(seen.get(`ext ${id}`) ?? uri, uri);
        seen.set(`ext ${id}`, uri);
      }
    }
  };
  for (let round = 0; round < 4; round++) {
    for (const sdp of negotiate(a, b)) check(sdp);
    b.with(transceiver(`b${round}`, round % 2 ? "audio" : "video", { direction: DIRECTIONS[round]! }));
    for (const sdp of negotiate(b, a)) check(sdp);
    if (round === 1) a.change("2", { codecPreferences: null });
    if (round === 2) a.change("1", { stopping: true });
  }
});

test("numbers of the peer are kept, and gone around", () => {
  const a = new Side("a").with();
  // Firefox has VP8 at 120, where we would put ULPFEC, and transport-cc at 7.
  a.answer(vector("firefox-av-offer-max-bundle"));
  a.with(transceiver("1", "video"));
  const offer = a.createOffer();
  const last = lines(offer, "m=").length - 1;
  const list = formats(offer, last);
  assert.ok(list.includes("120 VP8"), list.join("\n"));
  assert.ok(list.includes("124 rtx apt=120"));
  assert.ok(list.some((line) => /^\d+ ulpfec/.test(line) && !line.startsWith("120")));
  const parsed = parseSdp(offer);
  assert.ok(parsed.ok);
  const ids = parsed.description.media[last]!.extmaps;
  assert.equal(ids.find(({ uri }) => uri.includes("transport-wide-cc"))!.id, 7);
  assert.equal(new Set(ids.map(({ id }) => id)).size, ids.length);
});

test("what an answer lists besides is sent, if it is known, and not received (RFC 9429 §5.3.1)", () => {
  const a = new Side("a").with(transceiver("1", "video", { codecPreferences: [VP8] }));
  const answer = new Side("b").with().answer(a.offer());
  const more =
    "a=rtpmap:63 H264/90000\r\na=rtcp-fb:63 nack pli\r\na=fmtp:63 packetization-mode=1;profile-level-id=42e01f\r\n" +
    "a=rtpmap:62 unheard-of/90000\r\n";
  a.setRemote("answer", answer.replace(/(m=video.*?) 96/, "$1 63 62 96").replace(/a=mid:/, `${more}a=mid:`));
  const { sendCodecs, receiveCodecs } = planOf(a, "1").media!;
  const names = (codecs: typeof sendCodecs): string[] =>
    codecs.map((codec) => `${codec.payloadType} ${codec.mimeType}`);
  assert.deepEqual(names(sendCodecs), ["63 video/H264", "96 video/VP8"]);
  assert.deepEqual(sendCodecs[0]!.rtcpFeedback, [{ type: "nack", parameter: "pli" }]);
  assert.deepEqual(names(receiveCodecs), ["96 video/VP8"]);
});

test("header extensions: those both know, the offer's identifiers, directions reversed (RFC 8285 §7)", () => {
  const uri = (name: string): string => `http://www.webrtc.org/experiments/rtp-hdrext/${name}`;
  const offer = new Side("a")
    .with(transceiver("1", "audio", { direction: "sendrecv" }))
    .createOffer()
    .replace(/a=extmap:.*\r\n/g, "")
    .replace(
      "a=sendrecv",
      `a=extmap:7/sendonly ${uri("abs-send-time")}\r\na=extmap:9 ${uri("abs-capture-time")}\r\na=extmap:8 urn:x\r\na=sendrecv`,
    );
  const b = new Side("b").with();
  assert.deepEqual(lines(b.answer(offer), "a=extmap:"), [
    `a=extmap:7/recvonly ${uri("abs-send-time")}`,
    // Not offered of ourselves, but taken.
    `a=extmap:9 ${uri("abs-capture-time")}`,
  ]);
  assert.deepEqual(planOf(b, "made0").media!.headerExtensions, [
    { id: 7, uri: uri("abs-send-time"), direction: "recvonly" },
    { id: 9, uri: uri("abs-capture-time"), direction: "sendrecv" },
  ]);
  // It is in use now, so that our own offer has it.
  assert.ok(lines(b.createOffer(), "a=extmap:9 ").length === 1);
  const stopped = new Side("b").with(
    transceiver("x", "audio", { headerExtensions: [{ uri: uri("abs-capture-time"), direction: "stopped" }] }),
  );
  assert.deepEqual(lines(stopped.answer(offer), "a=extmap:"), []);
});

test("identifier 15 is one only in the two-byte form (RFC 8285 §4.2, §4.3)", () => {
  const offer = new Side("a")
    .with(transceiver("1", "video"))
    .createOffer()
    .replace(/a=extmap:\d+ (.*abs-send-time)/, "a=extmap:15 $1");
  const extension = /^a=extmap:15 .*abs-send-time$/;
  const has = (sdp: string): boolean =>
    lines(new Side("b").with().answer(sdp), "a=extmap:").some((l) => extension.test(l));
  assert.ok(has(offer));
  assert.ok(!has(offer.replace(/a=extmap-allow-mixed\r\n/g, "")));
});

test("in a BUNDLE group the identifier of the MID extension is nothing else (RFC 9143 §9.2)", () => {
  const offer = new Side("a").with(transceiver("1", "audio"), transceiver("2", "audio")).createOffer();
  const last = (from: string, to: string): string => {
    const at = offer.lastIndexOf(from);
    return `${offer.slice(0, at)}${to}${offer.slice(at + from.length)}`;
  };
  const mid = `a=extmap:4 ${MID_EXTENSION}`;
  const clash = last(mid, "a=extmap:4 urn:other");
  assert.match(refusal(() => new Side("b").setRemote("offer", clash)).message, /a=extmap:4 is the mid/);
  // Others can be told apart once the section is known (aiortc numbers them so).
  const b = new Side("b").with();
  b.answer(last("a=extmap:1 ", "a=extmap:1 urn:other\r\na=extmap:7 "));
  assert.deepEqual(
    ["made0", "made1"].map((id) =>
      planOf(b, id)
        .media!.headerExtensions.map((extension) => extension.id)
        .sort(),
    ),
    [
      [1, 2, 3, 4],
      [2, 3, 4, 7],
    ],
  );
});

test("in a BUNDLE group an identifier that means two things is answered for the first", () => {
  const offer = new Side("a").with(transceiver("1", "audio"), transceiver("2", "video")).createOffer();
  const [audio, video] = offer.split("m=video") as [string, string];
  assert.ok(audio.includes("a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level"));
  const clash = (from: string): string =>
    `${audio}m=video${video.replace(new RegExp(`a=extmap:\\d+ (?=\\S*${from})`), "a=extmap:1 ")}`;
  const b = new Side("b").with();
  const answer = b.answer(clash("abs-send-time"));
  assert.equal(lines(answer, "a=extmap:1 ").length, 1);
  assert.equal(answer.split("m=video")[0]!.match(/a=extmap:1 /g)?.length, 1);
  assert.equal(answer.split("m=video")[1]!.match(/abs-send-time/g), null);
  // What is not bundled has identifiers of its own.
  const apart = clash("abs-send-time").replace(/a=group:BUNDLE.*\r\n/, "");
  assert.equal(lines(new Side("b").with().answer(apart), "a=extmap:1 ").length, 2);
});

test("that reference times are answered is offered, and said where the peer says so (RFC 3611 §5.1)", () => {
  const offer = new Side("a").with(transceiver("1", "audio"), transceiver("2", "video")).createOffer();
  const line = "a=rtcp-xr:rcvr-rtt=all";
  const answered = (sdp: string): number => lines(new Side("b").with().answer(sdp), "a=rtcp-xr").length;
  assert.equal(lines(offer, line).length, 2);
  assert.equal(answered(offer), 2);
  assert.equal(answered(offer.replace(line, "a=rtcp-xr:pkt-loss-rle=9 rcvr-rtt=sender:9")), 2);
  assert.equal(answered(offer.replace(line, "a=rtcp-xr:pkt-loss-rle=9")), 1);
  assert.equal(answered(offer.replaceAll(`${line}\r\n`, "")), 0);
});

test("extmap-allow-mixed is answered where it is offered (RFC 8285 §6)", () => {
  const offer = new Side("a").with(transceiver("1", "audio")).createOffer();
  const mixed = (sdp: string): boolean => {
    const b = new Side("b").with();
    const answer = b.answer(sdp);
    assert.equal(lines(answer, "a=extmap-allow-mixed").length, lines(sdp, "a=extmap-allow-mixed").length);
    return planOf(b, "made0").media!.extmapAllowMixed;
  };
  assert.equal(mixed(offer), true);
  assert.equal(mixed(offer.replace("a=extmap-allow-mixed\r\n", "")), false);
  const media = offer
    .replace("a=extmap-allow-mixed\r\n", "")
    .replace("a=sendrecv", "a=sendrecv\r\na=extmap-allow-mixed");
  assert.equal(mixed(media), true);
});

test("RTCP: reduced size if both say so (RFC 5506); no mux is refused or not taken (RFC 5761, rtcpMuxPolicy)", () => {
  const offer = new Side("a").with(transceiver("1", "audio")).createOffer();
  const reduced = (sdp: string): boolean => {
    const b = new Side("b").with();
    b.answer(sdp);
    return planOf(b, "made0").media!.rtcpReducedSize;
  };
  assert.equal(reduced(offer), true);
  assert.equal(reduced(offer.replace("a=rtcp-rsize\r\n", "")), false);
  const apart = offer.replace("a=rtcp-mux\r\na=rtcp-mux-only\r\n", "");
  assert.match(refusal(() => new Side("b").with().setRemote("offer", apart)).message, /rtcp-mux/);
  assert.match(new Side("b", { rtcpMuxPolicy: "negotiate" }).with().answer(apart), /m=audio 0 /);
  const a = new Side("a", { rtcpMuxPolicy: "negotiate" }).with(transceiver("1", "audio"));
  assert.doesNotMatch(a.createOffer(), /rtcp-mux-only/);
  const answer = new Side("b").with().answer(a.offer());
  assert.match(refusal(() => a.setRemote("answer", answer.replace("a=rtcp-mux\r\n", ""))).message, /rtcp-mux/);
});

test("extensions for layers: offered besides, taken in answers, left out where the application chose", () => {
  const uris = ["https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension"];
  const sender = { layerExtensions: uris };
  const a = new Side("a").with(transceiver("1", "video", { sender }));
  const [offer, answer] = negotiate(a, new Side("b").with());
  assert.deepEqual(lines(offer, "a=extmap:13"), [`a=extmap:13 ${uris[0]}`]);
  assert.deepEqual(lines(answer, "a=extmap:13"), [`a=extmap:13 ${uris[0]}`]);
  const headerExtensions = [{ uri: MID_EXTENSION, direction: "sendrecv" as const }];
  const chosen = new Side("a").with(transceiver("1", "video", { sender, headerExtensions }));
  assert.doesNotMatch(chosen.createOffer(), /dependency-descriptor/);
});

test("simulcast that we send: offered and cut down (RFC 8853, RFC 8851)", () => {
  const sender = { encodings: encodings("q", "h", "f") };
  const offerer = (): Side => new Side("a").with(transceiver("1", "video", { sender }));
  const a = offerer();
  const [offer, answer] = negotiate(a, new Side("b").with());
  assert.deepEqual(lines(offer, "a=simulcast"), ["a=simulcast:send q;h;f"]);
  assert.deepEqual(lines(offer, "a=ssrc"), []);
  assert.match(offer, /dependency-descriptor/);
  assert.deepEqual(lines(answer, "a=rid"), ["a=rid:q recv", "a=rid:h recv", "a=rid:f recv"]);
  assert.deepEqual(lines(answer, "a=simulcast"), ["a=simulcast:recv q;h;f"]);
  const rids = (side: Side) => planOf(side, "1").media!.sendRids.map(({ rid, paused }) => (paused ? `~${rid}` : rid));
  assert.deepEqual(rids(a), ["q", "h", "f"]);

  const changed = (change: (answer: string) => string): [string[], readonly string[]] => {
    const side = offerer();
    side.setRemote("answer", change(new Side("b").with().answer(side.offer())));
    return [rids(side), planOf(side, "1").media!.removedSendRids];
  };
  assert.deepEqual(
    changed((sdp) => sdp.replace("recv q;h;f", "recv q;~f")),
    [["q", "~f"], ["h"]],
  );
  assert.deepEqual(
    changed((sdp) => sdp.replace(/a=(rid|simulcast).*\r\n/g, "")),
    [[], ["q", "h", "f"]],
  );
});

test("simulcast that we receive: taken, kept in our own offers, restrictions passed on (RFC 8851 §6)", () => {
  const a = new Side("a").with(transceiver("1", "video", { sender: { encodings: encodings("q", "h", "f") } }));
  const b = new Side("b").with();
  const offer = a
    .offer()
    .replace("a=rid:q send", "a=rid:q send max-width=320;max-height=180")
    .replace("a=rid:h send", "a=rid:h send pt=98,5");
  const answer = b.answer(offer);
  assert.deepEqual(lines(answer, "a=rid"), [
    "a=rid:q recv max-width=320;max-height=180",
    "a=rid:h recv pt=98",
    "a=rid:f recv",
  ]);
  assert.deepEqual(
    planOf(b, "made0").media!.receiveRids.map(({ rid }) => rid),
    ["q", "h", "f"],
  );
  a.setRemote("answer", answer);
  const [again] = negotiate(b, a);
  assert.deepEqual(lines(again, "a=simulcast"), ["a=simulcast:recv q;h;f"]);
  assert.deepEqual(
    planOf(a, "1").media!.sendRids.map(({ rid }) => rid),
    ["q", "h", "f"],
  );
  // What is not understood is not taken; a rid that is two things neither.
  for (const odd of ["a=rid:q send max-mood=1", "a=rid:q send\r\na=rid:q send max-width=1"]) {
    const text = new Side("b").with().answer(offer.replace(/a=rid:q send.*/, odd));
    assert.deepEqual(lines(text, "a=simulcast"), ["a=simulcast:recv h;f"]);
  }
  const twice = offer.replace(/a=rid:q send.*/, "a=rid:q send\r\na=rid:q send").replace("send q;h;f", "send q;h;q;f");
  assert.deepEqual(lines(new Side("b").with().answer(twice), "a=simulcast"), ["a=simulcast:recv q;h;f"]);
  // Of alternatives the first.
  const first = new Side("b").with().answer(offer.replace("send q;h;f", "send q,h;f"));
  assert.deepEqual(lines(first, "a=simulcast"), ["a=simulcast:recv q;f"]);
});

test("simulcast that the peer asks for: proposed, and sent by the encodings of those names", () => {
  const asking = (sdp: string): string =>
    `${sdp}a=rid:1 recv\r\na=rid:2 recv\r\na=rid:3 recv\r\na=simulcast:recv 1;~2;3\r\n`;
  const offer = asking(new Side("a").with(transceiver("x", "video", { direction: "recvonly" })).createOffer());
  const b = new Side("b").with(transceiver("1", "video"));
  b.setRemote("offer", offer);
  assert.deepEqual(
    planOf(b, "1").remote!.receiveRids.map(({ rid }) => rid),
    ["1", "2", "3"],
  );
  // As webrtc-pc has it, one encoding without a rid becomes those.
  b.change("1", { sender: { ...b.media!.get("1")!.sender, encodings: encodings("1", "2", "3") } });
  const answer = b.createAnswer();
  b.setLocal("answer", answer);
  assert.deepEqual(lines(answer, "a=simulcast"), ["a=simulcast:send 1;~2;3"]);
  assert.deepEqual(
    planOf(b, "1").media!.sendRids.map(({ rid, paused }) => [rid, paused]),
    [
      ["1", false],
      ["2", true],
      ["3", false],
    ],
  );
  // One that keeps its one encoding sends one stream.
  const plain = new Side("b").with(transceiver("1", "video"));
  assert.deepEqual(lines(plain.answer(offer), "a=rid"), []);
});

test("rollback: what the offer made goes, what it took is free again (RFC 9429 §5.7)", () => {
  const [a, b] = pair();
  a.with(transceiver("1", "audio"), transceiver("2", "video"));
  b.with(transceiver("x", "video"));
  b.setRemote("offer", a.offer());
  b.setRemote("rollback");
  assert.deepEqual(
    b.plan!.transceivers.map(({ transceiver: id, mid, discard }) => [id, mid, discard]),
    [
      ["made0", null, true],
      ["x", null, false],
    ],
  );
  a.setLocal("rollback");
  assert.deepEqual(
    a.plan!.transceivers.map(({ transceiver: id, mid, discard, stop }) => [id, mid, discard, stop]),
    [
      ["1", null, false, false],
      ["2", null, false, false],
    ],
  );
  negotiate(b, a);
  assert.equal(b.state.slots[0]!.transceiver, "x");
  // A later offer is undone to what was negotiated.
  a.change("1", { direction: "inactive" });
  a.offer();
  a.setLocal("rollback");
  assert.equal(planOf(a, "2").media!.direction, "sendrecv");
  assert.equal(planOf(a, "2").mediaChanged, false);
});

test("glare: the polite side rolls back, answers, and offers again (perfect negotiation)", () => {
  const [a, b] = pair();
  a.with(transceiver("1", "audio"));
  b.with(transceiver("2", "audio"), transceiver("3", "video"));
  a.offer();
  const offer = b.offer();
  a.setLocal("rollback");
  b.setRemote("answer", a.answer(offer));
  // The track that a had offered found its place in b's section.
  assert.equal(planOf(a, "1").media!.direction, "sendrecv");
  assert.equal(a.state.slots.length, 2);
  negotiate(a, b);
  assert.equal(a.state.slots.length, 2);
});

test("a provisional answer brings the transceivers up, and the final one may change them", () => {
  const a = new Side("a").with(transceiver("1", "audio"));
  const b = new Side("b").with();
  b.setRemote("offer", a.offer());
  b.change("made0", { direction: "inactive" });
  const provisional = b.createAnswer();
  b.setLocal("pranswer", provisional);
  a.setRemote("pranswer", provisional);
  assert.equal(planOf(a, "1").media!.direction, "inactive");
  b.change("made0", { direction: "recvonly" });
  const answer = b.createAnswer();
  b.setLocal("answer", answer);
  a.setRemote("answer", answer);
  assert.equal(planOf(a, "1").media!.direction, "sendonly");
  assert.equal(planOf(a, "1").mediaChanged, true);
});

test("stop: port zero, both sides stop, the line is recycled with a new mid (RFC 9429 §5.2.2)", () => {
  const [a, b] = pair();
  a.with(transceiver("1", "audio"), transceiver("2", "video"));
  negotiate(a, b, { dataChannel: true });
  a.change("1", { stopping: true });
  const offer = a.offer();
  assert.equal(planOf(a, "1").stop, false);
  b.setRemote("offer", offer);
  assert.equal(planOf(b, "made0").stop, true);
  const answer = b.createAnswer();
  b.setLocal("answer", answer);
  a.setRemote("answer", answer);
  assert.deepEqual([planOf(a, "1").stop, planOf(a, "1").mid], [true, null]);
  a.with(transceiver("3", "video"));
  const [recycled] = negotiate(a, b);
  assert.deepEqual(
    lines(recycled, "m=").map((line) => line.split(" ")[0]),
    ["m=video", "m=video", "m=application"],
  );
  assert.deepEqual(lines(recycled, "a=mid"), ["a=mid:3", "a=mid:1", "a=mid:2"]);
  assert.equal(b.state.slots[0]!.transceiver, "made2");
});

test("lip synchronization: senders of one stream are grouped, and the answer keeps what it takes (RFC 5888)", () => {
  const a = new Side("a").with(transceiver("1", "audio"), transceiver("2", "video"), transceiver("3", "video"));
  const offer = a.createOffer();
  assert.deepEqual(lines(offer, "a=group:LS"), ["a=group:LS 0 1 2"]);
  assert.deepEqual(lines(new Side("b").with().answer(offer), "a=group:LS"), ["a=group:LS 0 1 2"]);
  const two = offer.replaceAll("opus/48000", "x/1").replace(/(m=audio.*SAVPF) .*/, "$1 111");
  assert.deepEqual(lines(new Side("b").with().answer(two), "a=group:LS"), ["a=group:LS 1 2"]);
});

test("bundle policies of an answerer (RFC 9429 §5.3.1)", () => {
  const offer = new Side("a", { bundlePolicy: "max-compat" })
    .with(transceiver("1", "audio"), transceiver("2", "video"), transceiver("3", "video"))
    .createOffer({ dataChannel: true })
    .replace(/a=group:BUNDLE.*\r\n/, "");
  const ports = (bundlePolicy: "balanced" | "max-compat" | "max-bundle"): string[] =>
    lines(new Side("b", { bundlePolicy }).with().answer(offer), "m=").map((line) => line.split(" ")[1]!);
  assert.deepEqual(ports("max-compat"), ["9", "9", "9", "9"]);
  assert.deepEqual(ports("balanced"), ["9", "9", "0", "9"]);
  assert.deepEqual(ports("max-bundle"), ["9", "0", "0", "0"]);
});

test("what the peer asks of what it receives: ptime, bandwidth", () => {
  const offer = new Side("a").with(transceiver("1", "audio")).createOffer();
  const b = new Side("b").with();
  b.answer(`${offer.replace("a=rtcp:9", "b=AS:500\r\nb=TIAS:450000\r\na=rtcp:9")}a=ptime:20\r\na=maxptime:60\r\n`);
  const { ptime, maxptime, maxBitrate } = planOf(b, "made0").media!;
  assert.deepEqual([ptime, maxptime, maxBitrate], [20, 60, 450_000]);
});

test("every recorded offer is answered with media, and re-offered; every answer is of a whole session", () => {
  for (const file of readdirSync(folder)) {
    if (!/-offer/.test(file)) continue;
    const offer = vector(file.slice(0, -4));
    const b = new Side("b").with(transceiver("x", "audio"), transceiver("y", "video"));
    const answer = b.answer(offer);
    const parsed = parseSdp(offer);
    assert.ok(parsed.ok);
    const live = parsed.description.media.filter(({ port, bundleOnly }) => port !== 0 || bundleOnly).length;
    assert.equal(lines(answer, "m=").filter((line) => !/^m=\w+ 0 /.test(line)).length, live, file);
    for (const slot of b.state.slots) {
      if (slot.rejected || slot.kind === "application") continue;
      assert.ok(
        slot.media!.receiveCodecs.some(({ role }) => role === "media"),
        file,
      );
      const listsMid = parsed.description.media[slot.index]!.extmaps.some(({ uri }) => uri === MID_EXTENSION);
      assert.equal(
        slot.media!.headerExtensions.some(({ uri }) => uri === MID_EXTENSION),
        listsMid,
        file,
      );
    }
    // Our own offer is one that an answerer of ours takes.
    const again = b.offer();
    const c = new Side("c").with();
    c.answer(again);
    assert.equal(c.state.slots.length, lines(again, "m=").length, file);
  }
});

test("recorded answers of other stacks to our offer are applied", () => {
  const heard: string[] = [];
  for (const file of readdirSync(folder)) {
    if (!file.endsWith("-answer-to-parley.sdp")) continue;
    const a = new Side("a").with(transceiver("1", "audio"), transceiver("2", "video"));
    const numbers = new Map(
      lines(a.offer({ dataChannel: true }), "a=extmap:")
        .map((line) => line.slice(9).split(" "))
        .map(([id, uri]) => [uri, id]),
    );
    // They were recorded when our offer had other numbers.
    const answer = vector(file.slice(0, -4)).replace(
      /a=extmap:\d+(\S*) (\S+)/g,
      (_, direction: string, uri: string) => `a=extmap:${numbers.get(uri)}${direction} ${uri}`,
    );
    a.setRemote("answer", answer);
    assert.notEqual(a.state.sctp, null, file);
    assert.equal(a.state.transports.length, 1, file);
    const [audio, video] = ["1", "2"].map((id) => planOf(a, id).media!);
    assert.equal(audio!.sendCodecs[0]!.mimeType.toLowerCase(), "audio/opus", file);
    assert.equal(video!.sendCodecs[0]!.mimeType, "video/VP8", file);
    assert.ok(video!.rtcpMux, file);
    heard.push(file.replace(/-av-data-answer-to-parley.*/, ""));
  }
  assert.deepEqual(heard.sort(), ["aiortc", "chromium", "firefox", "janus", "pion", "roamhq-wrtc", "webrtcbin"]);
});

test("every other recorded answer is applied to an offer of ours of the same sections", () => {
  let applied = 0;
  for (const file of readdirSync(folder)) {
    // Those of "DTLS/SCTP" and of media that nobody knows answer what we do not offer.
    if (!/-answer[-.]/.test(file) || /to-parley|legacy-sctp|reject-unknown|empty/.test(file)) continue;
    const recorded = parseSdp(vector(file.slice(0, -4)));
    assert.ok(recorded.ok);
    const sections = recorded.description.media;
    const rids = sections.flatMap((section) => section.simulcast?.recv.map(([first]) => first!.rid) ?? []);
    const encodings = rids.map((rid, i) => ({ rid, ssrc: i + 1, rtxSsrc: null }));
    const a = new Side("a").with(
      ...sections
        .filter(({ kind }) => kind !== "application")
        .map(({ kind }, i) =>
          transceiver(
            `${i}`,
            kind as "audio" | "video",
            rids.length > 0 && kind === "video" ? { sender: { encodings } } : {},
          ),
        ),
    );
    const dataChannel = sections.some(({ kind }) => kind === "application");
    const offered = parseSdp(a.offer({ dataChannel }));
    assert.ok(offered.ok);
    const { media } = offered.description;
    assert.deepEqual(
      media.map(({ kind }) => kind),
      sections.map(({ kind }) => kind),
      file,
    );
    // What an answer repeats of its offer is ours: mids, and the numbers of header extensions.
    const mids = new Map(sections.map(({ mid }, i) => [mid, media[i]!.mid!]));
    const answer = writeSdp({
      ...recorded.description,
      groups: recorded.description.groups.map((group) => ({ ...group, mids: group.mids.map((mid) => mids.get(mid)!) })),
      media: sections.map((section, i) => ({
        ...section,
        mid: section.mid === undefined ? undefined : media[i]!.mid,
        protocol: media[i]!.protocol,
        extmaps: section.extmaps.flatMap((extmap) => {
          const ours = media[i]!.extmaps.find(({ uri }) => uri === extmap.uri);
          return ours === undefined ? [] : [{ ...extmap, id: ours.id }];
        }),
      })),
    });
    a.setRemote("answer", answer);
    for (const [i, section] of sections.entries()) {
      const slot = a.state.slots[i]!;
      assert.equal(slot.rejected, section.port === 0, file);
      if (slot.rejected || slot.kind === "application") continue;
      assert.ok(
        slot.media!.sendCodecs.some(({ role }) => role === "media"),
        file,
      );
      assert.equal(slot.media!.sendRids.length, section.simulcast === undefined ? 0 : rids.length, file);
    }
    assert.equal(
      a.state.sctp !== null,
      sections.some(({ kind, port }) => kind === "application" && port !== 0),
      file,
    );
    assert.equal(writeSdp(parsedText(a.state.currentRemote!.sdp)), writeSdp(parsedText(answer)));
    applied++;
  }
  assert.equal(applied, 14);
});

function parsedText(sdp: string): SdpSession {
  const parsed = parseSdp(sdp);
  assert.ok(parsed.ok);
  return parsed.description;
}

test("header extensions have Chromium's numbers in a first offer", () => {
  const numbers = (sdp: string): Set<string> => new Set(lines(sdp, "a=extmap:"));
  const both = new Side("a").with(transceiver("1", "audio"), transceiver("2", "video"));
  assert.deepEqual(numbers(both.createOffer()), numbers(vector("chromium-av-offer-balanced")));
  const encodings = ["q", "h", "f"].map((rid, i) => ({ rid, ssrc: i + 1, rtxSsrc: null }));
  const simulcast = new Side("a").with(transceiver("1", "video", { sender: { encodings } }));
  assert.deepEqual(numbers(simulcast.createOffer()), numbers(vector("chromium-simulcast-offer")));
});
