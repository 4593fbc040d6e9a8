// The candidate record that ICE, SDP and the W3C layer share, with its grammar: `candidate-attribute` of RFC 8839 §5.1,
// with the TCP extension of RFC 6544 §4.5 and the extension attributes of §5.1 kept in order.

export type IceCandidateType = "host" | "srflx" | "prflx" | "relay";
export type IceTcpCandidateType = "active" | "passive" | "so";

export interface IceCandidate {
  readonly foundation: string;
  readonly component: number;
  readonly protocol: "udp" | "tcp";
  readonly priority: number;
  /** An IP literal, or a host name (`.local`, RFC 8839 §5.1 with mDNS obfuscation). */
  readonly address: string;
  readonly port: number;
  readonly type: IceCandidateType;
  readonly relatedAddress?: string | undefined;
  readonly relatedPort?: number | undefined;
  readonly tcpType?: IceTcpCandidateType | undefined;
  readonly usernameFragment?: string | undefined;
  /** Extension attributes not listed above, in order ("generation", "network-id", "network-cost", …). */
  readonly extensions?: readonly (readonly [name: string, value: string])[] | undefined;
  /** Local only: the URL of the server that the candidate came from, and how the relay is reached. */
  readonly url?: string | undefined;
  readonly relayProtocol?: "udp" | "tcp" | "tls" | undefined;
}

/** Nothing that a line of a description cannot hold: what is read here may be written into one. */
const PRINTABLE = /^\P{Cc}*$/u;
const ICE_CHARS = /^[A-Za-z0-9+/]{1,32}$/;
/** Most candidates have none. */
const NO_EXTENSIONS: [string, string][] = [];
const TYPES: readonly string[] = ["host", "srflx", "prflx", "relay"];
const TCP_TYPES: readonly string[] = ["active", "passive", "so"];

function decimal(text: string | undefined, max: number): number | undefined {
  if (text === undefined || !/^\d{1,10}$/.test(text)) return undefined;
  const value = Number(text);
  return value <= max ? value : undefined;
}

/** Reads `candidate:…` (an `a=` before it is allowed). Undefined if it does not follow the grammar. */
export function parseIceCandidate(text: string): IceCandidate | undefined {
  const read = readIceCandidate(text);
  return typeof read === "string" ? undefined : read;
}

/** What is wrong with a candidate that `parseIceCandidate` does not take; undefined if nothing is. */
export function iceCandidateProblem(text: string): string | undefined {
  const read = readIceCandidate(text);
  return typeof read === "string" ? read : undefined;
}

function readIceCandidate(text: string): IceCandidate | string {
  const line = text.startsWith("a=") ? text.slice(2) : text;
  if (!line.startsWith("candidate:")) return `it does not begin with "candidate:"`;
  const rest = line.slice("candidate:".length).replace(/^ +|[ \r\n]+$/g, "");
  if (!PRINTABLE.test(rest)) return "it has control characters";
  const words = rest.split(/ +/);
  const [foundation, componentText, protocolText, priorityText, address, portText, typ, type] = words;
  if (type === undefined) return `it has ${words.length} of eight fields`;
  if (!ICE_CHARS.test(foundation!)) return not(foundation, "a foundation");
  const component = decimal(componentText, 256);
  if (component === undefined || component < 1) return not(componentText, "a component from 1 to 256");
  const protocol = protocolText!.toLowerCase();
  if (protocol !== "udp" && protocol !== "tcp") return not(protocolText, "a transport, udp or tcp");
  const priority = decimal(priorityText, 0xffff_ffff);
  if (priority === undefined) return not(priorityText, "a priority below 4294967296");
  const port = decimal(portText, 0xffff);
  if (port === undefined) return not(portText, "a port");
  if (typ !== "typ") return `"${short(typ!)}" stands in place of "typ"`;
  if (!TYPES.includes(type)) return not(type, "a type");
  let relatedAddress: string | undefined;
  let relatedPort: number | undefined;
  let tcpType: IceTcpCandidateType | undefined;
  let usernameFragment: string | undefined;
  let extensions = NO_EXTENSIONS;
  for (let i = 8; i < words.length; i += 2) {
    const name = words[i]!;
    const value = words[i + 1];
    if (value === undefined) return `"${short(name)}" has no value`;
    if (name === "raddr") relatedAddress = value;
    else if (name === "rport") {
      relatedPort = decimal(value, 0xffff);
      if (relatedPort === undefined) return not(value, "a port");
    } else if (name === "tcptype") {
      if (!TCP_TYPES.includes(value)) return not(value, "a type of TCP candidate");
      tcpType = value as IceTcpCandidateType;
    } else if (name === "ufrag") usernameFragment = value;
    else {
      if (extensions.length === 0) extensions = [];
      extensions.push([name, value]);
    }
  }
  return {
    foundation: foundation!,
    component,
    protocol,
    priority,
    address: address!,
    port,
    type: type as IceCandidateType,
    relatedAddress,
    relatedPort,
    tcpType,
    usernameFragment,
    extensions,
  };
}

function short(word: string): string {
  return word.length > 64 ? `${word.slice(0, 64)}…` : word;
}

function not(word: string | undefined, what: string): string {
  return `"${short(word ?? "")}" is not ${what}`;
}

/** Writes `candidate:…` without `a=`. */
export function writeIceCandidate(c: IceCandidate): string {
  let out = `candidate:${c.foundation} ${c.component} ${c.protocol} ${c.priority} ${c.address} ${c.port} typ ${c.type}`;
  if (c.relatedAddress !== undefined) out += ` raddr ${c.relatedAddress}`;
  if (c.relatedPort !== undefined) out += ` rport ${c.relatedPort}`;
  if (c.tcpType !== undefined) out += ` tcptype ${c.tcpType}`;
  for (const [name, value] of c.extensions ?? []) out += ` ${name} ${value}`;
  if (c.usernameFragment !== undefined) out += ` ufrag ${c.usernameFragment}`;
  return out;
}

/** Whether two mentions are of the same candidate: all that would be written, but for the user name fragment. */
export function isSameCandidate(a: IceCandidate, b: IceCandidate): boolean {
  if (a === b) return true;
  return (
    a.port === b.port &&
    a.address === b.address &&
    a.protocol === b.protocol &&
    a.priority === b.priority &&
    a.component === b.component &&
    a.foundation === b.foundation &&
    a.type === b.type &&
    a.tcpType === b.tcpType &&
    a.relatedAddress === b.relatedAddress &&
    a.relatedPort === b.relatedPort &&
    sameExtensions(a.extensions ?? NO_EXTENSIONS, b.extensions ?? NO_EXTENSIONS)
  );
}

type Extensions = NonNullable<IceCandidate["extensions"]>;

function sameExtensions(a: Extensions, b: Extensions): boolean {
  return a.length === b.length && a.every(([name, value], i) => b[i]![0] === name && b[i]![1] === value);
}
