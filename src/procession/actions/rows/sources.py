"""Where rows come from: a file, or several that have the same columns, one below the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import msgspec

from procession.actions import references, relations
from procession.actions.reading.options import FileOptions
from procession.model.table_uses import TableUse

# A plain text: msgspec 0.22 frees a union of a text with a pattern and a list twice, and the process dies.
Reference = Annotated[
    str,
    msgspec.Meta(
        description="${step.property}, or ${table:Name} for a managed table",
        extra_json_schema={"pattern": references.PATTERN_WITH_TABLES},
    ),
]
Source = Reference | FileOptions
Several = Annotated[list[Source], msgspec.Meta(min_length=1, max_length=100)]
Sources = Source | Several


def options_of(sources: Sources) -> tuple[FileOptions, ...]:
    """Each file with its options, in order."""
    given: Sequence[Source] = sources if isinstance(sources, list) else [sources]
    return tuple(relations.source_of(one) for one in given)


def files_of(*every: Sources) -> tuple[FileOptions, ...]:
    """Those that are files, read as the step reads them."""
    return tuple(options for sources in every for options in options_of(sources) if options.file)


def tables_of(*every: Sources) -> tuple[TableUse, ...]:
    """Those that are managed tables."""
    return relations.tables_of([options for sources in every for options in options_of(sources)])


def reads(*every: Sources) -> tuple[str, ...]:
    """ "step.property" of every file, "table:Name" of every table, and what versions are taken from."""
    return references.only(relations.named(options for sources in every for options in options_of(sources)))


def mistakes(path: str, sources: Sources) -> tuple[str, ...]:
    """What types cannot express, in the user's words."""
    # A single one has no number in its place: nobody wrote a list.
    several = isinstance(sources, list)
    found: list[str] = []
    given: Sequence[Source] = sources if isinstance(sources, list) else [sources]
    for number, one in enumerate(given, start=1):
        place = f"{path}.{number}" if several else path
        if isinstance(one, str) and references.named(one) is None:
            found.append(
                f'{place}: "{one}" is no file; write ${{step.property}} with the keys of both, or ${{table:Name}}'
            )
        elif not isinstance(one, str):
            found += relations.check(place, one)
        # Two sheets of one file are two sources; the same one twice doubles every amount, and nothing would tell.
        if any(_same(one, before) for before in given[: number - 1]):
            found.append(f"{place}: it is given before, and its rows would be there twice")
    return tuple(found)


def _same(one: Source, other: Source) -> bool:
    return relations.source_of(one) == relations.source_of(other)
