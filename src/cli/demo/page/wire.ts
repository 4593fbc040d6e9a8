// What the page and the Node peer say to each other over the data channels. Shared by both, so it uses no platform.

/** Channel labels. `chat` echoes text, `ping` echoes datagrams, each `file` channel carries one file there and back. */
export const CHAT = "chat";
export const PING = "ping";
export const FILE = "file";

/** Bytes of one message on a file channel: 64 KiB, which every browser takes. */
export const MESSAGE_SIZE: number = 64 * 1024;
/** Bytes a receiver lets its sender have under way, unconsumed. Data channels have no backpressure at the receiver. */
export const WINDOW: number = 4 * 1024 * 1024;
/** Senders stop filling a channel's buffer here ... */
export const BUFFER_HIGH: number = 512 * 1024;
/** ... and go on when `bufferedamountlow` fires here. */
export const BUFFER_LOW: number = 256 * 1024;
export const NAME_LIMIT = 255;

/** Text messages on a file channel; binary ones are the file's bytes. */
export type FileControl =
  /** Page to Node, first: what follows. */
  | { readonly type: "file"; readonly name: string; readonly size: number }
  /** Either way: the total of bytes consumed so far. */
  | { readonly type: "credit"; readonly bytes: number }
  /** Node to page, last: what Node received, and the milliseconds between the header and the last byte. */
  | { readonly type: "done"; readonly bytes: number; readonly sha256: string; readonly milliseconds: number }
  /** Either way, before closing. */
  | { readonly type: "error"; readonly reason: string };

export function writeFileControl(message: FileControl): string {
  return JSON.stringify(message);
}

export function parseFileControl(text: string): FileControl | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const { type, name, size, bytes, sha256, milliseconds, reason } = value as Record<string, unknown>;
  switch (type) {
    case "file":
      return typeof name === "string" && name.length <= NAME_LIMIT && isCount(size) ? { type, name, size } : undefined;
    case "credit":
      return isCount(bytes) ? { type, bytes } : undefined;
    case "done":
      return isCount(bytes) && typeof sha256 === "string" && /^[0-9a-f]{64}$/.test(sha256) && isDuration(milliseconds)
        ? { type, bytes, sha256, milliseconds }
        : undefined;
    case "error":
      return typeof reason === "string" ? { type, reason: reason.slice(0, 500) } : undefined;
    default:
      return undefined;
  }
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isDuration(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value) && value >= 0;
}
