"""Commits that may not be heard of: what a try says before it commits, and what is asked then."""

from __future__ import annotations

from collections.abc import Callable

from procession.actions.contract import ConnectionInput
from procession.actions.database import quote
from procession.actions.databases.write_settings import WriteDatabaseSettings
from procession.actions.problems import Problem
from procession.actions.rows.work import RowWork

_WORD = "commit"  # of an entry in the journal


class CommitMark:
    """The rows of this try, so that another one knows whether it has the same; `doing` keeps the journal."""

    def __init__(self, doing: RowWork, relation: str) -> None:
        self.doing = doing
        row = doing.connection.execute(
            f"SELECT count(*) || '-' || coalesce(sum(CAST(hash(t) AS HUGEINT)), 0) FROM {quote(relation)} t"
        ).fetchone()
        assert row is not None
        # A sum, so that the order of the rows does not count: a source may give them in another one.
        self.rows: str = row[0]

    def write(self, number: str) -> None:
        """Says that transaction `number` is about to be committed; it is on disk before that is done."""
        self.doing.context.record(f"{_WORD} {number} {self.rows}")

    def end(self, number: str, state: str) -> None:
        """Says what became of it: committed, or aborted."""
        self.doing.context.record(f"{state} {number}")

    def told(self, number: str) -> str:
        """What was said of an earlier one: committed, aborted, or unknown."""
        states = ("committed", "aborted")
        return next((state for state in states if f"{state} {number}" in self.doing.context.journal), "unknown")

    def earlier(self) -> list[tuple[str, str]]:
        """Transaction and rows of each try that came so far, the last first."""
        entries = [entry.split(" ") for entry in self.doing.context.journal if entry.startswith(f"{_WORD} ")]
        return [(number, rows) for _, number, rows in reversed(entries)]


def had_written(mark: CommitMark, state: Callable[[str], str]) -> bool:
    """Whether an earlier try of this step has committed these rows; `state` says what became of a transaction.

    Raises Problem where that cannot be told.
    """
    for number, rows in mark.earlier():
        match state(number):
            # It was rolled back, and these rows are nowhere.
            case "aborted":
                continue
            case "committed" if rows == mark.rows:
                return True
            case "committed":
                raise Problem(
                    f"an earlier try has written other rows than these (transaction {number}); take them out, or name"
                    " a column as `batch`, before the step runs again"
                )
            case _:
                raise Problem(
                    f"whether an earlier try has written these rows (transaction {number}) is not known yet, or not any"
                    " more; look there, and name a column as `batch`"
                )
    return False


def doubt(settings: WriteDatabaseSettings, connection: ConnectionInput) -> Problem:
    """Of a commit whose answer never came."""
    safe = settings.mode != "append" or settings.batch is not None
    then = (
        "run the step again: rows that are there already are not written twice"
        if safe
        else "look there before the step is released to run again"
    )
    return Problem(
        f"{connection.called}: the connection was lost while the rows were committed: they are all there or none is;"
        f" {then}"
    )
