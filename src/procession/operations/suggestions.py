"""Suggestions of a step for people to decide: looked at beside what was decided, and decided about.

A decision is a row of the table that the step names; it is written as any rows of a table are: a next version, prepared
against the one that was read, and prepared again when others were faster. So of two people one finds the other's.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from procession.actions.tables.contract import REVIEW_KIND, Contents, ReviewSettings
from procession.model.columns import Column, ColumnType
from procession.model.errors import Conflict, Invalid, NotFound
from procession.model.files import File
from procession.model.ids import ProcessId, RunId, StepId
from procession.model.lifecycle import STEP_DONE, StepStatus
from procession.model.people import Caller, Role
from procession.model.processes import Process
from procession.model.rights import covers
from procession.model.steps import StepRow
from procession.model.suggestions import COLUMNS, Choice, NewDecision, Review, Show, SuggestionSource, decide
from procession.model.tables import Draft, Snapshot
from procession.operations import processes, rights, runs, steps, table_jobs, table_rows, tables
from procession.operations.resources import Resources
from procession.operations.table_jobs import TableJob
from procession.operations.table_rows import RowsRequest
from procession.operations.tables import TableWork
from procession.store import step_tables
from procession.store import steps as step_store
from procession.store.database import Transaction

SECONDS_MAX = 20.0  # somebody waits before a page
CHOICES_MAX = 100  # of one form


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewed:
    """A step's suggestions, and the table for decisions as it is now.

    `table` is None where there is none that the caller may see. `obstacle` says why nothing can be decided.
    """

    step: StepRow
    source: SuggestionSource
    file: File
    table: Snapshot | None
    may_decide: bool
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
    if source is None or not source.output:
        why = source.problem if source else "it has no output `suggested`, or names no `decisions`"
        raise Invalid(f"step {step.order} asks nobody to decide: {why}")
    row = step_store.by_reference(tx, run_id).get(source.output)
    if step.status not in STEP_DONE or step.status is StepStatus.SKIPPED or row is None or row.file is None:
        raise Invalid(f"step {step.order} is {step.status}, and has suggested nothing yet")
    if row.file.sha256 is None:
        raise Invalid(f"step {step.order} has suggested nothing")
    table = _table(tx, run.process, run.version, source)
    role = None if table is None else rights.role_of(tx, caller.user, table.table.id)
    return Reviewed(
        step=step,
        source=source,
        file=row.file,
        table=table if role is not None else None,
        may_decide=role is not None and covers(role, Role.EDITOR),
        obstacle=_obstacle(source, table, role, is_trial=run.version < 0),
    )


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


# --- looked at -----------------------------------------------------------------------------------------------------


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
    assert asked.file.sha256 is not None
    nothing = Contents(columns=(), parts=())
    contents = nothing if table is None else table_jobs.contents(resources.blobs, table)
    try:
        path = resources.blobs.fetch(asked.file.sha256)
    except NotFound as error:
        return Review(problem=error.message)
    with resources.table_workers.temporary_folder() as place:
        settings = ReviewSettings(
            request=str(path),
            name=asked.file.name or "suggested",
            columns=asked.source.columns,
            escaped=asked.source.escapes,
            contents=contents,
            show=wanted.show,
            numbers=wanted.numbers,
            skip=wanted.skip,
            limit=wanted.limit,
        )
        job = TableJob(
            kind=REVIEW_KIND,
            settings=settings,
            place=place,
            what="the suggestions were not read",
            seconds_max=SECONDS_MAX,
        )
        found, _ = table_jobs.perform(resources, job, Review)
    return found


# --- decided -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class DecidedBy:
    """By whom, and when."""

    by: str
    at: datetime


def write(work: TableWork, asked: Reviewed, choices: Sequence[Choice], said: DecidedBy) -> int:
    """The choices as rows of the table, all or none; gives how many rows came of them: 0 for what was decided so.

    For a thread that may wait. Raises Invalid, Conflict, Forbidden, and Unavailable when others keep writing.
    """
    _check(asked, choices)
    assert asked.table is not None
    made: list[int] = []

    def again(present: Snapshot) -> Draft | None:
        # With the table as it is now: what others decided since the page was shown is found here.
        numbers = tuple(choice.number for choice in choices)
        review = look(work.resources, asked, present, AskedPage(numbers=numbers))
        if review.problem:
            raise Invalid(review.problem)
        rows = decide(review.suggestions, choices)
        made.append(len(rows))
        return _draft(work.resources, present, rows, said) if rows else None

    tables.change(work, asked.table.table.id, again, lambda present: present)
    return made[-1]


def _check(asked: Reviewed, choices: Sequence[Choice]) -> None:
    if asked.obstacle:
        raise Invalid(asked.obstacle)
    assert asked.table is not None
    if not choices:
        raise Invalid("nothing was chosen: accept or refuse a suggestion first")
    # A form of ours has fewer; each makes up to hundreds of rows.
    if len(choices) > CHOICES_MAX:
        raise Invalid(f"{len(choices):,} suggestions at once are too many; at most {CHOICES_MAX}")
    # Before the write, whose words name a row that nobody sees.
    most = reason_characters_max(asked.table)
    for choice in choices:
        if not choice.reason:
            raise Invalid(f"say why for suggestion {choice.number}: the reason is kept beside the decision")
        if len(choice.reason) > most:
            raise Invalid(f"the reason for suggestion {choice.number} is longer than {most:,} characters")


def reason_characters_max(table: Snapshot) -> int:
    """What the table's comment holds."""
    return next((one.length or 1 for one in table.version.columns if one.name.casefold() == "comment"), 1)


def require_same(asked: Reviewed, sha256: str) -> None:
    """Raises Conflict when the step has written another file since the page was shown: its numbers mean other rows."""
    if asked.file.sha256 != sha256:
        raise Conflict("the step has run again meanwhile, and suggests anew; nothing was written, look at them again")


def _draft(resources: Resources, present: Snapshot, rows: Sequence[NewDecision], said: DecidedBy) -> Draft:
    names = {column.name.casefold(): column for column in present.version.columns}
    with resources.table_workers.temporary_folder() as place:
        path = place / "decisions.json"
        path.write_text(json.dumps({"rows": [_row(names, row, said) for row in rows]}))
        # A decision takes the place of the older one: the versions of the table keep that.
        gone = tuple((record, record + 1) for row in rows for record in row.replaces)
        request = RowsRequest(path=path, format="json", without=gone, name="the decisions")
        _, draft = table_rows.prepare(resources, present, request)
    return draft


def _row(names: dict[str, Column], row: NewDecision, said: DecidedBy) -> dict[str, str | None]:
    # Under the names that the table has: people write Decision, too.
    values = {
        "decision": str(row.decision),
        "left_key": row.left_key,
        "right_key": row.right_key,
        "comment": row.comment,
        "decided_by": said.by,
        "decided_at": said.at.isoformat(timespec="milliseconds"),
    }
    return {names[name].name: value for name, value in values.items()}
