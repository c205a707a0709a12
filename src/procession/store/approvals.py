"""Steps that wait for people: every statement about what they decide."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec

from procession.model.approvals import Decision, Vote, VoteVerdict
from procession.model.ids import ProcessId, RunId, StepId, TableId, UserId
from procession.model.runs import HistoryKind
from procession.store import times
from procession.store.database import Transaction
from procession.store.step_rows import step_id


class ApprovalRow(msgspec.Struct, frozen=True, kw_only=True):
    """Of one try of a step, by the id of its attempt; `decision` None: open. `due` is by the home's own clock."""

    attempt: int
    run: RunId
    step: StepId
    opened_at: datetime
    due: datetime | None
    decision: Decision | None
    why: str


_ROW = "a.attempt_id, a.run_id, s.kind, a.step_id, a.opened_at, a.due, a.decision, a.why"
_FROM = "approval a JOIN step s ON s.id = a.step_id"
# Whatever ended the step or the run: what people say then comes too late.
_OPEN = (
    "a.decision IS NULL AND s.status = 'Running' AND EXISTS (SELECT 1 FROM step_attempt t WHERE t.id = a.attempt_id"
    " AND t.status = 'Running')"
)


def add(tx: Transaction, row: ApprovalRow) -> None:
    tx.run(
        "INSERT INTO approval (attempt_id, run_id, step_id, opened_at, due, decision, why)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        *(row.attempt, row.run.number, row.step.number, times.to_column(row.opened_at), times.maybe_to_column(row.due)),
        *(row.decision, row.why),
    )


def of_attempt(tx: Transaction, attempt: int) -> ApprovalRow | None:
    row = tx.one(f"SELECT {_ROW} FROM {_FROM} WHERE a.attempt_id = ?", attempt)
    return None if row is None else _row(row)


def latest_of_step(tx: Transaction, step: StepId) -> ApprovalRow | None:
    """Of its last try that asked anybody."""
    row = tx.one(f"SELECT {_ROW} FROM {_FROM} WHERE a.step_id = ? ORDER BY a.attempt_id DESC LIMIT 1", step.number)
    return None if row is None else _row(row)


def is_open(tx: Transaction, attempt: int) -> bool:
    return tx.one(f"SELECT 1 FROM {_FROM} WHERE a.attempt_id = ? AND {_OPEN}", attempt) is not None


def all_open(tx: Transaction, *, limit: int) -> list[ApprovalRow]:
    """Oldest first."""
    rows = tx.all(f"SELECT {_ROW} FROM {_FROM} WHERE {_OPEN} ORDER BY a.attempt_id LIMIT ?", limit)
    return [_row(row) for row in rows]


def next_due(tx: Transaction, now: datetime) -> ApprovalRow | None:
    """An open one whose time is over, by the home's own clock."""
    row = tx.one(
        f"SELECT {_ROW} FROM {_FROM} WHERE {_OPEN} AND a.due <= ? ORDER BY a.due LIMIT 1", times.to_column(now)
    )
    return None if row is None else _row(row)


def decide(tx: Transaction, attempt: int, decision: Decision, why: str = "") -> bool:
    """Once: False when it was decided before."""
    sql = "UPDATE approval SET decision = ?, why = ? WHERE attempt_id = ? AND decision IS NULL"
    return tx.run(sql, decision, why, attempt) == 1


def set_due(tx: Transaction, attempt: int, due: datetime) -> None:
    tx.run("UPDATE approval SET due = ? WHERE attempt_id = ?", times.to_column(due), attempt)


def add_vote(tx: Transaction, attempt: int, user: UserId, vote: Vote) -> bool:
    """False when this person has said something of the very same before."""
    sql = (
        "INSERT INTO approval_vote (attempt_id, user_id, signed, decision, comment, voted_at)"
        # Never before the one before it: the last vote says what was decided, also where the clock was set back.
        " VALUES (?, ?, ?, ?, ?, max(?, (SELECT coalesce(max(voted_at) + 1, 0) FROM approval_vote"
        " WHERE attempt_id = ?))) ON CONFLICT DO NOTHING"
    )
    given = (attempt, user.number, vote.signed, vote.verdict, vote.comment, times.to_column(vote.at), attempt)
    return tx.run(sql, *given) == 1


def votes(tx: Transaction, attempt: int) -> list[tuple[UserId, Vote]]:
    """In the order in which they came."""
    rows = tx.all(
        "SELECT v.user_id, u.login, v.decision, v.comment, v.voted_at, v.signed FROM approval_vote v"
        " JOIN user_account u ON u.id = v.user_id WHERE v.attempt_id = ? ORDER BY v.voted_at, v.user_id",
        attempt,
    )
    return [
        (
            UserId(number),
            Vote(login=login, verdict=VoteVerdict(said), comment=comment, at=times.from_column(at), signed=signed),
        )
        for number, login, said, comment, at, signed in rows
    ]


def add_preparer(tx: Transaction, run: RunId, user: UserId) -> None:
    """Of whoever had a hand in what the run gives, otherwise than by its inputs (store/runs.touch)."""
    tx.run("INSERT INTO run_preparer (run_id, user_id) VALUES (?, ?) ON CONFLICT DO NOTHING", run.number, user.number)


def copy_preparers(tx: Transaction, source: RunId, run: RunId) -> None:
    """Of the run whose inputs this one has: also of those that were theirs from the beginning."""
    tx.run(
        "INSERT INTO run_preparer (run_id, user_id) SELECT ?, user_id FROM run_preparer WHERE run_id = ?"
        " UNION SELECT ?, u.id FROM history h JOIN user_account u ON u.login = h.user_login"
        " WHERE h.run_id = ? AND h.kind = ? ON CONFLICT DO NOTHING",
        *(run.number, source.number, run.number, source.number, HistoryKind.CREATED),
    )


def add_author(tx: Transaction, run: RunId, *, of: RunId) -> None:
    """Who published the version that the run `of` follows prepares this one, too."""
    tx.run(
        "INSERT INTO run_preparer (run_id, user_id) SELECT ?, u.id FROM run r JOIN process_version v"
        " ON v.process_id = r.process_id AND v.number = r.version JOIN user_account u ON u.login = v.author"
        " WHERE r.id = ? ON CONFLICT DO NOTHING",
        *(run.number, of.number),
    )


# Runs, as a list in JSON, with all that were started below them: what those give is in what they give.
_BELOW = (
    "below(id) AS (SELECT value FROM json_each(?) UNION SELECT c.child_id FROM below b JOIN child_run c"
    " ON c.run_id = b.id WHERE c.child_id IS NOT NULL)"
)
_ABOVE = (
    "above(id) AS (SELECT value FROM json_each(?) UNION SELECT c.run_id FROM above a JOIN child_run c"
    " ON c.child_id = a.id)"
)


def preparers(tx: Transaction, *runs: RunId) -> set[str]:
    """Login names: who created one of the runs, filled it in, uploaded to it, or published a version that it followed.

    Also of runs below it, which somebody may have mended before they were taken over.
    """
    rows = tx.all(
        f"WITH RECURSIVE {_BELOW}"
        " SELECT u.login FROM below b JOIN run_preparer p ON p.run_id = b.id JOIN user_account u ON u.id = p.user_id"
        # Those below are created in the name of whoever started this one.
        " UNION SELECT user_login FROM history WHERE run_id IN (SELECT value FROM json_each(?)) AND kind = ?"
        " AND user_login IS NOT NULL"
        " UNION SELECT v.author FROM below b JOIN run r ON r.id = b.id JOIN process_version v"
        " ON v.process_id = r.process_id AND v.number = r.version"
        # Also of the versions before a restart took a newer one: what they made is still in the run.
        " UNION SELECT v.author FROM below b JOIN history h ON h.run_id = b.id JOIN run r ON r.id = h.run_id"
        " JOIN process_version v ON v.process_id = r.process_id"
        " AND v.number = json_extract(h.detail, '$.versionBefore') WHERE h.kind = ?",
        *(_listed(runs), _listed(runs), HistoryKind.CREATED, HistoryKind.RESTARTED),
    )
    return {login for (login,) in rows}


def starters(tx: Transaction, *runs: RunId) -> set[str]:
    """Login names: who started or restarted one of the runs, one above or one below it, in any attempt."""
    rows = tx.all(
        f"WITH RECURSIVE {_ABOVE}, {_BELOW} SELECT DISTINCT h.user_login FROM history h"
        " WHERE h.run_id IN (SELECT id FROM above UNION SELECT id FROM below) AND h.kind IN (?, ?)"
        " AND h.user_login IS NOT NULL",
        *(_listed(runs), _listed(runs), HistoryKind.STARTED, HistoryKind.RESTARTED),
    )
    return {login for (login,) in rows}


def _listed(runs: Iterable[RunId]) -> str:
    return f"[{', '.join(str(run.number) for run in runs)}]"


class TableHands(msgspec.Struct, frozen=True, kw_only=True):
    """Who has written rows of a table: login names of those who did by hand, and runs."""

    authors: tuple[str, ...]
    runs: tuple[RunId, ...]


def hands_since_approval(tx: Transaction, process: ProcessId, table: TableId) -> TableHands:
    """Since a run of this process had the table approved last."""
    rows = tx.all(
        "SELECT DISTINCT CASE WHEN run_id IS NULL THEN author END, run_id FROM table_version WHERE table_id = ?"
        " AND operation IN ('append', 'replace', 'upsert', 'replaceWhere') AND number > coalesce("
        "(SELECT max(t.version) FROM table_read t JOIN approval a ON a.attempt_id = t.attempt_id"
        " JOIN run r ON r.id = a.run_id WHERE t.table_id = ? AND a.decision = ? AND r.process_id = ?), 0)",
        *(table.number, table.number, Decision.APPROVED, process.number),
    )
    return TableHands(
        authors=tuple(author for author, _ in rows if author is not None),
        runs=tuple(RunId(number) for _, number in rows if number is not None),
    )


def _row(row: tuple[Any, ...]) -> ApprovalRow:
    attempt, run, kind, step, opened_at, due, decision, why = row
    return ApprovalRow(
        attempt=attempt,
        run=RunId(run),
        step=step_id(kind, step),
        opened_at=times.from_column(opened_at),
        due=times.maybe_from_column(due),
        decision=None if decision is None else Decision(decision),
        why=why,
    )
