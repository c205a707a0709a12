"""Runs probes, each in a fork of its own; becomes the code of a step, or runs beside no wall at all.

Needs `probes` ([name, code]), `w` and `numbers` (of system calls); leaves `found`: name -> "" or why it was held.
"""
# ruff: noqa: F401, F821, S102 - it is only half a program: a test writes the lines before it, probes use its imports

import ctypes
import errno
import glob
import json
import os
import select
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

HELD = (errno.EPERM, errno.EACCES, errno.ENOSYS, errno.EAFNOSUPPORT)
SECONDS_MAX = 5
libc = ctypes.CDLL(None, use_errno=True)
probes: list[tuple[str, str]]
w: dict[str, Any]
numbers: dict[str, int]


def call(name: str, *values: Any) -> int:
    given = [ctypes.c_long(value) if isinstance(value, int) else value for value in values]
    result: int = libc.syscall(ctypes.c_long(numbers[name]), *given)
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def reached(name: str, *values: Any) -> None:
    """Whether the kernel looked at what it was given; it is wrong on purpose."""
    try:
        call(name, *values)
    except OSError as error:
        if error.errno in HELD:
            raise


def read(path: str) -> bytes:
    return Path(path).read_bytes()


def status(name: str) -> str:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(line.split()[1] for line in lines if line.startswith(name + ":"))


def is_foreign(handle: int) -> bool:
    """Open, and neither of the attacker itself nor the one channel of the step."""
    try:
        os.fstat(handle)
    except OSError:
        return False
    return handle not in own


def is_pipe(handle: int) -> bool:
    try:
        return handle not in own and (os.fstat(handle).st_mode & 0o170000) == 0o010000
    except OSError:
        return False


def attempt(code: str) -> str:
    reader, writer = os.pipe()
    own.update((reader, writer))
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        said = ""
        try:
            exec(compile(code, "<probe>", "exec"), globals())
        except BaseException as error:
            said = f"{type(error).__name__}: {error}"[:200]
        os.write(writer, said.encode(errors="replace") or b"\0")
        os._exit(0)
    os.close(writer)
    is_there = select.select([reader], [], [], SECONDS_MAX)[0]
    said = os.read(reader, 4096).decode() if is_there else "took too long"
    os.close(reader)
    if not is_there:
        os.kill(pid, signal.SIGKILL)
    number = os.waitpid(pid, 0)[1]
    return "" if said == "\0" else said or f"ended by {number}"


def run() -> dict[str, str]:
    return {name: attempt(code) for name, code in probes}


w["keeper"] = os.getppid()
own: set[int] = {0, 1, 2, *w["own"]}
found = run()
print("FOUND " + json.dumps(found), flush=True)
