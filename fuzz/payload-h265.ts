import { depacketizerTarget, program } from "./depacketizer.js";
import type { FuzzTarget } from "./target.js";

const SPS = "42 01 01 01 60 00 00 03 00 90 00 00 03 00 00 03 00 5d a0 05 02 01 71 f2 e0";

export const target: FuzzTarget = depacketizerTarget(
  "payload-h265",
  "video/H265",
  [
    program(`60 01 00 06 40 01 0c 01 ff ff 00 19 ${SPS}`, "62 01 93 af", "62 01 13 01", "62 01 53 02"),
    program(SPS, "44 01 c1 72 b4 62 40", "26 01 af 01"),
    program("46 01 50", "02 03 d0 01"),
    program("64 01 26 00 01 02"),
  ],
  { exact: false },
);
