// RTCConfiguration: conversion, validation and comparison (webrtc-pc §4.2.1 and "set a configuration" in §4.4.1.6).
import {
  type Dictionary,
  dictionary,
  domString,
  enumeration,
  integer,
  interfaceType,
  sequence,
  sequenceOr,
  usvString,
} from "./conversions.js";
import { domException } from "./errors.js";
import { type IceServerUrl, parseIceServerUrl } from "./ice-server-url.js";
import type { RTCCertificate } from "./rtc-certificate.js";

export type RTCIceTransportPolicy = "relay" | "all";
export type RTCBundlePolicy = "balanced" | "max-compat" | "max-bundle";
export type RTCRtcpMuxPolicy = "negotiate" | "require";

export type RTCRtpHeaderEncryptionPolicy = "negotiate" | "require";

export interface RTCIceServer {
  credential?: string;
  urls: string | string[];
  username?: string;
}

export interface RTCConfiguration {
  bundlePolicy?: RTCBundlePolicy;
  /** RTCCertificates, said so that the DOM library's RTCConfiguration can be given. */
  certificates?: Pick<RTCCertificate, "expires">[];
  iceCandidatePoolSize?: number;
  iceServers?: RTCIceServer[];
  iceTransportPolicy?: RTCIceTransportPolicy;
  peerIdentity?: string;
  rtcpMuxPolicy?: RTCRtcpMuxPolicy;
  /**
   * Encryption of RTP header extensions and contributing sources (Cryptex, RFC 9335; webrtc-extensions): "negotiate" offers it,
   * "require" refuses peers without it. Absent, it is used where the peer offers it; browsers do not offer it by themselves yet.
   */
  rtpHeaderEncryptionPolicy?: RTCRtpHeaderEncryptionPolicy;
}

/** As RTCConfiguration, with every default filled in. */
export type CompleteConfiguration = Required<Omit<RTCConfiguration, "peerIdentity" | "rtpHeaderEncryptionPolicy">> &
  Pick<RTCConfiguration, "peerIdentity" | "rtpHeaderEncryptionPolicy"> & { certificates: RTCCertificate[] };

/** RFC 8489 §14.3: fewer than 509 bytes was RFC 5389's limit, 509 is the new one. */
const MAX_USERNAME_BYTES = 509;

export const rtcIceServer: Dictionary<RTCIceServer> = dictionary<RTCIceServer>("RTCIceServer", {
  credential: { type: domString },
  urls: { type: sequenceOr(usvString, usvString), required: true },
  username: { type: domString },
});

export const iceTransportPolicies: readonly RTCIceTransportPolicy[] = ["relay", "all"];

/** Converts to RTCConfiguration, defaults included; does not validate. */
export const rtcConfiguration: Dictionary<CompleteConfiguration> = dictionary<CompleteConfiguration>(
  "RTCConfiguration",
  {
    bundlePolicy: {
      type: enumeration<RTCBundlePolicy>("RTCBundlePolicy", ["balanced", "max-compat", "max-bundle"]),
      default: () => "balanced",
    },
    certificates: { type: sequence(interfaceType<RTCCertificate>("RTCCertificate")), default: () => [] },
    iceCandidatePoolSize: { type: integer("octet", "EnforceRange"), default: () => 0 },
    iceServers: { type: sequence(rtcIceServer), default: () => [] },
    iceTransportPolicy: {
      type: enumeration<RTCIceTransportPolicy>("RTCIceTransportPolicy", iceTransportPolicies),
      default: () => "all",
    },
    peerIdentity: { type: domString },
    // "negotiate" left the specification with non-muxed RTCP, which is supported here.
    rtcpMuxPolicy: {
      type: enumeration<RTCRtcpMuxPolicy>("RTCRtcpMuxPolicy", ["negotiate", "require"]),
      default: () => "require",
    },
    rtpHeaderEncryptionPolicy: {
      type: enumeration<RTCRtpHeaderEncryptionPolicy>("RTCRtpHeaderEncryptionPolicy", ["negotiate", "require"]),
    },
  },
);

/** One URL of one server, with what is needed to use it. */
export interface IceServer extends IceServerUrl {
  readonly username: string | undefined;
  readonly credential: string | undefined;
}

/** Validates servers as the specification says and spreads them into their URLs. Throws DOMExceptions. */
export function parseIceServers(servers: readonly RTCIceServer[], where: string): IceServer[] {
  const result: IceServer[] = [];
  for (const { urls, username, credential } of servers) {
    const list = typeof urls === "string" ? [urls] : urls;
    if (list.length === 0) throw domException("SyntaxError", `${where}ICE server has no URL.`);
    for (const url of list) {
      const parsed = parseIceServerUrl(url);
      if (parsed === undefined) throw domException("SyntaxError", `${where}'${url}' is not a valid stun or turn URL.`);
      if (parsed.scheme.startsWith("turn")) {
        if (username === undefined || credential === undefined) {
          throw domException(
            "InvalidAccessError",
            `${where}Both username and credential are required when the URL scheme is "turn" or "turns".`,
          );
        }
        if (utf8Length(username) > MAX_USERNAME_BYTES) {
          throw domException("InvalidAccessError", `${where}ICE server username is too long.`);
        }
      }
      result.push({ ...parsed, username, credential });
    }
  }
  return result;
}

/** Bytes of a string in UTF-8; lone surrogates count as U+FFFD. */
export function utf8Length(text: string): number {
  let bytes = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) continue;
    bytes++;
    if (unit < 0x800) continue;
    const next = text.charCodeAt(i + 1);
    // A pair is two code units and four bytes, anything else here one and three.
    if (unit >= 0xd800 && unit < 0xdc00 && next >= 0xdc00 && next < 0xe000) i++;
    bytes++;
  }
  return bytes;
}

/** A configuration that has been validated, as a connection keeps it. */
export interface Configuration extends CompleteConfiguration {
  /** The URLs of iceServers. */
  readonly servers: readonly IceServer[];
}

/** Validates the configuration of a new connection; `epochNow` is in epoch milliseconds. Throws DOMExceptions. */
export function validateConfiguration(given: CompleteConfiguration, epochNow: number, where: string): Configuration {
  for (const { expires } of given.certificates) {
    if (expires <= epochNow) throw domException("InvalidAccessError", `${where}Expired certificate(s).`);
  }
  return { servers: parseIceServers(given.iceServers, where), ...given };
}

/** Validates the configuration that follows `old`. Throws DOMExceptions, before anything is changed. */
export function modifyConfiguration(
  old: Configuration,
  next: CompleteConfiguration,
  hasLocalDescription: boolean,
  where: string,
): Configuration {
  const fail = (member: string): never => {
    throw domException("InvalidModificationError", `${where}Attempted to modify the ${member}.`);
  };
  if (next.peerIdentity !== undefined && next.peerIdentity !== old.peerIdentity) fail("peerIdentity");
  const { certificates } = old;
  if (next.certificates.length !== certificates.length || next.certificates.some((c, i) => c !== certificates[i])) {
    fail("certificates");
  }
  if (next.bundlePolicy !== old.bundlePolicy) fail("bundlePolicy");
  if (next.rtcpMuxPolicy !== old.rtcpMuxPolicy) fail("rtcpMuxPolicy");
  const { rtpHeaderEncryptionPolicy = old.rtpHeaderEncryptionPolicy } = next;
  if (rtpHeaderEncryptionPolicy !== old.rtpHeaderEncryptionPolicy) fail("rtpHeaderEncryptionPolicy");
  if (hasLocalDescription && next.iceCandidatePoolSize !== old.iceCandidatePoolSize) fail("iceCandidatePoolSize");
  const peerIdentity = next.peerIdentity ?? old.peerIdentity;
  const servers = parseIceServers(next.iceServers, where);
  return {
    ...next,
    ...(peerIdentity !== undefined && { peerIdentity }),
    ...(rtpHeaderEncryptionPolicy !== undefined && { rtpHeaderEncryptionPolicy }),
    servers,
  };
}

/** What `getConfiguration` returns: new objects throughout, `urls` always an array. */
export function copyConfiguration(
  configuration: CompleteConfiguration,
): RTCConfiguration & Pick<CompleteConfiguration, "certificates"> {
  const { peerIdentity, rtpHeaderEncryptionPolicy } = configuration;
  return {
    bundlePolicy: configuration.bundlePolicy,
    certificates: [...configuration.certificates],
    iceCandidatePoolSize: configuration.iceCandidatePoolSize,
    iceServers: configuration.iceServers.map(({ urls, username, credential }) => ({
      ...(credential !== undefined && { credential }),
      urls: typeof urls === "string" ? [urls] : [...urls],
      ...(username !== undefined && { username }),
    })),
    iceTransportPolicy: configuration.iceTransportPolicy,
    ...(peerIdentity !== undefined && { peerIdentity }),
    rtcpMuxPolicy: configuration.rtcpMuxPolicy,
    ...(rtpHeaderEncryptionPolicy !== undefined && { rtpHeaderEncryptionPolicy }),
  };
}
