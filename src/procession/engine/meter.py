"""Counts what steps take while they run, and says who took too much: of the disk, of memory, of what others need.

Its own thread: counting takes time, and the engine's thread has none. A step that ends soon is never counted.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from procession import disk
from procession.engine.account import Account
from procession.engine.active_run import Work
from procession.engine.isolation.holdings import Observer
from procession.engine.isolation.limits import size_text
from procession.engine.options import EngineResources
from procession.loops import TickLoop

log = logging.getLogger(__name__)

REST_SECONDS = 0.1
LOOKS_APART_SECONDS = 0.25  # at one step
REST_FOR_A_LOOK = 20  # a look that took so long is followed by so many times that
VICTIMS_APART_SECONDS = 2.0  # what the last one held comes back meanwhile
# Whoever is stopped for the sake of others must have taken a good part of what is missing.
SHARE_OF_RESERVE = 8
FALL_SECONDS_MAX = 0.5
MEMORY_RESERVE_BYTES = 256 * 2**20  # or a twentieth of a smaller machine's memory
SHARE_OF_MEMORY = 20
CLOSE_SECONDS_MAX = 2.0


@dataclass(slots=True, kw_only=True, eq=False)
class _Watched:
    """One attempt, and what it had at the latest look."""

    work: Work
    account: Account
    due: float  # monotonic, of the next look


class Meter:
    """`over` is called, in the meter's thread, with an attempt to end and the reason in the user's words."""

    def __init__(self, resources: EngineResources, over: Callable[[Work, str], object]) -> None:
        self._limits = resources.settings.limits
        self._quota = resources.settings.quota
        self._actions = resources.actions
        self._folder = str(resources.work)
        self._monotonic = resources.clock.monotonic
        self._over = over
        self._watched: dict[Work, _Watched] = {}  # each method of it is one step of the interpreter
        self._victim_at = -VICTIMS_APART_SECONDS
        self._free, self._free_at = 0, 0.0  # of the disk, at the latest look
        self._observer: Observer | None = None
        self._loop = TickLoop("meter", self.tick, rest_seconds=REST_SECONDS)

    def start(self) -> None:
        self._loop.start()

    def close(self) -> None:
        self._loop.stop(deadline_seconds=CLOSE_SECONDS_MAX)

    def watch(self, work: Work) -> None:
        """From now on, until forget()."""
        action = self._actions.get(work.step.action)
        account = Account(
            keeper=work.worker.mark.pid,
            folder=f"{self._folder}/{work.attempt}",
            limits=self._limits,
            quota=self._quota,
            is_fresh=action is None or action.runs_user_code or action.reaches,
        )
        self._watched[work] = _Watched(work=work, account=account, due=self._monotonic() + LOOKS_APART_SECONDS)

    def forget(self, work: Work) -> None:
        self._watched.pop(work, None)

    def tick(self) -> bool:
        moment = self._monotonic()
        for watched in tuple(self._watched.values()):
            if watched.due <= moment:
                self._look(watched)
        if self._watched and moment - self._victim_at >= VICTIMS_APART_SECONDS:
            try:
                self._guard_disk()
                self._guard_memory()
            except OSError as error:  # a shortage, or the folder is gone: not asked ten times a second
                self._victim_at = moment
                log.warning("what is left of disk and memory could not be seen", extra={"error": str(error)})
        return False

    def _look(self, watched: _Watched) -> None:
        begun = time.thread_time()
        try:
            reason = self._count(watched)
        except OSError as error:  # a shortage: the next look may see
            log.warning("what a step takes could not be counted", extra={"error": str(error)})
            reason = None
        spent_seconds = time.thread_time() - begun
        watched.due = self._monotonic() + max(LOOKS_APART_SECONDS, spent_seconds * REST_FOR_A_LOOK)
        if reason is not None:
            self._end(watched, reason)

    def _end(self, watched: _Watched, reason: str) -> None:
        """Unless it has ended meanwhile: what was counted may have been of the next step of a warm process."""
        if self._watched.pop(watched.work, None) is watched:
            self._over(watched.work, reason)

    def _count(self, watched: _Watched) -> str | None:
        """Why it must end, if so."""
        if self._observer is None:
            self._observer = Observer(disk=os.stat(self._folder).st_dev)  # noqa: PTH116 - as text, like all here
        return watched.account.look(self._observer)

    def _guard_disk(self) -> None:
        """The database must find room: before there is none, whoever has taken most of it is stopped."""
        free = disk.free_bytes(self._folder)
        reserve = disk.reserve_bytes(self._folder, self._quota.free_bytes_min)
        # As it falls now, it may be below at the next look.
        if not reserve or free - self._fallen(free) >= reserve:
            return
        for watched in tuple(self._watched.values()):
            self._look(watched)  # what was counted before may be old
        if self._stop_hiding("the disk is nearly full"):
            return
        victim = max(self._watched.values(), key=_disk_bytes, default=None)
        if victim is not None and victim.account.disk_bytes >= reserve // SHARE_OF_RESERVE:
            self._sacrifice(
                victim,
                f"was stopped because the disk is nearly full: {size_text(free)} are left, {size_text(reserve)} are "
                "kept for the server (PROCESSION_FREE_BYTES_MIN), and this step had taken the most of all, "
                f"{size_text(victim.account.disk_bytes)}",
            )

    def _fallen(self, free: int) -> int:
        """By how much since the latest look, if that was just now."""
        moment = self._monotonic()
        fallen = max(self._free - free, 0) if moment - self._free_at < FALL_SECONDS_MAX else 0
        self._free, self._free_at = free, moment
        return fallen

    def _guard_memory(self) -> None:
        """The same for memory, before the kernel chooses whom to end."""
        total, free = _memory()
        reserve = min(MEMORY_RESERVE_BYTES, total // SHARE_OF_MEMORY)
        if free >= reserve or self._stop_hiding("the machine is short of memory"):
            return
        victim = max(self._watched.values(), key=_memory_bytes, default=None)
        if victim is not None and victim.account.memory_bytes >= reserve // SHARE_OF_RESERVE:
            self._sacrifice(
                victim,
                f"was stopped because the machine is short of memory: {size_text(free)} are left, and this step had "
                f"taken the most of all, {size_text(victim.account.memory_bytes)}",
            )

    def _stop_hiding(self, shortage: str) -> bool:
        """Whoever keeps things out of sight cannot be shown to have taken little."""
        victim = next((watched for watched in self._watched.values() if watched.account.hides), None)
        if victim is not None:
            self._sacrifice(victim, f"was stopped because {shortage}, and what this step holds cannot be seen")
        return victim is not None

    def _sacrifice(self, victim: _Watched, reason: str) -> None:
        self._victim_at = self._monotonic()
        log.warning("a step is stopped for the others' sake", extra={"attempt": victim.work.attempt, "why": reason})
        self._end(victim, reason)


def _disk_bytes(watched: _Watched) -> int:
    return watched.account.disk_bytes


def _memory_bytes(watched: _Watched) -> int:
    return watched.account.memory_bytes


def _memory() -> tuple[int, int]:
    """(all, available) of this machine, in bytes."""
    fields = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
    return tuple(int(fields[name].split()[0]) * 1024 for name in ("MemTotal", "MemAvailable"))  # type: ignore[return-value]
