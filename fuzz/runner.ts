// Runs fuzz targets: replays seeds and the corpus, then mutates them with a seeded generator, so that every run can be
// repeated. A crash is written out as a corpus file by scripts/fuzz.mjs.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { FuzzTarget } from "./target.js";

const here = fileURLToPath(new URL(".", import.meta.url));
const corpusRoot = fileURLToPath(new URL("../../fuzz/corpus/", import.meta.url));
const NOT_TARGETS = new Set(["target.js", "runner.js", "cheap-crypto.js", "depacketizer.js", "program.js"]);
const INTERESTING = [0, 1, 2, 3, 4, 7, 8, 15, 16, 31, 32, 63, 64, 127, 128, 192, 254, 255];
/** Inputs longer than this are cut: what lies beyond only costs time. */
const MAX_INPUT = 4096;
/** Inputs between two turns of the event loop. */
const INPUTS_PER_TASK = 64;

export class FuzzFailure extends Error {
  readonly input: Uint8Array;

  constructor(target: string, input: Uint8Array, cause: unknown) {
    super(`${target} failed: ${cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)}`, { cause });
    this.input = input;
  }
}

/** Mulberry32. */
export function generator(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 0x1_0000_0000) * below);
  };
}

export async function loadTargets(filter: readonly string[] = []): Promise<FuzzTarget[]> {
  const targets: FuzzTarget[] = [];
  for (const file of readdirSync(here).sort()) {
    if (!file.endsWith(".js") || NOT_TARGETS.has(file)) continue;
    const { target } = (await import(pathToFileURL(join(here, file)).href)) as { target?: FuzzTarget };
    if (target === undefined) throw new Error(`fuzz/${file} exports no target`);
    if (filter.length === 0 || filter.some((word) => target.name.includes(word))) targets.push(target);
  }
  return targets;
}

export function corpusOf(target: FuzzTarget): Uint8Array[] {
  const folder = join(corpusRoot, target.name);
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .sort()
    .map((file) => new Uint8Array(readFileSync(join(folder, file))));
}

function mutate(pool: readonly Uint8Array[], pick: (below: number) => number): Uint8Array {
  let data = pool[pick(pool.length)]!.slice(0, MAX_INPUT);
  for (let rounds = 1 + pick(6); rounds > 0; rounds--) {
    const at = pick(data.length + 1);
    switch (pick(9)) {
      case 0:
        if (at < data.length) data[at]! ^= 1 << pick(8);
        break;
      case 1:
        if (at < data.length) data[at] = pick(256);
        break;
      case 2:
        if (at < data.length) data[at] = INTERESTING[pick(INTERESTING.length)]!;
        break;
      case 3:
        data = data.slice(0, at);
        break;
      case 4: {
        const length = pick(16);
        data = concat(data.subarray(0, at), data.subarray(Math.min(data.length, at + length)));
        break;
      }
      case 5: {
        const extra = Uint8Array.from({ length: pick(16) }, () => pick(256));
        data = concat(data.subarray(0, at), extra, data.subarray(at));
        break;
      }
      case 6: {
        const from = pick(data.length + 1);
        data = concat(data.subarray(0, at), data.subarray(from, from + pick(64)), data.subarray(at));
        break;
      }
      case 7: {
        const other = pool[pick(pool.length)]!;
        data = concat(data.subarray(0, at), other.subarray(pick(other.length + 1)));
        break;
      }
      default:
        data = Uint8Array.from({ length: pick(200) }, () => pick(256));
    }
    if (data.length > MAX_INPUT) data = data.slice(0, MAX_INPUT);
  }
  return data;
}

function concat(...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/**
 * Replays seeds and corpus, then `count` mutations of them. Throws a FuzzFailure with the input that did it. Microtasks run
 * between inputs, as between the events of a program: a flush that a machine has asked for happens then, and holds on to
 * its machine until then.
 */
export async function fuzz(target: FuzzTarget, count: number, seed: number): Promise<void> {
  const pick = generator(seed);
  const pool = [new Uint8Array(0), ...target.seeds, ...corpusOf(target)];
  const runOne = async (input: Uint8Array): Promise<void> => {
    const kept = input.slice();
    try {
      target.run(input);
      await undefined;
      target.settled?.();
    } catch (error) {
      throw new FuzzFailure(target.name, kept, error);
    }
  };
  for (const input of pool) await runOne(input.slice());
  for (let i = 0; i < count; i++) {
    await runOne(mutate(pool, pick));
    // What a WeakRef gave stays until the end of the task, however many microtasks it has.
    if (i % INPUTS_PER_TASK === 0) await new Promise((done) => setImmediate(done));
  }
}
