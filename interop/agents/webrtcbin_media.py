"""GStreamer's webrtcbin behind the commands of lib/media-node-agent.mjs: it encodes and decodes."""
import array
import json
import sys
import threading

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstSdp", "1.0")
gi.require_version("GstWebRTC", "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC

from common import emit, failed, frequency_of, read_counter

Gst.init(None)
WIDTH, HEIGHT, RATE = 640, 480, 48000
ENCODERS = {
    "opus": ("opusenc ! rtpopuspay pt=%d", "OPUS", 48000, "rtpopusdepay ! opusdec"),
    "PCMU": ("mulawenc ! rtppcmupay pt=%d", "PCMU", 8000, "rtppcmudepay ! mulawdec"),
}
lock = threading.Lock()
counters, samples, sizes = [], array.array("h"), [[0, 0]]
pipeline = bin_ = audio_codec = video_pad = None


def caps(kind, name, rate, payload_type):
    text = "application/x-rtp,media=%s,encoding-name=%s,clock-rate=%d,payload=%d" % (kind, name, rate, payload_type)
    if name == "OPUS":
        text += ",encoding-params=(string)2"
    if kind == "video":
        text += ",rtcp-fb-nack=(boolean)true,rtcp-fb-nack-pli=(boolean)true"
    return text


def build(video_type, audio_type):
    """Starts the sources, with these payload types."""
    encoder, name, rate, _ = ENCODERS[audio_codec]
    video = Gst.parse_bin_from_description(
        "videotestsrc is-live=true pattern=ball ! video/x-raw,width=%d,height=%d,framerate=30/1 ! "
        "vp8enc deadline=1 cpu-used=8 keyframe-max-dist=300 error-resilient=1 ! rtpvp8pay pt=%d picture-id-mode=15-bit ! capsfilter caps=\"%s\""
        % (WIDTH, HEIGHT, video_type, caps("video", "VP8", 90000, video_type)), True)
    audio = Gst.parse_bin_from_description(
        "audiotestsrc is-live=true freq=440 samplesperbuffer=160 volume=0.4 ! audio/x-raw,rate=%d,channels=1 ! %s ! capsfilter caps=\"%s\""
        % (rate, encoder % audio_type, caps("audio", name, rate, audio_type)), True)
    for source in (video, audio):
        pipeline.add(source)
        source.link(bin_)
        source.sync_state_with_parent()
    for transceiver in transceivers():
        transceiver.set_property("do-nack", True)


def transceivers():
    found, index = [], 0
    while True:
        transceiver = bin_.emit("get-transceiver", index)
        if transceiver is None:
            return found
        found.append(transceiver)
        index += 1


def on_video(_, buffer, pad):
    structure = pad.get_current_caps().get_structure(0)
    width, height = structure.get_value("width"), structure.get_value("height")
    data = buffer.extract_dup(0, width * 64)  # The counter is at the top.
    with lock:
        sizes[0] = [width, height]
        counters.append(read_counter(data, width, width))


def on_audio(_, buffer, pad):
    with lock:
        samples.frombytes(buffer.extract_dup(0, buffer.get_size()))
        del samples[:-RATE // 2]


def on_pad(_, pad):
    global video_pad
    if pad.get_direction() != Gst.PadDirection.SRC:
        return
    structure = pad.get_current_caps().get_structure(0)
    if structure.get_value("media") == "video":
        video_pad = pad
        text = "rtpvp8depay ! vp8dec ! videoconvert ! video/x-raw,format=I420 ! fakesink name=sink sync=false signal-handoffs=true"
        handler = on_video
    else:
        text = ENCODERS[audio_codec][3] + (" ! audioconvert ! audioresample ! audio/x-raw,format=S16LE,rate=%d,channels=1"
                                           " ! fakesink name=sink sync=false signal-handoffs=true" % RATE)
        handler = on_audio
    sink = Gst.parse_bin_from_description(text, True)
    sink.get_by_name("sink").connect("handoff", handler)
    pipeline.add(sink)
    sink.sync_state_with_parent()
    pad.link(sink.get_static_pad("sink"))


def open_(audio, material):
    global pipeline, bin_, audio_codec
    audio_codec = audio
    pipeline = Gst.Pipeline.new()
    bin_ = Gst.ElementFactory.make("webrtcbin")
    bin_.set_property("bundle-policy", GstWebRTC.WebRTCBundlePolicy.MAX_BUNDLE)
    pipeline.add(bin_)
    bin_.connect("pad-added", on_pad)
    # Transceivers that an offer makes: their retransmissions are off unless asked for.
    bin_.connect("on-new-transceiver", lambda _, transceiver: transceiver.set_property("do-nack", True))
    pipeline.set_state(Gst.State.PLAYING)


def ask(signal, *args):
    promise = Gst.Promise.new()
    bin_.emit(signal, *args, promise)
    if promise.wait() != Gst.PromiseResult.REPLIED:
        raise RuntimeError(signal + ": no reply")
    reply = promise.get_reply()
    if reply is not None and reply.has_field("error"):
        raise RuntimeError("%s: %s" % (signal, reply.get_value("error")))
    return reply


def describe(kind):
    complete = threading.Event()
    look = lambda *_: bin_.get_property("ice-gathering-state").value_nick == "complete" and complete.set()
    bin_.connect("notify::ice-gathering-state", look)
    reply = ask("create-" + kind, None)
    ask("set-local-description", reply.get_value(kind))
    look()
    if not complete.wait(5):
        raise RuntimeError("gathering does not end")
    return dict(sdp=bin_.get_property("local-description").sdp.as_text())


def set_remote(kind, sdp):
    _, message = GstSdp.SDPMessage.new_from_text(sdp)
    ask("set-remote-description", GstWebRTC.WebRTCSessionDescription.new(kind, message))


def offer():
    build(96, {"opus": 111, "PCMU": 0}[audio_codec])
    return describe("offer")


def payload_type(sdp, name):
    for line in sdp.splitlines():
        if line.startswith("a=rtpmap:") and line.split(" ")[1].lower().startswith(name.lower() + "/"):
            return int(line[9:].split(" ")[0])
    raise RuntimeError("no " + name)


def answer(sdp):
    # The sources come first: transceivers that exist take the sections of the offer.
    build(payload_type(sdp, "VP8"), payload_type(sdp, audio_codec))
    set_remote(GstWebRTC.WebRTCSDPType.OFFER, sdp)
    return describe("answer")


def accept(sdp):
    set_remote(GstWebRTC.WebRTCSDPType.ANSWER, sdp)


def seen():
    with lock:
        taken, heard = counters[:], samples.tolist()
        del counters[:]
    return dict(state=bin_.get_property("connection-state").value_nick, counters=taken, size=sizes[0],
                frequency=frequency_of(heard, RATE))


def keyframe():
    structure = Gst.Structure.new_empty("GstForceKeyUnit")
    structure.set_value("all-headers", True)
    video_pad.send_event(Gst.Event.new_custom(Gst.EventType.CUSTOM_UPSTREAM, structure))


def close():
    pipeline.set_state(Gst.State.NULL)


OPS = dict(open=open_, offer=offer, answer=answer, accept=accept, seen=seen, keyframe=keyframe, close=close)

threading.Thread(target=GLib.MainLoop().run, daemon=True).start()
emit(event="ready")
for line in sys.stdin:
    request = json.loads(line)
    req, op = request.pop("req"), request.pop("op")
    try:
        emit(req=req, result=OPS[op](**request) or {})
    except Exception as error:
        failed(req, error)
sys.stdout.flush()
import os

os._exit(0)  # a pipeline left running would hold up an orderly exit
