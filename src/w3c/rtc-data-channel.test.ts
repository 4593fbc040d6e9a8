import assert from "node:assert/strict";
import { test } from "node:test";
import type { RTCError } from "./errors.js";
import { DataChannelImpl, type DataChannelOwner, MAX_BUFFERED_AMOUNT, RTCDataChannel } from "./rtc-data-channel.js";
import type { RTCErrorEvent } from "./rtc-events.js";
import { TaskQueue } from "./task-queue.js";

const parameters = { label: "l", protocol: "", ordered: true, negotiated: false, priority: "low" } as const;

/** Tasks that run when the test says so, with their microtasks between them. */
class ManualPlatform {
  private readonly tasks: (() => void)[] = [];

  queueTask(callback: () => void): void {
    this.tasks.push(callback);
  }

  async run(): Promise<void> {
    for (let task = this.tasks.shift(); task !== undefined; task = this.tasks.shift()) {
      task();
      for (let i = 0; i < 10; i++) await undefined;
    }
  }
}

interface Setup {
  readonly platform: ManualPlatform;
  readonly impl: DataChannelImpl;
  readonly channel: RTCDataChannel;
  readonly owner: { maxMessageSize: number } & DataChannelOwner;
  readonly sent: [bytes: number[], isText: boolean][];
  readonly calls: string[];
  readonly events: string[];
}

function setup(): Setup {
  const platform = new ManualPlatform();
  const calls: string[] = [];
  const owner = {
    tasks: new TaskQueue(platform),
    maxMessageSize: 1000,
    onDataChannelClosed: () => void calls.push("forgotten"),
  };
  const impl = new DataChannelImpl(parameters, owner);
  const sent: [number[], boolean][] = [];
  const transport = {
    id: 3,
    send: (data: Uint8Array, isText: boolean) => {
      sent.push([[...data], isText]);
      return "ok" as const;
    },
    close: () => void calls.push("close"),
  };
  impl.bind(transport as never);
  const events: string[] = [];
  const channel = impl.wrapper;
  for (const type of ["open", "message", "bufferedamountlow", "closing", "error", "close"]) {
    channel.addEventListener(type, (event) => {
      const data = (event as MessageEvent).data;
      events.push(`${event.type}${data === undefined ? "" : ` ${data}`} ${channel.readyState}`);
    });
  }
  return { platform, impl, channel, owner, sent, calls, events };
}

async function open(): Promise<Setup> {
  const all = setup();
  all.impl.onOpen();
  await all.platform.run();
  assert.deepEqual(all.events.splice(0), ["open open"]);
  return all;
}

test("states change and events fire in tasks", async () => {
  const { platform, impl, channel, events, calls } = setup();
  assert.throws(() => channel.send("x"), { name: "InvalidStateError" });
  impl.onOpen();
  impl.onMessage(Uint8Array.of(0x68, 0x69), true);
  assert.equal(channel.readyState, "connecting");
  await platform.run();
  impl.onClosing();
  impl.onClosed();
  assert.equal(channel.readyState, "open");
  await platform.run();
  assert.deepEqual(events, ["open open", "message hi open", "closing closing", "close closed"]);
  assert.deepEqual(calls, ["forgotten"]);
  assert.equal(channel.id, 3, "the id stays");
});

test("code that awaits one event sees it before the next", async () => {
  const { platform, impl, channel } = await open();
  const seen: string[] = [];
  const next = (type: string): Promise<Event> => new Promise((r) => channel.addEventListener(type, r, { once: true }));
  const program = (async () => {
    for (let i = 0; i < 3; i++) seen.push(((await next("message")) as MessageEvent).data as string);
    await next("error");
    await next("close");
    seen.push(channel.readyState);
  })();
  for (const text of ["a", "b", "c"]) impl.onMessage(Uint8Array.of(text.charCodeAt(0)), true);
  impl.onError("peer-abort");
  impl.onClosed();
  await platform.run();
  await program;
  assert.deepEqual(seen, ["a", "b", "c", "closed"]);
});

test("an incoming channel can send in its datachannel event, and opens in the next task", async () => {
  const { platform, impl, channel, events, sent } = setup();
  const target = new EventTarget();
  target.addEventListener("datachannel", (event) => {
    assert.equal((event as unknown as { channel: RTCDataChannel }).channel, channel);
    events.push(`datachannel ${channel.readyState}`);
    channel.send("a");
  });
  impl.announce(target);
  impl.onMessage(Uint8Array.of(0x62), true);
  await platform.run();
  assert.deepEqual(events, ["datachannel open", "open open", "message b open"]);
  assert.deepEqual(sent, [[[0x61], true]]);
});

test("an incoming channel closed in its datachannel event does not open", async () => {
  const { platform, impl, channel, events, calls } = setup();
  const target = new EventTarget();
  target.addEventListener("datachannel", () => channel.close());
  impl.announce(target);
  await platform.run();
  assert.deepEqual(events, []);
  assert.deepEqual(calls, ["close"]);
});

test("what send takes", async () => {
  const { channel, sent } = await open();
  channel.send("aü\ud800");
  channel.send(5 as never);
  channel.send(Uint8Array.of(1, 2, 3).subarray(1));
  channel.send(new DataView(Uint8Array.of(4, 5, 6).buffer, 2));
  channel.send(Uint8Array.of(7).buffer);
  channel.send("");
  channel.send(new ArrayBuffer(0));
  assert.deepEqual(sent, [
    [[0x61, 0xc3, 0xbc, 0xef, 0xbf, 0xbd], true],
    [[0x35], true],
    [[2, 3], false],
    [[6], false],
    [[7], false],
    [[], true],
    [[], false],
  ]);
  assert.equal(channel.bufferedAmount, 6 + 1 + 2 + 1 + 1);
  assert.throws(() => channel.send(new Uint8Array(new SharedArrayBuffer(1))), TypeError);
  assert.throws(() => channel.send(Symbol("s") as never), TypeError);
  assert.throws(() => Reflect.apply(channel.send, channel, []), TypeError);
});

test("send copies", async () => {
  const { channel, sent, impl } = await open();
  const kept: Uint8Array[] = [];
  impl.bind({ id: 1, send: (data: Uint8Array) => kept.push(data), close() {} } as never);
  const data = Uint8Array.of(1, 2);
  for (let i = 0; i < 3; i++) {
    data[0] = i;
    channel.send(data);
  }
  data.fill(9);
  assert.deepEqual(
    kept.map((bytes) => [...bytes]),
    [
      [0, 2],
      [1, 2],
      [2, 2],
    ],
  );
  assert.deepEqual(sent, []);
});

test("limits of send", async () => {
  const { channel, impl, owner } = await open();
  channel.send(new Uint8Array(1000));
  assert.throws(() => channel.send(new Uint8Array(1001)), TypeError);
  assert.throws(() => channel.send("ü".repeat(501)), TypeError);
  assert.throws(() => channel.send(new Blob(["x".repeat(1001)])), TypeError);
  assert.equal(channel.bufferedAmount, 1000);
  owner.maxMessageSize = Number.POSITIVE_INFINITY;
  impl.bufferedAmount = MAX_BUFFERED_AMOUNT - 1;
  channel.send("a");
  assert.throws(() => channel.send("a"), { name: "OperationError" });
  assert.throws(() => channel.send(new Blob(["a"])), { name: "OperationError" });
  assert.equal(channel.bufferedAmount, MAX_BUFFERED_AMOUNT);
});

test("bufferedAmount falls in a task, and the low event fires on crossing only", async () => {
  const { platform, impl, channel, events } = await open();
  channel.bufferedAmountLowThreshold = 2;
  channel.send("abcde");
  impl.onBufferedAmountDecrease(1);
  impl.onBufferedAmountDecrease(1);
  assert.equal(channel.bufferedAmount, 5);
  await platform.run();
  assert.equal(channel.bufferedAmount, 3);
  assert.deepEqual(events, []);
  impl.onBufferedAmountDecrease(1);
  await platform.run();
  impl.onBufferedAmountDecrease(2);
  await platform.run();
  assert.deepEqual(events, ["bufferedamountlow open"]);
  assert.throws(() => {
    channel.bufferedAmountLowThreshold = -1;
  }, TypeError);
  assert.equal(channel.bufferedAmountLowThreshold, 2);
});

test("a Blob keeps its place, and close waits for it", async () => {
  const { platform, channel, sent, calls } = await open();
  channel.send(new Blob(["one"]));
  channel.send("2");
  channel.send(new Blob([]));
  assert.equal(channel.bufferedAmount, 4);
  channel.close();
  assert.equal(channel.readyState, "closing");
  assert.throws(() => channel.send("x"), { name: "InvalidStateError" });
  assert.deepEqual([sent, calls], [[], []]);
  while (calls.length === 0) await new Promise((r) => setImmediate(r));
  await platform.run();
  assert.deepEqual(sent, [
    [[0x6f, 0x6e, 0x65], false],
    [[0x32], true],
    [[], false],
  ]);
  assert.deepEqual(calls, ["close"]);
});

test("a Blob that cannot be read closes the channel with an error", async () => {
  const { platform, impl, channel, calls, events, sent } = await open();
  const blob = new Blob(["x"]);
  blob.arrayBuffer = () => Promise.reject(new Error("gone"));
  channel.send(blob);
  channel.send("behind");
  for (let i = 0; i < 5; i++) await undefined;
  assert.deepEqual(calls, ["close"]);
  impl.onClosed();
  await platform.run();
  assert.deepEqual(events, ["error closed", "close closed"]);
  assert.deepEqual(sent, []);
});

test("binaryType decides when the event fires; values it does not have are ignored", async () => {
  const { platform, impl, channel } = await open();
  const data: unknown[] = [];
  channel.onmessage = (event) => data.push(event.data);
  const backing = Uint8Array.of(0, 1, 2, 3);
  impl.onMessage(backing.subarray(1, 3), false);
  await platform.run();
  assert.ok(data[0] instanceof ArrayBuffer);
  assert.deepEqual([...new Uint8Array(data[0])], [1, 2]);
  impl.onMessage(backing, false);
  channel.binaryType = "blob";
  channel.binaryType = "Blob" as never;
  channel.binaryType = null as never;
  assert.equal(channel.binaryType, "blob");
  await platform.run();
  assert.ok(data[1] instanceof Blob);
  assert.equal(data[1].size, 4);
});

test("messages that arrive after close are not delivered", async () => {
  const { platform, impl, channel, events } = await open();
  impl.onMessage(Uint8Array.of(1), true);
  channel.close();
  channel.close();
  impl.onClosed();
  impl.onClosed();
  await platform.run();
  assert.deepEqual(events, ["close closed"]);
});

test("after abandon nothing fires, and bufferedAmount stays", async () => {
  const { platform, impl, channel, events } = await open();
  channel.send("abc");
  impl.onBufferedAmountDecrease(3);
  impl.onMessage(Uint8Array.of(1), true);
  impl.onClosed();
  impl.abandon();
  assert.equal(channel.readyState, "closed");
  impl.onBufferedAmountDecrease(1);
  await platform.run();
  assert.deepEqual(events, []);
  assert.equal(channel.bufferedAmount, 3);
});

test("a channel that never got a transport closes in a task", async () => {
  const platform = new ManualPlatform();
  const impl = new DataChannelImpl(parameters, { tasks: new TaskQueue(platform), maxMessageSize: 1 });
  const closed = new Promise((resolve) => impl.wrapper.addEventListener("close", resolve));
  impl.wrapper.close();
  assert.equal(impl.wrapper.readyState, "closing");
  await platform.run();
  await closed;
  assert.equal(impl.wrapper.readyState, "closed");
});

test("the error of an aborted association says why, in the words that programs know", async () => {
  for (const [abort, message, sctpCauseCode] of [
    [{ causeCode: 12, reason: "Close called" }, "User-Initiated Abort, reason=Close called", 12],
    [{ causeCode: 12, reason: "" }, "User-Initiated Abort, reason=", 12],
    [{ causeCode: 13, reason: "" }, "The peer aborted the SCTP association.", 13],
    [{ causeCode: undefined, reason: "" }, "The peer aborted the SCTP association.", null],
  ] as const) {
    const { platform, impl, channel } = await open();
    let error: RTCError | undefined;
    channel.onerror = (event) => {
      ({ error } = event as RTCErrorEvent);
    };
    impl.onError("peer-abort", abort);
    impl.onClosed();
    await platform.run();
    assert.deepEqual(
      [error?.message, error?.name, error?.errorDetail, error?.sctpCauseCode],
      [message, "OperationError", "sctp-failure", sctpCauseCode],
    );
  }
});

test("a listener's exception is reported and stops nothing", async () => {
  const { platform, impl, channel, events } = await open();
  const reported: unknown[] = [];
  const listeners = process.listeners("uncaughtException");
  process.removeAllListeners("uncaughtException");
  process.once("uncaughtException", (error) => reported.push(error));
  try {
    const error = new Error("the program's");
    channel.addEventListener(
      "message",
      () => {
        throw error;
      },
      { once: true },
    );
    impl.onMessage(Uint8Array.of(0x61), true);
    impl.onMessage(Uint8Array.of(0x62), true);
    await platform.run();
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(reported, [error]);
    assert.deepEqual(events, ["message a open", "message b open"]);
  } finally {
    for (const listener of listeners) process.on("uncaughtException", listener);
  }
});

test("programs cannot construct one, nor reach its state", () => {
  assert.throws(() => new RTCDataChannel(), { message: "Illegal constructor" });
  assert.deepEqual(
    Reflect.ownKeys(setup().channel).filter((key) => typeof key === "string"),
    [],
  );
});
