// The operations chain of an RTCPeerConnection (webrtc-pc §4.4.1.2): one asynchronous operation at a time, in order.

export class OperationsChain {
  private readonly operations: (() => void)[] = [];
  private readonly isClosed: () => boolean;
  /** Called when the last operation has been taken off (the "[[UpdateNegotiationNeededFlagOnEmptyChain]]" moment). */
  private readonly onEmpty: () => void;

  constructor(isClosed: () => boolean, onEmpty: () => void) {
    this.isClosed = isClosed;
    this.onEmpty = onEmpty;
  }

  get isEmpty(): boolean {
    return this.operations.length === 0;
  }

  /**
   * Runs `operation` when those before it are done. The result is left pending for ever if the connection was closed
   * meanwhile; `closedError` rejects it where it is closed already.
   */
  chain<T>(operation: () => Promise<T>, closedError: () => unknown): Promise<T> {
    if (this.isClosed()) return Promise.reject(closedError());
    const result = new Promise<T>((resolve, reject) => {
      this.operations.push(() => {
        operation().then(
          (value) => {
            if (!this.isClosed()) resolve(value);
          },
          (reason) => {
            if (!this.isClosed()) reject(reason);
          },
        );
      });
      if (this.operations.length === 1) this.operations[0]!();
    });
    const next = (): void => {
      if (this.isClosed()) return;
      this.operations.shift();
      if (this.operations.length > 0) this.operations[0]!();
      else this.onEmpty();
    };
    // Registered before the caller can: the next operation starts before the caller hears of this one.
    result.then(next, next);
    return result;
  }
}
