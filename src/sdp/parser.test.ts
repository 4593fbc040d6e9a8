import assert from "node:assert/strict";
import { test } from "node:test";
import type { SdpMedia, SdpSession } from "./model.js";
import { isRejected, isRtpProtocol, isSctpProtocol } from "./model.js";
import type { SdpError } from "./parser.js";
import { MAX_SDP_LENGTH, MAX_SDP_LINE_LENGTH, MAX_SDP_LINES, MAX_SDP_MEDIA_SECTIONS, parseSdp } from "./parser.js";
import { writeSdp } from "./writer.js";

const HEAD = ["v=0", "o=- 1 2 IN IP4 127.0.0.1", "s=-", "t=0 0"];

function parse(lines: readonly string[]): SdpSession {
  const result = parseSdp(`${lines.join("\r\n")}\r\n`);
  assert.ok(result.ok, result.ok ? "" : result.error.message);
  return result.description;
}

function media(...attributes: string[]): SdpMedia {
  return parse([...HEAD, "m=video 9 UDP/TLS/RTP/SAVPF 96 97", "c=IN IP4 0.0.0.0", ...attributes]).media[0]!;
}

function refuse(lines: readonly string[] | string): SdpError {
  const result = parseSdp(typeof lines === "string" ? lines : `${lines.join("\r\n")}\r\n`);
  assert.ok(!result.ok, "it was accepted");
  return result.error;
}

test("an attribute whose name is no token is one that nobody knows", () => {
  const sdp = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=notssrc1 cname:x\r\na=some words\r\n";
  const parsed = parseSdp(sdp);
  assert.ok(parsed.ok);
  assert.equal(writeSdp(parsed.description), sdp);
  assert.ok(!parseSdp(sdp.replace("some words", ":nameless")).ok);
});

test("the session level is read in the order of RFC 8866 §5", () => {
  const session = parse([
    "v=0",
    "o=jdoe 3724394400 3724394405 IN IP6 2001:db8::1",
    "s=Call to John Smith",
    "i=SDP Offer #1",
    "u=http://www.jdoe.example.com/home.html",
    "e=Jane Doe <jane@jdoe.example.com>",
    "p=+1 617 555-6011",
    "c=IN IP4 198.51.100.1",
    "b=CT:128",
    "t=0 0",
    "r=7d 1h 0 25h",
    "z=3730928400 -1h",
    "k=prompt",
    "a=recvonly",
  ]);
  assert.equal(session.origin.username, "jdoe");
  assert.equal(session.origin.address, "2001:db8::1");
  assert.equal(session.name, "Call to John Smith");
  assert.deepEqual(session.bandwidths, [{ type: "CT", value: 128 }]);
  assert.deepEqual(session.timings, [{ start: "0", stop: "0", repeats: ["7d 1h 0 25h"] }]);
  assert.equal(session.key, "prompt");
  assert.equal(session.direction, "recvonly");
});

test("mandatory session lines, each missing in turn", () => {
  assert.match(refuse(HEAD.slice(1)).message, /line 1: expected v=/);
  assert.match(refuse(HEAD.toSpliced(1, 1)).message, /line 2: expected o=/);
  assert.match(refuse(HEAD.toSpliced(2, 1)).message, /line 3: expected s=/);
  assert.match(refuse(HEAD.slice(0, 3)).message, /line 4: expected t=/);
  assert.deepEqual(refuse("").line, 1);
  assert.deepEqual(refuse("Invalid SDP").line, 1);
});

test("lines out of order, of unknown type, or of no form are refused with their number", () => {
  assert.equal(refuse([...HEAD, "a=x", "c=IN IP4 0.0.0.0"]).line, 6);
  assert.equal(refuse([...HEAD, "x=foo"]).line, 5);
  assert.equal(refuse([...HEAD, "garbage"]).line, 5);
  assert.equal(refuse([...HEAD, "", "a=x"]).line, 5);
  assert.equal(refuse([...HEAD, " a=x"]).line, 5);
  assert.equal(refuse([...HEAD, "a=x\0"]).line, 5);
  assert.equal(refuse([...HEAD, "a=x\ry"]).line, 5);
  assert.equal(refuse([...HEAD, "m=audio 9 RTP/AVP 0", "t=0 0"]).line, 6);
  assert.equal(refuse(["v=1", ...HEAD.slice(1)]).line, 1);
});

test("LF line ends, a missing last line end and trailing empty lines are fine", () => {
  for (const text of [
    HEAD.join("\n"),
    `${HEAD.join("\n")}\n`,
    `${HEAD.join("\r\n")}`,
    `${HEAD.join("\r\n")}\r\n\r\n\n`,
  ]) {
    assert.ok(parseSdp(text).ok);
  }
});

test("the m= line (RFC 8866 §5.14)", () => {
  const line = (text: string): string => refuse([...HEAD, text]).message;
  assert.match(line("m=audio 65536 RTP/AVP 0"), /port/);
  assert.match(line("m=audio x RTP/AVP 0"), /port/);
  assert.match(line("m=audio 9/2/2 RTP/AVP 0"), /port/);
  assert.match(line("m=audio 9"), /protocol/);
  assert.match(line("m=audio 9 RTP/AVP"), /formats/);
  assert.match(line("m=audio 9 RTP/AVP 128"), /payload type/);
  assert.match(line("m=audio 9 UDP/TLS/RTP/SAVPF opus"), /payload type/);
  const [section] = parse([...HEAD, "m=audio 49170/2 RTP/AVP 0 8"]).media;
  assert.equal(section!.port, 49_170);
  assert.equal(section!.portCount, 2);
  assert.deepEqual(section!.formats, ["0", "8"]);
});

test("every named limit is kept", () => {
  assert.match(refuse("v".repeat(MAX_SDP_LENGTH + 1)).message, /longer/);
  assert.match(refuse([...HEAD, ...Array<string>(MAX_SDP_LINES).fill("a=x")]).message, /more than \d+ lines/);
  assert.match(refuse([...HEAD, `a=${"x".repeat(MAX_SDP_LINE_LENGTH)}`]).message, /longer/);
  const many = Array<string>(MAX_SDP_MEDIA_SECTIONS + 1).fill("m=audio 9 RTP/AVP 0");
  assert.equal(refuse([...HEAD, ...many]).line, HEAD.length + MAX_SDP_MEDIA_SECTIONS + 1);
  assert.equal(parse([...HEAD, ...many.slice(1)]).media.length, MAX_SDP_MEDIA_SECTIONS);
});

test("an error message shows the start of a long line only", () => {
  assert.ok(refuse([...HEAD, `a=fingerprint:${"x".repeat(5000)}`]).message.length < 300);
});

test("transport attributes at both levels", () => {
  const lines = [
    "a=ice-ufrag:8hhY",
    "a=ice-pwd:asd88fgpdd777uzjYhagZg",
    "a=ice-options:trickle ice2",
    "a=fingerprint:SHA-1 4a:ad:b9:b1:3f:82:18:3b:54:02:12:df:3e:5d:49:6b:19:e5:7c:ab",
    "a=setup:actpass",
    "a=tls-id:abc3de65cddef001be82",
    "a=extmap:4/recvonly http://example.com/082005/ext.htm#ttime short",
    "a=extmap-allow-mixed",
    "a=sendonly",
  ];
  const section = media(...lines);
  const session = parse([...HEAD, ...lines]);
  for (const at of [section, session]) {
    assert.equal(at.iceUfrag, "8hhY");
    assert.equal(at.icePwd, "asd88fgpdd777uzjYhagZg");
    assert.deepEqual(at.iceOptions, ["trickle", "ice2"]);
    assert.deepEqual(at.fingerprints, [
      { algorithm: "sha-1", value: "4A:AD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B:19:E5:7C:AB" },
    ]);
    assert.equal(at.setup, "actpass");
    assert.equal(at.tlsId, "abc3de65cddef001be82");
    assert.deepEqual(at.extmaps, [
      { id: 4, direction: "recvonly", uri: "http://example.com/082005/ext.htm#ttime", attributes: "short" },
    ]);
    assert.equal(at.extmapAllowMixed, true);
    assert.equal(at.direction, "sendonly");
  }
});

test("session attributes", () => {
  const session = parse([
    ...HEAD,
    "a=group:BUNDLE 0 1",
    "a=group:LS 0 1",
    "a=group:BUNDLE",
    "a=ice-lite",
    "a=msid-semantic: WMS abc",
    "a=msid-semantic:WMS *",
    "a=identity:eyJpZHAi==",
    "a=mid:0",
  ]);
  assert.deepEqual(session.groups, [
    { semantics: "BUNDLE", mids: ["0", "1"] },
    { semantics: "LS", mids: ["0", "1"] },
    { semantics: "BUNDLE", mids: [] },
  ]);
  assert.equal(session.iceLite, true);
  assert.deepEqual(session.msidSemantics, [
    { semantic: "WMS", ids: ["abc"] },
    { semantic: "WMS", ids: ["*"] },
  ]);
  assert.deepEqual(session.identities, ["eyJpZHAi=="]);
  // Known in media sections only.
  assert.deepEqual(session.attributes, [{ name: "mid", value: "0" }]);
});

test("candidates: those that parse, and those that do not", () => {
  const section = media(
    "a=candidate:1 1 UDP 2113937151 192.0.2.1 54400 typ host generation 0",
    "a=candidate:garbage",
    "a=end-of-candidates",
  );
  assert.equal(section.candidates.length, 1);
  assert.equal(section.candidates[0]!.protocol, "udp");
  assert.deepEqual(section.candidates[0]!.extensions, [["generation", "0"]]);
  assert.deepEqual(section.attributes, [{ name: "candidate", value: "garbage" }]);
  assert.equal(section.endOfCandidates, true);
});

test("a max-message-size that is no number is as good as none", () => {
  const section = media("a=max-message-size:undefined");
  assert.equal(section.maxMessageSize, undefined);
  assert.deepEqual(section.attributes, [{ name: "max-message-size", value: "undefined" }]);
});

test("payload types: rtpmap, fmtp and rtcp-fb gathered, in the order of the formats, wildcards last", () => {
  const section = media(
    "a=rtcp-fb:* nack",
    "a=fmtp:97 apt=96",
    "a=rtcp-fb:96 ccm fir",
    "a=rtcp-fb:96 transport-cc",
    "a=rtpmap:98 unlisted/8000",
    "a=rtpmap:97 rtx/90000",
    "a=rtpmap:96 VP8/90000",
    "a=fmtp:96 max-fs=12288;max-fr=60",
    "a=fmtp:webrtc-datachannel max-message-size=100000",
  );
  assert.deepEqual(
    section.payloads.map(({ payloadType }) => payloadType),
    [96, 97, 98, "*"],
  );
  assert.deepEqual(section.payloads[0], {
    payloadType: 96,
    rtpmap: { encodingName: "VP8", clockRate: 90_000, parameters: undefined },
    fmtp: ["max-fs=12288;max-fr=60"],
    rtcpFeedback: [
      { type: "ccm", parameter: "fir" },
      { type: "transport-cc", parameter: undefined },
    ],
  });
  assert.deepEqual(section.attributes, [{ name: "fmtp", value: "webrtc-datachannel max-message-size=100000" }]);
  assert.equal(media("a=rtpmap:96 opus/48000/2").payloads[0]!.rtpmap!.parameters, "2");
});

test("msid, ssrc, ssrc-group (RFC 8830, RFC 5576)", () => {
  const section = media(
    "a=msid:stream track",
    "a=msid:-",
    "a=ssrc-group:FID 1 4294967295",
    "a=ssrc:1 cname:x",
    "a=ssrc:4294967295 cname:x",
    "a=ssrc:1 msid:a b",
    "a=ssrc:1 flag",
  );
  assert.deepEqual(section.msids, [
    { streamId: "stream", trackId: "track" },
    { streamId: "-", trackId: undefined },
  ]);
  assert.deepEqual(section.ssrcGroups, [{ semantics: "FID", ssrcs: [1, 4_294_967_295] }]);
  assert.deepEqual(section.ssrcs[0], {
    ssrc: 1,
    attributes: [
      { name: "cname", value: "x" },
      { name: "msid", value: "a b" },
      { name: "flag", value: undefined },
    ],
  });
});

test("rid and simulcast (RFC 8851 §4, RFC 8853 §5.1)", () => {
  const section = media(
    "a=rid:1 send max-width=1280;max-height=720;max-fps=30",
    "a=rid:2 recv pt=97,96;depend=1",
    "a=simulcast:recv 2 send 1;~4,3",
  );
  assert.deepEqual(section.rids, [
    {
      id: "1",
      direction: "send",
      payloadTypes: [],
      restrictions: [
        { name: "max-width", value: "1280" },
        { name: "max-height", value: "720" },
        { name: "max-fps", value: "30" },
      ],
    },
    { id: "2", direction: "recv", payloadTypes: ["97", "96"], restrictions: [{ name: "depend", value: "1" }] },
  ]);
  assert.deepEqual(section.simulcast, {
    send: [
      [{ rid: "1", paused: false }],
      [
        { rid: "4", paused: true },
        { rid: "3", paused: false },
      ],
    ],
    recv: [[{ rid: "2", paused: false }]],
  });
});

test("the other media attributes", () => {
  const section = media(
    "a=rtcp:9 IN IP4 0.0.0.0",
    "a=rtcp-mux",
    "a=rtcp-mux-only",
    "a=rtcp-rsize",
    "a=bundle-only",
    "a=ptime:20",
    "a=maxptime:120",
    "a=framerate:29.97",
    "a=content:slides",
    "a=label:1",
    "a=imageattr:97 send [x=800,y=640]",
    "a=sctp-port:5000",
    "a=max-message-size:0",
    "a=sctpmap:5000 webrtc-datachannel 1024",
    "b=TIAS:500000",
    "i=title",
    "a=rtcp-xr:rcvr-rtt=all",
    "a=x-flag",
    "a=x-empty:",
  );
  assert.deepEqual(section.rtcp, { port: 9, connection: { netType: "IN", addressType: "IP4", address: "0.0.0.0" } });
  assert.ok(section.rtcpMux && section.rtcpMuxOnly && section.rtcpRsize && section.bundleOnly);
  assert.equal(section.ptime, 20);
  assert.equal(section.maxptime, 120);
  assert.equal(section.framerate, "29.97");
  assert.equal(section.content, "slides");
  assert.equal(section.label, "1");
  assert.deepEqual(section.imageAttributes, ["97 send [x=800,y=640]"]);
  assert.equal(section.sctpPort, 5000);
  assert.equal(section.maxMessageSize, 0);
  assert.deepEqual(section.sctpmaps, [{ port: 5000, application: "webrtc-datachannel", streams: 1024 }]);
  assert.deepEqual(section.bandwidths, [{ type: "TIAS", value: 500_000 }]);
  assert.equal(section.information, "title");
  assert.deepEqual(section.attributes, [
    { name: "rtcp-xr", value: "rcvr-rtt=all" },
    { name: "x-flag" },
    { name: "x-empty", value: "" },
  ]);
});

test("attributes that do not follow their grammar are refused (RFC 9429 §5.8)", () => {
  for (const attribute of [
    "a=",
    "a=:value",
    "a=mid",
    "a=mid: 0",
    "a=mid:0 1",
    "a=ice-ufrag:",
    "a=fingerprint:sha-256 zz",
    "a=fingerprint:sha-256 AA:BB",
    "a=fingerprint:sha-256",
    "a=setup:foo",
    "a=sctp-port:70000",
    "a=rtcp:x",
    "a=rtcp:9 IN",
    "a=rtpmap:96 VP8",
    "a=rtpmap:300 VP8/90000",
    "a=fmtp:96",
    "a=rtcp-fb:96",
    "a=extmap:0 uri",
    "a=extmap:1/sideways uri",
    "a=extmap:1",
    "a=ssrc:4294967296 cname:x",
    "a=ssrc:1",
    "a=ssrc-group:FID",
    "a=ssrc-group:FID x",
    "a=rid:1",
    "a=rid:1 sideways",
    "a=rid:a/b send",
    "a=simulcast:send",
    "a=simulcast:send 1;;2",
    "a=simulcast:send 1 send 2",
    "a=msid:",
    "a=msid:a b c",
    "a=ptime:x",
    "a=sctpmap:x webrtc-datachannel",
    "b=AS",
    "b=AS:x",
    "c=IN IP4",
  ]) {
    const error = refuse([...HEAD, "m=video 9 UDP/TLS/RTP/SAVPF 96", attribute]);
    assert.equal(error.line, 6, attribute);
  }
});

test("two different answers to one question are refused, the same one twice is not", () => {
  for (const [one, other] of [
    ["a=mid:0", "a=mid:1"],
    ["a=ice-ufrag:aaaa", "a=ice-ufrag:bbbb"],
    ["a=ice-pwd:aaaa", "a=ice-pwd:bbbb"],
    ["a=setup:active", "a=setup:passive"],
    ["a=sctp-port:1", "a=sctp-port:2"],
    ["a=max-message-size:1", "a=max-message-size:2"],
    ["a=sendonly", "a=recvonly"],
    ["a=rtpmap:96 VP8/90000", "a=rtpmap:96 VP9/90000"],
  ] as const) {
    assert.equal(refuse([...HEAD, "m=video 9 UDP/TLS/RTP/SAVPF 96", one, other]).line, 7, one);
    media(one, one);
  }
});

test("protocols and rejected sections", () => {
  for (const rtp of ["RTP/AVP", "RTP/SAVPF", "UDP/TLS/RTP/SAVPF", "TCP/DTLS/RTP/SAVP"]) assert.ok(isRtpProtocol(rtp));
  for (const sctp of ["UDP/DTLS/SCTP", "TCP/DTLS/SCTP", "DTLS/SCTP"]) {
    assert.ok(isSctpProtocol(sctp));
    assert.ok(!isRtpProtocol(sctp));
  }
  const zero = (attribute: string): boolean =>
    isRejected(parse([...HEAD, "m=video 0 UDP/TLS/RTP/SAVPF 96", attribute]).media[0]!);
  assert.ok(zero("a=mid:0"));
  assert.ok(!zero("a=bundle-only"));
});

test("a max-message-size beyond exact numbers is the largest of them, and written as such", () => {
  for (const digits of [20, 30]) {
    const media = `m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=max-message-size:${"9".repeat(digits)}\r\n`;
    const parsed = parseSdp(`v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n${media}`);
    assert.ok(parsed.ok);
    assert.equal(parsed.description.media[0]!.maxMessageSize, Number.MAX_SAFE_INTEGER);
    assert.ok(writeSdp(parsed.description).includes("a=max-message-size:9007199254740991\r\n"));
  }
});
