// The STUN codec: whatever is read can be asked for everything, and says the same when it is written and read again.

import { isStun, parseStunMessage, StunAttribute, type StunMessage } from "#src/stun/message.js";
import { hexDecode } from "#src/util/text.js";
import type { FuzzTarget } from "./target.js";

const TYPES = Object.values(StunAttribute);

/** Everything a message has to say, as text. */
function describe(message: StunMessage): string {
  return JSON.stringify([
    message.class,
    message.method,
    [...message.transactionId],
    TYPES.map((type) => [
      message.text(type),
      message.u32(type),
      message.address(type),
      message.leadingByte(type),
      message.passwordAlgorithms(type)?.map((a) => [a.algorithm, ...a.parameters]),
    ]),
    message.channelNumber,
    message.evenPort,
    message.peerAddresses,
    message.error,
    message.addressError,
    message.icmp,
    message.unknownAttributes,
    message.unknownRequired(),
  ]);
}

function run(input: Uint8Array): void {
  const looks = isStun(input);
  const message = parseStunMessage(input);
  if (message === undefined) return;
  if (!looks) throw new Error("parsed what isStun refuses");
  const again = parseStunMessage(message.encode({ fingerprint: true }));
  if (again === undefined) throw new Error("does not parse once written");
  if (describe(again) !== describe(message)) throw new Error("says something else once written");
}

const vector = (text: string): Uint8Array => hexDecode(text)!;

export const target: FuzzTarget = {
  name: "stun-message",
  seeds: [
    vector(`000100582112a442b7e7a701bc34d686fa87dfae802200105354554e207465737420636c69656e74002400046e0001ff
      80290008932ff9b151263b36000600096576746a3a68367659202020000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2
      80280004e57a3bcf`),
    vector(`010100482112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000140002a1470113a9faa5d3f179bc25
      f4b5bed2b9d900080014a382954e4be67bf11784c97c8292c275bfe3ed4180280004c8fb0b4c`),
    vector(`0113003c2112a442b7e7a701bc34d686fa87dfae0009000c0000042b6e6f2066616d696c7980010010010004146e6f74206f6e20
      74686973000a00047ff07ff1800400080000060400000500`),
    vector(`000400202112a442b7e7a701bc34d686fa87dfae000c000440010000001200080001215a3112a44300130003616263 00`),
    vector(`011300182112a442b7e7a701bc34d686fa87dfae8002000c0002000000010003aabbcc00001d000400020000`),
  ],
  run,
};
