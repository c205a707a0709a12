"""Where rows come from: a file, or several that have the same columns, one below the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import msgspec

from procession.actions import references, relations
from procession.actions.reading.options import FileOptions
from procession.actions.references import ReferenceText

Source = ReferenceText | FileOptions
Several = Annotated[list[Source], msgspec.Meta(min_length=1, max_length=100)]
Sources = Source | Several


def options_of(sources: Sources) -> tuple[FileOptions, ...]:
    """Each file with its options, in order."""
    given: Sequence[Source] = sources if isinstance(sources, list) else [sources]
    return tuple(one if isinstance(one, FileOptions) else FileOptions(file=one) for one in given)


def reads(*every: Sources) -> tuple[str, ...]:
    """ "step.property" of every file."""
    return references.only(options.file for sources in every for options in options_of(sources))


def mistakes(path: str, sources: Sources) -> tuple[str, ...]:
    """What types cannot express, in the user's words."""
    several = isinstance(sources, list)
    found: list[str] = []
    for number, options in enumerate(options_of(sources), start=1):
        found += relations.check(f"{path}.{number}" if several else path, options)
    return tuple(found)
