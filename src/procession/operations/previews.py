"""Files of processes and runs as their steps will read them, and what differs from the last run that finished.

A stranger's file is never opened here: a sandboxed process looks at it, within bounds of time and memory. What it saw
is kept by the hash of the content, so that a page costs nothing the second time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import msgspec

from procession.actions.contract import Action
from procession.actions.reading.options import FileOptions
from procession.actions.references import parse
from procession.actions.tables.contract import PREVIEW_KIND, PreviewSettings
from procession.model import inputs
from procession.model.errors import Invalid, NotFound
from procession.model.files import File
from procession.model.ids import FileId, ProcessId, RunId
from procession.model.previews import CheckLevel, FileCheck, Preview, compare
from procession.model.processes import Flow, Process, Step
from procession.model.steps import PropertyRow
from procession.operations import processes, table_jobs, unstarted
from procession.operations.resources import Resources
from procession.operations.table_jobs import TableJob
from procession.store import past_runs, runs, steps
from procession.store.database import Transaction

SECONDS_MAX = 20.0  # somebody waits before a page
SIZE_BYTES_MAX = 2**30  # larger ones take longer than that
READINGS_MAX = 3  # different ways in which steps read one file, each looked at


@dataclass(frozen=True, slots=True, kw_only=True)
class FileReading:
    """How steps read a file. `steps` are their labels, none where only scripts read it; then a file that cannot be read
    so may be just what the script wants. `is_certain`: one of the steps is sure to run. `rejects`: they leave out rows
    that do not fit.
    """

    options: FileOptions
    rejects: bool = False
    steps: tuple[str, ...] = ()
    is_certain: bool = False


def readings(process: Process, reference: str, actions: Mapping[str, Action]) -> list[FileReading]:
    """The different ways in which steps read the file of the property "step.property"; at least one."""
    certain = {step.key for step in inputs.certain(process)}
    found: list[tuple[_Read, list[Step]]] = []
    for step in process.steps:
        for read in _read_by(step, actions):
            # Which sheet a property will name is not known yet.
            if parse(read.options.file) == reference and not parse(read.options.sheet):
                _add(found, read, step)
    if not found:
        return [FileReading(options=FileOptions(file=f"${{{reference}}}"))]
    return [
        FileReading(
            options=read.options,
            rejects=read.rejects,
            steps=tuple(f"{step.order} {step.name}" for step in steps),
            is_certain=any(step.key in certain for step in steps),
        )
        for read, steps in found[:READINGS_MAX]
    ]


def read_as_tables(process: Process, actions: Mapping[str, Action]) -> frozenset[str]:
    """The files that a step reads as tables, by "step.property"."""
    found = {parse(read.options.file) for step in process.steps for read in _read_by(step, actions)}
    return frozenset(filter(None, found))


class _Read(NamedTuple):
    """How one step reads a file."""

    options: FileOptions
    rejects: bool


def _add(found: list[tuple[_Read, list[Step]]], read: _Read, step: Step) -> None:
    steps = next((steps for known, steps in found if known == read), None)
    if steps is None:
        found.append((read, [step]))
    elif step not in steps:
        steps.append(step)


def _read_by(step: Step, actions: Mapping[str, Action]) -> tuple[_Read, ...]:
    action = actions.get(step.action)
    if action is None or not step.enabled:
        return ()
    settings = msgspec.convert(dict(step.settings), action.settings)
    return tuple(_Read(options, action.rejects(settings)) for options in action.relations(settings))


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """The file that the last run which finished had in this place."""

    run_name: str
    file: File


@dataclass(frozen=True, slots=True, kw_only=True)
class FileQuestion:
    """All that is needed to look at a file outside of any transaction. `twins`: inputs that hold the same content."""

    file: File
    readings: Sequence[FileReading]
    earlier: Earlier | None = None
    twins: Sequence[str] = ()


def question(tx: Transaction, resources: Resources, file: File) -> FileQuestion:
    """Raises Invalid for a file that is empty, or whose property is no longer part of the process."""
    if file.run is not None:
        run = runs.find(tx, file.run)
        assert run is not None
        process = processes.definition_of(tx, run.process, run.version)
        rows = steps.properties_of_run(tx, run.id)
    else:
        _, process = processes.find(tx, file.process)
        rows = steps.properties_of_process(tx, file.process)
    found = questions(tx, resources, process, rows)
    if file.id not in found:
        raise Invalid(f"file {file.id} is empty, or no longer part of its process: there is nothing to see")
    return found[file.id]


def questions(
    tx: Transaction, resources: Resources, process: Process, rows: Sequence[PropertyRow]
) -> dict[FileId, FileQuestion]:
    """One for each file among the properties that holds something."""
    filled = [(row, row.file) for row in rows if row.file is not None and row.file.sha256 is not None]
    earlier = earlier_files(tx, filled[0][1].process, beside=filled[0][1].run) if filled else {}
    return {
        file.id: FileQuestion(
            file=file,
            readings=readings(process, row.reference, resources.actions),
            earlier=earlier.get(row.reference),
            twins=[
                other.item.name
                for other, held in filled
                if held.sha256 == file.sha256 and held.id != file.id and other.item.flow is Flow.INPUT
            ],
        )
        for row, file in filled
    }


def earlier_files(tx: Transaction, process: ProcessId, *, beside: RunId | None = None) -> Mapping[str, Earlier]:
    """What the last run that finished was given, by "step.property"; of another run than `beside`."""
    run = past_runs.last_finished(tx, process)
    if run is None or run.id == beside:
        return {}
    row, _ = processes.find(tx, process)
    name = unstarted.short_name(run.name, row.name)
    return {
        row.reference: Earlier(run_name=name, file=row.file)
        for row in steps.properties_of_run(tx, run.id)
        if row.file is not None and row.file.sha256 is not None
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class FileView:
    """A file as one reading of it shows it."""

    reading: FileReading
    preview: Preview
    checks: Sequence[FileCheck]

    @property
    def blocks(self) -> bool:
        """Whether a run with it is sure to fail: a step that cannot be skipped reads it so, and cannot."""
        return self.reading.is_certain and bool(self.preview.problem)


def look(resources: Resources, asked: FileQuestion) -> list[FileView]:
    """For a thread that may wait: seconds. Raises Unavailable where nobody can look."""
    for reading in asked.readings:
        for file in _files(asked):
            _look(resources, file, reading)
    # What was kept may be gone again, of a server that shows many files: then it is looked at once more.
    return known(resources, asked) or [_view(resources, asked, reading) for reading in asked.readings]


def known(resources: Resources, asked: FileQuestion) -> list[FileView] | None:
    """The same of what was seen before; None where somebody has to look first."""
    for reading in asked.readings:
        if any(resources.previews.get(_key(file, reading)) is None for file in _files(asked)):
            return None
    return [_view(resources, asked, reading) for reading in asked.readings]


def see(resources: Resources, file: File, reading: FileReading) -> Preview:
    """The file alone, with nothing to compare: what was seen of it, or is seen now. Raises Unavailable."""
    return _look(resources, file, reading)


def seen(resources: Resources, file: File, reading: FileReading) -> Preview | None:
    """The same of what was seen before."""
    return resources.previews.get(_key(file, reading))


def _files(asked: FileQuestion) -> list[File]:
    """The file, and the earlier one where there is something to compare."""
    earlier = None if asked.earlier is None else asked.earlier.file
    return [asked.file] if earlier is None or earlier.sha256 == asked.file.sha256 else [asked.file, earlier]


def _view(resources: Resources, asked: FileQuestion, reading: FileReading) -> FileView:
    now, *then = (_look(resources, file, reading) for file in _files(asked))
    return FileView(reading=reading, preview=now, checks=list(_checks(asked, now, then)))


def _checks(asked: FileQuestion, now: Preview, then: Sequence[Preview]) -> Iterator[FileCheck]:
    for name in asked.twins:
        yield FileCheck(level=CheckLevel.DOUBT, text=f"Exactly the same file as in “{name}”")
    if asked.earlier is None:
        return
    for earlier in then:
        yield from compare(now, earlier, asked.earlier.run_name)
    if not then:
        yield FileCheck(level=CheckLevel.DOUBT, text=f"Exactly the same file as in {asked.earlier.run_name}")


def _key(file: File, reading: FileReading) -> str:
    # The name decides where the bytes do not, and stands in what is said.
    return f"{file.sha256} {file.name} {reading.rejects} {msgspec.json.encode(reading.options).decode()}"


def _look(resources: Resources, file: File, reading: FileReading) -> Preview:
    """What was seen of it, or is seen now."""
    key = _key(file, reading)
    seen = resources.previews.get(key)
    if seen is None:
        seen = _looked(resources, file, reading)
        resources.previews.keep(key, seen)
    return seen


def _looked(resources: Resources, file: File, reading: FileReading) -> Preview:
    assert file.sha256 is not None
    if file.size_bytes > SIZE_BYTES_MAX:
        return Preview(trouble="it is too large to be looked at here; the steps read all of it")
    try:
        path = resources.blobs.fetch(file.sha256)
    except NotFound as error:
        return Preview(trouble=error.message)
    settings = PreviewSettings(
        request=str(path), name=file.name or "file", options=reading.options, rejects=reading.rejects
    )
    job = partial(TableJob, kind=PREVIEW_KIND, settings=settings, what="the file was not read", seconds_max=SECONDS_MAX)
    try:
        return table_jobs.look(resources, job, Preview)
    # Too slow, or too much memory: a step may have more of both, so this says nothing about the file.
    except Invalid:
        return Preview(trouble=f"looking at it took more than {SECONDS_MAX:.0f} s or too much memory")
