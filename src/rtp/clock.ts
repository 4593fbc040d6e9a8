// NTP time (RFC 3550 §4) and the mapping between it and the RTP timestamps of one stream, from its sender reports.

/** Seconds from 1900 to 1970. */
export const NTP_EPOCH_OFFSET = 2_208_988_800;

/** Whole seconds since 1900, 32 bits, of Unix milliseconds. */
export function ntpSeconds(unixMilliseconds: number): number {
  return (Math.floor(unixMilliseconds / 1000) + NTP_EPOCH_OFFSET) >>> 0;
}

/** The fraction of the second, in 1/2^32. */
export function ntpFraction(unixMilliseconds: number): number {
  const seconds = unixMilliseconds / 1000;
  return Math.floor((seconds - Math.floor(seconds)) * 0x1_0000_0000) >>> 0;
}

/** The middle 32 bits: what report blocks carry. */
export function compactNtp(seconds: number, fraction: number): number {
  return ((seconds << 16) | (fraction >>> 16)) >>> 0;
}

export function compactNtpOf(unixMilliseconds: number): number {
  return compactNtp(ntpSeconds(unixMilliseconds), ntpFraction(unixMilliseconds));
}

/** Unix milliseconds of an NTP timestamp of the era that ends in 2036, or of the next if the clock says 0 to 1968. */
export function unixOfNtp(seconds: number, fraction: number): number {
  // RFC 5905 §6: without the top bit it is a time after 2036.
  const since1900 = seconds >= 0x8000_0000 ? seconds : seconds + 0x1_0000_0000;
  return (since1900 - NTP_EPOCH_OFFSET + fraction / 0x1_0000_0000) * 1000;
}

/** Units of 1/65536 s of milliseconds, as report blocks count delays. */
export function toDelay(milliseconds: number): number {
  return Math.min(0xffff_ffff, Math.max(0, Math.round(milliseconds * 65.536)));
}

/**
 * Round-trip time in milliseconds by RFC 3550 §6.4.1: the report came at `arrival`, all three as compact NTP or its units. NaN if
 * nothing was reported on yet, or if the numbers are impossible.
 */
export function roundTripTime(arrival: number, lastReport: number, delay: number): number {
  if (lastReport === 0) return Number.NaN;
  const rtt = (arrival - lastReport - delay) | 0;
  // Clocks count in 15 µs and delays are rounded: a path within one host may come out slightly below zero.
  if (rtt < -655) return Number.NaN;
  return Math.max(0, rtt) / 65.536;
}

/** Milliseconds of one RTP timestamp of a stream by its sender's clock. */
export class ReportedClock {
  /** False before the first report. */
  known = false;
  private ntp = 0;
  private rtp = 0;

  update(unixMilliseconds: number, rtpTimestamp: number): void {
    this.known = true;
    this.ntp = unixMilliseconds;
    this.rtp = rtpTimestamp;
  }

  /** Unix milliseconds of the sender's clock; NaN before the first report. */
  at(rtpTimestamp: number, clockRate: number): number {
    if (!this.known) return Number.NaN;
    return this.ntp + (((rtpTimestamp - this.rtp) | 0) * 1000) / clockRate;
  }
}
