import { depacketizerTarget, program } from "./depacketizer.js";
import type { FuzzTarget } from "./target.js";

export const target: FuzzTarget = depacketizerTarget("payload-generic", "video/x-unknown", [program("01 02 03", "04")]);
