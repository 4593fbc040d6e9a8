// The TURN client as a machine: the input is a program of calls, timeouts and messages from a server that knows the
// password and is honest, careless or hostile, as the program says.

import { nodeCrypto } from "#src/node/crypto.js";
import { longTermKey, nonceCookie } from "#src/stun/credentials.js";
import { parseStunMessage, StunAttribute, StunMessage, StunMethod, type StunProtection } from "#src/stun/message.js";
import { TurnClient } from "#src/turn/client.js";
import { seededCrypto } from "#test/sim/platform.js";
import { Random } from "#test/sim/random.js";
import { Program } from "./program.js";
import type { FuzzTarget } from "./target.js";

const SERVER = { address: "192.0.2.1", port: 3478 };
const key = longTermKey(nodeCrypto, "user", "realm", "pass");
const integrity = nodeCrypto.createHmac("sha-1", key);
/** Requests that can be under way: one per permission and channel, and a few of the allocation's own. */
const MAX_UNANSWERED = 128 + 64 + 8;

function answer(request: StunMessage, how: number, program: Program): StunMessage {
  const { method, transactionId } = request;
  const kind = how & 7;
  if (kind === 6) {
    const code = [300, 400, 401, 403, 437, 438, 441, 486][program.byte() & 7]!;
    const error = new StunMessage("error", method, transactionId).addError(code, "fuzz");
    const flags = program.byte();
    if (flags & 1) error.addText(StunAttribute.realm, flags & 8 ? "other" : "realm");
    if (flags & 2) error.addText(StunAttribute.nonce, flags & 16 ? `${nonceCookie(0xc0_0000)}x` : `n${flags}`);
    if (flags & 4) error.addPasswordAlgorithms([{ algorithm: flags >> 4, parameters: new Uint8Array(0) }]);
    if (flags & 32) error.addAddress(StunAttribute.alternateServer, "192.0.2.2", flags);
    return error;
  }
  if (!request.hasIntegrity && !request.hasIntegritySha256) {
    return new StunMessage("error", method, transactionId)
      .addError(401, "Unauthorized")
      .addText(StunAttribute.realm, "realm")
      .addText(StunAttribute.nonce, "nonce");
  }
  const response = new StunMessage("success", method, transactionId);
  if (kind === 7) {
    while (!program.done && response.types.length < 8 && program.byte() & 1) {
      response.add(program.byte() | (program.byte() << 8), program.bytes(program.byte() & 31));
    }
    return response;
  }
  if (method === StunMethod.allocate) {
    response.addAddress(StunAttribute.xorRelayedAddress, kind === 5 ? "2001:db8::1" : "192.0.2.1", 5000);
    response.addAddress(StunAttribute.xorMappedAddress, "198.51.100.1", 6000);
  }
  if (method === StunMethod.allocate || method === StunMethod.refresh) {
    response.addU32(StunAttribute.lifetime, kind === 4 ? program.byte() : 600);
  }
  return response;
}

/** One round of the program: what the first byte says. */
function step(program: Program, client: TurnClient, sent: Uint8Array[], clock: { now: number }): void {
  const op = program.byte();
  const data = (): Uint8Array => program.bytes(program.byte() & 63);
  const receive = (bytes: Uint8Array): void => {
    if (client.server.port === 0) return;
    client.receiveDatagram(bytes, client.server.address, client.server.port, clock.now);
  };
  switch (op % 12) {
    case 0:
    case 1:
    case 2: {
      const bytes = sent.splice(program.byte() % Math.max(1, sent.length), 1)[0];
      const request = bytes === undefined ? undefined : parseStunMessage(bytes);
      if (request?.class !== "request") break;
      const protection: StunProtection = op & 16 ? {} : { integrity: op & 32 ? undefined : integrity };
      const reply = answer(request, op >> 4, program).encode(protection);
      const at = program.byte();
      if (op & 64 && at < reply.length) reply[at]! ^= 1 << (op & 7);
      receive(reply);
      break;
    }
    case 3:
      client.send(data(), `198.51.100.${program.byte()}`, program.byte() + 1);
      break;
    case 4:
      client.send(data(), op & 16 ? "not an address" : "2001:db8::2", program.byte());
      break;
    case 5:
      receive(data());
      break;
    case 6: {
      const payload = data();
      receive(Uint8Array.of(0x40, program.byte() & 63, 0, payload.length + (op >> 5), ...payload));
      break;
    }
    case 7:
      receive(
        new StunMessage("indication", StunMethod.data, new Uint8Array(12))
          .addAddress(StunAttribute.xorPeerAddress, `198.51.100.${program.byte()}`, program.byte())
          .add(StunAttribute.data, data())
          .encode(),
      );
      break;
    case 8:
      clock.now += program.byte() * (op & 16 ? 5000 : 20);
      break;
    case 9:
      if (client.deadline !== Number.POSITIVE_INFINITY) clock.now = Math.max(clock.now, client.deadline);
      client.handleTimeout(clock.now);
      break;
    case 10:
      if (op & 64) client.permit(`198.51.100.${program.byte()}`);
      else if (op & 128) client.close();
      break;
    case 11:
      if (op > 240) client.handleTransportClosed(undefined, clock.now);
      else client.receiveDatagram(data(), "203.0.113.1", 1, clock.now);
      break;
  }
}

function run(input: Uint8Array): void {
  const program = new Program(input);
  const sent: Uint8Array[] = [];
  const clock = { now: 1000 };
  let ended = 0;
  let allocated = 0;
  const client = new TurnClient(
    {
      crypto: seededCrypto(new Random("fuzz")),
      transport: {
        kind: "datagram",
        port: {
          localAddress: "198.51.100.1",
          localPort: 1,
          send: (data) => {
            sent.push(data);
            if (sent.length > 4 * MAX_UNANSWERED) sent.shift();
            return true;
          },
          close() {},
        },
        server: SERVER,
      },
      username: "user",
      password: "pass",
    },
    {
      onAllocated: () => allocated++,
      onDatagram: (data) => {
        if (allocated !== 1 || ended > 0) throw new Error("data without an allocation");
        if (data.length > 65_535) throw new Error("data longer than a datagram");
      },
      onEnd: () => ended++,
    },
  );
  client.start(clock.now);
  while (!program.done) {
    step(program, client, sent, clock);
    if (allocated > 1 || ended > 1) throw new Error("an event came twice");
    if (ended > 0 && client.deadline !== Number.POSITIVE_INFINITY) throw new Error("a deadline after the end");
  }
  // Left alone, it must come to its end: the allocation expires, or the close is given up.
  client.close();
  for (let i = 0; i < 100_000 && client.deadline !== Number.POSITIVE_INFINITY; i++) {
    clock.now = Math.max(clock.now, client.deadline);
    client.handleTimeout(clock.now);
  }
  if (ended !== 1 || client.state !== "ended") throw new Error("it did not end");
}

export const target: FuzzTarget = {
  name: "turn-client",
  seeds: [
    // 401, allocated, a check, data, permission and channel granted, data both ways, time, refreshes.
    Uint8Array.of(
      ...[0, 0, 255, 0, 0, 255, 3, 2, 0, 1, 9, 9, 3, 4, 200, 1, 2, 3, 9, 9, 0, 0, 255, 0, 1, 255, 0, 1, 255],
      ...[3, 4, 200, 1, 2, 3, 9, 9, 6, 3, 1, 2, 3, 0, 7, 9, 9, 2, 1, 2, 8 + 16, 100, 9, 0, 0, 255, 9, 9, 9, 9],
    ),
    Uint8Array.of(0, 0, 255, 96, 0, 5, 3, 255, 9, 0, 0, 255, 96, 0, 0, 255, 255, 9, 9),
    Uint8Array.of(0, 0, 255, 0, 0, 255, 10 + 128 - 6, 9, 9, 9),
    Uint8Array.of(9, 9, 9, 9, 9, 9, 9, 9, 9),
    Uint8Array.of(0, 0, 255, 112, 0, 1, 0x16, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8, 255),
  ],
  run,
};
