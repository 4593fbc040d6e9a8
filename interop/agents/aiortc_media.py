"""aiortc behind the commands of lib/media-node-agent.mjs: it encodes and decodes."""
import asyncio
import fractions
import json
import math
import sys

import numpy
from aiortc.mediastreams import MediaStreamError
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCRtpReceiver, RTCSessionDescription, VideoStreamTrack
from av import AudioFrame, VideoFrame

from common import emit, failed, frequency_of, read_counter

WIDTH, HEIGHT, RATE, TONE = 640, 480, 48000, 440


class Camera(VideoStreamTrack):
    async def recv(self):
        pts, time_base = await self.next_timestamp()
        picture = numpy.full((HEIGHT * 3 // 2, WIDTH), 128, numpy.uint8)
        at = pts // 3000 % (WIDTH - 64)
        picture[100:300, at:at + 64] = 235
        frame = VideoFrame.from_ndarray(picture, format="yuv420p")
        frame.pts, frame.time_base = pts, time_base
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


pc = None
counters, samples, sizes = [], [], [[0, 0]]
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


async def watch(track):
    while True:
        frame = await track.recv()
        plane = frame.planes[0]
        sizes[0] = [frame.width, frame.height]
        counters.append(read_counter(bytes(plane), plane.line_size, frame.width))


async def listen(track):
    while True:
        frame = await track.recv()
        channels = len(frame.layout.channels)
        samples.extend(frame.to_ndarray().reshape(-1)[::channels].tolist())
        del samples[:-frame.sample_rate // 2]
        listen.rate = frame.sample_rate


def on_track(track):
    run(watch(track) if track.kind == "video" else listen(track))


async def open_(audio, material):
    global pc
    pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    pc.on("track", on_track)
    open_.audio = audio


def add():
    pc.addTrack(Camera())
    pc.addTrack(Microphone())
    for transceiver in pc.getTransceivers():
        wanted = ["video/VP8", "video/rtx", "audio/" + open_.audio]
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
    taken = counters[:]
    del counters[:]
    return dict(state=pc.connectionState, counters=taken, size=sizes[0],
                frequency=frequency_of(samples, getattr(listen, "rate", RATE)))


async def keyframe():
    receiver = next(t.receiver for t in pc.getTransceivers() if t.kind == "video")
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
