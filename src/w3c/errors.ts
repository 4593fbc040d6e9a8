// Exceptions of the W3C layer: DOMException by name, and RTCError (webrtc-pc §11, with webrtc-identity's addition).
import type { JsepError } from "../jsep/errors.js";
import { type Dictionary, dictionary, domString, enumeration, integer, long } from "./conversions.js";
import { constructing, defineInterface, requireArguments } from "./webidl.js";

export type DOMExceptionName =
  | "AbortError"
  | "DataCloneError"
  | "InvalidAccessError"
  | "InvalidCharacterError"
  | "InvalidModificationError"
  | "InvalidStateError"
  | "NetworkError"
  | "NotAllowedError"
  | "NotFoundError"
  | "NotReadableError"
  | "NotSupportedError"
  | "OperationError"
  | "SyntaxError";

export function domException(name: DOMExceptionName, message: string): DOMException {
  return new DOMException(message, name);
}

export type RTCErrorDetailType =
  | "data-channel-failure"
  | "dtls-failure"
  | "fingerprint-failure"
  | "sctp-failure"
  | "sdp-syntax-error"
  | "hardware-encoder-not-available"
  | "hardware-encoder-error"
  | "idp-bad-script-failure"
  | "idp-execution-failure"
  | "idp-load-failure"
  | "idp-need-login"
  | "idp-timeout"
  | "idp-tls-failure"
  | "idp-token-expired"
  | "idp-token-invalid";

export interface RTCErrorInit {
  errorDetail: RTCErrorDetailType;
  httpRequestStatusCode?: number | undefined;
  receivedAlert?: number | undefined;
  sctpCauseCode?: number | undefined;
  sdpLineNumber?: number | undefined;
  sentAlert?: number | undefined;
}

const unsignedLong = integer("unsigned long");
const rtcErrorInit: Dictionary<RTCErrorInit> = dictionary<RTCErrorInit>("RTCErrorInit", {
  errorDetail: {
    required: true,
    type: enumeration<RTCErrorDetailType>("RTCErrorDetailType", [
      "data-channel-failure",
      "dtls-failure",
      "fingerprint-failure",
      "sctp-failure",
      "sdp-syntax-error",
      "hardware-encoder-not-available",
      "hardware-encoder-error",
      "idp-bad-script-failure",
      "idp-execution-failure",
      "idp-load-failure",
      "idp-need-login",
      "idp-timeout",
      "idp-tls-failure",
      "idp-token-expired",
      "idp-token-invalid",
    ]),
  },
  httpRequestStatusCode: { type: long },
  receivedAlert: { type: unsignedLong },
  sctpCauseCode: { type: long },
  sdpLineNumber: { type: long },
  sentAlert: { type: unsignedLong },
});

export class RTCError extends DOMException {
  readonly #init: RTCErrorInit;

  constructor(...args: [init: RTCErrorInit, message?: string]) {
    const where = constructing("RTCError");
    requireArguments(args.length, 1, where);
    const init = rtcErrorInit(args[0], where);
    super(args[1] === undefined ? "" : domString(args[1], where), "OperationError");
    this.#init = init;
  }

  get errorDetail(): RTCErrorDetailType {
    return this.#init.errorDetail;
  }
  get sdpLineNumber(): number | null {
    return this.#init.sdpLineNumber ?? null;
  }
  get sctpCauseCode(): number | null {
    return this.#init.sctpCauseCode ?? null;
  }
  get receivedAlert(): number | null {
    return this.#init.receivedAlert ?? null;
  }
  get sentAlert(): number | null {
    return this.#init.sentAlert ?? null;
  }
  get httpRequestStatusCode(): number | null {
    return this.#init.httpRequestStatusCode ?? null;
  }

  static {
    defineInterface(RTCError, { name: "RTCError", brand: (o) => #init in o, constructorLength: 1 });
  }
}

/** An error of offer and answer as the exception that the W3C names for it. */
export function exceptionOf(error: JsepError): DOMException {
  if (error.kind !== "sdp-syntax-error") return domException(error.kind, error.message);
  const where = error.line === undefined ? "" : ` (line ${error.line})`;
  return new RTCError({ errorDetail: "sdp-syntax-error", sdpLineNumber: error.line }, `${error.message}${where}`);
}
