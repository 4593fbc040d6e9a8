// When reports are due. RFC 3550 §6.3 sizes the interval for groups; between two peers RFC 8834 §4.1 and browsers come to fixed
// ones: about a second with video, five with audio alone, each times 0.5 to 1.5 so that peers do not fall into step.

const VIDEO_INTERVAL = 1000;
const AUDIO_INTERVAL = 5000;
/** The first one is early: the peer learns the clocks for synchronisation from it. */
const FIRST = 500;

export class ReportSchedule {
  /** Monotonic milliseconds; Infinity while nothing flows. */
  deadline: number = Number.POSITIVE_INFINITY;
  private readonly random: () => number;
  private video = false;
  private stopped = false;

  /** `random`: a number in [0, 1). */
  constructor(random: () => number) {
    this.random = random;
  }

  /** Media has been sent or received. */
  wake(video: boolean, now: number): void {
    if (video !== this.video && video) {
      this.video = true;
      if (this.deadline - now > VIDEO_INTERVAL) this.set(now, VIDEO_INTERVAL);
    }
    if (this.deadline === Number.POSITIVE_INFINITY) this.set(now, FIRST);
  }

  /** A report was sent. */
  next(now: number): void {
    if (this.deadline === Number.POSITIVE_INFINITY) return;
    this.set(now, this.video ? VIDEO_INTERVAL : AUDIO_INTERVAL);
    // Video has to show itself again.
    this.video = false;
  }

  private set(now: number, interval: number): void {
    if (!this.stopped) this.deadline = now + interval * (0.5 + this.random());
  }

  /** Nothing flows: no reports until `wake`. */
  sleep(): void {
    this.deadline = Number.POSITIVE_INFINITY;
    this.video = false;
  }

  stop(): void {
    this.stopped = true;
    this.deadline = Number.POSITIVE_INFINITY;
  }
}
