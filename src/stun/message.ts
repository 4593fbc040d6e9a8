// The STUN message codec (RFC 8489) with the attributes of ICE (RFC 8445) and TURN (RFC 8656), which all share one
// header and one attribute format. It knows nothing of transactions, credentials' owners or sockets.
import type { CryptoProvider, Hmac } from "../crypto/provider.js";
import { crc32 } from "../util/checksum.js";
import { formatIp, parseIp } from "../util/ip.js";
import type { TransportAddress } from "../util/net.js";
import { utf8Decode, utf8Encode } from "../util/text.js";

export const STUN_HEADER_LENGTH = 20;
export const STUN_MAGIC_COOKIE = 0x2112a442;
const MAX_ATTRIBUTES = 64;
const FINGERPRINT_XOR = 0x5354554e;

export type StunClass = "request" | "indication" | "success" | "error";
const CLASSES: readonly StunClass[] = ["request", "indication", "success", "error"];

/** Methods (the IANA registry of RFC 8489 §18.2). */
export const StunMethod = {
  binding: 0x001,
  allocate: 0x003,
  refresh: 0x004,
  send: 0x006,
  data: 0x007,
  createPermission: 0x008,
  channelBind: 0x009,
} as const;

/** Attribute types (RFC 8489 §18.3, RFC 8445 §20.1, RFC 8656 §18). */
export const StunAttribute = {
  mappedAddress: 0x0001,
  username: 0x0006,
  messageIntegrity: 0x0008,
  errorCode: 0x0009,
  unknownAttributes: 0x000a,
  channelNumber: 0x000c,
  lifetime: 0x000d,
  xorPeerAddress: 0x0012,
  data: 0x0013,
  realm: 0x0014,
  nonce: 0x0015,
  xorRelayedAddress: 0x0016,
  requestedAddressFamily: 0x0017,
  evenPort: 0x0018,
  requestedTransport: 0x0019,
  dontFragment: 0x001a,
  messageIntegritySha256: 0x001c,
  passwordAlgorithm: 0x001d,
  userhash: 0x001e,
  xorMappedAddress: 0x0020,
  reservationToken: 0x0022,
  priority: 0x0024,
  useCandidate: 0x0025,
  additionalAddressFamily: 0x8000,
  /** The same, as coturn has it, from a draft of RFC 8656. */
  additionalAddressFamilyDraft: 0x8032,
  addressErrorCode: 0x8001,
  passwordAlgorithms: 0x8002,
  alternateDomain: 0x8003,
  icmp: 0x8004,
  software: 0x8022,
  alternateServer: 0x8023,
  fingerprint: 0x8028,
  iceControlled: 0x8029,
  iceControlling: 0x802a,
  /** Sent by Chromium; understood to be ignored. */
  networkCost: 0xc057,
} as const;

const KNOWN = new Set<number>(Object.values(StunAttribute));

/** PASSWORD-ALGORITHM values (RFC 8489 §18.5). */
export const PASSWORD_ALGORITHM_MD5 = 1;
export const PASSWORD_ALGORITHM_SHA256 = 2;

export interface StunError {
  readonly code: number;
  readonly reason: string;
}

export interface PasswordAlgorithm {
  readonly algorithm: number;
  readonly parameters: Uint8Array;
}

/** What the end of a message is protected with. */
export interface StunProtection {
  /** HMAC-SHA1 under the short- or long-term key. */
  readonly integrity?: Hmac | undefined;
  /** HMAC-SHA256 under the same kind of key. */
  readonly integritySha256?: Hmac | undefined;
  readonly fingerprint?: boolean | undefined;
}

function u16(data: Uint8Array, at: number): number {
  return (data[at]! << 8) | data[at + 1]!;
}

function u32(data: Uint8Array, at: number): number {
  return ((data[at]! << 24) | (data[at + 1]! << 16) | (data[at + 2]! << 8) | data[at + 3]!) >>> 0;
}

function put16(data: Uint8Array, at: number, value: number): void {
  data[at] = value >>> 8;
  data[at + 1] = value;
}

function put32(data: Uint8Array, at: number, value: number): void {
  data[at] = value >>> 24;
  data[at + 1] = value >>> 16;
  data[at + 2] = value >>> 8;
  data[at + 3] = value;
}

function isXorAddress(type: number): boolean {
  return (
    type === StunAttribute.xorMappedAddress ||
    type === StunAttribute.xorPeerAddress ||
    type === StunAttribute.xorRelayedAddress
  );
}

/** A message read from the wire, or being put together: a header and attributes in order. */
export class StunMessage {
  readonly class: StunClass;
  readonly method: number;
  /** 12 bytes. */
  readonly transactionId: Uint8Array;
  readonly types: number[] = [];
  /** The values (unpadded); views into the datagram where the message was parsed. */
  readonly values: Uint8Array[] = [];
  /** Parsed messages only: the datagram, and where its integrity attributes begin (-1: absent). */
  readonly bytes: Uint8Array | undefined;
  integrityAt = -1;
  integritySha256At = -1;
  /** Parsed messages only: a correct FINGERPRINT was there (a wrong one makes the message unreadable). */
  fingerprint = false;

  constructor(type: StunClass, method: number, transactionId: Uint8Array, bytes?: Uint8Array) {
    this.class = type;
    this.method = method;
    this.transactionId = transactionId;
    this.bytes = bytes;
  }

  get hasIntegrity(): boolean {
    return this.integrityAt >= 0;
  }

  get hasIntegritySha256(): boolean {
    return this.integritySha256At >= 0;
  }

  has(type: number): boolean {
    return this.types.includes(type);
  }

  /** The value of the first attribute of this type (RFC 8489 §14: later ones are ignored). */
  get(type: number): Uint8Array | undefined {
    const at = this.types.indexOf(type);
    return at < 0 ? undefined : this.values[at];
  }

  /** Comprehension-required attributes that neither this codec nor `more` knows (RFC 8489 §6.3.1). */
  unknownRequired(more?: ReadonlySet<number>): number[] {
    return this.types.filter((type) => type < 0x8000 && !KNOWN.has(type) && !more?.has(type));
  }

  /** USERNAME, REALM, NONCE, SOFTWARE, ALTERNATE-DOMAIN. */
  text(type: number): string | undefined {
    const value = this.get(type);
    return value === undefined ? undefined : utf8Decode(value);
  }

  /** LIFETIME, PRIORITY, and anything else of exactly four bytes. */
  u32(type: number): number | undefined {
    const value = this.get(type);
    return value?.length === 4 ? u32(value, 0) : undefined;
  }

  /** The channel of CHANNEL-NUMBER (RFC 8656 §18.1). */
  get channelNumber(): number | undefined {
    const value = this.get(StunAttribute.channelNumber);
    return value?.length === 4 ? u16(value, 0) : undefined;
  }

  /** REQUESTED-TRANSPORT (a protocol number), REQUESTED- and ADDITIONAL-ADDRESS-FAMILY (1 or 2): one byte, three reserved. */
  leadingByte(type: number): number | undefined {
    const value = this.get(type);
    return value?.length === 4 ? value[0] : undefined;
  }

  /** The R bit of EVEN-PORT, undefined without the attribute. */
  get evenPort(): boolean | undefined {
    const value = this.get(StunAttribute.evenPort);
    return value?.length === 1 ? (value[0]! & 0x80) !== 0 : undefined;
  }

  /** Any address attribute, plain or XORed. */
  address(type: number): TransportAddress | undefined {
    const value = this.get(type);
    return value === undefined ? undefined : this.decodeAddress(value, isXorAddress(type));
  }

  /** Every XOR-PEER-ADDRESS, in order; undefined if one of them is malformed. */
  get peerAddresses(): TransportAddress[] | undefined {
    return this.addresses(StunAttribute.xorPeerAddress);
  }

  /** Every address of a type of attribute, in order; undefined if one of them is malformed. */
  addresses(type: number): TransportAddress[] | undefined {
    const out: TransportAddress[] = [];
    for (let i = 0; i < this.types.length; i++) {
      if (this.types[i] !== type) continue;
      const address = this.decodeAddress(this.values[i]!, isXorAddress(type));
      if (address === undefined) return undefined;
      out.push(address);
    }
    return out;
  }

  get error(): StunError | undefined {
    const value = this.get(StunAttribute.errorCode);
    if (value === undefined || value.length < 4) return undefined;
    const hundreds = value[2]! & 7;
    if (hundreds < 3 || hundreds > 6 || value[3]! > 99) return undefined;
    return { code: hundreds * 100 + value[3]!, reason: utf8Decode(value.subarray(4)) };
  }

  /** ADDRESS-ERROR-CODE (RFC 8656 §18.12): the family it is about, 1 or 2, and the error. */
  get addressError(): (StunError & { readonly family: number }) | undefined {
    const value = this.get(StunAttribute.addressErrorCode);
    if (value === undefined || value.length < 4 || value[3]! > 99) return undefined;
    return { family: value[0]!, code: (value[2]! & 7) * 100 + value[3]!, reason: utf8Decode(value.subarray(4)) };
  }

  /** ICMP (RFC 8656 §18.13). */
  get icmp(): { readonly type: number; readonly code: number; readonly data: number } | undefined {
    const value = this.get(StunAttribute.icmp);
    if (value?.length !== 8) return undefined;
    const typeAndCode = u16(value, 2);
    return { type: typeAndCode >>> 9, code: typeAndCode & 0x1ff, data: u32(value, 4) };
  }

  get unknownAttributes(): number[] | undefined {
    const value = this.get(StunAttribute.unknownAttributes);
    if (value === undefined) return undefined;
    const out: number[] = [];
    for (let at = 0; at + 2 <= value.length; at += 2) out.push(u16(value, at));
    return out;
  }

  /** PASSWORD-ALGORITHMS or PASSWORD-ALGORITHM (RFC 8489 §14.11, §14.12); undefined if absent or malformed. */
  passwordAlgorithms(type: number = StunAttribute.passwordAlgorithms): PasswordAlgorithm[] | undefined {
    const value = this.get(type);
    if (value === undefined) return undefined;
    const out: PasswordAlgorithm[] = [];
    for (let at = 0; at < value.length; ) {
      if (at + 4 > value.length) return undefined;
      const length = u16(value, at + 2);
      if (at + 4 + length > value.length) return undefined;
      out.push({ algorithm: u16(value, at), parameters: value.subarray(at + 4, at + 4 + length) });
      at += 4 + ((length + 3) & ~3);
    }
    return out;
  }

  add(type: number, value: Uint8Array): this {
    this.types.push(type);
    this.values.push(value);
    return this;
  }

  addText(type: number, text: string): this {
    return this.add(type, utf8Encode(text));
  }

  addU32(type: number, value: number): this {
    const bytes = new Uint8Array(4);
    put32(bytes, 0, value);
    return this.add(type, bytes);
  }

  /** USE-CANDIDATE, DONT-FRAGMENT. */
  addFlag(type: number): this {
    return this.add(type, new Uint8Array(0));
  }

  addChannelNumber(channel: number): this {
    return this.addU32(StunAttribute.channelNumber, channel * 0x1_0000);
  }

  /** REQUESTED-TRANSPORT, REQUESTED-ADDRESS-FAMILY, ADDITIONAL-ADDRESS-FAMILY. */
  addLeadingByte(type: number, value: number): this {
    return this.add(type, Uint8Array.of(value, 0, 0, 0));
  }

  addEvenPort(reserveNext: boolean): this {
    return this.add(StunAttribute.evenPort, Uint8Array.of(reserveNext ? 0x80 : 0));
  }

  /** Any address attribute; the address must be an IP literal. */
  addAddress(type: number, address: string, port: number): this {
    const ip = parseIp(address);
    if (ip === undefined) throw new TypeError(`not an IP address: ${address}`);
    const value = new Uint8Array(4 + ip.length);
    value[1] = ip.length === 4 ? 1 : 2;
    put16(value, 2, port);
    value.set(ip, 4);
    if (isXorAddress(type)) this.xor(value);
    return this.add(type, value);
  }

  addError(code: number, reason: string, type: number = StunAttribute.errorCode, family = 0): this {
    const text = utf8Encode(reason);
    const value = new Uint8Array(4 + text.length);
    value[0] = family;
    value[2] = Math.floor(code / 100);
    value[3] = code % 100;
    value.set(text, 4);
    return this.add(type, value);
  }

  addIcmp(type: number, code: number, data: number): this {
    const value = new Uint8Array(8);
    put16(value, 2, (type << 9) | code);
    put32(value, 4, data);
    return this.add(StunAttribute.icmp, value);
  }

  addUnknownAttributes(types: readonly number[]): this {
    const value = new Uint8Array(2 * types.length);
    for (let i = 0; i < types.length; i++) put16(value, 2 * i, types[i]!);
    return this.add(StunAttribute.unknownAttributes, value);
  }

  addPasswordAlgorithms(
    algorithms: readonly PasswordAlgorithm[],
    type: number = StunAttribute.passwordAlgorithms,
  ): this {
    let length = 0;
    for (const { parameters } of algorithms) length += 4 + ((parameters.length + 3) & ~3);
    const value = new Uint8Array(length);
    let at = 0;
    for (const { algorithm, parameters } of algorithms) {
      put16(value, at, algorithm);
      put16(value, at + 2, parameters.length);
      value.set(parameters, at + 4);
      at += 4 + ((parameters.length + 3) & ~3);
    }
    return this.add(type, value);
  }

  /** The message on the wire, in fresh memory. */
  encode(protection: StunProtection = {}): Uint8Array<ArrayBuffer> {
    let length = STUN_HEADER_LENGTH;
    for (const value of this.values) length += 4 + ((value.length + 3) & ~3);
    const { integrity, integritySha256, fingerprint } = protection;
    const total =
      length +
      (integrity === undefined ? 0 : 4 + integrity.length) +
      (integritySha256 === undefined ? 0 : 4 + integritySha256.length) +
      (fingerprint === true ? 8 : 0);
    const out = new Uint8Array(total);
    const c = CLASSES.indexOf(this.class);
    const m = this.method;
    // RFC 8489 §5: the two class bits sit between the bits of the method.
    put16(out, 0, ((m & 0xf80) << 2) | ((m & 0x70) << 1) | (m & 0xf) | ((c & 2) << 7) | ((c & 1) << 4));
    put32(out, 4, STUN_MAGIC_COOKIE);
    out.set(this.transactionId, 8);
    let at = STUN_HEADER_LENGTH;
    for (let i = 0; i < this.types.length; i++) {
      const value = this.values[i]!;
      put16(out, at, this.types[i]!);
      put16(out, at + 2, value.length);
      out.set(value, at + 4);
      at += 4 + ((value.length + 3) & ~3);
    }
    // Each of these covers what is before it, with the header's length as if it were the last.
    if (integrity !== undefined) at = appendHmac(out, at, StunAttribute.messageIntegrity, integrity);
    if (integritySha256 !== undefined) at = appendHmac(out, at, StunAttribute.messageIntegritySha256, integritySha256);
    put16(out, 2, total - STUN_HEADER_LENGTH);
    if (fingerprint === true) {
      put16(out, at, StunAttribute.fingerprint);
      put16(out, at + 2, 4);
      put32(out, at + 4, crc32(out, 0, at) ^ FINGERPRINT_XOR);
    }
    return out;
  }

  /** True if the message has a MESSAGE-INTEGRITY, and it is the one of this key. */
  verifyIntegrity(key: Hmac, crypto: Pick<CryptoProvider, "equal">): boolean {
    return this.verifyHmac(this.integrityAt, key, crypto);
  }

  /** The same for MESSAGE-INTEGRITY-SHA256, which no usage here truncates (RFC 8489 §14.6). */
  verifyIntegritySha256(key: Hmac, crypto: Pick<CryptoProvider, "equal">): boolean {
    return this.verifyHmac(this.integritySha256At, key, crypto);
  }

  private verifyHmac(at: number, key: Hmac, crypto: Pick<CryptoProvider, "equal">): boolean {
    const bytes = this.bytes;
    if (bytes === undefined || at < 0) return false;
    const length = u16(bytes, at + 2);
    if (length !== key.length) return false;
    const header = new Uint8Array(bytes.subarray(0, STUN_HEADER_LENGTH));
    put16(header, 2, at + 4 + length - STUN_HEADER_LENGTH);
    const expected = key.sign(header, bytes.subarray(STUN_HEADER_LENGTH, at));
    return crypto.equal(expected, bytes.subarray(at + 4, at + 4 + length));
  }

  private decodeAddress(value: Uint8Array, xored: boolean): TransportAddress | undefined {
    const length = value[1] === 1 ? 4 : value[1] === 2 ? 16 : 0;
    if (length === 0 || value.length !== 4 + length) return undefined;
    let plain = value;
    if (xored) {
      // Not slice(), which of a Buffer is a view.
      plain = new Uint8Array(value);
      this.xor(plain);
    }
    return { address: formatIp(plain, 4, length), port: u16(plain, 2) };
  }

  /** XORs port and address with the cookie and the transaction id (RFC 8489 §14.2). */
  private xor(value: Uint8Array): void {
    value[2]! ^= STUN_MAGIC_COOKIE >>> 24;
    value[3]! ^= (STUN_MAGIC_COOKIE >>> 16) & 0xff;
    for (let i = 0; i < 4; i++) value[4 + i]! ^= (STUN_MAGIC_COOKIE >>> (24 - 8 * i)) & 0xff;
    for (let i = 8; i < value.length; i++) value[i]! ^= this.transactionId[i - 8]!;
  }
}

function appendHmac(out: Uint8Array, at: number, type: number, key: Hmac): number {
  const end = at + 4 + key.length;
  put16(out, 2, end - STUN_HEADER_LENGTH);
  put16(out, at, type);
  put16(out, at + 2, key.length);
  out.set(key.sign(out.subarray(0, at)), at + 4);
  return end;
}

/** Cheap: does this datagram look like STUN (RFC 7983 and the magic cookie)? Not a promise that it parses. */
export function isStun(data: Uint8Array): boolean {
  return (
    data.length >= STUN_HEADER_LENGTH &&
    data[0]! < 4 &&
    data[4] === 0x21 &&
    data[5] === 0x12 &&
    data[6] === 0xa4 &&
    data[7] === 0x42
  );
}

/**
 * Reads one datagram, or undefined if it is not exactly one well-formed STUN message (including a FINGERPRINT that does
 * not match). Attributes after an integrity attribute are dropped, as no key covers them (RFC 8489 §14.5).
 */
export function parseStunMessage(bytes: Uint8Array): StunMessage | undefined {
  if (!isStun(bytes)) return undefined;
  const length = u16(bytes, 2);
  if ((length & 3) !== 0 || length + STUN_HEADER_LENGTH !== bytes.length) return undefined;
  const type = u16(bytes, 0);
  const type2 = ((type >> 7) & 2) | ((type >> 4) & 1);
  const method = ((type >> 2) & 0xf80) | ((type >> 1) & 0x70) | (type & 0xf);
  const message = new StunMessage(CLASSES[type2]!, method, bytes.subarray(8, 20), bytes);
  let at = STUN_HEADER_LENGTH;
  let count = 0;
  while (at < bytes.length) {
    if (message.fingerprint || ++count > MAX_ATTRIBUTES) return undefined;
    const attribute = u16(bytes, at);
    const size = u16(bytes, at + 2);
    const next = at + 4 + ((size + 3) & ~3);
    if (next > bytes.length) return undefined;
    if (attribute === StunAttribute.fingerprint) {
      if (size !== 4 || u32(bytes, at + 4) !== (crc32(bytes, 0, at) ^ FINGERPRINT_XOR) >>> 0) return undefined;
      message.fingerprint = true;
    } else if (message.integritySha256At >= 0) {
      // Covered by nothing.
    } else if (attribute === StunAttribute.messageIntegritySha256) {
      if (size < 16 || size > 32 || (size & 3) !== 0) return undefined;
      message.integritySha256At = at;
    } else if (message.integrityAt >= 0) {
      // Covered by nothing.
    } else if (attribute === StunAttribute.messageIntegrity) {
      if (size !== 20) return undefined;
      message.integrityAt = at;
    } else message.add(attribute, bytes.subarray(at + 4, at + 4 + size));
    at = next;
  }
  return message;
}
