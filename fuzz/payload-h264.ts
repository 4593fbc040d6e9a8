import { depacketizerTarget, program } from "./depacketizer.js";
import type { FuzzTarget } from "./target.js";

export const target: FuzzTarget = depacketizerTarget(
  "payload-h264",
  "video/H264",
  [
    program("78 00 0a 67 42 c0 1f da 02 80 bf e5 80 00 04 68 ce 38 80", "7c 85 88 01 02", "7c 05 03", "7c 45 04"),
    program(
      "67 64 00 1f ac d9 40 50 05 bb 01 10 00 00 03 00 10 00 00 03 03 c0 f1 83 19 60",
      "68 eb e3 cb 22 c0",
      "65 88 84",
    ),
    program("09 f0", "41 9a 01 02"),
    program("79 00 00 00 04 68 ce 38 80", "7d 85 88 01"),
  ],
  { exact: false, parameters: "packetization-mode=1" },
);
