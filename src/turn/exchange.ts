// Requests to one server under the long-term credential mechanism (RFC 8489 §9.2): signs them, answers challenges with a
// new transaction, drops responses that are not to be believed. What is asked and what an answer means is the owner's.
import { nonceFeatures } from "../stun/credentials.js";
import { StunAttribute, type StunError, StunMessage } from "../stun/message.js";
import { STUN_OVER_TCP, STUN_OVER_UDP, type StunTransaction, StunTransactions } from "../stun/transaction.js";
import { bidDown, LongTermCredentials, type TurnCrypto } from "./credentials.js";

/** 401 and 438 answers in a row to one request. */
const MAX_CHALLENGES = 4;

export interface ExchangeHost<T> {
  transmit(bytes: Uint8Array): void;
  /** Adds the attributes of a request; called again for each new transaction. */
  compose(request: StunMessage, context: T): void;
  /** `delayed`: it took more than one transmission, so what was sent behind the first one came too early. */
  onSuccess(response: StunMessage, context: T, delayed: boolean, now: number): void;
  onRefused(error: StunError, response: StunMessage, context: T, now: number): void;
  /** Nobody answered, or nobody whom we believe. */
  onNoAnswer(problem: string, context: T, now: number): void;
  /** Whether an error without integrity may be believed where the request was signed. */
  believes(error: StunError, context: T): boolean;
}

interface Request<T> {
  readonly method: number;
  readonly context: T;
  /** It carried credentials. */
  readonly signed: boolean;
  /** Challenges that it answers. */
  readonly challenges: number;
  /** Sent without knowing the time. */
  timeless: boolean;
  /** What was wrong with an answer that was dropped. */
  problem: string | undefined;
}

/** "done": it ended a transaction. "dropped": it was not believed. "unexpected": it answers nothing. */
export type ResponseOutcome = "done" | "dropped" | "unexpected" | "malformed";

export class Exchange<T> {
  private readonly host: ExchangeHost<T>;
  private readonly crypto: TurnCrypto;
  private readonly reliable: boolean;
  private readonly credentials: LongTermCredentials;
  private readonly transactions: StunTransactions<Request<T>>;

  constructor(host: ExchangeHost<T>, crypto: TurnCrypto, username: string, password: string, reliable: boolean) {
    this.host = host;
    this.crypto = crypto;
    this.reliable = reliable;
    this.credentials = new LongTermCredentials(crypto, username, password);
    this.transactions = new StunTransactions<Request<T>>({
      transmit: (bytes) => host.transmit(bytes),
      onTimeout: ({ context: request }, now) => {
        host.onNoAnswer(request.problem ?? "the server does not answer", request.context, now);
      },
    });
  }

  get deadline(): number {
    return this.transactions.deadline;
  }

  /** `timeless`: `now` is only the latest known; `stamp` is to follow. */
  ask(method: number, context: T, timeless: boolean, now: number): void {
    this.start(method, context, 0, timeless, now);
  }

  /** Sets requests right that were sent without knowing the time: it was `late` milliseconds later than they were told. */
  stamp(late: number): void {
    for (const transaction of this.transactions.values()) {
      if (!transaction.context.timeless) continue;
      transaction.context.timeless = false;
      transaction.deadline += late;
      transaction.sentAt += late;
    }
  }

  handleTimeout(now: number): void {
    this.transactions.handleTimeout(now);
  }

  /** Gives up what does not match. */
  retain(wanted: (context: T) => boolean): void {
    for (const transaction of [...this.transactions.values()]) {
      if (!wanted(transaction.context.context)) this.transactions.settle(transaction);
    }
  }

  clear(): void {
    this.transactions.clear();
  }

  /** Another server: its challenge is its own. */
  reset(): void {
    this.clear();
    this.credentials.reset();
  }

  handleResponse(response: StunMessage, now: number): ResponseOutcome {
    const transaction = this.transactions.find(response.transactionId);
    if (transaction === undefined || transaction.context.method !== response.method) return "unexpected";
    const request = transaction.context;
    const error = response.class === "error" ? response.error : undefined;
    if (response.class === "error" && error === undefined) return "malformed";
    if (error !== undefined && (error.code === 401 || error.code === 438)) {
      return this.handleChallenge(response, transaction, error, now);
    }
    const problem = this.integrityProblem(response, request, error);
    if (problem !== undefined) {
      request.problem = problem;
      // RFC 8489 §9.2.5: a datagram is ignored and the true answer awaited; on a stream there will be no other.
      if (this.reliable) {
        this.transactions.settle(transaction);
        this.host.onNoAnswer(problem, request.context, now);
      }
      return "dropped";
    }
    this.transactions.settle(transaction);
    // RFC 8489 §6.3.3, §6.3.4.
    if (response.unknownRequired().length > 0) this.host.onNoAnswer("unknown attributes", request.context, now);
    else if (error !== undefined) this.host.onRefused(error, response, request.context, now);
    else {
      const delayed = request.challenges > 0 || transaction.transmissions > 1;
      this.host.onSuccess(response, request.context, delayed, now);
    }
    return "done";
  }

  private start(method: number, context: T, challenges: number, timeless: boolean, now: number): void {
    const id = this.crypto.random(12);
    const message = new StunMessage("request", method, id);
    this.host.compose(message, context);
    const signed = this.credentials.ready;
    const bytes = message.encode(this.credentials.apply(message));
    const request: Request<T> = { method, context, signed, challenges, timeless, problem: undefined };
    this.transactions.start(id, bytes, request, this.reliable ? STUN_OVER_TCP : STUN_OVER_UDP, now);
  }

  /** Why a response is not to be believed, if so (RFC 8489 §9.2.5). */
  private integrityProblem(
    response: StunMessage,
    request: Request<T>,
    error: StunError | undefined,
  ): string | undefined {
    const nonce = response.text(StunAttribute.nonce);
    const list = response.get(StunAttribute.passwordAlgorithms);
    if (nonce !== undefined && bidDown(nonceFeatures(nonce), list)) return "the password algorithms were taken out";
    if (!request.signed) return undefined;
    const verdict = this.credentials.verify(response);
    if (verdict === "authentic") return undefined;
    if (verdict === "unsigned" && error !== undefined && this.host.believes(error, request.context)) return undefined;
    return `the response was ${verdict}`;
  }

  private handleChallenge(
    response: StunMessage,
    transaction: StunTransaction<Request<T>>,
    error: StunError,
    now: number,
  ): ResponseOutcome {
    const request = transaction.context;
    const outcome =
      error.code === 401
        ? this.credentials.handleUnauthorized(response, request.signed)
        : this.credentials.handleStaleNonce(response);
    if (outcome === "ignored") {
      request.problem = `${error.code} ${error.reason}`;
      return "dropped";
    }
    this.transactions.settle(transaction);
    if (outcome === "retry" && request.challenges < MAX_CHALLENGES) {
      this.start(request.method, request.context, request.challenges + 1, false, now);
    } else this.host.onRefused(error, response, request.context, now);
    return "done";
  }
}
