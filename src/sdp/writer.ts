// Writes a session description (RFC 8866 §5): CRLF, lines in the order browsers write them where the RFC leaves it
// open. It writes what the model says and checks nothing: a model made by hand must hold values that fit their lines.
import { writeIceCandidate } from "../util/ice-candidate.js";
import type {
  SdpAttribute,
  SdpBandwidth,
  SdpCommonAttributes,
  SdpConnection,
  SdpMedia,
  SdpPayload,
  SdpRid,
  SdpSession,
  SdpSimulcast,
} from "./model.js";

/** The text of a session description. */
export function writeSdp(session: SdpSession): string {
  const out: string[] = [];
  writeSession(out, session);
  for (const media of session.media) writeMedia(out, media);
  return out.length === 0 ? "" : `${out.join("\r\n")}\r\n`;
}

function writeSession(out: string[], s: SdpSession): void {
  const { origin } = s;
  out.push("v=0");
  out.push(
    `o=${origin.username} ${origin.sessionId} ${origin.sessionVersion} ${origin.netType} ${origin.addressType} ${origin.address}`,
  );
  out.push(`s=${s.name}`);
  if (s.information !== undefined) out.push(`i=${s.information}`);
  if (s.uri !== undefined) out.push(`u=${s.uri}`);
  for (const email of s.emails) out.push(`e=${email}`);
  for (const phone of s.phones) out.push(`p=${phone}`);
  if (s.connection !== undefined) out.push(`c=${connectionText(s.connection)}`);
  writeBandwidths(out, s.bandwidths);
  for (const timing of s.timings) {
    out.push(`t=${timing.start} ${timing.stop}`);
    for (const repeat of timing.repeats) out.push(`r=${repeat}`);
  }
  if (s.timeZones !== undefined) out.push(`z=${s.timeZones}`);
  if (s.key !== undefined) out.push(`k=${s.key}`);
  for (const group of s.groups) out.push(`a=group:${[group.semantics, ...group.mids].join(" ")}`);
  if (s.extmapAllowMixed) out.push("a=extmap-allow-mixed");
  if (s.cryptex) out.push("a=cryptex");
  // The space after the colon is Chromium's.
  for (const { semantic, ids } of s.msidSemantics) out.push(`a=msid-semantic: ${[semantic, ...ids].join(" ")}`);
  if (s.iceLite) out.push("a=ice-lite");
  for (const identity of s.identities) out.push(`a=identity:${identity}`);
  writeTransport(out, s);
  writeExtmaps(out, s);
  if (s.direction !== undefined) out.push(`a=${s.direction}`);
  writeAttributes(out, s.attributes);
}

function writeMedia(out: string[], m: SdpMedia): void {
  const port = m.portCount === undefined ? `${m.port}` : `${m.port}/${m.portCount}`;
  out.push(`m=${m.kind} ${port} ${m.protocol} ${m.formats.join(" ")}`);
  if (m.information !== undefined) out.push(`i=${m.information}`);
  for (const connection of m.connections) out.push(`c=${connectionText(connection)}`);
  writeBandwidths(out, m.bandwidths);
  if (m.key !== undefined) out.push(`k=${m.key}`);
  if (m.bundleOnly) out.push("a=bundle-only");
  if (m.rtcp !== undefined) {
    out.push(`a=rtcp:${m.rtcp.port}${m.rtcp.connection === undefined ? "" : ` ${connectionText(m.rtcp.connection)}`}`);
  }
  for (const candidate of m.candidates) out.push(`a=${writeIceCandidate(candidate)}`);
  if (m.endOfCandidates) out.push("a=end-of-candidates");
  writeTransport(out, m);
  if (m.mid !== undefined) out.push(`a=mid:${m.mid}`);
  if (m.extmapAllowMixed) out.push("a=extmap-allow-mixed");
  if (m.cryptex) out.push("a=cryptex");
  writeExtmaps(out, m);
  if (m.direction !== undefined) out.push(`a=${m.direction}`);
  for (const { streamId, trackId } of m.msids) {
    out.push(trackId === undefined ? `a=msid:${streamId}` : `a=msid:${streamId} ${trackId}`);
  }
  if (m.rtcpMux) out.push("a=rtcp-mux");
  if (m.rtcpMuxOnly) out.push("a=rtcp-mux-only");
  if (m.rtcpRsize) out.push("a=rtcp-rsize");
  writeAttributes(out, m.attributes);
  for (const payload of m.payloads) writePayload(out, payload);
  if (m.ptime !== undefined) out.push(`a=ptime:${m.ptime}`);
  if (m.maxptime !== undefined) out.push(`a=maxptime:${m.maxptime}`);
  if (m.framerate !== undefined) out.push(`a=framerate:${m.framerate}`);
  if (m.content !== undefined) out.push(`a=content:${m.content}`);
  if (m.label !== undefined) out.push(`a=label:${m.label}`);
  for (const imageAttribute of m.imageAttributes) out.push(`a=imageattr:${imageAttribute}`);
  for (const group of m.ssrcGroups) out.push(`a=ssrc-group:${[group.semantics, ...group.ssrcs].join(" ")}`);
  for (const { ssrc, attributes } of m.ssrcs) {
    for (const attribute of attributes) out.push(`a=ssrc:${ssrc} ${attributeText(attribute)}`);
  }
  for (const rid of m.rids) out.push(`a=rid:${ridText(rid)}`);
  if (m.simulcast !== undefined) out.push(`a=simulcast:${simulcastText(m.simulcast)}`);
  for (const { port: sctpPort, application, streams } of m.sctpmaps) {
    out.push(`a=sctpmap:${sctpPort} ${application}${streams === undefined ? "" : ` ${streams}`}`);
  }
  if (m.sctpPort !== undefined) out.push(`a=sctp-port:${m.sctpPort}`);
  if (m.maxMessageSize !== undefined) out.push(`a=max-message-size:${m.maxMessageSize}`);
  if (m.sctpInit !== undefined) out.push(`a=sctp-init:${m.sctpInit}`);
}

function writeTransport(out: string[], c: SdpCommonAttributes): void {
  if (c.iceUfrag !== undefined) out.push(`a=ice-ufrag:${c.iceUfrag}`);
  if (c.icePwd !== undefined) out.push(`a=ice-pwd:${c.icePwd}`);
  if (c.iceOptions.length > 0) out.push(`a=ice-options:${c.iceOptions.join(" ")}`);
  for (const { algorithm, value } of c.fingerprints) out.push(`a=fingerprint:${algorithm} ${value}`);
  if (c.setup !== undefined) out.push(`a=setup:${c.setup}`);
  if (c.tlsId !== undefined) out.push(`a=tls-id:${c.tlsId}`);
}

function writeExtmaps(out: string[], c: SdpCommonAttributes): void {
  for (const { id, direction, uri, attributes } of c.extmaps) {
    out.push(
      `a=extmap:${id}${direction === undefined ? "" : `/${direction}`} ${uri}${attributes === undefined ? "" : ` ${attributes}`}`,
    );
  }
}

function writePayload(out: string[], payload: SdpPayload): void {
  const { payloadType, rtpmap } = payload;
  if (rtpmap !== undefined) {
    const parameters = rtpmap.parameters === undefined ? "" : `/${rtpmap.parameters}`;
    out.push(`a=rtpmap:${payloadType} ${rtpmap.encodingName}/${rtpmap.clockRate}${parameters}`);
  }
  for (const { type, parameter } of payload.rtcpFeedback) {
    out.push(`a=rtcp-fb:${payloadType} ${type}${parameter === undefined ? "" : ` ${parameter}`}`);
  }
  for (const fmtp of payload.fmtp) out.push(`a=fmtp:${payloadType} ${fmtp}`);
}

function writeBandwidths(out: string[], bandwidths: readonly SdpBandwidth[]): void {
  for (const { type, value } of bandwidths) out.push(`b=${type}:${value}`);
}

function writeAttributes(out: string[], attributes: readonly SdpAttribute[]): void {
  for (const attribute of attributes) out.push(`a=${attributeText(attribute)}`);
}

function attributeText({ name, value }: SdpAttribute): string {
  return value === undefined ? name : `${name}:${value}`;
}

function connectionText({ netType, addressType, address }: SdpConnection): string {
  return `${netType} ${addressType} ${address}`;
}

function ridText(rid: SdpRid): string {
  const restrictions = rid.restrictions.map(({ name, value }) => (value === undefined ? name : `${name}=${value}`));
  if (rid.payloadTypes.length > 0) restrictions.unshift(`pt=${rid.payloadTypes.join(",")}`);
  return `${rid.id} ${rid.direction}${restrictions.length === 0 ? "" : ` ${restrictions.join(";")}`}`;
}

function simulcastText({ send, recv }: SdpSimulcast): string {
  const out: string[] = [];
  for (const [direction, streams] of [["send", send] as const, ["recv", recv] as const]) {
    if (streams.length === 0) continue;
    const text = streams.map((alternatives) =>
      alternatives.map(({ rid, paused }) => (paused ? `~${rid}` : rid)).join(","),
    );
    out.push(`${direction} ${text.join(";")}`);
  }
  return out.join(" ");
}
