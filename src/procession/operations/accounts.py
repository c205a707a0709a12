"""Users as administrators create and change them: with a password, or a link to set one."""

from __future__ import annotations

from dataclasses import dataclass

from procession.model.errors import Invalid
from procession.model.ids import UserId
from procession.model.people import AccountStatus, User
from procession.operations import links, people
from procession.operations.act import Act
from procession.operations.telling import tell
from procession.store import outbox


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """`link` is the text of a link to set the password, for a user without one whom no mail is sent."""

    user: User
    link: str | None


def create(act: Act, wanted: User, *, password_hash: str | None, sends_mail: bool) -> Made:
    """Creates a user. Without a password, mails a link to set one, or returns the link. Raises Forbidden, Invalid."""
    tx, now = act.tx, act.now
    # Before anything is written: what is refused must not leave a user behind.
    people.require_rank(act.caller, wanted.role)
    user = people.add_user(tx, wanted, now)
    tell(act, f'added the person "{user.login}" as {user.role}', user.id)
    if password_hash is not None:
        people.set_password(tx, user.id, password_hash, now)
        return Made(user=user, link=None)
    return Made(user=user, link=_invite(act, user, sends_mail=sends_mail))


def remind(act: Act, user_id: UserId, *, sends_mail: bool) -> Made:
    """Makes a link for a user who has no password or lost it; earlier ones end. Raises Forbidden, Invalid."""
    user = people.user(act.tx, user_id)
    people.require_rank(act.caller, user.role)
    require_active(user)
    tell(act, f'made a link by which "{user.login}" can set a password', user.id)
    return Made(user=user, link=_invite(act, user, sends_mail=sends_mail))


def require_active(user: User) -> None:
    """Raises Invalid for any other user: a link would not let them in."""
    if user.status is not AccountStatus.ACTIVE:
        raise Invalid(f"{user.login} is {user.status}; make the account Active first")


def _invite(act: Act, user: User, *, sends_mail: bool) -> str | None:
    """Mails the user a link to set the password; returns the link if no mail is sent."""
    # Queued and not sent: a mail server that is slow or down must not hold up a transaction.
    if sends_mail:
        outbox.add_link(act.tx, user.id, act.now)
        return None
    return links.create(act.tx, user.id, act.resources.home_clock.most())


def change(act: Act, wanted: User, *, password_hash: str | None) -> User:
    """As people.change_user(); a new password ends every session and token of the user."""
    before = people.user(act.tx, wanted.id)
    user = people.change_user(act, wanted)
    if user != before or password_hash is not None:
        tell(act, f'changed the person "{user.login}"{_difference(before, user, password_hash)}', user.id)
    if password_hash is not None:
        # Whoever changes a password because it leaked expects the sessions it opened to be gone.
        people.set_password(act.tx, user.id, password_hash, act.now)
    return user


def _difference(before: User, after: User, password_hash: str | None) -> str:
    """What of a change concerns others; a telephone number does not."""
    found = [
        f"; {what} was {old}, is {new}"
        for what, old, new in (
            ("user role", before.role, after.role),
            ("account", before.status, after.status),
            ("email", before.email, after.email),
        )
        if old != new
    ]
    return "".join(found) + ("" if password_hash is None else "; set a password for them")
