"""Runs that one step starts for many rows: every statement about the rows of a try (child_run, from place 1)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec
from msgspec.structs import replace

from procession.model import values
from procession.model.child_runs import CalledRow, RowCounts
from procession.model.ids import RunId, StepId
from procession.model.lifecycle import Outcome, RunStatus
from procession.model.steps import PropertyRow
from procession.store.child_runs import ChildState
from procession.store.database import Transaction

_SUCCEEDED = "r.status = 'Finished' AND r.outcome <> 'Failed'"
_ACTIVE = "r.status IN ('Scheduled', 'Running')"
# A cancel or a time limit ends the try: what waited then never starts, and no row is written to say so.
_STATE = (
    "CASE WHEN c.state = 'Waiting' AND NOT EXISTS (SELECT 1 FROM step_attempt t WHERE t.id = c.attempt_id"
    " AND t.status = 'Running') THEN 'LeftOut' ELSE c.state END"
)


class WaitingRow(msgspec.Struct, frozen=True, kw_only=True):
    place: int
    key: str
    given: dict[str, str | bool | None]


class TryOfRows(msgspec.Struct, frozen=True, kw_only=True):
    attempt: int  # the id of its row
    order: str  # of the step
    name: str
    is_past: bool  # the step is to run again, or has a later try that has no rows


class RowMove(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of a row that waited."""

    place: int
    state: ChildState
    child: RunId | None = None
    inputs: str = ""  # SHA-256 of all that the run was given
    why: str = ""


class ShownRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row and its run as it is now; `status` None: it has none."""

    place: int
    key: str
    state: ChildState
    child: RunId | None
    status: RunStatus | None
    outcome: Outcome | None
    problem: str

    @property
    def has_succeeded(self) -> bool:
        return self.status is RunStatus.FINISHED and self.outcome is not Outcome.FAILED

    @property
    def said(self) -> str:
        """Its state in a word."""
        match self.state, self.status, self.outcome:
            case ChildState.WAITING, _, _:
                return "waiting"
            case ChildState.LEFT_OUT, _, _:
                return "not started"
            case ChildState.REFUSED, _, _:
                return "refused"
            case _, RunStatus.FINISHED, Outcome.SUCCESS:
                return "succeeded"
            case _, RunStatus.FINISHED, Outcome.WARNING:
                return "remarks"
            case _, RunStatus.CANCELLED, _:
                return "cancelled"
            case _, RunStatus.TIMED_OUT, _:
                return "timed out"
            case _, RunStatus.FINISHED, _:
                return "failed"
            case _:
                return "under way"


def add(tx: Transaction, attempt: int, of: tuple[RunId, StepId], rows: Sequence[CalledRow]) -> None:
    """All of them wait."""
    run, step = of
    tx.many(
        "INSERT INTO child_run (attempt_id, place, row_key, run_id, step_id, given, waits, state)"
        " VALUES (?, ?, ?, ?, ?, ?, 1, 'Waiting')",
        [
            (attempt, place, row.key, run.number, step.number, msgspec.json.encode(row.given).decode())
            for place, row in enumerate(rows, start=1)
        ],
    )


def keep_inputs(tx: Transaction, attempt: int, inputs: Iterable[PropertyRow]) -> None:
    """What all runs of the try are given. The contents of files are those of a write of the run, and stay with it."""
    tx.many(
        "INSERT INTO child_input (attempt_id, property_id, value, file_name, sha256, size) VALUES (?, ?, ?, ?, ?, ?)",
        [
            (attempt, row.id.number, values.to_text(row.item.value), "", None, 0)
            if row.file is None
            else (attempt, row.id.number, None, row.file.name, row.file.sha256, row.file.size_bytes)
            for row in inputs
        ],
    )


def with_inputs(tx: Transaction, attempt: int, given: Mapping[str, PropertyRow]) -> dict[str, PropertyRow]:
    """The properties as they were kept. Rows of an earlier release have none: those are as given."""
    sql = "SELECT property_id, value, file_name, sha256, size FROM child_input WHERE attempt_id = ?"
    kept = {number: rest for number, *rest in tx.all(sql, attempt)}
    return {
        reference: _as_kept(row, *kept[row.id.number]) if row.id.number in kept else row
        for reference, row in given.items()
    }


def _as_kept(row: PropertyRow, value: str | None, name: str, sha256: str | None, size: int) -> PropertyRow:
    if row.file is not None:
        return replace(row, file=replace(row.file, name=name, sha256=sha256, size_bytes=size))
    return replace(row, item=replace(row.item, value=values.from_text(row.item.type, value)))


def waiting(tx: Transaction, attempt: int, *, limit: int) -> list[WaitingRow]:
    rows = tx.all(
        "SELECT place, row_key, given FROM child_run WHERE attempt_id = ? AND state = 'Waiting' ORDER BY place LIMIT ?",
        *(attempt, limit),
    )
    decode = msgspec.json.Decoder(dict[str, str | bool | None]).decode
    return [WaitingRow(place=place, key=key, given=decode(given)) for place, key, given in rows]


def started(tx: Transaction, attempt: int) -> list[tuple[int, bool, bool]]:
    """Of the runs whose end was not seen yet: place, whether it is over, and whether it came to nothing."""
    rows = tx.all(
        f"SELECT c.place, NOT ({_ACTIVE}), NOT ({_ACTIVE}) AND NOT ({_SUCCEEDED}) FROM child_run c"
        " JOIN run r ON r.id = c.child_id WHERE c.attempt_id = ? AND c.state = 'Started'",
        attempt,
    )
    return [(place, bool(is_over), bool(has_failed)) for place, is_over, has_failed in rows]


def see_over(tx: Transaction, attempt: int, places: Iterable[int]) -> None:
    tx.many(
        "UPDATE child_run SET state = 'Over' WHERE attempt_id = ? AND place = ? AND state = 'Started'",
        [(attempt, place) for place in places],
    )


def move(tx: Transaction, attempt: int, row: RowMove) -> None:
    tx.run(
        "UPDATE child_run SET state = ?, child_id = ?, inputs = ?, why = ?"
        " WHERE attempt_id = ? AND place = ? AND state = 'Waiting'",
        *(row.state, row.child and row.child.number, row.inputs, row.why, attempt, row.place),
    )


def leave_out(tx: Transaction, attempt: int) -> None:
    """None of those that wait will be started."""
    tx.run("UPDATE child_run SET state = 'LeftOut' WHERE attempt_id = ? AND state = 'Waiting'", attempt)


def progress(tx: Transaction, attempt: int) -> tuple[int, int]:
    """How many runs have ended, and of how many rows. Asks the first that waits: the rows begin in their order."""
    row = tx.one(
        "SELECT coalesce((SELECT max(place) FROM child_run WHERE attempt_id = ?), 0),"
        " (SELECT min(place) FROM child_run WHERE attempt_id = ? AND state = 'Waiting'),"
        " (SELECT count(*) FROM child_run WHERE attempt_id = ? AND state = 'Started')",
        *(attempt, attempt, attempt),
    )
    assert row is not None
    rows, first_waiting, under_way = row
    return (rows if first_waiting is None else first_waiting - 1) - under_way, rows


def has_active(tx: Transaction, attempt: int) -> bool:
    """Whether a run is under way, also one that somebody has restarted since it ended."""
    sql = f"SELECT 1 FROM child_run c JOIN run r ON r.id = c.child_id WHERE c.attempt_id = ? AND {_ACTIVE} LIMIT 1"
    return tx.one(sql, attempt) is not None


def counts(tx: Transaction, attempt: int) -> RowCounts:
    """As the runs stand now: one that somebody has mended by a restart counts as it ended then."""
    row = tx.one(
        f"SELECT coalesce(sum({_SUCCEEDED} AND r.outcome = 'Success'), 0),"
        f" coalesce(sum({_SUCCEEDED} AND r.outcome = 'Warning'), 0), coalesce(sum({_STATE} = 'Waiting'), 0),"
        f" coalesce(sum({_STATE} = 'LeftOut'), 0), coalesce(sum({_ACTIVE}), 0), count(*),"
        " coalesce(sum(EXISTS"
        " (SELECT 1 FROM child_run e WHERE e.child_id = c.child_id AND e.attempt_id < c.attempt_id)), 0)"
        " FROM child_run c LEFT JOIN run r ON r.id = c.child_id WHERE c.attempt_id = ? AND c.place > 0",
        attempt,
    )
    assert row is not None
    succeeded, warned, waits, left_out, active, rows, kept = map(int, row)
    return RowCounts(
        succeeded=succeeded,
        warned=warned,
        waiting=waits,
        left_out=left_out,
        under_way=active,
        failed=rows - succeeded - warned - waits - left_out - active,
        kept=kept,
    )


def versions(tx: Transaction, attempt: int) -> tuple[int, int]:
    """The lowest and the highest version that the runs follow which this try has started; 0 for none."""
    row = tx.one(
        "SELECT coalesce(min(r.version), 0), coalesce(max(r.version), 0) FROM child_run c"
        " JOIN run r ON r.id = c.child_id WHERE c.attempt_id = ? AND NOT EXISTS"
        " (SELECT 1 FROM child_run e WHERE e.child_id = c.child_id AND e.attempt_id < c.attempt_id)",
        attempt,
    )
    assert row is not None
    first, last = row
    return first, last


def lacking(tx: Transaction, attempt: int, names: Sequence[str]) -> list[str]:
    """Those "step.property" that some run which succeeded does not have."""
    sql = (
        f"SELECT 1 FROM child_run c JOIN run r ON r.id = c.child_id WHERE c.attempt_id = ? AND {_SUCCEEDED}"
        " AND NOT EXISTS (SELECT 1 FROM step s JOIN property p ON p.step_id = s.id"
        " WHERE s.run_id = c.child_id AND s.key = ? AND p.key = ? AND p.is_retired = 0) LIMIT 1"
    )
    return [name for name in names if tx.one(sql, attempt, *name.split(".")) is not None]


_SHOWN = (
    f"SELECT c.place, c.row_key, {_STATE}, c.child_id, r.status, r.outcome, coalesce(r.problem, c.why)"
    " FROM child_run c LEFT JOIN run r ON r.id = c.child_id WHERE c.attempt_id = ? AND c.place > 0"
)


def worst(tx: Transaction, attempt: int, *, limit: int) -> list[ShownRow]:
    """Those that failed first, then those with remarks, those under way, those that succeeded, those that wait."""
    order = (
        f"CASE WHEN c.state = 'LeftOut' THEN 5 WHEN c.state = 'Waiting' THEN 4 WHEN {_ACTIVE} THEN 2"
        f" WHEN {_SUCCEEDED} AND r.outcome = 'Success' THEN 3 WHEN {_SUCCEEDED} THEN 1 ELSE 0 END"
    )
    return [_shown(row) for row in tx.all(f"{_SHOWN} ORDER BY {order}, c.place LIMIT ?", attempt, limit)]


def between(tx: Transaction, attempt: int, first: int, last: int) -> list[ShownRow]:
    """In their order, both places included."""
    rows = tx.all(f"{_SHOWN} AND c.place BETWEEN ? AND ? ORDER BY c.place", attempt, first, last)
    return [_shown(row) for row in rows]


def _shown(row: Sequence[object]) -> ShownRow:
    place, key, state, child, status, outcome, problem = row
    return ShownRow(
        place=int(str(place)),
        key=str(key),
        state=ChildState(str(state)),
        child=None if child is None else RunId(int(str(child))),
        status=None if status is None else RunStatus(str(status)),
        outcome=None if outcome is None else Outcome(str(outcome)),
        problem=str(problem or ""),
    )


def texts(tx: Transaction, attempt: int, places: tuple[int, int], names: Sequence[str]) -> dict[tuple[int, str], str]:
    """What the runs hold in properties that are no files, by place and "step.property"; none for empty ones."""
    asked = ", ".join("?" * len(names))
    rows = tx.all(
        "SELECT c.place, s.key || '.' || p.key, p.value FROM child_run c JOIN step s ON s.run_id = c.child_id"
        " JOIN property p ON p.step_id = s.id WHERE c.attempt_id = ? AND c.place BETWEEN ? AND ?"
        f" AND p.value IS NOT NULL AND p.is_retired = 0 AND s.key || '.' || p.key IN ({asked})",
        *(attempt, *places, *names),
    )
    return {(place, name): value for place, name, value in rows}


def attempts_of_run(tx: Transaction, run: RunId) -> list[TryOfRows]:
    """Of each step that starts runs for rows its last try that had some."""
    rows = tx.all(
        "WITH last (step_id, attempt) AS (SELECT step_id, max(attempt_id) FROM child_run WHERE run_id = ? AND place = 1"
        " GROUP BY step_id) SELECT l.attempt, s.step_order, s.name, s.status IN ('NotStarted', 'Scheduled')"
        " OR EXISTS (SELECT 1 FROM step_attempt t WHERE t.step_id = s.id AND t.id > l.attempt)"
        " FROM last l JOIN step s ON s.id = l.step_id ORDER BY s.position",
        run.number,
    )
    return [
        TryOfRows(attempt=attempt, order=order, name=name, is_past=bool(is_past))
        for attempt, order, name, is_past in rows
    ]
