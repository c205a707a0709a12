"""Workers kept ready: forked in advance for one attempt, or warm for built-in actions (contract.Isolation).

Those for steps that reach outside are forked by a fork server of their own, which is started with the first such step.
"""

from __future__ import annotations

import contextlib
import logging
import os
import select
from collections import deque
from dataclasses import dataclass, field

from procession.engine.isolation import kill, processes, walls
from procession.engine.isolation.connection import ForkServerConnection
from procession.engine.isolation.contract import Heartbeat, KillReceipt, ProcessMark, Worker
from procession.engine.isolation.options import IsolationSettings, Orders
from procession.engine.isolation.worker import ForkedWorker
from procession.shortages import is_shortage
from procession.walls import Wall

log = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True)
class _WorkerGroup:
    """The workers of one kind: those ready and those in use."""

    connection: ForkServerConnection
    orders: Orders
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
        if not self.orders.is_used_once:
            there = len(self.ready) + len(self.used) + self.connection.asked
            missing = min(missing, self.used_max - there)
        self.connection.ask(missing)


class ForkServerIsolation:
    """Steps in forked processes of their own. One thread calls everything but Worker.kill and reap.

    A shortage raises nothing after start(): `is_short` asks for try_again() in a moment.
    """

    def __init__(self, settings: IsolationSettings | None = None) -> None:
        self._settings = settings or IsolationSettings()
        self._groups: tuple[_WorkerGroup, ...] = ()
        self._events = select.epoll()
        self._wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._events.register(self._wake, select.EPOLLIN)
        self._was_refused = False
        self._boot_id = processes.boot_id()
        self._lacks_reaching = False  # its fork server could not be started

    def start(self) -> None:
        """Start both fork servers and have the first workers forked; returns before they are ready.

        A second call changes nothing: walls() is for before the engine starts, and the engine starts it too.
        """
        if self._groups:
            return
        kinds = [(True, False), (True, True)] if self._settings.network_allowed else [(True, False)]
        kinds = [
            *(kinds if self._settings.user_ready else []),
            *([(False, False)] if self._settings.warm_ready else []),
        ]
        orders = (Orders(settings=self._settings, user_code=user, network=network) for user, network in kinds)
        self._groups = tuple(self._new_group(one) for one in orders)
        for group in self._groups:
            self._hear(group)

    def acquire(self, *, user_code: bool, network: bool = False, reaching: bool = False) -> Worker | None:
        # Where steps get no network, the step itself says so.
        wanted = (user_code, network and self._settings.network_allowed, reaching)
        group = self._open_reaching() if reaching else self._group_of(*wanted)
        if group is not None and not user_code:
            group.connection.preload()
        worker = self._take(group) if group is not None and len(group.used) < group.used_max else None
        self._was_refused = self._was_refused or worker is None
        return worker

    @property
    def is_short(self) -> bool:
        return self._lacks_reaching or any(group.is_short() for group in self._groups)

    def try_again(self) -> None:
        if self._lacks_reaching:
            self._open_reaching()
        for group in self._groups:
            group.has_lost = group.connection.is_short = False
            if not group.connection.is_up:
                group.connection.restart()
            self._hear(group)

    def fileno(self) -> int:
        return self._events.fileno()

    def collect(self) -> None:
        for handle, _ in self._events.poll(0):
            if handle == self._wake:
                with contextlib.suppress(BlockingIOError):
                    os.eventfd_read(self._wake)
            elif group := next((group for group in self._groups if group.connection.fileno() == handle), None):
                self._collect_born(group)
            else:
                self._look_at(handle)

    def release(self, worker: Worker) -> None:
        assert isinstance(worker, ForkedWorker)
        for group in self._groups:
            if worker in group.used:
                group.used.discard(worker)
                self._put_back(group, worker)
        if self._was_refused:
            self._was_refused = False
            os.eventfd_write(self._wake, 1)

    def rest(self) -> None:
        # Not before: whoever comes back may go on at once, which saves two calls for watching it; and a fork takes the
        # core from the commit that a step waits for (its first line came 1 ms later, and 4 ms in the slowest of 100).
        for group in self._groups:
            while group.unwatched:
                self._watch(group, group.unwatched.pop())
            group.refill()

    def reap(self, mark: ProcessMark) -> KillReceipt | None:
        return kill.end(mark, grace_seconds=0)

    def walls(self) -> tuple[Wall, ...]:
        """Waits until the fork server knows what the kernel allows."""
        return walls.of(self._groups[0].connection.wait_for_hello(), self._settings)

    def close(self) -> None:
        if self._events.closed:
            return
        for group in self._groups:
            for worker in (*group.ready, *group.used):
                worker.end()
            group.connection.close()
        self._groups = ()
        self._events.close()
        os.close(self._wake)

    def _group_of(self, *wanted: bool) -> _WorkerGroup:
        return next(one for one in self._groups if _kind(one.orders) == wanted)

    def _open_reaching(self) -> _WorkerGroup | None:
        """The group of steps that reach outside. None where its fork server cannot be started for a shortage."""
        orders = Orders(settings=self._settings, user_code=False, reaching=True)
        if not any(group.orders.reaching for group in self._groups):
            try:
                group = self._new_group(orders)
            except OSError as error:
                if not is_shortage(error):
                    raise
                log.error("the process that forks workers cannot be started", extra={"error": str(error)})
                self._lacks_reaching = True
                return None
            self._groups = (*self._groups, group)
            self._hear(group)
        self._lacks_reaching = False
        return self._group_of(*_kind(orders))

    def _new_group(self, orders: Orders) -> _WorkerGroup:
        wanted = self._settings.user_ready if orders.user_code else self._settings.warm_ready
        return _WorkerGroup(
            connection=ForkServerConnection(orders, self._boot_id),
            orders=orders,
            ready_wanted=1 if orders.network or orders.reaching else wanted,
            used_max=self._settings.workers_max,
        )

    def _take(self, group: _WorkerGroup) -> ForkedWorker | None:
        # The last one that came back is the warmest; of those for one attempt, the first was forked longest ago.
        while group.ready:
            worker = group.ready.popleft() if group.orders.is_used_once else group.ready.pop()
            self._forget(group, worker)
            if worker.is_alive():
                group.used.add(worker)
                return worker
            worker.end()
        return None

    def _put_back(self, group: _WorkerGroup, worker: ForkedWorker) -> None:
        if group.orders.is_used_once or worker.is_spent or not worker.is_over:
            worker.end()
            return
        group.ready.append(worker)
        group.unwatched.add(worker)

    def _watch(self, group: _WorkerGroup, worker: ForkedWorker) -> None:
        try:
            self._events.register(worker, select.EPOLLIN)
        except OSError:
            group.ready.remove(worker)
            worker.end()
            group.has_lost = True

    def _forget(self, group: _WorkerGroup, worker: ForkedWorker) -> None:
        if worker in group.unwatched:
            group.unwatched.discard(worker)
        else:
            self._events.unregister(worker)

    def _collect_born(self, group: _WorkerGroup) -> None:
        handle = group.connection.fileno()
        workers, is_there = group.connection.collect()
        for worker in workers:
            group.ready.append(worker)
            self._watch(group, worker)
        if not is_there:
            log.error("the fork server ended and is started again", extra={"kind": _kind(group.orders)})
            self._events.unregister(handle)
            group.is_heard = False
            self._clear(group)
            group.connection.restart()
            self._hear(group)
        group.refill()

    def _hear(self, group: _WorkerGroup) -> None:
        if group.connection.is_up and not group.is_heard:
            with contextlib.suppress(OSError):
                self._events.register(group.connection, select.EPOLLIN)
                group.is_heard = True
        group.refill()

    def _clear(self, group: _WorkerGroup) -> None:
        """Forget the ready ones of a dead fork server; those in use say themselves that they died."""
        for worker in group.ready:
            self._forget(group, worker)
            worker.end()
        group.ready.clear()
        for worker in group.used:
            worker.is_spent = True

    def _look_at(self, handle: int) -> None:
        """A ready worker stirred: it died, or has long had nothing to do."""
        for group in self._groups:
            for worker in [worker for worker in group.ready if worker.fileno() == handle]:
                is_tired = any(isinstance(message, Heartbeat) for message in worker.receive())
                group.has_lost = group.has_lost or worker.is_spent
                if worker.is_spent or (is_tired and len(group.ready) > group.ready_wanted):
                    group.ready.remove(worker)
                    self._forget(group, worker)
                    worker.end()
            group.refill()


def _kind(orders: Orders) -> tuple[bool, bool, bool]:
    return orders.user_code, orders.network, orders.reaching
