"""GET and POST /oauth/authorize: sign in, consent, then back to the application with a code (RFC 6749 section 4.1).

The address holds the application's question at each step; the forms hold only what the user says. Consent is asked for
each time: anybody may know the client_id of a public application (RFC 8252 section 8.6), and a browser that is signed
in is no proof that its user wants this now.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from urllib.parse import parse_qs, urlencode

from authlib.oauth2.rfc6749 import OAuth2Error

from procession.door import browser
from procession.door.contract import Call, HtmlReply, RedirectReply, Request, StreamCall
from procession.model.errors import Invalid
from procession.model.people import User, with_implied
from procession.oauth import core, grants, signing, wording
from procession.oauth.signing import Signing
from procession.operations import sessions
from procession.pages import environment
from procession.pages.scopes import SCOPE_WORDS
from procession.store.database import Transaction

# As for forms: parse_qs() builds a list of all.
FIELDS_MAX = 50

Answer = HtmlReply | RedirectReply


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """An application's valid request, and who has signed in."""

    grant: grants.AuthorizationCode
    http: Request
    user: User | None


def show(call: Call) -> Answer:
    """The page that comes next, by what is known of the user."""
    question = _question(call.tx, call)
    return question if isinstance(question, RedirectReply) else _next_page(call, question)


def _question(tx: Transaction, call: Call | StreamCall) -> Question | RedirectReply:
    """Raises Invalid where nobody must be sent back: client or address are not known (RFC 6749 section 4.1.2.1)."""
    http, home_clock = call.request, call.context.resources.home_clock
    # 0 seconds: this endpoint gives no access token.
    server = core.Core(core.OAuthContext(tx=tx, home_clock=home_clock, seconds=0, issuer=http.origin))
    grants.register(server)
    try:
        grant = server.get_consent_grant(_fields(http))
    except OAuth2Error as error:
        # Sending a browser to an address that nobody registered would make us an open redirector.
        if not error.redirect_uri:
            raise Invalid(
                f"The application sent you here with a request that cannot be used: {_said(error)}."
            ) from None
        # Anything else is told to the application, as RFC 6749 section 4.1.2.1 asks.
        return _back(error.redirect_uri, http, dict(error.get_body()))
    user = sessions.user_of(tx, browser.cookie(http, browser.SESSION), home_clock.most())
    return Question(grant=grant, http=http, user=user)


def _said(error: OAuth2Error) -> str:
    if error.error == "invalid_client":
        return "this server does not know the application"
    return str(error.get_error_description() or error.error).rstrip(".")


def _fields(http: Request) -> core.OAuthRequest:
    try:
        fields = parse_qs(http.raw_query, keep_blank_values=True, max_num_fields=FIELDS_MAX, errors="strict")
    except ValueError:
        raise Invalid("the query of the address is malformed") from None
    return core.OAuthRequest("GET", fields)


def _back(uri: str, http: Request, fields: dict[str, str]) -> RedirectReply:
    """To the application, with who answers (RFC 9207). A query that its address has is kept (RFC 6749 3.1.2)."""
    # Without `iss`, an application that knows two servers can be told a code by the wrong one.
    query = urlencode({**fields, "iss": http.origin})
    return RedirectReply(location=f"{uri}{'&' if '?' in uri else '?'}{query}")


def _next_page(call: Call | StreamCall, question: Question) -> HtmlReply:
    if question.user is None:
        return signing.sign_in_card(call, application=_application(question))
    scopes = with_implied(question.grant.request.resolved_scopes)
    return environment.card(
        "consent",
        targets=(wording.form_target(question.grant.redirect_uri),),
        application=_application(question),
        user=question.user,
        # In the order of the table, so that two consents to the same scopes look the same.
        allowed=[
            (scope, words, wording.is_idle(scope, question.user))
            for scope, words in SCOPE_WORDS.items()
            if scope in scopes
        ],
        beyond=wording.beyond(scopes),
        target=wording.shown_target(question.grant.redirect_uri),
        form=browser.form_token(browser.cookie(question.http, browser.SESSION)),
    )


def _application(question: Question) -> str:
    return str(question.grant.request.client.application.name)


async def answer(call: StreamCall, proving: Signing) -> Answer:
    """What the user said on one of the pages."""
    with call.database.read() as tx:
        question = _question(tx, call)
    if isinstance(question, RedirectReply):
        return question
    if call.body.get("do") == "sign-in":
        return await _sign_in(call, proving, question)
    return await asyncio.wrap_future(call.database.submit(lambda tx: _decide(tx, call)))


async def _sign_in(call: StreamCall, proving: Signing, question: Question) -> Answer:
    # Sign-in too is protected: else a stranger's account could be signed in here, and be given data.
    browser.require_form(call.request, call.body.get("form", ""), browser.cookie(call.request, browser.FORM))
    login = call.body.get("login", "")
    cookies = await signing.prove(call, proving, login=login, password=call.body.get("password", ""))
    if not cookies:
        return signing.sign_in_card(call, application=_application(question), login=login, problem=signing.WRONG)
    # By a redirect, so that the back button does not send the password again.
    return RedirectReply(location=_here(call.request), cookies=cookies)


def _here(http: Request) -> str:
    """This address once more, by GET; relative, because a proxy may have changed what stands before it."""
    return f"?{http.raw_query}"


def _decide(tx: Transaction, call: StreamCall) -> Answer:
    """Allow, deny or leave; looked at again, because it is now that it counts."""
    question = _question(tx, call)
    if isinstance(question, RedirectReply) or question.user is None:
        return question if isinstance(question, RedirectReply) else _next_page(call, question)
    # From here on the form belongs to the session, not to the browser.
    session = browser.cookie(call.request, browser.SESSION)
    browser.require_form(call.request, call.body.get("form", ""), session)
    match call.body.get("do"):
        case "allow":
            fields = {"code": question.grant.allow(question.user)}
        case "deny":
            fields = {"error": "access_denied", "error_description": "the user has denied it"}
        case "leave":
            sessions.sign_out(tx, session)
            return RedirectReply(location=_here(call.request), cookies=(browser.session_cookie(call.request, ""),))
        case _:
            raise Invalid("choose Allow or Deny")
    state = question.grant.request.payload.state
    return _back(question.grant.redirect_uri, call.request, {**fields, **({"state": state} if state else {})})
