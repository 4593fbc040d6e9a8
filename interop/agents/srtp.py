"""libsrtp, by way of GStreamer's srtpenc and srtpdec. Stdin: { cipher, auth, key, rtp, rtcp, srtp, srtcp }, packets and the master key with its
salt in base64; stdout: { srtp, srtcp } out of the plain packets and { rtp, rtcp } out of the others, each as far as it came through."""
import base64
import json
import sys

import gi

gi.require_version("Gst", "1.0")
from gi.repository import Gst

Gst.init(None)


def run(text, caps, packets):
    pipeline = Gst.parse_launch("appsrc name=in format=time max-bytes=0 ! %s ! appsink name=out sync=false async=false" % text)
    source, sink = pipeline.get_by_name("in"), pipeline.get_by_name("out")
    source.set_property("caps", caps)
    # srtpdec passes on as it was what somebody else has a reference to: nothing goes on before Python has given up its own.
    pad = source.get_static_pad("src")
    probe = pad.add_probe(Gst.PadProbeType.BLOCK_DOWNSTREAM, lambda *_: Gst.PadProbeReturn.OK)
    pipeline.set_state(Gst.State.PLAYING)
    for packet in packets:
        source.emit("push-buffer", Gst.Buffer.new_wrapped(base64.b64decode(packet)))
    source.emit("end-of-stream")
    pad.remove_probe(probe)
    out = []
    while sample := sink.emit("try-pull-sample", 5 * Gst.SECOND):
        buffer = sample.get_buffer()
        out.append(base64.b64encode(buffer.extract_dup(0, buffer.get_size())).decode())
    pipeline.set_state(Gst.State.NULL)
    return out


def main(cipher, auth, key, rtp, rtcp, srtp, srtcp):
    # SRTCP's tag has 80 bits with either profile of AES-CM (RFC 5764 §4.1.2).
    rtcp_auth = "null" if auth == "null" else "hmac-sha1-80"
    secret = base64.b64decode(key)

    def caps(name, ssrc):
        text = "%s, ssrc=(uint)%d, srtp-key=(buffer)%s, srtp-cipher=(string)%s, srtp-auth=(string)%s, srtcp-cipher=(string)%s, srtcp-auth=(string)%s" % (
            name, ssrc, secret.hex(), cipher, auth, cipher, rtcp_auth)
        return Gst.Caps.from_string(text)

    def encode(pads, name, packets):
        text = "e.%s srtpenc key=%s rtp-cipher=%s rtp-auth=%s rtcp-cipher=%s rtcp-auth=%s name=e e.%s" % (
            pads[0], secret.hex(), cipher, auth, cipher, rtcp_auth, pads[1])
        return run(text, Gst.Caps.from_string(name), packets)

    ssrc = int.from_bytes(base64.b64decode(rtp[0])[8:12], "big")
    print(json.dumps(dict(
        srtp=encode(("rtp_sink_0", "rtp_src_0"), "application/x-rtp", rtp),
        srtcp=encode(("rtcp_sink_0", "rtcp_src_0"), "application/x-rtcp", rtcp),
        rtp=run("d.rtp_sink srtpdec name=d d.rtp_src", caps("application/x-srtp", ssrc), srtp),
        rtcp=run("d.rtcp_sink srtpdec name=d d.rtcp_src", caps("application/x-srtcp", ssrc), srtcp))))


main(**json.load(sys.stdin))
