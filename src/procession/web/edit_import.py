"""The sample of an import in its form: which rows fit the columns as they are declared, and what they may be."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

import msgspec
from msgspec.structs import replace

from procession.actions import relations
from procession.actions.reading.options import ColumnOptions
from procession.actions.tables.contract import PROPOSED_OPTIONS, ProposedColumn, SampleFit
from procession.door.contract import StreamCall
from procession.model.errors import Unavailable
from procession.model.ids import ProcessId
from procession.model.process_file.outlines import OutlinedStep
from procession.operations import sample_fits, step_columns
from procession.operations.step_columns import ColumnSource
from procession.web import edit_mistakes
from procession.web.edit_mistakes import PlacedMistake

KIND = "import_table"
PROPOSE = "propose"  # the button, and in the query of the page that shows what it proposes
_SOURCE, _COLUMNS = frozenset({"source"}), frozenset({"source", "columns", "others"})
NO_SAMPLE = "there is no sample of the file yet: give one, and see here which of its rows fit"


class ImportSample(msgspec.Struct, frozen=True, kw_only=True):
    """`problem` says why there is no `fit`."""

    file: str = ""
    fit: SampleFit | None = None
    problem: str = ""


def mistake(mistakes: Iterable[PlacedMistake], order: str, *, proposes: bool = False) -> str:
    """What is wrong first with how the step says that its file is read; "" for nothing."""
    said = edit_mistakes.of_settings(mistakes, order)
    # What is proposed takes the place of columns that are wrong.
    about = _SOURCE if proposes else _COLUMNS
    return next((found[0].message for path, found in said.items() if about.intersection(path[:1])), "")


async def of_settings(
    call: StreamCall,
    process: ProcessId,
    given: Any,
    types: Mapping[str, str],
    *,
    proposes: tuple[str, ...] | None = None,
) -> ImportSample:
    """Of the first file of which there is a sample; `given` are the settings, whatever is wrong with them."""
    settings = given if isinstance(given, dict) else {}
    source = await asyncio.to_thread(_source, call, process, settings, types)
    if source is None or source.file is None:
        return ImportSample(problem=NO_SAMPLE)
    try:
        columns = msgspec.convert(dict(settings.get("columns") or {}), dict[str, ColumnOptions])
        others = msgspec.convert(settings.get("others") or source.options.others, str)
    except (msgspec.ValidationError, ValueError, TypeError) as error:
        return ImportSample(file=source.file.name or "", problem=f"columns: {error}")
    # A file that says its own columns is read by these (importing/import_settings).
    options = source.options if source.options.columns else replace(source.options, columns=columns, others=others)
    # A draft is not checked so far where it lacks something else.
    if wrong := relations.check("source", options):
        return ImportSample(file=source.file.name or "", problem=wrong[0])
    resources = call.context.resources
    work = partial(sample_fits.look, resources, source.file, options, proposes=proposes)
    try:
        found = await asyncio.wrap_future(resources.table_workers.call(work))
    except Unavailable as error:
        return ImportSample(file=source.file.name or "", problem=error.message)
    return ImportSample(file=source.file.name or "the sample", fit=found)


def _source(
    call: StreamCall, process: ProcessId, settings: Mapping[str, Any], types: Mapping[str, str]
) -> ColumnSource | None:
    with call.database.snapshot() as tx:
        found = step_columns.sources(call.admit(tx), dict(settings), process, types)
    return next((one for one in found if one.at == "source" and one.file is not None), None)


async def proposed(
    call: StreamCall, process: ProcessId, step: OutlinedStep, types: Mapping[str, str]
) -> tuple[OutlinedStep, tuple[str, ...]]:
    """The step with the columns of the sample that it does not declare yet, and what a person must look at."""
    given = step.data.get("with")
    settings = given if isinstance(given, dict) else {}
    said = settings["columns"] if isinstance(settings.get("columns"), dict) else {}
    source = _as_options(settings.get("source"))
    # What somebody has said of the file stays, as what they have declared does.
    names = tuple(sorted(PROPOSED_OPTIONS - source.keys())) if source else ()
    sample = await of_settings(call, process, {**settings, "columns": {}}, types, proposes=names)
    if sample.fit is None or not sample.fit.proposed:
        return step, (sample.problem or (sample.fit.problem if sample.fit else "") or NO_SAMPLE,)
    options = {one.name: one.value for one in sample.fit.options}
    new = [
        one
        for number, one in enumerate(sample.fit.proposed, start=1)
        # What somebody has declared stays as it is.
        if one.heading not in said and str(number) not in said
    ]
    told = [
        *(
            f"Source, {one.name}: {_shown(one.value)}{f' ({one.note})' if one.note else ''}"
            for one in sample.fit.options
        ),
        *(f"“{one.heading}”: {one.note}" for one in new if one.note),
    ]
    filled = {**settings, "columns": {**said, **{one.heading: _declared(one) for one in new}}}
    if options:
        filled["source"] = {**source, **options}
    if not new and not options:
        return step, (f"each column of {sample.file} is declared already",)
    what = "1 column is" if len(new) == 1 else f"{len(new) or 'no'} columns are"
    first = f"{what} proposed from {sample.file}; keep these changes to write them down"
    return replace(step, data={**step.data, "with": filled}), (first, *told)


def _as_options(source: Any) -> dict[str, Any]:
    """What is said of the one file; nothing of several, which may be written in several ways."""
    return dict(source) if isinstance(source, dict) else {"file": source} if isinstance(source, str) else {}


def _shown(value: str | int | bool) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "a tab" if value == "\t" else f"“{value}”"


def _declared(one: ProposedColumn) -> dict[str, str]:
    given = {"type": one.type, "decimal": one.decimal, "thousands": one.thousands, "pattern": one.pattern}
    return {name: value for name, value in given.items() if value is not None}
