// Any text as a session description: what the parser accepts, the writer writes, and it reads as the same model again.
import assert from "node:assert/strict";
import { parseSdp } from "#src/sdp/parser.js";
import { writeSdp } from "#src/sdp/writer.js";
import { utf8Decode, utf8Encode } from "#src/util/text.js";
import type { FuzzTarget } from "./target.js";

const HEAD = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n";
const TRANSPORT = `c=IN IP4 0.0.0.0
a=rtcp:9 IN IP4 0.0.0.0
a=candidate:1 1 udp 2113937151 192.0.2.1 50000 typ host generation 0 network-cost 999
a=candidate:2 1 tcp 1518214911 192.0.2.1 9 typ srflx raddr 0.0.0.0 rport 0 tcptype active ufrag abcd
a=end-of-candidates
a=ice-ufrag:abcd
a=ice-pwd:abcdefghijklmnopqrstuvwx
a=ice-options:trickle ice2
a=fingerprint:sha-1 4A:AD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B:19:E5:7C:AB
a=setup:actpass
a=tls-id:abc3de65cddef001be82
`;

export const target: FuzzTarget = {
  name: "sdp",
  seeds: [
    `${HEAD}a=group:BUNDLE 0\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n${TRANSPORT}a=mid:0\r\na=sctp-port:5000\r\na=max-message-size:262144\r\n`,
    `${HEAD}m=application 9 DTLS/SCTP 5000\n${TRANSPORT}a=sctpmap:5000 webrtc-datachannel 1024\n`,
    `${HEAD}a=group:BUNDLE 0 1\na=group:LS 0 1\na=extmap-allow-mixed\na=msid-semantic: WMS s\na=ice-lite\nm=audio 9 UDP/TLS/RTP/SAVPF 111 0
${TRANSPORT}a=mid:0\na=sendrecv\na=msid:s t\na=rtcp-mux\na=rtcp-rsize\na=extmap:1/recvonly urn:x y\na=rtpmap:111 opus/48000/2
a=rtcp-fb:111 transport-cc\na=rtcp-fb:* nack pli\na=fmtp:111 minptime=10;useinbandfec=1\na=ptime:20\na=maxptime:120
m=video 0 UDP/TLS/RTP/SAVPF 96 97\na=bundle-only\na=mid:1\na=ssrc-group:FID 1 2\na=cryptex\na=ssrc:1 cname:x\na=ssrc:2 cname:x
a=rid:q send pt=96;max-width=1280\na=rid:h recv\na=simulcast:send q;~h,q recv h\na=imageattr:96 send *\na=framerate:30\na=content:main\na=label:1\n`,
    "v=0\no=jdoe 3724394400 3724394405 IN IP4 198.51.100.1\ns=Call\ni=x\nu=http://x\ne=j@x\np=+1\nc=IN IP4 198.51.100.1\nb=CT:128\nt=0 0\nr=7d 1h 0\nz=0 -1h\nk=prompt\na=identity:e30=\nm=audio 49170/2 RTP/AVP 0\ni=t\nc=IN IP4 198.51.100.1/127\nb=TIAS:1\nk=clear:x\n",
  ].map((text) => utf8Encode(text)),
  run(input) {
    const parsed = parseSdp(utf8Decode(input));
    if (!parsed.ok) {
      assert.ok(parsed.error.line >= 1 && parsed.error.message.length < 400);
      return;
    }
    const text = writeSdp(parsed.description);
    const again = parseSdp(text);
    assert.ok(again.ok, again.ok ? "" : again.error.message);
    assert.deepEqual(again.description, parsed.description);
    assert.equal(writeSdp(again.description), text);
  },
};
