"""transform: rows filtered, calculated, grouped, turned and sorted, one step after the other."""

from __future__ import annotations

from collections.abc import Sequence

from procession.actions.contract import Action, Context, Example, OutputTarget, StepOutcome
from procession.actions.rows import expressions
from procession.actions.transforming import transform_settings
from procession.actions.transforming.transform_settings import TransformSettings
from procession.model.processes import Effect


def run(context: Context) -> StepOutcome:
    # Every process for user code imports this module, and none of them transforms.
    from procession.actions.transforming import transforming

    return transforming.run(context)


def check_together(steps: Sequence[TransformSettings]) -> list[list[tuple[str, str]]]:
    """The mistakes in the expressions of each step, as setting and message."""
    return expressions.mistakes([transform_settings.expressions(step) for step in steps])


EXAMPLE = Example(
    settings={
        "source": {"file": "${files.lines}", "delimiter": ";", "columns": {
            "account": {"type": "Text"}, "amount": {"type": "Money"}, "tax": {"type": "Money"},
            "booked_on": {"type": "Date"}, "status": {"type": "Text"}}},
        "steps": [
            {"filter": "status <> 'void' AND booked_on <= $until"},
            {"derive": {"net": "amount - tax", "month": "strftime(booked_on, '%Y-%m')"}},
            {"group": {"by": ["account", "month"], "sum": ["net"], "count": "lines"}},
            {"sort": ["-net"]},
        ],
        "inputs": {"until": "${parameters.until}"},
        "output": {"to": "${files.totals}", "as": "totals.csv"},
    },
    inputs={
        "files.lines": (
            "lines.csv",
            b"account;amount;tax;booked_on;status\n"
            b"0400;120.00;20.00;2026-01-05;posted\n"
            b"0400;60.00;10.00;2026-01-19;posted\n"
            b"0410;500.00;0.00;2026-01-20;void\n"
            b"0410;11.90;1.90;2026-02-02;posted\n",
        ),
        "parameters.until": "2026-02-28",
    },
    targets={"files.totals": OutputTarget(type="File")},
    expected={"files.totals": b"account,month,net,lines\n0400,2026-01,150,2\n0410,2026-02,10,1\n"},
    message="4 rows became 2",
)  # fmt: skip

ACTION = Action(
    kind="transform",
    effect=Effect.PURE,
    title="Transform rows",
    settings=TransformSettings,
    run=run,
    reads=transform_settings.reads,
    writes=transform_settings.writes,
    relations=transform_settings.files_read,
    tables=transform_settings.tables,
    examples=(EXAMPLE,),
    check=transform_settings.check,
    check_together=check_together,
)
