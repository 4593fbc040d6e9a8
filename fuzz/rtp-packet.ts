// RTP packets and their header extensions: whatever is found lies within the packet, and reading never fails.

import { ExtensionKind, ExtensionWriter, HeaderExtensions } from "#src/rtp/extensions.js";
import { RTP_HEADER_LENGTH, RtpPacket, setExtensionBit, writeRtpHeader } from "#src/rtp/packet.js";
import type { FuzzTarget } from "./target.js";

const KINDS = Object.values(ExtensionKind);
const PREFIX = "http://www.webrtc.org/experiments/rtp-hdrext/";
const EXTENSIONS = [
  "urn:ietf:params:rtp-hdrext:ssrc-audio-level",
  `${PREFIX}abs-send-time`,
  "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
  "urn:ietf:params:rtp-hdrext:sdes:mid",
  "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
  "urn:ietf:params:rtp-hdrext:toffset",
  `${PREFIX}playout-delay`,
  "urn:3gpp:video-orientation",
  `${PREFIX}abs-capture-time`,
  "urn:ietf:params:rtp-hdrext:csrc-audio-level",
].map((uri, index) => ({ id: index + 1, uri }));

const table = new HeaderExtensions(EXTENSIONS);
const again = new HeaderExtensions(EXTENSIONS);
const packet = new RtpPacket();

function describe(of: HeaderExtensions): string {
  return JSON.stringify([
    KINDS.map((kind) => [of.has(kind), of.length(kind), ...(of.raw(kind) ?? [])]),
    of.audioLevel(),
    of.csrcAudioLevel(0),
    of.csrcAudioLevel(14),
    of.absSendTime(),
    of.transportSequence(),
    of.absCaptureTime(),
    of.videoOrientation(),
    of.playoutDelay(),
    of.transmissionOffset(),
    KINDS.map((kind) => of.token(kind)),
  ]);
}

function run(input: Uint8Array): void {
  if (!packet.parse(input)) return;
  const { payloadOffset, payloadLength, paddingLength, extensionOffset, extensionLength, csrcCount } = packet;
  if (payloadOffset + payloadLength + paddingLength !== input.length || payloadLength < 0) throw new Error("lengths");
  if (extensionOffset + extensionLength > payloadOffset) throw new Error("extension beyond the header");
  for (let i = 0; i < csrcCount; i++) packet.csrc(i);
  table.find(packet);
  const found = describe(table);
  // Written anew in the two-byte form, it says the same.
  const out = new Uint8Array(12 + 4 + 300 * KINDS.length);
  writeRtpHeader(out, packet.marker, packet.payloadType, packet.sequenceNumber, packet.timestamp, packet.ssrc, 0);
  const writer = new ExtensionWriter();
  writer.begin(out, RTP_HEADER_LENGTH, true);
  for (const kind of KINDS) {
    const raw = table.raw(kind);
    if (raw !== undefined) writer.putBytes(table.id(kind), raw);
  }
  const length = writer.end();
  if (length > 0) setExtensionBit(out);
  const copy = new RtpPacket();
  if (!copy.parse(out, RTP_HEADER_LENGTH + length)) throw new Error("does not parse once written");
  again.find(copy);
  if (describe(again) !== found) throw new Error("says something else once written");
}

const hex = (text: string): Uint8Array => Uint8Array.from(text.match(/[0-9a-f]{2}/g) ?? [], (b) => parseInt(b, 16));

export const target: FuzzTarget = {
  name: "rtp-packet",
  seeds: [
    hex("80600001000000020000000301020304"),
    hex("b2e0123489abcdeffedcba9800000001ffffffffbede000210852100000031000a0000010203000000000005"),
    hex("90600001000000020000000310000003010185020300aabb030200010403616263000000000102"),
    hex("90600001000000020000000fbede000541766964656f5000000088010203040506070000000000ff"),
  ],
  run,
};
