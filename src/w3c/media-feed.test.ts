import assert from "node:assert/strict";
import { test } from "node:test";
import { type EncodedFrame, RtpPacket } from "../peer/media.js";
import { ExtensionKind, HeaderExtensions } from "../rtp/extensions.js";
import { MAX_HELD_PACKETS, MediaHub, type MediaReader, type PacketOrigin } from "./media-feed.js";

const ORIGIN: PacketOrigin = { ssrc: 1, rid: null, codec: () => undefined };

function packet(sequence: number): RtpPacket {
  const view = new RtpPacket();
  assert.ok(view.parse(Uint8Array.of(0x80, 96, 0, sequence, 0, 0, 0, 0, 0, 0, 0, 1, 7)));
  return view;
}

const frame = (timestamp: number): EncodedFrame => ({ timestamp }) as EncodedFrame;
const round = (): Promise<void> => new Promise((resolve) => queueMicrotask(resolve));

test("a reader that was removed hears nothing more, not even what is being handed on", async () => {
  const hub = new MediaHub((error) => {
    throw error;
  });
  const heard: string[] = [];
  const removals: (() => void)[] = [];
  const add = (name: string, more: MediaReader = {}): void => {
    const note = (what: string): void => {
      heard.push(`${name} ${what}`);
      // The first to hear of number 2 ends them all, itself too.
      if (what.endsWith("2")) for (const remove of removals) remove();
    };
    removals.push(
      hub.add({
        onPacket: ({ sequenceNumber }) => note(`packet ${sequenceNumber}`),
        onFrame: ({ timestamp }) => note(`frame ${timestamp}`),
        onTransformedFrame: ({ timestamp }) => note(`transformed ${timestamp}`),
        ...more,
      }),
    );
  };
  add("a");
  add("b");
  for (const number of [1, 2, 3]) hub.push(packet(number), ORIGIN);
  hub.pushFrame(frame(1), ORIGIN);
  await round();
  assert.deepEqual(heard, ["a packet 1", "a packet 2"]);

  heard.length = 0;
  add("a");
  add("b");
  for (const number of [1, 2, 3]) hub.pushFrame(frame(number), ORIGIN, true);
  await round();
  assert.deepEqual(heard, ["a frame 1", "a transformed 1", "a frame 2"]);
  assert.equal(hub.isRead, false);
});

test("a reader that throws is reported, and the others hear all the same", async () => {
  const errors: unknown[] = [];
  const hub = new MediaHub((error) => errors.push(error));
  const heard: number[] = [];
  hub.add({
    onPacket: () => {
      throw new Error("reader");
    },
  });
  hub.add({ onPacket: ({ sequenceNumber }) => heard.push(sequenceNumber) });
  for (const number of [1, 2]) hub.push(packet(number), ORIGIN);
  await round();
  assert.deepEqual(heard, [1, 2]);
  assert.equal(errors.length, 2);
});

test("what waits between two microtasks has a limit, packets and frames", async () => {
  const hub = new MediaHub(() => {});
  let packets = 0;
  let frames = 0;
  hub.add({ onPacket: () => packets++, onFrame: () => frames++ });
  for (let i = 0; i < MAX_HELD_PACKETS + 3; i++) {
    hub.push(packet(i & 255), ORIGIN);
    hub.pushFrame(frame(i), ORIGIN);
  }
  await round();
  assert.deepEqual([packets, frames, hub.dropped], [MAX_HELD_PACKETS, MAX_HELD_PACKETS, 6]);
});

test("packets are given back when all readers have seen them, unless somebody has got their bytes", async () => {
  const URI = "urn:ietf:params:rtp-hdrext:sdes:mid";
  const extended = (sequence: number): RtpPacket => {
    const view = new RtpPacket();
    const head = [0x90, 96, 0, sequence, 0, 0, 0, 0, 0, 0, 0, 1];
    assert.ok(view.parse(Uint8Array.of(...head, 0xbe, 0xde, 0, 1, 0x10, 65, 0, 0, 7)));
    view.extensions = new HeaderExtensions([{ id: 1, uri: URI }]);
    return view;
  };
  const given: number[] = [];
  const hub = new MediaHub(
    (error) => {
      throw error;
    },
    (packets) => given.push(...packets.map((bytes) => bytes[3]!)),
  );
  let seen = 0;
  const look = (data: RtpPacket): void => {
    assert.equal(given.length, 0);
    seen += data.payloadLength;
  };
  hub.add({ onPacket: look });
  const keep: unknown[] = [];
  const actions: ((data: RtpPacket) => unknown)[] = [
    (data) => data.data,
    (data) => data.payload(),
    (data) => data.extensions!.raw(ExtensionKind.mid),
    (data) => data.extensions!.token(ExtensionKind.mid),
    (data) => data.peek()[0],
  ];
  hub.add({ onPacket: (data) => keep.push(actions[data.sequenceNumber]!(data)) });
  for (let i = 0; i < actions.length; i++) hub.push(extended(i), ORIGIN, false);
  // What somebody else has kept before.
  const other = extended(4);
  hub.push(other, ORIGIN, true);
  await round();
  assert.deepEqual(given, [3, 4]);
  assert.equal(keep[3], "A");
  assert.equal(seen, actions.length + 1);
});

test("readers take turns, and what one has made others queue comes before the next one's", async () => {
  const hub = new MediaHub((error) => {
    throw error;
  });
  const heard: string[] = [];
  for (const name of ["a", "b", "c"]) {
    let queued = false;
    hub.add({
      onPacket({ sequenceNumber }) {
        heard.push(`${name}${sequenceNumber}`);
        // What comes in between waits for all of them.
        if (name === "a" && sequenceNumber === 2) hub.push(packet(9), ORIGIN);
        if (queued) return;
        queued = true;
        queueMicrotask(() => {
          queued = false;
          heard.push(`${name} sends`);
        });
      },
    });
  }
  for (const number of [1, 2]) hub.push(packet(number), ORIGIN);
  for (let i = 0; i < 10; i++) await round();
  const first = ["a1", "a2", "a sends", "b1", "b2", "b sends", "c1", "c2"];
  assert.deepEqual(heard.slice(0, 8), first);
  assert.deepEqual(
    heard.slice(8).filter((what) => what.endsWith("9")),
    ["a9", "b9", "c9"],
  );
});
