"""A client's rows (CSV, JSON, Parquet) as one relation of texts, with the number that each row has in the request."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, get_args

from procession.actions import database
from procession.actions.database import literal, quote
from procession.actions.problems import Problem
from procession.actions.reading import number_texts, parquet
from procession.actions.reading.records import Unreadable
from procession.actions.tables import csv_bodies, json_bodies, sources
from procession.actions.tables.contract import Mode, RowsSettings
from procession.model import columns
from procession.model.columns import Column, ColumnType
from procession.model.errors import Invalid, NotFound

if TYPE_CHECKING:
    import duckdb

GIVEN = "given"  # the relation; its columns are called f<field>, all VARCHAR
NUMBER = "n"  # of the row in the request, from 1
LINE_BYTES_MAX = 1 << 20
_BUFFER_BYTES = 4 << 20  # of the CSV reader; its own choice is many lines of the greatest length
COLUMNS_MAX = 2_000  # in a request
ROWS_MAX = 20_000_000  # in a Parquet request: a kilobyte can say that it holds billions
_UNREADABLE = {
    "json": "the body cannot be read", "csv": "the CSV cannot be read", "parquet": "the body cannot be read as Parquet",
}  # fmt: skip
_PARQUET = b"PAR1"  # what such a file begins and ends with
_PARQUET_BYTES_MIN = 12
# Types of Parquet that can be a value; everything else is a list, a structure or bytes.
_PLAIN = ("DECIMAL", "BIGINT", "INTEGER", "SMALLINT", "TINYINT", "UBIGINT", "UINTEGER", "USMALLINT", "UTINYINT",
          "HUGEINT", "DOUBLE", "FLOAT", "VARCHAR", "BOOLEAN", "DATE", "TIMESTAMP", "ENUM", "UUID",
          '"NULL"')  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """What was asked: `columns` are those that the request names, and the relation GIVEN has."""

    mode: Mode
    key: tuple[Column, ...]
    columns: tuple[Column, ...]


def load(connection: duckdb.DuckDBPyConnection, settings: RowsSettings, folder: Path) -> Rows:
    """Make the relation GIVEN. Raises Problem in the client's words."""
    import duckdb

    mode: str = settings.mode
    key: Sequence[str] = settings.key
    try:
        if settings.format == "json":
            body = json_bodies.parse(Path(settings.request).read_bytes())
            mode, key = _asked(body, mode, key)
            named = _stage(connection, body["rows"], settings, is_upsert=mode == "upsert", folder=folder)
        elif settings.format == "csv":
            named = _load_csv(connection, settings)
        else:
            named = _load_parquet(connection, settings)
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error as error:
        words = database.complaint(error, sources.hidden(folder, settings.contents, settings.request))
        raise Problem(f"{_UNREADABLE[settings.format]}: {words}") from error
    if mode not in get_args(Mode):
        raise Problem(f"mode is {columns.shown(mode)}, but it can only be append, replace, upsert")
    keyed = tuple(column_named(settings.contents.columns, name, "key") for name in key)
    return Rows(mode=mode, key=keyed, columns=named)  # type: ignore[arg-type]  # one of the three, just checked


def column_named(known: Sequence[Column], name: object, where: str) -> Column:
    """Raises Problem for a name that no column has."""
    if not isinstance(name, str):
        raise Problem(f"{where} holds {columns.shown(name)}, which is not the name of a column")
    try:
        return columns.find(known, name)
    except (NotFound, Invalid):
        names = ", ".join(column.name for column in known[:20])
        raise Problem(f"{where}: the table has no column {columns.shown(name)}; it has {names}") from None


def _mapped(known: Sequence[Column], names: Sequence[str]) -> tuple[Column, ...]:
    """The table's columns behind the request's. Raises Problem for an unknown one and for one named twice."""
    if len(names) > COLUMNS_MAX:
        raise Problem(f"the request has more than {COLUMNS_MAX} columns")
    found = tuple(column_named(known, name, "the request") for name in names)
    for number, column in enumerate(found):
        if column in found[:number]:
            raise Problem(f'the request names the column "{column.name}" twice')
    return found


def _asked(body: Mapping[str, Any], mode: str, key: Sequence[str]) -> tuple[str, Sequence[str]]:
    given = body.get("mode")
    mode = mode if given is None else given.lower() if isinstance(given, str) else str(given)
    keys = body.get("key")
    keys = [keys] if isinstance(keys, str) else keys
    if keys is not None and not isinstance(keys, list):
        raise Problem("key must be a list of names of columns")
    return mode, key if keys is None else keys


def _stage(
    connection: duckdb.DuckDBPyConnection, rows: list[Any], settings: RowsSettings, *, is_upsert: bool, folder: Path
) -> tuple[Column, ...]:
    """JSON's values, checked one by one, through a CSV file: DuckDB reads that far faster than rows one by one."""
    by_name = {name: column_named(settings.contents.columns, name, "the request") for name in _names(rows)}
    named = tuple(dict.fromkeys(by_name.values()))
    path, longest = folder / "staged.csv", LINE_BYTES_MAX
    with path.open("w", encoding="utf-8", newline="") as file:
        for number, row in enumerate(rows, 1):
            given = _by_column(row, by_name, number)
            if is_upsert and len(given) < len(named):
                missing = next(column.name for column in named if column not in given)
                raise Problem(f'row {number} has no "{missing}": all rows of an upsert must name the same columns')
            longest = max(longest, _write_line(file, _line(given, named, number)))
    fields = ", ".join([f"'{NUMBER}': 'BIGINT'", *(f"'f{column.field}': 'VARCHAR'" for column in named)])
    connection.execute(
        f"CREATE TABLE {GIVEN} AS SELECT * FROM read_csv({literal(str(path))}, auto_detect = false, header = false,"
        f" delim = ',', quote = '\"', escape = '\"', nullstr = '', allow_quoted_nulls = false, columns = {{{fields}}},"
        f" max_line_size = {longest}, buffer_size = {max(_BUFFER_BYTES, longest + 1)}, new_line = '\\n',"
        " parallel = false)"
    )
    return named


def _names(rows: list[Any]) -> list[str]:
    """Every name of a column in the rows, in the order in which they come. Raises Problem for a row that is none."""
    names: dict[str, None] = {}
    for number, row in enumerate(rows, 1):
        if not isinstance(row, dict):
            raise Problem(f'row {number} is {columns.shown(row)}, not an object: {{"column": value, ...}}')
        names.update(dict.fromkeys(row))
        if len(names) > COLUMNS_MAX:
            raise Problem(f"the request has more than {COLUMNS_MAX} columns")
    return list(names)


def _by_column(row: dict[str, Any], by_name: Mapping[str, Column], number: int) -> dict[Column, Any]:
    given = {by_name[name]: value for name, value in row.items()}
    if len(given) < len(row):
        column = next(column for column in given if [by_name[name] for name in row].count(column) > 1)
        raise Problem(f'row {number} names the column "{column.name}" twice')
    return given


def _line(given: Mapping[Column, Any], named: Sequence[Column], number: int) -> list[str | None]:
    line: list[str | None] = [str(number)]
    for column in named:
        try:
            # A row that does not name the column gets its default; one that says null gets null.
            line.append(columns.canonical(column, given[column]) if column in given else column.default)
        except Invalid as error:
            raise Problem(f'row {number}, column "{column.name}": {error.message}') from None
    return line


def _write_line(file: TextIO, line: list[str | None]) -> int:
    """The most bytes that it may have: a character has up to four."""
    text = ",".join("" if value is None else '"' + value.replace('"', '""') + '"' for value in line)
    return 4 * file.write(f"{text}\n")


def _load_csv(connection: duckdb.DuckDBPyConnection, settings: RowsSettings) -> tuple[Column, ...]:
    import duckdb

    path = Path(settings.request)
    try:
        delimiter, names = _header(csv_bodies.head(path), settings.contents.columns)
        return _read_csv(connection, settings, delimiter, names)
    except Unreadable as error:
        raise Problem(f"{_UNREADABLE['csv']}: {error}") from None
    except duckdb.Error as error:
        words = csv_bodies.complaint(error, path, delimiter)
        if words is None:
            raise
        raise Problem(f"{_UNREADABLE['csv']}: {words}") from error


def _header(text: str, known: Sequence[Column]) -> tuple[str, list[str]]:
    """The delimiter and the names: those that are all columns, else what the header holds most of."""
    found = [(delimiter, _names_of(text, delimiter)) for delimiter in csv_bodies.delimiters(text)]
    delimiter, names = next((pair for pair in found if all(_is_known(known, name) for name in pair[1])), found[0])
    if not "".join(names).strip():
        raise Problem("the CSV is empty; its first line must hold the names of the columns")
    if len(names) > COLUMNS_MAX:
        raise Problem(f"the request has more than {COLUMNS_MAX} columns")
    return delimiter, names


def _names_of(text: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), [])
    except csv.Error as error:
        raise Problem(f"the first line of the CSV cannot be read: {error}") from None


def _is_known(known: Sequence[Column], name: str) -> bool:
    try:
        return bool(columns.find(known, name))
    except (NotFound, Invalid):
        return False


def _read_csv(
    connection: duckdb.DuckDBPyConnection, settings: RowsSettings, delimiter: str, names: Sequence[str]
) -> tuple[Column, ...]:
    # Nothing is left to guessing: DuckDB takes a file with one short row for a file of a single column.
    fields = ", ".join(f"'c{place}': 'VARCHAR'" for place in range(len(names)))
    source = (
        f"read_csv({literal(settings.request)}, auto_detect = false, header = true, delim = {literal(delimiter)},"
        " quote = '\"', escape = '\"', comment = '', nullstr = '', allow_quoted_nulls = false, null_padding = false,"
        f" ignore_errors = false, max_line_size = {LINE_BYTES_MAX}, buffer_size = {_BUFFER_BYTES},"
        f" columns = {{{fields}}})"
    )
    return _take(connection, settings, source, names)


def _load_parquet(connection: duckdb.DuckDBPyConnection, settings: RowsSettings) -> tuple[Column, ...]:
    if not _is_whole(Path(settings.request)):
        raise Problem(f'{_UNREADABLE["parquet"]}: it does not begin and end with "PAR1"')
    source = f"read_parquet({literal(settings.request)})"
    found = sources.first(connection, f"SELECT count(*) FROM {source}")  # of its footer: nothing is unpacked yet
    assert found is not None and isinstance(found[0], int)
    if found[0] > ROWS_MAX:
        raise Problem(f"the request has {found[0]:,} rows, more than {ROWS_MAX:,}; send them in parts")
    try:
        names, _ = parquet.schema(connection, settings.request)
    except parquet.Unsuited as error:
        raise Problem(f"{_UNREADABLE['parquet']}: {error}") from None
    return _take(connection, settings, source, names)


def _is_whole(path: Path) -> bool:
    with path.open("rb") as file:
        start, size_bytes = file.read(len(_PARQUET)), file.seek(0, io.SEEK_END)
        file.seek(max(size_bytes - len(_PARQUET), 0))
        return size_bytes >= _PARQUET_BYTES_MIN and start == file.read() == _PARQUET


def _take(
    connection: duckdb.DuckDBPyConnection, settings: RowsSettings, source: str, names: Sequence[str]
) -> tuple[Column, ...]:
    """GIVEN of the source's columns; `names` are what the client calls them."""
    types = {row[0]: row[1] for row in connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()}
    named = _mapped(settings.contents.columns, names)
    taken = ", ".join(
        f"{_as_text(column, name, kind)} AS f{column.field}"
        for column, (name, kind) in zip(named, types.items(), strict=True)
    )
    connection.execute(f"CREATE TABLE {GIVEN} AS SELECT row_number() OVER () AS {NUMBER}, {taken} FROM {source}")
    return named


def _as_text(column: Column, name: str, kind: str) -> str:
    if kind in {"DOUBLE", "FLOAT"} and column.type is ColumnType.TEXT:
        return number_texts.of_binary(quote(name))
    if kind in {"DOUBLE", "FLOAT"}:
        # By its shortest text, which is the amount that somebody wrote: from the number itself DuckDB scales in binary
        # (1234567.89 becomes 1234567.8899999998). What a sum left behind the tenth decimal place is dropped.
        shortest = f"CAST({quote(name)} AS VARCHAR)"
        return f"coalesce(CAST(TRY_CAST({shortest} AS DECIMAL(38,10)) AS VARCHAR), {shortest})"
    if kind.endswith("]") or not kind.startswith(_PLAIN):
        raise Problem(f'column "{column.name}" holds {kind[:40]}; only numbers, texts, dates and truth values fit')
    return f"CAST({quote(name)} AS VARCHAR)"
