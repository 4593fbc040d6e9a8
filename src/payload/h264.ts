// H.264 in RTP (RFC 6184), packetization modes 0 (single NAL units) and 1 (with STAP-A and FU-A). The structures of mode 2
// (STAP-B, MTAP16, MTAP24, FU-B) need interleaving, which nobody negotiates: they are counted and refused.
import { type PictureSize, parseH264Sps } from "./h264-sps.js";
import { AnnexBWriter, NalPacketizer, type NalScheme } from "./nal.js";
import { formatParameter } from "./parameters.js";
import { type Depacketizer, type PayloadFormat, PayloadInfo } from "./types.js";

// NAL unit types (ITU-T H.264 table 7-1; RFC 6184 table 1).
const SLICE = 1;
const PARTITION_A = 2;
const IDR = 5;
const SEI = 6;
const SPS = 7;
const PPS = 8;
const DELIMITER = 9;
const LAST_SINGLE = 23;
const STAP_A = 24;
const STAP_B = 25;
const FU_A = 28;
const FU_B = 29;
// FU header (RFC 6184 §5.8).
const FU_START = 0x80;
const FU_END = 0x40;

const SCHEME: NalScheme = {
  headerLength: 1,
  writeAggregationHeader(out, data, nals, from, to) {
    // F is the OR of all, NRI the largest (RFC 6184 §5.7).
    let header = 0;
    for (let i = from; i < to; i++) {
      const nal = data[nals.starts[i]!]!;
      header = Math.max(header & 0x60, nal & 0x60) | ((header | nal) & 0x80);
    }
    out[0] = header | STAP_A;
  },
  writeFragmentHeader(out, data, start, first, last) {
    const header = data[start]!;
    out[0] = (header & 0xe0) | FU_A;
    out[1] = (header & 0x1f) | (first ? FU_START : 0) | (last ? FU_END : 0);
  },
};

/** Adds what the NAL unit at `from` to `to` (or its first fragment) tells. */
function describeNal(data: Uint8Array, type: number, from: number, to: number, info: PayloadInfo): void {
  switch (type) {
    case IDR:
      // Further slices of the picture begin nothing.
      if (mayBegin(data, IDR, from + 1)) info.keyFrame = true;
      info.intraPicture = true;
      info.discardable = false;
      break;
    case SPS:
      info.keyFrame = true;
      parseH264Sps(data, from, to, info);
      break;
    case SLICE:
      // nal_ref_idc 0: nothing refers to this slice.
      if ((data[from]! & 0x60) !== 0) info.discardable = false;
      break;
  }
}

/** Whether a frame may begin with a NAL unit; `body` is where its header ends. */
function mayBegin(data: Uint8Array, type: number, body: number): boolean {
  switch (type) {
    case SLICE:
    case PARTITION_A:
    case IDR:
      // first_mb_in_slice, an Exp-Golomb code: its first bit is set if it is 0.
      return body < data.length && data[body]! >= 0x80;
    case SEI:
    case SPS:
    case PPS:
    case DELIMITER:
      return true;
    default:
      return type >= 13 && type <= 18;
  }
}

/** A parameter set, or the first slice of an IDR picture. */
function beginsKeyFrame(data: Uint8Array, type: number, body: number): boolean {
  return type === SPS || (type === IDR && mayBegin(data, IDR, body));
}

export class H264Depacketizer implements Depacketizer {
  private readonly info = new PayloadInfo();
  private readonly out = new AnnexBWriter();
  /** Parameter sets from the description, for senders that do not send them in the stream; Annex B. */
  private readonly parameterSets: Uint8Array | undefined;
  /** What those say. */
  private readonly size: PictureSize | undefined;
  /** Payloads of packetization mode 2, refused. */
  refused = 0;

  constructor(parameterSets?: Uint8Array) {
    this.parameterSets = parameterSets;
    this.size = parameterSets && sizeOf(parameterSets);
  }

  inspect(payload: Uint8Array): PayloadInfo | undefined {
    const info = this.describe(payload);
    if (info?.keyFrame === true && info.width === 0 && this.size !== undefined) {
      info.width = this.size.width;
      info.height = this.size.height;
    }
    return info;
  }

  private describe(payload: Uint8Array): PayloadInfo | undefined {
    const { info } = this;
    if (payload.length === 0) return undefined;
    const type = payload[0]! & 0x1f;
    if (type >= STAP_B && type <= FU_B && type !== FU_A) {
      this.refused++;
      return undefined;
    }
    info.reset();
    if (type >= SLICE && type <= LAST_SINGLE) {
      info.discardable = type === SLICE;
      info.startOfFrame = mayBegin(payload, type, 1);
      info.certainStart = type === SPS || type === DELIMITER;
      describeNal(payload, type, 0, payload.length, info);
      return info;
    }
    if (type === STAP_A) return this.inspectAggregation(payload) ? info : undefined;
    if (type !== FU_A || payload.length < 3) return undefined;
    const nested = payload[1]! & 0x1f;
    if (nested < SLICE || nested > LAST_SINGLE) return undefined;
    info.headerLength = 2;
    info.discardable = nested === SLICE && (payload[0]! & 0x60) === 0;
    if ((payload[1]! & FU_START) !== 0) {
      info.startOfFrame = mayBegin(payload, nested, 2);
      info.certainStart = nested === SPS;
      info.keyFrame = beginsKeyFrame(payload, nested, 2);
      info.intraPicture = nested === IDR;
    }
    return info;
  }

  private inspectAggregation(payload: Uint8Array): boolean {
    const { info } = this;
    info.headerLength = 1;
    let at = 1;
    let slices = false;
    while (at < payload.length) {
      if (at + 3 > payload.length) return false;
      const size = (payload[at]! << 8) | payload[at + 1]!;
      const start = at + 2;
      if (size === 0 || start + size > payload.length) return false;
      const type = payload[start]! & 0x1f;
      if (type < SLICE || type > LAST_SINGLE) return false;
      if (at === 1) {
        info.startOfFrame = mayBegin(payload, type, start + 1);
        info.certainStart = type === SPS || type === DELIMITER;
      }
      if (type === SLICE && !slices) {
        info.discardable = true;
        slices = true;
      }
      describeNal(payload, type, start, start + size, info);
      at = start + size;
    }
    return at > 1;
  }

  assemble(payloads: readonly Uint8Array[], count: number): Uint8Array | undefined {
    const { out } = this;
    out.reset();
    /** Type of the NAL unit whose fragments are being read, or 0. */
    let open = 0;
    let hasSps = false;
    let hasIdr = false;
    for (let i = 0; i < count; i++) {
      const payload = payloads[i]!;
      if (payload.length === 0) return undefined;
      const type = payload[0]! & 0x1f;
      if (type === FU_A) {
        if (payload.length < 3) return undefined;
        const header = payload[1]!;
        const nested = header & 0x1f;
        const begins = (header & FU_START) !== 0;
        if (begins === (open !== 0) || (open !== 0 && open !== nested)) return undefined;
        if (nested < SLICE || nested > LAST_SINGLE) return undefined;
        if (begins) {
          out.startCode();
          out.byte((payload[0]! & 0xe0) | nested);
          if (nested === SPS) hasSps = true;
          else if (nested === IDR) hasIdr = true;
        }
        out.bytes(payload, 2, payload.length);
        open = (header & FU_END) !== 0 ? 0 : nested;
        continue;
      }
      if (open !== 0) return undefined;
      if (type === STAP_A) {
        let at = 1;
        while (at < payload.length) {
          if (at + 3 > payload.length) return undefined;
          const size = (payload[at]! << 8) | payload[at + 1]!;
          if (size === 0 || at + 2 + size > payload.length) return undefined;
          const nested = payload[at + 2]! & 0x1f;
          if (nested < SLICE || nested > LAST_SINGLE) return undefined;
          if (nested === SPS) hasSps = true;
          else if (nested === IDR) hasIdr = true;
          out.startCode();
          out.bytes(payload, at + 2, at + 2 + size);
          at += 2 + size;
        }
      } else if (type >= SLICE && type <= LAST_SINGLE) {
        if (type === SPS) hasSps = true;
        else if (type === IDR) hasIdr = true;
        out.startCode();
        out.bytes(payload, 0, payload.length);
      } else return undefined;
    }
    if (open !== 0 || out.length === 0) return undefined;
    const frame = out.finish();
    const sets = this.parameterSets;
    if (sets === undefined || !hasIdr || hasSps) return frame;
    const whole = new Uint8Array(sets.length + frame.length);
    whole.set(sets);
    whole.set(frame, sets.length);
    return whole;
  }
}

/** The size that parameter sets say, Annex B with start codes of four bytes as `parseParameterSets` writes them. */
function sizeOf(sets: Uint8Array): PictureSize | undefined {
  const size = { width: 0, height: 0 };
  for (let at = sets.length - 5; at >= 0; at--) {
    const starts = sets[at] === 0 && sets[at + 1] === 0 && sets[at + 2] === 0 && sets[at + 3] === 1;
    if (starts && (sets[at + 4]! & 0x1f) === SPS) parseH264Sps(sets, at + 4, sets.length, size);
  }
  return size.width > 0 ? size : undefined;
}

/** A key frame begins: parameter sets, or the first slice (or its first fragment) of an IDR picture. */
function isKeyFrame(payload: Uint8Array): boolean {
  if (payload.length === 0) return false;
  const type = payload[0]! & 0x1f;
  if (type === FU_A) {
    return payload.length > 2 && (payload[1]! & FU_START) !== 0 && beginsKeyFrame(payload, payload[1]! & 0x1f, 2);
  }
  if (type !== STAP_A) return beginsKeyFrame(payload, type, 1);
  for (let at = 1; at + 2 < payload.length; ) {
    if (beginsKeyFrame(payload, payload[at + 2]! & 0x1f, at + 3)) return true;
    at += 2 + ((payload[at]! << 8) | payload[at + 1]!);
  }
  return false;
}

/** False of what is neither a sequence parameter set nor of an IDR picture nor an aggregate, which may have either. */
function mayBeKeyFrame(data: Uint8Array, at: number, length: number): boolean {
  if (length === 0) return false;
  const type = data[at]! & 0x1f;
  const nested = type === FU_A && length > 1 ? data[at + 1]! & 0x1f : type;
  return nested === SPS || nested === IDR || nested === STAP_A;
}

const BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/** Parameter sets of a description that are longer altogether are not taken. */
const MAX_PARAMETER_SETS = 4096;

/** The value of sprop-parameter-sets (RFC 6184 §8.1) as Annex B; undefined if there is none, or it is malformed. */
export function parseParameterSets(parameters: string): Uint8Array | undefined {
  const text = formatParameter(parameters, "sprop-parameter-sets");
  if (text === undefined || text.length > MAX_PARAMETER_SETS) return undefined;
  const out = new AnnexBWriter();
  for (const set of text.split(",")) {
    const digits = set.replace(/=+$/, "");
    if (digits.length < 3) return undefined;
    out.startCode();
    let bits = 0;
    let value = 0;
    for (const digit of digits) {
      const index = BASE64.indexOf(digit);
      if (index < 0) return undefined;
      value = ((value << 6) | index) & 0xffff;
      bits += 6;
      if (bits >= 8) {
        bits -= 8;
        out.byte((value >> bits) & 0xff);
      }
    }
  }
  return out.finish();
}

export function h264Format(parameters: string): PayloadFormat {
  const mode = formatParameter(parameters, "packetization-mode") ?? "0";
  return {
    mimeType: "video/H264",
    kind: "video",
    packetIsFrame: false,
    hasKeyFrames: true,
    createPacketizer: () => new NalPacketizer(SCHEME, mode !== "0"),
    createDepacketizer: () => new H264Depacketizer(parseParameterSets(parameters)),
    isKeyFrame,
    mayBeKeyFrame,
    renumber: null,
    frameDuration: () => 0,
    samplesPerTick: 1,
  };
}
