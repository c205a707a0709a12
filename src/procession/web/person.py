"""One person, as an administrator makes, changes and suspends them, and sends them a link to set a password."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from procession.door.contract import Call, HtmlReply, RedirectReply, StreamCall
from procession.model import timezones
from procession.model.errors import Invalid, NotFound
from procession.model.ids import GroupId, UserId
from procession.model.people import AccountStatus, User, UserRole
from procession.operations import accounts, links, people, permissions
from procession.operations import groups as group_operations
from procession.operations.accounts import Made
from procession.operations.act import Act
from procession.operations.links import LINK_DAYS
from procession.web import acting
from procession.web.acting import REFUSALS
from procession.web.forms import Form
from procession.web.page import page

ENTRY = "/people"
SAID = {
    "changed": "The person is changed.",
    "added": "They are a member now.",
    "removed": "They are no member any more.",
    "sent": "A link to set a password is on its way by mail. Earlier links have ended.",
}
TEXTS = ("first_name", "last_name", "email")
OPTIONAL = ("department", "city", "country", "phone_land", "phone_mobile")
# What a person is without any other choice.
BLANK = User(
    id=UserId(0),
    login="",
    email="",
    first_name="",
    last_name="",
    role=UserRole.SUBSCRIBER,
    status=AccountStatus.ACTIVE,
)


def new(call: Call, *, form: Form | None = None, problem: str = "") -> HtmlReply:
    """Everybody begins in the zone of who makes them: most offices have one."""
    blank = replace(BLANK, timezone=call.caller.user.timezone)
    return _page(call, "New person", blank, form=form, problem=problem)


def show(call: Call, *, form: Form | None = None, problem: str = "") -> HtmlReply:
    user = people.user(call.tx, call.id(UserId))
    own = people.groups_of(call.tx, user.id)
    return _page(
        call,
        f"{user.first_name} {user.last_name}",
        user,
        form=form,
        problem=problem,
        groups=own,
        others=[group for group in people.groups(call.tx) if group not in own],
        permissions=permissions.of_holder(call.tx, call.caller, user.id),
    )


def _page(call: Call, title: str, user: User, *, form: Form | None, problem: str, **more: Any) -> HtmlReply:
    content = {"groups": (), "others": (), "permissions": (), **more}
    return page(
        call, call.caller, call.now, "person",
        title=f"{'Error: ' if problem else ''}{title}",
        heading=title,
        entry=ENTRY,
        status_code=400 if problem else 200,
        said=SAID.get(call.request.query.get("said", ""), ""),
        problem=problem,
        person=user,
        filled=_filled(user, form),
        zones=timezones.NAMES,
        user_roles=_roles(call, user),
        statuses=list(AccountStatus),
        sends_mail=call.context.look_for_mail is not None,
        **content,
    )  # fmt: skip


def _filled(user: User, form: Form | None) -> dict[str, str]:
    names = (*TEXTS, *OPTIONAL, "timezone", "role", "status")
    return {name: (getattr(user, name) or "") if form is None else form.one(name) for name in names}


def _roles(call: Call, user: User) -> list[UserRole]:
    """SVXAdmin only where it is known already: it is SolveXia's own, and gives no more than ClientAdmin."""
    known = {call.caller.user.role, user.role}
    return [role for role in UserRole if role is not UserRole.SVX_ADMIN or role in known]


async def create(call: StreamCall, form: Form) -> HtmlReply | RedirectReply:
    try:
        made = await acting.done(call, lambda act: _create(call, act, form))
    except REFUSALS as error:
        return await acting.looked(call, new, form=form, problem=error.message)
    return await _after(call, made)


def _create(call: StreamCall, act: Act, form: Form) -> Made:
    wanted = _wanted(act, BLANK, form)
    return accounts.create(act, wanted, password_hash=None, sends_mail=_sends_mail(call, act))


def _sends_mail(call: StreamCall, act: Act) -> bool:
    # Whoever sends it is told once this is durable.
    if call.context.look_for_mail is not None:
        act.tx.after_commit(call.context.look_for_mail)
    return call.context.look_for_mail is not None


async def _after(call: StreamCall, made: Made) -> HtmlReply | RedirectReply:
    """The link is shown this once, where nobody mails it."""
    if made.link is None:
        return RedirectReply(location=f"{ENTRY}/{made.user.id}?said=sent")
    link = links.address(call.request.origin, made.link)
    return await acting.looked(call, _link_page, made=made, link=link)


def _link_page(call: Call, *, made: Made, link: str) -> HtmlReply:
    title = f"A link for {made.user.first_name} {made.user.last_name}"
    content = {"person": made.user, "link": link, "days": LINK_DAYS}
    return page(call, call.caller, call.now, "person-link", title=title, entry=ENTRY, **content)


async def change(call: StreamCall, form: Form) -> HtmlReply | RedirectReply:
    """What the form has not, such as a day of birth, stays."""

    def operation(act: Act) -> None:
        # On the person as they are now: a change that came between is kept.
        accounts.change(act, _wanted(act, people.user(act.tx, call.id(UserId)), form), password_hash=None)

    try:
        await acting.done(call, operation)
    except REFUSALS as error:
        return await acting.looked(call, show, form=form, problem=error.message)
    return RedirectReply(location=f"{ENTRY}/{call.id(UserId)}?said=changed")


def _wanted(act: Act, user: User, form: Form) -> User:
    """Raises Invalid."""
    for name, kind in (("role", UserRole), ("status", AccountStatus)):
        if form.has(name) and form.one(name) not in list(kind):
            raise Invalid(f'"{form.one(name)[:40]}" is none of {", ".join(kind)}')
    lines = {name: people.line(form.one(name), name.replace("_", " ")) or None for name in OPTIONAL if form.has(name)}
    return replace(
        user,
        **{name: form.one(name) for name in TEXTS},
        **lines,
        timezone=form.one("timezone") or act.caller.user.timezone,
        role=UserRole(form.one("role") or user.role),
        status=AccountStatus(form.one("status") or user.status),
    )


async def send_link(call: StreamCall, form: Form) -> HtmlReply | RedirectReply:
    """A link to set a password; earlier ones end."""
    try:
        made = await acting.done(
            call, lambda act: accounts.remind(act, call.id(UserId), sends_mail=_sends_mail(call, act))
        )
    except REFUSALS as error:
        return await acting.looked(call, show, problem=error.message)
    return await _after(call, made)


async def join(call: StreamCall, form: Form) -> HtmlReply | RedirectReply:
    """A group of the list."""

    def operation(act: Act) -> None:
        group_operations.add_member(act, GroupId.parse(form.one("group")), call.id(UserId))

    return await _changed(call, operation, "added")


async def leave(call: StreamCall, form: Form) -> HtmlReply | RedirectReply:
    def operation(act: Act) -> None:
        group_operations.remove_member(act, GroupId.parse(form.one("group")), call.id(UserId))

    return await _changed(call, operation, "removed")


async def _changed(call: StreamCall, operation: Callable[[Act], None], said: str) -> HtmlReply | RedirectReply:
    try:
        await acting.done(call, operation)
    # The group may have gone while its name stood on the page.
    except NotFound as error:
        return await acting.looked(call, show, problem=error.message)
    return RedirectReply(location=f"{ENTRY}/{call.id(UserId)}?said={said}")
