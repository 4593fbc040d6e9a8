// Published vectors: RFC 3711 Appendix B, RFC 6188 §7, RFC 7714 §16 and §17, RFC 9335 Appendix A.
import assert from "node:assert/strict";
import { test } from "node:test";
import { nodeCrypto } from "../node/crypto.js";
import { hexDecode, hexEncode } from "../util/text.js";
import { deriveKey, deriveSessionKeys } from "./key-derivation.js";
import { srtpProfile } from "./profiles.js";
import { SrtpSession } from "./session.js";
import { AeadTransform, AesCmTransform } from "./transforms.js";

const hex = (text: string): Uint8Array => hexDecode(text.replaceAll(/\s/g, ""))!;
/** The bytes with room behind them. */
function roomy(text: string, room = 24): Uint8Array {
  const bytes = hex(text);
  const out = new Uint8Array(bytes.length + room);
  out.set(bytes);
  return out;
}

const MASTER = { key: hex("e1f97a0d3e018be0d64fa32c06de4139"), salt: hex("0ec675ad498afeebb6960b3aabe6") };

test("RFC 3711 B.2: the key stream of AES-CM", () => {
  const keys = {
    key: hex("2b7e151628aed2a6abf7158809cf4f3c"),
    salt: hex("f0f1f2f3f4f5f6f7f8f9fafbfcfd"),
    authKey: new Uint8Array(20),
  };
  const transform = new AesCmTransform(nodeCrypto, srtpProfile(1)!, keys, keys);
  const packet = new Uint8Array(0xff02 * 16 + 12 + 10);
  transform.setRtp(0, packet, 12, 0, packet.length - 10, 0, 0, 0);
  transform.sealRtp(1);
  const block = (i: number): string => hexEncode(packet.subarray(12 + i * 16, 28 + i * 16));
  assert.equal(block(0), "e03ead0935c95e80e166b16dd92b4eb4");
  assert.equal(block(1), "d23513162b02d0f72a43a2fe4a5f97ab");
  assert.equal(block(2), "41e95b3bb0a2e8dd477901e4fca894c0");
  assert.equal(block(0xfeff), "ec8cdf7398607cb0f2d21675ea9ea1e4");
  assert.equal(block(0xff00), "362b7c3c6773516318a077d7fc5073ae");
  assert.equal(block(0xff01), "6a2cc3787889374fbeb4c81b17ba6c44");
});

test("RFC 3711 B.3: session keys", () => {
  const { rtp } = deriveSessionKeys(nodeCrypto, srtpProfile(1)!, MASTER);
  assert.equal(hexEncode(rtp.key), "c61e7a93744f39ee10734afe3ff7a087");
  assert.equal(hexEncode(rtp.salt), "30cbbc08863d8c85d49db34a9ae1");
  assert.equal(hexEncode(rtp.authKey), "cebe321f6ff7716b6fd4ab49af256a156d38baa4");
  assert.equal(
    hexEncode(deriveKey(nodeCrypto, MASTER, 1, 94)),
    "cebe321f6ff7716b6fd4ab49af256a156d38baa48f0a0acf3c34e2359e6cdbcee049646c43d9327ad175578ef7227098" +
      "6371c10c9a369ac2f94a8c5fbcdddc256d6e919a48b610ef17c2041e474035766b68642c59bbfc2f34db60dbdfb2",
  );
});

test("RFC 6188 7.4: session keys of a 256-bit master key", () => {
  const master = {
    key: hex("f0f04914b513f2763a1b1fa130f10e2998f6f6e43e4309d1e622a0e332b9f1b6"),
    salt: hex("3b04803de51ee7c96423ab5b78d2"),
  };
  assert.equal(
    hexEncode(deriveKey(nodeCrypto, master, 0, 32)),
    "5ba1064e30ec51613cad926c5a28ef731ec7fb397f70a960653caf06554cd8c4",
  );
  assert.equal(hexEncode(deriveKey(nodeCrypto, master, 2, 14)), "fa31791685ca444a9e07c6c64e93");
  assert.equal(hexEncode(deriveKey(nodeCrypto, master, 1, 20)), "fd9c32d39ed5fbb5a9dc96b30818454d1313dc05");
});

// RFC 7714 gives session keys, not master keys.
const GCM_SALT = hex("517569642070726f2071756f");
const GCM_KEY = hex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
function gcm(profile: 7 | 8): AeadTransform {
  const keys = { key: GCM_KEY.slice(0, profile === 7 ? 16 : 32), salt: GCM_SALT, authKey: new Uint8Array(0) };
  return new AeadTransform(nodeCrypto, srtpProfile(profile)!, keys, keys);
}
const RTP = "8040f17b8041f8d35501a0b247616c6c696120657374206f6d6e69732064697669736120696e207061727465732074726573";
const SRTP = {
  7: "8040f17b8041f8d35501a0b2f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b36de3adf8833899d7f27beb16a9152cf765ee4390cce",
  8: "8040f17b8041f8d35501a0b232b1de78a822fe12ef9f78fa332e33aab18012389a58e2f3b50b2a0276ffae0f1ba63799b87b7aa3db36dfffd6b0f9bb7878d7a76c13",
};
const RTCP = "81c8000d4d6172734e5450314e545032525450200000042a0000e9304c756e61deadbeefdeadbeefdeadbeefdeadbeefdeadbeef";
const SRTCP = {
  7: "81c8000d4d61727363e94885dcdab67ca727d7662f6b7e997ff5c0f76c06f32dc676a5f1730d6fda4ce09b4686303ded0bb9275bc84aa45896cf4d2fc5abf87245d9eade800005d4",
  8: "81c8000d4d617273d50ae4d1f5ce5d304ba297e47d470c282c3ece5dbffe0a50a2eaa5c1110555be8415f658c61de0476f1b6fad1d1eb30c4446839f57ff6f6cb26ac3be800005d4",
};

for (const profile of [7, 8] as const) {
  test(`RFC 7714 16: SRTP with ${srtpProfile(profile)!.name}`, () => {
    for (const count of [1, 5]) {
      const transform = gcm(profile);
      const packets = Array.from({ length: count }, () => roomy(RTP, 16));
      packets.forEach((p, i) => {
        transform.setRtp(i, p, 12, 0, p.length - 16, 0x5501a0b2, 0, 0xf17b);
      });
      transform.sealRtp(count);
      for (const packet of packets) assert.equal(hexEncode(packet), SRTP[profile]);
      packets.forEach((p, i) => {
        transform.setRtp(i, p, 12, 0, p.length - 16, 0x5501a0b2, 0, 0xf17b);
      });
      transform.openRtp(count);
      packets.forEach((packet, i) => {
        assert.ok(transform.isAuthentic(i));
        assert.equal(hexEncode(packet.subarray(0, packet.length - 16)), RTP);
      });
    }
  });

  test(`RFC 7714 17: SRTCP with ${srtpProfile(profile)!.name}`, () => {
    const transform = gcm(profile);
    const packet = roomy(RTCP, 20);
    assert.equal(transform.sealRtcp(packet, packet.length - 20, 0x4d617273, 0x5d4), packet.length);
    assert.equal(hexEncode(packet), SRTCP[profile]);
    const word = transform.rtcpIndexWord(packet, packet.length);
    assert.equal(word, 0x800005d4);
    const plain = transform.openRtcp(packet, packet.length, 0x4d617273, word);
    assert.equal(hexEncode(packet.subarray(0, plain)), RTCP);
  });
}

test("RFC 7714 17.3: SRTCP that is authenticated, but not encrypted", () => {
  const transform = gcm(7);
  const packet = hex(`${RTCP}841dd9683dd78ec92ae58790125f62b3000005d4`);
  const word = transform.rtcpIndexWord(packet, packet.length);
  assert.equal(word, 0x5d4);
  const plain = transform.openRtcp(packet, packet.length, 0x4d617273, word);
  assert.equal(hexEncode(packet.subarray(0, plain)), RTCP);
  packet[20]! ^= 1;
  assert.equal(transform.openRtcp(packet, packet.length, 0x4d617273, word), 0);
});

const CRYPTEX: Record<string, [string, string, string][]> = {
  "AES-CTR": [
    [
      "a one-byte extension",
      "900f1235decafbadcafebabebede000151000200abababababababababababababababab",
      "900f1235decafbadcafebabec0de0001eb92365251c3e036f8de27e9c27ee3e0b4651d9fbc4218a70244522f34a5",
    ],
    [
      "a two-byte extension",
      "900f1236decafbadcafebabe1000000105020002abababababababababababababababab",
      "900f1236decafbadcafebabec2de00014ed9cc4e6a712b3096c5ca77339d4204ce0d77396cab69585fbce38194a5",
    ],
    [
      "a one-byte extension and CSRCs",
      "920f1238decafbadcafebabe0001e2400000b26ebede000151000200abababababababababababababababab",
      "920f1238decafbadcafebabe8bb6e12b5cff16ddc0de000192838c8c09e58393e1de3a9a74734d6745671338c3acf11da2df8423bee0",
    ],
    [
      "a two-byte extension and CSRCs",
      "920f1239decafbadcafebabe0001e2400000b26e1000000105020002abababababababababababababababab",
      "920f1239decafbadcafebabef70e513eb90b9b25c2de0001bbed4848faa644665f3d7f34125914e9f4d0ae923c6f479b95a0f7b53133",
    ],
    [
      "an empty one-byte extension and CSRCs",
      "920f123adecafbadcafebabe0001e2400000b26ebede0000abababababababababababababababab",
      "920f123adecafbadcafebabe7130b6abfe2ab0e3c0de0000e3d9f64b25c9e74cb4cf8e43fb92e3781c2c0ceab6b3a499a14c",
    ],
    [
      "an empty two-byte extension and CSRCs",
      "920f123bdecafbadcafebabe0001e2400000b26e10000000abababababababababababababababab",
      "920f123bdecafbadcafebabecbf24c124330e1c8c2de0000599dd45bc9d687b603e8b59d771fd38e88b170e0cd31e125eabe",
    ],
  ],
  "AES-GCM": [
    [
      "a one-byte extension",
      "900f1235decafbadcafebabebede000151000200abababababababababababababababab",
      "900f1235decafbadcafebabec0de000139972dc9572c4d99e8fc355de743fb2e94f9d8ff54e72f4193bbc5c74ffab0fa9fa0fbeb",
    ],
    [
      "a two-byte extension",
      "900f1236decafbadcafebabe1000000105020002abababababababababababababababab",
      "900f1236decafbadcafebabec2de0001bb75a4c545cd1f413bdb7daa2b1e3263de313667c963249081b35a65f5cb6c88b394235f",
    ],
    [
      "a one-byte extension and CSRCs",
      "920f1238decafbadcafebabe0001e2400000b26ebede000151000200abababababababababababababababab",
      "920f1238decafbadcafebabe63bbccc4a7f695c4c0de00018ad7c71fac70a80c92866b4c6ba98546ef913586e95ffaaffe956885bb0647a8bc094ac8",
    ],
    [
      "a two-byte extension and CSRCs",
      "920f1239decafbadcafebabe0001e2400000b26e1000000105020002abababababababababababababababab",
      "920f1239decafbadcafebabe3680524f8d312b00c2de0001c78d120038422bc111a7187a18246f980c059cc6bc9df8b626394eca344e4b05d80fea83",
    ],
    [
      "an empty one-byte extension and CSRCs",
      "920f123adecafbadcafebabe0001e2400000b26ebede0000abababababababababababababababab",
      "920f123adecafbadcafebabe15b6bb4337906fffc0de0000b7b964537a2b03ab7ba5389ce93317126b5d974df30c6884dcb651c5e120c1da",
    ],
    [
      "an empty two-byte extension and CSRCs",
      "920f123bdecafbadcafebabe0001e2400000b26e10000000abababababababababababababababab",
      "920f123bdecafbadcafebabedcb38c9e48bf95f4c2de000061ee432cf920317076613258d3ce4236c06ac429681ad08413512dc98b5207d8",
    ],
  ],
};
const CRYPTEX_SESSIONS = {
  "AES-CTR": { profile: 1, keys: MASTER },
  "AES-GCM": {
    profile: 7,
    keys: { key: GCM_KEY.slice(0, 16), salt: hex("a0a1a2a3a4a5a6a7a8a9aaab") },
  },
};

for (const [cipher, { profile, keys }] of Object.entries(CRYPTEX_SESSIONS)) {
  const options = { crypto: nodeCrypto, profile, local: keys, remote: keys, cryptex: true };
  test(`RFC 9335 Appendix A: Cryptex with ${cipher}`, () => {
    for (const [name, plain, sealed] of CRYPTEX[cipher]!) {
      const session = new SrtpSession(options);
      const packet = roomy(plain);
      const lengths = [plain.length / 2];
      session.protectRtp([packet], lengths, 1);
      assert.equal(hexEncode(packet.subarray(0, lengths[0])), sealed, name);
      session.unprotectRtp([packet], lengths, 1);
      assert.equal(hexEncode(packet.subarray(0, lengths[0])), plain, name);
    }
  });

  test(`RFC 9335 5.1: CSRCs without an extension get an empty one, with ${cipher}`, () => {
    const [, withExtension, sealed] = CRYPTEX[cipher]![4]!;
    const session = new SrtpSession(options);
    const plain = withExtension.replace(/^92/, "82").replace("bede0000", "");
    const packet = roomy(plain);
    const lengths = [plain.length / 2];
    session.protectRtp([packet], lengths, 1);
    assert.equal(hexEncode(packet.subarray(0, lengths[0])), sealed);
  });
}
