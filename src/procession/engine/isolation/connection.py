"""The server's side of one fork server: starts it, asks for workers, takes them in, starts it again when it dies."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from array import array
from pathlib import Path

import msgspec

from procession.engine.isolation.contract import ProcessMark
from procession.engine.isolation.options import Announcement, Born, Command, Fork, Hello, Orders, Preload
from procession.engine.isolation.worker import ForkedWorker
from procession.model.errors import Unavailable

_ANNOUNCEMENT_BYTES_MAX = 4096
_ANCILLARY_BYTES_MAX = socket.CMSG_SPACE(3 * array("i").itemsize)
_STARTS_IN_VAIN_MAX = 3
_HELLO_SECONDS_MAX = 20.0
_END_SECONDS_MAX = 5.0
_PACKAGE_FOLDER = Path(__file__).resolve().parents[3]  # the folder that holds the package procession


class ForkServerConnection:
    """A fork server of one kind. Its `fileno` changes when it is started again."""

    def __init__(self, orders: Orders, boot_id: str) -> None:
        self.hello: Hello | None = None
        self.asked = 0  # workers ordered that have not come yet
        self._orders = orders
        self._boot_id = boot_id
        self._starts_in_vain = 0
        self._preloads = False
        self._start()

    def fileno(self) -> int:
        return self._socket.fileno()

    def ask(self, count: int) -> None:
        """Order so many more workers; they are announced when they are there."""
        if count > 0 and self._command(Fork(count=count)):
            self.asked += count

    def preload(self) -> None:
        """Have the heavy libraries imported, once."""
        if not self._preloads:
            self._preloads = True
            self._command(Preload())

    def collect(self) -> tuple[list[ForkedWorker], bool]:
        """The workers that were announced, and whether the fork server is still there."""
        workers: list[ForkedWorker] = []
        while True:
            try:
                announcement, handles = self._receive(socket.MSG_DONTWAIT)
            except BlockingIOError:
                return workers, True
            except EOFError:
                return workers, False
            if isinstance(announcement, Born):
                self.asked = max(0, self.asked - 1)
                workers.append(self._worker(announcement, handles))

    def restart(self) -> None:
        """Start it anew. Raises Unavailable when it has died several times before it was ready."""
        self._starts_in_vain = 0 if self.hello else self._starts_in_vain + 1
        self.close()
        if self._starts_in_vain >= _STARTS_IN_VAIN_MAX:
            raise Unavailable("the process that forks workers does not start; its error is in the server's output")
        self._start()

    def wait_for_hello(self) -> Hello | None:
        """What the fork server can do; waits for it at most twenty seconds. None when it does not come up."""
        self._socket.settimeout(_HELLO_SECONDS_MAX)
        try:
            while self.hello is None:
                self._receive(0)
        except (EOFError, TimeoutError):
            return None
        finally:
            self._socket.settimeout(None)
        return self.hello

    def close(self) -> None:
        """End it; it ends its workers."""
        self._socket.close()
        try:
            self._process.wait(_END_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _start(self) -> None:
        self.hello = None
        self.asked = 0
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        orders = msgspec.json.encode(self._orders).decode()
        number = str(theirs.fileno())
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - this Python and our own module
                [sys.executable, "-P", "-m", "procession.engine.isolation.forkserver", orders, number],
                env=self._environment(),
                cwd="/",
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        if self._preloads or (self._orders.settings.preload_at_start and not self._orders.user_code):
            self._preloads = self._command(Preload())

    def _environment(self) -> dict[str, str]:
        """Nothing of the server's but what programs need to run: secrets live in environments."""
        paths = [str(_PACKAGE_FOLDER), *self._orders.settings.import_paths]
        environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "LANG": "C.UTF-8",
            "HOME": "/nonexistent",
            "PYTHONPATH": os.pathsep.join(paths),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        if "TZ" in os.environ:
            environment["TZ"] = os.environ["TZ"]
        return environment

    def _command(self, command: Command) -> bool:
        with contextlib.suppress(OSError):  # a dead one shows in collect()
            self._socket.send(msgspec.msgpack.encode(command), socket.MSG_NOSIGNAL | socket.MSG_DONTWAIT)
            return True
        return False

    def _receive(self, flags: int) -> tuple[Announcement, list[int]]:
        try:
            # Not socket.recv_fds: Python 3.11's forgets the flags.
            content, ancillary, _, _ = self._socket.recvmsg(_ANNOUNCEMENT_BYTES_MAX, _ANCILLARY_BYTES_MAX, flags)
        except ConnectionError as error:
            raise EOFError from error
        if not content:
            raise EOFError
        announcement = msgspec.msgpack.decode(content, type=Announcement)
        if isinstance(announcement, Hello):
            self.hello = announcement
        handles = array("i", b"".join(data for _, _, data in ancillary))
        return announcement, handles.tolist()

    def _worker(self, born: Born, handles: list[int]) -> ForkedWorker:
        has_namespace = self.hello is not None and self.hello.namespace != ""
        return ForkedWorker(
            ProcessMark(pid=born.pid, started_ticks=born.started_ticks, boot_id=self._boot_id),
            (handles[0], handles[1], handles[2]),
            end_signal=signal.SIGKILL if has_namespace else signal.SIGHUP,
            log_bytes_max=self._orders.settings.log_bytes_max,
        )
