// What the page and the Node peer say about the camera over a data channel of that connection. Shared by both, so it uses no
// platform.

export const CONTROL = "control";

/** The simulcast layers of the page, the lowest first. */
export const LAYERS = [
  { rid: "q", name: "Low", scale: 4, maxBitrate: 150_000 },
  { rid: "h", name: "Medium", scale: 2, maxBitrate: 500_000 },
  { rid: "f", name: "High", scale: 1, maxBitrate: 1_500_000 },
] as const;

/** Per cent of datagrams. */
export const LOSSES = [0, 2, 5, 10] as const;

/** One layer as it reaches Node. */
export interface LayerReport {
  readonly rid: string;
  readonly width: number;
  readonly height: number;
  /** Bits per second. */
  readonly bitrate: number;
  readonly active: boolean;
}

export type CameraControl =
  /** Page to Node: the layer to send back; null: the highest that arrives. */
  | { readonly type: "layer"; readonly rid: string | null }
  /** Page to Node: how many of 100 datagrams to lose, each way. */
  | { readonly type: "loss"; readonly percent: number }
  /** Node to page, twice a second. */
  | {
      readonly type: "report";
      readonly layers: readonly LayerReport[];
      /** What goes back now. */
      readonly current: string | null;
      /** Datagrams lost on purpose so far. */
      readonly dropped: number;
    };

/** Layers that one report may have. */
const MAX_LAYERS = 16;

export function writeCameraControl(message: CameraControl): string {
  return JSON.stringify(message);
}

export function parseCameraControl(text: string): CameraControl | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const { type, rid, percent, layers, current, dropped } = value as Record<string, unknown>;
  switch (type) {
    case "layer":
      return rid === null || isRid(rid) ? { type, rid } : undefined;
    case "loss":
      return LOSSES.some((one) => one === percent) ? { type, percent: percent as number } : undefined;
    case "report":
      return Array.isArray(layers) &&
        layers.length <= MAX_LAYERS &&
        layers.every(isLayer) &&
        (current === null || isRid(current)) &&
        isCount(dropped)
        ? { type, layers, current, dropped }
        : undefined;
    default:
      return undefined;
  }
}

function isLayer(value: unknown): value is LayerReport {
  if (typeof value !== "object" || value === null) return false;
  const { rid, width, height, bitrate, active } = value as Record<string, unknown>;
  return isRid(rid) && isCount(width) && isCount(height) && isCount(bitrate) && typeof active === "boolean";
}

/** RFC 8851 §10 has letters, digits, "-" and "_"; browsers take at most 16 of them. */
function isRid(value: unknown): value is string {
  return typeof value === "string" && /^[\w-]{1,16}$/.test(value);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
