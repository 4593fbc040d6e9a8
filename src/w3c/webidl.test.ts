import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import type { EventHandler } from "./event-handlers.js";
import { construct, defineConstants, defineInterface, isPlatformObject, takeImpl } from "./webidl.js";

class Thing extends EventTarget {
  readonly #impl: { value: number } = takeImpl();
  declare onping: EventHandler;

  get value(): number {
    return this.#impl.value;
  }
  set value(value: number) {
    this.#impl.value = value;
  }
  get settled(): Promise<number> {
    return Promise.resolve(this.#impl.value);
  }
  add(amount: number, times?: number): number {
    return this.#impl.value + amount * (times ?? 1);
  }
  later(_when: number): Promise<number> {
    throw new RangeError("thrown by the method");
  }
  static make(value: number): Thing {
    return construct(Thing, { value });
  }

  static {
    defineInterface(Thing, {
      name: "Thing",
      brand: (o) => #impl in o,
      required: { add: 1 },
      promises: ["later", "settled"],
      handlers: ["ping"],
    });
    defineConstants(Thing, { TEN: 10 });
  }
}

const descriptor = (object: object, key: PropertyKey): PropertyDescriptor =>
  Object.getOwnPropertyDescriptor(object, key)!;

test("an interface object looks as Web IDL says", () => {
  assert.throws(() => new Thing(), { name: "TypeError", message: "Illegal constructor" });
  const thing = Thing.make(1);
  assert.equal(Object.prototype.toString.call(thing), "[object Thing]");
  assert.deepEqual(Object.getOwnPropertyNames(thing), []);
  assert.equal(descriptor(Thing.prototype, "value").get!.name, "get value");
  assert.equal(descriptor(Thing.prototype, "settled").set, undefined);
  assert.equal(Thing.prototype.add.length, 1);
  assert.equal(Thing.prototype.add.name, "add");
  assert.throws(() => Reflect.construct(Thing.prototype.add, []), TypeError);
  assert.equal((Thing as unknown as { TEN: number }).TEN, 10);
  assert.ok(isPlatformObject(thing, "Thing"));
  assert.ok(!isPlatformObject(Object.create(Thing.prototype), "Thing"));
  assert.deepEqual(Object.keys(Thing.prototype).sort(), ["TEN", "add", "later", "onping", "settled", "value"]);
});

test("operations check this and count arguments; promises reject", async () => {
  const thing = Thing.make(5);
  assert.equal(thing.add(2, 3), 11);
  const illegal = { name: "TypeError", message: "Illegal invocation" };
  assert.throws(() => thing.add.call({} as Thing, 1), illegal);
  assert.throws(() => descriptor(Thing.prototype, "value").get!.call(Object.create(thing)), illegal);
  assert.throws(() => descriptor(Thing.prototype, "value").set!.call({}, 1), illegal);
  assert.throws(() => descriptor(Thing.prototype, "onping").get!.call({}), illegal);
  assert.throws(() => Reflect.apply(thing.add, thing, []), {
    name: "TypeError",
    message: "Failed to execute 'add' on 'Thing': 1 argument required, but only 0 present.",
  });
  assert.throws(() => Reflect.apply(Thing.make, undefined, []), TypeError);
  await assert.rejects(Reflect.apply(thing.later, thing, []), TypeError);
  await assert.rejects(Reflect.apply(thing.later, {}, [1]), illegal);
  await assert.rejects(thing.later(1), RangeError);
  await assert.rejects(descriptor(Thing.prototype, "settled").get!.call({}), illegal);
  thing.value = 6;
  assert.equal(await thing.settled, 6);
});

test("a throwing constructor leaves no way to construct another object", () => {
  class Other extends EventTarget {
    readonly #impl: object = takeImpl();
    get impl(): object {
      return this.#impl;
    }
  }
  class Bad {
    constructor() {
      throw new Error("no");
    }
  }
  assert.throws(() => construct(Bad, {}), /no/);
  assert.throws(() => new Other(), /Illegal constructor/);
});

test("event handlers keep their place, are called once, and may be any object", () => {
  const thing = Thing.make(0);
  const calls: string[] = [];
  const listen = (name: string): void => thing.addEventListener("ping", () => calls.push(name));
  const ping = (): string => {
    calls.length = 0;
    thing.dispatchEvent(new Event("ping", { cancelable: true }));
    return calls.join();
  };
  assert.equal(thing.onping, null);
  listen("a");
  thing.onping = function (this: unknown) {
    assert.equal(this, thing);
    calls.push("handler");
  };
  listen("b");
  assert.equal(ping(), "a,handler,b");
  const second = (): void => void calls.push("second");
  thing.onping = second;
  assert.equal(thing.onping, second);
  assert.equal(ping(), "a,second,b", "another function keeps the place");
  thing.onping = null;
  assert.equal(ping(), "a,b");
  thing.onping = second;
  assert.equal(ping(), "a,b,second", "set again after null, it is a new listener");
  const object = { handleEvent: (): void => assert.fail("not called: an event handler is no EventListener") };
  thing.onping = object as never;
  assert.equal(thing.onping, object);
  assert.equal(ping(), "a,b");
  thing.onping = "text" as never;
  assert.equal(thing.onping, null);
  thing.onping = () => false;
  const event = new Event("ping", { cancelable: true });
  thing.dispatchEvent(event);
  assert.ok(event.defaultPrevented);
});

test("any number of listeners, without a warning of a leak", async () => {
  const warnings: Error[] = [];
  const listen = (warning: Error): void => void warnings.push(warning);
  process.on("warning", listen);
  const thing = Thing.make(1);
  let calls = 0;
  for (let i = 0; i < 50; i++) thing.addEventListener("ping", () => calls++);
  thing.dispatchEvent(new Event("ping"));
  await new Promise((resolve) => setImmediate(resolve));
  process.off("warning", listen);
  assert.deepEqual([calls, warnings], [50, []]);
});

test("console.log and its like show the attributes", () => {
  assert.equal(inspect(Thing.make(7)), "Thing { value: 7 }");
  assert.equal(inspect({ a: { b: { c: Thing.make(7) } } }, { breakLength: 200 }), "{ a: { b: { c: [Thing] } } }");
  assert.match(inspect(Thing.prototype), /Thing/);
});
