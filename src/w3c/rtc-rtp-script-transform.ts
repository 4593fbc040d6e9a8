// RTCRtpScriptTransform and the objects of its worker's side (webrtc-encoded-transform §4): their shape. What they do is in
// script-transform.ts and script-transformer.ts.
import { any, type Converter, dictionary, domString, enumeration, object, sequence } from "./conversions.js";
import type { EventHandler, TypedEventTargetConstructor } from "./event-handlers.js";
import { registerTransform } from "./frame-transform.js";
import { ScriptTransform, type WorkerLike } from "./script-transform.js";
import {
  construct,
  constructing,
  defineInterface,
  executing,
  requireArguments,
  takeImpl,
  takeImplIfAny,
} from "./webidl.js";

export type { WorkerLike };
export interface WorkerAndParameters {
  worker: WorkerLike;
  type?: "sframe";
}

const worker: Converter<WorkerLike> = (value, where) => {
  const candidate = object(value, where) as Partial<WorkerLike>;
  if (typeof candidate.postMessage === "function") return candidate as WorkerLike;
  throw new TypeError(`${where}Failed to convert value to 'Worker'.`);
};
const workerAndParameters = dictionary<WorkerAndParameters>("WorkerAndParameters", {
  worker: { type: worker, required: true },
  type: { type: enumeration<"sframe">("RTCRtpScriptTransformType", ["sframe"]) },
});
const transferList = sequence(object);

export class RTCRtpScriptTransform {
  readonly #isTransform = true;

  /**
   * `worker`: a Worker of node:worker_threads that imports parley-rtc/worker, or of whatever else has its postMessage. It gets
   * an rtctransform event. Throws DataCloneError if `options` cannot be sent there.
   */
  constructor(
    ...args: [
      workerOrWorkerAndParameters: WorkerLike | WorkerAndParameters,
      options?: unknown,
      transfer?: Iterable<object>,
    ]
  ) {
    const where = constructing("RTCRtpScriptTransform");
    requireArguments(args.length, 1, where);
    const [given, options, transfer] = args;
    // A union: what is a Worker is one, what is any other object is the dictionary.
    const isWorker = typeof (given as Partial<WorkerLike> | null)?.postMessage === "function";
    const taken = isWorker ? worker(given, where) : workerAndParameters(given, where).worker;
    const transferred = transfer === undefined ? [] : transferList(transfer, where);
    const impl = new ScriptTransform(taken, any(options, where), transferred);
    registerTransform(this, (target) => impl.attach(target));
  }

  static {
    defineInterface(RTCRtpScriptTransform, {
      name: "RTCRtpScriptTransform",
      brand: (o) => #isTransform in o,
      constructorLength: 1,
    });
  }
}

// -- RTCRtpScriptTransformer

export interface ScriptTransformerImpl {
  /** A ReadableStream of frames. */
  readonly readable: object;
  /** A WritableStream of frames. */
  readonly writable: object;
  readonly options: unknown;
  generateKeyFrame(rid: string | undefined): Promise<void>;
  sendKeyFrameRequest(): Promise<void>;
}

export interface RTCRtpScriptTransformerEventMap {
  keyframerequest: KeyFrameRequestEvent;
}
const TransformerTarget: TypedEventTargetConstructor<RTCRtpScriptTransformerEventMap> = EventTarget;

export class RTCRtpScriptTransformer extends TransformerTarget {
  readonly #impl: ScriptTransformerImpl = takeImpl();
  declare onkeyframerequest: EventHandler<KeyFrameRequestEvent>;

  get readable(): object {
    return this.#impl.readable;
  }
  get writable(): object {
    return this.#impl.writable;
  }
  get options(): unknown {
    return this.#impl.options;
  }

  generateKeyFrame(rid?: string): Promise<void> {
    const where = executing("generateKeyFrame", "RTCRtpScriptTransformer");
    return this.#impl.generateKeyFrame(rid === undefined ? undefined : domString(rid, where));
  }
  sendKeyFrameRequest(): Promise<void> {
    return this.#impl.sendKeyFrameRequest();
  }

  static {
    defineInterface(RTCRtpScriptTransformer, {
      name: "RTCRtpScriptTransformer",
      brand: (o) => #impl in o,
      required: { generateKeyFrame: 0 },
      promises: ["generateKeyFrame", "sendKeyFrameRequest"],
      handlers: ["keyframerequest"],
    });
  }
}

// -- Events

export class RTCTransformEvent extends Event {
  readonly #transformer: RTCRtpScriptTransformer;

  constructor() {
    const transformer = takeImpl<RTCRtpScriptTransformer>();
    super("rtctransform");
    this.#transformer = transformer;
  }

  get transformer(): RTCRtpScriptTransformer {
    return this.#transformer;
  }

  static {
    defineInterface(RTCTransformEvent, { name: "RTCTransformEvent", brand: (o) => #transformer in o });
  }
}

export function createTransformEvent(transformer: RTCRtpScriptTransformer): RTCTransformEvent {
  return construct(RTCTransformEvent, transformer);
}

export function createKeyFrameRequestEvent(rid: string | null): KeyFrameRequestEvent {
  return construct(KeyFrameRequestEvent as unknown as new () => KeyFrameRequestEvent, { rid });
}

export class KeyFrameRequestEvent extends Event {
  readonly #rid: string | null;

  constructor(...args: [type: string, rid?: string]) {
    const fired = takeImplIfAny<{ readonly rid: string | null }>();
    if (fired !== undefined) {
      // preventDefault() refuses the request.
      super("keyframerequest", { cancelable: true });
      this.#rid = fired.rid;
      return;
    }
    const where = constructing("KeyFrameRequestEvent");
    requireArguments(args.length, 1, where);
    const [type, rid] = args;
    super(domString(type, where));
    this.#rid = rid === undefined ? null : domString(rid, where);
  }

  get rid(): string | null {
    return this.#rid;
  }

  static {
    defineInterface(KeyFrameRequestEvent, {
      name: "KeyFrameRequestEvent",
      brand: (o) => #rid in o,
      constructorLength: 1,
    });
  }
}
