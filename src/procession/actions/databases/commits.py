"""Commits that may not be heard of: what a try says before it commits, and what is asked then."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from procession.actions.contract import ConnectionInput
from procession.actions.database import quote
from procession.actions.databases import postgres
from procession.actions.databases.write_settings import WriteDatabaseSettings
from procession.actions.problems import Problem
from procession.actions.rows.work import RowWork

if TYPE_CHECKING:
    import psycopg

_WORD = "commit"  # of an entry in the journal
_ASK_SECONDS = 30  # whoever asks has nothing else to do, and a step waits for it


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

    def earlier(self) -> list[tuple[str, str]]:
        """Transaction and rows of each try that came so far, the last first."""
        entries = [entry.split(" ") for entry in self.doing.context.journal if entry.startswith(f"{_WORD} ")]
        return [(number, rows) for _, number, rows in reversed(entries)]


def had_written(mark: CommitMark, session: psycopg.Connection[Any]) -> bool:
    """Whether an earlier try of this step has committed these rows. Raises Problem where that cannot be told."""
    for number, rows in mark.earlier():
        match _state(session, number):
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


def _state(session: psycopg.Connection[Any], number: str) -> str:
    import psycopg

    try:
        row = session.execute("SELECT pg_xact_status(%s::text::xid8)", (number,)).fetchone()
    except psycopg.DataError:
        return "unknown"  # of the future: it is another server, or was restored
    return "unknown" if row is None or row[0] is None else str(row[0])


def commit(mark: CommitMark, session: psycopg.Connection[Any], connection: ConnectionInput) -> None:
    """Commits. A line that was lost meanwhile leaves a doubt, which the database itself can settle. Raises Problem."""
    import psycopg

    # Its number is given by now, since rows were written.
    row = session.execute("SELECT pg_current_xact_id()::text").fetchone()
    assert row is not None
    mark.write(row[0])
    try:
        session.commit()
    except psycopg.OperationalError as error:
        # With a state of its own it is an answer: the commit was refused, and all is as before.
        if error.sqlstate is not None and not error.sqlstate.startswith(("08", "57P")):
            raise
        _settle(mark, connection, row[0])


def _settle(mark: CommitMark, connection: ConnectionInput, number: str) -> None:
    settings: WriteDatabaseSettings = mark.doing.context.settings
    # The server that was lost may be back, or another one have taken over: its word counts, or there is none.
    state = "unknown"
    try:
        session = postgres.connect(connection, timeout_seconds=_ASK_SECONDS)
    except Problem:
        session = None
    if session is not None:
        with session:
            state = _state(session, number)
    if state == "committed":
        mark.doing.context.log(f"the connection was lost at the commit; transaction {number} is committed\n")
        return
    if state == "aborted":
        raise Problem(f"{connection.called}: the connection to it was lost; nothing was written")
    safe = settings.mode != "append" or settings.batch is not None
    then = (
        "run the step again: rows that are there already are not written twice"
        if safe
        else "look there before the step is released to run again"
    )
    raise Problem(
        f"{connection.called}: the connection was lost while the rows were committed: they are all there or none is;"
        f" {then}"
    )
