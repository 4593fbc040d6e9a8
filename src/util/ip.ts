// IP literals to bytes and back: dotted IPv4 and IPv6 with the canonical text of RFC 5952. IPv4-mapped IPv6 addresses
// (::ffff:1.2.3.4) are the IPv4 address everywhere, so that no filter on addresses can be walked around with one.
// Zone ids ("%eth0") are no part of an address here: they are dropped, and `zoneOf` reads them.

/** What an address may be used for (RFC 6890 and its registries), as far as ICE and TURN ask. */
export type IpScope =
  | "unspecified"
  | "loopback"
  | "link-local"
  | "site-local"
  | "private"
  | "multicast"
  | "broadcast"
  | "global";

function parseIpv4Into(text: string, start: number, out: Uint8Array, at: number): boolean {
  let index = 0;
  let value = -1;
  for (let i = start; i <= text.length; i++) {
    const c = i < text.length ? text.charCodeAt(i) : 0x2e;
    if (c === 0x2e) {
      if (value < 0 || index === 4) return false;
      out[at + index++] = value;
      value = -1;
    } else if (c >= 0x30 && c <= 0x39) {
      // A leading zero would be octal to some readers: refused.
      if (value === 0) return false;
      value = (value < 0 ? 0 : value * 10) + c - 0x30;
      if (value > 255) return false;
    } else return false;
  }
  return index === 4;
}

function parseIpv6(text: string): Uint8Array<ArrayBuffer> | undefined {
  const out = new Uint8Array(16);
  let at = 0;
  let gap = -1;
  let i = 0;
  if (text.startsWith("::")) {
    gap = 0;
    i = 2;
  } else if (text.startsWith(":")) return undefined;
  while (i < text.length) {
    if (at === 16) return undefined;
    let value = 0;
    let digits = 0;
    let j = i;
    for (; j < text.length; j++) {
      const c = text.charCodeAt(j) | 0x20;
      const digit = c >= 0x30 && c <= 0x39 ? c - 0x30 : c >= 0x61 && c <= 0x66 ? c - 0x57 : -1;
      if (digit < 0 || text.charCodeAt(j) < 0x30) break;
      if (++digits > 4) return undefined;
      value = (value << 4) | digit;
    }
    if (text[j] === ".") {
      if (at > 12 || !parseIpv4Into(text, i, out, at)) return undefined;
      at += 4;
      break;
    }
    if (digits === 0) return undefined;
    out[at++] = value >>> 8;
    out[at++] = value;
    if (j === text.length) break;
    if (text[j] !== ":") return undefined;
    i = j + 1;
    if (text[i] === ":") {
      if (gap >= 0) return undefined;
      gap = at;
      i++;
    } else if (i === text.length) return undefined;
  }
  if (gap >= 0) {
    if (at === 16) return undefined;
    out.copyWithin(16 - (at - gap), gap, at);
    out.fill(0, gap, 16 - (at - gap));
  } else if (at !== 16) return undefined;
  return out;
}

function isMapped(bytes: Uint8Array, at: number): boolean {
  for (let i = 0; i < 10; i++) if (bytes[at + i] !== 0) return false;
  return bytes[at + 10] === 0xff && bytes[at + 11] === 0xff;
}

/** The 4 or 16 bytes of an IP literal (a zone id is dropped, a mapped address gives 4 bytes), or undefined. */
export function parseIp(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (text.length > 64) return undefined;
  if (!text.includes(":")) {
    const out = new Uint8Array(4);
    return parseIpv4Into(text, 0, out, 0) ? out : undefined;
  }
  const zone = text.indexOf("%");
  const bytes = parseIpv6(zone < 0 ? text : text.slice(0, zone));
  return bytes !== undefined && isMapped(bytes, 0) ? bytes.slice(12) : bytes;
}

/** The canonical text of the 4 or 16 bytes at `at`; a mapped address comes out as IPv4. */
export function formatIp(bytes: Uint8Array, at = 0, length: number = bytes.length - at): string {
  if (length === 16 && isMapped(bytes, at)) return formatIp(bytes, at + 12, 4);
  if (length === 4) return `${bytes[at]}.${bytes[at + 1]}.${bytes[at + 2]}.${bytes[at + 3]}`;
  // RFC 5952 §4.2: the longest run of two or more zero groups is shortened, the first of equals.
  let best = -1;
  let bestLength = 1;
  for (let i = 0; i < 8; ) {
    let run = 0;
    while (i + run < 8 && (bytes[at + 2 * (i + run)]! | bytes[at + 2 * (i + run) + 1]!) === 0) run++;
    if (run > bestLength) {
      best = i;
      bestLength = run;
    }
    i += run + 1;
  }
  let out = "";
  for (let i = 0; i < 8; i++) {
    if (i === best) {
      out += "::";
      i += bestLength - 1;
      continue;
    }
    if (i > 0 && !out.endsWith(":")) out += ":";
    out += ((bytes[at + 2 * i]! << 8) | bytes[at + 2 * i + 1]!).toString(16);
  }
  return out;
}

/** The canonical text of an IP literal, or undefined if it is none (a host name). */
export function canonicalIp(text: string): string | undefined {
  const bytes = parseIp(text);
  return bytes === undefined ? undefined : formatIp(bytes);
}

/** The zone id of an IPv6 literal ("eth0" of "fe80::1%eth0"), or undefined. */
export function zoneOf(text: string): string | undefined {
  const at = text.indexOf("%");
  return at < 0 ? undefined : text.slice(at + 1);
}

/** 4 or 6 for an IP literal, 0 for anything else. A mapped address is 4. */
export function ipFamily(text: string): 4 | 6 | 0 {
  const bytes = parseIp(text);
  return bytes === undefined ? 0 : bytes.length === 4 ? 4 : 6;
}

/** The scope of an address given as literal or bytes; undefined if it is no IP literal. */
export function ipScope(address: string | Uint8Array): IpScope | undefined {
  const bytes = typeof address === "string" ? parseIp(address) : address;
  if (bytes === undefined) return undefined;
  if (bytes.length === 16) return isMapped(bytes, 0) ? ipv4Scope(bytes.subarray(12)) : ipv6Scope(bytes);
  return bytes.length === 4 ? ipv4Scope(bytes) : undefined;
}

function ipv4Scope(bytes: Uint8Array): IpScope {
  const a = bytes[0]!;
  const b = bytes[1]!;
  if (a === 0) return "unspecified"; // "this network" (RFC 791 §3.2)
  if (a === 127) return "loopback";
  if (a === 169 && b === 254) return "link-local";
  if (a === 10 || (a === 172 && b >> 4 === 1) || (a === 192 && b === 168)) return "private";
  if (a === 100 && b >> 6 === 1) return "private"; // shared address space (RFC 6598)
  if (a >> 4 === 14) return "multicast";
  if (a === 255 && b === 255 && bytes[2] === 255 && bytes[3] === 255) return "broadcast";
  return "global";
}

function ipv6Scope(bytes: Uint8Array): IpScope {
  const a = bytes[0]!;
  const b = bytes[1]!;
  if (a === 0xff) return "multicast";
  if (a === 0xfe && b >> 6 === 2) return "link-local";
  if (a === 0xfe && b >> 6 === 3) return "site-local"; // deprecated (RFC 3879)
  if (a >> 1 === 0x7e) return "private"; // unique local (RFC 4193)
  for (let i = 0; i < 15; i++) if (bytes[i] !== 0) return "global";
  return bytes[15] === 0 ? "unspecified" : bytes[15] === 1 ? "loopback" : "global";
}
