import assert from "node:assert/strict";
import { test } from "node:test";
import { MessageChannel, Worker } from "node:worker_threads";
import { installTransfer, type TransferLink } from "./transfer.js";

/** A box whose word can be read where it was sent to, and changed from where it came. */
class Box {
  word: string;
  link: TransferLink | undefined;
  constructor(word: string) {
    this.word = word;
  }
}

installTransfer({
  name: "Box",
  owns: (value) => value instanceof Box,
  check(box) {
    if ((box as Box).link !== undefined) throw new DOMException("gone", "DataCloneError");
  },
  describe: (box) => (box as Box).word,
  detach(box, link) {
    (box as Box).link = link;
    link.post(["detached"], []);
  },
  receive(word, link) {
    const box = new Box(word as string);
    link.listen(
      ([news]) => {
        box.word += ` ${news}`;
      },
      () => {
        box.word += " gone";
      },
    );
    return box;
  },
});

/** Resolves when messages on their way have brought this about; the runner's time limit says when they have not. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1));
}

test("an object in a message is another where it arrives, for listeners of every kind", async () => {
  const { port1, port2 } = new MessageChannel();
  const box = new Box("hello");
  const cyclic: Record<string, unknown> = { box, list: [1, box], map: new Map([[box, "x"]]), date: new Date(5) };
  cyclic.self = cyclic;
  const heard: { box: Box; list: unknown[]; map: Map<Box, string>; date: Date; self: unknown }[] = [];
  const ports: number[] = [];
  port2.on("message", (message) => heard.push(message));
  port2.addEventListener("message", (event) => {
    heard.push((event as unknown as MessageEvent).data);
    ports.push((event as unknown as MessageEvent).ports.length);
  });
  const { port1: plain } = new MessageChannel();
  port1.postMessage(cyclic, [box as never, plain]);
  await until(() => heard.length === 2);
  const [first, second] = heard;
  assert.equal(first!.box, second!.box);
  assert.ok(first!.box instanceof Box && first!.box !== box);
  await until(() => first!.box.word === "hello detached");
  assert.equal(first!.list[1], first!.box);
  assert.equal(first!.map.get(first!.box), "x");
  assert.equal(first!.date.getTime(), 5);
  assert.equal(first!.self, first);
  assert.deepEqual(ports, [1], "the port that the program sent, and none of ours");
  box.link!.close();
  await until(() => first!.box.word === "hello detached gone");
  assert.throws(() => port1.postMessage(box, [box as never]), { name: "DataCloneError" });
  port1.close();
});

test("what cannot be sent detaches nothing; messages without such objects are as ever", async () => {
  const { port1, port2 } = new MessageChannel();
  const box = new Box("stays");
  assert.throws(() => port1.postMessage({ box, no: () => {} }, [box as never]), { name: "DataCloneError" });
  assert.throws(() => port1.postMessage(box, [box, box] as never), { name: "DataCloneError" });
  assert.equal(box.link, undefined);
  const heard = new Promise((resolve) => port2.once("message", resolve));
  const bytes = new ArrayBuffer(4);
  port1.postMessage({ bytes, __proto__x: 1 }, { transfer: [bytes] } as never);
  assert.deepEqual(await heard, { bytes: new ArrayBuffer(4), __proto__x: 1 });
  assert.equal(bytes.byteLength, 0);
  const clone = structuredClone({ box }, { transfer: [box as never] });
  assert.ok(clone.box instanceof Box && clone.box !== box);
  assert.deepEqual(structuredClone({ a: [1] }), { a: [1] });
  box.link!.close();
  port1.close();
});

test("to another thread and back", async () => {
  const file = new URL("./transfer.js", import.meta.url).href;
  const source = `
    import { parentPort } from "node:worker_threads";
    import { installTransfer } from ${JSON.stringify(file)};
    class Box {}
    installTransfer({
      name: "Box", owns: (value) => value instanceof Box, check() {},
      describe: (box) => box.word + " and back",
      detach(box, link) { link.close(); },
      receive: (word) => Object.assign(new Box(), { word }),
    });
    parentPort.on("message", ({ box }) => parentPort.postMessage({ box }, [box]));
    parentPort.postMessage("ready");`;
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(source)}`));
  await new Promise((resolve) => worker.once("message", resolve));
  const box = new Box("there");
  const answer = new Promise<{ box: Box }>((resolve) => worker.once("message", resolve));
  worker.postMessage({ box }, [box as never]);
  const { box: back } = await answer;
  assert.ok(back instanceof Box);
  assert.match(back.word, /^there and back/);
  await worker.terminate();
});
