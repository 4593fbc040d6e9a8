import { depacketizerTarget, program } from "./depacketizer.js";
import type { FuzzTarget } from "./target.js";

export const target: FuzzTarget = depacketizerTarget("payload-av1", "video/AV1", [
  program("28 09 08 00 00 00 2c c4 ff 67 c0 30 01 02 03"),
  program("50 30 01", "d0 02", "90 03"),
  program("00 02 30 01 03 30 02 03 02 30 04 01 30"),
  program("10 36 48 02 05 06"),
  program("30 01 10 03 40 01 02 30 01"),
]);
