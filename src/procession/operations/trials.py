"""Try-outs: a run of a draft up to one step, on files that its designer chooses, with no effect outside.

It is a run like any other, with its page, its log and its evidence; but it follows a version that nobody published,
whose number is below zero, and no list of runs or versions shows it.
"""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from procession.model import definitions
from procession.model.errors import Invalid
from procession.model.ids import ProcessId
from procession.model.processes import Effect, Process, Step, StepKind
from procession.model.runs import HistoryKind, Run
from procession.operations import copying, processes, step_tables, unstarted
from procession.operations.act import Act
from procession.store import history, past_runs, runs
from procession.store import processes as process_store
from procession.store import step_tables as table_names
from procession.store import steps as step_store
from procession.store.processes import ProcessRow, VersionRow


def create(act: Act, process_id: ProcessId, definition: Process, *, up_to: str) -> Run:
    """Not started; `up_to` is the number of the last step that it runs. Raises NotFound, Invalid, Unavailable."""
    act.resources.require_room()
    row, _ = processes.find(act.tx, process_id)
    shortened = _shortened(definition, up_to)
    _require_harmless(act, shortened)
    data = definitions.definition_json(shortened)
    version = VersionRow(
        process=process_id,
        number=process_store.lowest_version(act.tx, process_id) - 1,
        definition=data.decode(),
        source=None,
        sha256=definitions.sha256(data),
        author=act.author,
        created_at=act.now,
        comment=f"try-out up to step {up_to}",
    )
    process_store.add_version(act.tx, version)
    table_names.name(act.tx, process_id, version.number, _tables(act, row, shortened))
    run = runs.add(
        act.tx,
        runs.NewRun(
            process=process_id,
            version=version.number,
            name=unstarted.named(f"Try-out of {row.name}"[:200] + f" up to step {up_to}", row.name, -version.number),
            description=definition.description,
            # Nobody is told of what nobody waits for.
            alert_email="",
            alert_sms="",
            author=act.author,
        ),
        act.now,
    )
    step_store.follow(act.tx, process_id, run.id, shortened.steps)
    detail = {"version": version.number, "tryOutUpTo": up_to, **_filled_in(act, run)}
    history.add(act.tx, run, HistoryKind.CREATED, detail, now=act.now, user=act.author)
    return run


def _filled_in(act: Act, run: Run) -> dict[str, str]:
    """With the values and files of the designer's last try-out: a sample is given once, and tried many times."""
    last = past_runs.last_tried(act.tx, run.process, act.caller.user.id)
    if last is None:
        return {}
    unstarted.fill_in_as(act, run, last.id)
    copying.copy_files(act, run, step_store.properties_of_run(act.tx, last.id))
    return {"copiedFrom": str(last.id)}


def _tables(act: Act, row: ProcessRow, definition: Process) -> step_tables.Found:
    return step_tables.resolve(act, definition, table_names.named(act.tx, row.id, row.version))[0]


def is_trial(run: Run) -> bool:
    return run.version < 0


def _shortened(definition: Process, up_to: str) -> Process:
    """What comes after the step is no part of the run; inputs stay, wherever they stand."""
    orders = [step.order for step in definition.steps]
    if up_to not in orders:
        raise Invalid(f"there is no step {up_to[:20]} in the draft")
    last = orders.index(up_to)
    return replace(
        definition,
        # Disabled, not left out: conditions and references may still name them.
        steps=tuple(
            step if place <= last or step.kind is StepKind.DATA else replace(step, enabled=False)
            for place, step in enumerate(definition.steps)
        ),
    )


def _require_harmless(act: Act, definition: Process) -> None:
    for step in definition.steps:
        if step.enabled and step.kind is StepKind.ACTION and (why := _reaches_out(act, step)):
            raise Invalid(f"step {step.order} {why}, and a try-out has no effect outside: try up to a step before it")


def _reaches_out(act: Act, step: Step) -> str:
    """Why the step must not run in a try-out; "" when it may."""
    if step.effect is Effect.ONCE:
        return "must happen only once"
    action = act.resources.actions.get(step.action)
    if action is not None and action.settle is not None:
        return "asks people"
    if action is not None and action.call is not None:
        return "runs another process"
    if action is not None and action.wants_network(msgspec.convert(dict(step.settings), action.settings)):
        return "uses the network"
    if action is not None and action.reaches:
        return "reaches outside"
    for use in () if action is None else action.tables(msgspec.convert(dict(step.settings), action.settings)):
        if use.mode is not None:
            return f'writes the table "{use.name}"'
    return ""
