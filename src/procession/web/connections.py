"""Connections: administrators make them, say who may use them, take them away; no page ever shows a secret."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin, get_type_hints

from procession.actions.reaching import probes
from procession.actions.reaching.probes import ProbeAnswer
from procession.door.contract import Call, HtmlReply, RedirectReply, StreamCall
from procession.model.connections import (
    DIALECTS,
    OPTIONS,
    SECRETS,
    Connection,
    ConnectionKind,
    from_texts,
    place_of,
    to_texts,
)
from procession.model.errors import Invalid, NotFound
from procession.model.ids import ConnectionId, GroupId, UserId
from procession.model.rights import ADMINS
from procession.operations import connection_trials, connections, people
from procession.operations.act import Act
from procession.operations.connections import Holder, NewConnection
from procession.store import connections as store
from procession.web import acting
from procession.web.acting import REFUSALS
from procession.web.forms import Form
from procession.web.page import page

ENTRY = "/connections"
# A page, not an archive.
USES_SHOWN = 20
SAID = {
    "created": "The connection is made. Say who may use it, besides administrators.",
    "changed": "The connection is changed.",
    "allowed": "They may use it now.",
    "disallowed": "They may no longer use it; that counts at once.",
    "removed": "The connection is removed, with its secrets.",
}
# What the kinds are for, in the order in which they are offered. Folders are connected on the server's machine.
KINDS = (
    (ConnectionKind.SFTP, "SFTP", "files of a bank or a partner, by SSH"),
    (ConnectionKind.S3, "S3, Azure", "a bucket of Amazon or of a server that speaks like it, a container of Azure"),
    (ConnectionKind.HTTP, "HTTP", "a web service"),
    (ConnectionKind.SMTP, "SMTP", "a mail server"),
    (ConnectionKind.DATABASE, "Database", "PostgreSQL or MariaDB"),
)
HELP = {
    "host_keys": "The public keys of the server, one a line, such as ssh-ed25519 AAAA…; no other server is trusted.",
    "root": "Nothing outside of this folder is reached.",
    "url": "Every path of a step is below it.",
    "endpoint": "Empty for Amazon's own, and for Azure's.",
    "service": "azure: the bucket is a container of a storage account.",
    "account": "The storage account, for azure; its key is the secret key, or give a SAS token.",
    "header": "The name of the header, for the proof “header”.",
    "sender": "The address that mails come from.",
    "proof": "How it proves who it is: basic takes user and password, bearer a token, header a value.",
    "tls": "verify asks for a certificate of a public authority.",
}


def listed(call: Call) -> HtmlReply:
    """All for administrators, else what one may use."""
    found = connections.listed(call.tx, call.caller)
    return page(
        call, call.caller, call.now, "connections",
        title="Connections",
        entry=ENTRY,
        said=SAID.get(call.request.query.get("said", ""), ""),
        connections=[(one, place_of(one.kind, one.options)) for one in found],
        is_admin=call.caller.user.role in ADMINS,
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionField:
    """How an option is asked for; `choices` () for a text."""

    name: str
    label: str
    value: str
    help: str
    is_needed: bool
    choices: tuple[str, ...]
    has_lines: bool

    @property
    def pairs(self) -> list[tuple[str, str]]:
        return [(one, one) for one in self.choices]


def new(call: Call, *, form: Form | None = None, problem: str = "") -> HtmlReply:
    """Of the kind that the address or the form names; without one, the kinds to choose from."""
    kind = _kind(call.request.query.get("kind", "") if form is None else form.one("kind"))
    return _page(call, None, kind, form=form, problem=problem)


def show(call: Call, *, form: Form | None = None, problem: str = "", tried: ProbeAnswer | None = None) -> HtmlReply:
    found = connections.find(call.tx, call.id(ConnectionId))
    filled = form if form is not None and form.has("name") else None
    allowed = store.allowed(call.tx, found.id)
    # Administrators may use every one, so there is nothing that could be allowed to them.
    holders = {holder for holder, _ in allowed}
    return _page(
        call, found, found.kind, form=filled, problem=problem,
        allowed=allowed,
        users=[one for one in people.listed(call.tx, call.caller) if one.id not in holders and one.role not in ADMINS],
        groups=[one for one in people.groups(call.tx) if one.id not in holders],
        processes=store.processes_of(call.tx, found.id),
        uses=store.uses(call.tx, found.id, most=USES_SHOWN),
        place=place_of(found.kind, found.options),
        tried=tried,
    )  # fmt: skip


def _page(
    call: Call, found: Connection | None, kind: ConnectionKind | None, *, form: Form | None, problem: str, **more: Any
) -> HtmlReply:
    title = "New connection" if found is None else found.name
    content = {"allowed": (), "users": (), "groups": (), "processes": (), "uses": (), "tried": None, **more}
    is_folder = kind is ConnectionKind.FOLDER
    set_already = {} if found is None else {one.name: one for one in found.secrets}
    return page(
        call, call.caller, call.now, "connection",
        title=f"{'Error: ' if problem else ''}{title}",
        heading=title,
        entry=ENTRY,
        status_code=400 if problem else 200,
        said=SAID.get(call.request.query.get("said", ""), ""),
        problem=problem,
        connection=found,
        kind=kind,
        kinds=KINDS,
        is_folder=is_folder,
        called=_filled("name", "" if found is None else found.name, form),
        description=_filled("description", "" if found is None else found.description, form),
        private_hosts=form.has("private_hosts") if form is not None else bool(found and found.private_hosts),
        fields=[] if kind is None else list(_fields(kind, found, form)),
        # Whether there is one and since when; what was typed is not sent back, and has to be typed again.
        secrets=[(name, name.replace("_", " "), set_already.get(name)) for name in SECRETS[kind]] if kind else [],
        **content,
    )  # fmt: skip


def _filled(name: str, value: str, form: Form | None) -> str:
    return value if form is None else form.one(name)


def _fields(kind: ConnectionKind, found: Connection | None, form: Form | None) -> list[OptionField]:
    told = to_texts(kind, found.options) if found is not None else _usual(kind)
    types = get_type_hints(OPTIONS[kind])
    needed = {name for name in OPTIONS[kind].__struct_fields__ if name not in _usual(kind)}
    return [
        OptionField(
            name=name,
            label=name.replace("_", " "),
            value=form.one(f"option.{name}") if form is not None else told.get(name, ""),
            help=HELP.get(name, ""),
            is_needed=name in needed,
            choices=_choices(name, types[name]),
            has_lines=name == "host_keys",
        )
        for name in OPTIONS[kind].__struct_fields__
    ]


def _choices(name: str, kind: Any) -> tuple[str, ...]:
    # Connections of before may be to databases that nothing reaches, and none is made any more.
    known = DIALECTS if name == "dialect" else get_args(kind)
    return known if get_origin(kind) is Literal else ()


def _usual(kind: ConnectionKind) -> Mapping[str, str]:
    """The options that need not be given, and what they are then."""
    struct = OPTIONS[kind]
    defaults = struct.__struct_defaults__
    return dict(zip(struct.__struct_fields__[-len(defaults) :], map(str, defaults), strict=True)) if defaults else {}


def _kind(text: str) -> ConnectionKind | None:
    return ConnectionKind(text) if text in [kind for kind, _, _ in KINDS] else None


def _wanted(form: Form, kind: ConnectionKind) -> NewConnection:
    # An empty field is an option that is not given: its usual value, or a mistake that says so.
    texts = {name: form.all(f"option.{name}") for name in OPTIONS[kind].__struct_fields__}
    given = {name: values for name, values in texts.items() if "".join(values).strip()}
    secrets = {name: form.one(f"secret.{name}") for name in SECRETS[kind]}
    return NewConnection(
        name=form.one("name"),
        kind=kind,
        options=from_texts(kind, given),
        description=form.one("description"),
        private_hosts=form.has("private_hosts"),
        # A key that was pasted ends as files of keys do.
        secrets={name: text.rstrip("\n") for name, text in secrets.items() if text.strip()},
    )


async def create(call: StreamCall, form: Form) -> HtmlReply | RedirectReply:
    kind = _kind(form.one("kind"))

    def operation(act: Act) -> Connection:
        if kind is None:
            raise Invalid("choose what the connection leads to")
        return connections.add(act, _wanted(form, kind))

    try:
        made = await acting.done(call, operation)
    except REFUSALS as error:
        return await acting.looked(call, new, form=form, problem=error.message)
    return RedirectReply(location=f"/connections/{made.id}?said=created")


async def change(call: StreamCall, form: Form) -> HtmlReply | RedirectReply:
    def operation(act: Act) -> None:
        found = connections.find(act.tx, call.id(ConnectionId))
        wanted, drops = _wanted(form, found.kind), frozenset(form.all("forget"))
        connections.change(act, found.id, wanted, drops=drops & frozenset(SECRETS[found.kind]))

    try:
        await acting.done(call, operation)
    except REFUSALS as error:
        return await acting.looked(call, show, form=form, problem=error.message)
    return RedirectReply(location=f"/connections/{call.id(ConnectionId)}?said=changed")


async def allow(call: StreamCall, form: Form) -> HtmlReply | RedirectReply:
    """A user or a group of the list."""
    return await _hold(call, form, is_allowed=True)


async def disallow(call: StreamCall, form: Form) -> HtmlReply | RedirectReply:
    return await _hold(call, form, is_allowed=False)


async def _hold(call: StreamCall, form: Form, *, is_allowed: bool) -> HtmlReply | RedirectReply:
    def operation(act: Act) -> None:
        # Which of the two the address says, never the form.
        perform = connections.allow if is_allowed else connections.disallow
        perform(act, call.id(ConnectionId), _holder(form.one("who")))

    try:
        await acting.done(call, operation)
    except NotFound as error:
        return await acting.looked(call, show, problem=error.message)
    return RedirectReply(
        location=f"/connections/{call.id(ConnectionId)}?said={'allowed' if is_allowed else 'disallowed'}"
    )


def _holder(text: str) -> Holder:
    # One list for both, whose values are ids.
    return GroupId.parse(text) if text.lower().startswith(f"{GroupId.prefix}-") else UserId.parse(text)


async def test(call: StreamCall, form: Form) -> HtmlReply:
    """Tried in a process of its own; the answer stands on the page."""
    # In a transaction that ends before anybody is called: the other side may take a minute.
    opened = await acting.done(call, lambda act: connection_trials.opened(act, call.id(ConnectionId)))
    answer = await asyncio.to_thread(probes.probe, opened)
    return await acting.looked(call, show, tried=answer)


async def remove(call: StreamCall, form: Form) -> HtmlReply | RedirectReply:
    def operation(act: Act) -> None:
        # Asked for in the dialog: a form of another page of ours must not remove one by mistake.
        if form.one("sure") != str(call.id(ConnectionId)):
            raise Invalid("say again that it is to be removed")
        connections.remove(act, call.id(ConnectionId))

    try:
        await acting.done(call, operation)
    except REFUSALS as error:
        return await acting.looked(call, show, problem=error.message)
    return RedirectReply(location="/connections?said=removed")
