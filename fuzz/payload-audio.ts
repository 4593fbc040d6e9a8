import { parseComfortNoise, writeComfortNoise } from "#src/payload/comfort-noise.js";
import { payloadFormat } from "#src/payload/format.js";
import { parseTelephoneEvent, writeTelephoneEvent } from "#src/payload/telephone-event.js";
import type { FuzzTarget } from "./target.js";

const formats = ["audio/PCMU", "audio/G722", "audio/CN", "audio/telephone-event"].map((name) =>
  payloadFormat(name, ""),
);

export const target: FuzzTarget = {
  name: "payload-audio",
  seeds: [Uint8Array.of(0x28, 0x7f, 0, 0xfe), Uint8Array.of(11, 0x8a, 6, 0x40), Uint8Array.of(0xff)],
  run(input) {
    for (const format of formats) {
      const depacketizer = format.createDepacketizer();
      const told = depacketizer.inspect(input) !== undefined;
      if (told !== (depacketizer.assemble([input], 1) !== undefined)) throw new Error("inspect and assemble disagree");
    }
    const event = parseTelephoneEvent(input);
    if (event !== undefined) {
      const again = parseTelephoneEvent(writeTelephoneEvent(event));
      if (JSON.stringify(again) !== JSON.stringify(event)) throw new Error("another event after a round trip");
    }
    const noise = parseComfortNoise(input);
    if (noise === undefined) return;
    const again = parseComfortNoise(writeComfortNoise(noise));
    if (JSON.stringify(again) !== JSON.stringify(noise)) throw new Error("other noise after a round trip");
  },
};
