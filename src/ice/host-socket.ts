// One UDP socket of a gatherer, and where its datagrams go: to the gatherer itself, to a relay behind it, or to the session.
import type { Cancellable, DatagramHandler, DatagramPort } from "../util/net.js";
import type { GatherAddress } from "./interfaces.js";
import type { IceBase } from "./pair.js";

/** A relay that is reached from the socket. */
export interface SocketRelay {
  /** True if the datagram was from its server. */
  receive(data: Uint8Array, address: string, port: number, now: number): boolean;
}

export interface HostSocketOwner {
  handleOpen(socket: HostSocket, port: DatagramPort, now: number): void;
  handleBroken(socket: HostSocket, reason: string, now: number): void;
  /** Takes what answers a question of the owner's own. */
  tryAnswer(socket: HostSocket, data: Uint8Array, address: string, port: number, now: number): boolean;
  readonly host: {
    onDatagram(base: IceBase, data: Uint8Array, address: string, port: number, now: number): void;
    onDrained(now: number): void;
  };
}

/** One UDP socket on one address of ours, shared by host and reflexive candidates and the relays reached from it. */
export class HostSocket implements DatagramHandler {
  readonly address: GatherAddress;
  readonly relays: SocketRelay[] = [];
  /** What cancels the opening. */
  attempt: Cancellable | undefined;
  isOpening = true;
  port: DatagramPort | undefined;
  base: IceBase | undefined;
  /** Peers may be talked to directly (not with the policy "relay"). */
  visible = false;
  private readonly owner: HostSocketOwner;

  constructor(owner: HostSocketOwner, address: GatherAddress) {
    this.owner = owner;
    this.address = address;
  }

  onOpen(port: DatagramPort, now: number): void {
    this.isOpening = false;
    this.port = port;
    this.owner.handleOpen(this, port, now);
  }

  onError(reason: string, now: number): void {
    this.isOpening = false;
    this.owner.handleBroken(this, reason, now);
  }

  onDatagram(data: Uint8Array, address: string, port: number, now: number): void {
    if (this.owner.tryAnswer(this, data, address, port, now)) return;
    for (let i = 0; i < this.relays.length; i++) {
      if (this.relays[i]!.receive(data, address, port, now)) return;
    }
    if (this.visible) this.owner.host.onDatagram(this.base!, data, address, port, now);
  }

  onDrained(now: number): void {
    this.owner.host.onDrained(now);
  }

  close(): void {
    this.visible = false;
    this.base?.close();
  }
}
