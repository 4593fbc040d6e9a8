// RTCDataChannelInit, and what `createDataChannel` checks of its arguments (webrtc-pc §6.1, webrtc-priority).

import { utf8Length } from "./configuration.js";
import { boolean, type Dictionary, dictionary, enumeration, integer, usvString } from "./conversions.js";

export type RTCPriorityType = "very-low" | "low" | "medium" | "high";

export interface RTCDataChannelInit {
  id?: number;
  maxPacketLifeTime?: number;
  maxRetransmits?: number;
  negotiated?: boolean;
  ordered?: boolean;
  priority?: RTCPriorityType;
  protocol?: string;
}

/** What a channel is opened with; fits the data channel machine's parameters. */
export interface DataChannelParameters {
  readonly label: string;
  readonly protocol: string;
  readonly ordered: boolean;
  readonly maxRetransmits?: number | undefined;
  /** Milliseconds. */
  readonly maxPacketLifeTime?: number | undefined;
  readonly negotiated: boolean;
  /** Given exactly if `negotiated`. */
  readonly id?: number | undefined;
  readonly priority: RTCPriorityType;
}

/** Bytes that DCEP's length fields can say (RFC 8832 §5.1). */
const MAX_LABEL_BYTES = 65535;
/** Reserved (RFC 8832 §6), though an unsigned short. */
const RESERVED_ID = 65535;

type CompleteInit = RTCDataChannelInit &
  Required<Pick<RTCDataChannelInit, "negotiated" | "ordered" | "priority" | "protocol">>;

const unsignedShort = integer("unsigned short", "EnforceRange");
const rtcDataChannelInit: Dictionary<CompleteInit> = dictionary<CompleteInit>("RTCDataChannelInit", {
  id: { type: unsignedShort },
  maxPacketLifeTime: { type: unsignedShort },
  maxRetransmits: { type: unsignedShort },
  negotiated: { type: boolean, default: () => false },
  ordered: { type: boolean, default: () => true },
  priority: {
    type: enumeration<RTCPriorityType>("RTCPriorityType", ["very-low", "low", "medium", "high"]),
    default: () => "low",
  },
  protocol: { type: usvString, default: () => "" },
});

export interface DataChannelArguments {
  readonly label: string;
  readonly init: CompleteInit;
}

/** Converts the arguments of `createDataChannel`, before it looks at its state. */
export function convertDataChannelArguments(label: unknown, init: unknown, where: string): DataChannelArguments {
  return { label: usvString(label, where), init: rtcDataChannelInit(init, where) };
}

/** The checks of `createDataChannel` that end in a TypeError. */
export function dataChannelParameters({ label, init }: DataChannelArguments, where: string): DataChannelParameters {
  const { protocol, negotiated, ordered, priority, id, maxPacketLifeTime, maxRetransmits } = init;
  if (utf8Length(label) > MAX_LABEL_BYTES) throw new TypeError(`${where}RTCDataChannel label is too long.`);
  if (utf8Length(protocol) > MAX_LABEL_BYTES) throw new TypeError(`${where}RTCDataChannel protocol is too long.`);
  if (negotiated && id === undefined) {
    throw new TypeError(`${where}RTCDataChannelInit.negotiated is true, but RTCDataChannelInit.id is not set.`);
  }
  if (maxPacketLifeTime !== undefined && maxRetransmits !== undefined) {
    throw new TypeError(`${where}maxPacketLifeTime and maxRetransmits must not both be set.`);
  }
  if (negotiated && id === RESERVED_ID) throw new TypeError(`${where}RTCDataChannelInit.id is out of range.`);
  return {
    label,
    protocol,
    ordered,
    negotiated,
    priority,
    maxPacketLifeTime,
    maxRetransmits,
    id: negotiated ? id : undefined,
  };
}
