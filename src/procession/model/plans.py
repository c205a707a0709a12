"""A process prepared for the flow: what each step follows, and what a restart carries over (model/flow.py)."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass

from procession.model.condition_trees import steps_asked
from procession.model.conditions import steps_named
from procession.model.lifecycle import StepStatus
from procession.model.processes import Process, Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One step as the flow sees it; `named` are the steps that its conditions ask about, `asked` its settings."""

    step: Step
    label: str
    named: frozenset[str]
    asked: frozenset[str]
    decides_alone: bool  # its `when` names a step
    is_named_by_restart: bool
    # Kept by a restart: it neither runs again nor may it be waited for.
    is_carried: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A process prepared for next_moves, once for each attempt at a run."""

    turns: tuple[Turn, ...]
    # Saves gathering the values of all properties at each end of a step.
    has_conditions: bool  # without them no value of a property decides anything
    # Saves walking to the end of a long list at the end of each of its steps.
    in_line_from: int  # from this turn on, each waits for the one before it and for nothing else


@dataclass(frozen=True, slots=True)
class StepAmong:
    """A step in its process; `writers` are the keys of the steps that write each "step.property"."""

    step: Step
    process: Process
    writers: Mapping[str, Set[str]]


def prepare(
    process: Process, *, restarted: str | None = None, statuses: Mapping[str, StepStatus] | None = None
) -> Plan:
    """The plan of one attempt; `restarted` is the key of the step that a restart named, None for the first attempt.

    With `restarted`, `statuses` are needed: those of any moment of that attempt, since carried steps do not change.
    """
    # Without statuses a skipped step would not be known to be transparent.
    assert restarted is None or statuses is not None
    again = None if restarted is None or statuses is None else later_steps(process, restarted, statuses)
    turns = tuple(
        Turn(
            step=step,
            label=label(step),
            named=frozenset(steps_named(step.when)) | frozenset(steps_named(step.skip_when)),
            asked=steps_asked(step),
            decides_alone=any(True for _ in steps_named(step.when)),
            is_named_by_restart=step.key == restarted,
            is_carried=again is not None and step.key not in again,
        )
        for step in process.steps
    )
    return Plan(
        turns=turns,
        has_conditions=any(step.when is not None or step.skip_when is not None for step in process.steps),
        in_line_from=next((place + 1 for place in reversed(range(len(turns))) if not _only_follows(turns[place])), 0),
    )


def _only_follows(turn: Turn) -> bool:
    step = turn.step
    has_rules = step.needs is not None or step.when is not None or step.skip_when is not None or bool(turn.asked)
    return step.enabled and not (has_rules or turn.is_named_by_restart or turn.is_carried)


def later_steps(process: Process, key: str, statuses: Mapping[str, StepStatus]) -> frozenset[str]:
    """The step and all that depend on it, enabled or not: by name, or by the default order.

    A kept step that was skipped is transparent: its default successor follows the step before it.
    """
    later: set[str] = set()
    followed: tuple[str, ...] = ()  # what a step here would follow by default
    for step in process.steps:
        # The same default as in a first attempt: a restart must not change what follows what.
        follows = followed if step.needs is None else step.needs
        # Conditions count as dependencies: what was decided by an end that is undone is undecided.
        asked = (*steps_named(step.when), *steps_named(step.skip_when), *steps_asked(step))
        if step.key == key or not later.isdisjoint((*follows, *asked)):
            later.add(step.key)
        is_transparent = step.key not in later and statuses[step.key] is StepStatus.SKIPPED
        if step.enabled and not is_transparent:
            followed = (step.key,)
    return frozenset(later)


def earlier_steps(process: Process, key: str) -> frozenset[str]:
    """The steps that have ended before this one begins, whatever is skipped: those it follows, and they follow."""
    follows: dict[str, tuple[str, ...]] = {}
    previous: tuple[str, ...] = ()
    for step in process.steps:
        follows[step.key] = previous if step.needs is None else step.needs
        previous = (step.key,) if step.enabled else previous
    found, left = set[str](), [key]
    while left:
        for one in follows.get(left.pop(), ()):
            if one not in found:
                found.add(one)
                left.append(one)
    return frozenset(found)


def label(step: Step) -> str:
    """How messages call a step: step 2.1 "Match orders"."""
    return f'step {step.order} "{step.name}"'
