// What the benchmarks share: timing of a function, medians, and a plain table.

/** Nanoseconds of processor time per call of `run`, the median of five rounds of about `milliseconds` each. */
export function nanoseconds(run, milliseconds = 60) {
  let count = 1;
  for (;;) {
    const start = performance.now();
    for (let i = 0; i < count; i++) run();
    if (performance.now() - start > milliseconds / 4) break;
    count *= 2;
  }
  count *= 4;
  const rounds = Array.from({ length: 5 }, () => {
    const { user, system } = process.cpuUsage();
    for (let i = 0; i < count; i++) run();
    const used = process.cpuUsage();
    return ((used.user + used.system - user - system) * 1000) / count;
  });
  return median(rounds);
}

export function quantile(values, q) {
  const sorted = [...values].sort((x, y) => x - y);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))];
}

export const median = (values) => quantile(values, 0.5);

/** Three digits are as many as repeat. */
export function round(value) {
  if (typeof value !== "number") return value;
  return value >= 1000 ? Math.round(value).toLocaleString("en") : String(Number(value.toPrecision(3)));
}

/** Rows of [what, value, unit]. */
export function table(title, rows) {
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => String(round(row[column])).length)));
  console.log(`\n${title}`);
  for (const [what, value, unit] of rows) {
    console.log(`  ${what.padEnd(widths[0])}  ${round(value).padStart(widths[1])} ${unit}`);
  }
}
