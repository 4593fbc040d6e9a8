import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { type EchoedFile, FileEcho } from "./file-echo.js";
import {
  BUFFER_HIGH,
  type FileControl,
  MESSAGE_SIZE,
  parseFileControl,
  WINDOW,
  writeFileControl,
} from "./page/wire.js";
import type { DataChannel } from "./w3c.js";

/** A channel whose buffer drains only when the test says so. */
class FakeChannel implements DataChannel {
  readonly label = "file";
  readyState = "open";
  binaryType = "blob";
  bufferedAmount = 0;
  bufferedAmountLowThreshold = 0;
  readonly sent: ArrayBuffer[] = [];
  readonly control: FileControl[] = [];
  readonly #listeners = new Map<string, (event: Event) => void>();

  send(data: string | ArrayBuffer): void {
    if (this.readyState !== "open") throw new Error("not open");
    if (typeof data === "string") this.control.push(parseFileControl(data)!);
    else {
      this.sent.push(data);
      this.bufferedAmount += data.byteLength;
    }
  }

  close(): void {
    this.readyState = "closed";
  }

  addEventListener(type: string, listener: (event: Event) => void): void {
    this.#listeners.set(type, listener);
  }

  drain(): void {
    this.bufferedAmount = 0;
    this.#listeners.get("bufferedamountlow")?.(new Event("bufferedamountlow"));
  }

  get sentBytes(): number {
    return this.sent.reduce((sum, { byteLength }) => sum + byteLength, 0);
  }
}

function setUp(size: number): { channel: FakeChannel; echo: FileEcho; echoed: EchoedFile[] } {
  const channel = new FakeChannel();
  const echoed: EchoedFile[] = [];
  let now = 0;
  const echo = new FileEcho(
    channel,
    () => now++,
    (file) => echoed.push(file),
  );
  echo.receive(writeFileControl({ type: "file", name: "x", size }));
  return { channel, echo, echoed };
}

const chunk = (fill: number, length: number = MESSAGE_SIZE): ArrayBuffer => new Uint8Array(length).fill(fill).buffer;

test("a file comes back whole, with its digest", () => {
  const { channel, echo, echoed } = setUp(10);
  assert.equal(channel.binaryType, "arraybuffer");
  echo.receive(chunk(1, 6));
  echo.receive(chunk(2, 4));
  assert.deepEqual(
    channel.sent.map((data) => data.byteLength),
    [6, 4],
  );
  const sha256 = createHash("sha256")
    .update(Uint8Array.of(1, 1, 1, 1, 1, 1, 2, 2, 2, 2))
    .digest("hex");
  assert.deepEqual(channel.control, [{ type: "done", bytes: 10, sha256, milliseconds: 2 }]);
  assert.deepEqual(echoed, [{ name: "x", size: 10, bytes: 10, sha256 }]);
});

test("an empty file is done at once", () => {
  const { channel } = setUp(0);
  assert.equal(channel.control[0]?.type, "done");
});

test("a full way back holds the file up, and grants no credit for what waits", () => {
  const { channel, echo } = setUp(WINDOW * 4);
  for (let bytes = 0; bytes < WINDOW; bytes += MESSAGE_SIZE) echo.receive(chunk(0));
  assert.ok(channel.sentBytes <= BUFFER_HIGH + MESSAGE_SIZE);
  const granted = (): number => Math.max(0, ...channel.control.map((m) => (m.type === "credit" ? m.bytes : 0)));
  assert.ok(granted() <= channel.sentBytes);
  while (channel.bufferedAmount > 0) channel.drain();
  assert.equal(channel.sentBytes, WINDOW);
  assert.equal(granted(), WINDOW);
});

test("a page that does not read is sent one window", () => {
  const { channel, echo } = setUp(WINDOW * 4);
  const fill = (): void => {
    for (let bytes = 0; bytes < WINDOW; bytes += MESSAGE_SIZE) {
      echo.receive(chunk(0));
      channel.drain();
    }
  };
  fill();
  fill();
  assert.equal(channel.sentBytes, WINDOW);
  echo.receive(writeFileControl({ type: "credit", bytes: WINDOW }));
  while (channel.bufferedAmount > 0) channel.drain();
  assert.equal(channel.sentBytes, 2 * WINDOW);
});

test("a page that overruns its window is cut off", () => {
  const { channel, echo } = setUp(WINDOW * 4);
  for (let bytes = 0; bytes <= 2 * WINDOW; bytes += MESSAGE_SIZE) echo.receive(chunk(0));
  assert.equal(channel.control.at(-1)?.type, "error");
  assert.equal(channel.readyState, "closed");
});

test("what breaks the protocol ends the channel with a reason", () => {
  const cases: [string, (echo: FileEcho) => void][] = [
    ["too many bytes", (echo) => echo.receive(chunk(0, 101))],
    ["unknown text", (echo) => echo.receive("hello")],
    ["a second header", (echo) => echo.receive(writeFileControl({ type: "file", name: "y", size: 1 }))],
    ["credit for nothing", (echo) => echo.receive(writeFileControl({ type: "credit", bytes: 1 }))],
  ];
  for (const [name, act] of cases) {
    const { channel, echo, echoed } = setUp(100);
    act(echo);
    assert.equal(channel.control.at(-1)?.type, "error", name);
    assert.equal(channel.readyState, "closed", name);
    assert.equal(echoed.length, 0, name);
  }
});
