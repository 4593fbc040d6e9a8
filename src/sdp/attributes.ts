// Reads `a=` lines into the model. An attribute that the model does not know at this level is kept as it is; one that it
// knows must follow its grammar (RFC 9429 §5.8), with three exceptions: a candidate line or a max-message-size that does
// not parse is kept as an unknown attribute (the web platform tests write `max-message-size:undefined`), and the
// characters of ice-ufrag and ice-pwd are left to src/jsep.
import { parseIceCandidate } from "../util/ice-candidate.js";
import type { MediaBuilder, SessionBuilder } from "./builder.js";
import type { SdpDirection, SdpPayload, SdpSetup, SdpSimulcastRid } from "./model.js";
import { integer, isToken } from "./tokens.js";

type Handler<T> = (target: T, value: string) => string | undefined;

/** Lengths in bytes of the hash functions of RFC 8122 §5. */
const HASH_LENGTHS: ReadonlyMap<string, number> = new Map([
  ["md2", 16],
  ["md5", 16],
  ["sha-1", 20],
  ["sha-224", 28],
  ["sha-256", 32],
  ["sha-384", 48],
  ["sha-512", 64],
]);

const DIRECTIONS: readonly string[] = ["sendrecv", "sendonly", "recvonly", "inactive"];
const SETUPS: readonly string[] = ["actpass", "active", "passive", "holdconn"];
const UINT32 = 0xffff_ffff;

export function parseSessionAttribute(session: SessionBuilder, line: string): string | undefined {
  return parseAttribute(session, line, SESSION_VALUES, SESSION_FLAGS);
}

export function parseMediaAttribute(media: MediaBuilder, line: string): string | undefined {
  return parseAttribute(media, line, MEDIA_VALUES, MEDIA_FLAGS);
}

function parseAttribute<T extends MediaBuilder | SessionBuilder>(
  target: T,
  line: string,
  values: ReadonlyMap<string, Handler<T>>,
  flags: ReadonlyMap<string, (target: T) => string | undefined>,
): string | undefined {
  const colon = line.indexOf(":");
  const name = colon < 0 ? line : line.slice(0, colon);
  // RFC 8866 §9 has a token here; what is none is nothing we know, and is passed over like any other attribute unknown.
  if (name === "") return "no attribute name";
  if (colon < 0) {
    const flag = flags.get(name);
    if (flag !== undefined) return flag(target);
    if (values.has(name)) return `a=${name} needs a value`;
    target.attributes.push({ name });
    return undefined;
  }
  const value = line.slice(colon + 1);
  const handler = values.get(name);
  if (handler !== undefined) return handler(target, value);
  target.attributes.push({ name, value });
  return undefined;
}

/**
 * Sets a field that a description states once. Stating it again is harmless if it says the same; a description with
 * two answers to one question is refused rather than read one way by us and another way by someone else.
 */
function once<T, K extends keyof T>(target: T, key: K, value: T[K], name: string): string | undefined {
  if (target[key] !== undefined && target[key] !== value) return `a second, different a=${name}`;
  target[key] = value;
  return undefined;
}

type Common = MediaBuilder | SessionBuilder;

const iceUfrag: Handler<Common> = (t, value) =>
  value === "" ? "an empty ice-ufrag" : once(t, "iceUfrag", value, "ice-ufrag");
const icePwd: Handler<Common> = (t, value) => (value === "" ? "an empty ice-pwd" : once(t, "icePwd", value, "ice-pwd"));

const iceOptions: Handler<Common> = (t, value) => {
  for (const option of value.split(" ")) if (option !== "") t.iceOptions.push(option);
  return undefined;
};

const fingerprint: Handler<Common> = (t, value) => {
  const [algorithmText, digest, ...more] = value.trimEnd().split(" ");
  const algorithm = (algorithmText ?? "").toLowerCase();
  if (!isToken(algorithm) || digest === undefined || more.length > 0) return "expected <hash function> <fingerprint>";
  if (!/^[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2})*$/.test(digest)) return "the fingerprint is not pairs of digits with colons";
  const length = HASH_LENGTHS.get(algorithm);
  if (length !== undefined && digest.length !== 3 * length - 1) return `a ${algorithm} fingerprint has ${length} bytes`;
  t.fingerprints.push({ algorithm, value: digest.toUpperCase() });
  return undefined;
};

const setup: Handler<Common> = (t, value) =>
  SETUPS.includes(value) ? once(t, "setup", value as SdpSetup, "setup") : "not a setup role";

const tlsId: Handler<Common> = (t, value) => (value === "" ? "an empty tls-id" : once(t, "tlsId", value, "tls-id"));

const extmap: Handler<Common> = (t, value) => {
  const match = /^(\d{1,5})(?:\/([a-z]+))? (\S+)(?: (.*))?$/s.exec(value);
  const id = integer(match?.[1], 65_535);
  if (match === null || id === undefined || id === 0) return "expected <id>[/<direction>] <URI>";
  const direction = match[2];
  if (direction !== undefined && !DIRECTIONS.includes(direction)) return "not a direction";
  t.extmaps.push({
    id,
    direction: direction as SdpDirection | undefined,
    uri: match[3]!,
    attributes: match[4] === "" ? undefined : match[4],
  });
  return undefined;
};

const COMMON_VALUES: readonly (readonly [string, Handler<Common>])[] = [
  ["ice-ufrag", iceUfrag],
  ["ice-pwd", icePwd],
  ["ice-options", iceOptions],
  ["fingerprint", fingerprint],
  ["setup", setup],
  ["tls-id", tlsId],
  ["extmap", extmap],
];

function setFlag<T, K extends keyof T>(key: K, value: T[K]): (target: T) => undefined {
  return (target) => {
    target[key] = value;
  };
}

const direction =
  (value: SdpDirection) =>
  (target: Common): string | undefined =>
    once(target, "direction", value, value);

const COMMON_FLAGS: readonly (readonly [string, (target: Common) => string | undefined])[] = [
  ["sendrecv", direction("sendrecv")],
  ["sendonly", direction("sendonly")],
  ["recvonly", direction("recvonly")],
  ["inactive", direction("inactive")],
  ["extmap-allow-mixed", setFlag<Common, "extmapAllowMixed">("extmapAllowMixed", true)],
  ["cryptex", setFlag<Common, "cryptex">("cryptex", true)],
];

const group: Handler<SessionBuilder> = (t, value) => {
  const [semantics, ...mids] = value.trimEnd().split(" ");
  if (!isToken(semantics!) || !mids.every(isToken)) return "expected <semantics> and mids";
  t.groups.push({ semantics: semantics!, mids });
  return undefined;
};

const msidSemantic: Handler<SessionBuilder> = (t, value) => {
  const [semantic, ...ids] = value.trim().split(/ +/);
  if (semantic === "") return "no semantic";
  t.msidSemantics.push({ semantic: semantic!, ids });
  return undefined;
};

const identity: Handler<SessionBuilder> = (t, value) => {
  if (value === "") return "an empty identity";
  t.identities.push(value);
  return undefined;
};

const SESSION_VALUES: ReadonlyMap<string, Handler<SessionBuilder>> = new Map<string, Handler<SessionBuilder>>([
  ...COMMON_VALUES,
  ["group", group],
  ["msid-semantic", msidSemantic],
  ["identity", identity],
]);

const SESSION_FLAGS: ReadonlyMap<string, (target: SessionBuilder) => string | undefined> = new Map<
  string,
  (target: SessionBuilder) => string | undefined
>([...COMMON_FLAGS, ["ice-lite", setFlag<SessionBuilder, "iceLite">("iceLite", true)]]);

const mid: Handler<MediaBuilder> = (t, value) =>
  isToken(value) ? once(t, "mid", value, "mid") : "a character that is not allowed in a mid";

const candidate: Handler<MediaBuilder> = (t, value) => {
  const parsed = parseIceCandidate(`candidate:${value}`);
  if (parsed === undefined) t.attributes.push({ name: "candidate", value });
  else t.candidates.push(parsed);
  return undefined;
};

const rtcp: Handler<MediaBuilder> = (t, value) => {
  const [portText, ...connection] = value.trimEnd().split(" ");
  const port = integer(portText, 65_535);
  if (port === undefined || (connection.length !== 0 && connection.length !== 3)) return "expected <port> <connection>";
  t.rtcp = {
    port,
    connection:
      connection.length === 0
        ? undefined
        : { netType: connection[0]!, addressType: connection[1]!, address: connection[2]! },
  };
  return undefined;
};

const sctpPort: Handler<MediaBuilder> = (t, value) => {
  const port = integer(value, 65_535);
  return port === undefined ? "not a port" : once(t, "sctpPort", port, "sctp-port");
};

const maxMessageSize: Handler<MediaBuilder> = (t, value) => {
  // RFC 8841 §6 has no largest one; what a number cannot say exactly comes to the same.
  const size = /^\d{1,99}$/.test(value) ? Math.min(Number(value), Number.MAX_SAFE_INTEGER) : undefined;
  if (size !== undefined) return once(t, "maxMessageSize", size, "max-message-size");
  t.attributes.push({ name: "max-message-size", value });
  return undefined;
};

const sctpInit: Handler<MediaBuilder> = (t, value) => {
  const text = value.trimEnd();
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]+={0,2}$/.test(text)) return "not base64";
  return once(t, "sctpInit", text, "sctp-init");
};

const sctpmap: Handler<MediaBuilder> = (t, value) => {
  const [portText, application, streamsText, ...more] = value.trimEnd().split(" ");
  const port = integer(portText, 65_535);
  const streams = integer(streamsText, 65_536);
  if (port === undefined || application === undefined || !isToken(application) || more.length > 0) {
    return "expected <port> <application> [<streams>]";
  }
  if (streamsText !== undefined && streams === undefined) return "not a number of streams";
  t.sctpmaps.push({ port, application, streams });
  return undefined;
};

interface OpenPayload {
  payloadType: number | "*";
  rtpmap?: SdpPayload["rtpmap"];
  fmtp: string[];
  rtcpFeedback: SdpPayload["rtcpFeedback"][number][];
}

/** The entries of a media section while it is read, by payload type: lists are searched once per line otherwise. */
const payloadIndex = new WeakMap<MediaBuilder, Map<number | "*", OpenPayload>>();

function payload(t: MediaBuilder, payloadType: number | "*"): OpenPayload {
  let index = payloadIndex.get(t);
  if (index === undefined) {
    index = new Map();
    payloadIndex.set(t, index);
  }
  let entry = index.get(payloadType);
  if (entry === undefined) {
    entry = { payloadType, rtpmap: undefined, fmtp: [], rtcpFeedback: [] };
    index.set(payloadType, entry);
    t.payloads.push(entry);
  }
  return entry;
}

/** Puts the entries of a section that is read to its end into the order that the model promises. */
export function sortPayloads(media: MediaBuilder): void {
  const rank = new Map<number | "*", number>([["*", media.formats.length + 1]]);
  media.formats.forEach((format, i) => {
    if (!rank.has(Number(format))) rank.set(Number(format), i);
  });
  const rankOf = ({ payloadType }: SdpPayload): number => rank.get(payloadType) ?? media.formats.length;
  media.payloads.sort((a, b) => rankOf(a) - rankOf(b));
}

const rtpmap: Handler<MediaBuilder> = (t, value) => {
  const match = /^(\d{1,3}) +([^\s/]+)\/(\d{1,9})(?:\/(\S+))?\s*$/.exec(value);
  const payloadType = integer(match?.[1], 127);
  if (match === null || payloadType === undefined) return "expected <payload type> <encoding name>/<clock rate>";
  const entry = payload(t, payloadType);
  const map = { encodingName: match[2]!, clockRate: Number(match[3]), parameters: match[4] };
  const { rtpmap: old } = entry;
  if (old !== undefined && (old.encodingName !== map.encodingName || old.clockRate !== map.clockRate)) {
    return "a second, different a=rtpmap of this payload type";
  }
  entry.rtpmap = map;
  return undefined;
};

const fmtp: Handler<MediaBuilder> = (t, value) => {
  const match = /^(\S+) +(.*)$/s.exec(value);
  if (match === null) return "expected <format> <parameters>";
  const payloadType = match[1] === "*" ? "*" : integer(match[1], 127);
  // A format that is no payload type, such as webrtc-datachannel.
  if (payloadType === undefined) t.attributes.push({ name: "fmtp", value });
  else payload(t, payloadType).fmtp.push(match[2]!);
  return undefined;
};

const rtcpFb: Handler<MediaBuilder> = (t, value) => {
  const match = /^(\d{1,3}|\*) +(\S+)(?: +(.*))?$/s.exec(value);
  const payloadType = match?.[1] === "*" ? "*" : integer(match?.[1], 127);
  if (match === null || payloadType === undefined) return "expected <payload type> <feedback type>";
  const parameter = match[3]?.trimEnd();
  payload(t, payloadType).rtcpFeedback.push({ type: match[2]!, parameter: parameter === "" ? undefined : parameter });
  return undefined;
};

const msid: Handler<MediaBuilder> = (t, value) => {
  const [streamId, trackId, ...more] = value.trimEnd().split(" ");
  if (streamId === "" || trackId === "" || more.length > 0) return "expected <stream> [<track>]";
  t.msids.push({ streamId: streamId!, trackId });
  return undefined;
};

const ssrcIndex = new WeakMap<MediaBuilder, Map<number, { name: string; value?: string | undefined }[]>>();

const ssrc: Handler<MediaBuilder> = (t, value) => {
  const match = /^(\d{1,10}) +([^\s:]+)(?::(.*))?$/s.exec(value);
  const id = integer(match?.[1], UINT32);
  if (match === null || id === undefined) return "expected <ssrc> <attribute>";
  let index = ssrcIndex.get(t);
  if (index === undefined) {
    index = new Map();
    ssrcIndex.set(t, index);
  }
  let attributes = index.get(id);
  if (attributes === undefined) {
    attributes = [];
    index.set(id, attributes);
    t.ssrcs.push({ ssrc: id, attributes });
  }
  attributes.push({ name: match[2]!, value: match[3] });
  return undefined;
};

const ssrcGroup: Handler<MediaBuilder> = (t, value) => {
  const [semantics, ...ids] = value.trimEnd().split(" ");
  const ssrcs = ids.map((id) => integer(id, UINT32));
  if (!isToken(semantics!) || ssrcs.length === 0 || ssrcs.includes(undefined)) return "expected <semantics> and SSRCs";
  t.ssrcGroups.push({ semantics: semantics!, ssrcs: ssrcs as number[] });
  return undefined;
};

const RID = /^[0-9A-Za-z_-]{1,255}$/;

const rid: Handler<MediaBuilder> = (t, value) => {
  const match = /^(\S+) (send|recv)(?: (.*))?$/s.exec(value.trimEnd());
  if (match === null || !RID.test(match[1]!)) return "expected <rid> send|recv [<restrictions>]";
  const payloadTypes: string[] = [];
  const restrictions: { name: string; value?: string | undefined }[] = [];
  for (const restriction of (match[3] ?? "").split(";")) {
    const text = restriction.trim();
    if (text === "") continue;
    const equals = text.indexOf("=");
    const name = equals < 0 ? text : text.slice(0, equals);
    if (!isToken(name)) return "a restriction without a name";
    const restrictionValue = equals < 0 ? undefined : text.slice(equals + 1);
    if (name === "pt") {
      const formats = (restrictionValue ?? "").split(",");
      if (payloadTypes.length > 0 || !formats.every(isToken)) return "not a list of payload types";
      payloadTypes.push(...formats);
    } else restrictions.push({ name, value: restrictionValue });
  }
  t.rids.push({ id: match[1]!, direction: match[2] as "send" | "recv", payloadTypes, restrictions });
  return undefined;
};

function simulcastStreams(text: string): readonly (readonly SdpSimulcastRid[])[] | undefined {
  const streams: SdpSimulcastRid[][] = [];
  for (const stream of text.split(";")) {
    const alternatives: SdpSimulcastRid[] = [];
    for (const word of stream.split(",")) {
      const paused = word.startsWith("~");
      const id = paused ? word.slice(1) : word;
      if (!RID.test(id)) return undefined;
      alternatives.push({ rid: id, paused });
    }
    streams.push(alternatives);
  }
  return streams;
}

const simulcast: Handler<MediaBuilder> = (t, value) => {
  if (t.simulcast !== undefined) return "a second a=simulcast";
  const match = /^(send|recv) (\S+)(?: (send|recv) (\S+))?$/.exec(value.trim());
  if (match === null || match[1] === match[3]) return "expected send|recv <streams>";
  const first = simulcastStreams(match[2]!);
  const second = match[4] === undefined ? [] : simulcastStreams(match[4]);
  if (first === undefined || second === undefined) return "not a list of rids";
  t.simulcast = match[1] === "send" ? { send: first, recv: second } : { send: second, recv: first };
  return undefined;
};

const imageattr: Handler<MediaBuilder> = (t, value) => {
  if (value === "") return "an empty imageattr";
  t.imageAttributes.push(value);
  return undefined;
};

const milliseconds =
  (key: "ptime" | "maxptime"): Handler<MediaBuilder> =>
  (t, value) =>
    /^\d{1,9}(?:\.\d{1,6})?$/.test(value.trim()) ? once(t, key, Number(value), key) : "not a number of milliseconds";

const text =
  (key: "framerate" | "content" | "label"): Handler<MediaBuilder> =>
  (t, value) =>
    once(t, key, value, key);

const MEDIA_VALUES: ReadonlyMap<string, Handler<MediaBuilder>> = new Map<string, Handler<MediaBuilder>>([
  ...COMMON_VALUES,
  ["mid", mid],
  ["candidate", candidate],
  ["rtcp", rtcp],
  ["sctp-port", sctpPort],
  ["max-message-size", maxMessageSize],
  ["sctp-init", sctpInit],
  ["sctpmap", sctpmap],
  ["rtpmap", rtpmap],
  ["fmtp", fmtp],
  ["rtcp-fb", rtcpFb],
  ["msid", msid],
  ["ssrc", ssrc],
  ["ssrc-group", ssrcGroup],
  ["rid", rid],
  ["simulcast", simulcast],
  ["imageattr", imageattr],
  ["ptime", milliseconds("ptime")],
  ["maxptime", milliseconds("maxptime")],
  ["framerate", text("framerate")],
  ["content", text("content")],
  ["label", text("label")],
]);

const MEDIA_FLAGS: ReadonlyMap<string, (target: MediaBuilder) => string | undefined> = new Map<
  string,
  (target: MediaBuilder) => string | undefined
>([
  ...COMMON_FLAGS,
  ["end-of-candidates", setFlag<MediaBuilder, "endOfCandidates">("endOfCandidates", true)],
  ["bundle-only", setFlag<MediaBuilder, "bundleOnly">("bundleOnly", true)],
  ["rtcp-mux", setFlag<MediaBuilder, "rtcpMux">("rtcpMux", true)],
  ["rtcp-mux-only", setFlag<MediaBuilder, "rtcpMuxOnly">("rtcpMuxOnly", true)],
  ["rtcp-rsize", setFlag<MediaBuilder, "rtcpRsize">("rtcpRsize", true)],
]);
