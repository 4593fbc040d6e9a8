// What an audio or video section comes to when an answer, provisional or final, is applied.
import { hasCryptex, type SdpDirection, type SdpMedia, type SdpSession } from "../sdp/model.js";
import type { MediaKind } from "./codec-capabilities.js";
import type { NegotiatedCodec } from "./codecs.js";
import { negotiatedCodecs } from "./codecs.js";
import { intersectDirections, receives, reverseDirection, sectionDirection, sends } from "./direction.js";
import type { NegotiatedExtension } from "./header-extensions.js";
import { negotiatedExtensions } from "./header-extensions.js";
import type { RidStream } from "./simulcast.js";
import { ridStreams } from "./simulcast.js";

export interface NegotiatedMedia {
  /** [[CurrentDirection]], ours. */
  readonly direction: SdpDirection;
  /** What we may send, also where the direction does not let us just now; payload types are the peer's. */
  readonly sendCodecs: readonly NegotiatedCodec[];
  readonly receiveCodecs: readonly NegotiatedCodec[];
  readonly headerExtensions: readonly NegotiatedExtension[];
  /** One-byte and two-byte headers may follow each other on a stream (RFC 8285 §6). */
  readonly extmapAllowMixed: boolean;
  /** Header extensions and contributing sources are encrypted, too (RFC 9335). */
  readonly cryptex: boolean;
  readonly rtcpMux: boolean;
  /** Reduced-size RTCP (RFC 5506). */
  readonly rtcpReducedSize: boolean;
  /** The simulcast streams that both sides agree we send; empty: one stream without a rid. */
  readonly sendRids: readonly RidStream[];
  /** Those that our description had and the peer's does not take: their encodings go. */
  readonly removedSendRids: readonly string[];
  readonly receiveRids: readonly RidStream[];
  /** What the peer wants of packets to it, in milliseconds. */
  readonly ptime: number | null;
  readonly maxptime: number | null;
  /** The most that the peer wants to receive of this section (b=TIAS, b=AS), in bits per second; null without. */
  readonly maxBitrate: number | null;
}

/** `local` and `remote`: the sections of the two descriptions, of which `answerIsLocal` names the answer. */
export function negotiateMedia(
  kind: MediaKind,
  localSession: SdpSession,
  local: SdpMedia,
  remoteSession: SdpSession,
  remote: SdpMedia,
  answerIsLocal: boolean,
): NegotiatedMedia {
  // An answer that goes beyond its offer is cut back to it (RFC 3264 §6.1).
  const direction = intersectDirections(
    sectionDirection(localSession, local),
    reverseDirection(sectionDirection(remoteSession, remote)),
  );
  const codecs = negotiatedCodecs(kind, local, remote, answerIsLocal);
  const offeredSend = ridStreams(local, "send");
  const sendRids = sends(direction) ? commonRids(offeredSend, ridStreams(remote, "recv")) : [];
  const kept = new Set(sendRids.map(({ rid }) => rid));
  return {
    direction,
    sendCodecs: codecs.send,
    receiveCodecs: codecs.receive,
    headerExtensions: negotiatedExtensions(local, remote),
    extmapAllowMixed:
      (localSession.extmapAllowMixed || local.extmapAllowMixed) &&
      (remoteSession.extmapAllowMixed || remote.extmapAllowMixed),
    cryptex: hasCryptex(localSession, local) && hasCryptex(remoteSession, remote),
    rtcpMux: local.rtcpMux && remote.rtcpMux,
    rtcpReducedSize: local.rtcpRsize && remote.rtcpRsize,
    sendRids,
    removedSendRids: sends(direction) ? offeredSend.map(({ rid }) => rid).filter((rid) => !kept.has(rid)) : [],
    receiveRids: receives(direction) ? commonRids(ridStreams(remote, "send"), ridStreams(local, "recv")) : [],
    ptime: remote.ptime ?? null,
    maxptime: remote.maxptime ?? null,
    maxBitrate: maxBitrate(remote),
  };
}

/** The streams of the sending side that the receiving side takes, with its pauses and restrictions. */
function commonRids(sent: readonly RidStream[], received: readonly RidStream[]): readonly RidStream[] {
  if (sent.length === 0 || received.length === 0) return [];
  const byRid = new Map(received.map((stream) => [stream.rid, stream]));
  return sent.flatMap(({ rid, paused }) => {
    const stream = byRid.get(rid);
    return stream === undefined ? [] : [{ ...stream, paused: paused || stream.paused }];
  });
}

function maxBitrate(media: SdpMedia): number | null {
  let out: number | null = null;
  for (const { type, value } of media.bandwidths) {
    if (type === "TIAS") return value;
    if (type === "AS") out = value * 1000;
  }
  return out;
}
