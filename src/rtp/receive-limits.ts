// What our receivers want to get at most, told to the peer: by TMMBR (RFC 5104 §4.2) where that is negotiated, stream by stream and
// until it is answered; otherwise by REMB, which is about all that comes, while something comes. Not an estimate: somebody has said so.
import { writeRemb, writeTmmbr } from "./feedback.js";
import type { RtpReceiveStream } from "./receive-stream.js";
import type { RtpReceiver } from "./receiver.js";
import type { RtcpWriter } from "./rtcp.js";

/** Bits per second that are no limit. */
export const UNLIMITED = 1_000_000_000;
/** A request without an answer is repeated so often, and no sooner than this, milliseconds; each time after twice as long. */
const MAX_TRIES = 8;
const MIN_RETRY = 200;
/** Between two REMBs, milliseconds. */
const REMB_INTERVAL = 1000;
/** What comes of receivers without a limit may grow to this multiple of what it is, since a REMB is about all. */
const OTHERS = 1.5;
const OTHER_AUDIO = 128_000;
/** How often it is told by REMB that a limit was taken back: it may be lost. */
const RELEASES = 3;
/** Payload bytes of a packet before there was one. */
const DEFAULT_PAYLOAD = 1000;
const MAX_REMB_STREAMS = 31;

export interface ReceiveLimitsHost {
  readonly receivers: readonly RtpReceiver[];
  readonly localSsrc: number;
  /** Bytes that SRTP, UDP and IP add to a packet. */
  readonly transportOverhead: number;
  roundTripTime(): number;
  /** An estimate that REMB tells as well, NaN: none. */
  estimate(): number;
}

interface Limit {
  /** Bits per second of payload; Infinity: it was taken back. */
  readonly bitrate: number;
  /** How often it is still to be told by REMB. */
  left: number;
}

/** A request by TMMBR. */
interface Request {
  tries: number;
  /** When it is repeated; Infinity: it was answered, or given up. */
  next: number;
}

export class ReceiveLimits {
  /** Monotonic milliseconds at which `write` shall be called. */
  deadline: number = Number.POSITIVE_INFINITY;
  private readonly host: ReceiveLimitsHost;
  /** The last REMB, bits per second; Infinity: none, or no limit. */
  total: number = Number.POSITIVE_INFINITY;
  private readonly limits = new Map<RtpReceiver, Limit>();
  private readonly requests = new Map<RtpReceiveStream, Request>();
  private nextRemb = Number.POSITIVE_INFINITY;
  /** What had come at the last REMB, and when that was. */
  private readonly rembBytes = new Map<RtpReceiver, number>();
  private rembTime = Number.NaN;
  private readonly due: RtpReceiveStream[] = [];

  constructor(host: ReceiveLimitsHost) {
    this.host = host;
  }

  /** Null takes a limit back. */
  set(receiver: RtpReceiver, bitrate: number | null, now: number): void {
    if (bitrate === null && !this.limits.has(receiver)) return;
    const left = bitrate === null ? RELEASES : Number.POSITIVE_INFINITY;
    this.limits.set(receiver, { bitrate: bitrate ?? Number.POSITIVE_INFINITY, left });
    for (const stream of receiver.streams) this.requests.delete(stream);
    this.nextRemb = now;
    this.deadline = now;
  }

  remove(receiver: RtpReceiver): void {
    this.limits.delete(receiver);
    this.rembBytes.delete(receiver);
    for (const stream of this.requests.keys()) if (stream.receiver === receiver) this.requests.delete(stream);
  }

  /** A packet of the stream has come: what was waiting for one goes. */
  onPacket(stream: RtpReceiveStream, now: number): void {
    if (!this.limits.has(stream.receiver)) return;
    if (stream.codec?.tmmbr) {
      if (!this.requests.has(stream)) this.deadline = now;
    } else if (this.nextRemb < this.deadline) {
      this.deadline = Math.max(now, this.nextRemb);
    }
  }

  /** The sender of the stream has told its limits: ours is among them, or others bind more. */
  onNotification(media: number): void {
    for (const [stream, request] of this.requests) if (stream.ssrc === media) request.next = Number.POSITIVE_INFINITY;
    this.schedule();
  }

  /** Appends one message that is due. False: nothing more, or no room. */
  write(writer: RtcpWriter, now: number): boolean {
    this.collect(now);
    const stream = this.due.pop();
    if (stream !== undefined) {
      if (!writer.room(20)) return false;
      this.request(writer, stream, now);
      this.schedule();
      return true;
    }
    const wrote = now >= this.nextRemb && this.writeRemb(writer, now);
    this.schedule();
    return wrote;
  }

  private collect(now: number): void {
    this.due.length = 0;
    for (const stream of this.requests.keys()) {
      const { receiver, codec } = stream;
      // It may have gone on in a codec that knows no TMMBR.
      const isWanted = codec?.tmmbr && this.limits.has(receiver) && receiver.streams.includes(stream);
      if (!isWanted) this.requests.delete(stream);
    }
    for (const receiver of this.limits.keys()) {
      for (const stream of receiver.streams) {
        if (stream.codec?.tmmbr && (this.requests.get(stream)?.next ?? now) <= now) this.due.push(stream);
      }
    }
  }

  private request(writer: RtcpWriter, stream: RtpReceiveStream, now: number): void {
    const { host } = this;
    const { packetsReceived, headerBytesReceived, receiver } = stream;
    const header = packetsReceived > 0 ? headerBytesReceived / packetsReceived : 12;
    // RFC 5104 §4.2.1.1: all but the payload.
    const overhead = Math.round(header + host.transportOverhead);
    const limit = this.limits.get(receiver)!.bitrate / receiver.streams.length;
    const bitrate = Number.isFinite(limit)
      ? (limit * (payloadBytes(stream) + overhead)) / payloadBytes(stream)
      : UNLIMITED;
    writeTmmbr(writer, host.localSsrc, stream.ssrc, bitrate, overhead);
    let request = this.requests.get(stream);
    if (request === undefined) {
      request = { tries: 0, next: 0 };
      this.requests.set(stream, request);
      // The others of a simulcast have less now.
      for (const other of receiver.streams) if (other !== stream) this.requests.delete(other);
    }
    const wait = Math.max(MIN_RETRY, 2 * host.roundTripTime()) * 2 ** request.tries;
    request.next = ++request.tries < MAX_TRIES ? now + wait : Number.POSITIVE_INFINITY;
  }

  private writeRemb(writer: RtcpWriter, now: number): boolean {
    const { host } = this;
    const elapsed = now - this.rembTime;
    const ssrcs: number[] = [];
    let total = 0;
    let flows = false;
    const told: Limit[] = [];
    for (const receiver of host.receivers) {
      const bytes = received(receiver, host.transportOverhead);
      const before = this.rembBytes.get(receiver) ?? 0;
      this.rembBytes.set(receiver, bytes);
      const limit = this.limits.get(receiver);
      const [stream] = receiver.streams;
      if (stream === undefined) continue;
      if (limit === undefined || !receiver.streams.some(({ codec }) => codec?.remb && !codec.tmmbr)) {
        const isAudio = receiver.kind === "audio";
        // Video that nothing is known of yet is not to be throttled by another's limit.
        if (!(elapsed > 0)) total += isAudio ? OTHER_AUDIO : UNLIMITED;
        else total += Math.max(isAudio ? OTHER_AUDIO : 0, (OTHERS * (bytes - before) * 8000) / elapsed);
        continue;
      }
      flows ||= bytes > before;
      told.push(limit);
      total += Math.min(UNLIMITED, limit.bitrate / share(stream, host.transportOverhead));
      for (const { ssrc } of receiver.streams) if (ssrcs.length < MAX_REMB_STREAMS) ssrcs.push(ssrc);
    }
    this.rembTime = now;
    this.nextRemb = now + REMB_INTERVAL;
    if (!flows || !writer.room(20 + 4 * ssrcs.length)) return false;
    this.total = total < UNLIMITED ? total : Number.POSITIVE_INFINITY;
    const estimate = host.estimate();
    writeRemb(writer, host.localSsrc, Math.min(total, UNLIMITED, Number.isNaN(estimate) ? UNLIMITED : estimate), ssrcs);
    for (const limit of told) limit.left--;
    for (const [receiver, { left }] of this.limits) if (left <= 0) this.limits.delete(receiver);
    if (this.limits.size === 0) this.total = Number.POSITIVE_INFINITY;
    return true;
  }

  /** REMB goes again when something has come (`onPacket`): nothing is due in a session that is silent. */
  private schedule(): void {
    let deadline = Number.POSITIVE_INFINITY;
    for (const { next } of this.requests.values()) deadline = Math.min(deadline, next);
    this.deadline = deadline;
  }
}

function payloadBytes({ bytesReceived, packetsReceived }: RtpReceiveStream): number {
  return packetsReceived > 0 && bytesReceived > 0 ? bytesReceived / packetsReceived : DEFAULT_PAYLOAD;
}

/** Of the bytes that the path carries, those of payload. */
function share(stream: RtpReceiveStream, overhead: number): number {
  const payload = payloadBytes(stream);
  const { packetsReceived, headerBytesReceived } = stream;
  return payload / (payload + overhead + (packetsReceived > 0 ? headerBytesReceived / packetsReceived : 12));
}

function received({ streams }: RtpReceiver, overhead: number): number {
  let bytes = 0;
  for (const stream of streams) {
    bytes += stream.bytesReceived + stream.headerBytesReceived + stream.packetsReceived * overhead;
  }
  return bytes;
}
