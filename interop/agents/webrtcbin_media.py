"""GStreamer's webrtcbin behind the commands of lib/media-node-agent.mjs: it encodes and decodes."""
import array
import json
import os
import sys
import threading

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstSdp", "1.0")
gi.require_version("GstWebRTC", "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC

from common import emit, failed, frequency_of, read_counter

Gst.init(None)
HEARD = 48000
# Encoder and payloader; depayloader and decoder; what caps have besides.
VIDEO = {
    "VP8": ("vp8enc deadline=1 cpu-used=8 keyframe-max-dist=300 error-resilient=1 target-bitrate=600000"
            " ! rtpvp8pay pt=%d picture-id-mode=15-bit", "rtpvp8depay ! vp8dec", ""),
    "VP9": ("vp9enc deadline=1 cpu-used=8 keyframe-max-dist=300 lag-in-frames=0 target-bitrate=600000"
            " ! rtpvp9pay pt=%d picture-id-mode=15-bit", "rtpvp9depay ! vp9dec", ",profile-id=(string)0"),
    "H264": ("openh264enc bitrate=600000 gop-size=300 complexity=low ! video/x-h264,profile=constrained-baseline"
             " ! rtph264pay pt=%d config-interval=-1 aggregate-mode=zero-latency", "rtph264depay ! h264parse ! openh264dec",
             ",packetization-mode=(string)1"),
    "H265": ("x265enc bitrate=600 key-int-max=300 speed-preset=ultrafast tune=zerolatency ! rtph265pay pt=%d config-interval=-1",
             "rtph265depay ! h265parse ! libde265dec", ""),
}
# The rate of its input, encoder and payloader, clock rate, depayloader and decoder.
AUDIO = {
    "opus": (48000, "opusenc ! rtpopuspay pt=%d", 48000, "rtpopusdepay ! opusdec"),
    "PCMU": (8000, "mulawenc ! rtppcmupay pt=%d", 8000, "rtppcmudepay ! mulawdec"),
    "PCMA": (8000, "alawenc ! rtppcmapay pt=%d", 8000, "rtppcmadepay ! alawdec"),
    "G722": (16000, "avenc_g722 ! rtpg722pay pt=%d", 8000, "rtpg722depay ! avdec_g722"),
}
# Its retransmissions take the next number that is free in their own section.
TYPES = {"VP8": 96, "VP9": 98, "H264": 102, "H265": 106, "opus": 111, "PCMU": 0, "PCMA": 8, "G722": 9}
lock = threading.Lock()
pipeline = bin_ = material = None
# Parity (ULPFEC in RED) in place of retransmissions.
protect = False
tracks = []


class Track:
    def __init__(self, kind, codec):
        self.kind, self.codec = kind, codec
        self.counters, self.samples, self.size, self.pad, self.tones = [], array.array("h"), [0, 0], None, []

    def source(self, payload_type):
        """Its encoder, with caps that tell webrtcbin what is to be negotiated."""
        caps = "application/x-rtp,media=%s,encoding-name=%s,payload=%d" % (self.kind, self.codec.upper(), payload_type)
        if self.kind == "video":
            encoder, _, more = VIDEO[self.codec]
            caps += "" if protect else ",rtcp-fb-nack=(boolean)true"
            caps += ",clock-rate=90000,rtcp-fb-nack-pli=(boolean)true,rtcp-fb-ccm-fir=(boolean)true" + more
            text = ("videotestsrc is-live=true pattern=ball ! video/x-raw,format=I420,width=%d,height=%d,framerate=%d/1 ! %s"
                    % (material["width"], material["height"], material["rate"], encoder % payload_type))
        else:
            rate, encoder, clock, _ = AUDIO[self.codec]
            caps += ",clock-rate=%d" % clock
            if self.codec == "opus":
                caps += ",encoding-params=(string)2"
            text = ("audiotestsrc is-live=true freq=440 samplesperbuffer=%d volume=0.4 ! audio/x-raw,rate=%d,channels=1 ! %s"
                    % (rate // 50, rate, encoder % payload_type))
        return Gst.parse_bin_from_description("%s ! capsfilter caps=\"%s\"" % (text, caps), True)

    def sink(self):
        if self.kind == "video":
            text, handler = VIDEO[self.codec][1] + " ! videoconvert ! video/x-raw,format=I420", self.on_video
        else:
            text = AUDIO[self.codec][3] + " ! audioconvert ! audioresample ! audio/x-raw,format=S16LE,rate=%d,channels=1" % HEARD
            handler = self.on_audio
        sink = Gst.parse_bin_from_description(text + " ! fakesink name=sink sync=false signal-handoffs=true", True)
        sink.get_by_name("sink").connect("handoff", handler)
        return sink

    def on_video(self, _, buffer, pad):
        structure = pad.get_current_caps().get_structure(0)
        width, height = structure.get_value("width"), structure.get_value("height")
        stride = (width + 3) & ~3
        data = buffer.extract_dup(0, stride * 64)  # The counter is at the top.
        with lock:
            self.size = [width, height]
            self.counters.append(read_counter(data, stride, width))

    def on_audio(self, _, buffer, pad):
        with lock:
            self.samples.frombytes(buffer.extract_dup(0, buffer.get_size()))
            del self.samples[:-HEARD // 2]

    def take(self):
        if self.kind == "audio":
            tones, self.tones = self.tones, []
            return dict(samples=self.samples.tolist(), tones=tones)
        taken, self.counters = self.counters, []
        return dict(counters=taken, size=self.size)


def build(payload_types):
    """Starts the sources."""
    for track, payload_type in zip(tracks, payload_types):
        source = track.source(payload_type)
        pipeline.add(source)
        source.link(bin_)
        source.sync_state_with_parent()
    for transceiver in transceivers():
        set_repair(transceiver)


def set_repair(transceiver):
    transceiver.set_property("do-nack", not protect)
    if protect:
        transceiver.set_property("fec-type", GstWebRTC.WebRTCFECType.ULP_RED)
        transceiver.set_property("fec-percentage", 50)


def transceivers():
    found, index = [], 0
    while True:
        transceiver = bin_.emit("get-transceiver", index)
        if transceiver is None:
            return found
        found.append(transceiver)
        index += 1


def on_pad(_, pad):
    if pad.get_direction() != Gst.PadDirection.SRC:
        return
    track = tracks[pad.get_property("transceiver").get_property("mlineindex")]
    if pad.get_current_caps().get_structure(0).get_value("encoding-name") == "TELEPHONE-EVENT":
        sink = Gst.parse_bin_from_description("rtpdtmfdepay ! fakesink sync=false", True)
    else:
        track.pad = pad
        sink = track.sink()
    sink.set_name("sink%d of %d" % (len(pipeline.children), tracks.index(track)))
    pipeline.add(sink)
    sink.sync_state_with_parent()
    pad.link(sink.get_static_pad("sink"))


def on_message(_, message):
    structure = message.get_structure()
    if structure is None or structure.get_name() != "dtmf-event":
        return
    track = tracks[int(message.src.get_parent().get_name().rsplit(" ", 1)[1])]
    with lock:
        track.tones.append([structure.get_value("number"), structure.get_value("volume")])


def open_(tracks, material, repair="nack"):
    global pipeline, bin_, protect
    protect = repair == "ulpfec"
    globals()["tracks"].extend(Track(**track) for track in tracks)
    with open(material) as file:
        globals()["material"] = json.load(file)
    pipeline = Gst.Pipeline.new()
    bus = pipeline.get_bus()
    bus.add_signal_watch()
    bus.connect("message::element", on_message)
    bin_ = Gst.ElementFactory.make("webrtcbin")
    bin_.set_property("bundle-policy", GstWebRTC.WebRTCBundlePolicy.MAX_BUNDLE)
    # What comes later is thrown away: on a busy machine 200 ms are soon over.
    bin_.set_property("latency", 600)
    pipeline.add(bin_)
    bin_.connect("pad-added", on_pad)
    # Transceivers that an offer makes: their retransmissions are off unless asked for.
    bin_.connect("on-new-transceiver", lambda _, transceiver: set_repair(transceiver))
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
    build(TYPES[track.codec] for track in tracks)
    return describe("offer")


def payload_type(section, name):
    for line in section.splitlines():
        if line.startswith("a=rtpmap:") and line.split(" ")[1].lower().startswith(name.lower() + "/"):
            return int(line[9:].split(" ")[0])
    raise RuntimeError("no " + name)


def answer(sdp):
    # The sources come first: transceivers that exist take the sections of the offer.
    sections = sdp.split("\nm=")[1:]
    build(payload_type(section, track.codec) for track, section in zip(tracks, sections))
    set_remote(GstWebRTC.WebRTCSDPType.OFFER, sdp)
    return describe("answer")


def accept(sdp):
    set_remote(GstWebRTC.WebRTCSDPType.ANSWER, sdp)


def seen():
    with lock:
        taken = [track.take() for track in tracks]
    for one in taken:
        if "samples" in one:
            one["frequency"] = frequency_of(one.pop("samples"), HEARD)
    return dict(state=bin_.get_property("connection-state").value_nick, tracks=taken)


def keyframe(track):
    structure = Gst.Structure.new_empty("GstForceKeyUnit")
    structure.set_value("all-headers", True)
    if tracks[track].pad:
        tracks[track].pad.send_event(Gst.Event.new_custom(Gst.EventType.CUSTOM_UPSTREAM, structure))


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
os._exit(0)  # a pipeline left running would hold up an orderly exit
