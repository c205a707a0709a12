"""What a run's page offers to do: one primary button, by status, by what went wrong, and by who looks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from procession.model.lifecycle import RUN_FINAL, Outcome, RunStatus, StepStatus
from procession.model.processes import Flow
from procession.model.steps import StepRow
from procession.operations.run_views import ShownRun
from procession.web import run_now


class RunAct(StrEnum):
    """What the page offers; START and CANCEL to who may execute."""

    START = "start"
    CANCEL = "cancel"
    SEEN = "seen"
    RESTART = "restart"
    COPY = "copy"
    DOWNLOAD = "download"
    PRINT = "print"


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedActs:
    """In the order of the page, the primary one last; `step` is where a restart would begin."""

    acts: tuple[RunAct, ...]
    primary: RunAct | None
    step: StepRow | None


def offered(view: ShownRun) -> OfferedActs:
    """DESIGN: one primary button a page. An earlier attempt can be printed and downloaded, and nothing else."""
    step = restart_step(view)
    found = list(_offered(view, step))
    primary = _primary(view, step, found)
    ordered = [act for act in RunAct if act in found and act is not primary]
    return OfferedActs(acts=tuple(ordered) + ((primary,) if primary else ()), primary=primary, step=step)


def _offered(view: ShownRun, step: StepRow | None) -> Iterator[RunAct]:
    status = view.run.status
    if status in RUN_FINAL:
        yield RunAct.PRINT
        if has_results(view):
            yield RunAct.DOWNLOAD
    if not view.may_execute or not view.is_present:
        return
    if status is RunStatus.NOT_STARTED:
        yield RunAct.START
    elif status in RUN_FINAL:
        if view.needs_person:
            yield RunAct.SEEN
        yield RunAct.COPY
        if step is not None:
            yield RunAct.RESTART
    else:
        yield RunAct.CANCEL


def _primary(view: ShownRun, step: StepRow | None, found: list[RunAct]) -> RunAct | None:
    if RunAct.START in found:
        return RunAct.START
    if RunAct.RESTART in found and step is not None:
        # What an input has caused would happen again: a restart keeps the inputs as they are.
        is_of_input = step.status is StepStatus.FAILED and run_now.explanation(view, step).inputs_matter
        return RunAct.COPY if is_of_input else RunAct.RESTART
    return RunAct.DOWNLOAD if RunAct.DOWNLOAD in found else None


def restart_step(view: ShownRun) -> StepRow | None:
    """Where a restart would begin: the first step that failed, was cancelled or not reached; None when all is well."""
    if view.run.status not in RUN_FINAL or view.run.outcome in (Outcome.SUCCESS, Outcome.WARNING):
        return None
    wanted = (StepStatus.FAILED, StepStatus.CANCELLED, StepStatus.NOT_STARTED)
    enabled = [row for row in view.steps if row.enabled]
    return next((row for status in wanted for row in enabled if row.status is status), None)


def has_results(view: ShownRun) -> bool:
    """Whether there is anything to download."""
    outputs = (row for row in view.properties if row.item.flow is Flow.OUTPUT)
    return any(row.file.sha256 is not None if row.file else row.item.value is not None for row in outputs)
