// Recovery from repair packets as a machine: the input is a program of media packets that arrive or are lost, repair packets
// that an honest sender made of them, and repair packets that say anything.

import { type FecFormat, FecPacket } from "#src/rtp/fec/fec-packet.js";
import { FecReceiver, MAX_WAITING_FEC } from "#src/rtp/fec/fec-receiver.js";
import { FecSender } from "#src/rtp/fec/fec-sender.js";
import { RtpPacket, writeRtpHeader } from "#src/rtp/packet.js";
import type { FuzzTarget } from "./target.js";

const FORMATS: readonly FecFormat[] = ["ulpfec", "flexfec", "flexfec-03"];

function around(payload: Uint8Array, csrcs: number): RtpPacket {
  const header = 12 + 4 * csrcs;
  const data = new Uint8Array(header + payload.length);
  writeRtpHeader(data, false, 100, 0, 0, 1, csrcs);
  for (let i = 0; i < csrcs; i++) data[12 + 4 * i + 3] = 1 + i;
  data.set(payload, header);
  const packet = new RtpPacket();
  if (!packet.parse(data)) throw new Error("no RTP packet");
  return packet;
}

export const target: FuzzTarget = {
  name: "fec",
  seeds: [
    // Three media packets, the second lost; the group ends with one repair packet.
    Uint8Array.of(2, 0, 30, 1, 40, 0, 50, 2, 0),
    Uint8Array.of(1, 0, 30, 0, 40, 1, 50, 2, 0, 1, 7, 0, 9, 2, 1),
    // Repair packets that say anything, with their masks.
    Uint8Array.of(0, 0, 30, 3, 14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 30, 0, 20, 0xc0, 0),
    Uint8Array.of(2, 0, 9, 3, 20, 0, 96, 0, 9, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0xc0, 0),
    Uint8Array.of(1, 0, 9, 3, 16, 0x40, 96, 0, 9, 0, 0, 0, 0, 0, 0, 3, 2, 4, 5, 6, 7),
  ],
  run(input) {
    let at = 0;
    const byte = (): number => input[at++] ?? 0;
    const options = byte();
    const format = FORMATS[options % 3]!;
    const csrcs = format === "flexfec" ? 1 + ((options >> 2) & 3) : 0;
    const sent = new Map<number, Uint8Array>();
    let honest = true;
    const receiver = new FecReceiver(
      {
        format,
        ssrcs: [1, 2],
        mutableExtensions:
          options & 128
            ? [
                { id: 1, from: 0 },
                { id: 3, from: 1 },
              ]
            : [],
      },
      {
        onRecovered(packet) {
          if (packet.length < 12 || packet[0]! >> 6 !== 2 || packet.length > 8192) throw new Error("no RTP packet");
          if (!honest || options & 128) return;
          const original = sent.get((packet[2]! << 8) | packet[3]!);
          if (original === undefined || !original.every((value, i) => packet[i] === value)) {
            throw new Error("recovered something else");
          }
        },
      },
    );
    const repairs: Uint8Array[] = [];
    const sender = new FecSender(
      {
        format,
        ssrc: 1,
        groupSize: 12,
        repairPackets: 1 + (options >> 6),
      },
      (payload) => repairs.push(payload.slice()),
    );
    let sequence = 65_500;
    for (let steps = 0; at < input.length && steps < 600; steps++) {
      const op = byte();
      switch (op % 5) {
        case 0:
        case 1: {
          sequence = (sequence + 1 + (op >> 5) * (op >> 3)) & 0xffff;
          const packet = new Uint8Array(12 + byte());
          writeRtpHeader(packet, (op & 8) !== 0, 96, sequence, steps, 1, 0);
          for (let i = 12; i < packet.length; i++) packet[i] = i * steps;
          if (op & 16 && packet.length > 20) {
            packet[0]! |= 0x10;
            packet.set(input.subarray(at, at + 8), 12);
          }
          if (sent.size > 200) sent.delete(sent.keys().next().value!);
          sent.set(sequence, packet);
          sender.addMediaPacket(packet, packet.length);
          if (op % 5 === 0) receiver.addMediaPacket(packet.slice(), packet.length);
          break;
        }
        case 2:
          sender.endGroup();
          for (const payload of repairs.splice(0)) {
            // The peer has one stream here.
            if (byte() % 4 < 3) receiver.addFecPacket(around(payload, format === "flexfec" ? 1 : 0));
          }
          break;
        case 3: {
          const packet = around(input.slice(at, at + byte()), csrcs);
          const skip = byte() & 1;
          if (FecPacket.parse(packet, format, skip) !== undefined) honest = false;
          receiver.addFecPacket(packet, skip);
          break;
        }
        default: {
          // Media that no sender made.
          const packet = input.slice(at, at + byte());
          honest = false;
          receiver.addMediaPacket(packet, packet.length);
        }
      }
      const { waiting } = receiver as unknown as { waiting: readonly unknown[] };
      if (waiting.length > MAX_WAITING_FEC) throw new Error("too many wait");
    }
    const { packetsReceived, packetsRecovered, packetsDiscarded } = receiver;
    if (packetsRecovered + packetsDiscarded > packetsReceived) throw new Error("counters");
  },
};
