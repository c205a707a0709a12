"""Settings of import_table: the files, what their columns are, what is added, and where the rows go."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

import msgspec

from procession.actions import expecting, references
from procession.actions.column_names import FileHeading
from procession.actions.expecting import Expect
from procession.actions.reading.options import ColumnOptions, FileOptions
from procession.actions.references import Given
from procession.actions.rows import sources
from procession.actions.rows.rejects import Rejects
from procession.actions.rows.sources import Sources
from procession.actions.writing import exports
from procession.actions.writing.exports import Target
from procession.model.processes import Effect
from procession.model.table_uses import TableUse

# Words in `add` that stand for what is known of each row.
FILE_NAME, LINE = "file_name", "line"
_NewColumn = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]


class ImportSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    source: Annotated[Sources, msgspec.Meta(description="the file, or several, one below the other")]
    columns: Annotated[
        dict[FileHeading, ColumnOptions],
        msgspec.Meta(description="of every file that does not say its own, by heading, or by number from 1"),
    ] = {}
    others: Annotated[
        Literal["keep", "drop", "refuse"] | None,
        msgspec.Meta(description="columns that `columns` does not name; those that are kept end as Warning"),
    ] = None
    add: Annotated[
        dict[_NewColumn, Given],
        msgspec.Meta(
            max_length=50,
            description="new columns: a constant, ${step.property}, or the words file_name and line for where a row is",
        ),
    ] = {}
    output: Annotated[Target, msgspec.Meta(description="the table, or the file: Parquet keeps the types")]
    rejects: Annotated[
        Rejects | None, msgspec.Meta(description="rows that do not fit; where nothing is said, any of them is refused")
    ] = None
    expect: Annotated[Expect, msgspec.Meta(description="what the rows must be")] = Expect()


def files(settings: ImportSettings) -> tuple[FileOptions, ...]:
    """Each file with its options, and with the step's columns unless it says its own."""
    return tuple(_with_columns(settings, options) for options in sources.options_of(settings.source))


def _with_columns(settings: ImportSettings, options: FileOptions) -> FileOptions:
    if options.columns or not options.file:
        return options
    others = settings.others if settings.others is not None and options.others == "keep" else options.others
    return msgspec.structs.replace(options, columns=settings.columns, others=others)


def reads(settings: ImportSettings) -> tuple[str, ...]:
    values = references.only([*settings.add.values(), *expecting.reads(settings.expect)])
    return tuple(dict.fromkeys((*sources.reads(settings.source), *values)))


def tables(settings: ImportSettings) -> tuple[TableUse, ...]:
    return (*sources.tables_of(settings.source), *exports.tables_of([settings.output]))


def writes(settings: ImportSettings) -> tuple[str, ...]:
    rejects = () if settings.rejects is None else (exports.reference_of(settings.rejects.target),)
    return (exports.reference_of(settings.output), *rejects)


def takes_rejects(settings: ImportSettings) -> bool:
    """Whether some row may be left out, so that one that does not fit is no sure failure."""
    return settings.rejects is not None and settings.rejects.at_most != 0


def effect_of(settings: ImportSettings) -> Effect:
    """Rows that take the place of others are the same again; appended ones are new, and come with the step's end."""
    return Effect.IDEMPOTENT if exports.options_of(settings.output).mode not in {None, "append"} else Effect.PURE


def check(settings: ImportSettings) -> tuple[str, ...]:
    """Mistakes that types cannot express."""
    found = [*sources.mistakes("source", _merged(settings)), *exports.check("output", settings.output)]
    if settings.rejects is not None:
        found += exports.check("rejects", settings.rejects.target)
    for name, given in settings.add.items():
        found += references.mistakes(f"add.{name}", given)
    return (*found, *expecting.mistakes(settings.expect), *_names(settings))


def _merged(settings: ImportSettings) -> Sources:
    """The sources with the step's columns, so that mistakes in these are told too."""
    merged = files(settings)
    given = settings.source if isinstance(settings.source, list) else [settings.source]
    # A reference alone stays one: its mistakes are told in its own words.
    shown = [
        one if isinstance(one, str) and not settings.columns else now for one, now in zip(given, merged, strict=True)
    ]
    return shown if isinstance(settings.source, list) else shown[0]


def _names(settings: ImportSettings) -> Iterator[str]:
    options = sources.options_of(settings.source)
    if any(one.table for one in options):
        yield "source: a managed table is no file; read it with transform"
    if settings.columns and all(one.columns for one in options):
        yield "columns: every file says its own columns, so these mean nothing"
    if settings.others is not None and not settings.columns and not any(one.columns for one in options):
        yield "others: means nothing without columns"
    if len({name.lower() for name in settings.add}) < len(settings.add):
        yield "add: two columns would have one name"
    targets = writes(settings)
    if len(set(targets)) < len(targets):
        yield "rejects.to: it is the output already"
