"""A table's jobs in the limited child: what is asked, what comes back, and the files that are kept of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec

from procession.actions.contract import FileOutput, StepOutcome
from procession.actions.tables.contract import REFUSED, RESULT, Contents, PartFile, Written
from procession.model.errors import Invalid, NotFound, ProcessionError, Unavailable
from procession.model.lifecycle import StepStatus
from procession.model.tables import Draft, NewPart, Snapshot, TableOperation
from procession.operations.resources import Resources
from procession.store.blobs import Blobs

T = TypeVar("T", bound=msgspec.Struct)

# A million rows take seconds; a child that is slower is stuck.
WRITE_SECONDS_MAX = 120.0
READ_SECONDS_MAX = 30.0
# More for what is large: on a machine that is busy, five million rows took more than those two minutes of it.
ROWS_A_SECOND_MIN = 50_000  # of a table
BYTES_A_SECOND_MIN = 2**20  # of what is sent
SECONDS_MORE_MAX = 900.0
# A 400 would tell a client to change what was right.
_OPERATIONS = {"replace_where": TableOperation.REPLACE_WHERE}  # whose wire name is not that of the mode
_OURS = ("the disk is full",)  # reasons that are not the request's


@dataclass(frozen=True, slots=True, kw_only=True)
class TableJob:
    """`what` was to be done, for messages; `seconds_max` until its process is ended."""

    kind: str
    settings: msgspec.Struct
    place: Path
    what: str
    seconds_max: float = WRITE_SECONDS_MAX


def seconds_for(seconds: float, *, rows: int, size_bytes: int = 0) -> float:
    """So many, and more for rows of the table that are read, and for what was sent."""
    return seconds + min(rows / ROWS_A_SECOND_MIN + size_bytes / BYTES_A_SECOND_MIN, SECONDS_MORE_MAX)


def contents(blobs: Blobs, snapshot: Snapshot) -> Contents:
    """The version with the paths of its files. Raises Invalid when one of them is lost."""
    try:
        parts = tuple(
            PartFile(number=part.number, path=str(blobs.fetch(part.content.sha256)), rows=part.rows)
            for part in snapshot.parts
        )
    except NotFound as error:
        raise Invalid(f"the rows were not read: {error.message}; nothing was changed") from error
    return Contents(columns=snapshot.version.columns, parts=parts)


def perform(resources: Resources, job: TableJob, result: type[T]) -> tuple[T, Mapping[str, FileOutput]]:
    """Raises Invalid for what the child refused or died of, Unavailable for what was the machine's fault."""
    ended = resources.table_workers.perform(job.kind, job.settings, place=job.place, seconds_max=job.seconds_max)
    outcome = ended.outcome
    if outcome is None or outcome.status is not StepStatus.SUCCESS:
        raise _failed(job, ended.reason if outcome is None else outcome.message)
    refused = outcome.outputs.get(REFUSED)
    if isinstance(refused, str):
        raise Invalid(refused)
    return msgspec.json.decode(str(outcome.outputs[RESULT]), type=result), _files(outcome)


def look(resources: Resources, job: Callable[..., TableJob], result: type[T]) -> T:
    """A job of which nothing is kept, in its own folder: `job` is all but its `place`. Raises as `perform` does."""
    with resources.table_workers.temporary_folder() as place:
        found, _ = perform(resources, job(place=place), result)
    return found


def _files(outcome: StepOutcome) -> dict[str, FileOutput]:
    return {name: value for name, value in outcome.outputs.items() if isinstance(value, FileOutput)}


def _failed(job: TableJob, reason: str) -> ProcessionError:
    if reason in _OURS:
        return Unavailable(f"{job.what}: {reason}; nothing was changed, try again in a moment")
    return Invalid(f"{job.what}: {reason}; nothing was changed")


def draft_of(
    resources: Resources, snapshot: Snapshot, written: Written, files: Mapping[str, FileOutput], place: Path
) -> Draft:
    """The next version that the job wrote: its files are made durable here, before any row names them."""
    try:
        added = tuple(
            NewPart(content=resources.blobs.take(Path(files[name].path), inside=place), rows=rows)
            for name, rows in written.added.items()
        )
    except OSError as error:
        raise Unavailable(f"the rows could not be saved: {error.strerror}; nothing was changed") from error
    return Draft(
        expected=snapshot.version.number,
        operation=TableOperation(_OPERATIONS.get(written.mode, written.mode)),
        columns=snapshot.version.columns,
        added=added,
        removed=frozenset(written.removed),
        # Ids are never given twice, not even those of a change that was taken back.
        next_record=max(written.next_record, snapshot.table.next_record),
        next_field=snapshot.table.next_field,
    )
