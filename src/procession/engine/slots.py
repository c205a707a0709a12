"""Assigns free processes: users take turns, and so do the runs of one user."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from procession.engine import decisions
from procession.engine.active_run import ActiveRun, Work
from procession.engine.changes import Change
from procession.engine.options import EngineResources
from procession.model.ids import UserId
from procession.model.lifecycle import StepStatus

READY_SECONDS_MAX = 1.0  # a process is forked in milliseconds; a fork server that fails must not cost everybody a slot


# A run whose steps wait: how many processes it has, when it last got one, its place in the order in which runs were
# taken, and the steps that may begin, the next one last. The smallest goes first; no two have the same place.
_Claim = tuple[int, int, int, ActiveRun, list[str]]


@dataclass(slots=True, eq=False)
class _User:
    """A user whose runs wait: one heap of them, so that a turn of the user costs the same however many they are."""

    id: UserId
    used: int  # how many processes the user has
    turn: int  # when the user last got one
    place: int  # of the first run
    claims: list[_Claim] = field(default_factory=list)

    def rank(self) -> tuple[int, int, int, _User]:
        """The smallest goes first; no two have the same place."""
        return self.used, self.turn, self.place, self


class Slots:
    """Belongs to the loop's thread. Remembers turns, so nobody is left out with more users than slots."""

    def __init__(self, resources: EngineResources) -> None:
        self._resources = resources
        self._turn = 0
        self._user_turns: dict[UserId, int] = {}
        # Since when (monotonic) no process was ready for the next step of a user.
        self._unready: dict[UserId, float] = {}

    def assign(self, active_runs: Iterable[ActiveRun], *, change_of: Callable[[ActiveRun], Change]) -> None:
        """Starts waiting steps while processes are free; the others become Scheduled."""
        active_runs = tuple(active_runs)
        if not any(active.waiting for active in active_runs):
            return
        used: Counter[UserId] = Counter()
        for active in active_runs:
            used[active.user.id] += active.processes()
        users = self._users(active_runs, used)
        free = self._resources.settings.workers_max - used.total()
        held: set[UserId] = set()  # a slot each, until the process that is being made for them is ready
        while self._may_serve(users, free, held):
            user = heapq.heappop(users)[-1]
            if self._serve(user, change_of):
                free -= 1
            elif self._is_soon_ready(user.id):
                held.add(user.id)
            if user.claims:
                heapq.heappush(users, user.rank())
        for rank in users:
            for *_, active, keys in rank[-1].claims:
                _line_up(active, keys, change_of)

    def _may_serve(self, users: list[tuple[int, int, int, _User]], free: int, held: set[UserId]) -> bool:
        """Whether the next step of the first user may have a process; the others have no fewer than that one."""
        if not users or users[0][-1].used >= self._resources.settings.user_steps_max:
            return False
        return free > len(held - {users[0][-1].id})

    def _users(self, active_runs: tuple[ActiveRun, ...], used: Counter[UserId]) -> list[tuple[int, int, int, _User]]:
        users: dict[UserId, _User] = {}
        for place, active in enumerate(active_runs):
            keys = active.due()[::-1] if active.waiting else None
            if not keys:
                continue
            name = active.user.id
            if (user := users.get(name)) is None:
                user = users[name] = _User(name, used[name], self._user_turns.get(name, 0), place)
            heapq.heappush(user.claims, (active.processes(), active.turn, place, active, keys))
        ranks = [user.rank() for user in users.values()]
        heapq.heapify(ranks)
        return ranks

    def _serve(self, user: _User, change_of: Callable[[ActiveRun], Change]) -> bool:
        """Starts the next step of the user's first claim. Returns whether it took a process."""
        processes, turn, place, active, keys = heapq.heappop(user.claims)
        has_begun = self._begin(active, keys.pop(), change_of)
        if has_begun:
            self._unready.pop(user.id, None)
            self._turn += 1
            self._user_turns[user.id] = user.turn = active.turn = turn = self._turn
            user.used, processes = user.used + 1, processes + 1
        if keys:
            heapq.heappush(user.claims, (processes, turn, place, active, keys))
        return has_begun

    def _is_soon_ready(self, user: UserId) -> bool:
        """Whether to keep a slot for the user's next step: one that takes it meanwhile may take it for hours."""
        since = self._unready.get(user)
        return since is not None and self._resources.clock.monotonic() - since < READY_SECONDS_MAX

    def _begin(self, active: ActiveRun, key: str, change_of: Callable[[ActiveRun], Change]) -> bool:
        """False while no process is ready; the loop hears when one is."""
        step = active.prepared.process.step(key)
        assert step is not None
        action = self._resources.actions.get(step.action)
        worker = self._resources.isolation.acquire(
            user_code=action is None or action.runs_user_code,
            network=key in active.prepared.networked,
            reaching=action is not None and action.reaches,
        )
        if worker is None:
            self._unready.setdefault(active.user.id, self._resources.clock.monotonic())
            return False
        change = change_of(active)
        work = Work(
            active=active,
            key=key,
            step=step,
            worker=worker,
            number=active.tries.get(key, 0) + 1,
            began=self._resources.clock.monotonic(),
            began_at=change.now,
        )
        decisions.begin(active, change, work)
        return True


def _line_up(active: ActiveRun, keys: list[str], change_of: Callable[[ActiveRun], Change]) -> None:
    """Asks for a change only if there is one: asking makes the loop turn again."""
    for key in reversed(keys):
        if active.statuses[key] is StepStatus.NOT_STARTED:
            decisions.line_up(active, change_of(active), key)
