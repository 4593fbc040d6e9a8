// The two transforms: AES in counter mode with HMAC-SHA1 (RFC 3711 §4) and AES-GCM (RFC 7714), one direction each.
// A transform knows keys, initialization vectors and the layout of what it adds; indices, replay and errors are the
// session's. Packets are put into slots and sealed or opened together.
import type { Aead, AeadJob, CryptoProvider, CtrHmac, CtrHmacJob } from "../crypto/provider.js";
import { FIXED_HEADER_LENGTH } from "./header.js";
import type { SessionKeys } from "./key-derivation.js";
import type { SrtpProfile } from "./profiles.js";

/** Packets that are sealed or opened together at most: lanes of the kernels. */
export const BATCH = 16;
const RTCP_HEADER_LENGTH = 8;

export interface Transform {
  /**
   * Puts an RTP packet into a slot: `[start, end)` is encrypted, but for the four bytes at `gap` (0: none), which then
   * are all that is in the header behind the fixed part and the CSRCs (RFC 9335 §5). On opening, the tag is behind `end`.
   */
  setRtp(
    slot: number,
    packet: Uint8Array,
    start: number,
    gap: number,
    end: number,
    ssrc: number,
    roc: number,
    sequence: number,
  ): void;
  sealRtp(count: number): void;
  openRtp(count: number): void;
  /** Whether the packet in the slot was authentic. */
  isAuthentic(slot: number): boolean;
  /** Returns the length of the protected packet. */
  sealRtcp(packet: Uint8Array, length: number, ssrc: number, index: number): number;
  /** The word with the E flag and the index, of a packet that is long enough. */
  rtcpIndexWord(packet: Uint8Array, length: number): number;
  /** Returns the length of the plain packet, or 0 if it is not authentic. */
  openRtcp(packet: Uint8Array, length: number, ssrc: number, indexWord: number): number;
}

function read32(data: Uint8Array, at: number): number {
  return ((data[at]! << 24) | (data[at + 1]! << 16) | (data[at + 2]! << 8) | data[at + 3]!) >>> 0;
}

function write32(data: Uint8Array, at: number, value: number): void {
  data[at] = value >>> 24;
  data[at + 1] = value >>> 16;
  data[at + 2] = value >>> 8;
  data[at + 3] = value;
}

function xor32(data: Uint8Array, at: number, value: number): void {
  data[at]! ^= value >>> 24;
  data[at + 1]! ^= (value >>> 16) & 0xff;
  data[at + 2]! ^= (value >>> 8) & 0xff;
  data[at + 3]! ^= value & 0xff;
}

const NO_BYTES = new Uint8Array(0);

// Jobs are scratch space of all sessions: nothing runs between filling and using them.
function ctrHmacJob(): CtrHmacJob {
  const iv = new Uint8Array(16);
  return {
    buffer: NO_BYTES,
    start: 0,
    end: 0,
    gap: 0,
    macEnd: 0,
    tagLength: 0,
    iv,
    hasSuffix: false,
    suffix: 0,
    ok: false,
  };
}
const ctrHmacJobs: CtrHmacJob[] = Array.from({ length: BATCH }, ctrHmacJob);

export class AesCmTransform implements Transform {
  private readonly rtp: CtrHmac;
  private readonly rtcp: CtrHmac;
  private readonly rtpSalt: Uint8Array;
  private readonly rtcpSalt: Uint8Array;
  private readonly rtpTagLength: number;
  private readonly rtcpTagLength: number;

  constructor(crypto: CryptoProvider, profile: SrtpProfile, rtp: SessionKeys, rtcp: SessionKeys) {
    this.rtp = crypto.createAesCtrHmacSha1(rtp.key, rtp.authKey);
    this.rtcp = crypto.createAesCtrHmacSha1(rtcp.key, rtcp.authKey);
    this.rtpSalt = rtp.salt;
    this.rtcpSalt = rtcp.salt;
    this.rtpTagLength = profile.rtpTagLength;
    this.rtcpTagLength = profile.rtcpTagLength;
  }

  setRtp(
    slot: number,
    packet: Uint8Array,
    start: number,
    gap: number,
    end: number,
    ssrc: number,
    roc: number,
    sequence: number,
  ): void {
    const job = ctrHmacJobs[slot]!;
    job.buffer = packet;
    job.start = start;
    job.gap = gap;
    job.end = end;
    job.macEnd = end;
    job.tagLength = this.rtpTagLength;
    job.hasSuffix = true;
    job.suffix = roc;
    setIv(job.iv, this.rtpSalt, ssrc, roc, sequence);
  }

  sealRtp(count: number): void {
    this.rtp.sealBatch(ctrHmacJobs, count);
    release(ctrHmacJobs, count);
  }

  openRtp(count: number): void {
    this.rtp.openBatch(ctrHmacJobs, count);
    release(ctrHmacJobs, count);
  }

  isAuthentic(slot: number): boolean {
    return ctrHmacJobs[slot]!.ok;
  }

  sealRtcp(packet: Uint8Array, length: number, ssrc: number, index: number): number {
    write32(packet, length, index | 0x80000000);
    this.setRtcp(packet, RTCP_HEADER_LENGTH, length, ssrc, index);
    this.rtcp.sealBatch(ctrHmacJobs, 1);
    release(ctrHmacJobs, 1);
    return length + 4 + this.rtcpTagLength;
  }

  rtcpIndexWord(packet: Uint8Array, length: number): number {
    return read32(packet, length - this.rtcpTagLength - 4);
  }

  openRtcp(packet: Uint8Array, length: number, ssrc: number, indexWord: number): number {
    const end = length - this.rtcpTagLength - 4;
    this.setRtcp(packet, indexWord >>> 31 === 1 ? RTCP_HEADER_LENGTH : end, end, ssrc, indexWord & 0x7fffffff);
    this.rtcp.openBatch(ctrHmacJobs, 1);
    release(ctrHmacJobs, 1);
    return ctrHmacJobs[0]!.ok ? end : 0;
  }

  private setRtcp(packet: Uint8Array, start: number, end: number, ssrc: number, index: number): void {
    const job = ctrHmacJobs[0]!;
    job.buffer = packet;
    job.start = start;
    job.gap = 0;
    job.end = end;
    // The index is authenticated, but not encrypted (RFC 3711 §3.4).
    job.macEnd = end + 4;
    job.tagLength = this.rtcpTagLength;
    job.hasSuffix = false;
    setIv(job.iv, this.rtcpSalt, ssrc, index >>> 16, index & 0xffff);
  }
}

/** (salt * 2^16) XOR (SSRC * 2^64) XOR (index * 2^16), RFC 3711 §4.1.1. */
function setIv(iv: Uint8Array, salt: Uint8Array, ssrc: number, high: number, low: number): void {
  for (let i = 0; i < 14; i++) iv[i] = salt[i]!;
  xor32(iv, 4, ssrc);
  xor32(iv, 8, high);
  iv[12]! ^= low >>> 8;
  iv[13]! ^= low & 0xff;
}

/** Lets go of packets, which may belong to a large slab. */
function release(jobs: readonly { buffer: Uint8Array }[], count: number): void {
  for (let i = 0; i < count; i++) jobs[i]!.buffer = NO_BYTES;
}

interface PacketJob extends AeadJob {
  aadLength: number;
  /** Four bytes of the header that are moved in front of the CSRCs while the packet is sealed or opened; 0: none. */
  gap: number;
}

const aeadJobs: PacketJob[] = Array.from({ length: BATCH }, () => ({
  buffer: NO_BYTES,
  offset: 0,
  length: 0,
  nonce: new Uint8Array(12),
  aad: NO_BYTES,
  aadLength: 0,
  ok: false,
  gap: 0,
}));
/** An SRTCP packet's header and index word (RFC 7714 §9.2). */
const rtcpAad = new Uint8Array(RTCP_HEADER_LENGTH + 4);

export class AeadTransform implements Transform {
  private readonly rtp: Aead;
  private readonly rtcp: Aead;
  private readonly rtpSalt: Uint8Array;
  private readonly rtcpSalt: Uint8Array;
  private readonly tagLength: number;

  constructor(crypto: CryptoProvider, profile: SrtpProfile, rtp: SessionKeys, rtcp: SessionKeys) {
    const algorithm = profile.keyLength === 32 ? "aes-256-gcm" : "aes-128-gcm";
    this.rtp = crypto.createAead(algorithm, rtp.key);
    this.rtcp = crypto.createAead(algorithm, rtcp.key);
    this.rtpSalt = rtp.salt;
    this.rtcpSalt = rtcp.salt;
    this.tagLength = profile.rtpTagLength;
  }

  setRtp(
    slot: number,
    packet: Uint8Array,
    start: number,
    gap: number,
    end: number,
    ssrc: number,
    roc: number,
    sequence: number,
  ): void {
    const job = aeadJobs[slot]!;
    job.buffer = packet;
    job.aad = packet;
    job.gap = gap;
    // With a gap, what is authenticated only is the fixed header and the gap (RFC 9335 §5.1).
    const offset = gap > 0 ? FIXED_HEADER_LENGTH + 4 : start;
    job.aadLength = offset;
    job.offset = offset;
    job.length = end - offset;
    setNonce(job.nonce, this.rtpSalt, ssrc, roc, sequence);
  }

  sealRtp(count: number): void {
    moveGaps(count);
    this.rtp.sealBatch(aeadJobs, count);
    restoreGaps(count);
    releaseAead(count);
  }

  openRtp(count: number): void {
    moveGaps(count);
    for (let i = 0; i < count; i++) aeadJobs[i]!.length += this.tagLength;
    this.rtp.openBatch(aeadJobs, count);
    restoreGaps(count);
    releaseAead(count);
  }

  isAuthentic(slot: number): boolean {
    return aeadJobs[slot]!.ok;
  }

  sealRtcp(packet: Uint8Array, length: number, ssrc: number, index: number): number {
    const indexWord = (index | 0x80000000) >>> 0;
    this.setRtcp(packet, length, ssrc, indexWord);
    this.rtcp.sealBatch(aeadJobs, 1);
    releaseAead(1);
    const end = length + this.tagLength;
    write32(packet, end, indexWord);
    return end + 4;
  }

  rtcpIndexWord(packet: Uint8Array, length: number): number {
    return read32(packet, length - 4);
  }

  openRtcp(packet: Uint8Array, length: number, ssrc: number, indexWord: number): number {
    const end = length - 4 - this.tagLength;
    const job = aeadJobs[0]!;
    this.setRtcp(packet, end, ssrc, indexWord);
    if (indexWord >>> 31 === 0) {
      // Not encrypted: all of it is authenticated only (RFC 7714 §9.3).
      const aad = new Uint8Array(end + 4);
      aad.set(packet.subarray(0, end));
      write32(aad, end, indexWord);
      job.aad = aad;
      job.aadLength = aad.length;
      job.offset = end;
      job.length = 0;
    }
    job.length += this.tagLength;
    this.rtcp.openBatch(aeadJobs, 1);
    releaseAead(1);
    return job.ok ? end : 0;
  }

  private setRtcp(packet: Uint8Array, end: number, ssrc: number, indexWord: number): void {
    const job = aeadJobs[0]!;
    for (let i = 0; i < RTCP_HEADER_LENGTH; i++) rtcpAad[i] = packet[i]!;
    write32(rtcpAad, RTCP_HEADER_LENGTH, indexWord);
    job.buffer = packet;
    job.aad = rtcpAad;
    job.aadLength = rtcpAad.length;
    job.gap = 0;
    job.offset = RTCP_HEADER_LENGTH;
    job.length = end - RTCP_HEADER_LENGTH;
    const index = indexWord & 0x7fffffff;
    setNonce(job.nonce, this.rtcpSalt, ssrc, index >>> 16, index & 0xffff);
  }
}

/** (two zero bytes, SSRC, ROC or half an index, sequence number or the other half) XOR salt, RFC 7714 §8.1, §9.1. */
function setNonce(nonce: Uint8Array, salt: Uint8Array, ssrc: number, high: number, low: number): void {
  for (let i = 0; i < 12; i++) nonce[i] = salt[i]!;
  xor32(nonce, 2, ssrc);
  xor32(nonce, 6, high);
  nonce[10]! ^= low >>> 8;
  nonce[11]! ^= low & 0xff;
}

/** Makes additional data and ciphertext contiguous, as RFC 9335 §5.1 suggests. */
function moveGaps(count: number): void {
  for (let i = 0; i < count; i++) {
    const { buffer, gap } = aeadJobs[i]!;
    if (gap === 0) continue;
    const word = read32(buffer, gap);
    buffer.copyWithin(FIXED_HEADER_LENGTH + 4, FIXED_HEADER_LENGTH, gap);
    write32(buffer, FIXED_HEADER_LENGTH, word);
  }
}

function restoreGaps(count: number): void {
  for (let i = 0; i < count; i++) {
    const { buffer, gap } = aeadJobs[i]!;
    if (gap === 0) continue;
    const word = read32(buffer, FIXED_HEADER_LENGTH);
    buffer.copyWithin(FIXED_HEADER_LENGTH, FIXED_HEADER_LENGTH + 4, gap + 4);
    write32(buffer, gap, word);
  }
}

function releaseAead(count: number): void {
  release(aeadJobs, count);
  for (let i = 0; i < count; i++) aeadJobs[i]!.aad = NO_BYTES;
}
