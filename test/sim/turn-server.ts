// A TURN server (RFC 8656) with the long-term credential mechanism of RFC 8489, to test clients against: it holds them to
// the rules. Everything that expires is looked at when something happens; there are no timers, so it never keeps a
// simulation from being idle.
import type { CryptoProvider, Hmac } from "#src/crypto/provider.js";
import {
  FEATURE_PASSWORD_ALGORITHMS,
  FEATURE_USERNAME_ANONYMITY,
  longTermKey,
  nonceCookie,
  nonceFeatures,
  userhash,
} from "#src/stun/credentials.js";
import {
  PASSWORD_ALGORITHM_MD5,
  PASSWORD_ALGORITHM_SHA256,
  parseStunMessage,
  StunAttribute,
  StunMessage,
  StunMethod,
  type StunProtection,
} from "#src/stun/message.js";
import type { DatagramPort, TransportAddress } from "#src/util/net.js";
import { family, type Host } from "./network.js";
import { type Client, serveStreams, serveUdp } from "./serve.js";
import { answerBinding } from "./stun-server.js";

const UDP = 17;

export interface TurnServerOptions {
  /** The host's first IPv4 address unless given. */
  readonly address?: string | undefined;
  /** UDP and TCP; 3478 unless given. */
  readonly port?: number | undefined;
  /** Certificate names; listens for TLS on `tlsPort` (5349) too if there are any. */
  readonly tlsNames?: readonly string[] | undefined;
  readonly tlsPort?: number | undefined;
  readonly realm?: string | undefined;
  /** Passwords by user name; `{ user: "pass" }` unless given. */
  readonly users?: Readonly<Record<string, string>> | undefined;
  /** Password algorithms offered; with "sha-256" the nonce has a cookie. `["md5"]` unless given: the old mechanism. */
  readonly algorithms?: readonly ("md5" | "sha-256")[] | undefined;
  /** Announces username anonymity. */
  readonly userhash?: boolean | undefined;
  /** Milliseconds; an hour unless given. */
  readonly nonceLifetime?: number | undefined;
  /** Seconds: what clients get that ask for nothing (600), and the most anybody gets (3600). */
  readonly lifetime?: number | undefined;
  readonly maxLifetime?: number | undefined;
  /** Seconds; 300 and 600 unless given (RFC 8656 §9, §12). */
  readonly permissionLifetime?: number | undefined;
  readonly channelLifetime?: number | undefined;
  /** Allocations per user. */
  readonly quota?: number | undefined;
  /** Knows ADDITIONAL-ADDRESS-FAMILY. */
  readonly dual?: boolean | undefined;
}

interface Allocation {
  readonly client: Client;
  readonly username: string;
  readonly transactionId: string;
  readonly relay: DatagramPort;
  /** IPv6, where the client asked for it besides. */
  readonly additional: DatagramPort | undefined;
  expires: number;
  readonly permissions: Map<string, number>;
  readonly channels: Map<number, { peer: TransportAddress; expires: number }>;
}

function relayFor({ relay, additional }: Allocation, peer: string): DatagramPort | undefined {
  return [relay, additional].find((port) => port !== undefined && family(port.localAddress) === family(peer));
}

interface Rejection {
  readonly code: number;
  readonly reason: string;
  readonly challenge?: boolean | undefined;
}

export type RejectHook = (request: StunMessage, client: Client) => { code: number; reason: string } | undefined;

export interface TurnCounters {
  allocate: number;
  refresh: number;
  createPermission: number;
  channelBind: number;
  send: number;
  channelData: number;
  /** Errors sent, by code. */
  errors: Map<number, number>;
  /** Data from clients that no permission, channel or allocation covered. */
  dropped: number;
  /** Datagrams from peers without a permission. */
  refusedPeers: number;
}

export class TurnServer {
  readonly host: Host;
  readonly options: TurnServerOptions;
  readonly address: string;
  readonly port: number;
  readonly counters: TurnCounters = {
    allocate: 0,
    refresh: 0,
    createPermission: 0,
    channelBind: 0,
    send: 0,
    channelData: 0,
    errors: new Map(),
    dropped: 0,
    refusedPeers: 0,
  };
  /** Ignores everything while false. */
  up = true;
  /** Sends clients elsewhere (300) when they allocate. */
  alternate: TransportAddress | undefined;
  /** Gives an error to reject a request with, once it is authenticated: the answer is signed. */
  reject: RejectHook | undefined;
  /** The same before authentication: the answer is not signed. */
  rejectUnsigned: RejectHook | undefined;
  /** Peers for which permissions are forbidden (403). */
  forbidden: ((address: string) => boolean) | undefined;
  /** Changes a response before it is written, for servers that misbehave. */
  tamper: ((response: StunMessage, request: StunMessage) => StunProtection | undefined) | undefined;
  private readonly crypto: CryptoProvider;
  private readonly allocations = new Map<string, Allocation>();
  private readonly nonces = new Map<string, number>();
  private nonceCount = 0;

  constructor(host: Host, crypto: CryptoProvider, options: TurnServerOptions = {}) {
    this.host = host;
    this.crypto = crypto;
    this.options = options;
    this.address = options.address ?? host.address(4);
    this.port = options.port ?? 3478;
    const events = {
      onMessage: (client: Client, data: Uint8Array, now: number): void => this.handle(client, data, now),
      onGone: (client: Client): void => this.release(client.key),
    };
    serveUdp(host, this.address, this.port, events);
    serveStreams(host, this.address, this.port, undefined, events);
    if (options.tlsNames !== undefined) {
      serveStreams(host, this.address, options.tlsPort ?? 5349, options.tlsNames, events);
    }
  }

  /** Allocations that stand, by their relayed address. */
  relays(): string[] {
    this.sweep(this.host.scheduler.now);
    return [...this.allocations.values()].map((a) => `${a.relay.localAddress} ${a.relay.localPort}`);
  }

  /** Peer addresses with a permission, and bound channels, of every allocation. */
  state(): { permissions: string[]; channels: number[] } {
    const now = this.host.scheduler.now;
    this.sweep(now);
    const permissions: string[] = [];
    const channels: number[] = [];
    for (const a of this.allocations.values()) {
      for (const [address, expires] of a.permissions) if (expires > now) permissions.push(address);
      for (const [channel, { expires }] of a.channels) if (expires > now) channels.push(channel);
    }
    return { permissions, channels };
  }

  /** Every nonce becomes stale. */
  expireNonces(): void {
    this.nonces.clear();
  }

  /** Forgets every allocation, as after a restart. */
  restart(): void {
    for (const key of [...this.allocations.keys()]) this.release(key);
    this.expireNonces();
  }

  // ---- messages ----------------------------------------------------------------------------------------------------

  handle(client: Client, data: Uint8Array, now: number): void {
    if (!this.up) return;
    this.sweep(now);
    if (data.length >= 4 && data[0]! >= 0x40 && data[0]! <= 0x4f) {
      this.handleChannelData(client, data, now);
      return;
    }
    const message = parseStunMessage(data);
    if (message?.class === "indication" && message.method === StunMethod.send) this.handleSend(client, message, now);
    else if (message?.class === "request") this.handleRequest(client, message, now);
  }

  private handleRequest(client: Client, request: StunMessage, now: number): void {
    if (request.method === StunMethod.binding) {
      client.send(answerBinding(request, client.address, client.port));
      return;
    }
    const early = this.rejectUnsigned?.(request, client);
    if (early !== undefined) {
      this.refuse(client, request, early, undefined);
      return;
    }
    if (request.method === StunMethod.allocate && this.alternate !== undefined) {
      this.refuse(client, request, { code: 300, reason: "Try Alternate" }, undefined);
      return;
    }
    const identity = this.authenticate(request, now);
    if ("code" in identity) {
      this.refuse(client, request, identity, undefined);
      return;
    }
    const { username, protection } = identity;
    const rejected = this.reject?.(request, client);
    if (rejected !== undefined) {
      this.refuse(client, request, rejected, protection);
      return;
    }
    const unknown = request.unknownRequired();
    if (unknown.length > 0) {
      this.refuse(client, request, { code: 420, reason: "Unknown Attribute" }, protection);
      return;
    }
    if (request.method === StunMethod.allocate) {
      this.counters.allocate++;
      this.handleAllocate(client, request, username, protection);
      return;
    }
    const allocation = this.allocations.get(client.key);
    const outcome =
      allocation === undefined
        ? { code: 437, reason: "Allocation Mismatch" }
        : allocation.username !== username
          ? { code: 441, reason: "Wrong Credentials" }
          : this.handleWithin(allocation, request, now);
    if ("code" in outcome) this.refuse(client, request, outcome, protection);
    else this.respond(client, outcome, request, protection);
  }

  private handleWithin(allocation: Allocation, request: StunMessage, now: number): StunMessage | Rejection {
    switch (request.method) {
      case StunMethod.refresh:
        this.counters.refresh++;
        return this.handleRefresh(allocation, request, now);
      case StunMethod.createPermission:
        this.counters.createPermission++;
        return this.handleCreatePermission(allocation, request, now);
      case StunMethod.channelBind:
        this.counters.channelBind++;
        return this.handleChannelBind(allocation, request, now);
      default:
        return { code: 400, reason: "Bad Request" };
    }
  }

  /** RFC 8656 §7.2. */
  private handleAllocate(client: Client, request: StunMessage, username: string, protection: StunProtection): void {
    const id = Buffer.from(request.transactionId).toString("hex");
    const existing = this.allocations.get(client.key);
    if (existing !== undefined) {
      if (existing.transactionId === id) {
        this.respondAllocated(existing, request, protection, this.host.scheduler.now);
      } else this.refuse(client, request, { code: 437, reason: "Allocation Mismatch" }, protection);
      return;
    }
    const problem = this.allocationProblem(request, username);
    if (problem !== undefined) {
      this.refuse(client, request, problem, protection);
      return;
    }
    const asked = request.leadingByte(StunAttribute.requestedAddressFamily) === 2 ? 6 : 4;
    const address = this.host.attachments.find((a) => family(a.address) === asked)?.address;
    if (address === undefined) {
      this.refuse(client, request, { code: 440, reason: "Address Family not Supported" }, protection);
      return;
    }
    const six = this.host.attachments.find((a) => family(a.address) === 6)?.address;
    const additional = request.leadingByte(StunAttribute.additionalAddressFamily);
    let allocation: Allocation | undefined;
    let second: DatagramPort | undefined;
    if (this.options.dual === true && additional === 2 && six !== undefined) {
      this.host.openUdp(
        { address: six },
        {
          // Before the other, which is asked for next.
          onOpen: (relay) => {
            second = relay;
          },
          onError() {},
          onDatagram: (data, from, port, then) => {
            if (allocation !== undefined) this.handlePeer(allocation, data, from, port, then);
          },
          onDrained() {},
        },
      );
    }
    this.host.openUdp(
      { address },
      {
        onOpen: (relay, then) => {
          allocation = {
            client,
            username,
            transactionId: id,
            relay,
            additional: second,
            expires: then + 1000 * this.lifetimeFor(request),
            permissions: new Map(),
            channels: new Map(),
          };
          this.allocations.set(client.key, allocation);
          this.respondAllocated(allocation, request, protection, then);
        },
        onError: () => this.refuse(client, request, { code: 508, reason: "Insufficient Capacity" }, protection),
        onDatagram: (data, from, port, then) => {
          if (allocation !== undefined) this.handlePeer(allocation, data, from, port, then);
        },
        onDrained() {},
      },
    );
  }

  private allocationProblem(request: StunMessage, username: string): Rejection | undefined {
    const transport = request.leadingByte(StunAttribute.requestedTransport);
    if (transport === undefined) return { code: 400, reason: "Bad Request" };
    if (transport !== UDP) return { code: 442, reason: "Unsupported Transport Protocol" };
    if (request.has(StunAttribute.reservationToken)) {
      return request.has(StunAttribute.evenPort)
        ? { code: 400, reason: "Bad Request" }
        : { code: 508, reason: "Insufficient Capacity" };
    }
    const wanted = request.leadingByte(StunAttribute.requestedAddressFamily);
    if (wanted !== undefined && wanted !== 1 && wanted !== 2) {
      return { code: 440, reason: "Address Family not Supported" };
    }
    const held = [...this.allocations.values()].filter((a) => a.username === username).length;
    if (held >= (this.options.quota ?? Number.POSITIVE_INFINITY)) {
      return { code: 486, reason: "Allocation Quota Reached" };
    }
    return undefined;
  }

  private respondAllocated(
    allocation: Allocation,
    request: StunMessage,
    protection: StunProtection,
    now: number,
  ): void {
    const { client, relay, additional } = allocation;
    const response = new StunMessage("success", request.method, request.transactionId);
    response.addAddress(StunAttribute.xorRelayedAddress, relay.localAddress, relay.localPort);
    if (additional !== undefined) {
      response.addAddress(StunAttribute.xorRelayedAddress, additional.localAddress, additional.localPort);
    }
    response
      .addU32(StunAttribute.lifetime, Math.round((allocation.expires - now) / 1000))
      .addAddress(StunAttribute.xorMappedAddress, client.address, client.port)
      .addText(StunAttribute.software, "parley test bed");
    this.respond(client, response, request, protection);
  }

  private lifetimeFor(request: StunMessage): number {
    const asked = request.u32(StunAttribute.lifetime) ?? 0;
    return Math.min(this.options.maxLifetime ?? 3600, Math.max(asked, this.options.lifetime ?? 600));
  }

  /** RFC 8656 §8.2. */
  private handleRefresh(allocation: Allocation, request: StunMessage, now: number): StunMessage | Rejection {
    const wanted = request.leadingByte(StunAttribute.requestedAddressFamily);
    if (wanted !== undefined && (wanted === 2 ? 6 : 4) !== family(allocation.relay.localAddress)) {
      return { code: 443, reason: "Peer Address Family Mismatch" };
    }
    const seconds = request.u32(StunAttribute.lifetime) === 0 ? 0 : this.lifetimeFor(request);
    if (seconds === 0) this.release(allocation.client.key);
    else allocation.expires = now + 1000 * seconds;
    return new StunMessage("success", request.method, request.transactionId).addU32(StunAttribute.lifetime, seconds);
  }

  /** RFC 8656 §10.2: all of them or none. */
  private handleCreatePermission(allocation: Allocation, request: StunMessage, now: number): StunMessage | Rejection {
    const peers = request.peerAddresses;
    if (peers === undefined || peers.length === 0) return { code: 400, reason: "Bad Request" };
    for (const peer of peers) {
      const problem = this.peerProblem(allocation, peer.address);
      if (problem !== undefined) return problem;
    }
    for (const peer of peers) this.permit(allocation, peer.address, now);
    return new StunMessage("success", request.method, request.transactionId);
  }

  /** RFC 8656 §12.2. */
  private handleChannelBind(allocation: Allocation, request: StunMessage, now: number): StunMessage | Rejection {
    const channel = request.channelNumber;
    const peer = request.address(StunAttribute.xorPeerAddress);
    if (channel === undefined || peer === undefined || channel < 0x4000 || channel > 0x4fff) {
      return { code: 400, reason: "Bad Request" };
    }
    for (const [number, bound] of allocation.channels) {
      if (bound.expires <= now) continue;
      const samePeer = bound.peer.address === peer.address && bound.peer.port === peer.port;
      if ((number === channel) !== samePeer) return { code: 400, reason: "Bad Request" };
    }
    const problem = this.peerProblem(allocation, peer.address);
    if (problem !== undefined) return problem;
    allocation.channels.set(channel, { peer, expires: now + 1000 * (this.options.channelLifetime ?? 600) });
    this.permit(allocation, peer.address, now);
    return new StunMessage("success", request.method, request.transactionId);
  }

  private peerProblem(allocation: Allocation, address: string): Rejection | undefined {
    if (relayFor(allocation, address) === undefined) {
      return { code: 443, reason: "Peer Address Family Mismatch" };
    }
    return this.forbidden?.(address) === true ? { code: 403, reason: "Forbidden" } : undefined;
  }

  private permit(allocation: Allocation, address: string, now: number): void {
    allocation.permissions.set(address, now + 1000 * (this.options.permissionLifetime ?? 300));
  }

  // ---- data --------------------------------------------------------------------------------------------------------

  private handleSend(client: Client, indication: StunMessage, now: number): void {
    const allocation = this.allocations.get(client.key);
    const peer = indication.address(StunAttribute.xorPeerAddress);
    const data = indication.get(StunAttribute.data);
    const permitted = (allocation?.permissions.get(peer?.address ?? "") ?? 0) > now;
    if (allocation === undefined || peer === undefined || data === undefined || !permitted) {
      this.counters.dropped++;
      return;
    }
    this.counters.send++;
    relayFor(allocation, peer.address)?.send(data.slice(), peer.address, peer.port);
  }

  private handleChannelData(client: Client, bytes: Uint8Array, now: number): void {
    const allocation = this.allocations.get(client.key);
    const bound = allocation?.channels.get((bytes[0]! << 8) | bytes[1]!);
    const length = (bytes[2]! << 8) | bytes[3]!;
    const permitted = bound !== undefined && (allocation?.permissions.get(bound.peer.address) ?? 0) > now;
    if (allocation === undefined || bound === undefined || bound.expires <= now || !permitted) {
      this.counters.dropped++;
      return;
    }
    if (length > bytes.length - 4) return;
    this.counters.channelData++;
    relayFor(allocation, bound.peer.address)?.send(bytes.slice(4, 4 + length), bound.peer.address, bound.peer.port);
  }

  private handlePeer(allocation: Allocation, data: Uint8Array, address: string, port: number, now: number): void {
    this.sweep(now);
    if (this.allocations.get(allocation.client.key) !== allocation) return;
    if ((allocation.permissions.get(address) ?? 0) <= now) {
      this.counters.refusedPeers++;
      return;
    }
    for (const [channel, bound] of allocation.channels) {
      if (bound.expires <= now || bound.peer.address !== address || bound.peer.port !== port) continue;
      const out = new Uint8Array(4 + data.length);
      out.set([channel >> 8, channel, data.length >> 8, data.length]);
      out.set(data, 4);
      allocation.client.send(out);
      return;
    }
    const indication = new StunMessage("indication", StunMethod.data, this.crypto.random(12))
      .addAddress(StunAttribute.xorPeerAddress, address, port)
      .add(StunAttribute.data, data);
    allocation.client.send(indication.encode());
  }

  // ---- authentication ----------------------------------------------------------------------------------------------

  private get realm(): string {
    return this.options.realm ?? "example.org";
  }

  private get features(): number {
    let bits = 0;
    if (this.options.algorithms?.includes("sha-256")) bits |= FEATURE_PASSWORD_ALGORITHMS;
    if (this.options.userhash === true) bits |= FEATURE_USERNAME_ANONYMITY;
    return bits;
  }

  private freshNonce(now: number): string {
    const cookie = this.features === 0 ? "" : nonceCookie(this.features);
    const nonce = `${cookie}nonce${++this.nonceCount}`;
    this.nonces.set(nonce, now + (this.options.nonceLifetime ?? 3_600_000));
    return nonce;
  }

  private offered(): { algorithm: number; parameters: Uint8Array }[] {
    return (this.options.algorithms ?? ["md5"]).map((name) => ({
      algorithm: name === "md5" ? PASSWORD_ALGORITHM_MD5 : PASSWORD_ALGORITHM_SHA256,
      parameters: new Uint8Array(0),
    }));
  }

  /** RFC 8489 §9.2.4. */
  private authenticate(
    request: StunMessage,
    now: number,
  ): { readonly username: string; readonly protection: StunProtection } | Rejection {
    const unauthorized: Rejection = { code: 401, reason: "Unauthorized", challenge: true };
    const bad: Rejection = { code: 400, reason: "Bad Request" };
    if (!request.hasIntegrity && !request.hasIntegritySha256) return unauthorized;
    const nonce = request.text(StunAttribute.nonce);
    const named = request.has(StunAttribute.username) || request.has(StunAttribute.userhash);
    if (nonce === undefined || !request.has(StunAttribute.realm) || !named) return bad;
    let algorithm: "md5" | "sha-256" = "md5";
    if ((nonceFeatures(nonce) & FEATURE_PASSWORD_ALGORITHMS) !== 0) {
      const list = request.get(StunAttribute.passwordAlgorithms);
      const chosen = request.passwordAlgorithms(StunAttribute.passwordAlgorithm);
      if ((list === undefined) !== (chosen === undefined)) return bad;
      if (list !== undefined) {
        const ours = new StunMessage("error", 0, new Uint8Array(12)).addPasswordAlgorithms(this.offered());
        if (Buffer.compare(ours.values[0]!, list) !== 0) return bad;
        const number = chosen![0]?.algorithm;
        if (!this.offered().some((a) => a.algorithm === number)) return bad;
        algorithm = number === PASSWORD_ALGORITHM_SHA256 ? "sha-256" : "md5";
      }
    }
    const username = this.usernameOf(request);
    const password = username === undefined ? undefined : this.users[username];
    if (username === undefined || password === undefined) return unauthorized;
    const key = longTermKey(this.crypto, username, this.realm, password, algorithm);
    const protection = this.verify(request, key);
    if (protection === undefined) return unauthorized;
    if ((this.nonces.get(nonce) ?? 0) <= now) return { code: 438, reason: "Stale Nonce", challenge: true };
    return { username, protection };
  }

  private get users(): Readonly<Record<string, string>> {
    return this.options.users ?? { user: "pass" };
  }

  private usernameOf(request: StunMessage): string | undefined {
    const hash = request.get(StunAttribute.userhash);
    if (hash === undefined) return request.text(StunAttribute.username);
    return Object.keys(this.users).find((u) => this.crypto.equal(userhash(this.crypto, u, this.realm), hash));
  }

  private verify(request: StunMessage, key: Uint8Array): StunProtection | undefined {
    if (request.hasIntegritySha256) {
      const integritySha256: Hmac = this.crypto.createHmac("sha-256", key);
      return request.verifyIntegritySha256(integritySha256, this.crypto) ? { integritySha256 } : undefined;
    }
    const integrity = this.crypto.createHmac("sha-1", key);
    return request.verifyIntegrity(integrity, this.crypto) ? { integrity } : undefined;
  }

  // ---- answers -----------------------------------------------------------------------------------------------------

  private respond(client: Client, response: StunMessage, request: StunMessage, protection: StunProtection): void {
    client.send(response.encode(this.tamper?.(response, request) ?? { ...protection, fingerprint: true }));
  }

  private refuse(
    client: Client,
    request: StunMessage,
    rejection: Rejection,
    protection: StunProtection | undefined,
  ): void {
    const { code, reason, challenge } = rejection;
    this.counters.errors.set(code, (this.counters.errors.get(code) ?? 0) + 1);
    const response = new StunMessage("error", request.method, request.transactionId).addError(code, reason);
    if (challenge === true) {
      response.addText(StunAttribute.realm, this.realm);
      response.addText(StunAttribute.nonce, this.freshNonce(this.host.scheduler.now));
      if ((this.features & FEATURE_PASSWORD_ALGORITHMS) !== 0) response.addPasswordAlgorithms(this.offered());
    }
    if (code === 300 && this.alternate !== undefined) {
      response.addAddress(StunAttribute.alternateServer, this.alternate.address, this.alternate.port);
    }
    if (code === 420) response.addUnknownAttributes(request.unknownRequired());
    this.respond(client, response, request, protection ?? {});
  }

  private sweep(now: number): void {
    for (const [key, allocation] of this.allocations) if (allocation.expires <= now) this.release(key);
  }

  private release(key: string): void {
    const allocation = this.allocations.get(key);
    if (allocation === undefined) return;
    this.allocations.delete(key);
    allocation.relay.close();
    allocation.additional?.close();
  }
}

/** Starts a TURN server on a host. */
export function attachTurnServer(host: Host, crypto: CryptoProvider, options?: TurnServerOptions): TurnServer {
  return new TurnServer(host, crypto, options);
}
