// H.265 in RTP (RFC 7798): single NAL units, aggregation packets, fragmentation units, all on one stream (SRST) in decoding
// order, so without DONL. PACI packets carry nothing that is used here: they are counted and refused.
import { parseH265Sps } from "./h265-sps.js";
import { AnnexBWriter, NalPacketizer, type NalScheme } from "./nal.js";
import { type Depacketizer, type PayloadFormat, PayloadInfo } from "./types.js";

// NAL unit types (ITU-T H.265 table 7-1; RFC 7798 §4.4).
const FIRST_IRAP = 16;
const LAST_IRAP = 21;
const LAST_VCL = 31;
const VPS = 32;
const SPS = 33;
const DELIMITER = 35;
const PREFIX_SEI = 39;
const LAST_SINGLE = 47;
const AP = 48;
const FU = 49;
const PACI = 50;
// FU header (RFC 7798 §4.4.3).
const FU_START = 0x80;
const FU_END = 0x40;

const typeAt = (data: Uint8Array, at: number): number => (data[at]! >> 1) & 0x3f;

const SCHEME: NalScheme = {
  headerLength: 2,
  writeAggregationHeader(out, data, nals, from, to) {
    // F is the OR of all, LayerId and TID the lowest (RFC 7798 §4.4.2).
    let forbidden = 0;
    let layerId = 63;
    let tid = 7;
    for (let i = from; i < to; i++) {
      const at = nals.starts[i]!;
      forbidden |= data[at]! & 0x80;
      layerId = Math.min(layerId, ((data[at]! & 1) << 5) | (data[at + 1]! >> 3));
      tid = Math.min(tid, data[at + 1]! & 7);
    }
    out[0] = forbidden | (AP << 1) | (layerId >> 5);
    out[1] = ((layerId & 0x1f) << 3) | tid;
  },
  writeFragmentHeader(out, data, start, first, last) {
    out[0] = (data[start]! & 0x81) | (FU << 1);
    out[1] = data[start + 1]!;
    out[2] = typeAt(data, start) | (first ? FU_START : 0) | (last ? FU_END : 0);
  },
};

const isIrap = (type: number): boolean => type >= FIRST_IRAP && type <= LAST_IRAP;

/** Whether a frame may begin with a NAL unit; `body` is where its header ends. */
function mayBegin(data: Uint8Array, type: number, body: number): boolean {
  // first_slice_segment_in_pic_flag
  if (type <= LAST_VCL) return body < data.length && data[body]! >= 0x80;
  return (type >= VPS && type <= DELIMITER) || type === PREFIX_SEI || (type >= 41 && type <= 44);
}

/** A parameter set, or the first slice of an IRAP picture; `body` is where its header ends. */
function beginsKeyFrame(data: Uint8Array, type: number, body: number): boolean {
  return type === VPS || type === SPS || (isIrap(type) && mayBegin(data, type, body));
}

const isCertain = (type: number): boolean => type === DELIMITER || type === VPS;

export class H265Depacketizer implements Depacketizer {
  private readonly info = new PayloadInfo();
  private readonly out = new AnnexBWriter();
  /** PACI packets and the types behind them, refused. */
  refused = 0;

  inspect(payload: Uint8Array): PayloadInfo | undefined {
    const { info } = this;
    // TID is never 0 (ITU-T H.265 §7.4.2.2).
    if (payload.length < 2 || (payload[1]! & 7) === 0) return undefined;
    const type = typeAt(payload, 0);
    if (type >= PACI) {
      this.refused++;
      return undefined;
    }
    info.reset();
    info.temporalIndex = (payload[1]! & 7) - 1;
    if (type <= LAST_SINGLE) {
      info.startOfFrame = mayBegin(payload, type, 2);
      info.certainStart = isCertain(type);
      this.describe(payload, type, 0, payload.length);
      return info;
    }
    if (type === AP) return this.inspectAggregation(payload) ? info : undefined;
    if (type !== FU || payload.length < 4) return undefined;
    const nested = payload[2]! & 0x3f;
    if (nested > LAST_SINGLE) return undefined;
    info.headerLength = 3;
    if ((payload[2]! & FU_START) !== 0) {
      info.startOfFrame = mayBegin(payload, nested, 3);
      info.certainStart = isCertain(nested);
      info.keyFrame = beginsKeyFrame(payload, nested, 3);
      info.intraPicture = isIrap(nested);
    }
    return info;
  }

  private describe(data: Uint8Array, type: number, from: number, to: number): void {
    const { info } = this;
    if (beginsKeyFrame(data, type, from + 2)) info.keyFrame = true;
    if (isIrap(type)) info.intraPicture = true;
    if (type === SPS) parseH265Sps(data, from, to, info);
  }

  private inspectAggregation(payload: Uint8Array): boolean {
    const { info } = this;
    info.headerLength = 2;
    let at = 2;
    while (at < payload.length) {
      const size = nalSize(payload, at);
      if (size === 0) return false;
      const type = typeAt(payload, at + 2);
      if (at === 2) {
        info.startOfFrame = mayBegin(payload, type, at + 4);
        info.certainStart = isCertain(type);
      }
      this.describe(payload, type, at + 2, at + 2 + size);
      at += 2 + size;
    }
    return at > 2;
  }

  assemble(payloads: readonly Uint8Array[], count: number): Uint8Array | undefined {
    const { out } = this;
    out.reset();
    /** Type of the NAL unit whose fragments are being read, or -1. */
    let open = -1;
    for (let i = 0; i < count; i++) {
      const payload = payloads[i]!;
      if (payload.length < 2 || (payload[1]! & 7) === 0) return undefined;
      const type = typeAt(payload, 0);
      if (type === FU) {
        if (payload.length < 4) return undefined;
        const header = payload[2]!;
        const nested = header & 0x3f;
        const begins = (header & FU_START) !== 0;
        if (begins === open >= 0 || (open >= 0 && open !== nested) || nested > LAST_SINGLE) return undefined;
        if (begins) {
          out.startCode();
          out.byte((payload[0]! & 0x81) | (nested << 1));
          out.byte(payload[1]!);
        }
        out.bytes(payload, 3, payload.length);
        open = (header & FU_END) !== 0 ? -1 : nested;
        continue;
      }
      if (open >= 0) return undefined;
      if (type === AP) {
        for (let at = 2; at < payload.length; ) {
          const size = nalSize(payload, at);
          if (size === 0) return undefined;
          out.startCode();
          out.bytes(payload, at + 2, at + 2 + size);
          at += 2 + size;
        }
      } else if (type <= LAST_SINGLE) {
        out.startCode();
        out.bytes(payload, 0, payload.length);
      } else return undefined;
    }
    return open >= 0 || out.length === 0 ? undefined : out.finish();
  }
}

/** Size of the NAL unit behind its length at `at` of an aggregation packet; 0 if it is malformed. */
function nalSize(payload: Uint8Array, at: number): number {
  if (at + 4 > payload.length) return 0;
  const size = (payload[at]! << 8) | payload[at + 1]!;
  const fits = size >= 2 && at + 2 + size <= payload.length;
  return fits && typeAt(payload, at + 2) <= LAST_SINGLE && (payload[at + 3]! & 7) !== 0 ? size : 0;
}

/** A key frame begins: parameter sets, or the first fragment or slice of an IRAP picture. */
function isKeyFrame(payload: Uint8Array): boolean {
  if (payload.length < 2 || (payload[1]! & 7) === 0) return false;
  const type = typeAt(payload, 0);
  if (type <= LAST_SINGLE) return beginsKeyFrame(payload, type, 2);
  if (type === FU) {
    return payload.length > 3 && (payload[2]! & FU_START) !== 0 && beginsKeyFrame(payload, payload[2]! & 0x3f, 3);
  }
  if (type !== AP) return false;
  for (let at = 2; at < payload.length; ) {
    const size = nalSize(payload, at);
    if (size === 0) return false;
    if (beginsKeyFrame(payload, typeAt(payload, at + 2), at + 4)) return true;
    at += 2 + size;
  }
  return false;
}

/** False of what is neither a parameter set nor of an IRAP picture nor an aggregate, which may have either. */
function mayBeKeyFrame(data: Uint8Array, at: number, length: number): boolean {
  if (length < 2) return false;
  const type = typeAt(data, at);
  const nested = type === FU && length > 2 ? data[at + 2]! & 0x3f : type;
  return nested === VPS || nested === SPS || nested === AP || isIrap(nested);
}

export const h265Format: PayloadFormat = {
  mimeType: "video/H265",
  kind: "video",
  packetIsFrame: false,
  hasKeyFrames: true,
  createPacketizer: () => new NalPacketizer(SCHEME, true),
  createDepacketizer: () => new H265Depacketizer(),
  isKeyFrame,
  mayBeKeyFrame,
  renumber: null,
  frameDuration: () => 0,
  samplesPerTick: 1,
};
