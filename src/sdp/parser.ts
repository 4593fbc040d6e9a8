// Reads a session description (RFC 8866 §5, RFC 9429 §5.8): lines, their order, and the session level and media sections
// into the model. Attributes are read by attributes.ts. It checks syntax; what a description means, and whether it can be
// applied, is checked by src/jsep. Nothing here throws: bad input gives the number of the line and what is wrong with it.
import { parseMediaAttribute, parseSessionAttribute, sortPayloads } from "./attributes.js";
import type { MediaBuilder, SessionBuilder } from "./builder.js";
import { mediaBuilder, sessionBuilder } from "./builder.js";
import type { SdpBandwidth, SdpConnection, SdpSession } from "./model.js";
import { isRtpProtocol } from "./model.js";
import { integer, isToken } from "./tokens.js";

/** UTF-16 code units in one description; a call with hundreds of m-sections needs a few hundred thousand. */
export const MAX_SDP_LENGTH: number = 4 * 1024 * 1024;
/** An m-section of video can have three hundred. */
export const MAX_SDP_LINES = 262_144;
export const MAX_SDP_LINE_LENGTH = 65_536;
export const MAX_SDP_MEDIA_SECTIONS = 2048;

export interface SdpError {
  /** Counted from 1. */
  readonly line: number;
  readonly message: string;
}

export type ParseResult =
  | {
      readonly ok: true;
      readonly description: SdpSession;
      /** The line, counted from 1, of each media section's `m=`. */
      readonly mediaLines: readonly number[];
    }
  | { readonly ok: false; readonly error: SdpError };

interface Reader {
  readonly lines: readonly string[];
  index: number;
}

/** Parses a session description. Lines end in CRLF or LF; the last end, and empty lines after it, may be missing. */
export function parseSdp(text: string): ParseResult {
  if (text.length > MAX_SDP_LENGTH) return failure(1, `the description is longer than ${MAX_SDP_LENGTH} characters`);
  const lines = text.split("\n", MAX_SDP_LINES + 1);
  if (lines.length > MAX_SDP_LINES) return failure(MAX_SDP_LINES + 1, `more than ${MAX_SDP_LINES} lines`);
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i]!;
    if (line.endsWith("\r")) lines[i] = line.slice(0, -1);
  }
  while (lines.length > 0 && lines.at(-1) === "") lines.pop();
  for (let i = 0; i < lines.length; i++) {
    const problem = lineProblem(lines[i]!);
    // The first line is judged by what it should be.
    if (problem !== undefined && i > 0) return failure(i + 1, problem, lines[i]);
  }
  const reader: Reader = { lines, index: 0 };
  const session = sessionBuilder();
  let error = parseSessionLevel(reader, session);
  const mediaLines: number[] = [];
  while (error === undefined && reader.index < lines.length) {
    if (mediaLines.length === MAX_SDP_MEDIA_SECTIONS) {
      return failure(reader.index + 1, `more than ${MAX_SDP_MEDIA_SECTIONS} media sections`);
    }
    mediaLines.push(reader.index + 1);
    error = parseMediaSection(reader, session);
  }
  if (error !== undefined) return failure(reader.index + 1, error, lines[reader.index]);
  return { ok: true, description: session, mediaLines };
}

function failure(line: number, problem: string, content?: string): ParseResult {
  const shown = content === undefined ? "" : `: ${content.length > 120 ? `${content.slice(0, 120)}…` : content}`;
  return { ok: false, error: { line, message: `SDP line ${line}: ${problem}${shown}` } };
}

function lineProblem(line: string): string | undefined {
  if (line.length > MAX_SDP_LINE_LENGTH) return `longer than ${MAX_SDP_LINE_LENGTH} characters`;
  if (!/^[a-z]=/.test(line)) return "not of the form <type>=<value>";
  // RFC 8866 §9, byte-string: no NUL, CR or LF.
  if (line.includes("\r") || line.includes("\0")) return "a NUL or a lone CR";
  return undefined;
}

/** The value of the next line if it is of this type; moves on. */
function take(reader: Reader, type: string): string | undefined {
  const line = reader.lines[reader.index];
  if (line === undefined || !line.startsWith(`${type}=`)) return undefined;
  reader.index++;
  return line.slice(2);
}

/** Runs a parser of the line just taken; on an error the reader stands on that line again. */
function check(reader: Reader, error: string | undefined): string | undefined {
  if (error !== undefined) reader.index--;
  return error;
}

/** The lines before the first `m=`, in the order of RFC 8866 §5. */
function parseSessionLevel(reader: Reader, session: SessionBuilder): string | undefined {
  const version = take(reader, "v");
  if (version === undefined) return "expected v=";
  if (version !== "0") return check(reader, "expected version 0");
  const origin = take(reader, "o");
  if (origin === undefined) return "expected o=";
  const words = origin.split(" ");
  if (words.length !== 6 || words.includes("")) return check(reader, "o= needs six fields");
  session.origin = {
    username: words[0]!,
    sessionId: words[1]!,
    sessionVersion: words[2]!,
    netType: words[3]!,
    addressType: words[4]!,
    address: words[5]!,
  };
  const name = take(reader, "s");
  if (name === undefined) return "expected s=";
  session.name = name;
  session.information = take(reader, "i");
  session.uri = take(reader, "u");
  for (let email = take(reader, "e"); email !== undefined; email = take(reader, "e")) session.emails.push(email);
  for (let phone = take(reader, "p"); phone !== undefined; phone = take(reader, "p")) session.phones.push(phone);
  const connection = take(reader, "c");
  if (connection !== undefined) {
    session.connection = parseConnection(connection);
    if (session.connection === undefined) return check(reader, "c= needs three fields");
  }
  for (let text = take(reader, "b"); text !== undefined; text = take(reader, "b")) {
    const bandwidth = parseBandwidth(text);
    if (bandwidth === undefined) return check(reader, "b= needs <type>:<number>");
    session.bandwidths.push(bandwidth);
  }
  for (let timing = take(reader, "t"); timing !== undefined; timing = take(reader, "t")) {
    const times = timing.split(" ");
    if (times.length !== 2 || times.includes("")) return check(reader, "t= needs two fields");
    const repeats: string[] = [];
    for (let repeat = take(reader, "r"); repeat !== undefined; repeat = take(reader, "r")) repeats.push(repeat);
    session.timings.push({ start: times[0]!, stop: times[1]!, repeats });
  }
  if (session.timings.length === 0) return "expected t=";
  session.timeZones = take(reader, "z");
  session.key = take(reader, "k");
  for (let attribute = take(reader, "a"); attribute !== undefined; attribute = take(reader, "a")) {
    const error = parseSessionAttribute(session, attribute);
    if (error !== undefined) return check(reader, error);
  }
  if (reader.index < reader.lines.length && !reader.lines[reader.index]!.startsWith("m=")) {
    return "a line of this type is not allowed here";
  }
  return undefined;
}

/** One media section. The lines after `m=` are taken in any order, as browsers do. */
function parseMediaSection(reader: Reader, session: SessionBuilder): string | undefined {
  const media = mediaBuilder();
  const error = parseMediaLine(media, take(reader, "m")!);
  if (error !== undefined) return check(reader, error);
  for (; reader.index < reader.lines.length; reader.index++) {
    const line = reader.lines[reader.index]!;
    if (line.startsWith("m=")) break;
    const problem = parseMediaLevelLine(media, line[0]!, line.slice(2));
    if (problem !== undefined) return problem;
  }
  sortPayloads(media);
  session.media.push(media);
  return undefined;
}

function parseMediaLevelLine(media: MediaBuilder, type: string, value: string): string | undefined {
  switch (type) {
    case "a":
      return parseMediaAttribute(media, value);
    case "c": {
      const connection = parseConnection(value);
      if (connection === undefined) return "c= needs three fields";
      media.connections.push(connection);
      return undefined;
    }
    case "b": {
      const bandwidth = parseBandwidth(value);
      if (bandwidth === undefined) return "b= needs <type>:<number>";
      media.bandwidths.push(bandwidth);
      return undefined;
    }
    case "i":
      if (media.information !== undefined) return "a second i=";
      media.information = value;
      return undefined;
    case "k":
      if (media.key !== undefined) return "a second k=";
      media.key = value;
      return undefined;
    default:
      return "a line of this type is not allowed here";
  }
}

/** RFC 8866 §5.14. */
function parseMediaLine(media: MediaBuilder, value: string): string | undefined {
  const [kind, portText, protocol, ...formats] = value.trimEnd().split(" ");
  if (kind === undefined || !isToken(kind)) return "no media type";
  const [port, count, ...more] = (portText ?? "").split("/");
  const portNumber = integer(port, 65_535);
  if (portNumber === undefined || more.length > 0) return "the port is not a number from 0 to 65535";
  media.port = portNumber;
  if (count !== undefined) {
    media.portCount = integer(count, 65_535);
    if (media.portCount === undefined) return "the number of ports is not a number";
  }
  if (protocol === undefined || !protocol.split("/").every(isToken)) return "no transport protocol";
  if (formats.length === 0 || !formats.every(isToken)) return "no media formats";
  if (isRtpProtocol(protocol) && formats.some((format) => integer(format, 127) === undefined)) {
    return "a format is not an RTP payload type";
  }
  media.kind = kind;
  media.protocol = protocol;
  media.formats = formats;
  return undefined;
}

function parseConnection(text: string): SdpConnection | undefined {
  const words = text.split(" ");
  if (words.length !== 3 || words.includes("")) return undefined;
  return { netType: words[0]!, addressType: words[1]!, address: words[2]! };
}

function parseBandwidth(text: string): SdpBandwidth | undefined {
  const colon = text.indexOf(":");
  const type = text.slice(0, colon);
  const value = integer(text.slice(colon + 1), Number.MAX_SAFE_INTEGER);
  return colon > 0 && isToken(type) && value !== undefined ? { type, value } : undefined;
}
