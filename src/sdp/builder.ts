// The model while it is being read: the same shapes, open for writing.
import type { SdpMedia, SdpSession } from "./model.js";
import { sdpMedia, sdpSession } from "./model.js";

type Open<T> = { -readonly [K in keyof T]: T[K] extends readonly (infer U)[] ? U[] : T[K] };

export interface MediaBuilder extends Open<SdpMedia> {}
export interface SessionBuilder extends Omit<Open<SdpSession>, "media"> {
  media: MediaBuilder[];
}

/** Gives every list of the record its own, empty, array. */
function open<T extends object>(record: T): Open<T> {
  const out = { ...record } as Record<string, unknown>;
  for (const [key, value] of Object.entries(out)) if (Array.isArray(value)) out[key] = [];
  return out as Open<T>;
}

export function sessionBuilder(): SessionBuilder {
  const origin = { username: "", sessionId: "", sessionVersion: "", netType: "", addressType: "", address: "" };
  return open(sdpSession({ origin })) as SessionBuilder;
}

export function mediaBuilder(): MediaBuilder {
  // Every list of the section its own: the parser adds to them.
  return sdpMedia({
    kind: "",
    port: 0,
    protocol: "",
    formats: [],
    connections: [],
    bandwidths: [],
    iceOptions: [],
    fingerprints: [],
    extmaps: [],
    attributes: [],
    candidates: [],
    sctpmaps: [],
    payloads: [],
    msids: [],
    ssrcs: [],
    ssrcGroups: [],
    rids: [],
    imageAttributes: [],
  }) as MediaBuilder;
}
