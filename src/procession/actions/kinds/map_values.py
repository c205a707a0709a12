"""map_values: values by rules in a table: exact codes, beginnings, ranges, any, for a time or for good."""

from __future__ import annotations

from procession.actions.contract import Action, Context, Example, OutputTarget, StepOutcome
from procession.actions.mapping import map_settings
from procession.actions.mapping.map_settings import MapSettings
from procession.model.lifecycle import StepStatus
from procession.model.processes import Effect


def run(context: Context) -> StepOutcome:
    # Every process for user code imports this module, and none of them maps.
    from procession.actions.mapping import mapping

    return mapping.run(context)


EXAMPLE = Example(
    settings={
        "source": {"file": "${files.lines}", "columns": {
            "account": {"type": "Text"}, "cost_center": {"type": "Text"}, "amount": {"type": "Money"}}},
        "rules": {"file": "${files.mapping}", "columns": {
            "account": {"type": "Text"}, "cost_center": {"type": "Text"}, "to_line": {"type": "Text"}}},
        "match": ["account", "cost_center"],
        "give": {"to_line": "report_line"},
        "default": "Unmapped",
        "outputs": {"result": "${files.mapped}", "unmapped": "${files.unmapped}"},
    },
    inputs={
        "files.lines": (
            "lines.csv",
            b"account,cost_center,amount\n4010,10,120.00\n4010,99,60.50\n4999,,8.00\n0815,10,1.00\n",
        ),
        "files.mapping": (
            "mapping.csv",
            b"account,cost_center,to_line\n4*,,Revenue\n4000-4099,99,Revenue abroad\n",
        ),
    },
    targets={"files.mapped": OutputTarget(type="File"), "files.unmapped": OutputTarget(type="File")},
    expected={
        "files.mapped": b"account,cost_center,amount,report_line\n4010,10,120,Revenue\n4010,99,60.5,Revenue abroad\n"
        b"4999,,8,Revenue\n0815,10,1,Unmapped\n",
        "files.unmapped": b"account,cost_center,rows,nearest\n0815,10,1,4000 99; 4\n",
    },
    status=StepStatus.WARNING,
    message="4 rows, 3 of them mapped; 1 row has a value that no rule fits (0815, 10)",
)  # fmt: skip

ACTION = Action(
    kind="map_values",
    effect=Effect.PURE,
    title="Map values by a table of rules",
    settings=MapSettings,
    run=run,
    reads=map_settings.reads,
    writes=map_settings.writes,
    relations=map_settings.files_read,
    tables=map_settings.tables,
    examples=(EXAMPLE,),
    check=map_settings.check,
)
