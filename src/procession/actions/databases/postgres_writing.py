"""Rows into PostgreSQL: a transaction whose commit the database can be asked about."""

from __future__ import annotations

from contextlib import closing, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from procession.actions.contract import ConnectionInput
from procession.actions.databases import commits, planning, postgres, postgres_targets, postgres_transfers
from procession.actions.databases.commits import CommitMark
from procession.actions.databases.planning import SOURCE
from procession.actions.databases.postgres_transfers import TableTransfer
from procession.actions.databases.write_settings import WriteDatabaseSettings
from procession.actions.problems import Problem
from procession.actions.rows.work import RowWork

if TYPE_CHECKING:
    import psycopg

_ASK_SECONDS = 30  # whoever asks has nothing else to do, and a step waits for it


def write(doing: RowWork, connection: ConnectionInput) -> int | None:
    """How many rows went before; None where an earlier try had written these. Raises Problem."""
    import psycopg

    session = postgres.connect(connection)
    try:
        return _transact(doing, session, connection)
    except psycopg.Error as error:
        # Before the commit: whatever was done is gone.
        told = postgres_transfers.complaint(doing, error, postgres.told(error, connection))
        raise Problem(f"{connection.called}: {told}; nothing was written") from None
    finally:
        session.close()


def _transact(doing: RowWork, session: psycopg.Connection[Any], connection: ConnectionInput) -> int | None:
    settings: WriteDatabaseSettings = doing.context.settings
    mark = CommitMark(doing, SOURCE)
    if settings.batch is None and settings.mode == "append" and commits.had_written(mark, partial(_state, session)):
        return None
    postgres.begin(session, timeout_seconds=settings.timeout)
    # In this order: until the copy is there nothing of the table is locked.
    plan = planning.plan(doing, postgres_targets.look_up(session, settings.table))
    transfer = TableTransfer(doing=doing, session=session, plan=plan)
    transfer.copy()
    gone = transfer.replace()
    transfer.insert()
    _commit(mark, session, connection)
    return gone


def _state(session: psycopg.Connection[Any], number: str) -> str:
    import psycopg

    postgres.begin(session, timeout_seconds=_ASK_SECONDS, reads_only=True)
    try:
        row = session.execute("SELECT pg_xact_status(%s::text::xid8)", (number,)).fetchone()
    except psycopg.DataError:
        return "unknown"  # of the future: it is another server, or was restored
    finally:
        session.rollback()
    return "unknown" if row is None or row[0] is None else str(row[0])


def _commit(mark: CommitMark, session: psycopg.Connection[Any], connection: ConnectionInput) -> None:
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
    import psycopg

    settings: WriteDatabaseSettings = mark.doing.context.settings
    # The server that was lost may be back, or another one have taken over: its word counts, or there is none.
    state = "unknown"
    # Also where it is lost a second time: that is no word of it, and least of all that nothing was written.
    with suppress(Problem, psycopg.Error), closing(postgres.connect(connection)) as session:
        state = _state(session, number)
    if state == "committed":
        mark.doing.context.log(f"the connection was lost at the commit; transaction {number} is committed\n")
        return
    if state == "aborted":
        raise Problem(f"{connection.called}: the connection to it was lost; nothing was written")
    raise commits.doubt(settings, connection)
