// Fills packets with chunks and hands them to the transport; counts them. What goes in is decided by association.ts and
// data-sender.ts.
import { FLAG_I } from "./chunks.js";
import type { SctpHost } from "./options.js";
import { PacketBuilder } from "./packet.js";

export class PacketSender {
  readonly builder: PacketBuilder;
  private readonly host: SctpHost;
  private open = false;
  /** The peer's verification tag. */
  tag = 0;
  /** The peer takes zero checksums (RFC 9653). */
  zeroChecksum = false;
  /** The open packet needs a checksum in any case. */
  private checked = false;
  /** Where the last DATA chunk of the open packet starts, or 0. */
  lastData = 0;
  /** Number of the open or next packet: grows by one with each packet. */
  number = 1;
  packets = 0;
  bytes = 0;

  constructor(host: SctpHost, mtu: number, localPort: number, remotePort: number) {
    this.host = host;
    this.builder = new PacketBuilder(mtu, localPort, remotePort);
  }

  /** Makes sure that `size` bytes fit the open packet, sending it off and starting another if need be. */
  ensure(size: number): PacketBuilder {
    if (this.open && size > this.builder.space) this.send();
    if (!this.open) {
      this.builder.begin(this.tag);
      this.open = true;
      this.checked = false;
      this.lastData = 0;
    }
    return this.builder;
  }

  /** Adds a whole chunk. */
  add(chunk: Uint8Array): void {
    this.ensure(chunk.length).add(chunk);
  }

  /** True if the open packet has chunks. */
  get pending(): boolean {
    return this.open && !this.builder.empty;
  }

  /** The open packet carries a chunk that must have a checksum (RFC 9653 §5.2: INIT, COOKIE ECHO). */
  requireChecksum(): void {
    this.checked = true;
  }

  /** Asks for a SACK at once (RFC 7053) with the last DATA chunk of the open packet. */
  requestSack(): void {
    if (this.open && this.lastData > 0) this.builder.buffer[this.lastData + 1]! |= FLAG_I;
  }

  /** Sends the open packet, if any. */
  send(): void {
    if (!this.open) return;
    this.open = false;
    if (!this.builder.empty) {
      const packet = this.builder.finish(this.zeroChecksum && !this.checked);
      this.number++;
      this.packets++;
      this.bytes += packet.length;
      this.host.transmit(packet);
    }
    this.builder.release();
  }

  /** Sends one chunk as a packet of its own under `tag`, with a checksum: for peers that have no association. */
  sendAlone(chunk: Uint8Array, tag: number): void {
    this.send();
    const keep = this.tag;
    this.tag = tag;
    this.add(chunk);
    this.checked = true;
    this.send();
    this.tag = keep;
  }
}
