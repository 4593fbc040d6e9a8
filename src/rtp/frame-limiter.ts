// Video frames that would come too late are not sent. A source that does not follow the estimate (a program that has its frames from elsewhere)
// makes them wait in the pacer, each longer than the one before, until the pacer sends faster than the path carries: then most packets are
// lost, and nothing can be decoded. So behind a queue that is too long frames are left out up to the next key frame, which is asked for when
// the queue has drained. It does not know what the path carries, nor what waits.

/** Milliseconds that what waits of a stream may take. */
export const MAX_FRAME_WAIT = 1000;
/** What has come at once does not wait as long as it seems: something has to have waited for so long. */
const MIN_AGE = 200;
/** Below this, and not again before that has passed, a key frame is asked for. */
const RESUME_WAIT = 100;
const REQUEST_INTERVAL = 500;

export class FrameLimiter {
  /** Frames that were left out, and key frames of them. */
  framesDropped = 0;
  keyFramesDropped = 0;
  /** Nothing goes before a key frame. */
  isSkipping = false;
  private requested = Number.NEGATIVE_INFINITY;
  /** Of the picture that was decided upon last, whose other layers go the same way. */
  private timestamp = -1;
  private takesPicture = true;
  private readonly requestKeyFrame: () => void;

  constructor(requestKeyFrame: () => void) {
    this.requestKeyFrame = requestKeyFrame;
  }

  /**
   * Whether a frame is sent; `wait`: milliseconds that the path takes for what waits of the stream; `age`: milliseconds that the first of it
   * has waited.
   */
  takes(timestamp: number, keyFrame: boolean, wait: number, age: number, now: number): boolean {
    if (timestamp !== this.timestamp) {
      this.timestamp = timestamp;
      const isLate = wait > MAX_FRAME_WAIT && age >= MIN_AGE;
      this.takesPicture = !isLate && (keyFrame || !this.isSkipping);
      this.isSkipping = !this.takesPicture;
    }
    if (this.takesPicture) return true;
    this.framesDropped++;
    if (keyFrame) this.keyFramesDropped++;
    this.onDrained(wait, now);
    return false;
  }

  /** Of what waits less is left. */
  onDrained(wait: number, now: number): void {
    if (!this.isSkipping || wait > RESUME_WAIT || now - this.requested < REQUEST_INTERVAL) return;
    this.requested = now;
    this.requestKeyFrame();
  }
}
