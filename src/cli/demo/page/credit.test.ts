import assert from "node:assert/strict";
import { test } from "node:test";
import { CreditReceiver, CreditSender } from "./credit.js";

test("a sender may spend one window and then waits for grants", () => {
  const sender = new CreditSender(1000);
  assert.equal(sender.available, 1000);
  sender.spend(600);
  sender.spend(400);
  assert.equal(sender.available, 0);
  assert.throws(() => sender.spend(1), RangeError);
  assert.equal(sender.grant(250), true);
  assert.equal(sender.available, 250);
  assert.equal(sender.sent, 1000);
});

test("a grant that goes back, or beyond what was sent, is refused and changes nothing", () => {
  const sender = new CreditSender(1000);
  sender.spend(500);
  assert.equal(sender.grant(300), true);
  assert.equal(sender.grant(299), false);
  assert.equal(sender.grant(501), false);
  assert.equal(sender.available, 800);
});

test("a receiver announces every quarter of the window", () => {
  const receiver = new CreditReceiver(1000);
  assert.equal(receiver.receive(1000), true);
  assert.equal(receiver.consume(249), undefined);
  assert.equal(receiver.consume(1), 250);
  assert.equal(receiver.consume(200), undefined);
  assert.equal(receiver.consume(100), 550);
  assert.equal(receiver.received, 1000);
  assert.equal(receiver.consumed, 550);
});

test("a receiver notices a sender that goes beyond what was announced to it", () => {
  const receiver = new CreditReceiver(1000);
  assert.equal(receiver.receive(1000), true);
  receiver.consume(200); // not announced yet: it does not count
  assert.equal(receiver.receive(1), false);
});

test("sender and receiver move any amount through one window without stalling", () => {
  const window = 1000;
  const sender = new CreditSender(window);
  const receiver = new CreditReceiver(window);
  const size = 123_457;
  const piece = 64;
  let held = 0;
  while (receiver.consumed < size) {
    while (sender.sent < size && sender.available >= piece) {
      const bytes = Math.min(piece, size - sender.sent);
      sender.spend(bytes);
      assert.equal(receiver.receive(bytes), true);
      held = Math.max(held, receiver.received - receiver.consumed);
    }
    assert.ok(receiver.received > receiver.consumed, "stalled");
    const total = receiver.consume(Math.min(17, receiver.received - receiver.consumed));
    if (total !== undefined) assert.equal(sender.grant(total), true);
  }
  assert.ok(held <= window);
});
