// Packets that came before the section they belong to was set up: media may overtake the answer (RFC 8829 §5.10, RFC 3264 §5.1).

export const MAX_EARLY_PACKETS = 256;
export const MAX_EARLY_BYTES: number = 256 * 1024;
/** Older ones are of no use any more, milliseconds. */
const MAX_AGE = 2000;

interface EarlyPacket {
  readonly data: Uint8Array;
  readonly time: number;
}

export class EarlyPackets {
  private packets: EarlyPacket[] = [];
  private bytes = 0;

  /** The bytes are copied: they may be part of a large buffer. The first ones are the ones that matter. */
  keep(data: Uint8Array, length: number, now: number): void {
    const oldest = this.packets[0];
    if (oldest !== undefined && now - oldest.time > MAX_AGE) this.clear();
    if (this.packets.length >= MAX_EARLY_PACKETS || this.bytes + length > MAX_EARLY_BYTES) return;
    this.packets.push({ data: data.slice(0, length), time: now });
    this.bytes += length;
  }

  /** Hands all of them over; what still belongs to nobody may be kept again. */
  replay(receive: (data: Uint8Array, time: number) => void): void {
    const { packets } = this;
    if (packets.length === 0) return;
    this.clear();
    for (const { data, time } of packets) receive(data, time);
  }

  clear(): void {
    this.packets = [];
    this.bytes = 0;
  }
}
