// Reads the input as a program over a client, a server and the datagrams between them: deliver, drop, double, reorder,
// change, cut, forge, let time pass, send, close. Whatever happens, nobody throws, buffers stay within their limits,
// what one side receives the other has sent, and two connected sides have the same keys.

import { CIPHER_SUITES } from "#src/dtls/cipher-suites.js";
import { MAX_EARLY_BYTES, MAX_EARLY_RECORDS, MAX_WAITING_DATAGRAMS } from "#src/dtls/connection.js";
import { Side } from "#test/sim/dtls-pair.js";
import { cheapCertificate, cheapCrypto } from "./cheap-crypto.js";
import type { FuzzTarget } from "./target.js";

const certificate = cheapCertificate();

interface InFlight {
  readonly to: Side;
  readonly data: Uint8Array;
}

interface Inside {
  early: readonly unknown[];
  earlyBytes: number;
  waiting: readonly unknown[];
}

const MAX_IN_FLIGHT = 64;
const MAX_STEPS = 400;

class Program {
  private readonly input: Uint8Array;
  private at = 0;
  private now = 0;
  private queue: InFlight[] = [];
  private readonly client: Side;
  private readonly server: Side;
  private readonly sent = new Set<string>();
  private count = 0;

  constructor(input: Uint8Array) {
    this.input = input;
    const flags = this.next();
    const options = {
      mtu: flags & 1 ? 300 : 1200,
      crypto: cheapCrypto,
      certificates: [certificate],
      cookie: (flags & 2) !== 0,
      srtpProfiles: flags & 4 ? [7, 1] : [],
      cipherSuites: [CIPHER_SUITES[flags & 8 ? 0 : 2]!.code],
      requireExtendedMasterSecret: (flags & 16) !== 0,
    };
    this.client = new Side("client", options, (data) => this.push({ to: this.server, data }));
    this.server = new Side("server", options, (data) => this.push({ to: this.client, data }));
    if ((flags & 32) === 0) this.server.connection.start(0);
    this.client.connection.start(0);
  }

  private next(): number {
    return this.at < this.input.length ? this.input[this.at++]! : 0;
  }

  private push(item: InFlight): void {
    if (this.queue.length < MAX_IN_FLIGHT) this.queue.push(item);
  }

  private deliver(item: InFlight | undefined, flush = true): void {
    if (item === undefined) return;
    item.to.connection.receive(item.data.slice(), this.now);
    if (flush) item.to.connection.flush(this.now);
  }

  private side(): Side {
    return this.next() & 1 ? this.client : this.server;
  }

  private send(side: Side): void {
    // Whose it is and which: nothing is sent twice.
    const plaintext = Uint8Array.of(side === this.client ? 1 : 2, this.count >> 8, this.count++, this.next());
    if (side.connection.send(plaintext)) this.sent.add(String(plaintext));
  }

  private forge(withHeader: boolean): void {
    const to = this.side();
    const length = this.next();
    const body = this.input.slice(this.at, this.at + length);
    this.at += length;
    if (!withHeader) {
      this.deliver({ to, data: body });
      return;
    }
    const type = 20 + (this.next() & 3);
    const epoch = this.next() & 1;
    const header = [type, 0xfe, 0xfd, 0, epoch, 0, 0, 0, 0, 1, this.next(), 0, body.length];
    this.deliver({ to, data: Uint8Array.from([...header, ...body]) });
  }

  private timeouts(): void {
    for (const { connection } of [this.client, this.server]) {
      if (connection.deadline <= this.now) connection.handleTimeout(this.now);
      connection.flush(this.now);
    }
  }

  private step(): void {
    const op = this.next() & 15;
    const { queue } = this;
    if (op < 6) this.deliver(queue.shift(), op > 0);
    else if (op === 6 && queue.length > 0) {
      const data = queue[0]!.data.slice();
      data[((this.next() << 8) | this.next()) % data.length]! ^= this.next();
      queue[0] = { to: queue[0]!.to, data };
    } else if (op === 7) queue.shift();
    else if (op === 8 && queue.length > 0) this.push(queue[0]!);
    else if (op === 9 && queue.length > 0) queue.push(queue.shift()!);
    else if (op === 10) {
      this.now = Math.min(this.client.connection.deadline, this.server.connection.deadline, this.now + 100_000);
      this.timeouts();
    } else if (op === 11) this.forge(false);
    else if (op === 12) this.send(this.side());
    else if (op === 13 && queue.length > 0) {
      const { to, data } = queue[0]!;
      queue[0] = { to, data: data.subarray(0, this.next() % (data.length + 1)) };
    } else if (op === 14) {
      this.now += this.next();
      this.timeouts();
      this.server.connection.start(this.now);
    } else if (op === 15) {
      if ((this.next() & 7) === 0) this.side().connection.close(this.now);
      else this.forge(true);
    }
  }

  private check(): void {
    for (const [side, peer] of [
      [this.client, 2],
      [this.server, 1],
    ] as const) {
      const { early, earlyBytes, waiting } = side.connection as unknown as Inside;
      if (early.length > MAX_EARLY_RECORDS || earlyBytes > MAX_EARLY_BYTES || waiting.length > MAX_WAITING_DATAGRAMS) {
        throw new Error("more kept than the limit");
      }
      for (const plaintext of side.received) {
        if (plaintext[0] !== peer || !this.sent.has(String(plaintext))) throw new Error("received what nobody sent");
      }
      if (new Set(side.received.map(String)).size !== side.received.length) throw new Error("received twice");
      if (side.received.length > 0 && !side.states.includes("connected")) throw new Error("received before connected");
      const ended = side.connection.state === "closed" || side.connection.state === "failed";
      if (ended !== (side.closed !== undefined)) throw new Error("onClosed and state disagree");
    }
    const [a, b] = [this.client.connection, this.server.connection];
    if (a.state !== "connected" || b.state !== "connected") return;
    if (String(a.exportKeyingMaterial("x", undefined, 16)) !== String(b.exportKeyingMaterial("x", undefined, 16))) {
      throw new Error("connected with different keys");
    }
  }

  run(): void {
    for (let i = 0; i < MAX_STEPS && this.at < this.input.length; i++) this.step();
    this.check();
    for (let i = 0; i < 40; i++) {
      if (this.queue.length > 0) this.deliver(this.queue.shift());
      else {
        this.now = Math.min(this.client.connection.deadline, this.server.connection.deadline, this.now + 1000);
        this.timeouts();
      }
    }
    this.check();
    for (const side of [this.client, this.server]) {
      side.connection.close(this.now);
      if (side.connection.deadline !== Number.POSITIVE_INFINITY) throw new Error("closed, with a deadline");
    }
  }
}

const handshake = (flags: number): number[] => [flags, ...new Array<number>(20).fill(1)];

export const target: FuzzTarget = {
  name: "dtls-connection",
  seeds: [
    Uint8Array.from([...handshake(0), 12, 0, 9, 12, 1, 8, 14, 1, 1, 1, 1]),
    Uint8Array.from([...handshake(1 | 2 | 4 | 8), 12, 0, 9, 14, 5, 8, 0, 1, 12, 1, 1, 14, 1, 1, 15, 0, 1, 1, 1]),
    Uint8Array.from([32, 8, 9, 1, 14, 20, 1, 7, 10, 1, 1, 9, 1, 10, 1, 1, 1, 1, 1, 12, 1, 3, 14, 1, 1, 1]),
    Uint8Array.from([0, 15, 1, 0, 2, 2, 40, 1, 0, 1, 15, 1, 1, 1, 1, 0, 0, 1, 1, 1, 1, 11, 1, 3, 22, 254, 253, 1, 1]),
    Uint8Array.from([16, 1, 6, 0, 50, 1, 1, 13, 90, 1, 10, 1, 1, 1, 1, 12, 0, 5, 14, 1, 8, 1, 6, 0, 20, 1, 1]),
  ],
  run(input) {
    new Program(input).run();
  },
};
