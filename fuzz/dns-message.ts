import { parseDnsMessage, writeDnsAnswer, writeDnsQuery } from "#src/util/dns-message.js";
import type { FuzzTarget } from "./target.js";

export const target: FuzzTarget = {
  name: "dns-message",
  seeds: [
    writeDnsQuery("0b9c3f4e-6f3e-4a0e-a2c8-0123456789ab.local"),
    writeDnsAnswer(7, "peer.local", Uint8Array.of(192, 0, 2, 1), 120),
    // A name that points at itself, and one that points at the other.
    Uint8Array.of(0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0xc0, 12, 0, 1, 0, 1),
    Uint8Array.of(0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0xc0, 14, 0xc0, 12, 0, 1, 0, 1),
  ],
  run(input) {
    const message = parseDnsMessage(input);
    if (message === undefined) return;
    if (message.questions.length + message.addresses.length > 128) throw new Error("more entries than the limit");
  },
};
