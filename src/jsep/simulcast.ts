// Simulcast (RFC 8853) and restriction identifiers (RFC 8851) of a section: reading them, offering our own, answering a
// peer's. Of alternatives the first is taken, as RFC 9429 §5.1 has it; restrictions are passed on and not interpreted.
import type { SdpAttribute, SdpMedia, SdpRid, SdpSimulcast } from "../sdp/model.js";
import type { SendEncoding } from "./transceivers.js";

/** In one direction of one section; those beyond are not taken. */
export const MAX_SIMULCAST_STREAMS = 16;

/** One stream of a simulcast. */
export interface RidStream {
  readonly rid: string;
  readonly paused: boolean;
  readonly payloadTypes: readonly number[];
  /** Such as max-width; without pt. */
  readonly restrictions: readonly SdpAttribute[];
}

/** RFC 8851 §5. An identifier with a restriction that is none of these is not taken (§6.3). */
const RESTRICTIONS: readonly string[] = [
  "max-width",
  "max-height",
  "max-fps",
  "max-fs",
  "max-br",
  "max-pps",
  "max-bpp",
  "depend",
];

function understood({ payloadTypes, restrictions }: SdpRid): boolean {
  const names = restrictions.map(({ name }) => name);
  return (
    payloadTypes.every((payloadType) => /^\d{1,3}$/.test(payloadType)) &&
    names.every((name) => RESTRICTIONS.includes(name)) &&
    new Set(names).size === names.length
  );
}

function sameRid(a: SdpRid | null, b: SdpRid): boolean {
  return (
    a !== null && JSON.stringify([a.payloadTypes, a.restrictions]) === JSON.stringify([b.payloadTypes, b.restrictions])
  );
}

/** The streams that a section names in this direction, its own: with a=simulcast, or one with a=rid alone. */
export function ridStreams(media: SdpMedia, direction: "send" | "recv"): readonly RidStream[] {
  if (media.rids.length === 0) return [];
  const rids = new Map<string, SdpRid | null>();
  for (const rid of media.rids) {
    if (rid.direction !== direction) continue;
    // RFC 8851 §6: an identifier that is there twice is not to be used; said twice in the same way, it harms nobody.
    const before = rids.get(rid.id);
    rids.set(rid.id, (before !== undefined && !sameRid(before, rid)) || !understood(rid) ? null : rid);
  }
  const named =
    media.simulcast === undefined
      ? [...rids.keys()].slice(0, rids.size === 1 ? 1 : 0).map((rid) => ({ rid, paused: false }))
      : media.simulcast[direction].flatMap((alternatives) => {
          const usable = alternatives.find(({ rid }) => rids.get(rid) != null);
          return usable === undefined ? [] : [usable];
        });
  const out: RidStream[] = [];
  const seen = new Set<string>();
  for (const { rid, paused } of named) {
    const entry = rids.get(rid);
    if (entry == null || seen.has(rid) || out.length === MAX_SIMULCAST_STREAMS) continue;
    seen.add(rid);
    out.push({ rid, paused, payloadTypes: entry.payloadTypes.map(Number), restrictions: entry.restrictions });
  }
  return out;
}

/** What a section says of our own streams: what we send and what we let the peer send. */
export interface RidLines {
  readonly rids: readonly SdpRid[];
  readonly simulcast: SdpSimulcast | undefined;
}

function ridLines(send: readonly RidStream[], recv: readonly RidStream[]): RidLines {
  const line = (direction: "send" | "recv", stream: RidStream): SdpRid => ({
    id: stream.rid,
    direction,
    payloadTypes: stream.payloadTypes.map(String),
    restrictions: stream.restrictions,
  });
  const rids = [...send.map((stream) => line("send", stream)), ...recv.map((stream) => line("recv", stream))];
  const streams = (list: readonly RidStream[]) =>
    list.length > 1 ? list.map(({ rid, paused }) => [{ rid, paused }]) : [];
  const simulcast = { send: streams(send), recv: streams(recv) };
  return { rids, simulcast: simulcast.send.length + simulcast.recv.length === 0 ? undefined : simulcast };
}

/**
 * An offer's (RFC 9429 §5.2.1): our encodings that have a rid, and again what the session already lets the peer send. Whether
 * an encoding is active does not show, and what a peer calls paused does not make ours inactive: webrtc-pc has taken that out,
 * since nothing at run time says when a stream goes on (RFC 7728 would).
 */
export function offeredRids(
  encodings: readonly SendEncoding[],
  received: readonly RidStream[],
  payloadTypes: ReadonlySet<number>,
): RidLines {
  const send: RidStream[] = [];
  for (const { rid } of encodings) {
    if (rid !== null) send.push({ rid, paused: false, payloadTypes: [], restrictions: [] });
  }
  const ours = new Set(send.map(({ rid }) => rid));
  return ridLines(
    send,
    withFormats(
      received.filter(({ rid }) => !ours.has(rid)),
      payloadTypes,
    ),
  );
}

/**
 * An answer's (RFC 9429 §5.3.1): everything that is offered to be sent to us, and of what we may send, the encodings that
 * have those names. Nothing is paused by us; what the peer does not want yet is mirrored.
 */
export function answeredRids(
  offer: SdpMedia,
  encodings: readonly SendEncoding[],
  doesSend: boolean,
  doesReceive: boolean,
  payloadTypes: ReadonlySet<number>,
): RidLines {
  const recv = doesReceive
    ? withFormats(ridStreams(offer, "send"), payloadTypes).map((stream) => ({ ...stream, paused: false }))
    : [];
  const ours = new Set(encodings.map(({ rid }) => rid));
  const send = doesSend ? withFormats(ridStreams(offer, "recv"), payloadTypes).filter(({ rid }) => ours.has(rid)) : [];
  return ridLines(send, recv);
}

/** Those that are not restricted to formats that are not there; of a list of formats, those that are. */
function withFormats(streams: readonly RidStream[], payloadTypes: ReadonlySet<number>): readonly RidStream[] {
  const out: RidStream[] = [];
  for (const stream of streams) {
    const allowed = stream.payloadTypes.filter((payloadType) => payloadTypes.has(payloadType));
    if (stream.payloadTypes.length === 0 || allowed.length > 0) out.push({ ...stream, payloadTypes: allowed });
  }
  return out;
}
