import {
  HandshakeType,
  parseCertificateMessage,
  parseCertificateRequest,
  parseCertificateVerify,
  parseClientHello,
  parseClientKeyExchange,
  parseHelloVerifyRequest,
  parseServerHello,
  parseServerKeyExchange,
  writeCertificateMessage,
  writeClientKeyExchange,
  writeHelloVerifyRequest,
  writeServerEcdhParameters,
  writeSigned,
} from "#src/dtls/handshake.js";
import { MAX_PIECES, Reassembly } from "#src/dtls/reassembly.js";
import { DtlsPair, recordsOf } from "#test/sim/dtls-pair.js";
import type { FuzzTarget } from "./target.js";

const NOTHING = new Uint8Array(0);

/** A parser, and where writing loses nothing, the writer that must give the same bytes back. */
const CODECS: ((body: Uint8Array) => Uint8Array | undefined)[] = [];
CODECS[HandshakeType.client_hello] = (body) => void parseClientHello(body);
CODECS[HandshakeType.server_hello] = (body) => void parseServerHello(body);
CODECS[HandshakeType.hello_verify_request] = (body) => {
  const cookie = parseHelloVerifyRequest(body);
  return cookie && Uint8Array.from([body[0]!, body[1]!, ...writeHelloVerifyRequest(cookie).subarray(2)]);
};
CODECS[HandshakeType.certificate] = (body) => {
  const chain = parseCertificateMessage(body);
  return chain && writeCertificateMessage(chain);
};
CODECS[HandshakeType.server_key_exchange] = (body) => {
  const m = parseServerKeyExchange(body);
  return m && writeSigned(writeServerEcdhParameters(m.group, m.publicKey), m.scheme, m.signature);
};
CODECS[HandshakeType.certificate_request] = (body) => void parseCertificateRequest(body);
CODECS[HandshakeType.certificate_verify] = (body) => {
  const signed = parseCertificateVerify(body);
  return signed && writeSigned(NOTHING, signed.scheme, signed.signature);
};
CODECS[HandshakeType.client_key_exchange] = (body) => {
  const key = parseClientKeyExchange(body);
  return key && writeClientKeyExchange(key);
};

function seeds(): Uint8Array[] {
  const pair = new DtlsPair({ srtpProfiles: [1, 7], mtu: 9000 }, { srtpProfiles: [7], cookie: true, mtu: 9000 });
  pair.connect();
  const records = [...pair.client.sent, ...pair.server.sent].flatMap(recordsOf);
  return records.filter((r) => r[0] === 22 && r[4] === 0).map((r) => r.slice(13));
}

export const target: FuzzTarget = {
  name: "dtls-handshake",
  seeds: seeds(),
  run(input) {
    const body = input.subarray(12);
    const again = CODECS[input[0]!]?.(body);
    if (again !== undefined && String(again) !== String(body)) throw new Error("what is read is not written back");
    const reassembly = new Reassembly();
    for (let at = 0, count = 0; at >= 0 && at < input.length && count <= MAX_PIECES; count++) {
      const next = reassembly.add(input, at, () => true);
      if (next >= 0 && next <= at) throw new Error("does not advance");
      at = next;
    }
    for (let message = reassembly.take(); message !== undefined; message = reassembly.take()) {
      CODECS[message.type]?.(message.body);
    }
  },
};
