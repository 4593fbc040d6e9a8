"""What the Python peers share: message content (as lib/content.mjs makes it) and JSON lines on stdin and stdout."""
import json
import sys
import threading
import zlib

PERIOD = 4099
ALPHABET = [c.encode() for c in "abcdefghijklmnopqrstuvwxyz\néж€語🚀"]
MASK = 0xFFFFFFFF


def random_bytes(seed):
    x = (((seed * 2654435761) & MASK) ^ 0x5BD1E995) or 1
    result = bytearray(PERIOD)
    for i in range(PERIOD):
        x ^= (x << 13) & MASK
        x ^= x >> 17
        x ^= (x << 5) & MASK
        result[i] = x >> 24
    return bytes(result)


def repeat(block, size):
    return (block * (size // len(block) + 1))[:size]


def binary_content(seed, size):
    return repeat(random_bytes(seed), size)


def text_content(seed, size):
    whole = repeat(b"".join(ALPHABET[b & 31] for b in random_bytes(seed)), size)
    text = whole.decode("utf-8", "ignore").encode()
    return text + b"x" * (size - len(text))


def content(item):
    """The bytes of a message, and whether they are text."""
    text = item["kind"] == "text"
    return (text_content if text else binary_content)(item["seed"], item["size"]), text


def digest(data):
    """A received message as events describe it; takes str or bytes."""
    raw = data.encode() if isinstance(data, str) else data
    return "%s:%d:%x" % ("t" if isinstance(data, str) else "b", len(raw), zlib.crc32(raw))


_lock = threading.Lock()


def emit(**line):
    text = json.dumps(line) + "\n"
    with _lock:
        sys.stdout.write(text)
        sys.stdout.flush()


def failed(req, error):
    emit(req=req, error={"name": type(error).__name__, "message": str(error)})


def frequency_of(samples, rate):
    """Of mono samples, by zero crossings with a threshold (as lib/media-check.mjs)."""
    threshold = max(map(abs, samples), default=0) / 4
    if threshold == 0:
        return 0
    armed, crossings = False, []
    for i, sample in enumerate(samples):
        if sample < -threshold:
            armed = True
        elif armed and sample > threshold:
            armed = False
            crossings.append(i)
    return 0 if len(crossings) < 2 else (len(crossings) - 1) * rate / (crossings[-1] - crossings[0])


def read_counter(luma, stride, width):
    """The number that the synthetic camera draws (src/media/synthetic/camera.ts), or -1."""
    columns = min(8, width // 16)
    bits = 0
    for i in range(20):
        value = luma[(i // columns * 16 + 8) * stride + i % columns * 16 + 8]
        if 90 < value < 160:
            return -1
        bits |= (value >= 160) << i
    counter = bits & 0xFFFF
    check = ~(counter ^ counter >> 4 ^ counter >> 8 ^ counter >> 12) & 15
    return counter if bits >> 16 == check else -1
