// Formats that nothing is known of: audio goes whole into one packet; video is cut where it must be, the marker at its end
// (RFC 3551 §5 asks no more). Where a frame begins shows only by the timestamp.
import {
  concatenate,
  type Depacketizer,
  type EmitPayload,
  type Packetizer,
  type PayloadFormat,
  type PayloadFrame,
  PayloadInfo,
} from "./types.js";

/** One frame is one payload, as it is. */
export class WholePacketizer implements Packetizer {
  packetize(frame: PayloadFrame, maxSize: number, emit: EmitPayload): boolean {
    if (frame.data.length === 0 || frame.data.length > maxSize) return false;
    emit(frame.data, frame.startOfTalkspurt ?? false);
    return true;
  }
}

/** One payload is one frame, as it is; `describe` may add what the bytes tell, and refuse by returning false. */
export class WholeDepacketizer implements Depacketizer {
  private readonly info = new PayloadInfo();
  private readonly describe: ((payload: Uint8Array, info: PayloadInfo) => boolean) | undefined;

  constructor(describe?: (payload: Uint8Array, info: PayloadInfo) => boolean) {
    this.describe = describe;
  }

  inspect(payload: Uint8Array): PayloadInfo | undefined {
    const { info } = this;
    if (payload.length === 0) return undefined;
    info.reset();
    info.startOfFrame = true;
    info.certainStart = true;
    info.endOfFrame = true;
    info.keyFrame = true;
    info.intraPicture = true;
    return this.describe === undefined || this.describe(payload, info) ? info : undefined;
  }

  assemble(payloads: readonly Uint8Array[], count: number): Uint8Array | undefined {
    return count === 1 && this.inspect(payloads[0]!) !== undefined ? payloads[0]!.slice() : undefined;
  }
}

/** Cuts a frame into pieces of nearly the same size. */
class CuttingPacketizer implements Packetizer {
  packetize(frame: PayloadFrame, maxSize: number, emit: EmitPayload): boolean {
    const { data } = frame;
    if (data.length === 0 || maxSize < 1) return false;
    const pieces = Math.ceil(data.length / maxSize);
    for (let i = 0; i < pieces; i++) {
      const from = Math.floor((data.length * i) / pieces);
      emit(data.subarray(from, Math.floor((data.length * (i + 1)) / pieces)), i === pieces - 1);
    }
    return true;
  }
}

class GluingDepacketizer implements Depacketizer {
  private readonly info = new PayloadInfo();

  inspect(payload: Uint8Array): PayloadInfo | undefined {
    if (payload.length === 0) return undefined;
    const { info } = this;
    info.reset();
    info.startOfFrame = true;
    info.keyFrame = true;
    info.intraPicture = true;
    return info;
  }

  assemble(payloads: readonly Uint8Array[], count: number): Uint8Array | undefined {
    for (let i = 0; i < count; i++) if (payloads[i]!.length === 0) return undefined;
    return count === 0 ? undefined : concatenate(payloads, count);
  }
}

/** How long a payload plays, in units of the RTP timestamp. */
export type Duration = (payload: Uint8Array, offset?: number, length?: number) => number;

/** Where each byte is a unit of the RTP timestamp. */
export const oneByteATick: Duration = (payload, offset = 0, length = payload.length - offset) => length;

/** An audio format in which a packet is a frame. `duration` says how long a payload plays, if the bytes tell. */
export function wholeFormat(
  mimeType: string,
  duration: Duration = () => 0,
  describe?: (payload: Uint8Array, info: PayloadInfo) => boolean,
  more: Pick<Partial<PayloadFormat>, "samplesPerTick" | "energy"> = {},
): PayloadFormat {
  return {
    mimeType,
    kind: mimeType.startsWith("video/") ? "video" : "audio",
    packetIsFrame: true,
    hasKeyFrames: false,
    createPacketizer: () => new WholePacketizer(),
    createDepacketizer: () =>
      new WholeDepacketizer((payload, info) => {
        info.duration = duration(payload);
        return describe === undefined || describe(payload, info);
      }),
    isKeyFrame: (payload) => payload.length > 0,
    renumber: null,
    frameDuration: duration,
    samplesPerTick: 1,
    ...more,
  };
}

export function genericFormat(mimeType: string): PayloadFormat {
  if (!/^video\//i.test(mimeType)) return wholeFormat(mimeType);
  return {
    mimeType,
    kind: "video",
    packetIsFrame: false,
    hasKeyFrames: false,
    createPacketizer: () => new CuttingPacketizer(),
    createDepacketizer: () => new GluingDepacketizer(),
    isKeyFrame: (payload) => payload.length > 0,
    renumber: null,
    frameDuration: () => 0,
    samplesPerTick: 1,
  };
}
