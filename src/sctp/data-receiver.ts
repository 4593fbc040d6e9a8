// The receiving half of an association: DATA, I-DATA and the FORWARD TSN chunks go to the tracker and to reassembly, within the receive
// window; SACKs come back. Order and completeness are the business of reassembly.ts, TSNs that of data-tracker.ts.
import { CAN_FORWARD_TSN, CAN_INTERLEAVE } from "./capabilities.js";
import { FLAG_I, I_DATA, I_FORWARD_TSN } from "./chunks.js";
import { DataTracker } from "./data-tracker.js";
import { receiveBufferOf } from "./init.js";
import { REASSEMBLY_SLACK, type SctpHost, type SctpOptions, type SctpState } from "./options.js";
import { read16, read32 } from "./packet.js";
import type { PacketSender } from "./packet-sender.js";
import { CAUSE_INVALID_STREAM, CAUSE_NO_USER_DATA, errorCause } from "./parameters.js";
import { Reassembly } from "./reassembly.js";

/** What is wrong with a chunk, beyond repair. */
export type DataFault =
  | { readonly reason: "protocol-violation"; readonly why: string; readonly cause?: Uint8Array }
  | { readonly reason: "out-of-resource"; readonly why: string };

const WRONG_DATA: DataFault = { reason: "protocol-violation", why: "wrong kind of DATA chunk" };
const WRONG_FORWARD: DataFault = { reason: "protocol-violation", why: "wrong kind of FORWARD TSN chunk" };
const SHORT_DATA: DataFault = { reason: "protocol-violation", why: "short DATA chunk" };
const OUT_OF_RESOURCE: DataFault = { reason: "out-of-resource", why: "too much data in incomplete messages" };

/** Whether DATA is for an association in this state (RFC 9260 §6). */
export function takesData(state: SctpState): boolean {
  return (
    state === "established" || state === "cookie-echoed" || state === "shutdown-pending" || state === "shutdown-sent"
  );
}

export class DataReceiver {
  readonly tracker: DataTracker = new DataTracker();
  readonly reassembly: Reassembly;
  /** Bytes we hold beyond the cumulative TSN. */
  readonly buffer: number;
  private readonly maxBuffered: number;
  private interleaving = false;
  private partialReliability = false;
  private streams = 0;
  /** Error causes to be reported to the peer. */
  private readonly report: (cause: Uint8Array) => void;

  constructor(options: SctpOptions, host: SctpHost, report: (cause: Uint8Array) => void) {
    this.buffer = receiveBufferOf(options);
    this.maxBuffered = 2.5 * options.maxMessageSize + this.buffer + REASSEMBLY_SLACK;
    this.report = report;
    this.reassembly = new Reassembly(
      {
        onMessage: (streamId, ppid, data) => host.onMessage(streamId, ppid, data),
        onOversizeMessage: (streamId) => host.onOversizeMessage?.(streamId),
      },
      options.maxMessageSize,
    );
  }

  /** The peer's first TSN, what was negotiated, and how many streams it may use. */
  begin(initialTsn: number, capabilities: number, streams: number): void {
    this.interleaving = (capabilities & CAN_INTERLEAVE) !== 0;
    this.partialReliability = (capabilities & CAN_FORWARD_TSN) !== 0;
    this.streams = streams;
    this.tracker.reset(initialTsn);
    this.reassembly.clear();
    this.reassembly.sequenceMask = this.interleaving ? 0xffff_ffff : 0xffff;
  }

  stop(): void {
    this.tracker.reset(0);
    this.reassembly.clear();
  }

  /** A DATA or I-DATA chunk. Returns what ends the association, if anything. */
  handleData(packet: Uint8Array, offset: number, length: number, type: number): DataFault | undefined {
    const { tracker, reassembly, interleaving } = this;
    // RFC 8260 §2.2.1: one kind of chunk per association.
    if ((type === I_DATA) !== interleaving) return WRONG_DATA;
    const header = interleaving ? 20 : 16;
    const size = length - header;
    if (size < 0) return SHORT_DATA;
    const tsn = read32(packet, offset + 4);
    if (size === 0) {
      const cause = errorCause(CAUSE_NO_USER_DATA, packet.slice(offset + 4, offset + 8));
      return { reason: "protocol-violation", why: "DATA without data", cause };
    }
    if (tracker.bytesAhead + size > this.buffer && tracker.hasGap && tracker.isBeyond(tsn)) {
      // The window is full (RFC 9260 §6.2): only what fills gaps is taken.
      tracker.sackNow = true;
      return undefined;
    }
    if (!tracker.receive(tsn, size)) return undefined;
    const flags = packet[offset + 1]!;
    if ((flags & FLAG_I) !== 0) tracker.sackNow = true;
    const streamId = read16(packet, offset + 8);
    if (streamId >= this.streams) {
      const value = new Uint8Array(4);
      value.set(packet.subarray(offset + 8, offset + 10));
      this.report(errorCause(CAUSE_INVALID_STREAM, value));
      return undefined;
    }
    const start = offset + header;
    const end = offset + length;
    if (interleaving) {
      const mid = read32(packet, offset + 12);
      reassembly.idata(flags, tsn, streamId, mid, read32(packet, offset + 16), packet, start, end);
    } else {
      const ssn = read16(packet, offset + 10);
      reassembly.data(flags, tsn, streamId, ssn, read32(packet, offset + 12), packet, start, end);
    }
    return reassembly.buffered > this.maxBuffered ? OUT_OF_RESOURCE : undefined;
  }

  /** FORWARD TSN (RFC 3758 §3.6) or I-FORWARD-TSN (RFC 8260 §2.3.1). */
  handleForwardTsn(b: Uint8Array, at: number, length: number, type: number): DataFault | undefined {
    const { interleaving, reassembly } = this;
    if (!this.partialReliability || length < 8) return undefined;
    if ((type === I_FORWARD_TSN) !== interleaving) return WRONG_FORWARD;
    const cumulative = read32(b, at + 4);
    if (!this.tracker.forward(cumulative)) return undefined;
    if (!interleaving) reassembly.forward(cumulative);
    const size = interleaving ? 8 : 4;
    for (let o = at + 8; o + size <= at + length; o += size) {
      const streamId = read16(b, o);
      if (streamId >= this.streams) continue;
      if (!interleaving) reassembly.skipOrdered(streamId, read16(b, o + 2));
      else if ((b[o + 3]! & 1) !== 0) reassembly.skipUnordered(streamId, read32(b, o + 4));
      else reassembly.skipOrdered(streamId, read32(b, o + 4));
    }
    return undefined;
  }

  /** Adds a SACK to the open packet. `mtu`: less window than this is reported as none (RFC 9260 §6.2, silly window). */
  writeSack(out: PacketSender, mtu: number): void {
    const arwnd = this.buffer - this.tracker.bytesAhead;
    this.tracker.writeSack(out.ensure(64), arwnd < mtu ? 0 : arwnd);
  }
}
