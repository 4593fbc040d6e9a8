// What is looked at of received media: counters in pictures and the frequency of sound; and a reading of RTP
// packets independent of Parley's (of payloads: media-payloads.mjs).
const root = new URL("../../", import.meta.url);
export const { readFrameCounter } = await import(new URL("dist/media/synthetic/camera.js", root));
const { decodePcmu } = await import(new URL("dist/payload/g711.js", root));
const { Vp8BlockDecoder } = await import(new URL("dist-test/test/media/vp8-block-decoder.js", root));

/** Pictures of the synthetic camera, decoded: the numbers that are drawn in them. */
export class PictureReader {
  #decoder = new Vp8BlockDecoder();
  keyFrames = 0;
  /** Why the last frame could not be read. */
  fault;

  /** The number in one VP8 frame, or undefined. */
  read(frame) {
    if ((frame[0] & 1) === 0) this.keyFrames++;
    try {
      const luma = this.#decoder.decode(frame);
      return readFrameCounter(luma, this.#decoder.width, this.#decoder.height);
    } catch (error) {
      this.fault = error.message;
      return undefined;
    }
  }
}

/** Of mono samples: by zero crossings with a threshold, so that noise counts for nothing. */
export function frequencyOf(samples, rate) {
  let threshold = 0;
  for (const sample of samples) threshold = Math.max(threshold, Math.abs(sample) / 4);
  if (threshold === 0) return 0;
  let armed = false;
  let first = -1;
  let last = -1;
  let count = -1;
  samples.forEach((sample, i) => {
    if (sample < -threshold) armed = true;
    else if (armed && sample > threshold) {
      armed = false;
      count++;
      last = i;
      if (first < 0) first = i;
    }
  });
  return count < 1 ? 0 : (count * rate) / (last - first);
}

/** The frequency in packets of G.711 µ-law. */
export function pcmuFrequency(payloads) {
  return frequencyOf(
    payloads.flatMap((payload) => [...decodePcmu(payload)]),
    8000,
  );
}

/** Where the payload of an RTP packet begins and ends (RFC 3550 §5.1), and what its header says. */
export function parseRtp(packet) {
  let at = 12 + 4 * (packet[0] & 15);
  if (packet[0] & 0x10) at += 4 + 4 * packet.readUInt16BE(at + 2);
  const end = packet.length - (packet[0] & 0x20 ? packet.at(-1) : 0);
  return {
    marker: packet[1] >> 7 === 1,
    payloadType: packet[1] & 127,
    sequenceNumber: packet.readUInt16BE(2),
    timestamp: packet.readUInt32BE(4),
    ssrc: packet.readUInt32BE(8),
    payload: packet.subarray(at, end),
  };
}

/**
 * How well a run of counters goes on: the share of the numbers between the first and the last that are there, and their count.
 * A counter starts again at `modulus`.
 */
export function continuity(counters, modulus) {
  let spanned = 0;
  let backward = 0;
  for (let i = 1; i < counters.length; i++) {
    const step = (counters[i] - counters[i - 1] + modulus) % modulus;
    if (step === 0 || step > modulus / 2) backward++;
    else spanned += step;
  }
  return { count: counters.length, backward, share: spanned === 0 ? 0 : (counters.length - 1 - backward) / spanned };
}
