"""Frames that no honest step sends. `script` is the text of a step that sends them: user code shares its process."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import msgspec

encode = msgspec.msgpack.encode

HARMLESS = (encode(["beat"]), encode(["progress", 0.5, "half"]), encode(["progress", 1, "\0"]))
FORGED = (
    *HARMLESS,
    encode(["progress", 7, ""]),
    encode(["progress", 0.5, "x" * 4_001]),
    encode(["exit", 2**40, 0]),
    encode(["exit", -1, 0.5]),
    encode(["exit", 0, float("nan")]),
    encode(["progress", float("inf"), ""]),
    encode(["done", 1, "Running", "", {}, False]),
    encode(["done", 1, "Success", "x" * 10_000, {"a.b": [[]] * 200}, True]),
    encode(["done", 1, "Success", "", {"a.b": msgspec.msgpack.Ext(1, b"1e999999999")}, False]),
    encode(["done", 1, "Success", "", {"a.b": msgspec.msgpack.Ext(2, b"\x7f" * 70_000)}, False]),
    encode(["done", 1, "Success", "", {"a.b": msgspec.msgpack.Ext(4, encode({"path": "/a\0b", "name": "n"}))}, False]),
    encode(["done", 1, "Success", "", {"a.b": msgspec.msgpack.Ext(9, b"")}, False]),
    encode(["done", 1, "Success", "", {"a.b": float("inf"), 7: 8}, False]),
    b"\x96\xa4done\x01\xa7Success\xa0" + b"\x91" * 5_000 + b"\xc3",
    b"\x96\xa4done\x01\xa7Success\xa0\xdf\xff\xff\xff\xff",
    b"",
)


def mutated(random: Random) -> bytes:
    """One of the forged frames with a few changes, or bytes without any sense."""
    frame = bytearray(random.choice(FORGED) if random.random() < 0.9 else random.randbytes(random.randrange(300)))
    for _ in range(random.randrange(4)):
        place = random.randrange(len(frame) + 1)
        match random.randrange(3):
            case 0:
                frame[place : place + 1] = random.randbytes(1)
            case 1:
                del frame[place : place + random.randrange(1, 20)]
            case _:
                frame[place:place] = random.randbytes(random.randrange(20))
    return bytes(frame)


def many(seed: int, count: int) -> Iterator[bytes]:
    random = Random(seed)  # noqa: S311 - not a secret
    return (mutated(random) for _ in range(count))


SCRIPT_FRAME_BYTES_MAX = 500  # a step's code has a limit, too

SENDER = """
import os, socket, time

def ends():
    for number in range(3, 64):
        try:
            end = socket.socket(fileno=os.dup(number))
        except OSError:
            continue
        if end.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE) == socket.SOCK_SEQPACKET:
            yield end

mine = list(ends())
assert mine, "the step does not find its own channel"
for number, frame in enumerate(FRAMES):
    print("line", number, flush=True)
    for end in mine:
        end.send(frame)
time.sleep(60)
"""


def script(seed: int, harmless: int) -> str:
    """Sends so many harmless frames, as fast as they are taken, then others, flags of packets included."""
    random = Random(seed)  # noqa: S311 - not a secret
    flood = [b"\1" + random.choice(HARMLESS) for _ in range(harmless)]
    flags = b"\1", b"\1", b"\0", b"\2", b"\7"
    wild = [random.choice(flags) + mutated(random)[:SCRIPT_FRAME_BYTES_MAX] for _ in range(50)]
    return f"FRAMES = {flood[:20]!r} * {harmless // 20} + {wild!r}\n{SENDER}"
