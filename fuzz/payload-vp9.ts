import { depacketizerTarget, program } from "./depacketizer.js";
import type { FuzzTarget } from "./target.js";

export const target: FuzzTarget = depacketizerTarget("payload-vp9", "video/VP9", [
  program("8a 91 11 38 0140 00b4 0280 0168 02 04 01 18 01 02 82 49 83 42", "84 91 11 bb"),
  program("8c 01 82 49 83 42 20 27 f0 16 70"),
  program("bc 11 00 aa", "b8 11 03 bb", "b4 11 03 cc"),
  program("fc 11 20 03 08 aa"),
  program("ec 92 34 53 7b aa"),
]);
