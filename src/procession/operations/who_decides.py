"""Whether there is anybody whom a step could ask: told when a file is applied, and a failure when the step begins."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from procession.actions.contract import Action
from procession.actions.kinds.approve import ApproveSettings
from procession.model import approvals as model
from procession.model.people import User
from procession.model.processes import Process
from procession.store import people
from procession.store.database import Transaction


def nobody(tx: Transaction, settings: ApproveSettings) -> str:
    """Why nobody can ever decide; "" when somebody can, or could once they have a role."""
    who = settings.who
    if who.group and people.group_by_name(tx, who.group) is None:
        return f'there is no user group "{who.group}" that could approve; make it, or change the process'
    if who.user and people.user_by_login(tx, who.user) is None:
        return f'there is no user "{who.user}" who could approve; make the account, or change the process'
    return ""


def too_few(settings: ApproveSettings, able: Iterable[User]) -> str:
    """Why those who may decide now cannot approve it, however they decide; "" where they are enough."""
    count = len({model.person(user) for user in able})
    if count >= settings.at_least:
        return ""
    if not count:
        return "nobody may decide it: whoever is named had a hand in it, is not active, or has no role on the process"
    many = f"only {count} of the {settings.at_least} people who must approve it may"
    return f"{many}: whoever else is named had a hand in it, is not active, or has no role on the process"


def remarks(tx: Transaction, actions: Mapping[str, Action], process: Process) -> tuple[str, ...]:
    """One for each step that would ask nobody, or fewer people than it needs."""
    found = []
    for step in process.steps:
        action = actions.get(step.action)
        # A remark and no mistake: the file may be applied first, and the group made before the first run.
        if step.enabled and action is not None and action.settings is ApproveSettings:
            settings = msgspec.convert(dict(step.settings), ApproveSettings)
            if why := nobody(tx, settings) or _too_small(tx, settings):
                found.append(f'step {step.order} "{step.name}": {why}')
    return tuple(found)


def _too_small(tx: Transaction, settings: ApproveSettings) -> str:
    group = people.group_by_name(tx, settings.who.group) if settings.who.group else None
    if group is None:
        return ""
    # Not whether they have a role or may decide: that is of the run, and may change until it asks.
    count = len(people.members(tx, group.id))
    if count >= settings.at_least:
        return ""
    return f'{settings.at_least} must approve, and the user group "{group.name}" has {count}; the step would wait'
