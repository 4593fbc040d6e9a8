// Which of a received track's layers fits what the network to one listener carries: down soon after it does not fit any more, up only
// with room to spare, after a while, and later each time that this was a mistake. Not what layers there are, nor how to switch.

/** A way to forward the track. Options are given in rising quality. */
export interface LayerOption {
  /** The stream; options of the same one differ in what goes on within it. */
  readonly stream: object;
  /** The highest layers that go on. */
  readonly spatial: number;
  readonly temporal: number;
  /** Bits per second of payload. */
  readonly rate: number;
}

/** The present option may take so much more than there is, since rates are measured over little time. */
const TOLERANCE = 1.1;
/** Below its rate divided by this it goes at once, and otherwise after so long. Milliseconds, as all that follow. */
const FAR_TOO_MUCH = 1.5;
const DOWN_AFTER = 300;
/** What a better option has to have of its rate, and for how long; the latter is shorter at the beginning. */
const ROOM = 1.2;
const UP_AFTER = 1000;
const FIRST_UP_AFTER = 200;
const BEGINNING = 5000;
/** Up again not sooner than this after going down, twice as long each time that it was soon after going up. */
const UP_INTERVAL = 2000;
const MAX_UP_INTERVAL = 60_000;
const SOON = 10_000;
/**
 * An estimate follows what is sent, at some distance, where nothing can be sent to try for more (no retransmissions to fill with): then the
 * next option is tried when there is so much more than the present one needs, for so long. It has that long to prove itself.
 */
const TRIAL_ROOM = 1.3;
const TRIAL_AFTER = 8000;
const TRIAL = 3000;
/** A trial fails where the estimate falls below this share of what it was, and goes on for as long again where it has risen by this. */
const TRIAL_FALL = 0.85;
const TRIAL_RISE = 1.1;

export class LayerChoice {
  /** The option in use, undefined before the first. */
  current: LayerOption | undefined;
  private began = Number.NaN;
  private changedAt = Number.NEGATIVE_INFINITY;
  private wentUp = Number.NEGATIVE_INFINITY;
  private upFrom = Number.NEGATIVE_INFINITY;
  private failures = 0;
  private tooMuchSince = Number.NaN;
  private fitsSince = Number.NaN;
  private trialUntil = Number.NEGATIVE_INFINITY;
  private trialBudget = 0;
  private beforeTrial: LayerOption | undefined;

  /**
   * The option to use now; `budget` in bits per second of payload. Undefined only without options. It is in use when the caller has
   * said so (`use`): what it cannot do yet is proposed again.
   */
  propose(options: readonly LayerOption[], budget: number, now: number): LayerOption | undefined {
    if (options.length === 0) return undefined;
    if (Number.isNaN(this.began)) this.began = now;
    const at = this.find(options);
    const fitting = lastWithin(options, budget);
    // The first, or what was in use is gone.
    if (at < 0) return options[Math.max(0, fitting)];
    const present = options[at]!;
    if (at > 0 && present.rate > budget * TOLERANCE && !this.isOnTrial(budget, now)) {
      this.fitsSince = Number.NaN;
      if (Number.isNaN(this.tooMuchSince)) this.tooMuchSince = now;
      const isDue = now - this.tooMuchSince >= DOWN_AFTER || present.rate > budget * FAR_TOO_MUCH;
      return isDue ? options[Math.max(0, fitting)] : present;
    }
    this.tooMuchSince = Number.NaN;
    const better = lastWithin(options, budget / ROOM);
    if (better <= at) {
      this.fitsSince = Number.NaN;
      return this.mayTry(options, at, budget, now) ? options[at + 1] : present;
    }
    if (Number.isNaN(this.fitsSince)) this.fitsSince = now;
    const wait = now - this.began < BEGINNING && this.failures === 0 ? FIRST_UP_AFTER : UP_AFTER;
    return now - this.fitsSince >= wait && now >= this.upFrom ? options[better] : present;
  }

  /** Of the options the one in use, or while that is on trial the one before. */
  settled(options: readonly LayerOption[], now: number): LayerOption | undefined {
    return options[this.find(options, now < this.trialUntil ? this.beforeTrial : this.current)];
  }

  /** What was proposed is done. */
  use(option: LayerOption, options: readonly LayerOption[], budget: number, now: number): void {
    const before = this.find(options);
    const after = options.indexOf(option);
    if (before >= 0 && before !== after) this.beforeTrial = options[before];
    this.current = option;
    if (before === after) return;
    this.changedAt = now;
    this.tooMuchSince = Number.NaN;
    this.fitsSince = Number.NaN;
    this.trialUntil = Number.NEGATIVE_INFINITY;
    if (before < 0) return;
    if (after > before) {
      this.wentUp = now;
      if (option.rate * ROOM <= budget) return;
      this.trialUntil = now + TRIAL;
      this.trialBudget = budget;
      return;
    }
    this.failures = now - this.wentUp < SOON ? this.failures + 1 : 0;
    this.upFrom = now + Math.min(MAX_UP_INTERVAL, UP_INTERVAL * 2 ** this.failures);
  }

  private find(options: readonly LayerOption[], wanted: LayerOption | undefined = this.current): number {
    if (wanted === undefined) return -1;
    return options.findIndex(
      ({ stream, spatial, temporal }) =>
        stream === wanted.stream && spatial === wanted.spatial && temporal === wanted.temporal,
    );
  }

  private isOnTrial(budget: number, now: number): boolean {
    const { trialUntil } = this;
    if (now >= trialUntil && now < trialUntil + TRIAL && budget >= this.trialBudget * TRIAL_RISE) {
      this.trialUntil = now + TRIAL;
      this.trialBudget = budget;
    }
    return now < this.trialUntil && budget >= this.trialBudget * TRIAL_FALL;
  }

  private mayTry(options: readonly LayerOption[], at: number, budget: number, now: number): boolean {
    const next = options[at + 1];
    if (next === undefined || now < this.upFrom || now < this.trialUntil) return false;
    const wait = Math.min(MAX_UP_INTERVAL, TRIAL_AFTER * 2 ** this.failures);
    return budget >= options[at]!.rate * TRIAL_ROOM && now - this.changedAt >= wait;
  }
}

function lastWithin(options: readonly LayerOption[], budget: number): number {
  let found = -1;
  for (let i = 0; i < options.length; i++) if (options[i]!.rate <= budget) found = i;
  return found;
}
