// Whose packet it is (RFC 8843 §9.2, RFC 8852): by mid, SSRC, rid, repaired rid, and last by payload type. Learns which SSRC is what.
// Does not look into payloads, except for the original number of a retransmission whose stream nothing else tells.
import { readU16, readU32 } from "./bytes.js";
import { ExtensionKind, type HeaderExtensions } from "./extensions.js";
import type { RtpPacket } from "./packet.js";
import type { RtpReceiveStream } from "./receive-stream.js";
import type { PayloadEntry, RtpReceiver } from "./receiver.js";

/** What an SSRC is. */
export interface Route {
  readonly ssrc: number;
  readonly stream: RtpReceiveStream;
  /** It carries the stream's media, repeats its packets, or repairs them. */
  readonly role: "media" | "rtx" | "fec";
}

export type RouteFailure = "no-receiver" | "inactive" | "payload-type" | "no-stream";

export class RtpRouter {
  /** Why `route` gave nothing. */
  failure: RouteFailure = "no-receiver";
  private readonly receivers: RtpReceiver[] = [];
  private readonly routes = new Map<number, Route>();
  private readonly extensions: HeaderExtensions;
  private readonly onStream: (stream: RtpReceiveStream) => void;
  private last: Route | undefined;

  constructor(extensions: HeaderExtensions, onStream: (stream: RtpReceiveStream) => void) {
    this.extensions = extensions;
    this.onStream = onStream;
  }

  add(receiver: RtpReceiver): void {
    this.receivers.push(receiver);
  }

  remove(receiver: RtpReceiver): void {
    const index = this.receivers.indexOf(receiver);
    if (index >= 0) this.receivers.splice(index, 1);
    for (const route of [...this.routes.values()]) {
      if (route.stream.receiver === receiver) this.routes.delete(route.ssrc);
    }
    this.last = undefined;
  }

  removeStream(stream: RtpReceiveStream): void {
    for (const ssrc of [stream.ssrc, stream.rtxSsrc, stream.fecSsrc]) {
      if (ssrc !== undefined && this.routes.get(ssrc)?.stream === stream) this.routes.delete(ssrc);
    }
    this.last = undefined;
  }

  /** What is known of an SSRC. */
  get(ssrc: number): Route | undefined {
    const { last } = this;
    if (last !== undefined && last.ssrc === ssrc) return last;
    const route = this.routes.get(ssrc);
    if (route !== undefined) this.last = route;
    return route;
  }

  /** The route of a packet whose extensions have been located. */
  route(packet: RtpPacket, now: number): Route | undefined {
    const route = this.get(packet.ssrc);
    if (route === undefined) return this.learn(packet, now);
    const { extensions } = this;
    if (extensions.has(ExtensionKind.mid)) {
      const { receiver } = route.stream;
      if (!extensions.tokenIs(ExtensionKind.mid, receiver.options.mid)) {
        // The SSRC has moved to another section.
        const other = this.byMid();
        if (other === undefined) return this.fail("no-receiver");
        if (other !== receiver) {
          this.forget(route);
          return this.learn(packet, now);
        }
      }
    }
    const { stream } = route;
    if (stream.rid === null && route.role === "media" && this.namedRid(stream.receiver) !== null) {
      // It began with a packet that did not say which encoding it is.
      this.forget(route);
      return this.learn(packet, now);
    }
    return stream.receiver.options.active ? route : this.fail("inactive");
  }

  /** The encoding that the packet is of, if that is one of the receiver's. */
  private namedRid({ options }: RtpReceiver): string | null {
    if (options.rids.length === 0) return null;
    const rid = this.extensions.token(ExtensionKind.rid);
    return rid !== undefined && options.rids.includes(rid) ? rid : null;
  }

  private fail(why: RouteFailure): undefined {
    this.failure = why;
    return undefined;
  }

  private forget(route: Route): void {
    if (route.role !== "media") {
      this.routes.delete(route.ssrc);
      if (route.role === "rtx") route.stream.rtxSsrc = undefined;
      else route.stream.fecSsrc = undefined;
      this.last = undefined;
    } else {
      this.removeStream(route.stream);
      route.stream.receiver.removeStream(route.stream);
    }
  }

  private byMid(): RtpReceiver | undefined {
    for (const receiver of this.receivers) {
      const { mid } = receiver.options;
      if (mid !== "" && this.extensions.tokenIs(ExtensionKind.mid, mid)) return receiver;
    }
    return undefined;
  }

  private receiverOf(packet: RtpPacket): RtpReceiver | undefined {
    if (this.extensions.has(ExtensionKind.mid)) return this.byMid();
    const { ssrc, payloadType } = packet;
    for (const receiver of this.receivers) {
      if (receiver.options.ssrcs.some((one) => one.ssrc === ssrc || one.rtxSsrc === ssrc)) return receiver;
    }
    const rid = this.extensions.token(ExtensionKind.repairedRid) ?? this.extensions.token(ExtensionKind.rid);
    let found: RtpReceiver | undefined;
    for (const receiver of this.receivers) {
      if (receiver.payload(payloadType) === undefined || !receiver.options.active) continue;
      if (rid !== undefined && !receiver.options.rids.includes(rid)) continue;
      // More than one takes it: nothing tells which.
      if (found !== undefined) return undefined;
      found = receiver;
    }
    return found;
  }

  private learn(packet: RtpPacket, now: number): Route | undefined {
    const receiver = this.receiverOf(packet);
    if (receiver === undefined) return this.fail("no-receiver");
    if (!receiver.options.active) return this.fail("inactive");
    const entry = receiver.payload(packet.payloadType);
    if (entry === undefined) return this.fail("payload-type");
    if (entry.role === "rtx") return this.learnRetransmissions(packet, receiver, now);
    if (entry.role === "flexfec") return this.learnRepair(packet, receiver, entry);
    if (entry.role === "ulpfec") return this.fail("payload-type");
    return this.learnMedia(packet.ssrc, receiver, this.namedRid(receiver), now);
  }

  private learnMedia(ssrc: number, receiver: RtpReceiver, rid: string | null, now: number): Route | undefined {
    if (rid !== null) {
      // The stream of that name has a new SSRC.
      const before = receiver.streams.find((stream) => stream.rid === rid);
      if (before !== undefined) {
        this.removeStream(before);
        receiver.removeStream(before);
      }
    }
    const stream = receiver.addStream(ssrc, rid, now);
    if (stream === undefined) return this.fail("no-stream");
    const route: Route = { ssrc, stream, role: "media" };
    this.routes.set(ssrc, route);
    const announced = receiver.options.ssrcs.find((one) => one.ssrc === ssrc)?.rtxSsrc ?? null;
    if (announced !== null && announced !== ssrc) this.setRetransmissions(stream, announced);
    this.onStream(stream);
    return route;
  }

  private setRetransmissions(stream: RtpReceiveStream, ssrc: number): Route | undefined {
    const other = this.routes.get(ssrc);
    // What carries media, or another stream's repeats, stays what it is.
    if (other !== undefined && other.stream !== stream) return this.fail("no-stream");
    if (stream.rtxSsrc !== undefined) this.routes.delete(stream.rtxSsrc);
    this.last = undefined;
    stream.setRetransmissionSsrc(ssrc);
    const route: Route = { ssrc, stream, role: "rtx" };
    this.routes.set(ssrc, route);
    return route;
  }

  private learnRetransmissions(packet: RtpPacket, receiver: RtpReceiver, now: number): Route | undefined {
    const { ssrc } = packet;
    const announced = receiver.options.ssrcs.find((one) => one.rtxSsrc === ssrc);
    const rid = this.extensions.token(ExtensionKind.repairedRid);
    const named = rid === undefined ? undefined : receiver.streams.find((one) => one.rid === rid);
    if (announced !== undefined && announced.ssrc !== ssrc) {
      // They may come first: Firefox probes with them.
      const name = rid !== undefined && named === undefined && receiver.options.rids.includes(rid) ? rid : null;
      const media = this.get(announced.ssrc) ?? this.learnMedia(announced.ssrc, receiver, name, now);
      if (media === undefined) return undefined;
      return this.get(ssrc) ?? this.setRetransmissions(media.stream, ssrc);
    }
    const stream = rid === undefined ? this.guess(packet, receiver) : named;
    return stream === undefined ? this.fail("no-stream") : this.setRetransmissions(stream, ssrc);
  }

  /** Repair packets name the stream that they protect: in their own header, or as contributing source (RFC 8627 §4.2.1). */
  private learnRepair(packet: RtpPacket, receiver: RtpReceiver, { codec }: PayloadEntry): Route | undefined {
    const draft = codec.mimeType.toLowerCase() !== "video/flexfec";
    if (draft ? packet.payloadLength < 16 : packet.csrcCount === 0) return this.fail("no-stream");
    const protectedSsrc = draft ? readU32(packet.data, packet.payloadOffset + 12) : packet.csrc(0);
    const stream = receiver.streams.find(({ ssrc }) => ssrc === protectedSsrc);
    if (stream === undefined) return this.fail("no-stream");
    if (stream.fecSsrc !== undefined) this.routes.delete(stream.fecSsrc);
    this.last = undefined;
    stream.fecSsrc = packet.ssrc;
    const route: Route = { ssrc: packet.ssrc, stream, role: "fec" };
    this.routes.set(packet.ssrc, route);
    return route;
  }

  /** RFC 4588 §5.3: the stream of which that packet was asked for; or the only one that can be meant. */
  private guess(packet: RtpPacket, receiver: RtpReceiver): RtpReceiveStream | undefined {
    if (packet.payloadLength < 2) return undefined;
    const number = readU16(packet.data, packet.payloadOffset);
    let found: RtpReceiveStream | undefined;
    let asked: RtpReceiveStream | undefined;
    let candidates = 0;
    for (const stream of receiver.streams) {
      if (stream.rtxSsrc !== undefined) continue;
      candidates++;
      found = stream;
      if (stream.isMissing(number)) asked = asked === undefined ? stream : undefined;
    }
    return asked ?? (candidates === 1 ? found : undefined);
  }

  /** The entry of a routed packet, if its payload type fits what the SSRC is. */
  entry(packet: RtpPacket, route: Route): PayloadEntry | undefined {
    const entry = route.stream.receiver.payload(packet.payloadType);
    if (entry === undefined) return undefined;
    const fits =
      route.role === "media"
        ? entry.role === "media" || entry.role === "red"
        : entry.role === (route.role === "rtx" ? "rtx" : "flexfec");
    return fits ? entry : undefined;
  }
}
