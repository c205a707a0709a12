"""Names columns of cells: by heading or position, as `columns` says, and never two alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from procession.actions.problems import Problem
from procession.actions.reading.cells import Cells
from procession.actions.reading.options import ColumnOptions, FileOptions

_SHOWN_MAX = 30  # headings in a message
_PLACES_MAX = 5  # of equal headings
_HEADING_CHARACTERS_MAX = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedColumn:
    """A column that the step gets; `number`: its place among the cells, from 0."""

    number: int
    name: str
    heading: str  # as messages call it
    options: ColumnOptions | None


def settle(cells: Cells, options: FileOptions, file: str) -> tuple[NamedColumn, ...]:
    """The columns in order. Raises Problem for one that is missing, unexpected, or has another's name."""
    headings = [column.heading.strip() if options.trim else column.heading for column in cells.columns]
    declared = _declared(headings, options.columns, file)
    _refuse_others(headings, declared, options, file)
    found = [
        _named(number, heading, declared.get(number))
        for number, heading in enumerate(headings)
        if number in declared or options.others == "keep"
    ]
    _refuse_twins(found, file)
    return tuple(found)


def _declared(headings: list[str], columns: Mapping[str, ColumnOptions], file: str) -> dict[int, ColumnOptions]:
    places: dict[str, list[int]] = {}
    for number, heading in enumerate(headings):
        places.setdefault(heading, []).append(number)
    found: dict[int, ColumnOptions] = {}
    for key, options in columns.items():
        # The heading first: a column may be called 2026.
        numbers = places.get(key) or _position(key, len(headings))
        if not numbers:
            near = "".join(
                f"; {heading!r} differs in blanks or case alone" for heading in headings if _alike(heading, key)
            )
            raise Problem(f'the file "{file}" has no column "{key}" (it has {_listed(headings)}){near}')
        if len(numbers) > 1:
            at = " and ".join(str(number + 1) for number in numbers[:_PLACES_MAX])
            at += ", ..." if len(numbers) > _PLACES_MAX else ""
            raise Problem(f'the file "{file}" has several columns "{key}"; name them by their positions, {at}')
        if numbers[0] in found:
            raise Problem(f'columns names column {numbers[0] + 1} of the file "{file}" twice')
        found[numbers[0]] = options
    return found


def _alike(heading: str, key: str) -> bool:
    """Whether an eye takes them for equal; split() knows the blanks that do not break, too."""
    return heading != key and "".join(heading.split()).casefold() == "".join(key.split()).casefold()


def _position(key: str, width: int) -> list[int]:
    # Five digits are more than a file has columns.
    return [int(key) - 1] if key.isascii() and key.isdigit() and len(key) < 6 and 0 < int(key) <= width else []


def _refuse_others(headings: list[str], declared: Mapping[int, ColumnOptions], options: FileOptions, file: str) -> None:
    if options.others != "refuse":
        return
    others = [heading for number, heading in enumerate(headings) if number not in declared]
    if others:
        raise Problem(f'the file "{file}" has columns that are not expected: {_listed(others)}')


def _named(number: int, heading: str, options: ColumnOptions | None) -> NamedColumn:
    name = (options.name if options else None) or heading or f"column{number + 1}"
    return NamedColumn(number=number, name=name, heading=heading or f"column {number + 1}", options=options)


def _refuse_twins(columns: list[NamedColumn], file: str) -> None:
    # SQL names ignore case: "Amount" is "amount".
    times = Counter(column.name.casefold() for column in columns)
    twins = [column for column in columns if times[column.name.casefold()] > 1]
    if not twins:
        return
    same = [column for column in twins if column.name.casefold() == twins[0].name.casefold()]
    called = " and ".join(
        f'"{column.name[:_HEADING_CHARACTERS_MAX]}" (column {column.number + 1})' for column in same[:2]
    )
    raise Problem(
        f'the file "{file}" has two columns of one name: {called}; '
        f"give one another name by its position: columns: {{{same[1].number + 1}: {{name: ..., type: Text}}}}"
    )


def _listed(headings: list[str]) -> str:
    first = [heading[:_HEADING_CHARACTERS_MAX] for heading in headings[:_SHOWN_MAX]]
    shown = ", ".join(heading or "(no heading)" for heading in first)
    return f"{shown}, ..." if len(headings) > _SHOWN_MAX else shown
