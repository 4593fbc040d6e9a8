// The Node peer of the demo's camera: sends back what the visitor's camera and microphone send, encoded as it is, over the same
// connection. The page says over a data channel which simulcast layer it wants, and how bad the network shall be.
import { type RTCDataChannel, RTCPeerConnection } from "../../index.js";
import { RtpTrackForwarder } from "../../media.js";
import { nodePlatform } from "../../node/platform.js";
import { type Loss, lossyPlatform } from "./lossy-platform.js";
import { CONTROL, parseCameraControl, writeCameraControl } from "./page/camera-wire.js";
import type { DemoPeer, DemoPeerOptions } from "./peer.js";
import type { CandidateInit } from "./w3c.js";

/** Milliseconds. */
const REPORT_INTERVAL = 500;

export function createCameraPeer(options: Pick<DemoPeerOptions, "onCandidate" | "onState">): DemoPeer {
  const loss: Loss = { share: 0, dropped: 0 };
  const pc = new RTCPeerConnection(undefined, { platform: lossyPlatform(nodePlatform, loss, Math.random) });
  let forwarder: RtpTrackForwarder | undefined;
  pc.addEventListener("icecandidate", ({ candidate }) => {
    options.onCandidate(candidate === null ? null : (candidate.toJSON() as CandidateInit));
  });
  pc.addEventListener("connectionstatechange", () => options.onState(pc.connectionState));
  pc.addEventListener("datachannel", ({ channel }) => {
    if (channel.label === CONTROL) serve(channel);
    else channel.close();
  });

  function serve(channel: RTCDataChannel): void {
    const timer = setInterval(() => {
      if (channel.readyState !== "open" || channel.bufferedAmount > 0) return;
      const layers = (forwarder?.layers ?? []).map(({ rid, width, height, bitrate, active }) => ({
        rid: rid ?? "-",
        width,
        height,
        bitrate,
        active,
      }));
      const current = forwarder?.current?.rid ?? null;
      channel.send(writeCameraControl({ type: "report", layers, current, dropped: loss.dropped }));
    }, REPORT_INTERVAL);
    channel.addEventListener("close", () => clearInterval(timer));
    channel.addEventListener("message", ({ data }) => {
      const message = typeof data === "string" ? parseCameraControl(data) : undefined;
      if (message?.type === "layer") forwarder?.select(message.rid === null ? {} : { rid: message.rid });
      else if (message?.type === "loss") loss.share = message.percent / 100;
    });
  }

  return {
    async answer(sdp) {
      await pc.setRemoteDescription({ type: "offer", sdp });
      for (const { receiver, sender } of pc.getTransceivers()) {
        const { track } = receiver;
        if (track.kind === "video" && forwarder !== undefined) continue;
        // The visitor chooses, whatever the network says.
        if (track.kind === "video") forwarder = new RtpTrackForwarder({ track, adapt: false });
        await sender.replaceTrack(track.kind === "video" ? forwarder!.track : track);
      }
      for (const transceiver of pc.getTransceivers()) {
        if (transceiver.sender.track !== null) transceiver.direction = "sendrecv";
      }
      await pc.setLocalDescription();
      return pc.localDescription!.sdp;
    },
    addIceCandidate: (candidate) => pc.addIceCandidate(candidate),
    close: () => {
      forwarder?.close();
      pc.close();
    },
  };
}
