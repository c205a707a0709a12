"""Sends the mail that rows ask for: at least once, retried for days, then given up with a log entry."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from procession.model.ids import UserId
from procession.model.outbox import Post, RunQuestion
from procession.model.people import AccountStatus, User
from procession.operations import alerts, links, questions
from procession.operations.alerts import Letter
from procession.operations.home_time import HomeClock
from procession.operations.links import LINK_DAYS
from procession.store import outbox, people
from procession.store.database import Database, Transaction

log = logging.getLogger(__name__)

# A mail server that is down for a weekend loses nothing: a try a minute later, then two, at last one an hour.
REST = timedelta(minutes=1)
TRIES_MAX = 78  # about three days
# Mail that waited this long untried was not meant for the present mail server.
AGE_MAX = timedelta(days=7)

SUBJECT = "Set your password for Procession"
TEXT = """Hello {first_name},

set the password of your account {login} here:

{link}

The link works once, for {days} days. If you did not expect this message, you need do nothing.
"""


class NotSent(Exception):
    """The mail server refused it; the text says why, for the log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """`send` raises NotSent; `public_url` is where users reach us."""

    database: Database
    send: Callable[[Letter], None]
    public_url: str
    clock: Callable[[], datetime]
    home_clock: HomeClock


def tick(sending: Sending) -> bool:
    """Sends the mail that has waited longest. True if there was one."""
    database, now = sending.database, sending.clock()
    # The next try is scheduled before this one: a crash while sending delays a mail and never loses it.
    taken = database.write(partial(_take, sending=sending, now=now))
    if taken is None:
        return False
    post, letter = taken
    if letter is None:
        return True
    fields = {"about": _about(post)}
    try:
        # Outside every transaction: a mail server may take a minute to answer.
        sending.send(letter)
    except NotSent as error:
        reason = str(error)
        log.warning("mail not sent", extra={**fields, "to": letter.address, "tries": post.tries + 1, "reason": reason})
        database.write(partial(outbox.note_error, post=post, reason=reason))
    else:
        log.info("mail sent", extra={**fields, "to": letter.address})
        database.write(partial(_done, post=post, now=now))
    return True


def _take(tx: Transaction, sending: Sending, now: datetime) -> tuple[Post, Letter | None] | None:
    """Takes the next mail and schedules its next try first; without a letter if it is given up."""
    post = outbox.next_due(tx, now)
    if post is None:
        return None
    # A home without a mail server collects rows; the day one is set, nobody wants last month's.
    is_too_old = post.tries == 0 and now - post.created_at > AGE_MAX
    if is_too_old or post.tries >= TRIES_MAX:
        reason = f"it waited for {AGE_MAX.days} days without a try" if is_too_old else "no try succeeded"
        log.error("mail given up", extra={"about": _about(post), "tries": post.tries, "reason": reason})
        outbox.give_up(tx, post, reason, now)
        return post, None
    # The power is bounded before the minimum is taken: 2 ** 78 minutes is no timedelta.
    is_ours = outbox.claim(tx, post, now + min(REST * 2 ** min(post.tries, 10), outbox.WAIT_MAX))
    return post, _write(tx, post, sending, now) if is_ours else None


def _write(tx: Transaction, post: Post, sending: Sending, now: datetime) -> Letter | None:
    if isinstance(post.about, RunQuestion):
        letter = questions.write(tx, post.about, key=post.key, public_url=sending.public_url, now=now)
        if letter is None:
            outbox.remove(tx, post)
        return letter
    if not isinstance(post.about, UserId):
        return alerts.write(tx, post.about, key=post.key, public_url=sending.public_url, now=now)
    user = people.user(tx, post.about)
    # A link for a suspended user would not work.
    if user is None or user.status is not AccountStatus.ACTIVE:
        outbox.remove(tx, post)
        return None
    link = links.create(tx, user.id, sending.home_clock.most())
    return _invitation(user, links.address(sending.public_url, link), now)


def _invitation(user: User, link: str, now: datetime) -> Letter:
    """Without a key: each has a new link, and only the last one works, so no mail program may drop it as a repeat."""
    return Letter(
        address=user.email,
        name=f"{user.first_name} {user.last_name}",
        subject=SUBJECT,
        text=TEXT.format(first_name=user.first_name, login=user.login, link=link, days=LINK_DAYS),
        at=now,
    )


def _done(tx: Transaction, post: Post, now: datetime) -> None:
    """An alert stays as a record of what was told; a link that was sent is nothing to keep."""
    if isinstance(post.about, UserId):
        outbox.remove(tx, post)
    else:
        outbox.mark_sent(tx, post, now)


def _about(post: Post) -> str:
    return str(post.about if isinstance(post.about, UserId) else post.about.run)
