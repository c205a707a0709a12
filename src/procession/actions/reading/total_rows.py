"""A last row that holds the totals of the others: left out, and compared with what they add up to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING

from procession.actions import database, values
from procession.actions.database import quote
from procession.actions.problems import Problem
from procession.actions.reading import aggregates
from procession.actions.reading.cells import RELATION, Cells
from procession.actions.reading.columns import Relation
from procession.actions.rows import kinds
from procession.actions.rows.kinds import ValueKind
from procession.actions.rows.numbering import ROW, numbered

if TYPE_CHECKING:
    import duckdb

LAST = "the row of totals"
# Beginnings of what a total is called in the languages of Europe.
WORDS = (
    r"(?i)\s*(grand |sub-?)?(sum|total|summe|gesamt|zwischensumme|saldo|balance|endbestand|schlusssaldo|kontostand|"
    r"[üu]bertrag|carried forward|brought forward|c/f|b/f|somme|solde|totale|suma|razem|celkem|ukupno|totaal|yhteensä|"
    r"i alt|összesen|toplam|итого|всего)\p{L}*([^\p{L}].*)?"
)
_TEXTS_MAX = 20  # columns that may say so
_ROWS_MIN = 3  # a row that equals the only one before it is another item


@dataclass(frozen=True, slots=True, kw_only=True)
class LastRow:
    """`place` is where it is, in words; it is in the relation LAST, as it was among the cells."""

    place: str
    filled: int  # cells
    least: int  # filled cells of the emptiest row before it


def take_off(connection: duckdb.DuckDBPyConnection, cells: Cells, file: str) -> tuple[Cells, LastRow]:
    """The cells without their last row. Raises Problem where there is none."""
    cells = cells.loaded()
    rows = database.count(connection, RELATION)
    if not rows:
        raise Problem(f'the file "{file}" has no row of totals: it has no rows')
    connection.execute(
        f"CREATE OR REPLACE TABLE {quote(LAST)} AS SELECT * FROM {quote(RELATION)} WHERE rowid = {rows - 1}"
    )
    # The last one: what counts the rows before it keeps no gap.
    connection.execute(f"DELETE FROM {quote(RELATION)} WHERE rowid = {rows - 1}")
    # By lists: a sum of a thousand terms is deeper than DuckDB goes.
    texts = f"[{', '.join(f't{number}' for number in range(len(cells.columns)))}]"
    row = connection.execute(f"SELECT {texts} FROM {quote(LAST)}").fetchone()
    assert row is not None
    there = [number for number, text in enumerate(row[0]) if text is not None]
    place = cells.place(rows - 1, there[0] if there else 0)
    remark = f"{place} is left out as the row of totals"
    least = connection.execute(f"SELECT min(list_count({texts})) FROM {quote(RELATION)}").fetchone()
    last = LastRow(place=place, filled=len(there), least=(least and least[0]) or 0)
    return replace(cells, remarks=(*cells.remarks, remark)), last


def check(connection: duckdb.DuckDBPyConnection, last: LastRow, made: Relation, relation: str, *, refuses: bool) -> str:
    """What to warn of, "" for nothing. Raises Problem for totals that are wrong, or not there, where it `refuses`."""
    compared = wrong = 0
    for name, given, found in _totals(connection, made, relation):
        # Exact, as texts: a total that is off by a binary cent would be refused.
        compared, total = compared + 1, Decimal(found)
        wrong += total != given
        if refuses and total != given:
            said, real = values.alike(given, total)
            out = "" if made.rejected is None else f"; {made.rejected.rows:,} rejected rows are not among them"
            raise Problem(
                f'the file "{made.file}": the total of "{name}" is {said} in {last.place}, and the rows before it '
                f"add up to {real}{out}"
            )
    connection.execute(f"DROP TABLE {quote(LAST)}")
    if refuses and not compared:
        raise Problem(f'the file "{made.file}" has no total in its last row ({last.place})')
    # Without one this month, the last row of the file would be lost in silence. Rows have cells that may be empty, so
    # it is compared with the emptiest of them: totals leave out more, a date or a reference.
    if last.filled >= last.least and wrong == compared:
        return f"{last.place} of {made.file} is left out as the row of totals, and looks like any other row"
    return ""


def _totals(connection: duckdb.DuckDBPyConnection, made: Relation, relation: str) -> Iterator[tuple[str, Decimal, str]]:
    """Each column of numbers with a number in the row of totals: that, and what the rows before it add up to."""
    numbers = [n for n, type_ in database.columns(connection, relation).items() if kinds.of(type_) is ValueKind.NUMBER]
    # Of the one row: an empty cell and a word are no total.
    cells = [f"any_value(CAST({made.numbers[name]} AS VARCHAR))" for name in numbers]
    last = zip(numbers, aggregates.over(connection, cells, quote(LAST)), strict=True)
    given = {name: Decimal(text) for name, text in last if text is not None}
    sums = [f"CAST(coalesce(sum({quote(name)}), 0) AS VARCHAR)" for name in given]
    found = aggregates.over(connection, sums, quote(relation))
    for (name, number), text in zip(given.items(), found, strict=True):
        yield name, number, text


def overlooked(connection: duckdb.DuckDBPyConnection, made: Relation, relation: str) -> str:
    """What to warn of where nobody spoke of totals: a last row that is the sum of the others. "" for nothing."""
    if made.rows < _ROWS_MIN:
        return ""
    row, columns = made.rows - 1, database.columns(connection, relation)
    numbers = [name for name, type_ in columns.items() if kinds.of(type_) is ValueKind.NUMBER]
    items = _items(connection, relation, [name for name in columns if name not in numbers], row)
    found = _sum(connection, relation, numbers, row, items)
    if found is None:
        return ""
    name, [shown] = found[0], values.alike(found[1])
    return (
        f"{made.place(row, name)} of {made.file} is read as a row, and looks like the total of the rows before it "
        f'("{name}" is {shown}); total_row: check, or skip, leaves it out'
    )


def _items(connection: duckdb.DuckDBPyConnection, relation: str, others: Sequence[str], row: int) -> list[str]:
    """SQL of the rows that the last one may be the sum of; none where nothing in it looks like a total."""
    # The single row first: mostly it is one like the others, and no other row is looked at.
    if not others:
        return []
    last = f"FROM {numbered(connection, relation)} WHERE {ROW} = {row}"
    names = [quote(name) for name in others]
    words = [f"coalesce(regexp_full_match(CAST({name} AS VARCHAR), '{WORDS}'), false)" for name in names[:_TEXTS_MAX]]
    # One statement for all: each costs as much as the table is wide.
    filled = ", ".join(f"{name} IS NOT NULL" for name in names)
    said = connection.execute(f"SELECT {' OR '.join(words)}, [{filled}] {last}").fetchone()
    assert said is not None
    is_word, is_filled = said
    if is_word:
        # Also without the totals of sections, which a last one may count or not.
        return [f"{ROW} < {row}", f"{ROW} < {row} AND NOT ({' OR '.join(words)})"]
    # Without a word for it: nothing but numbers, in a file whose other rows say what they are.
    if any(is_filled):
        return []
    counts = aggregates.over(connection, [f"count({name})" for name in names], quote(relation))
    return [f"{ROW} < {row}"] if max(counts) == row else []


def _sum(
    connection: duckdb.DuckDBPyConnection, relation: str, numbers: Sequence[str], row: int, items: Sequence[str]
) -> tuple[str, Decimal] | None:
    """A column whose last value is the sum of those items, and that value."""
    for condition in items:
        rows = numbered(connection, relation)
        last = aggregates.over(
            connection, [f"any_value({quote(name)}) FILTER ({ROW} = {row})" for name in numbers], rows
        )
        totals = aggregates.over(connection, [f"sum({quote(name)}) FILTER ({condition})" for name in numbers], rows)
        for name, value, total in zip(numbers, last, totals, strict=True):
            # A binary fraction is no total that anybody wrote.
            if value and isinstance(value, Decimal | int) and value == total:
                return name, Decimal(value)
    return None
