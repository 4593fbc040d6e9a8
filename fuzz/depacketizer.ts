// What the fuzz targets of the payload formats share: an input is a list of payloads, each behind a length of two bytes.
import { payloadFormat } from "#src/payload/format.js";
import type { PayloadFrame } from "#src/payload/types.js";
import type { FuzzTarget } from "./target.js";

const MAX_PAYLOADS = 64;

/** Payloads as an input. */
export function program(...payloads: readonly (string | Uint8Array)[]): Uint8Array {
  return new Uint8Array(
    Buffer.concat(
      payloads.map((payload) => {
        const bytes = typeof payload === "string" ? Buffer.from(payload.replace(/\s+/g, ""), "hex") : payload;
        return Buffer.concat([Uint8Array.of(bytes.length >> 8, bytes.length), bytes]);
      }),
    ),
  );
}

function payloadsOf(input: Uint8Array): Uint8Array[] {
  const out: Uint8Array[] = [];
  for (let at = 0; at + 2 <= input.length && out.length < MAX_PAYLOADS; ) {
    const length = Math.min((input[at]! << 8) | input[at + 1]!, input.length - at - 2);
    out.push(input.slice(at + 2, at + 2 + length));
    at += 2 + length;
  }
  return out;
}

const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

/**
 * Nothing throws; what tells of a key frame agrees; a frame grows by no more than what `assemble` writes itself; and a frame
 * that was put together can be sent and put together again. `exact`: it is the very same then (where a frame's bytes can
 * hide a start code, it is the same only from the second time on).
 */
export function depacketizerTarget(
  name: string,
  mimeType: string,
  seeds: readonly Uint8Array[],
  options: { exact: boolean; parameters?: string } = { exact: true },
): FuzzTarget {
  const format = payloadFormat(mimeType, options.parameters ?? "");
  const again = (data: Uint8Array, keyFrame: boolean, maxSize: number): Uint8Array | undefined => {
    const sent: Uint8Array[] = [];
    const frame: PayloadFrame = { data, keyFrame };
    const done = format.createPacketizer().packetize(frame, maxSize, (payload) => {
      if (payload.length > maxSize || payload.length === 0) throw new Error(`a payload of ${payload.length} bytes`);
      sent.push(payload.slice());
    });
    if (!done) {
      if (sent.length > 0) throw new Error("refused after emitting");
      return undefined;
    }
    return format.createDepacketizer().assemble(sent, sent.length);
  };
  return {
    name,
    seeds,
    run(input) {
      const depacketizer = format.createDepacketizer();
      const payloads = payloadsOf(input);
      let size = 0;
      for (const payload of payloads) {
        size += payload.length;
        const info = depacketizer.inspect(payload);
        if (info !== undefined) {
          // A depacketizer may know better: what the stream's key frames look like.
          // Also where it is, in the midst of a packet.
          const packet = new Uint8Array(payload.length + 9).fill(0x5a);
          packet.set(payload, 5);
          const may = format.mayBeKeyFrame?.(packet, 5, payload.length) ?? true;
          if (format.isKeyFrame(payload) && !may) throw new Error("a key frame that may be none");
          if (info.keyFrame && !format.isKeyFrame(payload)) throw new Error("two opinions about a key frame");
          if (info.certainStart && !info.startOfFrame) throw new Error("certain of what may not be");
          if (info.headerLength > payload.length) throw new Error("a descriptor longer than its payload");
          for (const value of [info.width, info.height, info.duration]) {
            if (!Number.isInteger(value) || value < 0 || value > 0x1_0000_0000) throw new Error(`a size of ${value}`);
          }
        }
        depacketizer.assemble([payload], 1);
        format.frameDuration(payload);
      }
      const frame = depacketizer.assemble(payloads, payloads.length);
      if (frame === undefined) return;
      if (frame.length > size * 4 + 16) throw new Error(`${frame.length} bytes out of ${size}`);
      const maxSize = 40 + (input[0]! % 200);
      const second = again(frame, true, maxSize);
      if (options.exact && !format.packetIsFrame) {
        if (second === undefined || !same(second, frame)) throw new Error("another frame after a round trip");
      } else if (second !== undefined) {
        const third = again(second, true, maxSize);
        if (third === undefined || !same(third, second)) throw new Error("another frame after two round trips");
      }
    },
  };
}
