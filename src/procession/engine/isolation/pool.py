"""Workers kept ready: forked in advance for user code, warm for built-in actions (contract.Isolation)."""

from __future__ import annotations

import contextlib
import logging
import os
import select
from collections import deque
from dataclasses import dataclass, field

from procession.engine.isolation import kill, processes
from procession.engine.isolation.connection import ForkServerConnection
from procession.engine.isolation.contract import Heartbeat, KillReceipt, ProcessMark, Worker
from procession.engine.isolation.options import Hello, IsolationSettings, Orders
from procession.engine.isolation.worker import ForkedWorker

log = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True)
class _Shelf:
    """The workers of one kind: those ready and those in use."""

    connection: ForkServerConnection
    user_code: bool
    network: bool
    ready_wanted: int
    used_max: int
    ready: deque[ForkedWorker] = field(default_factory=deque)
    unwatched: set[ForkedWorker] = field(default_factory=set)  # of the ready: those that have just come back
    used: set[ForkedWorker] = field(default_factory=set)
    has_lost: bool = False  # a ready one, for no reason that is known
    is_heard: bool = False

    def is_short(self) -> bool:
        """Nothing is ordered meanwhile: what is forked would be lost again, at once and without an end."""
        return self.has_lost or not self.is_heard or self.connection.is_short

    def refill(self) -> None:
        """Order what is missing. Warm ones count together with those in use: they come back."""
        if self.is_short():
            return
        missing = self.ready_wanted - len(self.ready) - self.connection.asked
        if not self.user_code:
            there = len(self.ready) + len(self.used) + self.connection.asked
            missing = min(missing, self.used_max - there)
        self.connection.ask(missing)


class ForkServerIsolation:
    """Steps in forked processes of their own. One thread calls everything but Worker.kill and reap.

    A shortage raises nothing after start(): `is_short` asks for try_again() in a moment.
    """

    def __init__(self, settings: IsolationSettings | None = None) -> None:
        self._settings = settings or IsolationSettings()
        self._shelves: tuple[_Shelf, ...] = ()
        self._events = select.epoll()
        self._wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._events.register(self._wake, select.EPOLLIN)
        self._was_refused = False

    def start(self) -> None:
        """Start both fork servers and have the first workers forked; returns before they are ready.

        A second call changes nothing: describe() is for before the engine starts, and the engine starts it too.
        """
        if self._shelves:
            return
        boot_id = processes.boot_id()
        kinds = [(True, False), (True, True)] if self._settings.network_allowed else [(True, False)]
        kinds = [*(kinds if self._settings.user_ready else []), (False, False)]
        self._shelves = tuple(self._shelf(boot_id, user_code=user, network=network) for user, network in kinds)
        for shelf in self._shelves:
            self._hear(shelf)

    def acquire(self, *, user_code: bool, network: bool = False) -> Worker | None:
        # Where steps get no network, the step itself says so.
        shelf = self._shelf_of(user_code, network=network and self._settings.network_allowed)
        if not user_code:
            shelf.connection.preload()
        worker = self._take(shelf) if len(shelf.used) < shelf.used_max else None
        self._was_refused = self._was_refused or worker is None
        shelf.refill()
        return worker

    @property
    def is_short(self) -> bool:
        return any(shelf.is_short() for shelf in self._shelves)

    def try_again(self) -> None:
        for shelf in self._shelves:
            shelf.has_lost = shelf.connection.is_short = False
            if not shelf.connection.is_up:
                shelf.connection.restart()
            self._hear(shelf)

    def fileno(self) -> int:
        return self._events.fileno()

    def collect(self) -> None:
        for handle, _ in self._events.poll(0):
            if handle == self._wake:
                with contextlib.suppress(BlockingIOError):
                    os.eventfd_read(self._wake)
            elif shelf := next((shelf for shelf in self._shelves if shelf.connection.fileno() == handle), None):
                self._collect_born(shelf)
            else:
                self._look_at(handle)

    def release(self, worker: Worker) -> None:
        assert isinstance(worker, ForkedWorker)
        for shelf in self._shelves:
            if worker in shelf.used:
                shelf.used.discard(worker)
                self._put_back(shelf, worker)
                shelf.refill()
        if self._was_refused:
            self._was_refused = False
            os.eventfd_write(self._wake, 1)

    def rest(self) -> None:
        # Not in release(): while there is work, whoever comes back goes on at once, and watching costs two calls.
        for shelf in self._shelves:
            while shelf.unwatched:
                self._watch(shelf, shelf.unwatched.pop())

    def reap(self, mark: ProcessMark) -> KillReceipt | None:
        return kill.end(mark, grace_seconds=0)

    def describe(self) -> str:
        """One line for the start-up log; waits until the fork server knows what the kernel allows."""
        hello = self._shelves[0].connection.wait_for_hello()
        return _describe(hello, self._settings) if hello else "steps cannot run: the fork server does not start"

    def close(self) -> None:
        if self._events.closed:
            return
        for shelf in self._shelves:
            for worker in (*shelf.ready, *shelf.used):
                worker.end()
            shelf.connection.close()
        self._shelves = ()
        self._events.close()
        os.close(self._wake)

    def _shelf_of(self, user_code: bool, *, network: bool) -> _Shelf:
        return next(shelf for shelf in self._shelves if (shelf.user_code, shelf.network) == (user_code, network))

    def _shelf(self, boot_id: str, *, user_code: bool, network: bool) -> _Shelf:
        wanted = self._settings.user_ready if user_code else self._settings.warm_ready
        orders = Orders(settings=self._settings, user_code=user_code, network=network)
        return _Shelf(
            connection=ForkServerConnection(orders, boot_id),
            user_code=user_code,
            network=network,
            ready_wanted=1 if network else wanted,
            used_max=self._settings.workers_max,
        )

    def _take(self, shelf: _Shelf) -> ForkedWorker | None:
        # The last one that came back is the warmest; of those for user code, the first was forked longest ago.
        while shelf.ready:
            worker = shelf.ready.popleft() if shelf.user_code else shelf.ready.pop()
            self._forget(shelf, worker)
            if worker.is_alive():
                shelf.used.add(worker)
                return worker
            worker.end()
        return None

    def _put_back(self, shelf: _Shelf, worker: ForkedWorker) -> None:
        if shelf.user_code or worker.is_spent or not worker.is_over:
            worker.end()
            return
        shelf.ready.append(worker)
        shelf.unwatched.add(worker)

    def _watch(self, shelf: _Shelf, worker: ForkedWorker) -> None:
        try:
            self._events.register(worker, select.EPOLLIN)
        except OSError:
            shelf.ready.remove(worker)
            worker.end()
            shelf.has_lost = True

    def _forget(self, shelf: _Shelf, worker: ForkedWorker) -> None:
        if worker in shelf.unwatched:
            shelf.unwatched.discard(worker)
        else:
            self._events.unregister(worker)

    def _collect_born(self, shelf: _Shelf) -> None:
        handle = shelf.connection.fileno()
        workers, is_there = shelf.connection.collect()
        for worker in workers:
            shelf.ready.append(worker)
            self._watch(shelf, worker)
        if not is_there:
            log.error("the fork server ended and is started again", extra={"user_code": shelf.user_code})
            self._events.unregister(handle)
            shelf.is_heard = False
            self._clear(shelf)
            shelf.connection.restart()
            self._hear(shelf)
        shelf.refill()

    def _hear(self, shelf: _Shelf) -> None:
        if shelf.connection.is_up and not shelf.is_heard:
            with contextlib.suppress(OSError):
                self._events.register(shelf.connection, select.EPOLLIN)
                shelf.is_heard = True
        shelf.refill()

    def _clear(self, shelf: _Shelf) -> None:
        """Forget the ready ones of a dead fork server; those in use say themselves that they died."""
        for worker in shelf.ready:
            self._forget(shelf, worker)
            worker.end()
        shelf.ready.clear()
        for worker in shelf.used:
            worker.is_spent = True

    def _look_at(self, handle: int) -> None:
        """A ready worker stirred: it died, or has long had nothing to do."""
        for shelf in self._shelves:
            for worker in [worker for worker in shelf.ready if worker.fileno() == handle]:
                is_tired = any(isinstance(message, Heartbeat) for message in worker.receive())
                shelf.has_lost = shelf.has_lost or worker.is_spent
                if worker.is_spent or (is_tired and len(shelf.ready) > shelf.ready_wanted):
                    shelf.ready.remove(worker)
                    self._forget(shelf, worker)
                    worker.end()
            shelf.refill()


def _describe(hello: Hello, settings: IsolationSettings) -> str:
    own = (
        f"in a namespace of their own ({hello.namespace})" if hello.namespace else "as process trees under a subreaper"
    )
    files = f"files by Landlock {hello.landlock}" if hello.landlock else "files not restricted"
    network = "without network" if hello.network else "with the server's network"
    network += " unless a step asks for it" if hello.network and settings.network_allowed else ""
    ready = f"{settings.user_ready} for user code and {settings.warm_ready} warm ones kept ready"
    return f"steps run {own}, {files}, user code {network}; {ready}"
