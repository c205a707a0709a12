"""write_database at work: rows checked, copied beside the table, and written in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from procession.actions import expecting
from procession.actions.contract import ConnectionInput, Context, StepOutcome
from procession.actions.database import quote
from procession.actions.databases import places
from procession.actions.databases.planning import SOURCE
from procession.actions.databases.write_settings import WriteDatabaseSettings
from procession.actions.rows import work
from procession.actions.rows.work import RowWork


def run(context: Context) -> StepOutcome:
    return work.perform(context, _write)


def preview(context: Context) -> str:
    """How many rows would go where, and how; what the table says to them is known only there."""
    return work.perform(context, _shown).message


def _shown(doing: RowWork) -> str:
    settings: WriteDatabaseSettings = doing.context.settings
    rows = doing.load(SOURCE, settings.source, settings.expect)
    if expecting.asks(settings.expect):
        expecting.check(doing.context, doing.connection, SOURCE, settings.expect, doing.warnings)
    names = [row[0] for row in doing.connection.execute(f"DESCRIBE {quote(SOURCE)}").fetchall()]
    by = (
        f" by {', '.join(settings.key)}"
        if settings.key
        else f" as a batch in {settings.batch}"
        if settings.batch
        else ""
    )
    return (
        f'would write {rows:,} rows ({", ".join(names)}) to {settings.into} of the connection "{settings.connection}":'
        f" {settings.mode}{by}"
    )


def _write(doing: RowWork) -> str:
    settings: WriteDatabaseSettings = doing.context.settings
    connection = doing.context.connection
    assert connection is not None
    into = _INTO[places.dialect(connection)]
    # Read first: a transaction must not wait for files.
    rows = doing.load(SOURCE, settings.source, settings.expect)
    if expecting.asks(settings.expect):
        expecting.check(doing.context, doing.connection, SOURCE, settings.expect, doing.warnings)
    return _told(settings, connection, rows, into(doing, connection))


def _told(settings: WriteDatabaseSettings, connection: ConnectionInput, rows: int, gone: int | None) -> str:
    into = f"{settings.into} of {connection.called}"
    if gone is None:
        return f"{rows:,} rows are in {into} since an earlier try, whose commit was not heard of; none were written"
    replaced = f", {gone:,} before them replaced" if gone else ""
    return f"{rows:,} row{'' if rows == 1 else 's'} written to {into}{replaced}"


def _into_postgres(doing: RowWork, connection: ConnectionInput) -> int | None:
    from procession.actions.databases import postgres_writing

    return postgres_writing.write(doing, connection)


def _into_mariadb(doing: RowWork, connection: ConnectionInput) -> int | None:
    # Only a step that writes there needs its driver.
    from procession.actions.databases import mariadb_writing

    return mariadb_writing.write(doing, connection)


# How many rows went before; None where an earlier try had written these.
_INTO: Mapping[str, Callable[[RowWork, ConnectionInput], int | None]] = {
    "postgresql": _into_postgres,
    "mariadb": _into_mariadb,
}
