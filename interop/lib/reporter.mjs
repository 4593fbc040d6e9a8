// Node's spec reporter with a table of all peers and roles in front of its summary.
import { spec as Spec } from "node:test/reporters";

/** One line of an error that says what went wrong. */
function reasonOf(error) {
  const cause = error?.cause ?? error;
  return String(cause?.message ?? cause)
    .split("\n")[0]
    .slice(0, 110);
}

/** What the table says of a test that has ended: name, result, and why. */
function line({ name, data, steps, limits }) {
  if (data.skip !== undefined) return [name, "skipped", data.skip];
  const failed = steps.filter(({ ok }) => !ok).map((step) => `${step.name}: ${step.reason}`);
  if (failed.length > 0) return [name, "FAILED", failed.join("; ")];
  if (data.details?.error) return [name, "FAILED", reasonOf(data.details.error)];
  const without = steps.filter(({ skip }) => skip).map((step) => `without "${step.name}": ${step.skip}`);
  return [name, "passed", [...without, ...limits].join("; ")];
}

function table(rows) {
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => row[column].length)));
  const lines = rows.map(([name, result, why]) =>
    `  ${name.padEnd(widths[0])}  ${result.padEnd(widths[1])}  ${why}`.trimEnd(),
  );
  const count = (what) => rows.filter(([, result]) => result === what).length;
  const sums = `${count("passed")} passed, ${count("FAILED")} failed, ${count("skipped")} skipped`;
  return `\n${lines.join("\n")}\n\n  ${sums}\n\n`;
}

export default async function* report(source) {
  const spec = new Spec();
  const output = [];
  spec.on("data", (text) => output.push(text));
  const tests = [];
  const current = () => tests.at(-1);
  for await (const event of source) {
    const { type, data } = event;
    const ended = type === "test:pass" || type === "test:fail";
    if (data.nesting === 0 && type === "test:start") tests.push({ name: data.name, data: {}, steps: [], limits: [] });
    if (data.nesting === 0 && ended) current().data = data;
    if (data.nesting === 1 && ended) {
      const { name, skip, details } = data;
      current().steps.push({ name, ok: type === "test:pass", skip, reason: reasonOf(details?.error) });
    }
    if (data.nesting === 0 && type === "test:diagnostic") {
      // What a test says of itself follows its result; the totals follow the last test.
      if (data.message.startsWith("limit: ")) current().limits.push(data.message.slice(7));
      if (/^tests \d+$/.test(data.message) && tests.length > 0) output.push(table(tests.map(line)));
    }
    spec.write(event);
    yield* output.splice(0);
  }
  spec.end();
  await new Promise((resolve) => spec.once("end", resolve));
  yield* output.splice(0);
}
