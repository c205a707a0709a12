"""Rows of tables: appended, replaced, upserted, and read as of any version. Nothing is half done."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from procession.actions.tables.contract import (
    READ_KIND,
    ROWS_KIND,
    Condition,
    Format,
    GivenFormat,
    Mode,
    Page,
    ReadSettings,
    RowsSettings,
    Written,
)
from procession.model.ids import TableId
from procession.model.tables import Draft, Snapshot
from procession.operations import table_jobs, tables
from procession.operations.resources import Resources
from procession.operations.tables import TableWork


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsRequest:
    """A client's rows in a file; `mode` and `key` in a JSON body win over these."""

    path: Path
    format: GivenFormat
    mode: Mode = "append"
    key: tuple[str, ...] = ()
    encoding: str | None = None
    trim: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsWritten:
    mode: str
    rows_given: int
    rows_updated: int
    present: Snapshot  # afterwards
    remarks: tuple[str, ...] = ()


def write(work: TableWork, table_id: TableId, request: RowsRequest) -> RowsWritten:
    """All rows or none. Raises Invalid naming the row of the request and the column; for a thread that may wait."""
    # prepare() runs again when another change was faster; only its last result was published.
    done: list[Written] = []

    def prepare(present: Snapshot) -> Draft | None:
        written, draft = _prepare(work.resources, present, request)
        done.append(written)
        # An upsert that changes nothing publishes no version.
        return draft if written.added or written.removed else None

    def result(present: Snapshot) -> RowsWritten:
        last = done[-1]
        return RowsWritten(
            mode=last.mode,
            rows_given=last.rows_given,
            rows_updated=last.rows_updated,
            present=present,
            remarks=last.remarks,
        )

    return tables.change(work, table_id, prepare, result)


def _prepare(resources: Resources, present: Snapshot, request: RowsRequest) -> tuple[Written, Draft]:
    with resources.table_workers.temporary_folder() as place:
        settings = RowsSettings(
            contents=table_jobs.contents(resources.blobs, present),
            next_record=present.table.next_record,
            format=request.format,
            request=str(request.path),
            mode=request.mode,
            key=request.key,
            encoding=request.encoding,
            trim=request.trim,
        )
        job = table_jobs.TableJob(kind=ROWS_KIND, settings=settings, place=place, what="the rows were not written")
        written, files = table_jobs.perform(resources, job, Written)
        return written, table_jobs.draft_of(resources, present, written, files, place)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which rows: those after the record `after`, at most `limit` (None: all), that meet every condition."""

    format: Format
    conditions: tuple[Condition, ...] = ()
    after: int = 0
    limit: int | None = None
    escapes: bool = False


def read(resources: Resources, present: Snapshot, wanted: Wanted, place: Path) -> tuple[Page, Path]:
    """The page, and the file in `place` that holds it. Raises Invalid for a filter that does not fit its column."""
    settings = ReadSettings(
        contents=table_jobs.contents(resources.blobs, present),
        format=wanted.format,
        conditions=wanted.conditions,
        after=wanted.after,
        limit=wanted.limit,
        escapes=wanted.escapes,
    )
    job = table_jobs.TableJob(
        kind=READ_KIND,
        settings=settings,
        place=place,
        what="the rows were not read",
        seconds_max=table_jobs.READ_SECONDS_MAX,
    )
    page, files = table_jobs.perform(resources, job, Page)
    # The job writes one; another would be a mistake of ours.
    (file,) = files.values()
    return page, Path(file.path)
