"""How an attempt has ended, after what the engine itself knows of it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import replace

from procession.actions.contract import FileOutput, StepOutcome
from procession.engine.active_run import Work
from procession.engine.isolation.contract import Left
from procession.engine.isolation.frames import shown
from procession.engine.step_tables import TableDraft
from procession.model.figures import FIGURES_MAX, NAME_CHARACTERS_MAX
from procession.model.lifecycle import StepStatus
from procession.model.table_uses import is_table

_WAIT = "wait for its end, as subprocess.run() does"


def files_of(outcome: StepOutcome) -> Mapping[str, FileOutput]:
    """Files to make durable before the outcome is recorded. A step that failed changes no table."""
    files = {name: value for name, value in outcome.outputs.items() if isinstance(value, FileOutput)}
    # Its files may explain the failure; its rows would pass for a result.
    if outcome.status is StepStatus.FAILED:
        return {name: value for name, value in files.items() if not is_table(name)}
    return files


def permitted(work: Work, outcome: StepOutcome) -> StepOutcome:
    """Before a file of it is published: user code may name any output, or one file a thousand times."""
    given = work.active.prepared.touches[work.key].writes
    if strange := next((reference for reference in outcome.outputs if reference not in given), None):
        # Cut short: user code chose this text, and the message is kept for good.
        return StepOutcome(status=StepStatus.FAILED, message=f"this step may not write {shown(strange)[:80]}")
    call = work.active.prepared.calls.get(work.key)
    # Of code of a user, too: only a step whose settings say so starts runs, and it does nothing else first.
    if (outcome.rows is not None) != (call is not None and outcome.status is not StepStatus.FAILED):
        return StepOutcome(
            status=StepStatus.FAILED, message="this step's process must say for which rows to start runs"
        )
    return outcome


def failed(outcome: StepOutcome, message: str) -> StepOutcome:
    """Failed after all: nothing of it is published."""
    return replace(outcome, status=StepStatus.FAILED, message=message, outputs={})


def with_lost_log(work: Work, outcome: StepOutcome) -> StepOutcome:
    """An attempt that lost log lines says so, and ends as Warning at best."""
    lost = f"part of its log could not be kept: {work.log_trouble}"
    return _warned(outcome, lost) if work.log_trouble else outcome


def with_tables(outcome: StepOutcome, drafts: Iterable[TableDraft]) -> StepOutcome:
    """What came up when its rows were made versions of tables, which its process did not see."""
    for draft in drafts:
        outcome = _counted(outcome, draft) if draft.counts else outcome
        for remark in draft.remarks:
            outcome = _warned(outcome, f'the table "{draft.name}": {remark}')
    return outcome


def _counted(outcome: StepOutcome, draft: TableDraft) -> StepOutcome:
    (_, before), *others = draft.counts.items()
    rows = "1 row" if before == 1 else f"{before:,} rows"
    said = ", ".join([f"{rows} before", *(f"{count:,} {word}" for word, count in others)])
    told = f'the table "{draft.name}": {said}'
    figures = {f"rows_{word}.{draft.name}"[:NAME_CHARACTERS_MAX]: count for word, count in draft.counts.items()}
    # Those of the step itself first: it chose what is compared with the month before.
    all_of = dict(list({**outcome.figures, **figures}.items())[:FIGURES_MAX])
    return replace(outcome, message=f"{outcome.message}; {told}" if outcome.message else told, figures=all_of)


def with_left(outcome: StepOutcome, left: list[Left]) -> StepOutcome:
    """A file that a process may still be writing is no plain success; one that it holds open is none at all."""
    files = files_of(outcome)
    for file in files.values():
        # By its real path: the step may have named the file through a link.
        if writer := next((process for process in left if os.path.realpath(file.path) in process.writes), None):
            text = f'the file "{file.name}" was still being written by {writer.name}, which the step started; {_WAIT}'
            return StepOutcome(status=StepStatus.FAILED, message=text)
    return _warned(outcome, f"{told(left)}: a file may lack what it had not written yet; {_WAIT}") if files else outcome


def told(left: list[Left]) -> str:
    """Who was left behind, in words."""
    names = ", ".join(sorted({process.name for process in left}))
    return f"still running when the step was done, and ended with it: {names}"


def _warned(outcome: StepOutcome, remark: str) -> StepOutcome:
    # Only a success gets worse: a remark must not turn a failure into a warning.
    status = StepStatus.WARNING if outcome.status is StepStatus.SUCCESS else outcome.status
    return replace(outcome, status=status, message=f"{outcome.message}; {remark}" if outcome.message else remark)
