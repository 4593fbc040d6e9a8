// A live chart of the last minute: some series on the left axis, some on the right one.

/** Milliseconds shown. */
const SPAN = 60_000;

export interface ChartSeries {
  readonly name: string;
  /** A custom property of the style sheet, without the dashes. */
  readonly color: string;
  /** With the area below it. */
  readonly filled?: boolean;
}

export interface ChartAxis {
  readonly unit: string;
  /** What it reaches to at least. */
  readonly least: number;
  readonly series: readonly ChartSeries[];
  /** Of its labels, where they are not those of the page; as in ChartSeries. */
  readonly color?: string;
}

/** Milliseconds, and a value for each series that has one. */
export interface ChartSample {
  readonly at: number;
  readonly [series: string]: number | undefined;
}

export class Chart {
  readonly #canvas: HTMLCanvasElement;
  readonly #context: CanvasRenderingContext2D;
  readonly #left: ChartAxis;
  readonly #right: ChartAxis;
  #samples: ChartSample[] = [];

  constructor(canvas: HTMLCanvasElement, left: ChartAxis, right: ChartAxis) {
    this.#left = left;
    this.#right = right;
    this.#canvas = canvas;
    this.#context = canvas.getContext("2d")!;
    new ResizeObserver(() => this.#draw(performance.now())).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#draw(performance.now()));
  }

  /** Adds a sample and draws. */
  add(sample: ChartSample): void {
    this.#samples.push(sample);
    while (this.#samples.length > 2 && this.#samples[1]!.at < sample.at - SPAN) this.#samples.shift();
    this.#draw(sample.at);
  }

  #draw(now: number): void {
    const canvas = this.#canvas;
    const scale = devicePixelRatio;
    const { clientWidth: width, clientHeight: height } = canvas;
    if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
      canvas.width = Math.round(width * scale);
      canvas.height = Math.round(height * scale);
    }
    const style = getComputedStyle(canvas);
    const color = (name: string): string => style.getPropertyValue(`--${name}`);
    const context = this.#context;
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, width, height);
    context.font = `12px ${color("sans")}`;
    context.textBaseline = "middle";

    const box = { left: 40, right: width - 40, top: 22, bottom: height - 22 };
    const [left, right] = [this.#left, this.#right];
    const leftTop = niceCeiling(this.#max(left), left.least);
    const rightTop = niceCeiling(this.#max(right), right.least);
    const y = (share: number): number => box.bottom - share * (box.bottom - box.top);
    const x = (at: number): number => box.right - ((now - at) / SPAN) * (box.right - box.left);

    context.lineWidth = 1;
    context.strokeStyle = color("line");
    for (let quarter = 0; quarter <= 4; quarter++) {
      const line = Math.round(y(quarter / 4)) + 0.5;
      context.beginPath();
      context.moveTo(box.left, line);
      context.lineTo(box.right, line);
      context.stroke();
      if (quarter % 2 !== 0) continue;
      context.fillStyle = color("soft");
      context.textAlign = "right";
      context.fillText(label((leftTop * quarter) / 4), box.left - 8, line);
      context.fillStyle = color(right.color ?? "soft");
      context.textAlign = "left";
      context.fillText(label((rightTop * quarter) / 4), box.right + 8, line);
    }
    context.fillStyle = color("soft");
    context.textAlign = "left";
    context.fillText(left.unit, 0, 7);
    context.fillText("60 s ago", box.left, height - 7);
    context.textAlign = "right";
    context.fillText("now", box.right, height - 7);
    context.fillStyle = color(right.color ?? "soft");
    context.fillText(right.unit, width, 7);

    context.save();
    context.beginPath();
    context.rect(box.left, 0, box.right - box.left, height);
    context.clip();
    context.lineJoin = "round";
    const path = (name: string, top: number): void => {
      context.beginPath();
      for (const sample of this.#samples) {
        const value = sample[name];
        if (value !== undefined) context.lineTo(x(sample.at), y(value / top));
      }
    };
    const draw = ({ name, color: property, filled }: ChartSeries, top: number): void => {
      const last = this.#samples.at(-1);
      if (last === undefined) return;
      if (filled) {
        path(name, top);
        context.lineTo(x(last.at), y(0));
        context.lineTo(x(this.#samples[0]!.at), y(0));
        context.globalAlpha = 0.13;
        context.fillStyle = color(property);
        context.fill();
        context.globalAlpha = 1;
      }
      path(name, top);
      context.lineWidth = filled ? 2 : 1.5;
      context.strokeStyle = color(property);
      context.stroke();
    };
    for (const series of left.series) draw(series, leftTop);
    for (const series of right.series) draw(series, rightTop);
    context.restore();
  }

  #max({ series }: ChartAxis): number {
    let max = 0;
    for (const sample of this.#samples) for (const { name } of series) max = Math.max(max, sample[name] ?? 0);
    return max;
  }
}

/** The least 1, 2, 4 or 8 times a power of ten that is not below `value` and `least`. */
function niceCeiling(value: number, least: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, least)));
  for (const factor of [1, 2, 4, 8]) if (factor * power >= Math.max(value, least)) return factor * power;
  return 10 * power;
}

function label(value: number): string {
  return value >= 10 || Number.isInteger(value) ? value.toFixed(0) : value.toFixed(1);
}
