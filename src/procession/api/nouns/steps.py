"""Steps and their properties over HTTP: read, changed, restarted from, and their logs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from procession.api.nouns import runs
from procession.api.wire import properties as properties_wire
from procession.api.wire import reading
from procession.api.wire import steps as wire
from procession.api.wire.restarts import NewerVersion, PlannedStep, RestartPlanShape
from procession.door.contract import Call
from procession.model.errors import Invalid
from procession.model.ids import PropertyId, RunId, StepId
from procession.model.processes import StepKind
from procession.model.restart import Wish
from procession.model.steps import StepRow
from procession.operations import runs as run_operations
from procession.operations import steps, upgrades
from procession.operations.planning import Planned
from procession.operations.upgrades import Newer

RELEASES_MAX = 1_000


def of_run(call: Call) -> list[wire.DataStep] | list[wire.AnyStep]:
    """Data steps, as documented; ?include=all shows action steps too, with the state of each."""
    if reading.includes_all(call.request.query):
        return _all_of_run(call)
    rows = steps.of_run(call.tx, call.id(RunId))
    return [wire.data_step(row) for row in rows if row.kind is StepKind.DATA]


def _all_of_run(call: Call) -> list[wire.AnyStep]:
    found = steps.overview(call.tx, run_operations.find(call.tx, call.id(RunId)))
    attempts, steady = Counter(found.attempts), call.context.resources.steady()
    return [
        wire.any_step(row, action=found.actions.get(row.key, ""), attempts=attempts[row.id], steady=steady)
        for row in found.steps
    ]


def status(call: Call) -> wire.StepRunStatus:
    step = steps.status(call.tx, call.id(RunId), call.id(StepId))
    return wire.step_status(step, steady=call.context.resources.steady())


def restart(call: Call) -> wire.StepRunStatus:
    step = run_operations.restart(
        call.act,
        call.id(RunId),
        call.id(StepId),
        # Everything of the body is read before anything is changed.
        wish=Wish(reason=runs.reason(call.body), release=_released(call), takes_latest=_takes_latest(call)),
    )
    call.context.announce(call.tx, step.run)
    return wire.restarted(step, call.now)


def _takes_latest(call: Call) -> bool:
    given = call.body.get("version")
    if given is not None and given != "latest":
        raise Invalid('version must be "latest", or left out: then the run goes on with the version that it follows')
    return given is not None


def _released(call: Call) -> frozenset[str]:
    """Keys of steps; an id of one is accepted too."""
    given = call.body.get("release")
    if given is None:
        return frozenset()
    if not isinstance(given, list) or len(given) > RELEASES_MAX or not all(isinstance(text, str) for text in given):
        raise Invalid(f"release must be a list of at most {RELEASES_MAX} keys or ids of steps")
    # Looked up only when something is released: a restart reads enough.
    keys = {str(row.id): row.key for row in steps.of_run(call.tx, call.id(RunId))} if given else {}
    return frozenset(keys.get(text.lower(), text) for text in map(str, given))


def restart_plan(call: Call) -> RestartPlanShape:
    planned = run_operations.restart_plan(call.tx, call.context.resources, call.id(RunId), call.id(StepId))
    plan, newer = planned.plan, upgrades.find(call.tx, planned)
    return RestartPlanShape(
        runsAgain=_planned(planned, plan.again),
        carriedOver=_planned(planned, plan.carried),
        stale=[str(planned.steps[key].id) for key in plan.stale],
        repeatsEffects=_planned(planned, plan.repeated_effects),
        needsRelease=_planned(planned, plan.needs_release),
        version=planned.run.version,
        newerVersion=None if newer is None else _newer(newer),
    )


def _newer(newer: Newer) -> NewerVersion:
    return NewerVersion(version=newer.version, changes=list(newer.changes), obstacles=list(newer.obstacles))


def _planned(planned: Planned, keys: Iterable[str]) -> list[PlannedStep]:
    return [_planned_step(planned, planned.steps[key]) for key in keys]


def _planned_step(planned: Planned, row: StepRow) -> PlannedStep:
    step = planned.process.step(row.key)
    assert step is not None
    return PlannedStep(id=str(row.id), name=row.name, stepOrder=row.order, effect=step.effect)


def get(call: Call) -> wire.DataStep:
    return wire.data_step(steps.find_data_step(call.tx, call.id(StepId)))


def properties(call: Call) -> list[properties_wire.PropertyShape]:
    return [properties_wire.property(row) for row in steps.properties(call.tx, call.id(StepId))]


def property(call: Call) -> properties_wire.PropertyShape:
    return properties_wire.property(steps.find_property(call.tx, call.id(StepId), call.id(PropertyId)))


def change(call: Call) -> properties_wire.PropertyShape:
    row = steps.find_property(call.tx, call.id(StepId), call.id(PropertyId))
    wanted = properties_wire.changed(row.item, call.body)
    # The whole property goes in: which permission it takes depends on what differs.
    changed = steps.change(call.act, row, wanted)
    # A long poll on a run that is not started waits for its inputs too.
    call.context.announce(call.tx, steps.find(call.tx, call.id(StepId)).run)
    return properties_wire.property(changed, is_update=True)
