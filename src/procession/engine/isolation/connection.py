"""The server's side of one fork server: starts it, asks for workers, takes them in, starts it again when it dies."""

from __future__ import annotations

import contextlib
import logging
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

log = logging.getLogger(__name__)

_ANNOUNCEMENT_BYTES_MAX = 4096
_ANCILLARY_BYTES_MAX = socket.CMSG_SPACE(3 * array("i").itemsize)
_PAUSES_MAX = 8  # tries left out between two starts in vain
_HELLO_SECONDS_MAX = 20.0
_END_SECONDS_MAX = 5.0
_PACKAGE_FOLDER = Path(__file__).resolve().parents[3]  # the folder that holds the package procession


class ForkServerConnection:
    """A fork server of one kind. Its `fileno` changes when it is started again.

    What cannot be done now, for want of descriptors say, is done by a later call; `is_short` asks for one.
    """

    def __init__(self, orders: Orders, boot_id: str) -> None:
        self.hello: Hello | None = None
        self.asked = 0  # workers ordered that have not come yet
        self.is_short = False
        self.is_up = True
        self._orders = orders
        self._boot_id = boot_id
        self._starts_in_vain = 0
        self._pauses = 0
        self._preloads = False
        self._killed: list[subprocess.Popen[bytes]] = []  # not yet gone, or not yet reaped
        self._start()

    def fileno(self) -> int:
        return self._socket.fileno()

    def ask(self, count: int) -> None:
        """Orders more workers; they are announced when ready."""
        if count <= 0:
            return
        if self._command(Fork(count=count)):
            self.asked += count
        else:
            self.is_short = True

    def preload(self) -> None:
        """Have the heavy libraries imported, once."""
        if not self._preloads:
            self._preloads = True
            self._command(Preload())

    def collect(self) -> tuple[list[ForkedWorker], bool]:
        """The announced workers, and whether the fork server is alive."""
        workers: list[ForkedWorker] = []
        while True:
            try:
                announcement, handles = self._receive(socket.MSG_DONTWAIT)
            except BlockingIOError:
                return workers, True
            except EOFError:
                return workers, False
            except OSError:
                self.is_short = True
                return workers, True
            if isinstance(announcement, Born):
                self.asked = max(0, self.asked - 1)
                if (worker := self._worker(announcement, handles)) is not None:
                    workers.append(worker)

    def restart(self) -> None:
        """Restarts it; if that fails, later calls retry, less and less often."""
        if self.is_up:
            self._starts_in_vain = 0 if self.hello else self._starts_in_vain + 1
            self._pauses = min(2**self._starts_in_vain, _PAUSES_MAX) - 1
            self.is_up = False
            self._abandon()
        if self._pauses > 0:
            self._pauses -= 1
        else:
            self._try_to_start()
        self.is_short = not self.is_up

    def _abandon(self) -> None:
        """Ends one that hears nothing any more, without waiting: the engine's thread calls this."""
        self._socket.close()
        self._process.kill()
        self._killed.append(self._process)

    def _try_to_start(self) -> None:
        self._killed = [process for process in self._killed if process.poll() is None]
        try:
            self._start()
        except OSError as error:
            log.error("the process that forks workers cannot be started", extra={"error": str(error)})
        else:
            self.is_up = True

    def wait_for_hello(self) -> Hello | None:
        """What the fork server can do; waits for it at most twenty seconds. None when it does not come up."""
        self._socket.settimeout(_HELLO_SECONDS_MAX)
        try:
            while self.hello is None:
                self._receive(0)
        except (EOFError, OSError):
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
        for process in (self._process, *self._killed):
            process.wait()

    def _start(self) -> None:
        self.hello = None
        self.asked = 0
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            with theirs:
                self._process = self._popen(theirs.fileno())
        except OSError:
            ours.close()
            raise
        self._socket = ours
        if self._preloads or (self._orders.settings.preload_at_start and not self._orders.user_code):
            self._preloads = self._command(Preload())

    def _popen(self, number: int) -> subprocess.Popen[bytes]:
        orders = msgspec.json.encode(self._orders).decode()
        return subprocess.Popen(  # noqa: S603 - this Python and our own module
            [sys.executable, "-P", "-m", "procession.engine.isolation.forkserver", orders, str(number)],
            env=self._environment(),
            cwd="/",
            stdin=subprocess.DEVNULL,
            pass_fds=[number],
            start_new_session=True,
        )

    def _environment(self) -> dict[str, str]:
        """Nothing of the server's but what programs need to run: secrets live in environments."""
        paths = [str(_PACKAGE_FOLDER), *self._orders.settings.import_paths]
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "LANG": "C.UTF-8",
            "HOME": "/nonexistent",
            "PYTHONPATH": os.pathsep.join(paths),
            "PYTHONDONTWRITEBYTECODE": "1",
            # As CURRENT_DATE_TIME and SQL's now() are: else a run has two days for as long as the zones are apart.
            "TZ": "UTC",
        }

    def _command(self, command: Command) -> bool:
        with contextlib.suppress(OSError):  # collect() notices a dead one
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

    def _worker(self, born: Born, handles: list[int]) -> ForkedWorker | None:
        """None where there were not enough descriptors for it: it ends by itself when its handles are closed."""
        try:
            # The kernel drops those for which there is no room (MSG_CTRUNC), and says no more.
            channel, log_end, pidfd = handles
            return ForkedWorker(
                ProcessMark(pid=born.pid, started_ticks=born.started_ticks, boot_id=self._boot_id),
                (channel, log_end, pidfd),
                end_signal=signal.SIGKILL if self.hello and self.hello.namespace else signal.SIGHUP,
                log_bytes_max=self._orders.settings.log_bytes_max,
            )
        except (OSError, ValueError) as error:
            log.error("a worker was lost", extra={"error": str(error)})
            for handle in handles:
                os.close(handle)
            self.is_short = True
            return None
