// The peers: how each is found and started, and what each cannot do, with the reason that is printed.
//
// limits.skip        step of the scenario → why it is left out
// limits.options     option of a channel → why it is left out
// limits.label       { bytes, reason }: the longest label
// limits.ascii       why labels and protocols it creates are kept to ASCII
// limits.ordered     why partially reliable channels it creates are ordered ones
// limits.late        why negotiated channels are created before the offer
// limits.empty       why it sends no empty messages; limits.takesEmpty: why it is sent none
// limits.message     { bytes, reason }: the largest message it takes
// limits.facts       attribute of a channel it reports wrongly → what is wrong
// limits.sends       { bytes, reason }: the largest message it sends
// limits.lenient     its send() takes more than maxMessageSize (looked at where it stands in Parley's place)
// limits.complete    why it has to be given all candidates with the description
import { execFileSync } from "node:child_process";
import {
  accessSync,
  constants,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { delimiter, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { BrowserRemote } from "./browser.mjs";
import { ProcessRemote } from "./remote.mjs";

const here = fileURLToPath(new URL("../", import.meta.url));
const nodeAgent = join(here, "lib", "node-agent.mjs");
export const python = process.env.INTEROP_PYTHON ?? "/usr/bin/python3";

/** The first of `names` that is a program in PATH or at an absolute path. */
export function findProgram(...names) {
  const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/bin", "/usr/sbin", "/usr/lib/go-1.19/bin"];
  for (const name of names.filter(Boolean)) {
    for (const path of name.startsWith("/") ? [name] : folders.map((folder) => join(folder, name))) {
      try {
        accessSync(path, constants.X_OK);
        return path;
      } catch {}
    }
  }
  return undefined;
}

/** The file an import of `name` gives, with this package's node_modules. */
function moduleFile(name) {
  return import.meta.resolve(name);
}

function packageVersion(name) {
  return JSON.parse(readFileSync(join(here, "node_modules", name, "package.json"), "utf8")).version;
}

function browser(kind, programs, options = {}) {
  const path = () => findProgram(...programs);
  return {
    missing: () => (path() ? undefined : `${programs.filter(Boolean).at(0)} is not installed`),
    version: () =>
      execFileSync(path(), ["--version"], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim(),
    start: (name) => new BrowserRemote(name, { browser: kind, executablePath: path(), ...options }).start(),
  };
}

export const startPython = (script) => (name) =>
  new ProcessRemote(name, [python, join(here, "agents", script)]).start();

function pythonPeer(script, probe, wanted) {
  const ask = (code) => execFileSync(python, ["-c", code], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  return {
    missing() {
      try {
        ask(probe);
        return undefined;
      } catch {
        return `${wanted} is not installed`;
      }
    },
    version: () => ask(probe).trim(),
    start: startPython(script),
  };
}

function nodePeer(module, packageName = module) {
  return {
    missing() {
      try {
        createRequire(import.meta.url).resolve(packageName);
      } catch (error) {
        if (error.code === "MODULE_NOT_FOUND") return `${packageName} is not installed`;
      }
      return undefined;
    },
    version: () => `${packageName} ${packageVersion(packageName)}`,
    start: (name, { env } = {}) =>
      new ProcessRemote(name, [process.execPath, nodeAgent, moduleFile(module)], { env }).start(),
  };
}

const GOCODE = "/usr/share/gocode";

/** Builds a Pion peer (`agents/<name>`) in a GOPATH of its own; the go.mod there lets Go find import paths that end in /v3. */
export function buildPion(name = "pion") {
  const go = findProgram(process.env.INTEROP_GO, "go");
  const source = join(here, "agents", name, "main.go");
  const path = join(here, ".build");
  const folder = join(path, "src", name);
  const binary = join(path, name);
  if (existsSync(binary) && statSync(binary).mtimeMs >= statSync(source).mtimeMs) return binary;
  mkdirSync(folder, { recursive: true });
  copyFileSync(source, join(folder, "main.go"));
  writeFileSync(join(folder, "go.mod"), "module peer\n");
  execFileSync(go, ["build", "-o", binary, "."], {
    cwd: folder,
    env: { ...process.env, GO111MODULE: "off", GOFLAGS: "", CGO_ENABLED: "0", GOPATH: `${path}${delimiter}${GOCODE}` },
    stdio: ["ignore", "inherit", "inherit"],
    timeout: 240_000,
  });
  return binary;
}

export const CHROMIUM = [process.env.CHROMIUM, "chromium", "chromium-browser", "google-chrome"];
const FIREFOX = [process.env.FIREFOX, "firefox-esr", "firefox"];

const SIXTEEN_MIB = { bytes: 4 << 20, reason: "it allows 1 GiB; 4 MiB is tried" };

const CLOSES_SILENTLY = "its close sends nothing that would tell the other side";
const OPEN_IN_64_KIB = { bytes: 65000, reason: "DATA_CHANNEL_OPEN has to fit its max-message-size of 65536" };

export const PEERS = {
  chromium: {
    title: "Chromium",
    ...browser("chrome", CHROMIUM),
    limits: {},
  },
  firefox: {
    title: "Firefox",
    ...browser("firefox", FIREFOX),
    limits: { message: SIXTEEN_MIB },
  },
  aiortc: {
    title: "aiortc",
    ...pythonPeer("aiortc_peer.py", "import aiortc; print('aiortc', aiortc.__version__)", "python3-aiortc"),
    limits: {
      complete: "it does not trickle",
      ascii: "it counts characters, not bytes, in the lengths of DATA_CHANNEL_OPEN",
      label: OPEN_IN_64_KIB,
      skip: { restart: "it has no ICE restart" },
      options: { priority: "createDataChannel has no such argument" },
    },
  },
  pion: {
    title: "Pion",
    missing() {
      if (!findProgram(process.env.INTEROP_GO, "go")) return "golang-go is not installed";
      if (!existsSync(join(GOCODE, "src/github.com/pion/webrtc")))
        return "golang-github-pion-webrtc.v3-dev is not installed";
      return undefined;
    },
    version: () => "Pion 3 (Debian)",
    start: (name) => new ProcessRemote(name, [buildPion()]).start(),
    limits: {
      message: { bytes: 65535, reason: "its receive buffer; one byte more ends the channel" },
      sends: { bytes: 65535, reason: "more is refused by its Send" },
      label: { bytes: 8000, reason: "it reads DATA_CHANNEL_OPEN into a buffer of 8192 bytes" },
      options: { priority: "DataChannelInit has no such field" },
    },
  },
  webrtcbin: {
    title: "GStreamer webrtcbin",
    ...pythonPeer(
      "webrtcbin_peer.py",
      `import gi
for n in ("Gst", "GstSdp", "GstWebRTC"): gi.require_version(n, "1.0")
from gi.repository import Gst
Gst.init(None)
for e in ("webrtcbin", "nicesrc", "dtlsdec", "sctpdec", "rtpbin"): assert Gst.ElementFactory.find(e), e
print(Gst.version_string())`,
      "python3-gst-1.0 with webrtcbin, nice, dtls, sctp and rtpbin",
    ),
    limits: {
      skip: {
        restart: "webrtcbin 1.22 has no ICE restart",
        closeHere: "its channels stay open when the other side has closed the connection",
        closeThere: CLOSES_SILENTLY,
      },
      sends: { bytes: 65536, reason: "of 262144 bytes nothing arrives" },
      empty: "nothing arrives, and nothing after it on that channel",
      takesEmpty: "it takes empty text for binary and empty binary for text",
      late: "once connected it refuses every identifier but 0 (it compares with max-channels, which is 0)",
      label: OPEN_IN_64_KIB,
      options: { priority: "left out: the property is an enumeration of its own" },
    },
  },
  werift: {
    title: "werift",
    ...nodePeer("werift"),
    limits: {
      ascii: "it counts characters, not bytes, in the lengths of DATA_CHANNEL_OPEN",
      label: OPEN_IN_64_KIB,
      empty:
        "it sends a DATA chunk without user data (RFC 8831 §6.6 has a payload protocol identifier and one byte for it)",
      lenient: true,
      skip: { closeThere: CLOSES_SILENTLY },
      ordered: "the channel type of its DATA_CHANNEL_OPEN loses `unordered` when reliability is partial",
    },
  },
  "node-datachannel": {
    title: "node-datachannel",
    ...nodePeer("node-datachannel/polyfill", "node-datachannel"),
    limits: {
      skip: { restart: "libdatachannel has no ICE restart" },
      facts: {
        id: "65535 where it was not given",
        ordered: "always true on incoming channels",
        maxRetransmits: "always null on incoming channels",
        maxPacketLifeTime: "always null on incoming channels",
      },
    },
  },
  wrtc: {
    title: "@roamhq/wrtc",
    ...nodePeer("@roamhq/wrtc"),
    limits: { lenient: true, facts: { maxRetransmits: "65535 for none", maxPacketLifeTime: "65535 for none" } },
  },
};

/** Chromium that hides its addresses behind `.local` names. */
export const CHROMIUM_MDNS = { title: "Chromium", ...browser("chrome", CHROMIUM, { mdns: true }), limits: {} };

/** Chromium that knows SCTP without a handshake (draft-hancke-tsvwg-snap). */
const SNAP = ["--force-fieldtrials=WebRTC-Sctp-Snap/Enabled/"];
export const CHROMIUM_SNAP = { title: "Chromium (SNAP)", ...browser("chrome", CHROMIUM, { args: SNAP }), limits: {} };

/**
 * What is tested: Parley. INTEROP_SUBJECT puts another implementation in its place, to try the suite itself or to tell a peer's
 * mistakes from Parley's: the name of a peer, or the path of a module with the W3C classes.
 */
function findSubject() {
  const wanted = process.env.INTEROP_SUBJECT;
  const module = wanted ?? join(here, "..", "dist", "index.js");
  const standIn = PEERS[wanted];
  if (standIn) return { ...standIn, title: `${standIn.title} in Parley's place`, standIn: true };
  return {
    title: wanted ?? "Parley",
    standIn: false,
    limits: {},
    start: (name, { env } = {}) =>
      new ProcessRemote(name, [process.execPath, nodeAgent, pathToFileURL(module).href], { env }).start(),
  };
}

export const SUBJECT = findSubject();

/** What `--only` and `--role` of run.mjs ask for. */
const asked = (name) => (process.env[name] ? process.env[name].split(",") : undefined);
const only = asked("INTEROP_ONLY");
const roles = asked("INTEROP_ROLE") ?? ["offerer", "answerer"];

export const wants = (name) => !only || only.includes(name);
/** Of a part that has to do with several peers: without any among `--only`, all of them. */
export const wantsPeer = (name) => !only?.some((asked) => asked in PEERS) || only.includes(name);
export const ROLES = ["offerer", "answerer"].filter((role) => roles.includes(role));
