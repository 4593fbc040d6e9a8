// Makes the candidates that a gatherer tells (RFC 8445 §5.1.1, §5.1.2): their foundation and priority, what they hide, which are
// worth telling, and the names that stand for addresses. How they come about is the gatherer's (gatherer.ts).
import type { IceCandidate, IceCandidateType } from "../util/ice-candidate.js";
import { ipScope } from "../util/ip.js";
import type { TransportAddress } from "../util/net.js";
import { uuid } from "../util/text.js";
import { candidatePriority, type Foundations, typePreference } from "./candidate.js";
import { PREFERENCE_STEP } from "./interfaces.js";
import type { IceAgentOptions, IceTransportPolicy } from "./options.js";
import { type IceBase, LocalCandidate } from "./pair.js";

/** What the candidates of a generation have in common. */
export interface CandidateSettings {
  readonly policy: IceTransportPolicy;
  readonly usernameFragment: string;
  readonly foundations: Foundations;
}

/** Whoever has candidates made. */
export interface CandidateMaker {
  readonly options: Pick<IceAgentOptions, "mdns">;
  readonly settings: CandidateSettings;
}

/**
 * `serverIndex`: place of the server in the configuration, which lowers the priority; `foundationServer` tells servers apart in
 * foundations.
 */
export function makeLocalCandidate(
  { options, settings }: CandidateMaker,
  base: IceBase,
  type: IceCandidateType,
  at: TransportAddress,
  related?: TransportAddress,
  serverIndex = 0,
  url?: string,
  foundationServer = "",
): LocalCandidate {
  const hidden = options.mdns === true || settings.policy === "relay";
  const any = base.family === 6 ? "::" : "0.0.0.0";
  const preference = typePreference(type, base.protocol, base.relayProtocol);
  const local = Math.max(0, base.preferenceFor(type) - Math.min(serverIndex, PREFERENCE_STEP - 1));
  const candidate: IceCandidate = {
    foundation: settings.foundations.get(type, base.address, base.protocol, foundationServer),
    component: 1,
    protocol: base.protocol,
    priority: candidatePriority(preference, local),
    address: at.address,
    port: at.port,
    type,
    relatedAddress: related === undefined ? undefined : hidden ? any : related.address,
    relatedPort: related === undefined ? undefined : hidden ? 0 : related.port,
    tcpType: base.tcpType,
    usernameFragment: settings.usernameFragment,
    url,
    relayProtocol: type === "relay" ? base.relayProtocol : undefined,
  };
  const own = type === "host" ? base.address : at.address;
  return new LocalCandidate(candidate, base, own, type === "host" ? base.portNumber : at.port);
}

/** Whether the address a server sees makes a candidate. */
export function isWorthTelling(base: IceBase, mapped: TransportAddress): boolean {
  // RFC 8445 §5.1.3: redundant where it is what we had. What stands behind a name the peer may be unable to resolve.
  const told = (c: LocalCandidate): boolean =>
    c.address === mapped.address && c.port === mapped.port && !c.candidate.address.endsWith(".local");
  if (base.candidates.some(told)) return false;
  const scope = ipScope(mapped.address);
  return mapped.port !== 0 && scope !== "unspecified" && scope !== "multicast" && scope !== "broadcast";
}

/** A name for an address (draft-ietf-mmusic-mdns-ice-candidates §3.1), of 16 random bytes; see uuid. */
export function multicastName(random: Uint8Array): string {
  return `${uuid(random)}.local`;
}
