// Gives the memory of ArrayBuffers back at once. What Node hands out per packet (a datagram, a cipher's output) lies outside
// of V8's heap and is only freed by a garbage collection; tens of megabytes a second of that make V8 run full collections,
// whose pauses of some milliseconds are packets lost in a small socket buffer. Moving a buffer to nowhere frees it right away.
import { MessageChannel } from "node:worker_threads";

/** Node 22 and later. */
type Transfer = (this: ArrayBuffer, length: number) => ArrayBuffer;

/** Where each call costs, so many buffers are given back together, unless one is as large as this. */
const BATCH = 32;
const LARGE = 16_384;

const transfer = (ArrayBuffer.prototype as { transfer?: Transfer }).transfer;
let drop: ((buffers: ArrayBuffer[]) => void) | undefined;
let waiting: ArrayBuffer[] = [];

/** A closed port takes what is transferred to it, and drops it (HTML, "message port post message steps"). */
function nowhere(): (buffers: ArrayBuffer[]) => void {
  const { port1 } = new MessageChannel();
  port1.close();
  const { postMessage } = port1;
  return (buffers) => {
    try {
      postMessage.call(port1, null, buffers);
    } catch {
      // One of them cannot be moved, or is there twice: the collector sees to all of them.
    }
  };
}

/** Frees the memory of a buffer that nobody else looks at, at once or soon; all views of it will be empty then. */
export function release(buffer: ArrayBuffer): void {
  if (transfer !== undefined) {
    try {
      transfer.call(buffer, 0);
    } catch {
      // It cannot be moved.
    }
    return;
  }
  if (waiting.push(buffer) < BATCH && buffer.byteLength < LARGE) return;
  const full = waiting;
  waiting = [];
  drop ??= nowhere();
  drop(full);
}

/** The same for packets, as far as each is alone in its memory. */
export function releasePackets(packets: readonly Uint8Array[]): void {
  for (let i = 0; i < packets.length; i++) {
    const { buffer, length } = packets[i]!;
    if (length > 0 && length === buffer.byteLength && buffer instanceof ArrayBuffer) release(buffer);
  }
}
