// What goes wrong in offer and answer, as values. The W3C layer makes the DOMException or RTCError of that name.

export type JsepErrorKind =
  | "InvalidStateError"
  | "InvalidAccessError"
  | "InvalidModificationError"
  | "OperationError"
  /** An RTCError with errorDetail "sdp-syntax-error" and sdpLineNumber `line`. */
  | "sdp-syntax-error";

export interface JsepError {
  readonly kind: JsepErrorKind;
  readonly message: string;
  /** The line of the description, counted from 1, where it is known. */
  readonly line?: number | undefined;
}

export type JsepResult<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: JsepError };

export function success<T>(value: T): JsepResult<T> {
  return { ok: true, value };
}

export function failure(error: JsepError): { readonly ok: false; readonly error: JsepError } {
  return { ok: false, error };
}

export function invalidAccess(message: string, line?: number): JsepError {
  return { kind: "InvalidAccessError", message, line };
}
