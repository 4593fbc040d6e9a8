#!/usr/bin/env python3
"""Makes src/media/synthetic/opus-tone.ts: one second of a tone of 440 Hz as 50 Opus packets, to be played in a loop.

    python3 scripts/make-opus-tone.py > src/media/synthetic/opus-tone.ts

Needs libopus as a shared library (Debian: libopus0) and nothing else. The tone has whole periods in a second, and the packets are
taken from the middle of a longer tone, so that the end of the loop and its beginning fit together. CELT only, mono, 20 ms, constant
bit rate.
"""
import base64
import ctypes
import ctypes.util
import math
import struct

RATE, FRAME, BITRATE, FREQUENCY, AMPLITUDE = 48000, 960, 24000, 440, 0.4
RESTRICTED_LOWDELAY, SET_BITRATE, SET_VBR, SET_BANDWIDTH, FULLBAND = 2051, 4002, 4006, 4008, 1105

opus = ctypes.CDLL(ctypes.util.find_library("opus") or "libopus.so.0")
opus.opus_encoder_create.restype = ctypes.c_void_p
error = ctypes.c_int()
encoder = ctypes.c_void_p(opus.opus_encoder_create(RATE, 1, RESTRICTED_LOWDELAY, ctypes.byref(error)))
assert error.value == 0, error.value
for request, value in ((SET_BITRATE, BITRATE), (SET_VBR, 0), (SET_BANDWIDTH, FULLBAND)):
    assert opus.opus_encoder_ctl(encoder, request, ctypes.c_int(value)) == 0

packets = []
for n in range(150):
    samples = (
        round(32767 * AMPLITUDE * math.sin(2 * math.pi * FREQUENCY * (n * FRAME + i) / RATE)) for i in range(FRAME)
    )
    out = ctypes.create_string_buffer(1275)
    length = opus.opus_encode(encoder, struct.pack(f"<{FRAME}h", *samples), FRAME, out, len(out))
    assert length > 0, length
    packets.append(out.raw[:length])
loop = packets[50:100]
assert len({len(packet) for packet in loop}) == 1

text = base64.b64encode(b"".join(loop)).decode()
print("// Made by scripts/make-opus-tone.py: one second of a tone of 440 Hz, 50 Opus packets of 20 ms, base64.")
print(f"export const OPUS_TONE_PACKET_LENGTH = {len(loop[0])};")
print("export const OPUS_TONE: string = [")
for at in range(0, len(text), 110):
    print(f'  "{text[at:at + 110]}",')
print('].join("");')
