"""Which runs may be deleted, and what goes with them: every statement that deletes a run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from procession.model.ids import ProcessId, RunId
from procession.store import audit, conditions, times
from procession.store import runs as runs_store
from procession.store.database import SealedRow, Transaction

# Deleted together with a run. Any other reference keeps the run.
_OWN = ("step", "step_attempt", "history", "approval", "run_preparer", "follow_up")
_OWN_BY_ONE_COLUMN = {("child_run", "run_id")}  # by the other, a run is kept while the one that started it is


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionRule:
    """Runs that are both older and not among the newest; None asks nothing."""

    ended_before: datetime | None = None
    keep: int | None = None  # of each process
    processes: tuple[ProcessId, ...] = ()  # (): all


@dataclass(frozen=True, slots=True, kw_only=True)
class OldRun:
    id: RunId
    name: str
    process: ProcessId
    process_name: str
    version: int
    result: str  # the outcome, else the status
    ended_at: datetime


_ENDED = "coalesce(r.finished_at, r.scheduled_at, r.created_at)"  # one cancelled before it began has no end


def runs(tx: Transaction, rule: RetentionRule, *, among: Collection[RunId] | None = None) -> list[OldRun]:
    """Those that the rule lets go, oldest first; of a process's final runs the newest are counted first.

    Try-outs are counted by themselves: whoever tries a draft often must not use up what is kept of real runs.

    Never one that waits, runs or was not started; nor one whose processes may still live, or whose end is still to be
    told by mail; nor one that something else names, such as the version of a table that it wrote.
    """
    where, parameters = _where(tx, rule, among)
    rows = tx.all(
        "SELECT r.id, r.name, r.process_id, p.name, r.version, coalesce(r.outcome, r.status), "
        f"{_ENDED} FROM (SELECT *, row_number() OVER (PARTITION BY process_id, version < 0 ORDER BY id DESC) AS place"
        " FROM run WHERE status IN ('Finished', 'Cancelled', 'TimedOut')) r JOIN process p ON p.id = r.process_id"
        f" WHERE {where} ORDER BY r.id",
        *parameters,
    )
    return [
        OldRun(
            id=RunId(number),
            name=name,
            process=ProcessId(process),
            process_name=process_name,
            version=version,
            result=result,
            ended_at=times.from_column(ended_at),
        )
        for number, name, process, process_name, version, result, ended_at in rows
    ]


_HAS_NO_FOLLOW_UP = (
    "NOT EXISTS (SELECT 1 FROM follow_up f WHERE f.run_id = r.id AND f.state = 'Waiting'"
    " AND (f.is_at_work = 1 OR r.status <> 'Cancelled'))"
)


def _where(tx: Transaction, rule: RetentionRule, among: Collection[RunId] | None) -> tuple[str, tuple[Any, ...]]:
    return conditions.given(
        ("NOT EXISTS (SELECT 1 FROM step_attempt a WHERE a.run_id = r.id AND a.is_gone = 0)",),
        # It would go with the history that it tells of.
        ("NOT EXISTS (SELECT 1 FROM outbox o WHERE o.run_id = r.id AND o.sent_at IS NULL AND o.given_up_at IS NULL)",),
        # It says what is to happen to files elsewhere; of a cancelled run nothing does.
        (_HAS_NO_FOLLOW_UP,),
        *(
            (f"NOT EXISTS (SELECT 1 FROM {table} x WHERE x.{column} = r.id)",)
            for table, column in tx.references("run")
            if table not in _OWN and (table, column) not in _OWN_BY_ONE_COLUMN
        ),
        # Counted before the other conditions: "the newest ten" must not depend on their age.
        ("r.place > ?", rule.keep),
        (f"{_ENDED} < ?", times.maybe_to_column(rule.ended_before)),
        *([_one_of("r.process_id", rule.processes)] if rule.processes else []),
        *([] if among is None else [_one_of("r.id", among)]),
    )


def _one_of(column: str, ids: Collection[RunId] | Collection[ProcessId]) -> tuple[Any, ...]:
    return f"{column} IN ({', '.join('?' * len(ids)) or 'NULL'})", *(one.number for one in ids)


# Texts to be filled in: the same runs are named ten times.
_STEPS = "(SELECT id FROM step WHERE run_id IN ({runs}))"
_PROPERTIES = f"(SELECT id FROM property WHERE step_id IN {_STEPS})"
_FILES = f"(SELECT id FROM file WHERE property_id IN {_PROPERTIES})"
# Children before parents: only the outbox cascades, with the history. A reference that is forgotten stops the deletion.
_DELETIONS = (
    f"DELETE FROM upload_chunk WHERE session_id IN (SELECT id FROM upload_session WHERE file_id IN {_FILES})",
    f"DELETE FROM upload_session WHERE file_id IN {_FILES}",
    f"DELETE FROM child_input WHERE property_id IN {_PROPERTIES}",
    f"DELETE FROM property_write WHERE property_id IN {_PROPERTIES}",
    f"DELETE FROM file WHERE property_id IN {_PROPERTIES}",
    f"DELETE FROM property WHERE step_id IN {_STEPS}",
    f"DELETE FROM table_read WHERE attempt_id IN (SELECT id FROM step_attempt WHERE step_id IN {_STEPS})",
    f"DELETE FROM journal_entry WHERE attempt_id IN (SELECT id FROM step_attempt WHERE step_id IN {_STEPS})",
    "DELETE FROM follow_up WHERE run_id IN ({runs})",
    "DELETE FROM approval_vote WHERE attempt_id IN (SELECT attempt_id FROM approval WHERE run_id IN ({runs}))",
    "DELETE FROM approval WHERE run_id IN ({runs})",
    "DELETE FROM child_run WHERE run_id IN ({runs})",
    "DELETE FROM run_preparer WHERE run_id IN ({runs})",
    f"DELETE FROM step_attempt WHERE step_id IN {_STEPS}",
    "DELETE FROM history WHERE run_id IN ({runs})",
    "DELETE FROM step WHERE run_id IN ({runs})",
    "DELETE FROM run WHERE id IN ({runs})",
)


def remove(tx: Transaction, found: Sequence[OldRun]) -> None:
    """The runs with their steps, values, attempts and history. Their contents and logs lie in the folders still."""
    _remove(tx, [run.id.number for run in found])


def remove_unstarted(tx: Transaction, run: RunId) -> None:
    """One that was never started, with what was kept for it. Raises runs.Superseded once it has started."""
    row = tx.one("SELECT status, attempt FROM run WHERE id = ?", run.number)
    if row != ("NotStarted", 0):
        raise runs_store.Superseded
    _remove(tx, [run.number])


def _remove(tx: Transaction, numbers: Sequence[int]) -> None:
    if not numbers:
        return
    # Their hashes stay in the trail, which tells from now on why their rows are gone.
    tx.seal([SealedRow(kind=audit.REMOVED, number=number) for number in numbers])
    for statement in _DELETIONS:
        tx.run(statement.format(runs=", ".join("?" * len(numbers))), *numbers)


def history_sha256(tx: Transaction, run: RunId) -> str:
    """Over every row of the run's history: what is left to compare a backup or an export with."""
    rows = tx.all(
        "SELECT revision, at, attempt, kind, step_id, user_login, detail FROM history WHERE run_id = ?"
        " ORDER BY revision",
        run.number,
    )
    # The columns as they are stored: a change of how they are shown must not change the hash.
    return hashlib.sha256("\n".join(json.dumps(row) for row in rows).encode()).hexdigest()


def contents_of(tx: Transaction, found: Collection[RunId]) -> dict[str, int]:
    """SHA-256 and size of the contents that nothing but these runs names."""
    # In one pass over all rows: a query for each content would be as many as there are files.
    going, named, staying = {run.number for run in found}, {}, set()
    for sha256, size, run in _named(tx):
        if run in going:
            named[sha256] = size
        else:
            staying.add(sha256)
    return {sha256: size for sha256, size in named.items() if sha256 not in staying}


def _named(tx: Transaction) -> Iterator[tuple[str, int, int | None]]:
    return iter(
        tx.all(
            "SELECT f.sha256, f.size, s.run_id FROM file f JOIN property q ON q.id = f.property_id"
            " JOIN step s ON s.id = q.step_id WHERE f.sha256 IS NOT NULL"
            " UNION SELECT w.sha256, w.size, s.run_id FROM property_write w JOIN property q ON q.id = w.property_id"
            " JOIN step s ON s.id = q.step_id WHERE w.sha256 IS NOT NULL"
            " UNION SELECT sha256, size, NULL FROM table_part"
        )
    )


def is_named(tx: Transaction, sha256: str) -> bool:
    """Whether any row names this content now."""
    row = tx.one(
        "SELECT EXISTS (SELECT 1 FROM file WHERE sha256 = ?)"
        " OR EXISTS (SELECT 1 FROM property_write WHERE sha256 = ?)"
        " OR EXISTS (SELECT 1 FROM table_part WHERE sha256 = ?)",
        *(sha256,) * 3,
    )
    assert row is not None
    (found,) = row
    return bool(found)


def attempts(tx: Transaction, *, first: int = 0, last: int = 2**63 - 1) -> set[int]:
    """The row ids of attempts, from the first to the last: each may have a log of that name."""
    return {attempt for (attempt,) in tx.all("SELECT id FROM step_attempt WHERE id BETWEEN ? AND ?", first, last)}


def attempts_of(tx: Transaction, found: Collection[RunId]) -> set[int]:
    going = {run.number for run in found}
    return {attempt for attempt, run in tx.all("SELECT id, run_id FROM step_attempt") if run in going}


def count_runs(tx: Transaction) -> int:
    row = tx.one("SELECT count(*) FROM run")
    assert row is not None
    (count,) = row
    return int(count)


def count_untold(tx: Transaction) -> int:
    """Runs whose end is still to be told by mail."""
    row = tx.one(
        "SELECT count(DISTINCT run_id) FROM outbox WHERE run_id IS NOT NULL AND sent_at IS NULL AND given_up_at IS NULL"
    )
    assert row is not None
    (count,) = row
    return int(count)


def users_of(tx: Transaction, sha256: str, *, mark: str = "") -> str:
    """Whose content this is, in the user's words; `mark` stands before and behind the name of a file."""
    row = tx.one(
        "SELECT u.name, s.run_id, s.process_id, s.key || '.' || q.key FROM (SELECT property_id, name FROM file"
        " WHERE sha256 = ? UNION ALL SELECT property_id, file_name FROM property_write WHERE sha256 = ?) u"
        " JOIN property q ON q.id = u.property_id JOIN step s ON s.id = q.step_id LIMIT 1",
        *(sha256,) * 2,
    )
    if row is not None:
        name, run, process, reference = row
        return f"{mark}{name}{mark} ({reference} of {RunId(run) if run else ProcessId(process)})"
    row = tx.one(
        "SELECT t.name FROM table_part p JOIN managed_table t ON t.id = p.table_id WHERE p.sha256 = ? LIMIT 1", sha256
    )
    if row is None:
        return "a file of no run"
    (table,) = row
    return f'rows of the table "{table}"'
