// Parley's end of a connection for the media parts: sends the frames of media-material.mjs on any number of tracks, and keeps what comes.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { RTCPeerConnection, RTCRtpReceiver } from "../../dist/index.js";
import { EncodedTrackGenerator, EncodedTrackProcessor } from "../../dist/media.js";
import { FrameLoop, isVideo, pace, soundTicks } from "./media-sender.mjs";

export const PATIENCE = 20_000;

/** Waits until `isGood` of what `look` gives, and gives that. */
export async function until(what, look, isGood = Boolean, patience = PATIENCE) {
  const end = Date.now() + patience;
  for (;;) {
    const seen = await look();
    if (isGood(seen)) return seen;
    assert.ok(Date.now() < end, `waited ${patience} ms for ${what}: ${JSON.stringify(seen)?.slice(0, 600)}`);
    await sleep(50);
  }
}

/**
 * Calls `look` until it does not throw, at most for `patience`, and then lets it throw: what can be seen in one moment depends on how busy the
 * machine is then.
 */
export async function eventually(look, patience = PATIENCE) {
  for (const end = Date.now() + patience; ; await sleep(100)) {
    try {
      return await look();
    } catch (error) {
      if (Date.now() > end) throw error;
    }
  }
}

export const mimeTypeOf = (codec) => `${isVideo(codec) ? "video" : "audio"}/${codec}`;
export const trackOf = (codec) => ({ kind: isVideo(codec) ? "video" : "audio", codec });

/** Of codecs with profiles, the one that all have. */
const COMMON = { H264: /packetization-mode=1.*profile-level-id=42e01f/, VP9: /profile-id=0/, H265: /profile-id=1/ };

/** The entries of the capabilities that stand for a codec's name. */
function entriesOf(codec) {
  const { codecs } = RTCRtpReceiver.getCapabilities(trackOf(codec).kind);
  const wanted = codecs.filter(
    ({ mimeType, sdpFmtpLine = "" }) =>
      mimeType.toLowerCase() === mimeTypeOf(codec).toLowerCase() && (COMMON[codec]?.test(sdpFmtpLine) ?? true),
  );
  assert.ok(wanted.length > 0, `no ${codec}`);
  return wanted;
}

/** Leaves the first codec, then the others of its kind, and besides them only retransmission, or other helpers by `more`. */
export function prefer(transceiver, [codec, ...others], more = /\/rtx$/i) {
  const { kind } = trackOf(codec);
  const { codecs } = RTCRtpReceiver.getCapabilities(kind);
  // Tones with the clock of the sound alone: Pion takes one for the other where there are several.
  const tones = /telephone-event$/;
  const clock = codec === "opus" ? 48_000 : 8000;
  const all = [codec, ...others.filter((other) => other !== codec && trackOf(other).kind === kind)];
  transceiver.setCodecPreferences([
    ...all.flatMap(entriesOf),
    ...codecs.filter(
      ({ mimeType, clockRate }) => more.test(mimeType) && (!tones.test(mimeType) || clockRate === clock),
    ),
  ]);
}

export async function describe(pc, init) {
  await pc.setLocalDescription(init);
  // After a restart the state is for a moment that of the gathering before.
  await until(
    "gathering",
    () => pc.iceGatheringState,
    (state) => state === "complete" && pc.localDescription.sdp.includes("a=candidate:"),
  );
  return pc.localDescription.sdp;
}

export const connected = (pc) =>
  until(
    "the connection",
    () => pc.connectionState,
    (state) => state === "connected",
  );

/** Plays the frames of a file (see media-material.mjs) on tracks. */
export class MaterialTracks {
  #material;
  #stop;
  /** By codec: { track, loop, generator }. */
  all = [];

  constructor(path, codecs) {
    this.#material = JSON.parse(readFileSync(path, "utf8"));
    for (const codec of codecs) {
      const generator = new EncodedTrackGenerator({
        kind: isVideo(codec) ? "video" : "audio",
        mimeType: mimeTypeOf(codec),
      });
      const one = { codec, generator, track: generator.track, loop: new FrameLoop(this.#material.codecs[codec]) };
      one.requests = 0;
      generator.onkeyframerequest = () => {
        one.requests++;
        one.loop.requestKeyFrame();
      };
      this.all.push(one);
    }
  }

  start() {
    const { rate } = this.#material;
    const send = (one, number, ticks) => {
      const { frame, isKey } = one.loop.next(number);
      one.generator.sendFrame({ data: frame, timestamp: (number * ticks) >>> 0, keyFrame: isKey });
    };
    this.#stop = pace(
      rate,
      (number) => {
        for (const one of this.all) if (isVideo(one.codec)) send(one, number, 90_000 / rate);
      },
      (number) => {
        for (const one of this.all) if (!isVideo(one.codec)) send(one, number, soundTicks(one.codec));
      },
    );
  }

  stop() {
    this.#stop?.();
    for (const { track } of this.all) track.stop();
  }
}

export class ParleyEnd {
  pc;
  tracks;
  /** By section: the frames that came. */
  frames = [];
  processors = [];
  remoteTracks = [];

  /** `mixed`: every section has the codecs of all, its own first; `helpers`: see prefer. */
  constructor(path, codecs, { configuration, mixed = false, helpers } = {}) {
    this.helpers = helpers;
    this.codecs = codecs;
    this.mixed = mixed;
    this.pc = new RTCPeerConnection(configuration);
    this.tracks = new MaterialTracks(path, codecs);
    this.pc.ontrack = ({ track, transceiver }) => {
      const index = this.pc.getTransceivers().indexOf(transceiver);
      if (this.processors[index]) return;
      const processor = new EncodedTrackProcessor({ track });
      const frames = [];
      processor.onframe = (frame) => frames.push(frame);
      this.frames[index] = frames;
      this.processors[index] = processor;
      this.remoteTracks[index] = track;
    };
  }

  /** One section for each codec, or, where the peer has offered, these for its sections in order. */
  add(offered) {
    const { pc } = this;
    this.tracks.all.forEach(({ track, codec }, i) => {
      const transceiver = offered ? pc.getTransceivers()[i] : pc.addTransceiver(track, { direction: "sendrecv" });
      if (offered) {
        void transceiver.sender.replaceTrack(track);
        transceiver.direction = "sendrecv";
      }
      prefer(transceiver, this.mixed ? [codec, ...this.codecs] : [codec], this.helpers);
    });
  }

  /** Signals with `peer` (call(op, args)); `role`: the peer's. `path` replaces candidates (lossy-path.mjs). */
  async connect(peer, role, path = { replace: (_, sdp) => sdp }) {
    const { pc } = this;
    if (role === "answerer") {
      this.add(false);
      const { sdp } = await peer.call("answer", { sdp: await path.replace(0, await describe(pc)) });
      await pc.setRemoteDescription({ type: "answer", sdp: await path.replace(1, sdp) });
    } else {
      const { sdp } = await peer.call("offer");
      await pc.setRemoteDescription({ type: "offer", sdp: await path.replace(1, sdp) });
      this.add(true);
      await peer.call("accept", { sdp: await path.replace(0, await describe(pc)) });
    }
    await connected(pc);
    this.tracks.start();
  }

  /** The statistics of one section. */
  async stats(index, type) {
    const { mid } = this.pc.getTransceivers()[index];
    const all = [...(await this.pc.getStats()).values()];
    const own = all.find((entry) => entry.type === type && entry.mid === mid);
    if (own || !type.startsWith("remote")) return own;
    const local = all.find(
      (entry) =>
        entry.mid === mid &&
        entry.remoteId &&
        entry.type === type.replace("remote-", "").replace(/^(in|out)/, (which) => (which === "in" ? "out" : "in")),
    );
    return all.find(({ id }) => id === local?.remoteId);
  }

  /** What explains that a peer does not show what one section sends. */
  async sent(index) {
    const own = await this.stats(index, "outbound-rtp");
    const far = await this.stats(index, "remote-inbound-rtp");
    const { packetsSent, retransmittedPacketsSent, nackCount, pliCount, firCount } = own ?? {};
    return {
      packetsSent,
      retransmittedPacketsSent,
      nackCount,
      pliCount,
      firCount,
      packetsLost: far?.packetsLost,
      jitter: far?.jitter,
    };
  }

  close() {
    for (const processor of this.processors) processor?.close();
    this.tracks.stop();
    this.pc.close();
  }
}
