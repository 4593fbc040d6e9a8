// Which payload format a negotiated codec has.
import { genericFormat } from "./generic.js";
import { h264Format } from "./h264.js";
import { opusFormat } from "./opus.js";
import type { PayloadFormat } from "./types.js";
import { vp8Format } from "./vp8.js";

const FORMATS: ReadonlyMap<string, (parameters: string) => PayloadFormat> = new Map([
  ["video/vp8", () => vp8Format],
  ["video/h264", h264Format],
  ["audio/opus", () => opusFormat],
]);

/**
 * The payload format of a codec by its MIME type (any case) and the text of its a=fmtp line ("" for none). A format that is
 * not known is treated as bytes.
 */
export function payloadFormat(mimeType: string, parameters = ""): PayloadFormat {
  return FORMATS.get(mimeType.toLowerCase())?.(parameters) ?? genericFormat(mimeType);
}
