"""Settings of transform: a list of steps, each with one thing that it does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

import msgspec

from procession.actions import expecting, references
from procession.actions.column_names import MAKES_COLUMNS, ColumnName, NewColumn
from procession.actions.expecting import Expect
from procession.actions.reading.options import FileOptions
from procession.actions.references import Given, Name
from procession.actions.rows import sources
from procession.actions.rows.expressions import Expression
from procession.actions.rows.sources import Several, Sources
from procession.actions.writing import exports
from procession.actions.writing.exports import Target
from procession.model.table_uses import TableUse

Columns = Annotated[list[ColumnName], msgspec.Meta(min_length=1, max_length=500)]
STEPS_MAX = 100
PIVOT_COLUMNS_MAX = 1_000


class DedupeStep(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of rows with equal values in `by`, one stays. Rows without any value there are no duplicates."""

    by: Annotated[Columns, msgspec.Meta(description="columns in which duplicates are equal")]
    keep: Annotated[Literal["first", "last"], msgspec.Meta(description="which of them stays")] = "first"
    order: Annotated[
        list[ColumnName],
        msgspec.Meta(max_length=20, description="columns that say what is first; -column turns it round"),
    ] = []


class GroupStep(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One row for all rows with equal values in `by`; without `by`, one row in all."""

    by: Annotated[list[ColumnName], msgspec.Meta(max_length=100, description="columns that stay")] = []
    sum: Annotated[list[ColumnName], msgspec.Meta(max_length=500, description="columns that are added up")] = []
    min: Annotated[list[ColumnName], msgspec.Meta(max_length=500, description="columns of which the least stays")] = []
    max: Annotated[
        list[ColumnName], msgspec.Meta(max_length=500, description="columns of which the greatest stays")
    ] = []
    count: Annotated[NewColumn | None, msgspec.Meta(description="name of a column with the number of rows")] = None


class UnpivotStep(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Columns become rows, one for each of them, also where the cell is empty."""

    columns: Annotated[Columns, msgspec.Meta(description="columns that become rows")]
    name: Annotated[NewColumn, msgspec.Meta(description="new column with the heading")]
    value: Annotated[NewColumn, msgspec.Meta(description="new column with the value")]


class PivotStep(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Values become columns; rows that are equal in all other columns become one, and numbers are added up."""

    name: Annotated[ColumnName, msgspec.Meta(description="column whose values become headings")]
    value: Annotated[ColumnName, msgspec.Meta(description="column whose values stand under them")]
    columns_max: Annotated[
        int, msgspec.Meta(ge=1, le=PIVOT_COLUMNS_MAX, description="more headings than these are a mistake")
    ] = 200


class TransformStep(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Exactly one of these."""

    filter: Annotated[Expression | None, msgspec.Meta(description="condition of rows that stay")] = None
    derive: Annotated[
        Annotated[dict[NewColumn, Expression], msgspec.Meta(min_length=1, max_length=200)] | None,
        msgspec.Meta(description="columns and how they are calculated; each may use those before it"),
    ] = None
    dedupe: Annotated[DedupeStep | None, msgspec.Meta(description="removes duplicates")] = None
    group: Annotated[GroupStep | None, msgspec.Meta(description="adds rows up")] = None
    unpivot: Annotated[UnpivotStep | None, msgspec.Meta(description="makes rows of columns")] = None
    pivot: Annotated[
        PivotStep | None,
        msgspec.Meta(description="makes columns of rows", extra_json_schema={MAKES_COLUMNS: True}),
    ] = None
    select: Annotated[
        Annotated[list[ColumnName | dict[NewColumn, ColumnName]], msgspec.Meta(min_length=1, max_length=1000)] | None,
        msgspec.Meta(description="columns that stay, in this order; an item {column: new name} renames"),
    ] = None
    sort: Annotated[
        Columns | None, msgspec.Meta(description="columns to sort by; -column turns it round, empty cells come last")
    ] = None
    union: Annotated[Several | None, msgspec.Meta(description="files whose rows follow, by the names of columns")] = (
        None
    )

    @property
    def does(self) -> list[str]:
        """What is said of them; one in a step that is right."""
        return [name for name in self.__struct_fields__ if getattr(self, name) is not None]


class TransformSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    source: Annotated[Sources, msgspec.Meta(description="the file, or several with the same columns")]
    steps: Annotated[
        list[TransformStep],
        msgspec.Meta(min_length=1, max_length=STEPS_MAX, description="what is done, one after the other"),
    ]
    inputs: Annotated[dict[Name, Given], msgspec.Meta(description="values that expressions call $name")] = {}
    output: Annotated[Target, msgspec.Meta(description="the file that takes the rows")]
    expect: Annotated[Expect, msgspec.Meta(description="what the rows of the result must be")] = Expect()


def _unions(settings: TransformSettings) -> list[Sources]:
    return [step.union for step in settings.steps if step.union is not None]


def reads(settings: TransformSettings) -> tuple[str, ...]:
    values = references.only([*settings.inputs.values(), *expecting.reads(settings.expect)])
    return tuple(dict.fromkeys((*sources.reads(settings.source, *_unions(settings)), *values)))


def files_read(settings: TransformSettings) -> tuple[FileOptions, ...]:
    """Every file, read as the step reads it."""
    return sources.files_of(settings.source, *_unions(settings))


def tables(settings: TransformSettings) -> tuple[TableUse, ...]:
    return (*sources.tables_of(settings.source, *_unions(settings)), *exports.tables_of([settings.output]))


def writes(settings: TransformSettings) -> tuple[str, ...]:
    return (exports.reference_of(settings.output),)


def check(settings: TransformSettings) -> tuple[str, ...]:
    """Mistakes that types cannot express."""
    found = [*sources.mistakes("source", settings.source), *exports.check("output", settings.output)]
    for name, given in settings.inputs.items():
        found += references.mistakes(f"inputs.{name}", given)
    for number, step in enumerate(settings.steps, start=1):
        found += _of_step(f"steps.{number}", step)
    return (*found, *expecting.mistakes(settings.expect))


def _of_step(path: str, step: TransformStep) -> Iterator[str]:
    if len(step.does) != 1:
        said = f"does {' and '.join(step.does)} at once" if step.does else "does nothing"
        yield f"{path}: {said}; write one thing in each step"
    if step.union is not None:
        yield from sources.mistakes(f"{path}.union", step.union)
    # What needs no rows is told when the file is applied, and not at month end.
    if step.group is not None:
        yield from _of_group(path, step.group)
    if step.unpivot is not None and step.unpivot.name.lower() == step.unpivot.value.lower():
        yield f'{path}.unpivot: name and value are both "{step.unpivot.name}"'
    for rename in step.select or []:
        if isinstance(rename, dict) and len(rename) != 1:
            yield f"{path}.select: write one {{column: new name}} for each column"


def _of_group(path: str, group: GroupStep) -> Iterator[str]:
    named = [*group.by, *group.sum, *group.min, *group.max, *([] if group.count is None else [group.count])]
    known: set[str] = set()
    for name in named:
        if name.lower() in known:
            yield f'{path}.group: "{name}" would be two columns of one name; derive one under another name before'
        known.add(name.lower())
    if not (group.sum or group.min or group.max or group.by or group.count):
        yield f"{path}.group: says nothing; name columns under by or sum"


def expressions(settings: TransformSettings) -> Iterator[tuple[str, str, frozenset[str]]]:
    """Every expression with its setting and the values that it may name."""
    values = frozenset(settings.inputs)
    for number, step in enumerate(settings.steps, start=1):
        if step.filter is not None:
            yield f"steps.{number}.filter", step.filter, values
        for name, text in (step.derive or {}).items():
            yield f"steps.{number}.derive.{name}", text, values
