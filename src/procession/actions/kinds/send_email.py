"""send_email: one mail, or one for each row, handed to the mail server of a connection.

It is `once`: a mail cannot be taken back. What was handed over is in the journal before the next begins, so a release
by name goes on behind the last. One that was being handed over when the server stopped is sent again under the same
Message-ID, or left alone, as `in_doubt` says.
"""

from __future__ import annotations

from procession.actions.contract import Action, Context, Example, OutputTarget, StepOutcome
from procession.actions.reaching import mail_settings
from procession.actions.reaching.mail_settings import SendEmailSettings
from procession.model.processes import Effect


def run(context: Context) -> StepOutcome:
    # Every process for user code imports this module, and none of them sends mail.
    from procession.actions.reaching import mailing

    return mailing.run(context)


def preview(context: Context) -> str:
    from procession.actions.reaching import would_mail

    return would_mail.preview(context)


ONE = Example(
    settings={
        "connection": "mail",
        "to": ["${parameters.owner}"],
        "cc": ["controlling@example.com"],
        "subject": "Close of {month}",
        "body": "The report of {month} is attached.\n",
        "inputs": {"month": "${parameters.month}"},
        "attach": ["${results.report}"],
        "outputs": {"sent": "${results.sent}"},
    },
    inputs={
        "parameters.owner": "Ada Lovelace <ada@example.com>",
        "parameters.month": "January",
        "results.report": ("close.csv", b"account,amount\n4000,120.00\n"),
    },
    targets={"results.sent": OutputTarget(type="Number")},
    expected={"results.sent": 1},
    message="1 of 1 mail sent",
)
ROWS = Example(
    settings={
        "connection": "mail",
        "subject": "Invoice {number} is open",
        "body": "Dear {name},\n\ninvoice {number} over EUR {amount} is open.\n",
        "each": {
            "source": {"file": "${files.open}", "columns": {
                "number": {"type": "Text"}, "amount": {"type": "Money"}, "name": {"type": "Text"},
                "email": {"type": "Text"}}},
            "to": "email",
        },
        "outputs": {"rows": "${files.mails}"},
    },
    inputs={
        "files.open": (
            "open.csv",
            b"number,amount,name,email\n0815,120.00,Ada,ada@example.com\n"
            b"0816,60.50,Bo,bo@example.com; co@example.com\n",
        )
    },
    targets={"files.mails": OutputTarget(type="File")},
    expected={
        "files.mails": b"row,address,status,words\n1,ada@example.com,sent,\n2,bo@example.com; co@example.com,sent,\n"
    },
    message="2 of 2 mails sent",
)  # fmt: skip

ACTION = Action(
    kind="send_email",
    title="Send mails",
    settings=SendEmailSettings,
    run=run,
    reads=mail_settings.reads,
    writes=mail_settings.writes,
    relations=mail_settings.files_read,
    tables=mail_settings.tables,
    examples=(ONE, ROWS),
    check=mail_settings.check,
    effect=Effect.ONCE,
    reaches=True,
    connection=mail_settings.connection,
    connection_kinds=frozenset({"smtp"}),
    preview=preview,
)
