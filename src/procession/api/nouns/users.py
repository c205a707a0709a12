"""Users over HTTP."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any, TypeVar

from msgspec import UNSET
from msgspec.structs import replace

from procession.api.wire import items, reading, times
from procession.api.wire import users as wire
from procession.door import idempotency_key
from procession.door.context import HandlerContext
from procession.door.contract import Call, StreamCall
from procession.model import timezones
from procession.model.errors import Invalid
from procession.model.ids import UserId
from procession.model.people import AccountStatus, User, UserRole
from procession.operations import accounts, idempotency, links, passwords, people
from procession.store.database import Transaction

# What the documents require; all that is missing is named at once.
REQUIRED = ("email", "firstName", "lastName", "userRole", "timezone")
# Whom a new user is before the body is read.
BLANK = User(
    id=UserId(0),
    login="",
    email="",
    first_name="",
    last_name="",
    role=UserRole.SUBSCRIBER,
    status=AccountStatus.ACTIVE,
)
# Day first, as documented. An American date with a day above 12 is refused, and never swapped.
_DAY = re.compile(r"(\d\d)/(\d\d)/(\d{4})\Z")

T = TypeVar("T")


def listed(call: Call) -> list[wire.ListedUser]:
    return [short(user) for user in people.listed(call.tx, call.caller)]


def get(call: Call) -> wire.UserShape:
    return shown(people.user(call.tx, call.id(UserId)))


def groups(call: Call) -> list[items.Named]:
    return [items.named(group.id, group.name) for group in people.groups_of(call.tx, call.id(UserId))]


async def create(call: StreamCall) -> wire.UserShape:
    """With a password, or without: then the user is mailed a link, or the answer has it where no mail is sent."""
    body = call.body
    missing = [name for name in REQUIRED if body.get(name.lower()) in (None, "")]
    if missing:
        raise Invalid(f"{', '.join(missing)}: missing; a user needs {', '.join(REQUIRED)}")
    # Hashed outside the transaction: it takes tens of milliseconds on purpose.
    wanted, password_hash = _changed(BLANK, body), await _hashed(call, body)

    def operation(tx: Transaction) -> wire.UserShape:
        act = call.admit(tx)
        idempotency.mark(act, call.keyed)
        # Asked in the transaction, so that the sender is woken by its commit.
        sends = _sends_mail(tx, call.context)
        made = accounts.create(act, wanted, password_hash=password_hash, sends_mail=sends)
        return idempotency_key.answered(tx, call.keyed, _with_link(call, made))

    return await _written(call, operation)


def link(call: Call) -> wire.UserShape:
    """A link to set the password: mailed to the user, or in the answer where no mail is sent."""
    sends = _sends_mail(call.tx, call.context)
    return _with_link(call, accounts.remind(call.act, call.id(UserId), sends_mail=sends))


def _sends_mail(tx: Transaction, context: HandlerContext) -> bool:
    """Whoever sends it is told once this is durable."""
    if context.look_for_mail is not None:
        tx.after_commit(context.look_for_mail)
    return context.look_for_mail is not None


def _with_link(call: Call | StreamCall, made: accounts.Made) -> wire.UserShape:
    return shown(made.user, link=None if made.link is None else links.address(call.request.origin, made.link))


async def change(call: StreamCall) -> wire.UserShape:
    """Any of the fields; what is left out stays."""
    body = call.body
    with call.database.read() as tx:
        _changed(people.user(tx, call.id(UserId)), body)  # refused before a password is hashed
    password_hash = await _hashed(call, body)

    def operation(tx: Transaction) -> wire.UserShape:
        act = call.admit(tx)
        idempotency.mark(act, call.keyed)
        # On the user as they are now: a change that came between is kept.
        wanted = _changed(people.user(tx, call.id(UserId)), body)
        changed = accounts.change(act, wanted, password_hash=password_hash)
        return idempotency_key.answered(tx, call.keyed, shown(changed))

    return await _written(call, operation)


async def _hashed(call: StreamCall, body: Mapping[str, Any]) -> str | None:
    """In the pool that bounds how many are hashed at a time. Raises Invalid."""
    password = reading.string(body, "password", most=passwords.PASSWORD_CHARACTERS_MAX)
    if not password:
        return None
    return await asyncio.get_running_loop().run_in_executor(call.context.hashing, passwords.hashed, password)


async def _written(call: StreamCall, operation: Callable[[Transaction], T]) -> T:
    return await asyncio.wrap_future(call.database.submit(operation))


def _changed(user: User, body: Mapping[str, Any]) -> User:
    """The user as the body wants them; null is the same as left out, "" empties what may be empty. Raises Invalid."""
    fields: dict[str, Any] = {}
    for key, name in (("email", "email"), ("firstName", "first_name"), ("lastName", "last_name")):
        if body.get(key.lower()) is not None:
            fields[name] = reading.name(body[key.lower()], field=key)
    for key, name in (
        ("city", "city"),
        ("country", "country"),
        ("department", "department"),
        ("phoneNumberLand", "phone_land"),
        ("phoneNumberMobile", "phone_mobile"),
    ):
        if body.get(key.lower()) is not None:
            fields[name] = reading.line(body[key.lower()], field=key) or None
    if body.get("userrole") is not None:
        fields["role"] = reading.choice(UserRole, body["userrole"], field="userRole")
    if body.get("timezone") is not None:
        fields["timezone"] = timezones.named(reading.name(body["timezone"], field="timezone"))
    if body.get("dateofbirth") is not None:
        fields["born_on"] = _day(reading.line(body["dateofbirth"], field="dateOfBirth"))
    return replace(user, **fields, **_status(body))


def _status(body: Mapping[str, Any]) -> dict[str, Any]:
    """SDKs before 1.3 send accountActive."""
    # The newer word wins where both are sent.
    if body.get("accountstatus") is not None:
        return {"status": reading.choice(AccountStatus, body["accountstatus"], field="accountStatus")}
    if body.get("accountactive") is not None:
        is_active = reading.boolean(body["accountactive"], field="accountActive")
        return {"status": AccountStatus.ACTIVE if is_active else AccountStatus.SUSPENDED}
    return {}


def _day(text: str) -> date | None:
    if not text:
        return None
    match = _DAY.match(text)
    try:
        if match:
            return date(int(match[3]), int(match[2]), int(match[1]))
        return datetime.fromisoformat(text).date()
    except ValueError:
        raise Invalid(f'dateOfBirth is "{text[:80]}", not a date such as 31/12/1980 or 1980-12-31') from None


def short(user: User) -> wire.ListedUser:
    return wire.ListedUser(id=str(user.id), loginName=user.login)


def shown(user: User, *, link: str | None = None) -> wire.UserShape:
    return wire.UserShape(
        id=str(user.id),
        firstName=user.first_name,
        lastName=user.last_name,
        loginName=user.login,
        email=user.email,
        accountStatus=user.status,
        city=user.city,
        country=user.country,
        dateOfBirth=None if user.born_on is None else f"{user.born_on:%d/%m/}{user.born_on.year:04}",
        department=user.department,
        lastSignInDate=None if user.signed_in_at is None else times.seven_digits(user.signed_in_at),
        phoneNumberLand=user.phone_land,
        phoneNumberMobile=user.phone_mobile,
        timezone=user.timezone,
        userRole=user.role,
        setPasswordLink=UNSET if link is None else link,
    )
