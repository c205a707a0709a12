"""Columns out of cells: what the process file declares, and for the rest what the cells themselves say (guessing)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from procession.actions.database import quote
from procession.actions.problems import Problem
from procession.actions.reading import guessing, names, number_texts, values
from procession.actions.reading.cells import RELATION, CellColumn, Cells, Kind
from procession.actions.reading.guessing import Found, Open
from procession.actions.reading.names import Named
from procession.actions.reading.options import FileOptions
from procession.actions.reading.values import Style

if TYPE_CHECKING:
    import duckdb

_REFUSALS_SHOWN_MAX = 10
_VALUE_CHARACTERS_MAX = 60
_WHOLE_TYPES = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")


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
    columns = _without_empty(connection, columns)
    if not columns:
        raise Problem(f'the file "{file}" has no column that could be read')
    _refuse(connection, columns, cells, file)
    found = _types(connection, columns)
    _create(connection, name, {c.named.name: found[c.place].value for c in columns})
    if texts := {c.named.name: c.text for c in columns if c.named.name in wanted.texts}:
        _create(connection, texts_of(name), texts)
    row = connection.execute(f"SELECT count(*) FROM {quote(RELATION)}").fetchone()
    assert row is not None
    notes = _notes(connection, columns, found, cells)
    connection.execute(f"DROP TABLE {quote(RELATION)}")
    places = {c.named.name: c.place for c in columns}
    residues = [f'the column "{c.named.name}": {found[c.place].residue}' for c in columns if found[c.place].residue]
    declared = {
        c.named.name for c in columns if c.named.options and c.named.options.type in {"Number", "Money", "Date"}
    }
    return Made(
        file=file,
        rows=row[0],
        valued=frozenset(declared),
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
    text = f"t{named.number}"
    if cells.native and cells.native != "VARCHAR":
        text = _native_text(text, cells.native)
    if trims and cells.native in {"", "VARCHAR"}:
        text = values.trimmed(text)
    return _Column(named=named, cells=cells, text=text, style=style)


def _native_text(text: str, native: str) -> str:
    shown = number_texts.of_decimal(text, native)
    if native.startswith("DECIMAL"):
        return f"CASE WHEN contains({shown}, '.') THEN rtrim(rtrim({shown}, '0'), '.') ELSE {shown} END"
    return shown


def _without_empty(connection: duckdb.DuckDBPyConnection, columns: list[_Column]) -> list[_Column]:
    """Without those that have neither a heading nor a value: a delimiter at the end of every line makes one."""
    bare = [c for c in columns if c.cells.heading.strip() == "" and c.named.options is None and len(columns) > 1]
    if not bare:
        return columns
    row = connection.execute(f"SELECT {', '.join(f'count({c.text})' for c in bare)} FROM {quote(RELATION)}").fetchone()
    assert row is not None
    empty = {c.place for c, count in zip(bare, row, strict=True) if count == 0}
    return [c for c in columns if c.place not in empty or all(other.place in empty for other in columns)]


def _refuse(connection: duckdb.DuckDBPyConnection, columns: Sequence[_Column], cells: Cells, file: str) -> None:
    """All declared columns at once; the first ten values that do not fit are named."""
    wrong = {number: _wrong(c) for number, c in enumerate(columns) if c.named.options is not None}
    if not wrong:
        return
    counts = connection.execute(
        f"SELECT {', '.join(f'count(*) FILTER ({test})' for test in wrong.values())} FROM {quote(RELATION)}"
    ).fetchone()
    assert counts is not None
    total = sum(counts)
    if not total:
        return
    bad: list[tuple[int, int, str | None]] = []
    for (number, test), count in zip(wrong.items(), counts, strict=True):
        if count:
            query = f"SELECT rowid, {columns[number].text} FROM {quote(RELATION)} WHERE {test} ORDER BY rowid"
            rows = connection.execute(f"{query} LIMIT {_REFUSALS_SHOWN_MAX}").fetchall()
            bad += [(row, number, text) for row, text in rows]
    shown = [_refusal(columns[number], cells, row, text) for row, number, text in sorted(bad)[:_REFUSALS_SHOWN_MAX]]
    more = f"; {total:,} values in all" if total > len(shown) else ""
    raise Problem(f'the file "{file}" does not fit its columns: {"; ".join(shown)}{more}')


def _wrong(column: _Column) -> str:
    said = column.named.options
    assert said is not None
    wrong = f"({column.text} IS NOT NULL AND {_declared(column)} IS NULL)"
    return f"({column.text} IS NULL OR {wrong})" if said.required else wrong


def _refusal(column: _Column, cells: Cells, row: int, text: str | None) -> str:
    said = column.named.options
    assert said is not None
    at = f'{cells.place(row, column.place)}, column "{column.named.heading}"'
    if text is None:
        return f"{at}: it is empty, and a value is required"
    shown = text if len(text) <= _VALUE_CHARACTERS_MAX else text[: _VALUE_CHARACTERS_MAX - 3] + "..."
    return f'{at}: "{shown}" is not {values.expected(said.type, column.style)}'


def _declared(column: _Column) -> str:
    """The SQL value of a declared column, by what each cell is."""
    said = column.named.options
    assert said is not None
    if column.cells.native:
        kinds = {_native_kind(column.cells.native)}
    elif column.cells.kind is not None:
        kinds = {column.cells.kind}
    else:
        kinds = set(Kind)

    def taken(kind: Kind) -> str:
        return values.take(kind, said.type, column.text, column.style, is_binary=column.cells.is_binary)

    if len(kinds) == 1:
        return taken(kinds.pop())
    cases = " ".join(f"WHEN {int(kind)} THEN {taken(kind)}" for kind in kinds)
    return f"CASE k{column.place} {cases} END"


def _native_kind(native: str) -> Kind:
    if native.startswith("DECIMAL") or native.removeprefix("U") in _WHOLE_TYPES:
        return Kind.NUMBER
    return {"DATE": Kind.DATE, "TIMESTAMP": Kind.MOMENT, "BOOLEAN": Kind.TRUTH}.get(native, Kind.TEXT)


def _types(connection: duckdb.DuckDBPyConnection, columns: Sequence[_Column]) -> dict[int, Found]:
    found: dict[int, Found] = {}
    asked: list[_Column] = []
    for column in columns:
        if column.named.options is not None:
            kind = values.SQL_TYPES[column.named.options.type]
            found[column.place] = Found(type=kind, value=f"CAST({_declared(column)} AS {kind})")
        elif column.cells.native:
            value = column.text if column.cells.native == "VARCHAR" else f"t{column.place}"
            found[column.place] = Found(type=column.cells.native, value=value)
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
    shown, place = row[1][:_VALUE_CHARACTERS_MAX], cells.place(row[0], column.place)
    return f'stays text, because of "{shown}" ({place}); cells that are no numbers: {row[2]:,}'
