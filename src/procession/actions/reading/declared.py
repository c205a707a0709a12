"""Columns of a file with their declared options, in the form that fitting.py takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from procession.actions.reading import fitting, patterns, values
from procession.actions.reading.cells import FAILS, CellColumn, Kind
from procession.actions.reading.fitting import Declared
from procession.actions.reading.guessing import GuessedType
from procession.actions.reading.names import NamedColumn
from procession.actions.reading.options import FileOptions, Type
from procession.actions.reading.values import Style

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredColumn:
    """A column being made; `text`: SQL of its cells' texts, as written but for what `trim` removes."""

    named: NamedColumn
    cells: CellColumn
    text: str
    style: Style

    @property
    def place(self) -> int:
        return self.named.number

    @property
    def as_it_is(self) -> str:
        """The SQL value of a column whose file has types."""
        return self.text if self.cells.native == "VARCHAR" else f"t{self.place}"

    @property
    def is_typed(self) -> bool:
        return self.cells.native not in {"", "VARCHAR"} or self.cells.kind is not Kind.TEXT

    @property
    def declared(self) -> Declared | None:
        said = self.named.options
        return None if said is None else self._as(said.type, required=said.required)

    @property
    def number(self) -> str:
        """SQL of the value of a cell as a number; NULL for one that is none."""
        return self._as("Number").value

    def _as(self, type_: Type, *, required: bool = False) -> Declared:
        return Declared(
            number=self.place,
            heading=self.named.heading,
            cells=self.cells,
            text=self.text,
            type=type_,
            style=self.style,
            required=required,
        )


def column_of(cells: CellColumn, named: NamedColumn, options: FileOptions) -> DeclaredColumn:
    said = named.options
    style = Style(
        decimal=(said and said.decimal) or options.decimal or ".",
        thousands=(said and said.thousands) or options.thousands,
        pattern=(said and said.pattern) or options.date,
        zone=options.zone or "UTC",
    )
    trims = said.trim if said is not None and said.trim is not None else options.trim
    text = fitting.text_of(named.number, cells, trims=trims)
    if cells.native == "VARCHAR":  # Parquet distinguishes an empty text from no value; our files do not
        text = f"nullif({text}, '')"
    return DeclaredColumn(named=named, cells=cells, text=text, style=style)


def guess(said: Declared, *, takes_times: bool) -> GuessedType:
    """SQL of its value, which fails the statement at the first cell that does not fit, or names a currency.

    So does one that may hold more than a day in a column of days, unless `takes_times`.
    """
    said = replace(said, style=replace(said.style, currency=False))
    kind, value = said.style.sql_type(said.type), said.value
    if said.type != "Text":
        value = f"CASE WHEN {said.given} IS NOT NULL THEN coalesce({value}, {FAILS}) END"
    if fitting.may_hold_times(said) and not takes_times:
        value = f"CASE WHEN {said.has_time} THEN {FAILS} ELSE {value} END"
    if said.required:
        value = f"CASE WHEN {said.given} IS NULL THEN {FAILS} ELSE {value} END"
    return GuessedType(type=kind, value=value)


def with_clocks(
    connection: duckdb.DuckDBPyConnection,
    columns: Sequence[DeclaredColumn],
    source: str,
    *,
    rows_max: int | None = None,
) -> list[DeclaredColumn]:
    """The columns, each Datetime told whether its moments have a zone: as the first of the source's rows says."""
    asked = [c for c in columns if c.named.options is not None and c.named.options.type == "Datetime"]
    told = {c.place: patterns.has_zone(c.style.pattern) for c in asked if c.style.pattern}
    if asked := [c for c in asked if c.place not in told]:
        firsts = ", ".join(
            f"arg_min(regexp_full_match({c.text}, '{values.ZONED}'), n) "
            f"FILTER (regexp_full_match({c.text}, '{values.ZONED}|{values.MOMENT}|{values.DAY}'))"
            for c in asked
        )
        limit = "" if rows_max is None else f" LIMIT {rows_max}"
        row = connection.execute(
            f"SELECT {firsts} FROM (SELECT row_number() OVER () AS n, * FROM {source}{limit})"
        ).fetchone()
        assert row is not None
        told |= {c.place: bool(first) for c, first in zip(asked, row, strict=True)}
    return [replace(c, style=replace(c.style, zoned=told[c.place])) if c.place in told else c for c in columns]
