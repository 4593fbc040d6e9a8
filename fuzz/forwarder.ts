// A forwarder and its sources as a program: packets of three streams in any order, lost, doubled, malformed, and changes of what is
// wanted. No number goes out twice, and no packet is changed.
import { payloadFormat } from "#src/payload/format.js";
import { HeaderExtensions } from "#src/rtp/extensions.js";
import { ForwardSource } from "#src/rtp/forward-source.js";
import { Forwarder } from "#src/rtp/forwarder.js";
import { RtpPacket, writeRtpHeader } from "#src/rtp/packet.js";
import type { FuzzTarget } from "./target.js";

const FORMATS = ["video/VP8", "video/VP9", "video/AV1", "video/H264", "audio/opus"];
const MAX_PACKETS = 400;
const DEPENDENCY_DESCRIPTOR = "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension";
const extensions = new HeaderExtensions([{ id: 8, uri: DEPENDENCY_DESCRIPTOR }]);

export const target: FuzzTarget = {
  name: "forwarder",
  seeds: [
    Uint8Array.of(0, 0x10, 0x00, 0x01, 0x01, 0x20, 0x00, 0x02, 0x11, 0x00, 0x12, 0x01, 0x00, 0x01),
    Uint8Array.of(1, 0x10, 0x00, 0x01, 0x01, 0x02, 0x01, 0x03, 0x01, 0x30, 0x01, 0x40, 0x00, 0x02, 0x02),
    Uint8Array.of(2, 0x10, 0x50, 0x01, 0x01, 0x51, 0x02, 0x01, 0x52, 0x03, 0x07, 0x20, 0x01, 0x60),
  ],
  run(input) {
    const mimeType = FORMATS[(input[0] ?? 0) % FORMATS.length]!;
    const sources = [0, 1, 2].map(() => new ForwardSource({ mimeType, clockRate: 90_000, parameters: "" }));
    const packetizers = sources.map(() => payloadFormat(mimeType, "packetization-mode=1").createPacketizer());
    const given = new Set<number>();
    let highest = 65_000;
    let now = 0;
    const forwarder = new Forwarder(
      { sequenceNumber: 65_000, timestamp: 0xffffff00, pictureId: 0x7ff0, tl0PictureIndex: 250 },
      {
        sendPacket(packet) {
          // As SRTP counts on (RFC 3711 §3.3.1): the same index for two packets would be the same key stream.
          const index = highest + (((packet.sequenceNumber - highest) << 16) >> 16);
          if (given.has(index)) throw new Error(`number ${index} twice`);
          given.add(index);
          if (index > highest) highest = index;
          if (packet.payloadLength < 0 || packet.timestamp < 0) throw new Error("negative fields");
        },
        requestKeyFrame() {},
      },
    );
    for (const source of sources) forwarder.attach(source);
    const sequence = [100, 30_000, 65_500];
    const timestamp = [0, 0xfffff000, 77];
    const packet = new RtpPacket();
    let held: [number, Uint8Array][] = [];
    const receive = (index: number, data: Uint8Array): void => {
      if (!packet.parse(data)) return;
      const before = data.slice();
      packet.extensions = extensions;
      sources[index]!.receive(packet, now);
      if (Buffer.compare(before, data) !== 0) throw new Error("a packet was changed");
    };
    let packets = 0;
    const send = (index: number, payload: Uint8Array, marker: boolean, how: number): void => {
      if (++packets > MAX_PACKETS) return;
      const extension = (how & 0x40) !== 0 ? 12 : 0;
      const data = new Uint8Array(12 + extension + payload.length);
      writeRtpHeader(data, marker, 96, sequence[index]!, timestamp[index]!, index, 0);
      if (extension > 0) {
        data[0]! |= 0x10;
        const structure = (how & 8) === 0 ? [0x80, 0x01, 0x7a, 0x10] : [0x20, packets, 0, 0];
        data.set([0xbe, 0xde, 0, 2, 0x86, 0xc0 | (how & 7), 0, packets, ...structure], 12);
      }
      data.set(payload, 12 + extension);
      sequence[index] = (sequence[index]! + 1) & 0xffff;
      if ((how & 8) !== 0) held.push([index, data]);
      else receive(index, data);
      if ((how & 16) !== 0) receive(index, data);
    };
    for (let at = 1; at + 1 < input.length; at += 2) {
      const command = input[at]!;
      const value = input[at + 1]!;
      const index = command % 3;
      switch (command >> 4) {
        case 1:
          forwarder.setTarget(value === 255 ? null : sources[value % 3]!, now);
          break;
        case 2:
          forwarder.setMaxTemporalIndex(value & 3, now);
          break;
        case 3:
          forwarder.setMaxSpatialIndex(value & 3, now);
          break;
        case 4:
          now += value * 10;
          if (now >= forwarder.deadline) {
            forwarder.handleTimeout(now);
            if (forwarder.deadline <= now) throw new Error("the deadline does not move on");
          }
          break;
        case 5:
          sequence[index] = (sequence[index]! + (value << (command & 8))) & 0xffff;
          break;
        case 6: {
          const late = held;
          held = [];
          for (const [stream, data] of (value & 1) !== 0 ? late.reverse() : late) receive(stream, data);
          break;
        }
        case 7:
          sources[index]!.clock.update(now + value, timestamp[index]! - value * 100);
          break;
        case 8:
          send(index, input.slice(at + 1, at + 1 + (value & 31)), (value & 1) !== 0, value);
          break;
        default: {
          const keyFrame = (value & 1) !== 0;
          const data = new Uint8Array(20 + value).fill(value);
          data.set(
            mimeType === "video/H264"
              ? [0, 0, 0, 1, keyFrame ? 0x65 : 0x41, 0x88]
              : mimeType === "video/AV1"
                ? [keyFrame ? 0x0a : 0x32, 18 + value]
                : [keyFrame ? 0x10 : 0x11],
          );
          packetizers[index]!.packetize(
            { data, keyFrame, temporalIndex: (value >> 1) & 3, layerSync: (value & 8) !== 0 },
            100,
            (payload, marker) => send(index, payload.slice(), marker, command & 0x58),
          );
          timestamp[index] = (timestamp[index]! + 3000) >>> 0;
        }
      }
    }
    forwarder.detach(sources[0]!);
  },
};
