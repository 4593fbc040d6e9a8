// The platform that new connections use unless they are given one. Set once by the entry point.
import type { Platform } from "../peer/platform.js";

let current: Platform | undefined;

export function setDefaultPlatform(platform: Platform): void {
  current = platform;
}

export function defaultPlatform(): Platform {
  if (current === undefined) throw new Error("no platform: import the package's entry point");
  return current;
}
