"""A step that needs no process, tried by itself: a decision is judged, and a question says whom it would ask."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec.structs import replace

from procession.actions.contract import Action, StepOutcome
from procession.actions.in_engine import EngineContext
from procession.actions.kinds import approve
from procession.actions.kinds.approve import ApproveSettings
from procession.model import values
from procession.model.conditions import Facts
from procession.model.lifecycle import StepStatus
from procession.model.people import AccountStatus, User
from procession.model.processes import PropertyType, StepKind
from procession.model.table_uses import PREFIX, is_table
from procession.operations import trial_inputs
from procession.operations.trial_inputs import TrialOf
from procession.store import people
from procession.store.database import Transaction

NAMES_SHOWN = 20  # of people, and of what is signed
# What a decision is told that nobody knows yet.
_ASSUMED = ("every other step is taken to have succeeded", "a file is new where a sample of it is given")


def can_try(action: Action) -> bool:
    """Whether it can be said what the engine would do; another process is not run for a trial."""
    return action.perform is not None or action.settle is not None


def asked(tx: Transaction, settings: Any) -> tuple[User, ...]:
    """Those whom the step would ask now."""
    if not isinstance(settings, ApproveSettings):
        return ()
    if settings.who.user:
        found = [people.user_by_login(tx, settings.who.user)]
    else:
        group = people.group_by_name(tx, settings.who.group)
        found = [] if group is None else list(people.members(tx, group.id))
    return tuple(one for one in found if one is not None and one.status is AccountStatus.ACTIVE)


def perform(trial: TrialOf, action: Action, settings: Any) -> StepOutcome:
    """What the step would end with, or ask. Raises Invalid for a decision that cannot be told."""
    if isinstance(settings, ApproveSettings):
        return _question(trial, settings)
    assert action.perform is not None
    properties = {
        name: replace(item, value=trial.values.get(name, item.value))
        for name, item in trial_inputs.properties(trial.process).items()
    }
    facts = Facts(
        ends={step.key: StepStatus.SUCCESS for step in trial.process.steps if step.kind is StepKind.ACTION},
        causes={},
        values={name: item.value for name, item in properties.items()},
        updated=frozenset(trial.files),
        may_read_properties=True,
    )
    return action.perform(EngineContext(settings=settings, facts=facts, properties=properties))


def remarks(trial: TrialOf, action: Action, settings: Any) -> tuple[str, ...]:
    """What a decision was judged by that a run may know otherwise."""
    if action.perform is None:
        return ()
    found = trial_inputs.properties(trial.process)
    reads = [name for name in action.reads(settings) if found[name].type is not PropertyType.FILE]
    empty = [name for name in reads if trial.values.get(name, found[name].value) in (None, "")]
    # Nothing equals nothing: another rule than in a run would decide without a word.
    more = f" and {len(empty) - NAMES_SHOWN} more" if len(empty) > NAMES_SHOWN else ""
    told = f"judged as empty, and perhaps filled in a run: {', '.join(empty[:NAMES_SHOWN])}{more}"
    return (*_ASSUMED, told) if empty else _ASSUMED


def _question(trial: TrialOf, settings: ApproveSettings) -> StepOutcome:
    who = [user.login for user in trial.asked]
    lines = [f"It would ask “{settings.title}” and wait.", *_shown(trial, settings)]
    names = ", ".join(who[:NAMES_SHOWN]) or "nobody"
    needed = f"{settings.at_least} must approve" if settings.at_least > 1 else "one of them decides"
    lines.append(f"Asked now: {names} ({settings.who.said}); {needed}.")
    if settings.excluded:
        lines.append(f"Left out of them: {' and '.join(_words(settings))}.")
    if settings.before is not None:
        ends = "the step fails" if settings.otherwise == "fail" else "those who have not decided are mailed again"
        lines.append(f"After {settings.before}, {ends}.")
    is_short = len(who) < settings.at_least
    if is_short:
        lines.append("So few people cannot decide it: the run would wait for ever.")
    return StepOutcome(status=StepStatus.WARNING if is_short else StepStatus.SUCCESS, message="\n".join(lines))


def _words(settings: ApproveSettings) -> Iterator[str]:
    said = {
        "preparer": "whoever created or filled in the run, or published its version",
        "starter": "whoever started it",
    }
    yield from (said[one] for one in settings.excluded)


def _shown(trial: TrialOf, settings: ApproveSettings) -> Iterator[str]:
    """What would be signed, as far as it is given."""
    found = trial_inputs.properties(trial.process)
    for reference in approve.reads(settings)[:NAMES_SHOWN]:
        if is_table(reference):
            yield f"Signed: {reference.removeprefix(PREFIX)}"
            continue
        item = found[reference]
        given = trial.files[reference].name if reference in trial.files else ""
        if item.type is not PropertyType.FILE:
            given = values.to_text(trial.values.get(reference, item.value)) or ""
        yield f"Signed: {item.name}, {given or 'empty so far'}"
