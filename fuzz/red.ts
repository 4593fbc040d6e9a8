// RED (RFC 2198): the input is a payload to be read, and then what a program of payloads says is written and read again.

import {
  MAX_RED_BLOCKS,
  PrimaryBlock,
  RedBlocks,
  RedDecoder,
  RedEncoder,
  redBlockType,
  stripRed,
} from "#src/rtp/fec/red.js";
import { RtpPacket, writeRtpHeader } from "#src/rtp/packet.js";
import type { FuzzTarget } from "./target.js";

const blocks = new RedBlocks();
const primary = new PrimaryBlock();

function packet(payload: Uint8Array, timestamp: number): RtpPacket {
  const data = new Uint8Array(12 + payload.length);
  writeRtpHeader(data, false, 63, 0, timestamp, 1, 0);
  data.set(payload, 12);
  const view = new RtpPacket();
  if (!view.parse(data)) throw new Error("no RTP packet");
  return view;
}

function check(data: Uint8Array, length: number): void {
  let at = -1;
  let sum = 0;
  if (blocks.count < 1 || blocks.count > MAX_RED_BLOCKS) throw new Error("number of blocks");
  for (let i = 0; i < blocks.count; i++) {
    const offset = blocks.offsets[i]!;
    if (at >= 0 && offset !== at) throw new Error("blocks do not follow each other");
    at = offset + blocks.lengths[i]!;
    sum += blocks.lengths[i]!;
    if (blocks.lengths[i]! < 0) throw new Error("negative length");
  }
  const headers = 4 * (blocks.count - 1) + 1;
  if (at !== length || headers + sum !== length) throw new Error(`blocks end at ${at} of ${data.length}`);
}

function checkPrimary(length: number, isRed: boolean): void {
  const { payloadType, offset } = primary;
  if (offset < 1 || primary.length < 0 || offset + primary.length !== length)
    throw new Error("primary block out of bounds");
  const last = blocks.count - 1;
  const isSame = offset === blocks.offsets[last] && payloadType === blocks.payloadTypes[last];
  // More blocks than are read make a payload malformed for the other.
  if (isRed && !isSame) throw new Error("another primary block");
}

export const target: FuzzTarget = {
  name: "red",
  seeds: [
    Uint8Array.of(0x80, 2, 0x80, 3, 0x6f, 1, 2, 3, 4, 5),
    Uint8Array.of(0x60, 1, 2, 3),
    Uint8Array.of(0xef, 0xff, 0xfc, 1, 0xef, 0xff, 0, 2, 0x6f, 1, 2, 3, 4),
  ],
  run(input) {
    const isRed = blocks.parse(input, 0, input.length);
    if (isRed) check(input, input.length);
    if (primary.parse(input, 0, input.length)) checkPrimary(input.length, isRed);
    else if (isRed) throw new Error("the primary block is not found");
    const view = packet(input, 1000);
    if (redBlockType(view) >= 0) {
      const stripped = stripRed(packet(input, 1000));
      const again = new RtpPacket();
      if (!again.parse(stripped) || again.payloadType !== input[0] || again.payloadLength !== input.length - 1) {
        throw new Error("stripped packet");
      }
    }
    let delivered = 0;
    const decoder = new RedDecoder((data, offset, length) => {
      if (offset < 12 || offset + length > data.length) throw new Error("block out of its packet");
      delivered++;
    });
    decoder.receive(view);
    decoder.receive(view);
    if (delivered > MAX_RED_BLOCKS) throw new Error("delivered twice");
    // A program: redundancy, then for each packet the length of its payload and the time since the last.
    const encoder = new RedEncoder((input[0] ?? 0) % 40);
    const out = new Uint8Array(1200);
    let timestamp = 0xffff0000;
    for (let i = 1; i + 1 < Math.min(input.length, 100); i += 2) {
      timestamp = (timestamp + input[i]! * 100) >>> 0;
      const payload = new Uint8Array(input[i + 1]! * 5).fill(i);
      const length = encoder.encode(111, timestamp, payload, out);
      if (length === 0) {
        if (payload.length < out.length) throw new Error("not written");
        continue;
      }
      if (!blocks.parse(out, 0, length)) throw new Error("cannot be read");
      check(out, length);
      const last = blocks.count - 1;
      if (blocks.lengths[last] !== payload.length) throw new Error("another primary block");
    }
  },
};
