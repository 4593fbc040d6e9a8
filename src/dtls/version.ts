// Version negotiation, for both roles of the facade. Today there is one version; DTLS 1.3 (RFC 9147) comes in here.
import { type ClientHello, DTLS_1_2 } from "./handshake.js";

export type DtlsVersion = "1.2";

/**
 * The version a server answers with, or undefined if there is none in common. Versions of DTLS count downward. A client
 * that knows 1.3 lists its versions (RFC 8446 §4.2.1), and learns from a ServerHello without supported_versions that
 * the server stays with 1.2.
 */
export function selectVersion(hello: ClientHello): DtlsVersion | undefined {
  const { supportedVersions } = hello.extensions;
  if (supportedVersions !== undefined) return supportedVersions.includes(DTLS_1_2) ? "1.2" : undefined;
  return hello.version >> 8 === 0xfe && hello.version <= DTLS_1_2 ? "1.2" : undefined;
}
