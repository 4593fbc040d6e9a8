// The statistics of transports (webrtc-stats): transport, candidate-pair, local-candidate, remote-candidate, certificate.
import { certificateFingerprint } from "../peer/certificates.js";
import type { CandidatePair, PeerTransport, RemoteCandidate } from "../peer/peer-transport.js";
import type { IceCandidate } from "../util/ice-candidate.js";
import { canonicalIp } from "../util/ip.js";
import { base64Encode } from "../util/text.js";
import type { DtlsTransportImpl } from "./rtc-dtls-transport.js";
import type { IceTransportImpl } from "./rtc-ice-transport.js";
import type { StatsReportBuilder } from "./stats-builder.js";
import type { StatsIds } from "./stats-ids.js";
import {
  type RTCCertificateStats,
  type RTCIceCandidatePairStats,
  type RTCIceCandidateStats,
  type RTCTransportStats,
  statsOf,
} from "./stats-types.js";

/** A transport as its objects show it; `peer` is missing while only a remote offer speaks of it. */
export interface StatsTransport {
  readonly id: number;
  readonly ice: IceTransportImpl;
  readonly dtls: DtlsTransportImpl;
  readonly peer: PeerTransport | undefined;
}

/** As on the wire, in hexadecimal. */
const TLS_VERSIONS: Readonly<Record<string, string>> = { "1.2": "FEFD", "1.3": "FEFC" };

export function transportId({ id }: Pick<StatsTransport, "id">): string {
  return `T${id}`;
}

/** `certificate`: what the transport authenticates with, unless DTLS has chosen another (DER). */
export function addTransport(
  builder: StatsReportBuilder,
  transport: StatsTransport,
  certificate: Uint8Array | undefined,
): void {
  const { ice, dtls, peer } = transport;
  const machine = peer?.dtls;
  const selected = peer?.ice.selectedPair;
  const local = machine?.localCertificate?.der ?? certificate;
  builder.add(
    statsOf<RTCTransportStats>({
      id: transportId(transport),
      timestamp: builder.timestamp,
      type: "transport",
      bytesReceived: peer?.ice.bytesReceived ?? 0,
      bytesSent: peer?.ice.bytesSent ?? 0,
      ccfbMessagesReceived: peer?.rtpCounters?.ccfbMessagesReceived,
      ccfbMessagesSent: peer?.rtpCounters?.ccfbMessagesSent,
      dtlsCipher: machine?.cipherSuite?.name,
      dtlsRole: machine?.role ?? "unknown",
      dtlsState: dtls.state,
      iceLocalUsernameFragment: ice.localParameters?.usernameFragment,
      iceRole: ice.role,
      iceState: ice.state,
      localCertificateId: local && addCertificate(builder, local),
      packetsReceived: peer?.ice.packetsReceived ?? 0,
      packetsSent: peer?.ice.packetsSent ?? 0,
      remoteCertificateId: addChain(builder, dtls.remoteCertificates),
      selectedCandidatePairChanges: peer?.ice.selectedPairChanges ?? 0,
      selectedCandidatePairId: selected && pairId(builder.ids, selected),
      srtpCipher: peer?.srtpCipher,
      tlsVersion: machine?.version && TLS_VERSIONS[machine.version],
    }),
  );
  if (peer !== undefined) addIce(builder, transport, peer);
}

// -- Certificates

interface CertificateText {
  readonly fingerprint: string;
  readonly algorithm: string;
  readonly base64: string;
}

/** They do not change, and hashing them is the dearest part of a report. */
const texts = new WeakMap<Uint8Array, CertificateText>();

function textOf(builder: StatsReportBuilder, der: Uint8Array): CertificateText {
  let text = texts.get(der);
  if (text === undefined) {
    const { algorithm, value } = certificateFingerprint(builder.platform, der);
    text = { algorithm, fingerprint: value, base64: base64Encode(der) };
    texts.set(der, text);
  }
  return text;
}

/** Adds a certificate unless it is there; returns its id. */
function addCertificate(builder: StatsReportBuilder, der: Uint8Array, issuerCertificateId?: string): string {
  const { fingerprint, algorithm, base64 } = textOf(builder, der);
  const id = `CF${fingerprint}`;
  if (builder.has(id)) return id;
  builder.add(
    statsOf<RTCCertificateStats>({
      id,
      timestamp: builder.timestamp,
      type: "certificate",
      base64Certificate: base64,
      fingerprint,
      fingerprintAlgorithm: algorithm,
      issuerCertificateId,
    }),
  );
  return id;
}

/** A chain, leaf first: each refers to the next. */
function addChain(builder: StatsReportBuilder, chain: readonly Uint8Array[]): string | undefined {
  return chain.reduceRight<string | undefined>((issuer, der) => addCertificate(builder, der, issuer), undefined);
}

// -- Candidates and pairs

function pairId(ids: StatsIds, pair: CandidatePair): string {
  return ids.of(pair, "CP");
}

function addIce(builder: StatsReportBuilder, transport: StatsTransport, peer: PeerTransport): void {
  const { ice } = peer;
  const selected = ice.selectedPair;
  // While a restart is under way the pair in use is of the generation before.
  const pairs = selected === undefined || ice.pairs.includes(selected) ? ice.pairs : [...ice.pairs, selected];
  for (const pair of pairs) addPair(builder, transport, peer, pair);
  for (const candidate of ice.localCandidates) addLocal(builder, transport, candidate);
  for (const pair of pairs) addLocal(builder, transport, pair.local.candidate);
  for (const remote of ice.remotes) addRemote(builder, transport, remote);
  for (const { remote } of pairs) addRemote(builder, transport, remote);
}

const seconds = (milliseconds: number): number => milliseconds / 1000;

function addPair(
  builder: StatsReportBuilder,
  transport: StatsTransport,
  peer: PeerTransport,
  pair: CandidatePair,
): void {
  const rtp = pair === peer.ice.selectedPair ? peer.rtpCounters : undefined;
  builder.add(
    statsOf<RTCIceCandidatePairStats>({
      id: pairId(builder.ids, pair),
      timestamp: builder.timestamp,
      type: "candidate-pair",
      availableIncomingBitrate: rtp?.availableIncomingBitrate,
      availableOutgoingBitrate: rtp?.availableOutgoingBitrate,
      bytesDiscardedOnSend: pair.bytesDiscardedOnSend,
      bytesReceived: pair.bytesReceived,
      bytesSent: pair.bytesSent,
      consentRequestsSent: pair.consentRequestsSent,
      currentRoundTripTime: seconds(pair.currentRoundTripTime),
      lastPacketReceivedTimestamp: builder.epoch(pair.lastPacketReceivedAt),
      lastPacketSentTimestamp: builder.epoch(pair.lastPacketSentAt),
      localCandidateId: builder.ids.of(pair.local.candidate, "L"),
      nominated: pair.nominated,
      packetsDiscardedOnSend: pair.packetsDiscardedOnSend,
      packetsReceived: pair.packetsReceived,
      packetsSent: pair.packetsSent,
      remoteCandidateId: builder.ids.of(pair.remote, "R"),
      requestsReceived: pair.requestsReceived,
      requestsSent: pair.requestsSent,
      responsesReceived: pair.responsesReceived,
      responsesSent: pair.responsesSent,
      state: pair.state,
      totalRoundTripTime: seconds(pair.totalRoundTripTime),
      transportId: transportId(transport),
    }),
  );
}

function addLocal(builder: StatsReportBuilder, transport: StatsTransport, candidate: IceCandidate): void {
  const id = builder.ids.of(candidate, "L");
  if (builder.has(id)) return;
  builder.add(
    statsOf<RTCIceCandidateStats>({
      id,
      timestamp: builder.timestamp,
      type: "local-candidate",
      address: candidate.address,
      candidateType: candidate.type,
      foundation: candidate.foundation,
      port: candidate.port,
      priority: candidate.priority,
      protocol: candidate.protocol,
      relatedAddress: candidate.relatedAddress,
      relatedPort: candidate.relatedPort,
      relayProtocol: candidate.relayProtocol,
      tcpType: candidate.tcpType,
      transportId: transportId(transport),
      url: candidate.url,
      usernameFragment: candidate.usernameFragment,
    }),
  );
}

/** Whether the program knows an address from signalling, and so may see it (webrtc-stats, "address"). */
function isSignalled({ ice }: StatsTransport, address: string): boolean {
  return ice.remoteCandidates.some(({ object }) => {
    const known = object.address;
    return known !== null && (canonicalIp(known) ?? known) === address;
  });
}

function addRemote(builder: StatsReportBuilder, transport: StatsTransport, remote: RemoteCandidate): void {
  const id = builder.ids.of(remote, "R");
  if (builder.has(id)) return;
  const { candidate } = remote;
  const usernameFragment = transport.ice.remoteParameters?.usernameFragment;
  const learned = candidate.type === "prflx";
  const fragment = candidate.usernameFragment ?? usernameFragment;
  builder.add(
    statsOf<RTCIceCandidateStats>({
      id,
      timestamp: builder.timestamp,
      type: "remote-candidate",
      address: learned && !isSignalled(transport, remote.address) ? null : candidate.address,
      candidateType: candidate.type,
      foundation: candidate.foundation,
      port: candidate.port,
      priority: candidate.priority,
      protocol: candidate.protocol,
      relatedAddress: candidate.relatedAddress,
      relatedPort: candidate.relatedPort,
      relayProtocol: undefined,
      tcpType: candidate.tcpType,
      transportId: transportId(transport),
      url: undefined,
      usernameFragment: learned && fragment !== usernameFragment ? undefined : fragment,
    }),
  );
}
