"""Tables that people have approved: which version a step behind the approval reads, and when it may not.

What is signed is a version of the table. Rows that others write after the decision were seen by nobody who decided.
"""

from __future__ import annotations

from collections.abc import Iterable

from procession.engine.step_tables import TableStep
from procession.model.approvals import ShownItem
from procession.model.errors import Conflict, Invalid
from procession.model.ids import TableId
from procession.model.restart import Wish
from procession.model.runs import Run
from procession.model.steps import StepRow
from procession.model.table_uses import PREFIX, TableUse, is_table
from procession.model.tables import Snapshot
from procession.operations import table_plans, table_writes, tables
from procession.operations.planning import Planned
from procession.store import step_tables as store
from procession.store import tables as table_store
from procession.store.database import Transaction
from procession.store.step_tables import TableRead


def record(tx: Transaction, run: Run, attempt: int, shown: Iterable[ShownItem]) -> None:
    """Keep the versions that were approved in the try, in the transaction that decides."""
    named = store.named(tx, run.process, run.version)
    found = {}
    for reference in {item.reference for item in shown if is_table(item.reference)}:
        name = reference.removeprefix(PREFIX)
        table = table_store.find(tx, named[name].table) if name in named else None
        # One that is deleted is shown as deleted, and no step can read it.
        if table is not None:
            found[reference] = TableRead(reference, table.id, table.version)
    store.add_reads(tx, attempt, found.values())


def source(tx: Transaction, table: TableId, number: int, use: TableUse, step: TableStep) -> Snapshot:
    """What the step reads of a table that was approved at the version `number`. Raises Conflict."""
    present, then = tables.snapshot(tx, table), tables.snapshot(tx, table, number)
    least = table_writes.origin(tx, then)
    # By origin: a version that a restart has taken back to is the one that was signed.
    versions = list(table_writes.chain(tx, present, least))
    is_above = bool(versions) and versions[-1].number == least
    # Steps behind the approval may write the table: what the run itself wrote is what it goes on with.
    if is_above and all(version.run == step.run.id for version in versions[:-1]):
        return present
    wrote = any(version.run == step.run.id for version in versions if version.number != least)
    replaces = any(one.name == use.name and one.mode not in {None, "append"} for one in step.uses)
    # Neither version is right here: one holds what nobody approved, the other lacks what the run has written.
    if wrote or replaces:
        raise Conflict(
            f'version {number} of the table "{use.name}" was approved, and {present.version.author} has changed it'
            f" since (version {present.version.number}); restart from the step that asks, so that it is approved anew"
        )
    return then


def obstacle(tx: Transaction, planned: Planned) -> str:
    """Why a restart cannot read the newest tables: approvals that it keeps are of older ones. "" when it can."""
    kept = dict[TableId, StepRow]()
    for key in planned.plan.carried:
        step = planned.steps[key]
        kept |= dict.fromkeys(store.approved_by(tx, step.id), step)
    for read in table_plans.make(tx, planned).read if kept else ():
        if read.is_changed and read.table in kept:
            asked = kept[read.table]
            return (
                f'version {read.version} of the table "{read.name}" was approved in step {asked.order} "{asked.name}",'
                f" and it is at version {read.present} now: restart from step {asked.order}, so that it is approved"
                " anew, or without the newest tables"
            )
    return ""


def require(tx: Transaction, planned: Planned, wish: Wish) -> None:
    """Raises Invalid for newest tables that are wished for and cannot be read."""
    if wish.reads_latest and (why := obstacle(tx, planned)):
        raise Invalid(why)
