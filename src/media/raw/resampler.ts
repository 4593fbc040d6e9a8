// Sampling rate conversion of a stream of samples: a low-pass filter (a sinc under a Kaiser window) that is looked up at the
// places where samples are wanted.

/** Zero crossings of the filter on each side: 80 dB of attenuation from a tenth above the cut-off on. */
const ZERO_CROSSINGS = 24;
const KAISER_BETA = 8;
/** Of the lower rate's half: the rest is the filter's slope. */
const CUTOFF = 0.9;
/** Places between two input samples that are told apart, where the rates have no smaller ratio. */
const MAX_PHASES = 256;

/** The modified Bessel function of the first kind, of order zero. */
function bessel(x: number): number {
  let sum = 1;
  let term = 1;
  for (let k = 1; term > sum * 1e-12; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));

export class Resampler {
  readonly from: number;
  readonly to: number;
  private readonly isWhole: boolean;
  private readonly phases: readonly Float32Array[];
  /** Input samples on each side of a place. */
  private readonly reach: number;
  /** Input that is still of use: silence is before the first sample. */
  private input: Float32Array;
  /** Where in `input` the next sample is wanted, in input samples. */
  private at: number;

  /** Hz; both above 0. */
  constructor(from: number, to: number) {
    this.from = from;
    this.to = to;
    const ratio = Math.min(1, to / from);
    this.reach = Math.ceil(ZERO_CROSSINGS / ratio);
    this.isWhole = Number.isInteger(from) && Number.isInteger(to);
    const count = this.isWhole ? Math.min(MAX_PHASES, to / gcd(from, to)) : MAX_PHASES;
    this.phases = Array.from({ length: count }, (_, phase) => this.taps(phase / count, ratio));
    this.input = new Float32Array(this.reach);
    this.at = this.reach;
  }

  private taps(fraction: number, ratio: number): Float32Array {
    const { reach } = this;
    const taps = new Float32Array(2 * reach);
    const edge = bessel(KAISER_BETA);
    let sum = 0;
    for (let i = 0; i < taps.length; i++) {
      const distance = i - (reach - 1) - fraction;
      const x = Math.PI * distance * ratio * CUTOFF;
      const place = distance / reach;
      const window = Math.abs(place) >= 1 ? 0 : bessel(KAISER_BETA * Math.sqrt(1 - place * place)) / edge;
      taps[i] = (x === 0 ? 1 : Math.sin(x) / x) * window;
      sum += taps[i]!;
    }
    // Silence and what does not change stay as they are.
    for (let i = 0; i < taps.length; i++) taps[i] = taps[i]! / sum;
    return taps;
  }

  /** Samples at the new rate for these at the old one; the filter holds back the last few. */
  process(samples: Float32Array): Float32Array {
    if (this.from === this.to) return samples;
    const { reach, phases, from, to } = this;
    const input = new Float32Array(this.input.length + samples.length);
    input.set(this.input);
    input.set(samples, this.input.length);
    const step = from / to;
    const out: number[] = [];
    let at = this.at;
    for (; ; at += step) {
      let whole = Math.floor(at);
      let phase = Math.round((at - whole) * phases.length);
      if (phase === phases.length) {
        phase = 0;
        whole++;
      }
      if (whole + reach >= input.length) break;
      const taps = phases[phase]!;
      let sum = 0;
      for (let i = 0, k = whole - reach + 1; i < taps.length; i++, k++) sum += taps[i]! * input[k]!;
      out.push(sum);
    }
    const used = Math.max(0, Math.floor(at) - reach);
    this.input = input.slice(used);
    // Places are multiples of a fraction: what adds up by rounding goes.
    this.at = this.isWhole ? Math.round((at - used) * to) / to : at - used;
    return Float32Array.from(out);
  }
}
