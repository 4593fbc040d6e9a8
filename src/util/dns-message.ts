// The part of the DNS message format (RFC 1035 §4) that multicast DNS (RFC 6762) needs to ask for and answer with the
// addresses of `.local` names. Not a resolver: see src/node/mdns.ts.
import { ByteReader } from "./byte-reader.js";
import { ByteWriter } from "./byte-writer.js";
import { utf8Decode, utf8Encode } from "./text.js";

export const DNS_TYPE_A = 1;
export const DNS_TYPE_AAAA = 28;
export const DNS_TYPE_ANY = 255;
const CLASS_IN = 1;
/** In a question: the asker takes a unicast answer; in a record: the asker shall flush its cache (RFC 6762 §5.4, §10.2). */
const TOP_BIT = 0x8000;
const FLAGS_ANSWER = 0x8400;

/** Records and questions read from one message at most; more are ignored. */
const MAX_ENTRIES = 64;
/** Labels and compression pointers followed in one name at most. */
const MAX_LABELS = 64;

export interface DnsQuestion {
  /** Lower case, without a trailing dot. */
  readonly name: string;
  readonly type: number;
  readonly unicast: boolean;
}

export interface DnsAddressRecord {
  readonly name: string;
  readonly type: typeof DNS_TYPE_A | typeof DNS_TYPE_AAAA;
  /** 4 or 16 bytes. */
  readonly address: Uint8Array;
  /** Seconds. */
  readonly ttl: number;
}

export interface DnsMessage {
  readonly id: number;
  readonly isResponse: boolean;
  readonly questions: readonly DnsQuestion[];
  /** Address records of all sections; others are skipped. */
  readonly addresses: readonly DnsAddressRecord[];
}

function readName(reader: ByteReader): string | undefined {
  const labels: string[] = [];
  let at = reader;
  for (let n = 0; n < MAX_LABELS; n++) {
    const length = at.u8();
    if (at.failed) return undefined;
    if (length === 0) return labels.join(".").toLowerCase();
    if ((length & 0xc0) === 0xc0) {
      const target = ((length & 0x3f) << 8) | at.u8();
      if (at.failed || target >= reader.end) return undefined;
      // The caller goes on after the first pointer; what it points at is read on the side.
      at = new ByteReader(reader.data, target, reader.end);
      continue;
    }
    if (length > 63) return undefined;
    labels.push(utf8Decode(at.bytes(length)));
  }
  return undefined;
}

export function parseDnsMessage(data: Uint8Array): DnsMessage | undefined {
  const reader = new ByteReader(data);
  const id = reader.u16();
  const flags = reader.u16();
  const questionCount = Math.min(reader.u16(), MAX_ENTRIES);
  const recordCount = Math.min(reader.u16() + reader.u16() + reader.u16(), MAX_ENTRIES);
  if (reader.failed) return undefined;
  const questions: DnsQuestion[] = [];
  const addresses: DnsAddressRecord[] = [];
  for (let i = 0; i < questionCount; i++) {
    const name = readName(reader);
    const type = reader.u16();
    const questionClass = reader.u16();
    if (name === undefined || reader.failed) return undefined;
    if ((questionClass & ~TOP_BIT) === CLASS_IN) {
      questions.push({ name, type, unicast: (questionClass & TOP_BIT) !== 0 });
    }
  }
  for (let i = 0; i < recordCount; i++) {
    const name = readName(reader);
    const type = reader.u16();
    const recordClass = reader.u16();
    const ttl = reader.u32();
    const address = reader.vector16();
    if (name === undefined || reader.failed) break;
    if ((recordClass & ~TOP_BIT) !== CLASS_IN) continue;
    if (type === DNS_TYPE_A && address.length === 4) addresses.push({ name, type, address, ttl });
    else if (type === DNS_TYPE_AAAA && address.length === 16) addresses.push({ name, type, address, ttl });
  }
  return { id, isResponse: (flags & 0x8000) !== 0, questions, addresses };
}

function writeName(writer: ByteWriter, name: string): void {
  for (const label of name.split(".")) {
    const bytes = utf8Encode(label).subarray(0, 63);
    if (bytes.length > 0) writer.u8(bytes.length).bytes(bytes);
  }
  writer.u8(0);
}

/** A multicast DNS query for both address types of `name`. */
export function writeDnsQuery(name: string): Uint8Array<ArrayBuffer> {
  const writer = new ByteWriter(128).u16(0).u16(0).u16(2).u16(0).u16(0).u16(0);
  for (const type of [DNS_TYPE_A, DNS_TYPE_AAAA]) {
    writeName(writer, name);
    writer.u16(type).u16(CLASS_IN);
  }
  return writer.finish();
}

/** A multicast DNS answer with one address (4 or 16 bytes) of `name`. */
export function writeDnsAnswer(id: number, name: string, address: Uint8Array, ttl: number): Uint8Array<ArrayBuffer> {
  const writer = new ByteWriter(128).u16(id).u16(FLAGS_ANSWER).u16(0).u16(1).u16(0).u16(0);
  writeName(writer, name);
  writer
    .u16(address.length === 4 ? DNS_TYPE_A : DNS_TYPE_AAAA)
    .u16(CLASS_IN | TOP_BIT)
    .u32(ttl)
    .u16(address.length)
    .bytes(address);
  return writer.finish();
}
