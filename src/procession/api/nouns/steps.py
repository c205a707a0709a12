"""Steps and their properties over HTTP: read, changed, restarted from, and their logs."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable
from functools import partial

from procession.api.nouns import runs
from procession.api.wire import properties as properties_wire
from procession.api.wire import reading
from procession.api.wire import steps as wire
from procession.api.wire.restarts import NewerVersion, PlannedStep, RestartPlanShape, TableReadBefore, TakenBack
from procession.door import idempotency_key
from procession.door.contract import Call, StreamCall
from procession.model.errors import Invalid, Unavailable
from procession.model.ids import PropertyId, RunId, StepId
from procession.model.lifecycle import StepStatus
from procession.model.processes import Property, StepKind
from procession.model.restart import Wish
from procession.model.steps import PropertyRow, StepRow
from procession.operations import idempotency, processes, steps, table_plans, upgrades
from procession.operations import runs as run_operations
from procession.operations.planning import Planned
from procession.operations.processes import Outdated
from procession.operations.steps import Redefined
from procession.operations.table_plans import ReadBefore
from procession.operations.table_writes import Undo
from procession.operations.upgrades import Newer
from procession.store.database import Transaction

RELEASES_MAX = 1_000
TRIES_MAX = 100  # each that is in vain means that somebody else has published a version


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
    # Only a failure is explained by its action: status is polled more than anything else.
    action = steps.action_of(call.tx, step) if step.status is StepStatus.FAILED else ""
    shape = wire.step_status(step, action=action, steady=call.context.resources.steady())
    return wire.with_figures(shape, *steps.figures(call.tx, step))


def restart(call: Call) -> wire.StepRunStatus:
    step = run_operations.restart(
        call.act,
        call.id(RunId),
        call.id(StepId),
        # Everything of the body is read before anything is changed.
        wish=Wish(
            reason=runs.reason(call.body),
            release=_released(call),
            takes_latest=_wants_latest(call, "version", "the run goes on with the version that it follows"),
            reads_latest=_wants_latest(call, "tables", "steps read the versions that they have read before"),
        ),
    )
    call.context.announce(call.tx, step.run)
    return wire.restarted(step, call.now)


def _wants_latest(call: Call, name: str, otherwise: str) -> bool:
    given = call.body.get(name)
    if given is not None and given != "latest":
        raise Invalid(f'{name} must be "latest", or left out: then {otherwise}')
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
    tables = table_plans.make(call.tx, planned)
    return RestartPlanShape(
        runsAgain=_planned(planned, plan.again),
        carriedOver=_planned(planned, plan.carried),
        stale=[str(planned.steps[key].id) for key in plan.stale],
        repeatsEffects=_planned(planned, plan.repeated_effects),
        needsRelease=_planned(planned, plan.needs_release),
        version=planned.run.version,
        newerVersion=None if newer is None else _newer(newer),
        tablesTakenBack=[_taken_back(undo) for undo in tables.taken_back],
        tablesRead=[_read_before(read) for read in tables.read],
    )


def _taken_back(undo: Undo) -> TakenBack:
    table = undo.present.table
    return TakenBack(table=str(table.id), name=table.name, version=undo.to)


def _read_before(read: ReadBefore) -> TableReadBefore:
    return TableReadBefore(
        step=str(read.step.id),
        table=str(read.table),
        name=read.name,
        version=read.version,
        presentVersion=read.present,
        isChanged=read.is_changed,
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


async def change(call: StreamCall) -> properties_wire.PropertyShape:
    for _ in range(TRIES_MAX):
        # Before the transaction: everybody's commit would wait for the process to be read again.
        redefined = await _redefined(call)
        try:
            return await asyncio.wrap_future(call.database.submit(partial(_change, call=call, redefined=redefined)))
        except Outdated:
            continue
    raise Unavailable("others are changing the process at the same time; nothing was changed, try again in a moment")


async def _redefined(call: StreamCall) -> Redefined | None:
    with call.database.snapshot() as tx:
        row, wanted = _wanted(call, tx)
        change = steps.to_redefine(tx, call.caller, row, wanted)
    if change is None:
        return None
    work = partial(processes.redefined, change, call.context.resources.actions)
    definition = await call.context.parsing.run(call.caller.user.id, len(change.definition), work)
    return Redefined(change=change, definition=definition)


def _wanted(call: StreamCall, tx: Transaction) -> tuple[PropertyRow, Property]:
    """The whole property: which permission it takes depends on what differs."""
    row = steps.find_property(tx, call.id(StepId), call.id(PropertyId))
    return row, properties_wire.changed(row.item, call.body)


def _change(tx: Transaction, *, call: StreamCall, redefined: Redefined | None) -> properties_wire.PropertyShape:
    act = call.admit(tx)
    idempotency.mark(act, call.keyed)
    changed = steps.change(act, *_wanted(call, tx), redefined)
    # A long poll on a run that is not started waits for its inputs too.
    call.context.announce(tx, steps.find(tx, call.id(StepId)).run)
    return idempotency_key.answered(tx, call.keyed, properties_wire.property(changed, is_update=True))
