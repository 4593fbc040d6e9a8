// SCTP's INIT as descriptions carry it (a=sctp-init, draft-hancke-tsvwg-snap-00): in base64, for the association that SctpTransport
// is to make.
import { createInit, readSignaledInit } from "../sctp/init.js";
import type { SnapInits } from "../sctp/options.js";
import { base64Decode, base64Encode } from "../util/text.js";
import type { Platform } from "./platform.js";

/** Both sides' values. */
export interface SctpInits {
  readonly localInit: string;
  readonly remoteInit: string;
}

/** The INIT of an association to come; another each time. SctpTransport gives no options that an INIT shows. */
export function createSctpInit(platform: Platform): string {
  return base64Encode(createInit({ crypto: platform.crypto }));
}

/** Whether this is an INIT that SCTP would take from the network. */
export function isSctpInit(text: string): boolean {
  const chunk = base64Decode(text);
  return chunk !== undefined && readSignaledInit(chunk) !== undefined;
}

export function decodeInits({ localInit, remoteInit }: SctpInits): SnapInits | undefined {
  const local = base64Decode(localInit);
  const remote = base64Decode(remoteInit);
  return local && remote && { localInit: local, remoteInit: remote };
}
