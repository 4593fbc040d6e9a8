// Real descriptions, changed as text: lines left out, doubled, swapped, moved between descriptions, values and words replaced.
// Whatever comes of it, setRemoteDescription takes it or says what is wrong: a syntax error with the number of its line, or
// another error with a description. What is taken as an offer can be answered, and the answer read by a parser. An input
// is a program: which description, then operations on it.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import type { JsepError } from "#src/jsep/errors.js";
import { parseSdp } from "#src/sdp/parser.js";
import { writeSdp } from "#src/sdp/writer.js";
import { JsepFailure, Side } from "#test/jsep-session.js";
import type { FuzzTarget } from "./target.js";

const folder = new URL("../../test/vectors/sdp/", import.meta.url);
const TEXTS: readonly string[] = readdirSync(folder)
  .filter((name) => name.endsWith(".sdp"))
  .sort()
  .map((name) => readFileSync(new URL(name, folder), "utf8"));
const WORDS: readonly string[] = [
  "",
  " ",
  "0",
  "-1",
  "1",
  "65535",
  "65536",
  "4294967296",
  "99999999999999999999",
  "1e3",
  "*",
  "/",
  ":",
  ";",
  ",",
  "=",
  "~",
  "BUNDLE",
  "audio",
  "application",
  "UDP/DTLS/SCTP",
  "UDP/TLS/RTP/SAVPF",
  "IP6",
  "::1",
  "sendrecv",
  "holdconn",
  "\0",
  "\t",
  "\r",
  "\n",
  "é",
  "\ud800",
  "\u2028",
  "x".repeat(300),
];
const MAX_OPERATIONS = 24;
/** Doubling lines must not make inputs slow. */
const MAX_LENGTH = 20_000;
const KINDS: ReadonlySet<string> = new Set<JsepError["kind"]>([
  "InvalidAccessError",
  "InvalidModificationError",
  "InvalidStateError",
  "OperationError",
  "sdp-syntax-error",
]);

class Editor {
  private readonly input: Uint8Array;
  private at = 0;
  lines: string[];

  constructor(input: Uint8Array) {
    this.input = input;
    this.lines = TEXTS[this.next() % TEXTS.length]!.split("\r\n");
  }

  private next(): number {
    return this.input[this.at++] ?? 0;
  }

  private line(): number {
    return ((this.next() << 8) | this.next()) % this.lines.length;
  }

  private word(): string {
    return WORDS[this.next() % WORDS.length]!;
  }

  private operate(): void {
    const { lines } = this;
    const operation = this.next() % 12;
    const i = this.line();
    const line = lines[i]!;
    switch (operation) {
      case 0:
        lines.splice(i, 1 + (this.next() % 3));
        break;
      case 1:
        lines.splice(i, 0, line);
        break;
      case 2: {
        const j = this.line();
        lines[i] = lines[j]!;
        lines[j] = line;
        break;
      }
      case 3: {
        const other = TEXTS[this.next() % TEXTS.length]!.split("\r\n");
        lines.splice(i, this.next() & 1, other[this.next() % other.length]!);
        break;
      }
      case 4: {
        // Another line's value behind this line's name.
        const other = lines[this.line()]!;
        lines[i] = line.slice(0, line.search(/[:=]/) + 1) + other.slice(other.search(/[:=]/) + 1);
        break;
      }
      case 5: {
        const words = line.split(" ");
        words[this.next() % words.length] = this.word();
        lines[i] = words.join(" ");
        break;
      }
      case 6: {
        const at = this.next() % (line.length + 1);
        lines[i] = line.slice(0, at) + this.word() + line.slice(at + (this.next() & 3));
        break;
      }
      case 7:
        lines[i] = line.slice(0, this.next() % (line.length + 1));
        break;
      case 8: {
        const at = this.next() % (line.length + 1);
        lines[i] = line.slice(0, at) + String.fromCharCode(this.next()) + line.slice(at + 1);
        break;
      }
      case 9:
        lines[i] = line.replace(/\d+/, () => this.word());
        break;
      case 10: {
        // A whole section once more.
        const end = lines.findIndex((other, j) => j > i && other.startsWith("m="));
        lines.push(...lines.slice(i, end < 0 ? undefined : end));
        break;
      }
      default:
        lines.length = Math.max(1, i);
    }
    if (lines.length === 0) lines.push("");
  }

  text(): string {
    for (let i = 0; i < MAX_OPERATIONS && this.at < this.input.length; i++) this.operate();
    return this.lines.join(this.input.length & 1 ? "\r\n" : "\n").slice(0, MAX_LENGTH);
  }
}

function checkError({ kind, message, line }: JsepError, text: string): void {
  assert.ok(KINDS.has(kind), `an error of kind ${kind}`);
  assert.ok(message.length > 5 && message.length < 600, "an error says what is wrong, and not too much");
  const lines = text.split("\n").length;
  if (kind === "sdp-syntax-error") assert.ok(line !== undefined, "a syntax error has its line");
  if (line !== undefined) assert.ok(line >= 1 && line <= lines + 1, `line ${line} of ${lines}`);
}

export const target: FuzzTarget = {
  name: "sdp-text",
  // Every description as it is, and a few with changes.
  seeds: [
    ...TEXTS.map((_, i) => Uint8Array.of(i)),
    ...TEXTS.map((_, i) => Uint8Array.of(i, i, 0, i * 7, i * 3, 5, 6, 0, i * 5, i, 2)),
  ],
  run(input) {
    const text = new Editor(input).text();
    const parsed = parseSdp(text);
    if (!parsed.ok) {
      checkError({ kind: "sdp-syntax-error", ...parsed.error }, text);
      return;
    }
    // The rest of what a parsed text must satisfy is the target "sdp"'s matter.
    if ((input.length & 7) === 0) {
      const written = writeSdp(parsed.description);
      const again = parseSdp(written);
      assert.ok(again.ok, again.ok ? "" : again.error.message);
      assert.equal(writeSdp(again.description), written);
    }
    const side = new Side("a").with();
    try {
      side.setRemote("offer", text);
      const answer = side.createAnswer();
      side.setLocal("answer");
      assert.ok(parseSdp(answer).ok, "our answer does not parse");
    } catch (error) {
      if (!(error instanceof JsepFailure)) throw error;
      checkError(error.jsep, text);
    }
  },
};
