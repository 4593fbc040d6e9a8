// A microphone without a codec: a tone of 440 Hz in packets of 20 ms, as G.711 (made here) or Opus (a loop of one second that was
// made beforehand). Not a capture device, and no clock: it plays on when it is asked.
import { encodePcma, encodePcmu } from "../../payload/g711.js";
import { OPUS_TONE, OPUS_TONE_PACKET_LENGTH } from "./opus-tone.js";

export type SyntheticAudioCodec = "opus" | "pcmu" | "pcma";

/** Of the tone, in Hz. */
export const TONE_FREQUENCY = 440;
/** As in the Opus loop. */
export const TONE_AMPLITUDE = 0.4;
const G711_RATE = 8000;
const G711_SAMPLES = 160;

let loop: readonly Uint8Array[] | undefined;

function opusLoop(): readonly Uint8Array[] {
  if (loop === undefined) {
    const bytes = Uint8Array.from(atob(OPUS_TONE), (character) => character.charCodeAt(0));
    loop = Array.from({ length: bytes.length / OPUS_TONE_PACKET_LENGTH }, (_, i) =>
      bytes.subarray(i * OPUS_TONE_PACKET_LENGTH, (i + 1) * OPUS_TONE_PACKET_LENGTH),
    );
  }
  return loop;
}

export class SyntheticMicrophone {
  private readonly played = { opus: 0, pcmu: 0, pcma: 0 };

  /** The next 20 ms in a codec, new memory; each codec is a stream of its own. */
  next(codec: SyntheticAudioCodec): Uint8Array {
    const index = this.played[codec]++;
    if (codec === "opus") {
      const packets = opusLoop();
      return packets[index % packets.length]!.slice();
    }
    const samples = new Int16Array(G711_SAMPLES);
    // The tone has whole periods in a second: phases need not grow beyond one.
    const from = (index * G711_SAMPLES) % G711_RATE;
    for (let i = 0; i < G711_SAMPLES; i++) {
      samples[i] = Math.round(
        32767 * TONE_AMPLITUDE * Math.sin((2 * Math.PI * TONE_FREQUENCY * (from + i)) / G711_RATE),
      );
    }
    return codec === "pcmu" ? encodePcmu(samples) : encodePcma(samples);
  }
}
