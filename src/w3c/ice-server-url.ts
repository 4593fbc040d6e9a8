// URIs of STUN and TURN servers (RFC 7064, RFC 7065).

export interface IceServerUrl {
  readonly scheme: "stun" | "stuns" | "turn" | "turns";
  /** A host name or IP literal, without brackets. */
  readonly hostname: string;
  readonly port: number;
  readonly transport: "udp" | "tcp";
  readonly url: string;
}

const HOST = /^(?:\[[0-9A-Fa-f:.]+\]|[^:@/?#[\]\s]+)$/;

/** Undefined if the text is not such a URI. */
export function parseIceServerUrl(url: string): IceServerUrl | undefined {
  const match = /^(stuns?|turns?):([^?]*)(?:\?(.*))?$/i.exec(url);
  if (match === null) return undefined;
  const scheme = match[1]!.toLowerCase() as IceServerUrl["scheme"];
  const [, , hostport, query] = match;
  const parts = /^(\[[^\]]*\]|[^:]*)(?::(.*))?$/.exec(hostport!);
  if (parts === null || !HOST.test(parts[1]!)) return undefined;
  const secure = scheme.endsWith("s");
  let port = secure ? 5349 : 3478;
  if (parts[2] !== undefined) {
    if (!/^\d{1,5}$/.test(parts[2])) return undefined;
    port = Number(parts[2]);
    if (port < 1 || port > 65535) return undefined;
  }
  let transport: IceServerUrl["transport"] = secure ? "tcp" : "udp";
  if (query !== undefined) {
    // Only TURN URIs have a transport parameter (RFC 7065 §3.1).
    const parameter = /^transport=(udp|tcp)$/i.exec(query);
    if (parameter === null || scheme.startsWith("stun")) return undefined;
    transport = parameter[1]!.toLowerCase() as IceServerUrl["transport"];
  }
  return { scheme, hostname: parts[1]!.replace(/^\[|\]$/g, ""), port, transport, url };
}
