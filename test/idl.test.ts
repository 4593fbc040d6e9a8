// Holds every exported class against the IDL of its specification, member by member. What is not written yet is in
// PENDING, which may only shrink: an entry that is there after all fails as well.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { type ExtendedAttribute, type IDLInterfaceMemberType, type IDLTypeDescription, parse } from "webidl2";
import * as entry from "#src/index.js";
import * as media from "#src/media.js";
import * as identityProvider from "#src/w3c/rtc-identity-provider.js";
import * as scriptTransform from "#src/w3c/rtc-rtp-script-transform.js";

const FILES = [
  "webrtc",
  "webrtc-ice",
  "webrtc-identity",
  "webrtc-priority",
  "webrtc-stats",
  "webrtc-svc",
  "webrtc-encoded-transform",
  "mediacapture-streams",
  "mst-content-hint",
  "mediacapture-transform",
];

/** Interfaces (`Name`) and members (`Name.member`, `Name.constructor`) that are not written yet. */
const PENDING = new Set<string>([]);

const FOR_NODE: readonly symbol[] = [
  Symbol.for("nodejs.util.inspect.custom"),
  ...Object.getOwnPropertySymbols(new EventTarget()),
];

/**
 * Members of documents that are not compared: header extension control (webrtc-extensions has no file in @webref/idl), a mixin
 * of the Streams standard; `stopped` and `timestamp`, which the documents have dropped and browsers have not; and what Chromium had
 * before transforms.
 */
const ADDITIONAL: readonly string[] = [
  "RTCRtpTransceiver.getHeaderExtensionsToNegotiate",
  "RTCRtpTransceiver.setHeaderExtensionsToNegotiate",
  "RTCRtpTransceiver.getNegotiatedHeaderExtensions",
  "RTCRtpTransceiver.rtpHeaderEncryptionNegotiated",
  "RTCRtpTransceiver.stopped",
  "RTCEncodedVideoFrame.timestamp",
  "RTCEncodedAudioFrame.timestamp",
  "RTCRtpSender.createEncodedStreams",
  "RTCRtpReceiver.createEncodedStreams",
  "SFrameEncryptorStream.readable",
  "SFrameEncryptorStream.writable",
  "SFrameDecryptorStream.readable",
  "SFrameDecryptorStream.writable",
];

interface Interface {
  readonly name: string;
  /** The globals that have it; empty: all of its document. */
  readonly exposed: readonly string[];
  inheritance: string | null;
  readonly members: IDLInterfaceMemberType[];
}

const idlDirectory = dirname(createRequire(import.meta.url).resolve("@webref/idl/package.json"));
const interfaces = new Map<string, Interface>();
const mixins = new Map<string, IDLInterfaceMemberType[]>();

function exposure({ extAttrs }: { readonly extAttrs: readonly ExtendedAttribute[] }): string[] {
  const rhs = extAttrs.find(({ name }) => name === "Exposed")?.rhs;
  if (rhs === null || rhs === undefined) return [];
  return typeof rhs.value === "string" ? [rhs.value] : rhs.value.map(({ value }) => value);
}

for (const definitions of [true, false]) {
  for (const file of FILES) {
    for (const definition of parse(readFileSync(join(idlDirectory, `${file}.idl`), "utf8"))) {
      if (definition.type === "interface" && definition.partial !== definitions) {
        const members = [...definition.members];
        const known = interfaces.get(definition.name);
        if (known !== undefined) known.members.push(...members);
        else if (definitions) {
          interfaces.set(definition.name, {
            name: definition.name,
            exposed: exposure(definition),
            inheritance: definition.inheritance,
            members: [...members],
          });
        }
      } else if (definition.type === "interface mixin" && definitions) {
        mixins.set(definition.name, [...definition.members]);
      } else if (definition.type === "includes" && !definitions) {
        interfaces.get(definition.target)?.members.push(...(mixins.get(definition.includes) ?? []));
      }
    }
  }
}

type AnyFunction = (...args: unknown[]) => unknown;
type InterfaceObject = AnyFunction & { readonly prototype: object };

const exported = entry as unknown as Record<string, InterfaceObject | undefined>;
/** What only a worker or an identity provider has: on a global object of its own, or of another entry point, not among the exports. */
const ofWorkers = { ...scriptTransform, ...media, ...identityProvider } as unknown as typeof exported;
const lookUp = (name: string): InterfaceObject | undefined =>
  exported[name] ?? (globalThis as unknown as Record<string, InterfaceObject | undefined>)[name];

const isPromise = (type: IDLTypeDescription | null): boolean => type?.generic === "Promise";

async function refusesForeignThis(call: () => unknown, promise: boolean, what: string): Promise<void> {
  if (promise) await assert.rejects(call() as Promise<unknown>, TypeError, what);
  else assert.throws(call, TypeError, what);
}

const requiredArguments = (parameters: readonly { optional: boolean; variadic: boolean }[]): number =>
  parameters.filter(({ optional, variadic }) => !optional && !variadic).length;

for (const { name, exposed, inheritance, members } of interfaces.values()) {
  const isOfWorkers = exposed.length > 0 && !exposed.includes("Window");
  const object = isOfWorkers ? ofWorkers[name] : exported[name];
  if (PENDING.has(name)) {
    test(`${name} is pending`, () => assert.equal(object, undefined, "it is written: take it off the list"));
    continue;
  }

  test(`${name} is as its IDL says`, async () => {
    assert.equal(typeof object, "function", "no such export");
    if (isOfWorkers) assert.equal(exported[name], undefined, "a window does not have it");
    const { prototype } = object!;
    const own = new Set(Reflect.ownKeys(prototype));
    const pending = (member: string, present: boolean): boolean => {
      if (!PENDING.has(`${name}.${member}`)) return false;
      assert.ok(!present, `${name}.${member} is written: take it off the list`);
      return true;
    };

    assert.equal(object!.name, name);
    const parent = inheritance === null ? undefined : lookUp(inheritance);
    assert.equal(Object.getPrototypeOf(object), parent ?? Function.prototype);
    assert.equal(Object.getPrototypeOf(prototype), parent?.prototype ?? Object.prototype);
    assert.equal(Object.getOwnPropertyDescriptor(object, "prototype")!.writable, false);
    assert.deepEqual(Object.getOwnPropertyDescriptor(prototype, Symbol.toStringTag), {
      value: name,
      writable: false,
      enumerable: false,
      configurable: true,
    });
    assert.deepEqual(Object.getOwnPropertyDescriptor(prototype, "constructor"), {
      value: object,
      writable: true,
      enumerable: false,
      configurable: true,
    });
    own.delete("constructor");
    own.delete(Symbol.toStringTag);
    // For Node alone, and seen by nobody who enumerates: what console.log shows, and that listeners have no limit.
    for (const key of FOR_NODE) {
      own.delete(key);
      assert.notEqual(Object.getOwnPropertyDescriptor(prototype, key)?.enumerable, true);
    }

    const constructors = members.filter((member) => member.type === "constructor");
    let constructible = true;
    try {
      Reflect.construct(object!, []);
    } catch (error) {
      constructible = (error as Error).message !== "Illegal constructor";
    }
    const expected = constructors.length > 0 && !pending("constructor", constructible);
    assert.equal(constructible, expected, "constructible");
    const length = expected ? Math.min(...constructors.map((c) => requiredArguments(c.arguments))) : 0;
    assert.equal(object!.length, length, "length of the interface object");
    assert.throws(() => Reflect.apply(object!, undefined, []), TypeError);

    for (const member of members) {
      if (member.type === "attribute") {
        const place = member.special === "static" ? object! : prototype;
        const descriptor = Object.getOwnPropertyDescriptor(place, member.name);
        if (pending(member.name, descriptor !== undefined)) continue;
        assert.ok(descriptor, `no attribute ${member.name}`);
        own.delete(member.name);
        assert.equal(descriptor.enumerable, true, `${member.name} is enumerable`);
        assert.equal(descriptor.configurable, true, `${member.name} is configurable`);
        assert.equal(typeof descriptor.get, "function", `${member.name} has a getter`);
        assert.equal(descriptor.get!.name, `get ${member.name}`);
        assert.equal(descriptor.get!.length, 0);
        const writable =
          !member.readonly || member.extAttrs.some(({ name: ext }) => ext === "PutForwards" || ext === "Replaceable");
        assert.equal(typeof descriptor.set, writable ? "function" : "undefined", `setter of ${member.name}`);
        if (writable) assert.equal(descriptor.set!.length, 1);
        const promise = isPromise(member.idlType);
        await refusesForeignThis(() => descriptor.get!.call(prototype), promise, `get ${member.name} of the prototype`);
        await refusesForeignThis(() => descriptor.get!.call(undefined), promise, `get ${member.name} of undefined`);
        if (writable) assert.throws(() => descriptor.set!.call({}, null), TypeError);
      } else if (member.type === "operation") {
        const key = member.name!;
        const place = member.special === "static" ? object! : prototype;
        const descriptor = Object.getOwnPropertyDescriptor(place, key);
        if (pending(key, descriptor !== undefined)) continue;
        assert.ok(descriptor, `no operation ${key}`);
        own.delete(key);
        assert.equal(descriptor.enumerable, true, `${key} is enumerable`);
        assert.equal(descriptor.configurable, true, `${key} is configurable`);
        assert.equal(descriptor.writable, true, `${key} is writable`);
        const operation = descriptor.value as AnyFunction;
        assert.equal(operation.name, key);
        const overloads = members.filter((other) => other.type === "operation" && other.name === key);
        const required = Math.min(
          ...overloads.map((o) => (o.type === "operation" ? requiredArguments(o.arguments) : 0)),
        );
        assert.equal(operation.length, required, `length of ${key}`);
        assert.ok(!Object.hasOwn(operation, "prototype"), `${key} is not a constructor`);
        const promise = isPromise(member.idlType);
        const enough = Array.from({ length: required }, () => ({}));
        if (member.special !== "static") {
          await refusesForeignThis(() => operation.apply({}, enough), promise, `${key} on another object`);
        }
        for (let count = 0; count < required; count++) {
          await refusesForeignThis(
            () => operation.apply(prototype, enough.slice(0, count)),
            promise,
            `${key} with too little`,
          );
        }
      } else if (member.type === "maplike") {
        for (const key of ["entries", "forEach", "get", "has", "keys", "values"]) {
          const descriptor = Object.getOwnPropertyDescriptor(prototype, key);
          assert.equal(typeof descriptor?.value, "function", key);
          assert.equal(descriptor!.enumerable, true, key);
          own.delete(key);
        }
        assert.equal(typeof Object.getOwnPropertyDescriptor(prototype, "size")?.get, "function");
        own.delete("size");
        const iterator = Object.getOwnPropertyDescriptor(prototype, Symbol.iterator);
        assert.equal(iterator?.value, (prototype as { entries?: unknown }).entries);
        assert.equal(iterator!.enumerable, false);
        own.delete(Symbol.iterator);
      } else if (member.type !== "constructor") {
        assert.fail(`a ${member.type} is not compared yet`);
      }
    }
    for (const key of [...own]) if (ADDITIONAL.includes(`${name}.${String(key)}`)) own.delete(key);
    assert.deepEqual([...own], [], "members that the IDL does not have");
  });
}

test("PENDING names only what the IDL has", () => {
  for (const entryName of PENDING) {
    const [name, member] = entryName.split(".") as [string, string | undefined];
    const found = interfaces.get(name);
    assert.ok(found, entryName);
    if (member === undefined) continue;
    const has = found.members.some((m) => ("name" in m && m.name === member) || m.type === member);
    assert.ok(has, entryName);
  }
});
