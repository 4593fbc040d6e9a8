import { parseDcep, writeOpen } from "#src/datachannel/dcep.js";
import type { FuzzTarget } from "./target.js";

export const target: FuzzTarget = {
  name: "dcep",
  seeds: [
    writeOpen({ label: "label", protocol: "protocol", ordered: true, priority: "low" }),
    writeOpen({ label: "", protocol: "", ordered: false, maxRetransmits: 3, priority: "high" }),
    writeOpen({ label: "é", protocol: "x", ordered: false, maxPacketLifeTime: 100, priority: "very-low" }),
    Uint8Array.of(2),
  ],
  run(input) {
    const message = parseDcep(input);
    if (message?.kind !== "open") return;
    const again = parseDcep(writeOpen(message.open));
    if (JSON.stringify(again) !== JSON.stringify(message)) throw new Error("not the same after a round trip");
  },
};
