import { nodeCrypto } from "#src/node/crypto.js";
import { SctpAssociation } from "#src/sctp/association.js";
import { read32, write32 } from "#src/sctp/packet.js";
import { crc32cOfSctpPacket } from "#src/util/checksum.js";
import type { FuzzTarget } from "./target.js";

/** A pair that is established, with what each said. Everything is deterministic. */
function establish(): { ends: SctpAssociation[]; log: Uint8Array[]; sent: number[] } {
  let seed = 1;
  const crypto = {
    random: (length: number) =>
      Uint8Array.from({ length }, () => {
        seed = (seed * 1103515245 + 12345) >>> 0;
        return seed >>> 16;
      }),
    createHmac: nodeCrypto.createHmac.bind(nodeCrypto),
    equal: nodeCrypto.equal.bind(nodeCrypto),
  };
  const log: Uint8Array[] = [];
  const queue: { to: number; packet: Uint8Array }[] = [];
  const sent = [0, 0];
  const ends = [0, 1].map(
    (side) =>
      new SctpAssociation(
        { crypto, maxMessageSize: 100_000, peerMaxMessageSize: 0 },
        {
          transmit(packet) {
            sent[side]!++;
            log.push(packet.slice());
            queue.push({ to: 1 - side, packet: packet.slice() });
          },
          onEstablished() {},
          onMessage() {},
          onStreamsReset() {},
          onOutgoingReset() {},
          onBufferedAmountDecrease() {},
          onClosed() {},
        },
      ),
  );
  const exchange = (): void => {
    for (let i = 0; i < 20; i++) {
      for (const { to, packet } of queue.splice(0)) ends[to]!.receive(packet, 1000 + i);
      for (const end of ends) end.flush(1000 + i);
    }
  };
  ends[0]!.connect(1000);
  exchange();
  ends[0]!.send(1, 51, new Uint8Array(3000), {}, 1020);
  ends[1]!.send(2, 53, new Uint8Array(10), { unordered: true }, 1020);
  ends[0]!.resetStreams([1]);
  exchange();
  return { ends, log, sent };
}

/** One packet, its tag and checksum made right, into an established association that has data outstanding. */
export const target: FuzzTarget = {
  name: "sctp-packet",
  seeds: establish().log,
  run(input) {
    const { ends, log, sent } = establish();
    const [end] = ends;
    end!.send(3, 53, new Uint8Array(20_000), { maxRetransmits: 1 }, 2000);
    end!.flush(2000);
    if (input.length >= 12) {
      // The tag of the other side's last packet to this one.
      const tag = log.findLast((packet) => packet[12] === 3)!;
      if (input[12] !== 1) write32(input, 4, read32(tag, 4));
      input.set([0x13, 0x88, 0x13, 0x88]);
      write32(input, 8, 0);
      const crc = crc32cOfSctpPacket(input);
      for (let i = 0; i < 4; i++) input[8 + i] = crc >>> (8 * i);
    }
    const before = sent[0]!;
    for (const side of ends) {
      side.receive(input.slice(), 2001);
      side.flush(2001);
    }
    for (let i = 0, now = 2001; i < 10; i++) {
      now = end!.deadline;
      if (now === Number.POSITIVE_INFINITY) break;
      end!.handleTimeout(now);
      if (end!.deadline <= now) throw new Error("the deadline does not move on");
    }
    // One packet in must not make a flood.
    if (sent[0]! - before > 60) throw new Error(`${sent[0]! - before} packets in answer`);
  },
};
