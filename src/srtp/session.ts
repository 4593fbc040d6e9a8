// SRTP and SRTCP of one transport (RFC 3711, RFC 7714, RFC 9335): packets in, protected or plain packets out, in place and
// in batches. One pair of master keys, from DTLS (RFC 5764), serves all SSRCs; each has its own indices and replay window.
// Not here: MKI, re-keying and key derivation rates, which DTLS-SRTP as WebRTC uses it does not have; RFC 6904.
import type { CryptoProvider } from "../crypto/provider.js";
import type { Logger } from "../util/logger.js";
import {
  CRYPTEX_OVERHEAD,
  extensionOffset,
  FIXED_HEADER_LENGTH,
  isCryptex,
  markCryptex,
  rtpHeaderLength,
  unmarkCryptex,
} from "./header.js";
import { deriveSessionKeys } from "./key-derivation.js";
import { type SrtpKeys, type SrtpProfile, srtpProfile } from "./profiles.js";
import {
  guessIndex,
  MAX_RTCP_INDEX,
  MAX_RTP_INDEX,
  ReceiveStream,
  ReplayWindows,
  rocOf,
  SendStream,
} from "./stream.js";
import { AeadTransform, AesCmTransform, BATCH, type Transform } from "./transforms.js";

export { type SrtpKeys, splitKeys, srtpKeyLength } from "./profiles.js";

/**
 * SSRCs of the peer that are remembered for as long as its keys are used: where one stood has to be known for all that time,
 * or its packets could be repeated. Further ones are dropped. Only authentic packets make one.
 */
export const MAX_RECEIVE_STREAMS = 65_536;
/** Of those, the ones that may get packets late, and out of order. Of the others only what is newer than the newest is taken. */
export const MAX_REPLAY_WINDOWS = 2048;
/** A jump of an index that gets a batch of its own, so that all guesses are those of packets taken one by one. */
const BATCH_REACH = 0x4000;
const RTCP_HEADER_LENGTH = 8;

export interface SrtpOptions {
  readonly crypto: CryptoProvider;
  /** The protection profile's number in DTLS-SRTP (RFC 5764 §4.1.2, RFC 7714 §14.2). */
  readonly profile: number;
  /** Master keys of what is sent. */
  readonly local: SrtpKeys;
  /** Master keys of what is received. */
  readonly remote: SrtpKeys;
  /** Whether Cryptex (RFC 9335) was negotiated: it is then used for what is sent, and understood. `setCryptex` changes it. */
  readonly cryptex?: boolean;
  readonly logger?: Logger;
}

/** What was dropped, by reason. */
export interface SrtpCounters {
  /** Received: too short, or no RTP or RTCP header. */
  malformed: number;
  /** Received: the tag did not match. */
  notAuthentic: number;
  /** Received: seen before, or too old to tell. */
  replayed: number;
  /** Received: from an SSRC beyond MAX_RECEIVE_STREAMS. */
  tooManyStreams: number;
  /** Sent or received: the key has protected as many packets as it may (RFC 3711 §9.2). */
  keyExhausted: number;
  /** To be sent: no valid header, no room for what is added, or from before the stream's beginning. */
  notSent: number;
  /** To be sent: another packet with an index that was used (RFC 3711 §9.1, RFC 7714 §8.1). */
  repeated: number;
}

// Scratch space of all sessions for one batch.
const slotPacket = new Int32Array(BATCH);
const slotEnd = new Int32Array(BATCH);
const slotSsrc = new Int32Array(BATCH);
const slotIndex = new Float64Array(BATCH);
const slotCryptex = new Uint8Array(BATCH);
const slotFresh = new Uint8Array(BATCH);

export class SrtpSession {
  /** Bytes that must be free behind an RTP packet. */
  rtpOverhead: number;
  /** Bytes that must be free behind an RTCP packet. */
  readonly rtcpOverhead: number;
  readonly counters: SrtpCounters = {
    malformed: 0,
    notAuthentic: 0,
    replayed: 0,
    tooManyStreams: 0,
    keyExhausted: 0,
    notSent: 0,
    repeated: 0,
  };
  private readonly profile: SrtpProfile;
  private sendsCryptex: boolean;
  private receivesCryptex: boolean;
  private readonly logger: Logger | undefined;
  private readonly outbound: Transform;
  private readonly inbound: Transform;
  // Keys are SSRCs as signed integers, which need no allocation.
  private readonly sendStreams = new Map<number, SendStream>();
  private readonly receiveStreams = new Map<number, ReceiveStream>();
  private readonly windows = new ReplayWindows(MAX_REPLAY_WINDOWS);

  /** Throws a RangeError for an unknown profile or keys of the wrong length. */
  constructor(options: SrtpOptions) {
    const { crypto, local, remote } = options;
    const profile = srtpProfile(options.profile);
    if (profile === undefined) throw new RangeError(`unknown SRTP protection profile ${options.profile}`);
    for (const { key, salt } of [local, remote]) {
      if (key.length !== profile.keyLength || salt.length !== profile.saltLength) {
        throw new RangeError(`key or salt has not the length that ${profile.name} takes`);
      }
    }
    this.profile = profile;
    this.sendsCryptex = options.cryptex ?? false;
    this.receivesCryptex = this.sendsCryptex;
    this.logger = options.logger;
    this.rtpOverhead = profile.rtpTagLength + (this.sendsCryptex ? CRYPTEX_OVERHEAD : 0);
    this.rtcpOverhead = profile.rtcpTagLength + 4;
    const transform = (keys: SrtpKeys): Transform => {
      const { rtp, rtcp } = deriveSessionKeys(crypto, profile, keys);
      return new (profile.aead ? AeadTransform : AesCmTransform)(crypto, profile, rtp, rtcp);
    };
    this.outbound = transform(local);
    this.inbound = transform(remote);
  }

  /**
   * What was negotiated anew (RFC 9335 §4): whether packets that are sent use Cryptex, which changes `rtpOverhead`, and whether
   * packets that do are understood; they say by themselves that they do. A packet that went out before cannot be sent again then.
   */
  setCryptex(send: boolean, receive: boolean): void {
    this.sendsCryptex = send;
    this.receivesCryptex = receive;
    this.rtpOverhead = this.profile.rtpTagLength + (send ? CRYPTEX_OVERHEAD : 0);
  }

  /**
   * Protects packets in place: `packets[i]` begins with an RTP packet of `lengths[i]` bytes and has `rtpOverhead` bytes
   * more. `lengths[i]` becomes the length of the SRTP packet, or 0 if it cannot be sent (counted).
   */
  protectRtp(packets: readonly Uint8Array[], lengths: Int32Array | number[], count: number): void {
    const { outbound } = this;
    let slots = 0;
    for (let i = 0; i < count; i++) {
      const packet = packets[i]!;
      let length = lengths[i]!;
      lengths[i] = 0;
      let start = rtpHeaderLength(packet, length);
      if (start === 0 || length + this.rtpOverhead > packet.length) {
        this.drop("notSent");
        continue;
      }
      const sequence = (packet[2]! << 8) | packet[3]!;
      const ssrc = read32(packet, 8);
      const stream = this.sendStream(ssrc);
      const index = stream.nextRtp(sequence);
      if (index < 0 || index >= MAX_RTP_INDEX) {
        this.drop(index < 0 ? "notSent" : "keyExhausted");
        continue;
      }
      slotPacket[slots] = i;
      slotSsrc[slots] = ssrc;
      slotIndex[slots] = index;
      slotFresh[slots] = stream.isFresh(index) ? 1 : 0;
      let gap = 0;
      if (this.sendsCryptex) {
        const marked = markCryptex(packet, length);
        length = Math.abs(marked);
        if (marked > 0) {
          gap = gapOf(packet);
          start = gap > 0 ? FIXED_HEADER_LENGTH : FIXED_HEADER_LENGTH + 4;
        } else start = rtpHeaderLength(packet, length);
      }
      outbound.setRtp(slots, packet, start, gap, length, ssrc, rocOf(index), sequence);
      lengths[i] = length + this.profile.rtpTagLength;
      if (++slots < BATCH) continue;
      this.sealRtp(packets, lengths, slots);
      slots = 0;
    }
    if (slots > 0) this.sealRtp(packets, lengths, slots);
  }

  /**
   * Protects a (compound) RTCP packet in place, which has `rtcpOverhead` bytes free behind it. Returns the length of the
   * SRTCP packet, or 0 if it cannot be sent (counted).
   */
  protectRtcp(packet: Uint8Array, length: number): number {
    if (!isRtcp(packet, length) || length + this.rtcpOverhead > packet.length) return this.drop("notSent");
    const ssrc = read32(packet, 4);
    const stream = this.sendStream(ssrc);
    if (stream.rtcpIndex >= MAX_RTCP_INDEX) return this.drop("keyExhausted");
    return this.outbound.sealRtcp(packet, length, ssrc, stream.rtcpIndex++);
  }

  /**
   * Checks and decrypts SRTP packets in place. `lengths[i]` becomes the length of the RTP packet, or 0: not authentic,
   * replayed or malformed (counted), and the packet's bytes are then undefined.
   */
  unprotectRtp(packets: readonly Uint8Array[], lengths: Int32Array | number[], count: number): void {
    const { rtpTagLength } = this.profile;
    let slots = 0;
    for (let i = 0; i < count; i++) {
      const packet = packets[i]!;
      const end = lengths[i]! - rtpTagLength;
      lengths[i] = 0;
      let start = rtpHeaderLength(packet, end);
      if (start === 0) {
        this.drop("malformed");
        continue;
      }
      const sequence = (packet[2]! << 8) | packet[3]!;
      const ssrc = read32(packet, 8);
      const stream = this.receiveStreams.get(ssrc);
      let index = sequence;
      let last = false;
      if (stream === undefined || stream.highest < 0) {
        if (stream === undefined && this.receiveStreams.size >= MAX_RECEIVE_STREAMS) {
          this.drop("tooManyStreams");
          continue;
        }
        // The first packet of an SSRC says where it stands: what follows it waits for that.
        last = true;
      } else {
        index = guessIndex(stream.highest, sequence);
        last = Math.abs(index - stream.highest) > BATCH_REACH;
        if (last && slots > 0) {
          this.openRtp(packets, lengths, slots);
          slots = 0;
          index = guessIndex(stream.highest, sequence);
        }
        if (index < 0 || !stream.checkRtp(index)) {
          this.drop("replayed");
          continue;
        }
        if (index >= MAX_RTP_INDEX) {
          this.drop("keyExhausted");
          continue;
        }
      }
      let gap = 0;
      const cryptex = this.receivesCryptex && isCryptex(packet);
      if (cryptex) {
        gap = gapOf(packet);
        start = gap > 0 ? FIXED_HEADER_LENGTH : FIXED_HEADER_LENGTH + 4;
      }
      this.inbound.setRtp(slots, packet, start, gap, end, ssrc, rocOf(index), sequence);
      slotPacket[slots] = i;
      slotEnd[slots] = end;
      slotSsrc[slots] = ssrc;
      slotIndex[slots] = index;
      slotCryptex[slots] = cryptex ? 1 : 0;
      if (++slots < BATCH && !last) continue;
      this.openRtp(packets, lengths, slots);
      slots = 0;
    }
    if (slots > 0) this.openRtp(packets, lengths, slots);
  }

  /** Checks and decrypts an SRTCP packet in place. Returns the length of the RTCP packet, or 0, as `unprotectRtp`. */
  unprotectRtcp(packet: Uint8Array, length: number): number {
    const { inbound } = this;
    if (!isRtcp(packet, length - this.rtcpOverhead)) return this.drop("malformed");
    const ssrc = read32(packet, 4);
    const stream = this.receiveStreams.get(ssrc);
    if (stream === undefined && this.receiveStreams.size >= MAX_RECEIVE_STREAMS) return this.drop("tooManyStreams");
    const indexWord = inbound.rtcpIndexWord(packet, length);
    const index = indexWord & 0x7fffffff;
    if (stream !== undefined && !stream.checkRtcp(index)) return this.drop("replayed");
    const plain = inbound.openRtcp(packet, length, ssrc, indexWord);
    if (plain === 0) return this.drop("notAuthentic");
    this.usedStream(ssrc).acceptRtcp(index);
    return plain;
  }

  private sealRtp(packets: readonly Uint8Array[], lengths: Int32Array | number[], slots: number): void {
    this.outbound.sealRtp(slots);
    for (let slot = 0; slot < slots; slot++) {
      const stream = this.sendStreams.get(slotSsrc[slot]!)!;
      const index = slotIndex[slot]!;
      const i = slotPacket[slot]!;
      const tag = read32(packets[i]!, lengths[i]! - 4);
      if (slotFresh[slot] === 1) stream.rememberTag(index, tag);
      else if (!stream.hadTag(index, tag)) {
        // Two packets under one index share a key stream (RFC 3711 §9.1), with AEAD they give away the hash's key besides; the
        // same packet again gives away nothing.
        packets[i]!.fill(0);
        lengths[i] = 0;
        this.drop("repeated");
      }
    }
  }

  private openRtp(packets: readonly Uint8Array[], lengths: Int32Array | number[], slots: number): void {
    const { inbound } = this;
    inbound.openRtp(slots);
    for (let slot = 0; slot < slots; slot++) {
      if (!inbound.isAuthentic(slot)) {
        this.drop("notAuthentic");
        continue;
      }
      const ssrc = slotSsrc[slot]!;
      if (!this.usedStream(ssrc).acceptRtp(slotIndex[slot]!)) {
        this.drop("replayed");
        continue;
      }
      const i = slotPacket[slot]!;
      if (slotCryptex[slot] === 1) unmarkCryptex(packets[i]!);
      lengths[i] = slotEnd[slot]!;
    }
  }

  /** The stream of an authentic packet. */
  private usedStream(ssrc: number): ReceiveStream {
    let stream = this.receiveStreams.get(ssrc);
    if (stream === undefined) {
      stream = new ReceiveStream();
      this.receiveStreams.set(ssrc, stream);
    }
    this.windows.use(stream);
    return stream;
  }

  private sendStream(ssrc: number): SendStream {
    let stream = this.sendStreams.get(ssrc);
    if (stream === undefined) {
      stream = new SendStream();
      this.sendStreams.set(ssrc, stream);
    }
    return stream;
  }

  private drop(reason: keyof SrtpCounters): 0 {
    this.counters[reason]++;
    this.logger?.("debug", "srtp", `packet dropped: ${reason}`);
    return 0;
  }
}

/** Where the four bytes are that Cryptex leaves between encrypted CSRCs and extension; 0 without CSRCs. */
function gapOf(packet: Uint8Array): number {
  const at = extensionOffset(packet);
  return at === FIXED_HEADER_LENGTH ? 0 : at;
}

function isRtcp(packet: Uint8Array, length: number): boolean {
  return length >= RTCP_HEADER_LENGTH && packet[0]! >> 6 === 2;
}

/** 32 bits, signed. */
function read32(packet: Uint8Array, at: number): number {
  return (packet[at]! << 24) | (packet[at + 1]! << 16) | (packet[at + 2]! << 8) | packet[at + 3]!;
}
