"""Settings of document: a template in Typst, the rows that it shows, one PDF or one for each row."""

from __future__ import annotations

from typing import Annotated

import msgspec

from procession.actions import expecting, extras, naming, references, relations
from procession.actions.expecting import Expect
from procession.actions.reading.options import FileOptions
from procession.actions.references import Given, Name, ReferenceText
from procession.actions.rows import sources
from procession.actions.rows.sources import Sources
from procession.model.table_uses import TableUse

FileName = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]


class DocumentSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    template: Annotated[ReferenceText, msgspec.Meta(description="a text file in Typst (.typ)")]
    source: Annotated[Sources | None, msgspec.Meta(description="the rows that the template is given")] = None
    each: Annotated[bool, msgspec.Meta(description="a PDF for each row, all in one zip; else one of all rows")] = False
    name: Annotated[
        Annotated[str, msgspec.Meta(min_length=1, max_length=200)] | None,
        msgspec.Meta(description="the PDF's name, with {key} of inputs and, for each row, of its columns"),
    ] = None
    output: Annotated[ReferenceText, msgspec.Meta(description="the property that takes the PDF, or the zip")]
    inputs: Annotated[dict[Name, Given], msgspec.Meta(description="values that the template and names may use")] = {}
    files: Annotated[
        dict[FileName, ReferenceText],
        msgspec.Meta(max_length=20, description="pictures that the template shows, by the names that it uses"),
    ] = {}
    expect: Annotated[Expect, msgspec.Meta(description="what the rows must be")] = Expect()


def _sources(settings: DocumentSettings) -> tuple[Sources, ...]:
    return () if settings.source is None else (settings.source,)


def reads(settings: DocumentSettings) -> tuple[str, ...]:
    values = [settings.template, *settings.inputs.values(), *settings.files.values(), *expecting.reads(settings.expect)]
    return tuple(dict.fromkeys((*sources.reads(*_sources(settings)), *references.only(values))))


def writes(settings: DocumentSettings) -> tuple[str, ...]:
    return references.only([settings.output])


def files_read(settings: DocumentSettings) -> tuple[FileOptions, ...]:
    return sources.files_of(*_sources(settings))


def tables(settings: DocumentSettings) -> tuple[TableUse, ...]:
    return relations.tables_of([one for given in _sources(settings) for one in sources.options_of(given)])


def check(settings: DocumentSettings) -> tuple[str, ...]:
    """Mistakes that types cannot express, and the library that is missing."""
    found = [*extras.lacking("typst", extra="documents", what="documents"), *expecting.mistakes(settings.expect)]
    if settings.source is not None:
        found += sources.mistakes("source", settings.source)
    elif settings.each:
        found.append("each: means nothing without a source")
    for name, given in settings.inputs.items():
        found += references.mistakes(f"inputs.{name}", given)
    # Of a row its columns are names too, which only the step knows.
    if not settings.each:
        found += naming.mistakes("name", settings.name, settings.inputs)
    if settings.name is not None and not settings.name.lower().endswith(".pdf"):
        found.append(f"name: {settings.name} must end in .pdf")
    return tuple(found)
