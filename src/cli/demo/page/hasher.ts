// The main thread's side of a hash worker: one running SHA-256, fed with buffers that it takes over.

export class Hasher {
  readonly #worker = new Worker(new URL("./hash-worker.js", import.meta.url), { type: "module" });
  readonly #onHashed: (bytes: number) => void;
  readonly #digest: Promise<string>;
  #pending = 0;
  #wake: (() => void) | undefined;

  /** `onHashed` hears of every array of buffers that has been hashed, in bytes. */
  constructor(onHashed: (bytes: number) => void = () => {}) {
    this.#onHashed = onHashed;
    this.#digest = new Promise((resolve, reject) => {
      this.#worker.addEventListener("message", (event: MessageEvent<number | string>) => {
        if (typeof event.data === "string") return resolve(event.data);
        this.#pending -= event.data;
        this.#onHashed(event.data);
        this.#wake?.();
      });
      this.#worker.addEventListener("error", (event) => reject(new Error(`hash worker: ${event.message}`)));
    });
    this.#digest.catch(() => {});
  }

  /** Bytes handed over and not hashed yet. */
  get pending(): number {
    return this.#pending;
  }

  /** Hashes the buffers, which belong to the worker from here on. */
  update(buffers: ArrayBuffer[]): void {
    for (const buffer of buffers) this.#pending += buffer.byteLength;
    this.#worker.postMessage(buffers, buffers);
  }

  /** Waits until no more than `bytes` are pending. */
  async drained(bytes: number): Promise<void> {
    while (this.#pending > bytes) {
      await Promise.race([
        new Promise<void>((resolve) => {
          this.#wake = resolve;
        }),
        this.#digest,
      ]);
    }
  }

  digest(): Promise<string> {
    this.#worker.postMessage("digest");
    return this.#digest;
  }

  close(): void {
    this.#worker.terminate();
  }
}
