// Two DTLS connections over a pipe in virtual time that loses, delays, reorders, duplicates and changes datagrams as a
// function says. For unit tests and fuzz targets of src/dtls.

import { createCertificate } from "#src/dtls/certificate.js";
import { DtlsConnection } from "#src/dtls/connection.js";
import type {
  DtlsAlert,
  DtlsCertificate,
  DtlsCloseReason,
  DtlsOptions,
  DtlsRole,
  DtlsState,
} from "#src/dtls/options.js";
import { nodeCrypto } from "#src/node/crypto.js";

const YEAR = 365 * 24 * 3600 * 1000;
const EPOCH = Date.UTC(2030, 0, 1);

const certificates = new Map<string, DtlsCertificate>();

/** A certificate of the kind, made once per process. */
export function testCertificate(kind: "P-256" | "P-384" | "rsa", which = 0): DtlsCertificate {
  const id = `${kind}/${which}`;
  let certificate = certificates.get(id);
  if (certificate === undefined) {
    const privateKey = nodeCrypto.generateKeyPair(
      kind === "rsa"
        ? { name: "rsa", modulusLength: 2048, publicExponent: 65537 }
        : { name: "ecdsa", namedCurve: kind },
    );
    const notAfter = EPOCH + YEAR;
    const der = createCertificate(privateKey, { notBefore: EPOCH - YEAR, notAfter, random: nodeCrypto.random });
    certificate = { der, privateKey, notAfter };
    certificates.set(id, certificate);
  }
  return certificate;
}

/** Mulberry32: a number in [0, 1). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

/** One side: the connection and everything it told its host. */
export class Side {
  readonly connection: DtlsConnection;
  readonly states: DtlsState[] = [];
  readonly received: Uint8Array[] = [];
  /** Datagrams sent, as they left. */
  readonly sent: Uint8Array[] = [];
  closed: { reason: DtlsCloseReason; alert: DtlsAlert | undefined } | undefined;
  /** Chains that verifyPeer was asked about. */
  readonly chains: (readonly Uint8Array[])[] = [];

  constructor(role: DtlsRole, options: Partial<DtlsOptions>, transmit: (datagram: Uint8Array) => void) {
    this.connection = new DtlsConnection(
      {
        role,
        crypto: nodeCrypto,
        certificates: [testCertificate("P-256")],
        ...options,
        verifyPeer: (chain) => {
          this.chains.push(chain);
          return options.verifyPeer === undefined || options.verifyPeer(chain);
        },
      },
      {
        transmit: (datagram) => {
          this.sent.push(datagram.slice());
          transmit(datagram);
        },
        // It was copied.
        keeps: () => false,
        onStateChange: (state) => this.states.push(state),
        onData: (plaintext) => this.received.push(plaintext.slice()),
        onClosed: (reason, alert) => {
          if (this.closed !== undefined) throw new Error("onClosed twice");
          this.closed = { reason, alert };
        },
      },
    );
  }
}

/** When copies of a datagram arrive, in milliseconds from now; none is a loss. May change the datagram. */
export type Fate = (datagram: Uint8Array, from: DtlsRole, index: number) => readonly number[];

interface InFlight {
  readonly at: number;
  readonly order: number;
  readonly to: Side;
  readonly datagram: Uint8Array;
}

export class DtlsPair {
  now = 1000;
  readonly client: Side;
  readonly server: Side;
  fate: Fate;
  private queue: InFlight[] = [];
  private order = 0;
  private index = 0;

  constructor(client: Partial<DtlsOptions> = {}, server: Partial<DtlsOptions> = {}, fate: Fate = () => [10]) {
    this.fate = fate;
    this.client = new Side("client", client, (datagram) => this.carry(datagram, "client"));
    this.server = new Side("server", server, (datagram) => this.carry(datagram, "server"));
  }

  /** Puts a datagram on the way to `to`, as if from its peer. */
  inject(to: Side, datagram: Uint8Array, delay = 0): void {
    this.queue.push({ at: this.now + delay, order: this.order++, to, datagram: datagram.slice() });
  }

  private carry(datagram: Uint8Array, from: DtlsRole): void {
    const copy = datagram.slice();
    const to = from === "client" ? this.server : this.client;
    for (const delay of this.fate(copy, from, this.index++)) this.inject(to, copy, delay);
  }

  start(): void {
    this.server.connection.start(this.now);
    this.client.connection.start(this.now);
  }

  /** Does the next thing that is due by `until`. False if there is none. */
  step(until: number = Number.POSITIVE_INFINITY): boolean {
    const sides = [this.client, this.server];
    let next: InFlight | undefined;
    for (const item of this.queue) {
      if (next === undefined || item.at < next.at || (item.at === next.at && item.order < next.order)) next = item;
    }
    const timer = sides.reduce((a, b) => (b.connection.deadline < a.connection.deadline ? b : a));
    const at = Math.min(next?.at ?? Number.POSITIVE_INFINITY, timer.connection.deadline);
    if (at > until || at === Number.POSITIVE_INFINITY) return false;
    this.now = Math.max(this.now, at);
    if (next !== undefined && next.at <= timer.connection.deadline) {
      this.queue = this.queue.filter((item) => item !== next);
      next.to.connection.receive(next.datagram, this.now);
      next.to.connection.flush(this.now);
    } else {
      timer.connection.handleTimeout(this.now);
      timer.connection.flush(this.now);
    }
    return true;
  }

  /** Runs until nothing is due any more or `done` says so. Throws after `limit` steps. */
  run(done: () => boolean = () => false, limit = 20000): void {
    for (let i = 0; i < limit; i++) if (done() || !this.step()) return;
    throw new Error("does not come to rest");
  }

  get connected(): boolean {
    return this.client.connection.state === "connected" && this.server.connection.state === "connected";
  }

  /** Starts both and runs until both are connected, or nothing happens any more. */
  connect(): boolean {
    this.start();
    this.run(() => this.connected);
    return this.connected;
  }

  send(from: Side, ...plaintexts: Uint8Array[]): void {
    for (const plaintext of plaintexts) from.connection.send(plaintext);
    from.connection.flush(this.now);
  }
}

/** The records of a datagram. */
export function recordsOf(datagram: Uint8Array): Uint8Array[] {
  const out: Uint8Array[] = [];
  for (let at = 0; at + 13 <= datagram.length; ) {
    const end = at + 13 + ((datagram[at + 11]! << 8) | datagram[at + 12]!);
    out.push(datagram.subarray(at, end));
    at = end;
  }
  return out;
}
