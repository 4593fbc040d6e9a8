// What INIT and INIT ACK say about extensions (RFC 5061 §4.2.7, RFC 3758, RFC 6525, RFC 8260, RFC 9653 §4): building and judging
// their parameters. When they are sent is decided in handshake.ts.
import { FORWARD_TSN, I_DATA, I_FORWARD_TSN, type InitChunk, RE_CONFIG } from "./chunks.js";
import { read32 } from "./packet.js";
import {
  COOKIE_PRESERVATIVE,
  EDMID_DTLS,
  FORWARD_TSN_SUPPORTED,
  HOST_NAME_ADDRESS,
  IPV4_ADDRESS,
  IPV6_ADDRESS,
  type Parameter,
  parameterU32,
  STATE_COOKIE,
  SUPPORTED_ADDRESS_TYPES,
  SUPPORTED_EXTENSIONS,
  UNRECOGNIZED_PARAMETER,
  writeParameters,
  ZERO_CHECKSUM_ACCEPTABLE,
} from "./parameters.js";

/** Bits of what a peer can do. */
export const CAN_RECONFIG = 1;
export const CAN_FORWARD_TSN = 2;
export const CAN_INTERLEAVE = 4;
export const CAN_ZERO_CHECKSUM = 8;

/** What we say about ourselves. */
export interface Offer {
  readonly interleaving: boolean;
  readonly zeroChecksum: boolean;
}

export function offerParameters(offer: Offer): Parameter[] {
  const extensions = [RE_CONFIG, FORWARD_TSN];
  if (offer.interleaving) extensions.push(I_DATA, I_FORWARD_TSN);
  const out: Parameter[] = [
    { type: SUPPORTED_EXTENSIONS, value: Uint8Array.from(extensions) },
    { type: FORWARD_TSN_SUPPORTED, value: new Uint8Array(0) },
  ];
  if (offer.zeroChecksum) out.push(parameterU32(ZERO_CHECKSUM_ACCEPTABLE, EDMID_DTLS));
  return out;
}

/** What the peer can do and we can too. */
export function commonCapabilities(parameters: readonly Parameter[], offer: Offer): number {
  let bits = 0;
  for (const { type, value } of parameters) {
    if (type === FORWARD_TSN_SUPPORTED) bits |= CAN_FORWARD_TSN;
    else if (type === ZERO_CHECKSUM_ACCEPTABLE) {
      if (offer.zeroChecksum && value.length === 4 && read32(value, 0) === EDMID_DTLS) bits |= CAN_ZERO_CHECKSUM;
    } else if (type === SUPPORTED_EXTENSIONS) {
      if (value.includes(RE_CONFIG)) bits |= CAN_RECONFIG;
      if (value.includes(FORWARD_TSN)) bits |= CAN_FORWARD_TSN;
      if (offer.interleaving && value.includes(I_DATA)) bits |= CAN_INTERLEAVE;
    }
  }
  return bits;
}

const KNOWN: ReadonlySet<number> = new Set([
  IPV4_ADDRESS,
  IPV6_ADDRESS,
  STATE_COOKIE,
  UNRECOGNIZED_PARAMETER,
  COOKIE_PRESERVATIVE,
  SUPPORTED_ADDRESS_TYPES,
  SUPPORTED_EXTENSIONS,
  FORWARD_TSN_SUPPORTED,
  ZERO_CHECKSUM_ACCEPTABLE,
]);

/**
 * The parameters up to where processing has to stop, and those to be reported: the two high bits of an unknown type say whether
 * to go on and whether to report (RFC 9260 §3.2.1). Undefined if the chunk must be refused (a host name, §3.3.2.4).
 */
export function judgeParameters(
  parameters: readonly Parameter[],
): { readonly accepted: Parameter[]; readonly reported: Parameter[] } | undefined {
  const accepted: Parameter[] = [];
  const reported: Parameter[] = [];
  for (const parameter of parameters) {
    if (parameter.type === HOST_NAME_ADDRESS) return undefined;
    if (KNOWN.has(parameter.type)) {
      accepted.push(parameter);
      continue;
    }
    if ((parameter.type & 0x4000) !== 0) reported.push(parameter);
    if ((parameter.type & 0x8000) === 0) break;
  }
  return { accepted, reported };
}

/** "Unrecognized Parameter" parameters for an INIT ACK; bounded, since the peer chose their size. */
export function reportUnrecognized(reported: readonly Parameter[]): Parameter[] {
  return reported
    .filter((parameter) => parameter.value.length <= 64)
    .slice(0, 4)
    .map((parameter) => ({ type: UNRECOGNIZED_PARAMETER, value: writeParameters([parameter]) }));
}

/** True if the fixed fields make sense (RFC 9260 §3.3.2: none of these may be zero). */
export function initIsSane(init: InitChunk): boolean {
  return init.initiateTag !== 0 && init.outboundStreams !== 0 && init.inboundStreams !== 0;
}

export function stateCookieOf(init: InitChunk): Uint8Array | undefined {
  return init.parameters.find((parameter) => parameter.type === STATE_COOKIE)?.value;
}
