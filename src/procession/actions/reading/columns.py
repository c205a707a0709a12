"""Columns out of cells: what the process file declares, and for the rest what the cells themselves say (guessing)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from procession.actions.database import quote
from procession.actions.problems import Problem
from procession.actions.reading import declared, guessing, names, values
from procession.actions.reading.cells import RELATION, CellColumn, Cells
from procession.actions.reading.declared import Declared
from procession.actions.reading.guessing import Found, Open
from procession.actions.reading.names import Named
from procession.actions.reading.options import FileOptions
from procession.actions.reading.values import Style

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What a relation was made of. `valued`: names of columns declared as Number, Money or Date, compared by value.

    `place` says where a value is in the file, by rowid and column name. `notes` tells, by name, why a column is text
    although most of its cells are numbers.
    """

    file: str
    rows: int
    valued: frozenset[str]
    place: Callable[[int, str], str]
    remarks: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    notes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Column:
    """A column on its way: `text` is the SQL of its cells' texts, as written but for what `trim` takes."""

    named: Named
    cells: CellColumn
    text: str
    style: Style

    @property
    def place(self) -> int:
        return self.named.number

    @property
    def as_it_is(self) -> str:
        return self.text if self.cells.native == "VARCHAR" else f"t{self.place}"

    @property
    def declared(self) -> Declared | None:
        said = self.named.options
        if said is None:
            return None
        return Declared(
            number=self.place,
            heading=self.named.heading,
            cells=self.cells,
            text=self.text,
            type=said.type,
            style=self.style,
            required=said.required,
        )


def texts_of(name: str) -> str:
    """The relation that holds columns of `name` as they were written."""
    return f"texts of {name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The relation to make of a file that people call `file`.

    `texts` are columns, by name, that texts_of(name) holds too, row by row the same.
    """

    file: str
    name: str
    texts: frozenset[str] = frozenset()


def make(connection: duckdb.DuckDBPyConnection, cells: Cells, options: FileOptions, wanted: Wanted) -> Made:
    """Make the wanted table of the table of cells.

    Raises Problem naming the line or cell, the column, the value and what was expected."""
    file, name = wanted.file, wanted.name
    columns = [_column(cells.columns[named.number], named, options) for named in names.settle(cells, options, file)]
    bare = nameless(connection, cells)
    columns = [c for c in columns if c.place not in bare or c.named.options is not None]
    if not columns:
        raise Problem(f'the file "{file}" has no column that could be read')
    found = _types(connection, columns)
    _create(connection, name, {c.named.name: found[c.place].value for c in columns})
    said = {c.named.name: c.declared for c in columns if c.declared is not None}
    declared.check(connection, cells, said, name, f'the file "{file}" does not fit its columns: ')
    if texts := {c.named.name: c.text for c in columns if c.named.name in wanted.texts}:
        _create(connection, texts_of(name), texts)
    row = connection.execute(f"SELECT count(*) FROM {quote(RELATION)}").fetchone()
    assert row is not None
    notes = _notes(connection, columns, found, cells)
    connection.execute(f"DROP TABLE {quote(RELATION)}")
    places = {c.named.name: c.place for c in columns}
    residues = [f'the column "{c.named.name}": {found[c.place].residue}' for c in columns if found[c.place].residue]
    return Made(
        file=file,
        rows=row[0],
        valued=frozenset(name for name, c in said.items() if c.type in {"Number", "Money", "Date"}),
        place=lambda row, column: cells.place(row, places[column]),
        remarks=(*cells.remarks, *residues, *(f'the column "{column}" {note}' for column, note in notes.items())),
        warnings=cells.warnings,
        notes=notes,
    )


def _column(cells: CellColumn, named: Named, options: FileOptions) -> _Column:
    said = named.options
    style = Style(
        decimal=(said and said.decimal) or options.decimal or ".",
        thousands=(said and said.thousands) or options.thousands,
        pattern=(said and said.pattern) or options.date,
        zone=options.zone,
    )
    trims = said.trim if said is not None and said.trim is not None else options.trim
    text = declared.text_of(named.number, cells, trims=trims)
    if cells.native == "VARCHAR":  # Parquet tells an empty text from no value, as tables do and files do not
        text = f"nullif({text}, '')"
    return _Column(named=named, cells=cells, text=text, style=style)


def nameless(connection: duckdb.DuckDBPyConnection, cells: Cells) -> frozenset[int]:
    """Columns that have neither a heading nor a value: a delimiter at the end of every line makes one."""
    bare = [number for number, column in enumerate(cells.columns) if column.heading.strip() == ""]
    if not bare:
        return frozenset()
    counts = ", ".join(f"count(t{number})" for number in bare)
    row = connection.execute(f"SELECT {counts} FROM {quote(RELATION)}").fetchone()
    assert row is not None
    empty = frozenset(number for number, count in zip(bare, row, strict=True) if count == 0)
    return empty if len(empty) < len(cells.columns) else frozenset()


def _types(connection: duckdb.DuckDBPyConnection, columns: Sequence[_Column]) -> dict[int, Found]:
    found: dict[int, Found] = {}
    asked: list[_Column] = []
    for column in columns:
        if (said := column.declared) is not None:
            kind, residue = values.SQL_TYPES[said.type], declared.residue(connection, said)
            found[column.place] = Found(type=kind, value=said.value, residue=residue)
        elif column.cells.native:
            found[column.place] = Found(type=column.cells.native, value=column.as_it_is)
        else:
            asked.append(column)
    opened = [
        Open(text=c.text, kind=c.cells.kind, kinds=f"k{c.place}", is_binary=c.cells.is_binary, style=c.style)
        for c in asked
    ]
    answers = guessing.find(connection, opened)
    return found | {column.place: answer for column, answer in zip(asked, answers, strict=True)}


def _create(connection: duckdb.DuckDBPyConnection, name: str, chosen: Mapping[str, str]) -> None:
    listed = ", ".join(f"{value} AS {quote(column)}" for column, value in chosen.items())
    connection.execute(f"CREATE TABLE {quote(name)} AS SELECT {listed} FROM {quote(RELATION)}")


def _notes(
    connection: duckdb.DuckDBPyConnection, columns: Sequence[_Column], found: Mapping[int, Found], cells: Cells
) -> dict[str, str]:
    """Why a column is text although most of its cells are numbers: what people need when sum(amount) fails."""
    asked = [c for c in columns if c.named.options is None and found[c.place].type == "VARCHAR" and not c.cells.native]
    if not asked:
        return {}
    notes = {}
    for group in guessing.in_groups(asked):
        # Of the first rows only: it decides whether more is asked, never what a column is.
        counts = connection.execute(
            f"SELECT {', '.join(_counts(column.text) for column in group)} "
            f"FROM (SELECT * FROM {quote(RELATION)} LIMIT {guessing.SAMPLE_ROWS})"
        ).fetchone()
        assert counts is not None
        for number, column in enumerate(group):
            count, alike = counts[2 * number : 2 * number + 2]
            if count and 2 * alike > count:
                notes[column.named.name] = _why(connection, column, found[column.place], cells)
    return notes


def _counts(text: str) -> str:
    return f"count({text}), count(*) FILTER (coalesce(regexp_full_match({text}, '[-+]?[0-9][0-9.,]*'), false))"


def _why(connection: duckdb.DuckDBPyConnection, column: _Column, found: Found, cells: Cells) -> str:
    if found.stays:
        return f"stays text: {found.stays}"
    is_none = f"{column.text} IS NOT NULL AND NOT regexp_full_match({column.text}, ?)"
    row = connection.execute(
        f"SELECT rowid, {column.text}, (SELECT count(*) FROM {quote(RELATION)} WHERE {is_none}) "
        f"FROM {quote(RELATION)} WHERE {is_none} ORDER BY rowid LIMIT 1",
        [values.number_pattern(column.style)] * 2,
    ).fetchone()
    if row is None:
        return "stays text: its cells are of several kinds"
    shown, place = row[1][: declared.SHOWN_CHARACTERS_MAX], cells.place(row[0], column.place)
    return f'stays text, because of "{shown}" ({place}); cells that are no numbers: {row[2]:,}'
