"""Contents and logs that no row names are removed: replaced uploads, what pruned runs had, what a crash left.

The server looks at a small part at a time, `prune` at all of them. A content stays for a day after it was published
last, by the home's own time: the row that names it may not be written yet.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from procession.operations.home_time import HomeClock
from procession.operations.resources import Resources
from procession.store import checks, identity, retention
from procession.store.blobs import Blobs
from procession.store.crash import CrashPoint, pass_by
from procession.store.database import Database
from procession.store.step_logs import StepLogs

AGE = timedelta(hours=24)
# Each is a lock and an unlink; a tick must end within its second, and publishers wait for the lock.
REMOVED_AT_ONCE_MAX = 200
# A home has 256 parts and one for each thousand logs: all were looked at within the hour.
REST_SECONDS = 10.0


@dataclass(slots=True, kw_only=True)
class Swept:
    """What went. `waiting_bytes` are those of contents that no row names, and that are too young to go."""

    contents: int = 0
    logs: int = 0
    freed_bytes: int = 0
    waiting_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """`before`: contents published later stay; None where nobody else works on the home, who could have published."""

    database: Database
    blobs: Blobs
    step_logs: StepLogs
    before: datetime | None
    crash_point: CrashPoint = pass_by
    swept: Swept = field(default_factory=Swept)

    def contents(self, part: str, *, most: int | None = None) -> bool:
        """Removes those of a part that no row names, at most so many; False when there may be more."""
        # In this order, a content published in between is either named or not listed.
        there = self.blobs.stored(part)
        with self.database.read() as tx:
            unused = sorted(there - checks.contents(tx, part))
            if not unused:
                return True
            # The engine may keep the end of a step in memory, which names them, for as long as a disk is full.
            owes = self.database.write(self.database.owes)
            if owes:
                return True
            is_named = partial(retention.is_named, tx)
            for sha256 in unused:
                if most is not None and self.swept.contents >= most:
                    return False
                self._drop(sha256, is_named)
        return True

    def _drop(self, sha256: str, is_named: Callable[[str], bool]) -> None:
        # Asked again for each under its lock: a new run may have published the same content.
        size = self.blobs.drop(sha256, before=self.before, is_named=is_named)
        if size is None:
            self.swept.waiting_bytes += self.blobs.size_bytes(sha256) or 0
        else:
            self.swept.contents += 1
            self.swept.freed_bytes += size
            self.crash_point("content removed")

    def logs(self, part: str) -> None:
        """Removes those of a part whose attempts are gone."""
        there = self.step_logs.stored(part)
        if not there:
            return
        with self.database.read() as tx:
            kept = retention.attempts(tx, first=min(there), last=max(there))
        # A row is written before its log, and no number is used again.
        for attempt in sorted(set(there) - kept):
            self.swept.freed_bytes += self.step_logs.size_bytes(attempt)
            self.step_logs.remove(attempt)
            self.swept.logs += 1
            self.crash_point("log removed")


class Sweeper:
    """The server's: one part at each tick, round and round.

    `lease` gives whether files may be removed now; `finished` is told, by the home's own time, that all parts were
    looked at.
    """

    def __init__(
        self,
        database: Database,
        resources: Resources,
        *,
        lease: Callable[[], AbstractContextManager[bool]],
        finished: Callable[[datetime], object],
        crash_point: CrashPoint = pass_by,
    ) -> None:
        self._database = database
        self._resources = resources
        self._lease = lease
        self._finished = finished
        self._crash_point = crash_point
        self._left: deque[tuple[Callable[[Sweep, str], bool], str]] = deque()

    def tick(self) -> bool:
        """Always False: there is no hurry, and the disk has other work."""
        with self._lease() as is_free:
            # A backup reads files that rows may have stopped naming since its copy.
            if is_free and self._is_ours():
                self._sweep()
        return False

    def _is_ours(self) -> bool:
        """A copy may share its folder of contents with its original, whose rows nobody sees here."""
        with self._database.read() as tx:
            return identity.find(tx).original is None

    def _sweep(self) -> None:
        if not self._left:
            self._begin()
        work, part = self._left[0]
        sweep = Sweep(
            database=self._database,
            blobs=self._resources.blobs,
            step_logs=self._resources.step_logs,
            before=limit(self._resources.home_clock),
            crash_point=self._crash_point,
        )
        if work(sweep, part):
            self._left.popleft()
        if not self._left:
            self._finished(self._resources.home_clock.least())

    def _begin(self) -> None:
        self._left.extend((_contents, part) for part in self._resources.blobs.parts())
        self._left.extend((_logs, part) for part in self._resources.step_logs.parts())
        # A server that is started anew every half hour would never come to the last of them.
        self._left.rotate(int(self._resources.home_clock.least().timestamp() / REST_SECONDS))


def limit(home_clock: HomeClock) -> datetime:
    """Contents published before this may go. A wall clock that is set a year ahead makes none of them older."""
    return home_clock.least() - AGE


def _contents(sweep: Sweep, part: str) -> bool:
    return sweep.contents(part, most=REMOVED_AT_ONCE_MAX)


def _logs(sweep: Sweep, part: str) -> bool:
    sweep.logs(part)
    return True
