// Parley for other runners of the web-platform-tests: what belongs on the global object, and what of a browser it lacks.
import { audioClasses } from "./audio-context.mjs";

const parley = await import(process.env.PARLEY_DIST ?? "../../dist/index.js");

export const globals = {
  ...Object.fromEntries(Object.entries(parley).filter(([name]) => /^[A-Z]/.test(name))),
  ...audioClasses(parley),
};
export const { mediaDevices } = parley;
export const info = { name: "parley", version: "" };
