// One end of a connection of room.mjs: offers when it has something to send, and trickles; and a count of the RTP packets of all.
import { nodePlatform } from "../dist/node/platform.js";

export const packets = { sent: 0, received: 0 };

/** RTP or RTCP by the first byte (RFC 7983), and then by the second (RFC 5761): RTP has payload types from 96 on here. */
const isRtp = (data) => data[0] >> 6 === 2 && (data[1] & 0x7f) >= 96;

function counted(handler) {
  return {
    onOpen(port, now) {
      const { localAddress, localPort } = port;
      const send = (data, address, to) => {
        if (isRtp(data)) packets.sent++;
        return port.send(data, address, to);
      };
      handler.onOpen({ localAddress, localPort, send, keeps: () => port.keeps(), close: () => port.close() }, now);
    },
    onError: (reason, now) => handler.onError(reason, now),
    onDatagram(data, address, from, now) {
      if (isRtp(data)) packets.received++;
      handler.onDatagram(data, address, from, now);
    },
    onDrained: (now) => handler.onDrained(now),
  };
}

const { network } = nodePlatform;
/** Asking hundreds of connections for statistics would take longer than what is measured. */
export const options = {
  platform: {
    ...nodePlatform,
    network: { ...network, openUdp: (udp, handler) => network.openUdp(udp, counted(handler)) },
  },
};

export function connection(pc, signal) {
  pc.onicecandidate = ({ candidate }) => signal({ candidate });
  pc.onnegotiationneeded = async () => {
    await pc.setLocalDescription();
    signal({ description: pc.localDescription });
  };
  let chain = Promise.resolve();
  const handle = async ({ description, candidate }) => {
    if (description === undefined) return pc.addIceCandidate(candidate);
    await pc.setRemoteDescription(description);
    if (description.type !== "offer") return;
    await pc.setLocalDescription();
    signal({ description: pc.localDescription });
  };
  return {
    pc,
    take: (message) => {
      chain = chain.then(() => handle(message));
    },
  };
}
