// Promises as callbacks: what the overloads of RTCPeerConnection's methods take that are older than promises (webrtc-pc §4.4.3).
import { callback } from "./conversions.js";
import type { RTCSessionDescriptionInit } from "./rtc-session-description.js";

export type RTCSessionDescriptionCallback = (description: RTCSessionDescriptionInit) => void;
export type RTCPeerConnectionErrorCallback = (error: DOMException) => void;
export type VoidFunction = () => void;

export interface LegacyCallbacks {
  readonly success: (value: unknown) => unknown;
  readonly failure: (error: unknown) => unknown;
}

export function legacyCallbacks(args: readonly unknown[], at: number, where: string): LegacyCallbacks {
  return {
    success: callback(args[at], where) as LegacyCallbacks["success"],
    failure: callback(args[at + 1], where) as LegacyCallbacks["failure"],
  };
}

/** The overloads that begin with a dictionary take it alone or with both callbacks. */
export function checkArity({ length }: readonly unknown[], where: string): void {
  if (length === 2) throw new TypeError(`${where}Valid arities are: [1, 3], but 2 arguments provided.`);
}

/** With callbacks the result goes to one of them, and the promise is fulfilled at once (§4.4.3). */
export function settle(result: Promise<unknown>, callbacks: LegacyCallbacks | undefined): Promise<unknown> {
  if (callbacks === undefined) return result;
  const { success, failure } = callbacks;
  void result.then(
    (value) => void (value === undefined ? (success as VoidFunction)() : success(value)),
    (error) => void failure(error),
  );
  return Promise.resolve();
}
