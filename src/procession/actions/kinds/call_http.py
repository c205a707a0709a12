"""call_http: asks a server over HTTP by a connection, once, for each row, or page by page.

Safe to run twice as far as HTTP says so: GET and HEAD change nothing, PUT and DELETE come to the same. A POST or PATCH
is `once` unless the server honours the Idempotency-Key, which all but GET and HEAD carry: a server that answers by it
alone would give the first page for each. What was done is in the journal.
"""

from __future__ import annotations

from decimal import Decimal

from procession.actions.contract import Action, Context, Example, OutputTarget, StepOutcome
from procession.actions.reaching import call_settings
from procession.actions.reaching.call_settings import CallSettings
from procession.model.lifecycle import StepStatus
from procession.model.processes import Effect


def run(context: Context) -> StepOutcome:
    # Every process for user code imports this module, and none of them has the network.
    from procession.actions.reaching import calling

    return calling.run(context)


def preview(context: Context) -> str:
    # As above.
    from procession.actions.reaching import would_send

    return would_send.preview(context)


GET = Example(
    settings={
        "connection": "bank",
        "path": "/accounts/{account}",
        "query": {"on": "${parameters.day}"},
        "inputs": {"account": "${parameters.account}"},
        "outputs": {
            "body": "${files.balance}",
            "status": "${results.status}",
            "values": [{"pointer": "/balance", "to": "${results.balance}"}],
        },
    },
    inputs={"parameters.day": "2026-01-31", "parameters.account": "DE 40"},
    targets={
        "files.balance": OutputTarget(type="File"),
        "results.status": OutputTarget(type="Number"),
        "results.balance": OutputTarget(type="Decimal"),
    },
    expected={
        "files.balance": b'{"account": "DE 40", "on": "2026-01-31", "balance": 1200.50}',
        "results.status": 200,
        "results.balance": Decimal("1200.50"),
    },
    message="GET 127.0.0.1/accounts/DE%2040: 200, 60 bytes",
)
ROWS = Example(
    settings={
        "connection": "bank",
        "method": "POST",
        "path": "/payments",
        "json": {"to": "{iban}", "amount": "{amount}", "reference": "Invoice {number}"},
        "each": {"source": {"file": "${files.payments}", "columns": {
            "number": {"type": "Text"}, "iban": {"type": "Text"}, "amount": {"type": "Money"}}}},
        "expect_status": [201],
        "retry": {"on": [429, 503], "wait_seconds": 0},
        "outputs": {"rows": "${files.answers}", "picked": {"payment": "/id"}},
    },
    inputs={"files.payments": ("payments.csv", b"number,iban,amount\n0815,DE1,120.00\n0816,DE2,60.50\n")},
    targets={"files.answers": OutputTarget(type="File")},
    expected={"files.answers": b"row,status,words,payment\n1,201,,p1\n2,201,,p2\n"},
    status=StepStatus.SUCCESS,
    message="2 of 2 rows answered as expected",
)  # fmt: skip

ACTION = Action(
    kind="call_http",
    title="Ask a server over HTTP",
    settings=CallSettings,
    run=run,
    reads=call_settings.reads,
    writes=call_settings.writes,
    relations=call_settings.files_read,
    tables=call_settings.tables,
    examples=(GET, ROWS),
    check=call_settings.check,
    effect=Effect.ONCE,
    effect_of=call_settings.effect_of,
    reaches=True,
    connection=call_settings.connection,
    connection_kinds=frozenset({"http"}),
    preview=preview,
)
