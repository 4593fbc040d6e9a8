// The camera's part of a headless run: pictures and sound come back, at about the pace at which they went, in the layer that was
// asked for, and over a network that loses packets.
import type { TextOutput } from "../terminal.js";
import type { MediaFigures } from "./page/media-figures.js";
import type { CameraSnapshot } from "./page/snapshot.js";
import { DemoFailure, type Watch } from "./watch.js";

/** Milliseconds. */
const START_LIMIT = 15_000;
/** For the browser's estimate of the network to reach the second layer. */
const LAYER_LIMIT = 10_000;
const SWITCH_LIMIT = 6000;
const MEASURED = 4000;
/** Of the pictures and the packets of sound that went there, how many have to come back. */
const WHOLE_SHARE = 0.8;
const LOSSY_SHARE = 0.6;
/** The browser leaves out pictures where the processor is too slow; fewer than these are no picture. */
const LEAST_RATE = 5;
const LOSS = 5;

export interface CameraControls {
  layer(rid: string): Promise<void>;
  loss(percent: number): Promise<void>;
}

type Measured = CameraSnapshot & { readonly figures: MediaFigures };

export async function checkCamera(watch: Watch, out: TextOutput, controls: CameraControls): Promise<void> {
  const line = (name: string, text: string): void => void out.write(`  ${name.padEnd(12)}${text}\n`);
  out.write("\n");
  const first = await until(watch, START_LIMIT, "no picture came back", ({ figures }) => figures.framesDecoded > 0);
  line("camera", `${first.cameraRate.toFixed(0)} pictures a second, ${first.figures.layers.length} layers`);

  // Which of the two the browser's estimate allows for at first differs from run to run.
  const layered = await until(watch, LAYER_LIMIT, "there is one layer only", ({ layers }) => {
    return layers.filter(({ active, width }) => active && width > 0).length > 1;
  });
  const [low, high] = layered.layers.filter(({ active, width }) => active && width > 0);
  await controls.layer(low!.rid);
  const small = await showing(watch, low!.rid, low!.width);
  const whole = await measure(watch, small, low!.rid);
  line("back", describe(whole));
  judge(whole, WHOLE_SHARE);

  const began = performance.now();
  await controls.layer(high!.rid);
  const large = await showing(watch, high!.rid, high!.width);
  const took = Math.round(performance.now() - began);
  line(
    "layers",
    `${small.figures.width} pixels wide as "${low!.rid}", ${large.figures.width} as "${high!.rid}", ${took} ms`,
  );
  if (large.figures.width <= small.figures.width)
    throw new DemoFailure("the layer changed, the picture's width did not");

  await controls.loss(LOSS);
  const lossy = await measure(watch, await next(watch, large), high!.rid);
  line(`${LOSS} % lost`, describe(lossy));
  const { nacks, retransmitted, dropped } = lossy;
  line("", `${dropped} datagrams dropped, ${nacks} asked again by the page, ${retransmitted} sent again by it`);
  if (dropped === 0) throw new DemoFailure("no datagram was dropped");
  if (nacks === 0 || retransmitted === 0) throw new DemoFailure("what was lost was not asked for again");
  judge(lossy, LOSSY_SHARE);
  out.write("\nPictures and sound came back, whole and from a bad network.\n");
}

interface Measurement {
  /** Pictures a second. */
  readonly there: number;
  readonly back: number;
  /** Packets of sound a second. */
  readonly soundThere: number;
  readonly soundBack: number;
  /** Bits per second. */
  readonly rate: number;
  readonly roundTrip: number | undefined;
  readonly jitter: number | undefined;
  readonly dropped: number;
  readonly nacks: number;
  readonly retransmitted: number;
}

/** What comes back of a layer for some seconds after `from`. */
async function measure(watch: Watch, from: Measured, rid: string): Promise<Measurement> {
  const to = await until(watch, MEASURED * 2, "the figures stand still", ({ figures }) => {
    return figures.at >= from.figures.at + MEASURED;
  });
  const [before, after] = [from.figures, to.figures];
  const seconds = (after.at - before.at) / 1000;
  const sent = ({ layers }: MediaFigures): number => layers.find((layer) => layer.rid === rid)?.framesSent ?? 0;
  return {
    there: (sent(after) - sent(before)) / seconds,
    back: (after.framesDecoded - before.framesDecoded) / seconds,
    soundThere: (after.soundThere - before.soundThere) / seconds,
    soundBack: (after.soundBack - before.soundBack) / seconds,
    rate: ((after.totals.bytesBack - before.totals.bytesBack) * 8) / seconds,
    roundTrip: after.roundTrip,
    jitter: after.jitter,
    dropped: to.dropped - from.dropped,
    nacks: after.nacks - before.nacks,
    retransmitted: after.retransmitted - before.retransmitted,
  };
}

function describe({ there, back, soundBack, rate, roundTrip, jitter }: Measurement): string {
  return (
    `${back.toFixed(1)} of ${there.toFixed(1)} pictures/s, ${soundBack.toFixed(0)} packets of sound/s, ` +
    `${(rate / 1000).toFixed(0)} kbit/s, round trip ${roundTrip?.toFixed(1) ?? "?"} ms, jitter ${jitter?.toFixed(1) ?? "?"} ms`
  );
}

function judge({ there, back, soundThere, soundBack }: Measurement, share: number): void {
  if (there < LEAST_RATE) throw new DemoFailure(`the browser sends only ${there.toFixed(1)} pictures a second`);
  if (back < there * share) {
    throw new DemoFailure(`${back.toFixed(1)} pictures a second came back of ${there.toFixed(1)}`);
  }
  if (soundThere === 0 || soundBack < soundThere * share) {
    throw new DemoFailure(`${soundBack.toFixed(1)} packets of sound a second came back of ${soundThere.toFixed(1)}`);
  }
}

/** Node sends the layer, and the page shows it: its width follows the estimate of the network, so it may be another by now. */
async function showing(watch: Watch, rid: string, width: number): Promise<Measured> {
  return until(watch, SWITCH_LIMIT, `layer "${rid}" does not come back`, ({ current, layers, figures }) => {
    const now = layers.find((layer) => layer.rid === rid)?.width ?? width;
    return current === rid && figures.width === now;
  });
}

/** The next measurement of the page. */
async function next(watch: Watch, after: Measured): Promise<Measured> {
  return until(watch, SWITCH_LIMIT, "the figures stand still", ({ figures }) => figures.at > after.figures.at);
}

async function until(
  watch: Watch,
  limit: number,
  what: string,
  holds: (camera: Measured) => boolean,
): Promise<Measured> {
  const end = performance.now() + limit;
  for (;;) {
    const camera = (await watch.look())?.camera;
    if (camera?.state === "failed" || (camera?.state === "off" && camera.reason !== "")) {
      throw new DemoFailure(`the camera: ${camera.reason}`);
    }
    const { figures } = camera ?? {};
    if (camera !== undefined && figures !== undefined && holds({ ...camera, figures })) return { ...camera, figures };
    if (performance.now() > end) {
      const seen = figures === undefined ? "no figures" : `${figures.framesBack} pictures back, ${figures.width} wide`;
      throw new DemoFailure(`${what} within ${limit / 1000} s (${camera?.state ?? "no camera"}, ${seen})`);
    }
  }
}
