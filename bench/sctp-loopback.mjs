// Two SCTP associations in memory, without DTLS and sockets: what the machine itself costs. Run after `npm run build`.
//   node bench/sctp-loopback.mjs [seconds per case]
import { nodeCrypto } from "../dist/node/crypto.js";
import { SctpAssociation } from "../dist/sctp/association.js";

const seconds = Number(process.argv[2] ?? 1);
const options = (zeroChecksum, mtu) => ({
  crypto: nodeCrypto,
  maxMessageSize: 1 << 30,
  peerMaxMessageSize: 0,
  zeroChecksum,
  mtu,
});

/** A pair whose packets lie in an array until `run` hands them over: one wake-up per side and turn. */
function pair(zeroChecksum, mtu) {
  const state = { received: 0, bytes: 0, buffered: 0, packets: 0 };
  const queues = [[], []];
  const make = (side) =>
    new SctpAssociation(options(zeroChecksum, mtu), {
      transmit: (packet) => queues[1 - side].push(packet.slice()),
      onEstablished() {},
      onMessage(_id, _ppid, data) {
        state.received++;
        state.bytes += data.length;
      },
      onStreamsReset() {},
      onOutgoingReset() {},
      onBufferedAmountDecrease(_id, bytes) {
        state.buffered -= bytes;
      },
      onClosed(reason) {
        throw new Error(reason);
      },
    });
  const ends = [make(0), make(1)];
  const turn = (now) => {
    for (const side of [0, 1]) {
      const packets = queues[side];
      queues[side] = [];
      state.packets += packets.length;
      for (const packet of packets) ends[side].receive(packet, now);
      ends[side].flush(now);
      if (now >= ends[side].deadline) ends[side].handleTimeout(now);
    }
  };
  for (const end of ends) end.connect(performance.now());
  for (let i = 0; i < 10; i++) turn(performance.now());
  return { state, ends, turn };
}

function run(name, size, zeroChecksum, mtu = 1188) {
  const { state, ends, turn } = pair(zeroChecksum, mtu);
  const start = performance.now();
  const stop = start + seconds * 1000;
  let packetsFrom = 0;
  let from = start;
  let bytes = 0;
  let messages = 0;
  let warm = false;
  // CPU time is what counts: it stands also on a machine that does something else besides.
  let cpu = process.cpuUsage();
  for (let now = start; now < stop; now = performance.now()) {
    if (!warm && now > start + seconds * 300) {
      warm = true;
      cpu = process.cpuUsage();
      from = now;
      bytes = state.bytes;
      messages = state.received;
      packetsFrom = state.packets;
    }
    while (state.buffered < 4 << 20) {
      ends[0].send(1, 53, new Uint8Array(size), {}, now);
      state.buffered += size;
    }
    ends[0].flush(now);
    turn(now);
  }
  const took = (performance.now() - from) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  const busy = (user + system) / 1e6;
  const rate = (n) => Math.round(n / busy).toLocaleString("en");
  const { chunksRetransmitted, cwnd, packetsSent } = ends[0].stats;
  console.log(
    `${name.padEnd(34)} ${((state.bytes - bytes) / busy / 1e6).toFixed(0).padStart(5)} MB/cpu-s ${rate(state.received - messages).padStart(10)} msg/cpu-s`,
    ` ${((busy * 1e6) / (state.packets - packetsFrom)).toFixed(2)} cpu-µs/packet (both ends, all threads)  cwnd ${cwnd} rtx ${chunksRetransmitted} of ${packetsSent}; took ${took.toFixed(1)} s`,
  );
}

run("64 KiB messages, zero checksum", 65536, true);
run("64 KiB messages, CRC-32c", 65536, false);
run("1160-byte messages, zero checksum", 1156, true);
run("100-byte messages, zero checksum", 100, true);
run("100-byte messages, CRC-32c", 100, false);
run("1 MiB messages, MTU 8 KiB", 1 << 20, true, 8192);
