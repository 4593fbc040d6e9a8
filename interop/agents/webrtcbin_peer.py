"""GStreamer's webrtcbin behind the suite's commands (see lib/agent.mjs)."""
import json
import sys
import threading
import time

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstSdp", "1.0")
gi.require_version("GstWebRTC", "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC

from common import content, digest, emit, failed

HIGH_WATER = 1 << 20
Gst.init(None)


class Connection:
    def __init__(self, pc, config):
        self.id = pc
        self.channels = {}
        self.pipeline = Gst.Pipeline.new()
        self.bin = Gst.ElementFactory.make("webrtcbin")
        self.bin.set_property("bundle-policy", GstWebRTC.WebRTCBundlePolicy.MAX_BUNDLE)
        self.pipeline.add(self.bin)
        self.bin.connect("on-ice-candidate", self.candidate)
        self.bin.connect("on-data-channel", self.incoming)
        self.bin.connect("notify::connection-state", self.state)
        self.bin.connect("notify::ice-gathering-state", self.gathering)
        self.pipeline.set_state(Gst.State.PLAYING)
        self.pipeline.get_state(Gst.CLOCK_TIME_NONE)

    def candidate(self, _, index, text):
        if text:
            emit(event="candidate", pc=self.id, candidate=dict(candidate=text, sdpMid=None, sdpMLineIndex=index))

    def state(self, *_):
        emit(event="state", pc=self.id, connection=self.bin.get_property("connection-state").value_nick,
             ice=self.bin.get_property("ice-connection-state").value_nick)

    def gathering(self, *_):
        if self.bin.get_property("ice-gathering-state").value_nick == "complete":
            emit(event="gathered", pc=self.id)

    def incoming(self, _, channel):
        key = "in %d" % channel.props.id
        emit(event="channel", pc=self.id, key=key, info=describe(channel))
        self.follow(key, channel)

    def follow(self, key, channel):
        self.channels[key] = channel
        once = threading.Lock()

        def opened(*_):
            if once.acquire(blocking=False):
                emit(event="open", pc=self.id, key=key, info=describe(channel))

        def message(data):
            emit(event="message", pc=self.id, key=key, message=digest(data))

        channel.connect("on-open", opened)
        channel.connect("on-close", lambda *_: emit(event="closed", pc=self.id, key=key))
        channel.connect("on-error", lambda _, error: emit(event="fault", pc=self.id, key=key, message=error.message))
        channel.connect("on-message-string", lambda _, text: message(text or ""))
        channel.connect("on-message-data", lambda _, data: message(data.get_data() or b"" if data else b""))
        if channel.props.ready_state == GstWebRTC.WebRTCDataChannelState.OPEN:
            opened()

    def ask(self, signal, *args):
        """Emits an action signal that answers through a promise; the reply has to live as long as what is taken out of it."""
        promise = Gst.Promise.new()
        self.bin.emit(signal, *args, promise)
        if promise.wait() != Gst.PromiseResult.REPLIED:
            raise RuntimeError(signal + ": no reply")
        reply = promise.get_reply()
        if reply is not None and reply.has_field("error"):
            raise RuntimeError("%s: %s" % (signal, reply.get_value("error")))
        return reply

    def describe(self, kind, options):
        reply = self.ask("create-" + kind, options)
        description = reply.get_value(kind)
        text = description.sdp.as_text()
        self.ask("set-local-description", description)
        return dict(type=kind, sdp=text)


def describe(channel):
    p = channel.props
    number = lambda n: None if n < 0 else n
    return dict(id=p.id, label=p.label or "", protocol=p.protocol or "", ordered=p.ordered, negotiated=p.negotiated,
                maxRetransmits=number(p.max_retransmits), maxPacketLifeTime=number(p.max_packet_lifetime))


connections = {}


def create(pc, config=None):
    connections[pc] = Connection(pc, config or {})


def channel(pc, key, label, options):
    names = dict(maxRetransmits="max-retransmits", maxPacketLifeTime="max-packet-lifetime")
    structure = Gst.Structure.new_empty("options")
    for name, value in options.items():
        structure.set_value(names.get(name, name), value)
    connection = connections[pc]
    created = connection.bin.emit("create-data-channel", label, structure)
    if created is None:
        transport = connection.bin.props.sctp_transport
        raise RuntimeError("create-data-channel gave nothing; max-channels %s" % (transport and transport.props.max_channels))
    connection.follow(key, created)


def offer(pc, restart=False):
    return connections[pc].describe("offer", None)


def answer(pc):
    return connections[pc].describe("answer", None)


def local(pc):
    description = connections[pc].bin.get_property("local-description")
    return dict(type=GstWebRTC.WebRTCSDPType.to_string(description.type), sdp=description.sdp.as_text())


def accept(pc, description):
    _, sdp = GstSdp.SDPMessage.new_from_text(description["sdp"])
    kind = {"offer": GstWebRTC.WebRTCSDPType.OFFER, "answer": GstWebRTC.WebRTCSDPType.ANSWER}[description["type"]]
    connections[pc].ask("set-remote-description", GstWebRTC.WebRTCSessionDescription.new(kind, sdp))


def candidate(pc, candidate):
    connections[pc].bin.emit("add-ice-candidate", candidate["sdpMLineIndex"], candidate["candidate"])


def send(pc, key, items, gap=0):
    channel = connections[pc].channels[key]
    for item in items:
        data, text = content(item)
        while channel.props.buffered_amount > HIGH_WATER:
            time.sleep(0.002)
        if text:
            channel.send_string(data.decode())
        else:
            channel.send_data(GLib.Bytes.new(data))
        if gap:
            time.sleep(gap / 1000)


def facts(pc):
    b = connections[pc].bin
    nick = lambda name: b.get_property(name).value_nick
    return dict(connectionState=nick("connection-state"), iceConnectionState=nick("ice-connection-state"), signalingState=nick("signaling-state"))


def closeChannel(pc, key):
    connections[pc].channels[key].close()


def close(pc):
    connections.pop(pc).pipeline.set_state(Gst.State.NULL)


OPS = dict(create=create, channel=channel, offer=offer, answer=answer, local=local, accept=accept, candidate=candidate,
           send=send, facts=facts, closeChannel=closeChannel, close=close)


def run(req, op, args):
    try:
        emit(req=req, result=OPS[op](**args) or {})
    except Exception as error:
        failed(req, error)


threading.Thread(target=GLib.MainLoop().run, daemon=True).start()
emit(event="ready")
for line in sys.stdin:
    request = json.loads(line)
    req, op = request.pop("req"), request.pop("op")
    if op == "send":  # takes its time: the other commands must not wait for it
        threading.Thread(target=run, args=(req, op, request), daemon=True).start()
    else:
        run(req, op, request)
sys.stdout.flush()
import os

os._exit(0)  # a pipeline left running would hold up an orderly exit
