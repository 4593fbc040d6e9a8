// The RTP session alone: packets that pass through, in and out, without SRTP and sockets.
//   node bench/rtp.mjs
import { RtpPacket, writeRtpHeader } from "../dist/rtp/packet.js";
import { RtpSession } from "../dist/rtp/session.js";
import { nanoseconds } from "./measure.mjs";

const EXPERIMENTS = "http://www.webrtc.org/experiments/rtp-hdrext/";
const extensions = [
  { id: 2, uri: `${EXPERIMENTS}abs-send-time` },
  { id: 3, uri: "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01" },
  { id: 4, uri: "urn:ietf:params:rtp-hdrext:sdes:mid" },
];
const codec = {
  payloadType: 96,
  mimeType: "video/VP8",
  clockRate: 90000,
  parameters: "",
  rtxPayloadType: 97,
  nack: true,
  pli: true,
  fir: true,
  transportCc: true,
  remb: true,
};
const options = {
  random: (length) => new Uint8Array(length).fill(7),
  timeOrigin: 1.7e12,
  cname: "bench",
  reducedSize: true,
};

function session(onRtp) {
  return new RtpSession(options, { transmitRtp: onRtp, transmitRtcp() {} });
}

const receiverOptions = { kind: "video", mid: "0", codecs: [codec], extensions, ssrcs: [], rids: [], active: true };
const senderOptions = (ssrc) => ({
  kind: "video",
  mid: "0",
  codecs: [codec],
  extensions,
  extmapAllowMixed: true,
  encodings: [{ rid: null, ssrc, rtxSsrc: ssrc + 1, active: true, maxBitrate: null, priority: 1 }],
  active: true,
});

/** Rows as bench/parts.mjs has them. */
export function rtpParts() {
  const rows = [];
  const source = new Uint8Array(1200);
  writeRtpHeader(source, false, 96, 0, 0, 77, 0);
  const view = new RtpPacket();
  view.parse(source);
  rows.push(["RTP: parse a header", nanoseconds(() => view.parse(source)) / 1000, "µs"]);

  const out = session(() => {});
  const sender = out.addSender(senderOptions(1000), {});
  let now = 0;
  let sequence = 0;
  rows.push([
    "RTP: send a packet on, 1,200 bytes, with history",
    nanoseconds(() => {
      view.sequenceNumber = sequence = (sequence + 1) & 0xffff;
      view.timestamp = sequence * 300;
      now += 0.05;
      sender.sendPacket(0, view, 96, now);
    }) / 1000,
    "µs",
  ]);

  const into = session(() => {});
  const ring = [];
  const maker = session((packet) => ring.push(packet.slice())).addSender(senderOptions(2000), {});
  for (let i = 0; i < 65536; i++) {
    view.sequenceNumber = i;
    view.timestamp = i * 300;
    maker.sendPacket(0, view, 96, i / 20);
  }
  let received = 0;
  into.addReceiver(receiverOptions, { onPacket: () => received++ });
  let next = 0;
  rows.push([
    "RTP: receive a packet, 1,200 bytes",
    nanoseconds(() => {
      const data = ring[next++ & 0xffff];
      now += 0.05;
      into.receiveRtp(data, data.length, now);
    }) / 1000,
    "µs",
  ]);
  return rows;
}

if (process.argv[1]?.endsWith("rtp.mjs")) {
  for (const [name, value, unit] of rtpParts()) console.log(`${name.padEnd(52)} ${value.toFixed(3)} ${unit}`);
}
