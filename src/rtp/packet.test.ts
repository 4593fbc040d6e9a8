import assert from "node:assert/strict";
import { test } from "node:test";
import { ExtensionKind, ExtensionWriter, HeaderExtensions, toAbsSendTime, tokenBytes } from "./extensions.js";
import { isRtcp, RTP_HEADER_LENGTH, RtpPacket, setExtensionBit, writeRtpHeader } from "./packet.js";

const bytes = (hex: string): Uint8Array => Uint8Array.from(hex.match(/[0-9a-f]{2}/g) ?? [], (b) => parseInt(b, 16));

test("a packet with everything that a header can have", () => {
  const packet = new RtpPacket();
  // V=2 P X CC=2, M PT=96, two contributing sources, one-byte extension of two words, three bytes of payload, padding of 5.
  const data = bytes(
    "b2e01234 89abcdef fedcba98 00000001 ffffffff bede0002 10aa2101 02000000 010203 0000000005".replaceAll(" ", ""),
  );
  assert.equal(packet.parse(data), true);
  assert.equal(packet.marker, true);
  assert.equal(packet.payloadType, 96);
  assert.equal(packet.sequenceNumber, 0x1234);
  assert.equal(packet.timestamp, 0x89abcdef);
  assert.equal(packet.ssrc, 0xfedcba98);
  assert.deepEqual([packet.csrcCount, packet.csrc(0), packet.csrc(1)], [2, 1, 0xffffffff]);
  assert.deepEqual([packet.extensionProfile, packet.extensionOffset, packet.extensionLength], [0xbede, 24, 8]);
  assert.deepEqual([packet.payloadOffset, packet.payloadLength, packet.paddingLength], [32, 3, 5]);
  assert.deepEqual([...packet.payload()], [1, 2, 3]);
});

test("what is no packet is refused", () => {
  const packet = new RtpPacket();
  const plain = bytes("80600001000000020000000301");
  assert.equal(packet.parse(plain), true);
  for (let length = 0; length < RTP_HEADER_LENGTH; length++) assert.equal(packet.parse(plain, length), false);
  assert.equal(packet.parse(plain, 14), false, "longer than the bytes");
  const refused = (change: (data: Uint8Array) => void): void => {
    const data = plain.slice();
    change(data);
    assert.equal(packet.parse(data), false);
  };
  refused((d) => (d[0] = 0x40));
  refused((d) => (d[0] = 0xc0));
  refused((d) => (d[0] = 0x81)); // a contributing source that is not there
  refused((d) => (d[0] = 0x90)); // an extension that is not there
  refused((d) => {
    d[0] = 0xa0; // padding of 0
    d[12] = 0;
  });
  refused((d) => {
    d[0] = 0xa0; // more padding than there is behind the header
    d[12] = 2;
  });
  const padded = plain.slice();
  padded[0] = 0xa0;
  assert.equal(packet.parse(padded), true);
  assert.equal(packet.payloadLength, 0);
});

test("RTP and RTCP are told apart by the second byte (RFC 5761 §4)", () => {
  assert.equal(isRtcp(Uint8Array.of(0x80, 200)), true);
  assert.equal(isRtcp(Uint8Array.of(0x81, 207)), true);
  assert.equal(isRtcp(Uint8Array.of(0x80, 96)), false);
  assert.equal(isRtcp(Uint8Array.of(0x80, 0xe0)), false);
  assert.equal(isRtcp(Uint8Array.of(0x80, 63)), false);
  assert.equal(isRtcp(Uint8Array.of(0x80)), false);
});

const URIS = [
  { id: 1, uri: "urn:ietf:params:rtp-hdrext:ssrc-audio-level" },
  { id: 2, uri: "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time" },
  { id: 3, uri: "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01" },
  { id: 4, uri: "urn:ietf:params:rtp-hdrext:sdes:mid" },
  { id: 5, uri: "urn:ietf:params:rtp-hdrext:toffset" },
  { id: 6, uri: "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay" },
  { id: 7, uri: "urn:3gpp:video-orientation" },
  { id: 9, uri: "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time" },
  { id: 10, uri: "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id" },
  { id: 20, uri: "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id" },
  { id: 21, uri: "urn:ietf:params:rtp-hdrext:csrc-audio-level" },
  { id: 12, uri: "urn:of:nobody" },
];

for (const twoByte of [false, true]) {
  test(`extensions are read as they were written, ${twoByte ? "two" : "one"}-byte form`, () => {
    const data = new Uint8Array(200);
    const table = new HeaderExtensions(URIS);
    writeRtpHeader(data, false, 96, 1, 2, 3, 0);
    const writer = new ExtensionWriter();
    writer.begin(data, RTP_HEADER_LENGTH, twoByte);
    writer.putU8(table.id(ExtensionKind.audioLevel), 0x85);
    writer.putU24(table.id(ExtensionKind.absSendTime), toAbsSendTime(1500));
    writer.putU16(table.id(ExtensionKind.transportSequence), 0xfffe);
    writer.putBytes(table.id(ExtensionKind.mid), tokenBytes("video1"));
    writer.putU24(table.id(ExtensionKind.transmissionOffset), -77);
    writer.putU24(table.id(ExtensionKind.playoutDelay), 0x00a064);
    writer.putU8(table.id(ExtensionKind.videoOrientation), 3);
    writer.putU64(table.id(ExtensionKind.absCaptureTime), 10, 0x80000000);
    writer.putBytes(table.id(ExtensionKind.rid), tokenBytes("hi"));
    writer.putBytes(table.id(ExtensionKind.repairedRid), tokenBytes("lo"));
    writer.putBytes(table.id(ExtensionKind.csrcAudioLevel), Uint8Array.of(1, 0x82));
    writer.putBytes(12, Uint8Array.of(9, 9, 9));
    const length = writer.end();
    assert.equal(length % 4, 0);
    setExtensionBit(data);
    const packet = new RtpPacket();
    assert.equal(packet.parse(data, RTP_HEADER_LENGTH + length), true);
    assert.equal(packet.extensionProfile, twoByte ? 0x1000 : 0xbede);
    assert.equal(packet.payloadLength, 0);
    table.find(packet);
    assert.equal(table.audioLevel(), 0x85);
    assert.equal(table.absSendTime(), 1.5 * 2 ** 18);
    assert.equal(table.transportSequence(), 0xfffe);
    assert.equal(table.token(ExtensionKind.mid), "video1");
    assert.equal(table.transmissionOffset(), -77);
    assert.equal(table.playoutDelay(), 0x00a064);
    assert.equal(table.videoOrientation(), 3);
    assert.equal(table.absCaptureTime(), 10_500);
    assert.equal(table.token(ExtensionKind.rid), "hi");
    // Ids above 14 exist in the two-byte form only.
    assert.equal(table.token(ExtensionKind.repairedRid), twoByte ? "lo" : undefined);
    assert.equal(table.csrcAudioLevel(1), twoByte ? 2 : -1);
    assert.equal(table.csrcAudioLevel(2), -1);
    assert.equal(table.has(ExtensionKind.colorSpace), false);
  });
}

test("a packet without extensions after one with them has none", () => {
  const table = new HeaderExtensions(URIS);
  const packet = new RtpPacket();
  const data = new Uint8Array(40);
  writeRtpHeader(data, false, 96, 1, 2, 3, 0);
  const writer = new ExtensionWriter();
  writer.begin(data, 12, false);
  writer.putU8(1, 5);
  const length = writer.end();
  setExtensionBit(data);
  packet.parse(data, 12 + length);
  table.find(packet);
  assert.equal(table.audioLevel(), 5);
  data[0] = 0x80;
  packet.parse(data, 12);
  table.find(packet);
  assert.equal(table.audioLevel(), -1);
  assert.equal(table.token(ExtensionKind.mid), undefined);
});

test("malformed elements are ignored, those before them are read", () => {
  const read = (extension: string): HeaderExtensions => {
    const packet = new RtpPacket();
    assert.equal(packet.parse(bytes(`9060000100000002000000ff${extension}`)), true);
    const table = new HeaderExtensions(URIS);
    table.find(packet);
    return table;
  };
  // Longer than the block.
  assert.equal(read("bede00011085 4f61".replaceAll(" ", "")).audioLevel(), 0x85);
  assert.equal(read("bede000110854f61").token(ExtensionKind.mid), undefined);
  // Padding between, and the stop id (RFC 8285 §4.2).
  assert.equal(read("bede0002001000f0 40610000".replaceAll(" ", "")).token(ExtensionKind.mid), undefined);
  assert.equal(read("bede000200100040 61000000".replaceAll(" ", "")).token(ExtensionKind.mid), "a");
  // A token that is not one; a length that the kind does not have.
  assert.equal(read("bede0001410020 00".replaceAll(" ", "")).token(ExtensionKind.mid), undefined);
  assert.equal(read("bede000120000000").absSendTime(), -1);
  // Neither form.
  assert.equal(read("abcd000110850000").audioLevel(), -1);
});

test("the send time wraps around after 64 seconds", () => {
  assert.equal(toAbsSendTime(64_000), 0);
  assert.equal(toAbsSendTime(64_500), toAbsSendTime(500));
  assert.equal(toAbsSendTime(63_999.999), 0xffffff);
});
