"""What people change of their own account: their name, how pages look to them, their password."""

from __future__ import annotations

from dataclasses import dataclass

from msgspec.structs import replace

from procession.model.errors import Conflict
from procession.model.people import NumberStyle, User
from procession.operations import people, sessions
from procession.operations.act import Act
from procession.operations.sessions import Claim
from procession.operations.telling import tell


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnChoices:
    """Neither login, email nor role: by these others know and trust the account, so an administrator changes them."""

    first_name: str
    last_name: str
    timezone: str
    numbers: NumberStyle
    has_shortcuts: bool


def change(act: Act, chosen: OwnChoices) -> User:
    """The caller's account. Raises Invalid."""
    # As they are in this transaction: an administrator's change of the same moment is kept.
    present = people.user(act.tx, act.caller.user.id)
    wanted = replace(
        present,
        first_name=chosen.first_name,
        last_name=chosen.last_name,
        timezone=chosen.timezone,
        numbers=chosen.numbers,
        has_shortcuts=chosen.has_shortcuts,
    )
    return people.change_user(act, wanted)


def set_password(act: Act, proved: Claim, password_hash: str, *, browser: str) -> str:
    """The caller's new password, whose old one was `proved`: every session and token ends, and one session begins.

    Gives its cookie. Raises Conflict when the password was changed meanwhile.
    """
    user = act.caller.user.id
    # Hashing took tens of milliseconds outside the transaction.
    if sessions.claim_of(act.tx, user) != proved:
        raise Conflict("your password was changed elsewhere a moment ago; nothing was changed here")
    people.set_password(act.tx, user, password_hash, act.now)
    tell(act, "changed their own password", user)
    home_clock = act.resources.home_clock
    return sessions.begin(act.tx, user, now=act.now, home_clock=home_clock, browser=browser)
