// What descriptions do to [[SendEncodings]] (webrtc-pc §4.4.1.5, "set a session description", and §5.4.1): the simulcast that
// a peer's offer proposes, what an answer leaves of it, and the way back.
import { sends } from "../jsep/direction.js";
import type { DescriptionSource, SdpType } from "../jsep/signaling-state.js";
import type { TransceiverPlan } from "../jsep/transceiver-plan.js";
import { codecsMatch, isAuxiliary } from "./codec-dictionary.js";
import type { SenderImpl } from "./rtc-rtp-sender.js";
import {
  DEFAULT_SCALABILITY_MODE,
  newEncoding,
  type RTCRtpEncodingParameters,
  setDefaultScales,
  supportsScalabilityMode,
} from "./rtp-parameters.js";

/** The one encoding of a sender that was not given any. */
export function defaultEncodings(kind: string): RTCRtpEncodingParameters[] {
  const encodings = [newEncoding()];
  if (kind === "video") setDefaultScales(encodings);
  return encodings;
}

function isRidless(encodings: readonly RTCRtpEncodingParameters[]): boolean {
  return encodings.length === 1 && encodings[0]!.rid === undefined;
}

/** An offer is applied in stable: what a rollback of it may have to bring back. */
export function rememberStable(sender: SenderImpl): void {
  sender.lastStableRidlessEncodings = isRidless(sender.encodings) ? sender.encodings : null;
}

/** A rollback: of the simulcast that the offer proposed nothing is left. */
export function rollBackEncodings(sender: SenderImpl): void {
  const { lastStableRidlessEncodings: before, encodings } = sender;
  if (before !== null && encodings.some(({ rid }) => rid !== undefined)) sender.setEncodings(before);
}

/** A description other than a rollback is applied. */
export function followEncodings(
  sender: SenderImpl,
  plan: TransceiverPlan,
  source: DescriptionSource,
  type: SdpType,
): void {
  if (type === "offer") {
    if (source === "remote") propose(sender, plan);
  } else if (plan.media !== null) narrow(sender, plan.media);
  // The parameters that the program may hold are of before.
  if (type !== "offer" || source === "remote") sender.forgetParameters();
}

/** A request to receive simulcast, where nothing is known of simulcast yet. It is for video alone. */
function propose(sender: SenderImpl, { remote }: TransceiverPlan): void {
  const proposed = remote?.receiveRids ?? [];
  if (sender.owner.kind !== "video" || proposed.length < 2 || !isRidless(sender.encodings)) return;
  const next = proposed.map(({ rid }) => newEncoding(rid));
  setDefaultScales(next);
  sender.setEncodings(next);
}

/** What an answer leaves: the encodings whose rids it has, or the first alone. Their order and settings stay. */
function narrow(sender: SenderImpl, media: NonNullable<TransceiverPlan["media"]>): void {
  const { encodings } = sender;
  const { sendCodecs } = media;
  if (encodings.length > 1 && sends(media.direction)) {
    const kept = new Set(media.sendRids.map(({ rid }) => rid));
    const left = encodings.filter(({ rid }) => kept.has(rid ?? ""));
    if (left.length === 0) sender.setEncodings(encodings.slice(0, 1));
    else if (left.length < encodings.length) sender.setEncodings(left);
  }
  if (sendCodecs.length === 0) return;
  const first = sendCodecs.find((codec) => !isAuxiliary(codec));
  for (const encoding of sender.encodings) {
    const { codec, scalabilityMode } = encoding;
    if (codec !== undefined && !sendCodecs.some((own) => codecsMatch(own, codec, true))) delete encoding.codec;
    const used = encoding.codec ?? first;
    if (scalabilityMode !== undefined && used !== undefined && !supportsScalabilityMode(used, scalabilityMode)) {
      encoding.scalabilityMode = DEFAULT_SCALABILITY_MODE;
    }
  }
}
