// The peers of media-peers.test.mjs: how each is started, and what each cannot do, with the reason that is printed.
//
// limits.skip       step → why it is left out
// limits.shown      the share of pictures that it has to show while packets are lost; webrtcbin asks again only about three times a
//                   second, and shows what refers to pictures that it has not got
// limits.whole      the share of its pictures that have to come whole while packets are lost
// limits.steady     the same where nothing is lost
import { fileURLToPath } from "node:url";
import { BrowserAgent } from "./media-browser-agent.mjs";
import { buildPion, PEERS, startPython } from "./peers.mjs";
import { ProcessRemote } from "./remote.mjs";

const nodeAgent = fileURLToPath(new URL("media-node-agent.mjs", import.meta.url));

const inNode = (name) => ({ start: () => new ProcessRemote(name, [process.execPath, nodeAgent, name]).start() });

const peer = (name, start, limits = {}) => ({
  title: PEERS[name].title,
  missing: PEERS[name].missing,
  ...start,
  limits,
});

const SILENT = "it has no way to ask before a picture is missing";
/** A page reads the pictures that are painted; on a busy machine these are fewer than those decoded. */
const BROWSER = { steady: 0.4, shown: 0.4, whole: 0.9, skip: { "key frame asked of Parley": SILENT } };

const inBrowser = (name, limits) => peer(name, { start: () => new BrowserAgent(name).start() }, limits);

export const MEDIA_PEERS = {
  chromium: inBrowser("chromium", { ...BROWSER }),
  firefox: inBrowser("firefox", { ...BROWSER }),
  aiortc: peer("aiortc", { start: startPython("aiortc_media.py") }),
  pion: peer("pion", { start: (name) => new ProcessRemote(name, [buildPion("pion-media")]).start() }),
  webrtcbin: peer("webrtcbin", { start: startPython("webrtcbin_media.py") }, { shown: -1 }),
  werift: peer("werift", inNode("werift")),
  "node-datachannel": peer("node-datachannel", inNode("node-datachannel"), {
    skip: {
      "lost packets go again to the peer": "libdatachannel does not ask for lost packets",
      "reports of the peer": "the handler that reports hides from programs what key frames are asked for",
    },
  }),
  wrtc: peer("wrtc", inNode("wrtc"), {
    skip: { "key frame asked of Parley": SILENT },
  }),
};
