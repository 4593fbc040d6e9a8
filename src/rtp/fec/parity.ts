// What the parity codes of RTP have in common (RFC 5109 §8, RFC 8627 §6.2): headers and payloads XORed, and the header
// extensions that are left out because they are written anew behind the encoder.
import { readU16 } from "../bytes.js";
import { ONE_BYTE_PROFILE } from "../extensions.js";
import { RTP_HEADER_LENGTH } from "../packet.js";

/** Below so many bytes views of words cost more than they save. */
const MIN_BYTES = 128;

/** XORs `data[from, to)` into `target` from `at` on: by words where both are aligned, which takes a third of the time. */
export function xorBytes(target: Uint8Array, at: number, data: Uint8Array, from: number, to: number): void {
  let i = from;
  const start = target.byteOffset + at;
  const source = data.byteOffset + from;
  if (to - from >= MIN_BYTES && ((start | source) & 3) === 0) {
    const count = (to - from) >> 2;
    const words = new Int32Array(target.buffer, start, count);
    const others = new Int32Array(data.buffer, source, count);
    for (let n = 0; n < count; n++) words[n]! ^= others[n]!;
    i += count * 4;
  }
  for (let k = at + i - from; i < to; i++, k++) target[k]! ^= data[i]!;
}

/** A header extension that is written behind an encoder, such as a send time: it counts as zeros. */
export interface MutableExtension {
  readonly id: number;
  /** Its bytes from here on; those in front are the encoder's. */
  readonly from: number;
}

/**
 * XORs a packet into an accumulator: its length behind the fixed header, its first two bytes, its timestamp (each two or
 * four bytes at the given places), and what follows the fixed header, as far as the accumulator reaches.
 */
export class Parity {
  first = 0;
  second = 0;
  length = 0;
  timestamp = 0;
  /** The XOR of what follows the fixed headers. */
  readonly body: Uint8Array;
  private readonly mutableExtensions: readonly MutableExtension[];

  constructor(body: Uint8Array, mutableExtensions: readonly MutableExtension[]) {
    this.body = body;
    this.mutableExtensions = mutableExtensions;
  }

  add(packet: Uint8Array, length: number): void {
    const { body } = this;
    this.first ^= packet[0]!;
    this.second ^= packet[1]!;
    this.length ^= length - RTP_HEADER_LENGTH;
    this.timestamp ^= (packet[4]! << 24) | (packet[5]! << 16) | (packet[6]! << 8) | packet[7]!;
    const end = Math.min(length, RTP_HEADER_LENGTH + body.length);
    xorBytes(body, 0, packet, RTP_HEADER_LENGTH, end);
    if (this.mutableExtensions.length > 0 && (packet[0]! & 0x10) !== 0) this.takeBackExtensions(packet, end);
  }

  /** XORs mutable elements a second time, as if they had been zero (RFC 8285 §4.2, §4.3). */
  private takeBackExtensions(packet: Uint8Array, length: number): void {
    const start = RTP_HEADER_LENGTH + 4 * (packet[0]! & 15);
    if (start + 4 > length) return;
    const profile = readU16(packet, start);
    const oneByte = profile === ONE_BYTE_PROFILE;
    if (!oneByte && profile >> 4 !== 0x100) return;
    const end = Math.min(length, start + 4 + 4 * readU16(packet, start + 2));
    for (let at = start + 4; at < end; ) {
      const head = packet[at]!;
      // Padding.
      if (head === 0) {
        at++;
        continue;
      }
      const id = oneByte ? head >> 4 : head;
      if (oneByte && id === 15) return;
      const data = at + (oneByte ? 1 : 2);
      const next = data + (oneByte ? (head & 15) + 1 : (packet[at + 1] ?? 0));
      if (next > end) return;
      for (const extension of this.mutableExtensions) {
        const from = data + extension.from;
        if (extension.id === id && from < next) xorBytes(this.body, from - RTP_HEADER_LENGTH, packet, from, next);
      }
      at = next;
    }
  }
}
