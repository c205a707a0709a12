"""The runs to take next: the oldest of each line, by an index, however many wait."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from procession.model.child_runs import DEPTH_MAX
from procession.model.ids import ProcessId, RunId, UserId
from procession.store.database import Row, Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The first run of a line: one user's runs of one process. `epoch` is as it was found, `since` only orders."""

    run: RunId
    user: UserId
    process: ProcessId
    version: int
    epoch: int
    since: int
    depth: int = 0  # so many runs above it wait for it


_ABOVE = "SELECT c.run_id FROM child_run c WHERE c.child_id = above.id AND c.waits = 1 ORDER BY c.attempt_id LIMIT 1"
_HEAD = (
    "r.id, r.started_by, r.process_id, r.version, r.epoch, r.scheduled_at,"
    f" (WITH RECURSIVE above (id, depth) AS (SELECT r.id, 0 UNION ALL SELECT ({_ABOVE}), depth + 1 FROM above"
    f" WHERE id IS NOT NULL AND depth < {DEPTH_MAX}) SELECT max(depth) FROM above WHERE id IS NOT NULL)"
)


class Lines:
    """The lines of scheduled runs as one transaction finds them; `without` are passed over."""

    def __init__(self, tx: Transaction, *, without: Collection[RunId]) -> None:
        self._tx = tx
        self._without = set(without)
        # Kept for the whole transaction: to take ten runs must not cost ten scans.
        self._heads = {(head.user, head.process): head for head in heads(tx, without=without)}

    def heads(self) -> Collection[Head]:
        return self._heads.values()

    def pass_by(self, head: Head) -> None:
        """The next of its line comes to the front. One that is of no line is no mistake."""
        line = head.user, head.process
        # Somebody passed it by already: passing twice would lose the run behind it.
        if self._heads.get(line) != head:
            return
        self._without.add(head.run)
        following = _next_of(self._tx, head, without=self._without)
        if following is None:
            del self._heads[line]
        else:
            self._heads[line] = following


def heads(tx: Transaction, *, without: Collection[RunId]) -> list[Head]:
    """One for each line of scheduled runs; `without` are passed over. Takes time by the lines, not by the runs."""
    # A skip scan by hand: SQLite has none for "the first row of each group".
    first = _first(without)
    # The texts are the constants of this file; the numbers travel as parameters. A comparison of pairs,
    # (user, process) > (?, ?), would be one search, but SQLite walks the lines of a user for it.
    of_user = first.format("n.started_by = head.started_by AND n.process_id > head.process_id")
    of_next_user = first.format("n.started_by > head.started_by")
    sql = (
        "WITH RECURSIVE head (id, started_by, process_id) AS ("
        f" SELECT r.id, r.started_by, r.process_id FROM run r WHERE r.id = ({first.format('n.started_by > 0')})"
        f" UNION ALL SELECT r.id, r.started_by, r.process_id FROM head"
        f" JOIN run r ON r.id = COALESCE(({of_user}), ({of_next_user})))"
        f" SELECT {_HEAD} FROM head JOIN run r ON r.id = head.id"
    )
    numbers = [run.number for run in without]
    return [_head(row) for row in tx.all(sql, *numbers, *numbers, *numbers)]


def _next_of(tx: Transaction, head: Head, *, without: Collection[RunId]) -> Head | None:
    """The first of the same line."""
    first = _first(without).format("n.started_by = ? AND n.process_id = ?")
    numbers = [run.number for run in without]
    sql = f"SELECT {_HEAD} FROM run r WHERE r.id = ({first})"
    row = tx.one(sql, *numbers, head.user.number, head.process.number)
    return None if row is None else _head(row)


def _first(without: Collection[RunId]) -> str:
    """A query for the id of the first of a line, its condition on the line left open."""
    passed = f" AND n.id NOT IN ({', '.join('?' * len(without))})" if without else ""
    return (
        f"SELECT n.id FROM run n WHERE n.status = 'Scheduled' AND n.is_held = 0{passed} AND {{}}"
        # The columns of the index, in its order: otherwise SQLite sorts every run that waits.
        " ORDER BY n.started_by, n.process_id, n.scheduled_at, n.id LIMIT 1"
    )


def running(tx: Transaction) -> list[Head]:
    """Every run that somebody has taken; one that is held belongs to the original of this home."""
    sql = f"SELECT {_HEAD} FROM run r WHERE r.status = 'Running' AND r.is_held = 0 ORDER BY r.id"
    return [_head(row) for row in tx.all(sql)]


def _head(row: Row) -> Head:
    run, user, process, version, epoch, since, depth = row
    return Head(
        run=RunId(run),
        user=UserId(user),
        process=ProcessId(process),
        version=version,
        epoch=epoch,
        since=since,
        depth=depth,
    )
