import assert from "node:assert/strict";
import { test } from "node:test";
import type { Host } from "#test/sim/network.js";
import { Simulation } from "#test/sim/simulation.js";
import type { DatagramPort } from "../util/net.js";
import { Round } from "./round.js";
import { RoundNetwork } from "./round-network.js";

/** A round over a host's network that counts how often it settled. */
function stand(isHasty = false) {
  const sim = new Simulation(1);
  const host = sim.host("host");
  const round: Round = new Round(sim.platform(host), {
    settle: () => false,
    deadline: () => Number.POSITIVE_INFINITY,
    handleTimeout() {},
    handleFault: assert.fail,
    isHasty,
  });
  return { sim, host, round, network: new RoundNetwork(sim.platform(host), round) };
}

/** A socket of the host. */
async function listen(
  { sim, host, network }: ReturnType<typeof stand>,
  onDatagram: (port: DatagramPort) => void,
): Promise<DatagramPort> {
  let port: DatagramPort | undefined;
  network.openUdp(
    { address: host.address() },
    {
      onOpen(opened) {
        port = opened;
      },
      onDatagram: () => onDatagram(port!),
      onDrained() {},
      onError() {},
    },
  );
  await sim.run(1);
  return port!;
}

function sendTo(host: Host, network: Host, port: DatagramPort): void {
  network.openUdp(
    { address: network.address() },
    {
      onOpen: (from) => from.send(new Uint8Array(1), host.address(), port.localPort),
      onDatagram() {},
      onDrained() {},
      onError() {},
    },
  );
}

for (const end of ["closed by its owner", "broken"] as const) {
  test(`a socket ${end} while a wake-up is under way does not keep the round open`, async () => {
    const bed = stand();
    const { sim, host, round } = bed;
    let received = 0;
    const port = await listen(bed, (own) => {
      received++;
      if (end === "broken") host.detach(host.address(), "die");
      else own.close();
    });
    sendTo(host, sim.host("other"), port);
    await sim.run(10);
    assert.equal(received, 1);
    assert.equal(round.isOpen, false);
  });
}

test("a round ends with the wake-up, or with each datagram in haste", async () => {
  for (const isHasty of [false, true]) {
    const bed = stand(isHasty);
    const { sim, host, round } = bed;
    const open: boolean[] = [];
    // After this one, and before the wake-up is over.
    const port = await listen(bed, () => queueMicrotask(() => open.push(round.isOpen)));
    sendTo(host, sim.host("other"), port);
    await sim.run(10);
    assert.deepEqual(open, [!isHasty]);
    assert.equal(round.isOpen, false);
  }
});

test("what is queued leaves also after a program's tests had another queueMicrotask", async (t) => {
  const { round } = stand();
  const settle = t.mock.method((round as unknown as { owner: { settle(): boolean } }).owner, "settle");
  const fake = t.mock.method(globalThis, "queueMicrotask", () => {});
  round.markDirty();
  fake.mock.restore();
  round.markDirty();
  await Promise.resolve();
  assert.equal(settle.mock.callCount(), 1);
});
