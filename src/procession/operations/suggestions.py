"""Suggestions of a step for people to decide: which there are, and what was decided about them so far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec

from procession.actions.tables.contract import REVIEW_KIND, Contents, ReviewSettings
from procession.model.columns import ColumnType
from procession.model.errors import Invalid, NotFound
from procession.model.files import File
from procession.model.ids import ProcessId, RunId, StepId
from procession.model.lifecycle import STEP_DONE, StepStatus
from procession.model.people import Caller, Role
from procession.model.processes import Process
from procession.model.rights import covers
from procession.model.steps import PropertyRow, StepRow
from procession.model.suggestions import (
    COLUMNS,
    OpenRows,
    Review,
    Show,
    SideName,
    SuggestionSource,
)
from procession.model.tables import Snapshot
from procession.operations import processes, rights, runs, steps, table_jobs, tables
from procession.operations.resources import Resources
from procession.operations.table_jobs import TableJob
from procession.store import step_tables
from procession.store import steps as step_store
from procession.store.database import Transaction

SECONDS_MAX = 20.0  # somebody waits before a page


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewed:
    """A step's suggestions, and the table for decisions as it is now.

    `table` is None where there is none that the caller may see. `obstacle` says why nothing can be decided.
    """

    run: RunId
    step: StepRow
    source: SuggestionSource
    file: File
    table: Snapshot | None
    may_decide: bool
    opens: Mapping[SideName, tuple[OpenRows, File]]  # the files of open rows that the step has written
    obstacle: str = ""


def sources(resources: Resources, process: Process) -> dict[str, SuggestionSource]:
    """Of the steps that suggest anything, by their keys; an action that is no longer installed says nothing."""
    found = {}
    for step in process.steps:
        action = resources.actions.get(step.action)
        if action is not None and action.suggests is not None and step.enabled:
            source = action.suggests(msgspec.convert(dict(step.settings), action.settings))
            if source is not None:
                found[step.key] = source
    return found


def find(tx: Transaction, resources: Resources, caller: Caller, run_id: RunId, step_id: StepId) -> Reviewed:
    """Raises NotFound, and Invalid for a step that has suggested nothing."""
    run, step = runs.find(tx, run_id), steps.find(tx, step_id, run=run_id)
    process = processes.definition_of(tx, run.process, run.version)
    source = sources(resources, process).get(step.key)
    # Told and not hidden: the link to this page may be older than the version that the run follows.
    if source is None or not source.output:
        why = source.problem if source else "it has no output `suggested`, or names no `decisions`"
        raise Invalid(f"step {step.order} asks nobody to decide: {why}")
    rows = step_store.by_reference(tx, run_id)
    row = rows.get(source.output)
    if step.status not in STEP_DONE or step.status is StepStatus.SKIPPED or row is None or row.file is None:
        raise Invalid(f"step {step.order} is {step.status}, and has suggested nothing yet")
    if row.file.sha256 is None:
        raise Invalid(f"step {step.order} has suggested nothing")
    table = _table(tx, run.process, run.version, source)
    # The table's rights and not the process's: what is decided here counts in every run that reads the table.
    role = None if table is None else rights.role_of(tx, caller.user, table.table.id)
    return Reviewed(
        run=run_id,
        step=step,
        source=source,
        file=row.file,
        table=table if role is not None else None,
        may_decide=role is not None and covers(role, Role.EDITOR),
        opens=_opens(source, rows),
        obstacle=_obstacle(source, table, role, is_trial=run.version < 0),
    )


def _opens(source: SuggestionSource, rows: Mapping[str, PropertyRow]) -> dict[SideName, tuple[OpenRows, File]]:
    files = {one.side: (one, rows[one.output].file) for one in source.opens if one.output in rows}
    return {side: (one, file) for side, (one, file) in files.items() if file is not None and file.sha256 is not None}


def _table(tx: Transaction, process: ProcessId, version: int, source: SuggestionSource) -> Snapshot | None:
    named = step_tables.named(tx, process, version).get(source.table)
    # By the id that publishing kept: the table may be called something else by now.
    try:
        return None if named is None else tables.snapshot(tx, named.table)
    except NotFound:
        return None


def _obstacle(source: SuggestionSource, table: Snapshot | None, role: Role | None, *, is_trial: bool) -> str:
    if source.problem:
        return source.problem
    # Its rows are samples: what is decided of them would count in the runs that are meant.
    if is_trial:
        return "this is a try-out, and a try-out writes no table"
    if table is None:
        return f'the table "{source.table}" was deleted'
    # The run's readers see what is suggested; what was decided is the table's to show.
    if role is None:
        return f'you have no role on the table "{source.table}", which holds the decisions; ask its owner'
    if not covers(role, Role.EDITOR):
        return f'to decide you need the role editor on the table "{table.table.name}"; yours is {role}'
    return _lacking(table)


def _lacking(table: Snapshot) -> str:
    """What the table needs before it can hold a decision, with who made it and when."""
    known = {column.name.casefold(): column for column in table.version.columns}
    missing = [name for name in COLUMNS if name not in known]
    name = f'the table "{table.table.name}"'
    if missing:
        words = ", ".join(f"{one} ({'date and time' if one == COLUMNS[-1] else 'text'})" for one in missing)
        return f"{name} has no column {words}: add {'it' if len(missing) == 1 else 'them'} before you decide here"
    # A moment as a text says it too, in a table that somebody made by hand.
    kinds = {ColumnType.TEXT, ColumnType.DATETIME}
    odd = [one for one in COLUMNS if known[one].type not in (kinds if one == COLUMNS[-1] else {ColumnType.TEXT})]
    if odd:
        return f"the column {odd[0]} of {name} is no text: a key such as 007 would be another one there"
    if not (known["left_key"].nullable and known["right_key"].nullable):
        return f"the keys of {name} must be allowed to be empty: a row that is closed has one of them"
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedPage:
    """A page of what `show` names, or the suggestions with these `numbers`."""

    show: Show = Show.OPEN
    numbers: tuple[int, ...] = ()
    skip: int = 0
    limit: int = 0


def look(resources: Resources, asked: Reviewed, table: Snapshot | None, wanted: AskedPage) -> Review:
    """For a thread that may wait: seconds. A file that cannot be read is told in the answer.

    Raises Invalid where that takes too long, Unavailable where nobody can look.
    """
    source = asked.source
    settings = {"columns": source.columns, "escaped": source.escapes, "show": wanted.show, "numbers": wanted.numbers}
    return looked(resources, asked.file, table, {**settings, "skip": wanted.skip, "limit": wanted.limit})


def looked(resources: Resources, file: File, table: Snapshot | None, more: Mapping[str, Any]) -> Review:
    """The file as the job of these settings reads it. Raises as look() does."""
    assert file.sha256 is not None
    nothing = Contents(columns=(), parts=())
    contents = nothing if table is None else table_jobs.contents(resources.blobs, table)
    try:
        path = resources.blobs.fetch(file.sha256)
    except NotFound as error:
        return Review(problem=error.message)
    settings = ReviewSettings(request=str(path), name=file.name or "suggested", contents=contents, **more)
    job = partial(
        TableJob, kind=REVIEW_KIND, settings=settings, what="the suggestions were not read", seconds_max=SECONDS_MAX
    )
    return table_jobs.look(resources, job, Review)
