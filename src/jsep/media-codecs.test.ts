// Codecs, payload types and header extensions in offers and answers.
import assert from "node:assert/strict";
import { test } from "node:test";
import { negotiate, refusal, Side, transceiver } from "#test/jsep-session.js";
import type { SdpDirection } from "../sdp/model.js";
import { parseSdp } from "../sdp/parser.js";
import { MID_EXTENSION } from "./header-extensions.js";
import { DIRECTIONS, lines, pair, planOf, VP8, vector } from "./media-testing.test.js";

const RTX = { mimeType: "video/rtx", clockRate: 90_000 };

/** Codec, payload type and parameters of each format of a section. */
function formats(sdp: string, index: number): string[] {
  const parsed = parseSdp(sdp);
  assert.ok(parsed.ok);
  return parsed.description.media[index]!.payloads.map(({ payloadType, rtpmap, fmtp }) =>
    [payloadType, rtpmap!.encodingName, ...fmtp].join(" "),
  );
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

test("redundant audio keeps its place in front of what it carries", () => {
  const red = { mimeType: "audio/red", clockRate: 48_000, channels: 2 };
  const opus = { mimeType: "audio/opus", clockRate: 48_000, channels: 2, sdpFmtpLine: "minptime=10;useinbandfec=1" };
  const expected = ["63 red 111/111", "111 opus minptime=10;useinbandfec=1"];
  for (const codecPreferences of [
    [red, opus],
    [opus, red],
  ]) {
    const order = codecPreferences[0] === red ? expected : expected.toReversed();
    const a = new Side("a").with(transceiver("1", "audio", { codecPreferences }));
    assert.deepEqual(formats(a.createOffer(), 0), order);
    const b = new Side("b").with(transceiver("x", "audio", { codecPreferences }));
    assert.deepEqual(formats(b.answer(new Side("c").with(transceiver("1", "audio")).createOffer()), 0), order);
  }
  // Without what it carries there is none.
  const a = new Side("a").with(
    transceiver("1", "audio", { codecPreferences: [red, { mimeType: "audio/PCMU", clockRate: 8000, channels: 1 }] }),
  );
  assert.deepEqual(formats(a.createOffer(), 0), ["0 PCMU"]);
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

test("header extensions have Chromium's numbers in a first offer", () => {
  const numbers = (sdp: string): Set<string> => new Set(lines(sdp, "a=extmap:"));
  const both = new Side("a").with(transceiver("1", "audio"), transceiver("2", "video"));
  assert.deepEqual(numbers(both.createOffer()), numbers(vector("chromium-av-offer-balanced")));
  const encodings = ["q", "h", "f"].map((rid, i) => ({ rid, ssrc: i + 1, rtxSsrc: null }));
  const simulcast = new Side("a").with(transceiver("1", "video", { sender: { encodings } }));
  assert.deepEqual(numbers(simulcast.createOffer()), numbers(vector("chromium-simulcast-offer")));
});
