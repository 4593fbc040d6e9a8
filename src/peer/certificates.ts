// Certificates for DTLS: a key pair and a self-signed certificate (RFC 8826 §4.3.2.3), and what session descriptions say
// of them.
import type { KeyAlgorithm, PrivateKey } from "../crypto/provider.js";
import { createCertificate, type Fingerprint, fingerprint } from "../dtls/certificate.js";
import type { DtlsCertificate } from "../dtls/options.js";
import type { Platform } from "./platform.js";

export interface LocalCertificate extends DtlsCertificate {
  readonly fingerprints: readonly Fingerprint[];
}

const DEFAULT_ALGORITHM: KeyAlgorithm = { name: "ecdsa", namedCurve: "P-256" };
const DAY = 24 * 60 * 60 * 1000;
/** As browsers: a certificate that nobody asked for lives thirty days. */
export const DEFAULT_LIFETIME: number = 30 * DAY;

function certify(platform: Platform, privateKey: PrivateKey, lifetime: number): LocalCertificate {
  const { crypto } = platform;
  const now = platform.timeOrigin + platform.now();
  const notAfter = now + lifetime;
  const random = (length: number): Uint8Array => crypto.random(length);
  // A day of grace for peers whose clock is late.
  const der = createCertificate(privateKey, { notBefore: now - DAY, notAfter, random });
  return { der, privateKey, notAfter, fingerprints: [certificateFingerprint(platform, der)] };
}

/** The fingerprint of a certificate (DER) as descriptions have it. */
export function certificateFingerprint({ crypto }: Pick<Platform, "crypto">, der: Uint8Array): Fingerprint {
  return { algorithm: "sha-256", value: fingerprint(crypto, der, "sha-256") };
}

/** Milliseconds after which a certificate that was made ahead is not used any more, and nobody is taken to ask for another. */
export const MAX_SPARE_AGE: number = 5 * 60 * 1000;

/** What is ready for the next connection, and whether there is likely to be one. */
interface Stock {
  spare: LocalCertificate | undefined;
  madeAt: number;
  takenAt: number;
  /** One was asked for soon after another. */
  inDemand: boolean;
}

const stocks = new WeakMap<Platform, Stock>();

/** A certificate for one connection: ECDSA P-256, made in a fraction of a millisecond or ahead. No two calls give the same. */
export function createDefaultCertificate(platform: Platform): LocalCertificate {
  const now = platform.now();
  const stock = stocks.get(platform);
  if (stock === undefined) {
    stocks.set(platform, { spare: undefined, madeAt: now, takenAt: now, inDemand: false });
    return makeDefaultCertificate(platform);
  }
  const { spare } = stock;
  stock.spare = undefined;
  stock.inDemand = now - stock.takenAt < MAX_SPARE_AGE;
  stock.takenAt = now;
  return spare !== undefined && now - stock.madeAt < MAX_SPARE_AGE ? spare : makeDefaultCertificate(platform);
}

function makeDefaultCertificate(platform: Platform): LocalCertificate {
  return certify(platform, platform.crypto.generateKeyPair(DEFAULT_ALGORITHM), DEFAULT_LIFETIME);
}

/**
 * Makes the certificate of the next connection ahead, where connections follow each other: to be called while there is nothing
 * to do but wait. An offer has to have one, and so waits for it.
 */
export function prepareDefaultCertificate(platform: Platform): void {
  const stock = stocks.get(platform);
  if (stock === undefined || !stock.inDemand || stock.spare !== undefined) return;
  stock.spare = makeDefaultCertificate(platform);
  stock.madeAt = platform.now();
}

/** A certificate with a key of the given kind, valid for `lifetime` milliseconds. RSA keys are made off the event loop. */
export async function generateLocalCertificate(
  platform: Platform,
  algorithm: KeyAlgorithm,
  lifetime: number = DEFAULT_LIFETIME,
): Promise<LocalCertificate> {
  return certify(platform, await platform.crypto.generateKeyPairAsync(algorithm), lifetime);
}
