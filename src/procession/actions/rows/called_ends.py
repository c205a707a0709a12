"""How a step ends that started a run for each of many rows."""

from __future__ import annotations

from procession.actions.contract import FileOutput, StepOutcome
from procession.model.child_runs import RowsEnd
from procession.model.lifecycle import StepStatus


def settle_rows(end: RowsEnd) -> StepOutcome:
    """How the step ends by how the runs of all rows ended; the files list them also where some failed."""
    counts = end.counts
    is_well = not (counts.failed or counts.left_out or end.missing)
    worst = StepStatus.WARNING if counts.warned or end.remark else StepStatus.SUCCESS
    # Of no row at all the remark says what there is to say.
    counted = "" if end.remark and not counts.rows else _counted(end)
    said = [one for one in (counted, end.first, end.remark) if one]
    if end.missing:
        said.append(f"nothing was given in {', '.join(end.missing)}")
    names = ("rows", "started", "kept", "succeeded", "warned", "failed", "left_out")
    return StepOutcome(
        status=worst if is_well else StepStatus.FAILED,
        message="; ".join(said),
        outputs={ours: FileOutput(path="", name=file.name) for ours, file in end.files.items()},
        figures={name: getattr(counts, name) for name in names},
    )


def _counted(end: RowsEnd) -> str:
    counts = end.counts
    parts = {
        "succeeded": counts.succeeded,
        "ended with remarks": counts.warned,
        "failed": counts.failed,
        "not started, since one before had failed": counts.left_out,
        "kept from an earlier try": counts.kept,
    }
    said = ", ".join(f"{count:,} {what}" for what, count in parts.items() if count)
    return f"{counts.rows:,} {'row' if counts.rows == 1 else 'rows'}{f': {said}' if said else ''}"
