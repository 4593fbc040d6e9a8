// What the two sides of an RTCRtpScriptTransform say to each other over their MessagePort.
import type { FrameUnit } from "./frame-transform.js";

/** In the first message to the worker, which is not for the program. */
export const TRANSFORM_KEY = "parley-rtc:transform";

/** That message. */
export interface TransformMessage {
  readonly [TRANSFORM_KEY]: true;
  readonly port: MessagePort;
  readonly options: unknown;
  /** Of the times in metadata, Unix milliseconds. */
  readonly timeOrigin: number;
}

export function isTransformMessage(data: unknown): data is TransformMessage {
  return typeof data === "object" && data !== null && (data as Partial<TransformMessage>)[TRANSFORM_KEY] === true;
}

export interface FrameMessage extends FrameUnit {
  readonly op: "frame";
}

export interface CallError {
  readonly name: "InvalidStateError" | "NotAllowedError" | "NotFoundError";
  readonly message: string;
}

export type ToWorker =
  | FrameMessage
  | { readonly op: "keyFrameRequest"; readonly encoding: number; readonly rid: string | null }
  | { readonly op: "reply"; readonly call: number; readonly error: CallError | undefined };

export type FromWorker =
  | FrameMessage
  /** So many frames have come. */
  | { readonly op: "received"; readonly count: number }
  | { readonly op: "generateKeyFrame"; readonly call: number; readonly rid: string | undefined }
  | { readonly op: "sendKeyFrameRequest"; readonly call: number }
  /** The program did not object to the request of the peer. */
  | { readonly op: "keyFrame"; readonly encoding: number };

/** Frames that the worker takes before it says so. */
export const FRAMES_PER_RECEIPT = 8;
/** Frames that wait for a worker; what comes then is dropped. */
export const MAX_FRAMES_UNDER_WAY = 128;

/** Without holding the process: Node's ports do. */
export function listen<T>(port: MessagePort, onMessage: (message: T) => void): void {
  const listener = (event: MessageEvent): void => onMessage(event.data as T);
  port.onmessage = listener;
  (port as MessagePort & { unref?(): void }).unref?.();
}

export function postFrame(port: MessagePort, { type, data, metadata, carried }: FrameUnit): void {
  port.postMessage({ op: "frame", type, data, metadata, carried } satisfies FrameMessage, [data]);
}
