"""write_database at work: rows checked, copied beside the table, and written in one transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from procession.actions import expecting
from procession.actions.contract import ConnectionInput, Context, StepOutcome
from procession.actions.database import quote
from procession.actions.databases import commits, fitting_cells, postgres, targets, transfers
from procession.actions.databases.arriving import shown
from procession.actions.databases.fitting_cells import FittingCell
from procession.actions.databases.targets import TargetColumn
from procession.actions.databases.transfers import TableTransfer
from procession.actions.databases.write_settings import WriteDatabaseSettings
from procession.actions.problems import Problem
from procession.actions.rows import work
from procession.actions.rows.work import RowWork

if TYPE_CHECKING:
    import psycopg

SOURCE = "source"


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


def _connection(doing: RowWork) -> ConnectionInput:
    """Raises Problem for one to another database."""
    connection = doing.context.connection
    assert connection is not None
    if connection.options.get("dialect", "postgresql") != "postgresql":
        raise Problem(f"{connection.called} is to no PostgreSQL, the only one that rows are written to")
    return connection


def _write(doing: RowWork) -> str:
    import psycopg

    settings: WriteDatabaseSettings = doing.context.settings
    connection = _connection(doing)
    rows = doing.load(SOURCE, settings.source, settings.expect)
    if expecting.asks(settings.expect):
        expecting.check(doing.context, doing.connection, SOURCE, settings.expect, doing.warnings)
    # Read first: a transaction must not wait for files.
    session = postgres.connect(connection, timeout_seconds=settings.timeout)
    try:
        return _told(settings, connection, rows, _transact(doing, session, connection))
    except psycopg.Error as error:
        # Before the commit: whatever was done is gone.
        told = transfers.complaint(doing, error, postgres.told(error, connection))
        raise Problem(f"{connection.called}: {told}; nothing was written") from None
    finally:
        session.close()


def _told(settings: WriteDatabaseSettings, connection: ConnectionInput, rows: int, gone: int | None) -> str:
    into = f"{settings.into} of {connection.called}"
    if gone is None:
        return f"{rows:,} rows are in {into} since an earlier try, whose commit was not heard of; none were written"
    replaced = f", {gone:,} before them replaced" if gone else ""
    return f"{rows:,} row{'' if rows == 1 else 's'} written to {into}{replaced}"


def _transact(doing: RowWork, session: psycopg.Connection[Any], connection: ConnectionInput) -> int | None:
    """How many rows went before; None where an earlier try had written these."""
    settings: WriteDatabaseSettings = doing.context.settings
    mark = commits.CommitMark(doing, SOURCE)
    if settings.batch is None and settings.mode == "append" and commits.had_written(mark, session):
        return None
    session.autocommit = False
    # In this order: until the copy is there nothing of the table is locked.
    transfer = _plan(doing, session)
    transfer.copy()
    gone = transfer.replace()
    transfer.insert()
    commits.commit(mark, session, connection)
    return gone


def _plan(doing: RowWork, session: psycopg.Connection[Any]) -> TableTransfer:
    """What goes where. Raises Problem for all that would not fit, before anything is sent."""
    settings: WriteDatabaseSettings = doing.context.settings
    columns = targets.look_up(session, settings.table)
    kinds = {row[0]: row[1] for row in doing.connection.execute(f"DESCRIBE {quote(SOURCE)}").fetchall()}
    named = targets.matched(columns, list(kinds), marker=settings.batch, key=settings.key)
    cells = {name: fitting_cells.fit(name, kinds[name], column) for name, column in named.items()}
    _refuse_cells(doing, cells)
    spelled = {column.name.lower(): name for name, column in named.items()}
    key = {named[spelled[name.lower()]].name: spelled[name.lower()] for name in settings.key}
    _refuse_keys(doing, list(key.values()), are_unique=settings.mode == "upsert")
    _refuse_empty(doing, named)
    return TableTransfer(doing=doing, session=session, source=SOURCE, columns=named, cells=cells, key=tuple(key))


def _refuse_cells(doing: RowWork, cells: dict[str, FittingCell]) -> None:
    # An empty cell is NULL, which every type has.
    firsts = ", ".join(
        f"min(rowid) FILTER ({quote(name)} IS NOT NULL AND ({cell.wrong}))" for name, cell in cells.items()
    )
    found = doing.connection.execute(f"SELECT {firsts} FROM {quote(SOURCE)}").fetchone()
    assert found is not None
    wrong = [(row, number) for number, row in enumerate(found) if row is not None]
    if not wrong:
        return
    row, number = min(wrong)
    name = list(cells)[number]
    value = doing.connection.execute(
        f"SELECT CAST({quote(name)} AS VARCHAR) FROM {quote(SOURCE)} WHERE rowid = ?", [row]
    ).fetchone()
    assert value is not None
    place = doing.place(SOURCE, row, name)
    raise Problem(f'{place}, column "{name}": {shown(value[0])} {cells[name].words}; nothing was written')


def _refuse_keys(doing: RowWork, key: list[str], *, are_unique: bool) -> None:
    """A key that is empty would be equal to none, and of two rows of one key only one would stay."""
    if not key:
        return
    empty = " OR ".join(f"{quote(name)} IS NULL" for name in key)
    row = doing.connection.execute(f"SELECT min(rowid) FROM {quote(SOURCE)} WHERE {empty}").fetchone()
    if row is not None and row[0] is not None:
        raise Problem(
            f"{doing.place(SOURCE, row[0], key[0])}: the key ({', '.join(key)}) is empty; nothing was written"
        )
    if not are_unique:
        return
    listed = ", ".join(map(quote, key))
    twice = doing.connection.execute(
        f"SELECT min(rowid), max(rowid) FROM {quote(SOURCE)} GROUP BY {listed} HAVING count(*) > 1 ORDER BY 1 LIMIT 1"
    ).fetchone()
    if twice is not None:
        first, second = (doing.place(SOURCE, row, key[0]) for row in twice)
        raise Problem(f"{first} and {second} have one key ({', '.join(key)}); nothing was written")


def _refuse_empty(doing: RowWork, named: dict[str, TargetColumn]) -> None:
    full = [name for name, column in named.items() if column.is_full]
    for name in full:
        row = doing.connection.execute(f"SELECT min(rowid) FROM {quote(SOURCE)} WHERE {quote(name)} IS NULL").fetchone()
        if row is not None and row[0] is not None:
            place = doing.place(SOURCE, row[0], name)
            raise Problem(f'{place}, column "{name}": it is empty, and the table wants a value; nothing was written')
