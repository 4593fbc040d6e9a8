// The peers of media-peers.test.mjs: how each is started, and what each cannot do, with the reason that is printed.
//
// limits.skip       step → why it is left out
// limits.shown      the share of pictures that it has to show while packets are lost; webrtcbin asks again only about three times a
//                   second, and shows what refers to pictures that it has not got
// limits.whole      the share of its pictures that have to come whole while packets are lost
// limits.steady     the same where nothing is lost
// srtp              role → the SRTP protection profile that it chooses, where that is not the one that all have
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
  "node-datachannel": {
    ...peer("node-datachannel", inNode("node-datachannel"), {
      shown: -1,
      skip: {
        "lost packets go again to the peer": "libdatachannel does not ask for lost packets",
        "reports of the peer": "the handler that reports hides from programs what key frames are asked for",
      },
    }),
    srtp: { offerer: /^SRTP_AEAD_AES_256_GCM$/ },
  },
  wrtc: peer("wrtc", inNode("wrtc"), {
    skip: { "key frame asked of Parley": SILENT },
  }),
};

const NO_H264 = "it was built without H.264";

/**
 * The peers of media-codecs.test.mjs. `codecs`: those that each has; `exact`: it only carries packets, so that frames are
 * compared to the byte; `without`: what it has not, and why; `mixed`: why every section has to have all codecs.
 */
export const CODEC_PEERS = {
  chromium: {
    ...MEDIA_PEERS.chromium,
    codecs: ["VP8", "VP9", "H264", "AV1", "opus", "PCMU", "PCMA", "G722"],
    without: { H265: "needs hardware" },
  },
  firefox: {
    ...MEDIA_PEERS.firefox,
    codecs: ["VP8", "VP9", "AV1", "opus", "PCMU", "PCMA", "G722"],
    without: { H264: "its decoder is loaded from the network", H265: "it has none" },
  },
  aiortc: {
    ...MEDIA_PEERS.aiortc,
    codecs: ["VP8", "H264", "opus", "PCMU", "PCMA"],
    without: { "VP9, AV1, H265, G722": "it has none" },
  },
  webrtcbin: {
    ...MEDIA_PEERS.webrtcbin,
    codecs: ["VP8", "VP9", "H264", "H265", "opus", "PCMU", "PCMA", "G722"],
    without: { AV1: "its payloader is not in Debian" },
  },
  wrtc: {
    ...MEDIA_PEERS.wrtc,
    codecs: ["VP8", "VP9", "AV1", "opus", "PCMU", "PCMA", "G722"],
    without: { H264: NO_H264, H265: "it has none" },
  },
  pion: {
    ...MEDIA_PEERS.pion,
    codecs: ["VP8", "VP9", "H264", "AV1", "H265", "opus", "PCMU", "PCMA", "G722"],
    exact: true,
    mixed: "it takes the codecs of the first section of a kind for those of all",
  },
  werift: {
    ...MEDIA_PEERS.werift,
    codecs: ["VP8", "VP9", "H264", "AV1", "H265", "opus", "PCMU", "PCMA", "G722"],
    exact: true,
  },
  "node-datachannel": {
    ...MEDIA_PEERS["node-datachannel"],
    codecs: ["VP8", "VP9", "H264", "AV1", "H265", "opus", "PCMU", "PCMA", "G722"],
    exact: true,
  },
};
