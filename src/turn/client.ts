// The TURN client (RFC 8656): one allocation on one server, over UDP, TCP or TLS. It allocates, keeps the allocation, its
// permissions and channels alive, and offers the relayed address as a DatagramPort. It opens no sockets: its owner opens
// the port to the server and hands in what arrives there. Not here: TCP relaying (RFC 6062), mobility (RFC 8016).
import { parseStunMessage, StunAttribute, type StunError, type StunMessage, StunMethod } from "../stun/message.js";
import { ipFamily, ipScope } from "../util/ip.js";
import type { DatagramPort, TransportAddress } from "../util/net.js";
import { Exchange } from "./exchange.js";
import { isChannelData, PacketMemory, StreamDeframer, writeChannelData, writeSendIndication } from "./framing.js";
import { MAX_HELD_DATAGRAMS, type Peer, Peers, type Permission } from "./peers.js";
import type { TurnClientHost, TurnClientOptions, TurnClientState, TurnCounters, TurnEnd } from "./types.js";
import { Upkeep } from "./upkeep.js";

export type * from "./types.js";

/** Seconds. What we ask for (RFC 8656 §7.1 leaves it to the server, whose default is this). */
const DEFAULT_LIFETIME = 600;
/** Milliseconds. A server that promises more is believed for so long only. */
const MAX_LIFETIME = 86_400_000;
/** The allocation is refreshed so long before it ends, or at half its life if that is later. */
const REFRESH_MARGIN = 120_000;
/** A peer that the server has refused is not asked for again so soon. */
const REFUSED_RETRY = 60_000;
/** Between a request that failed without a verdict and the next one of its kind. */
const FAILED_RETRY = 5_000;
/** Bytes that may wait for a TCP or TLS connection; above that, datagrams are dropped as a full queue drops them. */
const MAX_STREAM_BUFFER = 1_048_576;
/** How long a close waits for the server to confirm. */
const CLOSE_TIMEOUT = 3_000;
/** What UDP can carry; the length field of ChannelData holds no more. */
const MAX_DATAGRAM = 65_535;
/** 300 answers followed (RFC 8489 §10 asks for loop detection). */
const MAX_REDIRECTS = 3;
/** IANA protocol number, for REQUESTED-TRANSPORT. */
const PROTOCOL_UDP = 17;
/** As icecandidateerror has it: the server could not be reached. */
const UNREACHABLE = 701;

/** What a request is about. */
interface Purpose {
  readonly kind: "allocate" | "refresh" | "release" | "permission" | "channel";
  readonly permission?: Permission | undefined;
  readonly peer?: Peer | undefined;
}

const METHODS: Record<Purpose["kind"], number> = {
  allocate: StunMethod.allocate,
  refresh: StunMethod.refresh,
  release: StunMethod.refresh,
  permission: StunMethod.createPermission,
  channel: StunMethod.channelBind,
};

export class TurnClient implements DatagramPort {
  readonly counters: TurnCounters = { foreign: 0, malformed: 0, unauthenticated: 0, unexpected: 0, unsendable: 0 };
  private readonly options: TurnClientOptions;
  private readonly host: TurnClientHost;
  private readonly exchange: Exchange<Purpose>;
  private readonly deframer: StreamDeframer | undefined;
  private readonly stream: boolean;
  private readonly family: 4 | 6;
  /** Families of peers that the allocation reaches; 0: both. */
  private reach: 4 | 6 | 0;
  private readonly peers: Peers = new Peers();
  private readonly upkeep: Upkeep = new Upkeep(this.peers, {
    askPermission: (permission) => this.ask({ kind: "permission", permission }),
    askChannel: (peer) => this.ask({ kind: "channel", permission: peer.permission, peer }),
    resend: (permission, port, data) => this.transmitIndication(permission, port, data),
  });
  private readonly memory = new PacketMemory();
  private readonly visited = new Set<string>();
  private readonly indicationId: Uint8Array;
  private remote: TransportAddress;
  private phase: TurnClientState = "new";
  private relayed: TransportAddress = { address: "", port: 0 };
  private refreshAt = Number.POSITIVE_INFINITY;
  private expiresAt = Number.POSITIVE_INFINITY;
  private closeAt = Number.POSITIVE_INFINITY;
  private now = 0;
  private unstamped = false;
  /** Within a call that has no time of its own. */
  private timeless = false;
  /** Why the latest refresh failed. */
  private problem = { code: UNREACHABLE, text: "the allocation expired" };

  constructor(options: TurnClientOptions, host: TurnClientHost) {
    this.options = options;
    this.host = host;
    this.family = options.family ?? 4;
    this.reach = this.family;
    const { transport } = options;
    this.stream = transport.kind === "stream";
    this.remote =
      transport.kind === "stream"
        ? { address: transport.port.remoteAddress, port: transport.port.remotePort }
        : transport.server;
    this.exchange = new Exchange<Purpose>(
      {
        transmit: (bytes) => this.transmit(bytes),
        compose: (request, purpose) => this.compose(request, purpose),
        onSuccess: (response, purpose, delayed, now) => this.handleSuccess(response, purpose, delayed, now),
        onRefused: (error, response, purpose, now) => this.handleRefusal(error, response, purpose, now),
        onNoAnswer: (problem, purpose, now) => this.handleNoAnswer(problem, purpose, now),
        // Deviation from RFC 8489 §9.2.5: an unsigned refusal of an Allocate is believed, as servers in use leave out the
        // integrity there, and 40 seconds of silence would tell the user nothing. Its sender could take away no more
        // than that silence does. (400 is what a server says that could not read the credentials.)
        believes: (error, { kind }) => kind === "allocate" && error.code !== 400,
      },
      options.crypto,
      options.username,
      options.password,
      this.stream,
    );
    this.deframer = this.stream
      ? new StreamDeframer({ onMessage: (message, now) => this.handleMessage(message, now) })
      : undefined;
    // Indications are never answered: ids need to differ, not to be secret. The counter makes the last four bytes.
    this.indicationId = options.crypto.random(12);
  }

  // ---- the owner's side --------------------------------------------------------------------------------------------

  get state(): TurnClientState {
    return this.phase;
  }

  /** Where the server is: another address than at first once it has sent us elsewhere. */
  get server(): TransportAddress {
    return this.remote;
  }

  /** The relayed address once allocated, empty before. */
  get localAddress(): string {
    return this.relayed.address;
  }

  get localPort(): number {
    return this.relayed.port;
  }

  get deadline(): number {
    if (this.phase === "ended" || this.phase === "new") return Number.POSITIVE_INFINITY;
    if (this.unstamped) return this.now;
    return Math.min(this.exchange.deadline, this.refreshAt, this.expiresAt, this.closeAt, this.upkeep.deadline);
  }

  /** Asks for the allocation. */
  start(now: number): void {
    if (this.phase !== "new") return;
    this.advance(now);
    this.phase = "allocating";
    this.ask({ kind: "allocate" });
  }

  /** A datagram that arrived on the port to the server. False if it is none of the server's (it may be another's). */
  receiveDatagram(data: Uint8Array, address: string, port: number, now: number): boolean {
    if (port !== this.remote.port || address !== this.remote.address || this.stream) {
      this.counters.foreign++;
      return false;
    }
    this.advance(now);
    this.handleMessage(data, now);
    return true;
  }

  /** Bytes that arrived on the connection to the server. */
  receiveStream(data: Uint8Array, now: number): void {
    if (this.deframer === undefined || this.phase === "ended") return;
    this.advance(now);
    if (!this.deframer.push(data, now)) {
      this.end({ reason: "protocol", code: UNREACHABLE, text: "the server does not speak TURN" });
    }
  }

  /** The port to the server broke, or the connection ended. */
  handleTransportClosed(reason: string | undefined, now: number): void {
    this.advance(now);
    if (this.phase === "closing") this.end({ reason: "closed", code: 0, text: "" });
    else this.end({ reason: "unreachable", code: UNREACHABLE, text: reason ?? "the connection was closed" });
  }

  handleTimeout(now: number): void {
    if (this.phase === "ended") return;
    this.advance(now);
    this.exchange.handleTimeout(now);
    if (now >= this.closeAt) this.end({ reason: "closed", code: 0, text: "" });
    else if (now >= this.expiresAt) this.end({ reason: "expired", ...this.problem });
    if (this.phase !== "allocated") return;
    if (now >= this.refreshAt) {
      this.refreshAt = Number.POSITIVE_INFINITY;
      this.ask({ kind: "refresh" });
    }
    if (now >= this.upkeep.deadline) this.upkeep.handleTimeout(now);
  }

  /** Sends to a peer from the relayed address. What it allocates per packet is the framed copy. */
  send(data: Uint8Array, address: string, port: number): boolean {
    const { unsendable } = this.counters;
    const peer = this.peers.find(address, port);
    if (data.length > MAX_DATAGRAM) this.counters.unsendable++;
    else if (peer !== undefined && peer.state === "bound") {
      peer.used = true;
      peer.permission.used = true;
      this.transmitData(writeChannelData(peer.channel, data, this.stream, this.memory));
    } else if (this.phase === "allocated") this.sendUnbound(data, address, port);
    else this.counters.unsendable++;
    return this.counters.unsendable === unsendable;
  }

  /** Installs a permission without sending anything: for a peer that is to send first. */
  permit(address: string): void {
    const permission = this.phase === "allocated" ? this.peers.permission(address, this.reach) : undefined;
    if (permission?.state !== "lapsed") return;
    this.timeless = true;
    this.upkeep.askPermission(permission);
    this.timeless = false;
  }

  /** Gives the allocation back. `onEnd` follows when the server has confirmed, or after three seconds. */
  close(): void {
    if (this.phase === "ended" || this.phase === "closing") return;
    if (this.phase === "new") {
      this.end({ reason: "closed", code: 0, text: "" });
      return;
    }
    const allocated = this.phase === "allocated";
    this.phase = "closing";
    this.upkeep.clear();
    this.refreshAt = Number.POSITIVE_INFINITY;
    this.expiresAt = Number.POSITIVE_INFINITY;
    this.unstamped = true;
    // An allocation under way is given back when its answer comes.
    this.exchange.retain(({ kind }) => kind === "allocate");
    this.timeless = true;
    if (allocated) this.ask({ kind: "release" });
    this.timeless = false;
  }

  // ---- data --------------------------------------------------------------------------------------------------------

  private sendUnbound(data: Uint8Array, address: string, port: number): void {
    const permission = this.peers.permission(address, this.reach);
    const peer = permission === undefined ? undefined : this.peers.peer(permission, port);
    if (permission === undefined || peer === undefined || permission.state === "refused") {
      this.counters.unsendable++;
      return;
    }
    peer.used = true;
    permission.used = true;
    this.timeless = true;
    // Permission and data go out together: the server sees them in this order, mostly. What it gets the other way round
    // it drops, so the first datagrams are kept until it has agreed.
    if (permission.state === "lapsed") this.upkeep.askPermission(permission);
    if (permission.state === "asking" && permission.held.length < MAX_HELD_DATAGRAMS) {
      permission.held.push({ data, port });
    }
    // A channel is worth its request once data flows; connectivity checks (the first byte of STUN is 0 to 3, RFC 7983)
    // go to many addresses of which one is chosen.
    if (peer.state === "none" && data.length > 0 && data[0]! > 3 && this.peers.assignChannel(peer)) {
      peer.state = "binding";
      this.ask({ kind: "channel", permission, peer });
    }
    this.timeless = false;
    this.transmitIndication(permission, port, data);
  }

  private transmitIndication(permission: Permission, port: number, data: Uint8Array): void {
    const id = this.indicationId;
    for (let i = 11; i >= 8; i--) {
      id[i] = (id[i]! + 1) & 0xff;
      if (id[i] !== 0) break;
    }
    const bytes = writeSendIndication(permission.ip, port, data, id, this.memory);
    if (bytes === undefined) this.counters.unsendable++;
    else this.transmitData(bytes);
  }

  private transmitData(bytes: Uint8Array): void {
    const { transport } = this.options;
    if (transport.kind === "stream" && transport.port.bufferedAmount > MAX_STREAM_BUFFER) this.counters.unsendable++;
    else if (!this.transmit(bytes)) this.counters.unsendable++;
  }

  private transmit(bytes: Uint8Array): boolean {
    const { transport } = this.options;
    if (this.phase === "ended") return false;
    if (transport.kind === "datagram") return transport.port.send(bytes, this.remote.address, this.remote.port);
    transport.port.write(bytes);
    return true;
  }

  private handleMessage(data: Uint8Array, now: number): void {
    if (this.phase === "ended" || this.phase === "new") return;
    if (isChannelData(data)) {
      const length = (data[2]! << 8) | data[3]!;
      const peer = this.peers.byChannel((data[0]! << 8) | data[1]!);
      if (length > data.length - 4) this.counters.malformed++;
      else if (peer === undefined || this.phase !== "allocated") this.counters.unexpected++;
      else {
        peer.used = true;
        peer.permission.used = true;
        this.host.onDatagram(data.subarray(4, 4 + length), peer.permission.address, peer.port, now);
      }
      return;
    }
    const message = parseStunMessage(data);
    if (message === undefined) this.counters.malformed++;
    else if (message.class === "success" || message.class === "error") {
      const outcome = this.exchange.handleResponse(message, now);
      if (outcome === "dropped") this.counters.unauthenticated++;
      else if (outcome !== "done") this.counters[outcome]++;
    } else if (message.class === "indication" && message.method === StunMethod.data) this.handleData(message, now);
    else this.counters.unexpected++;
  }

  /** RFC 8656 §11.4. Data indications have no integrity: they are as good as the way from the server. */
  private handleData(indication: StunMessage, now: number): void {
    const from = indication.address(StunAttribute.xorPeerAddress);
    const data = indication.get(StunAttribute.data);
    // Without DATA it is a report of an ICMP error (§11.5), or nothing.
    const permission = from === undefined ? undefined : this.peers.permissions.get(from.address);
    if (from === undefined || data === undefined || permission === undefined || this.phase !== "allocated") {
      this.counters.unexpected++;
      return;
    }
    permission.used = true;
    this.host.onDatagram(data, from.address, from.port, now);
  }

  // ---- requests ----------------------------------------------------------------------------------------------------

  private ask(purpose: Purpose): void {
    // What `send`, `permit` and `close` ask starts with the time of the latest input, as they are given none; the next
    // input (the deadline asks for it at once) sets it right.
    if (this.timeless) this.unstamped = true;
    this.exchange.ask(METHODS[purpose.kind], purpose, this.timeless, this.now);
  }

  private compose(request: StunMessage, { kind, permission, peer }: Purpose): void {
    if (permission !== undefined) {
      if (peer !== undefined) request.addChannelNumber(peer.channel);
      request.addAddress(StunAttribute.xorPeerAddress, permission.address, peer?.port ?? 0);
      return;
    }
    const { software } = this.options;
    if (kind === "allocate") request.addLeadingByte(StunAttribute.requestedTransport, PROTOCOL_UDP);
    // RFC 8656 §18.11: IPv6 is the only family that can be additional.
    if (kind === "allocate" && this.wantsAdditional) {
      request.addLeadingByte(StunAttribute.additionalAddressFamily, 2);
      request.addLeadingByte(StunAttribute.additionalAddressFamilyDraft, 2);
    }
    if (this.family === 6) request.addLeadingByte(StunAttribute.requestedAddressFamily, 2);
    request.addU32(StunAttribute.lifetime, kind === "release" ? 0 : DEFAULT_LIFETIME);
    if (kind === "allocate" && software !== undefined) request.addText(StunAttribute.software, software);
  }

  private get wantsAdditional(): boolean {
    return this.options.additional === true && this.family === 4;
  }

  /** Takes note of the time. */
  private advance(now: number): void {
    if (this.unstamped) {
      this.unstamped = false;
      this.exchange.stamp(now - this.now);
      if (this.phase === "closing") this.closeAt = Math.min(this.closeAt, now + CLOSE_TIMEOUT);
    }
    this.now = now;
  }

  private handleSuccess(response: StunMessage, purpose: Purpose, delayed: boolean, now: number): void {
    switch (purpose.kind) {
      case "allocate":
        this.handleAllocated(response, now);
        break;
      case "refresh":
        this.handleRefreshed(response, now);
        break;
      case "release":
        this.end({ reason: "closed", code: 0, text: "" });
        break;
      case "permission":
        this.upkeep.handlePermitted(purpose.permission!, delayed, now);
        break;
      case "channel":
        this.upkeep.handleBound(purpose.peer!, now);
        break;
    }
    this.upkeep.reschedule();
  }

  private handleAllocated(response: StunMessage, now: number): void {
    const all = response.addresses(StunAttribute.xorRelayedAddress);
    const relayed = all?.find(({ address }) => ipFamily(address) === this.family);
    const mapped = response.address(StunAttribute.xorMappedAddress);
    const lifetime = response.u32(StunAttribute.lifetime);
    if (this.phase === "closing") {
      this.ask({ kind: "release" });
      return;
    }
    // RFC 8656 §7.3: with an address of the family asked for.
    if (relayed === undefined || mapped === undefined || !lifetime) {
      this.end({ reason: "protocol", code: UNREACHABLE, text: "the Allocate response is incomplete" });
      return;
    }
    this.phase = "allocated";
    this.relayed = relayed;
    this.keepFor(lifetime, now);
    const six = this.wantsAdditional ? all?.find(({ address }) => ipFamily(address) === 6) : undefined;
    if (six !== undefined) this.reach = 0;
    this.host.onAllocated(this, mapped, now, six && new AdditionalRelay(this, six));
  }

  private handleRefreshed(response: StunMessage, now: number): void {
    const lifetime = response.u32(StunAttribute.lifetime);
    if (lifetime === undefined) this.refreshAt = now + FAILED_RETRY;
    else if (lifetime === 0)
      this.end({ reason: "expired", code: UNREACHABLE, text: "the server ended the allocation" });
    else this.keepFor(lifetime, now);
  }

  private keepFor(seconds: number, now: number): void {
    const lifetime = Math.min(seconds * 1000, MAX_LIFETIME);
    this.expiresAt = now + lifetime;
    this.refreshAt = now + Math.max(lifetime / 2, lifetime - REFRESH_MARGIN);
  }

  /** The server said no. */
  private handleRefusal(error: StunError, response: StunMessage, purpose: Purpose, now: number): void {
    const { kind } = purpose;
    const text = error.reason;
    this.log(`${kind} refused: ${error.code} ${text}`);
    if (this.phase === "closing") this.end({ reason: "closed", code: 0, text: "" });
    else if (kind === "allocate" && error.code === 300) this.redirect(response, text);
    else if (kind === "allocate") this.end({ reason: "refused", code: error.code, text });
    else if (error.code === 437) this.end({ reason: "expired", code: 437, text });
    else if (kind === "refresh") {
      this.problem = { code: error.code, text };
      this.refreshAt = now + FAILED_RETRY;
    } else this.postpone(purpose, now + REFUSED_RETRY);
    this.upkeep.reschedule();
  }

  /** Nobody answered, or nobody whom we believe. */
  private handleNoAnswer(text: string, purpose: Purpose, now: number): void {
    const { kind } = purpose;
    this.log(`${kind} failed: ${text}`);
    if (this.phase === "closing") this.end({ reason: "closed", code: 0, text: "" });
    else if (kind === "allocate") this.end({ reason: "unreachable", code: UNREACHABLE, text });
    else if (kind === "refresh") {
      this.problem = { code: UNREACHABLE, text };
      this.refreshAt = now + FAILED_RETRY;
    } else this.postpone(purpose, now + FAILED_RETRY);
    this.upkeep.reschedule();
  }

  private postpone({ permission, peer }: Purpose, until: number): void {
    if (peer !== undefined) this.upkeep.postponeChannel(peer, until);
    else if (permission !== undefined) this.upkeep.postponePermission(permission, until);
  }

  /** RFC 8489 §10. A datagram port reaches the other server as well; a connection does not. */
  private redirect(response: StunMessage, text: string): void {
    const alternate = response.address(StunAttribute.alternateServer);
    const scope = alternate === undefined ? "unspecified" : ipScope(alternate.address);
    const refused: TurnEnd = { reason: "refused", code: 300, text };
    this.visited.add(`${this.remote.address} ${this.remote.port}`);
    if (alternate === undefined || alternate.port === 0) this.end(refused);
    else if (scope === "unspecified" || scope === "multicast" || scope === "broadcast") this.end(refused);
    else if (this.visited.size > MAX_REDIRECTS) this.end(refused);
    else if (this.visited.has(`${alternate.address} ${alternate.port}`)) this.end(refused);
    else if (this.stream || ipFamily(alternate.address) !== ipFamily(this.remote.address)) {
      const alternateDomain = response.text(StunAttribute.alternateDomain);
      this.end({ reason: "redirected", code: 300, text, alternate, alternateDomain });
    } else {
      this.remote = alternate;
      this.exchange.reset();
      this.ask({ kind: "allocate" });
    }
  }

  private end(end: TurnEnd): void {
    if (this.phase === "ended") return;
    this.phase = "ended";
    this.exchange.clear();
    this.upkeep.clear();
    this.log(`ended: ${end.reason} ${end.code} ${end.text}`);
    this.host.onEnd(end, this.now);
  }

  private log(message: string): void {
    this.options.logger?.("debug", "turn", `${this.remote.address}:${this.remote.port} ${message}`);
  }
}

/** The other address of an allocation for both families. */
class AdditionalRelay implements DatagramPort {
  readonly localAddress: string;
  readonly localPort: number;
  private readonly client: TurnClient;

  constructor(client: TurnClient, { address, port }: TransportAddress) {
    this.client = client;
    this.localAddress = address;
    this.localPort = port;
  }

  send(data: Uint8Array, address: string, port: number): boolean {
    return this.client.send(data, address, port);
  }

  /** It ends with the allocation. */
  close(): void {}
}
