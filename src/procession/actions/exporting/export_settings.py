"""Settings of export: the rows, the file that takes them, and how that file is laid out."""

from __future__ import annotations

from typing import Annotated

import msgspec

from procession.actions import expecting, references
from procession.actions.column_names import ColumnName
from procession.actions.expecting import Expect
from procession.actions.exporting import layouts
from procession.actions.exporting.layouts import Layout
from procession.actions.reading.options import FileOptions
from procession.actions.references import Given, Name, ReferenceText
from procession.actions.rows import sources
from procession.actions.rows.sources import Sources
from procession.model.table_uses import TableUse


class ExportOutput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file and its name."""

    to: Annotated[ReferenceText, msgspec.Meta(description="the property that takes the file")]
    as_: Annotated[
        Annotated[str, msgspec.Meta(min_length=1, max_length=200)] | None,
        msgspec.Meta(description="its name, with {key} for an input or for the column of split_by"),
    ] = msgspec.field(name="as", default=None)


class ExportSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    source: Annotated[Sources, msgspec.Meta(description="the rows")]
    output: Annotated[ReferenceText | ExportOutput, msgspec.Meta(description="the file; its ending chooses the format")]
    layout: Annotated[Layout, msgspec.Meta(description="how it is laid out")] = Layout()
    split_by: Annotated[
        ColumnName | None, msgspec.Meta(description="column of which each value gets a file of its own, all in one zip")
    ] = None
    inputs: Annotated[dict[Name, Given], msgspec.Meta(description="values for {key} in names and fixed texts")] = {}
    expect: Annotated[Expect, msgspec.Meta(description="what the rows must be")] = Expect()


def output_of(settings: ExportSettings) -> ExportOutput:
    given = settings.output
    return given if isinstance(given, ExportOutput) else ExportOutput(to=given)


def reads(settings: ExportSettings) -> tuple[str, ...]:
    values = references.only([*settings.inputs.values(), *expecting.reads(settings.expect)])
    return tuple(dict.fromkeys((*sources.reads(settings.source), *values)))


def writes(settings: ExportSettings) -> tuple[str, ...]:
    return references.only([output_of(settings).to])


def files_read(settings: ExportSettings) -> tuple[FileOptions, ...]:
    return sources.files_of(settings.source)


def tables(settings: ExportSettings) -> tuple[TableUse, ...]:
    return sources.tables_of(settings.source)


def check(settings: ExportSettings) -> tuple[str, ...]:
    """Mistakes that types cannot express."""
    from procession.actions import naming

    found = [*sources.mistakes("source", settings.source), *expecting.mistakes(settings.expect)]
    for name, given in settings.inputs.items():
        found += references.mistakes(f"inputs.{name}", given)
    # The value of the column that splits is known by its name, in each file's own.
    known = [*settings.inputs, *([settings.split_by] if settings.split_by is not None else [])]
    found += naming.mistakes("output.as", output_of(settings).as_, known)
    return (*found, *layouts.mistakes(settings.layout, name_of(settings), known))


def name_of(settings: ExportSettings) -> str:
    """The pattern of the file's name, "" where the step gives it one."""
    return output_of(settings).as_ or ""
