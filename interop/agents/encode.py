"""Encodes pictures with a counter, and a tone, with GStreamer. Argument: path of the file to write (see lib/media-material.mjs)."""
import base64
import json
import math
import struct
import sys

import gi

gi.require_version("Gst", "1.0")
from gi.repository import Gst

Gst.init(None)
WIDTH, HEIGHT, RATE, PICTURES = 320, 240, 15, 45

# No hidden frames and no looking ahead: one picture in, one frame out.
VIDEO = {
    "VP8": "vp8enc deadline=1 cpu-used=8 target-bitrate=400000 keyframe-max-dist=1000 auto-alt-ref=false lag-in-frames=0",
    "VP9": "vp9enc deadline=1 cpu-used=8 target-bitrate=400000 keyframe-max-dist=1000 auto-alt-ref=false lag-in-frames=0",
    "H264": "openh264enc bitrate=400000 gop-size=1000 complexity=low usage-type=camera"
            " ! video/x-h264,profile=constrained-baseline ! h264parse config-interval=-1"
            " ! video/x-h264,stream-format=byte-stream,alignment=au",
    "H265": "x265enc bitrate=400 key-int-max=1000 speed-preset=ultrafast tune=zerolatency option-string=bframes=0:scenecut=0"
            " ! h265parse config-interval=-1 ! video/x-h265,stream-format=byte-stream,alignment=au",
    "AV1": "av1enc usage-profile=realtime cpu-used=8 target-bitrate=400 keyframe-max-dist=1000 lag-in-frames=0 threads=2"
           " ! av1parse ! video/x-av1,stream-format=obu-stream,alignment=tu",
}
AUDIO = {"G722": "audio/x-raw,rate=16000 ! avenc_g722 ! audio/G722"}


def picture(number):
    luma = bytearray()
    for y in range(HEIGHT):  # A pattern that moves, so that frames take more than a packet.
        luma += bytes(112 + (((x + 3 * number) * (y + number) >> 8) & 15) for x in range(WIDTH))
    check = ~(number ^ number >> 4 ^ number >> 8 ^ number >> 12) & 15
    bits = number | check << 16
    for i in range(20):
        row = bytes([235 if bits >> i & 1 else 16]) * 16
        for y in range(16):
            at = (i // 8 * 16 + y) * WIDTH + i % 8 * 16
            luma[at:at + 16] = row
    return bytes(luma) + bytes([128]) * (WIDTH * HEIGHT // 2)


def tone(rate):
    return b"".join(struct.pack("<h", round(13000 * math.sin(2 * math.pi * 440 * i / rate))) for i in range(rate))


def encode(caps, encoder, buffers):
    """`buffers`: (data, duration in ns). Gives the frames."""
    pipeline = Gst.parse_launch("appsrc name=in format=time caps=\"%s\" ! %s ! appsink name=out sync=false" % (caps, encoder))
    source, sink = pipeline.get_by_name("in"), pipeline.get_by_name("out")
    pipeline.set_state(Gst.State.PLAYING)
    at = 0
    for data, duration in buffers:
        buffer = Gst.Buffer.new_wrapped(data)
        buffer.pts, buffer.duration = at, duration
        at += duration
        source.emit("push-buffer", buffer)
    source.emit("end-of-stream")
    frames = []
    while sample := sink.emit("try-pull-sample", 30 * Gst.SECOND):
        buffer = sample.get_buffer()
        frames.append(buffer.extract_dup(0, buffer.get_size()))
    pipeline.set_state(Gst.State.NULL)
    return frames


def text(frames):
    return [base64.b64encode(frame).decode() for frame in frames]


def main(path):
    codecs, missing = {}, {}
    pictures = [(picture(i), Gst.SECOND // RATE) for i in range(PICTURES)]
    caps = "video/x-raw,format=I420,width=%d,height=%d,framerate=%d/1" % (WIDTH, HEIGHT, RATE)
    for name, encoder in VIDEO.items():
        try:
            frames = encode(caps, encoder, pictures)
            assert len(frames) == PICTURES, "%d frames of %d pictures" % (len(frames), PICTURES)
            codecs[name] = dict(keys=text(frames[:1]), changes=text(frames))
        except Exception as error:
            missing[name] = str(error)
    for name, encoder in AUDIO.items():
        try:
            data = b"".join(encode("audio/x-raw,format=S16LE,rate=16000,channels=1,layout=interleaved", encoder, [(tone(16000), Gst.SECOND)]))
            codecs[name] = dict(changes=text(data[i:i + 160] for i in range(0, 8000, 160)))
        except Exception as error:
            missing[name] = str(error)
    with open(path, "w") as file:
        json.dump(dict(rate=RATE, width=WIDTH, height=HEIGHT, codecs=codecs, missing=missing), file)


main(sys.argv[1])
