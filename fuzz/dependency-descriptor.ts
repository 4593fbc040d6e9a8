import { DependencyDescriptorReader } from "#src/rtp/dependency-descriptor.js";
import type { FuzzTarget } from "./target.js";

const reader = new DependencyDescriptorReader();

export const target: FuzzTarget = {
  name: "dependency-descriptor",
  seeds: [
    Uint8Array.of(0xc6, 0x12, 0x34, 0x80, 0xa1, 0x1b, 0xa9, 0xc8, 0x84),
    Uint8Array.of(0xc0, 0, 1, 0x80, 0x01, 0x7a, 0x10),
    Uint8Array.of(0xc1, 0, 2, 0x60, 0x7a),
    Uint8Array.of(0x80, 0, 3),
  ],
  run(input) {
    // One reader for all: what a structure left behind meets every other descriptor.
    const known = reader.read(input, 0, input.length);
    if (!known) return;
    const { spatialIndex, temporalIndex, switches } = reader;
    if (spatialIndex < -1 || spatialIndex > 3 || temporalIndex < -1 || temporalIndex > 7)
      throw new Error("no such layer");
    if (spatialIndex < 0 && switches.some((mask) => mask !== 0)) throw new Error("switches of an unknown layer");
  },
};
