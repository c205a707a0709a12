"""Applications: scripts and programs that work with Procession by its API, as somebody."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec.structs import replace

from procession.door.contract import Call, HtmlReply, RedirectReply, StreamCall
from procession.model.errors import Invalid
from procession.model.ids import ApplicationId
from procession.model.people import SCOPES, Application, with_implied
from procession.model.rights import ADMINS
from procession.operations import applications, people
from procession.operations.act import Act
from procession.pages.scopes import SCOPE_WORDS
from procession.web import acting
from procession.web.acting import REFUSALS
from procession.web.forms import Form
from procession.web.listing import page_of
from procession.web.page import page

HERE = "/applications"
SAID = {"deleted": "The application is deleted; its tokens have ended.", "changed": "The application is changed."}
# What a first request may look like, by the scope that it needs.
FIRST_REQUESTS = (
    ("process_read", "processes"), ("mtable_read", "tables"), ("user_read", "users"), ("usergroup_read", "usergroups"),
    ("application_read", "applications"), ("log_read", "logs"),
)  # fmt: skip
METHODS = ("get", "post", "put", "delete")


def listed(call: Call) -> HtmlReply:
    """Everybody's for administrators, else one's own."""
    found = page_of(applications.listed(call.tx, call.caller), call.request.query)
    users = {user.id: user for user in people.listed(call.tx, call.caller)}
    home_clock = call.context.resources.home_clock
    return page(
        call, call.caller, call.now, "applications",
        title="Applications",
        entry=HERE,
        said=SAID.get(call.request.query.get("said", ""), ""),
        part=found,
        applications=[
            (item, users[item.user], item.used_at and home_clock.on_wall(item.used_at)) for item in found.items
        ],
        is_admin=call.caller.user.role in ADMINS,
        origin=call.request.origin,
    )  # fmt: skip


def new(call: Call, *, form: Form | None = None, problem: str = "") -> HtmlReply:
    """It acts as whoever registers it."""
    blank = Application(
        id=ApplicationId(0),
        client_id="",
        secret_hash="",
        name="",
        user=call.caller.user.id,
        scopes=applications.DEFAULT_SCOPES,
    )
    return _page(call, "New application", blank, form=form, problem=problem)


def show(call: Call, *, form: Form | None = None, problem: str = "") -> HtmlReply:
    application = applications.find(call.tx, call.id(ApplicationId))
    return _page(call, application.name, application, form=form, problem=problem)


def _page(call: Call, title: str, application: Application, *, form: Form | None, problem: str) -> HtmlReply:
    addresses = "\n".join(application.redirect_uris)
    return page(
        call, call.caller, call.now, "application",
        title=f"{'Error: ' if problem else ''}{title}",
        heading=title,
        entry=HERE,
        status_code=400 if problem else 200,
        said=SAID.get(call.request.query.get("said", ""), ""),
        problem=problem,
        application=application,
        acts_as=people.user(call.tx, application.user),
        called=application.name if form is None else form.one("name"),
        scopes=application.scopes if form is None else frozenset(form.all("scope")),
        addresses=addresses if form is None else form.one("addresses"),
        is_public=application.is_public if form is None else form.has("is_public"),
        scope_words=SCOPE_WORDS,
        most=applications.REDIRECT_URIS_MAX,
        origin=call.request.origin,
        commands=_commands(call, application),
    )  # fmt: skip


def _commands(call: Call, application: Application, secret: str = "") -> str:
    """What anybody can paste into a terminal; without the secret it has to be put in first."""
    held = with_implied(application.scopes or applications.DEFAULT_SCOPES)
    path = next((path for scope, path in FIRST_REQUESTS if scope in held), "")
    lines = [
        f"S={call.request.origin}",
        f"SECRET={secret or '...'}",
        "curl $S/oauth/token \\",
        "  -d grant_type=client_credentials \\",
        f"  -d client_id={application.client_id} \\",
        "  -d client_secret=$SECRET",
    ]
    if path:
        lines += [
            "# TOKEN is the access_token of the answer",
            'curl -H "Authorization: Bearer $TOKEN" \\',
            f"  $S/api/v1/{path}",
        ]
    return "\n".join(lines)


async def create(call: StreamCall, form: Form) -> HtmlReply:
    """The answer shows the secret, and nothing ever does again."""

    def operation(act: Act) -> tuple[Application, str]:
        blank = Application(
            id=ApplicationId(0),
            client_id="",
            secret_hash="",
            name="",
            user=act.caller.user.id,
            scopes=frozenset(),
            is_public=form.has("is_public"),
        )
        return applications.register(act, _wanted(blank, form))

    try:
        made, secret = await acting.done(call, operation)
    except REFUSALS as error:
        return await acting.looked(call, new, form=form, problem=error.message)
    return await acting.looked(call, _secret_page, application=made, secret=secret, what="registered")


def _wanted(application: Application, form: Form) -> Application:
    """Raises Invalid."""
    scopes = frozenset(form.all("scope"))
    # The API would give it process_read; who ticks nothing has forgotten to.
    if not scopes:
        raise Invalid("tick what the application may do")
    if scopes - SCOPES:
        raise Invalid(f"there is no scope {', '.join(sorted(scopes - SCOPES))[:200]}")
    addresses = tuple(dict.fromkeys(form.one("addresses").split()))
    if application.is_public and not addresses:
        raise Invalid("a public application asks its users in a browser, so it needs an address to send them back to")
    return replace(application, name=form.one("name"), scopes=scopes, redirect_uris=addresses)


def _secret_page(call: Call, *, application: Application, secret: str, what: str) -> HtmlReply:
    return page(
        call, call.caller, call.now, "application-secret",
        title=f"{application.name}: its secret",
        entry=HERE,
        application=application,
        secret="" if application.is_public else secret,
        what=what,
        commands=_commands(call, application, secret),
    )  # fmt: skip


async def change(call: StreamCall, form: Form) -> HtmlReply | RedirectReply:
    """Where a scope is taken away, its tokens end."""

    def operation(act: Act) -> Application:
        return applications.change(act, _wanted(applications.find(act.tx, call.id(ApplicationId)), form))

    try:
        await acting.done(call, operation)
    except REFUSALS as error:
        return await acting.looked(call, show, form=form, problem=error.message)
    return RedirectReply(location=f"{HERE}/{call.id(ApplicationId)}?said=changed")


async def reset_secret(call: StreamCall, form: Form) -> HtmlReply:
    """The old secret and every token end at once."""
    try:
        made, secret = await acting.done(call, lambda act: applications.reset_secret(act, call.id(ApplicationId)))
    except REFUSALS as error:
        return await acting.looked(call, show, problem=error.message)
    return await acting.looked(call, _secret_page, application=made, secret=secret, what="given a new secret")


def delete(call: Call, form: Form) -> RedirectReply:
    """With every token of it, whoever allowed it what."""
    applications.unregister(call.act, call.id(ApplicationId))
    return RedirectReply(location=f"{HERE}?said=deleted")


def reference(call: Call) -> HtmlReply:
    """What /openapi.json says, to be read by people."""
    document = msgspec.json.decode(call.context.document())
    sections: dict[str, list[dict[str, Any]]] = {}
    for path, methods in document["paths"].items():
        for method in METHODS:
            if method in methods:
                operation = methods[method]
                told = {"method": method.upper(), "path": path, "summary": operation["summary"]}
                who = {"scope": operation.get("x-scope"), "role": operation.get("x-role")}
                about = {"who": operation["description"], "is_old": operation.get("deprecated", False)}
                sections.setdefault(operation["tags"][0], []).append({**told, **who, **about})
    for key, name in (("root", "This server"), ("oauth", "Tokens")):
        if key in sections:
            sections[name] = sections.pop(key)
    content = {"sections": sections, "about": document["info"]["description"], "version": document["info"]["version"]}
    return page(
        call, call.caller, call.now, "api", title="API reference", entry=HERE, origin=call.request.origin, **content
    )
