// The client side of connectivity checks (RFC 8445 §7.2.2): writes and repeats Binding requests to the peer, and tells
// which response answers which. What a result means is the session's business.
import type { CryptoProvider, Hmac } from "../crypto/provider.js";
import { shortTermKey } from "../stun/credentials.js";
import type { StunMessage } from "../stun/message.js";
import { type StunSchedule, type StunTransaction, StunTransactions } from "../stun/transaction.js";
import { utf8Encode } from "../util/text.js";
import { writeCheck } from "./binding.js";
import type { IceParameters, IceRole, IceTiming } from "./options.js";
import type { CandidatePair, Check } from "./pair.js";

/** A consent check is answered within this, in milliseconds, or not at all. */
const CONSENT_ANSWER_WINDOW = 10_000;
const CONSENT_SCHEDULE: StunSchedule = { rto: CONSENT_ANSWER_WINDOW, rc: 1, lastWait: CONSENT_ANSWER_WINDOW };

export class Checker {
  private readonly crypto: CryptoProvider;
  private readonly timing: IceTiming;
  private readonly overTcp: StunSchedule;
  private readonly transactions: StunTransactions<Check>;
  private key: Hmac | undefined;
  private username: Uint8Array = new Uint8Array(0);

  /** `onTimeout`: a check (none for consent) that nobody answered, and that its pair still waited for. */
  constructor(crypto: CryptoProvider, timing: IceTiming, onTimeout: (check: Check, now: number) => void) {
    this.crypto = crypto;
    this.timing = timing;
    this.overTcp = { rto: timing.check.rto, rc: 1, lastWait: timing.patience };
    this.transactions = new StunTransactions<Check>({
      transmit: (bytes, { context }) => {
        const { pair } = context;
        pair.port.send(bytes, pair.address, pair.portNumber);
      },
      onTimeout: (transaction, now) => {
        const check = transaction.context;
        if (check.consent || check.pair.check !== transaction) return;
        check.pair.check = undefined;
        onTimeout(check, now);
      },
    });
  }

  /** The peer's credentials are known: checks can be sent. */
  get ready(): boolean {
    return this.key !== undefined;
  }

  get deadline(): number {
    return this.transactions.deadline;
  }

  setCredentials(localFragment: string, remote: IceParameters): void {
    this.key = this.crypto.createHmac("sha-1", shortTermKey(remote.password));
    this.username = utf8Encode(`${remote.usernameFragment}:${localFragment}`);
  }

  handleTimeout(now: number): void {
    this.transactions.handleTimeout(now);
  }

  /** The pair's connectivity check, in place of the one that was under way. */
  check(pair: CandidatePair, role: IceRole, tieBreaker: Uint8Array, nominating: boolean, now: number): void {
    if (pair.check !== undefined) this.transactions.stopSending(pair.check);
    const schedule = pair.base.protocol === "tcp" ? this.overTcp : this.timing.check;
    if (this.key !== undefined) pair.requestsSent++;
    pair.check = this.start(pair, role, tieBreaker, nominating, false, schedule, now);
  }

  /** Of a pair that we nominated it repeats that: a peer may have answered the first time without taking it in. */
  checkConsent(pair: CandidatePair, role: IceRole, tieBreaker: Uint8Array, now: number): void {
    pair.consentRequestsSent++;
    this.start(pair, role, tieBreaker, pair.nominated && role === "controlling", true, CONSENT_SCHEDULE, now);
  }

  /**
   * The transaction that a response answers, now ended; undefined if there is none, or the response is not the peer's.
   * An error without integrity may be anyone's and changes nothing: the request is repeated until it times out.
   */
  settle(message: StunMessage): StunTransaction<Check> | undefined {
    const transaction = this.transactions.find(message.transactionId);
    if (transaction === undefined || this.key === undefined) return undefined;
    if (!message.verifyIntegrity(this.key, this.crypto)) return undefined;
    this.transactions.settle(transaction);
    const { pair } = transaction.context;
    if (pair.check === transaction) pair.check = undefined;
    return transaction;
  }

  /**
   * The peer's check has come through: ours is worth repeating. RFC 8445 §7.3.1.4 has a new transaction; sending the
   * present one again serves the same end. Not at once where its answer may be on its way. False if none is under way.
   */
  expedite(pair: CandidatePair, now: number): boolean {
    const { check } = pair;
    if (check === undefined || check.transmissions >= check.schedule.rc) return false;
    this.transactions.expedite(check, Math.max(now, check.sentAt + 2 * this.timing.ta));
    return true;
  }

  /** Repeats no more requests for which `wanted` is false; late answers still count. */
  silence(wanted: (check: Check) => boolean): void {
    for (const transaction of this.transactions.values()) {
      if (!transaction.context.consent && !wanted(transaction.context)) this.transactions.stopSending(transaction);
    }
  }

  /** The pair's check is of no more interest. */
  cancel(pair: CandidatePair): void {
    if (pair.check !== undefined) this.transactions.settle(pair.check);
    pair.check = undefined;
  }

  /** Nothing about this pair is. */
  forget(pair: CandidatePair): void {
    for (const transaction of this.transactions.values()) {
      if (transaction.context.pair === pair) this.transactions.settle(transaction);
    }
    pair.check = undefined;
  }

  clear(): void {
    this.transactions.clear();
  }

  private start(
    pair: CandidatePair,
    role: IceRole,
    tieBreaker: Uint8Array,
    useCandidate: boolean,
    consent: boolean,
    schedule: StunSchedule,
    now: number,
  ): StunTransaction<Check> | undefined {
    if (this.key === undefined) return undefined;
    const { username } = this;
    const priority = pair.base.peerReflexivePriority;
    const transactionId = this.crypto.random(12);
    const request = { transactionId, username, priority, role, tieBreaker, useCandidate };
    const bytes = writeCheck(request, this.key);
    // The answer to a repeated nomination says nothing new, and may be one to a pair that was left meanwhile.
    const check = { pair, role, nominating: useCandidate && !consent, consent, priority };
    return this.transactions.start(transactionId, bytes, check, schedule, now);
  }
}
