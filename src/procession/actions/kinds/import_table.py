"""import_table: files as rows of a managed table, or as a typed file."""

from __future__ import annotations

from procession.actions.contract import Action, Context, Example, OutputTarget, StepOutcome
from procession.actions.importing import import_settings
from procession.actions.importing.import_settings import ImportSettings
from procession.model.lifecycle import StepStatus
from procession.model.processes import Effect


def run(context: Context) -> StepOutcome:
    # Every process for user code imports this module, and none of them imports tables.
    from procession.actions.importing import importing

    return importing.run(context)


EXAMPLE = Example(
    settings={
        "source": {"file": "${files.ledger}", "delimiter": ";"},
        "columns": {
            "Konto": {"name": "account", "type": "Text", "required": True},
            "Betrag": {"name": "amount", "type": "Money", "decimal": ",", "thousands": "."},
            "Valuta": {"name": "value_on", "type": "Date", "pattern": "%d.%m.%Y"}},
        "add": {"period": "${parameters.month}", "source_file": "file_name", "source_line": "line"},
        "output": {"to": "${files.lines}", "as": "lines.csv"},
        "rejects": {"to": "${files.rejects}", "at_most": 1},
    },
    inputs={
        "files.ledger": (
            "ledger.csv",
            b"Konto;Betrag;Valuta\n0400;1.234,50;31.01.2026\n0410;(45,10);30.01.2026\n0420;12,345;32.01.2026\n",
        ),
        "parameters.month": "2026-01",
    },
    targets={"files.lines": OutputTarget(type="File"), "files.rejects": OutputTarget(type="File")},
    expected={
        "files.lines": b"account,amount,value_on,period,source_file,source_line\n"
        b"0400,1234.5,2026-01-31,2026-01,ledger.csv,2\n0410,-45.1,2026-01-30,2026-01,ledger.csv,3\n",
        "files.rejects": b"file,line,column,value,reason\n"
        b"ledger.csv,4,Valuta,32.01.2026,is not Date (%d.%m.%Y)\n",
    },
    status=StepStatus.WARNING,
    message='2 rows of ledger.csv imported; 1 row does not fit the columns (ledger.csv, line 4, column "Valuta": '
    '"32.01.2026" is not Date (%d.%m.%Y)) and is left out',
)  # fmt: skip

ACTION = Action(
    kind="import_table",
    effect=Effect.PURE,
    effect_of=import_settings.effect_of,
    title="Import files into a table",
    settings=ImportSettings,
    run=run,
    reads=import_settings.reads,
    writes=import_settings.writes,
    relations=import_settings.files,
    rejects=import_settings.takes_rejects,
    tables=import_settings.tables,
    examples=(EXAMPLE,),
    check=import_settings.check,
)
