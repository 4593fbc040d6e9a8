// The second argument of RTCPeerConnection: what is wrong with it is told by name, and not found out later.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Simulation } from "#test/sim/simulation.js";
import type { InterfaceAddress } from "../util/net.js";
import { RTCPeerConnection } from "./rtc-peer-connection.js";
import { MAX_MESSAGE_SIZE, type ServerOptions, serverOptions } from "./server-options.js";

const BAD: readonly (readonly [options: unknown, message: RegExp])[] = [
  [5, /not of type 'ServerOptions'/],
  [{ platform: 5 }, /'platform'/],
  [{ maxMessageSize: 0 }, /'maxMessageSize' .* 0 is not a whole number from 1 to 1073741824/],
  [{ maxMessageSize: MAX_MESSAGE_SIZE + 1 }, /'maxMessageSize' .* 1073741825 is not/],
  [{ maxMessageSize: 1.5 }, /'maxMessageSize' .* 1\.5 is not/],
  [{ maxMessageSize: Number.NaN }, /'maxMessageSize' .*non-finite/],
  [{ interfaceFilter: "eth0" }, /'interfaceFilter' .*not of type 'Function'/],
  [{ portRange: 5000 }, /'portRange' .*sequence/],
  [{ portRange: [5000] }, /'portRange' .*two ports/],
  [{ portRange: [1, 2, 3] }, /'portRange' .*two ports/],
  [{ portRange: [5010, 5000] }, /'portRange' .*no port from 5010 to 5000/],
  [{ portRange: [0, 5000] }, /'portRange' .*no port from 0 to 5000/],
  [{ portRange: [5000, 70_000] }, /'portRange' .*'unsigned short'/],
  [{ externalAddresses: "203.0.113.5" }, /'externalAddresses' .*sequence/],
  [{ externalAddresses: [{}] }, /'externalAddresses' .*'external' .*Required/],
  [{ externalAddresses: [{ external: "example.org" }] }, /'external' .*'example.org' is not an IP address/],
  [{ externalAddresses: [{ external: "203.0.113.5", local: "x" }] }, /'local' .*'x' is not an IP address/],
  [{ externalAddresses: [{ external: "203.0.113.5", local: "fd00::1" }] }, /'externalAddresses' .*different families/],
  [{ externalAddresses: [{ external: "203.0.113.5", type: "relay" }] }, /'type' .*'relay' is not a valid enum value/],
  [{ iceTcp: true }, /'iceTcp' .*not of type 'IceTcpOptions'/],
  [{ iceTcp: { portRange: [2, 1] } }, /'iceTcp' .*'portRange' .*no port from 2 to 1/],
];

test("bad options are refused by the constructor, with a TypeError that names the member", () => {
  for (const [options, message] of BAD) {
    const make = (): unknown => new RTCPeerConnection({}, options as ServerOptions);
    assert.throws(make, (error: unknown) => {
      assert.ok(error instanceof TypeError, JSON.stringify(options));
      assert.match(error.message, /^Failed to construct 'RTCPeerConnection': /);
      assert.match(error.message, message);
      return true;
    });
  }
});

test("good ones are taken as they are meant", () => {
  for (const none of [undefined, null]) assert.deepEqual(serverOptions(none, ""), {});
  const given = {
    maxMessageSize: MAX_MESSAGE_SIZE,
    iceLite: 1,
    portRange: new Set([5000, 5010]),
    externalAddresses: [
      { external: "2001:DB8::0:5", local: "fd00::1" },
      { external: "203.0.113.5", type: "srflx" },
    ],
    loopback: false,
    iceTcp: { passive: true, portRange: ["9", 9] },
    unknown: 5,
  };
  assert.deepEqual(serverOptions(given, ""), {
    maxMessageSize: MAX_MESSAGE_SIZE,
    iceLite: true,
    portRange: [5000, 5010],
    externalAddresses: [
      { external: "2001:db8::5", local: "fd00::1" },
      { external: "203.0.113.5", type: "srflx" },
    ],
    loopback: false,
    iceTcp: { passive: true, portRange: [9, 9] },
  });
});

test("a filter says which addresses are gathered; what it throws is reported, and is no fault of the connection", async () => {
  const address: InterfaceAddress = { name: "eth0", address: "192.0.2.1", family: 4, internal: false };
  const answers: unknown[] = [true, 1, "yes", false, 0, null, undefined];
  const filter = serverOptions({ interfaceFilter: () => answers.shift() }, "").interfaceFilter!;
  assert.deepEqual(
    Array.from({ length: 7 }, () => filter(address)),
    [true, true, true, false, false, false, false],
  );

  const listeners = process.listeners("uncaughtException");
  process.removeAllListeners("uncaughtException");
  const reported: unknown[] = [];
  process.on("uncaughtException", (error) => reported.push(error));
  const mistake = new Error("in the filter");
  const interfaceFilter = ({ address }: InterfaceAddress): boolean => {
    if (address === "192.0.2.1") throw mistake;
    return true;
  };
  const sim = new Simulation(1);
  const host = sim.host("a", { address: "192.0.2.1" });
  host.attach({ realm: sim.internet, address: "192.0.2.2", interfaceName: "eth1" });
  const platform = sim.platform(host);
  const pc = new RTCPeerConnection({}, { platform, interfaceFilter });
  try {
    pc.createDataChannel("");
    await sim.settle(pc.setLocalDescription());
    await sim.run(100);
    assert.equal(pc.iceGatheringState, "complete");
    assert.equal(pc.connectionState, "new");
    assert.match(pc.localDescription!.sdp, /192\.0\.2\.2 /);
    assert.doesNotMatch(pc.localDescription!.sdp, /192\.0\.2\.1 /);
    assert.deepEqual(reported, [mistake]);
  } finally {
    pc.close();
    process.removeAllListeners("uncaughtException");
    for (const listener of listeners) process.on("uncaughtException", listener);
  }
});
