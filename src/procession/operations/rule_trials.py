"""What the rules of a reconciliation find in samples, for whoever writes them: a trial that also counts by rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec
from msgspec.structs import replace as changed

from procession.actions.contract import FileOutput, OutputValue
from procession.actions.tables.contract import RULES_KIND, FoundByRules, RulesSettings
from procession.actions.transforming.seen_stages import STAGES, SeenStages
from procession.model.errors import Invalid
from procession.model.processes import Process, Property, PropertyType, Step, StepKind
from procession.operations import step_trials, table_jobs
from procession.operations.resources import Resources
from procession.operations.step_trials import TriedStep
from procession.operations.table_jobs import TableJob
from procession.operations.trial_inputs import LOOK_SECONDS_MAX, TrialOf

KIND, TRANSFORM = "reconcile", "transform"
PAIRS_SHOWN = 10  # of each rule
# A data step of the trial's own, beside those of the process: no file of a person has a key like it.
OWN = "found_by_rules"
_PLACES = ("matched", "suggested", "only_left", "only_right")


def run(resources: Resources, trial: TrialOf) -> tuple[TriedStep, FoundByRules | SeenStages | None]:
    """The trial, and what each rule of a reconciliation has found, or each step of a transform has made.

    Raises as step_trials.run() does.
    """
    if trial.step.action == TRANSFORM:
        return _with_stages(resources, trial)
    if trial.step.action != KIND:
        return step_trials.run(resources, trial), None
    found: list[FoundByRules] = []

    def look(outputs: Mapping[str, OutputValue]) -> None:
        files = [outputs.get(f"{OWN}.{name}") for name in _PLACES]
        # A step that failed has written nothing, and says why.
        if all(isinstance(file, FileOutput) for file in files):
            found.append(_counted(resources, [file.path for file in files if isinstance(file, FileOutput)]))

    tried = step_trials.run(resources, _with_own(trial), look)
    return _without_own(tried), found[0] if found else None


def _with_stages(resources: Resources, trial: TrialOf) -> tuple[TriedStep, SeenStages | None]:
    found: list[SeenStages] = []

    def look(outputs: Mapping[str, OutputValue]) -> None:
        if isinstance(text := outputs.get(STAGES), str):
            found.append(msgspec.json.decode(text, type=SeenStages))

    asking = replace(trial, process=_beside(trial.process, trial.step), also=(STAGES,))
    return _without_own(step_trials.run(resources, asking, look)), found[0] if found else None


def _without_own(tried: TriedStep) -> TriedStep:
    own = tuple(one for one in tried.outputs if not one.reference.startswith(f"{OWN}."))
    return replace(tried, outputs=own)


def _with_own(trial: TrialOf) -> TrialOf:
    """With matches and suggestions as files to count, whatever its author has asked for."""
    outputs = dict(_mapping(trial.step.settings.get("outputs")))
    outputs |= {name: {"to": f"${{{OWN}.{name}}}", "as": f"{name}.parquet"} for name in _PLACES}
    step = changed(trial.step, settings={**trial.step.settings, "outputs": outputs})
    return replace(trial, process=_beside(trial.process, step), step=step)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _beside(process: Process, step: Step) -> Process:
    own = Step(
        key=OWN,
        name=OWN,
        kind=StepKind.DATA,
        group="",
        order="0.0",
        properties=(
            *(Property(key=name, name=name, type=PropertyType.FILE) for name in _PLACES),
            Property(key="stages", name="stages", type=PropertyType.TEXT),
        ),
    )
    return changed(process, steps=(own, *(step if one.key == step.key else one for one in process.steps)))


def _counted(resources: Resources, paths: Sequence[str]) -> FoundByRules:
    with resources.trial_workers.temporary_folder() as place:
        settings = RulesSettings(**dict(zip(_PLACES, paths, strict=True)), shown=PAIRS_SHOWN)
        job = TableJob(
            kind=RULES_KIND, settings=settings, place=place, what="what the rules found was not read",
            seconds_max=LOOK_SECONDS_MAX,
        )  # fmt: skip
        try:
            found, _ = table_jobs.perform(resources, job, FoundByRules)
        except Invalid as error:
            # Told without the words about a table, which this is not.
            raise Invalid(error.message.removesuffix("; nothing was changed")) from error
    return found
