"""Assigns free processes: users take turns, and so do the runs of one user."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from procession.engine import decisions
from procession.engine.board import Board, Work
from procession.engine.changes import Change
from procession.engine.options import Tools
from procession.model.ids import UserId
from procession.model.lifecycle import StepStatus

READY_SECONDS_MAX = 1.0  # a process is forked in milliseconds; a fork server that fails must not cost everybody a slot


# A run whose steps wait: how many processes it has, when it last got one, its place in the order in which runs were
# taken, and the steps that may begin, the next one last. The smallest goes first; no two have the same place.
_Claim = tuple[int, int, int, Board, list[str]]


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
        users = self._users(boards, used)
        free = self._tools.settings.workers_max - used.total()
        held: set[UserId] = set()  # a slot each, until the process that is being made for them is ready
        while users and free > len(held - {users[0][-1].id}):
            user = heapq.heappop(users)[-1]
            if self._serve(user, change_of):
                free -= 1
            elif self._is_soon_ready(user.id):
                held.add(user.id)
            if user.claims:
                heapq.heappush(users, user.rank())
        for rank in users:
            for *_, board, keys in rank[-1].claims:
                _line_up(board, keys, change_of)

    def _users(self, boards: tuple[Board, ...], used: Counter[UserId]) -> list[tuple[int, int, int, _User]]:
        users: dict[UserId, _User] = {}
        for place, board in enumerate(boards):
            keys = board.due()[::-1] if board.waiting else None
            if not keys:
                continue
            name = board.user.id
            if (user := users.get(name)) is None:
                user = users[name] = _User(name, used[name], self._user_turns.get(name, 0), place)
            heapq.heappush(user.claims, (board.processes(), board.turn, place, board, keys))
        ranks = [user.rank() for user in users.values()]
        heapq.heapify(ranks)
        return ranks

    def _serve(self, user: _User, change_of: Callable[[Board], Change]) -> bool:
        """Starts the next step of the user's first claim. Returns whether it took a process."""
        processes, turn, place, board, keys = heapq.heappop(user.claims)
        has_begun = self._begin(board, keys.pop(), change_of)
        if has_begun:
            self._unready.pop(user.id, None)
            self._turn += 1
            self._user_turns[user.id] = user.turn = board.turn = turn = self._turn
            user.used, processes = user.used + 1, processes + 1
        if keys:
            heapq.heappush(user.claims, (processes, turn, place, board, keys))
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


def _line_up(board: Board, keys: list[str], change_of: Callable[[Board], Change]) -> None:
    """Asks for a change only if there is one: asking makes the loop turn again."""
    for key in reversed(keys):
        if board.statuses[key] is StepStatus.NOT_STARTED:
            decisions.line_up(board, change_of(board), key)
