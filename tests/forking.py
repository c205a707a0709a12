"""Our program in processes that are forked: an interpreter that starts anew imports it for a third of a second each time.

`python -m tests.forking FD` imports the commands once, and forks for each order. What runs is the whole command in a
process of its own, with arguments, environment, folder and streams as given; tests/docs and tests/test_server.py start
interpreters as users do.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import pkgutil
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

ORDER_BYTES_MAX = 100_000
STREAMS = 3
_INT = 4  # bytes


class Forked:
    """A process of another's; what subprocess.Popen has of it, as far as tests ask."""

    def __init__(self, arguments: Sequence[str], cwd: str, streams: tuple[int, int, int]) -> None:
        self.args = arguments
        self.returncode: int | None = None
        self._end, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        order = {"arguments": list(arguments), "environment": dict(os.environ), "cwd": cwd}
        with theirs:
            socket.send_fds(_parent(), [json.dumps(order).encode()], [*streams, theirs.fileno()])
        self.pid = int.from_bytes(self._end.recv(_INT), "big")
        assert self.pid, "the process from which commands are forked has ended"

    def poll(self) -> int | None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float) -> int:
        """Its exit code, as subprocess has it. Raises subprocess.TimeoutExpired."""
        if self.returncode is None:
            if not _is_ready(self._end.fileno(), timeout):
                raise subprocess.TimeoutExpired(self.args, timeout)
            self.returncode = int.from_bytes(self._end.recv(_INT), "big", signed=True)
            self._end.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)


def _is_ready(handle: int, timeout: float) -> bool:
    # Not select: a suite of thousands of tests may have opened more than the 1,024 that it knows.
    looked = select.poll()
    looked.register(handle, select.POLLIN)
    return bool(looked.poll(timeout * 1_000))


@cache
def _parent() -> socket.socket:
    """The way to the process from which all others of this test process are forked."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        command = [sys.executable, "-m", "tests.forking", str(theirs.fileno())]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        process = subprocess.Popen(command, pass_fds=[theirs.fileno()], env=environment, stdout=subprocess.DEVNULL)

    def end() -> None:
        ours.close()
        process.wait()

    atexit.register(end)
    return ours


# --- the program


def main(control: socket.socket) -> int:
    """Forks until nobody can order any more; in each fork it is the exit code of the command."""
    _import_commands()
    gc.collect()
    gc.freeze()
    reader, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(writer)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    waiting: dict[int, socket.socket] = {}
    looked = select.poll()
    for handle in (control.fileno(), reader):
        looked.register(handle, select.POLLIN)
    while True:
        ready = [handle for handle, _ in looked.poll()]
        if reader in ready:
            os.read(reader, 4_096)
            _tell_ends(waiting)
        if control.fileno() in ready:
            content, handles, _, _ = socket.recv_fds(control, ORDER_BYTES_MAX, STREAMS + 1)
            if not content:
                return 0
            if not (pid := os.fork()):
                for held in (control, *waiting.values()):
                    held.detach()
                return _perform(json.loads(content), handles)
            waiting[pid] = socket.socket(fileno=handles[STREAMS])
            _note_start(pid, waiting[pid], handles[:STREAMS])


def _import_commands() -> None:
    for package in ("procession.cli", "procession.commands", "procession.serving"):
        for module in pkgutil.iter_modules(importlib.import_module(package).__path__, f"{package}."):
            importlib.import_module(module.name)


def _note_start(pid: int, end: socket.socket, streams: Sequence[int]) -> None:
    # Whoever ordered it may be gone by now.
    with contextlib.suppress(OSError):
        end.send(pid.to_bytes(_INT, "big"))
    for stream in streams:
        os.close(stream)


def _tell_ends(waiting: dict[int, socket.socket]) -> None:
    while waiting:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        with waiting.pop(pid) as end, contextlib.suppress(OSError):
            end.send(os.waitstatus_to_exitcode(status).to_bytes(_INT, "big", signed=True))


def _perform(order: Mapping[str, Any], handles: Sequence[int]) -> int:
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for number, stream in enumerate(handles[:STREAMS]):
        os.dup2(stream, number)
    # Nothing is open in it that a program of its own would not have.
    os.closerange(STREAMS, os.sysconf("SC_OPEN_MAX"))
    os.environ.clear()
    os.environ.update(order["environment"])
    time.tzset()
    os.chdir(order["cwd"])
    sys.argv = ["procession", *order["arguments"]]
    from procession import cli

    return cli.main()


if __name__ == "__main__":
    sys.exit(main(socket.socket(fileno=int(sys.argv[1]))))
