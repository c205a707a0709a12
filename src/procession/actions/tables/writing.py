"""Writes rows to a table: checks all, then writes one new file beside the unchanged ones.

An append also takes along small files, so that their number stays logarithmic; an upsert rewrites the files that hold
rows it changes, replace_where those with rows of the given keys. Files are immutable: earlier versions keep theirs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING

from msgspec.structs import replace

from procession.actions.contract import Context, FileOutput
from procession.actions.database import quote
from procession.actions.problems import Problem
from procession.actions.reading import currencies, fitting
from procession.actions.reading.cells import RELATION
from procession.actions.tables import alike_keys, conversion, requests, samples, sources
from procession.actions.tables.contract import PartFile, RowsSettings, Written
from procession.actions.tables.requests import SentRows
from procession.actions.tables.samples import MATCHED, NUMBER, TYPED
from procession.actions.tables.sources import RECORD, first
from procession.model import columns
from procession.model.columns import Column
from procession.model.table_uses import KEYED

if TYPE_CHECKING:
    import duckdb

ADDED = "job.rows"
DOOMED = "doomed"  # relation: records that go, and their files


def perform(context: Context, connection: duckdb.DuckDBPyConnection) -> tuple[Written, dict[str, FileOutput]]:
    """Raises Problem naming the row of the request and the column; then nothing was done."""
    settings: RowsSettings = context.settings
    rows = requests.load(connection, settings, context.folder)
    known, parts = settings.contents.columns, settings.contents.parts
    _check_request(rows)
    _check_ids(connection, rows)
    remarks = _type(connection, rows) + alike_keys.told(connection, rows, settings)
    # An append alone looks into none of the files that are there.
    affected = _match(connection, rows, settings) | _doomed(connection, rows, settings)
    given, updated = _count(connection, TYPED), _count(connection, MATCHED)
    # New rows alone need what an existing record has already.
    if given > updated:
        _check_missing(connection, known, rows)
    written = Written(
        mode=rows.mode,
        added={},
        removed=(),
        rows_given=given,
        rows_updated=updated,
        rows_unchanged=_unchanged(connection, rows, settings, affected) if updated else 0,
        rows_removed=sum(part.rows for part in parts) if rows.mode == "replace" else _count(connection, DOOMED),
        next_record=settings.next_record,
        remarks=remarks,
    )
    if settings.sample:
        return replace(written, sample=samples.take(connection, rows, settings)), {}
    removed = parts if rows.mode == "replace" else _taken_along(parts, affected, given)
    pieces = [_new_rows(known, rows, settings.next_record, are_all=not updated)]
    if removed and rows.mode != "replace":
        pieces.append(_kept_rows(connection, known, rows, removed))
    path = context.folder / "rows.parquet"
    file, count = sources.write(connection, " UNION ALL ".join(pieces), known, path)
    written = replace(
        written,
        added={ADDED: count} if count else {},
        removed=tuple(part.number for part in removed),
        next_record=settings.next_record + given - updated,
    )
    return written, {ADDED: file} if count else {}


def _check_request(rows: SentRows) -> None:
    if rows.mode in KEYED and not rows.key:
        raise Problem(f"{_a(rows.mode)} needs a key: the names of the columns that tell rows apart")
    if rows.mode not in KEYED and rows.key:
        raise Problem(f"a key belongs to an upsert; the mode is {rows.mode}")
    if rows.mode == "replace_where" and any(column.is_record_id for column in rows.key):
        raise Problem(f"replace_where gives new records, and the key cannot be {columns.RECORD_ID}")
    for column in rows.key:
        if column not in rows.columns:
            raise Problem(f'the rows have no "{column.name}", which is in the key')
    if any(column.is_record_id for column in rows.columns) and not any(column.is_record_id for column in rows.key):
        raise Problem(
            f"{columns.RECORD_ID} is given by the server; leave the column out, or send the rows with"
            f" mode=upsert&key={columns.RECORD_ID} to change the records that it names"
        )


def _a(mode: str) -> str:
    return "an upsert" if mode == "upsert" else mode


def _check_ids(connection: duckdb.DuckDBPyConnection, rows: SentRows) -> None:
    ids = next((said for column, said in rows.columns.items() if column.is_record_id), None)
    found = ids and first(connection, f"SELECT min(rowid) FROM {quote(RELATION)} WHERE {ids.text} IS NULL")
    if ids and found and isinstance(found[0], int):
        place = rows.cells.place(found[0], ids.number)
        raise Problem(
            f"{place}: a new row has no {columns.RECORD_ID}; send new rows by themselves, without this column"
        )


def _check_missing(connection: duckdb.DuckDBPyConnection, known: Sequence[Column], rows: SentRows) -> None:
    """New rows need a value for every column that is not null and has no default."""
    for column in known:
        if column not in rows.columns and not column.is_record_id and not column.nullable and column.default is None:
            found = first(connection, f"SELECT min({NUMBER}) FROM {TYPED} WHERE {NUMBER} NOT IN ({_matched()})")
            number = found[0] if found else 1
            raise Problem(f'row {number}, column "{column.name}": must not be null, and has no default')


def _type(connection: duckdb.DuckDBPyConnection, rows: SentRows) -> tuple[str, ...]:
    """Make the table TYPED of the cells. Raises Problem for values that do not fit; remarks on those that do."""
    made = {f"f{column.field}": said for column, said in rows.columns.items()}
    values = ", ".join([f"rowid + 1 AS {NUMBER}", *(f"{said.value} AS {name}" for name, said in made.items())])
    connection.execute(f"CREATE TABLE {TYPED} AS SELECT {values} FROM {quote(RELATION)}")
    fitting.check(connection, rows.cells, made, TYPED)
    currencies.find(connection, rows.cells, made)
    rounded = {said.heading: fitting.residue(connection, said, quote(RELATION)) for said in made.values()}
    # The texts are as large as the request; only the typed rows are needed from here on.
    connection.execute(f"DROP TABLE {quote(RELATION)}")
    connection.execute(f"CREATE TABLE {MATCHED} ({NUMBER} BIGINT, record BIGINT, path VARCHAR)")
    remarks = (f'the column "{heading}": {words}' for heading, words in rounded.items() if words)
    return (*rows.cells.remarks, *rows.cells.warnings, *remarks)


def _match(connection: duckdb.DuckDBPyConnection, rows: SentRows, settings: RowsSettings) -> set[str]:
    """Matches given rows to records; returns the paths of files with changed ones. Raises Problem for a bad key."""
    if rows.mode != "upsert":
        return set()
    keys = ", ".join(f"f{column.field}" for column in rows.key)
    # Of two rows for one record, their order in the request would decide in silence.
    _refuse(
        connection,
        f"SELECT {NUMBER} FROM {TYPED} QUALIFY row_number() OVER (PARTITION BY {keys} ORDER BY {NUMBER}) > 1"
        f" ORDER BY {NUMBER} LIMIT 1",
        "has the same key as a row before it",
    )
    if settings.contents.parts:
        current = sources.rows_of(connection, settings.contents.columns, settings.contents.parts, with_path=True)
        same = " AND ".join(f"t.{quote(column.name)} = g.f{column.field}" for column in rows.key)
        connection.execute(
            f"INSERT INTO {MATCHED} SELECT g.{NUMBER}, t.{RECORD}, t.{quote(sources.PATH)}"
            f" FROM {TYPED} g JOIN {current} t ON {same}"
        )
    _refuse(
        connection,
        # Which of two records was meant nobody can know, so none is changed.
        f"SELECT {NUMBER} FROM {MATCHED} GROUP BY {NUMBER} HAVING count(*) > 1 ORDER BY {NUMBER} LIMIT 1",
        "has a key that several rows of the table have",
    )
    if any(column.is_record_id for column in rows.key):
        _refuse(
            connection,
            f"SELECT min({NUMBER}) FROM {TYPED} WHERE {NUMBER} NOT IN ({_matched()})",
            f"names a {columns.RECORD_ID} that the table does not have",
        )
    return {row[0] for row in connection.execute(f"SELECT DISTINCT path FROM {MATCHED}").fetchall()}


def _doomed(connection: duckdb.DuckDBPyConnection, rows: SentRows, settings: RowsSettings) -> set[str]:
    """Makes the table DOOMED of the records that go; returns the paths of their files."""
    connection.execute(f"CREATE TABLE {DOOMED} (record BIGINT, path VARCHAR)")
    chosen = [f"WHERE {RECORD} >= {first_id} AND {RECORD} < {end}" for first_id, end in settings.without]
    if rows.mode == "replace_where":
        same = " AND ".join(f"t.{quote(column.name)} = g.f{column.field}" for column in rows.key)
        chosen.append(f"SEMI JOIN {TYPED} g ON {same}")
    current = sources.rows_of(connection, settings.contents.columns, settings.contents.parts, with_path=True)
    for which in chosen if settings.contents.parts and rows.mode != "replace" else ():
        connection.execute(f"INSERT INTO {DOOMED} SELECT {RECORD}, {quote(sources.PATH)} FROM {current} t {which}")
    return {row[0] for row in connection.execute(f"SELECT DISTINCT path FROM {DOOMED}").fetchall()}


def _unchanged(
    connection: duckdb.DuckDBPyConnection, rows: SentRows, settings: RowsSettings, affected: set[str]
) -> int:
    """How many of the matched rows say what their records hold already."""
    parts = [part for part in settings.contents.parts if part.path in affected]
    current = sources.rows_of(connection, settings.contents.columns, parts)
    same = (f"t.{quote(column.name)} IS NOT DISTINCT FROM g.f{column.field}" for column in rows.columns)
    return _count(
        connection,
        f"{current} t JOIN {MATCHED} m ON m.record = t.{RECORD} JOIN {TYPED} g ON g.{NUMBER} = m.{NUMBER}"
        f" WHERE {' AND '.join(same)}",
    )


def _refuse(connection: duckdb.DuckDBPyConnection, query: str, what: str) -> None:
    found = first(connection, query)
    if found is not None and found[0] is not None:
        raise Problem(f"row {found[0]} {what}")


def _matched() -> str:
    return f"SELECT {NUMBER} FROM {MATCHED}"


def _count(connection: duckdb.DuckDBPyConnection, relation: str) -> int:
    row = first(connection, f"SELECT count(*) FROM {relation}")
    assert row is not None and isinstance(row[0], int)
    return row[0]


def _taken_along(parts: Iterable[PartFile], affected: set[str], rows: int) -> tuple[PartFile, ...]:
    """Files to rewrite: those with changed rows, and small ones compared to what is written anyway."""
    taken = [part for part in parts if part.path in affected]
    size = rows + sum(part.rows for part in taken)
    for part in sorted((part for part in parts if part not in taken), key=attrgetter("rows")):
        # A file is taken along only where what is written doubles: each row is then rewritten a logarithmic number of
        # times.
        if part.rows > 2 * size:
            break
        taken.append(part)
        size += part.rows
    return tuple(taken)


def _new_rows(known: Sequence[Column], rows: SentRows, next_record: int, *, are_all: bool) -> str:
    """The given rows that are new, with ids in order."""
    # Where all are, they have numbers already: a window keeps them in memory as a whole.
    number = NUMBER if are_all else f"row_number() OVER (ORDER BY {NUMBER})"
    values = [f"{next_record} - 1 + {number} AS {RECORD}"]
    for column in known[1:]:
        given = f"f{column.field}" if column in rows.columns else conversion.constant(column, column.default)
        values.append(f"{given} AS {quote(column.name)}")
    return f"SELECT {', '.join(values)} FROM {TYPED}" + ("" if are_all else f" WHERE {NUMBER} NOT IN ({_matched()})")


def _kept_rows(
    connection: duckdb.DuckDBPyConnection, known: Sequence[Column], rows: SentRows, parts: Iterable[PartFile]
) -> str:
    """The rows of these files that stay, with the upsert's changes."""
    values = [f"t.{RECORD} AS {RECORD}"]
    for column in known[1:]:
        name = quote(column.name)
        changed = f"CASE WHEN m.{NUMBER} IS NULL THEN t.{name} ELSE g.f{column.field} END"
        values.append(f"{changed if column in rows.columns else f't.{name}'} AS {name}")
    return (
        f"SELECT {', '.join(values)} FROM {sources.rows_of(connection, known, parts)} t"
        f" LEFT JOIN {MATCHED} m ON m.record = t.{RECORD} LEFT JOIN {TYPED} g ON g.{NUMBER} = m.{NUMBER}"
        f" WHERE t.{RECORD} NOT IN (SELECT record FROM {DOOMED})"
    )
