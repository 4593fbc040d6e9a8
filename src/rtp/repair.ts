// Forward error correction of one received stream: ULPFEC that comes within the stream in RED (RFC 5109 §14.2), and FlexFEC that
// comes on an SSRC of its own. Nothing is kept before the first repair packet has shown that the peer sends such.
import type { FecFormat } from "./fec/fec-packet.js";
import { FecReceiver } from "./fec/fec-receiver.js";
import type { MutableExtension } from "./fec/parity.js";
import type { RtpPacket } from "./packet.js";

export class StreamRepair {
  /** Whole packets that were lost, to be taken out by `take`. */
  private readonly recovered: Uint8Array[] = [];
  private readonly receivers = new Map<FecFormat, FecReceiver>();
  private readonly ssrc: number;
  private readonly mutableExtensions: readonly MutableExtension[];

  constructor(ssrc: number, mutableExtensions: readonly MutableExtension[]) {
    this.ssrc = ssrc;
    this.mutableExtensions = mutableExtensions;
  }

  private receiver(format: FecFormat): FecReceiver {
    let receiver = this.receivers.get(format);
    if (receiver === undefined) {
      const options = { format, ssrcs: [this.ssrc], mutableExtensions: this.mutableExtensions };
      receiver = new FecReceiver(options, { onRecovered: (packet) => this.recovered.push(packet) });
      this.receivers.set(format, receiver);
    }
    return receiver;
  }

  /** A media packet as it was sent first. */
  onMedia(packet: RtpPacket): void {
    for (const receiver of this.receivers.values()) receiver.addMediaPacket(packet.data, packet.length);
  }

  /** `skip` bytes of the payload are in front of the repair header. */
  onRepair(format: FecFormat, packet: RtpPacket, skip: number): void {
    this.receiver(format).addFecPacket(packet, skip);
  }

  /** What a repair packet gave was none of the stream's media. */
  rejected = 0;

  /** One of the packets that were recovered since. */
  take(): Uint8Array | undefined {
    return this.recovered.shift();
  }

  private sum(of: (receiver: FecReceiver) => number): number {
    let sum = 0;
    for (const receiver of this.receivers.values()) sum += of(receiver);
    return sum;
  }

  get packetsReceived(): number {
    return this.sum((receiver) => receiver.packetsReceived);
  }

  get bytesReceived(): number {
    return this.sum((receiver) => receiver.bytesReceived);
  }

  get packetsDiscarded(): number {
    return this.rejected + this.sum((receiver) => receiver.packetsDiscarded);
  }
}
