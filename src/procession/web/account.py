"""Your own account: name, password, how pages look, where you have signed in, what may act for you."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

from procession.door import browser
from procession.door.contract import Call, HtmlReply, RedirectReply, StreamCall
from procession.model import timezones
from procession.model.errors import Invalid, NotFound
from procession.model.ids import ApplicationId
from procession.model.people import NumberStyle
from procession.operations import consents, own_account, passwords, sessions
from procession.operations.own_account import OwnChoices
from procession.operations.sessions import WRONG_MAX, Claim
from procession.web import acting
from procession.web.acting import REFUSALS
from procession.web.forms import Form
from procession.web.page import page, reader

HERE = "/account"
# What a redirect says was done: a text in the address itself could be put there by anybody.
SAID = {
    "account": "Your account is changed.",
    "password": "Your password is changed. Wherever else you had signed in, you are signed out.",
    "theme": "The appearance of this browser is changed.",
    "session": "That session has ended.",
    "others": "Every other session has ended.",
    "application": "The application may no longer act for you.",
}
WRONG = "That is not your present password."
EXAMPLE = "-1234.50"  # of a number, in each language of numbers


def show(call: Call, *, form: Form | None = None, problem: str = "", of: str = "") -> HtmlReply:
    """`problem` was found in the section `of`; `form` is what was filled in there."""
    user, home_clock = call.caller.user, call.context.resources.home_clock
    cookie = browser.cookie(call.request, browser.SESSION)
    open_sessions = sessions.of_user(call.tx, user.id, home_clock.most())
    return page(
        call, call.caller, call.now, "account",
        title=f"{'Error: ' if problem else ''}Your account",
        status_code=400 if problem else 200,
        said=SAID.get(call.request.query.get("said", ""), ""),
        problem=problem,
        of=of,
        filled=_filled(call, form if of == "account" else None),
        has_password=sessions.claim_of(call.tx, user.id).password_hash is not None,
        least=passwords.PASSWORD_CHARACTERS_MIN,
        most=passwords.PASSWORD_CHARACTERS_MAX,
        zones=timezones.NAMES,
        numbers=[(style, _example(call, style)) for style in NumberStyle],
        themes=(("auto", "as the system"), ("light", "light"), ("dark", "dark")),
        sessions=[(item, sessions.is_of(item, cookie), home_clock.on_wall(item.expires_at)) for item in open_sessions],
        applications=consents.allowed(call.tx, user.id, home_clock.most()),
    )  # fmt: skip


def _filled(call: Call, form: Form | None) -> dict[str, Any]:
    user = call.caller.user
    if form is None:
        kept = {name: getattr(user, name) for name in ("first_name", "last_name", "timezone", "numbers")}
        return {**kept, "has_shortcuts": user.has_shortcuts}
    names = ("first_name", "last_name", "timezone", "numbers")
    return {**{name: form.one(name) for name in names}, "has_shortcuts": form.has("has_shortcuts")}


def _example(call: Call, style: NumberStyle) -> str:
    from msgspec.structs import replace

    return reader(replace(call.caller.user, numbers=style), call.now).number(EXAMPLE)


async def change(call: StreamCall, form: Form) -> HtmlReply | RedirectReply:
    try:
        chosen = _chosen(form)
        await acting.done(call, lambda act: own_account.change(act, chosen))
    except REFUSALS as error:
        return await acting.looked(call, show, form=form, problem=error.message, of="account")
    return RedirectReply(location=f"{HERE}?said=account")


def _chosen(form: Form) -> OwnChoices:
    """Raises Invalid."""
    numbers = form.one("numbers")
    if numbers not in list(NumberStyle):
        raise Invalid("choose how numbers are written")
    return OwnChoices(
        first_name=form.one("first_name"),
        last_name=form.one("last_name"),
        timezone=form.one("timezone"),
        numbers=NumberStyle(numbers),
        has_shortcuts=form.has("has_shortcuts"),
    )


async def set_password(call: StreamCall, form: Form) -> HtmlReply | RedirectReply:
    """The old password is asked for: whoever finds a browser signed in must not keep the account by it."""
    with call.database.read() as tx:
        claim = sessions.claim_of(tx, call.caller.user.id)
    loop, hashing = asyncio.get_running_loop(), call.context.hashing
    if not await loop.run_in_executor(hashing, passwords.matches, claim.password_hash, form.one("old")):
        return await _wrong(call)
    password = form.one("password")
    try:
        if password != form.one("again"):
            raise Invalid("the two new passwords are not the same")
        hashed = await loop.run_in_executor(hashing, passwords.hashed, password)
        described = browser.described(call.request)
        cookie = await acting.done(
            call, partial(own_account.set_password, proved=claim, password_hash=hashed, browser=described)
        )
    except REFUSALS as error:
        return await acting.looked(call, show, problem=error.message, of="password")
    # Else whoever guesses at this account could keep its user out of this browser too.
    mark = sessions.mark(Claim(user=claim.user, password_hash=hashed))
    cookies = (browser.session_cookie(call.request, cookie), browser.mark_cookie(call.request, mark))
    return RedirectReply(location=f"{HERE}?said=password", cookies=cookies)


async def _wrong(call: StreamCall) -> HtmlReply | RedirectReply:
    cookie = browser.cookie(call.request, browser.SESSION)
    if await acting.done(call, lambda act: sessions.note_wrong(act.tx, cookie)):
        return RedirectReply(location="/sign-in", cookies=(browser.session_cookie(call.request, ""),))
    problem = f"{WRONG} After {WRONG_MAX} wrong ones in one session it ends."
    return await acting.looked(call, show, problem=problem, of="password")


def set_theme(call: Call, form: Form) -> RedirectReply:
    """Of this browser, not of the account: a laptop and a wall screen differ. Raises Invalid."""
    theme = form.one("theme")
    if theme not in browser.THEMES:
        raise Invalid("choose an appearance: as the system, light or dark")
    return RedirectReply(location=f"{HERE}?said=theme", cookies=(browser.theme_cookie(theme),))


def end_session(call: Call, form: Form) -> RedirectReply:
    """The one that is named, or all others."""
    cookie, user = browser.cookie(call.request, browser.SESSION), call.caller.user.id
    if form.one("session") == "others":
        sessions.end_others(call.tx, user, cookie)
        return RedirectReply(location=f"{HERE}?said=others")
    sessions.end(call.tx, user, form.one("session"))
    return RedirectReply(location=f"{HERE}?said=session")


def revoke(call: Call, form: Form) -> RedirectReply:
    """Raises Invalid."""
    try:
        application = ApplicationId.parse(form.one("application"))
    except NotFound as error:
        raise Invalid(error.message) from None
    consents.withdraw(call.tx, call.caller.user.id, application, call.context.resources.home_clock.most())
    return RedirectReply(location=f"{HERE}?said=application")
