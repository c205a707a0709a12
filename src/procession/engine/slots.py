"""Assigns free processes: users take turns, and so do the runs of one user."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from procession.engine import decisions
from procession.engine.active_run import Board, Work
from procession.engine.changes import Change
from procession.engine.options import Tools
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
    board: Board = field(compare=False)
    keys: list[str] = field(compare=False)  # the steps that may begin, the next one last


class Slots:
    """Belongs to the loop's thread. Remembers turns, so nobody is left out with more users than slots."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._turn = 0
        self._user_turns: dict[UserId, int] = {}
        # Since when (monotonic) no process was ready for the next step of a user.
        self._unready: dict[UserId, float] = {}

    def assign(self, boards: Iterable[Board], *, change_of: Callable[[Board], Change]) -> None:
        """Starts waiting steps while processes are free; the others become Scheduled."""
        boards = tuple(boards)
        if not any(board.waiting for board in boards):
            return
        used: Counter[UserId] = Counter()
        for board in boards:
            used[board.user.id] += board.processes()
        claims = self._claims(boards, used)
        free = self._tools.settings.workers_max - used.total()
        held: set[UserId] = set()  # a slot each, until the process that is being made for them is ready
        while claims and free > len(held - {claims[0].board.user.id}):
            user = claims[0].board.user.id
            if self._serve(claims, used, change_of):
                free -= 1
            elif self._is_soon_ready(user):
                held.add(user)
        for claim in claims:
            _line_up(claim, change_of)

    def _claims(self, boards: tuple[Board, ...], used: Counter[UserId]) -> list[_Claim]:
        claims: list[_Claim] = []
        for place, board in enumerate(boards):
            if not board.waiting:
                continue
            keys = board.due()[::-1]
            if keys:
                turn = self._user_turns.get(board.user.id, 0)
                claims.append(
                    _Claim(used[board.user.id], turn, board.processes(), board.turn, place, board=board, keys=keys)
                )
        heapq.heapify(claims)
        return claims

    def _serve(self, claims: list[_Claim], used: Counter[UserId], change_of: Callable[[Board], Change]) -> bool:
        """Starts the next step of the first claim. Returns whether it took a process."""
        claim = heapq.heappop(claims)
        user = claim.board.user.id
        is_first = (claim.of_user, claim.user_turn) == (used[user], self._user_turns.get(user, 0))
        claim.of_user, claim.user_turn = used[user], self._user_turns.get(user, 0)
        has_begun = is_first and self._begin(claim.board, claim.keys.pop(), change_of)
        if has_begun:
            self._unready.pop(user, None)
            self._turn += 1
            self._user_turns[user] = claim.user_turn = claim.board.turn = claim.run_turn = self._turn
            used[user] += 1
            claim.of_user, claim.of_run = used[user], claim.of_run + 1
        if claim.keys:
            heapq.heappush(claims, claim)
        return has_begun

    def _is_soon_ready(self, user: UserId) -> bool:
        """Whether to keep a slot for the user's next step: one that takes it meanwhile may take it for hours."""
        since = self._unready.get(user)
        return since is not None and self._tools.clock.monotonic() - since < READY_SECONDS_MAX

    def _begin(self, board: Board, key: str, change_of: Callable[[Board], Change]) -> bool:
        """False while no process is ready; the loop hears when one is."""
        step = board.prepared.process.step(key)
        assert step is not None
        action = self._tools.actions.get(step.action)
        is_users = action is None or action.runs_user_code
        worker = self._tools.isolation.acquire(user_code=is_users, network=key in board.prepared.networked)
        if worker is None:
            self._unready.setdefault(board.user.id, self._tools.clock.monotonic())
            return False
        change = change_of(board)
        work = Work(
            board=board,
            key=key,
            step=step,
            worker=worker,
            number=board.tries.get(key, 0) + 1,
            began=self._tools.clock.monotonic(),
            began_at=change.now,
        )
        decisions.begin(board, change, work)
        return True


def _line_up(claim: _Claim, change_of: Callable[[Board], Change]) -> None:
    """Asks for a change only if there is one: asking makes the loop turn again."""
    for key in reversed(claim.keys):
        if claim.board.statuses[key] is StepStatus.NOT_STARTED:
            decisions.line_up(claim.board, change_of(claim.board), key)
