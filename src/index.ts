// The W3C classes, bound to the Node platform. Importing has no side effects.
export type { Platform } from "./peer/platform.js";
