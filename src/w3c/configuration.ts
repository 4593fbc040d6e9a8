// RTCConfiguration (webrtc-pc §4.2): conversion, validation, and what may change later (§4.4.1.1, "set a configuration").

import { type IceServerUrl, parseIceServerUrl } from "./ice-server-url.js";
import { isCertificate, type RTCCertificate } from "./rtc-certificate.js";
import {
  type Converter,
  dictionary,
  enumeration,
  instanceOf,
  isObject,
  nullable,
  sequence,
  toDOMString,
  unsigned,
} from "./webidl.js";

export type RTCIceTransportPolicy = "relay" | "all";
export type RTCBundlePolicy = "balanced" | "max-compat" | "max-bundle";
export type RTCRtcpMuxPolicy = "require" | "negotiate";

export interface RTCIceServer {
  urls: string | string[];
  username?: string;
  credential?: string;
}

export interface RTCConfiguration {
  iceServers?: RTCIceServer[];
  iceTransportPolicy?: RTCIceTransportPolicy;
  bundlePolicy?: RTCBundlePolicy;
  rtcpMuxPolicy?: RTCRtcpMuxPolicy;
  certificates?: RTCCertificate[];
  iceCandidatePoolSize?: number;
  peerIdentity?: string;
}

/** A configuration as a connection keeps it. */
export interface Configuration {
  readonly iceServers: readonly RTCIceServer[];
  readonly iceTransportPolicy: RTCIceTransportPolicy;
  readonly bundlePolicy: RTCBundlePolicy;
  readonly rtcpMuxPolicy: RTCRtcpMuxPolicy;
  readonly certificates: readonly RTCCertificate[];
  readonly iceCandidatePoolSize: number;
  readonly peerIdentity: string | undefined;
  /** The servers' URIs, parsed, with their credentials. */
  readonly servers: readonly (IceServerUrl & { username?: string | undefined; credential?: string | undefined })[];
}

const toStringSequence = sequence(toDOMString);
const toUrls: Converter<string | string[]> = (value, where) =>
  isObject(value) && Symbol.iterator in value ? toStringSequence(value, where) : toDOMString(value, where);

const toIceServer = dictionary<RTCIceServer>("RTCIceServer", {
  urls: { convert: toUrls, required: true },
  username: { convert: toDOMString },
  credential: { convert: toDOMString },
});

export const toRTCConfiguration: Converter<RTCConfiguration> = dictionary<RTCConfiguration>("RTCConfiguration", {
  iceServers: { convert: sequence(toIceServer), default: () => [] },
  iceTransportPolicy: {
    convert: enumeration<RTCIceTransportPolicy>("RTCIceTransportPolicy", ["relay", "all"]),
    default: () => "all",
  },
  bundlePolicy: {
    convert: enumeration<RTCBundlePolicy>("RTCBundlePolicy", ["balanced", "max-compat", "max-bundle"]),
    default: () => "balanced",
  },
  rtcpMuxPolicy: {
    convert: enumeration<RTCRtcpMuxPolicy>("RTCRtcpMuxPolicy", ["require", "negotiate"]),
    default: () => "require",
  },
  certificates: { convert: sequence(instanceOf("RTCCertificate", isCertificate)), default: () => [] },
  iceCandidatePoolSize: { convert: unsigned(8, "enforce"), default: () => 0 },
  peerIdentity: { convert: nullable(toDOMString) as Converter<string> },
});

/** RFC 8489 §14.3 allows 508 bytes; webrtc-pc and browsers draw the line here. */
const MAX_USERNAME = 509;

function exception(message: string, name: string, where: string): DOMException {
  return new DOMException(`${where}: ${message}`, name);
}

/**
 * Validates a configuration for a new connection, or for one that has `current` (whose certificates and policies must
 * then stay). `poolFixed`: a local description has been set, so the pool's size must stay too.
 */
export function validateConfiguration(
  given: RTCConfiguration,
  where: string,
  now: number,
  current?: Configuration,
  poolFixed = false,
): Configuration {
  const certificates = given.certificates ?? [];
  if (current === undefined) {
    for (const certificate of certificates) {
      if (certificate.expires <= now) throw exception("Expired certificate(s).", "InvalidAccessError", where);
    }
  } else {
    const same =
      certificates.length === current.certificates.length &&
      certificates.every((certificate, i) => certificate === current.certificates[i]);
    // Left out, they stay as they are.
    if (certificates.length > 0 && !same)
      throw exception("certificates cannot be changed", "InvalidModificationError", where);
    if (given.bundlePolicy !== current.bundlePolicy) {
      throw exception("bundlePolicy cannot be changed", "InvalidModificationError", where);
    }
    if (given.rtcpMuxPolicy !== current.rtcpMuxPolicy) {
      throw exception("rtcpMuxPolicy cannot be changed", "InvalidModificationError", where);
    }
    if (given.peerIdentity !== undefined && given.peerIdentity !== current.peerIdentity) {
      throw exception("peerIdentity cannot be changed", "InvalidModificationError", where);
    }
    if (poolFixed && given.iceCandidatePoolSize !== current.iceCandidatePoolSize) {
      const message = "iceCandidatePoolSize cannot be changed once a local description is set";
      throw exception(message, "InvalidModificationError", where);
    }
  }
  const servers = (given.iceServers ?? []).flatMap((server) => parseServer(server, where));
  return {
    iceServers: (given.iceServers ?? []).map((server) => ({ ...server, urls: [server.urls].flat() })),
    iceTransportPolicy: given.iceTransportPolicy ?? "all",
    bundlePolicy: given.bundlePolicy ?? "balanced",
    rtcpMuxPolicy: given.rtcpMuxPolicy ?? "require",
    certificates: current?.certificates ?? certificates,
    iceCandidatePoolSize: given.iceCandidatePoolSize ?? 0,
    peerIdentity: given.peerIdentity ?? current?.peerIdentity,
    servers,
  };
}

function parseServer(server: RTCIceServer, where: string): Configuration["servers"] {
  const urls = typeof server.urls === "string" ? [server.urls] : server.urls;
  if (urls.length === 0) throw exception("an ICE server without urls", "SyntaxError", where);
  return urls.map((url) => {
    const parsed = parseIceServerUrl(url);
    if (parsed === undefined) throw exception(`'${url}' is not a valid stun or turn URL.`, "SyntaxError", where);
    const { username, credential } = server;
    if (parsed.scheme === "turn" || parsed.scheme === "turns") {
      if (username === undefined || credential === undefined) {
        const message = `Both username and credential are required when the URL scheme is "${parsed.scheme}".`;
        throw exception(message, "InvalidAccessError", where);
      }
      if (username.length > MAX_USERNAME) {
        throw exception(`The username is too long: ${username.length} characters.`, "InvalidAccessError", where);
      }
    }
    return { ...parsed, username, credential };
  });
}

/** A fresh dictionary for getConfiguration. */
export function configurationDictionary(configuration: Configuration): RTCConfiguration {
  const { iceTransportPolicy, bundlePolicy, rtcpMuxPolicy, iceCandidatePoolSize, peerIdentity } = configuration;
  return {
    bundlePolicy,
    certificates: [...configuration.certificates],
    iceCandidatePoolSize,
    iceServers: configuration.iceServers.map((server) => ({ ...server, urls: [server.urls].flat() })),
    iceTransportPolicy,
    rtcpMuxPolicy,
    ...(peerIdentity === undefined ? {} : { peerIdentity }),
  };
}
