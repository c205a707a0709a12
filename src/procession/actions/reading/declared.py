"""What the process file declares of a column: the SQL value of its cells, and refusals that name what does not fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from procession.actions.database import quote
from procession.actions.problems import Problem
from procession.actions.reading import notes, number_texts, values
from procession.actions.reading.cells import FAILS, RELATION, CellColumn, Cells, Kind
from procession.actions.reading.guessing import Found
from procession.actions.reading.names import Named
from procession.actions.reading.options import FileOptions
from procession.actions.reading.values import Style

if TYPE_CHECKING:
    import duckdb

_REFUSALS_SHOWN_MAX = 10
_WHOLE_TYPES = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column on its way: `text` is the SQL of its cells' texts, as written but for what `trim` takes."""

    named: Named
    cells: CellColumn
    text: str
    style: Style

    @property
    def place(self) -> int:
        return self.named.number


def column_of(cells: CellColumn, named: Named, options: FileOptions) -> Column:
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
    return Column(named=named, cells=cells, text=text, style=style)


def _native_text(text: str, native: str) -> str:
    shown = number_texts.of_decimal(text, native)
    if native.startswith("DECIMAL"):
        return f"CASE WHEN contains({shown}, '.') THEN rtrim(rtrim({shown}, '0'), '.') ELSE {shown} END"
    return shown


def refuse(connection: duckdb.DuckDBPyConnection, columns: Sequence[Column], cells: Cells, file: str) -> None:
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


def _wrong(column: Column) -> str:
    said = column.named.options
    assert said is not None
    wrong = f"({column.text} IS NOT NULL AND {value_of(column)} IS NULL)"
    return f"({column.text} IS NULL OR {wrong})" if said.required else wrong


def _refusal(column: Column, cells: Cells, row: int, text: str | None) -> str:
    said = column.named.options
    assert said is not None
    at = f'{cells.place(row, column.place)}, column "{column.named.heading}"'
    if text is None:
        return f"{at}: it is empty, and a value is required"
    shown = text if len(text) <= notes.VALUE_CHARACTERS_MAX else text[: notes.VALUE_CHARACTERS_MAX - 3] + "..."
    return f'{at}: "{shown}" is not {values.expected(said.type, column.style)}'


def value_of(column: Column) -> str:
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


def guess(column: Column) -> Found:
    said = column.named.options
    assert said is not None
    kind = values.SQL_TYPES[said.type]
    value = f"CAST({value_of(column)} AS {kind})"
    if said.type != "Text":
        value = f"CASE WHEN {column.text} IS NOT NULL THEN coalesce({value}, {FAILS}) END"
    if said.required:
        value = f"CASE WHEN {column.text} IS NULL THEN {FAILS} ELSE {value} END"
    return Found(type=kind, value=value)
