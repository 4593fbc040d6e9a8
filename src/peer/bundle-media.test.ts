import assert from "node:assert/strict";
import { test } from "node:test";
import { SrtpProtectionProfile } from "../dtls/options.js";
import { nodeCrypto } from "../node/crypto.js";
import { BundleMedia } from "./bundle-media.js";
import type { KeySource } from "./media-transport.js";
import type { Platform } from "./platform.js";

const OPTIONS = { cname: "c", reducedSize: true };
const KEYS: KeySource = {
  srtpProfile: SrtpProtectionProfile.SRTP_AES128_CM_HMAC_SHA1_80,
  role: "client",
  exportKeyingMaterial: (_label, _context, length) => new Uint8Array(length).fill(7),
};

function setUp(hasKeys: boolean): BundleMedia {
  const platform = { crypto: nodeCrypto, timeOrigin: 0 } as Platform;
  return new BundleMedia(platform, { transmit: () => {}, keeps: () => false, hasKeys: () => hasKeys });
}

test("media is ready with a transport and keys, whichever comes first; who waits hears of it after the round", async () => {
  for (const first of ["keys", "transport"] as const) {
    const media = setUp(first === "keys");
    let called = 0;
    assert.equal(
      media.whenReady(() => called++),
      false,
    );
    if (first === "keys") media.handleDtlsConnected();
    media.flush(first === "keys" ? KEYS : undefined, 0);
    media.ensure(OPTIONS);
    if (first === "transport") {
      media.flush(undefined, 0);
      await Promise.resolve();
      assert.equal(called, 0);
      media.handleDtlsConnected();
    }
    media.flush(KEYS, 0);
    assert.equal(called, 0, "not within the round");
    await Promise.resolve();
    assert.equal(called, 1);
    assert.equal(media.transport!.srtpProfile, KEYS.srtpProfile);
    assert.ok(media.whenReady(() => assert.fail("it is ready")));
    media.flush(KEYS, 1);
    await Promise.resolve();
    assert.equal(called, 1);
  }
});

test("another DTLS association has other keys, a connection that has not come yet none", () => {
  const media = setUp(false);
  const transport = media.ensure(OPTIONS);
  assert.equal(media.ensure({ cname: "another", reducedSize: false }), transport);
  media.handleDtlsConnected();
  media.flush(KEYS, 0);
  media.handleDtlsReset();
  assert.equal(transport.srtpProfile, undefined);
  media.flush(KEYS, 0);
  assert.equal(transport.srtpProfile, undefined, "the keys of before");
  const srtpProfile = SrtpProtectionProfile.SRTP_AEAD_AES_128_GCM;
  media.handleDtlsConnected();
  media.flush({ ...KEYS, srtpProfile }, 0);
  assert.equal(transport.srtpProfile, srtpProfile);
});

test("a route is another when its addresses are, and the first is none", () => {
  const media = setUp(false);
  media.handleRoute("a 1 b 1", 0);
  const { session } = media.ensure(OPTIONS);
  let changes = 0;
  Object.defineProperty(session, "onRouteChange", { value: () => changes++ });
  media.handleRoute("a 1 b 1", 1);
  assert.equal(changes, 0);
  media.handleRoute("a 1 b 2", 2);
  assert.equal(changes, 1);
});
