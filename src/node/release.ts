// Gives the memory of an ArrayBuffer back at once. What Node hands out per packet (a datagram, a cipher's output) lies outside
// of V8's heap and is only freed by a garbage collection; tens of megabytes a second of that make V8 run full collections,
// whose pauses of some milliseconds are packets lost in a small socket buffer. Moving a buffer to nowhere frees it right away.
import { MessageChannel } from "node:worker_threads";

interface Transferable extends ArrayBuffer {
  /** Node 22 and later. */
  transfer?(length: number): ArrayBuffer;
}

/** A closed port takes what is transferred to it, and drops it (HTML, "message port post message steps"). */
function nowhere(): (buffer: ArrayBuffer) => void {
  const { port1 } = new MessageChannel();
  port1.close();
  const post = port1.postMessage;
  return (buffer) => post.call(port1, null, [buffer]);
}

let drop: ((buffer: ArrayBuffer) => void) | undefined;

/** Frees the memory of a buffer that nobody else looks at; all views of it are empty from here on. */
export function release(buffer: ArrayBuffer): void {
  const { transfer } = buffer as Transferable;
  if (transfer !== undefined) transfer.call(buffer, 0);
  else {
    drop ??= nowhere();
    drop(buffer);
  }
}
