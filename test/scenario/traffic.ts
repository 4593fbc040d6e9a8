// Data channels between two peers with known messages in both directions, and what must hold of them: a reliable ordered
// channel delivers each message once and in order, a reliable unordered one each once, the others none twice, and all of
// them intact or not at all.
import assert from "node:assert/strict";
import type { RTCDataChannel } from "#src/w3c/rtc-data-channel.js";
import type { RTCPeerConnection } from "#src/w3c/rtc-peer-connection.js";
import { Random } from "#test/sim/random.js";
import type { Simulation } from "#test/sim/simulation.js";

export type Side = "a" | "b";

export interface MessagePlan {
  readonly size: number;
  readonly isText: boolean;
  /** Milliseconds after the message before it. */
  readonly pause: number;
}

export interface ChannelPlan {
  readonly label: string;
  readonly protocol: string;
  readonly ordered: boolean;
  readonly maxRetransmits?: number | undefined;
  readonly maxPacketLifeTime?: number | undefined;
  readonly negotiated: boolean;
  readonly id?: number | undefined;
  readonly openedBy: Side;
  /** Milliseconds after the connection is there; undefined: before it. */
  readonly openedAt?: number | undefined;
  readonly closedBy?: Side | undefined;
  readonly messages: { readonly a: readonly MessagePlan[]; readonly b: readonly MessagePlan[] };
}

const ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyzäß→😀";
const LETTERS = [...ALPHABET];

/** The content of a message; its first characters or bytes are its number. */
export function body(label: string, from: Side, index: number, plan: MessagePlan): string | Uint8Array {
  const random = new Random(`${label}/${from}/${index}`);
  if (plan.isText) {
    let text = "";
    let size = 0;
    const head = `${index}:`;
    if (plan.size >= head.length) {
      text = head;
      size = head.length;
    }
    const chunk = Array.from({ length: 64 }, () => random.pick(LETTERS)).join("");
    const bytes = Buffer.byteLength(chunk);
    while (size + bytes <= plan.size) {
      text += chunk;
      size += bytes;
    }
    return text + "x".repeat(plan.size - size);
  }
  const data = new Uint8Array(plan.size);
  let x = random.u32() | 1;
  for (let i = 0; i < data.length; i++) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    data[i] = x;
  }
  if (data.length >= 4) new DataView(data.buffer).setUint32(0, index);
  return data;
}

function indexOf(data: string | ArrayBuffer): number | undefined {
  if (typeof data === "string") return /^\d+:/.test(data) ? Number.parseInt(data, 10) : undefined;
  return data.byteLength >= 4 ? new DataView(data).getUint32(0) : undefined;
}

function equal(data: string | ArrayBuffer, expected: string | Uint8Array): boolean {
  if (typeof data === "string" || typeof expected === "string") return data === expected;
  return Buffer.compare(new Uint8Array(data), expected) === 0;
}

/** One end of one channel. */
class End {
  readonly side: Side;
  readonly traffic: ChannelTraffic;
  channel: RTCDataChannel | undefined;
  opened = false;
  closing = false;
  closed = false;
  sent = 0;
  readonly received: Set<number> = new Set();
  next = 0;
  error: unknown;

  constructor(traffic: ChannelTraffic, side: Side) {
    this.traffic = traffic;
    this.side = side;
  }

  get other(): End {
    return this.side === "a" ? this.traffic.b : this.traffic.a;
  }

  get outgoing(): readonly MessagePlan[] {
    return this.traffic.plan.messages[this.side];
  }

  get sentAll(): boolean {
    return this.sent === this.outgoing.length;
  }

  /** Has everything that must come. */
  get receivedAll(): boolean {
    return !this.traffic.reliable || this.received.size === this.other.outgoing.length;
  }

  use(channel: RTCDataChannel): void {
    const { plan } = this.traffic;
    assert.equal(this.channel, undefined, `${plan.label} appeared twice`);
    this.channel = channel;
    assert.deepEqual(
      [channel.label, channel.protocol, channel.ordered, channel.maxRetransmits, channel.maxPacketLifeTime],
      [plan.label, plan.protocol, plan.ordered, plan.maxRetransmits ?? null, plan.maxPacketLifeTime ?? null],
    );
    channel.binaryType = "arraybuffer";
    channel.addEventListener("open", () => {
      this.traffic.guard(() => {
        assert.ok(!this.opened, "open twice");
        this.opened = true;
        this.traffic.log(`${this.side} ${plan.label} open`);
        this.pump();
      });
    });
    channel.addEventListener("message", (event) =>
      this.traffic.guard(() => this.receive((event as Event & { readonly data: string | ArrayBuffer }).data)),
    );
    channel.addEventListener("closing", () => {
      this.closing = true;
    });
    channel.addEventListener("error", (event) => {
      this.error = (event as Event & { error: unknown }).error;
      this.traffic.log(`${this.side} ${plan.label} error ${String(this.error)}`);
    });
    channel.addEventListener("close", () => {
      this.traffic.guard(() => {
        assert.ok(!this.closed, "close twice");
        this.closed = true;
        this.traffic.log(`${this.side} ${plan.label} close`);
      });
    });
  }

  private pump(): void {
    const plan = this.outgoing[this.sent];
    if (plan === undefined) {
      this.closeIfDone();
      return;
    }
    const send = (): void =>
      this.traffic.guard(() => {
        const channel = this.channel!;
        // What can be sent is up to the peer's close() as well.
        if (channel.readyState !== "open") return;
        channel.send(body(this.traffic.plan.label, this.side, this.sent, plan) as Uint8Array<ArrayBuffer>);
        this.sent++;
        this.pump();
      });
    if (plan.pause === 0) send();
    else this.traffic.sim.scheduler.after(plan.pause, send);
  }

  private receive(data: string | ArrayBuffer): void {
    const { plan, reliable, log } = this.traffic;
    const expected = this.other.outgoing;
    assert.ok(this.opened, `${plan.label}: a message before open`);
    assert.ok(!this.closed, `${plan.label}: a message after close`);
    const index = reliable && plan.ordered ? this.next : indexOf(data);
    assert.ok(index !== undefined && index < expected.length, `${plan.label}: a message that nobody sent`);
    if (reliable && plan.ordered) this.next++;
    else if (plan.ordered) {
      assert.ok(index >= this.next, `${plan.label}: message ${index} after ${this.next - 1}`);
      this.next = index + 1;
    }
    assert.ok(!this.received.has(index), `${plan.label}: message ${index} twice`);
    const content = body(plan.label, this.other.side, index, expected[index]!);
    assert.ok(equal(data, content), `${plan.label}: message ${index} is not what was sent`);
    this.received.add(index);
    log(`${this.side} ${plan.label} got ${index}`);
    this.closeIfDone();
  }

  private closeIfDone(): void {
    const { plan } = this.traffic;
    if (plan.closedBy !== this.side || !this.sentAll || !this.receivedAll || this.channel?.readyState !== "open")
      return;
    this.traffic.log(`${this.side} ${plan.label} close()`);
    this.channel.close();
  }
}

export class ChannelTraffic {
  readonly plan: ChannelPlan;
  readonly sim: Simulation;
  readonly reliable: boolean;
  readonly a: End;
  readonly b: End;
  readonly log: (line: string) => void;
  readonly guard: (run: () => void) => void;

  constructor(sim: Simulation, plan: ChannelPlan, log: (line: string) => void, guard: (run: () => void) => void) {
    this.sim = sim;
    this.plan = plan;
    this.log = log;
    this.guard = guard;
    this.reliable = plan.maxRetransmits === undefined && plan.maxPacketLifeTime === undefined;
    this.a = new End(this, "a");
    this.b = new End(this, "b");
  }

  /** Creates the channel: at one side, or at both where it is negotiated. */
  open(peers: Readonly<Record<Side, RTCPeerConnection>>): void {
    const { plan } = this;
    const { label, protocol, ordered, maxRetransmits, maxPacketLifeTime, negotiated, id } = plan;
    const init = {
      protocol,
      ordered,
      negotiated,
      ...(maxRetransmits === undefined ? {} : { maxRetransmits }),
      ...(maxPacketLifeTime === undefined ? {} : { maxPacketLifeTime }),
      ...(id === undefined ? {} : { id }),
    };
    if (negotiated || plan.openedBy === "a") this.a.use(peers.a.createDataChannel(label, init));
    if (negotiated || plan.openedBy === "b") this.b.use(peers.b.createDataChannel(label, init));
  }

  get isOpen(): boolean {
    return this.a.opened && this.b.opened;
  }

  /** Everything that must arrive has, and the channel is closed where it is to be. */
  get done(): boolean {
    if (this.plan.closedBy !== undefined)
      return this.a.closed && this.b.closed && this.a.receivedAll && this.b.receivedAll;
    return this.isOpen && this.a.sentAll && this.b.sentAll && this.a.receivedAll && this.b.receivedAll;
  }

  /** For the message of a failure. */
  get status(): string {
    const end = ({ side, channel, opened, closed, sent, received, outgoing, other }: End): string =>
      `${side} ${channel?.readyState ?? "absent"}${opened ? "" : " never open"}${closed ? " closed" : ""} ` +
      `sent ${sent}/${outgoing.length} (${channel?.bufferedAmount ?? 0} buffered) got ${received.size}/${other.outgoing.length}`;
    return `${this.plan.label}: ${end(this.a)}; ${end(this.b)}`;
  }
}
