// Stream reconfiguration (RFC 6525): resets of our outgoing streams, and the peer's resets of its own. Adding streams and
// resetting TSNs is refused: WebRTC has no use for it (RFC 8831 §6.7).
import { RE_CONFIG } from "./chunks.js";
import { MAX_PARAMETERS } from "./options.js";
import { read16, read32, write16, write32 } from "./packet.js";
import {
  ADD_INCOMING_STREAMS,
  ADD_OUTGOING_STREAMS,
  INCOMING_SSN_RESET_REQUEST,
  OUTGOING_SSN_RESET_REQUEST,
  type Parameter,
  parseParameters,
  RECONFIG_RESPONSE,
  SSN_TSN_RESET_REQUEST,
  writeParameters,
} from "./parameters.js";

export const RESULT_NOTHING_TO_DO = 0;
export const RESULT_PERFORMED = 1;
export const RESULT_DENIED = 2;
export const RESULT_ALREADY_IN_PROGRESS = 4;
export const RESULT_BAD_SEQUENCE = 5;
export const RESULT_IN_PROGRESS = 6;

/** What the association does about resets. */
export interface StreamResetHost {
  /** The peer's streams (all with an empty list) start again at zero. */
  resetIncoming(streamIds: readonly number[]): void;
  /** The answer to our request. */
  onOutgoingReset(streamIds: readonly number[], ok: boolean): void;
  /** The peer asks us to reset streams (all with an empty list). */
  onResetRequested(streamIds: readonly number[]): void;
}

interface DeferredReset {
  readonly sequence: number;
  readonly lastTsn: number;
  readonly streamIds: readonly number[];
}

/** Answers "in progress" to requests made with all data acknowledged, after which the next one is a new request. */
const MAX_LATE_PROGRESS = 2;

export class StreamReset {
  private readonly host: StreamResetHost;
  /** Streams that shall be reset with the next request. */
  private wanted: number[] = [];
  /** Streams of the request that is unanswered. */
  private asked: number[] | undefined;
  private request: Uint8Array | undefined;
  /** Sender's Last Assigned TSN of that request. */
  private lastTsn = 0;
  /** The request was last sent with all data up to there acknowledged. */
  private sentAcknowledged = false;
  private lateProgress = 0;
  /** The peer has answered "in progress" since the request was last sent. */
  inProgress = false;
  private sequence = 0;
  private peerSequence = 0;
  private lastResult = RESULT_NOTHING_TO_DO;
  /** The peer's request that waits for data still missing. */
  private deferred: DeferredReset | undefined;
  /** The one that waited last, once it was performed. */
  private performed: DeferredReset | undefined;
  /** RE-CONFIG chunks that go with the next flush. */
  readonly pending: Uint8Array[] = [];
  deadline: number = Number.POSITIVE_INFINITY;

  constructor(host: StreamResetHost) {
    this.host = host;
  }

  /** Sequence numbers start with the initial TSNs (RFC 6525 §4.1). */
  begin(localInitialTsn: number, peerInitialTsn: number): void {
    this.sequence = localInitialTsn;
    this.peerSequence = peerInitialTsn;
    this.lastResult = RESULT_NOTHING_TO_DO;
    this.asked = undefined;
    this.request = undefined;
    this.deferred = undefined;
    this.performed = undefined;
    this.wanted = [];
    this.pending.length = 0;
    this.deadline = Number.POSITIVE_INFINITY;
  }

  /** The stream's queue has drained: reset it. */
  want(streamId: number): void {
    this.wanted.push(streamId);
  }

  get busy(): boolean {
    return this.asked !== undefined || this.wanted.length > 0;
  }

  /** Makes the next request if none is open. `lastTsn`: our last assigned TSN. */
  prepare(lastTsn: number, space: number): void {
    if (this.asked !== undefined || this.wanted.length === 0) return;
    const most = Math.max(1, (space - 20) >> 1);
    this.asked = this.wanted.slice(0, most);
    this.wanted = this.wanted.slice(most);
    this.lastTsn = lastTsn;
    this.lateProgress = 0;
    this.ask(this.asked);
    this.pending.push(this.request!);
  }

  private ask(streamIds: readonly number[]): void {
    const value = new Uint8Array(12 + 2 * streamIds.length);
    write32(value, 0, this.sequence);
    write32(value, 4, (this.peerSequence - 1) >>> 0);
    write32(value, 8, this.lastTsn);
    streamIds.forEach((id, i) => {
      write16(value, 12 + 2 * i, id);
    });
    this.request = reconfig([{ type: OUTGOING_SSN_RESET_REQUEST, value }]);
  }

  /** What was pending is handed to the transport. `acknowledgedTsn`: what the peer has of our data. */
  onSent(now: number, rto: number, acknowledgedTsn: number): void {
    if (this.asked === undefined || this.deadline !== Number.POSITIVE_INFINITY) return;
    this.deadline = now + rto;
    this.inProgress = false;
    this.sentAcknowledged = ((acknowledgedTsn - this.lastTsn) | 0) >= 0;
  }

  /** Asks again. True if the peer has not answered at all: an error for the association's counter. */
  handleTimeout(): boolean {
    this.deadline = Number.POSITIVE_INFINITY;
    if (this.request !== undefined && !this.pending.includes(this.request)) this.pending.push(this.request);
    return !this.inProgress;
  }

  /** A RE-CONFIG chunk. `cumulativeTsn`: what has arrived from the peer. False if it is malformed. */
  handle(b: Uint8Array, offset: number, length: number, cumulativeTsn: number): boolean {
    const parameters = parseParameters(b, offset + 4, offset + length, MAX_PARAMETERS);
    if (parameters === undefined) return false;
    for (const parameter of parameters) {
      const { value } = parameter;
      switch (parameter.type) {
        case OUTGOING_SSN_RESET_REQUEST:
          if (value.length < 12) return false;
          this.handleOutgoing(value, cumulativeTsn);
          break;
        case INCOMING_SSN_RESET_REQUEST: {
          if (value.length < 4) return false;
          const ids: number[] = [];
          for (let at = 4; at + 2 <= value.length; at += 2) ids.push(read16(value, at));
          const sequence = read32(value, 0);
          if (this.isNew(sequence)) {
            this.answer(sequence, RESULT_PERFORMED);
            this.host.onResetRequested(ids);
          }
          break;
        }
        case SSN_TSN_RESET_REQUEST:
        case ADD_OUTGOING_STREAMS:
        case ADD_INCOMING_STREAMS:
          if (value.length < 4) return false;
          if (this.isNew(read32(value, 0))) this.answer(read32(value, 0), RESULT_DENIED);
          break;
        case RECONFIG_RESPONSE:
          if (value.length < 8) return false;
          this.handleResponse(read32(value, 0), read32(value, 4));
          break;
      }
    }
    return true;
  }

  /** True for the request that is expected next, one at a time; repeats the answer to the last one, refuses any other. */
  private isNew(sequence: number): boolean {
    const next = sequence === this.peerSequence;
    if (next && this.deferred === undefined) return true;
    const repeated = sequence === (this.peerSequence - 1) >>> 0;
    this.respond(sequence, next ? RESULT_ALREADY_IN_PROGRESS : repeated ? this.lastResult : RESULT_BAD_SEQUENCE);
    return false;
  }

  private answer(sequence: number, result: number): void {
    this.peerSequence = (sequence + 1) >>> 0;
    this.lastResult = result;
    this.respond(sequence, result);
  }

  private respond(sequence: number, result: number): void {
    // One request is outstanding at a time; more answers than this are not wanted by any honest peer.
    if (this.pending.length >= 4) return;
    const value = new Uint8Array(8);
    write32(value, 0, sequence);
    write32(value, 4, result);
    this.pending.push(reconfig([{ type: RECONFIG_RESPONSE, value }]));
  }

  private handleOutgoing(value: Uint8Array, cumulativeTsn: number): void {
    const streamIds: number[] = [];
    for (let at = 12; at + 2 <= value.length; at += 2) streamIds.push(read16(value, at));
    const request = { sequence: read32(value, 0), lastTsn: read32(value, 8), streamIds };
    const { deferred, performed } = this;
    if (deferred !== undefined && isRenumbered(deferred, request)) {
      this.deferred = request;
      this.answer(request.sequence, RESULT_IN_PROGRESS);
      return;
    }
    if (!this.isNew(request.sequence)) return;
    this.performed = undefined;
    if (performed !== undefined && isRenumbered(performed, request)) {
      this.answer(request.sequence, RESULT_PERFORMED);
      return;
    }
    this.deferred = request;
    if (this.onCumulativeTsn(cumulativeTsn)) this.performed = undefined;
    else this.answer(request.sequence, RESULT_IN_PROGRESS);
  }

  /**
   * More data has arrived: performs the peer's reset when all that was sent before it is here (RFC 6525 §5.2.2 E2). False if
   * it still waits.
   */
  onCumulativeTsn(cumulativeTsn: number): boolean {
    const { deferred } = this;
    if (deferred === undefined || ((cumulativeTsn - deferred.lastTsn) | 0) < 0) return false;
    this.deferred = undefined;
    this.performed = deferred;
    this.host.resetIncoming(deferred.streamIds);
    this.answer(deferred.sequence, RESULT_PERFORMED);
    return true;
  }

  get waiting(): boolean {
    return this.deferred !== undefined;
  }

  private handleResponse(sequence: number, result: number): void {
    if (this.asked === undefined || sequence !== this.sequence) return;
    const streamIds = this.asked;
    if (result === RESULT_IN_PROGRESS) {
      this.inProgress = true;
      // The timer goes on: it will ask again, under the same number. older dcSCTP never looks again at a request that it
      // has called so. What it needs is another one, but not before it has had the time to say that this one is done.
      if (!this.sentAcknowledged || ++this.lateProgress < MAX_LATE_PROGRESS) return;
      this.lateProgress = 0;
      this.sequence = (this.sequence + 1) >>> 0;
      this.ask(streamIds);
      return;
    }
    this.asked = undefined;
    this.request = undefined;
    this.sequence = (this.sequence + 1) >>> 0;
    this.deadline = Number.POSITIVE_INFINITY;
    this.host.onOutgoingReset(streamIds, result === RESULT_NOTHING_TO_DO || result === RESULT_PERFORMED);
  }

  stop(): void {
    this.deadline = Number.POSITIVE_INFINITY;
    this.pending.length = 0;
    this.wanted = [];
    this.asked = undefined;
    this.request = undefined;
    this.deferred = undefined;
  }
}

/** The same once more, under the next number: how older versions of dcSCTP ask again when it was told "in progress". */
function isRenumbered(before: DeferredReset, request: DeferredReset): boolean {
  if (request.sequence !== (before.sequence + 1) >>> 0 || request.lastTsn !== before.lastTsn) return false;
  const { streamIds } = request;
  return streamIds.length === before.streamIds.length && streamIds.every((id, i) => id === before.streamIds[i]);
}

function reconfig(parameters: readonly Parameter[]): Uint8Array {
  const body = writeParameters(parameters);
  const out = new Uint8Array(4 + body.length);
  out[0] = RE_CONFIG;
  write16(out, 2, out.length);
  out.set(body, 4);
  return out;
}
