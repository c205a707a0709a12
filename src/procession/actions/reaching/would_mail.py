"""What a step of send_email would send, and to whom, in words: for a trial, which sends nothing."""

from __future__ import annotations

from collections.abc import Iterator

from procession.actions.contract import Context
from procession.actions.expecting import Expect
from procession.actions.problems import Problem
from procession.actions.reaching import acts
from procession.actions.reaching.mails import Mail
from procession.actions.reaching.posting import Mailing, post_of, shown
from procession.actions.rows.work import RowWork
from procession.model.lifecycle import StepStatus

MAILS_SHOWN = 5
BODY_CHARACTERS_SHOWN = 1_000


def preview(context: Context) -> str:
    """Raises Problem for what could not be sent."""
    if context.settings.each is not None:
        return _of_rows(context)
    return "\n".join(_told(post_of(context, {0: {}})))


def _of_rows(context: Context) -> str:
    # DuckDB is for rows only, as where they are sent.
    from procession.actions.reaching import row_values
    from procession.actions.rows import work

    said: list[str] = []

    def perform(doing: RowWork) -> str:
        doing.load("rows", context.settings.each.source, Expect())
        rows = row_values.of(doing.connection, "rows", rows_max=acts.ROWS_MAX)
        # All are made, as in a run: an address that is none is found here, and not after a thousand mails.
        post = post_of(context, dict(enumerate(rows, start=1)))
        said.append(f"{len(rows):,} {'mail' if len(rows) == 1 else 'mails'}, one for each row")
        said.extend(_told(post))
        return ""

    ended = work.perform(context, perform)
    if ended.status is StepStatus.FAILED:
        raise Problem(ended.message)
    return "\n".join(said)


def _told(post: Mailing) -> Iterator[str]:
    mails = list(post.mails.values())
    for mail in mails[:MAILS_SHOWN]:
        yield from _lines(post, mail)
    if len(mails) > MAILS_SHOWN:
        yield f"and {len(mails) - MAILS_SHOWN:,} more"
    yield from shown(post.warnings)


def _lines(post: Mailing, mail: Mail) -> Iterator[str]:
    yield f"From: {post.sender}"
    for name, receivers in (("To", mail.to), ("Cc", mail.cc), ("Bcc", mail.hidden), ("Reply-To", mail.reply_to)):
        if receivers:
            yield f"{name}: {', '.join(map(str, receivers))}"
    yield f"Subject: {mail.subject}"
    for part in post.parts:
        yield f"  with the file {part.get_filename()}"
    body = mail.body.strip()
    yield f"  {body[:BODY_CHARACTERS_SHOWN]}{'…' if len(body) > BODY_CHARACTERS_SHOWN else ''}"
