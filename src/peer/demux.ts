// What a datagram is, by its first byte (RFC 7983 §7).

export const DEMUX_STUN = 0;
export const DEMUX_DTLS = 1;
export const DEMUX_TURN_CHANNEL = 2;
export const DEMUX_RTP = 3;
export const DEMUX_UNKNOWN = 4;

/** The protocol of a datagram as one of the DEMUX constants. */
export function demux(data: Uint8Array): number {
  const first = data[0];
  if (first === undefined) return DEMUX_UNKNOWN;
  if (first >= 20 && first <= 63) return DEMUX_DTLS;
  if (first >= 128 && first <= 191) return DEMUX_RTP;
  if (first <= 3) return DEMUX_STUN;
  if (first >= 64 && first <= 79) return DEMUX_TURN_CHANNEL;
  return DEMUX_UNKNOWN;
}
