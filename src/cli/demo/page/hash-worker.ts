// Hashes blocks off the main thread. In: an array of buffers (transferred), or "digest". Out: the bytes hashed of each
// such array, or the digest.
import { Sha256 } from "./sha256.js";

const hash: Sha256 = new Sha256();

addEventListener("message", (event: MessageEvent<ArrayBuffer[] | "digest">): void => {
  if (event.data === "digest") {
    postMessage(hash.digest());
    return;
  }
  let bytes = 0;
  for (const buffer of event.data) {
    hash.update(new Uint8Array(buffer));
    bytes += buffer.byteLength;
  }
  postMessage(bytes);
});
