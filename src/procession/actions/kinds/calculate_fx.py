"""calculate_fx: amounts in one currency, each with its rate, the day of that, and how it came about."""

from __future__ import annotations

from procession.actions.contract import Action, Context, Example, OutputTarget, StepOutcome
from procession.actions.converting import fx_settings
from procession.actions.converting.fx_settings import FxSettings
from procession.model.processes import Effect


def run(context: Context) -> StepOutcome:
    # Every process for user code imports this module, and none of them converts.
    from procession.actions.converting import fx

    return fx.run(context)


EXAMPLE = Example(
    settings={
        "source": {"file": "${files.lines}", "columns": {
            "currency": {"type": "Text"}, "amount": {"type": "Money"}, "booked_on": {"type": "Date"}}},
        "date": "booked_on",
        "to": "${parameters.currency}",
        "rates": {"source": "${files.rates}", "from": "from", "to": "to", "on": "day", "rate": "rate"},
        "via": ["EUR"],
        "output": {"to": "${files.converted}", "as": "converted.csv"},
    },
    inputs={
        "files.lines": (
            "lines.csv",
            b"currency,amount,booked_on\nEUR,100.00,2026-01-30\nUSD,100.00,2026-01-30\nAUD,5.00,2026-01-30\n",
        ),
        "files.rates": ("rates.csv", b"from,to,day,rate\nEUR,AUD,2026-01-30,1.6\nEUR,USD,2026-01-30,1.25\n"),
        "parameters.currency": "AUD",
    },
    targets={"files.converted": OutputTarget(type="File")},
    expected={
        "files.converted": b"currency,amount,booked_on,amount_aud,rate,rate_on,rate_source\n"
        b"EUR,100,2026-01-30,160,1.6,2026-01-30,direct\n"
        b"USD,100,2026-01-30,128,1.28,2026-01-30,crossed by EUR\n"
        b"AUD,5,2026-01-30,5,1,2026-01-30,same currency\n"
    },
    message="3 rows in AUD, by 3 rates",
)  # fmt: skip

ACTION = Action(
    kind="calculate_fx",
    effect=Effect.PURE,
    title="Convert amounts into one currency",
    settings=FxSettings,
    run=run,
    reads=fx_settings.reads,
    writes=fx_settings.writes,
    relations=fx_settings.files_read,
    tables=fx_settings.tables,
    examples=(EXAMPLE,),
    check=fx_settings.check,
)
