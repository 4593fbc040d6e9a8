// npm run draw-bandwidth: runs the scenarios of test/scenario/bandwidth.ts and draws docs/bandwidth.svg: capacity, target and
// what is sent over time, and the queueing delay below. The picture is the same each time.
import { writeFileSync } from "node:fs";
import {
  CROSS,
  closeness,
  delaysBetween,
  LIMITED,
  percentile,
  runBandwidth,
  SHARED,
  STEPS,
  shares,
} from "../dist-test/test/scenario/bandwidth.js";

const INK = "#14171f";
const SOFT = "#596172";
const LINE = "#e1e4ea";
const CAPACITY = "#c3c8d2";
const FLOWS = ["#4f46e5", "#0d8a78", "#b45f06"];
const DELAY = "#c62a2f";
const WIDTH = 460;
const RATE = 150;
const QUEUE = 60;
const GAP = 14;
const LEFT = 46;
const COLUMN = LEFT + WIDTH + 34;
const ROW = 46 + RATE + GAP + QUEUE + 46;

const millis = (value) => `${Math.round(value)} ms`;
const panels = [
  {
    title: "A link of 5, then 1, then 3 Mbit/s",
    scenario: STEPS,
    note: (r) =>
      `within a tenth of the capacity 5 to 20 s after each step: ${[0, 20_000, 40_000]
        .map((from) => `${Math.round(100 * closeness(r, from + 5000, from + 20_000).within)} %`)
        .join(", ")} of the time`,
  },
  {
    title: "The same with 200 ms of round-trip time",
    scenario: { ...STEPS, rtt: 200 },
    note: (r) =>
      `within a tenth: ${[0, 20_000, 40_000]
        .map((from) => `${Math.round(100 * closeness(r, from + 5000, from + 20_000).within)} %`)
        .join(", ")} of the time`,
  },
  {
    title: "The same with 2 % of random loss",
    scenario: { ...STEPS, link: { loss: 0.02 } },
    note: (r) =>
      `mean of target by capacity: ${[0, 20_000, 40_000]
        .map((from) => closeness(r, from + 5000, from + 20_000).mean.toFixed(2))
        .join(", ")}`,
  },
  {
    title: "Two flows, the second five seconds later",
    scenario: SHARED,
    note: (r) =>
      `from 30 s on: ${shares(r, 30_000, 90_000)
        .map((rate) => (rate / 1e6).toFixed(2))
        .join(" and ")} Mbit/s`,
  },
  {
    title: "Bursts of other traffic (1.5 of 3 Mbit/s, 3 of each 10 s)",
    scenario: CROSS,
    note: (r) => `from 10 s on: ${(shares(r, 10_000, 60_000)[0] / 1e6).toFixed(2)} of the 2.55 Mbit/s that are left`,
  },
  {
    title: "An application that sends 300 kbit/s from 15 to 40 s",
    scenario: LIMITED,
    note: (r) => `from 32 to 40 s its target is ${closeness(r, 32_000, 40_000).mean.toFixed(2)} of the capacity`,
  },
];

/** Points on one straight line to the eye become its ends. */
function path(points) {
  const kept = [];
  for (const [px, py] of points) {
    const point = [Math.round(px * 2) / 2, Math.round(py * 2) / 2];
    const last = kept.at(-1);
    if (last !== undefined && last[1] === point[1] && kept.at(-2)?.[1] === point[1]) kept.pop();
    if (last === undefined || last[0] !== point[0] || last[1] !== point[1]) kept.push(point);
  }
  return kept.map(([px, py], i) => `${i === 0 ? "M" : i === 1 ? "L" : " "}${px} ${py}`).join("");
}

function text(x, y, content, { size = 11, fill = SOFT, anchor = "start", weight = 400 } = {}) {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" font-size="${size}" fill="${fill}" text-anchor="${anchor}" font-weight="${weight}">${content}</text>`;
}

function draw({ title, scenario, note }, left, top) {
  const result = runBandwidth(scenario);
  const { samples } = result;
  const duration = scenario.duration;
  const maxRate = Math.max(...samples.map((s) => s.capacity)) * 1.25;
  const maxDelay = 400;
  const x = (time) => left + (time / duration) * WIDTH;
  const rateTop = top + 46;
  const y = (rate) => rateTop + RATE * (1 - Math.min(rate, maxRate) / maxRate);
  const queueTop = rateTop + RATE + GAP;
  const d = (delay) => queueTop + QUEUE * (1 - Math.min(delay, maxDelay) / maxDelay);
  const out = [];
  out.push(text(left, top + 16, title, { size: 13, fill: INK, weight: 600 }));
  const delays = delaysBetween(result, 0, Number.POSITIVE_INFINITY);
  out.push(text(left, top + 32, note(result)));
  const step = maxRate > 4e6 ? 2e6 : 1e6;
  for (let rate = 0; rate <= maxRate; rate += step) {
    out.push(`<path d="M${left} ${y(rate).toFixed(1)}h${WIDTH}" stroke="${LINE}"/>`);
    out.push(text(left - 6, y(rate) + 4, `${rate / 1e6}`, { anchor: "end" }));
  }
  out.push(text(left - 6, rateTop - 4, "Mbit/s", { anchor: "end", size: 10 }));
  for (const delay of [0, 200, 400]) {
    out.push(`<path d="M${left} ${d(delay).toFixed(1)}h${WIDTH}" stroke="${LINE}"/>`);
    out.push(text(left - 6, d(delay) + 4, `${delay}`, { anchor: "end" }));
  }
  for (let time = 0; time <= duration; time += 10_000) {
    out.push(text(x(time), queueTop + QUEUE + 16, `${time / 1000} s`, { anchor: "middle" }));
  }
  // Capacity as a filled step.
  const steps = [];
  for (const [i, sample] of samples.entries()) {
    const from = i === 0 ? 0 : samples[i - 1].time;
    steps.push([x(from), y(sample.capacity)], [x(sample.time), y(sample.capacity)]);
  }
  out.push(
    `<path d="${path(steps)}L${x(duration)} ${y(0)}L${left} ${y(0)}Z" fill="#eef0f4" stroke="none"/>`,
    `<path d="${path(steps)}" fill="none" stroke="${CAPACITY}" stroke-width="1.5"/>`,
  );
  for (let flow = 0; flow < scenario.flows.length; flow++) {
    const color = FLOWS[flow % FLOWS.length];
    // What was sent, each over a second.
    const sent = [];
    for (let i = 9; i < samples.length; i += 5) {
      let sum = 0;
      for (let k = i - 9; k <= i; k++) sum += samples[k].sent[flow];
      sent.push([x(samples[i].time), y(sum / 10)]);
    }
    out.push(`<path d="${path(sent)}" fill="none" stroke="${color}" stroke-width="1" opacity="0.45"/>`);
    const start = scenario.flows[flow].start ?? 0;
    const target = samples.filter((s) => s.time >= start).map((s) => [x(s.time), y(s.target[flow])]);
    out.push(`<path d="${path(target)}" fill="none" stroke="${color}" stroke-width="1.5"/>`);
  }
  out.push(
    `<path d="${path(samples.map((s) => [x(s.time), d(s.queueDelay)]))}" fill="none" stroke="${DELAY}" stroke-width="1"/>`,
  );
  out.push(
    text(
      left + WIDTH,
      queueTop - 3,
      `queueing delay, ms: 95 % of the packets wait less than ${millis(percentile(delays, 0.95))}`,
      { size: 10, fill: DELAY, anchor: "end" },
    ),
  );
  return out.join("\n");
}

const rows = Math.ceil(panels.length / 2);
const width = COLUMN * 2;
const height = 40 + rows * ROW;
const body = panels.map((panel, i) => draw(panel, LEFT + (i % 2) * COLUMN, 40 + Math.floor(i / 2) * ROW));
const key = [
  `<rect x="${LEFT}" y="14" width="14" height="10" fill="#eef0f4" stroke="${CAPACITY}"/>`,
  text(LEFT + 20, 23, "capacity"),
  `<path d="M${LEFT + 90} 19h20" stroke="${FLOWS[0]}" stroke-width="1.5"/>`,
  text(LEFT + 116, 23, "target (first flow)"),
  `<path d="M${LEFT + 240} 19h20" stroke="${FLOWS[1]}" stroke-width="1.5"/>`,
  text(LEFT + 266, 23, "target (second flow)"),
  `<path d="M${LEFT + 400} 19h20" stroke="${FLOWS[0]}" opacity="0.45"/>`,
  text(LEFT + 426, 23, "sent (pale)"),
  `<path d="M${LEFT + 510} 19h20" stroke="${DELAY}"/>`,
  text(LEFT + 536, 23, "time that packets wait at the bottleneck"),
];
const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif">
<title>Bandwidth estimation on a simulated link: capacity, target, sent bitrate and queueing delay over time</title>
<rect width="${width}" height="${height}" fill="#ffffff"/>
${key.join("\n")}
${body.join("\n")}
</svg>
`;
const file = new URL("../docs/bandwidth.svg", import.meta.url);
writeFileSync(file, svg);
console.log(`docs/bandwidth.svg, ${Math.round(svg.length / 1024)} KiB`);
