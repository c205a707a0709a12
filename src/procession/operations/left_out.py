"""Who may not judge a run, as it is their own work: by the person and not by the account."""

from __future__ import annotations

from collections.abc import Iterator

from procession.actions.kinds import approve
from procession.actions.kinds.approve import ApproveSettings
from procession.model import approvals as model
from procession.model.runs import Run
from procession.model.table_uses import PREFIX, is_table
from procession.store import approvals as store
from procession.store import people, step_tables
from procession.store.approvals import TableHands
from procession.store.database import Transaction


def left_out(tx: Transaction, run: Run, settings: ApproveSettings) -> dict[str, str]:
    """Persons (model/approvals.person), and what they did."""
    found: dict[str, str] = {}
    for login, why in _hands(tx, run, settings):
        user = people.user_by_login(tx, login)
        # Of a login that is gone nothing is known, and nobody can sign in by it.
        if user is not None:
            found.setdefault(model.person(user), why)
    return found


def _hands(tx: Transaction, run: Run, settings: ApproveSettings) -> Iterator[tuple[str, str]]:
    # None of it is asked where the process file leaves nobody out.
    written = dict(_written(tx, run, settings)) if settings.excluded else {}
    if "starter" in settings.excluded:
        yield from ((login, "started or restarted this run") for login in store.starters(tx, run.id))
        for name, hands in written.items():
            why = f'started or restarted a run that wrote rows of the table "{name}" since it was last approved'
            yield from ((login, why) for login in store.starters(tx, *hands.runs))
    if "preparer" in settings.excluded:
        why = "created or filled in this run, or published this version"
        yield from ((login, why) for login in store.preparers(tx, run.id))
        for name, hands in written.items():
            why = f'wrote rows of the table "{name}" since it was last approved'
            yield from ((login, why) for login in hands.authors)
            why = f'prepared a run that wrote rows of the table "{name}" since it was last approved'
            yield from ((login, why) for login in store.preparers(tx, *hands.runs))


def _written(tx: Transaction, run: Run, settings: ApproveSettings) -> Iterator[tuple[str, TableHands]]:
    """By name, the tables that are shown."""
    tables = step_tables.named(tx, run.process, run.version)
    for name in (one.removeprefix(PREFIX) for one in approve.reads(settings) if is_table(one)):
        if name in tables:
            yield name, store.hands_since_approval(tx, run.process, tables[name].table)
