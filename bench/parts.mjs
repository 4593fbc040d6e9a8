// The parts that every packet or every connection passes through, each alone.

import { RTCPeerConnection } from "../dist/index.js";
import { nodeCrypto } from "../dist/node/crypto.js";
import { createDefaultCertificate } from "../dist/peer/certificates.js";
import { parseSdp } from "../dist/sdp/parser.js";
import { writeSdp } from "../dist/sdp/writer.js";
import { srtpProfile } from "../dist/srtp/profiles.js";
import { SrtpSession, splitKeys, srtpKeyLength } from "../dist/srtp/session.js";
import { shortTermKey } from "../dist/stun/credentials.js";
import { parseStunMessage, StunMessage } from "../dist/stun/message.js";
import { crc32cOfSctpPacket } from "../dist/util/checksum.js";
import { nanoseconds } from "./measure.mjs";
import { rtpParts } from "./rtp.mjs";

const BATCH = 32;

function aead(algorithm, keyLength, size, count) {
  const cipher = nodeCrypto.createAead(algorithm, new Uint8Array(keyLength).fill(1));
  const jobs = Array.from({ length: count }, (_, i) => ({
    buffer: new Uint8Array(size + 16),
    offset: 0,
    length: size,
    nonce: new Uint8Array(12).fill(i),
    aad: new Uint8Array(13),
    ok: false,
  }));
  return nanoseconds(() => cipher.sealBatch(jobs, count)) / count;
}

/** Rows for an SRTP profile: packets of 1,200 bytes protected, and protected and then checked by the other side. */
function srtp(profile, batch) {
  const material = new Uint8Array(srtpKeyLength(profile)).fill(1);
  const [a, b] = [true, false].map(
    (isClient) => new SrtpSession({ crypto: nodeCrypto, profile, ...splitKeys(profile, material, isClient) }),
  );
  const packets = Array.from({ length: batch }, () => new Uint8Array(1200 + a.rtpOverhead));
  const lengths = new Int32Array(batch);
  let sequence = 0;
  const protect = () => {
    packets.forEach((packet, i) => {
      sequence = (sequence + 1) & 0xffff;
      packet[0] = 0x80;
      packet[2] = sequence >> 8;
      packet[3] = sequence;
      lengths[i] = 1200;
    });
    a.protectRtp(packets, lengths, batch);
  };
  const both = () => {
    protect();
    b.unprotectRtp(packets, lengths, batch);
    if (lengths[batch - 1] !== 1200) throw new Error("the packet did not come through");
  };
  const us = (run) => nanoseconds(run) / 1000 / batch;
  // The other order would leave the receiver's indices behind.
  const pair = us(both);
  const alone = us(protect);
  const name = `${srtpProfile(profile).name}, 1,200 bytes, ${batch === 1 ? "alone" : `${batch} at a time`}`;
  return [
    [`${name}: protect`, alone, "µs"],
    [`${name}: unprotect`, Math.max(0, pair - alone), "µs"],
  ];
}

async function offer() {
  const connection = new RTCPeerConnection();
  connection.createDataChannel("bench");
  const { sdp } = await connection.createOffer();
  connection.close();
  return sdp;
}

export async function parts() {
  const packet = new Uint8Array(1200).fill(5);
  const key = nodeCrypto.createHmac("sha-1", shortTermKey("a password of ICE, long"));
  const request = new StunMessage("request", 1, nodeCrypto.random(12));
  const bytes = request.encode({ integrity: key, fingerprint: true });
  const sdp = await offer();
  const { description } = parseSdp(sdp);
  const { privateKey } = createDefaultCertificate({ crypto: nodeCrypto, now: () => 0, timeOrigin: Date.now() });
  const signature = privateKey.sign("ecdsa_secp256r1_sha256", packet);
  const publicKey = nodeCrypto.importPublicKey(privateKey.publicKeyDer);
  const us = (run) => nanoseconds(run) / 1000;
  return [
    ["AES-128-GCM, 1,200 bytes, 32 at a time", aead("aes-128-gcm", 16, 1200, BATCH) / 1000, "µs"],
    ["AES-128-GCM, 1,200 bytes, alone", aead("aes-128-gcm", 16, 1200, 1) / 1000, "µs"],
    ["AES-128-GCM, 16,000 bytes, alone", aead("aes-128-gcm", 16, 16_000, 1) / 1000, "µs"],
    ["ChaCha20-Poly1305, 1,200 bytes, alone", aead("chacha20-poly1305", 32, 1200, 1) / 1000, "µs"],
    ...[1, 2, 7, 8].flatMap((profile) => [1, 4, 16].flatMap((batch) => srtp(profile, batch))),
    ...rtpParts(),
    ["CRC-32c, 1,200 bytes", us(() => crc32cOfSctpPacket(packet)), "µs"],
    [
      "STUN request: parse, check its integrity",
      us(() => parseStunMessage(bytes).verifyIntegrity(key, nodeCrypto)),
      "µs",
    ],
    ["offer: parse", us(() => parseSdp(sdp)), "µs"],
    ["offer: write", us(() => writeSdp(description)), "µs"],
    [
      "certificate: key pair and self-signature",
      us(() => createDefaultCertificate({ crypto: nodeCrypto, now: () => 0, timeOrigin: Date.now() })),
      "µs",
    ],
    [
      "X25519: two shares, agreed",
      us(() => nodeCrypto.createKeyShare("x25519").agree(nodeCrypto.createKeyShare("x25519").publicKey)),
      "µs",
    ],
    ["ECDSA P-256: verify", us(() => publicKey.verify("ecdsa_secp256r1_sha256", packet, signature)), "µs"],
  ];
}
