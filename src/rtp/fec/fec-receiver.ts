// Recovers lost packets from repair packets (RFC 5109 §9, RFC 8627 §6.3): a repair packet of which one protected packet is
// missing gives that packet; what was recovered may complete others. One for each repair stream. Not here: RTP streams'
// own handling of duplicates, and RED, which ULPFEC comes in.
import { serialDiff16 } from "../../util/serial.js";
import { readU16, readU32, writeU16, writeU32 } from "../bytes.js";
import { RTP_HEADER_LENGTH, type RtpPacket } from "../packet.js";
import { type FecFormat, FecPacket } from "./fec-packet.js";
import { type MutableExtension, Parity } from "./parity.js";

/** Media packets that are kept for each protected stream. */
export const MEDIA_WINDOW = 256;
/** Repair packets that wait for media; the oldest gives way. */
export const MAX_WAITING_FEC = 48;

export interface FecReceiverOptions {
  readonly format: FecFormat;
  /** SSRCs of the streams that may be protected. */
  readonly ssrcs: readonly number[];
  /**
   * Header extensions that are written behind the peer's encoder, such as the absolute send time and transport-wide sequence
   * numbers: they count as zeros, and are zeros in recovered packets.
   */
  readonly mutableExtensions?: readonly MutableExtension[];
}

export interface FecReceiverHost {
  /** A whole RTP packet that was lost. The bytes belong to the callee. They are the peer's word: parse them again. */
  onRecovered(packet: Uint8Array): void;
}

/** The newest packets of one stream. */
class MediaWindow {
  newest = -1;
  private readonly packets: (Uint8Array | undefined)[] = new Array(MEDIA_WINDOW).fill(undefined);
  private readonly sequences = new Int32Array(MEDIA_WINDOW).fill(-1);

  get(sequence: number): Uint8Array | undefined {
    const slot = sequence % MEDIA_WINDOW;
    return this.sequences[slot] === sequence ? this.packets[slot] : undefined;
  }

  /** False if it is there already, or too old. */
  add(sequence: number, packet: Uint8Array): boolean {
    if (this.newest >= 0) {
      const ahead = serialDiff16(sequence, this.newest);
      if (ahead <= -MEDIA_WINDOW || this.get(sequence) !== undefined) return false;
      // After a long gap what is kept means nothing, and could be mistaken for the next round of numbers.
      if (ahead >= MEDIA_WINDOW) this.sequences.fill(-1);
      else for (let i = 1; i < ahead; i++) this.sequences[((this.newest + i) % 0x10000) % MEDIA_WINDOW] = -1;
      if (ahead > 0) this.newest = sequence;
    } else this.newest = sequence;
    const slot = sequence % MEDIA_WINDOW;
    this.sequences[slot] = sequence;
    this.packets[slot] = packet;
    return true;
  }

  isPast(sequence: number): boolean {
    return this.newest >= 0 && serialDiff16(this.newest, sequence) >= MEDIA_WINDOW;
  }
}

interface Waiting {
  readonly fec: FecPacket;
  missing: number;
}

export class FecReceiver {
  /** Repair packets that came, and their bytes without RTP headers. */
  packetsReceived = 0;
  bytesReceived = 0;
  /** Repair packets that were malformed, came to nothing, or were not needed. */
  packetsDiscarded = 0;
  packetsRecovered = 0;
  private readonly options: FecReceiverOptions;
  private readonly host: FecReceiverHost;
  private readonly windows = new Map<number, MediaWindow>();
  /** Oldest first. */
  private waiting: Waiting[] = [];

  constructor(options: FecReceiverOptions, host: FecReceiverHost) {
    this.options = options;
    this.host = host;
    for (const ssrc of options.ssrcs) this.windows.set(ssrc, new MediaWindow());
  }

  /**
   * A media packet as it was sent first: not what came by RTX, whose header may differ. The first `length` bytes are kept
   * and must not change afterwards.
   */
  addMediaPacket(packet: Uint8Array, length: number): void {
    if (length < RTP_HEADER_LENGTH) return;
    const ssrc = readU32(packet, 8);
    const window = this.windows.get(ssrc);
    if (window === undefined) return;
    const sequence = readU16(packet, 2);
    if (!window.add(sequence, length === packet.length ? packet : packet.subarray(0, length))) return;
    if (this.waiting.length > 0) this.onMedia(ssrc, sequence);
  }

  /** A repair packet; `skip` bytes of its payload are in front of the repair header (1 in RED). */
  addFecPacket(packet: RtpPacket, skip = 0): void {
    this.packetsReceived++;
    this.bytesReceived += packet.payloadLength;
    const fec = FecPacket.parse(packet, this.options.format, skip);
    if (fec === undefined) {
      this.packetsDiscarded++;
      return;
    }
    let missing = 0;
    for (const { ssrc, base, offsets } of fec.protections) {
      const window = this.windows.get(ssrc);
      for (const offset of offsets) {
        const sequence = (base + offset) & 0xffff;
        if (window?.get(sequence) !== undefined) continue;
        missing++;
        // What is neither there nor to be expected makes the repair packet worthless.
        if (window === undefined || window.isPast(sequence)) missing = Number.POSITIVE_INFINITY;
      }
    }
    if (missing === 0 || missing === Number.POSITIVE_INFINITY) {
      this.packetsDiscarded++;
      return;
    }
    if (this.waiting.length === MAX_WAITING_FEC) {
      this.waiting.shift();
      this.packetsDiscarded++;
    }
    this.waiting.push({ fec, missing });
    if (missing === 1) this.recoverAll();
  }

  private onMedia(ssrc: number, sequence: number): void {
    let ready = false;
    for (const waiting of this.waiting) {
      for (const protection of waiting.fec.protections) {
        if (protection.ssrc !== ssrc || !protection.covers(sequence)) continue;
        waiting.missing--;
        if (waiting.missing <= 1) ready = true;
      }
    }
    if (ready) this.recoverAll();
  }

  /** Uses what is ready, until nothing is; each turn ends with one repair packet less. */
  private recoverAll(): void {
    for (;;) {
      const at = this.waiting.findIndex(({ missing }) => missing <= 1);
      if (at < 0) break;
      const [{ fec, missing }] = this.waiting.splice(at, 1) as [Waiting];
      const packet = missing === 1 ? this.recover(fec) : undefined;
      if (packet === undefined) {
        this.packetsDiscarded++;
        continue;
      }
      this.packetsRecovered++;
      const ssrc = readU32(packet, 8);
      const sequence = readU16(packet, 2);
      // A copy is kept: the other is given away.
      if (this.windows.get(ssrc)!.add(sequence, packet.slice())) {
        for (const waiting of this.waiting) {
          for (const protection of waiting.fec.protections) {
            if (protection.ssrc === ssrc && protection.covers(sequence)) waiting.missing--;
          }
        }
      }
      this.host.onRecovered(packet);
    }
    this.waiting = this.waiting.filter(({ fec }) => !this.isPast(fec));
  }

  /** Whether the media that a repair packet waits for will not come any more. */
  private isPast(fec: FecPacket): boolean {
    const past = fec.protections.every(({ ssrc, base, offsets }) =>
      this.windows.get(ssrc)!.isPast((base + offsets.at(-1)!) & 0xffff),
    );
    if (past) this.packetsDiscarded++;
    return past;
  }

  private recover(fec: FecPacket): Uint8Array | undefined {
    const body = fec.data.slice(fec.bodyOffset, fec.bodyOffset + fec.bodyLength);
    const parity = new Parity(body, this.options.mutableExtensions ?? []);
    parity.first = fec.first;
    parity.second = fec.second;
    parity.length = fec.length;
    parity.timestamp = fec.timestamp;
    let ssrc = 0;
    let sequence = -1;
    for (const protection of fec.protections) {
      const window = this.windows.get(protection.ssrc)!;
      for (const offset of protection.offsets) {
        const one = (protection.base + offset) & 0xffff;
        const packet = window.get(one);
        if (packet !== undefined) {
          parity.add(packet, packet.length);
          continue;
        }
        // Another one has left the window meanwhile.
        if (sequence >= 0) return undefined;
        ssrc = protection.ssrc;
        sequence = one;
      }
    }
    if (sequence < 0 || parity.length > body.length) return undefined;
    const packet = new Uint8Array(RTP_HEADER_LENGTH + parity.length);
    packet[0] = 0x80 | (parity.first & 0x3f);
    packet[1] = parity.second;
    writeU16(packet, 2, sequence);
    writeU32(packet, 4, parity.timestamp >>> 0);
    writeU32(packet, 8, ssrc);
    packet.set(body.subarray(0, parity.length), RTP_HEADER_LENGTH);
    return packet;
  }
}
