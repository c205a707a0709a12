"""Our program in processes that are forked: an interpreter that starts anew imports it for a third of a second each time.

`python -m tests.forking KIND FD` imports what KIND needs once, and forks for each order. What runs is the whole program in
a process of its own, with arguments, environment, folder and streams as given; tests/docs and tests/test_server.py start
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
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from typing import Any

ORDER_BYTES_MAX = 100_000
STREAMS = 3
KEPT = STREAMS  # the handle under which a process has what it is given beside its streams
_INT = 4  # bytes
_WAYS: list[socket.socket] = []  # to processes that this one, and whatever is forked from it, has others forked by


class Forked:
    """A process of another's; what subprocess.Popen has of it, as far as tests ask."""

    def __init__(
        self,
        arguments: Sequence[str],
        cwd: str,
        handles: Sequence[int],
        *,
        environment: Mapping[str, str] = os.environ,
        parent: socket.socket | None = None,
    ) -> None:
        """`handles` are its streams, and one more that it may keep. `parent` is of commands unless another is given."""
        self.args = arguments
        self.returncode: int | None = None
        self._end, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        order = {"arguments": list(arguments), "environment": dict(environment), "cwd": cwd}
        given = [*handles[:STREAMS], theirs.fileno(), *handles[STREAMS:]]
        with theirs:
            socket.send_fds(parent or of_commands(), [json.dumps(order).encode()], given)
        self.pid = int.from_bytes(self._end.recv(_INT), "big")
        assert self.pid, "the process from which commands are forked has ended"

    def poll(self) -> int | None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code, as subprocess has it. Raises subprocess.TimeoutExpired."""
        if self.returncode is None:
            if not _is_ready(self._end.fileno(), timeout):
                raise subprocess.TimeoutExpired(self.args, timeout or 0)
            self.returncode = int.from_bytes(self._end.recv(_INT), "big", signed=True)
            self._end.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def _is_ready(handle: int, timeout: float | None) -> bool:
    # Not select: a suite of thousands of tests may have opened more than the 1,024 that it knows.
    looked = select.poll()
    looked.register(handle, select.POLLIN)
    return bool(looked.poll(None if timeout is None else timeout * 1_000))


@cache
def of_commands() -> socket.socket:
    """The way to the process from which all commands of this test process are forked."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return parent([sys.executable, "-m", "tests.forking", "commands"], environment)


def parent(command: Sequence[str], environment: Mapping[str, str]) -> socket.socket:
    """The way to a process that runs main() with a handle behind these arguments, until the test process ends."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        process = subprocess.Popen(
            [*command, str(theirs.fileno())], pass_fds=[theirs.fileno()], env=environment, stdout=subprocess.DEVNULL
        )

    _WAYS.append(ours)

    def end() -> None:
        ours.close()
        process.wait()

    atexit.register(end)
    return ours


# --- the program


def main(kind: str, control: socket.socket) -> int:
    """Forks until nobody can order any more; in each fork it is the exit code of the program."""
    prepare, perform = KINDS[kind]
    prepare()
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
            content, handles, _, _ = socket.recv_fds(control, ORDER_BYTES_MAX, STREAMS + 2)
            if not content:
                return 0
            if not (pid := os.fork()):
                for held in (control, *waiting.values()):
                    held.detach()
                return perform(json.loads(content), handles)
            waiting[pid] = socket.socket(fileno=handles.pop(STREAMS))
            _note_start(pid, waiting[pid], handles)


def _prepare_commands() -> None:
    from tests import fork_servers

    fork_servers.make_parents()
    for package in ("procession.cli", "procession.commands", "procession.serving"):
        for module in pkgutil.iter_modules(importlib.import_module(package).__path__, f"{package}."):
            importlib.import_module(module.name)


def _note_start(pid: int, end: socket.socket, handles: Sequence[int]) -> None:
    # Whoever ordered it may be gone by now.
    with contextlib.suppress(OSError):
        end.send(pid.to_bytes(_INT, "big"))
    for handle in handles:
        os.close(handle)


def _tell_ends(waiting: dict[int, socket.socket]) -> None:
    while waiting:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        with waiting.pop(pid) as end, contextlib.suppress(OSError):
            end.send(os.waitstatus_to_exitcode(status).to_bytes(_INT, "big", signed=True))


def _become(order: Mapping[str, Any], handles: list[int]) -> None:
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    del handles[STREAMS]
    for number, handle in enumerate(handles):
        os.dup2(handle, number)
    # Nothing else is open in it that a program of its own would not have.
    lowest = len(handles)
    for kept in sorted(way.fileno() for way in _WAYS):
        os.closerange(lowest, kept)
        lowest = kept + 1
    os.closerange(lowest, os.sysconf("SC_OPEN_MAX"))
    os.environ.clear()
    os.environ.update(order["environment"])
    time.tzset()
    os.chdir(order["cwd"])
    sys.argv = ["procession", *order["arguments"]]


def _perform_command(order: Mapping[str, Any], handles: list[int]) -> int:
    _become(order, handles)
    from procession import cli

    code = cli.main()
    # As an interpreter ends, but for what takes it fifty milliseconds: to free everything, one by one.
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _prepare_fork_server(*, preload: str) -> None:
    """`preload` is the setting that names what it imports at its first job."""
    from procession.engine.isolation import forkserver, loading, rehearsal  # noqa: F401 - so that it is there
    from procession.engine.isolation.options import IsolationSettings

    settings = IsolationSettings()
    if preload:
        loading.preload(getattr(settings, preload))
    rehearsal.rehearse(loading.load(settings))


def _perform_fork_server(order: Mapping[str, Any], handles: list[int]) -> int:
    os.setsid()
    _become(order, handles)
    from procession.engine.isolation import forkserver

    forkserver.main()
    return 0


# What is imported, and what each fork does.
KINDS: dict[str, tuple[Callable[[], None], Callable[[Mapping[str, Any], list[int]], int]]] = {
    "commands": (_prepare_commands, _perform_command),
    "user code": (partial(_prepare_fork_server, preload=""), _perform_fork_server),
    "built-in": (partial(_prepare_fork_server, preload="preload"), _perform_fork_server),
    "reaching": (partial(_prepare_fork_server, preload="reaching_preload"), _perform_fork_server),
}


if __name__ == "__main__":
    from tests import forking  # noqa: PLW0406 - where it runs as a program, it is no module yet

    # Not those of this module: other modules have the other.
    sys.exit(forking.main(sys.argv[1], socket.socket(fileno=int(sys.argv[2]))))
