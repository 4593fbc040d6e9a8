// How much sound the packets of a stream hold, and how loud it is, as webrtc-stats counts it (totalSamplesReceived, totalAudioEnergy).
// Nothing is decoded for it: how long a packet plays is in its payload's headers, how loud it is in RFC 6464's header
// extension. Only the samples of G.711 are looked at where the sender says nothing. Not a jitter buffer: what is lost does not
// count.
import type { PayloadFormat } from "../payload/types.js";

/** RFC 6464 §3: -dBov; 127 is silence. */
const LEVELS: Float64Array = Float64Array.from({ length: 128 }, (_, level) =>
  level === 127 ? 0 : 10 ** (-level / 20),
);

export class SoundMeter {
  /** Of each channel, at the codec's rate. NaN: there were packets that do not tell. */
  samples = 0;
  seconds = 0;
  /** Squares of levels times seconds. NaN: of some packets nobody knows. */
  energy = 0;
  /** Of the last packet: linear, 0 to 1, the root of the mean square. NaN: nobody knows. */
  level: number = Number.NaN;

  /** A packet of sound. `header`: the byte of RFC 6464, -1 without. */
  add(
    format: PayloadFormat,
    clockRate: number,
    data: Uint8Array,
    offset: number,
    length: number,
    header: number,
  ): void {
    const ticks = format.frameDuration(data, offset, length);
    if (header >= 0) this.level = LEVELS[header & 127]!;
    else if (format.energy !== undefined) this.level = Math.sqrt(format.energy(data, offset, length) / length);
    else this.level = Number.NaN;
    if (ticks === 0) {
      this.samples = Number.NaN;
      this.seconds = Number.NaN;
      this.energy = Number.NaN;
      return;
    }
    const seconds = ticks / clockRate;
    this.samples += ticks * format.samplesPerTick;
    this.seconds += seconds;
    this.energy += this.level * this.level * seconds;
  }
}
