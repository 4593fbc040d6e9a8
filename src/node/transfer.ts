// Objects of ours in the transfer list of postMessage and structuredClone (HTML's "transferable objects"). Node has no way to
// make an object transferable, so postMessage of ports and workers is wrapped: in place of each object goes a MessagePort with
// what is needed to make the object anew, and where the message arrives, before anyone hears of it, the object takes the
// place of that. Both threads have to have this installed; a message without such objects costs one comparison.
import { MessageChannel, MessagePort, type TransferListItem, Worker } from "node:worker_threads";

/** A port as the two ends of an object use it. */
export interface TransferLink {
  post(message: readonly unknown[], moved: readonly ArrayBuffer[]): void;
  listen(onMessage: (message: readonly unknown[]) => void, onGone: () => void): void;
  close(): void;
  hold(hold: boolean): void;
}

/** What can be transferred. Objects that one `owns` go through it. */
export interface TransferType {
  readonly name: string;
  owns(value: unknown): boolean;
  /** Throws DataCloneError if it cannot be transferred now. */
  check(object: object): void;
  /** What `receive` is to get; can be cloned. */
  describe(object: object): unknown;
  detach(object: object, link: TransferLink): void;
  receive(description: unknown, link: TransferLink): object;
}

/** What can be cloned (HTML's "serializable objects"): by itself, as the whole message, or as a chunk of a stream that was transferred. */
export interface CloneType {
  readonly name: string;
  owns(value: unknown): boolean;
  /** What `revive` is to get; can be cloned. */
  describe(object: object): unknown;
  revive(description: unknown): object;
}

interface CloneEnvelope {
  readonly [CLONE]: string;
  readonly description: unknown;
}

interface Item {
  readonly type: string;
  readonly description: unknown;
  readonly port: MessagePort;
}

interface Envelope {
  readonly [ENVELOPE]: readonly Item[];
  readonly message: unknown;
}

const ENVELOPE = "parley-rtc: transferred objects";
const CLONE = "parley-rtc: cloned object";
const DISPATCH = Symbol.for("nodejs.internal.kHybridDispatch");
const RECEIVED_PORTS = Symbol.for("nodejs.internal.kCurrentlyReceivingPorts");

const types = new Map<string, TransferType>();
const cloneTypes: CloneType[] = [];
let installed = false;

type Post = (this: unknown, message: unknown, transfer?: unknown) => unknown;
type Dispatch = (this: object, value: unknown, type: string, event: unknown) => unknown;

/** Makes objects of this type transferable in this thread. */
export function installTransfer(type: TransferType): void {
  types.set(type.name, type);
  install();
}

/** Makes objects of this type cloneable in this thread. */
export function installClone(type: CloneType): void {
  cloneTypes.push(type);
  install();
}

function install(): void {
  if (installed) return;
  installed = true;
  wrapPost(MessagePort.prototype);
  wrapPost(Worker.prototype);
  wrapDispatch();
  wrapStructuredClone();
}

/** In place of an object that can be cloned, what it is made of. */
function described(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  const type = cloneTypes.find(({ owns }) => owns(value));
  return type === undefined ? value : { [CLONE]: type.name, description: type.describe(value) };
}

/** The object that was cloned; any other value as it is. */
function made(value: unknown): unknown {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, CLONE)) return value;
  const { [CLONE]: name, description } = value as CloneEnvelope;
  const type = cloneTypes.find((candidate) => candidate.name === name);
  return type === undefined ? value : type.revive(description);
}

/** What a stream that was transferred sends to its other half (Streams §8.1): a chunk goes the way of a whole message. */
function converted(message: unknown, convert: (value: unknown) => unknown): unknown {
  const whole = convert(message);
  if (whole !== message || typeof message !== "object" || message === null) return whole;
  const { type, value } = message as { readonly type?: unknown; readonly value?: unknown };
  if (type !== "chunk") return message;
  const chunk = convert(value);
  return chunk === value ? message : { type, value: chunk };
}

const cloneable = (message: unknown): unknown => converted(message, described);
const revived = (message: unknown): unknown => converted(message, made);

function wrapPost(prototype: object): void {
  const target = prototype as { postMessage: Post };
  const original = target.postMessage;
  const postMessage: Post = function (message, transfer) {
    const list = transferList(transfer);
    const objects = list.filter(typeOf);
    // What Node's own returns is for its BroadcastChannel.
    if (objects.length === 0) return original.call(this, cloneable(message), transfer);
    const packed = pack(message, list, objects as object[]);
    return packed.send(() => original.call(this, packed.envelope, packed.list));
  };
  Object.defineProperty(target, "postMessage", {
    value: postMessage,
    writable: true,
    configurable: true,
    enumerable: true,
  });
}

function wrapStructuredClone(): void {
  const original = globalThis.structuredClone as (value: unknown, options?: unknown) => unknown;
  const clone = (value: unknown, options?: unknown): unknown => {
    const list = transferList(options);
    const objects = list.filter(typeOf);
    if (objects.length === 0) return revived(original(cloneable(value), options));
    const packed = pack(value, list, objects as object[]);
    return unpack(packed.send(() => original(packed.envelope, { transfer: packed.list })));
  };
  Object.defineProperty(clone, "name", { value: "structuredClone" });
  Object.defineProperty(globalThis, "structuredClone", {
    value: clone,
    writable: true,
    configurable: true,
    enumerable: true,
  });
}

/** Messages come to a port's listeners of either kind through this method, which Node has for the purpose. */
function wrapDispatch(): void {
  const prototype = MessagePort.prototype as unknown as Record<symbol, unknown>;
  const original = prototype[DISPATCH] as Dispatch | undefined;
  if (typeof original !== "function") return;
  const dispatch: Dispatch = function (value, type, event) {
    if (!isEnvelope(value)) return original.call(this, revived(value), type, event);
    const ours = new Set(value[ENVELOPE].map(({ port }) => port));
    const receiver = this as Record<symbol, MessagePort[] | undefined>;
    receiver[RECEIVED_PORTS] = receiver[RECEIVED_PORTS]?.filter((port) => !ours.has(port));
    return original.call(this, unpack(value), type, event);
  };
  Object.defineProperty(prototype, DISPATCH, { value: dispatch, writable: true, configurable: true });
}

function transferList(transfer: unknown): unknown[] {
  if (typeof transfer !== "object" || transfer === null) return [];
  const list = Symbol.iterator in transfer ? transfer : (transfer as { transfer?: unknown }).transfer;
  return typeof list === "object" && list !== null && Symbol.iterator in list ? [...(list as Iterable<unknown>)] : [];
}

function typeOf(value: unknown): TransferType | undefined {
  for (const type of types.values()) if (type.owns(value)) return type;
  return undefined;
}

function pack(
  message: unknown,
  list: readonly unknown[],
  objects: readonly object[],
): { envelope: Envelope; list: readonly TransferListItem[]; send<T>(send: () => T): T } {
  if (new Set(objects).size < objects.length) {
    throw new DOMException("An object is in the transfer list twice.", "DataCloneError");
  }
  for (const object of objects) typeOf(object)!.check(object);
  const channels = objects.map(() => new MessageChannel());
  const items = objects.map((object, i): Item => {
    const type = typeOf(object)!;
    return { type: type.name, description: type.describe(object), port: channels[i]!.port2 };
  });
  const replacements = new Map<unknown, unknown>(objects.map((object, i) => [object, items[i]]));
  return {
    envelope: { [ENVELOPE]: items, message: substitute(message, replacements) },
    list: list.map((entry) =>
      replacements.has(entry) ? (replacements.get(entry) as Item).port : entry,
    ) as TransferListItem[],
    send(post) {
      let result: ReturnType<typeof post>;
      try {
        result = post();
      } catch (error) {
        for (const { port1 } of channels) port1.close();
        throw error;
      }
      for (const [i, object] of objects.entries()) typeOf(object)!.detach(object, linkOf(channels[i]!.port1));
      return result;
    },
  };
}

function isEnvelope(value: unknown): value is Envelope {
  return typeof value === "object" && value !== null && Array.isArray((value as Partial<Envelope>)[ENVELOPE]);
}

function unpack(value: unknown): unknown {
  const { [ENVELOPE]: items, message } = value as Envelope;
  const replacements = new Map<unknown, unknown>();
  for (const item of items) {
    const type = types.get(item.type);
    // A thread that has less installed than the one that sent it: the port is let go, and the object ends.
    if (type === undefined) item.port.close();
    else replacements.set(item, type.receive(item.description, linkOf(item.port)));
  }
  return substitute(message, replacements);
}

/** A copy of the value in which some objects stand for others; what cannot contain them stays as it is. */
function substitute(value: unknown, replacements: Map<unknown, unknown>): unknown {
  if (typeof value !== "object" || value === null) return value;
  const known = replacements.get(value);
  if (known !== undefined) return known;
  if (Array.isArray(value)) {
    const copy: unknown[] = new Array(value.length);
    replacements.set(value, copy);
    for (const key of Object.keys(value))
      copy[key as unknown as number] = substitute(value[key as unknown as number], replacements);
    return copy;
  }
  if (value instanceof Map) {
    const copy = new Map<unknown, unknown>();
    replacements.set(value, copy);
    for (const [key, entry] of value) copy.set(substitute(key, replacements), substitute(entry, replacements));
    return copy;
  }
  if (value instanceof Set) {
    const copy = new Set<unknown>();
    replacements.set(value, copy);
    for (const entry of value) copy.add(substitute(entry, replacements));
    return copy;
  }
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return value;
  const copy: Record<string, unknown> = {};
  replacements.set(value, copy);
  for (const [key, entry] of Object.entries(value)) {
    const plain = { value: substitute(entry, replacements), writable: true, enumerable: true, configurable: true };
    Object.defineProperty(copy, key, plain);
  }
  return copy;
}

function linkOf(port: MessagePort): TransferLink {
  return {
    post: (message, moved) => port.postMessage(message, [...moved]),
    listen(onMessage, onGone) {
      port.on("message", onMessage);
      port.on("close", onGone);
    },
    close: () => port.close(),
    hold: (hold) => {
      if (hold) port.ref();
      else port.unref();
    },
  };
}
