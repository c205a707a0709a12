"""Managed tables for scripts: a version as one Parquet file, and what a script gives as rows that a table can take.

DuckDB works before the script's first line and after its last one, and is closed each time: a script may fork, and a
thread of ours would be lost in the fork.
"""

from __future__ import annotations

import json
import numbers
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from procession.actions import database, values
from procession.actions.contract import Context, FileInput, FileOutput, OutputTarget, TableInput
from procession.actions.database import literal, quote
from procession.actions.problems import Problem
from procession.actions.reading import fitting
from procession.actions.reading.cells import RELATION
from procession.actions.reading.options import FileOptions
from procession.actions.tables import csv_bodies, sources
from procession.actions.tables.contract import PartFile
from procession.actions.values import DoesNotFit
from procession.actions.writing import files, table_rows
from procession.actions.writing.exports import OutputOptions
from procession.model import columns
from procession.model.columns import RECORD_ID, ColumnType
from procession.model.errors import Invalid, NotFound

if TYPE_CHECKING:
    import duckdb

_ROWS = "rows of the script"  # a relation
_EXACT = frozenset({ColumnType.MONEY, ColumnType.NUMBER})
_BINARY = frozenset({"DOUBLE", "FLOAT"})
_WHOLE_MAX = 2**53  # beyond it, a binary fraction does not hold every whole number
_ROW_BYTES_MAX = 64 << 20  # of one row as JSON
_WORDS = (
    "is a binary fraction, which is no exact amount; give a Decimal, such as Decimal(str(round(value, 2))), or its text"
)


def write_input(context: Context, name: str, table: TableInput) -> Path:
    """The table's rows as one Parquet file in the step's folder, without record ids. Raises Problem."""
    folder = context.folder / "inputs" / name
    folder.mkdir(parents=True)
    path = folder / f"{name}.parquet"
    parts = [PartFile(number=number, path=file.path, rows=file.rows) for number, file in enumerate(table.files)]
    # One file and no view of several: files of before a change of columns lack some, or have them by other names.
    import duckdb

    try:
        with closing(database.connect(context.folder, context.memory_bytes_max)) as connection:
            query = f"SELECT * EXCLUDE ({quote(RECORD_ID)}) FROM {sources.rows_of(connection, table.columns, parts)}"
            connection.execute(f"COPY ({query}) TO {literal(str(path))} (FORMAT parquet, COMPRESSION zstd)")
    except duckdb.Error as error:
        told = database.complaint(error, database.places(context.folder))
        raise Problem(f'the input "{name}": {table.called} could not be prepared: {told}') from error
    # So that a script which opens it to write is told at once, as with any other input.
    path.chmod(0o444)
    context.log(f"{name}: {sum(file.rows for file in table.files):,} rows of {table.called}, version {table.version}\n")
    return path


def take(
    context: Context, target: OutputTarget, options: OutputOptions, given: object, warnings: list[str]
) -> FileOutput:
    """A file of the rows that a script gave for a table, for the engine. Raises DoesNotFit.

    `given` is the path of a Parquet or CSV file, or a list of dictionaries. The engine checks the values again, in a
    process of its own: this one was the script's.
    """
    import duckdb

    try:
        with closing(database.connect(context.folder, context.memory_bytes_max)) as connection:
            _load(context, connection, target, given)
            _refuse_fractions(connection, target)
            warnings += table_rows.warnings(connection, _ROWS, target, options)
            place = context.folder / database.EXPORT_FOLDER
            # By its number: the name of a table may hold what no path can.
            path = place / f"rows {len(list(place.iterdir()))}.parquet"
            files.write_parquet(connection, _ROWS, path)
            context.log(f'{database.count(connection, _ROWS):,} rows for the table "{target.file_name}"\n')
    except Problem as problem:
        raise DoesNotFit(str(problem)) from None
    except duckdb.Error as error:
        raise DoesNotFit(database.complaint(error, database.places(context.folder))) from None
    return FileOutput(path=str(path), name=target.file_name)


def _load(context: Context, connection: duckdb.DuckDBPyConnection, target: OutputTarget, given: object) -> None:
    """Makes the relation of rows. Raises Problem, DoesNotFit."""
    if isinstance(given, Path):
        if given.suffix.lower() == ".csv":
            _load_csv(context, connection, target, given)
        else:
            _load_parquet(connection, given)
    elif isinstance(given, Sequence) and not isinstance(given, str | bytes | bytearray):
        _load_rows(context, connection, target, given)
    else:
        kind = type(given).__name__
        raise DoesNotFit(
            f"rows are wanted, and this is a {kind}: give a list of dictionaries, or write Parquet or CSV to"
            " outputs.file(), as with frame.to_parquet(outputs.file(...), index=False)"
        )


def _load_parquet(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    import duckdb

    source = f"read_parquet({literal(str(path))}, hive_partitioning = false)"
    try:
        connection.execute(f"CREATE VIEW {quote(_ROWS)} AS SELECT * FROM {source}")
    except duckdb.InvalidInputException:
        raise Problem(f'the file "{path.name}" is not Parquet, or is not whole; a CSV file must end in .csv') from None
    # Told by its name: that the table has no such column would help nobody who has not written one.
    _refuse_index(database.columns(connection, _ROWS))


def _refuse_index(names: Mapping[str, str]) -> None:
    if index := next((name for name in names if name.startswith("__index_level_")), None):
        raise Problem(f'"{index}" is the index of a pandas frame, and no column; write to_parquet(..., index=False)')


def _load_csv(context: Context, connection: duckdb.DuckDBPyConnection, target: OutputTarget, path: Path) -> None:
    """As texts: what they mean, the types of the table's columns say."""
    source = FileInput(path=str(path), name=path.name, size_bytes=path.stat().st_size)

    def is_known(name: str) -> bool:
        try:
            return bool(columns.find(target.columns, name))
        except (NotFound, Invalid):
            return False

    # Nothing is guessed: an account 0400 stays one.
    cells = csv_bodies.read(connection, source, FileOptions(file=""), context.folder, is_known)
    names = [column.heading for column in cells.columns]
    _refuse_twice(names)
    shown = ", ".join(
        f"{fitting.text_of(number, column, trims=False)} AS {quote(column.heading)}"
        for number, column in enumerate(cells.columns)
    )
    connection.execute(f"CREATE VIEW {quote(_ROWS)} AS SELECT {shown} FROM {quote(RELATION)}")


def _refuse_twice(names: Sequence[str]) -> None:
    # DuckDB knows no case, and would rename one of the two.
    lower = [name.lower() for name in names]
    for number, name in enumerate(lower):
        if name in lower[:number]:
            raise Problem(f'the column "{names[number]}" is there twice')


def _load_rows(
    context: Context, connection: duckdb.DuckDBPyConnection, target: OutputTarget, rows: Sequence[object]
) -> None:
    """Dictionaries, as texts: the types of the table's columns say what they mean."""
    names = _names_of(rows)
    if not names:
        # No rows are rows too: of all columns, so that a key is among them.
        named = [column.name for column in target.columns if not column.is_record_id]
        if not named:
            raise DoesNotFit(f'the table "{target.file_name}" has no columns')
        fields = ", ".join(f"NULL::VARCHAR AS {quote(name)}" for name in named)
        connection.execute(f"CREATE VIEW {quote(_ROWS)} AS SELECT {fields} WHERE false")
        return
    path = context.folder / f"rows-{len(names)}.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for line in _lines(rows, names, target):
            file.write(f"{json.dumps(line)}\n")
    # Under names of ours, since DuckDB reads keys of JSON in any case.
    kinds = ", ".join(f"'c{number}': 'VARCHAR'" for number in names.values())
    shown = ", ".join(f"c{number} AS {quote(name)}" for name, number in names.items())
    connection.execute(
        f"CREATE TABLE {quote(_ROWS)} AS SELECT {shown} FROM read_json({literal(str(path))}, columns = {{{kinds}}},"
        f" format = 'newline_delimited', maximum_object_size = {_ROW_BYTES_MAX})"
    )
    # It counts as part of the step's folder, as do the rows that are written next.
    path.unlink()


def _names_of(rows: Sequence[object]) -> dict[str, int]:
    """The columns and their places. Raises Problem, DoesNotFit."""
    names: dict[Any, int] = {}  # a script may have other keys than texts
    for number, row in enumerate(rows, 1):
        if not isinstance(row, Mapping):
            raise DoesNotFit(f"row {number} is a {type(row).__name__}, and a dictionary was wanted")
        if number == 1:
            names = {name: place for place, name in enumerate(row)}
        # Leaving a column out means its default, and None means no value: which of them is meant, nobody knows.
        if row.keys() != names.keys():
            missing = next((name for name in names if name not in row), None)
            told = next(name for name in row if name not in names) if missing is None else missing
            which = 1 if missing is None else number
            raise DoesNotFit(f'row {which} has no "{told}": all rows name the same columns; give None for no value')
    if strange := next((name for name in names if not isinstance(name, str)), None):
        raise DoesNotFit(f"the key {strange!r} is not the name of a column; it must be a text")
    if rows and not names:
        raise DoesNotFit("its dictionaries are empty; their keys are the names of columns")
    _refuse_twice(list(names))
    return names


def _lines(rows: Sequence[object], names: Mapping[str, int], target: OutputTarget) -> Iterator[dict[str, str | None]]:
    kinds = {column.name.lower(): column.type for column in target.columns}
    for number, row in enumerate(rows, 1):
        assert isinstance(row, Mapping)
        line = {}
        for name, value in row.items():
            try:
                line[f"c{names[name]}"] = _text(value, kinds.get(name.lower()))
            except DoesNotFit as error:
                raise DoesNotFit(f'row {number}, column "{name}": {error}') from None
        yield line


def _text(value: object, kind: ColumnType | None) -> str | None:
    """The value as the text that says it exactly. Raises DoesNotFit."""
    if value is None:
        return None
    # Before the numbers, because a bool is one for Python.
    if isinstance(value, bool):
        if kind is not None and kind is not ColumnType.TRUE_FALSE:
            raise DoesNotFit(f"{value} is true or false, and a {kind} was wanted")
        return str(value).lower()
    if isinstance(value, numbers.Real) and not isinstance(value, numbers.Integral):
        number = float(value)
        if number != number:  # noqa: PLR0124 - NaN, which differs from itself
            raise DoesNotFit("NaN is no number; give None for no value")
        # By its shortest text it would pass, and so would a sum that is off by a cent.
        if kind in _EXACT and not (number.is_integer() and abs(number) <= _WHOLE_MAX):
            raise DoesNotFit(f"{number} {_WORDS}")
        return str(int(number)) if kind in _EXACT else repr(number)
    fitted = values.fit(value, "String")
    assert fitted is None or isinstance(fitted, str), "a String is a text"
    return fitted


def _refuse_fractions(connection: duckdb.DuckDBPyConnection, target: OutputTarget) -> None:
    """Raises Problem for binary fractions in a column of exact numbers, and for a column that the table lacks.

    Whole ones are right: pandas makes a fraction of every whole number in a column where a value is missing.
    """
    kinds = database.columns(connection, _ROWS)
    for name, column in table_rows.named(connection, _ROWS, target):
        if kinds[name] not in _BINARY or column.type not in _EXACT:
            continue
        value = quote(name)
        # NaN and infinity too: comparing finds them larger than any number.
        wrong = f"{value} <> trunc({value}) OR abs({value}) > {_WHOLE_MAX}"
        found = connection.execute(
            f"SELECT number, value::VARCHAR FROM (SELECT row_number() OVER () AS number, {value} AS value, {wrong} AS"
            f" wrong FROM {quote(_ROWS)}) WHERE wrong LIMIT 1"
        ).fetchone()
        if found is not None:
            raise Problem(f'row {found[0]}, column "{column.name}": {found[1]} {_WORDS}')
