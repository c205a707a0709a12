"""The lines of a text file as SQL: every cell as text, quoted or filled up as the layout says."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from procession.actions.database import literal, quote
from procession.actions.exporting.layouts import FixedColumn, Layout
from procession.actions.problems import Problem
from procession.actions.rows import kinds
from procession.actions.rows.kinds import ValueKind
from procession.actions.writing import csv_cells, time_texts
from procession.actions.writing.csv_cells import CsvStyle

if TYPE_CHECKING:
    import duckdb

QUOTED_END = "'}'"
_NUMBERS = frozenset({ValueKind.NUMBER, ValueKind.BINARY})
SHOWN_CHARACTERS_MAX = 60  # of a value in a message
_LINE_BREAKS = r"[\x00-\x1f\x7f\x{85}\x{2028}\x{2029}]"  # a fixed-width line has no place for them


@dataclass(frozen=True, slots=True, kw_only=True)
class TextCell:
    """A cell of each line: the SQL of its text, the column that it is of ("" for a constant), and its kind."""

    text: str
    column: str
    kind: ValueKind


def csv_cells_of(types: Mapping[str, str], layout: Layout) -> list[TextCell]:
    style = CsvStyle(decimal=layout.decimal, decimals=layout.decimals, zone=layout.zone, escapes=layout.escape_formulas)
    return [
        TextCell(text=_dated(quote(name), kind, layout.date, style), column=name, kind=kinds.of(kind))
        for name, kind in types.items()
    ]


def _dated(name: str, kind: str, pattern: str | None, style: CsvStyle) -> str:
    if pattern is not None and time_texts.is_written_by(pattern, kind):
        # In the zone of the layout, as without a pattern.
        is_zoned = kind in {"TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ_NS"}
        value = f"timezone({literal(style.zone)}, {name})" if is_zoned else name
        return f"strftime({value}, {literal(pattern)})"
    return csv_cells.text_of(name, kind, style)


def csv_line(cells: Sequence[TextCell], layout: Layout, delimiter: str) -> str:
    """The line as an SQL expression over c0, c1, ..., the texts of its cells."""
    is_only = len(cells) == 1
    shown = [_quoted(number, cell, layout, delimiter, is_only=is_only) for number, cell in enumerate(cells)]
    return f"concat_ws({literal(delimiter)}, {', '.join(shown)})"


def _quoted(number: int, cell: TextCell, layout: Layout, delimiter: str, *, is_only: bool) -> str:
    name = f"c{number}"
    mark = layout.quote
    marked = f"{literal(mark)} || replace({name}, {literal(mark)}, {literal(mark * 2)}) || {literal(mark)}"
    # Refused beforehand, if one needs quotes.
    if layout.quotes == "none":
        return f"coalesce({name}, '')"
    if layout.quotes == "all":
        return f"coalesce({marked}, {literal(mark * 2)})"
    # No value is nothing at all, and an empty text is "": but an empty line would be no row to most readers.
    nothing = literal(mark * 2) if is_only else "''"
    if not _may_need_quotes(cell, delimiter, mark):
        return f"coalesce({name}, {nothing})"
    special = f"regexp_matches({name}, {literal(_special(delimiter, mark))}) OR {name} = ''"
    # Many readers take a line that begins with # for a comment.
    special += f" OR starts_with({name}, '#')" if number == 0 else ""
    return f"CASE WHEN {name} IS NULL THEN {nothing} WHEN {special} THEN {marked} ELSE {name} END"


def _special(delimiter: str, mark: str) -> str:
    return f"[{re.escape(delimiter)}{re.escape(mark)}\\r\\n]"


def _may_need_quotes(cell: TextCell, delimiter: str, mark: str) -> bool:
    # Delimiters that stand in numbers are refused, but for the decimal comma.
    return cell.kind not in _NUMBERS or delimiter in ",." or mark in ",."


def refuse_unquoted(
    connection: duckdb.DuckDBPyConnection, relation: str, cells: Sequence[TextCell], *, delimiter: str, mark: str
) -> None:
    """Raises Problem for the first value that a file without quotes cannot hold."""
    tests = [f"regexp_matches({cell.text}, {literal(_special(delimiter, mark))})" for cell in cells]
    if len(cells) == 1:
        # An empty line would be no row to most readers.
        tests = [f"{tests[0]} OR coalesce({cells[0].text}, '') = ''"]
    if found := first_where(connection, relation, cells, tests):
        row, cell, value = found
        told = f"{place(row, cell, value or '')}, which a file without quotes cannot hold"
        other = f"; where {mark} is a letter like others to its reader, give another `quote`"
        raise Problem(told + (other if mark in (value or "") else ""))


def fixed_cell(field: FixedColumn, types: Mapping[str, str], constant: str, zone: str) -> TextCell:
    """A field of a line, not yet filled up. Raises Problem for a column that there is not."""
    if field.column is None:
        return TextCell(text=literal(constant), column="", kind=ValueKind.TEXT)
    name = kinds.column(types, field.column, "layout.fixed")
    kind, value = types[name], quote(name)
    found = kinds.of(kind)
    if found is ValueKind.NUMBER and field.decimals and not kind.startswith("DECIMAL"):
        # So that 12 with two decimals is 12.00, like the amounts beside it.
        value = f"CAST({value} AS DECIMAL(38,{field.decimals}))"
        kind = f"DECIMAL(38,{field.decimals})"
    style = CsvStyle(decimal=".", decimals=field.decimals, zone=zone, escapes=False)
    text = f"coalesce({_dated(value, kind, field.date, style)}, '')"
    if found in _NUMBERS:
        text = _signed(_pointed(text, field), field)
    return TextCell(text=text, column=name, kind=found)


def _pointed(text: str, field: FixedColumn) -> str:
    return text if field.point == "." else f"replace({text}, '.', {literal('' if field.point == 'none' else ',')})"


def _signed(text: str, field: FixedColumn) -> str:
    if field.sign != "trailing":
        return text
    # A place of its own: a reader that takes it off would take the last digit of what has no minus.
    others = f"CASE WHEN {text} = '' THEN '' ELSE {text} || ' ' END"
    return f"CASE WHEN starts_with({text}, '-') THEN substring({text}, 2) || '-' ELSE {others} END"


def filled(name: str, cell: TextCell, field: FixedColumn) -> str:
    """The SQL text, filled up to the size of its field."""
    is_number = cell.kind in _NUMBERS
    pad, size = literal(field.pad), field.size
    # Digits fill from the left, or they would change the number.
    if (field.align or ("right" if is_number or field.pad.isdigit() else "left")) == "left":
        return f"rpad({name}, {size}, {pad})"
    if is_number and field.pad.isdigit():
        # Behind the sign: 0000-12 is no number to any reader. An empty cell stays zeros.
        return (
            f"CASE WHEN starts_with({name}, '-') THEN '-' || lpad(substring({name}, 2), {size - 1}, {pad}) "
            f"ELSE lpad({name}, {size}, {pad}) END"
        )
    return f"lpad({name}, {size}, {pad})"


def refuse_unfit(
    connection: duckdb.DuckDBPyConnection, relation: str, cells: Sequence[TextCell], fields: Sequence[FixedColumn]
) -> None:
    """Raises Problem for the first value that its field cannot hold."""
    # In this order: a text too long is told as that, whatever else is in it.
    for tests, why in (
        ([f"length({cell.text}) > {field.size}" for cell, field in zip(cells, fields, strict=True)], "long"),
        ([f"regexp_matches({cell.text}, {literal(_LINE_BREAKS)})" for cell in cells], "line"),
        ([_has_sign(cell, field) for cell, field in zip(cells, fields, strict=True)], "sign"),
    ):
        if found := first_where(connection, relation, cells, tests):
            row, cell, value = found
            field = fields[cells.index(cell)]
            raise Problem(f"{place(row, cell, value)}{_why(why, value, field)}")


def _has_sign(cell: TextCell, field: FixedColumn) -> str:
    is_number = cell.kind in _NUMBERS
    return f"starts_with({cell.text}, '-')" if is_number and field.sign == "refuse" else "false"


def _why(why: str, value: str, field: FixedColumn) -> str:
    if why == "long":
        return f", which has {len(value):,} characters, and its field holds {field.size:,}"
    if why == "line":
        return ", and a line of fixed width cannot hold its line breaks or other control characters"
    return ", and its field takes no negative numbers"


def place(row: int, cell: TextCell, value: str) -> str:
    """Where a value is and what it is, for a message."""
    shown = value if len(value) <= SHOWN_CHARACTERS_MAX else f"{value[:SHOWN_CHARACTERS_MAX]}..."
    if not cell.column:
        return f'the text "{shown}"'
    return f'row {row:,} of the column "{cell.column}" is "{shown}"'


def first_where(
    connection: duckdb.DuckDBPyConnection, relation: str, cells: Sequence[TextCell], tests: Sequence[str]
) -> tuple[int, TextCell, str] | None:
    """The first row where a cell passes its test: its number from 1, the cell, its text."""
    asked = [(cell, test) for cell, test in zip(cells, tests, strict=True) if test != "false"]
    if not asked:
        return None
    # All columns in one pass over the rows.
    any_of = " OR ".join(f"({test})" for _, test in asked)
    flags = ", ".join(f"({test}) AS t{number}" for number, (_, test) in enumerate(asked))
    texts = ", ".join(f"{cell.text} AS v{number}" for number, (cell, _) in enumerate(asked))
    # Numbered before anything is left out; the numbers are made only where there is something to tell.
    row = connection.execute(f"SELECT count(*) FROM {quote(relation)} WHERE {any_of}").fetchone()
    assert row is not None
    if not row[0]:
        return None
    found = connection.execute(
        f"SELECT n, {', '.join(f't{number}, v{number}' for number in range(len(asked)))} FROM "
        f"(SELECT row_number() OVER () AS n, {flags}, {texts} FROM {quote(relation)}) "
        f"WHERE {' OR '.join(f't{number}' for number in range(len(asked)))} ORDER BY n LIMIT 1"
    ).fetchone()
    assert found is not None
    return next(
        (found[0], cell, found[2 + 2 * number]) for number, (cell, _) in enumerate(asked) if found[1 + 2 * number]
    )


def json_line(types: Mapping[str, str]) -> str:
    """A row as a JSON object over the columns themselves: numbers with all their digits, NULL as null."""
    pieces: list[str] = []
    for name, kind in types.items():
        comma = "'{'" if not pieces else "','"
        pieces += [comma, f"to_json({literal(name)})", "':'", f"coalesce({_json_value(quote(name), kind)}, 'null')"]
    return f"concat({', '.join([*pieces, QUOTED_END])})"


def _json_value(value: str, kind: str) -> str:
    found = kinds.of(kind)
    if found in _NUMBERS:
        return csv_cells.text_of(value, kind, CsvStyle(decimal=".", decimals=None, zone="UTC", escapes=False))
    if found is ValueKind.TRUTH:
        return f"CAST({value} AS VARCHAR)"
    # As ISO 8601 writes moments: DuckDB's own text has a blank in the middle, and half an offset at the end.
    if found is ValueKind.MOMENT:
        return f"'\"' || replace(CAST({value} AS VARCHAR), ' ', 'T') || '\"'"
    if found is ValueKind.ZONED:
        return f"'\"' || replace(CAST(timezone('UTC', {value}) AS VARCHAR), ' ', 'T') || 'Z\"'"
    return f"CAST(to_json({value}) AS VARCHAR)"
