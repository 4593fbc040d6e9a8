// Sends the material of media-material.mjs as RTP packets made here, at the pace of a camera and a microphone.
import { readFileSync } from "node:fs";
import { packetize } from "./media-payloads.mjs";

const MAX_PAYLOAD = 1100;
const VIDEO = new Set(["VP8", "VP9", "H264", "H265", "AV1"]);

export const isVideo = (codec) => VIDEO.has(codec);
/** Ticks of the RTP clock in a packet of 20 ms. */
export const soundTicks = (codec) => (codec === "opus" ? 960 : 160);

/** The frames of one codec in their order: from the beginning again where a key frame is wanted and only that is one. */
export class FrameLoop {
  #keys;
  #changes;
  #at = 0;
  #wantsKey = true;

  constructor({ keys = [], changes }) {
    this.#keys = keys.map((text) => Buffer.from(text, "base64"));
    this.#changes = changes.map((text) => Buffer.from(text, "base64"));
  }

  requestKeyFrame() {
    this.#wantsKey = true;
  }

  /** `number`: of the picture since the beginning. */
  next(number) {
    if (this.#keys.length > 1) {
      const index = number % this.#changes.length;
      const isKey = this.#wantsKey || index === 0;
      this.#wantsKey = false;
      return { frame: (isKey ? this.#keys : this.#changes)[index], isKey };
    }
    if (this.#wantsKey) this.#at = 0;
    this.#wantsKey = false;
    const index = this.#at++ % this.#changes.length;
    return { frame: this.#changes[index], isKey: index === 0 };
  }
}

/** Calls back at the pace of pictures and of packets of sound, and catches up with what it is late for by no more than that time. */
export function pace(rate, picture, sound, catchUp = Number.POSITIVE_INFINITY) {
  const started = performance.now();
  let pictures = 0;
  let packets = 0;
  const timer = setInterval(() => {
    const elapsed = performance.now() - started;
    pictures = Math.max(pictures, Math.ceil(((elapsed - catchUp) * rate) / 1000));
    packets = Math.max(packets, Math.ceil((elapsed - catchUp) / 20));
    for (; pictures * (1000 / rate) <= elapsed; pictures++) picture(pictures);
    for (; packets * 20 <= elapsed; packets++) sound(packets);
  }, 5);
  return () => clearInterval(timer);
}

export class MaterialSender {
  #material;
  #streams = [];
  #stop = () => {};

  constructor(path) {
    this.#material = JSON.parse(readFileSync(path, "utf8"));
  }

  /**
   * `tracks`: [{ codec, payloadType, ssrc, send(packet), source }]; `source`: the name of the material, if not that of the codec. Numbers begin near the end of their range, so that they run over; with
   * `numbered` they begin there.
   */
  start(tracks, numbered) {
    this.#streams = tracks.map((track, i) => ({
      ...track,
      loop: new FrameLoop(this.#material.codecs[track.source ?? track.codec]),
      sequenceNumber: numbered ?? (i % 2 ? 65_500 : 1000),
      history: new Map(),
    }));
    const of = (wanted) => this.#streams.filter(({ codec }) => isVideo(codec) === wanted);
    const video = of(true);
    const audio = of(false);
    this.#stop = pace(
      this.#material.rate,
      (number) => {
        for (const stream of video) this.#picture(stream, number);
      },
      (number) => {
        for (const stream of audio) {
          const { frame } = stream.loop.next(number);
          this.#packet(stream, number === 0, number * soundTicks(stream.codec), frame);
        }
      },
    );
  }

  /** Of one track, or of all. */
  requestKeyFrame(index) {
    this.#streams.forEach(({ loop }, i) => {
      if (index === undefined || index === i) loop.requestKeyFrame();
    });
  }

  /** The packet of a stream with this sequence number, to be sent again. */
  find(index, sequenceNumber) {
    return this.#streams[index]?.history.get(sequenceNumber);
  }

  #picture(stream, number) {
    const { frame, isKey } = stream.loop.next(number);
    const payloads = packetize(stream.codec, frame, MAX_PAYLOAD, { isKey, pictureId: number });
    const timestamp = number * (90_000 / this.#material.rate);
    for (const [i, payload] of payloads.entries()) this.#packet(stream, i === payloads.length - 1, timestamp, payload);
  }

  #packet(stream, marker, timestamp, payload) {
    const header = Buffer.alloc(12);
    header[0] = 0x80;
    header[1] = (marker ? 0x80 : 0) | stream.payloadType;
    stream.sequenceNumber = (stream.sequenceNumber + 1) & 0xffff;
    header.writeUInt16BE(stream.sequenceNumber, 2);
    header.writeUInt32BE(timestamp % 2 ** 32, 4);
    header.writeUInt32BE(stream.ssrc, 8);
    const packet = Buffer.concat([header, payload]);
    if (isVideo(stream.codec)) {
      stream.history.set(stream.sequenceNumber, packet);
      stream.history.delete((stream.sequenceNumber - 500) & 0xffff);
    }
    stream.send(packet);
  }

  stop() {
    this.#stop();
  }
}
