// The text of descriptions to which candidates are added after they were set. It is made when it is asked for: a program that
// sends candidates as they come (trickle ICE) reads it once, or never, and making it again for each candidate costs more than
// all the rest of adding one.
import type { SdpSession } from "../sdp/model.js";
import { parseSdp } from "../sdp/parser.js";
import { writeSdp } from "../sdp/writer.js";
import type { AppliedDescription } from "./state.js";

/** A description of ours, whose text is what the model says. */
export class WrittenDescription implements AppliedDescription {
  readonly type: AppliedDescription["type"];
  readonly description: SdpSession;
  private text: string | undefined;

  constructor(type: AppliedDescription["type"], description: SdpSession) {
    this.type = type;
    this.description = description;
  }

  get sdp(): string {
    this.text ??= writeSdp(this.description);
    return this.text;
  }
}

interface Addition {
  readonly indices: readonly number[];
  readonly line: string;
  /** The one before; the models in between are let go of. */
  readonly previous: Addition | undefined;
}

/**
 * A description of the peer's: its text as it was set, with lines added to sections. The text says all that the model does, in a
 * fraction of the memory; after an exchange the model is hardly needed again, and may go.
 */
export class RemoteDescription implements AppliedDescription {
  readonly type: AppliedDescription["type"];
  private model: WeakRef<SdpSession>;
  /** What `added` is to be added to. */
  private text: string;
  private added: Addition | undefined;

  /** `description` is what `sdp` says. */
  constructor(type: AppliedDescription["type"], sdp: string, description: SdpSession) {
    this.type = type;
    this.text = sdp;
    this.model = new WeakRef(description);
  }

  static of(applied: AppliedDescription): RemoteDescription {
    if (applied instanceof RemoteDescription) return applied;
    return new RemoteDescription(applied.type, applied.sdp, applied.description);
  }

  /** This one with `line` at the end of the media sections of these indices; `description` is the model of that. */
  extended(description: SdpSession, indices: readonly number[], line: string): RemoteDescription {
    const extended = new RemoteDescription(this.type, this.text, description);
    extended.added = { indices: indices.slice(), line, previous: this.added };
    return extended;
  }

  get description(): SdpSession {
    const known = this.model.deref();
    if (known !== undefined) return known;
    const parsed = parseSdp(this.sdp);
    // It was read before; lines of candidates make no difference to that.
    if (!parsed.ok) throw new Error(`a description cannot be read again: ${parsed.error.message}`);
    this.model = new WeakRef(parsed.description);
    return parsed.description;
  }

  get sdp(): string {
    if (this.added === undefined) return this.text;
    const additions: Addition[] = [];
    for (let at: Addition | undefined = this.added; at !== undefined; at = at.previous) additions.push(at);
    this.text = insertIntoSections(this.text, additions.reverse());
    this.added = undefined;
    return this.text;
  }
}

/** Puts lines at the ends of the media sections of these indices, in order. */
export function insertIntoSections(sdp: string, additions: readonly Pick<Addition, "indices" | "line">[]): string {
  const newline = sdp.includes("\r\n") ? "\r\n" : "\n";
  // Part 0 is the session level.
  const parts = sdp.split(/^(?=m=)/m);
  const first = sdp.startsWith("m=") ? 0 : 1;
  const ends = new Map<number, string>();
  for (const { indices, line } of additions) {
    for (const index of new Set(indices)) ends.set(index, `${ends.get(index) ?? ""}${line}${newline}`);
  }
  for (const [index, lines] of ends) {
    const part = parts[index + first];
    if (part !== undefined) parts[index + first] = `${part.trimEnd()}${newline}${lines}`;
  }
  return parts.join("");
}
