"""Managed tables: made, renamed, deleted, listed; and how a next version is prepared and published.

A version is prepared outside the writer's transaction, against the version that was read, and published in one short
transaction that compares it: of two writers one finds itself late and prepares again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from procession.model.errors import Invalid, Unavailable
from procession.model.ids import TableId
from procession.model.people import Caller, Role
from procession.model.tables import VERSION_FIRST, Draft, NewPart, Snapshot, Table, TableOperation, TableVersion
from procession.operations import idempotency, rights
from procession.operations.act import Act
from procession.operations.idempotency import KeyedRequest
from procession.operations.resources import Resources
from procession.operations.telling import tell
from procession.store import permissions as permission_store
from procession.store import tables
from procession.store.database import Transaction

# Somebody always wins, so twelve losses in a row mean a table that many scripts write at once.
TRIES_MAX = 12  # of a change that others come before

Prepare = Callable[[Snapshot], Draft | None]
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class TableWork:
    """What a change that takes several transactions works with; `database` is the dispatcher's.

    `admit` gives the act, if token and role still hold. `keyed` is the request, when it must be carried out once:
    marked where the change is published, with what `kept` makes of its result. `told` records what else people are to
    find of it, in the transaction that publishes, with the table as it is then.
    """

    # The dispatcher's is a part of the port; naming it here would import the door from below.
    database: Any
    resources: Resources
    admit: Callable[[Transaction], Act]
    keyed: KeyedRequest | None = None
    kept: Callable[[Any], bytes | None] = lambda result: None
    told: Callable[[Act, Snapshot], None] = lambda act, published: None


def create(act: Act, *, name: str, description: str) -> Table:
    """The creator becomes its owner. Raises Invalid for a name that is taken."""
    tx = act.tx
    _check_name(tx, name, None)
    table = tables.add(tx, name, description, author=act.author, now=act.now)
    permission_store.give(tx, table, Role.OWNER, holder=act.caller.user.id)
    tell(act, f'made the table "{name}"', table)
    return find(tx, table)


def update(act: Act, table_id: TableId, *, name: str | None, description: str | None) -> Table:
    """None leaves it as it is. The version stays: neither rows nor columns change. Raises Invalid as create() does."""
    tx = act.tx
    table = find(tx, table_id)
    if name is not None:
        _check_name(tx, name, table_id)
    tables.rename(
        tx,
        table_id,
        table.name if name is None else name,
        table.description if description is None else description,
        now=act.now,
    )
    return find(tx, table_id)


def _check_name(tx: Transaction, name: str, table: TableId | None) -> None:
    """Names are unique over all tables, so that one exists cannot be kept a secret here."""
    other = tables.by_name(tx, name)
    if other is not None and other.id != table:
        raise Invalid(f'there is a table "{other.name}" already; names of tables are unique')


def delete(act: Act, table_id: TableId) -> None:
    """Raises NotFound."""
    name = find(act.tx, table_id).name
    tables.remove(act.tx, table_id, now=act.now)
    tell(act, f'deleted the table "{name}"', table_id)


def find(tx: Transaction, table_id: TableId) -> Table:
    """Raises NotFound."""
    table = tables.find(tx, table_id)
    if table is None:
        raise rights.not_found(table_id)
    return table


def listed(tx: Transaction, caller: Caller, *, name: str | None) -> list[Table]:
    """What the caller may see, by name."""
    return tables.visible(tx, rights.viewer(caller), name=name)


def versions(tx: Transaction, table_id: TableId, *, most: int | None = None) -> list[TableVersion]:
    """Newest first; `most` of them, None: all."""
    return tables.versions(tx, table_id, most=most)


def count_versions(tx: Transaction, table_id: TableId) -> int:
    return tables.count_versions(tx, table_id)


def snapshot(tx: Transaction, table_id: TableId, number: int | None = None) -> Snapshot:
    """The table as of that version, None: the present one. Raises NotFound, and Invalid for a version it never had."""
    table = find(tx, table_id)
    found = tables.snapshot(tx, table, table.version if number is None else number)
    if found is None:
        if number is not None and VERSION_FIRST <= number < table.version:
            raise Invalid(
                f"version {number} of table {table_id} is not kept any more; the present one is {table.version}"
            )
        raise Invalid(f"table {table_id} has no version {number}; it has {VERSION_FIRST} to {table.version}")
    return found


def change(work: TableWork, table_id: TableId, prepare: Prepare, result: Callable[[Snapshot], T]) -> T:
    """Prepare the next version, slowly, and publish it; gives its result. Not for the writer's thread.

    Raises what `prepare` raises, RepeatedRequest, and Unavailable when others keep changing the table.
    """
    for _ in range(TRIES_MAX):
        # One snapshot of both: if the same request was faster, what it has changed is no mistake of this one.
        with work.database.snapshot() as tx:
            idempotency.check(tx, work.keyed, work.resources.home_clock.least())
            work.admit(tx)
            present = snapshot(tx, table_id)
        # Seconds of work outside every transaction: nobody waits for it.
        draft = prepare(present)
        # With a key the marking has to be committed, although nothing changes.
        if draft is None and work.keyed is None:
            return result(present)
        done: tuple[T] | None = work.database.submit(_publication(work, present, draft, result)).result()
        if done is not None:
            return done[0]
    raise Unavailable(f"others keep changing table {table_id}; try again in a moment")


def _publication(
    work: TableWork, present: Snapshot, draft: Draft | None, result: Callable[[Snapshot], T]
) -> Callable[[Transaction], tuple[T] | None]:
    """None: others were faster."""

    def operation(tx: Transaction) -> tuple[T] | None:
        # Asked again: preparing took seconds, and the role may be gone.
        act = work.admit(tx)
        published = _publish(act, present, draft)
        if published is None:
            return None
        if draft is not None:
            work.told(act, published)
        # After the comparison: a late change must not leave a mark.
        idempotency.mark(act, work.keyed)
        done = result(published)
        idempotency.keep(tx, work.keyed, None if work.keyed is None else work.kept(done))
        return (done,)

    return operation


def _publish(act: Act, present: Snapshot, draft: Draft | None) -> Snapshot | None:
    """Without a draft the table stays as it is, if it still is."""
    if draft is not None:
        return publish(act, present.table.id, draft)
    return present if find(act.tx, present.table.id).version == present.version.number else None


def publish(act: Act, table_id: TableId, draft: Draft) -> Snapshot | None:
    """Make the draft the present version, in the act's transaction; None when it was prepared against an older one.

    A step that writes a table calls it in the transaction that ends the step. Raises NotFound and Forbidden: what was
    taken from the caller meanwhile is gone.
    """
    # In the transaction of the change, for callers that come without the dispatcher.
    rights.require(act.tx, act.caller, table_id, Role.EDITOR)
    number = tables.publish(act.tx, table_id, draft, author=act.author, now=act.now)
    return None if number is None else snapshot(act.tx, table_id, number)


def take_back(tx: Transaction, table_id: TableId, number: int) -> Draft:
    """The draft of a version that holds what version `number` held: a restart undoes what a step wrote with it."""
    present, earlier = snapshot(tx, table_id), snapshot(tx, table_id, number)
    # Files are immutable, so what both versions share stays as it is.
    kept = {part.number for part in earlier.parts} & {part.number for part in present.parts}
    return Draft(
        expected=present.version.number,
        operation=TableOperation.TAKE_BACK,
        columns=earlier.version.columns,
        added=tuple(NewPart(content=part.content, rows=part.rows) for part in earlier.parts if part.number not in kept),
        removed=frozenset(part.number for part in present.parts if part.number not in kept),
        # Not the earlier one's: ids given since must not come back for other rows.
        next_record=present.table.next_record,
        next_field=present.table.next_field,
        same_as=number,
    )
