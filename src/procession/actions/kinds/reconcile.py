"""reconcile: finds what belongs together on two sides by ordered rules, and proves that no row was lost.

A rule sees only what the rules before it have left. Nothing depends on the order of rows, on threads or on luck: a
choice is unique, or it is not made and the rows stay open, with the reason, for a person to look at. Rows that a rule
cannot tell apart pair in the order of the files, as many as there are on both sides.
"""

from __future__ import annotations

from decimal import Decimal

from procession.actions.contract import Action, Context, Example, OutputTarget, StepOutcome
from procession.actions.reconciling import condition_texts, reconcile_settings, setting_mistakes, suggesting
from procession.actions.reconciling.reconcile_settings import ReconcileSettings
from procession.model.processes import Effect


def run(context: Context) -> StepOutcome:
    # Every process for user code imports this module, and none of them reconciles.
    from procession.actions.reconciling import work

    return work.run(context)


EXAMPLE = Example(
    settings={
        "left": "${files.ledger}",
        "right": {"file": "${files.bank}", "delimiter": ";"},
        "amount": {"left": "amount", "right": "paid"},
        "rules": [
            {"name": "Exact", "equal": [{"left": "invoice", "right": "reference"}]},
            {
                "name": "Rounding",
                "equal": [{"left": "invoice", "right": "reference"}],
                "tolerance": "${parameters.cents}",
            },
        ],
        "outputs": {
            "only_left": "${files.unpaid}",
            "summary": {"to": "${files.summary}", "as": "summary.csv"},
            "matched_count": "${files.matched}",
        },
    },
    inputs={
        "files.ledger": ("ledger.csv", b"invoice,amount\n007,100.00\n008,20.00\n009,5.50\n"),
        "files.bank": ("bank.csv", b"reference;paid\n008;20.01\n007;100.00\n"),
        "parameters.cents": Decimal("0.01"),
    },
    targets={
        "files.unpaid": OutputTarget(type="File"),
        "files.summary": OutputTarget(type="File"),
        "files.matched": OutputTarget(type="Number"),
    },
    expected={
        "files.unpaid": b"invoice,amount,reason\n009,5.5,nothing on the other side\n",
        "files.summary": b"""\
line,left_count,left_total,right_count,right_total,difference
Exact,1,100,1,100,0
Rounding,1,20,1,20.01,-0.01
Matched,2,120,2,120.01,-0.01
Only left,1,5.5,0,0,5.5
Everything,3,125.5,2,120.01,5.49
""",
        "files.matched": 2,
    },
    message="2 matched, 1 only left, 0 only right; left 125.50 and right 120.01 differ by 5.49",
)

ACTION = Action(
    kind="reconcile",
    effect=Effect.PURE,
    title="Reconcile two files or tables",
    settings=ReconcileSettings,
    run=run,
    reads=reconcile_settings.reads,
    writes=reconcile_settings.writes,
    relations=reconcile_settings.files_read,
    examples=(EXAMPLE,),
    check=setting_mistakes.check,
    check_together=condition_texts.check_together,
    tables=reconcile_settings.tables,
    suggests=suggesting.source,
)
