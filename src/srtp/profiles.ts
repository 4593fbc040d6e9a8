// SRTP protection profiles of DTLS-SRTP (RFC 5764 §4.1.2, RFC 7714 §14.2) and how the DTLS exporter's output is divided
// into master keys and salts (RFC 5764 §4.2). Not here: session keys (key-derivation.ts).

/** A master key and its master salt, or the session keys' counterparts. */
export interface SrtpKeys {
  readonly key: Uint8Array;
  readonly salt: Uint8Array;
}

export interface SrtpProfile {
  readonly name: string;
  readonly aead: boolean;
  readonly keyLength: number;
  readonly saltLength: number;
  /** Bytes that the tag adds to an RTP packet. */
  readonly rtpTagLength: number;
  /** Bytes that the tag adds to an RTCP packet; the index takes four more. */
  readonly rtcpTagLength: number;
}

function aesCm(name: string, rtpTagLength: number): SrtpProfile {
  // SRTCP has the 80-bit tag in both profiles (RFC 5764 §4.1.2).
  return { name, aead: false, keyLength: 16, saltLength: 14, rtpTagLength, rtcpTagLength: 10 };
}

function aesGcm(name: string, keyLength: number): SrtpProfile {
  return { name, aead: true, keyLength, saltLength: 12, rtpTagLength: 16, rtcpTagLength: 16 };
}

const PROFILES: ReadonlyMap<number, SrtpProfile> = new Map([
  [0x0001, aesCm("SRTP_AES128_CM_HMAC_SHA1_80", 10)],
  [0x0002, aesCm("SRTP_AES128_CM_HMAC_SHA1_32", 4)],
  [0x0007, aesGcm("SRTP_AEAD_AES_128_GCM", 16)],
  [0x0008, aesGcm("SRTP_AEAD_AES_256_GCM", 32)],
]);

/** The profile with this DTLS-SRTP number; undefined if it is not spoken here. */
export function srtpProfile(profile: number): SrtpProfile | undefined {
  return PROFILES.get(profile);
}

/** Bytes of exporter output that a profile takes (RFC 5764 §4.2); undefined for an unknown profile. */
export function srtpKeyLength(profile: number): number | undefined {
  const known = PROFILES.get(profile);
  return known && 2 * (known.keyLength + known.saltLength);
}

/**
 * Divides exporter output: client's key, server's key, client's salt, server's salt (RFC 5764 §4.2). Throws a
 * RangeError for an unknown profile or material of another length than `srtpKeyLength` says.
 */
export function splitKeys(
  profile: number,
  material: Uint8Array,
  isClient: boolean,
): { local: SrtpKeys; remote: SrtpKeys } {
  const known = PROFILES.get(profile);
  if (known === undefined) throw new RangeError(`unknown SRTP protection profile ${profile}`);
  const { keyLength, saltLength } = known;
  if (material.length !== 2 * (keyLength + saltLength)) throw new RangeError("material has not the profile's length");
  const salts = 2 * keyLength;
  const client = { key: material.slice(0, keyLength), salt: material.slice(salts, salts + saltLength) };
  const server = { key: material.slice(keyLength, salts), salt: material.slice(salts + saltLength) };
  return isClient ? { local: client, remote: server } : { local: server, remote: client };
}
