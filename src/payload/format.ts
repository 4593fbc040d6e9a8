// Which payload format a negotiated codec has.
import { av1Format } from "./av1.js";
import { comfortNoiseFormat } from "./comfort-noise.js";
import { pcmaFormat, pcmuFormat } from "./g711.js";
import { g722Format } from "./g722.js";
import { genericFormat } from "./generic.js";
import { h264Format } from "./h264.js";
import { h265Format } from "./h265.js";
import { opusFormat } from "./opus.js";
import { telephoneEventFormat } from "./telephone-event.js";
import type { PayloadFormat } from "./types.js";
import { vp8Format } from "./vp8.js";
import { vp9Format } from "./vp9.js";

const FORMATS: ReadonlyMap<string, PayloadFormat> = new Map(
  [
    vp8Format,
    vp9Format,
    h265Format,
    av1Format,
    opusFormat,
    pcmuFormat,
    pcmaFormat,
    g722Format,
    comfortNoiseFormat,
    telephoneEventFormat,
  ].map((format) => [format.mimeType.toLowerCase(), format]),
);

/**
 * The payload format of a codec by its MIME type (any case) and the text of its a=fmtp line ("" for none). A format that is
 * not known is treated as bytes.
 */
export function payloadFormat(mimeType: string, parameters = ""): PayloadFormat {
  const name = mimeType.toLowerCase();
  if (name === "video/h264") return h264Format(parameters);
  return FORMATS.get(name) ?? genericFormat(mimeType);
}
