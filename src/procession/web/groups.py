"""User groups: who is in them and what they may do; administrators make, change and delete them."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from procession.door.contract import Call, HtmlReply, RedirectReply, StreamCall
from procession.model.errors import Invalid, NotFound
from procession.model.ids import GroupId, UserId
from procession.model.people import Group
from procession.model.rights import ADMINS
from procession.operations import groups as group_operations
from procession.operations import people, permissions
from procession.operations.act import Act
from procession.web import acting
from procession.web.acting import REFUSALS
from procession.web.forms import Form
from procession.web.page import page

ENTRY = "/people"
DESCRIPTION_CHARACTERS_MAX = 4_000
SAID = {
    "created": "The group is made. Give it members, and then roles on the page People.",
    "changed": "The group is changed.",
    "added": "They are a member now.",
    "removed": "They are no member any more.",
}


def new(call: Call, *, form: Form | None = None, problem: str = "") -> HtmlReply:
    blank = Group(id=GroupId(0), name="", description="")
    return _page(call, "New group", blank, form=form, problem=problem)


def show(call: Call, *, form: Form | None = None, problem: str = "") -> HtmlReply:
    group = people.group(call.tx, call.id(GroupId))
    members = people.members(call.tx, group.id)
    return _page(
        call,
        group.name,
        group,
        form=form if form is not None and form.has("name") else None,
        problem=problem,
        members=members,
        others=[user for user in people.listed(call.tx, call.caller) if user not in members],
        permissions=permissions.of_holder(call.tx, call.caller, group.id),
    )


def _page(call: Call, title: str, group: Group, *, form: Form | None, problem: str, **more: Any) -> HtmlReply:
    filled = {name: getattr(group, name) if form is None else form.one(name) for name in ("name", "description")}
    content = {"members": (), "others": (), "permissions": (), **more}
    return page(
        call, call.caller, call.now, "groups",
        title=f"{'Error: ' if problem else ''}{title}",
        heading=title,
        entry=ENTRY,
        status_code=400 if problem else 200,
        said=SAID.get(call.request.query.get("said", ""), ""),
        problem=problem,
        group=group,
        filled=filled,
        is_admin=call.caller.user.role in ADMINS,
        most=DESCRIPTION_CHARACTERS_MAX,
        **content,
    )  # fmt: skip


async def create(call: StreamCall, form: Form) -> HtmlReply | RedirectReply:
    def operation(act: Act) -> Group:
        return group_operations.create(act, name=form.one("name"), description=_description(form))

    try:
        group = await acting.done(call, operation)
    except REFUSALS as error:
        return await acting.looked(call, new, form=form, problem=error.message)
    return RedirectReply(location=f"/groups/{group.id}?said=created")


def _description(form: Form) -> str:
    """Raises Invalid."""
    text = form.one("description")
    if len(text) > DESCRIPTION_CHARACTERS_MAX:
        raise Invalid(f"a description has at most {DESCRIPTION_CHARACTERS_MAX} characters; this has {len(text)}")
    return text


async def change(call: StreamCall, form: Form) -> HtmlReply | RedirectReply:
    def operation(act: Act) -> Group:
        present = people.group(act.tx, call.id(GroupId))
        return group_operations.change(act, replace(present, name=form.one("name"), description=_description(form)))

    try:
        group = await acting.done(call, operation)
    except REFUSALS as error:
        return await acting.looked(call, show, form=form, problem=error.message)
    return RedirectReply(location=f"/groups/{group.id}?said=changed")


async def add(call: StreamCall, form: Form) -> HtmlReply | RedirectReply:
    """Somebody of the list."""
    try:
        member = UserId.parse(form.one("user"))
        await acting.done(call, lambda act: group_operations.add_member(act, call.id(GroupId), member))
    except NotFound as error:
        return await acting.looked(call, show, problem=error.message)
    return RedirectReply(location=f"/groups/{call.id(GroupId)}?said=added")


async def remove(call: StreamCall, form: Form) -> HtmlReply | RedirectReply:
    try:
        member = UserId.parse(form.one("user"))
        await acting.done(call, lambda act: group_operations.remove_member(act, call.id(GroupId), member))
    except NotFound as error:
        return await acting.looked(call, show, problem=error.message)
    return RedirectReply(location=f"/groups/{call.id(GroupId)}?said=removed")


def delete(call: Call, form: Form) -> RedirectReply:
    """What the group was given is nobody's any more; the roles that its members have themselves stay."""
    group_operations.delete(call.act, call.id(GroupId))
    return RedirectReply(location="/people")
