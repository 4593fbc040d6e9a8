// One question to a STUN server over TCP or TLS (RFC 8489 §6.2.2, §6.2.3; `stuns:` of RFC 7064): a connection, a Binding request,
// the answer. What it tells is the address that our connections come from: a reflexive active candidate of TCP.
import { parseStunMessage, StunAttribute, StunMessage, StunMethod } from "../stun/message.js";
import type { Cancellable, StreamHandler, StreamPort, TransportAddress } from "../util/net.js";
import type { IceAgentOptions, IceServer } from "./options.js";

/** Milliseconds for the connection and the answer: gathering waits for them. */
const PROBE_TIMEOUT = 10_000;
/** Bytes of an answer. Far less is needed; what is longer is none. */
const MAX_ANSWER = 2048;
const HEADER = 20;
const UNREACHABLE = 701;

/** Exactly one of them is called, once; none after `close`. */
export interface StreamProbeHost {
  onMapped(mapped: TransportAddress, now: number): void;
  onFailed(code: number, text: string, now: number): void;
}

export class StreamProbe implements StreamHandler {
  private readonly id: Uint8Array;
  private readonly host: StreamProbeHost;
  private readonly attempt: Cancellable;
  private stream: StreamPort | undefined;
  private answer: Uint8Array = new Uint8Array(0);
  private endAt: number;

  constructor(
    options: Pick<IceAgentOptions, "crypto" | "network">,
    server: IceServer,
    address: string,
    localAddress: string,
    host: StreamProbeHost,
    now: number,
  ) {
    this.id = options.crypto.random(12);
    this.host = host;
    this.endAt = now + PROBE_TIMEOUT;
    const tls = server.scheme === "stuns" ? { serverName: server.hostname } : undefined;
    this.attempt = options.network.connectTcp({ address, port: server.port, localAddress, tls }, this);
  }

  /** Infinity once it is over. */
  get deadline(): number {
    return this.endAt;
  }

  handleTimeout(now: number): void {
    if (now >= this.endAt) this.fail(UNREACHABLE, "The server did not answer", now);
  }

  close(): void {
    this.endAt = Infinity;
    this.attempt.cancel();
    this.stream?.close();
  }

  onOpen(stream: StreamPort): void {
    if (this.endAt === Infinity) {
      stream.close();
      return;
    }
    this.stream = stream;
    stream.write(new StunMessage("request", StunMethod.binding, this.id).encode({ fingerprint: true }));
  }

  onData(data: Uint8Array, now: number): void {
    if (this.endAt === Infinity) return;
    if (this.answer.length + data.length > MAX_ANSWER) {
      this.fail(UNREACHABLE, "What came is no answer", now);
      return;
    }
    const answer = new Uint8Array(this.answer.length + data.length);
    answer.set(this.answer);
    answer.set(data, this.answer.length);
    this.answer = answer;
    if (answer.length < HEADER) return;
    const length = HEADER + ((answer[2]! << 8) | answer[3]!);
    if (answer.length >= length) this.read(answer.subarray(0, length), now);
  }

  onDrained(): void {}

  onClose(reason: string | undefined, now: number): void {
    if (this.endAt !== Infinity) this.fail(UNREACHABLE, reason ?? "The server closed the connection", now);
  }

  private read(answer: Uint8Array, now: number): void {
    const message = parseStunMessage(answer);
    const ours = message?.transactionId.every((byte, i) => byte === this.id[i]) === true;
    const mapped = message?.address(StunAttribute.xorMappedAddress) ?? message?.address(StunAttribute.mappedAddress);
    if (ours && message?.class === "success" && mapped !== undefined) {
      this.close();
      this.host.onMapped(mapped, now);
    } else {
      const error = ours ? message?.error : undefined;
      this.fail(error?.code ?? UNREACHABLE, error?.reason ?? "The answer has no address", now);
    }
  }

  private fail(code: number, text: string, now: number): void {
    this.close();
    this.host.onFailed(code, text, now);
  }
}
