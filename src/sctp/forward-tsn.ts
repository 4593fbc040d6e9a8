// FORWARD TSN and I-FORWARD-TSN chunks (RFC 3758 §3.2, RFC 8260 §2.3.1): tell the peer past which TSNs to go. What is given up
// is decided in retransmission.ts.
import { FORWARD_TSN, I_FORWARD_TSN } from "./chunks.js";
import { type PacketBuilder, write16, write32 } from "./packet.js";
import type { OutgoingMessage } from "./send-queue.js";

/** Adds the chunk, from the cumulative TSN as far towards `upTo` as its streams fit the packet. */
export function writeForwardTsn(
  builder: PacketBuilder,
  interleaving: boolean,
  cumulativeTsn: number,
  upTo: number,
  messageAt: (tsn: number) => OutgoingMessage,
): void {
  const count = (upTo - cumulativeTsn) | 0;
  // The largest sequence number per stream and, with I-DATA, kind.
  const skipped = new Map<number, OutgoingMessage>();
  const entry = interleaving ? 8 : 4;
  let room = Math.floor((builder.space - 8) / entry);
  let point = upTo;
  for (let i = 1; i <= count; i++) {
    const tsn = (cumulativeTsn + i) >>> 0;
    const message = messageAt(tsn);
    if (message.unordered && !interleaving) continue;
    const key = message.stream.id * 2 + (message.unordered ? 1 : 0);
    if (!skipped.has(key) && room-- <= 0) {
      // The rest goes with the next one.
      point = (tsn - 1) >>> 0;
      break;
    }
    skipped.set(key, message);
  }
  let at = builder.chunk(interleaving ? I_FORWARD_TSN : FORWARD_TSN, 0, 8 + entry * skipped.size);
  const b = builder.buffer;
  write32(b, at + 4, point);
  at += 8;
  for (const message of skipped.values()) {
    write16(b, at, message.stream.id);
    if (interleaving) {
      write16(b, at + 2, message.unordered ? 1 : 0);
      write32(b, at + 4, message.sequence);
    } else write16(b, at + 2, message.sequence);
    at += entry;
  }
}
