// Launches the Chromium that the npm package @sparticuz/chromium carries, so that a machine with nothing but npm can run
// a real browser: the program and the few libraries it needs are unpacked into a private folder, which goes away with it.
import {
  chmodSync,
  createReadStream,
  createWriteStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { brotliDecompressSync, createBrotliDecompress } from "node:zlib";
import type { Browser } from "puppeteer-core";
import { untar } from "./untar.js";

/** The browser cannot be had; the message says what to do. */
export class NoBrowserError extends Error {}

export interface BundledBrowser {
  readonly browser: Browser;
  readonly version: string;
  /** Ends the browser, surely, and removes what was unpacked. */
  close(): Promise<void>;
}

export async function launchChromium(): Promise<BundledBrowser> {
  const packed = findPackage();
  const puppeteer = await import("puppeteer-core").catch(() => {
    throw notInstalled("puppeteer-core");
  });
  const folder = mkdtempSync(join(tmpdir(), "parley-chromium-"));
  let browser: Browser | undefined;
  /** Also for the way out that waits for nothing. */
  const cleanUp = (): void => {
    const pid = browser?.process()?.pid;
    if (pid !== undefined && browser?.process()?.exitCode === null) {
      try {
        process.kill(-pid, "SIGKILL"); // its whole process group
      } catch {
        browser.process()?.kill("SIGKILL");
      }
    }
    rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
  };
  process.on("exit", cleanUp);
  const close = async (): Promise<void> => {
    await Promise.race([browser?.close().catch(() => {}), new Promise((resolve) => setTimeout(resolve, 3000).unref())]);
    cleanUp();
    process.off("exit", cleanUp);
  };
  try {
    const program = await unpack(packed, folder);
    browser = await puppeteer.launch({
      executablePath: program,
      headless: "shell",
      pipe: true,
      userDataDir: join(folder, "profile"),
      handleSIGINT: false,
      handleSIGTERM: false,
      handleSIGHUP: false,
      env: {
        ...process.env,
        HOME: folder,
        XDG_CONFIG_HOME: folder,
        XDG_CACHE_HOME: folder,
        FONTCONFIG_FILE: join(folder, "fonts.conf"),
        LD_LIBRARY_PATH: [join(folder, "lib"), process.env.LD_LIBRARY_PATH].filter(Boolean).join(":"),
      },
      args: [
        // The sandbox needs rights that root and containers do not give; only our own page is opened.
        "--no-sandbox",
        "--disable-dev-shm-usage",
        "--disable-gpu",
        // Where there is no network at all, the loopback interface is one.
        "--allow-loopback-in-peer-connection",
        // A moving picture and a beep as camera and microphone, without asking.
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        "--autoplay-policy=no-user-gesture-required",
      ],
    });
    return { browser, version: await browser.version(), close };
  } catch (error) {
    await close();
    const reason = error instanceof Error ? error.message : String(error);
    throw new NoBrowserError(`the bundled Chromium does not start here: ${reason}`);
  }
}

function findPackage(): string {
  if (process.platform !== "linux" || process.arch !== "x64") {
    throw new NoBrowserError(
      `the bundled Chromium runs on Linux x64, not on ${process.platform} ${process.arch}: ` +
        "run the demo without --headless and open its address in your browser",
    );
  }
  try {
    const entry = createRequire(import.meta.url).resolve("@sparticuz/chromium");
    for (let folder = dirname(entry); folder !== dirname(folder); folder = dirname(folder)) {
      if (existsSync(join(folder, "bin", "chromium.br"))) return join(folder, "bin");
    }
  } catch {}
  throw notInstalled("@sparticuz/chromium");
}

function notInstalled(name: string): NoBrowserError {
  return new NoBrowserError(
    `${name} is not installed. --headless needs it: npm install --save-dev puppeteer-core @sparticuz/chromium ` +
      "(or run the demo without --headless and open its address in your browser)",
  );
}

/** Unpacks program, libraries and a font; the program's path. */
async function unpack(packed: string, folder: string): Promise<string> {
  const program = join(folder, "chromium");
  await pipeline(createReadStream(join(packed, "chromium.br")), createBrotliDecompress(), createWriteStream(program));
  chmodSync(program, 0o755);
  for (const [archive, name] of [
    ["al2023.tar.br", "lib"],
    ["fonts.tar.br", "fonts"],
  ] as const) {
    mkdirSync(join(folder, name));
    untar(brotliDecompressSync(readFileSync(join(packed, archive))), join(folder, name));
  }
  // The system's fonts where it has any, and else the one that came along.
  const include = '<include ignore_missing="yes">/etc/fonts/fonts.conf</include>';
  const own = `<dir>${join(folder, "fonts")}</dir><cachedir>${join(folder, "font-cache")}</cachedir>`;
  writeFileSync(join(folder, "fonts.conf"), `<?xml version="1.0"?><fontconfig>${include}${own}</fontconfig>`);
  return program;
}
