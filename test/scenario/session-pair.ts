// Two RTP sessions over a bottleneck in virtual time, with feedback as RTCP on the way back; without SRTP, DTLS and ICE. For
// tests of congestion control through whole sessions.
import { RtpSession } from "#src/rtp/session.js";
import type { RtpCodec } from "#src/rtp/types.js";
import { datagram, type LinkOptions, Pipe } from "#test/sim/link.js";
import { Random } from "#test/sim/random.js";
import { Scheduler } from "#test/sim/scheduler.js";

export const TRANSPORT_WIDE: { readonly id: number; readonly uri: string } = {
  id: 3,
  uri: "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
};

export const VP8: RtpCodec = {
  payloadType: 96,
  mimeType: "video/VP8",
  clockRate: 90_000,
  parameters: "",
  rtxPayloadType: 97,
  nack: true,
  pli: true,
  fir: true,
  transportCc: true,
  remb: false,
};

export class SessionPair {
  readonly scheduler: Scheduler = new Scheduler();
  /** The way from the first session to the second. */
  readonly forward: Pipe;
  readonly sessions: readonly [RtpSession, RtpSession];
  /** What the first was told last that the path carries, bits per second. */
  available = 0;
  private readonly armed = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];

  constructor(seed: string, link: LinkOptions) {
    const world = { scheduler: this.scheduler, random: new Random(seed), tap: undefined };
    this.forward = new Pipe(world, "forward", { latency: 25, ...link });
    const back = new Pipe(world, "back", { latency: 25 });
    const make = (side: number): RtpSession => {
      const random = new Random(`session ${side}`);
      const send = (packet: Uint8Array, rtcp: boolean): void => {
        const data = packet.slice();
        if (side === 0 && !rtcp) this.onSent(data);
        (side === 0 ? this.forward : back).send(datagram(data), (_, now) => {
          const other = this.sessions[1 - side]!;
          if (rtcp) other.receiveRtcp(data, data.length, now);
          else other.receiveRtp(data, data.length, now);
          if (side === 0 && !rtcp) this.onReceived(data);
          this.settle(now);
        });
      };
      return new RtpSession(
        { random: (n) => random.bytes(n), timeOrigin: 1e12, cname: `side ${side}`, reducedSize: true },
        {
          transmitRtp: (packet) => send(packet, false),
          transmitRtcp: (packet) => send(packet, true),
          onBitrateChange: (available) => {
            if (side === 0) this.available = available;
          },
        },
      );
    };
    this.sessions = [make(0), make(1)];
  }

  /** An RTP packet of the first session was handed to the network. */
  protected onSent(_data: Uint8Array): void {}

  /** It has arrived. */
  protected onReceived(_data: Uint8Array): void {}

  run(seconds: number): void {
    this.scheduler.runSync(seconds * 1000);
  }

  /** The end of a round of both. */
  protected settle(now: number): void {
    for (const [side, session] of this.sessions.entries()) {
      session.flush(now);
      const { deadline } = session;
      if (deadline >= this.armed[side]! || deadline === Number.POSITIVE_INFINITY) continue;
      this.armed[side] = deadline;
      this.scheduler.at(deadline, (time) => {
        if (this.armed[side] !== deadline) return;
        this.armed[side] = Number.POSITIVE_INFINITY;
        session.handleTimeout(time);
        this.settle(time);
      });
    }
  }
}
