// Permissions and channels of one allocation over time (RFC 8656 §9, §12): installed, refreshed while data uses them, left
// to expire when it does not, asked for again some time after a refusal. Which there are is in peers.ts; client.ts sends what
// is asked for here.
import { hasChannel, type Peer, type Peers, type Permission } from "./peers.js";

/** RFC 8656 §9: a permission lives 300 s; §12: a channel 600 s. We count ten seconds less than the server. */
const PERMISSION_LIFETIME = 290_000;
const CHANNEL_LIFETIME = 590_000;
/** When they are refreshed: what is left is enough for a whole transaction of 39.5 s. */
const PERMISSION_REFRESH = 240_000;
const CHANNEL_REFRESH = 540_000;
/** After an hour without data either way a permission is no longer kept alive. */
const MAX_IDLE_ROUNDS = 15;

export interface UpkeepHost {
  askPermission(permission: Permission): void;
  askChannel(peer: Peer): void;
  /** Sends a datagram again that came too early for its permission. */
  resend(permission: Permission, port: number, data: Uint8Array): void;
}

export class Upkeep {
  deadline: number = Number.POSITIVE_INFINITY;
  private readonly peers: Peers;
  private readonly host: UpkeepHost;

  constructor(peers: Peers, host: UpkeepHost) {
    this.peers = peers;
    this.host = host;
  }

  askPermission(permission: Permission): void {
    permission.state = "asking";
    permission.refreshAt = Number.POSITIVE_INFINITY;
    this.host.askPermission(permission);
  }

  handlePermitted(permission: Permission, delayed: boolean, now: number): void {
    if (this.peers.permissions.get(permission.address) !== permission) return;
    permission.state = "installed";
    permission.expiresAt = now + PERMISSION_LIFETIME;
    permission.refreshAt = now + PERMISSION_REFRESH;
    const { held } = permission;
    permission.held = [];
    // The server has dropped what came before the request that it granted.
    if (delayed) for (const { data, port } of held) this.host.resend(permission, port, data);
  }

  handleBound(peer: Peer, now: number): void {
    if (this.peers.byChannel(peer.channel) !== peer) return;
    peer.state = "bound";
    peer.expiresAt = now + CHANNEL_LIFETIME;
    peer.refreshAt = now + CHANNEL_REFRESH;
    // RFC 8656 §12.2: a binding installs or refreshes the permission, too.
    this.handlePermitted(peer.permission, true, now);
  }

  /** Not granted: what stands, stands until it expires; what does not is asked for later. */
  postponePermission(permission: Permission, until: number): void {
    permission.refreshAt = until;
    permission.held = [];
    if (permission.state === "asking") permission.state = "refused";
  }

  /** As above. */
  postponeChannel(peer: Peer, until: number): void {
    peer.refreshAt = until;
    // The number stays with this peer: for all we know the server has bound it.
    if (peer.state !== "bound") {
      peer.state = "refused";
      peer.expiresAt = until + CHANNEL_LIFETIME;
    }
  }

  handleTimeout(now: number): void {
    for (const permission of [...this.peers.permissions.values()]) {
      for (const peer of permission.peers.values()) if (peer.channel !== 0) this.keepChannel(peer, now);
      this.keepPermission(permission, now);
    }
    this.reschedule();
  }

  private keepChannel(peer: Peer, now: number): void {
    if (now >= peer.expiresAt) this.peers.dropChannel(peer);
    else if (now >= peer.refreshAt) {
      peer.refreshAt = Number.POSITIVE_INFINITY;
      if (peer.state === "refused") peer.state = "none";
      // One that nothing uses is left to expire.
      else if (peer.used) {
        peer.used = false;
        this.host.askChannel(peer);
      }
    }
  }

  private keepPermission(permission: Permission, now: number): void {
    if (permission.state === "installed" && now >= permission.expiresAt) permission.state = "lapsed";
    if (now >= permission.refreshAt) {
      permission.refreshAt = Number.POSITIVE_INFINITY;
      if (permission.state === "refused") permission.state = "lapsed";
      else if (permission.state === "installed") {
        permission.idleRounds = permission.used ? 0 : permission.idleRounds + 1;
        permission.used = false;
        // It stays installed until the server answers, or it expires.
        if (permission.idleRounds < MAX_IDLE_ROUNDS) this.host.askPermission(permission);
      }
    }
    if (permission.state === "lapsed" && !hasChannel(permission)) this.peers.remove(permission);
  }

  /** To be called when a permission or channel has changed other than in `handleTimeout`. */
  reschedule(): void {
    let at = Number.POSITIVE_INFINITY;
    for (const permission of this.peers.permissions.values()) {
      at = Math.min(at, permission.refreshAt);
      if (permission.state === "installed") at = Math.min(at, permission.expiresAt);
      for (const peer of permission.peers.values()) at = Math.min(at, peer.refreshAt, peer.expiresAt);
    }
    this.deadline = at;
  }

  clear(): void {
    this.peers.clear();
    this.deadline = Number.POSITIVE_INFINITY;
  }
}
