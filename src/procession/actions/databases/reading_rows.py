"""read_database at work: one statement in a transaction that may only read, its rows streamed into a relation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice

from procession.actions import expecting
from procession.actions.contract import ConnectionInput, Context, StepOutcome
from procession.actions.databases import arriving, places, postgres, postgres_kinds, statements
from procession.actions.databases.arriving import ArrivingKind, ArrivingRows, rows_at_once
from procession.actions.databases.read_settings import ReadDatabaseSettings
from procession.actions.databases.statements import StatementPart
from procession.actions.problems import Problem
from procession.actions.rows import work
from procession.actions.rows.work import RowWork
from procession.actions.writing import exports

RELATION = "the rows"
GIVES_NO_ROWS = "the statement gives no rows; write a SELECT"


def run(context: Context) -> StepOutcome:
    return work.perform(context, _read)


def preview(context: Context) -> str:
    """The statement and its values, as they would be sent."""
    return work.perform(context, _shown).message


def _shown(doing: RowWork) -> str:
    settings: ReadDatabaseSettings = doing.context.settings
    doing.bind(settings.inputs)
    values = [f"${name} = {'NULL' if value is None else value}" for name, value in doing.values.items()]
    return f'would ask the connection "{settings.connection}": {"; ".join([settings.sql.strip(), *values])}'


def _read(doing: RowWork) -> str:
    settings: ReadDatabaseSettings = doing.context.settings
    connection = doing.context.connection
    assert connection is not None
    dialect = places.dialect(connection)
    default = f"{doing.context.step_key}.parquet"
    exports.refuse(doing.context, "output", settings.output, default)
    for mistake in statements.mistakes(settings.sql, dialect, list(settings.inputs)):
        raise Problem(mistake)
    # Before the database is asked: a wrong option of the output must not cost its time.
    doing.bind(settings.inputs)
    parts = statements.pieces(settings.sql, dialect)
    rows = _FROM[dialect](doing, connection, parts)
    if not rows and settings.expect.rows.at_least != 0:
        doing.warnings.append("0 rows: nothing fits the statement")
    if expecting.asks(settings.expect):
        expecting.check(doing.context, doing.connection, RELATION, settings.expect, doing.warnings)
    doing.publish(RELATION, settings.output, default=default)
    return f"{rows:,} row{'' if rows == 1 else 's'} from {connection.called}"


def _from_postgres(doing: RowWork, connection: ConnectionInput, parts: Sequence[StatementPart]) -> int:
    import psycopg

    settings: ReadDatabaseSettings = doing.context.settings
    session = postgres.connect(connection)
    answer = postgres.PostgresAnswer(session, parts, doing.values)
    try:
        postgres.begin(session, timeout_seconds=settings.timeout, reads_only=True)
        return gather(doing, answer.rows(), lambda: _columns(answer))
    except psycopg.Error as error:
        if error.sqlstate is None and isinstance(error, psycopg.ProgrammingError):
            # Psycopg's own: what was sent gave no rows, and was not allowed to change anything.
            raise Problem(GIVES_NO_ROWS) from None
        raise Problem(f"{connection.called}: {postgres.complaint(error, connection, answer.sql)}") from None
    finally:
        # Also ends a statement whose rows nobody wants any more.
        session.close()


def _from_mariadb(doing: RowWork, connection: ConnectionInput, parts: Sequence[StatementPart]) -> int:
    # Only a step that asks one needs its driver.
    import pymysql

    from procession.actions.databases import mariadb, mariadb_answer

    settings: ReadDatabaseSettings = doing.context.settings
    session = mariadb.connect(connection, timeout_seconds=settings.timeout)
    try:
        answer = mariadb_answer.MariadbAnswer(session, connection, parts, doing.values)
        with mariadb.in_words():
            rows = gather(doing, answer.rows(), answer.columns)
            doing.warnings.extend(answer.warnings())
        return rows
    except pymysql.Error as error:
        raise Problem(f"{connection.called}: {mariadb.complaint(error, connection)}") from None
    finally:
        session.drop()


_FROM: Mapping[str, Callable[[RowWork, ConnectionInput, Sequence[StatementPart]], int]] = {
    "postgresql": _from_postgres,
    "mariadb": _from_mariadb,
}


def _columns(answer: postgres.PostgresAnswer) -> dict[str, ArrivingKind]:
    found = answer.described()
    arriving.refuse_names([name for name, _, _ in found])
    return {name: postgres_kinds.kind_of(name, oid, modifier) for name, oid, modifier in found}


def gather(
    doing: RowWork, coming: Iterator[Sequence[str | None]], columns: Callable[[], dict[str, ArrivingKind]]
) -> int:
    """Keeps the rows in the relation, a batch at a time; gives how many. `columns`: once the first are there."""
    rows_max: int = doing.context.settings.rows_max
    batch = list(islice(coming, 1))
    size = rows_at_once(len(batch[0])) if batch else 1
    batch += islice(coming, size - 1)
    kept = ArrivingRows(doing.connection, RELATION, columns())
    while batch:
        # Refused and not cut: a total of some of the rows is a wrong one, and nobody would see it.
        if kept.rows + len(batch) > rows_max:
            raise Problem(f"there are more rows than {rows_max:,} (rows_max); nothing was published")
        kept.add(batch)
        doing.context.progress(kept.rows / rows_max, f"{kept.rows:,} rows")
        batch = list(islice(coming, size))
    kept.settle()
    return kept.rows
