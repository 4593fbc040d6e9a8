// The camera's tab: the two pictures, figures and charts, and the buttons for layer and loss.
import { Camera, type CameraState } from "./camera.js";
import { LAYERS, type LayerReport, LOSSES } from "./camera-wire.js";
import { Chart } from "./chart.js";
import { byId, make } from "./dom.js";
import { formatMilliseconds } from "./format.js";
import type { MediaFigures } from "./media-figures.js";
import type { CameraSnapshot } from "./snapshot.js";

/** Milliseconds between looks at the statistics. */
const TICK = 1000;
const STATE_TEXT: Record<CameraState, string> = {
  off: "Off",
  starting: "Starting",
  on: "On",
  failed: "Failed",
};

export class CameraView {
  readonly #log: (text: string) => void;
  readonly #button = byId("camera-start", HTMLButtonElement);
  readonly #state = byId("camera-state", HTMLElement);
  readonly #banner = byId("camera-banner", HTMLElement);
  readonly #own = byId("camera-own", HTMLVideoElement);
  readonly #back = byId("camera-back", HTMLVideoElement);
  readonly #sound = byId("camera-sound", HTMLInputElement);
  readonly #layerList = byId("camera-layers", HTMLElement);
  readonly #rates = new Chart(
    byId("camera-rates", HTMLCanvasElement),
    {
      unit: "Mbit/s",
      least: 1,
      series: [
        { name: "there", color: "there", filled: true },
        { name: "back", color: "back", filled: true },
      ],
    },
    { unit: "ms", least: 4, color: "rtt", series: [{ name: "roundTrip", color: "rtt" }] },
  );
  readonly #quality = new Chart(
    byId("camera-quality", HTMLCanvasElement),
    { unit: "% lost", least: 4, series: [{ name: "loss", color: "bad", filled: true }] },
    { unit: "ms jitter", least: 4, color: "rtt", series: [{ name: "jitter", color: "rtt" }] },
  );
  #camera: Camera | undefined;
  #reason = "";
  #layers: readonly LayerReport[] = [];
  #current: string | null = null;
  #dropped = 0;
  #selected: string | null = null;
  #loss = 0;

  constructor(log: (text: string) => void) {
    this.#log = log;
    this.#button.addEventListener("click", () => this.#toggle());
    this.#sound.addEventListener("change", () => {
      this.#back.muted = !this.#sound.checked;
    });
    this.#choices("camera-layer", [["", "Best"], ...LAYERS.map(({ rid, name }) => [rid, name] as const)], (rid) => {
      this.#selected = rid === "" ? null : rid;
      this.#camera?.selectLayer(this.#selected);
    });
    this.#choices(
      "camera-loss",
      LOSSES.map((percent) => [String(percent), `${percent} %`] as const),
      (percent) => {
        this.#loss = Number(percent);
        this.#camera?.setLoss(this.#loss);
      },
    );
    setInterval(() => void this.#tick(), TICK);
    this.#show("off", "");
  }

  snapshot(): CameraSnapshot {
    return {
      state: this.#camera?.state ?? "off",
      reason: this.#reason,
      cameraRate: this.#camera?.cameraRate ?? 0,
      figures: this.#camera?.figures,
      layers: this.#layers,
      current: this.#current,
      dropped: this.#dropped,
    };
  }

  /** A group of buttons of which one is chosen, the first at the beginning. */
  #choices(id: string, values: readonly (readonly [value: string, text: string])[], choose: (value: string) => void) {
    const group = byId(id, HTMLElement);
    for (const [value, text] of values) {
      const button = make("button", "", text);
      button.type = "button";
      button.dataset.value = value;
      button.setAttribute("aria-pressed", String(group.childElementCount === 0));
      button.addEventListener("click", () => {
        for (const other of group.children) other.setAttribute("aria-pressed", String(other === button));
        choose(value);
      });
      group.append(button);
    }
  }

  #toggle(): void {
    if (this.#camera?.state === "starting" || this.#camera?.state === "on") {
      this.#camera.close();
      return;
    }
    const camera: Camera = new Camera({
      onState: (state, reason) => {
        if (this.#camera === camera) this.#show(state, reason);
      },
      onOwn: (stream) => play(this.#own, stream),
      onReturned: (stream) => play(this.#back, stream),
      onLayers: (layers, current, dropped) => {
        if (this.#camera === camera) this.#showLayers(layers, current, dropped);
      },
      onControl: () => {
        camera.selectLayer(this.#selected);
        camera.setLoss(this.#loss);
      },
      onLog: this.#log,
    });
    this.#camera = camera;
    void camera.start();
  }

  #show(state: CameraState, reason: string): void {
    this.#reason = reason;
    this.#state.textContent = STATE_TEXT[state];
    this.#button.textContent = state === "on" || state === "starting" ? "Stop" : "Start camera";
    this.#banner.hidden = reason === "";
    this.#banner.textContent = reason === "" ? "" : `${STATE_TEXT[state]}: ${reason}.`;
    this.#log(`camera ${STATE_TEXT[state].toLowerCase()}${reason === "" ? "" : `: ${reason}`}`);
    if (state !== "off" && state !== "failed") return;
    this.#own.srcObject = null;
    this.#back.srcObject = null;
    this.#showLayers([], null, 0);
  }

  #showLayers(layers: readonly LayerReport[], current: string | null, dropped: number): void {
    this.#layers = layers;
    this.#current = current;
    this.#dropped = dropped;
    const rows = LAYERS.map(({ rid, name }) => {
      const layer = layers.find((one) => one.rid === rid);
      const size = layer === undefined || layer.width === 0 ? "–" : `${layer.width} × ${layer.height}`;
      const rate = layer?.active ? `${Math.round(layer.bitrate / 1000)} kbit/s` : "not sent";
      const row = make("li", "layer", make("strong", "", name), make("span", "", size), make("span", "", rate));
      if (rid === current) row.classList.add("current");
      return row;
    });
    this.#layerList.replaceChildren(...rows);
    byId("camera-dropped", HTMLElement).textContent = `${dropped} dropped so far`;
  }

  async #tick(): Promise<void> {
    const figures = await this.#camera?.measure();
    if (figures === undefined) return;
    this.#showFigures(figures);
    this.#rates.add({
      at: performance.now(),
      there: figures.thereRate / 1e6,
      back: figures.backRate / 1e6,
      roundTrip: figures.roundTrip,
    });
    this.#quality.add({ at: performance.now(), loss: figures.lossPercent, jitter: figures.jitter });
  }

  #showFigures({
    thereRate,
    backRate,
    roundTrip,
    jitter,
    width,
    height,
    framesPerSecond,
    ...rest
  }: MediaFigures): void {
    const set = (id: string, text: string): void => {
      byId(id, HTMLElement).textContent = text;
    };
    set("camera-rate-there", (thereRate / 1e6).toFixed(2));
    set("camera-rate-back", (backRate / 1e6).toFixed(2));
    set("camera-round-trip", roundTrip === undefined ? "–" : formatMilliseconds(roundTrip));
    set("camera-jitter", jitter === undefined ? "–" : formatMilliseconds(jitter));
    set("camera-lost", rest.lossPercent.toFixed(1));
    set("camera-repaired", `${rest.nacks} asked again, ${rest.retransmitted} sent again`);
    set("camera-size", width === 0 ? "" : `${width} × ${height}, ${Math.round(framesPerSecond)} a second`);
  }
}

function play(video: HTMLVideoElement, stream: MediaStream): void {
  video.srcObject = stream;
  // Refused only where a policy forbids it; then the picture has a button of the browser's.
  video.play().catch(() => {});
}
