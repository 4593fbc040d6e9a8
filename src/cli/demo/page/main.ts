// The demo page: connects on load, and wires connection, chat, files, chart, camera and log together.

import { CameraView } from "./camera-view.js";
import { Chart } from "./chart.js";
import { ChatView } from "./chat-view.js";
import {
  type CandidateView,
  Connection,
  type ConnectionState,
  type Side,
  type Step,
  type TransportView,
} from "./connection.js";
import { byId, make } from "./dom.js";
import { formatBytes, formatDuration, formatMilliseconds, RateMeter } from "./format.js";
import { Pinger } from "./ping.js";
import type { Snapshot } from "./snapshot.js";
import { FileSource, GeneratedSource, type Source } from "./source.js";
import { StepsView } from "./steps-view.js";
import { setUpTabs } from "./tabs.js";
import { Transfer } from "./transfer.js";
import { TransferView } from "./transfer-view.js";
import "./snapshot.js";

/** Milliseconds between updates of figures and chart. */
const TICK = 200;
const KEPT_TRANSFERS = 10;
const KEPT_LOG = 200;
const STATE_TEXT: Record<ConnectionState, string> = {
  connecting: "Connecting",
  connected: "Connected",
  interrupted: "Interrupted",
  closed: "Disconnected",
  failed: "Failed",
};

const status = byId("status", HTMLElement);
const statusText = byId("status-text", HTMLElement);
const banner = byId("banner", HTMLElement);
const toggle = byId("toggle", HTMLButtonElement);
const fileInput = byId("file", HTMLInputElement);
const drop = byId("drop", HTMLElement);
const generateSize = byId("generate-size", HTMLInputElement);
const generateSend = byId("generate-send", HTMLButtonElement);
const transferList = byId("transfers", HTMLUListElement);
const transferNews = byId("transfer-news", HTMLElement);
const logList = byId("log", HTMLOListElement);
const steps = new StepsView();
const chat = new ChatView();
const chart = new Chart(
  byId("chart", HTMLCanvasElement),
  {
    unit: "MB/s",
    least: 1,
    series: [
      { name: "there", color: "there", filled: true },
      { name: "back", color: "back", filled: true },
    ],
  },
  { unit: "ms", least: 4, color: "rtt", series: [{ name: "roundTrip", color: "rtt" }] },
);

let connection: Connection | undefined;
let pinger: Pinger | undefined;
let reason = "";
let reached: Partial<Record<Step, number>> = {};
let candidates: Record<Side, CandidateView[]> = { page: [], node: [] };
let transport: TransportView | undefined;
let views: TransferView[] = [];
let startedAt = 0;

function log(text: string): void {
  const at = formatDuration(performance.now() - startedAt);
  // A reader who has scrolled up stays there.
  const following = logList.scrollHeight - logList.scrollTop - logList.clientHeight < 20;
  logList.append(make("li", "entry", make("time", "", at), make("span", "", text)));
  while (logList.childElementCount > KEPT_LOG) logList.firstElementChild!.remove();
  if (following) logList.scrollTop = logList.scrollHeight;
}

function connect(): void {
  startedAt = performance.now();
  reached = {};
  candidates = { page: [], node: [] };
  transport = undefined;
  steps.reset();
  log("connecting");
  const current: Connection = new Connection({
    onState: (state, why) => {
      if (connection === current) showState(state, why);
    },
    onStep: (step, milliseconds) => {
      reached[step] = milliseconds;
      steps.done(step, milliseconds);
      log(`step done: ${step}`);
      if (step === "sctp") enableSending(true);
    },
    onCandidate: (side, candidate) => {
      candidates[side].push(candidate);
      steps.candidate(side, candidate);
      log(`candidate of ${side}: ${candidate.type} ${candidate.protocol} ${candidate.address}`);
    },
    onTransport: (view) => {
      transport = view;
      steps.transport(view);
    },
    onNode: (implementation) => {
      byId("node-name", HTMLElement).textContent = `Node peer: ${implementation}`;
    },
    onLog: log,
  });
  connection = current;
  pinger = new Pinger(current.ping);
  chat.use(current.chat);
  showState("connecting", "");
  void current.start();
}

function showState(state: ConnectionState, why: string): void {
  reason = why;
  const over = state === "closed" || state === "failed";
  status.dataset.state = state;
  statusText.textContent = STATE_TEXT[state];
  toggle.textContent = over ? "Connect again" : "Disconnect";
  banner.hidden = why === "";
  banner.textContent = why === "" ? "" : `${STATE_TEXT[state]}: ${why}.`;
  log(`${STATE_TEXT[state].toLowerCase()}${why === "" ? "" : `: ${why}`}`);
  if (!over) return;
  steps.stop();
  enableSending(false);
  chat.enable(false);
}

function enableSending(on: boolean): void {
  fileInput.disabled = generateSize.disabled = generateSend.disabled = !on;
  drop.classList.toggle("off", !on);
}

function send(source: Source): void {
  if (connection?.state !== "connected") return;
  const transfer = new Transfer(connection.openFileChannel(), source, connection.maxMessageSize);
  const view = new TransferView(transfer);
  log(`sending ${source.name}, ${formatBytes(source.size)}`);
  views.unshift(view);
  transferList.prepend(view.element);
  for (const old of views.slice(KEPT_TRANSFERS).filter(({ transfer: { state } }) => state !== "running")) {
    old.element.remove();
    views = views.filter((other) => other !== old);
  }
  void transfer.run();
}

toggle.addEventListener("click", () => {
  if (connection?.state === "closed" || connection?.state === "failed") connect();
  else connection?.close("closed");
});

byId("generate", HTMLFormElement).addEventListener("submit", (event) => {
  event.preventDefault();
  const size = Math.round(generateSize.valueAsNumber * 1024 * 1024);
  if (Number.isSafeInteger(size)) send(new GeneratedSource(`generated-${generateSize.value}-MiB`, size));
});

fileInput.addEventListener("change", () => {
  for (const file of fileInput.files ?? []) send(new FileSource(file));
  fileInput.value = ""; // the same file may be chosen again
});

// Anywhere on the page will do: a file dropped beside the field must not replace the page.
addEventListener("dragover", (event) => {
  event.preventDefault();
  drop.classList.add("over");
});
addEventListener("dragleave", (event) => {
  if (event.relatedTarget === null) drop.classList.remove("over");
});
addEventListener("drop", (event) => {
  event.preventDefault();
  drop.classList.remove("over");
  for (const file of event.dataTransfer?.files ?? []) send(new FileSource(file));
});

const totals = { there: 0, back: 0 };
const seen = new WeakMap<TransferView, { there: number; back: number }>();
const thereMeter = new RateMeter();
const backMeter = new RateMeter();
const rateThere = byId("rate-there", HTMLOutputElement);
const rateBack = byId("rate-back", HTMLOutputElement);
const roundTripNow = byId("round-trip", HTMLOutputElement);
const roundTripSpread = byId("round-trip-spread", HTMLElement);

function tick(): void {
  const now = performance.now();
  for (const view of views) {
    const { there, back } = view.transfer;
    const before = seen.get(view) ?? { there: 0, back: 0 };
    totals.there += Math.max(0, there - before.there);
    totals.back += Math.max(0, back - before.back);
    seen.set(view, { there, back });
    if (view.update(now)) {
      const { name, state, reason: why } = view.transfer;
      transferNews.textContent = state === "done" ? `${name}: every byte arrived` : `${name}: ${state}, ${why}`;
      log(transferNews.textContent);
    }
  }
  const there = thereMeter.add(now, totals.there) / 1e6;
  const back = backMeter.add(now, totals.back) / 1e6;
  const roundTrip = pinger?.take();
  chart.add({ at: now, there, back, roundTrip });
  rateThere.textContent = there.toFixed(there < 10 ? 2 : 1);
  rateBack.textContent = back.toFixed(back < 10 ? 2 : 1);
  if (pinger === undefined || pinger.count === 0) return;
  if (roundTrip !== undefined) roundTripNow.textContent = formatMilliseconds(roundTrip);
  roundTripSpread.textContent = [0.5, 0.95]
    .map((share) => `p${share * 100}\u00a0${formatMilliseconds(pinger!.percentile(share))}`)
    .join(" · ");
}

globalThis.parleyDemo = (): Snapshot => ({
  state: connection?.state ?? "connecting",
  reason,
  steps: reached,
  candidates,
  transport,
  roundTrip: {
    count: pinger?.count ?? 0,
    p50: pinger?.percentile(0.5) ?? 0,
    p95: pinger?.percentile(0.95) ?? 0,
  },
  transfers: views.map((view) => view.snapshot()),
  camera: camera.snapshot(),
});

setUpTabs((panel) => log(`tab: ${panel === "camera-panel" ? "camera" : "data"}`));
const camera = new CameraView(log);

enableSending(false);
setInterval(tick, TICK);
// Figures such as the cipher reach the browser's statistics a little after the step.
setInterval(() => void connection?.refresh(), 1000);
connect();
