// The globals that every JavaScript runtime we target has (Node, Deno, Bun, workers, browsers), and the only ones the
// core may use: it compiles with no platform types at all. Clocks, timers, randomness and sockets are not here on
// purpose: they are injected (see docs/architecture.md).

declare function queueMicrotask(callback: () => void): void;

declare class TextEncoder {
  encode(input?: string): Uint8Array<ArrayBuffer>;
  encodeInto(source: string, destination: Uint8Array): { read: number; written: number };
}

declare class TextDecoder {
  constructor(label?: string, options?: { fatal?: boolean; ignoreBOM?: boolean });
  decode(input?: ArrayBuffer | ArrayBufferView): string;
}

interface EventInit {
  bubbles?: boolean;
  cancelable?: boolean;
  composed?: boolean;
}

declare class Event {
  constructor(type: string, eventInitDict?: EventInit);
  readonly type: string;
  readonly target: EventTarget | null;
  readonly currentTarget: EventTarget | null;
  readonly defaultPrevented: boolean;
  readonly timeStamp: number;
  preventDefault(): void;
  stopPropagation(): void;
  stopImmediatePropagation(): void;
}

interface EventListenerObject {
  handleEvent(event: Event): void;
}
interface AddEventListenerOptions {
  capture?: boolean;
  once?: boolean;
  passive?: boolean;
  signal?: unknown;
}

declare class EventTarget {
  addEventListener(
    type: string,
    listener: ((event: Event) => void) | EventListenerObject | null,
    options?: AddEventListenerOptions | boolean,
  ): void;
  removeEventListener(
    type: string,
    listener: ((event: Event) => void) | EventListenerObject | null,
    options?: AddEventListenerOptions | boolean,
  ): void;
  dispatchEvent(event: Event): boolean;
}

declare class DOMException extends Error {
  constructor(message?: string, nameOrOptions?: string | { name?: string; cause?: unknown });
  readonly code: number;
}

declare class Blob {
  constructor(parts?: readonly (ArrayBuffer | ArrayBufferView | Blob | string)[], options?: { type?: string });
  readonly size: number;
  readonly type: string;
  arrayBuffer(): Promise<ArrayBuffer>;
}

declare class TransformStream {
  constructor(transformer: {
    transform(chunk: unknown, controller: { enqueue(chunk: unknown): void }): void | Promise<void>;
  });
  readonly readable: object;
  readonly writable: object;
}

interface ReadableStreamController {
  readonly desiredSize: number | null;
  enqueue(chunk: unknown): void;
  close(): void;
}
declare class ReadableStream {
  constructor(
    source: { start?(controller: ReadableStreamController): void; cancel?(): void },
    strategy?: { highWaterMark: number },
  );
}
declare class WritableStream {
  constructor(sink: { write?(chunk: unknown): void | Promise<void> });
}

declare function structuredClone<T>(value: T, options?: { transfer?: readonly object[] }): T;

interface MessagePort {
  onmessage: ((event: MessageEvent) => void) | null;
  postMessage(message: unknown, transfer?: readonly object[]): void;
  close(): void;
}
declare class MessageChannel {
  readonly port1: MessagePort;
  readonly port2: MessagePort;
}

/** Of WebCrypto only what can read the program's CryptoKeys. */
declare const crypto: {
  readonly subtle: {
    deriveBits(algorithm: object, key: object, length: number): Promise<ArrayBuffer>;
  };
};

declare namespace WebAssembly {
  class Module {
    constructor(bytes: Uint8Array);
  }
  class Memory {
    constructor(descriptor: { initial: number; maximum?: number });
    readonly buffer: ArrayBuffer;
    grow(delta: number): number;
  }
  class Instance {
    constructor(module: Module, imports?: Record<string, Record<string, unknown>>);
    readonly exports: Record<string, unknown>;
  }
}

declare class MessageEvent extends Event {
  constructor(type: string, eventInitDict?: EventInit & { data?: unknown; origin?: string });
  readonly data: unknown;
}

interface String {
  toWellFormed(): string;
}
