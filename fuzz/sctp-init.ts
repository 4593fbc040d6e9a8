import assert from "node:assert/strict";
import { nodeCrypto } from "#src/node/crypto.js";
import { isSctpInit } from "#src/peer/sctp-inits.js";
import { SctpAssociation } from "#src/sctp/association.js";
import { createInit, readSignaledInit } from "#src/sctp/init.js";
import { parseSdp } from "#src/sdp/parser.js";
import { base64Encode } from "#src/util/text.js";
import type { FuzzTarget } from "./target.js";

const HEAD = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n";
const crypto = { ...nodeCrypto, random: (length: number) => new Uint8Array(length).fill(7) };
const localInit = createInit({ crypto });

function sdpOf(value: string): string | undefined {
  const parsed = parseSdp(`${HEAD}a=sctp-init:${value}\r\n`);
  return parsed.ok ? parsed.description.media[0]!.sctpInit : undefined;
}

/** The chunk that a peer's a=sctp-init has: read, and an association made from it, which sends and is sent something. */
export const target: FuzzTarget = {
  name: "sctp-init",
  seeds: [
    localInit,
    createInit({ crypto, interleaving: false, zeroChecksum: false, maxStreams: 1, receiveBuffer: 1500 }),
    Uint8Array.of(1, 0, 0, 30, 0x89, 0x6c, 0xdd, 0x1d, 0, 80, 0, 0, 255, 255, 255, 255, 0xe0, 0x79, 0x65, 0x1d),
    Uint8Array.from("AQAAHols3R0AUAAA/////+B5ZR3AAAAEgAgABoLA", (c) => c.charCodeAt(0)),
  ],
  run(input) {
    const text = base64Encode(input);
    if (input.length > 0 && text.length < 60_000) assert.equal(sdpOf(text), text);
    const raw = String.fromCharCode(...input.subarray(0, 200)).replace(/[\r\n\0]/g, "");
    const value = sdpOf(raw);
    if (value !== undefined) isSctpInit(value);
    const isValid = readSignaledInit(input) !== undefined;
    assert.equal(isSctpInit(text), isValid);
    let sent = 0;
    let isEstablished = false;
    const association = new SctpAssociation(
      { crypto, maxMessageSize: 10_000 },
      {
        transmit: () => void sent++,
        onEstablished: () => {
          isEstablished = true;
        },
        onMessage() {},
        onStreamsReset() {},
        onOutgoingReset() {},
        onBufferedAmountDecrease() {},
        onClosed() {},
      },
      { localInit, remoteInit: input },
    );
    association.connect(10, 5);
    assert.equal(isEstablished, isValid);
    association.send(0, 53, new Uint8Array(3000), {}, 10);
    association.resetStreams([0]);
    association.flush(10);
    for (let i = 0, now = 10; i < 10; i++) {
      const { deadline } = association;
      if (deadline === Number.POSITIVE_INFINITY) break;
      now = Math.max(now, deadline);
      association.handleTimeout(now);
      assert.ok(association.deadline > now, "the deadline does not move on");
    }
    assert.ok(sent < 60);
  },
};
