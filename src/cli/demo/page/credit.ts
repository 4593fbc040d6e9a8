// A credit window: the receiver grants, the sender spends. It gives a data channel what it lacks, backpressure from the
// application that reads: a slow reader stops its sender after one window instead of filling memory.

/** The sender's side. */
export class CreditSender {
  readonly #window: number;
  #sent = 0;
  #consumed = 0;

  constructor(window: number) {
    this.#window = window;
  }

  /** Bytes handed over so far. */
  get sent(): number {
    return this.#sent;
  }

  /** Bytes that may be sent now. */
  get available(): number {
    return this.#consumed + this.#window - this.#sent;
  }

  spend(bytes: number): void {
    if (bytes > this.available) throw new RangeError("credit overspent");
    this.#sent += bytes;
  }

  /** Takes in the receiver's total of consumed bytes; false where it claims what cannot be. */
  grant(consumed: number): boolean {
    if (consumed < this.#consumed || consumed > this.#sent) return false;
    this.#consumed = consumed;
    return true;
  }
}

/** The receiver's side. Says when a grant is due: every quarter of the window, so that the sender never idles. */
export class CreditReceiver {
  readonly #window: number;
  #received = 0;
  #consumed = 0;
  #announced = 0;

  constructor(window: number) {
    this.#window = window;
  }

  get received(): number {
    return this.#received;
  }

  get consumed(): number {
    return this.#consumed;
  }

  /** Counts arriving bytes; false where the sender spent more than it was granted. */
  receive(bytes: number): boolean {
    this.#received += bytes;
    return this.#received <= this.#announced + this.#window;
  }

  /** Counts bytes that the application is done with; the total to grant now, or undefined when none is due yet. */
  consume(bytes: number): number | undefined {
    this.#consumed += bytes;
    if (this.#consumed - this.#announced < this.#window / 4) return undefined;
    this.#announced = this.#consumed;
    return this.#consumed;
  }
}
