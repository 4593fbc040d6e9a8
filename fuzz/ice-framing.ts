// The frames of ICE over TCP (RFC 4571): however the stream is cut, the same frames come out.
import { FrameReader } from "#src/ice/tcp.js";
import type { FuzzTarget } from "./target.js";

function run(input: Uint8Array): void {
  const collect = (cut: (at: number) => number): string => {
    const reader = new FrameReader();
    const frames: string[] = [];
    for (let at = 0; at < input.length; ) {
      const next = Math.min(input.length, at + Math.max(1, cut(at)));
      reader.push(input.slice(at, next), (frame) => {
        if (frame.length === 0 || frame.length > 0xffff) throw new Error("a frame of no length");
        frames.push(Array.from(frame).join());
      });
      at = next;
    }
    return frames.join("|");
  };
  const whole = collect(() => input.length);
  if (collect(() => 1) !== whole || collect((at) => input[at]! & 7) !== whole) throw new Error("cutting matters");
}

export const target: FuzzTarget = {
  name: "ice-framing",
  seeds: [
    Uint8Array.of(0, 3, 1, 2, 3, 0, 1, 9, 0, 0, 0, 2, 5, 5),
    Uint8Array.of(0xff, 0xff, 1, 2, 3),
    new Uint8Array(0),
  ],
  run,
};
