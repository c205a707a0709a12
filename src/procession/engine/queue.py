"""Which waiting run is taken next: users take turns, and so do the processes of one user; a line keeps its order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence

from procession.model.ids import ProcessId, RunId, UserId
from procession.store.queueing import Head

PARKED_TIMES_MAX = 16  # so many times `runs_max` may be under work when most only wait: about 100 kB each
LINES_REMEMBERED_MAX = 10_000

_Line = tuple[UserId, ProcessId]


class FairQueue:
    """The user with the fewest runs under work goes first; among equals, the one served longest ago, as do processes.

    At most `runs_max` are under work, and `user_runs_max` of one user, without those that are parked: they only wait
    for the moment of a retry. A user
    with less than an even share may have another in a full house. Where a process limits its runs, its users take
    turns at it, whatever else they have.
    """

    def __init__(self, runs_max: int, *, user_runs_max: int | None = None) -> None:
        self._runs_max = runs_max
        self._user_runs_max = user_runs_max or runs_max
        self._under_work: dict[RunId, Head] = {}
        self._of_process: Counter[ProcessId] = Counter()
        self._turn = 0
        self._user_turns: dict[UserId, int] = {}
        self._line_turns: dict[_Line, int] = {}

    def __contains__(self, run: RunId) -> bool:
        """Whether the run is active."""
        return run in self._under_work

    def choose(
        self, heads: Collection[Head], limit_of: Callable[[Head], int | None], parked: Collection[RunId] = ()
    ) -> Head | None:
        """The one that may be taken now, None when all must wait. `limit_of`: how many of its process at once."""
        if not heads:
            return None
        used = Counter(head.user for run, head in self._under_work.items() if run not in parked)
        welcome = self._welcome(heads, used)
        order = self._inwards if self._is_crowded() else self._place
        welcome.sort(key=lambda head: (used[head.user], self._user_turns.get(head.user, 0), *order(head)))
        for head in welcome:
            limit = limit_of(head)
            if limit is None:
                return head
            if self._of_process[head.process] < limit:
                return self._first_of(head.process, welcome)
        return None

    def take(self, head: Head) -> None:
        self._under_work[head.run] = head
        self._of_process[head.process] += 1
        self._turn += 1
        self._user_turns[head.user] = self._turn
        # To forget all makes the next turns a little unfair, and bounds the memory without a clock.
        if len(self._line_turns) >= LINES_REMEMBERED_MAX:
            self._line_turns.clear()
        self._line_turns[head.user, head.process] = self._turn

    def leave(self, run: RunId) -> bool:
        """Returns whether the run was active."""
        head = self._under_work.pop(run, None)
        if head is None:
            return False
        self._of_process[head.process] -= 1
        # A Counter keeps its zeros, and so every process that ever ran.
        if not self._of_process[head.process]:
            del self._of_process[head.process]
        return True

    def _welcome(self, heads: Collection[Head], used: Counter[UserId]) -> list[Head]:
        """The users for whom there is room."""
        heads = [head for head in heads if used[head.user] < self._user_runs_max]
        if used.total() < self._runs_max and not self._is_crowded():
            return heads
        users = {head.user for head in heads} | {user for user, count in used.items() if count}
        share = max(self._runs_max // max(len(users), 1), 1)
        return [head for head in heads if used[head.user] < share]

    def _is_crowded(self) -> bool:
        """Whether as many only wait as may."""
        return len(self._under_work) >= PARKED_TIMES_MAX * self._runs_max

    def _inwards(self, head: Head) -> tuple[int, int, int, RunId]:
        """The deepest first: it gives back the room that those above it take, where one beside them takes more."""
        return -head.depth, *self._place(head)

    def _first_of(self, process: ProcessId, heads: Sequence[Head]) -> Head:
        line = [head for head in heads if head.process == process]
        return min(line, key=self._place)

    def _place(self, head: Head) -> tuple[int, int, RunId]:
        """When its line was last served, then when it was started."""
        return self._line_turns.get((head.user, head.process), 0), head.since, head.run
