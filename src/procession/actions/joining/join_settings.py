"""Settings of join: two sides, the keys, what is taken, and how often a row may find a partner."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

import msgspec

from procession.actions import references
from procession.actions.column_names import ColumnName, LeftColumn, NewColumn, RightColumn
from procession.actions.reading.options import FileOptions
from procession.actions.references import Given
from procession.actions.rows import sources
from procession.actions.rows.sources import Sources
from procession.actions.writing import exports
from procession.actions.writing.exports import Target
from procession.model.table_uses import TableUse


class JoinedPair(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Columns that mean the same on both sides."""

    left: Annotated[LeftColumn, msgspec.Meta(description="what the left side calls it")]
    right: Annotated[RightColumn, msgspec.Meta(description="what the right side calls it")]


class TakenColumn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A column of the right side under a name of its own."""

    as_: Annotated[NewColumn | None, msgspec.Meta(description="its name in the result")] = msgspec.field(
        name="as", default=None
    )
    default: Annotated[Given, msgspec.Meta(description="what it is where no row of the right side fits")] = None


class JoinOutputs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the rows go."""

    result: Annotated[Target, msgspec.Meta(description="the rows of the left side with what was taken")]
    unmapped: Annotated[
        Target | None, msgspec.Meta(description="keys of the left side that the right side lacks, and how often")
    ] = None


class JoinSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    left: Annotated[Sources, msgspec.Meta(description="the rows")]
    right: Annotated[Sources, msgspec.Meta(description="what is looked up")]
    on: Annotated[
        list[ColumnName | JoinedPair],
        msgspec.Meta(min_length=1, max_length=20, description="columns that are equal; an empty cell equals none"),
    ]
    as_of: Annotated[
        JoinedPair | None,
        msgspec.Meta(description="days: of the right rows, the latest whose day is not after the left one"),
    ] = None
    take: Annotated[
        dict[RightColumn, Given | TakenColumn],
        msgspec.Meta(
            min_length=1, max_length=500, description="columns of the right side, and what they are without a fit"
        ),
    ]
    expect: Annotated[
        Literal["many_to_one", "one_to_one", "one_to_many"],
        msgspec.Meta(description="how many rows of each side may have one key; more are a mistake"),
    ] = "many_to_one"
    unmatched: Annotated[
        Literal["keep", "drop", "fail"], msgspec.Meta(description="left rows whose key the right side lacks")
    ] = "keep"
    outputs: Annotated[JoinOutputs, msgspec.Meta(description="where the rows go")]


def pairs(settings: JoinSettings) -> list[JoinedPair]:
    return [JoinedPair(left=on, right=on) if isinstance(on, str) else on for on in settings.on]


def taken(settings: JoinSettings) -> dict[str, TakenColumn]:
    """By the right side's name."""
    return {
        name: given if isinstance(given, TakenColumn) else TakenColumn(default=given)
        for name, given in settings.take.items()
    }


def targets(settings: JoinSettings) -> dict[str, Target]:
    return exports.targets_of(settings.outputs)


def reads(settings: JoinSettings) -> tuple[str, ...]:
    values = references.only(column.default for column in taken(settings).values())
    return tuple(dict.fromkeys((*sources.reads(settings.left, settings.right), *values)))


def files_read(settings: JoinSettings) -> tuple[FileOptions, ...]:
    """Every file, read as the step reads it."""
    return sources.files_of(settings.left, settings.right)


def tables(settings: JoinSettings) -> tuple[TableUse, ...]:
    return (*sources.tables_of(settings.left, settings.right), *exports.tables_of(targets(settings).values()))


def writes(settings: JoinSettings) -> tuple[str, ...]:
    return tuple(exports.reference_of(target) for target in targets(settings).values())


def check(settings: JoinSettings) -> tuple[str, ...]:
    """Mistakes that types cannot express."""
    found = [*sources.mistakes("left", settings.left), *sources.mistakes("right", settings.right)]
    for name, target in targets(settings).items():
        found += exports.check(f"outputs.{name}", target)
    for name, column in taken(settings).items():
        found += references.mistakes(f"take.{name}", column.default)
    return (*found, *_twice(settings))


def _twice(settings: JoinSettings) -> Iterator[str]:
    known: set[str] = set()
    for name, column in taken(settings).items():
        new = (column.as_ or name).lower()
        if new in known:
            yield f'take: "{column.as_ or name}" would be two columns of one name; say as'
        known.add(new)
    if settings.as_of is not None and settings.expect == "one_to_many":
        yield "expect: as_of takes one row of the right side, so it cannot be one_to_many"
