"""Columns of a large sheet as DuckDB took them, and SQL of the cells that they are."""

from __future__ import annotations

from dataclasses import dataclass

from procession.actions.reading import binary_values
from procession.actions.reading.cells import CellColumn, Kind
from procession.actions.reading.sheets import tables

TIMED = frozenset({Kind.DATE, Kind.MOMENT})


@dataclass(frozen=True, slots=True, kw_only=True)
class QuickColumn:
    """A column `v<column>` of the table RAW, with the kinds of its values.

    `is_mixed`: cells of several kinds were seen. In its place are `v<column>k`, the kind of a value, and by that `t`,
    its text, `n`, its number (DOUBLE), or `d`, its moment (TIMESTAMP).
    """

    column: int
    kinds: frozenset[Kind]
    is_mixed: bool = False
    exact: str = ""  # as CellColumn has it

    @property
    def kind(self) -> Kind | None:
        return tables.column_of("", set(self.kinds)).kind

    @property
    def value(self) -> str:
        return f"v{self.column}"

    @property
    def filled(self) -> str:
        """SQL that is NULL for an empty cell; a text without characters is one."""
        if self.is_mixed:
            return f"CASE WHEN coalesce({self.value}t, ' ') <> '' THEN {self.value}k END"
        return f"nullif({self.value}, '')" if self.kinds == {Kind.TEXT} else self.value

    @property
    def number(self) -> str:
        """SQL of the value that is to be finite."""
        return f"{self.value}n" if self.is_mixed else self.value

    @property
    def kind_sql(self) -> str:
        """SQL of the kind of each value that is one of several; a day with a time of day is a moment."""
        return f"CASE WHEN {has_time(f'{self.value}d')} THEN {Kind.MOMENT:d} ELSE {self.filled} END"

    @property
    def kinds_sql(self) -> str:
        """SQL of the list of the kinds of all values."""
        if self.is_mixed:
            return f"coalesce(list(DISTINCT {self.kind_sql}) FILTER (({self.kind_sql}) IS NOT NULL), [])"
        kind = f"{next(iter(self.kinds)):d}"
        # Days are all dates; with one time of day among them they are all moments.
        if self.kinds == {Kind.DATE}:
            kind = f"CASE WHEN bool_or({has_time(self.value)}) THEN {Kind.MOMENT:d} ELSE {kind} END"
        return f"CASE WHEN count({self.filled}) > 0 THEN [{kind}] ELSE [] END"

    def cells(self, heading: str) -> CellColumn:
        return CellColumn(
            heading=heading,
            kind=self.kind,
            is_binary=Kind.NUMBER in self.kinds,
            has_value=not self.is_mixed and self.kind in {Kind.NUMBER, *TIMED},
            exact=self.exact,
        )

    def terms(self, place: int) -> str:
        """SQL of the columns that CellColumn has; those that nobody asks for cost nothing."""
        if not self.kinds:
            return f"NULL::VARCHAR AS t{place}"
        if self.is_mixed:
            kinds = "" if self.kind is not None else f", ({self.kind_sql})::UTINYINT AS k{place}"
            return f"{self._mixed_text} AS t{place}{kinds}"
        terms = [f"{self._text(self.value, self.kind)} AS t{place}"]
        if self.kind in {Kind.NUMBER, *TIMED}:
            terms.append(f"{self.value} AS b{place}")
        if self.kind is Kind.NUMBER and not self.exact:
            terms.append(f"{binary_values.rest(self.value)} AS r{place}")
        return ", ".join(terms)

    @property
    def _mixed_text(self) -> str:
        """Where nothing but days and moments was found, all are moments."""
        day = Kind.MOMENT if self.kind is Kind.MOMENT else None
        number, moment = f"{self.value}n", f"{self.value}d"
        dated = f"CASE WHEN {has_time(moment)} THEN {self._text(moment, Kind.MOMENT)} ELSE "
        dated += f"{self._text(moment, day or Kind.DATE)} END"
        return (
            f"CASE WHEN {number} IS NOT NULL THEN {self._text(number, Kind.NUMBER)} "
            f"WHEN {moment} IS NOT NULL THEN {dated} ELSE nullif({self.value}t, '') END"
        )

    def _text(self, value: str, kind: Kind | None) -> str:
        match kind:
            case Kind.NUMBER:
                return binary_values.text(value, self.exact)
            case Kind.DATE:
                return f"CAST({value} AS DATE)::VARCHAR"
            case Kind.MOMENT:
                text = f"CAST({value} AS VARCHAR)"
                # DuckDB drops the last zeros of a fraction; the exact way always writes six decimals.
                return f"CASE WHEN length({text}) = 19 THEN {text} ELSE rpad({text}, 26, '0') END"
            case Kind.TRUTH:
                return f"upper(CAST({value} AS VARCHAR))"
        return f"nullif({value}, '')"


def has_time(moment: str) -> str:
    return f"{moment} <> CAST({moment} AS DATE)"
