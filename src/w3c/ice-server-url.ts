// URLs of ICE servers: stun: and stuns: (RFC 7064), turn: and turns: (RFC 7065).

import { ipFamily } from "../util/ip.js";

export interface IceServerUrl {
  readonly scheme: "stun" | "stuns" | "turn" | "turns";
  /** A host name or an IP literal, IPv6 without brackets. */
  readonly hostname: string;
  readonly port: number;
  /** How the server is reached; under TLS (DTLS, if "udp") for stuns and turns. */
  readonly transport: "udp" | "tcp";
  /** The URL as it was given. */
  readonly url: string;
}

const DEFAULT_PORT = 3478;
const DEFAULT_TLS_PORT = 5349;

const URL_PATTERN =
  /^(stuns?|turns?):(\[[0-9a-f:.]+\]|[a-z0-9\-._~!$&'()*+,;=%]+)(?::(\d{1,5}))?(?:\?transport=([^?#&]+))?$/i;

/** Reads the URL of an ICE server. Undefined if it follows neither RFC, or names a transport that is unknown. */
export function parseIceServerUrl(url: string): IceServerUrl | undefined {
  const match = URL_PATTERN.exec(url);
  if (match === null) return undefined;
  const scheme = match[1]!.toLowerCase() as IceServerUrl["scheme"];
  const secure = scheme.endsWith("s");
  let hostname = match[2]!;
  if (hostname.startsWith("[")) {
    hostname = hostname.slice(1, -1);
    if (!hostname.includes(":") || ipFamily(hostname) === 0) return undefined;
    // A lone number is a name, as in browsers; with dots it would be an address.
  } else if (/^\d+\.[\d.]*$/.test(hostname) ? ipFamily(hostname) !== 4 : /%(?![0-9a-f]{2})/i.test(hostname))
    return undefined;
  const port = match[3] === undefined ? (secure ? DEFAULT_TLS_PORT : DEFAULT_PORT) : Number(match[3]);
  if (port < 1 || port > 65535) return undefined;
  const transport = match[4]?.toLowerCase();
  if (transport !== undefined) {
    if (scheme === "stun" || scheme === "stuns") return undefined;
    if (transport !== "udp" && transport !== "tcp") return undefined;
  }
  return { scheme, hostname, port, transport: transport ?? (secure ? "tcp" : "udp"), url };
}
