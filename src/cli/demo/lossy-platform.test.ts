import assert from "node:assert/strict";
import { test } from "node:test";
import { Simulation } from "#test/sim/simulation.js";
import type { DatagramPort } from "../../util/net.js";
import { type Loss, lossyPlatform } from "./lossy-platform.js";

test("datagrams are lost both ways, as many as are asked for", async () => {
  const sim = new Simulation();
  const [here, there] = [sim.host("here"), sim.host("there")];
  const loss: Loss = { share: 0, dropped: 0 };
  let draw = 0;
  // 0.0, 0.1 … 0.9: a share of 0.2 takes two of ten.
  const platform = lossyPlatform(sim.platform(here), loss, () => (draw++ % 10) / 10);
  let port: DatagramPort | undefined;
  let remote: DatagramPort | undefined;
  const got = { here: 0, there: 0 };
  const handler = (side: "here" | "there", opened: (port: DatagramPort) => void) => ({
    onOpen: opened,
    onError: (reason: string) => assert.fail(reason),
    onDatagram: () => void got[side]++,
    onDrained: () => {},
  });
  platform.network.openUdp(
    { address: here.address() },
    handler("here", (opened) => {
      port = opened;
    }),
  );
  sim.platform(there).network.openUdp(
    { address: there.address() },
    handler("there", (opened) => {
      remote = opened;
    }),
  );
  await sim.runUntil(() => port !== undefined && remote !== undefined, 1000);
  const exchange = async (): Promise<void> => {
    Object.assign(got, { here: 0, there: 0 });
    for (let i = 0; i < 50; i++) {
      assert.equal(port!.send(new Uint8Array(8), remote!.localAddress, remote!.localPort), true);
      remote!.send(new Uint8Array(8), port!.localAddress, port!.localPort);
    }
    await sim.run(1000);
  };
  await exchange();
  assert.deepEqual(got, { here: 50, there: 50 });
  assert.equal(loss.dropped, 0);
  loss.share = 0.2;
  await exchange();
  assert.equal(got.here + got.there, 80);
  assert.ok(got.here < 50 && got.there < 50);
  assert.equal(loss.dropped, 20);
  port!.close();
  remote!.close();
});
