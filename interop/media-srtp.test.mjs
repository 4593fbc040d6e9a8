// SRTP with other implementations: each protection profile with libsrtp to the byte, and in connections with a peer that has no other;
// sequence numbers that run over.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseRtp, pcmuFrequency } from "./lib/media-check.mjs";
import { codecMaterial, material, missingEncoders } from "./lib/media-material.mjs";
import { ParleyEnd, trackOf, until } from "./lib/media-parley.mjs";
import { MEDIA_PEERS } from "./lib/media-peers.mjs";
import { PEERS, python, ROLES, wants, wantsPeer } from "./lib/peers.mjs";
import { peerTest } from "./lib/suite.mjs";

const { nodeCrypto } = await import(new URL("../dist/node/crypto.js", import.meta.url));
const { SrtpSession } = await import(new URL("../dist/srtp/session.js", import.meta.url));
const { srtpProfile } = await import(new URL("../dist/srtp/profiles.js", import.meta.url));

const LIMIT = 90_000;
const PACKETS = 300;
/** The numbers run over after as many packets. */
const BEFORE_END = 100;

/** Profile: its number, and libsrtp's names for cipher and authentication. */
const PROFILES = {
  SRTP_AES128_CM_HMAC_SHA1_80: [1, "aes-128-icm", "hmac-sha1-80"],
  SRTP_AES128_CM_HMAC_SHA1_32: [2, "aes-128-icm", "hmac-sha1-32"],
  SRTP_AEAD_AES_128_GCM: [7, "aes-128-gcm", "null"],
  SRTP_AEAD_AES_256_GCM: [8, "aes-256-gcm", "null"],
};

/** Without a page of base64 where packets differ. */
function same(packets, wanted, what) {
  const wrong = wanted.flatMap((packet, i) => (packets[i] === packet ? [] : [i]));
  assert.deepEqual(wrong, [], `${what}: of ${wanted.length} packets these differ`);
  assert.equal(packets.length, wanted.length, what);
}

const base64 = (list) => list.map((bytes) => Buffer.from(bytes).toString("base64"));

async function libsrtp(request) {
  const child = spawn(python, [fileURLToPath(new URL("agents/srtp.py", import.meta.url))], { timeout: 20_000 });
  const [output, errors] = [[], []];
  child.stdout.on("data", (data) => output.push(data));
  child.stderr.on("data", (data) => errors.push(data));
  child.stdin.end(JSON.stringify(request));
  const code = await new Promise((resolve) => child.on("close", resolve).on("error", resolve));
  assert.equal(code, 0, Buffer.concat(errors).toString());
  return JSON.parse(Buffer.concat(output).toString());
}

/** Packets of one stream from shortly before its numbers run over, of different lengths, some with an extension. */
function rtpPackets(ssrc) {
  return Array.from({ length: PACKETS }, (_, i) => {
    const hasExtension = i % 3 === 0;
    const header = Buffer.alloc(hasExtension ? 20 : 12);
    header[0] = hasExtension ? 0x90 : 0x80;
    header[1] = 96;
    header.writeUInt16BE((65_536 - BEFORE_END + i) & 0xffff, 2);
    header.writeUInt32BE(i * 160, 4);
    header.writeUInt32BE(ssrc, 8);
    if (hasExtension) header.writeUInt32BE(0xbede0001, 12);
    return Buffer.concat([header, randomBytes(1 + ((i * 37) % 1200))]);
  });
}

function rtcpPackets(ssrc) {
  return Array.from({ length: 20 }, () => {
    const report = Buffer.concat([Buffer.of(0x80, 200, 0, 6), Buffer.alloc(4), randomBytes(20)]);
    report.writeUInt32BE(ssrc, 4);
    return report;
  });
}

/** Every third packet trades places with the next: also where the numbers run over. */
function shuffled(packets) {
  const out = [...packets];
  for (let i = 0; i + 1 < out.length; i += 3) [out[i], out[i + 1]] = [out[i + 1], out[i]];
  return out;
}

/** Parley's side: all packets through one call each. */
function through(session, packets, method, overhead) {
  return packets.map((packet) => {
    const buffer = Buffer.concat([packet, Buffer.alloc(overhead)]);
    if (method.endsWith("Rtcp")) return buffer.subarray(0, session[method](buffer, packet.length));
    const lengths = [packet.length];
    session[method]([buffer], lengths, 1);
    return buffer.subarray(0, lengths[0]);
  });
}

for (const [name, [profile, cipher, auth]] of wants("media") && wantsPeer("webrtcbin")
  ? Object.entries(PROFILES)
  : []) {
  peerTest(`${name} with libsrtp, numbers run over`, { limit: LIMIT, missing: PEERS.webrtcbin.missing }, async () => {
    const { keyLength, saltLength } = srtpProfile(profile);
    const keys = { key: randomBytes(keyLength), salt: randomBytes(saltLength) };
    const session = () => new SrtpSession({ crypto: nodeCrypto, profile, local: keys, remote: keys });
    const ssrc = 0x1234_5678;
    const [rtp, rtcp] = [rtpPackets(ssrc), rtcpPackets(ssrc)];
    const sender = session();
    const srtp = through(sender, shuffled(rtp), "protectRtp", sender.rtpOverhead);
    const srtcp = through(sender, rtcp, "protectRtcp", sender.rtcpOverhead);
    const master = Buffer.concat([keys.key, keys.salt]).toString("base64");
    const theirs = await libsrtp({
      cipher,
      auth,
      key: master,
      rtp: base64(shuffled(rtp)),
      rtcp: base64(rtcp),
      srtp: base64(srtp),
      srtcp: base64(srtcp),
    });
    same(theirs.rtp, base64(shuffled(rtp)), "what libsrtp makes of Parley's packets");
    same(theirs.rtcp, base64(rtcp), "what libsrtp makes of Parley's reports");
    // The very bytes: with the same keys there is one way to protect a packet.
    same(theirs.srtp, base64(srtp), "what libsrtp makes of the same packets");
    const receiver = session();
    const bytes = (list) => list.map((text) => Buffer.from(text, "base64"));
    same(base64(through(receiver, bytes(theirs.srtp), "unprotectRtp", 0)), base64(shuffled(rtp)), "Parley, packets");
    same(base64(through(receiver, bytes(theirs.srtcp), "unprotectRtcp", 0)), base64(rtcp), "Parley, reports");
  });
}

async function srtpCipher({ pc }) {
  return [...(await pc.getStats()).values()].find(({ type }) => type === "transport").srtpCipher;
}

/** What Pion is made to agree on: 3.1.56 has these two. */
const NEGOTIATED = { SRTP_AES128_CM_HMAC_SHA1_80: [1], SRTP_AEAD_AES_128_GCM: [7] };
const CODECS = ["VP8", "opus"];

if (wants("media") && wantsPeer("pion"))
  for (const [name, profiles] of Object.entries(NEGOTIATED))
    for (const role of ROLES) {
      const missing = () => MEDIA_PEERS.pion.missing() ?? missingEncoders();
      peerTest(`${name} with Pion as ${role}, numbers run over`, { limit: LIMIT, missing }, async (_, start) => {
        const { path } = await codecMaterial();
        const there = await start(MEDIA_PEERS.pion.start("pion"));
        const parley = new ParleyEnd(path, CODECS);
        try {
          const numbered = 65_536 - BEFORE_END;
          await there.call("open", { tracks: CODECS.map(trackOf), material: path, profiles, numbered });
          await parley.connect(there, role);
          assert.equal(await srtpCipher(parley), name);
          const sounds = [];
          await until(
            "numbers to run over",
            async () => {
              const { tracks } = await there.call("seen");
              sounds.push(...tracks[1].packets.map((text) => parseRtp(Buffer.from(text, "base64")).sequenceNumber));
              return [parley.frames[1]?.length, sounds.length];
            },
            ([here, far]) => here > 2 * BEFORE_END && far > 50,
          );
          await sleep(100);
          const numbers = parley.frames[1].map(({ firstSequenceNumber }) => firstSequenceNumber);
          const gaps = numbers.filter((number, i) => i > 0 && number !== ((numbers[i - 1] + 1) & 0xffff));
          assert.ok(numbers.includes(65_535) && numbers.includes(0), `${numbers}`);
          assert.deepEqual(gaps, []);
          const { packetsLost, packetsReceived } = await parley.stats(1, "inbound-rtp");
          assert.equal(packetsLost, 0);
          assert.ok(packetsReceived >= numbers.length);
        } finally {
          parley.close();
        }
      });
    }

/** The others, with aiortc: OpenSSL and libsrtp below it have them, and its agent leaves nothing else. As offerer it is the DTLS server. */
const PICTURES = 20;
const TONE = 440;

if (wants("media") && wantsPeer("aiortc"))
  for (const name of ["SRTP_AES128_CM_HMAC_SHA1_32", "SRTP_AEAD_AES_256_GCM"])
    for (const role of ROLES) {
      const { missing } = MEDIA_PEERS.aiortc;
      peerTest(`${name} with aiortc as ${role}, media both ways`, { limit: LIMIT, missing }, async (_, start) => {
        const codecs = ["VP8", "PCMU"];
        const path = await material();
        const there = await start(MEDIA_PEERS.aiortc.start("aiortc"));
        const parley = new ParleyEnd(path, codecs);
        const [profile] = PROFILES[name];
        try {
          await there.call("open", { tracks: codecs.map(trackOf), material: path, profiles: [profile] });
          await parley.connect(there, role);
          assert.equal(await srtpCipher(parley), name);
          const shown = { counters: [] };
          let looks = 0;
          await until(
            "pictures and a tone at both ends",
            async () => {
              const [video, audio] = (await there.call("seen")).tracks;
              shown.counters.push(...video.counters.filter((counter) => counter >= 0));
              shown.frequency = audio.frequency;
              // The first key frame may come before it takes media, and it does not ask for another.
              if (shown.counters.length === 0 && ++looks % 10 === 0) await there.call("keyframe", { track: 0 });
              const [pictures, sounds] = parley.frames;
              return {
                pictures: pictures?.length,
                heard: pcmuFrequency((sounds ?? []).slice(-50).map(({ data }) => data)),
                shown: shown.counters.length,
                frequency: shown.frequency,
              };
            },
            ({ pictures, heard, shown, frequency }) =>
              pictures > PICTURES && shown > PICTURES && Math.abs(heard - TONE) < 15 && Math.abs(frequency - TONE) < 15,
          );
          // Reports go under keys of their own: both sides have them.
          const { packetsSent } = await until("a sender report", () => parley.stats(0, "remote-outbound-rtp"));
          const { packetsLost } = await until("a receiver report", () => parley.stats(0, "remote-inbound-rtp"));
          assert.ok(packetsSent > 0 && packetsLost === 0, `${packetsSent} sent, ${packetsLost} lost`);
          assert.deepEqual(there.strays, []);
        } finally {
          parley.close();
        }
      });
    }
