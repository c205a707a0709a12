"""The table that rows go into: what its columns take, and those that the rows name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from procession.actions.problems import Problem
from procession.model.nearest import nearest

NAMED_MAX = 10


class Holds(StrEnum):
    """What a column takes, as far as we look at it before anything is sent."""

    WHOLE = "whole"
    NUMBER = "number"
    BINARY = "binary"  # of 32 or 64 bits
    TEXT = "text"
    TRUTH = "truth"
    DATE = "date"
    MOMENT = "moment"
    TIME = "time"
    BYTES = "bytes"
    MONEY = "money"
    OTHER = "other"  # what only the database can read


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetColumn:
    """A column of the table; `words` is its type for people."""

    name: str
    words: str
    is_full: bool  # takes no NULL
    is_needed: bool
    is_made: bool  # by the database alone
    holds: Holds = Holds.OTHER
    whole: str = ""  # DuckDB's type of the same whole numbers
    takes_truth: bool = False  # a whole number that stands for true and false
    digits: int | None = None  # of a number, in all
    decimals: int | None = None  # of a number, or of the seconds of a moment
    is_single: bool = False  # a binary number of 32 bits
    characters: int | None = None
    drops_blanks: bool = False  # at the end of a text
    has_zone: bool = False
    pattern: str = ""  # of its texts, where the database would take others for something else


def matched(
    columns: Sequence[TargetColumn], given: Sequence[str], *, marker: str | None, key: Sequence[str]
) -> dict[str, TargetColumn]:
    """For each column of the rows that of the table; its name is exact, or the only one in another case.

    Raises Problem for columns that either side lacks.
    """
    named = {name: _find(columns, name) for name in given}
    # Of two columns in one, only the last would be kept.
    taken = [column.name for column in named.values()]
    if marker is not None:
        taken.append(_marker(columns, marker, taken))
    twice = next((name for name in taken if taken.count(name) > 1), None)
    if twice is not None:
        raise Problem(f'two columns of the rows are "{twice}" of the table')
    lacking = [f'"{column.name}"' for column in columns if column.is_needed and column.name not in taken]
    if lacking:
        raise Problem(f"the rows lack {', '.join(lacking[:NAMED_MAX])}, which the table cannot do without")
    for name in key:
        if _find(columns, name).name not in taken:
            raise Problem(f'the rows have no column "{name}", which is part of the key')
    return named


def _marker(columns: Sequence[TargetColumn], marker: str, taken: Sequence[str]) -> str:
    found = _find(columns, marker)
    if found.name in taken:
        raise Problem(f'the rows have a column "{marker}" of their own, and it is the marker of the batch')
    # A number would be compared with it as 0, and other rows be taken for those of the batch.
    if found.holds is not Holds.TEXT:
        raise Problem(f'the column "{marker}" of the table is {found.words}, and the marker of a batch is a text')
    return found.name


def _find(columns: Sequence[TargetColumn], name: str) -> TargetColumn:
    # Names differ by case there, and people seldom mean that.
    exact = [column for column in columns if column.name == name]
    found = exact or [column for column in columns if column.name.lower() == name.lower()]
    if len(found) != 1:
        known = [column.name for column in columns]
        near = nearest(name, known)
        hint = f'; did you mean "{near}"?' if near else f" (it has {', '.join(known[:20])})"
        raise Problem(f'the table has no column "{name}"{hint}')
    if found[0].is_made:
        raise Problem(f'the column "{found[0].name}" is made by the database; leave it out')
    return found[0]


def refuse_cascade(other: str, rule: str) -> None:
    """Of a foreign key of another table: what is deleted here takes its rows along, and they do not come back."""
    raise Problem(
        f"{other} refers to the table with ON DELETE {rule}, so that its rows would go, or change, with those that are"
        " replaced; use upsert"
    )
