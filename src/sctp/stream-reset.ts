// Stream reconfiguration (RFC 6525): resets of our outgoing streams, and the peer's resets of its own. Adding streams and
// resetting TSNs is refused: WebRTC has no use for it (RFC 8831 §6.7).

import { LateMap } from "../util/late-map.js";
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

/**
 * RFC 6525 §5.2.1 has one request after the other. Pion makes several at once, and gives up those that are refused: so many
 * numbers ahead of the next one are taken, too, and so many of the latest answers can be repeated.
 */
const MAX_AHEAD = 16;
/** Requests that wait for data, and answers that wait for a packet. */
const MAX_DEFERRED = 16;
const MAX_RESPONSES = 16;

interface DeferredReset {
  sequence: number;
  readonly lastTsn: number;
  readonly streamIds: readonly number[];
}

export class StreamReset {
  private readonly host: StreamResetHost;
  /** Streams that shall be reset with the next request. */
  private wanted: number[] = [];
  /** Streams of the request that is unanswered. */
  private asked: number[] | undefined;
  private request: Uint8Array | undefined;
  /** Sender's Last Assigned TSN of that request. */
  private lastTsn = 0;
  /** The number under which these streams were asked for first. */
  private firstSequence = 0;
  /** How often they were asked for under the present one. */
  private timesSent = 0;
  /** The request was made anew as it was answered with "nothing to do". */
  private doubted = false;
  /** The peer has answered "in progress" since the request was last sent. */
  private inProgress = false;
  private answered = false;
  private sequence = 0;
  /** The lowest number of which the peer has made no request. */
  private peerSequence = 0;
  /** What the latest requests were answered with. */
  private readonly results = new LateMap<number, number>();
  /** The peer's requests that wait for data still missing. */
  private deferred: DeferredReset[] = [];
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
    this.results.clear();
    this.asked = undefined;
    this.answered = false;
    this.request = undefined;
    this.deferred = [];
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
    this.firstSequence = this.sequence;
    this.doubted = false;
    this.ask(this.asked);
    this.pending.push(this.request!);
  }

  private ask(streamIds: readonly number[]): void {
    this.dropRequest();
    this.timesSent = 0;
    const value = new Uint8Array(12 + 2 * streamIds.length);
    write32(value, 0, this.sequence);
    write32(value, 4, (this.peerSequence - 1) >>> 0);
    write32(value, 8, this.lastTsn);
    streamIds.forEach((id, i) => {
      write16(value, 12 + 2 * i, id);
    });
    this.request = reconfig([{ type: OUTGOING_SSN_RESET_REQUEST, value }]);
  }

  /** It is not to be sent any more. */
  private dropRequest(): void {
    const { request } = this;
    this.request = undefined;
    const at = request === undefined ? -1 : this.pending.indexOf(request);
    if (at >= 0) this.pending.splice(at, 1);
  }

  /** What was pending is handed to the transport. */
  onSent(now: number, rto: number): void {
    if (this.asked === undefined || this.deadline !== Number.POSITIVE_INFINITY) return;
    this.deadline = now + rto;
    this.inProgress = false;
    this.timesSent++;
  }

  /** True if the peer has answered our request, whatever, since this was asked last: the path is alive. */
  takeAnswered(): boolean {
    const { answered } = this;
    this.answered = false;
    return answered;
  }

  /** Where the answer was "in progress" (RFC 6525 §5.2.7): a timer that was backed off runs no longer than `rto` from now. */
  restartTimer(now: number, rto: number): void {
    if (this.deadline !== Number.POSITIVE_INFINITY) this.deadline = Math.min(this.deadline, now + rto);
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

  /** True for a request that was not made before; repeats the answer to one that was, refuses any other. */
  private isNew(sequence: number): boolean {
    const known = this.results.get(sequence);
    const ahead = (sequence - this.peerSequence) | 0;
    if (known === undefined && ahead >= 0 && ahead < MAX_AHEAD) return true;
    this.respond(sequence, known ?? RESULT_BAD_SEQUENCE);
    return false;
  }

  private answer(sequence: number, result: number): void {
    const { results } = this;
    results.set(sequence, result);
    while (results.has(this.peerSequence)) this.peerSequence = (this.peerSequence + 1) >>> 0;
    for (const old of results.keys()) {
      if (results.size <= 2 * MAX_AHEAD) break;
      results.delete(old);
    }
    this.respond(sequence, result);
  }

  private respond(sequence: number, result: number): void {
    // More answers than this are not wanted by any honest peer.
    if (this.pending.length >= MAX_RESPONSES) return;
    const value = new Uint8Array(8);
    write32(value, 0, sequence);
    write32(value, 4, result);
    this.pending.push(reconfig([{ type: RECONFIG_RESPONSE, value }]));
  }

  private handleOutgoing(value: Uint8Array, cumulativeTsn: number): void {
    const sequence = read32(value, 0);
    if (!this.isNew(sequence)) return;
    const streamIds: number[] = [];
    for (let at = 12; at + 2 <= value.length; at += 2) streamIds.push(read16(value, at));
    const request = { sequence, lastTsn: read32(value, 8), streamIds };
    const { deferred, performed } = this;
    const before = deferred.find((other) => isRenumbered(other, request));
    if (before !== undefined) {
      before.sequence = sequence;
      this.answer(sequence, RESULT_IN_PROGRESS);
      return;
    }
    this.performed = undefined;
    if (performed !== undefined && isRenumbered(performed, request)) this.answer(sequence, RESULT_PERFORMED);
    else if (((cumulativeTsn - request.lastTsn) | 0) >= 0) {
      this.host.resetIncoming(streamIds);
      this.answer(sequence, RESULT_PERFORMED);
    } else if (deferred.length >= MAX_DEFERRED) this.respond(sequence, RESULT_ALREADY_IN_PROGRESS);
    else {
      // RFC 6525 §5.2.2 E2.
      deferred.push(request);
      this.answer(sequence, RESULT_IN_PROGRESS);
    }
  }

  /** More data has arrived: performs the peer's resets of which all that was sent before is here (RFC 6525 §5.2.2 E2). */
  onCumulativeTsn(cumulativeTsn: number): void {
    const due = this.deferred.filter(({ lastTsn }) => ((cumulativeTsn - lastTsn) | 0) >= 0);
    if (due.length === 0) return;
    this.deferred = this.deferred.filter((request) => !due.includes(request));
    for (const request of due) {
      this.performed = request;
      this.host.resetIncoming(request.streamIds);
      this.answer(request.sequence, RESULT_PERFORMED);
    }
  }

  get waiting(): boolean {
    return this.deferred.length > 0;
  }

  private handleResponse(sequence: number, result: number): void {
    const { asked } = this;
    const age = (this.sequence - sequence) | 0;
    if (asked === undefined || age < 0 || ((sequence - this.firstSequence) | 0) < 0) return;
    this.answered = true;
    if (result === RESULT_IN_PROGRESS) {
      this.inProgress = true;
      // dcSCTP looks again only at another request, and takes the same one for done: so the timer asks under the next number.
      if (age === 0 && this.timesSent > 0) this.renumber(asked);
      return;
    }
    const done = result === RESULT_NOTHING_TO_DO || result === RESULT_PERFORMED;
    // Refused because of the same request under a number before: the answer to that counts.
    if (!done && age > 0) return;
    if (result === RESULT_NOTHING_TO_DO && age === 0 && this.timesSent > 1 && !this.doubted) {
      // Older dcSCTP says so of a request that it was sent again, be it that the first answer, "in progress", was lost.
      this.doubted = true;
      this.inProgress = true;
      this.renumber(asked);
      return;
    }
    this.asked = undefined;
    this.dropRequest();
    // A number that was not used yet is the next request's.
    if (this.timesSent > 0) this.sequence = (this.sequence + 1) >>> 0;
    this.deadline = Number.POSITIVE_INFINITY;
    this.host.onOutgoingReset(asked, done);
  }

  private renumber(streamIds: readonly number[]): void {
    this.sequence = (this.sequence + 1) >>> 0;
    this.ask(streamIds);
  }

  stop(): void {
    this.deadline = Number.POSITIVE_INFINITY;
    this.pending.length = 0;
    this.wanted = [];
    this.asked = undefined;
    this.request = undefined;
    this.deferred = [];
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
