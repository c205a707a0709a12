"""Adds, renames, converts and drops columns of a table. Reads rows only if they could be in the way."""

from __future__ import annotations

from dataclasses import dataclass, replace

from procession.actions.tables.contract import CHANGE_KIND, ChangeSettings, Written
from procession.model import columns
from procession.model.columns import COLUMNS_MAX, LENGTH_DEFAULT, Column, ColumnType
from procession.model.errors import Invalid
from procession.model.ids import TableId
from procession.model.tables import Draft, Snapshot, TableOperation
from procession.operations import table_jobs, tables
from procession.operations.resources import Resources
from procession.operations.tables import TableWork


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnChange:
    """What a client says about a column; None says nothing. `default` counts where `sets_default`, and may be None."""

    name: str | None = None
    type: ColumnType | None = None
    length: int | None = None
    nullable: bool | None = None
    # Apart from `default`, because null is a default that a client may ask for.
    sets_default: bool = False
    default: object = None


def add(work: TableWork, table_id: TableId, given: ColumnChange) -> Column:
    """Rows that are there get its default where it is not null, else null. Raises Invalid."""

    def prepare(present: Snapshot) -> Draft:
        return _added(present, given)

    return tables.change(work, table_id, prepare, lambda published: published.version.columns[-1])


def _added(present: Snapshot, given: ColumnChange) -> Draft:
    known = present.version.columns
    if given.name is None or given.type is None:
        raise Invalid("a column needs a name and a dataType")
    if len(known) >= COLUMNS_MAX:
        raise Invalid(f"a table has at most {COLUMNS_MAX} columns")
    _check_name(known, given.name, None)
    column = _with(Column(field=present.table.next_field, name=given.name, type=given.type), given)
    # Rows that are there have no value: the default becomes what they were "born" with, and no file is written.
    if not column.nullable:
        if column.default is None and present.version.rows:
            raise Invalid(f'"{column.name}" is not null, so the rows that are there need a defaultValue')
        column = replace(column, initial=column.default)
    draft = _draft(present, TableOperation.ADD_COLUMN, (*known, column))
    return replace(draft, next_field=column.field + 1)


def change(work: TableWork, table_id: TableId, name: str, given: ColumnChange) -> Column:
    """The column afterwards. Raises NotFound, and Invalid naming the first record that is in the way."""
    # By field id and not by name: the name may be what changes.
    field = 0

    def prepare(present: Snapshot) -> Draft | None:
        nonlocal field
        before = _changeable(present, name)
        field = before.field
        if given.name is not None:
            _check_name(present.version.columns, given.name, before)
        after = _with(before, given)
        return None if after == before else _changed(work.resources, present, before, after)

    def result(published: Snapshot) -> Column:
        return next(column for column in published.version.columns if column.field == field)

    return tables.change(work, table_id, prepare, result)


def _changed(resources: Resources, present: Snapshot, before: Column, after: Column) -> Draft:
    rewrites = before.type is not after.type
    # A wider type fits every row, so the files need not be read at all.
    is_narrower = rewrites or (before.nullable and not after.nullable) or _is_shorter(before, after)
    if not present.parts or not is_narrower:
        return _draft(present, TableOperation.CHANGE_COLUMN, _replaced(present, before, after))
    with resources.table_workers.temporary_folder() as place:
        settings = ChangeSettings(
            contents=table_jobs.contents(resources.blobs, present), before=before, after=after, rewrites=rewrites
        )
        job = table_jobs.TableJob(
            kind=CHANGE_KIND,
            settings=settings,
            place=place,
            what="the column was not changed",
            seconds_max=table_jobs.seconds_for(table_jobs.WRITE_SECONDS_MAX, rows=present.version.rows),
        )
        written, files = table_jobs.perform(resources, job, Written)
        draft = table_jobs.draft_of(resources, present, written, files, place)
    return replace(draft, columns=_replaced(present, before, after))


def _is_shorter(before: Column, after: Column) -> bool:
    return before.length is not None and after.length is not None and after.length < before.length


def drop(work: TableWork, table_id: TableId, name: str) -> None:
    """Earlier versions keep it. Raises NotFound, Invalid."""

    def prepare(present: Snapshot) -> Draft:
        gone = _changeable(present, name)
        kept = tuple(column for column in present.version.columns if column.field != gone.field)
        return _draft(present, TableOperation.DROP_COLUMN, kept)

    tables.change(work, table_id, prepare, lambda published: None)


def _changeable(present: Snapshot, name: str) -> Column:
    column = columns.find(present.version.columns, name)
    if column.is_record_id:
        raise Invalid(f"{columns.RECORD_ID} is the server's own column and cannot be changed")
    return column


def _check_name(known: tuple[Column, ...], name: str, own: Column | None) -> None:
    for column in known:
        # DuckDB and people do not tell upper from lower case in names.
        if column.name.casefold() == name.casefold() and (own is None or column.field != own.field):
            raise Invalid(f'the table has a column "{column.name}" already')


def _with(column: Column, given: ColumnChange) -> Column:
    kind = given.type or column.type
    length = None
    if kind is ColumnType.TEXT:
        length = given.length or column.length or LENGTH_DEFAULT
    changed = replace(
        column,
        name=given.name or column.name,
        type=kind,
        length=length,
        nullable=column.nullable if given.nullable is None else given.nullable,
    )
    try:
        default = columns.canonical(changed, given.default if given.sets_default else column.default)
        # A new type writes every file anew, so that none falls back to what it was born with.
        initial = columns.canonical(changed, column.initial) if kind is column.type else None
    except Invalid as error:
        raise Invalid(f"defaultValue: {error.message}") from None
    return replace(changed, default=default, initial=initial)


def _replaced(present: Snapshot, before: Column, after: Column) -> tuple[Column, ...]:
    return tuple(after if column.field == before.field else column for column in present.version.columns)


def _draft(present: Snapshot, operation: TableOperation, known: tuple[Column, ...]) -> Draft:
    """The same files under other columns."""
    return Draft(
        expected=present.version.number,
        operation=operation,
        columns=known,
        next_record=present.table.next_record,
        next_field=present.table.next_field,
    )
