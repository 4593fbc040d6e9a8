// The Node peer of the demo: one per visitor. Answers the page's offer and serves its channels: chat and ping are
// echoed, each file channel carries a file back.
import { type EchoedFile, FileEcho } from "./file-echo.js";
import { CHAT, FILE, PING } from "./page/wire.js";
import type { CandidateInit, DataChannel, PeerConnection, PeerConnectionClass } from "./w3c.js";

/** Echoes are dropped while this much is waiting, so that a page that only talks cannot fill memory. */
const ECHO_BACKLOG = 1024 * 1024;
/** Channels that one page may have open. */
const MAX_CHANNELS = 64;

export interface DemoPeerOptions {
  readonly RTCPeerConnection: PeerConnectionClass;
  /** A local candidate, or null once all were gathered. */
  onCandidate(candidate: CandidateInit | null): void;
  onState(state: string): void;
  onEchoed(file: EchoedFile): void;
}

export interface DemoPeer {
  /** Takes the page's offer; resolves with the answer's SDP. */
  answer(sdp: string): Promise<string>;
  addIceCandidate(candidate: CandidateInit): Promise<void>;
  close(): void;
}

export function createDemoPeer(options: DemoPeerOptions): DemoPeer {
  const pc: PeerConnection = new options.RTCPeerConnection();
  let channels = 0;
  pc.addEventListener("icecandidate", (event) => {
    const { candidate } = event as unknown as { candidate: (CandidateInit & { toJSON?(): CandidateInit }) | null };
    options.onCandidate(candidate === null ? null : (candidate.toJSON?.() ?? candidate));
  });
  pc.addEventListener("connectionstatechange", () => options.onState(pc.connectionState));
  pc.addEventListener("datachannel", (event) => {
    const { channel } = event as unknown as { channel: DataChannel };
    if (++channels > MAX_CHANNELS) return channel.close();
    channel.addEventListener("close", () => channels--);
    serve(channel, options.onEchoed);
  });
  return {
    async answer(sdp) {
      await pc.setRemoteDescription({ type: "offer", sdp });
      await pc.setLocalDescription();
      return pc.localDescription!.sdp;
    },
    addIceCandidate: (candidate) => pc.addIceCandidate(candidate),
    close: () => pc.close(),
  };
}

function serve(channel: DataChannel, onEchoed: (file: EchoedFile) => void): void {
  channel.binaryType = "arraybuffer";
  const onMessage = (listener: (data: string | ArrayBuffer) => void): void =>
    channel.addEventListener("message", (event) => listener((event as MessageEvent).data as string | ArrayBuffer));
  if (channel.label === FILE) {
    const echo = new FileEcho(channel, () => performance.now(), onEchoed);
    onMessage((data) => echo.receive(data));
  } else if (channel.label === CHAT || channel.label === PING) {
    onMessage((data) => {
      if (channel.readyState !== "open" || channel.bufferedAmount > ECHO_BACKLOG) return;
      if (typeof data === "string") channel.send(data);
      else channel.send(data);
    });
  } else channel.close();
}
