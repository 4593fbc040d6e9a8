// The peers of one allocation: permissions by IP address (RFC 8656 §9), channels by transport address (§12), and the
// limits on both. It holds the state; client.ts asks the server.
import { parseIp } from "../util/ip.js";
import { CHANNEL_FIRST, CHANNEL_LAST } from "./framing.js";

/** IP addresses that one allocation serves at a time. */
export const MAX_PERMISSIONS = 128;
/** Ports per IP address. */
export const MAX_PEERS_PER_PERMISSION = 64;
/** Channels one allocation holds at a time. */
export const MAX_CHANNELS = 64;
/** Datagrams kept per permission until the server has confirmed it, to be sent again if that took more than one try. */
export const MAX_HELD_DATAGRAMS = 4;

export type ChannelState = "none" | "binding" | "bound" | "refused";
/** "lapsed": no longer asked for, though channels may hold on to it. */
export type PermissionState = "asking" | "installed" | "refused" | "lapsed";

/** One transport address that data goes to or comes from. */
export class Peer {
  readonly permission: Permission;
  readonly port: number;
  /** 0: none yet. A peer keeps its number as long as it is known. */
  channel = 0;
  state: ChannelState = "none";
  /** The server forgets the binding, and when we ask to keep it (or may ask again). */
  expiresAt: number = Number.POSITIVE_INFINITY;
  refreshAt: number = Number.POSITIVE_INFINITY;
  /** Data went either way since the last refresh. */
  used = false;

  constructor(permission: Permission, port: number) {
    this.permission = permission;
    this.port = port;
  }
}

/** One IP address. */
export class Permission {
  readonly address: string;
  /** 4 or 16 bytes. */
  readonly ip: Uint8Array;
  readonly peers: Map<number, Peer> = new Map();
  state: PermissionState = "lapsed";
  expiresAt: number = Number.POSITIVE_INFINITY;
  refreshAt: number = Number.POSITIVE_INFINITY;
  used = true;
  /** Refreshes in a row that nothing used. */
  idleRounds = 0;
  /** Datagrams sent while asking, with their ports. */
  held: { readonly data: Uint8Array; readonly port: number }[] = [];

  constructor(address: string, ip: Uint8Array) {
    this.address = address;
    this.ip = ip;
  }
}

export class Peers {
  readonly permissions: Map<string, Permission> = new Map();
  /** By channel number minus the first one. */
  private readonly channels: (Peer | undefined)[] = [];
  private held = 0;
  private nextChannel = CHANNEL_FIRST;
  private latest: Peer | undefined;

  /** The peer, if it is known. */
  find(address: string, port: number): Peer | undefined {
    const latest = this.latest;
    if (latest !== undefined && latest.port === port && latest.permission.address === address) return latest;
    const found = this.permissions.get(address)?.peers.get(port);
    if (found !== undefined) this.latest = found;
    return found;
  }

  /** The permission for an address, made known if the limits allow it. The address has to be of this family (0: of any). */
  permission(address: string, family: 4 | 6 | 0): Permission | undefined {
    const known = this.permissions.get(address);
    if (known !== undefined) return known;
    const ip = parseIp(address);
    if (ip === undefined || (family !== 0 && (ip.length === 4 ? 4 : 6) !== family)) return undefined;
    if (this.permissions.size >= MAX_PERMISSIONS && !this.evict()) return undefined;
    const permission = new Permission(address, ip);
    this.permissions.set(address, permission);
    return permission;
  }

  /** A peer at that address, made known if the limits allow it. */
  peer(permission: Permission, port: number): Peer | undefined {
    const known = permission.peers.get(port);
    if (known !== undefined) return known;
    if (permission.peers.size >= MAX_PEERS_PER_PERMISSION && !this.evictPeer(permission)) return undefined;
    const peer = new Peer(permission, port);
    permission.peers.set(port, peer);
    return peer;
  }

  /** Gives a peer a channel number of its own; false if there is none left. */
  assignChannel(peer: Peer): boolean {
    if (peer.channel !== 0) return true;
    if (this.held >= MAX_CHANNELS) return false;
    // A number may go to another peer only five minutes after its binding has expired (RFC 8656 §12.2): taking them in
    // turn, with 64 at most in use for ten minutes or more each, it takes hours to come round.
    while (this.byChannel(this.nextChannel) !== undefined) this.advance();
    peer.channel = this.nextChannel;
    this.channels[peer.channel - CHANNEL_FIRST] = peer;
    this.held++;
    this.advance();
    return true;
  }

  private advance(): void {
    this.nextChannel = this.nextChannel === CHANNEL_LAST ? CHANNEL_FIRST : this.nextChannel + 1;
  }

  byChannel(channel: number): Peer | undefined {
    return this.channels[channel - CHANNEL_FIRST];
  }

  /** Gives up a channel's number. */
  dropChannel(peer: Peer): void {
    if (peer.channel === 0) return;
    this.channels[peer.channel - CHANNEL_FIRST] = undefined;
    this.held--;
    peer.channel = 0;
    peer.state = "none";
    peer.expiresAt = Number.POSITIVE_INFINITY;
    peer.refreshAt = Number.POSITIVE_INFINITY;
  }

  remove(permission: Permission): void {
    for (const peer of permission.peers.values()) this.dropChannel(peer);
    this.permissions.delete(permission.address);
    if (this.latest?.permission === permission) this.latest = undefined;
  }

  /** Makes room by forgetting an address that is of no use at the moment. */
  private evict(): boolean {
    for (const permission of this.permissions.values()) {
      if ((permission.state !== "refused" && permission.state !== "lapsed") || hasChannel(permission)) continue;
      this.remove(permission);
      return true;
    }
    return false;
  }

  private evictPeer(permission: Permission): boolean {
    for (const peer of permission.peers.values()) {
      if (peer.channel !== 0) continue;
      permission.peers.delete(peer.port);
      if (this.latest === peer) this.latest = undefined;
      return true;
    }
    return false;
  }

  clear(): void {
    for (const permission of [...this.permissions.values()]) this.remove(permission);
  }
}

export function hasChannel(permission: Permission): boolean {
  for (const peer of permission.peers.values()) if (peer.channel !== 0) return true;
  return false;
}
