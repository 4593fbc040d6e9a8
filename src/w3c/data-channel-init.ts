// RTCDataChannelInit (webrtc-pc §6.2.1, webrtc-priority) and the checks of createDataChannel (§6.1.1).
import { utf8Encode } from "../util/text.js";
import type { DataChannelProperties, RTCPriorityType } from "./rtc-data-channel.js";
import { dictionary, enumeration, executing, toBoolean, toUSVString, unsigned } from "./webidl.js";

export interface RTCDataChannelInit {
  ordered?: boolean;
  maxPacketLifeTime?: number;
  maxRetransmits?: number;
  protocol?: string;
  negotiated?: boolean;
  id?: number;
  priority?: RTCPriorityType;
}

const enforcedShort = unsigned(16, "enforce");
const toInit = dictionary<RTCDataChannelInit>("RTCDataChannelInit", {
  ordered: { convert: toBoolean, default: () => true },
  maxPacketLifeTime: { convert: enforcedShort },
  maxRetransmits: { convert: enforcedShort },
  protocol: { convert: toUSVString, default: () => "" },
  negotiated: { convert: toBoolean, default: () => false },
  id: { convert: enforcedShort },
  priority: {
    convert: enumeration<RTCPriorityType>("RTCPriorityType", ["very-low", "low", "medium", "high"]),
    default: () => "low",
  },
});

/** Bytes of a label or protocol: its length has 16 bits (RFC 8832 §5.1). */
const MAX_TEXT = 65535;
/** 65535 is reserved (RFC 8832 §6). */
const MAX_ID = 65534;

/** The arguments of createDataChannel, converted and checked. */
export function dataChannelProperties(label: unknown, init: unknown): DataChannelProperties {
  const where = executing("createDataChannel", "RTCPeerConnection");
  const text = toUSVString(label, where);
  const given = toInit(init, where);
  if (utf8Encode(text).length > MAX_TEXT) throw new TypeError(`${where}: label has more than ${MAX_TEXT} bytes`);
  if (utf8Encode(given.protocol!).length > MAX_TEXT) {
    throw new TypeError(`${where}: protocol has more than ${MAX_TEXT} bytes`);
  }
  if (given.negotiated && given.id === undefined) throw new TypeError(`${where}: negotiated channels need an id`);
  if (given.maxPacketLifeTime !== undefined && given.maxRetransmits !== undefined) {
    throw new TypeError(`${where}: maxPacketLifeTime and maxRetransmits exclude each other`);
  }
  // An id that is not negotiated is ignored (§6.1.1 step 15).
  const id = given.negotiated ? given.id! : null;
  if (id !== null && id > MAX_ID) throw new TypeError(`${where}: id is ${id}, the largest is ${MAX_ID}`);
  return {
    label: text,
    protocol: given.protocol!,
    ordered: given.ordered!,
    maxPacketLifeTime: given.maxPacketLifeTime ?? null,
    maxRetransmits: given.maxRetransmits ?? null,
    negotiated: given.negotiated!,
    id,
    priority: given.priority!,
  };
}
