"""Which waiting run is taken next: users take turns, each one's runs go in the order of their start."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

from procession.model.ids import ProcessId, RunId, UserId
from procession.store.queueing import Head


class FairQueue:
    """The user with the fewest runs under work goes first, among those the one who was served longest ago.

    At most `runs_max` are under work; a user who has none may always have one.
    """

    def __init__(self, runs_max: int) -> None:
        self._runs_max = runs_max
        self._under_work: dict[RunId, Head] = {}
        self._of_user: Counter[UserId] = Counter()
        self._of_process: Counter[ProcessId] = Counter()
        self._turns: dict[UserId, int] = {}
        self._turn = 0

    def __contains__(self, run: RunId) -> bool:
        """Whether it is under work."""
        return run in self._under_work

    def choose(self, heads: Iterable[Head], limit_of: Callable[[Head], int | None]) -> Head | None:
        """The one that may be taken now, None when all must wait. `limit_of`: how many of its process at once."""
        is_full = len(self._under_work) >= self._runs_max
        for head in sorted(heads, key=self._place):
            if is_full and self._of_user[head.user]:
                continue
            limit = limit_of(head)
            if limit is None or self._of_process[head.process] < limit:
                return head
        return None

    def take(self, head: Head) -> None:
        self._under_work[head.run] = head
        self._of_user[head.user] += 1
        self._of_process[head.process] += 1
        self._turn += 1
        self._turns[head.user] = self._turn

    def leave(self, run: RunId) -> bool:
        """Gives whether it was under work."""
        head = self._under_work.pop(run, None)
        if head is None:
            return False
        self._of_user[head.user] -= 1
        self._of_process[head.process] -= 1
        return True

    def _place(self, head: Head) -> tuple[int, int, int, int]:
        return self._of_user[head.user], self._turns.get(head.user, 0), head.since, head.run.number
