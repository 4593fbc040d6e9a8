// A queue of packets with their sizes and times, as rings: nothing is allocated per packet.

const INITIAL_CAPACITY = 32;

export class PacketQueue<T> {
  length = 0;
  /** Of all that wait. */
  bytes = 0;
  /** Sum of the times at which they were added: their average age is `now - timeSum / length`. */
  timeSum = 0;
  private packets: (T | undefined)[] = new Array<T | undefined>(INITIAL_CAPACITY).fill(undefined);
  private sizes = new Int32Array(INITIAL_CAPACITY);
  private times = new Float64Array(INITIAL_CAPACITY);
  private first = 0;

  get firstBytes(): number {
    return this.sizes[this.first]!;
  }

  get firstTime(): number {
    return this.times[this.first]!;
  }

  push(packet: T, bytes: number, now: number): void {
    if (this.length === this.packets.length) this.grow();
    const at = (this.first + this.length++) & (this.packets.length - 1);
    this.packets[at] = packet;
    this.sizes[at] = bytes;
    this.times[at] = now;
    this.bytes += bytes;
    this.timeSum += now;
  }

  shift(): T | undefined {
    if (this.length === 0) return undefined;
    const at = this.first;
    const packet = this.packets[at];
    this.packets[at] = undefined;
    this.bytes -= this.sizes[at]!;
    this.timeSum -= this.times[at]!;
    this.first = (at + 1) & (this.packets.length - 1);
    // Sums of fractions drift.
    if (--this.length === 0) this.timeSum = 0;
    return packet;
  }

  remove(match: (packet: T) => boolean): void {
    for (let left = this.length; left > 0; left--) {
      const bytes = this.firstBytes;
      const time = this.firstTime;
      const packet = this.shift()!;
      if (!match(packet)) this.push(packet, bytes, time);
    }
  }

  private grow(): void {
    const { packets, sizes, times, first, length } = this;
    const capacity = packets.length * 2;
    this.packets = new Array<T | undefined>(capacity).fill(undefined);
    this.sizes = new Int32Array(capacity);
    this.times = new Float64Array(capacity);
    for (let i = 0; i < length; i++) {
      const at = (first + i) & (packets.length - 1);
      this.packets[i] = packets[at];
      this.sizes[i] = sizes[at]!;
      this.times[i] = times[at]!;
    }
    this.first = 0;
  }
}
