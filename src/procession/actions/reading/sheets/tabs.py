"""The tabs of a workbook, and the one of them that is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from procession.actions import references
from procession.actions.problems import Problem

_NAMES_SHOWN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Tab:
    """One tab. `part` is where its cells are: a part of the container, or its number among the tables of an .ods."""

    name: str
    part: str
    is_hidden: bool = False
    has_cells: bool = True  # not so for a tab that is a chart or a dialog


def choose(tabs: Sequence[Tab], sheet: str | int | None, file_name: str) -> Tab:
    """The tab by its name, or by its number among those that are shown. Raises Problem."""
    shown = [tab for tab in tabs if not tab.is_hidden]
    if references.parse(sheet):
        raise Problem(f'which sheet of "{file_name}" is read is known when the step runs ({sheet})')
    if isinstance(sheet, str):
        tab = _named(tabs, sheet, file_name)
    elif sheet is None:
        candidates = [tab for tab in [*shown, *tabs] if tab.has_cells]
        if not candidates:
            raise Problem(f'"{file_name}" has no sheet with cells')
        tab = candidates[0]
    elif not 1 <= sheet <= len(shown):
        raise Problem(f'"{file_name}" has no sheet {sheet} (it shows {_listed(shown)})')
    else:
        tab = shown[sheet - 1]
    if not tab.has_cells:
        raise Problem(f'the sheet "{tab.name}" of "{file_name}" is a chart or a dialog and has no cells')
    return tab


def remarks(tabs: Sequence[Tab], chosen: Tab, sheet: str | int | None) -> list[str]:
    """What a user should know about the choice."""
    if chosen.is_hidden:
        return [f'the sheet "{chosen.name}" is hidden']
    with_cells = [tab for tab in tabs if tab.has_cells]
    if sheet is None and len(with_cells) > 1:
        return [f'the first of {len(with_cells)} sheets is read: "{chosen.name}"; `sheet` names another']
    return []


def _named(tabs: Sequence[Tab], sheet: str, file_name: str) -> Tab:
    for tab in tabs:
        if tab.name == sheet:
            return tab
    for tab in tabs:  # spreadsheet programs do not tell upper from lower case here
        if tab.name.strip().casefold() == sheet.strip().casefold():
            return tab
    raise Problem(f'"{file_name}" has no sheet "{sheet}" (it has {_listed(tabs)})')


def _listed(tabs: Sequence[Tab]) -> str:
    more = ", ..." if len(tabs) > _NAMES_SHOWN else ""
    return ", ".join(f'"{tab.name}"' for tab in tabs[:_NAMES_SHOWN]) + more
