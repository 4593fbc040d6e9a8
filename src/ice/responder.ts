// The server side of connectivity checks (RFC 8445 §7.3): is a Binding request one of the peer's, and the answer to it.
// What an accepted one means for pairs and nomination is the session's business.
import type { CryptoProvider, Hmac } from "../crypto/provider.js";
import { StunAttribute, type StunMessage } from "../stun/message.js";
import { compareTieBreakers, writeError } from "./binding.js";
import type { IceAgentOptions, IceCounters, IceRole } from "./options.js";

/** Error responses to requests that do not authenticate: no more than this per second. */
const MAX_ERROR_RESPONSES = 20;

/** An accepted request. */
export interface AcceptedCheck {
  readonly priority: number;
  readonly peerFragment: string;
  readonly useCandidate: boolean;
}

export interface ResponderHost {
  readonly role: IceRole;
  readonly tieBreaker: Uint8Array;
  /** The peer's ufrag, once known. */
  readonly peerFragment: string | undefined;
  /** The conflict of §7.3.1.1 is lost. */
  yieldRole(role: IceRole, now: number): void;
}

export class Responder {
  private readonly crypto: Pick<CryptoProvider, "equal">;
  private readonly usernameFragment: string;
  private readonly key: Hmac;
  private readonly lite: boolean;
  private readonly counters: IceCounters;
  private readonly host: ResponderHost;
  private errorWindow = 0;
  private errorCount = 0;

  constructor(
    options: Pick<IceAgentOptions, "crypto" | "lite">,
    usernameFragment: string,
    key: Hmac,
    counters: IceCounters,
    host: ResponderHost,
  ) {
    this.crypto = options.crypto;
    this.lite = options.lite === true;
    this.usernameFragment = usernameFragment;
    this.key = key;
    this.counters = counters;
    this.host = host;
  }

  /** The request's content, or the error response to send, or undefined to keep silent. */
  examine(message: StunMessage, now: number): AcceptedCheck | Uint8Array<ArrayBuffer> | undefined {
    // RFC 8489 §9.1.3.
    const username = message.text(StunAttribute.username);
    if (username === undefined || !message.hasIntegrity) return this.reject(message, 400, "Bad Request", now);
    const colon = username.indexOf(":");
    const peerFragment = username.slice(colon + 1);
    const known = this.host.peerFragment;
    if (
      colon < 0 ||
      username.slice(0, colon) !== this.usernameFragment ||
      (known !== undefined && peerFragment !== known) ||
      !message.verifyIntegrity(this.key, this.crypto)
    ) {
      return this.reject(message, 401, "Unauthenticated", now);
    }
    // From here on it is the peer's, and so the response is protected.
    const unknown = message.unknownRequired();
    if (unknown.length > 0) return writeError(message, 420, "Unknown Attribute", this.key, unknown);
    const priority = message.u32(StunAttribute.priority);
    if (priority === undefined) return writeError(message, 400, "Bad Request", this.key);
    if (!this.lite && this.winsRoleConflict(message, now)) return writeError(message, 487, "Role Conflict", this.key);
    return { priority, peerFragment, useCandidate: message.has(StunAttribute.useCandidate) };
  }

  private reject(message: StunMessage, code: number, reason: string, now: number): Uint8Array<ArrayBuffer> | undefined {
    this.counters.rejectedRequests++;
    if (now >= this.errorWindow + 1000) {
      this.errorWindow = now;
      this.errorCount = 0;
    }
    return ++this.errorCount > MAX_ERROR_RESPONSES ? undefined : writeError(message, code, reason, undefined);
  }

  /** RFC 8445 §7.3.1.1. True: there is a conflict, and the peer is to yield. Otherwise we have, or there is none. */
  private winsRoleConflict(message: StunMessage, now: number): boolean {
    const { role, tieBreaker } = this.host;
    const theirs = message.get(role === "controlling" ? StunAttribute.iceControlling : StunAttribute.iceControlled);
    if (theirs === undefined || theirs.length !== 8) return false;
    // The larger tie-breaker controls.
    const larger = compareTieBreakers(tieBreaker, theirs) >= 0;
    if (role === "controlling" ? larger : !larger) return true;
    this.host.yieldRole(role === "controlling" ? "controlled" : "controlling", now);
    return false;
  }
}
