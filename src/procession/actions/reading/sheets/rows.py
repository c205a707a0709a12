"""Rows of cells as every kind of workbook gives them, and what was found beside them."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from procession.actions.reading.sheets.tabs import Tab

Cell = tuple[int, int, str]  # column from 0, a Kind or values.FAULT, text; empty cells are left out
Row = tuple[int, bool, list[Cell]]  # number from 0, is it hidden, its cells in their order


@dataclass(kw_only=True)
class Findings:
    """What a reader comes across that changes no value, but may explain one."""

    # Four numbers from 0 for each merged area: first and last row, first and last column. Only its first cell is full.
    merged: array[int] = field(default_factory=lambda: array("I"))
    has_hidden_columns: bool = False
    has_formulas: bool = False


class Book(Protocol):
    """One kind of workbook, open. Reading raises Problem."""

    tabs: list[Tab]

    def rows(self, tab: Tab, where: str, findings: Findings) -> Iterator[Row]:
        """The rows of a tab in their order; `where` is what messages call it. Findings are noted on the way."""
        ...

    def warnings(self, findings: Findings) -> list[str]:
        """What makes all its values doubtful."""
        ...
