// Writing and parsing again gives the same model, for any model.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { IceCandidate } from "../util/ice-candidate.js";
import type { SdpAttribute, SdpCommonAttributes, SdpMedia, SdpSession } from "./model.js";
import { sdpMedia, sdpSession } from "./model.js";
import { parseSdp } from "./parser.js";
import { writeSdp } from "./writer.js";

const chars = (alphabet: string, min: number, max: number): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom(...alphabet), minLength: min, maxLength: max });
const token = chars("abcXYZ019-._+!", 1, 8);
const word = chars("abcXYZ019/:;=~[]{}é漢", 1, 12);
const line = fc.string({ maxLength: 20, unit: fc.constantFrom(..."ab c:/;=,é漢 \t") });
const optional = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(arbitrary, { nil: undefined });
const list = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T[]> => fc.array(arbitrary, { maxLength: 3 });
const uint32 = fc.integer({ min: 0, max: 0xffff_ffff });
const port = fc.integer({ min: 0, max: 65_535 });
const connection = fc.record({ netType: token, addressType: token, address: word });
const bandwidth = fc.record({ type: token, value: fc.nat({ max: 999_999_999 }) });
const direction = fc.constantFrom("sendrecv" as const, "sendonly" as const, "recvonly" as const, "inactive" as const);
const attribute: fc.Arbitrary<SdpAttribute> = fc.oneof(
  token.map((name) => ({ name: `x-${name}` })),
  fc.record({ name: token.map((name) => `x-${name}`), value: line }),
);
const rid = chars("abc019-_", 1, 4);
const hex = chars("0123456789ABCDEF", 2, 2);

const common: fc.Arbitrary<SdpCommonAttributes> = fc.record({
  iceUfrag: optional(word),
  icePwd: optional(word),
  iceOptions: list(token),
  fingerprints: list(
    fc.record({
      algorithm: fc.constantFrom("sha-256", "SHA-999".toLowerCase()),
      value: fc.array(hex, { minLength: 32, maxLength: 32 }).map((bytes) => bytes.join(":")),
    }),
  ),
  setup: optional(fc.constantFrom("actpass" as const, "active" as const, "passive" as const, "holdconn" as const)),
  tlsId: optional(word),
  direction: optional(direction),
  extmapAllowMixed: fc.boolean(),
  cryptex: fc.boolean(),
  extmaps: list(
    fc.record({
      id: fc.integer({ min: 1, max: 65_535 }),
      direction: optional(direction),
      uri: word,
      attributes: optional(line.filter((text) => text !== "")),
    }),
  ),
  attributes: list(attribute),
});

const candidate: fc.Arbitrary<IceCandidate> = fc.record({
  foundation: chars("abc019+/", 1, 32),
  component: fc.integer({ min: 1, max: 256 }),
  protocol: fc.constantFrom("udp" as const, "tcp" as const),
  priority: uint32,
  address: fc.constantFrom("192.0.2.1", "2001:db8::1", "abc.local"),
  port,
  type: fc.constantFrom("host" as const, "srflx" as const, "prflx" as const, "relay" as const),
  relatedAddress: optional(fc.constant("192.0.2.2")),
  relatedPort: optional(port),
  tcpType: optional(fc.constantFrom("active" as const, "passive" as const, "so" as const)),
  usernameFragment: optional(token),
  extensions: list(
    fc.tuple(
      token.map((name): string => `x-${name}`),
      token,
    ),
  ),
});

const payloads = (payloadTypes: readonly number[]): fc.Arbitrary<SdpMedia["payloads"]> =>
  fc
    .tuple(
      ...[...new Set(payloadTypes), "*" as const].map((payloadType) =>
        fc.record({
          payloadType: fc.constant(payloadType),
          rtpmap:
            payloadType === "*"
              ? fc.constant(undefined)
              : optional(
                  fc.record({
                    encodingName: token,
                    clockRate: fc.nat({ max: 999_999_999 }),
                    parameters: optional(token),
                  }),
                ),
          fmtp: list(line.filter((text) => text !== "" && !text.startsWith(" "))),
          rtcpFeedback: list(fc.record({ type: token, parameter: optional(token) })),
        }),
      ),
    )
    .map((entries) =>
      entries.filter(({ rtpmap, fmtp, rtcpFeedback }) => rtpmap !== undefined || fmtp.length + rtcpFeedback.length > 0),
    );

const alternatives = fc.array(fc.record({ rid, paused: fc.boolean() }), { minLength: 1, maxLength: 2 });
const simulcast = fc
  .record({ send: list(alternatives), recv: list(alternatives) })
  .filter(({ send, recv }) => send.length + recv.length > 0);

const mediaParts = fc.record({
  kind: fc.constantFrom("audio", "video", "application", "text"),
  port,
  portCount: optional(port),
  information: optional(line),
  connections: list(connection),
  bandwidths: list(bandwidth),
  key: optional(line),
  mid: optional(token),
  candidates: list(candidate),
  endOfCandidates: fc.boolean(),
  bundleOnly: fc.boolean(),
  rtcp: optional(fc.record({ port, connection: optional(connection) })),
  rtcpMux: fc.boolean(),
  rtcpMuxOnly: fc.boolean(),
  rtcpRsize: fc.boolean(),
  sctpPort: optional(port),
  maxMessageSize: optional(fc.maxSafeNat()),
  sctpmaps: list(fc.record({ port, application: token, streams: optional(port) })),
  msids: list(fc.record({ streamId: word, trackId: optional(word) })),
  ssrcs: fc.uniqueArray(
    fc.record({
      ssrc: uint32,
      attributes: fc.array(
        fc.oneof(
          token.map((name) => ({ name, value: undefined })),
          fc.record({ name: token, value: line }),
        ),
        { minLength: 1, maxLength: 3 },
      ),
    }),
    { selector: ({ ssrc }) => ssrc, maxLength: 3 },
  ),
  ssrcGroups: list(fc.record({ semantics: token, ssrcs: fc.array(uint32, { minLength: 1, maxLength: 3 }) })),
  rids: list(
    fc.record({
      id: rid,
      direction: fc.constantFrom("send" as const, "recv" as const),
      payloadTypes: list(token),
      restrictions: list(fc.record({ name: token.map((name) => `x-${name}`), value: optional(token) })),
    }),
  ),
  simulcast: optional(simulcast),
  imageAttributes: list(line.filter((text) => text !== "")),
  ptime: optional(fc.nat({ max: 999_999_999 })),
  maxptime: optional(fc.nat({ max: 999_999_999 })),
  framerate: optional(line),
  content: optional(line),
  label: optional(line),
});

const formats = fc.oneof(
  fc.record({
    protocol: fc.constant("UDP/TLS/RTP/SAVPF"),
    types: fc.array(fc.integer({ min: 0, max: 127 }), { minLength: 1, maxLength: 4 }),
  }),
  fc.record({ protocol: fc.constant("UDP/DTLS/SCTP"), types: fc.constant([5000]) }),
);

const media: fc.Arbitrary<SdpMedia> = formats.chain(({ protocol, types }) =>
  fc
    .tuple(mediaParts, common, payloads(types.filter((type) => type < 128)))
    .map(([parts, shared, entries]) =>
      sdpMedia({ ...parts, ...shared, protocol, formats: types.map((type) => `${type}`), payloads: entries }),
    ),
);

const session: fc.Arbitrary<SdpSession> = fc
  .tuple(
    fc.record({
      origin: fc.record({
        username: word,
        sessionId: word,
        sessionVersion: word,
        netType: token,
        addressType: token,
        address: word,
      }),
      name: line,
      information: optional(line),
      uri: optional(line),
      emails: list(line),
      phones: list(line),
      connection: optional(connection),
      bandwidths: list(bandwidth),
      timings: fc.array(fc.record({ start: word, stop: word, repeats: list(line) }), { minLength: 1, maxLength: 2 }),
      timeZones: optional(line),
      key: optional(line),
      groups: list(fc.record({ semantics: token, mids: list(token) })),
      iceLite: fc.boolean(),
      msidSemantics: list(fc.record({ semantic: token, ids: list(word) })),
      identities: list(line.filter((text) => text !== "")),
      media: list(media),
    }),
    common,
  )
  .map(([parts, shared]) => sdpSession({ ...parts, ...shared }));

test("parse(write(model)) is the model", () => {
  fc.assert(
    fc.property(session, (model) => {
      const text = writeSdp(model);
      const parsed = parseSdp(text);
      assert.ok(parsed.ok, parsed.ok ? "" : parsed.error.message);
      // The clone has ordinary prototypes; those of fast-check have none.
      assert.deepEqual(parsed.description, structuredClone(model));
      // And what is read is written the same way.
      assert.equal(writeSdp(parsed.description), text);
    }),
    { seed: 20_240_611, numRuns: 400 },
  );
});

test("any lines: parsing does not throw, and what it accepts survives write and parse", () => {
  const words = [
    "v=0",
    "o=- 1 2 IN IP4 0.0.0.0",
    "s=-",
    "t=0 0",
    "m=audio 9 RTP/AVP 0 96",
    "a=mid:0",
    "a=rtpmap:96 x/1",
  ];
  const someLine = fc.oneof(
    fc.constantFrom(...words),
    fc.tuple(fc.constantFrom("a", "b", "c", "m", "i"), line).map(([type, value]) => `${type}=${value}`),
    fc
      .tuple(
        fc.constantFrom("fmtp", "rtcp-fb", "ssrc", "rid", "simulcast", "extmap", "msid", "rtcp", "candidate"),
        line,
      )
      .map(([name, value]) => `a=${name}:1 ${value}`),
  );
  fc.assert(
    fc.property(fc.array(someLine, { maxLength: 12 }), (lines) => {
      const parsed = parseSdp([...words.slice(0, 5), ...lines].join("\n"));
      if (!parsed.ok) return;
      const again = parseSdp(writeSdp(parsed.description));
      assert.ok(again.ok, again.ok ? "" : again.error.message);
      assert.deepEqual(again.description, parsed.description);
    }),
    { seed: 20_240_612, numRuns: 2000 },
  );
});
