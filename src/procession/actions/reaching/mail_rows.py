"""send_email with `each`: a mail a row, in order, and what became of every one of them."""

from __future__ import annotations

from procession.actions import references
from procession.actions.blackout import Blackout
from procession.actions.contract import Context, StepOutcome
from procession.actions.expecting import Expect
from procession.actions.reaching import acts, row_values
from procession.actions.reaching.mail_settings import EachRecipient, SendEmailSettings
from procession.actions.reaching.posting import Mailing, post_of, shown
from procession.actions.reaching.smtp_session import MailSession
from procession.actions.rows import work
from procession.actions.rows.work import RowWork

_COLUMNS = {"row": "BIGINT", "address": "VARCHAR", "status": "VARCHAR", "words": "VARCHAR"}


def run(context: Context, each: EachRecipient) -> StepOutcome:
    return work.perform(context, lambda doing: _perform(doing, context, each))


def _perform(doing: RowWork, context: Context, each: EachRecipient) -> str:
    assert context.connection is not None
    doing.load("rows", each.source, Expect())
    rows = row_values.of(doing.connection, "rows", rows_max=acts.ROWS_MAX)
    post = post_of(context, dict(enumerate(rows, start=1)))
    if rows:
        with MailSession(context.connection) as session:
            post.send(session)
    _publish(doing, context, post)
    said = post.message()
    doing.warnings.extend(shown(post.warnings))
    return said


def _publish(doing: RowWork, context: Context, post: Mailing) -> None:
    settings: SendEmailSettings = context.settings
    for reference in references.only([settings.outputs.sent]):
        doing.outputs[reference] = post.sent
    if settings.outputs.rows is not None:
        # The words are the mail server's, and a file leaves the process as it is.
        guard = Blackout(context.connection)
        told = [(row, address, status, guard.maybe(words)) for row, address, status, words in post.told]
        row_values.make(doing.connection, "told", _COLUMNS, told)
        doing.publish("told", settings.outputs.rows, default="mails.csv")
