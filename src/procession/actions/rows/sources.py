"""Where rows come from: a file, or several that have the same columns, one below the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import msgspec

from procession.actions import references, relations
from procession.actions.reading.options import FileOptions

# A plain text: msgspec 0.22 frees a union of a text with a pattern and a list twice, and the process dies.
Reference = Annotated[
    str, msgspec.Meta(description="${step.property}", extra_json_schema={"pattern": references.PATTERN})
]
Source = Reference | FileOptions
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
    # A single one has no number in its place: nobody wrote a list.
    several = isinstance(sources, list)
    found: list[str] = []
    for number, options in enumerate(options_of(sources), start=1):
        place = f"{path}.{number}" if several else path
        if references.parse(options.file) is None:
            found.append(
                f'{place}: "{options.file}" is no file; write ${{step.property}}, or {{file: "${{step.property}}"}}'
            )
        found += relations.check(place, options)
    return tuple(found)
