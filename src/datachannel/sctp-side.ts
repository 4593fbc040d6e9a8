// Data channels (channels.ts) as their SCTP association sees them: its host. There is one for each association that channels go
// through; one that they have left can end without ending them.
import type { SctpAbort, SctpCloseReason, SctpHost } from "../sctp/options.js";

export type TellClosed = (reason: SctpCloseReason, abort: SctpAbort | undefined) => void;
export type CloseHandler = (reason: SctpCloseReason, abort: SctpAbort | undefined, tell: TellClosed) => void;

/** What is told of the association. */
export interface SctpSideOwner {
  /** Changes with each association. */
  readonly generation: number;
  handleEstablished(): void;
  handleMessage(streamId: number, ppid: number, data: Uint8Array): void;
  handleStreamsReset(ids: readonly number[]): void;
  handleOutgoingReset(ids: readonly number[], ok: boolean): void;
  handleBufferedAmountDecrease(streamId: number, bytes: number): void;
  handleOversizeMessage(streamId: number): void;
  handleRestarted(): void;
  handleClosed(reason: SctpCloseReason, abort?: SctpAbort): void;
}

export class SctpSide implements SctpHost {
  readonly transmit: (packet: Uint8Array) => void;
  private readonly channels: SctpSideOwner;
  private readonly generation: number;
  private readonly closeHandler: CloseHandler | undefined;

  constructor(
    channels: SctpSideOwner,
    generation: number,
    transmit: (packet: Uint8Array) => void,
    closeHandler: CloseHandler | undefined,
  ) {
    this.channels = channels;
    this.generation = generation;
    this.transmit = transmit;
    this.closeHandler = closeHandler;
  }

  onEstablished(): void {
    this.channels.handleEstablished();
  }

  onMessage(streamId: number, ppid: number, data: Uint8Array): void {
    this.channels.handleMessage(streamId, ppid, data);
  }

  onStreamsReset(ids: readonly number[]): void {
    this.channels.handleStreamsReset(ids);
  }

  onOutgoingReset(ids: readonly number[], ok: boolean): void {
    this.channels.handleOutgoingReset(ids, ok);
  }

  onBufferedAmountDecrease(streamId: number, bytes: number): void {
    this.channels.handleBufferedAmountDecrease(streamId, bytes);
  }

  onOversizeMessage(streamId: number): void {
    this.channels.handleOversizeMessage(streamId);
  }

  onRestarted(): void {
    this.channels.handleRestarted();
  }

  onClosed(reason: SctpCloseReason, abort?: SctpAbort): void {
    if (this.closeHandler === undefined) this.tell(reason, abort);
    else this.closeHandler(reason, abort, (ofReason, ofAbort) => this.tell(ofReason, ofAbort));
  }

  private tell(reason: SctpCloseReason, abort: SctpAbort | undefined): void {
    if (this.generation === this.channels.generation) this.channels.handleClosed(reason, abort);
  }
}
