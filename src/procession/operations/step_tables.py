"""Managed tables at work in steps: what their names mean, who vouches for their use, and which version is read.

A name is looked up when a process is published, and its table's id stays with that version of the process: a rename
does no harm. Whoever publishes must have the role on the table that its use takes. When a run starts, and when a step
begins, they must have it still, or whoever started the run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from procession.actions.contract import Action
from procession.model import definitions
from procession.model.errors import Invalid
from procession.model.ids import TableId
from procession.model.nearest import nearest
from procession.model.people import AccountStatus, Role, User
from procession.model.processes import Process, Step
from procession.model.rights import covers
from procession.model.runs import Run
from procession.model.table_uses import PREFIX, TableUse
from procession.operations import rights, tables
from procession.operations.act import Act
from procession.store import people, step_tables
from procession.store import tables as table_store
from procession.store.database import Transaction
from procession.store.step_tables import NamedTable

Found = Mapping[str, NamedTable]


def uses_of(actions: Mapping[str, Action], process: Process) -> Iterator[tuple[Step, TableUse]]:
    """Every use of a table by a step, disabled ones too: they may be enabled by nothing but another version."""
    for step in process.steps:
        action = actions.get(step.action)
        if action is not None:
            for use in action.tables(msgspec.convert(dict(step.settings), action.settings)):
                yield step, use


def resolve(act: Act, process: Process, before: Found) -> tuple[Found, tuple[str, ...]]:
    """What the names in a process mean now, vouched for by whoever acts; and remarks on tables that were renamed.

    `before` is what they mean in the version before: a name that no table has any more means the same table still.
    Raises Invalid with every mistake.
    """
    found: dict[str, NamedTable] = {}
    mistakes, remarks = dict[str, None](), dict[str, None]()
    for step, use in uses_of(act.resources.actions, process):
        # By name first: a table that took over an old name is the one that the author sees.
        table = table_store.by_name(act.tx, use.name)
        if table is None and use.name in before:
            table = table_store.find(act.tx, before[use.name].table)
            if table is not None:
                remarks[f'the table "{use.name}" is called "{table.name}" now'] = None
        where = f'step {step.order} "{step.name}"'
        if table is None:
            mistakes[f'{where}: there is no table "{use.name}"{_hint(act, use.name)}'] = None
        elif not _covers(act.tx, act.caller.user, table.id, use):
            mistakes[f"{where}: {_needs(use)} needs the role {_role(use)} on it"] = None
        else:
            found[use.name] = NamedTable(table.id, act.caller.user.id)
    # All at once: whoever mends a file mends it once.
    if mistakes:
        raise Invalid("; ".join(mistakes))
    return found, tuple(remarks)


def _hint(act: Act, name: str) -> str:
    # Of those that the user may see: a hint must not tell of others.
    known = [table.name for table in tables.listed(act.tx, act.caller, name=None)]
    near = nearest(name, known)
    return f'; did you mean "{near}"?' if near else ""


def is_changed(act: Act, found: Found, before: Found) -> bool:
    """Whether the names mean other tables than before, or nobody vouches for them any more."""
    if {name: one.table for name, one in found.items()} != {name: one.table for name, one in before.items()}:
        return True
    # Applying the same file again must be able to replace a voucher who has left.
    return not all(_has_any_role(act.tx, one) for one in before.values())


def _has_any_role(tx: Transaction, one: NamedTable) -> bool:
    user = people.user(tx, one.user)
    return user is not None and user.status is AccountStatus.ACTIVE and rights.role_of(tx, user, one.table) is not None


def require(act: Act, run: Run, definition: str) -> None:
    """Raises Invalid when a step of the definition, as it is stored, uses a table that is gone or not for it."""
    # As with networks: converting the settings of every step takes longer than a start.
    if f"${{{PREFIX}" not in definition:
        return
    found = step_tables.named(act.tx, run.process, run.version)
    troubles = dict[str, None]()
    for step, use in uses_of(act.resources.actions, definitions.definition_from_text(definition)):
        if step.enabled and (said := trouble(act.tx, found, use, act.caller.user)):
            troubles[f'step {step.order} "{step.name}": {said}'] = None
    if troubles:
        raise Invalid("; ".join(troubles))


def trouble(tx: Transaction, found: Found, use: TableUse, starter: User) -> str:
    """Why the table cannot be used; "" when it can."""
    named = found.get(use.name)
    if named is None:
        return f'what the table "{use.name}" is, this version of the process does not say; apply its file again'
    if table_store.find(tx, named.table) is None:
        return f'the table "{use.name}" was deleted'
    # Looked up at each use: a role that was taken away counts at once, not with the next version.
    voucher = people.user(tx, named.user)
    if any(_covers(tx, user, named.table, use) for user in (voucher, starter)):
        return ""
    who = voucher.login if voucher else "whoever published this version"
    return (
        f"{_needs(use)} needs the role {_role(use)} on it, which neither {who}, who published this version of the"
        f" process, nor {starter.login}, who starts the run, has"
    )


def _covers(tx: Transaction, user: User | None, table: TableId, use: TableUse) -> bool:
    # A locked account keeps its roles, but must not vouch for anything.
    if user is None or user.status is not AccountStatus.ACTIVE:
        return False
    role = rights.role_of(tx, user, table)
    return role is not None and covers(role, _role(use))


def _role(use: TableUse) -> Role:
    return Role.READER if use.mode is None else Role.EDITOR


def _needs(use: TableUse) -> str:
    return f'{"reading" if use.mode is None else "writing"} the table "{use.name}"'
