"""aiortc behind the commands of lib/media-node-agent.mjs: it encodes and decodes."""
import asyncio
import fractions
import json
import math
import sys

import numpy
from aiortc import rtcdtlstransport
from aiortc.mediastreams import MediaStreamError
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCRtpReceiver, RTCSessionDescription, VideoStreamTrack
from av import AudioFrame, VideoFrame
from pylibsrtp import Policy

from common import emit, failed, frequency_of, read_counter

RATE, TONE = 48000, 440

# SRTP protection profile (RFC 5764 section 4.1.2): OpenSSL's name, libsrtp's profile, bytes of key and salt.
PROFILES = {
    1: (b"SRTP_AES128_CM_SHA1_80", Policy.SRTP_PROFILE_AES128_CM_SHA1_80, 16, 14),
    2: (b"SRTP_AES128_CM_SHA1_32", Policy.SRTP_PROFILE_AES128_CM_SHA1_32, 16, 14),
    7: (b"SRTP_AEAD_AES_128_GCM", Policy.SRTP_PROFILE_AEAD_AES_128_GCM, 16, 12),
    8: (b"SRTP_AEAD_AES_256_GCM", Policy.SRTP_PROFILE_AEAD_AES_256_GCM, 32, 12),
}


def only_profile(number):
    """Lets aiortc, which has the first alone, speak another alone: the libraries below it have all."""
    name, profile, key, salt = PROFILES[number]
    rtcdtlstransport.SRTP_KEY_LEN, rtcdtlstransport.SRTP_SALT_LEN = key, salt
    rtcdtlstransport.Policy = type("Only", (Policy,), dict(
        __init__=lambda self, **options: Policy.__init__(self, srtp_profile=profile, **options)))
    create = rtcdtlstransport.RTCCertificate._create_ssl_context

    def create_context(certificate):
        context = create(certificate)
        context.set_tlsext_use_srtp(name)
        return context

    rtcdtlstransport.RTCCertificate._create_ssl_context = create_context


class Camera(VideoStreamTrack):
    number = 0

    async def recv(self):
        loop = asyncio.get_running_loop()
        if self.number == 0:
            self.started = loop.time()
        rate, width, height = material["rate"], material["width"], material["height"]
        await asyncio.sleep(max(0, self.started + self.number / rate - loop.time()))
        picture = numpy.full((height * 3 // 2, width), 128, numpy.uint8)
        at = self.number * 4 % (width - 64)
        picture[100:200, at:at + 64] = 235
        frame = VideoFrame.from_ndarray(picture, format="yuv420p")
        frame.pts, frame.time_base = self.number * 90000 // rate, fractions.Fraction(1, 90000)
        self.number += 1
        return frame


class Microphone(MediaStreamTrack):
    kind = "audio"
    samples = 0

    async def recv(self):
        loop = asyncio.get_running_loop()
        if self.samples == 0:
            self.started = loop.time()
        await asyncio.sleep(max(0, self.started + self.samples / RATE - loop.time()))
        at = numpy.arange(self.samples, self.samples + RATE // 50)
        tone = (12000 * numpy.sin(2 * math.pi * TONE * at / RATE)).astype(numpy.int16)
        frame = AudioFrame.from_ndarray(tone.reshape(1, -1), format="s16", layout="mono")
        frame.pts, frame.sample_rate, frame.time_base = self.samples, RATE, fractions.Fraction(1, RATE)
        self.samples += RATE // 50
        return frame


class Track:
    """What comes in one section."""

    def __init__(self, kind, codec):
        self.kind, self.codec = kind, codec
        self.counters, self.samples, self.size, self.rate = [], [], [0, 0], RATE

    async def watch(self, track):
        while True:
            frame = await track.recv()
            plane = frame.planes[0]
            self.size = [frame.width, frame.height]
            self.counters.append(read_counter(bytes(plane), plane.line_size, frame.width))

    async def listen(self, track):
        while True:
            frame = await track.recv()
            channels = len(frame.layout.channels)
            self.samples.extend(frame.to_ndarray().reshape(-1)[::channels].tolist())
            del self.samples[:-frame.sample_rate // 2]
            self.rate = frame.sample_rate

    def take(self):
        if self.kind == "audio":
            return dict(frequency=frequency_of(self.samples, self.rate))
        taken, self.counters = self.counters, []
        return dict(counters=taken, size=self.size)


pc = material = None
tracks = []
tasks = set()


def run(coroutine):
    task = asyncio.ensure_future(coroutine)
    tasks.add(task)
    task.add_done_callback(ended)


def ended(task):
    tasks.discard(task)
    error = not task.cancelled() and task.exception()
    if error and not isinstance(error, MediaStreamError):
        emit(event="stray", message=repr(error))


def on_track(received):
    index = next(i for i, t in enumerate(pc.getTransceivers()) if t.receiver.track is received)
    track = tracks[index]
    run(track.watch(received) if track.kind == "video" else track.listen(received))


async def open_(tracks, material, profiles=()):
    global pc
    if profiles:
        only_profile(*profiles)
    globals()["tracks"].extend(Track(**track) for track in tracks)
    with open(material) as file:
        content = json.load(file)
    globals()["material"] = dict(rate=content["rate"], width=content["width"], height=content["height"])
    pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    pc.on("track", on_track)


def add():
    for track in tracks:
        pc.addTrack(Camera() if track.kind == "video" else Microphone())
    for track, transceiver in zip(tracks, pc.getTransceivers()):
        wanted = ["video/" + track.codec, "video/rtx", "audio/" + track.codec]
        codecs = [c for c in RTCRtpReceiver.getCapabilities(transceiver.kind).codecs if c.mimeType in wanted]
        transceiver.setCodecPreferences(codecs)


async def offer():
    add()
    await pc.setLocalDescription(await pc.createOffer())
    return dict(sdp=pc.localDescription.sdp)


async def answer(sdp):
    await pc.setRemoteDescription(RTCSessionDescription(sdp, "offer"))
    add()
    await pc.setLocalDescription(await pc.createAnswer())
    return dict(sdp=pc.localDescription.sdp)


async def accept(sdp):
    await pc.setRemoteDescription(RTCSessionDescription(sdp, "answer"))


async def seen():
    return dict(state=pc.connectionState, tracks=[track.take() for track in tracks])


async def keyframe(track):
    receiver = pc.getTransceivers()[track].receiver
    # It asks by itself only when a frame cannot be decoded.
    await receiver._send_rtcp_pli(receiver.getSynchronizationSources()[0].source)


async def close():
    await pc.close()


OPS = dict(open=open_, offer=offer, answer=answer, accept=accept, seen=seen, keyframe=keyframe, close=close)


async def serve(req, op, **args):
    try:
        emit(req=req, result=await OPS[op](**args) or {})
    except Exception as error:
        failed(req, error)


async def main():
    reader = asyncio.StreamReader(limit=1 << 26)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    emit(event="ready")
    while line := await reader.readline():
        run(serve(**json.loads(line)))


asyncio.run(main())
