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


@dataclass(slots=True, order=True)
class _Claim:
    """A run whose steps wait for a process; the smallest claim goes first."""

    of_user: int  # how many processes its user has
    user_turn: int  # when its user last got one
    of_run: int
    run_turn: int
    place: int  # in the order in which runs were taken
    active: ActiveRun = field(compare=False)
    keys: list[str] = field(compare=False)  # the steps that may begin, the next one last


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
        claims = self._claims(active_runs, used)
        free = self._resources.settings.workers_max - used.total()
        held: set[UserId] = set()  # a slot each, until the process that is being made for them is ready
        while claims and free > len(held - {claims[0].active.user.id}):
            user = claims[0].active.user.id
            if self._serve(claims, used, change_of):
                free -= 1
            elif self._is_soon_ready(user):
                held.add(user)
        for claim in claims:
            _line_up(claim, change_of)

    def _claims(self, active_runs: tuple[ActiveRun, ...], used: Counter[UserId]) -> list[_Claim]:
        claims: list[_Claim] = []
        for place, active in enumerate(active_runs):
            if not active.waiting:
                continue
            keys = active.due()[::-1]
            if keys:
                turn = self._user_turns.get(active.user.id, 0)
                claims.append(
                    _Claim(used[active.user.id], turn, active.processes(), active.turn, place, active=active, keys=keys)
                )
        heapq.heapify(claims)
        return claims

    def _serve(self, claims: list[_Claim], used: Counter[UserId], change_of: Callable[[ActiveRun], Change]) -> bool:
        """Starts the next step of the first claim. Returns whether it took a process."""
        claim = heapq.heappop(claims)
        user = claim.active.user.id
        is_first = (claim.of_user, claim.user_turn) == (used[user], self._user_turns.get(user, 0))
        claim.of_user, claim.user_turn = used[user], self._user_turns.get(user, 0)
        has_begun = is_first and self._begin(claim.active, claim.keys.pop(), change_of)
        if has_begun:
            self._unready.pop(user, None)
            self._turn += 1
            self._user_turns[user] = claim.user_turn = claim.active.turn = claim.run_turn = self._turn
            used[user] += 1
            claim.of_user, claim.of_run = used[user], claim.of_run + 1
        if claim.keys:
            heapq.heappush(claims, claim)
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
        is_users = action is None or action.runs_user_code
        worker = self._resources.isolation.acquire(user_code=is_users, network=key in active.prepared.networked)
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


def _line_up(claim: _Claim, change_of: Callable[[ActiveRun], Change]) -> None:
    """Asks for a change only if there is one: asking makes the loop turn again."""
    for key in reversed(claim.keys):
        if claim.active.statuses[key] is StepStatus.NOT_STARTED:
            decisions.line_up(claim.active, change_of(claim.active), key)
