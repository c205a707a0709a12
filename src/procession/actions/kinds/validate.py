"""validate: rules that rows must keep, told with every row that breaks one."""

from __future__ import annotations

from collections.abc import Sequence

from procession.actions.contract import Action, Context, Example, OutputTarget, StepOutcome
from procession.actions.rows import expressions
from procession.actions.validating import validate_settings
from procession.actions.validating.validate_settings import ValidateSettings
from procession.model.lifecycle import StepStatus
from procession.model.processes import Effect


def run(context: Context) -> StepOutcome:
    # Every process for user code imports this module, and none of them validates.
    from procession.actions.validating import validating

    return validating.run(context)


def check_together(steps: Sequence[ValidateSettings]) -> list[list[tuple[str, str]]]:
    """The mistakes in the conditions of each step, as setting and message."""
    return expressions.mistakes([validate_settings.expressions(step) for step in steps])


EXAMPLE = Example(
    settings={
        "source": {"file": "${files.ledger}", "columns": {
            "entry": {"type": "Text"}, "journal": {"type": "Text"}, "account": {"type": "Text"},
            "amount": {"type": "Money"}}},
        "key": ["entry"],
        "rules": [
            {"name": "Account filled", "column": "account", "is": "filled"},
            {"name": "Known account", "column": "account", "in": {
                "source": {"file": "${files.accounts}", "columns": {"code": {"type": "Text"}}}, "column": "code"}},
            {"name": "One line", "unique": ["entry"]},
            {"name": "Journals balance", "balance": {"by": ["journal"], "column": "amount"}},
            {"name": "Small amounts", "where": "abs(amount) < 1000", "otherwise": "warn"},
        ],
        "outputs": {"exceptions": "${files.exceptions}", "count": "${results.exceptions}"},
    },
    inputs={
        "files.ledger": (
            "ledger.csv",
            b"entry,journal,account,amount\n1,J1,0400,120.00\n2,J1,0900,-120.00\n3,J2,,5000.00\n4,J2,0400,-4999.50\n",
        ),
        "files.accounts": ("accounts.csv", b"code\n0400\n0410\n"),
    },
    targets={"files.exceptions": OutputTarget(type="File"), "results.exceptions": OutputTarget(type="Number")},
    expected={
        "files.exceptions": b"rule,severity,row,entry,column,value,words\n"
        b"Account filled,fail,3,3,account,,is empty\n"
        b"Known account,fail,2,2,account,0900,is not known\n"
        b"Journals balance,fail,,,amount,0.5,journal J2 adds up to 0.5\n"
        b"Small amounts,warn,3,3,,,is not so\n"
        b"Small amounts,warn,4,4,,,is not so\n",
        "results.exceptions": 5,
    },
    status=StepStatus.FAILED,
    message='4 rules are broken: "Account filled" (line 4: is empty), "Known account" (line 3: is not known), '
    '"Journals balance" (journal J2 adds up to 0.5), "Small amounts" (line 4: is not so; line 5: is not so)',
)  # fmt: skip

ACTION = Action(
    kind="validate",
    effect=Effect.PURE,
    title="Check rows by rules",
    settings=ValidateSettings,
    run=run,
    reads=validate_settings.reads,
    writes=validate_settings.writes,
    relations=validate_settings.files_read,
    tables=validate_settings.tables,
    examples=(EXAMPLE,),
    check=validate_settings.check,
    check_together=check_together,
)
