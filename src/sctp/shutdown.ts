// The ends of an association: the orderly one (RFC 9260 §9.2), by SHUTDOWN, SHUTDOWN ACK, SHUTDOWN COMPLETE, both sides at once, with
// T2-shutdown; and ABORT (§9.1). Changes the association's state; what closing clears away is the association's own.
import { ABORT, ERROR, FLAG_T, SHUTDOWN, SHUTDOWN_ACK, SHUTDOWN_COMPLETE, writeChunk } from "./chunks.js";
import type { Handshake } from "./handshake.js";
import type { SctpAbort, SctpState } from "./options.js";
import { write32 } from "./packet.js";
import type { PacketSender } from "./packet-sender.js";
import { CAUSE_COOKIE_WHILE_SHUTTING_DOWN, errorCause, parseAbort } from "./parameters.js";

const NOTHING = new Uint8Array(0);

export interface ShutdownHost {
  state: SctpState;
  /** Nothing of ours is queued or unacknowledged. */
  readonly idle: boolean;
  /** T3's timeout as of now. */
  readonly rto: number;
  /** The last TSN received without a gap before it. */
  readonly cumulativeTsn: number;
  /** A SHUTDOWN acknowledges as a SACK does. */
  onCumulativeAck(tsn: number, now: number): void;
  /** Both sides are done. */
  onComplete(): void;
  /** The peer has ended it: at once, with `abort`, or as the last to know. */
  onEnded(abort: SctpAbort | undefined): void;
  drop(why: string): void;
}

export class Shutdown {
  private readonly out: PacketSender;
  private readonly handshake: Handshake;
  private readonly host: ShutdownHost;
  /** The chunk of the state is to be sent with the next flush. */
  private due = false;
  /** T2-shutdown. */
  deadline: number = Number.POSITIVE_INFINITY;

  constructor(out: PacketSender, handshake: Handshake, host: ShutdownHost) {
    this.out = out;
    this.handshake = handshake;
    this.host = host;
  }

  stop(): void {
    this.deadline = Number.POSITIVE_INFINITY;
    this.due = false;
  }

  /** The chunk of the state is sent (again). */
  repeat(): void {
    this.due = true;
  }

  /** Tells a peer that knows of the association that it is over. */
  sendAbort(cause: Uint8Array): void {
    if (!this.handshake.adopted) return;
    this.out.add(writeChunk(ABORT, 0, cause));
    this.out.send();
  }

  /** ABORT or SHUTDOWN COMPLETE: the peer's tag may be reflected (RFC 9260 §8.5.1 B, C). */
  handleEnd(b: Uint8Array, at: number, length: number, tag: number): void {
    const { handshake, host } = this;
    const reflected = (b[at + 1]! & FLAG_T) !== 0;
    if (tag !== (reflected ? handshake.peerTag : handshake.localTag) || (reflected && !handshake.adopted)) {
      host.drop("wrong verification tag");
    } else if (b[at] === ABORT) host.onEnded(parseAbort(b, at + 4, at + length));
    else if (host.state === "shutdown-ack-sent") host.onEnded(undefined);
  }

  handleShutdown(cumulativeTsn: number, now: number): void {
    const { host } = this;
    if (host.state === "cookie-echoed") return;
    host.onCumulativeAck(cumulativeTsn, now);
    if (host.state === "established" || host.state === "shutdown-pending") host.state = "shutdown-received";
    else if (host.state === "shutdown-sent") {
      // Both at once: answer with SHUTDOWN ACK.
      host.state = "shutdown-ack-sent";
      this.due = true;
    }
  }

  handleShutdownAck(tag: number): void {
    const { state } = this.host;
    if (state === "shutdown-sent" || state === "shutdown-ack-sent") {
      if (tag !== this.handshake.localTag) {
        this.host.drop("wrong verification tag");
        return;
      }
      this.out.add(writeChunk(SHUTDOWN_COMPLETE, 0, NOTHING));
      this.out.send();
      this.host.onComplete();
    } else if (!this.handshake.adopted || state === "cookie-wait" || state === "cookie-echoed") {
      // An association of before (RFC 9260 §8.5.1 E): let the peer end it, with its own tag reflected.
      this.out.sendAlone(writeChunk(SHUTDOWN_COMPLETE, FLAG_T, NOTHING), tag);
    }
  }

  /** The peer begins anew and has to end the old association first. `error`: it has sent a cookie. */
  repeatAck(error: boolean): void {
    this.out.add(writeChunk(SHUTDOWN_ACK, 0, NOTHING));
    if (error) this.out.add(writeChunk(ERROR, 0, errorCause(CAUSE_COOKIE_WHILE_SHUTTING_DOWN)));
  }

  flush(now: number): void {
    const { host, out } = this;
    if (host.state === "shutdown-pending" && host.idle) {
      host.state = "shutdown-sent";
      this.due = true;
    } else if (host.state === "shutdown-received" && host.idle) {
      host.state = "shutdown-ack-sent";
      this.due = true;
    }
    if (!this.due) return;
    this.due = false;
    if (host.state === "shutdown-sent") {
      const value = new Uint8Array(4);
      write32(value, 0, host.cumulativeTsn);
      out.add(writeChunk(SHUTDOWN, 0, value));
    } else if (host.state === "shutdown-ack-sent") out.add(writeChunk(SHUTDOWN_ACK, 0, NOTHING));
    this.deadline = now + host.rto;
  }
}
