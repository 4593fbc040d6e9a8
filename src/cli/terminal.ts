// Progress on a terminal: one line that is rewritten where there is a terminal, and a plain line now and then elsewhere.

export interface TextOutput {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  write(text: string): unknown;
}

/** "██████▌░░░ " with eighths, `width` characters wide. */
export function progressBar(fraction: number, width: number): string {
  const eighths = Math.round(Math.min(1, Math.max(0, fraction)) * width * 8);
  const full = Math.floor(eighths / 8);
  const part = eighths % 8;
  const bar = "█".repeat(full) + (part > 0 ? " ▏▎▍▌▋▊▉"[part] : "");
  return bar + "░".repeat(width - full - (part > 0 ? 1 : 0));
}

export class ProgressLine {
  readonly #out: TextOutput;
  readonly #step: number;
  #shown = false;
  #next: number;

  /** Without a terminal a line is printed each time another `step` of the whole is done. */
  constructor(out: TextOutput, step = 0.1) {
    this.#out = out;
    this.#step = step;
    this.#next = step;
  }

  update(fraction: number, text: string): void {
    const percent = `${Math.floor(fraction * 100)}`.padStart(3);
    if (this.#out.isTTY) {
      const columns = this.#out.columns ?? 80;
      const width = Math.max(8, Math.min(32, columns - text.length - 12));
      const line = `  ${progressBar(fraction, width)} ${percent} %  ${text}`;
      this.#out.write(`\r${line.slice(0, columns - 1)}\x1b[K`);
      this.#shown = true;
    } else if (fraction >= this.#next - 1e-9) {
      this.#out.write(`  ${percent} %  ${text}\n`);
      while (fraction >= this.#next - 1e-9) this.#next += this.#step;
    }
  }

  /** Takes the line away, so that other text can be printed. */
  clear(): void {
    if (this.#shown) this.#out.write("\r\x1b[K");
    this.#shown = false;
  }
}
