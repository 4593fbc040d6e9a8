// The State Cookie (RFC 9260 §5.1.3): everything needed to create the association, signed with HMAC-SHA-256 and dated, so
// that an INIT costs its receiver no memory. Its layout is nobody's business but ours.
import { ByteReader } from "../util/byte-reader.js";
import { ByteWriter } from "../util/byte-writer.js";
import type { SctpCrypto } from "./options.js";

const MAGIC = 0x5350_4b31;
const MAC_LENGTH = 32;

/** What the peer's INIT said and what our INIT ACK answered. */
export interface StateCookie {
  /** Monotonic milliseconds. */
  readonly createdAt: number;
  readonly localTag: number;
  readonly peerTag: number;
  readonly localInitialTsn: number;
  readonly peerInitialTsn: number;
  readonly peerRwnd: number;
  readonly outboundStreams: number;
  readonly inboundStreams: number;
  /** Bits of Capabilities (handshake.ts). */
  readonly capabilities: number;
  /** Tags of the association that existed when the INIT came; 0 if none (RFC 9260 §5.2.2). */
  readonly localTieTag: number;
  readonly peerTieTag: number;
}

export class CookieJar {
  private readonly crypto: SctpCrypto;
  private readonly hmac: ReturnType<SctpCrypto["createHmac"]>;

  constructor(crypto: SctpCrypto) {
    this.crypto = crypto;
    this.hmac = crypto.createHmac("sha-256", crypto.random(32));
  }

  seal(cookie: StateCookie): Uint8Array {
    const body = new ByteWriter(64)
      .u32(MAGIC)
      .u48(Math.max(0, Math.floor(cookie.createdAt)))
      .u32(cookie.localTag)
      .u32(cookie.peerTag)
      .u32(cookie.localInitialTsn)
      .u32(cookie.peerInitialTsn)
      .u32(cookie.peerRwnd)
      .u16(cookie.outboundStreams)
      .u16(cookie.inboundStreams)
      .u16(cookie.capabilities)
      .u32(cookie.localTieTag)
      .u32(cookie.peerTieTag)
      .finish();
    const out = new Uint8Array(body.length + MAC_LENGTH);
    out.set(body);
    out.set(this.hmac.sign(body), body.length);
    return out;
  }

  /** The cookie, or undefined if it is not ours. Its age is for the caller to judge. */
  open(bytes: Uint8Array): StateCookie | undefined {
    if (bytes.length <= MAC_LENGTH) return undefined;
    const body = bytes.subarray(0, bytes.length - MAC_LENGTH);
    if (!this.crypto.equal(this.hmac.sign(body), bytes.subarray(body.length))) return undefined;
    const r = new ByteReader(body);
    if (r.u32() !== MAGIC) return undefined;
    const cookie: StateCookie = {
      createdAt: r.u48(),
      localTag: r.u32(),
      peerTag: r.u32(),
      localInitialTsn: r.u32(),
      peerInitialTsn: r.u32(),
      peerRwnd: r.u32(),
      outboundStreams: r.u16(),
      inboundStreams: r.u16(),
      capabilities: r.u16(),
      localTieTag: r.u32(),
      peerTieTag: r.u32(),
    };
    return r.done ? cookie : undefined;
  }
}
