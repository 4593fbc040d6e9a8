// Groups packets that left together (a burst of the pacer) and gives, for each pair of successive groups, how much longer
// the second took: the input of the delay gradient (draft-ietf-rmcat-gcc-02 §5.2, with the grouping of today's Chromium).

/** Packets that left within so many milliseconds of the first of a group belong to it. */
const GROUP_LENGTH = 5;
/** Packets that arrive this close behind one another, faster than they were sent, come out of one queue at once: one group. */
const BURST_GAP = 5;
const MAX_BURST = 100;
/** The receiver's clock may run ahead of ours by so much between two groups before it counts as having jumped. */
const CLOCK_JUMP = 3000;
const MAX_REORDERED_GROUPS = 3;

export class InterArrival {
  /** Milliseconds between the last packets of the two groups, at the sender and at the receiver. Valid after `add` gave true. */
  sendDelta = 0;
  arrivalDelta = 0;

  private hasCurrent = false;
  private firstSend = 0;
  private lastSend = 0;
  private firstArrival = 0;
  private lastArrival = 0;
  private lastFeedback = 0;

  private hasPrevious = false;
  private previousSend = 0;
  private previousArrival = 0;
  private previousFeedback = 0;

  private reordered = 0;

  /** True if the packet begins a group and there were two whole ones before it. All times in milliseconds. */
  add(sendTime: number, arrival: number, now: number): boolean {
    let measured = false;
    if (!this.hasCurrent) {
      this.begin(sendTime, arrival);
    } else if (sendTime < this.firstSend) {
      return false;
    } else if (this.startsGroup(sendTime, arrival)) {
      if (this.hasPrevious) {
        const sendDelta = this.lastSend - this.previousSend;
        const arrivalDelta = this.lastArrival - this.previousArrival;
        if (arrivalDelta - (this.lastFeedback - this.previousFeedback) >= CLOCK_JUMP) {
          this.reset();
          return false;
        }
        if (arrivalDelta < 0) {
          if (++this.reordered >= MAX_REORDERED_GROUPS) this.reset();
          return false;
        }
        this.reordered = 0;
        this.sendDelta = sendDelta;
        this.arrivalDelta = arrivalDelta;
        measured = true;
      }
      this.hasPrevious = true;
      this.previousSend = this.lastSend;
      this.previousArrival = this.lastArrival;
      this.previousFeedback = this.lastFeedback;
      this.begin(sendTime, arrival);
    } else if (sendTime > this.lastSend) {
      this.lastSend = sendTime;
    }
    this.lastArrival = arrival;
    this.lastFeedback = now;
    return measured;
  }

  reset(): void {
    this.hasCurrent = false;
    this.hasPrevious = false;
    this.reordered = 0;
  }

  private begin(sendTime: number, arrival: number): void {
    this.hasCurrent = true;
    this.firstSend = sendTime;
    this.lastSend = sendTime;
    this.firstArrival = arrival;
  }

  private startsGroup(sendTime: number, arrival: number): boolean {
    const sendDelta = sendTime - this.lastSend;
    if (sendDelta === 0) return false;
    const arrivalDelta = arrival - this.lastArrival;
    const burst = arrivalDelta < sendDelta && arrivalDelta <= BURST_GAP && arrival - this.firstArrival < MAX_BURST;
    return !burst && sendTime - this.firstSend > GROUP_LENGTH;
  }
}
