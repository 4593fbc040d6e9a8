// Numbers of VP8 (RFC 6386) that an encoder of blocks of one colour needs: not all of the format's tables, but of the
// coefficient probabilities only those that such blocks use.

/** For each coefficient band of the four block types: the rows of its three contexts; 255s at the end of a row are left out. */
const COEFFICIENT_UPDATES: readonly string[] = [
  " |  | ",
  "176 246 | 223 241 252 | 249 253 253",
  "255 244 252 | 234 254 254 | 253",
  "255 246 254 | 239 253 254 | 254 255 254",
  "255 248 254 | 251 255 254 | ",
  "255 253 254 | 251 254 254 | 254 255 254",
  "255 254 253 255 254 | 250 255 254 255 254 | 254",
  " |  | ",
  "217 | 225 252 241 253 255 255 254 | 234 250 241 250 253 255 253 254",
  "255 254 | 223 254 254 | 238 253 254 254",
  "255 248 254 | 249 254 | ",
  "255 253 | 247 254 | ",
  "255 253 254 | 252 | ",
  "255 254 254 | 253 | ",
  "255 254 253 | 250 | 254",
  " |  | ",
  "186 251 250 | 234 251 244 254 | 251 251 243 253 254 255 254",
  "255 253 254 | 236 253 254 | 251 253 253 254 254",
  "255 254 254 | 254 254 254 | ",
  "255 254 | 254 254 | 254",
  " | 254 | ",
  " |  | ",
  " |  | ",
  " |  | ",
  "248 | 250 254 252 254 | 248 254 249 253",
  "255 253 253 | 246 253 253 | 252 254 251 254 254",
  "255 254 252 | 248 254 253 | 253 255 254 254",
  "255 251 254 | 245 251 254 | 253 253 254",
  "255 251 253 | 252 253 254 | 255 254",
  "255 252 | 249 255 254 | 255 255 254",
  "255 255 253 | 250 | ",
  " | 254 | ",
];

/** Probabilities of the "this coefficient probability is updated" flags (RFC 6386 §13.4), in the order of the header. */
export const COEFFICIENT_UPDATE_PROBABILITIES: Uint8Array = Uint8Array.from(
  COEFFICIENT_UPDATES.flatMap((band) =>
    band.split("|").flatMap((row) => {
      const values = row.split(" ").filter(Boolean).map(Number);
      return [...values, ...Array.from({ length: 11 - values.length }, () => 255)];
    }),
  ),
);

/** The same of the motion vector probabilities, of rows then of columns (§17.2). */
export const MOTION_UPDATE_PROBABILITIES: Uint8Array = Uint8Array.of(
  ...[237, 246, 253, 253, 254, 254, 254, 254, 254, 254, 254, 254, 254, 254, 250, 250, 252, 254, 254],
  ...[231, 243, 245, 253, 254, 254, 254, 254, 254, 254, 254, 254, 254, 254, 251, 251, 254, 254, 254],
);

/** Probability that a macroblock is not moved, by how many neighbours are predicted without motion (§16.3, first column). */
export const ZERO_MOTION_PROBABILITIES: Uint8Array = Uint8Array.of(7, 14, 135, 60, 159, 234);

/** Default probabilities (§13.5) of a first coefficient by context, of Y2 and of chroma blocks. */
export const Y2_PROBABILITIES: readonly Uint8Array[] = [
  Uint8Array.of(198, 35, 237, 223, 193, 187, 162, 160, 145, 155, 62),
  Uint8Array.of(131, 45, 198, 221, 172, 176, 220, 157, 252, 221, 1),
  Uint8Array.of(68, 47, 146, 208, 149, 167, 221, 162, 255, 223, 128),
];
export const CHROMA_PROBABILITIES: readonly Uint8Array[] = [
  Uint8Array.of(253, 9, 248, 251, 207, 208, 255, 192, 128, 128, 128),
  Uint8Array.of(175, 13, 224, 243, 193, 185, 249, 198, 255, 255, 128),
  Uint8Array.of(73, 17, 171, 221, 161, 179, 236, 167, 255, 234, 128),
];
/** The same that a block ends behind its first coefficient: after one of 1 or -1, and after a larger one. */
export const Y2_END_PROBABILITIES: Uint8Array = Uint8Array.of(184, 81);
export const CHROMA_END_PROBABILITIES: Uint8Array = Uint8Array.of(239, 155);
/** And that a luma block without DC, with no neighbour that has coefficients, has none. */
export const LUMA_EMPTY_PROBABILITY = 253;

/** The large values of coefficients (§13.2): first value, and the probabilities of the extra bits. */
export const CATEGORIES: readonly (readonly [base: number, bits: readonly number[]])[] = [
  [5, [159]],
  [7, [165, 145]],
  [11, [173, 148, 140]],
  [19, [176, 155, 140, 135]],
  [35, [180, 157, 141, 134, 130]],
  [67, [254, 254, 243, 230, 196, 177, 153, 140, 133, 130, 129]],
];
