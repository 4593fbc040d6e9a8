// What the tests of the payload formats share: packets of frames, and a receiver that loses some of them.
import assert from "node:assert/strict";
import type { Depacketizer, PayloadFormat, PayloadFrame } from "./types.js";

export interface TestPacket {
  payload: Uint8Array;
  marker: boolean;
  timestamp: number;
}

export function hex(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text.replace(/\s+/g, ""), "hex"));
}

/** Bytes that a mistake in their order would show; never zero, so that no start code appears in them. */
export function pattern(length: number, seed = 1): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => ((i * 31 + (i >> 8) * 7 + seed * 13) % 255) + 1);
}

export function join(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

/** The payloads of frames, which share a timestamp until one ends its picture. */
export function packets(format: PayloadFormat, frames: readonly PayloadFrame[], maxSize: number): TestPacket[] {
  const packetizer = format.createPacketizer();
  const out: TestPacket[] = [];
  let timestamp = 0;
  for (const frame of frames) {
    const emitted = packetizer.packetize(frame, maxSize, (payload, marker) => {
      assert.ok(payload.length <= maxSize, `${payload.length} bytes in a payload of at most ${maxSize}`);
      out.push({ payload: payload.slice(), marker, timestamp });
    });
    assert.ok(emitted, "the frame was refused");
    if (frame.endOfPicture ?? true) timestamp += 3000;
  }
  return out;
}

/**
 * A receiver as simple as can be right: packets in order, `undefined` where one is lost. A frame begins where the format is
 * certain, or where it may begin and the packet before has come with another timestamp; it ends with the marker.
 */
export function receive(
  depacketizer: Depacketizer,
  sent: readonly (TestPacket | undefined)[],
): Map<number, Uint8Array> {
  const frames = new Map<number, Uint8Array>();
  let open: Uint8Array[] | undefined;
  let before: TestPacket | undefined;
  sent.forEach((packet, index) => {
    if (packet === undefined) open = undefined;
    else {
      const info = depacketizer.inspect(packet.payload);
      assert.ok(info, "a payload of ours is malformed");
      if (before === undefined || before.timestamp !== packet.timestamp) {
        const isFirst = index === 0 || before !== undefined;
        open = info.certainStart || (info.startOfFrame && isFirst) ? [] : undefined;
      }
      open?.push(packet.payload);
      if (packet.marker && open !== undefined) {
        const frame = depacketizer.assemble(open, open.length);
        if (frame !== undefined) frames.set(packet.timestamp, frame);
        open = undefined;
      }
    }
    before = packet;
  });
  return frames;
}

/** Loses each packet in turn: its frame is missing then, and every other frame is whole. */
export function assertNoHalfFrames(format: PayloadFormat, sent: readonly TestPacket[]): void {
  const whole = receive(format.createDepacketizer(), sent);
  assert.equal(whole.size, new Set(sent.map((packet) => packet.timestamp)).size, "without loss, all frames");
  for (let lost = 0; lost < sent.length; lost++) {
    const left = receive(
      format.createDepacketizer(),
      sent.map((packet, index) => (index === lost ? undefined : packet)),
    );
    assert.ok(!left.has(sent[lost]!.timestamp), `a frame without its packet ${lost}`);
    for (const [timestamp, data] of left) assert.deepEqual(data, whole.get(timestamp), `frame ${timestamp}`);
    // Losing the last packet of a frame may cost the next one as well, where its beginning is not certain.
    assert.ok(left.size >= whole.size - 2, `${left.size} frames without packet ${lost}`);
  }
}
