// A whole connection after a real handshake, over a network that delivers at once: the input is a program of an attacker
// who sends from anywhere, sees and changes what is on its way, or is the peer itself and speaks SCTP, RTP and RTCP as it likes. Nothing
// may throw into the network (a transport that contained a bug has failed the target), and what is kept stays bounded.
import type { Channel, ChannelHandler } from "#src/datachannel/channels.js";
import { fingerprint, matchesFingerprint } from "#src/dtls/certificate.js";
import type { LocalCertificate } from "#src/peer/certificates.js";
import type { RtpReceiver, RtpReceiverOptions, RtpSender, RtpSenderOptions } from "#src/peer/media.js";
import type { Platform } from "#src/peer/platform.js";
import type { DatagramHandler, DatagramPort, Network } from "#src/util/net.js";
import { seededCrypto } from "#test/sim/platform.js";
import { Random } from "#test/sim/random.js";
import { introduce, TransportSide } from "#test/sim/transport-pair.js";
import { cheapCertificate, cheapCrypto } from "./cheap-crypto.js";
import type { FuzzTarget } from "./target.js";

const MAX_STEPS = 60;
const MAX_IN_FLIGHT = 256;
/** Inputs on one pair of connections, unless it is broken before: setting one up costs as much as a hundred inputs. */
const INPUTS_PER_PAIR = 50;

interface Flying {
  readonly to: Node;
  readonly from: Node;
  readonly data: Uint8Array;
}

/** One side's machine: a socket, a clock and a timer. */
class Node implements Platform {
  readonly crypto;
  readonly timeOrigin = Date.UTC(2030, 0, 1);
  readonly address: string;
  readonly world: World;
  handler: DatagramHandler | undefined;
  timers = new Map<object, { at: number; callback: (now: number) => void }>();

  constructor(world: World, address: string) {
    this.world = world;
    this.address = address;
    this.crypto = { ...seededCrypto(new Random(address)), ...pick(cheapCrypto) };
  }

  now(): number {
    return this.world.now;
  }

  setTimer(callback: (now: number) => void, delay: number): { cancel(): void } {
    const key = {};
    this.timers.set(key, { at: this.world.now + Math.max(1, Math.ceil(delay)), callback });
    return { cancel: () => void this.timers.delete(key) };
  }

  queueTask(): void {}

  readonly network: Network = {
    interfaces: () => [{ name: "eth0", address: this.address, family: 4, internal: false }],
    openUdp: (_options, handler) => {
      const port: DatagramPort = {
        localAddress: this.address,
        localPort: 5000,
        send: (data) => {
          this.world.transmit(this, data);
          return true;
        },
        close: () => {
          this.handler = undefined;
        },
      };
      this.handler = handler;
      handler.onOpen(port, this.world.now);
      return { cancel() {} };
    },
    connectTcp: () => ({ cancel() {} }),
    listenTcp: () => ({ cancel() {} }),
    resolve: () => ({ cancel() {} }),
    publish: () => ({ cancel() {} }),
  };
}

function pick({
  createAead,
  createAesCtr,
  createAesCtrHmacSha1,
  createKeyShare,
  importPublicKey,
}: typeof cheapCrypto): Partial<typeof cheapCrypto> {
  return { createAead, createAesCtr, createAesCtrHmacSha1, createKeyShare, importPublicKey };
}

class World {
  now = 1000;
  readonly nodes: [Node, Node];
  readonly sides: [TransportSide, TransportSide];
  flying: Flying[] = [];
  uses = 0;
  readonly channels: Channel[] = [];
  readonly media: readonly { sender?: RtpSender | undefined; receiver?: RtpReceiver | undefined }[] = [{}, {}];

  constructor() {
    this.nodes = [new Node(this, "198.51.100.1"), new Node(this, "198.51.100.2")];
    const base = cheapCertificate();
    const fingerprints = [{ algorithm: "sha-256", value: fingerprint(cheapCrypto, base.der, "sha-256") } as const];
    const certificate: LocalCertificate = { ...base, fingerprints };
    if (!matchesFingerprint(cheapCrypto, base.der, fingerprints)) throw new Error("fingerprint");
    this.sides = this.nodes.map((node) => new TransportSide(node, { maxMessageSize: 10_000 }, certificate)) as never;
    const later: (() => void)[] = [];
    introduce(this.sides[0], this.sides[1], (run) => later.push(run));
    for (const run of later) run();
    for (let i = 0; i < 300 && !this.sides.every(({ connected }) => connected); i++) this.advance();
    if (!this.sides.every(({ connected }) => connected)) throw new Error("does not connect");
  }

  transmit(from: Node, data: Uint8Array): void {
    const to = this.nodes[from === this.nodes[0] ? 1 : 0];
    if (this.flying.length < MAX_IN_FLIGHT) this.flying.push({ from, to, data });
  }

  hand(to: Node, data: Uint8Array, address: string, port = 5000): void {
    const { handler } = to;
    handler?.onDatagram(data, address, port, this.now);
    handler?.onDrained(this.now);
  }

  deliver(): void {
    const batch = this.flying;
    this.flying = [];
    for (const { to, from, data } of batch) this.hand(to, data, from.address);
  }

  /** To the next timer, or what is on its way. */
  advance(): void {
    if (this.flying.length > 0) {
      this.now += 1;
      this.deliver();
      return;
    }
    let at = Number.POSITIVE_INFINITY;
    for (const node of this.nodes) for (const timer of node.timers.values()) at = Math.min(at, timer.at);
    if (at === Number.POSITIVE_INFINITY) return;
    this.now = Math.max(this.now, at);
    for (const node of this.nodes) {
      for (const [key, timer] of [...node.timers]) {
        if (timer.at > this.now) continue;
        node.timers.delete(key);
        timer.callback(this.now);
      }
      if (node.timers.size > 1) throw new Error("more than one timer");
    }
  }

  get usable(): boolean {
    return (
      this.uses < INPUTS_PER_PAIR &&
      this.sides.every(({ connected, dtls, ice }) => {
        const state = ice.at(-1);
        return connected && dtls.at(-1) === "connected" && state !== "failed" && state !== "disconnected";
      })
    );
  }

  check(): void {
    for (const { transport, channels } of this.sides) {
      if (transport.fault !== undefined) throw transport.fault;
      if (channels.length > 2000) throw new Error("more channels than anybody opened");
    }
  }
}

/** RTP and RTCP of a hostile peer under the right keys, what a program sends, and sections that come and go. */
function media(w: World, which: number, next: () => number, bytes: (count: number) => Uint8Array): void {
  const { transport } = w.sides[which]!;
  const own = w.media[which]!;
  const op = next();
  const count = next();
  switch (op & 7) {
    case 0:
    case 1:
    case 2: {
      // Straight to SRTP: whatever RTP or RTCP says, it was sent by the peer.
      const packet = new Uint8Array((op & 1 ? 8 : 12) + count);
      packet.set(bytes(packet.length));
      packet[0] = 0x80 | (packet[0]! & 0x3f);
      if (op & 1) {
        packet[1] = 200 + (packet[1]! & 7);
        if ((op & 128) === 0) packet.set([0, (packet.length >> 2) - 1], 2);
      } else {
        packet[1] = packet[1]! & 1 ? 96 : packet[1]! & 0x7f;
        packet.set([0, 0, 3, packet[11]! & 7], 8);
      }
      const inner = transport.media as unknown as
        | Record<"queue" | "sendRtcp", (packet: Uint8Array) => void>
        | undefined;
      inner?.[op & 1 ? "sendRtcp" : "queue"](packet);
      transport.mediaQueued();
      break;
    }
    case 3: {
      const data = new Uint8Array(11 + count * (op & 64 ? 40 : 1));
      data.set([0x10, 0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xf0, 0x00]);
      const frame = { data, timestamp: w.now * 90, keyFrame: (op & 8) === 0, mimeType: "video/VP8" };
      own.sender?.sendFrame(0, frame, transport.mediaNow());
      transport.mediaQueued();
      break;
    }
    case 4:
      own.sender ??= transport.addRtpSender(sending(which), {}, MEDIA);
      own.receiver ??= transport.addRtpReceiver(receiving(which), {}, MEDIA);
      own.receiver.wantFrames = (op & 8) === 0;
      break;
    case 5:
      if (op & 8) own.sender?.update({ ...sending(which), active: (op & 16) !== 0 });
      else own.receiver?.update({ ...receiving(which), active: (op & 16) !== 0 });
      break;
    case 6:
      if (op < 240) break;
      if (op & 8) transport.removeRtp((now) => own.sender?.close(now));
      else transport.removeRtp((now) => own.receiver?.close(now));
      if (op & 8) own.sender = undefined;
      else own.receiver = undefined;
      break;
    case 7:
      w.now += count;
      w.advance();
  }
}

const MEDIA = { cname: "fuzz", reducedSize: true };
const EXPERIMENTS = "http://www.webrtc.org/experiments/rtp-hdrext/";
const EXTENSIONS = [
  { id: 2, uri: `${EXPERIMENTS}abs-send-time` },
  { id: 3, uri: "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01" },
  { id: 4, uri: "urn:ietf:params:rtp-hdrext:sdes:mid" },
  { id: 5, uri: "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id" },
];
const FEEDBACK = { nack: true, pli: true, fir: true, transportCc: true, remb: true };
const VP8 = {
  payloadType: 96,
  mimeType: "video/VP8",
  clockRate: 90000,
  parameters: "",
  rtxPayloadType: 97,
  ...FEEDBACK,
};

/** Side 0 sends as 0x301 and 0x302, side 1 as 0x303 and 0x304. */
function sending(which: number): RtpSenderOptions {
  const ssrc = 0x301 + 2 * which;
  const encodings = [{ rid: null, ssrc, rtxSsrc: ssrc + 1, active: true, maxBitrate: null, priority: 1 }];
  return {
    kind: "video",
    mid: "0",
    codecs: [VP8],
    extensions: EXTENSIONS,
    extmapAllowMixed: true,
    encodings,
    active: true,
  };
}

function receiving(which: number): RtpReceiverOptions {
  const ssrc = 0x303 - 2 * which;
  const ssrcs = [{ ssrc, rtxSsrc: ssrc + 1, cname: "" }];
  return { kind: "video", mid: "0", codecs: [VP8], extensions: EXTENSIONS, ssrcs, rids: ["a"], active: true };
}

let world: World | undefined;

/** What descriptions bring when the peer may have begun anew, on one side or on both. */
function renew(w: World, which: number, op: number): void {
  const one = w.sides[which]!;
  const other = w.sides[1 - which]!;
  const role = op & 8 ? "client" : "server";
  if (op & 1) one.transport.setNegotiating((op & 2) !== 0);
  if (op & 4) {
    one.transport.forgetRemote();
    one.transport.setRemoteIceParameters(other.transport.ice.localParameters);
    for (const candidate of other.transport.ice.localCandidates) one.transport.addRemoteCandidate(candidate);
  }
  if (op & 16) one.transport.renewDtls(role);
  if (op & 32) other.transport.renewDtls(role === "client" ? "server" : "client");
}

function step(w: World, next: () => number, bytes: (count: number) => Uint8Array): void {
  const op = next();
  const which = op >> 7;
  const node = w.nodes[which]!;
  const peer = w.nodes[1 - which]!;
  const side = w.sides[which]!;
  switch (op & 15) {
    case 0:
      w.deliver();
      break;
    case 1:
      w.advance();
      break;
    case 2:
      w.hand(node, bytes(next()), peer.address);
      break;
    case 3:
      w.hand(node, bytes(next()), "192.0.2.66", 666);
      break;
    case 4: {
      const flying = w.flying.shift();
      if (flying === undefined) break;
      const data = flying.data.slice();
      for (let i = 1 + (next() & 3); i > 0; i--) data[((next() << 8) | next()) % data.length]! ^= next() || 1;
      w.hand(flying.to, data.subarray(0, data.length - (next() & 1 ? next() % data.length : 0)), flying.from.address);
      break;
    }
    case 5:
      w.flying.splice(next() % Math.max(1, w.flying.length), 1);
      break;
    case 6: {
      const again = w.flying[next() % Math.max(1, w.flying.length)];
      if (again !== undefined) w.hand(again.to, again.data.slice(), next() & 1 ? again.from.address : "192.0.2.66");
      break;
    }
    case 7: {
      const handler = new (class implements ChannelHandler {
        onOpen(): void {}
        onMessage(): void {}
        onBufferedAmountDecrease(): void {}
        onClosing(): void {}
        onClosed(): void {}
        onError(): void {}
      })();
      if (w.channels.length > 100) w.channels.shift()?.close();
      const flags = next();
      const parameters = { label: "l", protocol: "", ordered: (flags & 1) === 0, negotiated: false } as const;
      const limit = flags & 2 ? { maxRetransmits: flags >> 4 } : {};
      w.channels.push(side.transport.openChannel({ ...parameters, ...limit, priority: "low" }, handler));
      break;
    }
    case 8:
      w.channels[next() % Math.max(1, w.channels.length)]?.send(new Uint8Array(next() * 40), (op & 16) !== 0);
      break;
    case 9:
      if (next() > 128) w.channels[next() % Math.max(1, w.channels.length)]?.close();
      break;
    case 10:
    case 11: {
      // The peer itself is hostile: any bytes as an SCTP packet, under the right keys, ports and tag.
      const packet = new Uint8Array(12 + next());
      packet.set([0x13, 0x88, 0x13, 0x88]);
      const { handshake } = w.sides[1 - which]!.transport.sctp as unknown as { handshake: { localTag: number } };
      const tag = handshake.localTag;
      // Another association, which has not heard of the peer yet.
      if (!(tag > 0)) break;
      packet.set([tag >>> 24, tag >>> 16, tag >>> 8, tag], 4);
      packet.set(bytes(packet.length - 12), 12);
      side.transport.dtls!.send(packet);
      break;
    }
    case 12:
      if (op & 16) media(w, which, next, bytes);
      else side.transport.dtls!.send(bytes(next()));
      break;
    case 13: {
      const [a, b] = [next(), next()];
      side.transport.addRemoteCandidate({
        foundation: "x",
        component: 1,
        protocol: "udp",
        priority: (a << 24) >>> 0,
        address: `198.51.${a}.${b}`,
        port: b,
        type: "host",
      });
      break;
    }
    case 14:
      if (op & 16) renew(w, which, next());
      else side.transport.endOfRemoteCandidates();
      break;
    case 15:
      if (next() > 250) side.transport.close();
      else side.transport.gather();
  }
}

export const target: FuzzTarget = {
  name: "peer-transport",
  seeds: [
    Uint8Array.from([7, 0, 0, 0, 8, 0, 10, 0, 1, 0, 4, 1, 0, 20, 255, 0, 0, 0, 1, 1]),
    Uint8Array.from([135, 2, 0, 0, 8, 0, 99, 6, 0, 1, 0, 0, 5, 0, 1, 1, 9, 200, 0, 0, 0, 1]),
    Uint8Array.from([10, 16, 0, 3, 0, 16, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 51, 14, 0, 0, 0, 1]),
    Uint8Array.from([2, 13, 22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 3, 20, 0, 1, 0, 0, 33, 18, 164, 66, 0, 0, 1]),
    Uint8Array.from([
      28, 4, 0, 156, 4, 0, 28, 3, 99, 156, 3, 9, 1, 1, 28, 2, 9, 0, 1, 0, 5, 0, 0, 0, 9, 0, 0, 0, 0, 0x10, 2, 1, 1, 1,
      156, 1, 8, 0x81, 5, 0, 0, 0, 0, 3, 1, 0, 0, 3, 1, 0, 0, 1, 1,
    ]),
    Uint8Array.from([
      7, 0, 30, 0x3c, 158, 4, 8, 0, 9, 0, 1, 0, 0, 0, 1, 0, 1, 1, 8, 0, 3, 30, 0x3b, 1, 1, 0, 0, 1, 1, 1,
    ]),
    Uint8Array.from([12, 12, 19, 136, 19, 136, 0, 0, 0, 0, 0, 0, 0, 0, 0, 13, 1, 2, 14, 1, 15, 255, 0, 0]),
  ],
  run(input) {
    if (world === undefined || !world.usable) world = new World();
    world.uses++;
    let at = 0;
    const next = (): number => input[at++] ?? 0;
    const bytes = (count: number): Uint8Array => {
      const out = input.slice(at, at + count);
      at += count;
      return out;
    };
    try {
      for (let i = 0; i < MAX_STEPS && at < input.length; i++) step(world, next, bytes);
      world.check();
    } catch (error) {
      world = undefined;
      throw error;
    }
  },
  settled() {
    world?.check();
  },
};
