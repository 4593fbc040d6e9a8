// A way between two ICE agents that loses media packets, or records with data, when it is told to: each side is shown a candidate of this machine in
// place of the other's, and datagrams go on from socket to socket.
import { createSocket } from "node:dgram";
import { networkInterfaces } from "node:os";

/** Where this machine can be reached from itself; what browsers say of it may be a `.local` name. */
const address =
  Object.values(networkInterfaces())
    .flat()
    .find(({ family, internal }) => family === "IPv4" && !internal)?.address ?? "127.0.0.1";

/** The first IPv4 UDP host candidate in a description, if it shows its address. */
function hostCandidate(sdp) {
  for (const [, line] of sdp.matchAll(/^a=candidate:(.*)\r?$/gm)) {
    const [, component, protocol, , host, port, , type] = line.split(" ");
    if (component === "1" && protocol.toLowerCase() === "udp" && type === "host" && host === address)
      return { address, port: Number(port) };
  }
  return undefined;
}

const bind = () =>
  new Promise((resolve, reject) => {
    const socket = createSocket({ type: "udp4", recvBufferSize: 1 << 20 });
    socket.once("error", reject);
    socket.bind(0, address, () => resolve(socket));
  });

/** RTP, not RTCP nor anything else (RFC 7983, RFC 5761 §4). */
const isRtp = (data) => data.length > 12 && data[0] >= 128 && data[0] < 192 && !(data[1] >= 192 && data[1] < 224);

/** Milliseconds of waiting at a rate. */
const QUEUE = 300;
/** How many records of each side get through after a silence: with fewer, who begins anew with a window of one packet waits again. */
const SPARED = 10;
/** The type of DTLS records (RFC 6347 §4.1) that carry SCTP packets. */
const APPLICATION_DATA = 23;

export class LossyPath {
  /** Of media packets, 0 to 1. */
  loss = 0;
  /** Each media packet of this number is lost, on each side; 0: none. */
  every = 0;
  #counts = [0, 0];
  /** Payload types of the packets of each side, with how many there were. */
  payloadTypes = [new Map(), new Map()];
  /** Packets of each side with a header extension: in the clear, and encrypted (RFC 9335). */
  extensions = [0, 1].map(() => ({ plain: 0, encrypted: 0 }));
  /** Bits per second that go on from each side, 0 Parley, 1 the peer; what would wait longer than QUEUE is lost. */
  rates = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  #free = [0, 0];
  /** Of DTLS records with data, 0 to 1. */
  dataLoss = 0;
  recordsLost = 0;
  /**
   * What a side sends after so many milliseconds without a record is sent because of a timeout: it gets through, and what answers it.
   * Otherwise timeouts that double last for minutes, with bad luck. 0: it may be lost, too.
   */
  silence = 0;
  silences = 0;
  #lastRecord = [Number.NaN, Number.NaN];
  #spared = [0, 0];
  /** Media packets that did not go on, by the side they came from: 0 Parley, 1 the peer. */
  lost = [0, 0];
  #numbers = [new Set(), new Set()];
  #sockets = [];
  /** Where each side is: its first host candidate until a datagram tells better. */
  #ends = [];
  #seed = 12345;
  #closed = false;

  /** Different media packets that went on. */
  get passed() {
    return this.#numbers.map(({ size }) => size);
  }

  /** What the other side is to be told in place of `sdp`, which `side` (0 Parley, 1 the peer) said. */
  async replace(side, sdp) {
    this.#ends[side] ??= hostCandidate(sdp);
    // The socket that stands for this side, which the other one sends to.
    this.#sockets[side] ??= await this.#open(side);
    const { port } = this.#sockets[side].address();
    let put = false;
    return sdp
      .split(/\r?\n/)
      .flatMap((line) => {
        if (line.startsWith("a=end-of-candidates")) return [];
        if (!line.startsWith("a=candidate:")) return [line];
        if (put) return [];
        put = true;
        return [`a=candidate:1 1 udp 2130706431 ${address} ${port} typ host`];
      })
      .join("\r\n");
  }

  async #open(side) {
    const socket = await bind();
    socket.on("error", () => {});
    const other = 1 - side;
    socket.on("message", (data, from) => {
      this.#ends[other] = from;
      if (isRtp(data)) {
        const type = data[1] & 127;
        this.payloadTypes[other].set(type, (this.payloadTypes[other].get(type) ?? 0) + 1);
        if (data[0] & 0x10) {
          const profile = data.readUInt16BE(12 + 4 * (data[0] & 15));
          this.extensions[other][profile === 0xc0de || profile === 0xc2de ? "encrypted" : "plain"]++;
        }
        const isNext = this.every > 0 && ++this.#counts[other] % this.every === 0;
        if (isNext || (this.loss > 0 && this.#random() < this.loss)) {
          this.lost[other]++;
          return;
        }
        // Some repeat a packet as it was: the same again is not counted.
        this.#numbers[other].add(data.readUInt16BE(2) + data.readUInt32BE(8) * 65_536);
      }
      if (data[0] === APPLICATION_DATA && this.#losesRecord(other)) {
        this.recordsLost++;
        return;
      }
      const wait = this.#wait(other, data.length + 28);
      if (wait > QUEUE) {
        this.lost[other]++;
        return;
      }
      const send = () => {
        const end = this.#ends[side];
        if (end && !this.#closed) this.#sockets[other]?.send(data, end.port, end.address);
      };
      if (wait > 0) setTimeout(send, wait);
      else send();
    });
    return socket;
  }

  #losesRecord(from) {
    const now = performance.now();
    if (this.silence > 0 && now - this.#lastRecord[from] > this.silence) {
      this.silences++;
      this.#spared.fill(SPARED);
    }
    this.#lastRecord[from] = now;
    const isUnlucky = this.dataLoss > 0 && this.#random() < this.dataLoss;
    if (this.#spared[from] === 0) return isUnlucky;
    this.#spared[from]--;
    return false;
  }

  /** Milliseconds until what this side sent now is through, and books its time. */
  #wait(from, bytes) {
    if (this.rates[from] === Number.POSITIVE_INFINITY) return 0;
    const now = performance.now();
    const free = Math.max(now, this.#free[from]) + (bytes * 8000) / this.rates[from];
    if (free - now <= QUEUE) this.#free[from] = free;
    return free - now;
  }

  /** Park and Miller: a bad day can be had again. */
  #random() {
    this.#seed = (this.#seed * 48271) % 0x7fffffff;
    return this.#seed / 0x7fffffff;
  }

  close() {
    this.#closed = true;
    for (const socket of this.#sockets) socket?.close();
  }
}
