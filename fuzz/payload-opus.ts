import { depacketizerTarget, program } from "./depacketizer.js";
import type { FuzzTarget } from "./target.js";

export const target: FuzzTarget = depacketizerTarget("payload-opus", "audio/opus", [
  program("f8 01 02 03"),
  program("fb 82 01 aa bb"),
  program("fb 42 01 aa bb 00"),
  program("2a 02 40 00 00"),
]);
