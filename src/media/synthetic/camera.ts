// A camera without a codec: a moving picture of blocks in VP8 or H.264, with the number of the frame in it as black and white blocks, so
// that whoever decodes it can tell which frames came through. Not a capture device, and no clock: it draws when it is asked.
import { H264BlockEncoder } from "./h264-encoder.js";
import { Vp8BlockEncoder } from "./vp8-encoder.js";

export interface SyntheticCameraOptions {
  /** Pixels, 1 to 16383. The frame counter needs at least 80 by 64. */
  readonly width: number;
  readonly height: number;
  /** Frames a second: of use only with `bitrate`. */
  readonly frameRate: number;
}

/** The counter: this many bits, the lowest first, from the upper left corner on, in rows of at most eight blocks… */
export const COUNTER_BITS = 16;
/** …and then four bits that check it: the exclusive or of its four groups of four bits, inverted. */
const CHECK_BITS = 4;
const MAX_COUNTER_COLUMNS = 8;
const BLOCK = 16;
const BLACK = 16;
const WHITE = 235;

/** Colour bars at three quarters (ITU-R BT.601): white, yellow, cyan, green, magenta, red, blue, black. */
const BARS: readonly (readonly [y: number, u: number, v: number])[] = [
  [180, 128, 128],
  [162, 44, 142],
  [131, 156, 44],
  [112, 72, 58],
  [84, 184, 198],
  [65, 100, 212],
  [35, 212, 114],
  [16, 128, 128],
];

/** Frames until the bars have gone on by one place. */
const BAR_PERIOD = 64;

function counterColumns(width: number): number {
  return Math.max(1, Math.min(MAX_COUNTER_COLUMNS, Math.floor(width / BLOCK)));
}

function checkBits(counter: number): number {
  return ~(counter ^ (counter >> 4) ^ (counter >> 8) ^ (counter >> 12)) & 0xf;
}

/**
 * The number of the frame (modulo 65536) in a decoded picture of the very size it was coded in: `luma` holds `height` rows, `stride` bytes
 * each. Undefined if there is none to be read.
 */
export function readFrameCounter(
  luma: Uint8Array,
  width: number,
  height: number,
  stride: number = width,
): number | undefined {
  const columns = counterColumns(width);
  let bits = 0;
  for (let i = 0; i < COUNTER_BITS + CHECK_BITS; i++) {
    const x = (i % columns) * BLOCK;
    const y = Math.floor(i / columns) * BLOCK;
    if (x + BLOCK > width || y + BLOCK > height) return undefined;
    const value = luma[(y + BLOCK / 2) * stride + x + BLOCK / 2]!;
    if (value > 90 && value < 160) return undefined;
    if (value >= 160) bits += 2 ** i;
  }
  const counter = bits & 0xffff;
  return Math.floor(bits / 2 ** COUNTER_BITS) === checkBits(counter) ? counter : undefined;
}

export type SyntheticVideoCodec = "vp8" | "h264";

interface Layer {
  readonly encoder: Vp8BlockEncoder | H264BlockEncoder;
  /** Number of the frame that was drawn last, -1 for none. */
  drawn: number;
}

export class SyntheticCamera {
  readonly width: number;
  readonly height: number;
  readonly frameRate: number;
  /** Number of the picture that was drawn last, from 0; -1 before the first. */
  frameNumber = -1;
  /** If set, frames of VP8 are filled up with zeros, which decoders ignore, to this many bits a second. */
  bitrate: number | null = null;
  private readonly layers = new Map<string, Layer>();

  /** Throws a RangeError for a size that VP8 does not have. */
  constructor({ width, height, frameRate }: SyntheticCameraOptions) {
    this.width = width;
    this.height = height;
    this.frameRate = frameRate;
    this.layer(1, "vp8");
  }

  /**
   * The next picture as a frame of the codec, `scale` times smaller each way (as scaleResolutionDownBy). Each scale is a stream of its
   * own, and each codec, beginning with a key frame; all show the same pictures: the camera goes on when it is asked twice for the
   * same stream. No later frame refers to a `discardable` one, of VP8; all of H.264 are of use, and say of themselves no higher `level`
   * (level_idc) than this.
   */
  nextFrame(
    keyFrame: boolean,
    scale: number = 1,
    discardable: boolean = false,
    codec: SyntheticVideoCodec = "vp8",
    level: number = Number.POSITIVE_INFINITY,
  ): Uint8Array {
    const layer = this.layer(scale, codec);
    if (layer.drawn === this.frameNumber) this.frameNumber++;
    layer.drawn = this.frameNumber;
    draw(layer.encoder, this.frameNumber);
    const frame = layer.encoder.encode(keyFrame, discardable, level);
    if (this.bitrate === null || !(this.frameRate > 0) || codec !== "vp8") return frame;
    const size = Math.floor(this.bitrate / 8 / this.frameRate / scale ** 2);
    if (frame.length >= size) return frame;
    const filled = new Uint8Array(size);
    filled.set(frame);
    return filled;
  }

  /** The next picture as it is before it is coded: I420, the planes one behind the other. */
  nextPicture(): Uint8Array<ArrayBuffer> {
    const { width, height } = this;
    const [columns, rows] = [Math.ceil(width / BLOCK), Math.ceil(height / BLOCK)];
    const plane = (): Uint8Array => new Uint8Array(columns * rows);
    const blocks = { width, columns, rows, y: plane(), u: plane(), v: plane() };
    draw(blocks, ++this.frameNumber);
    const [halfWidth, halfHeight] = [Math.ceil(width / 2), Math.ceil(height / 2)];
    const out = new Uint8Array(width * height + 2 * halfWidth * halfHeight);
    let at = 0;
    for (const [colours, w, h, size] of [
      [blocks.y, width, height, BLOCK],
      [blocks.u, halfWidth, halfHeight, BLOCK / 2],
      [blocks.v, halfWidth, halfHeight, BLOCK / 2],
    ] as const) {
      for (let row = 0; row < h; row++) {
        const from = Math.floor(row / size) * columns;
        for (let x = 0; x < w; x += size) out.fill(colours[from + x / size]!, at + x, at + Math.min(x + size, w));
        at += w;
      }
    }
    return out;
  }

  private layer(scale: number, codec: SyntheticVideoCodec): Layer {
    const key = `${codec} ${scale}`;
    let layer = this.layers.get(key);
    if (layer === undefined) {
      if (!(scale >= 1)) throw new RangeError(`scale is ${scale}`);
      const width = scale === 1 ? this.width : Math.max(1, Math.floor(this.width / scale));
      const height = scale === 1 ? this.height : Math.max(1, Math.floor(this.height / scale));
      const Encoder = codec === "vp8" ? Vp8BlockEncoder : H264BlockEncoder;
      layer = { encoder: new Encoder(width, height), drawn: -1 };
      this.layers.set(key, layer);
    }
    return layer;
  }
}

/** A picture of blocks of 16 by 16 pixels, each of one colour, row by row. */
interface Blocks {
  readonly width: number;
  readonly columns: number;
  readonly rows: number;
  readonly y: Uint8Array;
  readonly u: Uint8Array;
  readonly v: Uint8Array;
}

function draw(picture: Blocks, number: number): void {
  const { columns, rows, y, u, v } = picture;
  const bits = counterColumns(picture.width);
  const counter = number & 0xffff;
  const counterRows = Math.ceil((COUNTER_BITS + CHECK_BITS) / bits);
  // A white block goes its way, one place a frame, over bars that go by slowly: each row at its own time, so that no frame has
  // much more to say than others.
  const mover = number % Math.max(1, columns * rows);
  for (let row = 0, i = 0; row < rows; row++) {
    const shift = Math.floor((number + (row * BAR_PERIOD) / rows) / BAR_PERIOD);
    for (let column = 0; column < columns; column++, i++) {
      const [barY, barU, barV] = BARS[(Math.floor((column * BARS.length) / columns) + shift) % BARS.length]!;
      y[i] = i === mover ? WHITE : barY;
      u[i] = i === mover ? 128 : barU;
      v[i] = i === mover ? 128 : barV;
    }
  }
  for (let bit = 0; bit < counterRows * bits; bit++) {
    const column = bit % bits;
    const row = Math.floor(bit / bits);
    if (row >= rows || column >= columns) continue;
    const set = bit < COUNTER_BITS ? (counter >> bit) & 1 : (checkBits(counter) >> (bit - COUNTER_BITS)) & 1;
    const i = row * columns + column;
    y[i] = set ? WHITE : BLACK;
    u[i] = 128;
    v[i] = 128;
  }
}
