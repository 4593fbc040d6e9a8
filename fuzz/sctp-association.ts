import { nodeCrypto } from "#src/node/crypto.js";
import { SctpAssociation } from "#src/sctp/association.js";
import { createInit } from "#src/sctp/init.js";
import type { FuzzTarget } from "./target.js";

const MAX_STEPS = 600;

/**
 * The input is a program: each byte chooses an action on one of two associations, the following ones its arguments: commands,
 * deliveries in any order, losses, duplicates, corrupted packets with a right checksum (zero), and time.
 */
export const target: FuzzTarget = {
  name: "sctp-association",
  seeds: [
    Uint8Array.of(0, 8, 8, 8, 8, 8, 2, 1, 9, 40, 8, 8, 8, 8, 14, 14, 8, 8),
    Uint8Array.of(0, 1, 8, 8, 8, 8, 8, 8, 2, 5, 200, 3, 6, 100, 10, 8, 8, 4, 1, 8, 11, 8, 14, 14, 14, 8, 8, 8),
    Uint8Array.of(64, 1, 2, 1, 9, 8, 8, 40, 3, 6, 100, 10, 8, 8, 4, 1, 8, 11, 8, 14, 14, 14, 8, 8, 8),
    Uint8Array.of(32, 2, 1, 9, 1, 8, 8, 40, 8, 8, 14, 8, 14, 8, 8, 2, 1, 9, 8, 14, 8),
    Uint8Array.of(96, 9, 21, 2, 1, 9, 1, 8, 8, 40, 8, 8, 14, 8, 14, 8, 8, 2, 1, 9, 8, 14, 8),
    Uint8Array.of(0, 8, 8, 8, 8, 8, 2, 7, 90, 12, 3, 17, 8, 13, 8, 14, 8, 5, 8, 8, 8, 14, 8, 14, 6, 8),
    Uint8Array.from({ length: 300 }, (_, i) => (i < 8 ? [0, 1, 8, 8, 8, 8, 8, 8][i]! : (i * 37) % 251)),
  ],
  run(input) {
    let seed = 7;
    const crypto = {
      random: (length: number) =>
        Uint8Array.from({ length }, () => {
          seed = (seed * 1103515245 + 12345) >>> 0;
          return seed >>> 16;
        }),
      createHmac: nodeCrypto.createHmac.bind(nodeCrypto),
      equal: nodeCrypto.equal.bind(nodeCrypto),
    };
    const queues: Uint8Array[][] = [[], []];
    const closed = [0, 0];
    const options = { crypto, receiveBuffer: 40_000, interleaving: input[0] !== 1 };
    // Signaled INITs: at one side, at both, or another than the peer's.
    const mode = (input[0]! >> 5) & 3;
    const inits = mode === 0 ? [] : [createInit(options), createInit(options)];
    if (mode === 3) for (let i = 0; i < 3; i++) inits[1]![input[i]! % inits[1]!.length] = input[i]!;
    let now = 10;
    let at = 0;
    const next = (): number => input[at++] ?? 0;
    const make = (side: number): SctpAssociation =>
      new SctpAssociation(
        { ...options, maxMessageSize: 50_000, peerMaxMessageSize: 0 },
        {
          transmit(packet) {
            if (packet.length < 16 || packet.length > 1188 || packet.length % 4 !== 0) throw new Error("bad packet");
            if (queues[1 - side]!.length < 500) queues[1 - side]!.push(packet.slice());
          },
          onEstablished() {},
          onMessage(streamId, _ppid, data) {
            if (data.length === 0 || data.length > 50_000 || streamId > 65_534) throw new Error("bad message");
          },
          onStreamsReset() {},
          onOutgoingReset() {},
          onBufferedAmountDecrease(_id, bytes) {
            if (!(bytes > 0)) throw new Error("bad decrease");
          },
          onClosed() {
            if (++closed[side]! > 1) throw new Error("closed twice");
          },
        },
        mode === 0 || (mode === 1 && side === 1)
          ? undefined
          : { localInit: inits[side]!, remoteInit: inits[1 - side]! },
      );
    const ends = [make(0), make(1)];
    const deliver = (side: number, packet: Uint8Array): void => {
      ends[side]!.receive(packet, now);
      ends[side]!.flush(now);
    };
    for (let step = 0; at < input.length && step < MAX_STEPS; step++) {
      const action = next();
      const side = action >> 7;
      const end = ends[side]!;
      switch (action & 15) {
        case 0:
          end.connect(now);
          break;
        case 1:
          ends[1]!.connect(now);
          break;
        case 2:
        case 3: {
          const flags = next();
          end.send(
            flags & 7,
            53,
            new Uint8Array(1 + next() * (flags & 8 ? 150 : 1)),
            {
              unordered: (flags & 16) !== 0,
              maxRetransmits: flags & 32 ? flags >> 6 : undefined,
              lifetime: flags & 64 ? next() : undefined,
            },
            now,
          );
          end.flush(now);
          break;
        }
        case 4:
          end.resetStreams([next() & 7]);
          end.flush(now);
          break;
        case 5:
          if (next() > 250) end.shutdown(now);
          end.flush(now);
          break;
        case 6:
          if (next() > 252) end.abort(now);
          break;
        case 7:
          end.discard(next() & 7);
          break;
        case 8:
          for (const to of [0, 1]) for (const packet of queues[to]!.splice(0)) deliver(to, packet);
          break;
        case 9: {
          const packet = queues[side]!.splice(next() % Math.max(1, queues[side]!.length), 1)[0];
          if (packet !== undefined) deliver(side, packet);
          break;
        }
        case 10:
          queues[side]!.splice(next() % Math.max(1, queues[side]!.length), 1);
          break;
        case 11: {
          const packet = queues[side]![next() % Math.max(1, queues[side]!.length)];
          if (packet !== undefined) deliver(side, packet.slice());
          break;
        }
        case 12: {
          const packet = queues[side]![0]?.slice();
          if (packet === undefined) break;
          for (let i = 1 + (next() & 3); i > 0; i--) packet[12 + (next() % (packet.length - 12))] = next();
          packet.fill(0, 8, 12);
          deliver(side, packet.subarray(0, packet.length - (next() & 7)));
          break;
        }
        case 13:
          if (closed[side] === 0 && next() > 200) {
            ends[side] = make(side);
            ends[side]!.connect(now);
          }
          break;
        case 14:
        case 15: {
          const due = Math.min(ends[0]!.deadline, ends[1]!.deadline);
          if (due === Number.POSITIVE_INFINITY) break;
          now = Math.max(now, due) + (action & 16 ? next() : 0);
          for (const one of ends) {
            if (one.deadline > now) continue;
            one.handleTimeout(now);
            if (one.deadline <= now) throw new Error("the deadline does not move on");
          }
        }
      }
      for (const one of ends) {
        const { stats } = one;
        if (stats.flight < 0 || stats.unackedChunks < 0 || stats.bufferedAmount < 0 || !(stats.cwnd > 0)) {
          throw new Error(`impossible: ${JSON.stringify(stats)}`);
        }
      }
    }
  },
};
