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
    Sample,
    Written,
)
from procession.model.errors import Conflict
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
    decimal: str = "."  # of a CSV, as `thousands` and `pattern` of dates are
    thousands: str | None = None
    pattern: str | None = None
    name: str = ""  # of the file, where it has one
    without: tuple[tuple[int, int], ...] = ()  # ranges of records that go in the same version
    seconds_max: float = table_jobs.WRITE_SECONDS_MAX
    # Of the table, as the client last saw it: a preview is of one version only.
    expected: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsPreview:
    """What writing the rows would do."""

    mode: str
    rows_given: int
    rows_updated: int
    rows_unchanged: int
    rows_removed: int
    sample: Sample
    remarks: tuple[str, ...] = ()

    @property
    def rows_added(self) -> int:
        return self.rows_given - self.rows_updated

    @property
    def rows_changed(self) -> int:
        return self.rows_updated - self.rows_unchanged


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsWritten:
    mode: str
    rows_given: int
    rows_updated: int
    rows_unchanged: int
    rows_removed: int
    present: Snapshot  # afterwards
    remarks: tuple[str, ...] = ()


def write(work: TableWork, table_id: TableId, request: RowsRequest) -> RowsWritten:
    """All rows or none. Raises Invalid naming the row of the request and the column; for a thread that may wait."""
    # again() runs again when another change was faster; only its last result was published.
    done: list[Written] = []

    def again(present: Snapshot) -> Draft | None:
        if request.expected not in {None, present.version.number}:
            raise Conflict(
                f"the table was changed meanwhile: it is at version {present.version.number}, by"
                f" {present.version.author}, and no longer at {request.expected}; nothing was changed"
            )
        written, draft = prepare(work.resources, present, request)
        done.append(written)
        # An upsert that changes nothing publishes no version.
        return draft if written.added or written.removed else None

    def result(present: Snapshot) -> RowsWritten:
        last = done[-1]
        return RowsWritten(
            mode=last.mode,
            rows_given=last.rows_given,
            rows_updated=last.rows_updated,
            rows_unchanged=last.rows_unchanged,
            rows_removed=last.rows_removed,
            present=present,
            remarks=last.remarks,
        )

    return tables.change(work, table_id, again, result)


def preview(resources: Resources, present: Snapshot, request: RowsRequest, rows: int) -> RowsPreview:
    """All the checks of write(), and the first `rows`; for a thread that may wait. Raises Invalid as write() does."""
    with resources.table_workers.temporary_folder() as place:
        written, _ = table_jobs.perform(resources, _job(resources, present, request, place, rows), Written)
    assert written.sample is not None
    return RowsPreview(
        mode=written.mode,
        rows_given=written.rows_given,
        rows_updated=written.rows_updated,
        rows_unchanged=written.rows_unchanged,
        rows_removed=written.rows_removed,
        sample=written.sample,
        remarks=written.remarks,
    )


def prepare(resources: Resources, present: Snapshot, request: RowsRequest) -> tuple[Written, Draft]:
    """The next version with these rows, slowly. Raises Invalid naming the row and the column."""
    with resources.table_workers.temporary_folder() as place:
        written, files = table_jobs.perform(resources, _job(resources, present, request, place), Written)
        return written, table_jobs.draft_of(resources, present, written, files, place)


def _job(
    resources: Resources, present: Snapshot, request: RowsRequest, place: Path, sample: int = 0
) -> table_jobs.TableJob:
    settings = RowsSettings(
        contents=table_jobs.contents(resources.blobs, present),
        next_record=present.table.next_record,
        format=request.format,
        request=str(request.path),
        mode=request.mode,
        key=request.key,
        encoding=request.encoding,
        trim=request.trim,
        decimal=request.decimal,
        thousands=request.thousands,
        pattern=request.pattern,
        name=request.name,
        sample=sample,
        without=request.without,
    )
    return table_jobs.TableJob(
        kind=ROWS_KIND,
        settings=settings,
        place=place,
        what="the rows were not written",
        seconds_max=table_jobs.seconds_for(
            request.seconds_max, rows=present.version.rows, size_bytes=request.path.stat().st_size
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which rows: those after the record `after`, at most `limit` (None: all), that meet every condition.

    A page by a column, `order`, begins after the first `skip` rows of that order.
    """

    format: Format
    conditions: tuple[Condition, ...] = ()
    after: int = 0
    limit: int | None = None
    escapes: bool = False
    order: str = ""
    is_down: bool = False
    skip: int = 0


def read(resources: Resources, present: Snapshot, wanted: Wanted, place: Path) -> tuple[Page, Path]:
    """The page, and the file in `place` that holds it. Raises Invalid for a filter that does not fit its column."""
    settings = ReadSettings(
        contents=table_jobs.contents(resources.blobs, present),
        format=wanted.format,
        conditions=wanted.conditions,
        after=wanted.after,
        limit=wanted.limit,
        escapes=wanted.escapes,
        order=wanted.order,
        is_down=wanted.is_down,
        skip=wanted.skip,
    )
    job = table_jobs.TableJob(
        kind=READ_KIND,
        settings=settings,
        place=place,
        what="the rows were not read",
        # A page is found by the order of its rows, or by a look at one column.
        seconds_max=table_jobs.seconds_for(
            table_jobs.READ_SECONDS_MAX, rows=present.version.rows if wanted.limit is None else 0
        ),
    )
    page, files = table_jobs.perform(resources, job, Page)
    # The job writes one; another would be a mistake of ours.
    (file,) = files.values()
    return page, Path(file.path)
