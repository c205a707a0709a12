"""Which scheduled run is taken next: users take turns, each user's runs in the order in which they were started."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass

from procession.model.ids import ProcessId, RunId, UserId


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A scheduled run; `runs_at_once` is the limit of its process, None for no limit."""

    run: RunId
    process: ProcessId
    user: UserId
    runs_at_once: int | None


class FairQueue:
    """The user with the fewest runs under work goes first, among those the one who was served longest ago."""

    def __init__(self) -> None:
        self._waiting: dict[UserId, OrderedDict[RunId, Waiting]] = {}
        self._turns: dict[UserId, int] = {}
        self._turn = 0

    def __contains__(self, run: RunId) -> bool:
        return any(run in line for line in self._waiting.values())

    def __len__(self) -> int:
        return sum(len(line) for line in self._waiting.values())

    def add(self, waiting: Waiting) -> None:
        self._waiting.setdefault(waiting.user, OrderedDict()).setdefault(waiting.run, waiting)

    def drop(self, run: RunId) -> None:
        for line in self._waiting.values():
            line.pop(run, None)

    def next(self, busy: Iterable[Waiting]) -> Waiting | None:
        """Take out the next one that may begin beside those under work; None when all must wait."""
        under_work = tuple(busy)
        users = Counter(item.user for item in under_work)
        processes = Counter(item.process for item in under_work)
        order = sorted(self._waiting, key=lambda user: (users[user], self._turns.get(user, 0)))
        for user in order:
            for waiting in self._waiting[user].values():
                if waiting.runs_at_once is None or processes[waiting.process] < waiting.runs_at_once:
                    return self._take(waiting)
        return None

    def _take(self, waiting: Waiting) -> Waiting:
        line = self._waiting[waiting.user]
        del line[waiting.run]
        if not line:
            del self._waiting[waiting.user]
        self._turn += 1
        self._turns[waiting.user] = self._turn
        return waiting
