"""join: columns of another file beside the rows of one, where no row is lost and none multiplies unsaid."""

from __future__ import annotations

from procession.actions.contract import Action, Context, Example, OutputTarget, StepOutcome
from procession.actions.joining import join_settings
from procession.actions.joining.join_settings import JoinSettings
from procession.model.lifecycle import StepStatus
from procession.model.processes import Effect


def run(context: Context) -> StepOutcome:
    # Every process for user code imports this module, and none of them joins.
    from procession.actions.joining import joining

    return joining.run(context)


EXAMPLE = Example(
    settings={
        "left": {"file": "${files.lines}", "columns": {"cost_center": {"type": "Text"}, "amount": {"type": "Money"}}},
        "right": {"file": "${files.centers}", "columns": {"code": {"type": "Text"}, "region": {"type": "Text"}}},
        "on": [{"left": "cost_center", "right": "code"}],
        "take": {"region": "none"},
        "outputs": {"result": "${files.regions}", "unmapped": "${files.unmapped}"},
    },
    inputs={
        "files.lines": ("lines.csv", b"cost_center,amount\n0400,120.00\n0410,60.50\n0499,8.00\n"),
        "files.centers": ("centers.csv", b"code,region\n0400,North\n0410,South\n"),
    },
    targets={"files.regions": OutputTarget(type="File"), "files.unmapped": OutputTarget(type="File")},
    expected={
        "files.regions": b"cost_center,amount,region\n0400,120,North\n0410,60.5,South\n0499,8,none\n",
        "files.unmapped": b"cost_center,rows\n0499,1\n",
    },
    status=StepStatus.WARNING,
    message="3 rows became 3; 2 found what was looked up; 1 row has a key that the right side lacks (0499)",
)

ACTION = Action(
    kind="join",
    effect=Effect.PURE,
    title="Look up columns in another file",
    settings=JoinSettings,
    run=run,
    reads=join_settings.reads,
    writes=join_settings.writes,
    relations=join_settings.files_read,
    tables=join_settings.tables,
    examples=(EXAMPLE,),
    check=join_settings.check,
)
