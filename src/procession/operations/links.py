"""Links by which a user sets a password: for a new user, and for one who lost theirs."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta

from procession.model.errors import NotFound
from procession.model.ids import UserId
from procession.model.people import AccountStatus, User
from procession.operations import people as people_operations
from procession.store import links, people
from procession.store.database import Transaction

# Long enough for somebody on holiday, and a link that leaks by then is old.
LINK_DAYS = 7
LINK_BYTES = 32


def create(tx: Transaction, user: UserId, now: datetime) -> str:
    """Makes a link and returns the text for its address; the user's earlier links end."""
    link = secrets.token_urlsafe(LINK_BYTES)
    links.replace(tx, user, _digest(link), now + timedelta(days=LINK_DAYS))
    return link


def address(public_url: str, link: str) -> str:
    """Where the user opens it."""
    return f"{public_url.rstrip('/')}/oauth/password?link={link}"


def find(tx: Transaction, link: str, now: datetime) -> User:
    """The user of a link. Raises NotFound if it is unknown, used, replaced or expired, or the user is suspended."""
    user_id = links.user_of(tx, _digest(link), now)
    user = None if user_id is None else people.user(tx, user_id)
    # One sentence for all cases: the difference would say whether a link was ever good.
    if user is None or user.status is not AccountStatus.ACTIVE:
        raise NotFound("this link is unknown, used or expired; ask your administrator for a new one")
    return user


def set_password(tx: Transaction, link: str, password_hash: str, now: datetime) -> User:
    """Use the link up. Every session, grant and token of the user ends. Raises NotFound."""
    user = find(tx, link, now)
    people_operations.set_password(tx, user.id, password_hash, now)
    return user


def _digest(link: str) -> str:
    return hashlib.sha256(link.encode()).hexdigest()
