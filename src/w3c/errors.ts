// DOMExceptions by name, and RTCError (webrtc-pc §11).
import type { JsepError } from "../jsep/errors.js";
import {
  constructing,
  defineInterface,
  dictionary,
  enumeration,
  requireArguments,
  toDOMString,
  unsigned,
} from "./webidl.js";

export type RTCErrorDetailType =
  | "data-channel-failure"
  | "dtls-failure"
  | "fingerprint-failure"
  | "sctp-failure"
  | "sdp-syntax-error"
  | "hardware-encoder-not-available"
  | "hardware-encoder-error";

export interface RTCErrorInit {
  errorDetail: RTCErrorDetailType;
  sdpLineNumber?: number;
  sctpCauseCode?: number;
  receivedAlert?: number;
  sentAlert?: number;
  httpRequestStatusCode?: number;
}

const toLong = (value: unknown): number => Number(value) | 0;

const toRTCErrorInit = dictionary<RTCErrorInit>("RTCErrorInit", {
  errorDetail: {
    convert: enumeration<RTCErrorDetailType>("RTCErrorDetailType", [
      "data-channel-failure",
      "dtls-failure",
      "fingerprint-failure",
      "sctp-failure",
      "sdp-syntax-error",
      "hardware-encoder-not-available",
      "hardware-encoder-error",
    ]),
    required: true,
  },
  sdpLineNumber: { convert: toLong },
  sctpCauseCode: { convert: toLong },
  receivedAlert: { convert: unsigned(32) },
  sentAlert: { convert: unsigned(32) },
  httpRequestStatusCode: { convert: toLong },
});

/** An error of the stack below: what went wrong, and the number that says so (webrtc-pc §11.2). */
export class RTCError extends DOMException {
  readonly #init: RTCErrorInit;

  constructor(init: RTCErrorInit, message = "") {
    requireArguments(arguments.length, 1, constructing("RTCError"));
    const converted = toRTCErrorInit(init, constructing("RTCError"));
    super(toDOMString(message, constructing("RTCError")), "OperationError");
    this.#init = converted;
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
}
defineInterface(RTCError, { length: 1 });

/** An error of offer and answer as the exception that the W3C names for it. */
export function exceptionOf(error: JsepError): DOMException {
  if (error.kind !== "sdp-syntax-error") return new DOMException(error.message, error.kind);
  const init: RTCErrorInit = { errorDetail: "sdp-syntax-error" };
  if (error.line !== undefined) init.sdpLineNumber = error.line;
  const where = error.line === undefined ? "" : ` (line ${error.line})`;
  return new RTCError(init, `${error.message}${where}`);
}
