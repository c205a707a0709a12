"""Performs send_email: one mail, or one for each row."""

from __future__ import annotations

from procession.actions import references
from procession.actions.contract import Context, StepOutcome
from procession.actions.problems import Problem
from procession.actions.reaching.mail_settings import SendEmailSettings
from procession.actions.reaching.posting import post_of, shown
from procession.actions.reaching.smtp_session import MailSession
from procession.model.lifecycle import StepStatus


def run(context: Context) -> StepOutcome:
    settings: SendEmailSettings = context.settings
    assert context.connection is not None
    try:
        if settings.each is not None:
            # DuckDB is for rows only.
            from procession.actions.reaching import mail_rows

            return mail_rows.run(context, settings.each)
        post = post_of(context, {0: {}})
        with MailSession(context.connection) as session:
            post.send(session)
        said = post.message()
    except Problem as problem:
        return StepOutcome(status=StepStatus.FAILED, message=str(problem))
    return StepOutcome(
        status=StepStatus.WARNING if post.warnings else StepStatus.SUCCESS,
        message="; ".join([said, *shown(post.warnings)]),
        outputs=dict.fromkeys(references.only([settings.outputs.sent]), post.sent),
    )
