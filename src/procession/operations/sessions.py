"""Signing in with a password, in a browser; which browsers have, and signing them out again."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from procession.model.errors import NotFound
from procession.model.ids import UserId
from procession.model.people import SCOPES, AccountStatus, Caller, User
from procession.operations.home_time import HomeClock
from procession.store import consents, history, people, sessions
from procession.store.database import Transaction
from procession.store.sessions import Session

SESSION_HOURS = 12  # a working day
SESSION_BYTES = 32
LINK_MINUTES = 15  # from a terminal into a browser beside it
# Of a session that nobody has opened yet. No cookie begins so.
_UNOPENED = "unopened."
UNOPENED_WORDS = "A link to sign in, not opened yet"
MARK_BYTES = 16  # of a browser in which a user has signed in
# More than come in with one sign-in, and few enough not to be felt.
EXPIRED_DROPPED_MAX = 20
# Of wrong passwords in one session. Whoever found a browser signed in may not go on guessing.
WRONG_MAX = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Who somebody says to be, and the stored hash that their password must fit; both None for a stranger."""

    user: UserId | None
    password_hash: str | None


def claim(tx: Transaction, name: str) -> Claim:
    """By login name or email, any case. A user who may not sign in looks like one who does not exist."""
    name = name.strip()
    user = people.user_by_login(tx, name) or people.user_by_email(tx, name)
    if user is None or user.status is not AccountStatus.ACTIVE:
        return Claim(user=None, password_hash=None)
    return Claim(user=user.id, password_hash=people.password_hash(tx, user.id))


def claim_of(tx: Transaction, user: UserId) -> Claim:
    """Of somebody who has signed in, and is asked for their password again."""
    return Claim(user=user, password_hash=people.password_hash(tx, user))


def sign_in(tx: Transaction, proved: Claim, *, now: datetime, home_clock: HomeClock, browser: str = "") -> str | None:
    """A new session's cookie; None when account or password changed since the claim was proved."""
    user = None if proved.user is None else people.user(tx, proved.user)
    if user is None or user.status is not AccountStatus.ACTIVE:
        return None
    # Hashing took tens of milliseconds outside the transaction: the password may have been changed meanwhile.
    if people.password_hash(tx, user.id) != proved.password_hash:
        return None
    return begin(tx, user.id, now=now, home_clock=home_clock, browser=browser)


def begin(tx: Transaction, user: UserId, *, now: datetime, home_clock: HomeClock, browser: str = "") -> str:
    """A session of somebody who has proved who they are; gives its cookie. `browser` tells its user where it was."""
    # Sign-ins clear sessions away, as tokens clear tokens.
    consents.drop_expired(tx, home_clock.most(), EXPIRED_DROPPED_MAX)
    cookie = secrets.token_urlsafe(SESSION_BYTES)
    until = home_clock.most() + timedelta(hours=SESSION_HOURS)
    sessions.add(tx, _digest(cookie), user, until, created_at=now, browser=browser)
    people.signed_in(tx, user, now)
    return cookie


def mark(proved: Claim) -> str:
    """What a browser keeps in which this user has proved their password; it is good until the password changes."""
    nonce = secrets.token_urlsafe(MARK_BYTES)
    return f"{nonce}.{_seal(proved, nonce)}"


def is_marked(claimed: Claim, mark: str) -> bool:
    """Whether the browser with this mark has proved the password of whom somebody now says to be."""
    nonce, _, seal = mark.partition(".")
    if claimed.password_hash is None or not nonce:
        return False
    return hmac.compare_digest(_seal(claimed, nonce).encode(), seal.encode("utf-8", "replace"))


def _seal(known: Claim, nonce: str) -> str:
    # The stored hash is a secret of 256 bits that changes with the password: no table and no key of its own is needed.
    secret = (known.password_hash or "").encode()
    return hmac.new(secret, f"browser {known.user} {nonce}".encode(), hashlib.sha256).hexdigest()


def caller_of(tx: Transaction, cookie: str, now: datetime) -> Caller | None:
    """Who has signed in with this cookie, with every scope: what they may do is theirs to do. None for nobody."""
    # What stands in a link is no proof by itself: it is good for one opening.
    found = sessions.find(tx, _digest(cookie), now) if cookie and not cookie.startswith(_UNOPENED) else None
    return None if found is None else Caller(user=found[0], scopes=SCOPES, until=found[1])


def user_of(tx: Transaction, cookie: str, now: datetime) -> User | None:
    """The same, without more than who it is."""
    caller = caller_of(tx, cookie, now)
    return None if caller is None else caller.user


def sign_in_verified(
    tx: Transaction, *, email: str, by: str, now: datetime, home_clock: HomeClock, browser: str = ""
) -> str | None:
    """A new session's cookie for whose email somebody else has verified; None when no active user has it."""
    user = people.user_by_email(tx, email)
    if user is None or user.status is not AccountStatus.ACTIVE:
        return None
    history.add_log(tx, user.login, f"signed in by {by}", now)
    return begin(tx, user.id, now=now, home_clock=home_clock, browser=browser)


def create_link(tx: Transaction, user: UserId, now: datetime) -> str:
    """What an address holds that signs this user in once, without a password; `now` is the home's."""
    link = _UNOPENED + secrets.token_urlsafe(SESSION_BYTES)
    # Its user can see it among their sessions, and end it.
    sessions.add(tx, _digest(link), user, now + timedelta(minutes=LINK_MINUTES), browser=UNOPENED_WORDS)
    return link


def find_link(tx: Transaction, link: str, now: datetime) -> User:
    """Whom it signs in. Raises NotFound for one that is unknown, used or expired."""
    found = sessions.find(tx, _digest(link), now) if link.startswith(_UNOPENED) else None
    if found is None:
        raise NotFound("this link is unknown, used or expired; ask for a new one")
    return found[0]


def open_link(tx: Transaction, link: str, *, now: datetime, home_clock: HomeClock, browser: str = "") -> str:
    """Uses it up for a new session's cookie. Raises NotFound."""
    user = find_link(tx, link, home_clock.most())
    sessions.drop(tx, _digest(link))
    return begin(tx, user.id, now=now, home_clock=home_clock, browser=browser)


def sign_out(tx: Transaction, cookie: str) -> None:
    sessions.drop(tx, _digest(cookie))


def of_user(tx: Transaction, user: UserId, now: datetime) -> list[Session]:
    """Where the user has signed in and not been signed out, newest first."""
    return sessions.of_user(tx, user, now)


def is_of(session: Session, cookie: str) -> bool:
    """Whether it is the session of the browser with this cookie."""
    return hmac.compare_digest(session.hash, _digest(cookie))


def end(tx: Transaction, user: UserId, session_hash: str) -> None:
    """Sign the user out in another browser. One that has ended already, or is somebody else's, is left as it is."""
    sessions.drop_of_user(tx, user, session_hash)


def end_others(tx: Transaction, user: UserId, cookie: str) -> int:
    """Every session of the user but that of this browser; gives how many."""
    return sessions.drop_others(tx, user, _digest(cookie))


def note_wrong(tx: Transaction, cookie: str) -> bool:
    """A wrong password was given in this session. True where that was one too many, and ended it."""
    if sessions.count_wrong(tx, _digest(cookie)) < WRONG_MAX:
        return False
    sessions.drop(tx, _digest(cookie))
    return True


def _digest(cookie: str) -> str:
    return hashlib.sha256(cookie.encode()).hexdigest()
