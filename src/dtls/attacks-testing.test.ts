// How a side of a DTLS connection is made to misbehave.
import assert from "node:assert/strict";
import type { DtlsPair, Side } from "#test/sim/dtls-pair.js";
import { ByteWriter } from "../util/byte-writer.js";
import type { FlightItem } from "./flight.js";
import type { RecordWriter12 } from "./record12.js";

/** The inside of a connection, for peers that misbehave. */
export interface Inside {
  writer: RecordWriter12;
  handshakeHost: { sendFlight(items: readonly FlightItem[], awaitsReply: boolean, now: number): void };
}

export const inside = (side: Side): Inside => side.connection as unknown as Inside;

/** Lets `change` have its way with every flight that a side sends. */
export function corrupt(side: Side, change: (items: readonly FlightItem[]) => readonly FlightItem[]): void {
  const { handshakeHost } = inside(side);
  const { sendFlight } = handshakeHost;
  handshakeHost.sendFlight = (items, awaitsReply, now) => sendFlight(change(items), awaitsReply, now);
}

export const isMessage = (item: FlightItem, type: number): boolean => item.contentType === 22 && item.body[0] === type;

/** Leaves out the messages of a type and closes the gap in message_seq. */
export function without(type: number): (items: readonly FlightItem[]) => readonly FlightItem[] {
  return (items) => {
    let gap = 0;
    return items.flatMap((item) => {
      if (isMessage(item, type)) {
        gap++;
        return [];
      }
      if (item.contentType !== 22) return [item];
      const body = item.body.slice();
      body[5]! -= gap;
      return [{ ...item, body }];
    });
  };
}

export function assertRefused(pair: DtlsPair, victim: Side, alert: string, reason = "handshake-failure"): void {
  assert.equal(pair.connect(), false);
  pair.run();
  assert.equal(victim.connection.state, "failed");
  assert.equal(victim.closed!.reason, reason);
  assert.deepEqual([victim.closed!.alert!.direction, victim.closed!.alert!.name], ["sent", alert]);
  assert.deepEqual(victim.received, []);
  assert.ok(!victim.states.includes("connected"));
}

export function record(type: number, epoch: number, sequence: number, body: Uint8Array): Uint8Array {
  const w = new ByteWriter().u8(type).u16(0xfefd).u16(epoch).u48(sequence);
  return w.vector(2, (v) => v.bytes(body)).finish();
}
