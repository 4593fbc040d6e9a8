// Tells when the application sends much less than it might (the application-limited region, ALR): a budget that fills at a
// share of the estimate and that packets use up.

const USAGE = 0.65;
/** Milliseconds of the budget. */
const WINDOW = 500;
const START_LEVEL = 0.8;
const STOP_LEVEL = 0.5;

export class ApplicationLimited {
  /** When the region began, milliseconds; NaN outside of one. */
  since: number = Number.NaN;
  private rate = 0;
  private budget = 0;
  private lastSent = Number.NaN;

  get active(): boolean {
    return !Number.isNaN(this.since);
  }

  /** The estimate, bits per second. */
  setEstimate(bitrate: number): void {
    this.rate = (bitrate * USAGE) / 8000;
    const max = this.rate * WINDOW;
    this.budget = Math.max(-max, Math.min(this.budget, max));
  }

  onSent(bytes: number, now: number): void {
    const elapsed = now - this.lastSent;
    this.lastSent = now;
    // How long the first packet took is not known.
    if (Number.isNaN(elapsed)) return;
    const max = this.rate * WINDOW;
    if (max <= 0) return;
    this.budget = Math.max(this.budget - bytes, -max);
    this.budget = Math.min(this.budget + this.rate * elapsed, max);
    const level = this.budget / max;
    if (!this.active) {
      if (level > START_LEVEL) this.since = now;
    } else if (level < STOP_LEVEL) {
      this.since = Number.NaN;
    }
  }
}
