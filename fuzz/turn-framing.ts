// The stream of a TURN connection, chopped as the input says: the pieces must give the same messages as the whole, and
// what our own writers wrote must come out again.
import { PacketMemory, StreamDeframer, writeChannelData, writeSendIndication } from "#src/turn/framing.js";
import type { FuzzTarget } from "./target.js";

/** A message of the length field's maximum, with header and padding. */
const MAX_MESSAGE = 65_556;

function cut(stream: Uint8Array, step: (n: number) => number): { messages: Uint8Array[]; alive: boolean } {
  const messages: Uint8Array[] = [];
  const deframer = new StreamDeframer({ onMessage: (message) => messages.push(message) });
  let alive = true;
  for (let at = 0, n = 0; at < stream.length; n++) {
    const end = at + Math.max(1, step(n));
    alive = deframer.push(stream.slice(at, end), 0);
    at = end;
  }
  return { messages, alive };
}

function check(ok: boolean, what: string): void {
  if (!ok) throw new Error(what);
}

const memory = new PacketMemory();
const id = new Uint8Array(12).fill(5);
const channel = writeChannelData(0x4001, Uint8Array.of(1, 2, 3), true, memory);
const indication = writeSendIndication(Uint8Array.of(192, 0, 2, 1), 9, Uint8Array.of(4, 5), id, memory)!;

export const target: FuzzTarget = {
  name: "turn-framing",
  seeds: [
    Uint8Array.of(1, ...channel, ...indication, ...channel),
    Uint8Array.of(7, ...indication, ...indication),
    Uint8Array.of(3, 0x40, 0, 0xff, 0xff, 1, 2, 3),
    Uint8Array.of(2, 0, 1, 0, 0, 0x80, 0, 0, 0),
    Uint8Array.of(0),
  ],
  run(input) {
    const pace = input[0] ?? 1;
    const stream = input.subarray(1);
    const whole = cut(stream, () => stream.length);
    const pieces = cut(stream, (n) => 1 + ((n * 7 + pace) % (pace + 1)));
    check(whole.alive === pieces.alive, "the same end");
    check(whole.messages.length === pieces.messages.length, "the same messages");
    let total = 0;
    whole.messages.forEach((message, i) => {
      check(Buffer.compare(message, pieces.messages[i]!) === 0, "the same bytes");
      check(message.length >= 4 && message.length <= MAX_MESSAGE && (message.length & 3) === 0, "a size that can be");
      total += message.length;
    });
    check(total <= stream.length, "no byte twice");
    const written = writeChannelData(0x4000 + pace, stream, true, memory);
    const { messages } = cut(new Uint8Array([...channel, ...written, ...indication]), () => 1 + (pace & 31));
    check(messages.length === 3 && Buffer.compare(messages[1]!, written) === 0, "what was written is read");
  },
};
