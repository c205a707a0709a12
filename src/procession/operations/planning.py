"""Plans a restart from the stored run and the actions' reads and writes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import msgspec

from procession.model import restart
from procession.model.processes import Process, StepKind
from procession.model.restart import RestartPlan, Touches, Wish
from procession.model.runs import Run
from procession.model.steps import StepRow
from procession.operations import processes
from procession.operations.resources import Resources
from procession.store import history, journals, steps
from procession.store.database import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A plan, and what its step keys mean: the run, the definition it follows, its steps by key."""

    plan: RestartPlan
    run: Run
    process: Process
    steps: Mapping[str, StepRow]

    @property
    def reset(self) -> list[StepRow]:
        """The steps that run again."""
        return [self.steps[key] for key in self.plan.again]


def make(tx: Transaction, resources: Resources, run: Run, step: StepRow) -> Planned:
    """Raises Invalid for a disabled step, or while a step is under way."""
    process = processes.definition_of(tx, run.process, run.version)
    rows = {row.key: row for row in steps.of_run(tx, run.id)}
    # By attempts and not by status: a step that was reset has lost its status, and its effect is in the world.
    begun = {attempt.step for attempt in history.attempts_of_run(tx, run.id)}
    plan = restart.plan(
        process,
        {key: row.status for key, row in rows.items()},
        step.key,
        effects={key for key, row in rows.items() if row.id in begun},
        touches=touches(resources, process),
    )
    # As with `once`: it may have happened, and its next try would only find the same doubt.
    held = {*plan.needs_release, *(key for key in plan.repeated_effects if journals.is_in_doubt(tx, rows[key].id))}
    plan = replace(plan, needs_release=tuple(key for key in plan.again if key in held))
    return Planned(plan=plan, run=run, process=process, steps=rows)


def release(tx: Transaction, wish: Wish, plans: tuple[Planned, Planned], now: datetime) -> list[str]:
    """The keys that are released, under the version before and the one that is followed now; in its journals too."""
    _, again = plans
    released = sorted(wish.release & {key for one in plans for key in one.plan.needs_release})
    for key in again.steps.keys() & released:
        # For its next try, which would find the doubt of the last one otherwise.
        journals.release(tx, again.steps[key].id, now)
    return released


def touches(resources: Resources, process: Process, *, only: str | None = None) -> dict[str, Touches]:
    """What each action step reads and writes, by its key; an action that is no longer installed says nothing.

    `only`: the key of the one step that is asked about.
    """
    found = {}
    for step in process.steps:
        is_asked = only is None or step.key == only
        if is_asked and step.kind is StepKind.ACTION and step.action in resources.actions:
            action = resources.actions[step.action]
            settings = msgspec.convert(dict(step.settings), action.settings)
            found[step.key] = Touches(
                reads=frozenset(action.reads(settings)), writes=frozenset(action.writes(settings))
            )
    return found


def detail(planned: Planned) -> dict[str, Any]:
    """The plan as the history keeps it: step ids, and the wire's spelling."""
    plan = planned.plan
    lists = {
        "reset": plan.again,
        "carried": plan.carried,
        "stale": plan.stale,
        "repeatsEffects": plan.repeated_effects,
        "needsRelease": plan.needs_release,
    }
    return {name: [str(planned.steps[key].id) for key in keys] for name, keys in lists.items()}
