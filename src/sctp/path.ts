// The one path of an association, as SCTP sees it: whether it is alive (heartbeats and the error counter, RFC 9260 §8.1, §8.3),
// and how large its packets may be. ICE decides where it leads.
import { PAD } from "./chunks.js";
import type { DataSender } from "./data-sender.js";
import { Heartbeat } from "./heartbeat.js";
import {
  ASSOCIATION_MAX_RETRANS,
  DEFAULT_MTU,
  HEARTBEAT_INTERVAL,
  MAX_MTU,
  MIN_MTU,
  RTO_INITIAL,
  type SctpOptions,
} from "./options.js";
import type { PacketSender } from "./packet-sender.js";
import { PathMtu } from "./path-mtu.js";

/** Bytes in flight from which on the path is probed for larger packets. */
const PROBE_FLIGHT = 8 * DEFAULT_MTU;

export class Path {
  private readonly sender: DataSender;
  private readonly out: PacketSender;
  private readonly heartbeat: Heartbeat;
  private readonly size: PathMtu;
  private readonly maxErrors: number;
  private errors = 0;

  constructor(options: SctpOptions, sender: DataSender, out: PacketSender) {
    this.sender = sender;
    this.out = out;
    const mtu = clampMtu(options.mtu ?? DEFAULT_MTU);
    this.size = new PathMtu(mtu, clampMtu(options.maxMtu ?? mtu));
    this.heartbeat = new Heartbeat(options.crypto, options.heartbeatInterval ?? HEARTBEAT_INTERVAL);
    this.maxErrors = options.maxRetransmissions ?? ASSOCIATION_MAX_RETRANS;
  }

  /** Largest packet, in bytes. */
  get mtu(): number {
    return this.size.mtu;
  }

  /** The association is established, or begins anew. */
  start(now: number): void {
    this.heartbeat.start(now);
    this.size.start();
  }

  /** The peer began anew on the same path. */
  restart(now: number): void {
    this.heartbeat.start(now);
  }

  stop(): void {
    this.heartbeat.stop();
    this.size.stop();
  }

  /** Looks for larger packets, again if need be. */
  search(): void {
    this.size.start();
  }

  setMtu(mtu: number, maxMtu: number): void {
    this.size.set(clampMtu(mtu), clampMtu(maxMtu));
    this.applyMtu();
  }

  private applyMtu(): void {
    this.out.send();
    this.out.builder.setLimit(this.size.mtu);
    this.sender.setMtu(this.size.mtu, this.size.base);
  }

  /** The peer acknowledged something. */
  confirm(): void {
    this.errors = 0;
  }

  /** RFC 9260 §8.1: something was not answered in time. True if the peer is to be given up. */
  countError(): boolean {
    return ++this.errors > this.maxErrors;
  }

  /** Data was not acknowledged in time: perhaps the path takes less than it did (RFC 8899 §4.3). */
  fallBack(): void {
    if (this.size.fallBack()) this.applyMtu();
  }

  handleHeartbeatAck(b: Uint8Array, at: number, length: number, now: number): void {
    const echo = this.heartbeat.handleAck(b, at, length, now);
    if (echo === undefined) return;
    this.errors = 0;
    this.sender.errors = 0;
    if (echo.probeSize === 0) this.sender.rto.sample(echo.rtt);
    else if (this.size.onAcknowledged(echo.probeSize, now)) this.applyMtu();
  }

  get deadline(): number {
    return Math.min(this.heartbeat.deadline, this.size.deadline);
  }

  /** True if that is an error, to be counted. */
  handleTimeout(now: number): boolean {
    if (now >= this.size.deadline) this.size.handleTimeout(now);
    return now >= this.heartbeat.deadline && this.heartbeat.handleTimeout(now, this.sender.rto.rto);
  }

  /** Has a heartbeat sent with the next flush. */
  probe(): void {
    this.heartbeat.pending = true;
  }

  /** Adds the heartbeat that is due. */
  flush(now: number): void {
    if (this.heartbeat.pending) this.heartbeat.write(this.out.ensure(24), now, this.sender.rto.rto);
  }

  /** Sends the probe that is due, while much is in flight: who sends little would only hold memory for larger packets. */
  flushProbe(now: number): void {
    const { out, sender, size } = this;
    const bytes = size.pendingProbe;
    if (bytes === 0 || sender.outstanding.flight < PROBE_FLIGHT) return;
    this.heartbeat.writeProbe(out.ensure(24), bytes);
    const rest = bytes - out.builder.length;
    if (rest >= 4) out.builder.chunk(PAD, 0, rest);
    size.onSent(now, Math.max(sender.rto.rto, RTO_INITIAL));
    out.send();
  }
}

export function clampMtu(mtu: number): number {
  return Math.max(MIN_MTU, Math.min(MAX_MTU, Math.floor(mtu))) & ~3;
}
