"""aiortc behind the suite's commands (see lib/agent.mjs)."""
import asyncio
import json
import sys

from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.sdp import candidate_from_sdp

from common import content, digest, emit, failed

HIGH_WATER = 1 << 20


class Connection:
    def __init__(self, pc):
        self.id = pc
        self.pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.channels = {}

        @self.pc.on("connectionstatechange")
        def state():
            emit(event="state", pc=pc, connection=self.pc.connectionState, ice=self.pc.iceConnectionState)

        @self.pc.on("datachannel")
        def incoming(channel):
            key = "in %d" % channel.id
            emit(event="channel", pc=pc, key=key, info=describe(channel))
            self.follow(key, channel)

    def follow(self, key, channel):
        self.channels[key] = channel
        opened = lambda: emit(event="open", pc=self.id, key=key, info=describe(channel))
        channel.on("message", lambda data: emit(event="message", pc=self.id, key=key, message=digest(data)))
        channel.on("close", lambda: emit(event="closed", pc=self.id, key=key))
        if channel.readyState == "open":
            opened()
        else:
            channel.on("open", opened)


def describe(c):
    return dict(id=c.id, label=c.label, protocol=c.protocol, ordered=c.ordered, maxRetransmits=c.maxRetransmits,
                maxPacketLifeTime=c.maxPacketLifeTime, negotiated=c.negotiated)


connections = {}


async def create(pc, config=None):
    connections[pc] = Connection(pc)


async def channel(pc, key, label, options):
    connection = connections[pc]
    connection.follow(key, connection.pc.createDataChannel(label, **options))


def local_description(pc):
    description = connections[pc].pc.localDescription
    return dict(type=description.type, sdp=description.sdp)


async def offer(pc, restart=False):
    connection = connections[pc].pc
    await connection.setLocalDescription(await connection.createOffer())
    emit(event="gathered", pc=pc)
    return local_description(pc)


async def answer(pc):
    connection = connections[pc].pc
    await connection.setLocalDescription(await connection.createAnswer())
    emit(event="gathered", pc=pc)
    return local_description(pc)


async def local(pc):
    return local_description(pc)


async def accept(pc, description):
    await connections[pc].pc.setRemoteDescription(RTCSessionDescription(**description))


async def candidate(pc, candidate):
    parsed = candidate_from_sdp(candidate["candidate"].split(":", 1)[1])
    parsed.sdpMid = candidate["sdpMid"]
    parsed.sdpMLineIndex = candidate["sdpMLineIndex"]
    await connections[pc].pc.addIceCandidate(parsed)


async def send(pc, key, items, gap=0):
    channel = connections[pc].channels[key]
    for item in items:
        data, text = content(item)
        while channel.bufferedAmount > HIGH_WATER:
            await asyncio.sleep(0.002)
        channel.send(data.decode() if text else data)
        await asyncio.sleep(gap / 1000)


async def facts(pc):
    connection = connections[pc].pc
    return dict(connectionState=connection.connectionState, iceConnectionState=connection.iceConnectionState,
                signalingState=connection.signalingState)


async def closeChannel(pc, key):
    connections[pc].channels[key].close()


async def close(pc):
    await connections.pop(pc).pc.close()


OPS = dict(create=create, channel=channel, offer=offer, answer=answer, local=local, accept=accept, candidate=candidate,
           send=send, facts=facts, closeChannel=closeChannel, close=close)


async def run(req, op, **args):
    try:
        emit(req=req, result=await OPS[op](**args) or {})
    except Exception as error:
        failed(req, error)


async def main():
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: emit(event="stray", message=str(context.get("exception") or context["message"])))
    reader = asyncio.StreamReader(limit=1 << 26)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    emit(event="ready")
    tasks = set()
    while line := await reader.readline():
        task = asyncio.ensure_future(run(**json.loads(line)))
        tasks.add(task)
        task.add_done_callback(tasks.discard)


asyncio.run(main())
