// The data channels of one connection (webrtc-pc §6.1): made by the program or by the peer, and handed to the SCTP association once
// there is one. What a channel is and does is in rtc-data-channel.ts.
import type { Channel, ChannelHandler, PeerTransport } from "../peer/peer-transport.js";
import type { DataChannelParameters } from "./data-channel-init.js";
import { domException } from "./errors.js";
import { type DataChannelCounts, DataChannelImpl, type DataChannelOwner } from "./rtc-data-channel.js";
import type { SctpTransportImpl } from "./rtc-sctp-transport.js";
import type { TaskQueue } from "./task-queue.js";

export interface DataChannelObjectsHost {
  /** Where `datachannel` is fired. */
  readonly target: object;
  tasks(): TaskQueue;
  sctp(): SctpTransportImpl | null;
}

/** What the channels see of their connection. */
class ChannelOwner implements DataChannelOwner {
  readonly tasks: TaskQueue;
  readonly counts: DataChannelCounts;
  private readonly objects: DataChannelObjects;
  private readonly host: DataChannelObjectsHost;

  constructor(objects: DataChannelObjects, host: DataChannelObjectsHost) {
    this.objects = objects;
    this.host = host;
    this.tasks = host.tasks();
    this.counts = objects.counts;
  }

  get maxMessageSize(): number {
    return this.host.sctp()?.maxMessageSize ?? Number.POSITIVE_INFINITY;
  }

  onDataChannelClosed(channel: DataChannelImpl): void {
    this.objects.forget(channel);
  }
}

export class DataChannelObjects {
  /** Those that have not ended. */
  readonly all: Set<DataChannelImpl> = new Set();
  readonly counts: DataChannelCounts = { opened: 0, closed: 0 };
  /** There has been one: descriptions have a data section from then on. */
  hadAny = false;
  private readonly host: DataChannelObjectsHost;
  /** Channels that no association carries yet. */
  private unattached: DataChannelImpl[] = [];
  private transport: PeerTransport | undefined;
  private owner: DataChannelOwner | undefined;

  constructor(host: DataChannelObjectsHost) {
    this.host = host;
  }

  /** One that the program makes. Throws OperationError for an id that it cannot have. */
  create(parameters: DataChannelParameters, where: string): DataChannelImpl {
    const { id } = parameters;
    if (id !== undefined) this.checkId(id, where);
    const channel = this.add(parameters);
    this.host.tasks().queue(() => channel.lockTransfer());
    this.unattached.push(channel);
    this.hadAny = true;
    this.openUnattached();
    return channel;
  }

  private checkId(id: number, where: string): void {
    for (const other of this.all) {
      if (other.id === id) throw domException("OperationError", `${where}The id ${id} is in use.`);
    }
    const maxChannels = this.host.sctp()?.maxChannels ?? null;
    if (maxChannels !== null && id >= maxChannels) {
      throw domException("OperationError", `${where}The id ${id} is beyond the ${maxChannels} channels there can be.`);
    }
  }

  private add(parameters: DataChannelParameters): DataChannelImpl {
    this.owner ??= new ChannelOwner(this, this.host);
    const channel = new DataChannelImpl(parameters, this.owner);
    this.all.add(channel);
    return channel;
  }

  /** The channel has ended. */
  forget(channel: DataChannelImpl): void {
    this.all.delete(channel);
    this.unattached = this.unattached.filter((other) => other !== channel);
  }

  /** The transport that carries channels; undefined: none does. */
  attach(transport: PeerTransport | undefined): void {
    this.transport = transport;
    this.openUnattached();
  }

  private openUnattached(): void {
    const { transport } = this;
    if (transport === undefined) return;
    for (const channel of this.unattached.splice(0)) {
      const { state, handler } = channel;
      if (state === "connecting" || handler !== channel)
        channel.bind(transport.openChannel(channel.parameters, handler));
    }
  }

  /** One that the peer has opened. */
  accept(underlying: Channel): ChannelHandler {
    const { parameters } = underlying;
    const channel = this.add({ ...parameters, negotiated: false, id: undefined });
    channel.bind(underlying);
    this.hadAny = true;
    channel.announce(this.host.target);
    return channel.handler;
  }

  /** All end at once, without events. */
  close(): void {
    for (const channel of this.all) channel.abandon();
    this.all.clear();
    this.unattached = [];
  }
}
