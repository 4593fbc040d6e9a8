// SRTP as a machine: the input is a program of packets to protect, to deliver once or twice, to change on the way and to
// make up. What was not protected must not be delivered, and nothing twice.

import { nodeCrypto } from "#src/node/crypto.js";
import { MAX_RECEIVE_STREAMS, SrtpSession, splitKeys, srtpKeyLength } from "#src/srtp/session.js";
import { cheapCrypto } from "./cheap-crypto.js";
import type { FuzzTarget } from "./target.js";

const PROFILES = [1, 2, 7, 8];
const ROOM = 24;

interface Sealed {
  readonly bytes: Uint8Array;
  readonly plain: Uint8Array;
  readonly rtcp: boolean;
  delivered: boolean;
}

/** What arrives: a sealed packet, or undefined if it was changed or made up. */
interface Arrival {
  readonly bytes: Uint8Array;
  readonly sealed: Sealed | undefined;
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

function deliver(session: SrtpSession, arrivals: readonly Arrival[]): void {
  const packets = arrivals.map(({ bytes }) => bytes.slice());
  const lengths = packets.map((packet) => packet.length);
  session.unprotectRtp(packets, lengths, packets.length);
  arrivals.forEach(({ sealed }, i) => {
    if (lengths[i] !== 0) check(sealed, packets[i]!.subarray(0, lengths[i]), false);
  });
}

function check(sealed: Sealed | undefined, plain: Uint8Array, rtcp: boolean): void {
  if (sealed === undefined || sealed.rtcp !== rtcp) throw new Error("delivered what was not protected");
  if (sealed.delivered) throw new Error("delivered twice");
  if (!same(plain, sealed.plain)) throw new Error("delivered something else");
  sealed.delivered = true;
}

export const target: FuzzTarget = {
  name: "srtp",
  seeds: [
    // Protect, deliver, deliver again; RTCP; a forged one; a jump and a wrap.
    Uint8Array.of(0, 0, 1, 20, 0x80, 96, 0, 1, 3, 0, 3, 0, 1, 24, 4, 0, 3, 1, 5, 0, 9, 7),
    Uint8Array.of(2, 0, 2, 60, 0x92, 96, 255, 254, 0, 1, 60, 0x90, 96, 0, 1, 3, 0, 3, 1, 2, 1, 28, 3, 2),
    Uint8Array.of(5, 0, 9, 80, 0x93, 1, 2, 3, 0, 9, 80, 0x80, 1, 2, 9, 4, 0, 5, 8, 3, 3, 0, 3, 1, 6, 30, 128, 96),
    Uint8Array.of(3, 0, 1, 40, 0x92, 2, 0, 1, 0xbe, 0xde, 135, 0, 0, 1, 40, 0x92, 2, 0, 2, 3, 0, 3, 1, 2, 0),
    Uint8Array.of(7, 0, 1, 40, 0x91, 2, 128, 0, 0, 2, 40, 0x82, 2, 0, 0, 3, 0, 3, 1, 5, 2, 4, 3, 0),
    // With real ciphers.
    Uint8Array.of(8, 0, 1, 20, 0x80, 96, 0, 1, 3, 0, 3, 0, 1, 24, 4, 0, 3, 1, 5, 0, 9, 7),
    Uint8Array.of(15, 0, 1, 40, 0x91, 2, 128, 0, 0, 2, 40, 0x82, 2, 0, 0, 3, 0, 3, 1, 5, 2, 4, 3, 0),
  ],
  run(input) {
    let at = 0;
    const byte = (): number => input[at++] ?? 0;
    const options = byte();
    const profile = PROFILES[options & 3]!;
    let cryptex = (options & 4) !== 0;
    const material = new Uint8Array(srtpKeyLength(profile)!).map((_, i) => i);
    const crypto = options >> 3 === 1 ? nodeCrypto : cheapCrypto;
    const session = (isClient: boolean): SrtpSession =>
      new SrtpSession({ crypto, profile, cryptex, ...splitKeys(profile, material, isClient) });
    const sender = session(true);
    const receiver = session(false);
    const sealed: Sealed[] = [];
    let batch: Arrival[] = [];
    let steps = 0;
    while (at < input.length && steps++ < 300) {
      const op = byte();
      const one = sealed[byte() % Math.max(1, sealed.length)];
      switch (op % 7) {
        case 0:
        case 1: {
          const rtcp = op % 7 === 1;
          const length = byte();
          const packet = new Uint8Array(length + ROOM);
          for (let i = 0; i < Math.min(length, 4); i++) packet[i] = byte();
          packet[rtcp ? 7 : 11] = op >> 3;
          for (let i = 12; i < length; i++) packet[i] = i;
          const plain = packet.slice(0, length);
          const lengths = [length];
          if (rtcp) lengths[0] = sender.protectRtcp(packet, length);
          else sender.protectRtp([packet], lengths, 1);
          if (lengths[0] === 0) break;
          // CSRCs without an extension come out with an empty one (RFC 9335 §5.1).
          const grown = cryptex && !rtcp && (plain[0]! & 0x1f) > 0 && (plain[0]! & 0x10) === 0;
          const header = 12 + 4 * (plain[0]! & 15);
          const expected = grown
            ? Uint8Array.of(
                plain[0]! | 0x10,
                ...plain.subarray(1, header),
                ...[0xbe, 0xde, 0, 0],
                ...plain.subarray(header),
              )
            : plain;
          sealed.push({ bytes: packet.slice(0, lengths[0]), plain: expected, rtcp, delivered: false });
          break;
        }
        case 2:
          deliver(receiver, batch);
          batch = [];
          if (op < 128) break;
          // Negotiated anew: the sender begins or ends, and the receiver takes both.
          cryptex = !cryptex;
          sender.setCryptex(cryptex, true);
          receiver.setCryptex(false, true);
          break;
        case 3:
          if (one === undefined) break;
          if (!one.rtcp) {
            // A program's own repeats of an index are other packets with the same one: only one of them arrives.
            batch.push({ bytes: one.bytes, sealed: one });
            break;
          }
          {
            const bytes = one.bytes.slice();
            const length = receiver.unprotectRtcp(bytes, bytes.length);
            if (length > 0) check(one, bytes.subarray(0, length), true);
          }
          break;
        case 4:
          if (one === undefined) break;
          {
            const bytes = one.bytes.slice();
            bytes[byte() % bytes.length]! ^= 1 + (byte() % 255);
            if (one.rtcp && receiver.unprotectRtcp(bytes, bytes.length) > 0) throw new Error("took a changed packet");
            batch.push({ bytes, sealed: undefined });
          }
          break;
        case 5: {
          const bytes = input.slice(at, at + byte());
          batch.push({ bytes, sealed: undefined });
          if (receiver.unprotectRtcp(bytes.slice(), bytes.length) > 0) throw new Error("took what was made up");
          break;
        }
        default:
          if (one !== undefined)
            batch.push({ bytes: one.bytes.slice(0, byte() % one.bytes.length), sealed: undefined });
      }
    }
    deliver(receiver, batch);
    const { receiveStreams } = receiver as unknown as { receiveStreams: Map<number, unknown> };
    if (receiveStreams.size > MAX_RECEIVE_STREAMS) throw new Error("too many streams");
  },
};
