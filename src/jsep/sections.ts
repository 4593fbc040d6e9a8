// The parts that offers and answers are written from: the session level, the data section, a rejected section, and the
// lines that say where a transport is reached.
import type { SdpConnection, SdpFingerprint, SdpMedia, SdpSession, SdpSetup } from "../sdp/model.js";
import { isRtpProtocol, sdpMedia, sdpSession } from "../sdp/model.js";
import type { IceCandidate } from "../util/ice-candidate.js";
import type { IceParameters, MediaSlot, NegotiationState, Transport } from "./state.js";

/** RFC 9429 §5.2.1: trickle (RFC 8840) and ice2 (RFC 8445 §10). */
export const ICE_OPTIONS: readonly string[] = ["trickle", "ice2"];

/** The discard port and address while there is no default candidate (RFC 8840 §4.1.1). */
export const NOWHERE: SdpConnection = { netType: "IN", addressType: "IP4", address: "0.0.0.0" };
export const DISCARD_PORT = 9;

/** The session level (RFC 9429 §5.2.1), without groups and media. */
export function sessionLevel(state: NegotiationState, version: number): SdpSession {
  return sdpSession({
    origin: {
      username: "-",
      sessionId: state.configuration.sessionId,
      sessionVersion: `${version}`,
      netType: "IN",
      addressType: "IP4",
      // As Chromium; no address of this host.
      address: "127.0.0.1",
    },
    extmapAllowMixed: true,
    msidSemantics: [{ semantic: "WMS", ids: [] }],
    iceLite: state.configuration.iceLite,
  });
}

export interface TransportLines {
  readonly local: IceParameters;
  readonly fingerprints: readonly SdpFingerprint[];
  readonly setup: SdpSetup;
  readonly iceOptions: readonly string[];
}

/**
 * The attributes of category TRANSPORT and IDENTICAL (RFC 8859).
 *
 * RFC 9429 §5.2.1 has them in the BUNDLE-tagged section only. We repeat all but the candidates in every bundled section:
 * there are peers that look for them there, and Chromium refuses what comes after a bundle-only section without them.
 * Chromium repeats them in bundled sections, Firefox also in bundle-only ones.
 */
export function transportAttributes(lines: TransportLines): Partial<SdpMedia> {
  return {
    iceUfrag: lines.local.usernameFragment,
    icePwd: lines.local.password,
    iceOptions: lines.iceOptions,
    fingerprints: lines.fingerprints,
    setup: lines.setup,
  };
}

/** The default candidate of RFC 8839 §4.2.1.2: the one most likely to work, so relayed before reflexive before host. */
export function defaultCandidate(candidates: readonly IceCandidate[]): IceCandidate | undefined {
  let best: IceCandidate | undefined;
  let bestRank = -1;
  for (const candidate of candidates) {
    if (candidate.protocol !== "udp" || candidate.component !== 1) continue;
    const ip6 = candidate.address.includes(":");
    // A host name (mDNS) is no address for a c= line.
    if (!ip6 && !/^[0-9.]+$/.test(candidate.address)) continue;
    const rank = ["host", "prflx", "srflx", "relay"].indexOf(candidate.type) * 2 + (ip6 ? 0 : 1);
    if (rank > bestRank) [best, bestRank] = [candidate, rank];
  }
  return best;
}

/** Where a section is reached: port, c=, candidates (RFC 9429 §5.2.2). Nowhere, if the transport is another section's. */
export function addressLines(
  transport: Pick<Transport, "localCandidates" | "localEndOfCandidates"> | undefined,
): Pick<SdpMedia, "port" | "connections" | "candidates" | "endOfCandidates"> {
  const candidates = transport?.localCandidates ?? [];
  const main = defaultCandidate(candidates);
  return {
    port: main?.port ?? DISCARD_PORT,
    connections: [
      main === undefined
        ? NOWHERE
        : { netType: "IN", addressType: main.address.includes(":") ? "IP6" : "IP4", address: main.address },
    ],
    candidates,
    endOfCandidates: transport?.localEndOfCandidates ?? false,
  };
}

export interface DataSection {
  readonly mid: string | undefined;
  readonly sctpPort: number;
  readonly maxMessageSize: number;
  readonly sctpInit: string | undefined;
}

/** A data section in the form of RFC 8841. */
export function dataSection(data: DataSection, parts: Partial<SdpMedia>): SdpMedia {
  return sdpMedia({
    kind: "application",
    port: DISCARD_PORT,
    protocol: "UDP/DTLS/SCTP",
    formats: ["webrtc-datachannel"],
    connections: [NOWHERE],
    mid: data.mid,
    sctpPort: data.sctpPort,
    maxMessageSize: data.maxMessageSize,
    sctpInit: data.sctpInit,
    ...parts,
  });
}

/** A section with port zero: in an offer one that is stopped, in an answer one that is refused (RFC 3264 §6). */
export function rejectedSection(slot: MediaSlot): SdpMedia {
  return sdpMedia({
    kind: slot.kind,
    port: 0,
    protocol: slot.protocol,
    formats: slot.formats,
    connections: [NOWHERE],
    mid: slot.midSignaled ? slot.mid : undefined,
    direction: isRtpProtocol(slot.protocol) ? "inactive" : undefined,
  });
}
