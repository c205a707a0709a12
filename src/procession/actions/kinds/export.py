"""export: rows as a file of the form that a bank, an authority or another program asks for."""

from __future__ import annotations

from procession.actions.contract import Action, Context, Example, OutputTarget, StepOutcome
from procession.actions.exporting import export_settings
from procession.actions.exporting.export_settings import ExportSettings
from procession.model.processes import Effect


def run(context: Context) -> StepOutcome:
    # Every process for user code imports this module, and none of them exports.
    from procession.actions.exporting import exporting

    return exporting.run(context)


_LINES = (
    "payments.csv",
    b"payee,iban,amount,due_on\nAcme GmbH,DE89370400440532013000,1234.50,2026-07-15\n"
    b"Dupont,FR1420041010050500013M02606,99.90,2026-07-16\n",
)
_COLUMNS = {
    "payee": {"type": "Text"}, "iban": {"type": "Text"}, "amount": {"type": "Money"}, "due_on": {"type": "Date"},
}  # fmt: skip

CSV = Example(
    settings={
        "source": {"file": "${files.payments}", "columns": _COLUMNS},
        "output": {"to": "${files.journal}", "as": "journal-{month}.csv"},
        "layout": {
            "columns": {"due_on": "Datum", "payee": "Name", "amount": "Betrag"},
            "decimal": ",", "decimals": 2, "date": "%d.%m.%Y", "encoding": "cp1252",
            "trailer": {"label": "Summe", "count": True, "total": "amount"},
        },
        "inputs": {"month": "${parameters.month}"},
    },
    inputs={"files.payments": _LINES, "parameters.month": "2026-07"},
    targets={"files.journal": OutputTarget(type="File")},
    expected={
        "files.journal": b"Datum;Name;Betrag\n15.07.2026;Acme GmbH;1234,50\n16.07.2026;Dupont;99,90\n"
        b"Summe;2;1334,40\n"
    },
    message="2 rows written to journal-2026-07.csv",
)  # fmt: skip
FIXED = Example(
    settings={
        "source": {"file": "${files.payments}", "columns": _COLUMNS},
        "output": {"to": "${files.bank}", "as": "payments.txt"},
        "layout": {
            "fixed": [
                {"value": "1", "size": 1},
                {"column": "payee", "size": 12},
                {"column": "due_on", "size": 6, "date": "%d%m%y"},
                {"column": "amount", "size": 10, "decimals": 2, "point": "none", "pad": "0", "sign": "refuse"},
            ],
            "trailer": {
                "count": True, "total": "amount",
                "fixed": [
                    {"value": "9", "size": 1},
                    {"column": "count", "size": 6, "pad": "0"},
                    {"column": "total", "size": 22, "decimals": 2, "point": "none", "pad": "0"},
                ],
            },
        },
    },
    inputs={"files.payments": _LINES},
    targets={"files.bank": OutputTarget(type="File")},
    expected={
        "files.bank": b"1Acme GmbH   1507260000123450\n1Dupont      1607260000009990\n9000002"
        b"0000000000000000133440\n"
    },
    message="2 rows written to payments.txt",
)  # fmt: skip

ACTION = Action(
    kind="export",
    effect=Effect.PURE,
    title="Export rows as a file",
    settings=ExportSettings,
    run=run,
    reads=export_settings.reads,
    writes=export_settings.writes,
    relations=export_settings.files_read,
    tables=export_settings.tables,
    examples=(CSV, FIXED),
    check=export_settings.check,
)
