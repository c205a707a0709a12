"""Signing in and out in a browser, and setting a password by a link."""

from __future__ import annotations

import asyncio
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial

from procession.door import browser
from procession.door.contract import Call, HtmlReply, StreamCall
from procession.model.errors import Invalid
from procession.model.people import User
from procession.oauth import html_pages, limits
from procession.oauth.limits import OAuthLimits
from procession.operations import links, passwords, sessions

# One sentence for all of it: another would tell which logins exist.
WRONG = "The login or the password is wrong."


@dataclass(frozen=True, slots=True, kw_only=True)
class Signing:
    """`hashing` runs what hashes passwords, and bounds how many at a time."""

    hashing: Executor
    limits: OAuthLimits


async def prove(call: StreamCall, proving: Signing, *, login: str, password: str) -> tuple[str, ...]:
    """The cookies of a new session, or none when login or password are wrong. Raises TooMany."""
    home_clock, address = call.context.resources.home_clock, call.request.client
    with call.database.read() as tx:
        claim = sessions.claim(tx, login)
    account, mark = limits.account(claim.user, login), browser.cookie(call.request, browser.MARK)
    if not sessions.is_marked(claim, mark):
        mark = ""
    # Before anything is hashed: what is refused must cost next to nothing.
    proving.limits.admit_sign_in(account, address, home_clock.most(), mark=mark)
    loop = asyncio.get_running_loop()
    # A stranger's takes as long as a user's.
    if not await loop.run_in_executor(proving.hashing, passwords.matches, claim.password_hash, password):
        return ()
    operation = partial(sessions.sign_in, proved=claim, now=call.clock(), home_clock=home_clock)
    cookie: str | None = await asyncio.wrap_future(call.database.submit(operation))
    if cookie is None:
        return ()
    proving.limits.forgive_sign_in(account, address, mark=mark)
    marked = browser.mark_cookie(call.request, mark or sessions.mark(claim))
    return browser.session_cookie(call.request, cookie), marked


def leave(call: Call) -> HtmlReply:
    """End this browser's session."""
    cookie = browser.cookie(call.request, browser.SESSION)
    # A page elsewhere must not be able to sign people out.
    browser.require_form(call.request, call.body, cookie)
    sessions.sign_out(call.tx, cookie)
    gone = (browser.session_cookie(call.request, ""),)
    return html_pages.page("done", cookies=gone, title="You have signed out", text="You can close this page.")


def show_password(call: Call) -> HtmlReply:
    """The form behind a link. Raises NotFound."""
    user = links.find(call.tx, call.request.query.get("link", ""), call.context.resources.home_clock.most())
    return _password_page(call, user)


def _password_page(call: Call | StreamCall, user: User, problem: str = "") -> HtmlReply:
    value, cookies = browser.form_cookie(call.request)
    return html_pages.page(
        "password",
        status=400 if problem else 200,
        cookies=cookies,
        user=user,
        problem=problem,
        least=passwords.PASSWORD_CHARACTERS_MIN,
        most=passwords.PASSWORD_CHARACTERS_MAX,
        form=browser.form_token(value),
    )


async def set_password(call: StreamCall, proving: Signing) -> HtmlReply:
    """Use the link up. Raises NotFound."""
    link, home_clock = call.request.query.get("link", ""), call.context.resources.home_clock
    with call.database.read() as tx:
        user = links.find(tx, link, home_clock.most())
    browser.require_form(call.request, call.body, browser.cookie(call.request, browser.FORM))
    password = call.body.get("password", "")
    # Nobody sees what they type, and the link works once.
    if password != call.body.get("again", ""):
        return _password_page(call, user, "The two passwords are not the same.")
    try:
        hashed = await asyncio.get_running_loop().run_in_executor(proving.hashing, passwords.hashed, password)
    except Invalid as error:
        return _password_page(call, user, f"{error.message[0].upper()}{error.message[1:]}.")
    operation = call.database.submit(lambda tx: links.set_password(tx, link, hashed, home_clock.most()))
    await asyncio.wrap_future(operation)
    # The way out for who is locked out by somebody's guesses: their administrator sends a link.
    marked = sessions.mark(sessions.Claim(user=user.id, password_hash=hashed))
    return html_pages.page(
        "done",
        cookies=(browser.mark_cookie(call.request, marked),),
        title="Your password is set",
        text=f"Sign in as {user.login} from now on. Wherever you had signed in before, you are signed out.",
    )
