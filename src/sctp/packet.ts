// SCTP packet: common header (RFC 9260 §3.1), checksum (Appendix A; zero under RFC 9653), and the builder that bundles
// chunks in reused memory. Chunk contents are written elsewhere.
import { crc32cOfSctpPacket } from "../util/checksum.js";
import { givePacket, type PooledPacket, takePacket } from "../util/packet-pool.js";
import { MAX_MTU } from "./options.js";

export const COMMON_HEADER = 12;
export const CHUNK_HEADER = 4;

export function read16(b: Uint8Array, o: number): number {
  return (b[o]! << 8) | b[o + 1]!;
}

export function read32(b: Uint8Array, o: number): number {
  return ((b[o]! << 24) | (b[o + 1]! << 16) | (b[o + 2]! << 8) | b[o + 3]!) >>> 0;
}

export function write16(b: Uint8Array, o: number, v: number): void {
  b[o] = v >>> 8;
  b[o + 1] = v;
}

export function write32(b: Uint8Array, o: number, v: number): void {
  b[o] = v >>> 24;
  b[o + 1] = v >>> 16;
  b[o + 2] = v >>> 8;
  b[o + 3] = v;
}

/** `n` rounded up to a multiple of four. */
export function pad4(n: number): number {
  return (n + 3) & ~3;
}

/** True if the checksum is right, or zero where `zeroAllowed` (RFC 9653 §5.3). */
export function checksumOk(packet: Uint8Array, zeroAllowed: boolean): boolean {
  if (zeroAllowed && (packet[8]! | packet[9]! | packet[10]! | packet[11]!) === 0) return true;
  const crc = crc32cOfSctpPacket(packet);
  return (
    packet[8] === (crc & 0xff) &&
    packet[9] === ((crc >>> 8) & 0xff) &&
    packet[10] === ((crc >>> 16) & 0xff) &&
    packet[11] === crc >>> 24
  );
}

/** Why a packet is not for the association between these ports, or is damaged; undefined if it is neither. */
export function packetProblem(
  packet: Uint8Array,
  localPort: number,
  remotePort: number,
  zeroAllowed: boolean,
): string | undefined {
  if (packet.length < COMMON_HEADER + CHUNK_HEADER) return "short packet";
  if (read16(packet, 0) !== remotePort || read16(packet, 2) !== localPort) return "wrong port";
  return checksumOk(packet, zeroAllowed) ? undefined : "wrong checksum";
}

/** Whether a packet that begins with an INIT has tag zero and nothing else in it (RFC 9260 §8.5.1 A, §3.3.2). */
export function isLoneInit(packet: Uint8Array): boolean {
  const length = read16(packet, COMMON_HEADER + 2);
  const end = COMMON_HEADER + length;
  return (
    read32(packet, 4) === 0 && length >= 4 && end <= packet.length && COMMON_HEADER + pad4(length) >= packet.length
  );
}

const NOTHING = new Uint8Array(0);

/** Builds one packet at a time, in memory that it has from `begin` to `release`. */
export class PacketBuilder {
  buffer: Uint8Array = NOTHING;
  /** Bytes written so far. */
  length = 0;
  /** Largest packet, a multiple of four. */
  limit: number;
  private readonly ports: number;
  private memory: PooledPacket | undefined;

  constructor(mtu: number, localPort: number, remotePort: number) {
    this.limit = mtu & ~3;
    this.ports = ((localPort << 16) | remotePort) >>> 0;
  }

  setLimit(mtu: number): void {
    this.limit = mtu & ~3;
  }

  private grow(size: number): void {
    const old = this.buffer;
    const { memory } = this;
    this.take(Math.min(MAX_MTU, Math.max(size, this.limit)));
    this.buffer.set(old.subarray(0, this.length));
    if (memory !== undefined) givePacket(memory);
  }

  private take(size: number): void {
    this.memory = takePacket(size);
    this.buffer = this.memory.bytes;
  }

  begin(verificationTag: number): void {
    if (this.memory === undefined) this.take(this.limit);
    write32(this.buffer, 0, this.ports);
    write32(this.buffer, 4, verificationTag);
    this.length = COMMON_HEADER;
  }

  /** True if no chunk was added. */
  get empty(): boolean {
    return this.length <= COMMON_HEADER;
  }

  get space(): number {
    return this.limit - this.length;
  }

  /** Reserves a chunk of `length` bytes (padded with zeros), writes its header, and returns where it starts. May pass `limit` (never MAX_MTU). */
  chunk(type: number, flags: number, length: number): number {
    const at = this.length;
    const end = at + pad4(length);
    if (end > this.buffer.length) this.grow(end);
    const b = this.buffer;
    b[at] = type;
    b[at + 1] = flags;
    b[at + 2] = length >>> 8;
    b[at + 3] = length;
    for (let i = at + length; i < end; i++) b[i] = 0;
    this.length = end;
    return at;
  }

  /** Adds a whole chunk from bytes, header included. */
  add(chunk: Uint8Array): void {
    const at = this.chunk(0, 0, chunk.length);
    this.buffer.set(chunk, at);
  }

  /** The finished packet, valid until `release`. */
  finish(zeroChecksum: boolean): Uint8Array {
    const packet = this.memory!.view(this.length);
    packet[8] = 0;
    packet[9] = 0;
    packet[10] = 0;
    packet[11] = 0;
    if (!zeroChecksum) {
      const crc = crc32cOfSctpPacket(packet);
      packet[8] = crc;
      packet[9] = crc >>> 8;
      packet[10] = crc >>> 16;
      packet[11] = crc >>> 24;
    }
    return packet;
  }

  /** Nobody looks at the packet any more. */
  release(): void {
    if (this.memory === undefined) return;
    givePacket(this.memory);
    this.memory = undefined;
    this.buffer = NOTHING;
    this.length = 0;
  }
}
