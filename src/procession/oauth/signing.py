"""Signing in and out in a browser, and setting a password by a link."""

from __future__ import annotations

import asyncio
import re
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlsplit

from procession.door import browser
from procession.door.contract import Call, HtmlReply, RedirectReply, StreamCall
from procession.model.errors import Invalid
from procession.model.people import User
from procession.oauth import limits
from procession.oauth.limits import OAuthLimits
from procession.operations import links, passwords, sessions
from procession.pages import environment

# One sentence for all of it: another would tell which logins exist.
WRONG = "That login and password do not go together."
HOME = "/"
# A path of ours and nothing else: browsers read // and /\\ as the beginning of another host.
_OWN_PATH = re.compile(r"/(?![/\\])[^\x00-\x20\\\x7f]{0,2000}\Z", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signing:
    """`hashing` runs what hashes passwords, and bounds how many at a time."""

    hashing: Executor
    limits: OAuthLimits
    sso: str = ""  # the name of the provider, if there is one


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
    operation = partial(
        sessions.sign_in,
        proved=claim,
        now=call.clock(),
        home_clock=home_clock,
        browser=browser.described(call.request),
    )
    cookie: str | None = await asyncio.wrap_future(call.database.submit(operation))
    if cookie is None:
        return ()
    proving.limits.forgive_sign_in(account, address, mark=mark)
    marked = browser.mark_cookie(call.request, mark or sessions.mark(claim))
    return browser.session_cookie(call.request, cookie), marked


def show(call: Call, proving: Signing) -> HtmlReply | RedirectReply:
    """The page to sign in; whoever has signed in goes on, unless a link brings them to sign in as somebody."""
    now = call.context.resources.home_clock.most()
    if link := call.request.query.get("link"):
        return _link_page(call, sessions.find_link(call.tx, link, now))
    if sessions.user_of(call.tx, browser.cookie(call.request, browser.SESSION), now) is not None:
        return RedirectReply(location=_then(call))
    return sign_in_card(call, sso=proving.sso)


def _link_page(call: Call, user: User) -> HtmlReply:
    """It asks first: whoever is sent a link must see as whom they would sign in."""
    value, cookies = browser.form_cookie(call.request)
    form = browser.form_token(value)
    return environment.card("sign-in-link", cookies=cookies, host=_host(call), user=user, form=form)


def _host(call: Call | StreamCall) -> str:
    return urlsplit(call.request.origin).netloc


async def sign_in(call: StreamCall, proving: Signing) -> HtmlReply | RedirectReply:
    """On to where the user wanted to go. Raises NotFound for a link that is used."""
    # Protected too: else a stranger's account could be signed in here, and be given data.
    browser.require_form(call.request, call.body.get("form", ""), browser.cookie(call.request, browser.FORM))
    if link := call.request.query.get("link"):
        home_clock = call.context.resources.home_clock
        operation = partial(
            sessions.open_link,
            link=link,
            now=call.clock(),
            home_clock=home_clock,
            browser=browser.described(call.request),
        )
        opened: str = await asyncio.wrap_future(call.database.submit(operation))
        return RedirectReply(location=_then(call), cookies=(browser.session_cookie(call.request, opened),))
    login = call.body.get("login", "")
    cookies = await prove(call, proving, login=login, password=call.body.get("password", ""))
    if not cookies:
        return sign_in_card(call, login=login, problem=WRONG, sso=proving.sso)
    # By a redirect, so that the back button does not send the password again.
    return RedirectReply(location=_then(call), cookies=cookies)


def _then(call: Call | StreamCall) -> str:
    return own_path(call.request.query.get("to", ""))


def own_path(wanted: str) -> str:
    """The path, where it is one of ours."""
    return wanted if _OWN_PATH.match(wanted) else HOME


def sign_in_card(
    call: Call | StreamCall, *, application: str = "", login: str = "", problem: str = "", sso: str = ""
) -> HtmlReply:
    """`application`: on whose behalf somebody signs in; `sso`: the name of who else can say who they are."""
    value, cookies = browser.form_cookie(call.request)
    return environment.card(
        "sign-in",
        # A browser shows it all the same, and the log of a proxy tells failures apart.
        status=400 if problem else 200,
        cookies=cookies,
        application=application,
        host=_host(call),
        login=login,
        problem=problem,
        sso=sso,
        to=_then(call),
        form=browser.form_token(value),
    )


def leave(call: Call) -> RedirectReply:
    """End this browser's session."""
    cookie = browser.cookie(call.request, browser.SESSION)
    # A page elsewhere must not be able to sign people out.
    browser.require_form(call.request, call.body.get("form", ""), cookie)
    sessions.sign_out(call.tx, cookie)
    return RedirectReply(location="/sign-in", cookies=(browser.session_cookie(call.request, ""),))


def show_password(call: Call) -> HtmlReply:
    """The form behind a link. Raises NotFound."""
    user = links.find(call.tx, call.request.query.get("link", ""), call.context.resources.home_clock.most())
    return _password_page(call, user)


def _password_page(call: Call | StreamCall, user: User, problem: str = "") -> HtmlReply:
    value, cookies = browser.form_cookie(call.request)
    return environment.card(
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
    browser.require_form(call.request, call.body.get("form", ""), browser.cookie(call.request, browser.FORM))
    password = call.body.get("password", "")
    # Nobody sees what they type, and the link works once.
    if password != call.body.get("again", ""):
        return _password_page(call, user, "The two passwords are not the same.")
    try:
        hashed = await asyncio.get_running_loop().run_in_executor(proving.hashing, passwords.hashed, password)
    except Invalid as error:
        return _password_page(call, user, environment.sentence(error.message))
    operation = call.database.submit(lambda tx: links.set_password(tx, link, hashed, home_clock.most()))
    await asyncio.wrap_future(operation)
    # The way out for who is locked out by somebody's guesses: their administrator sends a link.
    marked = sessions.mark(sessions.Claim(user=user.id, password_hash=hashed))
    return environment.card(
        "done",
        cookies=(browser.mark_cookie(call.request, marked),),
        title="Your password is set",
        text=f"Sign in as {user.login} from now on. Wherever you had signed in before, you are signed out.",
    )
