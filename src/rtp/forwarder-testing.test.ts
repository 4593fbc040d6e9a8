// What the tests of the forwarder share: senders whose packets sources receive, and a host that keeps what is forwarded.
import assert from "node:assert/strict";
import { payloadFormat } from "../payload/format.js";
import type { Packetizer, PayloadFrame, PayloadInfo } from "../payload/types.js";
import { ForwardSource } from "./forward-source.js";
import { Forwarder, type ForwarderHost, type ForwarderOptions } from "./forwarder.js";
import { RTP_HEADER_LENGTH, RtpPacket, writeRtpHeader } from "./packet.js";

export const CLOCK = 90_000;

/** What came out: the fields, and a copy of the payload. */
export interface Sent {
  sequenceNumber: number;
  timestamp: number;
  marker: boolean;
  ssrc: number;
  payload: Uint8Array;
  now: number;
}

export class Host implements ForwarderHost {
  sent: Sent[] = [];
  requests: [string | null, number][] = [];
  sendPacket(packet: RtpPacket, now: number): void {
    const { sequenceNumber, timestamp, marker, ssrc } = packet;
    this.sent.push({ sequenceNumber, timestamp, marker, ssrc, payload: packet.payload().slice(), now });
  }
  requestKeyFrame(source: ForwardSource, now: number): void {
    this.requests.push([source.rid, now]);
  }
}

export interface StreamOptions {
  rid?: string;
  mimeType?: string;
  parameters?: string;
  sequence?: number;
  timestamp?: number;
  pictureId?: number;
  maxSize?: number;
}

/** A sender: frames become packets, which its source receives at once or which are kept back. */
export class Stream {
  readonly source: ForwardSource;
  readonly ssrc: number;
  sequence: number;
  timestamp: number;
  private readonly packetizer: Packetizer;
  private readonly maxSize: number;
  private pictureId: number | undefined;

  constructor(ssrc: number, options: StreamOptions = {}) {
    const { mimeType = "video/VP8", parameters = "" } = options;
    this.ssrc = ssrc;
    this.source = new ForwardSource({ mimeType, parameters, clockRate: CLOCK, rid: options.rid ?? null });
    this.sequence = options.sequence ?? ssrc * 1000;
    this.timestamp = options.timestamp ?? ssrc * 7_000_000;
    this.pictureId = options.pictureId;
    this.packetizer = payloadFormat(mimeType, parameters).createPacketizer({ pictureId: ssrc * 100 });
    this.maxSize = options.maxSize ?? 1200;
  }

  packets(frame: PayloadFrame): Uint8Array[] {
    const out: Uint8Array[] = [];
    if (this.pictureId !== undefined) frame = { ...frame, pictureId: this.pictureId };
    this.pictureId = undefined;
    const done = this.packetizer.packetize(frame, this.maxSize, (payload, marker) => {
      out.push(this.packet(payload, marker));
    });
    assert.ok(done);
    if (frame.endOfPicture ?? true) this.timestamp = (this.timestamp + 3000) >>> 0;
    return out;
  }

  packet(payload: Uint8Array, marker: boolean): Uint8Array {
    const data = new Uint8Array(RTP_HEADER_LENGTH + payload.length);
    writeRtpHeader(data, marker, 96, this.sequence, this.timestamp, this.ssrc, 0);
    data.set(payload, RTP_HEADER_LENGTH);
    this.sequence = (this.sequence + 1) & 0xffff;
    return data;
  }

  receive(packets: readonly Uint8Array[], now: number): void {
    const packet = new RtpPacket();
    for (const data of packets) {
      const before = data.slice();
      assert.ok(packet.parse(data));
      this.source.receive(packet, now);
      assert.deepEqual(data, before, "the packet is as it was");
    }
  }

  send(frame: PayloadFrame, now: number): void {
    this.receive(this.packets(frame), now);
  }
}

export const FIRST: ForwarderOptions = {
  sequenceNumber: 65_530,
  timestamp: 0xfffff000,
  pictureId: 0x7ffc,
  tl0PictureIndex: 250,
};

export function setup(...streams: Stream[]): { host: Host; forwarder: Forwarder } {
  const host = new Host();
  const forwarder = new Forwarder(FIRST, host);
  for (const { source } of streams) forwarder.attach(source);
  return { host, forwarder };
}

export const filler = (length: number, seed: number): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => ((i * 7 + seed) % 250) + 1);
export const vp8 = (keyFrame: boolean, length = 300, more: Partial<PayloadFrame> = {}): PayloadFrame => {
  const data = filler(length, length);
  data.set(keyFrame ? [0x10, 2, 0, 0x9d, 1, 0x2a, 64, 1, 180, 0] : [0x11, 2, 0]);
  return { data, keyFrame, ...more };
};

export function assertContinuous(sent: readonly Sent[]): void {
  for (let i = 1; i < sent.length; i++) {
    assert.equal(sent[i]!.sequenceNumber, (sent[i - 1]!.sequenceNumber + 1) & 0xffff, `packet ${i}`);
    assert.ok(((sent[i]!.timestamp - sent[i - 1]!.timestamp) | 0) >= 0, `the time of packet ${i}`);
  }
}

export const vp8Info = (sent: Sent): PayloadInfo =>
  payloadFormat("video/VP8").createDepacketizer().inspect(sent.payload)!;
