"""One step of a process tried by itself, on the first rows of its files: nothing is published, nothing written.

It runs in a process as a step of a run does, without any network. What it gives is looked at and thrown away. A step
that reaches outside only says what it would send, and to whom; it is given no secret.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec

from procession.actions.contract import (
    TABLE,
    Action,
    FileOutput,
    InputValue,
    OutputTarget,
    OutputValue,
    StepOutcome,
)
from procession.actions.reading.options import FileOptions
from procession.actions.tables.contract import PREVIEW_KIND, PreviewSettings
from procession.engine.isolation.contract import Job, Limits
from procession.engine.table_workers import Needs
from procession.model import values
from procession.model.errors import Invalid, NotFound
from procession.model.figures import Figures
from procession.model.lifecycle import StepStatus
from procession.model.people import Caller
from procession.model.previews import Preview
from procession.model.processes import Effect, Process, Property, PropertyType, Step, StepKind
from procession.model.table_uses import PREFIX, is_table
from procession.operations import engine_trials, table_jobs, trial_inputs
from procession.operations.resources import Resources
from procession.operations.table_jobs import TableJob
from procession.operations.trial_inputs import LOOK_SECONDS_MAX, TrialOf
from procession.store.database import Transaction

SECONDS_MAX = 60.0  # of the step; somebody waits
MEMORY_BYTES_MAX = 2**30
LIMITS = Limits(memory_bytes_max=MEMORY_BYTES_MAX)


@dataclass(frozen=True, slots=True, kw_only=True)
class TriedOutput:
    """What the step would have written there: a value, or a file or rows of a table as they would be seen."""

    reference: str
    name: str
    value: str = ""
    preview: Preview | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TriedStep:
    """How the step ended. `sends`: it reaches outside, and `message` is what it would have done there."""

    status: StepStatus
    message: str
    figures: Figures = field(default_factory=dict)
    outputs: tuple[TriedOutput, ...] = ()
    remarks: tuple[str, ...] = ()  # on what it was given
    log: str = ""
    sends: bool = False


def find_step(process: Process, text: str) -> Step:
    """By its key or its number ("2.1"). Raises NotFound, and Invalid for a data step."""
    step = next((step for step in process.steps if text in {step.key, step.order}), None)
    if step is None:
        keys = ", ".join(step.key for step in process.steps if step.kind is StepKind.ACTION)
        raise NotFound(f'there is no step {text[:80]} in process "{process.name}"; there are {keys}')
    if step.kind is not StepKind.ACTION:
        raise Invalid(f"step {step.order} holds data, and does nothing that could be tried")
    return step


def action_of(resources: Resources, step: Step) -> tuple[Action, Any]:
    """The action of the step and its settings. Raises Invalid for a step that cannot be tried by itself."""
    action = resources.actions.get(step.action)
    if action is None:
        raise Invalid(f'there is no action "{step.action}" here')
    settings = msgspec.convert(dict(step.settings), action.settings)
    if action.needs_no_process and not engine_trials.can_try(action):
        raise Invalid(f"step {step.order} runs another process, which a trial does not: try that process by itself")
    # Never run here, whatever it declares: only asked.
    if action.reaches:
        if action.preview is None:
            raise Invalid(
                f'step {step.order} reaches outside, and the action "{action.kind}" does not say what it would send:'
                " it cannot be tried without doing it"
            )
    elif action.wants_network(settings):
        raise Invalid(f"step {step.order} uses the network, and a trial has no effect outside")
    # The author says so of a script, which may do anything.
    elif step.effect is Effect.ONCE:
        raise Invalid(f"step {step.order} must happen only once (effect: once)")
    return action, settings


def with_home(tx: Transaction, resources: Resources, caller: Caller, trial: TrialOf) -> TrialOf:
    """With the tables and the connection that the step names, as far as they are the caller's. Raises Invalid."""
    action, settings = action_of(resources, trial.step)
    return replace(
        trial,
        tables=trial_inputs.tables_now(tx, caller, action.tables(settings), trial.values),
        connection=trial_inputs.connection_now(tx, caller, action, settings),
        asked=engine_trials.asked(tx, settings),
    )


def missing(resources: Resources, trial: TrialOf) -> list[str]:
    """The files that the step reads and that nobody has given, as "step.property"."""
    action, settings = action_of(resources, trial.step)
    found = trial_inputs.properties(trial.process)
    return [
        reference
        for reference in action.reads(settings)
        if not is_table(reference) and found[reference].type is PropertyType.FILE and reference not in trial.files
    ]


Look = Callable[[Mapping[str, OutputValue]], None]


def run(resources: Resources, trial: TrialOf, look: Look | None = None) -> TriedStep:
    """For a thread that may wait. `look` sees the outputs while their files are there.

    Raises Invalid for what is missing, Unavailable where nobody is free.
    """
    action, settings = action_of(resources, trial.step)
    if action.needs_no_process:
        return _performed(trial, action, settings)
    if lacking := missing(resources, trial):
        raise Invalid(
            f"step {trial.step.order} reads {', '.join(lacking)}, and no file is given for"
            f" {'it' if len(lacking) == 1 else 'them'}"
        )
    with resources.trial_workers.temporary_folder() as place:
        remarks = list[str]()
        given = {
            **trial_inputs.resolved(resources, trial, (action, settings), place, remarks),
            **trial_inputs.table_inputs(resources, trial, action.tables(settings), remarks),
        }
        job = _job(trial, action.writes(settings), given, place / "step", previews=action.reaches)
        ended = resources.trial_workers.run(
            job, place=Path(job.folder), seconds_max=SECONDS_MAX, needs=Needs(user_code=action.runs_user_code)
        )
        # Too slow or too large is an answer too: the step would have more time in a run.
        outcome = ended.outcome or StepOutcome(status=StepStatus.FAILED, message=f"the trial {ended.reason}")
        if look is not None:
            look(outcome.outputs)
        return TriedStep(
            status=outcome.status,
            message=outcome.message,
            figures=dict(outcome.figures),
            outputs=tuple(_outputs(resources, trial, outcome.outputs, place)),
            remarks=tuple(remarks),
            log=ended.log,
            sends=action.reaches,
        )


def _performed(trial: TrialOf, action: Action, settings: Any) -> TriedStep:
    """Of a step of the engine: nothing is run, and what it would set is shown as it is."""
    outcome = engine_trials.perform(trial, action, settings)
    found = trial_inputs.properties(trial.process)
    return TriedStep(
        status=outcome.status,
        message=outcome.message,
        outputs=tuple(
            TriedOutput(reference=reference, name=found[reference].name, value=values.to_text(value) or "")
            for reference, value in outcome.outputs.items()
            if not isinstance(value, FileOutput)
        ),
        remarks=() if trial.asked or action.perform is None else engine_trials.ASSUMED,
    )


def _job(
    trial: TrialOf, writes: Iterable[str], given: Mapping[str, InputValue], folder: Path, *, previews: bool
) -> Job:
    folder.mkdir()
    found = trial_inputs.properties(trial.process)
    return Job(
        action=trial.step.action,
        settings=trial.step.settings,
        values=given,
        types={reference: str(item.type) for reference, item in found.items()},
        targets={reference: _target(trial, found, reference) for reference in (*writes, *trial.also)},
        folder=str(folder),
        step_key=trial.step.key,
        idempotency_key=f"trial/{trial.step.key}",
        limits=LIMITS,
        connection=trial.connection,
        previews=previews,
    )


def _target(trial: TrialOf, found: Mapping[str, Property], reference: str) -> OutputTarget:
    # Without the file's present name: a trial takes the place of nothing.
    if not is_table(reference):
        return OutputTarget(type=str(found[reference].type))
    one = trial.tables[reference]
    return OutputTarget(type=TABLE, file_name=one.table.name, columns=one.version.columns)


def _outputs(
    resources: Resources, trial: TrialOf, outputs: Mapping[str, OutputValue], place: Path
) -> Iterator[TriedOutput]:
    found = trial_inputs.properties(trial.process)
    for reference, value in outputs.items():
        name = f'the table "{reference.removeprefix(PREFIX)}"' if is_table(reference) else found[reference].name
        if not isinstance(value, FileOutput):
            yield TriedOutput(reference=reference, name=name, value="" if value is None else str(value))
            continue
        path = Path(value.path).resolve()
        # User code chose the path: what lies outside of its folder is not the step's.
        if not path.is_relative_to(place.resolve()):
            raise Invalid(f"{name} is a file outside of the step's folder")
        yield TriedOutput(reference=reference, name=name, preview=_preview(resources, path, value.name))


def _preview(resources: Resources, path: Path, name: str) -> Preview:
    with resources.trial_workers.temporary_folder() as place:
        settings = PreviewSettings(request=str(path), name=name, options=FileOptions(file=""))
        job = TableJob(
            kind=PREVIEW_KIND, settings=settings, place=place, what="the output was not read",
            seconds_max=LOOK_SECONDS_MAX,
        )  # fmt: skip
        # An output need not be a table, and the trial went well all the same.
        try:
            found, _ = table_jobs.perform(resources, job, Preview)
        except Invalid as error:
            return Preview(trouble=error.message)
    return found
