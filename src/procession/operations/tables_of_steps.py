"""What the engine asks of managed tables (engine/step_tables): versions to read, rows made a version, published."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from procession.actions.contract import TABLE, OutputTarget, TableFile, TableInput
from procession.actions.tables.contract import Written
from procession.engine.step_tables import HeldTables, TableDraft, TablesLate, TableStep
from procession.model.errors import Conflict, Invalid, ProcessionError
from procession.model.ids import TableId
from procession.model.processes import Value
from procession.model.table_uses import PREFIX, TableUse
from procession.model.tables import Snapshot
from procession.operations import approved_tables, step_tables, table_jobs, table_rows, table_writes, tables
from procession.operations.resources import Resources
from procession.operations.table_rows import RowsRequest
from procession.store import step_tables as store
from procession.store import tables as table_store
from procession.store.blobs import Blobs
from procession.store.database import Database, Transaction
from procession.store.step_tables import TableRead

PREPARE_SECONDS_MAX = 3_600.0  # nobody waits for an answer, and ten million rows take minutes


@dataclass(frozen=True, slots=True)
class TablesOfSteps:
    """What the engine asks of tables (engine/step_tables.StepTables)."""

    database: Database
    resources: Resources

    def begin(self, tx: Transaction, step: TableStep) -> HeldTables:
        found = store.named(tx, step.run.process, step.run.version)
        last, approved = store.last_reads(tx, step.step), store.approved(tx, step.run.id)
        sources, targets, appended = dict[str, Snapshot](), dict[str, Snapshot](), dict[str, dict[str, int]]()
        for use in step.uses:
            if trouble := step_tables.trouble(tx, found, use, step.user):
                return HeldTables(step=step, trouble=trouble)
            table = found[use.name].table
            try:
                if use.mode is None and use.version is None and table in approved:
                    sources[use.place] = approved_tables.source(tx, table, approved[table], use, step)
                elif use.mode is None:
                    sources[use.place] = _source(tx, table, use, step, last.get(use.place))
                else:
                    targets[use.name] = tables.snapshot(tx, table)
                    if use.mode == "append":
                        appended[use.name] = store.appended_before(tx, step.run.id, step.step, table)
            # The step's own trouble: raised here, it would undo what other steps do in this transaction.
            except ProcessionError as error:
                return HeldTables(step=step, trouble=error.message)
        reads = (TableRead(place, one.table.id, one.version.number) for place, one in sources.items())
        # Recorded before the step begins: after a crash, its next attempt reads the same versions.
        store.add_reads(tx, step.attempt, reads)
        return HeldTables(step=step, sources=sources, targets=targets, appended=appended)

    def inputs(self, held: HeldTables) -> Mapping[str, TableInput]:
        if held.trouble:
            raise Invalid(held.trouble)
        return {place: _input(self.resources.blobs, one) for place, one in held.sources.items()}

    def targets(self, held: HeldTables) -> Mapping[str, OutputTarget]:
        return {
            f"{PREFIX}{name}": OutputTarget(
                type=TABLE, file_name=name, columns=one.version.columns, appended=held.appended.get(name, {})
            )
            for name, one in held.targets.items()
        }

    def prepare(self, held: HeldTables, files: Mapping[str, Path], inside: Path) -> tuple[TableDraft, ...]:
        uses = {use.reference: use for use in held.step.uses if use.mode is not None}
        made = (self._draft(held, uses[reference], path, inside) for reference, path in files.items())
        # Rows that change nothing make no version.
        return tuple(one for one in made if one.draft.added or one.draft.removed)

    def _draft(self, held: HeldTables, use: TableUse, path: Path, inside: Path) -> TableDraft:
        assert use.mode is not None
        # Left before the rows are prepared: a snapshot held for minutes would be in the way of others.
        with self.database.snapshot() as tx:
            present = tables.snapshot(tx, held.targets[use.name].table.id)
            _check_unchanged(tx, held, use, present)
            without = table_writes.kept_records(tx, present, held.step) if use.mode == "append" else ()
            overtaken = table_writes.overtaken(tx, present, held.step, use.mode)
        # User code chose the path: a link would publish any file that the server can read.
        if not path.resolve().is_relative_to(inside.resolve()):
            raise Invalid(f'the rows for the table "{use.name}" lie outside of the step\'s folder')
        request = RowsRequest(
            path=path, format="parquet", mode=use.mode, key=use.key, without=without, seconds_max=PREPARE_SECONDS_MAX
        )
        try:
            written, draft = table_rows.prepare(self.resources, present, request)
        except Invalid as error:
            raise Invalid(f'the table "{use.name}": {error.message}; nothing was published') from error
        return TableDraft(
            name=use.name,
            table=present.table.id,
            draft=replace(draft, run=held.step.run.id, step=held.step.step),
            rows=written.rows_given,
            updated=written.rows_updated,
            counts=_counts(written, present.version.rows),
            remarks=(*written.remarks, *overtaken),
        )

    def publish(
        self, tx: Transaction, held: HeldTables, drafts: tuple[TableDraft, ...], now: datetime
    ) -> dict[str, Any]:
        found = store.named(tx, held.step.run.process, held.step.run.version)
        uses = {use.name: use for use in held.step.uses if use.mode is not None}
        told = []
        for one in drafts:
            # Asked again: preparing took seconds, and the role may be gone.
            if trouble := step_tables.trouble(tx, found, uses[one.name], held.step.user):
                raise Invalid(f"{trouble}; nothing was published")
            number = table_store.publish(tx, one.table, one.draft, author=held.step.user.login, now=now)
            # Raised, not returned: the tables published before it in this loop must be rolled back too.
            if number is None:
                raise TablesLate
            told.append(
                {
                    "table": str(one.table),
                    "name": one.name,
                    "version": number,
                    "mode": uses[one.name].mode,
                    "rows": one.rows,
                    "updated": one.updated,
                    **one.counts,
                }
            )
        return {"wrote": told}


def _counts(written: Written, before: int) -> dict[str, int]:
    added = written.rows_given - written.rows_updated
    if written.mode == "upsert":
        changed = written.rows_updated - written.rows_unchanged
        return {"before": before, "added": added, "changed": changed, "unchanged": written.rows_unchanged}
    if written.mode == "append" and not written.rows_removed:
        return {}
    return {"before": before, "removed": written.rows_removed, "added": added}


def _check_unchanged(tx: Transaction, held: HeldTables, use: TableUse, present: Snapshot) -> None:
    """Raises Conflict where rows that were made of an older version would take back what came since."""
    read = held.sources.get(use.reference)
    if use.mode == "append" or read is None:
        return
    if table_writes.origin(tx, present) != table_writes.origin(tx, read):
        raise Conflict(
            f'the table "{use.name}" was changed by {present.version.author} while this step worked with it: it read'
            f" version {read.version.number}, and the table is at version {present.version.number}; nothing was"
            " published, and nothing is lost: restart the step, which then reads the present version"
        )


def _source(tx: Transaction, table: TableId, use: TableUse, step: TableStep, last: TableRead | None) -> Snapshot:
    """The version to read. Raises Invalid."""
    if use.version is not None:
        return tables.snapshot(tx, table, _number(use, step.numbers))
    present = tables.snapshot(tx, table)
    # Another table since: a newer version of the process may have given the name to it.
    if last is None or last.table != table:
        return present
    then = tables.snapshot(tx, table, last.version)
    is_changed = table_writes.origin(tx, then) != table_writes.origin(tx, present)
    # Rows made of an older version could not be published: the step works on those that there are.
    if is_changed and any(one.name == use.name and one.mode not in {None, "append"} for one in step.uses):
        return present
    # What was done on the rows of then is done again on the rows of then.
    return then


def _number(use: TableUse, numbers: Mapping[str, Value]) -> int:
    value = numbers[use.version] if isinstance(use.version, str) else use.version
    if value is None:
        raise Invalid(f'which version of the table "{use.name}" is to be read, {use.version} does not say: it is empty')
    try:
        # By its text: int() would cut 2.5 down to a version that nobody named.
        return int(str(value))
    except ValueError:
        raise Invalid(f'the version of the table "{use.name}" in {use.version} is no whole number: {value}') from None


def _input(blobs: Blobs, one: Snapshot) -> TableInput:
    contents = table_jobs.contents(blobs, one)
    return TableInput(
        name=one.table.name,
        version=one.version.number,
        columns=contents.columns,
        files=tuple(TableFile(path=part.path, rows=part.rows) for part in contents.parts),
    )
