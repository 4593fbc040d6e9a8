// The header extensions that are written when a packet leaves, behind the encoder and its forward error correction: Chromium,
// on both sides of it, counts them as zeros.
import { ExtensionKind, type HeaderExtensions } from "../extensions.js";
import type { MutableExtension } from "./parity.js";

/** The kinds, each with the first byte that is written late: of the video timing the pacer's and the network's times. */
const MUTABLE: readonly (readonly [ExtensionKind, number])[] = [
  [ExtensionKind.absSendTime, 0],
  [ExtensionKind.transportSequence, 0],
  [ExtensionKind.transmissionOffset, 0],
  [ExtensionKind.videoTiming, 7],
];

export function mutableExtensions(extensions: HeaderExtensions): readonly MutableExtension[] {
  return MUTABLE.map(([kind, from]) => ({ id: extensions.id(kind), from })).filter(({ id }) => id !== 0);
}
