// What every RTP payload format offers: splitting a frame into payloads, telling what a payload holds, and putting a frame
// together again. RTP headers, order and loss are the business of src/rtp.

/** A frame to send, with what the encoder knows of it; what is left out is not written into the payload. */
export interface PayloadFrame {
  /** One encoded frame (video: one picture, or one layer of it), in the form that `Depacketizer.assemble` returns. */
  readonly data: Uint8Array;
  readonly keyFrame: boolean;
  /** Temporal layer, from 0. */
  readonly temporalIndex?: number | undefined;
  /** Spatial layer, from 0. */
  readonly spatialIndex?: number | undefined;
  /** How many spatial layers the stream has; 1 if left out. Told at key frames. */
  readonly spatialLayers?: number | undefined;
  /** False if more layers of the same picture follow in further calls. True if left out. */
  readonly endOfPicture?: boolean | undefined;
  /** Nothing refers to this frame. */
  readonly discardable?: boolean | undefined;
  /** From this frame on its temporal layer can be decoded without its own earlier frames. */
  readonly layerSync?: boolean | undefined;
  /** Predicted from the layer below in the same picture (VP9). */
  readonly interLayerPredicted?: boolean | undefined;
  /** How many pictures back those lie that this one is predicted from (VP9, flexible mode), at most three of 1 to 127. */
  readonly referenceDiffs?: readonly number[] | undefined;
  /** Picture number to write (15 bits); the packetizer counts itself if it is left out. */
  readonly pictureId?: number | undefined;
  readonly tl0PictureIndex?: number | undefined;
  /** Pixels; told where the payload has a place for them. */
  readonly width?: number | undefined;
  readonly height?: number | undefined;
  /** Audio: the first packet after silence (RFC 3551 §4.1). */
  readonly startOfTalkspurt?: boolean | undefined;
}

/** `payload` is valid only during the call. */
export type EmitPayload = (payload: Uint8Array, marker: boolean) => void;

export interface Packetizer {
  /**
   * Splits a frame into payloads of at most `maxSize` bytes, in order; the marker is as the format wants it.
   * Returns false, and emits nothing, if the frame is none of this format or cannot be split so far.
   */
  packetize(frame: PayloadFrame, maxSize: number, emit: EmitPayload): boolean;
}

export interface PacketizerOptions {
  /** First picture number (15 bits) where the format has such; should be random (RFC 7741 §4.2). */
  readonly pictureId?: number;
}

/** What one payload tells. One object is filled again and again. */
export class PayloadInfo {
  /** A frame may begin with this payload. */
  startOfFrame = false;
  /**
   * A frame begins with this payload whatever was lost before it (unless the packet before has come and has the same timestamp: a
   * parameter set may follow a delimiter). Where only `startOfFrame` is set, that is known only if the packet before has come and has
   * another timestamp.
   */
  certainStart = false;
  /** The frame ends here, marker or not. Where the format cannot tell, only the marker does. */
  endOfFrame = false;
  /** VP9's B and E: the frame of one spatial layer begins with, ends with this payload. */
  startOfLayerFrame = false;
  endOfLayerFrame = false;
  /** The payload begins, or holds the parameters of, a key frame. */
  keyFrame = false;
  /** Nothing refers to this frame. */
  discardable = false;
  /** Temporal layer, -1 if not told. */
  temporalIndex = -1;
  /** Spatial layer, -1 if not told. */
  spatialIndex = -1;
  /** One can go up to this temporal layer here (VP8's Y, VP9's U). */
  layerSync = false;
  /** VP9's D: predicted from the layer below in the same picture. */
  interLayerPredicted = false;
  /** VP9's P inverted, for other formats `keyFrame`: not predicted from earlier pictures. */
  intraPicture = false;
  /** -1 if not told. */
  pictureId = -1;
  /** 7 or 15; 0 if not told. */
  pictureIdBits = 0;
  /** Where it is in the payload. */
  pictureIdOffset = 0;
  /** -1 if not told. */
  tl0PictureIndex = -1;
  /** VP9's F. */
  flexibleMode = false;
  /** How many spatial layers the stream has (VP9's scalability structure), 0 if not told. */
  spatialLayers = 0;
  /** VP8's KEYIDX, -1 if not told. */
  keyIndex = -1;
  /** Pixels; 0 if not told. */
  width = 0;
  height = 0;
  /** Bytes of payload descriptor in front of the media. */
  headerLength = 0;
  /** Audio: how long it plays, in units of the RTP timestamp; 0 if not told. */
  duration = 0;
  /** Audio: silence that the encoder did not send (Opus DTX, comfort noise). */
  silence = false;
  /** Audio: carries a copy of the frame before, at a lower rate (Opus in-band FEC). */
  inBandFec = false;

  reset(): void {
    this.startOfFrame = false;
    this.certainStart = false;
    this.endOfFrame = false;
    this.startOfLayerFrame = false;
    this.endOfLayerFrame = false;
    this.keyFrame = false;
    this.discardable = false;
    this.temporalIndex = -1;
    this.spatialIndex = -1;
    this.layerSync = false;
    this.interLayerPredicted = false;
    this.intraPicture = false;
    this.pictureId = -1;
    this.pictureIdBits = 0;
    this.pictureIdOffset = 0;
    this.tl0PictureIndex = -1;
    this.flexibleMode = false;
    this.spatialLayers = 0;
    this.keyIndex = -1;
    this.width = 0;
    this.height = 0;
    this.headerLength = 0;
    this.duration = 0;
    this.silence = false;
    this.inBandFec = false;
  }
}

export interface Depacketizer {
  /** What a payload tells: an object that the next call fills anew. Undefined if it is malformed, or of a kind that is refused. */
  inspect(payload: Uint8Array): PayloadInfo | undefined;
  /**
   * The bytes of one whole frame (of all layers of the picture) from its payloads in order, as a decoder takes them: Annex B
   * for H.264 and H.265, OBUs with sizes for AV1. New memory. Undefined if they do not make a whole frame.
   */
  assemble(payloads: readonly Uint8Array[], count: number): Uint8Array | undefined;
}

export interface PayloadFormat {
  /** As registered, such as `video/VP8`; of an unknown format as it was given. */
  readonly mimeType: string;
  readonly kind: "audio" | "video";
  /** Every packet is a frame of its own (audio); otherwise the marker ends one. */
  readonly packetIsFrame: boolean;
  /** Whether `isKeyFrame` can tell. Where it cannot, every frame counts as one. */
  readonly hasKeyFrames: boolean;
  createPacketizer(options?: PacketizerOptions): Packetizer;
  createDepacketizer(): Depacketizer;
  /** True if a key frame begins with this payload: a receiver may switch to the stream here. */
  isKeyFrame(payload: Uint8Array): boolean;
  /** False if `data[at, at + length)` is no payload that `isKeyFrame` is true of. For most packets that is all there is to know. */
  mayBeKeyFrame?(data: Uint8Array, at: number, length: number): boolean;
  /**
   * Overwrites the picture numbers of the payload that begins at `data[at]` (both as `PayloadInfo` has them; what the payload does not
   * have is ignored). Only for payloads that `inspect` took. Null if the format has no such numbers.
   */
  readonly renumber: ((data: Uint8Array, at: number, pictureId: number, tl0PictureIndex: number) => void) | null;
  /** How long the frame `frame[offset, offset + length)` plays, in units of the RTP timestamp; 0 if the bytes do not tell. */
  frameDuration(frame: Uint8Array, offset?: number, length?: number): number;
  /** Audio: how many samples (of each channel) a unit of the RTP timestamp is. */
  readonly samplesPerTick: number;
  /** Where the bytes are samples: the sum of their squares, of which the largest is 1. */
  readonly energy?: (payload: Uint8Array, offset: number, length: number) => number;
}

/** The first `count` parts, one behind the other. */
export function concatenate(parts: readonly Uint8Array[], count: number): Uint8Array {
  let length = 0;
  for (let i = 0; i < count; i++) length += parts[i]!.length;
  const out = new Uint8Array(length);
  let at = 0;
  for (let i = 0; i < count; i++) {
    out.set(parts[i]!, at);
    at += parts[i]!.length;
  }
  return out;
}
