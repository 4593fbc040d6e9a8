// The record layer of DTLS 1.2 (RFC 6347 §4.1) with AEAD protection (RFC 5246 §6.2.3.3, RFC 5288 §3, RFC 7905 §2):
// headers, nonces, replay window, sequence numbers, and batches of records sealed or opened together. There are two
// epochs: 0 in the clear, 1 under the keys of the handshake; there is no renegotiation, hence no other.
import type { Aead, AeadJob } from "../crypto/provider.js";
import { givePacket, type PooledPacket, takePacket } from "../util/packet-pool.js";
import { ReplayWindow } from "../util/replay-window.js";
import type { CipherSuite } from "./cipher-suites.js";
import { DTLS_1_2 } from "./handshake.js";

export const ContentType = { change_cipher_spec: 20, alert: 21, handshake: 22, application_data: 23 } as const;

/** type(1) version(2) epoch(2) sequence_number(6) length(2) */
export const RECORD_HEADER = 13;
export const MAX_PLAINTEXT_LENGTH = 16384;
const TAG_LENGTH = 16;
/** RFC 6347 §4.1: sequence numbers must not wrap. */
export const MAX_SEQUENCE: number = 2 ** 48 - 1;
/** Records queued before a batch is sealed or opened on its own. */
export const MAX_BATCH = 64;
/** Sequence numbers behind the newest that are still accepted: enough for any reordering a path does at full rate. */
export const REPLAY_WINDOW = 480;

/** The header of the record read last. */
export class RecordHeader {
  type = 0;
  version = 0;
  epoch = 0;
  sequence = 0;
  /** Of the fragment in the datagram. */
  start = 0;
  length = 0;

  /** Reads the header at `offset`. Returns the offset behind the record, or -1 if none is there in full. */
  parse(data: Uint8Array, offset: number): number {
    const start = offset + RECORD_HEADER;
    if (start > data.length) return -1;
    this.type = data[offset]!;
    this.version = (data[offset + 1]! << 8) | data[offset + 2]!;
    this.epoch = (data[offset + 3]! << 8) | data[offset + 4]!;
    const high = (data[offset + 5]! << 8) | data[offset + 6]!;
    const low = (data[offset + 7]! << 24) | (data[offset + 8]! << 16) | (data[offset + 9]! << 8) | data[offset + 10]!;
    this.sequence = high * 0x1_0000_0000 + (low >>> 0);
    this.length = (data[offset + 11]! << 8) | data[offset + 12]!;
    this.start = start;
    const end = start + this.length;
    return end > data.length ? -1 : end;
  }
}

function put64(out: Uint8Array, at: number, epoch: number, sequence: number): void {
  const high = Math.floor(sequence / 0x1_0000_0000);
  const low = sequence | 0;
  out[at] = epoch >>> 8;
  out[at + 1] = epoch;
  out[at + 2] = high >>> 8;
  out[at + 3] = high;
  out[at + 4] = low >>> 24;
  out[at + 5] = low >>> 16;
  out[at + 6] = low >>> 8;
  out[at + 7] = low;
}

function writeHeader(out: Uint8Array, at: number, type: number, epoch: number, sequence: number, length: number): void {
  out[at] = type;
  out[at + 1] = DTLS_1_2 >>> 8;
  out[at + 2] = DTLS_1_2 & 0xff;
  put64(out, at + 3, epoch, sequence);
  out[at + 11] = length >>> 8;
  out[at + 12] = length;
}

/** Jobs that wait to be used again: as many as two connections can have at once. More are left to the collector. */
const MAX_FREE_JOBS = 4 * MAX_BATCH;
const NOTHING = new Uint8Array(0);

/** One record on its way through the AEAD, and what is to be known of it until then. All connections share them. */
class RecordJob implements AeadJob {
  buffer: Uint8Array = NOTHING;
  offset = 0;
  length = 0;
  readonly nonce: Uint8Array = new Uint8Array(12);
  readonly aad: Uint8Array = new Uint8Array(13);
  ok = false;
  type = 0;
  sequence = 0;
  /** Of a record to be sent: its datagram, and how long that is. */
  datagram: PooledPacket | undefined;
  size = 0;

  constructor() {
    this.aad[9] = DTLS_1_2 >>> 8;
    this.aad[10] = DTLS_1_2 & 0xff;
  }
}

const free: RecordJob[] = [];

function giveJob(job: RecordJob): void {
  job.buffer = NOTHING;
  job.datagram = undefined;
  if (free.length < MAX_FREE_JOBS) free.push(job);
}

/** One direction's protection: how nonce and additional data are made for its AEAD. */
export class Protection {
  readonly aead: Aead;
  /** Bytes of nonce in each record, after its header. */
  readonly explicitNonceLength: number;
  private readonly iv: Uint8Array;

  constructor(aead: Aead, suite: CipherSuite, iv: Uint8Array) {
    this.aead = aead;
    this.explicitNonceLength = suite.explicitNonceLength;
    this.iv = iv;
  }

  /** A job for a record: for one that is sealed or opened at once, or until `giveJob`. */
  takeJob(): RecordJob {
    const job = free.pop() ?? new RecordJob();
    const { nonce } = job;
    for (let i = 0; i < 4; i++) nonce[i] = this.iv[i]!;
    return job;
  }

  /** additional_data: epoch, sequence number, type, version, length of the plaintext. */
  setAdditionalData(job: AeadJob, type: number, sequence: number, plaintextLength: number): void {
    const { aad } = job;
    put64(aad, 0, 1, sequence);
    aad[8] = type;
    aad[11] = plaintextLength >>> 8;
    aad[12] = plaintextLength;
  }

  /** ChaCha20-Poly1305: the nonce is the IV XOR the padded sequence number in `aad` (RFC 7905 §2). */
  setImplicitNonce(job: AeadJob): void {
    const { nonce, aad } = job;
    for (let i = 0; i < 8; i++) nonce[4 + i] = this.iv[4 + i]! ^ aad[i]!;
  }

  /** GCM: the explicit nonce of a received record, from its bytes (RFC 5288 §3). */
  setExplicitNonce(job: AeadJob, data: Uint8Array, offset: number): void {
    const { nonce } = job;
    for (let i = 0; i < 8; i++) nonce[4 + i] = data[offset + i]!;
  }
}

/** The sending half. */
export class RecordWriter12 {
  /** The epoch of alerts: 1 once ChangeCipherSpec was sent. */
  epoch: 0 | 1 = 0;
  /** Records and plaintext bytes sent. */
  records = 0;
  bytes = 0;
  private readonly transmit: (datagram: Uint8Array) => void;
  private readonly keeps: () => boolean;
  private plainSequence = 0;
  private sequence = 0;
  private protection: Protection | undefined;
  private readonly jobs: RecordJob[] = [];
  private count = 0;

  /** `keeps`: as DtlsHost has it. */
  constructor(transmit: (datagram: Uint8Array) => void, keeps: () => boolean = () => true) {
    this.transmit = transmit;
    this.keeps = keeps;
  }

  install(protection: Protection): void {
    this.protection = protection;
  }

  /** True when no record can follow in either epoch. */
  get exhausted(): boolean {
    return this.sequence > MAX_SEQUENCE || this.plainSequence > MAX_SEQUENCE;
  }

  /** Bytes that a record of the epoch has in front of its plaintext. */
  prefix(epoch: 0 | 1): number {
    return epoch === 0 ? RECORD_HEADER : RECORD_HEADER + this.protection!.explicitNonceLength;
  }

  /** Bytes that a record of the epoch adds to its plaintext. */
  overhead(epoch: 0 | 1): number {
    return epoch === 0 ? RECORD_HEADER : this.prefix(1) + TAG_LENGTH;
  }

  /** RFC 6347 §4.2.1: HelloVerifyRequest and first ServerHello take over the sequence number of the ClientHello. */
  alignSequence(sequence: number): void {
    // Beyond 32 bits nobody honest is; following there would let a forged hello use the numbers up.
    if (sequence <= 0xffff_ffff) this.plainSequence = Math.max(this.plainSequence, sequence);
  }

  /**
   * Makes a record at `at` of a plaintext that lies at `at + prefix(epoch)`, at once. Returns the record's length, or 0
   * if the sequence numbers are used up.
   */
  frame(buffer: Uint8Array, at: number, type: number, epoch: 0 | 1, length: number): number {
    if (this.exhausted) return 0;
    this.records++;
    this.bytes += length;
    if (epoch === 0) {
      writeHeader(buffer, at, type, 0, this.plainSequence++, length);
      return RECORD_HEADER + length;
    }
    const protection = this.protection!;
    const job = protection.takeJob();
    const size = this.prepare(job, buffer, at, type, length);
    protection.aead.sealBatch([job], 1);
    giveJob(job);
    return size;
  }

  /** Queues a protected record in a datagram of its own; the plaintext is copied. False if numbers are used up. */
  queue(type: number, plaintext: Uint8Array): boolean {
    if (this.sequence > MAX_SEQUENCE) return false;
    const { jobs } = this;
    if (this.count === MAX_BATCH) this.flush();
    const { length } = plaintext;
    const protection = this.protection!;
    const prefix = RECORD_HEADER + protection.explicitNonceLength;
    const datagram = takePacket(prefix + length + TAG_LENGTH);
    datagram.bytes.set(plaintext, prefix);
    const job = protection.takeJob();
    job.size = this.prepare(job, datagram.bytes, 0, type, length);
    job.datagram = datagram;
    jobs[this.count++] = job;
    this.records++;
    this.bytes += length;
    return true;
  }

  private prepare(job: RecordJob, buffer: Uint8Array, at: number, type: number, length: number): number {
    const protection = this.protection!;
    const { explicitNonceLength } = protection;
    const sequence = this.sequence++;
    const offset = at + RECORD_HEADER + explicitNonceLength;
    const wireLength = explicitNonceLength + length + TAG_LENGTH;
    writeHeader(buffer, at, type, 1, sequence, wireLength);
    protection.setAdditionalData(job, type, sequence, length);
    if (explicitNonceLength > 0) {
      // The nonce is epoch and sequence number: it cannot repeat, and needs no randomness.
      put64(buffer, at + RECORD_HEADER, 1, sequence);
      protection.setExplicitNonce(job, buffer, at + RECORD_HEADER);
    } else protection.setImplicitNonce(job);
    job.buffer = buffer;
    job.offset = offset;
    job.length = length;
    return RECORD_HEADER + wireLength;
  }

  /** Seals what was queued in one batch, and transmits it. */
  flush(): void {
    const { count, jobs } = this;
    if (count === 0) return;
    // Whatever happens, nothing is sealed twice.
    this.count = 0;
    this.protection!.aead.sealBatch(jobs, count);
    for (let i = 0; i < count; i++) this.transmit(jobs[i]!.datagram!.view(jobs[i]!.size));
    const keeps = this.keeps();
    for (let i = 0; i < count; i++) {
      if (!keeps) givePacket(jobs[i]!.datagram!);
      giveJob(jobs[i]!);
    }
  }
}

/** The receiving half of epoch 1. */
export class RecordReader12 {
  /** Records in the batch. */
  count = 0;
  private readonly protection: Protection;
  private readonly window = new ReplayWindow(REPLAY_WINDOW);
  private readonly jobs: RecordJob[] = [];

  constructor(protection: Protection) {
    this.protection = protection;
  }

  /** Queues the record. The reason if it is dropped instead. The batch must not be full. */
  add(data: Uint8Array, header: RecordHeader): "malformed" | "replay" | undefined {
    const { protection } = this;
    const { explicitNonceLength } = protection;
    const plaintextLength = header.length - explicitNonceLength - TAG_LENGTH;
    if (plaintextLength < 0 || plaintextLength > MAX_PLAINTEXT_LENGTH) return "malformed";
    if (!this.window.check(header.sequence)) return "replay";
    const job = protection.takeJob();
    this.jobs[this.count++] = job;
    protection.setAdditionalData(job, header.type, header.sequence, plaintextLength);
    if (explicitNonceLength > 0) protection.setExplicitNonce(job, data, header.start);
    else protection.setImplicitNonce(job);
    job.buffer = data;
    job.offset = header.start + explicitNonceLength;
    job.length = plaintextLength + TAG_LENGTH;
    job.type = header.type;
    job.sequence = header.sequence;
    return undefined;
  }

  /** Opens the batch; `result` then tells of each record. */
  open(): void {
    if (this.count > 0) this.protection.aead.openBatch(this.jobs, this.count);
  }

  /** Of an opened record, once each, in order: the window moves only for what is authentic (RFC 6347 §4.1.2.6). */
  result(index: number): "authentic" | "authentication" | "replay" {
    const { ok, sequence } = this.jobs[index]!;
    if (!ok) return "authentication";
    return this.window.update(sequence) ? "authentic" : "replay";
  }

  type(index: number): number {
    return this.jobs[index]!.type;
  }

  /** The plaintext of a record that is authentic, in the datagram's own memory. */
  plaintext(index: number): Uint8Array {
    const job = this.jobs[index]!;
    return job.buffer.subarray(job.offset, job.offset + job.length - TAG_LENGTH);
  }

  /** Empties the batch. */
  reset(): void {
    for (let i = 0; i < this.count; i++) giveJob(this.jobs[i]!);
    this.count = 0;
  }
}
