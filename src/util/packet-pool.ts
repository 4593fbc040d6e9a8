// Memory for datagrams that is used again. A fresh Uint8Array per packet costs about as much as sealing the packet, and a view
// into a slab that is made anew each 64 KB is memory outside of V8's heap, of which tens of megabytes a second make it run full
// collections. Only for bytes of which somebody knows when the last one is done with them: what is not given back is collected.

/** Bytes of a pooled packet: what a path of 1500 carries, and what protection adds on top. */
const PACKET_SIZE = 1536;
/** Pieces of so many bytes are cut into packets. */
const CHUNK_SIZE = 32 * PACKET_SIZE;
/** Packets that wait to be used again; further ones are left to the collector. */
const MAX_FREE = 4096;

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

const free: PooledPacket[] = [];
let chunk = new Uint8Array(0);
let used = 0;

/** Memory for a packet of at most `length` bytes, the caller's own. */
export function takePacket(length: number): PooledPacket {
  if (length > PACKET_SIZE) return new PooledPacket(new Uint8Array(length));
  const packet = free.pop();
  if (packet !== undefined) return packet;
  if (used === chunk.length) {
    chunk = new Uint8Array(CHUNK_SIZE);
    used = 0;
  }
  used += PACKET_SIZE;
  return new PooledPacket(chunk.subarray(used - PACKET_SIZE, used));
}

/** Nobody looks at the packet any more: it may serve as another one from here on. */
export function givePacket(packet: PooledPacket): void {
  if (packet.bytes.length === PACKET_SIZE && free.length < MAX_FREE) free.push(packet);
}
