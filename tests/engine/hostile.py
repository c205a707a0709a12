"""What user code needs to speak to the engine behind our back: it shares its process with the channel."""

from __future__ import annotations

from typing import Any

import msgspec

CHANNEL = """
import os, signal, socket, time
import msgspec
from msgspec.msgpack import Ext, encode as pack

def find():
    for number in range(3, 256):
        try:
            found = socket.socket(fileno=os.dup(number))
        except OSError:
            continue
        if found.type == socket.SOCK_SEQPACKET:
            return found

channel = find()

def say(frame, flag=b'\\1'):
    channel.send(flag + frame)

def stay():
    while True: time.sleep(60)

"""
OK = "pack(['done', 1, 'Success', '', {}, False])"


def script(attack: str) -> str:
    return f"{CHANNEL}{attack}\n"


def frame(*parts: Any) -> bytes:
    return msgspec.msgpack.encode(parts)
