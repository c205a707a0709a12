"""excel_report: a workbook of several tables, charts and single cells, from scratch or in a template of the user's."""

from __future__ import annotations

from procession.actions.contract import Action, Context, Example, OutputTarget, StepOutcome
from procession.actions.reporting import report_settings
from procession.actions.reporting.report_settings import ReportSettings
from procession.model.processes import Effect


def run(context: Context) -> StepOutcome:
    # Every process for user code imports this module, and none of them makes reports.
    from procession.actions.reporting import reporting

    return reporting.run(context)


EXAMPLE = Example(
    settings={
        "sheets": [
            {
                "sheet": "Lines",
                "source": {"file": "${files.lines}", "columns": {
                    "region": {"type": "Text"}, "account": {"type": "Text"}, "amount": {"type": "Money"}}},
                "at": "A3",
                "formats": {"amount": "#,##0.00"},
                "totals": ["amount"],
                "group_by": "region",
                "rules": [{"column": "amount", "below": 0, "show": "red"}],
            },
            {
                "sheet": "Months",
                "source": "${files.months}",
                "totals": ["amount"],
            },
            {"sheet": "Chart", "chart": {"kind": "column", "source": "Months", "x": "month", "y": ["amount"]}},
        ],
        "cells": {"Lines!A1": "${parameters.month}"},
        "sign_off": True,
        "inputs": {"month": "${parameters.month}"},
        "output": {"to": "${results.report}", "as": "close-{month}.xlsx"},
    },
    inputs={
        "files.lines": (
            "lines.csv",
            b"region,account,amount\nNorth,0400,120.00\nSouth,0400,-7.50\nNorth,0410,80.25\n",
        ),
        "files.months": ("months.csv", b"month,amount\n2026-06,150\n2026-07,192.75\n"),
        "parameters.month": "2026-07",
    },
    targets={"results.report": OutputTarget(type="File")},
    expected={
        "results.report": {
            "Lines": [
                ["2026-07"],
                [],
                ["region", "account", "amount"],
                ["North", "0400", 120],
                ["North", "0410", 80.25],
                ["Total North", None, 200.25],
                ["South", "0400", -7.5],
                ["Total South", None, -7.5],
                ["Total", None, 192.75],
            ],
            "Months": [["month", "amount"], ["2026-06", 150], ["2026-07", 192.75], ["Total", 342.75]],
            "Chart": [],
        }
    },
    message="5 rows written to close-2026-07.xlsx",
)  # fmt: skip

ACTION = Action(
    kind="excel_report",
    effect=Effect.PURE,
    title="Make a report as a workbook",
    settings=ReportSettings,
    run=run,
    reads=report_settings.reads,
    writes=report_settings.writes,
    relations=report_settings.files_read,
    tables=report_settings.tables,
    examples=(EXAMPLE,),
    check=report_settings.check,
)
