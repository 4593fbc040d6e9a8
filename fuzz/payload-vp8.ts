import { depacketizerTarget, program } from "./depacketizer.js";
import type { FuzzTarget } from "./target.js";

export const target: FuzzTarget = depacketizerTarget("payload-vp8", "video/VP8", [
  program("90 80 11 10 02 00 9d 01 2a b0 00 90 00 01 02", "80 80 11 aa bb"),
  program("b0 f0 92 34 7b a7 11 00", "a0 f0 92 34 7b a7 22"),
  program("10 31 02 00", "00 31 02", "01 55"),
]);
