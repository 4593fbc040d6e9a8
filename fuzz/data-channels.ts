import { type Channel, type ChannelHandler, DataChannels } from "#src/datachannel/channels.js";
import { writeOpen } from "#src/datachannel/dcep.js";
import type { FuzzTarget } from "./target.js";

const MAX_STEPS = 400;
const PPIDS = [50, 51, 52, 53, 54, 56, 57, 99];

/** The input is a program of commands, and of events of an association that does whatever it likes. */
export const target: FuzzTarget = {
  name: "data-channels",
  seeds: [
    Uint8Array.of(0, 1, 2, 3, 0, 4, 0, 5, 5, 1, 3, 65, 66, 67, 7, 0, 8, 0, 0),
    Uint8Array.of(2, 5, 4, 0, 4, 16, 3, 0, 0, 9, 4, 7, 4, 8, 4, 1, 3, 0, 3, 9, 10),
    Uint8Array.from({ length: 200 }, (_, i) => (i * 29) % 253),
  ],
  run(input) {
    let at = 0;
    const next = (): number => input[at++] ?? 0;
    const channels: Channel[] = [];
    const states = new Map<ChannelHandler, string>();
    const handler = (): ChannelHandler => {
      const check = (what: string): void => {
        if (states.get(one) === "closed") throw new Error(`${what} after closed`);
      };
      const one: ChannelHandler = {
        onOpen: () => check("open"),
        onMessage: () => check("message"),
        onBufferedAmountDecrease: () => check("decrease"),
        onClosing: () => check("closing"),
        onClosed: () => {
          check("closed");
          states.set(one, "closed");
        },
        onError: () => check("error"),
      };
      return one;
    };
    const machine = new DataChannels(
      {
        now: () => 0,
        onFlushNeeded() {},
        onChannel(channel) {
          channels.push(channel);
          return handler();
        },
      },
      1000,
    );
    let resets = 0;
    const host = machine.sctpHost(() => {});
    machine.attach({
      outboundStreams: 40,
      inboundStreams: 30,
      send: (_id, _ppid, data) => (data.length > 500 ? "too-large" : "ok"),
      resetStreams: (ids) => {
        resets += ids.length;
      },
      discard() {},
    });
    for (let step = 0; at < input.length && step < MAX_STEPS; step++) {
      const channel = channels[next() % Math.max(1, channels.length)];
      switch (next() % 12) {
        case 0:
          host.onEstablished();
          break;
        case 1:
          machine.setRole(next() & 1 ? "server" : "client");
          break;
        case 2:
        case 3: {
          const flags = next();
          const negotiated = (flags & 1) !== 0;
          channels.push(
            machine.open(
              {
                label: "",
                protocol: "",
                ordered: (flags & 2) !== 0,
                negotiated,
                id: negotiated ? next() % 45 : undefined,
                priority: "low",
              },
              handler(),
            ),
          );
          break;
        }
        case 4:
          channel?.send(new Uint8Array(next() * 4), (at & 1) === 0);
          break;
        case 5:
          channel?.close();
          break;
        case 6: {
          const length = next();
          host.onMessage(next() % 45, PPIDS[next() % PPIDS.length]!, input.slice(at, at + length));
          break;
        }
        case 7:
          host.onStreamsReset([next() % 45, next() % 45]);
          break;
        case 8:
          host.onOutgoingReset([next() % 45], next() < 200);
          break;
        case 9:
          host.onMessage(
            next() % 45,
            50,
            writeOpen({ label: "l", protocol: "", ordered: true, priority: next() & 1 ? "low" : "high" }),
          );
          break;
        case 10:
          if (next() > 230) host.onRestarted?.();
          host.onOversizeMessage?.(next() % 45);
          break;
        default:
          if (next() > 250) {
            host.onClosed("peer-abort");
            if (machine.list().length > 0) throw new Error("a channel survived its association");
            return;
          }
      }
      const ids = new Set<number>();
      for (const one of machine.list()) {
        if (one.state === "closed") throw new Error("a closed channel is listed");
        if (one.id !== null && ids.has(one.id)) throw new Error("two channels with one id");
        if (one.id !== null) ids.add(one.id);
      }
    }
    if (resets > 2 * MAX_STEPS * 2) throw new Error("more resets than steps");
  },
};
