// Local descriptions that the program has changed: what is taken, what of it counts, and what is refused.
import assert from "node:assert/strict";
import { test } from "node:test";
import { negotiate, refusal, Side, transceiver } from "#test/jsep-session.js";
import { parseSdp } from "../sdp/parser.js";
import { writeSdp } from "../sdp/writer.js";

type Change = (sdp: string) => string;

function sides(): [Side, Side] {
  const a = new Side("a").with(transceiver("1", "audio"), transceiver("2", "video"));
  const b = new Side("b").with(transceiver("3", "audio"));
  return [a, b];
}

/** Our offer, changed; the peer's answer to what was set. */
function offerChanged(change: Change, [a, b] = sides()): { a: Side; b: Side; set: string } {
  const offer = a.createOffer({ dataChannel: true });
  const set = change(offer);
  assert.notEqual(set, offer, "the change changes something");
  a.setLocal("offer", set);
  assert.equal(a.state.pendingLocal?.sdp, set, "the local description is what was given");
  a.setRemote("answer", b.answer(set));
  return { a, b, set };
}

/** A peer's offer, our answer, changed. */
function answerChanged(change: Change, [b, a] = sides()): { a: Side; b: Side; set: string } {
  a.setRemote("offer", b.offer({ dataChannel: true }));
  const answer = a.createAnswer();
  const set = change(answer);
  assert.notEqual(set, answer, "the change changes something");
  a.setLocal("answer", set);
  assert.equal(a.state.currentLocal?.sdp, set, "the local description is what was given");
  b.setRemote("answer", set);
  return { a, b, set };
}

const remove =
  (pattern: RegExp): Change =>
  (sdp) =>
    sdp.replace(pattern, "");

/** The first video codec of this name, and its retransmissions, are gone. */
function withoutCodec(name: string): Change {
  return (sdp) => {
    const type = new RegExp(`a=rtpmap:(\\d+) ${name}/`).exec(sdp)![1]!;
    const rtx = new RegExp(`a=fmtp:(\\d+) apt=${type}\r`).exec(sdp)?.[1];
    let out = sdp;
    for (const number of [type, rtx]) {
      if (number === undefined) continue;
      out = out
        .replace(new RegExp(`^(m=video .*) ${number}(?=[ \r])`, "m"), "$1")
        .replace(new RegExp(`^a=(?:rtpmap|fmtp|rtcp-fb):${number} .*\r\n`, "gm"), "");
    }
    return out;
  };
}

/** As libraries write that parse a description into an object of theirs: other line ends, another order of attributes. */
const rewritten: Change = (sdp) =>
  sdp
    .split(/(?=^m=)/m)
    .map((part, i) => {
      const lines = part.trimEnd().split("\r\n");
      const others = lines.filter((line) => !line.startsWith("a="));
      const attributes = lines.filter((line) => line.startsWith("a="));
      return `${[...others, ...(i === 0 ? attributes : attributes.reverse())].join("\n")}\n`;
    })
    .join("");

const taken: readonly (readonly [string, Change])[] = [
  ["another order of lines", rewritten],
  ["an a=fmtp parameter more", (sdp) => sdp.replace(/(a=fmtp:111 .*)/, "$1;stereo=1;maxaveragebitrate=64000;usedtx=1")],
  ["a=fmtp with spaces", (sdp) => sdp.replace(/(a=fmtp:111 \S+?);/, "$1; ")],
  ["b=AS", (sdp) => sdp.replace(/^(m=video.*\r\nc=.*\r\n)/m, "$1b=AS:500\r\n")],
  ["b=TIAS", (sdp) => sdp.replace(/^(m=video.*\r\nc=.*\r\n)/m, "$1b=TIAS:500000\r\n")],
  ["x-google-*", (sdp) => sdp.replace(/(a=rtpmap:(\d+) VP8.*\r\n)/, "$1a=fmtp:$2 x-google-start-bitrate=1000\r\n")],
  ["a private attribute", (sdp) => sdp.replace(/(a=mid:1\r\n)/, "$1a=x-google-flag:conference\r\n")],
  ["a codec removed", withoutCodec("VP8")],
  [
    "codecs in another order",
    (sdp) =>
      sdp.replace(
        /^(m=video \d+ \S+) (.*)\r/m,
        (_, line: string, formats: string) => `${line} ${formats.split(" ").reverse().join(" ")}\r`,
      ),
  ],
  ["no a=rtcp-fb", remove(/^a=rtcp-fb:.*\r\n/gm)],
  ["no a=extmap", remove(/^a=extmap:.*\r\n/gm)],
  ["a header extension less", remove(/^a=extmap:.*transport-wide-cc.*\r\n/gm)],
  ["no a=extmap-allow-mixed", remove(/^a=extmap-allow-mixed\r\n/gm)],
  [
    "a candidate",
    (sdp) => sdp.replace(/(a=mid:0\r\n)/, "a=candidate:1 1 udp 2113937151 192.0.2.7 4444 typ host\r\n$1"),
  ],
  ["no a=ssrc", remove(/^a=ssrc.*\r\n/gm)],
  ["no a=ice-options", remove(/^a=ice-options.*\r\n/gm)],
  ["no a=rtcp", remove(/^a=rtcp:.*\r\n/gm)],
  ["no a=rtcp-rsize", remove(/^a=rtcp-rsize\r\n/gm)],
  ["a=ptime", (sdp) => sdp.replace(/(a=mid:0\r\n)/, "$1a=ptime:40\r\n")],
  ["another o=", (sdp) => sdp.replace(/^o=- \d+ \d+/m, "o=mozilla 1234 5")],
  ["another s=", (sdp) => sdp.replace("s=-", "s=hello")],
  ["inactive", (sdp) => sdp.replace(/^a=(?:sendrecv|sendonly|recvonly)/gm, "a=inactive")],
  ["video with port 0", (sdp) => sdp.replace(/^m=video \d+/m, "m=video 0")],
];
for (const [name, change] of taken) {
  test(`taken in an offer: ${name}`, () => {
    offerChanged(change);
  });
  test(`taken in an answer: ${name}`, () => {
    answerChanged(change);
  });
}

const refused: readonly (readonly [string, Change])[] = [
  ["another user name fragment", (sdp) => sdp.replace(/a=ice-ufrag:.*/g, "a=ice-ufrag:other")],
  ["another password", (sdp) => sdp.replace(/a=ice-pwd:.*/g, "a=ice-pwd:abcdefghijklmnopqrstuvwx")],
  ["no ICE credentials", remove(/^a=ice-(?:ufrag|pwd):.*\r\n/gm)],
  ["another fingerprint", (sdp) => sdp.replace(/a=fingerprint:sha-256 ../g, "a=fingerprint:sha-256 00")],
  ["no fingerprint", remove(/^a=fingerprint.*\r\n/gm)],
  ["another mid", (sdp) => sdp.replace("a=mid:0", "a=mid:zero").replace("BUNDLE 0", "BUNDLE zero")],
  ["no mid", remove(/^a=mid:.*\r\n/gm)],
  ["an m-section less", (sdp) => sdp.replace(/^m=application[\s\S]*/m, "").replace("BUNDLE 0 1 2", "BUNDLE 0 1")],
  ["an m-section more", (sdp) => `${sdp}m=audio 0 UDP/TLS/RTP/SAVPF 0\r\nc=IN IP4 0.0.0.0\r\na=mid:7\r\n`],
  [
    "m-sections in another order",
    (sdp) => ((parts) => [parts[0], parts[2], parts[1], parts[3]].join(""))(sdp.split(/(?=^m=)/m)),
  ],
  ["a codec that we do not have", (sdp) => sdp.replace(" VP8/", " VP8X/")],
  [
    "a payload type that clashes with RTCP",
    (sdp) =>
      sdp.replace(/^(m=video.*)\r/m, "$1 77\r").replace(/(a=rtpmap:\d+ VP8.*\r\n)/, "$1a=rtpmap:77 VP8/90000\r\n"),
  ],
  ["retransmissions of nothing", (sdp) => sdp.replace(/a=fmtp:(\d+) apt=\d+/, "a=fmtp:$1 apt=1")],
  ["a format that is only described", (sdp) => sdp.replace(/^(m=video \d+ \S+) \d+/m, "$1")],
  ["a payload type twice", (sdp) => sdp.replace(/^(m=video \d+ \S+ (\d+).*)/m, "$1 $2")],
  ["no rtcp-mux", remove(/^a=rtcp-mux\r\n/gm)],
  ["an attribute that nobody knows", (sdp) => `${sdp}a=munging-is-not-good\r\n`],
  ["a line that is none", (sdp) => `${sdp}garbage\r\n`],
  [
    "another profile of the data section",
    (sdp) => sdp.replace(/^m=application (\d+) \S+/m, "m=application $1 UDP/TLS/RTP/SAVPF"),
  ],
];
for (const [name, change] of refused) {
  test(`refused in an offer and in an answer: ${name}`, () => {
    for (const [set, swapped] of [
      [offerChanged, false],
      [answerChanged, true],
    ] as const) {
      const error = refusal(() => set(change));
      assert.equal(error.kind, "InvalidModificationError", `${swapped}: ${error.message}`);
    }
  });
}

test("a refused change changes nothing: the description as it was created is taken after it", () => {
  const [a] = sides();
  const offer = a.createOffer();
  assert.equal(
    refusal(() => a.setLocal("offer", offer.replace(/a=mid:0/, "a=mid:9"))).kind,
    "InvalidModificationError",
  );
  a.setLocal("offer", offer);
  assert.equal(a.state.pendingLocal?.sdp, offer);
});

test("a description of another connection is refused", () => {
  const [a, b] = sides();
  const offer = new Side("c").with(transceiver("1", "audio"), transceiver("2", "video")).createOffer();
  a.createOffer();
  assert.equal(refusal(() => a.setLocal("offer", offer)).kind, "InvalidModificationError");
  b.setRemote("offer", offer);
  const other = new Side("d").with(transceiver("3", "audio"));
  other.setRemote("offer", offer);
  b.createAnswer();
  assert.equal(refusal(() => b.setLocal("answer", other.createAnswer())).kind, "InvalidModificationError");
});

test("a codec that was removed is neither received nor sent, and is offered again", () => {
  for (const { a } of [offerChanged(withoutCodec("VP8")), answerChanged(withoutCodec("VP8"))]) {
    const media = a.state.slots[1]!.media!;
    const names = [...media.receiveCodecs, ...media.sendCodecs].map(({ mimeType }) => mimeType);
    assert.ok(names.length > 0 && !names.includes("video/VP8"));
    assert.match(a.createOffer(), / VP8\/90000/);
  }
});

test("a=fmtp of a changed description is what is received with, here and in later offers", () => {
  const { a } = offerChanged((sdp) => sdp.replace(/(a=fmtp:111 .*)/, "$1;stereo=1"));
  const opus = a.state.slots[0]!.media!.receiveCodecs[0]!;
  assert.match(opus.sdpFmtpLine!, /stereo=1/);
  assert.match(a.createOffer(), /a=fmtp:111 .*stereo=1/);
});

test("another payload type is the codec's from then on", () => {
  const { a } = offerChanged((sdp) => {
    const type = /a=rtpmap:(\d+) VP8/.exec(sdp)![1]!;
    return sdp
      .replace(new RegExp(`^(m=video.*) ${type}(?=[ \r])`, "m"), "$1 55")
      .replace(new RegExp(`^a=(rtpmap|rtcp-fb|fmtp):${type} `, "gm"), "a=$1:55 ")
      .replace(`apt=${type}\r`, "apt=55\r");
  });
  const vp8 = a.state.slots[1]!.media!.receiveCodecs.find(({ mimeType }) => mimeType === "video/VP8");
  assert.equal(vp8?.payloadType, 55);
  assert.match(a.createOffer(), /a=rtpmap:55 VP8/);
});

test("the directions are those of the changed description; the transceivers' own stay", () => {
  const offered = offerChanged((sdp) => sdp.replace(/^a=sendrecv/gm, "a=recvonly"));
  assert.deepEqual(
    offered.a.state.slots.map(({ media }) => media?.direction),
    ["recvonly", "inactive", undefined],
  );
  assert.match(offered.a.createOffer(), /a=sendrecv/);
  const answered = answerChanged((sdp) => sdp.replace(/^a=sendrecv/gm, "a=sendonly"));
  assert.equal(answered.a.state.slots[0]!.media!.direction, "sendonly");
});

test("an answer may be widened to what was offered, and no further", () => {
  const [b, a] = sides();
  const widened = answerChanged((sdp) => sdp.replace(/^a=recvonly/gm, "a=sendrecv"), [b, a]);
  assert.equal(widened.a.state.slots[1]!.media!.direction, "sendrecv");
  const [c, d] = sides();
  c.change("2", { direction: "sendonly" });
  assert.equal(
    refusal(() => answerChanged((sdp) => sdp.replace(/^a=recvonly/gm, "a=sendrecv"), [c, d])).kind,
    "InvalidModificationError",
  );
});

test("header extensions and feedback that were removed are not used", () => {
  const { a } = answerChanged((sdp) => remove(/^a=rtcp-fb:.*\r\n/gm)(remove(/^a=extmap:.*abs-send-time.*\r\n/gm)(sdp)));
  const media = a.state.slots[1]!.media!;
  assert.ok(media.headerExtensions.length > 0);
  assert.ok(!media.headerExtensions.some(({ uri }) => uri.includes("abs-send-time")));
  assert.ok(media.receiveCodecs.every(({ rtcpFeedback }) => rtcpFeedback.length === 0));
});

test("port 0 gives a section up: in an offer, and in an answer", () => {
  const change: Change = (sdp) => sdp.replace(/^m=video \d+/m, "m=video 0");
  for (const { a } of [offerChanged(change), answerChanged(change)]) {
    assert.deepEqual(
      a.state.slots.map(({ rejected }) => rejected),
      [false, true, false],
    );
    assert.equal(a.state.slots[1]!.transceiver, null);
    assert.ok(a.plan!.transceivers.some(({ stop }) => stop));
    assert.ok(a.state.sctp);
  }
});

test("the section that carries the others' transport is not given up", () => {
  const error = refusal(() => answerChanged((sdp) => sdp.replace(/^m=audio \d+/m, "m=audio 0")));
  assert.match(error.message, /port 0/);
});

test("a=setup of an answer: the other role is taken, none is not", () => {
  const { a, b } = answerChanged((sdp) => sdp.replace(/a=setup:active/g, "a=setup:passive"));
  assert.equal(a.state.transports[0]!.dtlsRole, "server");
  assert.equal(b.state.transports[0]!.dtlsRole, "client");
  for (const value of ["actpass", "holdconn"]) {
    const error = refusal(() => answerChanged((sdp) => sdp.replace(/a=setup:active/g, `a=setup:${value}`)));
    assert.equal(error.kind, "InvalidModificationError");
  }
  assert.match(refusal(() => answerChanged(remove(/^a=setup.*\r\n/gm))).message, /a=setup/);
});

test("a=setup of an offer leaves the peer one role, which our answer cannot take too", () => {
  const { a } = offerChanged((sdp) => sdp.replace(/a=setup:actpass/g, "a=setup:passive"));
  assert.equal(a.state.transports[0]!.dtlsRole, "server");
});

test("BUNDLE may be taken out of a first offer, where no section depends on another", () => {
  const { a } = offerChanged(remove(/^a=group:BUNDLE.*\r\n/gm));
  assert.equal(new Set(a.state.slots.map(({ transport }) => transport)).size, 3);
  const many = new Side("a").with(transceiver("1", "video"), transceiver("2", "video"));
  const peer = new Side("b").with();
  // The second has no address of its own.
  assert.equal(
    refusal(() => offerChanged(remove(/^a=group:BUNDLE.*\r\n/gm), [many, peer])).kind,
    "InvalidModificationError",
  );
});

test("what is bundled stays so", () => {
  const [a, b] = sides();
  negotiate(a, b, { dataChannel: true });
  const offer = a.createOffer();
  const error = refusal(() => a.setLocal("offer", offer.replace("BUNDLE 0 1 2", "BUNDLE 0 2")));
  assert.match(error.message, /not bundled/);
});

test("a=msid and a=ssrc of a changed description are told to the senders", () => {
  const [a] = sides();
  const offer = a.createOffer();
  const [, primary, repair] = /a=ssrc-group:FID (\d+) (\d+)/.exec(offer)!;
  const plan = a.setLocal(
    "offer",
    offer
      .replaceAll(primary!, "1234")
      .replaceAll(repair!, "1235")
      .replace(/a=msid:stream track-1/, "a=msid:other track-1"),
  );
  assert.deepEqual(plan.senderChanges, [
    { transceiver: "1", streamIds: ["other"], ssrcs: null },
    { transceiver: "2", streamIds: null, ssrcs: { ssrc: 1234, rtxSsrc: 1235 } },
  ]);
});

test("simulcast may be taken out", () => {
  const encodings = ["q", "h", "f"].map((rid, i) => ({ rid, ssrc: 9000 + i, rtxSsrc: null }));
  const a = new Side("a").with(transceiver("1", "video", { sender: { encodings } }));
  const b = new Side("b").with();
  const change = (sdp: string): string => sdp.replace(/^a=(?:rid|simulcast):.*\r\n/gm, "");
  assert.deepEqual(offerChanged(change, [a, b]).a.state.slots[0]!.media!.sendRids, []);
});

test("candidates that come later are added to a changed description", () => {
  const [a] = sides();
  const changed = a.createOffer().replace(/^(m=video.*\r\nc=.*\r\n)/m, "$1b=AS:500\r\n");
  const { transports } = a.setLocal("offer", changed);
  a.addLocal(transports[0]!.id, transports[0]!.local!.usernameFragment, "candidate:1 1 udp 1 192.0.2.1 5000 typ host");
  const sdp = a.state.pendingLocal!.sdp;
  assert.match(sdp, /192\.0\.2\.1 5000/);
  assert.match(sdp, /b=AS:500/);
});

test("what a parser and a writer make of a description is taken for it, offer after offer", () => {
  const again: Change = (sdp) => {
    const parsed = parseSdp(rewritten(sdp));
    assert.ok(parsed.ok);
    return writeSdp(parsed.description);
  };
  const [a, b] = sides();
  for (let i = 0; i < 3; i++) {
    const offer = a.createOffer({ dataChannel: true });
    a.setLocal("offer", rewritten(offer));
    b.setRemote("offer", rewritten(offer));
    const answer = b.createAnswer();
    b.setLocal("answer", rewritten(answer));
    a.setRemote("answer", again(answer));
  }
  assert.equal(a.state.slots.length, 3);
  assert.ok(a.state.sctp);
});
