"""Who gets the next free process: users take turns, and so do the runs of one user."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from procession.engine import decisions
from procession.engine.board import Board, Work
from procession.engine.changes import Change
from procession.engine.options import Tools
from procession.model.ids import UserId


@dataclass(slots=True, order=True)
class _Claim:
    """A run whose steps wait for a process; the least one goes first."""

    of_user: int  # how many processes its user has
    of_run: int
    place: int  # in the order in which runs were taken
    board: Board = field(compare=False)
    keys: list[str] = field(compare=False)  # the steps that may begin, the next one last


def assign(boards: Iterable[Board], tools: Tools, *, change_of: Callable[[Board], Change]) -> None:
    """Let waiting steps begin while processes are free; where none is, they are Scheduled."""
    boards = tuple(boards)
    if not any(board.waiting for board in boards):
        return
    used: Counter[UserId] = Counter()
    for board in boards:
        used[board.user.id] += len(board.works)
    free = tools.settings.workers_max - used.total()
    claims = _claims(boards, used, tools.clock.now())
    while claims:
        claim = heapq.heappop(claims)
        if (now_used := used[claim.board.user.id]) > claim.of_user:
            claim.of_user = now_used
            heapq.heappush(claims, claim)
            continue
        key = claim.keys.pop()
        change = change_of(claim.board)
        if free <= 0:
            decisions.line_up(claim.board, change, key)
        elif (work := _prepare(claim.board, key, tools, change.now)) is not None:
            decisions.begin(claim.board, change, work)
            free -= 1
            used[claim.board.user.id] += 1
            claim.of_run += 1
        if claim.keys:
            heapq.heappush(claims, claim)


def _claims(boards: tuple[Board, ...], used: Counter[UserId], now: datetime) -> list[_Claim]:
    claims = []
    for place, board in enumerate(boards):
        keys = [key for key in reversed(board.waiting) if (due := board.retry_at.get(key)) is None or due <= now]
        if keys:
            claims.append(_Claim(used[board.user.id], len(board.works), place, board, keys))
    heapq.heapify(claims)
    return claims


def _prepare(board: Board, key: str, tools: Tools, now: datetime) -> Work | None:
    """A process for the step; None while none is ready, the loop hears when one is."""
    step = board.prepared.process.step(key)
    assert step is not None
    action = tools.actions.get(step.action)
    is_users = action is None or action.runs_user_code
    worker = tools.isolation.acquire(user_code=is_users, network=key in board.prepared.networked)
    if worker is None:
        return None
    return Work(
        board=board,
        key=key,
        step=step,
        worker=worker,
        number=board.tries.get(key, 0) + 1,
        began=tools.clock.monotonic(),
        began_at=now,
    )
