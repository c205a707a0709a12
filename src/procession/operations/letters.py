"""Mail to users, from the row that asks for it to its sending: at least once, a new link each time."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from procession.model.people import AccountStatus, Mail, User
from procession.operations import links
from procession.store import mail, people
from procession.store.database import Database, Transaction

log = logging.getLogger(__name__)

# A mail server that is down for a weekend loses nothing: a try a minute later, then two, at last one an hour.
REST = timedelta(minutes=1)
REST_MAX = timedelta(hours=1)
TRIES_MAX = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A mail about to be sent; `link` is the address at which `user` sets the password."""

    mail: Mail
    user: User
    link: str


class NotSent(Exception):
    """The mail server did not take it; the text says why, for the log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """`send` raises NotSent; `public_url` is where users reach us."""

    database: Database
    send: Callable[[Letter], None]
    public_url: str
    clock: Callable[[], datetime]


def tick(sending: Sending) -> bool:
    """Send the mail that has waited longest. True when there was one."""
    letter = sending.database.write(lambda tx: _take(tx, sending.public_url, sending.clock()))
    if letter is None:
        return False
    if isinstance(letter, Letter):
        try:
            sending.send(letter)
        except NotSent as error:
            log.warning("mail not sent", extra={"user": str(letter.user.id), "reason": str(error)})
        else:
            log.info("mail sent", extra={"user": str(letter.user.id)})
            sending.database.write(lambda tx: mail.remove(tx, letter.mail))
    return True


def _take(tx: Transaction, public_url: str, now: datetime) -> Letter | Mail | None:
    """The next letter, its next try set down before this one; the Mail where there is nobody to send it to."""
    due = mail.next_due(tx, now)
    if due is None:
        return None
    user = people.user(tx, due.user)
    if user is None or user.status is not AccountStatus.ACTIVE:
        mail.remove(tx, due)
        return due
    if due.tries >= TRIES_MAX:
        log.error("mail given up", extra={"user": str(user.id), "tries": due.tries})
        mail.remove(tx, due)
        return due
    mail.postpone(tx, due, now + min(REST * 2 ** min(due.tries, 10), REST_MAX))
    return Letter(mail=due, user=user, link=links.address(public_url, links.create(tx, user.id, now)))
