// Memory for datagrams that is used again. A fresh Uint8Array per packet costs about as much as sealing the packet, and a view
// into a slab that is made anew each 64 KB is memory outside of V8's heap, of which tens of megabytes a second make it run full
// collections. Only for bytes of which somebody knows when the last one is done with them: what is not given back is collected.

/** Bytes of a pooled packet: what a path of 1500 carries, and what protection adds on top; or a record of the largest size. */
const PACKET_SIZE = 1536;
const RECORD_SIZE = 16_640;
/** Packets are cut from pieces of so many bytes. */
const CHUNK_SIZE = 32 * PACKET_SIZE;
/** What waits to be used again; more is left to the collector. */
const MAX_FREE_PACKETS = 4096;
const MAX_FREE_RECORDS = 128;

/** Memory of one packet. */
export class PooledPacket {
  /** At least as long as was asked for; what it contains is anything. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  private exact: Uint8Array<ArrayBuffer>;

  constructor(bytes: Uint8Array<ArrayBuffer>) {
    this.bytes = bytes;
    this.exact = bytes;
  }

  /** The first `length` bytes. Packets of one stream often have the same length: the view of the last time then serves again. */
  view(length: number): Uint8Array<ArrayBuffer> {
    if (this.exact.length !== length) this.exact = this.bytes.subarray(0, length);
    return this.exact;
  }
}

const packets: PooledPacket[] = [];
const records: PooledPacket[] = [];
let chunk = new Uint8Array(0);
let used = 0;

function cut(): PooledPacket {
  if (used === chunk.length) {
    chunk = new Uint8Array(CHUNK_SIZE);
    used = 0;
  }
  used += PACKET_SIZE;
  return new PooledPacket(chunk.subarray(used - PACKET_SIZE, used));
}

/** Memory for a packet of at most `length` bytes, the caller's own. */
export function takePacket(length: number): PooledPacket {
  if (length <= PACKET_SIZE) return packets.pop() ?? cut();
  if (length > RECORD_SIZE) return new PooledPacket(new Uint8Array(length));
  return records.pop() ?? new PooledPacket(new Uint8Array(RECORD_SIZE));
}

/** Nobody looks at the packet any more: it may serve as another one from here on. */
export function givePacket(packet: PooledPacket): void {
  const { length } = packet.bytes;
  if (length === PACKET_SIZE) {
    if (packets.length < MAX_FREE_PACKETS) packets.push(packet);
  } else if (length === RECORD_SIZE && records.length < MAX_FREE_RECORDS) records.push(packet);
}
