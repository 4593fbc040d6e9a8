"""Decodes with GStreamer what came to Parley. Stdin: { NAME: [frames in base64] }; stdout: { NAME: what there is to say of them }."""
import array
import base64
import json
import sys

import gi

gi.require_version("Gst", "1.0")
from gi.repository import Gst

from common import frequency_of, read_counter

Gst.init(None)
VIDEO = {
    "VP8": ("video/x-vp8", "vp8dec"),
    "VP9": ("video/x-vp9", "vp9dec"),
    "H264": ("video/x-h264,stream-format=byte-stream,alignment=au", "h264parse ! openh264dec"),
    "H265": ("video/x-h265,stream-format=byte-stream,alignment=au", "h265parse ! libde265dec"),
    "AV1": ("video/x-av1,stream-format=obu-stream,alignment=tu", "av1parse ! av1dec"),
}
AUDIO = {
    "opus": ("audio/x-opus,channel-mapping-family=0,channels=2,rate=48000", "opusdec"),
    "PCMU": ("audio/x-mulaw,rate=8000,channels=1", "mulawdec"),
    "PCMA": ("audio/x-alaw,rate=8000,channels=1", "alawdec"),
    "G722": ("audio/G722,rate=16000,channels=1", "avdec_g722"),
}
RATE = 48000


def run(caps, decoder, frames, take):
    pipeline = Gst.parse_launch("appsrc name=in format=time caps=\"%s\" ! %s ! appsink name=out sync=false" % (caps, decoder))
    source, sink = pipeline.get_by_name("in"), pipeline.get_by_name("out")
    pipeline.set_state(Gst.State.PLAYING)
    for i, frame in enumerate(frames):
        buffer = Gst.Buffer.new_wrapped(base64.b64decode(frame))
        buffer.pts = i * Gst.SECOND // 50
        source.emit("push-buffer", buffer)
    source.emit("end-of-stream")
    while sample := sink.emit("try-pull-sample", 10 * Gst.SECOND):
        take(sample)
    error = pipeline.get_bus().pop_filtered(Gst.MessageType.ERROR)
    pipeline.set_state(Gst.State.NULL)
    return error and error.parse_error().gerror.message


def video(codec, frames):
    counters, size = [], [0, 0]

    def take(sample):
        structure = sample.get_caps().get_structure(0)
        width, height = structure.get_value("width"), structure.get_value("height")
        size[:] = width, height
        stride = (width + 3) & ~3
        counters.append(read_counter(sample.get_buffer().extract_dup(0, stride * 64), stride, width))

    caps, decoder = VIDEO[codec]
    error = run(caps, decoder + " ! videoconvert ! video/x-raw,format=I420", frames, take)
    return dict(frames=len(frames), decoded=len(counters), counters=counters, size=size, error=error)


def audio(codec, frames):
    samples = array.array("h")

    def take(sample):
        buffer = sample.get_buffer()
        samples.frombytes(buffer.extract_dup(0, buffer.get_size()))

    caps, decoder = AUDIO[codec]
    error = run(caps, decoder + " ! audioconvert ! audioresample ! audio/x-raw,format=S16LE,rate=%d,channels=1" % RATE, frames, take)
    # What a decoder makes of a beginning in the middle is not looked at.
    return dict(frames=len(frames), samples=len(samples), frequency=frequency_of(samples.tolist()[-RATE // 2:], RATE), error=error)


print(json.dumps({name: (video if name in VIDEO else audio)(name, frames) for name, frames in json.load(sys.stdin).items()}))
