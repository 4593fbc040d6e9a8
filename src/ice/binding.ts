// The Binding requests and responses of connectivity checks (RFC 8445 §7), as messages only.
import type { Hmac } from "../crypto/provider.js";
import { StunAttribute, StunMessage, StunMethod } from "../stun/message.js";
import type { IceRole } from "./options.js";

export interface CheckRequest {
  readonly transactionId: Uint8Array;
  /** `remote ufrag:local ufrag`, UTF-8. */
  readonly username: Uint8Array;
  readonly priority: number;
  readonly role: IceRole;
  /** 8 bytes. */
  readonly tieBreaker: Uint8Array;
  readonly useCandidate: boolean;
}

/** A connectivity check, protected with the peer's password. */
export function writeCheck(request: CheckRequest, key: Hmac): Uint8Array<ArrayBuffer> {
  const message = new StunMessage("request", StunMethod.binding, request.transactionId)
    .add(StunAttribute.username, request.username)
    .add(
      request.role === "controlling" ? StunAttribute.iceControlling : StunAttribute.iceControlled,
      request.tieBreaker,
    );
  if (request.useCandidate) message.addFlag(StunAttribute.useCandidate);
  message.addU32(StunAttribute.priority, request.priority);
  return message.encode({ integrity: key, fingerprint: true });
}

/** A keepalive (RFC 8445 §11): an indication without anything. */
export function writeKeepalive(transactionId: Uint8Array): Uint8Array<ArrayBuffer> {
  return new StunMessage("indication", StunMethod.binding, transactionId).encode({ fingerprint: true });
}

/** The success response, protected with our own password. */
export function writeSuccess(request: StunMessage, address: string, port: number, key: Hmac): Uint8Array<ArrayBuffer> {
  return new StunMessage("success", StunMethod.binding, request.transactionId)
    .addAddress(StunAttribute.xorMappedAddress, address, port)
    .encode({ integrity: key, fingerprint: true });
}

/** An error response; 400 and 401 carry no integrity (RFC 8489 §9.1.3), others that of our password. */
export function writeError(
  request: StunMessage,
  code: number,
  reason: string,
  key: Hmac | undefined,
  unknown?: readonly number[],
): Uint8Array<ArrayBuffer> {
  const message = new StunMessage("error", StunMethod.binding, request.transactionId).addError(code, reason);
  if (unknown !== undefined) message.addUnknownAttributes(unknown);
  return message.encode({ integrity: key, fingerprint: true });
}

/** RFC 8445 §16.1: unsigned 64-bit comparison. */
export function compareTieBreakers(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < 8; i++) {
    const difference = a[i]! - b[i]!;
    if (difference !== 0) return difference;
  }
  return 0;
}
