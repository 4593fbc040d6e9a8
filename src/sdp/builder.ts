// The model while it is being read: the same shapes, open for writing.
import type { SdpMedia, SdpSession } from "./model.js";
import { sdpMedia, sdpSession } from "./model.js";

type Open<T> = { -readonly [K in keyof T]: T[K] extends readonly (infer U)[] ? U[] : T[K] };

export interface MediaBuilder extends Open<SdpMedia> {}
export interface SessionBuilder extends Omit<Open<SdpSession>, "media"> {
  media: MediaBuilder[];
}

export function sessionBuilder(): SessionBuilder {
  // Every list its own: the parser adds to them.
  return sdpSession({
    origin: { username: "", sessionId: "", sessionVersion: "", netType: "", addressType: "", address: "" },
    emails: [],
    phones: [],
    bandwidths: [],
    timings: [],
    iceOptions: [],
    fingerprints: [],
    extmaps: [],
    attributes: [],
    groups: [],
    msidSemantics: [],
    identities: [],
    media: [],
  }) as SessionBuilder;
}

export function mediaBuilder(): MediaBuilder {
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
