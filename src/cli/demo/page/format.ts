// Figures as text, the same in the page and in the terminal; and the small statistics behind them.

const MIB = 1024 * 1024;

/** "512 B", "1.5 KiB", "100.0 MiB", "4.0 GiB". */
export function formatBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  if (bytes < MIB) return `${(bytes / 1024).toFixed(1)} KiB`;
  if (bytes < 1024 * MIB) return `${(bytes / MIB).toFixed(1)} MiB`;
  return `${(bytes / (1024 * MIB)).toFixed(2)} GiB`;
}

/** Bytes per second as "52.1 MB/s" (10^6 bytes). */
export function formatRate(bytesPerSecond: number): string {
  const megabytes = bytesPerSecond / 1e6;
  return `${megabytes.toFixed(megabytes < 10 ? 2 : 1)} MB/s`;
}

/** "0.85 ms", "12.3 ms", "840 ms", "2.05 s", "3 min 20 s". */
export function formatDuration(milliseconds: number): string {
  if (milliseconds < 10) return `${milliseconds.toFixed(2)} ms`;
  if (milliseconds < 100) return `${milliseconds.toFixed(1)} ms`;
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  if (milliseconds < 60_000) return `${(milliseconds / 1000).toFixed(2)} s`;
  const seconds = Math.round(milliseconds / 1000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/** Milliseconds as a bare figure: "0.85", "12.3", "354". */
export function formatMilliseconds(milliseconds: number): string {
  return milliseconds.toFixed(milliseconds < 10 ? 2 : milliseconds < 100 ? 1 : 0);
}

/** The value below which `fraction` of the values lie (nearest rank); NaN of none. */
export function percentile(values: readonly number[], fraction: number): number {
  if (values.length === 0) return Number.NaN;
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(fraction * sorted.length) - 1))]!;
}

/** Speed over the last second (or `span`) of a counter that only grows. */
export class RateMeter {
  readonly #span: number;
  readonly #samples: { now: number; total: number }[] = [];

  constructor(span = 1000) {
    this.#span = span;
  }

  /** Adds the counter's value at a time in milliseconds; units per second since the oldest value in the span. */
  add(now: number, total: number): number {
    const samples = this.#samples;
    samples.push({ now, total });
    while (samples.length > 2 && samples[1]!.now <= now - this.#span) samples.shift();
    const first = samples[0]!;
    return now > first.now ? ((total - first.total) * 1000) / (now - first.now) : 0;
  }
}
