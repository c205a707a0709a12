"""Turns cells into columns: types declared in the process file, or found from the cells (guessing)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from procession.actions import database
from procession.actions.database import quote
from procession.actions.problems import Problem
from procession.actions.reading import currencies, declared, fitting, guessing, likely, names, notes, rejecting
from procession.actions.reading.cells import RAW, RELATION, Cells
from procession.actions.reading.declared import DeclaredColumn
from procession.actions.reading.fitting import Declared
from procession.actions.reading.guessing import GuessedType, Open
from procession.actions.reading.notes import TextColumn
from procession.actions.reading.options import FileOptions
from procession.actions.reading.rejecting import RejectedRows

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """A loaded relation. `declared`: columns with a type in the process file, by name; `currencies`: of those whose
    texts name one.

    `typed`: columns with cells that have a type in the file, as in a sheet.
    `place` says where a value is in the file, by rowid and column name. `notes` tells, by name, why a column is text
    although most of its cells are numbers, or days.
    """

    file: str
    rows: int
    declared: Mapping[str, Declared]
    currencies: Mapping[str, str]
    typed: frozenset[str]
    place: Callable[[int, str], str]
    remarks: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    notes: Mapping[str, str] = field(default_factory=dict)
    rejected: RejectedRows | None = None  # where WantedRelation.rejects
    numbers: Mapping[str, str] = field(default_factory=dict)  # by name, SQL of a cell of the column as a number
    headings: Mapping[str, str] = field(default_factory=dict)  # by name, as the file shows it


def texts_of(name: str) -> str:
    """The name of the relation with columns of `name` as written."""
    return f"texts of {name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedRelation:
    """A relation to make of a file; `file`: its name in messages.

    `texts` are columns, by name, that texts_of(name) holds too, row by row the same, unless they are texts anyway.
    There is no such relation where it would have no column. With `rejects`, rows with a value that does not fit are
    taken out, instead of refusing the file. With `tells`, what the relation cannot show ends the step as Warning:
    hidden rows, and times that a column of days leaves out.
    """

    name: str
    file: str = ""
    texts: frozenset[str] = frozenset()
    rejects: bool = False
    tells: bool = False


def make(connection: duckdb.DuckDBPyConnection, cells: Cells, options: FileOptions, wanted: WantedRelation) -> Relation:
    """Make the wanted table of the cells.

    Raises Problem naming the line or cell, the column, the value and what was expected."""
    database.plan_for(connection, len(cells.columns))
    # One pass if all goes well; the slow way gives the same answer.
    columns, money, times, rejected = _columns(cells, options, wanted.file), dict[str, str](), tuple[str, ...](), None
    found = _guess(connection, columns, cells, wanted)
    if found is None:
        if cells.load is not None:
            # The guess has read the file itself; finding needs its cells as a table.
            cells = cells.load()
            columns = _columns(cells, options, wanted.file)
        columns = _without_empty(connection, columns, cells)
        columns = declared.with_clocks(connection, columns, quote(RELATION))
        found = _find(connection, columns, cells, wanted)
        money, rejected = _fit(connection, columns, cells, wanted)
        times = tuple(fitting.times(connection, _declared(columns))) if wanted.tells else ()
    connection.execute(f"DROP TABLE IF EXISTS {quote(RELATION)}; DROP TABLE IF EXISTS {quote(RAW)}")
    place = cells.place if rejected is None else rejected.place_of(cells.place)
    said = _notes(connection, columns, found, place, wanted.name)
    places = {c.named.name: c.place for c in columns}
    residues = [f'the column "{c.named.name}": {found[c.place].residue}' for c in columns if found[c.place].residue]
    guessed = {c.named.name: found[c.place] for c in columns}
    return Relation(
        file=wanted.file,
        rows=database.count(connection, wanted.name),
        declared=_declared(columns),
        currencies=money,
        typed=frozenset(c.named.name for c in columns if c.is_typed),
        place=lambda row, column: place(row, places[column]),
        remarks=(*cells.remarks, *(() if wanted.tells else cells.cautions), *residues, *_said(money, said)),
        warnings=(
            *cells.warnings,
            *(cells.cautions if wanted.tells else ()),
            *times,
            *notes.doubts(connection, guessed, wanted.name, wanted.file, options.decimal),
        ),
        notes=said,
        rejected=rejected,
        numbers={c.named.name: c.number for c in columns},
        headings={c.named.name: c.cells.heading for c in columns},
    )


def _said(money: Mapping[str, str], stays_text: Mapping[str, str]) -> list[str]:
    return [
        *(f'the column "{column}" is in {currency}' for column, currency in money.items()),
        *(f'the column "{column}" {note}' for column, note in stays_text.items()),
    ]


def _columns(cells: Cells, options: FileOptions, file: str) -> list[DeclaredColumn]:
    settled = names.settle(cells, options, file)
    return [declared.column_of(cells.columns[named.number], named, options) for named in settled]


def _declared(columns: Sequence[DeclaredColumn]) -> dict[str, Declared]:
    return {c.named.name: said for c in columns if (said := c.declared) is not None}


def _guess(
    connection: duckdb.DuckDBPyConnection, columns: list[DeclaredColumn], cells: Cells, wanted: WantedRelation
) -> dict[int, GuessedType] | None:
    """Makes the table in one pass from the likely types. None if they do not hold for sure."""
    import duckdb

    bare = frozenset(_bare(cells))
    is_bare = any(c.place in bare and c.named.options is None for c in columns)
    # Whether a column without a heading is empty is known only after all rows.
    if not columns or is_bare:
        return None
    if any(c.cells.native for c in columns):
        is_plain = all(c.cells.native and c.named.options is None for c in columns)
        return _straight(connection, columns, cells, wanted) if is_plain else None
    try:
        columns = declared.with_clocks(connection, columns, cells.source, rows_max=likely.SAMPLE_ROWS)
        asked = [c for c in columns if c.named.options is None]
        guesses = likely.find(connection, cells.source, [_open(c) for c in asked])
        left = [c for c, guess in zip(asked, guesses, strict=True) if guess is None]
        if left and cells.load is not None:
            return None
        found = {c.place: guess for c, guess in zip(asked, guesses, strict=True) if guess is not None}
        for said in _declared(columns).values():
            found[said.number] = declared.guess(said, takes_times=not wanted.tells)
        found |= _types(connection, left)
        _create(connection, cells.source, columns, found, wanted)
        for said in _declared(columns).values():
            found[said.number] = replace(found[said.number], residue=fitting.residue(connection, said, cells.source))
    # What FAILS raises, and what a cast of DuckDB's own does.
    except (duckdb.InvalidInputException, duckdb.ConversionException):
        return None
    return found


def _straight(
    connection: duckdb.DuckDBPyConnection, columns: list[DeclaredColumn], cells: Cells, wanted: WantedRelation
) -> dict[int, GuessedType] | None:
    """Makes the table of columns that have types in the file itself, which is no guess. None for a damaged file."""
    import duckdb

    found = _types(connection, columns)
    try:
        _create(connection, cells.source, columns, found, wanted)
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error:
        return None  # whoever loads its cells says it in the words of that kind of file
    return found


def _find(
    connection: duckdb.DuckDBPyConnection, columns: list[DeclaredColumn], cells: Cells, wanted: WantedRelation
) -> dict[int, GuessedType]:
    if not columns:
        raise Problem(f'the file "{wanted.file}" has no column that could be read')
    found = _types(connection, columns)
    _create(connection, quote(RELATION), columns, found, wanted)
    return found


def _fit(
    connection: duckdb.DuckDBPyConnection, columns: list[DeclaredColumn], cells: Cells, wanted: WantedRelation
) -> tuple[dict[str, str], RejectedRows | None]:
    """The currencies of declared columns, by name, and the rows that were taken out. Raises Problem."""
    intro, made = f'the file "{wanted.file}" does not fit its columns: ', _declared(columns)
    if not wanted.rejects:
        fitting.check(connection, cells, made, wanted.name, intro)
    money = currencies.find(connection, cells, made, intro)
    if not wanted.rejects:
        return money, None
    there = [wanted.name, *([texts_of(wanted.name)] if _has_texts(connection, wanted.name) else [])]
    return money, rejecting.take_out(connection, cells, made, there, wanted.file)


def _has_texts(connection: duckdb.DuckDBPyConnection, name: str) -> bool:
    query = "SELECT count(*) FROM duckdb_tables() WHERE table_name = ?"
    row = connection.execute(query, [texts_of(name)]).fetchone()
    return row is not None and row[0] > 0


def _without_empty(
    connection: duckdb.DuckDBPyConnection, columns: list[DeclaredColumn], cells: Cells
) -> list[DeclaredColumn]:
    bare = nameless(connection, cells)
    return [c for c in columns if c.place not in bare or c.named.options is not None]


def nameless(connection: duckdb.DuckDBPyConnection, cells: Cells) -> frozenset[int]:
    """Columns with neither heading nor value: a delimiter at the end of every line makes one."""
    bare = _bare(cells)
    if not bare:
        return frozenset()
    counts = ", ".join(f"count(t{number})" for number in bare)
    row = connection.execute(f"SELECT {counts} FROM {quote(RELATION)}").fetchone()
    assert row is not None
    empty = frozenset(number for number, count in zip(bare, row, strict=True) if count == 0)
    # A file of nothing but empty columns is told about as it stands.
    return empty if len(empty) < len(cells.columns) else frozenset()


def _bare(cells: Cells) -> list[int]:
    return [number for number, column in enumerate(cells.columns) if column.heading.strip() == ""]


def _open(column: DeclaredColumn) -> Open:
    return Open(
        text=column.text,
        tried=_tried(column),
        kind=column.cells.kind,
        kinds=f"k{column.place}",
        is_binary=column.cells.is_binary,
        value=f"b{column.place}" if column.cells.has_value else "",
        exact=column.cells.exact,
        style=column.style,
    )


def _tried(column: DeclaredColumn) -> str:
    return f"x{column.place}"


def _types(connection: duckdb.DuckDBPyConnection, columns: Sequence[DeclaredColumn]) -> dict[int, GuessedType]:
    found: dict[int, GuessedType] = {}
    asked: list[DeclaredColumn] = []
    for column in columns:
        if (said := column.declared) is not None:
            kind, residue = said.style.sql_type(said.type), fitting.residue(connection, said, quote(RELATION))
            found[column.place] = GuessedType(type=kind, value=said.value, residue=residue)
        elif column.cells.native:
            found[column.place] = GuessedType(type=column.cells.native, value=column.as_it_is)
        else:
            asked.append(column)
    answers = guessing.find(connection, [_open(c) for c in asked])
    return found | {column.place: answer for column, answer in zip(asked, answers, strict=True)}


def _create(
    connection: duckdb.DuckDBPyConnection,
    source: str,
    columns: Sequence[DeclaredColumn],
    found: Mapping[int, GuessedType],
    wanted: WantedRelation,
) -> None:
    tried = "".join(f", {found[c.place].tried} AS {_tried(c)}" for c in columns if found[c.place].tried)
    listed = ", ".join(f"{found[c.place].value} AS {quote(c.named.name)}" for c in columns)
    cells = f"(SELECT *{tried} FROM {source})"  # what is tried is computed once for all that use it
    connection.execute(f"CREATE OR REPLACE TABLE {quote(wanted.name)} AS SELECT {listed} FROM {cells}")
    asked = [c for c in columns if c.named.name in wanted.texts and found[c.place].type != "VARCHAR"]
    relation = quote(texts_of(wanted.name))
    connection.execute(f"DROP TABLE IF EXISTS {relation}")  # of a guess that did not hold
    if texts := [f"{c.text} AS {quote(c.named.name)}" for c in asked]:
        connection.execute(f"CREATE TABLE {relation} AS SELECT {', '.join(texts)} FROM {source}")


def _notes(
    connection: duckdb.DuckDBPyConnection,
    columns: Sequence[DeclaredColumn],
    found: Mapping[int, GuessedType],
    place: Callable[[int, int], str],
    name: str,
) -> dict[str, str]:
    asked = [c for c in columns if c.named.options is None and found[c.place].type == "VARCHAR" and not c.cells.native]
    texts = [TextColumn(name=c.named.name, number=c.place, style=c.style, stays=found[c.place].stays) for c in asked]
    return notes.find(connection, name, texts, place)
