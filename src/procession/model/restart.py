"""What a restart from a step would do: what runs again, what is kept, which effects repeat (docs/crash.md)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass

from procession.model.errors import Invalid, NotFound
from procession.model.lifecycle import STEP_ACTIVE, STEP_DONE, StepStatus
from procession.model.plans import label, later_steps
from procession.model.processes import Effect, Process, Step, StepKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Touches:
    """The "step.property" references that a step's action reads and writes."""

    reads: frozenset[str] = frozenset()
    writes: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartPlan:
    """Step keys in the order of the process; `again` and `carried` together are all steps.

    `again` goes back to NotStarted. `stale`: carried steps that ran on values which steps in `again` may change.
    `repeated_effects`: steps of `again`, not pure, that had begun before. `needs_release`: those of them `once`, and
    those that could not tell whether they had happened; the restart is refused unless each is released by name.
    """

    key: str
    again: tuple[str, ...]
    carried: tuple[str, ...]
    stale: tuple[str, ...]
    repeated_effects: tuple[str, ...]
    needs_release: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Options of a restart. `release`: keys of `once` steps that may run again."""

    reason: str | None = None
    release: Set[str] = frozenset()
    # Off: whoever repairs one step does not expect the rest of the process to change.
    takes_latest: bool = False  # the newest version of the process, not the one that the run follows
    reads_latest: bool = False  # the present versions of tables, not those that the steps have read


def plan(
    process: Process,
    statuses: Mapping[str, StepStatus],
    key: str,
    *,
    effects: Set[str],
    touches: Mapping[str, Touches] | None = None,
) -> RestartPlan:
    """The plan of a restart from the step `key`. `effects`: keys of the steps that have begun in any attempt so far.

    Raises NotFound for a step that is not in the process, Invalid for a disabled one or while a step is under way.
    """
    named = process.step(key)
    if named is None:
        raise NotFound(f'there is no step "{key}" in process "{process.name}"')
    if not named.enabled:
        raise Invalid(f"{label(named)} is disabled and cannot be restarted")
    if any(status in STEP_ACTIVE for status in statuses.values()):
        raise Invalid("the process run is under way; cancel it or wait for its end before restarting a step")
    # By what depends on it and not by position: parallel branches keep their results.
    later = later_steps(process, key, statuses)
    again = tuple(step for step in process.steps if step.key in later)
    carried = tuple(step for step in process.steps if step.key not in later)
    # Begun is enough: a step that was killed may have paid before it died.
    repeated = tuple(step for step in again if step.key in effects and _has_effect(step))
    return RestartPlan(
        key=key,
        again=_keys(again),
        carried=_keys(carried),
        stale=_stale(again, carried, statuses, touches or {}),
        repeated_effects=_keys(repeated),
        needs_release=_keys(step for step in repeated if step.effect is Effect.ONCE),
    )


def check_release(process: Process, restart: RestartPlan, released: Set[str]) -> None:
    """Raises Invalid, naming the steps, if a `once` step would run again without being released."""
    held = [step for step in process.steps if step.key in restart.needs_release and step.key not in released]
    if held:
        once = [label(step) for step in held if step.effect is Effect.ONCE]
        others = [label(step) for step in held if step.effect is not Effect.ONCE]
        why = [f"{', '.join(once)} must not happen twice (effect: once) and has begun before"] if once else []
        why += [f"whether {', '.join(others)} has happened is not known"] if others else []
        names = ", ".join(step.key for step in held)
        raise Invalid(f"{'; '.join(why)}; release it by name to restart: {names}")


def _has_effect(step: Step) -> bool:
    return step.kind is StepKind.ACTION and step.effect is not Effect.PURE


def _stale(
    again: tuple[Step, ...],
    carried: tuple[Step, ...],
    statuses: Mapping[str, StepStatus],
    touches: Mapping[str, Touches],
) -> tuple[str, ...]:
    # What may change, not what will: nobody knows before it has run.
    written = {reference for step in again if step.key in touches for reference in touches[step.key].writes}
    return _keys(
        step
        for step in carried
        if statuses[step.key] in STEP_DONE and step.key in touches and not written.isdisjoint(touches[step.key].reads)
    )


def _keys(steps: Iterable[Step]) -> tuple[str, ...]:
    return tuple(step.key for step in steps)
