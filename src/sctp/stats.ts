// The figures of an association, gathered from its parts.
import { CAN_INTERLEAVE } from "./capabilities.js";
import type { DataReceiver } from "./data-receiver.js";
import type { DataSender } from "./data-sender.js";
import type { Handshake } from "./handshake.js";
import type { SctpState, SctpStats } from "./options.js";
import type { PacketSender } from "./packet-sender.js";

/** Packets that came in. */
export class PacketCounters {
  packets = 0;
  bytes = 0;
  dropped = 0;
}

export interface AssociationParts {
  readonly state: SctpState;
  readonly mtu: number;
  readonly out: PacketSender;
  readonly handshake: Handshake;
  readonly sender: DataSender;
  readonly receiver: DataReceiver;
  readonly received: PacketCounters;
}

export function associationStats(parts: AssociationParts): SctpStats {
  const { state, mtu, out, handshake, sender, receiver, received } = parts;
  return {
    state,
    mtu,
    cwnd: Math.floor(sender.congestion.cwnd),
    ssthresh: sender.congestion.ssthresh,
    rwnd: Math.max(0, sender.peerRwnd - sender.outstanding.flight),
    srtt: sender.rto.srtt,
    rto: sender.rto.rto,
    flight: sender.outstanding.flight,
    unackedChunks: sender.outstanding.outstanding,
    bufferedAmount: sender.queue.bufferedAmount,
    packetsSent: out.packets,
    packetsReceived: received.packets,
    bytesSent: out.bytes,
    bytesReceived: received.bytes,
    messagesSent: sender.messages,
    messagesReceived: receiver.reassembly.messages,
    chunksRetransmitted: sender.outstanding.retransmitted,
    timeouts: sender.timeouts,
    congestionEvents: sender.congestion.events,
    duplicates: receiver.tracker.duplicatesSeen,
    packetsDropped: received.dropped,
    usesInterleaving: (handshake.capabilities & CAN_INTERLEAVE) !== 0,
    usesZeroChecksum: out.zeroChecksum,
  };
}
