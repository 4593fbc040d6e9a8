// Sends the material of media-material.mjs as RTP packets made here, at the pace of a camera and a microphone.
import { readFileSync } from "node:fs";

const MAX_PAYLOAD = 1100;

const decode = (list) => list.map((text) => Buffer.from(text, "base64"));

export class MaterialSender {
  #material;
  #wantsKey = true;
  #timer;
  #history = new Map();
  #video;
  #audio;

  constructor(path) {
    const { keys, changes, opus, pcmu } = JSON.parse(readFileSync(path, "utf8"));
    this.#material = { keys: decode(keys), changes: decode(changes), opus: decode(opus), pcmu: decode(pcmu) };
  }

  /** `video` and `audio`: { payloadType, ssrc, send(packet) }; `codec`: opus or pcmu. */
  start({ video, audio, codec }) {
    this.#video = { ...video, sequenceNumber: 1000 };
    this.#audio = { ...audio, sequenceNumber: 65_500 };
    const started = performance.now();
    let pictures = 0;
    let packets = 0;
    this.#timer = setInterval(() => {
      const elapsed = performance.now() - started;
      for (; pictures * (1000 / 30) <= elapsed; pictures++) this.#picture(pictures);
      for (; packets * 20 <= elapsed; packets++) {
        const sounds = this.#material[codec];
        const payload = sounds[packets % sounds.length];
        this.#packet(this.#audio, packets === 0, packets * (codec === "opus" ? 960 : 160), payload);
      }
    }, 5);
  }

  requestKeyFrame() {
    this.#wantsKey = true;
  }

  /** The packet of the video stream with this sequence number, to be sent again. */
  find(sequenceNumber) {
    return this.#history.get(sequenceNumber);
  }

  #picture(number) {
    const { keys, changes } = this.#material;
    const index = number % keys.length;
    const isKey = this.#wantsKey || index === 0;
    this.#wantsKey = false;
    const frame = (isKey ? keys : changes)[index];
    for (let at = 0; at < frame.length; at += MAX_PAYLOAD) {
      const part = frame.subarray(at, at + MAX_PAYLOAD);
      // RFC 7741 §4.2: nothing but the start of the first partition.
      const payload = Buffer.concat([Buffer.of(at === 0 ? 0x10 : 0), part]);
      this.#packet(this.#video, at + MAX_PAYLOAD >= frame.length, number * 3000, payload);
    }
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
    if (stream === this.#video) {
      this.#history.set(stream.sequenceNumber, packet);
      this.#history.delete((stream.sequenceNumber - 500) & 0xffff);
    }
    stream.send(packet);
  }

  stop() {
    clearInterval(this.#timer);
  }
}
