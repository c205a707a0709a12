"""Settings of map_values: the rows, the table of rules, what is matched and what is given."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import msgspec

from procession.actions import references
from procession.actions.column_names import ColumnName, NewColumn, RulesColumn, SourceColumn
from procession.actions.reading.options import FileOptions
from procession.actions.references import Given
from procession.actions.rows import sources
from procession.actions.rows.sources import Sources
from procession.actions.writing import exports
from procession.actions.writing.exports import Target
from procession.model.table_uses import TableUse

VALID_FROM, VALID_TO = "valid_from", "valid_to"


class MapOutputs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the rows go."""

    result: Annotated[Target, msgspec.Meta(description="the rows with what the rules give")]
    unmapped: Annotated[
        Target | None, msgspec.Meta(description="values that no rule fits, how often, and the nearest rules")
    ] = None
    unused: Annotated[Target | None, msgspec.Meta(description="rules that were the first to fit nothing")] = None


class ValidOn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Rules hold from their `valid_from` to their `valid_to`, both included; an empty one has no end there."""

    date: Annotated[SourceColumn, msgspec.Meta(description="column of the rows with the day on which a rule must hold")]


class MapSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    source: Annotated[Sources, msgspec.Meta(description="the rows")]
    rules: Annotated[
        Sources,
        msgspec.Meta(
            description="the rules: 4000 is itself, 4* begins so, 4000-4999 is a range of numbers of one length, an "
            "empty cell is any; of several that fit, the one with the fewest empty cells holds, then the narrowest"
        ),
    ]
    match: Annotated[
        list[ColumnName],
        msgspec.Meta(min_length=1, max_length=10, description="columns that the rows and the rules have"),
    ]
    exact: Annotated[
        list[ColumnName], msgspec.Meta(max_length=10, description="those of them where * and - are plain characters")
    ] = []
    priority: Annotated[
        RulesColumn | None, msgspec.Meta(description="column of the rules with a number; the least comes first")
    ] = None
    give: Annotated[
        dict[RulesColumn, NewColumn],
        msgspec.Meta(min_length=1, max_length=50, description="columns of the rules, and their names in the result"),
    ]
    default: Annotated[Given, msgspec.Meta(description="what is given where no rule fits")] = None
    on: Annotated[ValidOn | None, msgspec.Meta(description="whether rules hold for a time only")] = None
    outputs: Annotated[MapOutputs, msgspec.Meta(description="where the rows go")]


def targets(settings: MapSettings) -> dict[str, Target]:
    return exports.targets_of(settings.outputs)


def reads(settings: MapSettings) -> tuple[str, ...]:
    files = sources.reads(settings.source, settings.rules)
    return tuple(dict.fromkeys((*files, *references.only([settings.default]))))


def files_read(settings: MapSettings) -> tuple[FileOptions, ...]:
    """Every file, read as the step reads it."""
    return sources.files_of(settings.source, settings.rules)


def tables(settings: MapSettings) -> tuple[TableUse, ...]:
    return (*sources.tables_of(settings.source, settings.rules), *exports.tables_of(targets(settings).values()))


def writes(settings: MapSettings) -> tuple[str, ...]:
    return tuple(exports.reference_of(target) for target in targets(settings).values())


def check(settings: MapSettings) -> tuple[str, ...]:
    """Mistakes that types cannot express."""
    found = [*sources.mistakes("source", settings.source), *sources.mistakes("rules", settings.rules)]
    for name, target in targets(settings).items():
        found += exports.check(f"outputs.{name}", target)
    return (*found, *references.mistakes("default", settings.default), *_names(settings))


def _names(settings: MapSettings) -> Iterator[str]:
    match = {name.lower() for name in settings.match}
    if len(match) < len(settings.match):
        yield "match: a column is named twice"
    for name in settings.exact:
        if name.lower() not in match:
            yield f'exact: "{name}" is not among the columns of match'
    if len({name.lower() for name in settings.give.values()}) < len(settings.give):
        yield "give: two columns would have one name"
