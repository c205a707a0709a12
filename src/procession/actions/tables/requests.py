"""A client's rows (CSV, JSON, JSON lines, Parquet) as cells, with their columns of the table."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from procession.actions import database
from procession.actions.contract import FileInput
from procession.actions.database import literal
from procession.actions.problems import Problem
from procession.actions.reading import columns as making
from procession.actions.reading import fitting, parquet, sheets
from procession.actions.reading.cells import CellColumn, Cells, Kind
from procession.actions.reading.fitting import Declared
from procession.actions.reading.options import FileOptions
from procession.actions.reading.values import Style
from procession.actions.tables import conversion, csv_bodies, json_bodies, json_cells, sources
from procession.actions.tables.contract import Mode, RowsSettings
from procession.model import columns
from procession.model.columns import Column, ColumnType
from procession.model.errors import Invalid, NotFound

if TYPE_CHECKING:
    import duckdb

ROWS_MAX = 20_000_000  # in a Parquet request: a kilobyte can say that it holds billions
_PARQUET = b"PAR1"  # a Parquet file begins and ends with it
# Two marks of four bytes and the length of the footer.
_PARQUET_BYTES_MIN = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class SentRows:
    """The request and its cells; `columns`: those of the table that the cells are for."""

    mode: Mode
    key: tuple[Column, ...]
    columns: Mapping[Column, Declared]
    cells: Cells


def load(connection: duckdb.DuckDBPyConnection, settings: RowsSettings, folder: Path) -> SentRows:
    """Make the table of cells. Raises Problem in the client's words."""
    import duckdb

    mode: str = settings.mode
    key: Sequence[str] = settings.key
    try:
        if settings.format in {"json", "jsonl"}:
            body = json_bodies.parse(Path(settings.request).read_bytes(), lines=settings.format == "jsonl")
            mode, key = _asked(body, mode, key)
            cells = _of_json(connection, body["rows"], settings, is_upsert=mode == "upsert", folder=folder)
        else:
            cells = _of_file(connection, settings, folder)
    # Not the client's mistake: told by whoever runs the job.
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error as error:
        words = database.complaint(error, sources.hidden(folder, settings.contents, settings.request))
        raise Problem(f"the body cannot be read: {words}") from error
    if mode not in get_args(Mode):
        raise Problem(f"mode is {columns.shown(mode)}, but it can only be {', '.join(get_args(Mode))}")
    known = settings.contents.columns
    keyed = tuple(column_named(known, name, "key") for name in key)
    taken = _declared(connection, cells, settings, keyed)
    return SentRows(mode=mode, key=keyed, columns=taken, cells=cells)  # type: ignore[arg-type]  # one of the three


def _asked(body: Mapping[str, Any], mode: str, key: Sequence[str]) -> tuple[str, Sequence[str]]:
    given = body.get("mode")
    mode = mode if given is None else given.lower() if isinstance(given, str) else str(given)
    keys = body.get("key")
    keys = [keys] if isinstance(keys, str) else keys
    if keys is not None and not isinstance(keys, list):
        raise Problem("key must be a list of names of columns")
    return mode, key if keys is None else keys


def _of_json(
    connection: duckdb.DuckDBPyConnection, rows: list[Any], settings: RowsSettings, *, is_upsert: bool, folder: Path
) -> Cells:
    known = settings.contents.columns
    by_name = {name: column_named(known, name, "the request") for name in json_cells.names_of(rows)}
    for number, row in enumerate(rows if is_upsert else (), 1):
        # Leaving a column out and setting it to null must not be the same in an upsert.
        missing = set(by_name.values()).difference(by_name[name] for name in row)
        if missing:
            name = next(column.name for column in by_name.values() if column in missing)
            raise Problem(f'row {number} has no "{name}": all rows of an upsert must name the same columns')
    return json_cells.take(connection, rows, by_name, folder)


def _of_file(connection: duckdb.DuckDBPyConnection, settings: RowsSettings, folder: Path) -> Cells:
    path, known = Path(settings.request), settings.contents.columns
    source = FileInput(path=str(path), name=settings.name, size_bytes=path.stat().st_size)
    options = FileOptions(file="", encoding=settings.encoding, trim=settings.trim)
    if settings.format == "csv":
        return csv_bodies.read(connection, source, options, folder, partial(_is_known, known))
    if settings.format == "workbook":
        return sheets.read(connection, source, options, folder)
    _check_parquet(connection, path)
    return parquet.read(connection, source, options, folder).loaded()


def _check_parquet(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Checks the footer, before anything is unpacked."""
    import duckdb

    if not _is_whole(path):
        raise Problem('the body cannot be read as Parquet: it does not begin and end with "PAR1"')
    source = f"read_parquet({literal(str(path))})"
    try:
        found = sources.first(connection, f"SELECT count(*) FROM {source}")
        types = connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
    except duckdb.Error:
        raise Problem("the body cannot be read as Parquet: it is damaged, or did not arrive whole") from None
    assert found is not None and isinstance(found[0], int)
    # By the footer, before anything is unpacked: a kilobyte can say that it holds billions.
    if found[0] > ROWS_MAX:
        raise Problem(f"the request has {found[0]:,} rows, more than {ROWS_MAX:,}; send them in parts")
    for name, kind, *_ in types:
        if kind.endswith("]") or kind.startswith(("STRUCT", "MAP")):
            raise Problem(f'column "{name}" holds {kind[:40]}; only numbers, texts, dates and truth values fit')


def _is_whole(path: Path) -> bool:
    with path.open("rb") as file:
        start, size_bytes = file.read(len(_PARQUET)), file.seek(0, io.SEEK_END)
        file.seek(max(size_bytes - len(_PARQUET), 0))
        return size_bytes >= _PARQUET_BYTES_MIN and start == file.read() == _PARQUET


def column_named(known: Sequence[Column], name: object, where: str) -> Column:
    """Raises Problem for a name that no column has."""
    if not isinstance(name, str):
        raise Problem(f"{where} holds {columns.shown(name)}, which is not the name of a column")
    try:
        return columns.find(known, name)
    except (NotFound, Invalid):
        names = ", ".join(column.name for column in known[:20])
        raise Problem(f"{where}: the table has no column {columns.shown(name)}; it has {names}") from None


def _is_known(known: Sequence[Column], name: str) -> bool:
    try:
        return bool(columns.find(known, name))
    except (NotFound, Invalid):
        return False


def _declared(
    connection: duckdb.DuckDBPyConnection, cells: Cells, settings: RowsSettings, key: Sequence[Column]
) -> dict[Column, Declared]:
    """The table's columns for those of the request. Raises Problem for an unknown or repeated one."""
    if len(cells.columns) > json_cells.COLUMNS_MAX:
        raise Problem(f"the request has more than {json_cells.COLUMNS_MAX} columns")
    found: dict[Column, Declared] = {}
    # A delimiter at the end of each line makes a column that nobody has sent.
    nameless = making.nameless(connection, cells)
    for number, given in enumerate(cells.columns):
        if number in nameless:
            continue
        column = column_named(settings.contents.columns, given.heading, "the request")
        if column in found:
            raise Problem(f'the request names the column "{column.name}" twice')
        found[column] = Declared(
            number=number,
            heading=column.name,
            cells=given,
            text=_text(column, number, given, trims=settings.trim),
            type=conversion.TYPES[column.type],
            style=_style(settings, given),
            required=not column.nullable or column in key,
            length=column.length,
        )
    return found


def _style(settings: RowsSettings, given: CellColumn) -> Style:
    """As the client says that a CSV is written; a file with types says itself what its cells are."""
    if settings.format != "csv" or given.native not in {"", "VARCHAR"} or given.kind is not Kind.TEXT:
        return Style()
    return Style(decimal=settings.decimal, thousands=settings.thousands, pattern=settings.pattern)


def _text(column: Column, number: int, given: CellColumn, *, trims: bool) -> str:
    """Treats "" as no value unless the column is Text: programs that quote everything write it for a missing number."""
    text = fitting.text_of(number, given, trims=trims)
    if column.type is ColumnType.TEXT or given.native not in {"", "VARCHAR"}:
        return text
    return f"nullif({text}, '')"
