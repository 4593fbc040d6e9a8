// An SCTP association (association.ts) as its handshake and its shutdown see it: the host of both. It keeps nothing, and decides
// nothing but what a failure of theirs means for the whole.
import type { DataReceiver } from "./data-receiver.js";
import type { DataSender } from "./data-sender.js";
import type { HandshakeHost } from "./handshake.js";
import type { SctpAbort, SctpCloseReason, SctpState } from "./options.js";
import type { Shutdown, ShutdownHost } from "./shutdown.js";

/** What is used of the association. */
export interface AssociationSideOwner {
  state: SctpState;
  readonly sender: DataSender;
  readonly receiver: DataReceiver;
  readonly ending: Shutdown;
  /** The peer's half of the handshake is known. False: it was not taken, and the association has ended. */
  adopt(peerInitialTsn: number, peerRwnd: number): boolean;
  establish(now: number): void;
  /** The peer has begun anew (RFC 9260 §5.2.4 A). */
  restart(now: number): void;
  close(reason: SctpCloseReason, abort?: SctpAbort): void;
  drop(why: string): void;
}

export class AssociationSide implements HandshakeHost, ShutdownHost {
  private readonly association: AssociationSideOwner;

  constructor(association: AssociationSideOwner) {
    this.association = association;
  }

  get state(): SctpState {
    return this.association.state;
  }

  set state(state: SctpState) {
    this.association.state = state;
  }

  get rto(): number {
    return this.association.sender.rto.rto;
  }

  get idle(): boolean {
    return this.association.sender.idle;
  }

  get cumulativeTsn(): number {
    return this.association.receiver.tracker.cumulativeTsn;
  }

  onAdopted(initialTsn: number, rwnd: number): boolean {
    return this.association.adopt(initialTsn, rwnd);
  }

  onRoundTrip(rtt: number): void {
    this.association.sender.rto.sample(rtt);
  }

  isAtStart(localTsn: number, peerTsn: number): boolean {
    const { receiver, sender } = this.association;
    return receiver.tracker.isAtStart(peerTsn) && sender.outstanding.isAtStart(localTsn);
  }

  onEstablished(now: number): void {
    this.association.establish(now);
  }

  onRestart(now: number): void {
    this.association.restart(now);
  }

  onFailed(): void {
    this.association.close("init-failed");
  }

  loseData(): void {
    this.association.sender.outstanding.loseAll();
  }

  repeatShutdownAck(error: boolean): void {
    this.association.ending.repeatAck(error);
  }

  onCumulativeAck(tsn: number, now: number): void {
    this.association.sender.handleCumulativeAck(tsn, now);
  }

  onComplete(): void {
    this.association.close("shutdown");
  }

  onEnded(abort: SctpAbort | undefined): void {
    this.association.close(abort === undefined ? "peer-shutdown" : "peer-abort", abort);
  }

  drop(why: string): void {
    this.association.drop(why);
  }
}
