// The Data Channel Establishment Protocol (RFC 8832): the codec of its two messages, and the payload protocol identifiers of
// data channels (RFC 8831 §8). What is done with them is in channels.ts.
import { ByteReader } from "../util/byte-reader.js";
import { ByteWriter } from "../util/byte-writer.js";
import { utf8DecodeStrict, utf8Encode } from "../util/text.js";

export const PPID_DCEP = 50;
export const PPID_STRING = 51;
/** Deprecated: a part of a binary message, to be continued. */
export const PPID_BINARY_PARTIAL = 52;
export const PPID_BINARY = 53;
/** Deprecated: a part of a string message, to be continued. */
export const PPID_STRING_PARTIAL = 54;
export const PPID_STRING_EMPTY = 56;
export const PPID_BINARY_EMPTY = 57;

const DATA_CHANNEL_ACK = 2;
const DATA_CHANNEL_OPEN = 3;

const TYPE_RELIABLE = 0;
const TYPE_REXMIT = 1;
const TYPE_TIMED = 2;
const TYPE_UNORDERED = 0x80;

export type ChannelPriority = "very-low" | "low" | "medium" | "high";

const WEIGHTS: Record<ChannelPriority, number> = { "very-low": 128, low: 256, medium: 512, high: 1024 };

/** The number of RFC 8831 §6.4, on the wire and as scheduling weight. */
export function priorityWeight(priority: ChannelPriority): number {
  return WEIGHTS[priority];
}

/** The class a number falls into (RFC 8832 §5.1 allows any). */
export function priorityOf(weight: number): ChannelPriority {
  if (weight <= 128) return "very-low";
  if (weight <= 256) return "low";
  return weight <= 512 ? "medium" : "high";
}

/** DATA_CHANNEL_OPEN (RFC 8832 §5.1). At most one of the two limits is set. */
export interface ChannelOpen {
  readonly label: string;
  readonly protocol: string;
  readonly ordered: boolean;
  readonly maxRetransmits?: number | undefined;
  /** Milliseconds. */
  readonly maxPacketLifeTime?: number | undefined;
  readonly priority: ChannelPriority;
}

export type DcepMessage = { readonly kind: "ack" } | { readonly kind: "open"; readonly open: ChannelOpen };

export const ACK_MESSAGE: Uint8Array = Uint8Array.of(DATA_CHANNEL_ACK);

export function writeOpen(open: ChannelOpen): Uint8Array {
  let type = TYPE_RELIABLE;
  let reliability = 0;
  if (open.maxRetransmits !== undefined) {
    type = TYPE_REXMIT;
    reliability = open.maxRetransmits;
  } else if (open.maxPacketLifeTime !== undefined) {
    type = TYPE_TIMED;
    reliability = open.maxPacketLifeTime;
  }
  if (!open.ordered) type |= TYPE_UNORDERED;
  const label = utf8Encode(open.label);
  const protocol = utf8Encode(open.protocol);
  return new ByteWriter(12 + label.length + protocol.length)
    .u8(DATA_CHANNEL_OPEN)
    .u8(type)
    .u16(priorityWeight(open.priority))
    .u32(reliability)
    .u16(label.length)
    .u16(protocol.length)
    .bytes(label)
    .bytes(protocol)
    .finish();
}

/** Parses a message with PPID 50; undefined if it is malformed or of an unknown kind. */
export function parseDcep(data: Uint8Array): DcepMessage | undefined {
  const r = new ByteReader(data);
  const kind = r.u8();
  if (kind === DATA_CHANNEL_ACK) return r.failed ? undefined : { kind: "ack" };
  if (kind !== DATA_CHANNEL_OPEN) return undefined;
  const type = r.u8();
  const weight = r.u16();
  const reliability = r.u32();
  const labelLength = r.u16();
  const protocolLength = r.u16();
  const label = utf8DecodeStrict(r.bytes(labelLength));
  const protocol = utf8DecodeStrict(r.bytes(protocolLength));
  const base = type & 0x7f;
  if (!r.done || label === undefined || protocol === undefined || base > TYPE_TIMED) return undefined;
  return {
    kind: "open",
    open: {
      label,
      protocol,
      ordered: (type & TYPE_UNORDERED) === 0,
      // W3C has 16 bits for both.
      maxRetransmits: base === TYPE_REXMIT ? Math.min(reliability, 0xffff) : undefined,
      maxPacketLifeTime: base === TYPE_TIMED ? Math.min(reliability, 0xffff) : undefined,
      priority: priorityOf(weight),
    },
  };
}
